/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-agent: the resident agent's conductor.
 *
 * One event loop: schedule, scans, findings, spool, sealing of reports.  Holds
 * the signing key.  Reads no target's content, has no internet socket and no
 * capability.
 *
 * Runs in: agent (user molehunt).
 * Input: configuration; messages from supervisor, opener, zygote, workers and
 * courier, the last two of which may be hostile.
 */
#include <cap-ng.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent_main.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/notify.h"
#include "base/role_folder.h"
#include "records/supervise.h"

mh_err
agent_ask(struct agent *a, enum message_name type, enum role role, unsigned instance)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64);
	struct child_note note = { role, instance, 0 };

	child_note_put(&note, b);
	return channel_send(a->supervisor, (uint16_t)type, buf_data(b), buf_len(b), NULL,
	    0);
}

static void
stop(struct agent *a, int status)
{
	a->exit_status = status;
	(void)event_base_loopbreak(a->base);
}

void
agent_hurry(struct agent *a)
{
	const struct timeval soon = { .tv_usec = SCAN_TICK_MS * 1000 };

	if (a->tick_ms == SCAN_TICK_MS)
		return;
	a->tick_ms = SCAN_TICK_MS;
	(void)event_add(a->tick, &soon);
}

/* An opener that belongs to no scan. */
static void
on_opener(struct agent *a, const struct child_note *note, int fd)
{
	if (note->instance >= INSTANCES_WATCH && fd >= 0)
		agent_watch_on_started(a, note->instance, fd);
	else if (note->instance >= INSTANCES_WATCH)
		agent_watch_on_exited(a, note->instance, note->status);
	else if (note->instance >= INSTANCES_BLOCK && fd >= 0)
		agent_block_on_started(a, note->instance, fd);
	else if (note->instance >= INSTANCES_BLOCK)
		agent_block_on_exited(a, note->instance);
	else if (fd >= 0)
		agent_enrich_on_started(a, note->instance, fd);
	else
		agent_enrich_on_exited(a, note->instance);
}

/* A child was started, or is gone. */
static void
on_child(struct agent *a, struct message *m, const struct child_note *note)
{
	int fd = m->type == MSG_STARTED ? message_take_fd(m, 0) : -1;

	if (m->type == MSG_STARTED && fd < 0)
		return;
	if (note->role == ROLE_COURIER && fd >= 0)
		agent_delivery_on_started(a, note->instance, fd);
	else if (note->role == ROLE_COURIER)
		agent_delivery_on_exited(a, note->instance, note->status);
	else if (note->role == ROLE_OPENER && note->instance >= INSTANCES_FACTS)
		on_opener(a, note, fd);
	else if (fd >= 0)
		agent_rules_on_started(a, note->role, note->instance, fd);
	else
		agent_rules_on_exited(a, note->role, note->instance, note->status);
}

static void
on_supervisor(evutil_socket_t fd, short what, void *ctx)
{
	struct agent *a = ctx;
	struct message m;
	mh_err err = MH_OK;

	(void)fd;
	(void)what;
	while ((err = channel_receive(a->supervisor, &m)) == MH_OK) {
		struct child_note note;

		if (child_note_parse(m.data, m.len, &note) != MH_OK)
			log_err("agent", "malformed message from the supervisor");
		else
			on_child(a, &m, &note);
		message_close_fds(&m);
	}
	/* Without a supervisor there is nobody to start anything: it starts us again. */
	if (err != MH_ERR_AGAIN)
		stop(a, 1);
}

/* Whether something is under way that ticks move on. */
static bool
is_busy(const struct agent *a)
{
	return a->is_stopping || agent_scan_run(a) != NULL || agent_watch_is_busy(a) ||
	       a->next_rules != NULL || a->old_rules != NULL ||
	       !agent_rules_are_ready(a) || store_is_waiting(a->store);
}

static void
set_tick(struct agent *a)
{
	a->tick_ms = is_busy(a) ? SCAN_TICK_MS : IDLE_TICK_MS;
	const struct timeval next = { .tv_sec = a->tick_ms / 1000,
		.tv_usec = a->tick_ms % 1000 * 1000 };

	(void)event_add(a->tick, &next);
}

/* Tell the service manager that we are ready, once, and alive. */
static void
tick_notify(struct agent *a, int64_t now_ms)
{
	if (!a->is_ready_told && (a->rules->is_ready || a->rules->is_failed)) {
		a->is_ready_told = true;
		notify_supervisor("READY=1");
	}
	if (now_ms >= a->alive_ms) {
		a->alive_ms = now_ms + ALIVE_MS;
		notify_supervisor("WATCHDOG=1");
	}
}

/* What is in flight is answered for, or was waited for long enough. */
static void
tick_stop(struct agent *a, int64_t now_ms)
{
	bool is_settled = agent_scan_stop(a);

	if (!is_settled && now_ms < a->stop_ms)
		return;
	agent_enrich_flush(a);
	agent_scan_end(a);
	agent_watch_end(a);
	(void)agent_store(a);
	agent_delivery_tick(a, now_ms);
	stop(a, 0);
}

static void
on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct agent *a = ctx;
	int64_t now_ms = clock_monotonic_ms();

	(void)fd;
	(void)what;
	agent_store_tick(a, now_ms);
	agent_rules_tick(a, now_ms);
	agent_state_tick(a, now_ms);
	agent_enrich_tick(a, now_ms);
	if (!store_is_blocked(a->store)) {
		agent_scan_tick(a, now_ms);
		agent_watch_tick(a, now_ms);
		agent_block_tick(a, now_ms);
	}
	mh_ignore(channel_flush(a->supervisor));
	if (a->is_stopping)
		tick_stop(a, now_ms);
	else
		agent_delivery_tick(a, now_ms);
	tick_notify(a, now_ms);
	set_tick(a);
}

static void
on_stop(evutil_socket_t sig, short what, void *ctx)
{
	struct agent *a = ctx;

	(void)sig;
	(void)what;
	if (!a->is_stopping)
		a->stop_ms = clock_monotonic_ms() + STOP_SETTLE_MS;
	a->is_stopping = true;
	notify_supervisor("STOPPING=1");
	agent_hurry(a);
}

static void
on_reload(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig;
	(void)what;
	agent_reload(ctx);
	agent_identity_reload(ctx);
	agent_hurry(ctx);
}

static void
on_libevent(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_warn("libevent", "%s", text);
	else
		log_debug("libevent", "%s", text);
}

/* The owner of our folder of state, without any right of root. */
static mh_err
drop_privileges(const char *state)
{
	MH_CLEANUP(freep) char *folder = xasprintf("%s/agent", state);
	mh_err err = role_folder_make(state, "agent", "molehunt");

	if (err == MH_OK)
		err = role_folder_make(state, "courier", "molehunt-courier");
	if (err == MH_OK)
		err = role_folder_become_owner(folder);
	if (err != MH_OK)
		return err;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(geteuid() == 0 ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return MH_ERR_SYSTEM;
	return MH_OK;
}

/* No socket but local ones, no other program, no look into other processes. */
static mh_err
close_sandbox(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	static const int denied[] = { SCMP_SYS(execve), SCMP_SYS(execveat),
		SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
		SCMP_SYS(bpf), SCMP_SYS(mount), SCMP_SYS(connect), SCMP_SYS(listen) };
	int result = ctx == NULL ? -ENOMEM : 0;

	for (size_t i = 0; result == 0 && i < MH_ARRAY_LEN(denied); i++)
		result = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), denied[i], 0);
	if (result == 0)
		result = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket),
		    1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	if (result == 0)
		result = seccomp_load(ctx);
	if (ctx != NULL)
		seccomp_release(ctx);
	errno = -result;
	return result == 0 ? MH_OK : MH_ERR_SYSTEM;
}

struct spool_options
agent_spool_options(const struct agent *a)
{
	return (struct spool_options){
		.max_bytes = a->config.spool_max_bytes,
		.max_status_bytes = a->config.spool_max_status_bytes,
		.min_free_bytes = a->config.spool_min_free_bytes,
		.host_id = a->host.machine_id,
	};
}

static mh_err
open_spool(struct agent *a)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/agent/spool.db", a->state);
	struct spool_options options = agent_spool_options(a);
	struct spool_opening opening = { .damaged = NULL };
	mh_err err = spool_open(path, &options, clock_real_ms(), &a->spool, &opening);
	if (err != MH_OK) {
		log_err_r(err, "spool", "%s%s", path,
		    err == MH_ERR_FULL
			? ": it cannot be opened or read out without room: "
			  "make some on its disk"
			: "");
		return err;
	}
	a->was_spool_damaged |= opening.damaged != NULL;
	if (opening.damaged != NULL)
		log_err("spool",
		    "the database was damaged and is kept as %s; %llu lines and %llu "
		    "reports that wait were read out of it, %llu rows could not be read",
		    opening.damaged, (unsigned long long)opening.salvage.n_pending,
		    (unsigned long long)opening.salvage.n_sealed,
		    (unsigned long long)opening.salvage.n_lost);
	if (opening.is_new_epoch)
		log_notice("spool", "a new epoch begins");
	free(opening.damaged);
	return MH_OK;
}

void
agent_spool_reopen(struct agent *a)
{
	spool_close(MH_TAKE(a->spool));
	/* Without a spool there is nothing that this process may do: the next one tries. */
	if (open_spool(a) != MH_OK)
		exit(1);
	a->must_find_again |= a->was_spool_damaged;
}

/* The fnmatch(3) pattern of what begins with path. */
static char *
pattern_of(const char *path)
{
	char *pattern = xcalloc(2 * strlen(path) + 2, 1);
	size_t n = 0;

	for (; *path != 0; path++) {
		if (strchr("*?[\\", *path) != NULL)
			pattern[n++] = '\\';
		pattern[n++] = *path;
	}
	pattern[n] = '*';
	return pattern;
}

/* Databases, their journals and shared memory, by the path that a walk sees. */
static void
name_own_files(struct agent *a)
{
	static const char *const names[OWN_FILES] = { "spool.db", "state.db" };
	MH_CLEANUP(freep) char *folder = xasprintf("%s/agent", a->state);
	MH_CLEANUP(freep) char *real = realpath(folder, NULL);

	for (unsigned i = 0; i < OWN_FILES; i++) {
		MH_CLEANUP(freep)
		char *path = xasprintf("%s/%s", real != NULL ? real : folder, names[i]);

		a->own_files[i] = pattern_of(path);
	}
}

const char **
agent_excludes(const struct agent *a, const char *const *list, size_t n, size_t *ret_n)
{
	const char **excludes = xcalloc(n + OWN_FILES, sizeof(*excludes));

	for (size_t i = 0; i < n; i++)
		excludes[i] = list[i];
	for (size_t i = 0; i < OWN_FILES; i++)
		excludes[n + i] = a->own_files[i];
	*ret_n = n + OWN_FILES;
	return excludes;
}

static mh_err
open_loop(struct agent *a)
{
	event_set_log_callback(on_libevent);
	a->base = event_base_new();
	if (a->base == NULL)
		return MH_ERR_MEMORY;
	a->supervisor_event = event_new(a->base, channel_fd(a->supervisor),
	    EV_READ | EV_PERSIST, on_supervisor, a);
	a->tick = event_new(a->base, -1, 0, on_tick, a);
	struct event *term = evsignal_new(a->base, SIGTERM, on_stop, a);
	struct event *interrupt = evsignal_new(a->base, SIGINT, on_stop, a);
	struct event *hangup = evsignal_new(a->base, SIGHUP, on_reload, a);
	if (event_add(a->supervisor_event, NULL) < 0 || event_add(term, NULL) < 0 ||
	    event_add(interrupt, NULL) < 0 || event_add(hangup, NULL) < 0)
		return MH_ERR_MEMORY;
	return MH_OK;
}

static int
run(struct agent *a)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	host_init(&a->host);
	a->supervisor =
	    message_channel_new(CHILD_CHANNEL_FD, ROLE_AGENT, ROLE_SUPERVISOR);
	if (open_spool(a) != MH_OK)
		return 1;
	if (open_loop(a) != MH_OK) {
		log_err("agent", "cannot start");
		return 1;
	}
	name_own_files(a);
	a->store = store_new();
	agent_control_init(a);
	if (close_sandbox() != MH_OK) {
		log_err_r(MH_ERR_SYSTEM, "agent", "no seccomp on this kernel");
		return 1;
	}
	agent_policy_init(a);
	agent_enrich_init(a);
	agent_block_init(a);
	agent_state_open(a);
	agent_policy_merge(a, &a->config);
	agent_rules_init(a);
	agent_scan_init(a);
	agent_watch_init(a);
	set_tick(a);
	(void)event_base_dispatch(a->base);
	agent_control_clear(a);
	agent_watch_clear(a);
	agent_block_clear(a);
	agent_scan_clear(a);
	agent_enrich_clear(a);
	agent_policy_clear(a);
	agent_rules_clear(a);
	agent_state_close(a);
	store_free(a->store);
	agent_delivery_clear(a);
	agent_identity_clear(a);
	spool_close(a->spool);
	for (unsigned i = 0; i < OWN_FILES; i++)
		free(a->own_files[i]);
	return a->exit_status;
}

static const char help[] =
    "usage: molehunt-agent --config FILE --state FOLDER\n"
    "       molehunt-agent -n --config FILE      check the configuration and end\n"
    "       molehunt-agent --dump-config         every key with its default and meaning\n"
    "\n"
    "Started by molehuntd; see molehuntd --help.\n";

static int
dump_config(void)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1 << 20);

	settings_print(&agent_config_schema, NULL, b);
	(void)fputs(buf_string(b), stdout);
	return 0;
}

static void
replace(char **text, const char *with)
{
	free(*text);
	*text = xstrdup(with);
}

static int
check_config(const char *path)
{
	struct agent_config config;
	MH_CLEANUP(freep) char *why = NULL;

	if (agent_config_load(path, &config, &why) != MH_OK) {
		(void)fprintf(stderr, "%s\n", why);
		return 2;
	}
	(void)printf("%s: good\n", path);
	settings_clear(&agent_config_schema, &config);
	return 0;
}

static int
load_config(struct agent *a, const char *path)
{
	MH_CLEANUP(freep) char *why = NULL;

	if (agent_config_load(path, &a->config, &why) != MH_OK) {
		(void)fprintf(stderr, "%s\n", why);
		return 2;
	}
	log_set_level((enum log_level)a->config.log_level);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "dump-config", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct agent a;
	bool is_check = false;
	int code = 0;

	log_init("molehunt-agent", LOG_LEVEL_NOTICE);
	while ((code = getopt_long(argc, argv, "nh", options, NULL)) != -1) {
		if (code == 'c')
			replace(&a.config_path, optarg);
		else if (code == 's')
			replace(&a.state, optarg);
		else if (code == 'n')
			is_check = true;
		else if (code == 'd')
			return dump_config();
		else {
			(void)fputs(help, code == 'h' ? stdout : stderr);
			return code == 'h' ? 0 : 2;
		}
	}
	if (a.config_path == NULL)
		a.config_path = xstrdup("/etc/molehunt/molehunt.yaml");
	int status =
	    is_check ? check_config(a.config_path) : load_config(&a, a.config_path);
	if (status != 0 || is_check)
		return status;
	if (a.state == NULL || fcntl(CHILD_CHANNEL_FD, F_GETFD) < 0) {
		(void)fputs(help, stderr);
		return 2;
	}
	a.started_ms = clock_real_ms();
	if (agent_control_listen(&a) != MH_OK)
		return 2;
	if (drop_privileges(a.state) != MH_OK) {
		log_err_r(MH_ERR_SYSTEM, "agent",
		    "%s: cannot be made, or its owner not become", a.state);
		return 1;
	}
	status = run(&a);
	settings_clear(&agent_config_schema, &a.config);
	free(a.config_path);
	free(a.state);
	return status;
}
