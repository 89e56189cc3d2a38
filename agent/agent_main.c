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

static void
agent_on_started(struct agent *a, const struct child_note *note, int fd)
{
	if (fd < 0)
		return;
	if (note->role == ROLE_COURIER)
		agent_delivery_on_started(a, note->instance, fd);
	else
		scanner_on_started(a->scanner, note->role, note->instance, fd);
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
		else if (m.type == MSG_STARTED)
			agent_on_started(a, &note, message_take_fd(&m, 0));
		else if (note.role == ROLE_COURIER)
			agent_delivery_on_exited(a, note.instance, note.status);
		else
			scanner_on_exited(a->scanner, note.role, note.instance,
			    note.status);
		message_close_fds(&m);
	}
	/* Without a supervisor there is nobody to start anything: it starts us again. */
	if (err != MH_ERR_AGAIN)
		stop(a, 1);
}

static void
on_scan(evutil_socket_t fd, short what, void *ctx)
{
	struct agent *a = ctx;

	(void)fd;
	(void)what;
	agent_scan_tick(a, clock_monotonic_ms());
	/* While the disk is full, workers are not listened to: that holds them back. */
	if (!a->is_blocked)
		(void)event_add(a->scan_event, NULL);
}

static void
on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct agent *a = ctx;

	on_scan(fd, what, ctx);
	mh_ignore(channel_flush(a->supervisor));
	agent_delivery_tick(a, clock_monotonic_ms());
}

static void
on_stop(evutil_socket_t sig, short what, void *ctx)
{
	struct agent *a = ctx;

	(void)sig;
	(void)what;
	a->is_stopping = true;
	agent_scan_stop(a);
	(void)agent_store(a);
	agent_delivery_tick(a, clock_monotonic_ms());
	stop(a, 0);
}

static void
on_reload(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig;
	(void)what;
	(void)ctx;
	log_notice("agent", "a changed configuration is read when the agent starts: "
			    "restart it");
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

static mh_err
open_spool(struct agent *a)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/agent/spool.db", a->state);
	struct spool_options options = {
		.max_bytes = a->config.spool_max_bytes,
		.min_free_bytes = a->config.spool_min_free_bytes,
		.host_id = a->host.machine_id,
	};
	struct spool_opening opening = { false, NULL };
	mh_err err = spool_open(path, &options, clock_real_ms(), &a->spool, &opening);
	if (err != MH_OK) {
		log_err_r(err, "spool", "%s", path);
		return err;
	}
	if (opening.damaged != NULL)
		log_err("spool",
		    "the database was damaged and is kept as %s: look at it, it may "
		    "hold findings that were not delivered",
		    opening.damaged);
	if (opening.is_new_epoch)
		log_notice("spool", "a new epoch begins");
	free(opening.damaged);
	return MH_OK;
}

static mh_err
open_loop(struct agent *a)
{
	static const struct timeval tick = { .tv_usec = SCAN_TICK_MS * 1000 };

	event_set_log_callback(on_libevent);
	a->base = event_base_new();
	if (a->base == NULL)
		return MH_ERR_MEMORY;
	a->supervisor_event = event_new(a->base, channel_fd(a->supervisor),
	    EV_READ | EV_PERSIST, on_supervisor, a);
	a->scan_event = event_new(a->base, scanner_fd(a->scanner), EV_READ, on_scan, a);
	a->tick = event_new(a->base, -1, EV_PERSIST, on_tick, a);
	struct event *term = evsignal_new(a->base, SIGTERM, on_stop, a);
	struct event *interrupt = evsignal_new(a->base, SIGINT, on_stop, a);
	struct event *hangup = evsignal_new(a->base, SIGHUP, on_reload, a);
	if (event_add(a->supervisor_event, NULL) < 0 ||
	    event_add(a->scan_event, NULL) < 0 || event_add(a->tick, &tick) < 0 ||
	    event_add(term, NULL) < 0 || event_add(interrupt, NULL) < 0 ||
	    event_add(hangup, NULL) < 0)
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
	if (agent_scan_init(a) != MH_OK || open_loop(a) != MH_OK) {
		log_err("agent", "cannot start");
		return 1;
	}
	if (close_sandbox() != MH_OK) {
		log_err_r(MH_ERR_SYSTEM, "agent", "no seccomp on this kernel");
		return 1;
	}
	(void)event_base_dispatch(a->base);
	agent_scan_clear(a);
	agent_delivery_clear(a);
	spool_close(a->spool);
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

/* A daemon has no folder that a relative path could begin in. */
static bool
check_paths(const char *file, const char *key, const struct setting_strings *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i][0] == '/')
			continue;
		(void)fprintf(stderr,
		    "%s: %s: '%s' is not an absolute path: begin it with /\n", file, key,
		    list->items[i]);
		return false;
	}
	return true;
}

static int
load_config(struct agent *a, const char *path, bool is_check)
{
	MH_CLEANUP(freep) char *why = NULL;
	mh_err err = settings_load(&agent_config_schema, path, &a->config, &why);

	if (err != MH_OK) {
		(void)fprintf(stderr, "%s\n", why);
		return 2;
	}
	if (!check_paths(path, "packs", &a->config.packs) ||
	    !check_paths(path, "scan.paths", &a->config.scan_paths))
		return 2;
	if (!scan_takes_excludes((const char *const *)a->config.scan_exclude.items,
		a->config.scan_exclude.n)) {
		(void)fprintf(stderr,
		    "%s: scan.exclude: too long: at most %d patterns of together %d "
		    "bytes\n",
		    path, WALK_EXCLUDES_MAX, WALK_EXCLUDES_BYTES_MAX);
		return 2;
	}
	log_set_level((enum log_level)a->config.log_level);
	if (is_check)
		(void)printf("%s: good\n", path);
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
	const char *config = "/etc/molehunt/molehunt.yaml";
	bool is_check = false;
	int code = 0;

	log_init("molehunt-agent", LOG_LEVEL_NOTICE);
	while ((code = getopt_long(argc, argv, "nh", options, NULL)) != -1) {
		if (code == 'c')
			config = optarg;
		else if (code == 's')
			a.state = xstrdup(optarg);
		else if (code == 'n')
			is_check = true;
		else if (code == 'd')
			return dump_config();
		else {
			(void)fputs(help, code == 'h' ? stdout : stderr);
			return code == 'h' ? 0 : 2;
		}
	}
	int status = load_config(&a, config, is_check);
	if (status != 0 || is_check)
		return status;
	if (a.state == NULL || fcntl(CHILD_CHANNEL_FD, F_GETFD) < 0) {
		(void)fputs(help, stderr);
		return 2;
	}
	if (drop_privileges(a.state) != MH_OK) {
		log_err_r(MH_ERR_SYSTEM, "agent",
		    "%s: cannot be made, or its owner not become", a.state);
		return 1;
	}
	status = run(&a);
	settings_clear(&agent_config_schema, &a.config);
	free(a.state);
	return status;
}
