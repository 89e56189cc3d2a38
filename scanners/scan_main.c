/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-scan: the zygote of the scan workers.
 *
 * Compiles the rules it is given as descriptors, closes its sandbox and forks
 * workers on request, which share the memory of the rules.
 *
 * Runs in: zygote (a user of its own, no capabilities).
 * Input: hostile: rule text; messages come from the agent.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/background.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "records/messages.h"
#include "records/rule_place.h"
#include "records/setup.h"
#include "scanners/archive_reader.h"
#include "scanners/hasher.h"
#include "scanners/pack_zip.h"
#include "scanners/indicator_zygote.h"
#include "scanners/sandbox.h"
#include "scanners/worker.h"
#include "signatures/ruleset.h"

enum {
	WORKERS_MAX = 256,      /* more than any machine has a use for */
	FAREWELL_MS = 2000,     /* for workers to end by themselves */
	MALLOC_KEEP = 32 << 20, /* bytes: do not give scan buffers back after each file */
};

/* One forked worker. */
struct worker_slot {
	uint64_t id; /* the agent's name for it; 0: free */
	pid_t pid;
};

struct zygote {
	struct channel *agent;
	struct ruleset *rules;
	unsigned n_rule_files; /* that the agent gave; names of hosts make more */
	struct zygote_indicators *indicators;
	struct scan_setup setup;
	struct hasher *warm; /* made before the sandbox closes, for its side effects */
	bool is_ready;
	bool is_unpacking;   /* it does nothing else */
	uint64_t data_bytes; /* anonymous memory when ready */
	struct worker_slot workers[WORKERS_MAX];
	int signals; /* signalfd(2) of SIGCHLD */
};

static void
tell(struct zygote *z, enum message_name type, const struct buf *b)
{
	mh_err err = MH_ERR_FULL;

	while ((err = channel_send(z->agent, (uint16_t)type, buf_data(b), buf_len(b),
		    NULL, 0)) == MH_ERR_FULL) {
		struct pollfd p = { .fd = channel_fd(z->agent), .events = POLLIN };
		struct message m;

		/* Nothing but credits is due while the agent waits for our answer. */
		(void)poll(&p, 1, -1);
		if (channel_receive(z->agent, &m) != MH_ERR_AGAIN)
			_exit(1);
	}
	if (err != MH_OK)
		_exit(0);
}

static void
tell_of_indicators(void *ctx, unsigned type, const struct buf *b)
{
	tell(ctx, (enum message_name)type, b);
}

static void
on_rule_file(void *ctx, const struct rule_file_result *result)
{
	struct zygote *z = ctx;

	/* Rules of ours, from names of hosts. */
	if (result->index >= z->n_rule_files) {
		if (!result->is_used)
			log_err("indicators", "a rule from a name of a host: %s",
			    result->message);
		return;
	}
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	buf_put_u32(b, result->index);
	buf_put_u8(b, result->is_used);
	buf_put_u32(b, result->line);
	buf_put_u32(b, result->n_warnings);
	buf_put_string(b, result->message != NULL ? result->message : "");
	tell(z, MSG_RULE_FILE, b);
}

static bool
zygote_on_setup(struct zygote *z, struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	scan_setup_decode(&r, &z->setup);
	if (z->setup.is_background)
		background_become();
	return reader_is_done(&r) && !z->is_ready;
}

/* The next len bytes of fd. */
static mh_err
read_part(int fd, uint64_t len, struct buf *text)
{
	uint8_t piece[64 * 1024];

	while (len > 0) {
		ssize_t n = read(fd, piece, len < sizeof(piece) ? len : sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return MH_ERR_SYSTEM;
		buf_put(text, piece, (size_t)n);
		len -= (uint64_t)n;
	}
	return buf_error(text);
}

/* What MSG_MEMBER says: a name, and why it is left out, or the bytes that follow. */
static void
tell_member(struct zygote *z, const char *name, const char *why, size_t len)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(4096);
	MH_CLEANUP(freep) char *safe = text_escape(name);

	/* What is left out may have any name, of any length. */
	if (strlen(safe) > PACK_NAME_MAX)
		safe[PACK_NAME_MAX] = 0;
	buf_put_string(b, safe);
	buf_put_string(b, why);
	buf_put_u64(b, len);
	tell(z, MSG_MEMBER, b);
}

static bool
on_pack_file(void *ctx, const char *name, const uint8_t *data, size_t len)
{
	struct zygote *z = ctx;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	tell_member(z, name, "", len);
	while (len > 0) {
		size_t n = len < CHANNEL_PAYLOAD_MAX ? len : CHANNEL_PAYLOAD_MAX;

		buf_reset(b);
		buf_put(b, data, n);
		tell(z, MSG_MEMBER_DATA, b);
		data += n;
		len -= n;
	}
	return true;
}

static void
on_pack_license(void *ctx, const uint8_t *data, size_t len)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PACK_LICENSE_HEAD);

	buf_put(b, data, len);
	tell(ctx, MSG_LICENSE, b);
}

static bool
on_pack_left_out(void *ctx, const char *name, const char *why)
{
	tell_member(ctx, name, why, 0);
	return true;
}

/*
 * A zygote that unpacks does nothing else: it is as powerless as a worker before it
 * looks at the first byte, and has no rules.
 */
static bool
zygote_on_unpack(struct zygote *z, struct message *m)
{
	static const struct pack_zip_ops ops = { on_pack_file, on_pack_license,
		on_pack_left_out };
	MH_CLEANUP(fd_closep) int fd = message_take_fd(m, 0);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1024);
	bool has_landlock = false;
	struct reader r;

	reader_init(&r, m->data, m->len);
	uint64_t size = reader_u64(&r);
	if (!reader_is_done(&r) || fd < 0 || z->is_ready || ruleset_n_files(z->rules) > 0)
		return false;
	if (!z->is_unpacking) {
		archive_reader_warm_up();
		if (sandbox_close_zygote(&has_landlock, &z->data_bytes) != MH_OK) {
			log_err_r(MH_ERR_SYSTEM, "sandbox",
			    "no seccomp on this kernel: nothing is unpacked without");
			return false;
		}
		z->is_unpacking = true;
	}

	const char *why = pack_zip_read(fd, size, &ops, z);

	buf_put_string(b, why != NULL ? why : "");
	tell(z, MSG_UNPACKED, b);
	return true;
}

static bool
zygote_on_rules(struct zygote *z, struct message *m)
{
	MH_CLEANUP(fd_closep) int fd = message_take_fd(m, 0);
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(RULE_FILE_BYTES_MAX);
	struct reader r;

	reader_init(&r, m->data, m->len);
	MH_CLEANUP(freep) char *name_space = reader_string(&r, NAMESPACE_MAX);
	uint64_t offset = reader_u64(&r);
	uint64_t len = reader_u64(&r);
	if (!reader_is_done(&r) || fd < 0 || z->is_ready || z->is_unpacking ||
	    (len > RULE_FILE_BYTES_MAX && len != RULE_FILE_WHOLE))
		return false;
	/* By descriptor, whatever its offset is: whole, or the part that is one file. */
	mh_err err = lseek(fd, (off_t)offset, SEEK_SET) < 0 && offset > 0 ? MH_ERR_SYSTEM
		     : len == RULE_FILE_WHOLE ? fd_read_all(fd, text)
					      : read_part(fd, len, text);
	if (err == MH_OK)
		err = ruleset_add(z->rules, name_space, buf_string(text), buf_len(text));
	if (err != MH_OK) {
		/* Keeps its place in the order, and is reported as any bad file. */
		static const char unreadable[] = "\0";

		log_warn_r(err, "rules", "%s", name_space);
		err = ruleset_add(z->rules, name_space, unreadable, 1);
	}
	return err == MH_OK;
}

static bool
zygote_on_disable(struct zygote *z, struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	MH_CLEANUP(freep) char *pattern = reader_string(&r, RULE_PATTERN_MAX);
	return reader_is_done(&r) && !z->is_ready &&
	       ruleset_disable(z->rules, pattern) == MH_OK;
}

/* libyara does not scan without a callback. */
static int
ignore_result(YR_SCAN_CONTEXT *context, int message, void *data, void *ctx)
{
	(void)context;
	(void)message;
	(void)data;
	(void)ctx;
	return CALLBACK_CONTINUE;
}

/*
 * What libraries load at their first use has to be loaded before the sandbox
 * closes: libmagic opens its database when a condition first asks.
 */
static void
warm_up(struct zygote *z)
{
	static const char rule[] =
	    "import \"magic\" rule warm { condition: magic.type() != \"\" "
	    "or magic.mime_type() != \"\" }";
	YR_COMPILER *compiler = NULL;
	YR_RULES *rules = NULL;

	z->warm = hasher_new();
	archive_reader_warm_up();
	if (!ruleset_imports(z->rules, "magic") ||
	    yr_compiler_create(&compiler) != ERROR_SUCCESS)
		return;
	if (yr_compiler_add_string(compiler, rule, NULL) == 0 &&
	    yr_compiler_get_rules(compiler, &rules) == ERROR_SUCCESS) {
		YR_SCANNER *scanner = NULL;

		if (yr_scanner_create(rules, &scanner) == ERROR_SUCCESS) {
			yr_scanner_set_callback(scanner, ignore_result, NULL);
			(void)yr_scanner_scan_mem(scanner, (const uint8_t *)"#!/bin/sh\n",
			    10);
			yr_scanner_destroy(scanner);
		}
		yr_rules_destroy(rules);
	}
	yr_compiler_destroy(compiler);
}

/* Where each rule works, in as few messages as they fit. */
static void
tell_places(struct zygote *z)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	unsigned n = ruleset_n_rules(z->rules);

	for (unsigned i = 0; i < n; i++) {
		const char *reason = ruleset_scope_reason(z->rules, i);
		const YR_RULE *rule = &ruleset_rules(z->rules)->rules_table[i];
		struct rule_place place = {
			.file = ruleset_file(z->rules, i),
			.line = ruleset_line(z->rules, i),
			.mask = (uint8_t)ruleset_scope(z->rules, i),
			.name = (char *)(uintptr_t)rule->identifier,
			.reason = (char *)(uintptr_t)(reason != NULL ? reason : ""),
		};

		rule_place_encode(&place, b);
		if (i + 1 == n || buf_room(b) < RULE_PLACE_BYTES_MAX) {
			tell(z, MSG_RULE_PLACES, b);
			buf_reset(b);
		}
	}
}

/* What names of hosts became. */
static unsigned
n_rules_of_hosts(const struct zygote *z)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ruleset_n_rules(z->rules); i++)
		n += ruleset_file(z->rules, i) >= z->n_rule_files;
	return n;
}

static bool
zygote_on_compile(struct zygote *z, const struct message *m)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(4096);
	struct ruleset_facts facts = { .has_seccomp = true };
	struct reader r;

	reader_init(&r, m->data, m->len);
	bool wants_places = reader_u8(&r) != 0;
	if (z->is_ready || !reader_is_done(&r))
		return false;
	z->n_rule_files = ruleset_n_files(z->rules);
	zygote_indicators_add_rules(z->indicators, z->rules);
	sandbox_limit_compiler(true);
	mh_err err = ruleset_compile(z->rules, on_rule_file, z);

	sandbox_limit_compiler(false);
	if (err != MH_OK && err != MH_ERR_RULES) {
		log_err_r(err, "rules", "the rule set as a whole does not compile");
		return false;
	}
	warm_up(z);
	ruleset_id(z->rules, facts.id);
	err = zygote_indicators_seal(z->indicators, &facts);
	if (err != MH_OK) {
		log_err_r(err, "indicators", "their table cannot be finished");
		return false;
	}
	err = sandbox_close_zygote(&facts.has_landlock, &z->data_bytes);
	if (err != MH_OK) {
		log_err_r(err, "sandbox",
		    "no seccomp on this kernel: nothing is scanned without");
		return false;
	}
	z->is_ready = true;
	facts.n_rules = ruleset_n_rules(z->rules);
	facts.n_indicators[INDICATOR_DOMAIN] = n_rules_of_hosts(z);
	facts.n_files = z->n_rule_files;
	facts.n_left_out = ruleset_n_left_out(z->rules);
	facts.n_in_memory = ruleset_n_in_memory(z->rules);
	facts.externals = ruleset_externals(z->rules);
	facts.engine = xasprintf("libyara %s", YR_VERSION);
	if (wants_places)
		tell_places(z);
	ruleset_facts_encode(&facts, b);
	ruleset_facts_clear(&facts);
	tell(z, MSG_READY, b);
	return true;
}

static void
become_worker(struct zygote *z, int fd, bool is_heavy)
{
	uint64_t room = is_heavy ? z->setup.heavy_bytes : z->setup.memory_bytes;
	struct scan_setup setup = z->setup;
	sigset_t none;

	setup.memory_bytes = room;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	channel_free(z->agent);
	(void)close(z->signals);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	struct worker *w =
	    worker_new(fd, z->rules, zygote_indicators_set(z->indicators), &setup);

	if (w == NULL)
		_exit(1);
	if (sandbox_close_worker(z->data_bytes + room) != MH_OK) {
		log_err_r(MH_ERR_SYSTEM, "sandbox", "cannot close the worker's sandbox");
		_exit(1);
	}
	_exit(worker_run(w));
}

static void
tell_gone(struct zygote *z, uint64_t id, int status)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64);

	buf_put_u64(b, id);
	buf_put_u32(b, (uint32_t)status);
	tell(z, MSG_GONE, b);
}

static bool
zygote_on_fork(struct zygote *z, struct message *m)
{
	MH_CLEANUP(fd_closep) int fd = message_take_fd(m, 0);
	struct worker_slot *slot = NULL;
	struct reader r;

	reader_init(&r, m->data, m->len);
	uint64_t id = reader_u64(&r);
	bool is_heavy = reader_u8(&r) != 0;
	if (!reader_is_done(&r) || !z->is_ready || fd < 0 || id == 0)
		return false;
	for (unsigned i = 0; i < WORKERS_MAX && slot == NULL; i++) {
		if (z->workers[i].id == 0)
			slot = &z->workers[i];
	}
	pid_t pid = slot != NULL ? fork() : -1;
	if (pid == 0) {
		become_worker(z, fd, is_heavy);
	} else if (pid > 0) {
		slot->id = id;
		slot->pid = pid;
	} else {
		tell_gone(z, id, -1);
	}
	return true;
}

static bool
zygote_on_kill(struct zygote *z, struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	uint64_t id = reader_u64(&r);
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		if (id != 0 && z->workers[i].id == id)
			(void)kill(z->workers[i].pid, SIGKILL);
	}
	return reader_is_done(&r);
}

static void
reap(struct zygote *z)
{
	struct signalfd_siginfo info;
	int status = 0;
	pid_t pid = 0;

	/* Only tells that there is something: one signal may stand for several ends. */
	ssize_t n = read(z->signals, &info, sizeof(info));
	(void)n;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < WORKERS_MAX; i++) {
			if (z->workers[i].id == 0 || z->workers[i].pid != pid)
				continue;
			tell_gone(z, z->workers[i].id, status);
			z->workers[i].id = 0;
		}
	}
}

static bool
dispatch(struct zygote *z, struct message *m)
{
	bool is_good = false;

	if (m->type == MSG_SETUP)
		is_good = zygote_on_setup(z, m);
	else if (m->type == MSG_RULES)
		is_good = zygote_on_rules(z, m);
	else if (m->type == MSG_UNPACK)
		is_good = zygote_on_unpack(z, m);
	else if (m->type == MSG_DISABLE)
		is_good = zygote_on_disable(z, m);
	else if (m->type == MSG_TABLE)
		is_good = !z->is_ready && zygote_indicators_on_table(z->indicators, m);
	else if (m->type == MSG_INDICATORS)
		is_good = !z->is_ready && zygote_indicators_on_file(z->indicators, m);
	else if (m->type == MSG_COMPILE)
		is_good = zygote_on_compile(z, m);
	else if (m->type == MSG_FORK)
		is_good = zygote_on_fork(z, m);
	else if (m->type == MSG_KILL)
		is_good = zygote_on_kill(z, m);
	message_close_fds(m);
	return is_good;
}

/* Workers end when the agent closes their channels: see them off, so that their use of time is counted. */
static void
wait_for_workers(const struct zygote *z)
{
	struct pollfd p = { .fd = z->signals, .events = POLLIN };

	for (int i = 0; i < FAREWELL_MS / 100; i++) {
		struct signalfd_siginfo info;
		pid_t pid = 0;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return;
		(void)poll(&p, 1, 100);
		ssize_t n = read(z->signals, &info, sizeof(info));
		(void)n;
	}
}

static int
run(struct zygote *z)
{
	struct message m;

	for (;;) {
		mh_err err = channel_receive(z->agent, &m);

		if (err == MH_OK) {
			if (!dispatch(z, &m))
				return 1;
		} else if (err == MH_ERR_AGAIN) {
			struct pollfd p[2] = {
				{ .fd = channel_fd(z->agent), .events = POLLIN },
				{ .fd = z->signals, .events = POLLIN },
			};

			if (channel_wants_write(z->agent))
				p[0].events |= POLLOUT;
			(void)poll(p, 2, -1);
			if ((p[1].revents & POLLIN) != 0)
				reap(z);
		} else {
			wait_for_workers(z);
			return err == MH_ERR_CLOSED ? 0 : 1;
		}
	}
}

int
main(int argc, char **argv)
{
	const char *user = argc > 1 ? argv[1] : "molehunt-scan";
	static struct zygote z;
	uint32_t no_data = 0;
	sigset_t set;

	log_init("molehunt-scan", LOG_LEVEL_NOTICE);
	if (sandbox_drop_privileges(user) != MH_OK) {
		log_err_r(MH_ERR_SYSTEM, "sandbox", "cannot drop privileges");
		return 1;
	}
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	z.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	/* Freeing a scan's memory to the system after each file costs more than the scan. */
	(void)mallopt(M_MMAP_THRESHOLD, MALLOC_KEEP);
	(void)mallopt(M_TRIM_THRESHOLD, MALLOC_KEEP);
	if (z.signals < 0 || yr_initialize() != ERROR_SUCCESS) {
		log_err("scan", "cannot start libyara");
		return 1;
	}
	/* What matched is copied from the content itself: libyara keeps none of it. */
	(void)yr_set_configuration(YR_CONFIG_MAX_MATCH_DATA, &no_data);
	z.agent = message_channel_new(CHILD_CHANNEL_FD, ROLE_ZYGOTE, ROLE_AGENT);
	z.rules = ruleset_new();
	z.indicators = zygote_indicators_new(tell_of_indicators, &z);
	scan_setup_init(&z.setup);
	return run(&z);
}
