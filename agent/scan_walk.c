/* SPDX-License-Identifier: BSD-2-Clause */
/* Having an opener walk, and outliving it when it hangs: agent/scan.h. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/scan_impl.h"
#include "base/log.h"
#include "base/memory.h"

enum {
	/* Of roots and exclusions in one message, beside a cursor of PATH_BYTES_MAX. */
	REQUEST_BYTES = 36 * 1024,
	/* Of one path to avoid: of a longer one a folder above it. */
	AVOIDED_BYTES_MAX = 512,
	DEATHS_MAX = 8,    /* of openers, one after the other, that said nothing */
	RESTART_MS = 1000, /* between two starts of an opener */
};

static void
replace(char **text, const char *with)
{
	char *copy = xstrdup(with);

	free(*text);
	*text = copy;
}

static char **
copy_list(const char *const *list, size_t n)
{
	char **copy = xcalloc(n, sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(list[i]);
	return copy;
}

/* No opener can be started: what is left of the walk is told as not scanned. */
static void
give_up_walk(struct scan *s)
{
	for (size_t i = s->chunk_n > 0 ? s->chunk_first : s->next_root; i < s->n_roots;
	     i++)
		coverage_add_missed(&s->coverage, REASON_INTERNAL, false, s->roots[i],
		    "the opener cannot be started");
	processes_give_up(s, REASON_INTERNAL, "the opener cannot be started");
	s->next_root = s->n_roots;
	s->chunk_n = 0;
}

static void
start_opener(struct scan *s)
{
	if (s->opener_started_ms != 0 &&
	    s->scanner->now_ms - s->opener_started_ms < RESTART_MS)
		return; /* the next tick tries again */
	s->opener_started_ms = s->scanner->now_ms;
	s->is_opener_starting = true;
	s->told_rest = -1;
	s->opener_ms = s->scanner->now_ms;
	if (scanner_start_child(s->scanner, ROLE_OPENER, &s->opener_instance) != MH_OK) {
		s->is_opener_starting = false;
		if (++s->n_deaths > DEATHS_MAX)
			give_up_walk(s);
	}
}

static bool
is_resting(const struct scan *s)
{
	return s->scanner->is_resting && s->priority != SCAN_URGENT && !s->is_cancelled;
}

/* Whether the opener is listened to: not doing so holds it back. */
static bool
is_listening(const struct scan *s)
{
	return !s->is_held && !is_resting(s) && workers_have_room(s);
}

/* Whether the opener may use what others leave over only, and whether it rests. */
static void
tell_pace(struct scan *s)
{
	uint8_t pace[PACE_BYTES] = { s->scanner->options.is_background, is_resting(s) };

	if (s->opener.channel == NULL || s->told_rest == pace[1])
		return;
	/* Without credit now, the next tick tries again. */
	if (channel_send(s->opener.channel, MSG_PACE, pace, sizeof(pace), NULL, 0) ==
	    MH_OK)
		s->told_rest = (int8_t)pace[1];
	scanner_watch(s->scanner, &s->opener, is_listening(s));
}

/* The request for the roots first..first+n, with what all of them share. */
static void
fill_request(struct scan *s, size_t first, size_t n, struct walk_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = s->walk_id;
	ret->may_cross = s->may_cross;
	ret->may_use_network = s->may_use_network;
	ret->roots = s->roots + first;
	ret->n_roots = (uint32_t)n;
	ret->excludes = s->excludes;
	ret->n_excludes = (uint32_t)s->n_excludes;
	ret->only = s->only;
	ret->n_only = (uint32_t)s->n_only;
	ret->avoids = s->avoids;
	ret->n_avoids = (uint32_t)s->n_avoids;
	ret->are_patterns = s->are_patterns;
	ret->changed_since_ns = s->changed_since_ns;
	ret->has_table = s->clean_fd >= 0;
	ret->wants_names = s->scanner->facts.wants_names;
}

/* Roots from first on that fit in one message; at least one. */
static size_t
roots_that_fit(const struct scan *s, size_t first)
{
	size_t bytes = 0;
	size_t n = 0;

	for (size_t i = 0; i < s->n_excludes; i++)
		bytes += strlen(s->excludes[i]) + 4;
	for (size_t i = 0; i < s->n_only; i++)
		bytes += strlen(s->only[i]) + 4;
	while (first + n < s->n_roots && n < WALK_ROOTS_MAX) {
		bytes += strlen(s->roots[first + n]) + 4;
		if (n > 0 && bytes > REQUEST_BYTES)
			break;
		n++;
	}
	return n;
}

static void
send_request(const struct scan *s, struct channel *channel,
    const struct walk_request *request)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);

	walk_request_encode(request, b);
	assert(buf_error(b) == MH_OK); /* scan_start() and roots_that_fit() see to it */
	mh_ignore(channel_send(channel, MSG_WALK, buf_data(b), buf_len(b), &s->clean_fd,
	    request->has_table ? 1 : 0));
}

/* Ask for the next roots, or again for the current ones behind the cursor. */
void
walk_ask(struct scan *s)
{
	struct walk_request request;

	if (s->opener.channel == NULL || s->is_done || s->is_cancelled || s->is_suspended)
		return;
	if (!processes_are_done(s)) {
		processes_ask(s);
		return;
	}
	if (s->chunk_n == 0) {
		if (s->next_root == s->n_roots)
			return;
		s->chunk_first = s->next_root;
		s->chunk_n = roots_that_fit(s, s->next_root);
		s->next_root += s->chunk_n;
	}
	/* What is told again, because it lies behind the cursor, counts once. */
	coverage_clear(&s->tail);
	s->walk_id++;
	fill_request(s, s->chunk_first, s->chunk_n, &request);
	request.resume = s->cursor;
	request.is_careful = s->is_careful;
	s->opener_ms = s->scanner->now_ms;
	send_request(s, s->opener.channel, &request);
	scanner_watch(s->scanner, &s->opener, is_listening(s));
}

static void
ask_count(struct scan *s)
{
	struct walk_request request;
	size_t n = roots_that_fit(s, 0);

	/* A long list of roots is a list of files: it counts itself. */
	if (n < s->n_roots) {
		s->counted.n_files = s->n_roots;
		s->is_counted = true;
		return;
	}
	fill_request(s, 0, n, &request);
	request.is_count = true;
	send_request(s, s->counter.channel, &request);
}

bool
scan_takes_excludes(const char *const *list, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(list[i]) + 4;
	return n <= WALK_EXCLUDES_MAX && bytes <= WALK_EXCLUDES_BYTES_MAX;
}

/* The roots that a record can hold; the others are told as not scanned. */
static void
take_roots(struct scan *s, const struct scan_walk *walk)
{
	s->roots = xcalloc(walk->n_roots, sizeof(*s->roots));
	s->n_roots = 0;
	for (size_t i = 0; i < walk->n_roots; i++) {
		if (strlen(walk->roots[i]) <= PATH_BYTES_MAX) {
			s->roots[s->n_roots++] = xstrdup(walk->roots[i]);
			continue;
		}
		MH_CLEANUP(freep)
		char *head = xstrndup(walk->roots[i], PATH_HEAD_BYTES);

		coverage_add_missed(&s->coverage, REASON_OPEN_FAILED, false, head,
		    "this path is longer than a path may be");
	}
}

void
walk_begin(struct scan *s, const struct scan_walk *walk)
{
	take_roots(s, walk);
	s->excludes = copy_list(walk->excludes, walk->n_excludes);
	s->n_excludes = walk->n_excludes;
	s->only = copy_list(walk->only, walk->n_only);
	s->n_only = walk->n_only;
	s->are_patterns = walk->are_patterns;
	s->changed_since_ns = walk->changed_since_ns;
	if (walk->has_clean)
		s->clean_fd = fcntl(walk->clean_fd, F_DUPFD_CLOEXEC, 0);
	s->may_cross = walk->may_cross;
	s->may_use_network = walk->may_use_network;
	if (walk->place != NULL && walk->place->is_in_files &&
	    walk->place->root <= s->n_roots) {
		s->next_root = walk->place->root;
		replace(&s->cursor, walk->place->cursor);
	} else {
		processes_begin(s, walk->processes);
	}
	start_opener(s);
	if (walk->wants_count && s->n_roots > 0)
		mh_ignore(
		    scanner_start_child(s->scanner, ROLE_OPENER, &s->counter_instance));
}

void
walk_close_openers(struct scan *s)
{
	struct endpoint *ends[] = { &s->opener, &s->counter };
	const unsigned instances[] = { s->opener_instance, s->counter_instance };

	for (size_t i = 0; i < MH_ARRAY_LEN(ends); i++) {
		if (ends[i]->channel == NULL)
			continue;
		scanner_detach(ends[i]);
		s->scanner->ops->stop(s->scanner->ctx, ROLE_OPENER, instances[i]);
	}
}

void
walk_on_started(struct scan *s, int fd)
{
	s->is_opener_starting = false;
	if (s->is_done || s->is_cancelled || s->is_suspended) {
		(void)close(fd);
		return;
	}
	scanner_attach(s->scanner, &s->opener, fd, ROLE_OPENER);
	tell_pace(s);
	walk_ask(s);
}

void
walk_on_count_started(struct scan *s, int fd)
{
	scanner_attach(s->scanner, &s->counter, fd, ROLE_OPENER);
	ask_count(s);
}

void
walk_move_cursor(struct scan *s, const char *path)
{
	/* Below a path that is cut, a walk that starts again starts above it. */
	if (path_is_cut(path))
		return;
	replace(&s->cursor, path);
	coverage_merge(&s->coverage, &s->tail);
}

static void
add_file(struct scan *s, struct target *t, int fd)
{
	workers_add(s, t, &fd);
}

/*
 * A name that is only compared; t is taken.  It is no cursor: of a folder that would pass
 * over all below it, and what it says is told by others where it has to be.
 */
static void
add_name(struct scan *s, struct target *t)
{
	static const int no_fds[1] = { -1 };

	if (!s->is_cancelled)
		workers_add(s, t, no_fds);
	target_clear(t);
}

/* False: the opener talks nonsense. */
static bool
on_targets(struct scan *s, struct message *m)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	for (unsigned i = 0; reader_is_ok(&r) && r.left > 0;) {
		enum reason reason = REASON_NONE;
		struct target t;

		target_decode(&r, &t);
		if (!reader_is_ok(&r) || t.n_fds > m->n_fds - i ||
		    (t.kind != TARGET_FILE && t.kind != TARGET_NAME)) {
			target_clear(&t);
			return false;
		}
		if (t.kind == TARGET_NAME) {
			add_name(s, &t);
			continue;
		}
		walk_move_cursor(s, t.path);
		if (s->is_cancelled)
			coverage_add_missed(&s->coverage, REASON_STOPPED, false, t.path,
			    NULL);
		else if (s->ops->wants == NULL || s->ops->wants(s->ctx, &t, &reason))
			add_file(s, &t, message_take_fd(m, i));
		else
			coverage_add_missed(&s->coverage, reason, false, t.path, NULL);
		i++;
		target_clear(&t);
	}
	return reader_is_done(&r);
}

void
walk_count_skipped(struct scan *s, enum reason reason, const char *path,
    const char *detail)
{
	struct coverage *c = processes_are_done(s) ? &s->tail : &s->coverage;

	coverage_add_missed(c, reason, false, path, detail);
}

bool
walk_take_skipped(struct scan *s, const struct message *m, skipped_fn *take)
{
	struct reader r;

	reader_init(&r, m->data, m->len);
	while (reader_is_ok(&r) && r.left > 0) {
		uint8_t reason = reader_u8(&r);
		MH_CLEANUP(freep) char *path = reader_string(&r, PATH_BYTES_MAX);
		MH_CLEANUP(freep) char *detail = reader_string(&r, DETAIL_BYTES_MAX);

		if (reader_is_ok(&r) && reason < REASON_MAX_)
			take(s, (enum reason)reason, path, detail);
		else
			r.failed = true;
	}
	return reader_is_done(&r);
}

static void
take_progress(struct scan *s, const struct message *m)
{
	struct walk_progress p;
	struct reader r;

	reader_init(&r, m->data, m->len);
	walk_progress_decode(&r, &p);
	if (reader_is_done(&r) && p.id == s->walk_id) {
		for (unsigned i = 0; i < REASON_MAX_; i++)
			coverage_add_count(&s->tail, (enum reason)i, p.skipped[i]);
		if (p.path[0] != 0)
			replace(&s->where, p.path);
		if (p.at == PROGRESS_BEFORE)
			replace(&s->announced, p.path);
		else if (p.at == PROGRESS_BEHIND && p.path[0] != 0)
			walk_move_cursor(s, p.path);
		walk_progress_clear(&s->progress);
		s->progress = p;
		s->progress.path = NULL;
	}
	walk_progress_clear(&p);
}

static void
on_walked(struct scan *s)
{
	s->n_files_before += s->progress.n_files;
	memset(&s->progress, 0, sizeof(s->progress));
	s->chunk_n = 0;
	walk_move_cursor(s, "");
	free(s->announced);
	s->announced = NULL;
	walk_ask(s);
}

void
walk_on_event(struct scan *s)
{
	struct message m;
	mh_err err = MH_ERR_AGAIN;

	while (s->opener.channel != NULL && (is_listening(s) || s->is_cancelled) &&
	       (err = channel_receive(s->opener.channel, &m)) == MH_OK) {
		s->opener_ms = s->scanner->now_ms;
		s->n_deaths = 0;
		bool is_good = true;

		if (!processes_are_done(s)) {
			is_good = processes_on_message(s, &m);
		} else if (m.type == MSG_TARGETS) {
			is_good = on_targets(s, &m);
		} else if (m.type == MSG_SKIPPED) {
			is_good = walk_take_skipped(s, &m, walk_count_skipped);
		} else if (m.type != MSG_PULSE && m.type != MSG_WALKED) {
			is_good = false;
		} else {
			take_progress(s, &m);
			if (m.type == MSG_WALKED)
				on_walked(s);
		}
		message_close_fds(&m);
		workers_dispatch(s->scanner);
		err = is_good ? MH_ERR_AGAIN : MH_ERR_PROTOCOL;
		if (!is_good)
			break;
	}
	if (err != MH_ERR_AGAIN) {
		scanner_detach(&s->opener);
		s->scanner->ops->stop(s->scanner->ctx, ROLE_OPENER, s->opener_instance);
	}
}

void
walk_on_count(struct scan *s)
{
	struct message m;

	while (s->counter.channel != NULL &&
	       channel_receive(s->counter.channel, &m) == MH_OK) {
		struct reader r;

		reader_init(&r, m.data, m.len);
		if (m.type == MSG_PULSE || m.type == MSG_WALKED) {
			walk_progress_clear(&s->counted);
			walk_progress_decode(&r, &s->counted);
			s->is_counted = m.type == MSG_WALKED;
		}
		message_close_fds(&m);
		if (s->is_counted)
			scanner_detach(&s->counter); /* it ends when its channel does */
	}
	scanner_watch(s->scanner, &s->counter, true);
}

/* The root of the chunk at or above path; NULL when there is none. */
static const char *
root_of(const struct scan *s, const char *path)
{
	for (size_t i = 0; i < s->chunk_n; i++) {
		const char *root = s->roots[s->chunk_first + i];
		size_t len = strlen(root);

		while (len > 1 && root[len - 1] == '/')
			len--;
		if (strncmp(path, root, len) == 0 &&
		    (path[len] == 0 || path[len] == '/' || len == 1))
			return root;
	}
	return NULL;
}

/* The place in the chunk of the root at which the walk stands, by its cursor. */
static size_t
standing_root(const struct scan *s)
{
	const char *root = root_of(s, s->cursor);
	size_t i = 0;

	if (root == NULL)
		return 0;
	while (s->roots[s->chunk_first + i] != root)
		i++;
	/* A cursor at the root itself: it is done with, or was given up. */
	return strcmp(s->cursor, root) == 0 ? i + 1 : i;
}

/* Leave what is left of the i-th root of the chunk. */
static void
give_root_up(struct scan *s, size_t i, const char *why)
{
	s->n_hangs = 0;
	s->n_deaths = 0;
	if (i == s->chunk_n) {
		walk_move_cursor(s, "");
		s->chunk_n = 0;
		return;
	}
	const char *root = s->roots[s->chunk_first + i];

	coverage_add_missed(&s->coverage, REASON_OPEN_HUNG, false, root, why);
	walk_move_cursor(s, root);
}

/*
 * The same where roots are patterns: the agent does not know which of them the
 * walk was at, so that all of the chunk are left.
 */
static void
give_patterns_up(struct scan *s, const char *why)
{
	for (size_t i = 0; i < s->chunk_n; i++)
		coverage_add_missed(&s->coverage, REASON_OPEN_HUNG, false,
		    s->roots[s->chunk_first + i], why);
	walk_move_cursor(s, "");
	s->chunk_n = 0;
	s->n_hangs = 0;
	s->n_deaths = 0;
}

/* Forget the paths to avoid that lie below path. */
static void
drop_avoids_below(struct scan *s, const char *path)
{
	size_t len = strlen(path);
	size_t n = 0;

	for (size_t i = 0; i < s->n_avoids; i++) {
		if (strncmp(s->avoids[i], path, len) == 0 && s->avoids[i][len] == '/')
			free(s->avoids[i]);
		else
			s->avoids[n++] = s->avoids[i];
	}
	s->n_avoids = n;
}

/* False: there is no room. */
static bool
add_avoid(struct scan *s, const char *path)
{
	size_t bytes = strlen(path) + 4;

	drop_avoids_below(s, path);
	for (size_t i = 0; i < s->n_avoids; i++)
		bytes += strlen(s->avoids[i]) + 4;
	if (s->n_avoids == WALK_AVOIDS_MAX || bytes > WALK_AVOIDS_BYTES_MAX)
		return false;
	s->avoids = xreallocarray(s->avoids, s->n_avoids + 1, sizeof(*s->avoids));
	s->avoids[s->n_avoids++] = xstrdup(path);
	return true;
}

/* False: path is in the topmost folder. */
static bool
go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return false;
	*slash = 0;
	return true;
}

/*
 * No opener touches path again.  After every SCAN_HANGS_MAX of them it is a folder
 * one further up; when there is no room for more, the patterns are given up.
 */
static void
avoid(struct scan *s, char *path)
{
	static const char why[] =
	    "its file system did not answer many times: the rest was given up";
	unsigned n_up = s->n_hangs / (SCAN_HANGS_MAX + 1);

	while ((n_up > 0 || strlen(path) > AVOIDED_BYTES_MAX) && go_up(path))
		n_up -= n_up > 0;
	if (strcmp(path, "/") == 0 || !add_avoid(s, path)) {
		give_patterns_up(s, why);
		return;
	}
	coverage_add_missed(&s->coverage, REASON_OPEN_HUNG, false, path,
	    s->n_hangs > SCAN_HANGS_MAX ? why : NULL);
}

/* No opener says where it hangs or what it dies of. */
static void
pass_unknown(struct scan *s)
{
	static const char why[] =
	    "no opener gets on with it: the rest of it was given up";

	if (s->n_deaths <= DEATHS_MAX && s->n_hangs <= SCAN_HANGS_MAX)
		return;
	if (s->are_patterns)
		give_patterns_up(s, why);
	else
		give_root_up(s, standing_root(s), why);
}

/*
 * The opener hung or died.  The first time it is not known where: the next one
 * announces each path.  Then the announced path is passed over: at once where it
 * hung, and where a second one dies at it, since whatever ended the first may
 * have had nothing to do with the path.
 */
static void
pass_obstacle(struct scan *s, bool is_hang)
{
	MH_CLEANUP(freep) char *at = MH_TAKE(s->announced);

	s->n_deaths++;
	s->is_careful = true;
	if (at == NULL || path_is_cut(at)) {
		s->n_hangs += is_hang;
		pass_unknown(s);
		return;
	}
	if (!is_hang && (s->suspect == NULL || strcmp(s->suspect, at) != 0)) {
		free(s->suspect);
		s->suspect = MH_TAKE(at);
		return;
	}
	s->n_hangs++;
	if (s->are_patterns) {
		avoid(s, at);
		return;
	}
	coverage_add_missed(&s->coverage, REASON_OPEN_HUNG, false, at, NULL);
	walk_move_cursor(s, at);
	if (s->n_hangs > SCAN_HANGS_MAX)
		give_root_up(s, standing_root(s),
		    "its file system did not answer many times: the rest was given up");
}

/* Its channel is away; go on with another. */
static void
opener_lost(struct scan *s, bool is_hang)
{
	scanner_detach(&s->opener);
	s->is_opener_starting = false;
	if (s->is_stream || s->is_done || s->is_cancelled || s->is_suspended)
		return;
	if (!processes_are_done(s)) {
		processes_on_opener_lost(s);
		if (!walk_is_finished(s))
			start_opener(s);
		return;
	}
	if (s->chunk_n == 0)
		return;
	pass_obstacle(s, is_hang);
	s->n_files_before += s->progress.n_files;
	memset(&s->progress, 0, sizeof(s->progress));
	start_opener(s);
}

void
walk_on_exited(struct scan *s, unsigned instance, int status)
{
	(void)status;
	if (instance == s->counter_instance && instance != 0) {
		scanner_detach(&s->counter);
		return;
	}
	if (instance != s->opener_instance)
		return;
	opener_lost(s, false);
}

void
walk_tick(struct scan *s)
{
	if (s->is_cancelled && s->scanner->now_ms - s->cancelled_ms > SCAN_CANCEL_MS)
		scan_abandon(s);
	if (s->is_stream || s->is_done)
		return;
	if (s->opener.channel == NULL) {
		if (!s->is_opener_starting && !s->is_suspended && !walk_is_finished(s))
			start_opener(s);
		return;
	}
	tell_pace(s);
	scanner_watch(s->scanner, &s->opener, is_listening(s));
	if (!is_listening(s) || (s->chunk_n == 0 && !processes_are_asked(s))) {
		s->opener_ms = s->scanner->now_ms;
	} else if (s->scanner->now_ms - s->opener_ms > s->scanner->options.open_ms) {
		s->opener_ms = s->scanner->now_ms;
		s->scanner->ops->stop(s->scanner->ctx, ROLE_OPENER, s->opener_instance);
		/*
		 * A process in an uninterruptible call does not die of SIGKILL:
		 * go on without waiting for its end.
		 */
		opener_lost(s, true);
	}
}

bool
walk_is_finished(const struct scan *s)
{
	return s->is_cancelled ||
	       (processes_are_done(s) && s->next_root == s->n_roots && s->chunk_n == 0);
}
