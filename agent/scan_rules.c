/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading the rule set into a zygote: agent/scanner.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/scan_impl.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"

enum {
	ZYGOTE_DEATHS_MAX = 16, /* files on which a compiler may die before we give up */
	MESSAGE_TEXT_MAX = 4096,
};

static void
break_down(struct scanner *s, const char *why)
{
	s->state = SCANNER_BROKEN;
	s->was_ready = false;
	scanner_detach(&s->zygote);
	s->ops->on_ready(s->ctx, NULL, why);
}

static mh_err
start_zygote(struct scanner *s)
{
	s->zygote_ms = s->now_ms;
	s->state = s->unpacking != NULL ? SCANNER_UNPACKING : SCANNER_LOADING;
	s->n_sent = s->n_next = s->n_answered = 0;
	s->n_disabled_sent = 0;
	indicators_reset(s);
	s->is_compile_sent = false;
	return scanner_start_child(s, ROLE_ZYGOTE, &s->zygote_instance);
}

mh_err
scanner_load(struct scanner *s)
{
	s->n_zygote_deaths = 0;
	if (s->unpacking == NULL)
		(void)unpack_begin(s);
	return start_zygote(s);
}

/* Hand over one rule file; one that cannot be opened is left out and told. */
static mh_err
send_file(struct scanner *s, size_t index)
{
	const struct pack_file *file = &s->packs.files[index];
	MH_CLEANUP(fd_closep)
	int fd = file->fd >= 0 ? fcntl(file->fd, F_DUPFD_CLOEXEC, 0)
			       : open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(NAMESPACE_MAX + 32);

	buf_put_string(b, file->name_space);
	buf_put_u64(b, file->offset);
	buf_put_u64(b, file->fd >= 0 ? file->len : RULE_FILE_WHOLE);
	if (fd < 0 || buf_error(b) != MH_OK) {
		if (!s->was_ready)
			s->ops->on_rule_problem(s->ctx, file, 0,
			    fd < 0 ? strerror(errno) : "its name is too long");
		s->is_bad[index] = true;
		return MH_OK;
	}
	mh_err err =
	    channel_send(s->zygote.channel, MSG_RULES, buf_data(b), buf_len(b), &fd, 1);
	if (err == MH_OK)
		s->sent[s->n_sent++] = index;
	return err;
}

static mh_err
send_disabled(struct scanner *s, const char *pattern)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(OVERRIDE_PATTERN_MAX + 16);

	buf_put_string(b, pattern);
	return channel_send(s->zygote.channel, MSG_DISABLE, buf_data(b), buf_len(b), NULL,
	    0);
}

static void
send_rules(struct scanner *s)
{
	while (s->state == SCANNER_LOADING && channel_can_send(s->zygote.channel)) {
		if (s->n_disabled_sent < s->n_disabled) {
			if (send_disabled(s, s->disabled[s->n_disabled_sent]) != MH_OK)
				return;
			s->n_disabled_sent++;
			continue;
		}
		while (s->n_next < s->packs.n &&
		       (s->is_bad[s->n_next] || s->packs.files[s->n_next].is_zip))
			s->n_next++;
		if (s->n_next < s->packs.n) {
			if (send_file(s, s->n_next) != MH_OK)
				return;
			s->n_next++;
			continue;
		}
		if (indicators_send(s))
			return;
		uint8_t wants_places = s->options.wants_places;

		if (channel_send(s->zygote.channel, MSG_COMPILE, &wants_places,
			sizeof(wants_places), NULL, 0) == MH_OK)
			s->state = SCANNER_COMPILING;
		s->is_compile_sent = true;
		return;
	}
}

static void
go_on(struct scanner *s)
{
	if (s->state == SCANNER_UNPACKING)
		unpack_go_on(s);
	else
		send_rules(s);
}

void
rules_on_started(struct scanner *s, int fd)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	scanner_attach(s, &s->zygote, fd, ROLE_ZYGOTE);
	scan_setup_encode(&s->options.setup, b);
	mh_ignore(
	    channel_send(s->zygote.channel, MSG_SETUP, buf_data(b), buf_len(b), NULL, 0));
	go_on(s);
	scanner_watch(s, &s->zygote, true);
}

static void
on_rule_file(struct scanner *s, const struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	uint32_t index = reader_u32(&r);
	bool is_used = reader_u8(&r) != 0;
	uint32_t line = reader_u32(&r);
	uint32_t n_warnings = reader_u32(&r);
	MH_CLEANUP(freep) char *why = reader_string(&r, MESSAGE_TEXT_MAX);

	if (!reader_is_done(&r) || index >= s->n_sent)
		return;
	s->n_answered = index + 1;
	if (s->was_ready)
		return;
	if (!is_used)
		s->ops->on_rule_problem(s->ctx, &s->packs.files[s->sent[index]], line,
		    why);
	else if (s->options.wants_places)
		s->ops->on_rule_file(s->ctx, s->sent[index], n_warnings);
}

static void
on_rule_places(struct scanner *s, const struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	while (reader_is_ok(&r) && !reader_is_done(&r)) {
		struct rule_place place;

		rule_place_decode(&r, &place);
		if (reader_is_ok(&r) && place.file < s->n_sent && !s->was_ready &&
		    s->options.wants_places)
			s->ops->on_rule_place(s->ctx, s->sent[place.file], &place);
		rule_place_clear(&place);
	}
}

/* Files that were left out before the zygote saw them count all the same. */
static unsigned
n_left_out_here(const struct scanner *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->packs.n; i++)
		n += s->is_bad[i];
	return n;
}

static void
on_ready(struct scanner *s, const struct message *m)
{
	struct reader r;
	bool is_first = !s->was_ready;
	struct ruleset_facts facts;
	const char *why = NULL;

	reader_init(&r, m->data, m->len);
	ruleset_facts_decode(&r, &facts);
	facts.n_left_out += n_left_out_here(s) + (uint32_t)s->n_zip_left_out;
	facts.n_files = (uint32_t)(s->packs.n - unpack_n_zips(s) + s->n_zip_left_out);
	if (!reader_is_done(&r))
		why = "the rule compiler answered with nonsense";
	else if (facts.n_rules == 0)
		why = "no rule is left to scan with";
	else if (!is_first && memcmp(facts.id, s->facts.id, sizeof(facts.id)) != 0)
		why = "the rule files were changed while they were in use";
	/* The owner holds the facts of the first time: those stay as they are. */
	if (why == NULL && is_first) {
		ruleset_facts_clear(&s->facts);
		s->facts = facts;
	} else {
		ruleset_facts_clear(&facts);
	}
	if (why != NULL) {
		break_down(s, why);
		return;
	}
	s->state = SCANNER_READY;
	s->was_ready = true;
	workers_start(s);
	if (is_first)
		s->ops->on_ready(s->ctx, &s->facts, NULL);
}

static void
on_gone(struct scanner *s, const struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	uint64_t id = reader_u64(&r);
	int status = (int)reader_u32(&r);
	if (reader_is_done(&r))
		workers_on_gone(s, id, status);
}

void
rules_on_event(struct scanner *s)
{
	struct message m;
	mh_err err = MH_OK;

	while ((err = channel_receive(s->zygote.channel, &m)) == MH_OK) {
		s->zygote_ms = s->now_ms;
		if (s->state == SCANNER_UNPACKING) {
			if (!unpack_on_message(s, &m))
				err = MH_ERR_FORMAT;
		} else if (m.type == MSG_RULE_FILE)
			on_rule_file(s, &m);
		else if (m.type == MSG_INDICATOR_LINE || m.type == MSG_INDICATOR_FILE)
			indicators_on_message(s, &m);
		else if (m.type == MSG_RULE_PLACES)
			on_rule_places(s, &m);
		else if (m.type == MSG_READY)
			on_ready(s, &m);
		else if (m.type == MSG_GONE)
			on_gone(s, &m);
		message_close_fds(&m);
		if (s->zygote.channel == NULL)
			return;
		if (err != MH_OK)
			break;
	}
	if (err != MH_ERR_AGAIN) {
		/* Its end comes by scanner_on_exited(); make sure that there is one. */
		scanner_detach(&s->zygote);
		s->ops->stop(s->ctx, ROLE_ZYGOTE, s->zygote_instance);
		return;
	}
	go_on(s);
	scanner_watch(s, &s->zygote, true);
}

/*
 * The compiler died: the file after the last answer is to blame, when the
 * compilation had begun.  It is left out and all others are tried again.
 */
static bool
blame_file(struct scanner *s, int status)
{
	const char *happened = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
				   ? "did not end"
				   : "crashed";

	if (indicators_blame(s, happened))
		return true;
	if (!s->is_compile_sent || s->n_answered >= s->n_sent)
		return false;
	size_t index = s->sent[s->n_answered];
	MH_CLEANUP(freep) char *why = xasprintf("the rule compiler %s on it", happened);

	s->is_bad[index] = true;
	s->ops->on_rule_problem(s->ctx, &s->packs.files[index], 0, why);
	return true;
}

/*
 * Whether loading may be tried again.  Who was killed and not by us, by a person or for
 * want of memory in the machine, is tried once more with all files: only when it happens
 * again a file is to blame.
 */
static bool
may_load_again(struct scanner *s, int status)
{
	bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	if (is_killed && !s->is_overdue && !s->was_killed) {
		s->was_killed = true;
		return true;
	}
	s->is_overdue = false;
	return blame_file(s, status);
}

void
rules_on_exited(struct scanner *s, int status)
{
	bool was_loading = s->state == SCANNER_LOADING || s->state == SCANNER_COMPILING;

	scanner_detach(&s->zygote);
	workers_lost(s);
	if (s->state == SCANNER_BROKEN)
		return;
	if (s->state == SCANNER_UNPACKING) {
		(void)unpack_on_exited(s);
		if (start_zygote(s) != MH_OK)
			break_down(s, "a new scan worker cannot be started");
		return;
	}
	s->n_zygote_deaths++;
	if (s->n_zygote_deaths > ZYGOTE_DEATHS_MAX ||
	    (was_loading && !may_load_again(s, status))) {
		MH_CLEANUP(freep) char *why = NULL;

		if (WIFSIGNALED(status))
			why = xasprintf("the scan worker was killed by signal %d",
			    WTERMSIG(status));
		else
			why = xasprintf(
			    "the scan worker ended with status %d: see the lines above",
			    WEXITSTATUS(status));
		break_down(s, why);
		return;
	}
	if (start_zygote(s) != MH_OK)
		break_down(s, "a new scan worker cannot be started");
}

void
rules_tick(struct scanner *s)
{
	if ((s->state == SCANNER_UNPACKING || s->state == SCANNER_LOADING ||
		s->state == SCANNER_COMPILING) &&
	    s->zygote.channel != NULL && s->now_ms - s->zygote_ms > SCAN_COMPILE_MS) {
		s->zygote_ms = s->now_ms;
		s->is_overdue = true;
		s->ops->stop(s->ctx, ROLE_ZYGOTE, s->zygote_instance);
	}
}
