/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is weaker on this machine than it could be, or fails, and how to mend it:
 * for `molehunt doctor`, and in short for `molehunt status`.
 *
 * Runs in: agent.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agent/agent_main.h"
#include "agent/cgroup.h"
#include "agent/policy.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum { CLOCK_WARN_MS = 60 * 1000 }; /* what clocks may differ */

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

/* "29 days", or what is less of them exactly. */
static char *
words_of(int64_t ms)
{
	const int64_t day_ms = 24 * 3600 * 1000;

	if (ms >= 2 * day_ms)
		return xasprintf("%d days", (int)(ms / day_ms));
	return text_duration(ms > 0 ? (uint64_t)ms : 0);
}

/* One certificate; facts of time 0 are not known. */
static void
check_certificate(const struct checking *c, const char *name, int64_t not_before_ms,
    int64_t not_after_ms)
{
	static const char again[] =
	    "if the clock is right: molehunt enroll --force URL TOKEN";
	int64_t now_ms = clock_real_ms();
	int64_t left_ms = not_after_ms - now_ms;
	MH_CLEANUP(freep) char *left = words_of(left_ms);
	MH_CLEANUP(freep) char *text = NULL;

	if (not_after_ms == 0)
		return;
	if (now_ms < not_before_ms) {
		text = xasprintf("%s: not valid yet by this machine's clock; it is kept",
		    name);
		tell(c, "certificate", CHECK_ERROR, text,
		    "set the clock; the key is good when the time has come");
	} else if (left_ms < 0) {
		text = xasprintf("%s: expired by this machine's clock; it is kept", name);
		tell(c, "certificate", CHECK_ERROR, text, again);
	} else if (left_ms < (not_after_ms - not_before_ms) / 6) {
		/* It should have been renewed at a third. */
		text = xasprintf("%s: expires in %s and was not renewed", name, left);
		tell(c, "certificate", CHECK_WEAKER, text,
		    "the collector has to be reached before; see delivery and renewal");
	} else {
		text = xasprintf("%s: good for %s, renews itself", name, left);
		tell(c, "certificate", CHECK_GOOD, text, NULL);
	}
}

static void
check_identity(struct agent *a, const struct checking *c)
{
	const struct identity *id = a->identity;
	const struct certificate_facts *facts =
	    identity_pair_at(id, clock_real_ms()).facts;

	check_certificate(c, "signing", facts->not_before_ms, facts->not_after_ms);
	check_certificate(c, "TLS", a->link.not_before_ms, a->link.not_after_ms);
	if (a->signing.why != NULL)
		tell(c, "renewal", CHECK_WEAKER, a->signing.why,
		    "it is tried again; the certificate in use stays meanwhile");
	if (a->link.trouble[0] != 0)
		tell(c, "renewal", CHECK_WEAKER, a->link.trouble, NULL);
	if (id->is_key_exposed)
		tell(c, "key", CHECK_ERROR,
		    "signing.key may be read by others than its owner",
		    "chmod 600; if somebody did read it: molehunt enroll --force");
	if (agent_identity_is_copy(a))
		tell(c, "identity", CHECK_ERROR,
		    "this machine is a copy of the one that was enrolled",
		    "enrol it: molehunt enroll --force URL TOKEN; the original stays");
}

/* The collector's clock, as its last answer told it. */
static void
check_clock(struct agent *a, const struct checking *c)
{
	int64_t ahead_ms = a->link.clock_ahead_ms;
	bool is_ahead = ahead_ms > 0;
	MH_CLEANUP(freep)
	char *by = words_of(is_ahead ? ahead_ms : -ahead_ms);
	MH_CLEANUP(freep) char *text = NULL;

	if (!a->link.knows_clock)
		return;
	if (ahead_ms < CLOCK_WARN_MS && ahead_ms > -CLOCK_WARN_MS) {
		tell(c, "clock", CHECK_GOOD, "agrees with the collector's", NULL);
		return;
	}
	text = xasprintf("%s %s the collector's", by, is_ahead ? "ahead of" : "behind");
	tell(c, "clock",
	    is_ahead && ahead_ms > REPORT_AHEAD_MAX_MS ? CHECK_ERROR : CHECK_WEAKER, text,
	    "have this machine's time set from the network (NTP), or the other's");
}

/* What to do about a link that is down, by what its sentence speaks of. */
static const char *
advice_about(const char *sentence)
{
	static const struct {
		const char *word, *advice;
	} table[] = {
		{ "proxy",
		    "see delivery.proxy in molehunt.yaml(5), and the proxy's log" },
		{ "look up", "check the name in the URL, and name servers of this host" },
		{ "refused",
		    "nothing listens there: check host, port, and the collector" },
		{ "too long", "a firewall drops it, or the way leads through a proxy" },
		{ "timed out", "a firewall drops it, or the way leads through a proxy" },
		{ "unreachable", "check this host's network and routes" },
		{ "not for this name",
		    "use a name of the collector's certificate, or have one made for it: "
		    "names in collector.yaml(5)" },
		{ "clock", "set the clocks, from the network (NTP)" },
		{ "self-signed",
		    "another server answers there, or a proxy that breaks up "
		    "TLS: exempt the collector from it" },
		{ "issuer",
		    "another server answers there, or a proxy that breaks up TLS: "
		    "exempt the collector from it" },
		{ "cannot be read",
		    "put the file back with its owner and mode 0600, or enrol again: "
		    "molehunt enroll --force URL TOKEN" },
		{ "belong together",
		    "molehunt enroll --force URL TOKEN, with a new token" },
		{ "expired", "molehunt enroll --force URL TOKEN, with a new token" },
		{ "revoked", "the fleet's operator did that: ask, then enrol again" },
		{ "enrol", "molehunt enroll --force URL TOKEN, with a new token" },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++)
		if (strstr(sentence, table[i].word) != NULL)
			return table[i].advice;
	return "nothing is lost meanwhile; look at network, proxy and clock";
}

static void
check_delivery(struct agent *a, const struct checking *c)
{
	if (a->identity == NULL && a->signing.trouble != NULL &&
	    strstr(a->signing.trouble, "not enrolled") == NULL) {
		tell(c, "identity", CHECK_ERROR, a->signing.trouble,
		    "put the file back with its owner and mode 0600, or enrol again: "
		    "molehunt enroll --force URL TOKEN");
		return;
	}
	if (a->identity == NULL) {
		tell(c, "delivery", CHECK_WEAKER,
		    "this machine is not enrolled: findings wait here",
		    "molehunt enroll URL TOKEN, with a token of the collector");
		return;
	}
	check_identity(a, c);
	check_clock(a, c);
	if (a->settings_trouble != NULL)
		tell(c, "proxy", CHECK_ERROR, a->settings_trouble,
		    "delivery.proxy_password_file: the agent's own, mode 0600");
	if (!a->knows_link)
		tell(c, "delivery", CHECK_GOOD, "nothing was delivered yet", NULL);
	else if (a->link.state == LINK_DOWN)
		tell(c, "delivery", CHECK_ERROR, a->link.sentence,
		    advice_about(a->link.sentence));
	else if (a->link.state == LINK_BUSY)
		tell(c, "delivery", CHECK_WEAKER, a->link.sentence,
		    "nothing is lost; it is tried again when the collector asked to");
	else
		tell(c, "delivery", CHECK_GOOD, a->link.sentence, NULL);
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
