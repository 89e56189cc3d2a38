/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours; texts are of hostile processes and files. */
#include "records/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const char *
text_of(const char *s)
{
	return s != NULL ? s : "";
}

static char *
copy_text(const char *s)
{
	return xstrdup(text_of(s));
}

static void
free_list(char **list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static char **
decode_list(struct reader *r, uint32_t max, uint32_t *ret_n)
{
	*ret_n = reader_count(r, max);
	char **list = xcalloc(*ret_n, sizeof(*list));

	for (uint32_t i = 0; i < *ret_n; i++)
		list[i] = reader_string(r, PATH_BYTES_MAX);
	return list;
}

static uint32_t
decode_time(struct reader *r)
{
	uint32_t ms = reader_u32(r);

	if (ms > WATCH_TIME_MAX_MS)
		r->failed = true;
	return r->failed ? 0 : ms;
}

void
watch_request_clear(struct watch_request *w)
{
	free(w->state);
	free_list(w->excludes, w->n_excludes);
	memset(w, 0, sizeof(*w));
}

void
watch_request_encode(const struct watch_request *w, struct buf *b)
{
	buf_put_u32(b, w->id);
	buf_put_u8(b, w->may_use_network);
	buf_put_u32(b, w->debounce_ms);
	buf_put_u32(b, w->settle_max_ms);
	buf_put_u32(b, w->repeat_max_ms);
	buf_put_u32(b, w->memory_after_ms);
	buf_put_u32(b, w->pending_max);
	buf_put_string(b, text_of(w->state));
	buf_put_u32(b, w->n_excludes);
	for (uint32_t i = 0; i < w->n_excludes; i++)
		buf_put_string(b, w->excludes[i]);
}

void
watch_request_decode(struct reader *r, struct watch_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = reader_u32(r);
	ret->may_use_network = reader_u8(r) != 0;
	ret->debounce_ms = decode_time(r);
	ret->settle_max_ms = decode_time(r);
	ret->repeat_max_ms = decode_time(r);
	ret->memory_after_ms = decode_time(r);
	ret->pending_max = reader_u32(r);
	if (ret->pending_max == 0 || ret->pending_max > WATCH_PENDING_MAX)
		r->failed = true;
	ret->state = reader_string(r, PATH_BYTES_MAX);
	ret->excludes = decode_list(r, WALK_EXCLUDES_MAX, &ret->n_excludes);
}

void
actor_clear(struct actor *a)
{
	free(a->owner);
	free(a->comm);
	free(a->program);
	free(a->command);
	free(a->cgroup);
	free(a->container);
	for (uint32_t i = 0; i < a->n_parents; i++)
		free(a->parents[i].name);
	free(a->parents);
	memset(a, 0, sizeof(*a));
}

void
actor_copy(const struct actor *a, struct actor *ret)
{
	*ret = *a;
	ret->owner = copy_text(a->owner);
	ret->comm = copy_text(a->comm);
	ret->program = copy_text(a->program);
	ret->command = copy_text(a->command);
	ret->cgroup = copy_text(a->cgroup);
	ret->container = copy_text(a->container);
	ret->parents = xmemdup(a->parents, a->n_parents * sizeof(*a->parents));
	for (uint32_t i = 0; i < a->n_parents; i++)
		ret->parents[i].name = copy_text(a->parents[i].name);
}

void
actor_encode(const struct actor *a, struct buf *b)
{
	buf_put_u8(b, a->is_gone);
	buf_put_u32(b, (uint32_t)a->pid);
	buf_put_u64(b, a->start_ticks);
	buf_put_u32(b, a->uid);
	buf_put_u32(b, a->loginuid);
	buf_put_string(b, text_of(a->owner));
	buf_put_string(b, text_of(a->comm));
	buf_put_string(b, text_of(a->program));
	buf_put_string(b, text_of(a->command));
	buf_put_string(b, text_of(a->cgroup));
	buf_put_string(b, text_of(a->container));
	buf_put_u32(b, a->n_parents);
	for (uint32_t i = 0; i < a->n_parents; i++) {
		buf_put_u32(b, (uint32_t)a->parents[i].pid);
		buf_put_u64(b, a->parents[i].start_ticks);
		buf_put_string(b, text_of(a->parents[i].name));
	}
}

void
actor_decode(struct reader *r, struct actor *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->is_gone = reader_u8(r) != 0;
	ret->pid = (int32_t)reader_u32(r);
	ret->start_ticks = reader_u64(r);
	ret->uid = reader_u32(r);
	ret->loginuid = reader_u32(r);
	ret->owner = reader_string(r, OWNER_BYTES_MAX);
	ret->comm = reader_string(r, COMM_BYTES_MAX);
	ret->program = reader_string(r, PATH_BYTES_MAX);
	ret->command = reader_string(r, COMMAND_LINE_MAX);
	ret->cgroup = reader_string(r, CGROUP_BYTES_MAX);
	ret->container = reader_string(r, CGROUP_BYTES_MAX);
	ret->n_parents = reader_count(r, ACTOR_PARENTS_MAX);
	ret->parents = xcalloc(ret->n_parents, sizeof(*ret->parents));
	for (uint32_t i = 0; i < ret->n_parents; i++) {
		ret->parents[i].pid = (int32_t)reader_u32(r);
		ret->parents[i].start_ticks = reader_u64(r);
		ret->parents[i].name = reader_string(r, ACTOR_NAME_MAX);
	}
}

void
watch_event_clear(struct watch_event *e)
{
	target_clear(&e->target);
	actor_clear(&e->actor);
	memset(e, 0, sizeof(*e));
}

void
watch_event_encode(const struct watch_event *e, struct buf *b)
{
	buf_put_u8(b, e->kinds);
	buf_put_u32(b, e->n_merged);
	buf_put_u64(b, (uint64_t)e->first_ms);
	buf_put_u64(b, (uint64_t)e->last_ms);
	target_encode(&e->target, b);
	actor_encode(&e->actor, b);
}

void
watch_event_decode(struct reader *r, struct watch_event *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kinds = reader_u8(r);
	if (ret->kinds == 0 || (ret->kinds & ~(EVENT_WRITTEN | EVENT_EXECUTED)) != 0)
		r->failed = true;
	ret->n_merged = reader_u32(r);
	ret->first_ms = (int64_t)reader_u64(r);
	ret->last_ms = (int64_t)reader_u64(r);
	target_decode(r, &ret->target);
	if (ret->target.kind != TARGET_FILE)
		r->failed = true;
	actor_decode(r, &ret->actor);
}

void
due_list_clear(struct due_list *d)
{
	free(d->items);
	memset(d, 0, sizeof(*d));
}

void
due_list_encode(const struct due_list *d, struct buf *b)
{
	buf_put_u32(b, d->n);
	for (uint32_t i = 0; i < d->n; i++) {
		buf_put_u32(b, (uint32_t)d->items[i].pid);
		buf_put_u64(b, d->items[i].start_ticks);
		buf_put_u8(b, (uint8_t)d->items[i].why);
	}
}

void
due_list_decode(struct reader *r, struct due_list *ret)
{
	ret->n = reader_count(r, DUE_ITEMS_MAX);
	ret->items = xcalloc(ret->n, sizeof(*ret->items));
	for (uint32_t i = 0; i < ret->n; i++) {
		ret->items[i].pid = (int32_t)reader_u32(r);
		ret->items[i].start_ticks = reader_u64(r);
		uint8_t why = reader_u8(r);

		if (why < DUE_STARTED || why >= DUE_WHY_MAX_)
			r->failed = true;
		else
			ret->items[i].why = (enum due_why)why;
	}
}

void
watching_clear(struct watching *w)
{
	free(w->trouble);
	free(w->processes_trouble);
	for (uint32_t i = 0; i < w->n_places; i++) {
		free(w->places[i].path);
		free(w->places[i].type);
		free(w->places[i].trouble);
	}
	free(w->places);
	memset(w, 0, sizeof(*w));
}

enum { HAS_PIDFD = 1u << 0, IS_UNLIMITED = 1u << 1, HAS_ERRORS = 1u << 2 };

void
watching_encode(const struct watching *w, struct buf *b)
{
	buf_put_u32(b, w->id);
	buf_put_string(b, text_of(w->trouble));
	buf_put_string(b, text_of(w->processes_trouble));
	buf_put_u8(b, (uint8_t)((w->has_pidfd ? HAS_PIDFD : 0) |
				(w->is_unlimited ? IS_UNLIMITED : 0) |
				(w->has_errors ? HAS_ERRORS : 0)));
#define PUT_COUNTER(name) buf_put_u64(b, w->counters.n_##name);
	WATCH_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
	buf_put_u32(b, w->n_places);
	for (uint32_t i = 0; i < w->n_places; i++) {
		buf_put_u64(b, w->places[i].dev);
		buf_put_string(b, text_of(w->places[i].path));
		buf_put_string(b, text_of(w->places[i].type));
		buf_put_string(b, text_of(w->places[i].trouble));
	}
	buf_put_u32(b, w->n_unlisted);
}

void
watching_decode(struct reader *r, struct watching *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = reader_u32(r);
	ret->trouble = reader_string(r, WATCH_PLACE_BYTES_MAX);
	ret->processes_trouble = reader_string(r, WATCH_PLACE_BYTES_MAX);
	uint8_t flags = reader_u8(r);

	ret->has_pidfd = (flags & HAS_PIDFD) != 0;
	ret->is_unlimited = (flags & IS_UNLIMITED) != 0;
	ret->has_errors = (flags & HAS_ERRORS) != 0;
#define GET_COUNTER(name) ret->counters.n_##name = reader_u64(r);
	WATCH_COUNTERS(GET_COUNTER)
#undef GET_COUNTER
	ret->n_places = reader_count(r, WATCH_PLACES_MAX);
	ret->places = xcalloc(ret->n_places, sizeof(*ret->places));
	for (uint32_t i = 0; i < ret->n_places; i++) {
		ret->places[i].dev = reader_u64(r);
		ret->places[i].path = reader_string(r, WATCH_PLACE_BYTES_MAX);
		ret->places[i].type = reader_string(r, WATCH_PLACE_BYTES_MAX);
		ret->places[i].trouble = reader_string(r, WATCH_PLACE_BYTES_MAX);
	}
	ret->n_unlisted = reader_u32(r);
}

void
watch_lost_clear(struct watch_lost *l)
{
	free_list(l->paths, l->n_paths);
	memset(l, 0, sizeof(*l));
}

void
watch_lost_encode(const struct watch_lost *l, struct buf *b)
{
	buf_put_u8(b, l->is_processes);
	buf_put_u64(b, (uint64_t)l->since_ns);
	buf_put_u32(b, l->n_paths);
	for (uint32_t i = 0; i < l->n_paths; i++)
		buf_put_string(b, l->paths[i]);
}

void
watch_lost_decode(struct reader *r, struct watch_lost *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->is_processes = reader_u8(r) != 0;
	ret->since_ns = (int64_t)reader_u64(r);
	ret->paths = decode_list(r, WALK_ROOTS_MAX, &ret->n_paths);
}

void
block_request_clear(struct block_request *b)
{
	free(b->keys);
	memset(b, 0, sizeof(*b));
}

void
block_request_encode(const struct block_request *q, struct buf *b)
{
	buf_put_u8(b, q->is_on);
	buf_put_u8(b, q->is_anew);
	buf_put_u32(b, q->n_keys);
	for (uint32_t i = 0; i < q->n_keys; i++) {
		buf_put_u64(b, q->keys[i].dev);
		buf_put_u64(b, q->keys[i].ino);
		buf_put_u64(b, q->keys[i].size);
		buf_put_u64(b, (uint64_t)q->keys[i].mtime_ns);
		buf_put_u64(b, (uint64_t)q->keys[i].ctime_ns);
	}
}

void
block_request_decode(struct reader *r, struct block_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->is_on = reader_u8(r) != 0;
	ret->is_anew = reader_u8(r) != 0;
	ret->n_keys = reader_count(r, BLOCK_KEYS_MAX);
	ret->keys = xcalloc(ret->n_keys, sizeof(*ret->keys));
	for (uint32_t i = 0; i < ret->n_keys; i++) {
		ret->keys[i].dev = reader_u64(r);
		ret->keys[i].ino = reader_u64(r);
		ret->keys[i].size = reader_u64(r);
		ret->keys[i].mtime_ns = (int64_t)reader_u64(r);
		ret->keys[i].ctime_ns = (int64_t)reader_u64(r);
	}
}

void
blocked_clear(struct blocked *b)
{
	target_clear(&b->target);
	actor_clear(&b->actor);
}

void
blocked_encode(const struct blocked *d, struct buf *b)
{
	buf_put_u64(b, (uint64_t)d->time_ms);
	target_encode(&d->target, b);
	actor_encode(&d->actor, b);
}

void
blocked_decode(struct reader *r, struct blocked *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->time_ms = (int64_t)reader_u64(r);
	target_decode(r, &ret->target);
	actor_decode(r, &ret->actor);
}
