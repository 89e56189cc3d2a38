/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehuntd: the supervisor.
 *
 * Starts the agent, and on its word the opener, the zygote of the scan workers
 * and the courier; hands each child's channel to the agent; starts the agent
 * again when it dies.  Parses nothing but its own arguments.
 *
 * Runs in: supervisor (root, or the caller).
 * Input: messages from the agent.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/children.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/supervise.h"

enum {
	AGENT_REFUSES = 2, /* its exit status: the configuration is no good */
	STOP_MS = 5000,    /* the agent has so long to put its work away */
	SUPERVISOR_NICE = 10,
	RESTART_MS = 1000, /* between two starts of an agent that dies */
};

struct supervisor {
	struct children children;
	struct channel *agent; /* NULL while it is down */
	unsigned agent_instance;
	char *config, *state, *courier_state;
	int64_t restart_ms; /* when to start the agent */
	bool has_worked;    /* an agent asked for something */
	bool
	    is_refused; /* the first did not begin: its configuration is no good, or another answers */
	int64_t killed_ms; /* stopping: when the agent is killed; 0: not stopping */
};

static volatile sig_atomic_t stop_asked, reload_asked;

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		reload_asked = 1;
	else if (sig != SIGCHLD)
		stop_asked = 1;
}

static void
tell_agent(struct supervisor *s, enum message_name type, const struct child_note *note,
    int fd)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64);

	child_note_put(note, b);
	/*
	 * An agent that does not take its messages is not worth keeping: its
	 * channel is closed, it ends, and a new one begins from what is stored.
	 */
	if (s->agent != NULL && channel_send(s->agent, (uint16_t)type, buf_data(b),
				    buf_len(b), &fd, fd >= 0 ? 1 : 0) != MH_OK) {
		channel_free(s->agent);
		s->agent = NULL;
	}
}

static void
start_agent(struct supervisor *s)
{
	char *args[] = { (char *)(uintptr_t) "--state", s->state,
		(char *)(uintptr_t) "--config", s->config, NULL };
	int fd = -1;
	mh_err err =
	    children_start(&s->children, ROLE_AGENT, ++s->agent_instance, args, &fd);

	if (err == MH_OK)
		s->agent = message_channel_new(fd, ROLE_SUPERVISOR, ROLE_AGENT);
	else
		log_err_r(err, "supervisor", "%s/molehunt-agent", s->children.folder);
	s->restart_ms = clock_monotonic_ms() + RESTART_MS;
}

static void
do_start(struct supervisor *s, const struct child_note *note)
{
	char *courier[] = { (char *)(uintptr_t) "--state", s->courier_state, NULL };
	bool is_known = note->role == ROLE_OPENER || note->role == ROLE_ZYGOTE ||
			note->role == ROLE_COURIER;
	struct child_note gone = *note;
	int fd = -1;

	mh_err err = is_known ? children_start(&s->children, note->role, note->instance,
				    note->role == ROLE_COURIER ? courier : NULL, &fd)
			      : MH_ERR_DENIED;
	if (err == MH_OK) {
		tell_agent(s, MSG_STARTED, note, fd);
		(void)close(fd);
		return;
	}
	log_err_r(err, "supervisor", "starting %s",
	    is_known ? children_program(note->role) : "what may not be started");
	gone.status = 127 << 8;
	tell_agent(s, MSG_EXITED, &gone, -1);
}

static void
listen_to_agent(struct supervisor *s)
{
	struct message m;
	mh_err err = MH_OK;

	while (s->agent != NULL && (err = channel_receive(s->agent, &m)) == MH_OK) {
		struct child_note note;

		s->has_worked = true;
		if (child_note_parse(m.data, m.len, &note) != MH_OK) {
			err = MH_ERR_PROTOCOL;
			break;
		}
		if (m.type == MSG_START)
			do_start(s, &note);
		else
			children_kill(&s->children, note.role, note.instance, SIGKILL);
	}
	if (err != MH_OK && err != MH_ERR_AGAIN) {
		channel_free(s->agent);
		s->agent = NULL;
		children_kill(&s->children, ROLE_AGENT, s->agent_instance, SIGKILL);
	}
}

static void
reap(struct supervisor *s)
{
	struct child gone;
	int status = 0;

	while (children_reap(&s->children, &gone, &status)) {
		struct child_note note = { gone.role, gone.instance, status };

		if (gone.role != ROLE_AGENT) {
			tell_agent(s, MSG_EXITED, &note, -1);
			continue;
		}
		/* Whoever starts us should hear of it; later, the one that is there may
		 * be good again. */
		s->is_refused = !s->has_worked && WIFEXITED(status) &&
				WEXITSTATUS(status) == AGENT_REFUSES;
		if (s->killed_ms == 0 && !s->is_refused)
			log_err("supervisor", "the agent ended with status 0x%x",
			    (unsigned)status);
		channel_free(s->agent);
		s->agent = NULL;
		/* Its children knew it alone; the next agent numbers its own anew, and
		 * must not take the end of these for that of its own. */
		children_disown(&s->children);
	}
}

static bool
agent_is_there(const struct supervisor *s)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++) {
		if (s->children.table[i].role == ROLE_AGENT)
			return true;
	}
	return false;
}

static void
run(struct supervisor *s, const sigset_t *while_waiting)
{
	const struct timespec tick = { .tv_nsec = 250 * 1000 * 1000 };

	for (;;) {
		struct pollfd p = { .fd = -1, .events = POLLIN };
		int64_t now_ms = clock_monotonic_ms();

		if (stop_asked != 0 && s->killed_ms == 0) {
			s->killed_ms = now_ms + STOP_MS;
			children_kill(&s->children, ROLE_AGENT, s->agent_instance,
			    SIGTERM);
		}
		if (s->killed_ms != 0 && (now_ms > s->killed_ms || !agent_is_there(s)))
			return;
		if (reload_asked != 0) {
			reload_asked = 0;
			children_kill(&s->children, ROLE_AGENT, s->agent_instance,
			    SIGHUP);
		}
		if (s->killed_ms == 0 && !agent_is_there(s) && now_ms >= s->restart_ms)
			start_agent(s);
		if (s->agent != NULL) {
			p.fd = channel_fd(s->agent);
			if (channel_wants_write(s->agent))
				p.events |= POLLOUT;
		}
		/* Signals and the agent wake it; a time is waited for only where one is set. */
		bool is_waiting = s->killed_ms != 0 || !agent_is_there(s);

		(void)ppoll(&p, 1, is_waiting ? &tick : NULL, while_waiting);
		listen_to_agent(s);
		reap(s);
		if (s->is_refused)
			return;
	}
}

/* One agent works with a state; the lock ends with this process. */
static bool
lock_state(const char *state)
{
	(void)mkdir(state, 0755);
	int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		log_err_r(MH_ERR_SYSTEM, "supervisor", "%s", state);
		return false;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		log_err("supervisor",
		    "%s: another molehuntd works with this folder; stop it, or name "
		    "another one by --state",
		    state);
		return false;
	}
	return true;
}

/*
 * Without control groups the kernel shares processors evenly between sessions, whatever
 * their processes' nice values and classes say (sched(7), "The autogroup feature"): ours,
 * when it is ours alone, gets 1.5 % of what a session of people gets.
 */
static void
step_back_as_session(void)
{
	static const char nice_value[] = "19";
	int fd;

	if (getsid(0) != getpid())
		return;
	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, nice_value, sizeof(nice_value) - 1) < 0)
		log_debug("supervisor", "autogroup: %s", strerror(errno));
	(void)close(fd);
}

static const char help[] =
    "usage: molehuntd [--config FILE] [--state FOLDER] [-n]\n"
    "\n"
    "The resident agent: scans what its configuration names and delivers findings to\n"
    "the collector that this machine is enrolled with.\n"
    "\n"
    "  --config FILE    default /etc/molehunt/molehunt.yaml\n"
    "  --state FOLDER   default /var/lib/molehunt\n"
    "  -n               check the configuration and end\n";

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct supervisor s = { .config = xstrdup("/etc/molehunt/molehunt.yaml"),
		.state = xstrdup("/var/lib/molehunt") };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;
	sigset_t before;
	bool is_check = false;
	int code = 0;

	log_init("molehuntd", LOG_LEVEL_NOTICE);
	while ((code = getopt_long(argc, argv, "nh", options, NULL)) != -1) {
		if (code == 'c') {
			free(s.config);
			s.config = xstrdup(optarg);
		} else if (code == 's') {
			free(s.state);
			s.state = xstrdup(optarg);
		} else if (code == 'n') {
			is_check = true;
		} else {
			(void)fputs(help, code == 'h' ? stdout : stderr);
			return code == 'h' ? 0 : 2;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "molehuntd: what is '%s'? See molehuntd --help\n",
		    argv[optind]);
		return 2;
	}
	children_init(&s.children);
	s.courier_state = xasprintf("%s/courier", s.state);
	if (is_check) {
		MH_CLEANUP(freep)
		char *agent = xasprintf("%s/molehunt-agent", s.children.folder);
		char *args[] = { agent, (char *)(uintptr_t) "-n",
			(char *)(uintptr_t) "--config", s.config, NULL };

		(void)execv(agent, args);
		log_err_r(MH_ERR_SYSTEM, "supervisor", "%s", agent);
		return 2;
	}
	if (!lock_state(s.state))
		return 2;
	/* All of it steps back behind what people wait for; openers of scans and their
	 * workers further still. */
	if (getpriority(PRIO_PROCESS, 0) < SUPERVISOR_NICE)
		(void)setpriority(PRIO_PROCESS, 0, SUPERVISOR_NICE);
	step_back_as_session();
	/* Signals come only while ppoll(2) waits: none is missed. */
	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < 4; i++) {
		static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };

		(void)sigaddset(&blocked, signals[i]);
		(void)sigaction(signals[i], &action, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &blocked, &before);
	run(&s, &before);
	children_disown(&s.children);
	children_clear(&s.children);
	free(s.config);
	free(s.state);
	free(s.courier_state);
	return s.is_refused ? AGENT_REFUSES : 0;
}
