/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-collector export: what came since a cursor, one JSON object a line.
 *
 * Runs in: molehunt-collector, a shipper's shell.  Input: hostile, out of findings.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/events.h"
#include "collector/output.h"
#include "collector/verb.h"

enum {
	BATCH_ROWS = 1000,             /* events between two looks at the cursor's file */
	BATCH_BYTES = 8 * 1024 * 1024, /* likewise */
	OUT_MAX = BATCH_BYTES + 4 * 1024 * 1024, /* one event more, with its escapes */
	FOLLOW_PAUSE_MS = 1000, /* between two looks when there is nothing new */
	CURSOR_MAX = 64,        /* bytes of the file */
};

/* One run. */
struct export
{
	const struct options *options;
	int64_t cursor;
	struct buf *out; /* lines that were not written yet */
};

static json_t *
read_event(const struct since_row *r)
{
	if (r->row.alarm != NULL)
		return alarm_to_ocsf(r->row.alarm);
	return json_loadb(r->row.json, r->row.json_len, 0, NULL);
}

/* Whoever reads our output may be slow: nothing is written while we hold the store. */
static void
add_event(struct export *x, json_t *event)
{
	char *text = json_dumps(event, JSON_COMPACT);

	json_decref(event);
	if (text == NULL)
		abort(); /* out of memory */
	buf_add(x->out, text);
	buf_add(x->out, "\n");
	free(text);
}

static mh_err
write_event(const struct since_row *r, void *arg)
{
	struct export *x = arg;
	const struct options *o = x->options;
	json_t *event;

	if (r->lane == LANE_COVERAGE && !o->coverage)
		return MH_OK;
	if (o->filter.agent != NULL && strcmp(o->filter.agent, r->row.agent) != 0)
		return MH_OK;
	event = read_event(r);
	if (!json_is_object(event)) {
		json_decref(event);
		return MH_ERR_CORRUPT;
	}
	event_set_place(event, r->cursor, r->row.received_ms);
	if (o->ecs && r->lane == LANE_FINDING) {
		json_t *ecs = event_to_ecs(event, r->row.agent);

		json_decref(event);
		event = ecs;
	}
	add_event(x, event);
	return buf_len(x->out) >= BATCH_BYTES ? MH_ERR_AGAIN : buf_error(x->out);
}

/* What the file of the cursor says; one that is not there says 0. */
static mh_err
load_cursor(const char *path, int64_t *ret)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CURSOR_MAX);
	uint64_t value = 0;
	mh_err err = file_read(path, b);

	if (err == MH_ERR_NOTFOUND)
		return MH_OK;
	if (err != MH_OK)
		return err;
	if (buf_len(b) > 0 && buf_data(b)[buf_len(b) - 1] == '\n')
		buf_truncate(b, buf_len(b) - 1);
	err = parse_u64(buf_string(b), 0, INT64_MAX, &value);
	if (err == MH_OK)
		*ret = (int64_t)value;
	return err;
}

/* Only what has left this program is behind the cursor. */
static mh_err
keep_cursor(struct export *x)
{
	char text[CURSOR_MAX];
	size_t len = buf_len(x->out);

	if (fwrite(buf_data(x->out), 1, len, stdout) != len || fflush(stdout) != 0)
		return MH_ERR_SYSTEM;
	buf_reset(x->out);
	if (x->options->cursor_file == NULL)
		return MH_OK;
	/* The cursor is durable: what is before it in a file has to be, too. */
	if (fdatasync(STDOUT_FILENO) < 0 && errno != EINVAL && errno != EROFS)
		return MH_ERR_SYSTEM;
	(void)snprintf(text, sizeof(text), "%" PRId64 "\n", x->cursor);
	return file_write_durably(x->options->cursor_file, text, strlen(text), 0600);
}

static mh_err
run(struct store *st, struct export *x)
{
	const struct timespec pause = { FOLLOW_PAUSE_MS / 1000, 0 };
	mh_err err = MH_OK;

	while (err == MH_OK) {
		int64_t before = x->cursor;

		err = store_since_each(st, &x->cursor, BATCH_ROWS, write_event, x);
		if (err != MH_OK)
			return err;
		if (x->cursor != before) {
			err = keep_cursor(x);
			continue;
		}
		if (!x->options->follow)
			return MH_OK;
		(void)nanosleep(&pause, NULL);
	}
	return err;
}

int
verb_export(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(OUT_MAX);
	struct export x = { .options = o, .out = out };
	mh_err err = MH_OK;

	if (open_collector(o, &config, &st) != MH_OK)
		return EXIT_TROUBLE;
	if (o->cursor_file != NULL)
		err = load_cursor(o->cursor_file, &x.cursor);
	if (err != MH_OK)
		return complain("export: %s: %s", o->cursor_file,
		    err == MH_ERR_SYSTEM ? strerror(errno)
					 : "is no cursor of this program");
	if (o->since_id != OPTION_NONE)
		x.cursor = (int64_t)o->since_id;
	err = run(st, &x);
	if (err == MH_ERR_INVALID)
		return complain("export: the cursor %" PRId64
				" is ahead of this store: it is of another collector, or "
				"this one was replaced; begin with --since-id 0",
		    x.cursor);
	if (err == MH_ERR_SYSTEM)
		return complain("export: standard output or the cursor's file: %s",
		    strerror(errno));
	if (err != MH_OK)
		return complain("export: %s (%s)", mh_strerror(err), store_why(st));
	return EXIT_GOOD;
}
