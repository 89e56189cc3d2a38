/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: the memory of any process, which changes while it is read.
 */
#include "scanners/memory_scan.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "scanners/code_check.h"
#include "scanners/gate.h"
#include "scanners/image.h"
#include "scanners/memory_reader.h"
#include "scanners/unit_cache.h"

enum {
	PIECE_BYTES = 1024 * 1024, /* of memory that conditions see at once */
	/* A malloc(3)ed copy of a file begins so far behind a page's start. */
	HEAP_HEADER_BYTES = 16,
	/* Windows of a unit; one with more is searched whole. */
	WINDOWS_MAX = 1024,
};

static_assert(RULESET_OVERLAP_MAX + 2 * BORDER_BYTES <= UNIT_OVERLAP_MAX,
    "units overlap by less than the longest match");

struct memory_scanner {
	struct matcher *matcher;
	struct hasher *hasher;
	struct scan_setup setup;
	struct gate *gate;        /* NULL: some string could match anywhere */
	struct unit_cache *cache; /* NULL where libcrypto has no GMAC */
	size_t overlap;           /* of units: no match of these rules is longer */
};

/* A place of memory that conditions see: a piece of a run. */
struct piece {
	uint64_t base;
	size_t len;
};

/* One scan of one process. */
struct pass {
	struct memory_scanner *ms;
	const struct target *target;
	const int *fds;
	struct regions *regions;
	struct pages *pages;
	struct memory_reader *reader;
	struct note_list *notes;
	int64_t until_ms;
	bool is_late;

	/* The unit whose windows are handed out. */
	struct memory_unit unit;
	const struct unit_window *windows; /* NULL: all of it */
	uint32_t n_windows, next_window;
	struct unit_window found[WINDOWS_MAX];

	uint64_t images[IMAGES_MAX]; /* addresses of headers */
	unsigned n_images;
	uint64_t n_images_left; /* beyond */

	struct piece *pieces; /* owned */
	size_t n_pieces;
	bool has_pieces;
	uint8_t *piece_data; /* PIECE_BYTES; owned */
	size_t piece_held;   /* index + 1 of what it holds; 0: nothing */
};

struct memory_scanner *
memory_scanner_new(struct ruleset *rs, struct matcher *m, struct hasher *h,
    const struct scan_setup *setup)
{
	struct memory_scanner *ms = xcalloc(1, sizeof(*ms));

	ms->overlap = ruleset_longest_match(rs) + 2 * BORDER_BYTES;

	ms->matcher = m;
	ms->hasher = h;
	ms->setup = *setup;
	ms->cache = unit_cache_new();
	ms->gate = gate_new(ruleset_rules(rs), matcher_out_in_memory(m));
	return ms;
}

void
memory_scanner_free(struct memory_scanner *ms)
{
	if (ms == NULL)
		return;
	unit_cache_free(ms->cache);
	gate_free(ms->gate);
	free(ms);
}

static bool
may_read(const struct pass *p, uint64_t address)
{
	size_t i = regions_find(p->regions, address);
	const struct region *r =
	    i < regions_n(p->regions) ? regions_at(p->regions, i) : NULL;

	return r != NULL && r->start <= address &&
	       (r->use == REGION_OWN || r->use == REGION_ALL) &&
	       pages_is_present(p->pages, address);
}

/*
 * For looks beside the search, at addresses that somebody else may have chosen:
 * only pages that are present now, of regions that are read.
 */
static size_t
read_present(void *ctx, uint64_t address, void *to, size_t len)
{
	struct pass *p = ctx;
	size_t n_read = 0;

	for (size_t done = 0; done < len;) {
		uint64_t at = address + done;
		size_t n = PAGE_BYTES - (size_t)(at & (PAGE_BYTES - 1));
		size_t got = 0;

		if (n > len - done)
			n = len - done;
		if (at >= address && may_read(p, at))
			got = memory_read(p->fds[MEMORY_FD_MEM], at, (uint8_t *)to + done,
			    n);
		memset((uint8_t *)to + done + got, 0, n - got);
		n_read += got;
		done += n;
	}
	return n_read;
}

static void
clear_search(struct pass *p)
{
	memory_reader_free(p->reader);
	pages_free(p->pages);
	free(p->pieces);
	p->reader = NULL;
	p->pages = NULL;
	p->pieces = NULL;
	p->n_pieces = 0;
	p->has_pieces = false;
	p->piece_held = 0;
	p->n_windows = p->next_window = 0;
	p->n_images = 0;
	p->n_images_left = 0;
}

static void
on_restart(void *ctx)
{
	struct pass *p = ctx;
	bool is_legacy = p->pages != NULL && pages_is_legacy(p->pages);

	/* What is told is what the last search met. */
	note_list_clear(p->notes);
	clear_search(p);
	p->is_late = false;
	p->pages = pages_new(p->fds[MEMORY_FD_PAGEMAP], p->regions, is_legacy);
	p->reader = memory_reader_new(p->fds[MEMORY_FD_MEM], p->pages, p->regions,
	    p->ms->overlap, p->notes);
}

/* Whether the page is the process's own: a file's own header is of the file. */
static bool
is_own(const struct pass *p, uint64_t address)
{
	size_t i = regions_find(p->regions, address);
	const struct region *r =
	    i < regions_n(p->regions) ? regions_at(p->regions, i) : NULL;

	return r != NULL && r->start <= address &&
	       (r->use == REGION_ALL || pages_is_own(p->pages, address));
}

static void
keep_image(struct pass *p, uint64_t address)
{
	/* Units overlap: a header near a border is met twice. */
	for (unsigned i = 0; i < p->n_images; i++) {
		if (p->images[i] == address)
			return;
	}
	if (p->n_images == IMAGES_MAX)
		p->n_images_left++;
	else
		p->images[p->n_images++] = address;
}

/* Whether a program's header begins there, which may go on behind the unit. */
static bool
is_header(struct pass *p, const struct memory_unit *unit, size_t from)
{
	const uint8_t *data = unit->data + from;
	size_t left = unit->len - from;
	uint8_t head[IMAGE_HEAD_BYTES];

	if (image_is_header(data, left))
		return true;
	if (left >= sizeof(head) || (data[0] != 'M' && data[0] != 0x7f))
		return false;
	(void)read_present(p, unit->base + from, head, sizeof(head));
	return image_is_header(head, sizeof(head));
}

/* Headers of programs at the starts of pages, and where malloc(3) puts a large copy. */
static void
look_for_images(struct pass *p, const struct memory_unit *unit)
{
	static const size_t places[] = { 0, HEAP_HEADER_BYTES };
	uint64_t page = (unit->base + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);

	for (; page < unit->base + unit->len; page += PAGE_BYTES) {
		size_t at = (size_t)(page - unit->base);

		for (size_t i = 0; i < MH_ARRAY_LEN(places); i++) {
			size_t from = at + places[i];

			if (from < unit->len && is_header(p, unit, from) &&
			    is_own(p, page))
				keep_image(p, page + places[i]);
		}
	}
}

/* What of the unit that was just read has to be searched. */
static void
look_up(struct pass *p)
{
	struct memory_scanner *ms = p->ms;
	const struct memory_unit *unit = &p->unit;
	struct unit_hash hash;
	bool has_hash = false;

	look_for_images(p, unit);
	p->next_window = 0;
	p->windows = NULL;
	p->n_windows = 1;
	if (ms->gate == NULL)
		return;
	if (ms->cache != NULL)
		has_hash = unit_cache_hash(ms->cache, unit->data, unit->len, &hash);
	if (has_hash && unit_cache_find(ms->cache, &hash, &p->windows, &p->n_windows))
		return;
	uint32_t n = gate_windows(ms->gate, unit->data, unit->len, p->found, WINDOWS_MAX);

	if (n > WINDOWS_MAX)
		return;
	p->windows = p->found;
	p->n_windows = gate_settle(unit->data, unit->len, p->found, n);
	if (has_hash && p->n_windows <= UNIT_WINDOWS_MAX)
		unit_cache_add(ms->cache, &hash, p->found, p->n_windows);
}

static bool
on_next_unit(void *ctx, struct content_block *ret)
{
	struct pass *p = ctx;

	while (p->next_window == p->n_windows) {
		if (clock_monotonic_ms() > p->until_ms) {
			p->is_late = true;
			return false;
		}
		if (p->reader == NULL || !memory_reader_next(p->reader, &p->unit))
			return false;
		look_up(p);
	}
	if (p->windows == NULL) {
		*ret = (struct content_block){ p->unit.base, p->unit.data, p->unit.len };
	} else {
		const struct unit_window *w = &p->windows[p->next_window];

		*ret = (struct content_block){ p->unit.base + w->start,
			p->unit.data + w->start, w->end - w->start };
	}
	p->next_window++;
	return true;
}

/* Pieces of the runs that were searched, for conditions. */
static void
cut_pieces(struct pass *p)
{
	size_t n_runs = 0;
	const struct page_run *runs =
	    p->reader != NULL ? memory_reader_runs(p->reader, &n_runs) : NULL;
	size_t cap = 0;

	for (size_t i = 0; i < n_runs; i++) {
		for (uint64_t at = runs[i].start; at < runs[i].end;) {
			uint64_t end = (at / PIECE_BYTES + 1) * PIECE_BYTES;

			if (end > runs[i].end)
				end = runs[i].end;
			if (p->n_pieces == cap) {
				cap = cap > 0 ? cap * 2 : 256;
				p->pieces =
				    xreallocarray(p->pieces, cap, sizeof(*p->pieces));
			}
			p->pieces[p->n_pieces++] =
			    (struct piece){ at, (size_t)(end - at) };
			at = end;
		}
	}
	p->has_pieces = true;
}

static bool
on_block(void *ctx, size_t i, uint64_t *ret_base, size_t *ret_len)
{
	struct pass *p = ctx;

	if (!p->has_pieces)
		cut_pieces(p);
	if (i >= p->n_pieces)
		return false;
	*ret_base = p->pieces[i].base;
	*ret_len = p->pieces[i].len;
	return true;
}

static const uint8_t *
on_fetch(void *ctx, size_t i)
{
	struct pass *p = ctx;

	if (p->piece_data == NULL)
		p->piece_data = malloc(PIECE_BYTES);
	if (p->piece_data == NULL || i >= p->n_pieces)
		return NULL;
	if (p->piece_held != i + 1)
		(void)read_present(p, p->pieces[i].base, p->piece_data, p->pieces[i].len);
	p->piece_held = i + 1;
	return p->piece_data;
}

/* The region of a place, once in the list. */
static void
describe_region(const struct pass *p, struct match *m, uint64_t address)
{
	size_t i = regions_find(p->regions, address);
	const struct region *r =
	    i < regions_n(p->regions) ? regions_at(p->regions, i) : NULL;

	if (r == NULL || r->start > address)
		return;
	for (uint32_t k = 0; k < m->n_regions; k++) {
		if (m->regions[k].start == r->start)
			return;
	}
	if (m->n_regions == MATCH_REGIONS_MAX)
		return;
	struct match_region *region = &m->regions[m->n_regions++];

	region->start = r->start;
	region->end = r->end;
	region->offset = r->offset;
	memcpy(region->perms, r->perms, sizeof(region->perms));
	region->path = xstrdup(region_path(p->regions, r));
}

/* What stands around a match now, and whether the match itself still does. */
static void
describe_around(struct pass *p, struct match_string *s)
{
	uint8_t bytes[MATCH_DATA_MAX + 2 * AROUND_BYTES_MAX];
	uint32_t kept = s->length < MATCH_DATA_MAX ? s->length : MATCH_DATA_MAX;
	uint32_t before = AROUND_BYTES_MAX;
	uint32_t after = kept == s->length ? AROUND_BYTES_MAX : 0;

	/* A page that is not there ends what stands around. */
	while (before > 0 && !may_read(p, s->offset - before))
		before--;
	while (after > 0 && !may_read(p, s->offset + kept + after - 1))
		after--;
	s->n_around = before + kept + after;
	(void)read_present(p, s->offset - before, bytes, s->n_around);
	s->n_before = before;
	s->around = xmemdup(bytes, s->n_around);
	s->is_changed = s->n_data == 0 || memcmp(bytes + before, s->data,
					      s->n_data < kept ? s->n_data : kept) != 0;
}

/* The SHA-256 of what stands there now in place of the bytes. */
static void
describe_hash(struct pass *p, struct match_string *s)
{
	enum { HASHED_MAX = 64 * 1024 }; /* bytes of one match */
	MH_CLEANUP(freep) uint8_t *bytes = NULL;

	if (s->length > HASHED_MAX)
		return;
	bytes = xcalloc(s->length, 1);
	s->data = xcalloc(1, 32);
	if (read_present(p, s->offset, bytes, s->length) == s->length &&
	    hasher_hash(p->ms->hasher, HASH_SHA256, bytes, s->length, s->data)) {
		s->n_data = 32;
		s->is_hash = true;
	}
}

/* Places whose surroundings are kept: a finding that has more is clear without. */
enum { AROUND_STRINGS_MAX = 64 };

static void
on_describe(void *ctx, struct match *m)
{
	struct pass *p = ctx;

	m->regions = xcalloc(MATCH_REGIONS_MAX, sizeof(*m->regions));
	for (uint32_t i = 0; i < m->n_strings; i++) {
		describe_region(p, m, m->strings[i].offset);
		if (p->ms->setup.data_mode == DATA_BYTES && i < AROUND_STRINGS_MAX)
			describe_around(p, &m->strings[i]);
		else if (p->ms->setup.data_mode == DATA_HASH)
			describe_hash(p, &m->strings[i]);
	}
}

/* Memory that nobody reads, told by itself. */
static void
note_unread(struct pass *p)
{
	for (size_t i = 0; i < regions_n(p->regions); i++) {
		const struct region *r = regions_at(p->regions, i);

		if (r->is_device)
			note_list_count(p->notes, REASON_DEVICE, 1, r->end - r->start);
		if (!r->is_secret)
			continue;
		MH_CLEANUP(freep)
		char *name = xasprintf(" 0x%" PRIx64 "-0x%" PRIx64 " %s %s", r->start,
		    r->end, r->perms, region_path(p->regions, r));

		note_list_add(p->notes, REASON_SECRET, r->end - r->start, name, NULL);
	}
}

/* Scan one program as a file; what it had is remembered by its content. */
static void
scan_image(struct pass *p, uint64_t address, const struct image *image,
    struct match_outcome *ret)
{
	struct content_block block = { 0, image->data, image->size };
	struct content content = { .blocks = &block,
		.n_blocks = 1,
		.file_size = image->size,
		.n_bytes = image->size,
		.is_whole = !image->is_cut };
	struct external_values values;
	struct match_outcome o;
	MH_CLEANUP(freep)
	char *name = xasprintf(" image 0x%" PRIx64, address);

	for (size_t i = 0; i < EXTERNAL_MAX_; i++)
		values.value[i] = "";
	values.value[EXTERNAL_FILETYPE] = image->type;
	matcher_scan(p->ms->matcher, &content, &values, &o);
	for (uint32_t i = 0; i < o.n_matches; i++) {
		o.matches[i]->image_base = address;
		o.matches[i]->image_size = image->size;
		o.matches[i]->has_part_sha256 = hasher_hash(p->ms->hasher, HASH_SHA256,
		    image->data, image->size, o.matches[i]->part_sha256);
	}
	match_outcome_take_matches(ret, &o, PART_IMAGE, name);
	if (o.reason != REASON_NONE)
		note_list_add(&ret->notes, o.reason, image->size, name, o.detail);
	if (image->is_cut)
		note_list_add(&ret->notes, REASON_TOO_LARGE, image->size, name, NULL);
	match_outcome_clear(&o);
}

static void
rebuild_image(struct pass *p, uint64_t address, struct match_outcome *ret)
{
	static const enum image_layout layouts[] = { IMAGE_LOADED, IMAGE_RAW };

	for (size_t i = 0; i < MH_ARRAY_LEN(layouts); i++) {
		struct image image;
		mh_err err = image_rebuild(read_present, p, address, layouts[i], &image);

		if (err == MH_ERR_MEMORY)
			ret->reason = REASON_MEMORY;
		if (err != MH_OK)
			continue;
		scan_image(p, address, &image, ret);
		image_clear(&image);
	}
}

static void
keep_clue(void *ctx, const struct clue *c)
{
	struct match_outcome *o = ctx;

	if (o->n_clues == PROCESS_CLUES_MAX) {
		note_list_count(&o->notes, REASON_UNSEEN, 1, 0);
		return;
	}
	o->clues = xreallocarray(o->clues, o->n_clues + 1, sizeof(*o->clues));
	clue_copy(c, &o->clues[o->n_clues++]);
}

static void
note_image(struct pass *p, uint64_t address, struct match_outcome *ret)
{
	uint8_t first = 0;

	size_t i = regions_find(p->regions, address);
	const struct region *r = regions_at(p->regions, i);
	const struct clue c = {
		.kind = r->perms[2] == 'x' ? CLUE_IMAGE_EXEC : CLUE_IMAGE,
		.address = address,
		.number = read_present(p, address, &first, 1) == 1 && first == 'M'
			      ? CLUE_IMAGE_PE
			      : CLUE_IMAGE_ELF,
		.what = (char *)(uintptr_t)region_path(p->regions, r),
	};

	keep_clue(ret, &c);
}

/* Code that the process has changed, against its files. */
static void
check_codes(const struct pass *p, struct match_outcome *ret)
{
	code_check_all(p->target, p->fds, CODE_BYTES_MAX, keep_clue, ret);
}

static void
scan_images(struct pass *p, struct match_outcome *ret)
{
	for (unsigned i = 0; i < p->n_images; i++) {
		note_image(p, p->images[i], ret);
		if (clock_monotonic_ms() > p->until_ms) {
			p->is_late = true;
			note_list_count(&ret->notes, REASON_TIMEOUT, 1, 0);
			continue;
		}
		rebuild_image(p, p->images[i], ret);
	}
	if (p->n_images_left > 0)
		note_list_count(&ret->notes, REASON_TOO_LARGE, p->n_images_left, 0);
}

/* Search the memory, then its programs. */
static void
scan_regions(struct pass *p, struct verdict *v, struct match_outcome *ret)
{
	struct memory_input input = {
		.ctx = p,
		.restart = on_restart,
		.next_unit = on_next_unit,
		.block = on_block,
		.fetch = on_fetch,
		.describe = on_describe,
	};
	struct note_list notes = { .n = 0 };

	p->notes = &notes;
	matcher_scan_memory(p->ms->matcher, &input, ret);
	v->bytes_scanned = p->reader != NULL ? memory_reader_bytes(p->reader) : 0;
	ret->notes = notes;
	p->notes = &ret->notes;
	if (p->pages != NULL && pages_n_swapped(p->pages) > 0)
		note_list_count(&ret->notes, REASON_SWAPPED, pages_n_swapped(p->pages),
		    pages_n_swapped(p->pages) * PAGE_BYTES);
	note_unread(p);
	check_codes(p, ret);
	if (p->reader == NULL)
		ret->reason = REASON_MEMORY;
	else
		scan_images(p, ret);
	v->reason = ret->reason;
	v->partly = ret->partly;
	v->detail = MH_TAKE(ret->detail);
	if (p->is_late && v->reason == REASON_NONE) {
		v->reason = REASON_TIMEOUT;
		v->partly = true;
	}
}

/*
 * Whether the memory is no more: the process ended, or began another program.
 * Then mem reads as if it were at its end; of an address without a page it is
 * an error.
 */
static bool
is_gone(const struct pass *p)
{
	uint8_t byte = 0;
	ssize_t n = 0;

	do
		n = pread(p->fds[MEMORY_FD_MEM], &byte, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 0;
}

void
memory_scan(struct memory_scanner *ms, const struct target *t, const int *fds,
    struct verdict *ret_verdict, struct match_outcome *ret_outcome)
{
	int64_t started_ms = clock_monotonic_ms();
	struct pass p = {
		.ms = ms,
		.target = t,
		.fds = fds,
		.until_ms =
		    started_ms + (int64_t)ms->setup.timeout_ms * MEMORY_TIME_FACTOR,
	};
	bool is_cut = false;
	mh_err err = regions_read(fds[MEMORY_FD_MAPS], t, &p.regions, &is_cut);

	memset(ret_verdict, 0, sizeof(*ret_verdict));
	memset(ret_outcome, 0, sizeof(*ret_outcome));
	ret_verdict->target = t->id;
	if ((err == MH_ERR_SYSTEM && errno == ESRCH) ||
	    (err == MH_OK && regions_n(p.regions) == 0)) {
		ret_verdict->reason = REASON_VANISHED;
	} else if (err != MH_OK) {
		ret_verdict->reason = REASON_READ_FAILED;
		ret_verdict->detail =
		    xstrdup(err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
	} else {
		scan_regions(&p, ret_verdict, ret_outcome);
		if (is_gone(&p)) {
			ret_verdict->reason = REASON_VANISHED;
			ret_verdict->partly = true;
			free(ret_verdict->detail);
			ret_verdict->detail = NULL;
		}
	}
	if (is_cut && ret_verdict->reason == REASON_NONE) {
		ret_verdict->reason = REASON_TOO_LARGE;
		ret_verdict->partly = true;
	}
	clear_search(&p);
	free(p.piece_data);
	regions_free(p.regions);
	ret_verdict->micros = (uint32_t)((clock_monotonic_ms() - started_ms) * 1000);
}
