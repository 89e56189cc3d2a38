/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is weaker on this machine than it could be, or fails, and how to mend it:
 * for `molehunt doctor`, and in short for `molehunt status`.
 *
 * Runs in: agent.
 */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agent/agent_main.h"
#include "agent/cgroup.h"
#include "agent/policy.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum { EXPIRY_WARN_DAYS = 5 };

struct checking {
	agent_check_fn *fn;
	void *ctx;
};

static void
tell(const struct checking *c, const char *name, enum check_level level, const char *text,
    const char *advice)
{
	const struct agent_check check = { name, level, text, advice };

	c->fn(c->ctx, &check);
}

static void
check_rules(struct agent *a, const struct checking *c)
{
	const struct rule_set *set = a->rules;

	if (!set->is_ready) {
		tell(c, "rules", set->is_failed ? CHECK_ERROR : CHECK_WEAKER,
		    set->is_failed ? set->why : "being loaded: nothing is scanned yet",
		    set->is_failed ? "mend the rule files that the log names, then reload"
				   : NULL);
		return;
	}
	if (set->facts.n_left_out + set->n_problems > 0)
		tell(c, "rules", CHECK_WEAKER, "some rule files are left out",
		    "molehunt rules check PACK tells which, and why");
	else
		tell(c, "rules", CHECK_GOOD, "all rule files are used", NULL);
	if (a->reload_why != NULL)
		tell(c, "configuration", CHECK_WEAKER, a->reload_why,
		    "mend the file, then reload: systemctl reload molehuntd");
	else
		tell(c, "configuration", CHECK_GOOD, "as in the file when it was read",
		    NULL);
}

static void
check_sandbox(struct agent *a, const struct checking *c)
{
	const struct ruleset_facts *facts = &a->rules->facts;

	if (!a->rules->is_ready)
		return;
	if (!facts->has_landlock)
		tell(c, "sandbox", CHECK_WEAKER,
		    "the kernel has no Landlock: scan workers are held by seccomp alone",
		    "a kernel from 5.13 on with lsm=landlock closes files to them, too");
	else
		tell(c, "sandbox", CHECK_GOOD, "seccomp and Landlock", NULL);
}

static void
check_spool(struct agent *a, const struct checking *c)
{
	if (store_is_blocked(a->store)) {
		tell(c, "spool", CHECK_ERROR,
		    "it takes nothing: scanning waits, nothing is lost",
		    "make room on its disk, or see spool.max_size and spool.min_free");
		return;
	}
	if (spool_has_aside(a->spool))
		tell(c, "spool", CHECK_WEAKER,
		    "lines that fit no report were set aside in it", NULL);
	else
		tell(c, "spool", CHECK_GOOD, "it takes findings", NULL);
}

static void
check_certificate(struct agent *a, const struct checking *c)
{
	int days = 0;
	int seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, NULL,
		X509_get0_notAfter(a->identity->cert)) != 1)
		return;
	MH_CLEANUP(freep) char *text = NULL;

	if (days < 0 || seconds < 0) {
		tell(c, "certificate", CHECK_ERROR, "it has expired",
		    "enrol again: molehunt enroll --force URL TOKEN");
	} else if (days < EXPIRY_WARN_DAYS) {
		text = xasprintf("it expires in %d days", days);
		tell(c, "certificate", CHECK_WEAKER, text,
		    "enrol again: molehunt enroll --force URL TOKEN");
	} else {
		text = xasprintf("good for %d days", days);
		tell(c, "certificate", CHECK_GOOD, text, NULL);
	}
}

static void
check_delivery(struct agent *a, const struct checking *c)
{
	if (a->identity == NULL) {
		tell(c, "delivery", CHECK_WEAKER,
		    "this machine is not enrolled: findings wait here",
		    "molehunt enroll URL TOKEN, with a token of the collector");
		return;
	}
	check_certificate(a, c);
	if (a->link_text == NULL)
		tell(c, "delivery", CHECK_GOOD, "nothing was delivered yet", NULL);
	else
		tell(c, "delivery", a->is_link_up ? CHECK_GOOD : CHECK_ERROR,
		    a->link_text,
		    a->is_link_up ? NULL
				  : "nothing is lost meanwhile; look at the network, "
				    "the proxy, the clock");
}

static void
check_watch(struct agent *a, const struct checking *c)
{
	const struct watching *w = agent_watch_state(a);
	bool is_whole = true;

	if (!a->config.watch_enabled) {
		tell(c, "watching", CHECK_WEAKER,
		    "off: between two scans nothing is looked at",
		    "watch.enabled in molehunt.yaml(5)");
		return;
	}
	if (agent_watch_silence(a) != NULL) {
		tell(c, "watching", CHECK_ERROR, agent_watch_silence(a),
		    "what changes meanwhile is scanned afterwards; look for a dead "
		    "network "
		    "or FUSE file system");
		return;
	}
	if (w == NULL)
		return;
	if (w->trouble[0] != 0) {
		tell(c, "watching", CHECK_WEAKER, w->trouble,
		    "needs root, and fanotify with file-system marks (kernel 4.20)");
		is_whole = false;
	}
	for (uint32_t i = 0; i < w->n_places; i++) {
		if (w->places[i].trouble[0] == 0)
			continue;
		MH_CLEANUP(freep)
		char *text = xasprintf("%s (%s): %s", w->places[i].path,
		    w->places[i].type, w->places[i].trouble);

		tell(c, "watching", CHECK_WEAKER, text, NULL);
		is_whole = false;
	}
	if (w->processes_trouble[0] != 0) {
		tell(c, "executions", CHECK_WEAKER, w->processes_trouble,
		    "programs without a file are then met by scans of a profile only");
		is_whole = false;
	}
	if (is_whole)
		tell(c, "watching", CHECK_GOOD, "files and executions", NULL);
}

static void
check_resources(struct agent *a, const struct checking *c)
{
	const struct governor *g = agent_scan_governor(a);
	bool is_whole = true;

	for (int i = GOVERNOR_NOBODY + 1; i < GOVERNOR_REASON_MAX_; i++) {
		const char *why = governor_blind(g, (enum governor_reason)i);
		bool is_told = i == GOVERNOR_CPU || i == GOVERNOR_IO ||
			       (i == GOVERNOR_USER && a->config.pause_user_active);

		if (why == NULL || !is_told)
			continue;
		tell(c, "resources", CHECK_WEAKER, why, NULL);
		is_whole = false;
	}
	if (is_whole)
		tell(c, "resources", CHECK_GOOD,
		    "who needs the machine is seen, and scans make way", NULL);
}

static void
check_state(struct agent *a, const struct checking *c)
{
	if (a->db == NULL)
		tell(c, "state", CHECK_WEAKER,
		    "the state database cannot be used: scans begin anew after a restart",
		    "the log says why");
	else
		tell(c, "state", CHECK_GOOD, "places and clean files are remembered",
		    NULL);
}

static void
check_schedule(struct agent *a, const struct checking *c)
{
	const struct schedule *s = agent_scan_schedule(a);

	if (schedule_get_pause(s, clock_real_ms()).is_paused)
		tell(c, "schedule", CHECK_WEAKER, "scans of profiles are paused by hand",
		    "molehunt schedule resume");
	else if (schedule_count(s) == 0)
		tell(c, "schedule", CHECK_WEAKER, "nothing is scheduled",
		    "schedule in molehunt.yaml(5)");
	else
		tell(c, "schedule", CHECK_GOOD, "molehunt schedule list tells when",
		    NULL);
}

static void
check_blocking(struct agent *a, const struct checking *c)
{
	const char *trouble = agent_block_trouble(a);

	if (!a->config.watch_block)
		return;
	if (trouble != NULL)
		tell(c, "blocking", CHECK_WEAKER, trouble,
		    "needs root, and fanotify with permission events; the log says why");
	else
		tell(c, "blocking", CHECK_GOOD,
		    "what is found with severity High may not be executed", NULL);
}

static void
check_control(struct agent *a, const struct checking *c)
{
	if (a->config.control_group[0] != 0 && a->control_gid == (gid_t)-1)
		tell(c, "control", CHECK_WEAKER,
		    "there is no group of that name: root alone may ask for findings",
		    "make the group of control.group, and restart");
	else
		tell(c, "control", CHECK_GOOD, "root and the group may ask", NULL);
}

static void
check_policy(struct agent *a, const struct checking *c)
{
	const struct policy_facts *facts = agent_policy_facts(a);
	const char *problem = agent_policy_problem(a);

	if (problem != NULL)
		tell(c, "policy", CHECK_ERROR, problem,
		    "have a good one sent, or applied: molehunt policy apply FILE");
	else if (facts != NULL && policy_is_expired(facts, clock_real_ms()))
		tell(c, "policy", CHECK_WEAKER,
		    "it has expired, and stays in force until another comes", NULL);
	else if (facts != NULL)
		tell(c, "policy", CHECK_GOOD, "the fleet's is in force", NULL);
}

static void
check_ceiling(const struct checking *c)
{
	struct cgroup_facts facts;

	cgroup_look("", &facts);
	if (!facts.has_v2)
		tell(c, "ceiling", CHECK_WEAKER,
		    "no control groups of version 2: no ceiling of memory is seen",
		    "limits.memory bounds what the agent plans");
	else if (facts.memory_max == UINT64_MAX)
		tell(c, "ceiling", CHECK_WEAKER,
		    "no ceiling of memory for all of Molehunt",
		    "run it as the service molehuntd, or in a control group with "
		    "memory.max");
	else
		tell(c, "ceiling", CHECK_GOOD, "the control group has memory.max", NULL);
}

void
agent_check_all(struct agent *a, agent_check_fn *fn, void *ctx)
{
	const struct checking c = { fn, ctx };

	check_rules(a, &c);
	check_sandbox(a, &c);
	check_spool(a, &c);
	check_delivery(a, &c);
	check_watch(a, &c);
	check_resources(a, &c);
	check_schedule(a, &c);
	check_blocking(a, &c);
	check_control(a, &c);
	check_state(a, &c);
	check_policy(a, &c);
	check_ceiling(&c);
}
