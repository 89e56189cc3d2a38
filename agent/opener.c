/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-open: the opener.
 *
 * Walks trees, lists processes and opens targets for the agent, because that
 * needs rights or may hang; it decides nothing and reads no target.  Asked to
 * watch or to block, it does that alone (agent/watch.h, agent/block.h).  When it
 * hangs, the agent has it killed and asks a fresh one to go on behind where it
 * was.
 *
 * Runs in: opener (root with a short list of capabilities, or the caller).
 * Input: messages from the agent; hostile: file trees, processes.
 */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/block.h"
#include "agent/package_owner.h"
#include "agent/processes.h"
#include "agent/walk.h"
#include "agent/watch.h"
#include "base/background.h"
#include "base/channel.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/facts.h"
#include "records/messages.h"

enum {
	BATCH_BYTES = 56 * 1024, /* send before a batch outgrows a message */
	PULSE_MS = 250,      /* a sign of life at least so often, between system calls */
	FILES_PER_LOOK = 16, /* unchanged ones between two looks at the clock */
	REQUESTS_MAX = 8,    /* that wait while a walk is under way */
	LISTEN_EVERY =
	    64, /* names: what an agent that wants rest waits for, about 1 ms */
};

/* One of the requests, by its message's type. */
struct request {
	uint16_t type;
	struct clean_table *clean; /* of a walk, or NULL; owned */
	union {
		struct walk_request walk;
		struct list_request list;
		struct open_request open;
		struct facts_request facts;
	};
};

struct opener {
	struct channel *agent;
	struct request requests[REQUESTS_MAX]; /* to be done, in order */
	size_t n_requests;
	bool is_careful;                /* of the request under way */
	uint32_t id;                    /* of it */
	struct processes *processes;    /* NULL before the first that asks for one */
	struct package_owner *packages; /* NULL while nobody asks for any */
	struct buf *targets;            /* of the batch; encoded */
	int fds[BATCH_TARGETS_MAX];
	unsigned n_fds;
	unsigned n_targets;  /* of the batch, with descriptors or without */
	bool is_resting;     /* until the agent says otherwise */
	unsigned n_met;      /* since the agent was last listened to */
	struct buf *skipped; /* encoded, with reason and path */
	struct walk_progress progress;
	uint64_t next_id;
	int64_t sent_ms;
};

/* The table that came with a walk; what says so and has none is malformed. */
static bool
take_table(struct request *request, const struct message *m)
{
	unsigned n_wanted = request->type == MSG_WALK && request->walk.has_table ? 1 : 0;

	request->clean = NULL;
	if (m->n_fds != n_wanted)
		return false;
	if (n_wanted == 0)
		return true;
	mh_err err = clean_table_open_reader(m->fds[0], &request->clean);
	(void)close(m->fds[0]);
	return err == MH_OK;
}

static void
take_pace(struct opener *o, const struct message *m)
{
	if (m->len != PACE_BYTES)
		_exit(1);
	if (m->data[0] != 0)
		background_become();
	o->is_resting = m->data[1] != 0;
}

static void
take_request(struct opener *o, struct message *m)
{
	struct reader r;

	if (m->type == MSG_PACE) {
		take_pace(o, m);
		return;
	}
	/* One that watches or blocks has never done anything else. */
	if ((m->type == MSG_WATCH || m->type == MSG_BLOCK) &&
	    (o->next_id > 1 || o->id != 0 || o->n_requests > 0))
		_exit(1);
	if (m->type == MSG_WATCH)
		watch_run(o->agent, m, (int32_t)getppid());
	if (m->type == MSG_BLOCK)
		block_run(o->agent, m, (int32_t)getppid());
	if (o->n_requests == REQUESTS_MAX)
		_exit(1);
	struct request *request = &o->requests[o->n_requests++];

	request->type = m->type;
	reader_init(&r, m->data, m->len);
	if (m->type == MSG_WALK)
		walk_request_decode(&r, &request->walk);
	else if (m->type == MSG_LIST)
		list_request_decode(&r, &request->list);
	else if (m->type == MSG_FACTS)
		facts_request_decode(&r, &request->facts);
	else
		open_request_decode(&r, &request->open);
	if (!reader_is_done(&r) || !take_table(request, m)) {
		log_err("opener", "malformed request from the agent");
		_exit(1);
	}
}

/* Wait until the agent says something; exits when it is gone. */
static void
wait_for_agent(struct opener *o)
{
	struct pollfd p = { .fd = channel_fd(o->agent), .events = POLLIN };
	struct message m;

	if (channel_wants_write(o->agent))
		p.events |= POLLOUT;
	int n = poll(&p, 1, o->packages != NULL ? PACKAGE_REST_MS : -1);

	/* Nobody asked for a while: what was read of packages is memory in vain. */
	if (n == 0) {
		package_owner_free(o->packages);
		o->packages = NULL;
		return;
	}
	mh_err err = channel_receive(o->agent, &m);
	if (err == MH_OK)
		take_request(o, &m);
	else if (err != MH_ERR_AGAIN)
		_exit(0);
}

/* Hear, now and then, whether to rest. */
static void
listen_now_and_then(struct opener *o)
{
	struct message m;
	mh_err err = MH_OK;

	if (++o->n_met < LISTEN_EVERY)
		return;
	o->n_met = 0;
	err = channel_receive(o->agent, &m);
	if (err == MH_OK)
		take_request(o, &m);
	else if (err != MH_ERR_AGAIN)
		_exit(0);
	while (o->is_resting)
		wait_for_agent(o);
}

static void
send_waiting(struct opener *o, enum message_name type, const struct buf *b,
    const int *fds, unsigned n_fds)
{
	mh_err err = MH_ERR_FULL;

	while ((err = channel_send(o->agent, (uint16_t)type, buf_data(b), buf_len(b), fds,
		    n_fds)) == MH_ERR_FULL)
		wait_for_agent(o);
	if (err != MH_OK)
		_exit(err == MH_ERR_CLOSED ? 0 : 1);
	o->sent_ms = clock_monotonic_ms();
}

/*
 * What was passed over goes first: targets move the agent's cursor beyond it,
 * and it would be lost if this process died between the two.
 */
static void
flush_skipped(struct opener *o)
{
	if (buf_len(o->skipped) > 0) {
		send_waiting(o, MSG_SKIPPED, o->skipped, NULL, 0);
		buf_reset(o->skipped);
	}
}

static void
flush_targets(struct opener *o)
{
	if (o->n_targets == 0)
		return;
	send_waiting(o, MSG_TARGETS, o->targets, o->fds, o->n_fds);
	for (unsigned i = 0; i < o->n_fds; i++)
		(void)close(o->fds[i]);
	o->n_fds = o->n_targets = 0;
	buf_reset(o->targets);
}

static void
flush_batches(struct opener *o)
{
	flush_skipped(o);
	flush_targets(o);
}

static void
send_progress(struct opener *o, enum message_name type, const char *path,
    enum progress_at at)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	flush_batches(o);
	o->progress.path = xstrndup(path, PATH_BYTES_MAX);
	o->progress.at = (uint8_t)at;
	walk_progress_encode(&o->progress, b);
	walk_progress_clear(&o->progress);
	memset(o->progress.skipped, 0, sizeof(o->progress.skipped));
	send_waiting(o, type, b, NULL, 0);
}

/* Put t and its descriptors, which are taken, into the batch. */
static void
add_target(struct opener *o, const struct target *t, const int *fds)
{
	struct target numbered = *t;
	size_t before = buf_len(o->targets);

	numbered.id = o->next_id++;
	target_encode(&numbered, o->targets);
	if (buf_error(o->targets) != MH_OK || buf_len(o->targets) > BATCH_BYTES ||
	    o->n_fds + t->n_fds > BATCH_TARGETS_MAX ||
	    o->n_targets == BATCH_TARGETS_MAX) {
		buf_truncate(o->targets, before);
		flush_batches(o);
		target_encode(&numbered, o->targets);
	}
	for (unsigned i = 0; i < t->n_fds; i++)
		o->fds[o->n_fds++] = fds[i];
	o->n_targets++;
}

/* What a process maps, or its memory. */
static void
on_opened(struct opener *o, const struct target *t, const int *fds)
{
	flush_skipped(o);
	add_target(o, t, fds);
}

static void
on_target(void *ctx, const struct target *t, int fd)
{
	struct opener *o = ctx;

	add_target(o, t, &fd);
	o->progress.n_files++;
	o->progress.n_bytes += t->size;
	listen_now_and_then(o);
	if (o->n_fds == BATCH_TARGETS_MAX)
		flush_batches(o);
	else if (clock_monotonic_ms() - o->sent_ms > PULSE_MS)
		send_progress(o, MSG_PULSE, t->path, PROGRESS_AT);
}

static void
on_name(void *ctx, const struct target *t)
{
	struct opener *o = ctx;

	/*
	 * What was passed over before goes first, as with files.  No cursor moves: the
	 * batch has its place in the order.
	 */
	add_target(o, t, NULL);
	listen_now_and_then(o);
}

static void
on_missed(void *ctx, enum reason reason, const char *path, const char *detail)
{
	struct opener *o = ctx;
	size_t before = buf_len(o->skipped);

	for (int i = 0; i < 2; i++) {
		buf_put_u8(o->skipped, (uint8_t)reason);
		buf_put_string(o->skipped, path);
		buf_put_string(o->skipped, detail != NULL ? detail : "");
		if (buf_error(o->skipped) == MH_OK && buf_len(o->skipped) <= BATCH_BYTES)
			return;
		/* Full: send what was there before, then this one by itself. */
		if (before == 0)
			return;
		buf_truncate(o->skipped, before);
		flush_batches(o);
		before = 0;
	}
}

static void
on_passed(void *ctx, enum reason reason)
{
	struct opener *o = ctx;

	o->progress.skipped[reason]++;
	listen_now_and_then(o);
}

static void
before_open(void *ctx, const char *path)
{
	struct opener *o = ctx;

	if (o->is_careful)
		send_progress(o, MSG_PULSE, path, PROGRESS_BEFORE);
}

static void
on_folder(void *ctx, const char *path)
{
	struct opener *o = ctx;

	o->progress.n_folders++;
	listen_now_and_then(o);
	if (clock_monotonic_ms() - o->sent_ms > PULSE_MS)
		send_progress(o, MSG_PULSE, path, PROGRESS_AT);
}

static void
on_counted(void *ctx)
{
	struct opener *o = ctx;

	o->progress.n_files++;
}

static void
on_unchanged(void *ctx, const char *path)
{
	struct opener *o = ctx;

	o->progress.n_files++;
	o->progress.skipped[REASON_UNCHANGED]++;
	listen_now_and_then(o);
	/* The clock costs as much as half the file does. */
	if (o->progress.n_files % FILES_PER_LOOK == 0 &&
	    clock_monotonic_ms() - o->sent_ms > PULSE_MS)
		send_progress(o, MSG_PULSE, path, PROGRESS_BEHIND);
}

static void
do_walk(struct opener *o, const struct walk_request *request,
    const struct clean_table *clean)
{
	static const struct walk_sink sink = {
		.on_target = on_target,
		.on_name = on_name,
		.on_missed = on_missed,
		.on_passed = on_passed,
		.before_open = before_open,
		.on_folder = on_folder,
		.on_counted = on_counted,
		.on_unchanged = on_unchanged,
	};

	walk_run(request, clean, &sink, o);
	send_progress(o, MSG_WALKED, "", PROGRESS_AT);
}

/* A sign of life, and in a careful request the number of what may hang. */
static void
pulse_number(struct opener *o, uint64_t number, const char *what)
{
	if (!o->is_careful && clock_monotonic_ms() - o->sent_ms <= PULSE_MS)
		return;
	o->progress.n_files = number;
	send_progress(o, MSG_PULSE, what, o->is_careful ? PROGRESS_BEFORE : PROGRESS_AT);
}

static void
before_process(void *ctx, int32_t pid)
{
	MH_CLEANUP(freep) char *name = process_name(pid, "");

	pulse_number(ctx, (uint64_t)pid, name);
}

static void
on_process(void *ctx, const struct process *p)
{
	struct opener *o = ctx;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	struct process fits = *p;

	flush_batches(o);
	process_encode(&fits, b);
	/* The most telling clues come first: the last ones go. */
	while (buf_error(b) != MH_OK && fits.n_clues > 0) {
		fits.n_clues /= 2;
		buf_reset(b);
		process_encode(&fits, b);
	}
	send_waiting(o, MSG_PROCESS, b, NULL, 0);
}

static void
on_mapped(void *ctx, const struct mapped_list *list)
{
	struct opener *o = ctx;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	struct mapped_list part = *list;

	/* As many as fit: a path has up to 24 KiB. */
	while (part.n > 0) {
		buf_reset(b);
		mapped_list_encode(&part, b);
		if (buf_error(b) != MH_OK && part.n > 1) {
			part.n /= 2;
			continue;
		}
		send_waiting(o, MSG_MAPPED, b, NULL, 0);
		part.files += part.n;
		part.n = (uint32_t)(list->files + list->n - part.files);
	}
}

static void
tell_done(struct opener *o, enum message_name type)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(64);
	uint64_t n_gaps = processes_new_gaps(o->processes);

	if (n_gaps > 0) {
		o->progress.skipped[REASON_UNSEEN] = n_gaps;
		send_progress(o, MSG_PULSE, "", PROGRESS_AT);
	}
	flush_batches(o);
	buf_put_u32(b, o->id);
	send_waiting(o, type, b, NULL, 0);
}

static void
do_list(struct opener *o, const struct list_request *request)
{
	static const struct process_sink sink = {
		.on_process = on_process,
		.on_mapped = on_mapped,
		.on_missed = on_missed,
		.before = before_process,
	};

	processes_list(o->processes, request, &sink, o);
	tell_done(o, MSG_LISTED);
}

static void
open_item(struct opener *o, const struct open_item *item)
{
	int fds[MEMORY_FD_CODES + TARGET_CODE_FILES_MAX];
	struct target t = { .id = 0 };
	const char *detail = NULL;
	enum reason reason = processes_open(o->processes, item, &t, fds, &detail);

	if (reason == REASON_NONE) {
		on_opened(o, &t, fds);
	} else {
		MH_CLEANUP(freep)
		char *name = item->is_memory ? process_name(item->pid, "")
					     : xstrdup(item->file.path);

		/* Each item has one answer, in order. */
		flush_targets(o);
		on_missed(o, reason, name, detail);
	}
	target_clear(&t);
}

static void
do_open(struct opener *o, const struct open_request *request)
{
	for (uint32_t i = 0; i < request->n; i++) {
		const struct open_item *item = &request->items[i];

		pulse_number(o, i, item->is_memory ? "" : item->file.path);
		open_item(o, item);
	}
	tell_done(o, MSG_OPENED);
}

static void
do_facts(struct opener *o, const struct facts_request *request)
{
	struct facts_answer answer = { request->id,
		xcalloc(request->n, sizeof(*answer.items)), request->n };
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	if (o->packages == NULL)
		o->packages = package_owner_new("");
	o->id = o->progress.id = request->id;
	o->is_careful = false;
	for (uint32_t i = 0; i < request->n; i++) {
		pulse_number(o, i, request->paths[i]);
		package_owner_find(o->packages, request->paths[i], &answer.items[i]);
	}
	facts_answer_encode(&answer, b);
	send_waiting(o, MSG_FACTS_ARE, b, NULL, 0);
	facts_answer_clear(&answer);
}

static void
do_request(struct opener *o)
{
	struct request request = o->requests[0];

	o->n_requests--;
	memmove(&o->requests[0], &o->requests[1], o->n_requests * sizeof(o->requests[0]));
	memset(&o->progress, 0, sizeof(o->progress));
	if (request.type == MSG_FACTS) {
		do_facts(o, &request.facts);
		facts_request_clear(&request.facts);
		return;
	}
	if (request.type != MSG_WALK && o->processes == NULL)
		o->processes = processes_new((int32_t)getppid());
	if (request.type == MSG_WALK) {
		o->id = o->progress.id = request.walk.id;
		o->is_careful = request.walk.is_careful;
		do_walk(o, &request.walk, request.clean);
		clean_table_free(request.clean);
		walk_request_clear(&request.walk);
	} else if (request.type == MSG_LIST) {
		o->id = o->progress.id = request.list.id;
		o->is_careful = request.list.is_careful;
		do_list(o, &request.list);
		list_request_clear(&request.list);
	} else {
		o->id = o->progress.id = request.open.id;
		o->is_careful = request.open.is_careful;
		do_open(o, &request.open);
		open_request_clear(&request.open);
	}
}

/*
 * Reads what only root may read, and leaves access times alone; looks into
 * processes, at what they map, at packet filters of their sockets, and at
 * databases of packages.  Nothing else.
 */
static mh_err
drop_privileges(void)
{
	static const unsigned wanted[] = { CAP_DAC_READ_SEARCH, CAP_FOWNER,
		CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_NET_ADMIN };
	bool has[MH_ARRAY_LEN(wanted)];

	if (geteuid() == 0) {
		/* What a container withholds is done without. */
		for (size_t i = 0; i < MH_ARRAY_LEN(wanted); i++)
			has[i] = capng_have_capability(CAPNG_PERMITTED, wanted[i]) != 0;
		capng_clear(CAPNG_SELECT_BOTH);
		for (size_t i = 0; i < MH_ARRAY_LEN(wanted); i++) {
			if (has[i] &&
			    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				wanted[i]) < 0)
				return MH_ERR_SYSTEM;
		}
		if (capng_apply(CAPNG_SELECT_BOTH) < 0)
			return MH_ERR_SYSTEM;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return MH_ERR_SYSTEM;
	return MH_OK;
}

/*
 * From here on nothing is left to say.  Standard error may be a pipe whose
 * reader waits for its end, which must not wait for an opener that hangs.
 */
static void
leave_standard_error(void)
{
#ifndef MH_SANITIZE
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null >= 0) {
		(void)dup2(null, STDERR_FILENO);
		(void)close(null);
	}
#endif
}

int
main(void)
{
	static struct opener o;
	struct rlimit files;

	log_init("molehunt-open", LOG_LEVEL_NOTICE);
	if (drop_privileges() != MH_OK) {
		log_err_r(MH_ERR_SYSTEM, "opener", "cannot drop privileges");
		return 1;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	o.agent = message_channel_new(CHILD_CHANNEL_FD, ROLE_OPENER, ROLE_AGENT);
	o.targets = buf_new(CHANNEL_PAYLOAD_MAX);
	o.skipped = buf_new(CHANNEL_PAYLOAD_MAX);
	o.next_id = 1;
	leave_standard_error();
	for (;;) {
		if (o.n_requests > 0)
			do_request(&o);
		else
			wait_for_agent(&o);
	}
}
