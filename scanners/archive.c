/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile.
 */
#include "scanners/archive.h"

#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "scanners/archive_checks.h"
#include "scanners/archive_kind.h"
#include "scanners/archive_member.h"
#include "scanners/archive_reader.h"
#include "scanners/externals.h"
#include "scanners/filetype.h"
#include "scanners/zip_directory.h"

/* Bytes that a store keeps from one target to the next. */
enum { STORE_KEEP = 1024 * 1024 };

struct archive_scanner {
	struct ruleset *rules;
	struct hasher *hasher;
	struct matcher *matcher;
	struct indicator_scanner *indicators;
	struct scan_setup setup;
	struct archive_limits limits;
	pulse_fn *on_pulse;
	void *pulse_ctx;
	struct member_stores stores;
	struct external_texts texts;

	/* Of the target that is scanned. */
	const struct target *target;
	struct match_outcome *outcome;
	uint64_t target_bytes;
	bool is_archive;            /* else facts are none */
	struct archive_facts facts; /* of the target itself */
	bool may_ask;               /* for a worker with more memory */
	int64_t deadline_ms;
	uint64_t n_entries;             /* in all levels */
	uint64_t unpacked;              /* bytes, in all levels */
	uint64_t n_findings;            /* in members */
	uint64_t finding_bytes;         /* encoded, at most */
	struct archive_listing listing; /* of the target itself */
	enum reason stop;               /* why nothing more is read; NONE: go on */
};

/* One archive that is being read. */
struct level {
	struct archive_scanner *as;
	struct archive *reader;
	struct archive_source source;
	const struct archive_facts *facts;
	const char *name;   /* behind the target's path: "!/a.zip", "" for the target */
	bool is_second;     /* archive_reader_new() */
	bool has_zip_end;   /* of a ZIP: its directory is there */
	unsigned depth;     /* 1: the target itself */
	uint64_t delivered; /* bytes of members */
	uint64_t counted;   /* bytes that are in as->unpacked */
	uint64_t n_entries;
	bool has_no_header; /* where one should be; told */
	bool has_last_zip;  /* a member that was scanned holds the ZIP at the end */
};

struct archive_limits
archive_limits_of(const struct scan_setup *setup)
{
	uint64_t member = ARCHIVE_MEMBER_BYTES_MAX;

	if (member > setup->max_file_bytes)
		member = setup->max_file_bytes;
	return (struct archive_limits){
		.depth = ARCHIVE_DEPTH_MAX,
		.n_entries = ARCHIVE_ENTRIES_MAX,
		.member_bytes = member,
		.bytes = ARCHIVE_BYTES_MAX,
		.ratio = ARCHIVE_RATIO_MAX,
		.ratio_free = ARCHIVE_RATIO_FREE,
		.buffer_bytes =
		    setup->memory_bytes / ARCHIVE_MEMORY_SHARES * ARCHIVE_MEMORY_SHARE,
		.time_ms = setup->timeout_ms * ARCHIVE_TIME_FACTOR,
		.n_findings = ARCHIVE_FINDINGS_MAX,
		.finding_bytes = ARCHIVE_FINDING_BYTES_MAX,
	};
}

struct archive_scanner *
archive_scanner_new(struct ruleset *rs, struct hasher *h, struct matcher *m,
    const struct scan_setup *setup, pulse_fn *on_pulse, void *ctx)
{
	struct archive_scanner *as = xcalloc(1, sizeof(*as));
	struct archive_limits limits = archive_limits_of(setup);

	as->rules = rs;
	as->hasher = h;
	as->matcher = m;
	as->setup = *setup;
	as->on_pulse = on_pulse;
	as->pulse_ctx = ctx;
	archive_scanner_limit(as, &limits);
	return as;
}

void
archive_scanner_free(struct archive_scanner *as)
{
	if (as == NULL)
		return;
	member_stores_clear(&as->stores);
	free(as);
}

void
archive_scanner_use(struct archive_scanner *as, struct indicator_scanner *is)
{
	as->indicators = is;
}

void
archive_scanner_limit(struct archive_scanner *as, const struct archive_limits *l)
{
	as->limits = *l;
	if (as->limits.depth > ARCHIVE_DEPTH_MAX)
		as->limits.depth = ARCHIVE_DEPTH_MAX;
	member_stores_clear(&as->stores);
	as->stores.max_bytes = (size_t)as->limits.buffer_bytes;
}

/* Nothing more is read of this target; false, for who says so. */
static bool
stop(struct archive_scanner *as, enum reason reason)
{
	if (as->stop == REASON_NONE)
		as->stop = reason;
	return false;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What a filter unpacked, for members or to be skipped: that takes its time, too. */
static uint64_t
filtered_bytes(struct archive *reader)
{
	int64_t bytes = 0;

	if (reader != NULL && archive_filter_count(reader) > 1)
		bytes = archive_filter_bytes(reader, 0);
	return bytes > 0 ? (uint64_t)bytes : 0;
}

/* Count what the level has unpacked by now; false where a limit is passed. */
static bool
count_bytes(struct level *l)
{
	struct archive_scanner *as = l->as;
	uint64_t bytes = larger(l->delivered, filtered_bytes(l->reader));

	if (bytes > l->counted) {
		as->unpacked += bytes - l->counted;
		l->counted = bytes;
	}
	as->on_pulse(as->pulse_ctx);
	if (as->unpacked > as->limits.bytes)
		return stop(as, REASON_ARCHIVE_BYTES);
	if (as->unpacked > as->limits.ratio_free &&
	    as->unpacked / as->limits.ratio > as->target_bytes)
		return stop(as, REASON_ARCHIVE_RATIO);
	if (clock_monotonic_ms() > as->deadline_ms)
		return stop(as, REASON_ARCHIVE_TIME);
	return as->stop == REASON_NONE;
}

static bool
on_read(void *ctx)
{
	return count_bytes(ctx);
}

static bool
on_data(void *ctx, size_t n)
{
	struct level *l = ctx;

	l->delivered += n;
	return count_bytes(l);
}

static void
note(struct archive_scanner *as, enum reason reason, const char *name, const char *detail)
{
	/* Out of memory is for the worker that has more of it. */
	if (reason == REASON_MEMORY && as->may_ask)
		(void)stop(as, REASON_MEMORY);
	else
		note_list_add(&as->outcome->notes, reason, 0, name, detail);
}

/* A failure of libarchive's, unless it is our own stop that made it fail. */
static void
note_failure(struct level *l, enum reason reason, const char *name)
{
	if (l->as->stop != REASON_NONE)
		return;
	/* What is missing, or looks damaged, lies in another file of the set. */
	if (reason == REASON_DAMAGED && l->facts->is_volume)
		reason = REASON_VOLUMES;
	const char *text = archive_error_string(l->reader);

	note(l->as, reason, name, text != NULL ? text : l->source.at_once_text);
}

/* Bytes of a match, encoded and in memory, about. */
static uint64_t
match_bytes(const struct match *m)
{
	uint64_t bytes = 512 + strlen(m->part_name);

	for (uint32_t i = 0; i < m->n_metas; i++)
		bytes += sizeof(m->metas[i]) + strlen(m->metas[i].name) +
			 (m->metas[i].text != NULL ? strlen(m->metas[i].text) : 0);
	for (uint32_t i = 0; i < m->n_strings; i++)
		bytes += sizeof(m->strings[i]) + strlen(m->strings[i].name) +
			 m->strings[i].n_data;
	return bytes;
}

/* Move what matched in the member into the outcome of the target. */
static void
take_matches(struct archive_scanner *as, const struct content *c, const char *name,
    struct match_outcome *from)
{
	struct match_outcome *to = as->outcome;
	uint32_t first = to->n_matches;
	uint8_t hash[32];
	static const uint8_t nothing[1];

	if (from->n_matches == 0)
		return;
	match_outcome_take_matches(to, from, PART_MEMBER, name);
	bool has_hash = hasher_hash(as->hasher, HASH_SHA256,
	    c->n_blocks > 0 ? c->blocks[0].data : nothing, (size_t)c->n_bytes, hash);

	for (uint32_t i = first; i < to->n_matches; i++) {
		struct match *m = to->matches[i];

		m->has_part_sha256 = has_hash;
		if (has_hash)
			memcpy(m->part_sha256, hash, sizeof(hash));
		m->image_size = c->n_bytes;
		as->finding_bytes += match_bytes(m);
		as->n_findings++;
	}
	if (as->n_findings > as->limits.n_findings ||
	    as->finding_bytes > as->limits.finding_bytes)
		(void)stop(as, REASON_ARCHIVE_FINDINGS);
}

/* The target's path with the member's name behind; its tail where that is too long. */
static char *
whole_path(const struct archive_scanner *as, const char *name)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s%s", as->target->path, name);
	size_t len = strlen(path);

	return xstrdup(path + (len > PATH_BYTES_MAX ? len - PATH_BYTES_MAX : 0));
}

static void
run_rules(struct archive_scanner *as, const struct content *c, const char *name)
{
	MH_CLEANUP(freep) char *path = whole_path(as, name);
	struct match_outcome found;
	struct external_values values;
	const struct file_name file = {
		.path = path,
		.owner = as->target->owner,
		.filetype = c->n_blocks > 0
				? filetype_of(c->blocks[0].data, c->blocks[0].len)
				: "",
	};

	(void)externals_fill(ruleset_externals(as->rules), &file, c, as->hasher,
	    &as->texts, &values);
	matcher_scan(as->matcher, c, &values, &found);
	indicator_scan_member(as->indicators, path, c, &found);
	as->outcome->n_members++;
	take_matches(as, c, name, &found);
	if (found.reason != REASON_NONE)
		note(as, found.reason, name, found.detail);
	match_outcome_clear(&found);
}

static void scan_archives(struct archive_scanner *as, const struct content *c,
    const char *name, unsigned depth);

/* The name of an entry, as bytes; borrowed from it. */
static const char *
entry_name(struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);

	if (name == NULL)
		name = archive_entry_pathname_utf8(e);
	if (name == NULL)
		return "?";
	while (name[0] == '.' && name[1] == '/' && name[2] != 0)
		name += 2;
	return name;
}

/* What one packed file unpacks to has the file's name, without its last part. */
static char *
unpacked_name(const struct level *l)
{
	MH_CLEANUP(freep) char *path = whole_path(l->as, l->name);
	const char *base = path_base(path);
	size_t len = strlen(base) - strlen(path_extension(base));

	return len > 0 ? xstrndup(base, len) : xstrdup("data");
}

static char *
part_name(const struct level *l, struct archive_entry *e)
{
	const char *name = entry_name(e);
	MH_CLEANUP(freep) char *made = NULL;

	if (archive_format(l->reader) == ARCHIVE_FORMAT_RAW && strcmp(name, "data") == 0)
		name = made = unpacked_name(l);
	char *whole = xasprintf("%s!/%.*s", l->name, PART_NAME_MAX, name);

	if (strlen(whole) > PART_NAME_MAX)
		whole[PART_NAME_MAX] = 0;
	return whole;
}

static bool
is_file(struct archive_entry *e)
{
	return archive_entry_hardlink(e) == NULL &&
	       (archive_entry_filetype(e) == AE_IFREG || archive_entry_filetype(e) == 0);
}

/*
 * Whether the entry is to be read: files, and whatever else may bring bytes,
 * because an unpacker need not believe the type.
 */
static bool
has_content(struct archive_entry *e)
{
	return is_file(e) ||
	       (archive_entry_filetype(e) != AE_IFLNK && archive_entry_size_is_set(e) &&
		   archive_entry_size(e) > 0);
}

/*
 * A ZIP is given no type that it cannot be read by (scanners/zip_directory.h),
 * so what is left is told: a link, or something else that has data.
 */
static bool
has_hidden_data(const struct level *l, struct archive_entry *e)
{
	if (l->facts->kind != ARCHIVE_ZIP || is_file(e))
		return false;
	if (archive_entry_filetype(e) == AE_IFLNK)
		return true;
	/* Without a directory libarchive 3.7 says 0 of a length behind the data. */
	return archive_entry_size(e) > 0 || l->is_second || !l->has_zip_end;
}

/*
 * Whether the member is the end of the archive that holds it as it is, and so a
 * ZIP at that end its own.
 */
static bool
is_tail(const struct level *l, const struct member_store *store)
{
	const struct content *c = l->source.content;

	if (!archive_kind_is_plain(l->facts->kind) || store->len < ZIP_END_LEN ||
	    store->len > c->file_size)
		return false;
	const uint8_t *tail = content_bytes(c, c->file_size - store->len, store->len);

	return tail != NULL &&
	       memcmp(tail + store->len - ZIP_END_LEN,
		   store->at + store->len - ZIP_END_LEN, ZIP_END_LEN) == 0 &&
	       memcmp(tail, store->at, store->len) == 0 &&
	       zip_lies_in_tail(c, store->len);
}

/* Scan what store has of the member; the archive that it is, too. */
static void
scan_store(struct archive_scanner *as, const struct member_store *store, const char *name,
    unsigned depth)
{
	const struct content_block block = { 0, store->at, store->len };
	const struct content c = {
		.blocks = &block,
		.n_blocks = store->len > 0 ? 1 : 0,
		.file_size = store->len,
		.n_bytes = store->len,
		.is_whole = true,
	};

	run_rules(as, &c, name);
	if (as->stop == REASON_NONE)
		scan_archives(as, &c, name, depth);
}

/*
 * Whether a member says of itself that it is for the worker with more memory:
 * that saves reading it to where memory ends.  A lie costs a second try.
 */
static bool
is_too_large_here(const struct archive_scanner *as, struct archive_entry *e)
{
	int64_t size = archive_entry_size_is_set(e) ? archive_entry_size(e) : 0;

	return as->may_ask && size > 0 && (uint64_t)size > as->stores.max_bytes &&
	       as->limits.member_bytes > as->stores.max_bytes;
}

/* False: the archive cannot be read any further. */
static bool
scan_entry(struct level *l, struct archive_entry *e)
{
	struct archive_scanner *as = l->as;
	MH_CLEANUP(freep) char *name = NULL;

	if (has_hidden_data(l, e)) {
		name = part_name(l, e);
		note(as, REASON_UNSUPPORTED, name, "data that claims to be no file");
		return true;
	}
	if (!has_content(e))
		return true;
	if (l->depth == 1)
		archive_listing_add(&as->listing, entry_name(e));
	name = part_name(l, e);
	if (archive_entry_is_encrypted(e)) {
		note(as, REASON_ENCRYPTED, name, NULL);
		return true;
	}
	if (is_too_large_here(as, e)) {
		note(as, REASON_MEMORY, name, NULL);
		return false;
	}
	struct member_end end = member_read(l->reader, &l->source, &as->stores,
	    l->depth - 1, as->limits.member_bytes, on_data, l);
	const struct member_store *store = &as->stores.level[l->depth - 1];

	if (end.reason == REASON_ARCHIVE_MEMBER || end.reason == REASON_MEMORY)
		note(as, end.reason, name, NULL);
	else if (end.reason != REASON_NONE && end.reason != REASON_STOPPED)
		note_failure(l, end.reason, name);
	else if (end.reason == REASON_NONE)
		l->has_last_zip = l->has_last_zip || is_tail(l, store);
	/* What was read before a limit or a damage is scanned as far as it goes. */
	if (as->stop != REASON_MEMORY &&
	    (store->len > 0 || (end.reason == REASON_NONE && is_file(e))))
		scan_store(as, store, name, l->depth + 1);
	return !end.is_fatal && as->stop == REASON_NONE;
}

/*
 * Where there is a second reader, one of the two tells of a failure: of a ZIP
 * the one that found its directory damaged, else the one that comes last.
 */
static bool
is_told_by_other(const struct level *l, enum reason reason)
{
	if (reason == REASON_MEMORY && l->as->may_ask)
		return false;
	if (l->facts->kind == ARCHIVE_ZIP)
		return l->is_second && reason == REASON_DAMAGED;
	return !l->is_second && l->n_entries == 0 &&
	       archive_reader_has_second(l->facts->kind);
}

/* Bytes of an archive that holds nothing: its headers, in gzip with a name. */
enum { RAR_EMPTY_MAX = 64, GZIP_EMPTY_MAX = 4096 };

/*
 * Whether an archive that shows no member is no empty one: a filter could not
 * unpack anything, or libarchive found no header behind the magic and takes the
 * rest for padding.
 */
static bool
is_broken_as_empty(const struct level *l)
{
	enum archive_kind kind = l->facts->kind;
	uint64_t size = l->source.content->file_size;

	return l->n_entries == 0 && (l->source.at_once != REASON_NONE ||
					(kind == ARCHIVE_GZIP && size > GZIP_EMPTY_MAX) ||
					((kind == ARCHIVE_RAR4 || kind == ARCHIVE_RAR5) &&
					    size > RAR_EMPTY_MAX));
}

static enum reason
failure_of(const struct level *l)
{
	if (l->n_entries == 0 && l->source.at_once != REASON_NONE)
		return l->source.at_once;
	return archive_reader_reason(l->reader, &l->source);
}

/* libarchive skips what is no header; that is told once. */
static void
note_no_header(struct level *l)
{
	if (l->has_no_header || is_told_by_other(l, REASON_DAMAGED))
		return;
	l->has_no_header = true;
	note_failure(l, REASON_DAMAGED, l->name);
}

static void
scan_entries(struct level *l)
{
	struct archive_scanner *as = l->as;
	bool goes_on = count_bytes(l);

	while (goes_on) {
		struct archive_entry *e = NULL;
		int r = archive_read_next_header(l->reader, &e);

		if (r == ARCHIVE_EOF && !is_broken_as_empty(l))
			break;
		if (as->n_entries++ == as->limits.n_entries) {
			(void)stop(as, REASON_ARCHIVE_MEMBERS);
			break;
		}
		if (r == ARCHIVE_EOF || (r < ARCHIVE_WARN && r != ARCHIVE_RETRY)) {
			enum reason reason = failure_of(l);

			if (!is_told_by_other(l, reason))
				note_failure(l, reason, l->name);
			break;
		}
		if (r == ARCHIVE_RETRY)
			note_no_header(l);
		else
			goes_on = scan_entry(l, e);
		l->n_entries += r != ARCHIVE_RETRY;
		goes_on = goes_on && count_bytes(l);
	}
}

/* What one reading of an archive showed. */
struct sight {
	uint64_t n_entries;
	bool has_last_zip;
};

static struct sight
read_archive(struct archive_scanner *as, const struct content *c,
    const struct archive_facts *facts, bool is_second, const char *name, unsigned depth)
{
	struct level l = {
		.as = as,
		.source = { .content = c, .start = facts->offset, .on_read = on_read },
		.facts = facts,
		.name = name,
		.is_second = is_second,
		.depth = depth,
	};

	l.source.ctx = &l;
	if (facts->kind == ARCHIVE_ZIP) {
		l.has_zip_end = zip_find_end(c) != NULL;
		zip_patches_find(c, &l.source.patches);
	}
	l.reader = archive_reader_new(facts->kind, is_second, &l.source);
	if (l.reader == NULL) {
		note(as, REASON_MEMORY, name, NULL);
	} else {
		scan_entries(&l);
		(void)archive_read_free(l.reader);
	}
	zip_patches_clear(&l.source.patches);
	return (struct sight){ l.n_entries, l.has_last_zip };
}

/* By the first reader and, where that shows nothing, the second. */
static bool
read_twice(struct archive_scanner *as, const struct content *c,
    const struct archive_facts *facts, const char *name, unsigned depth)
{
	struct sight sight = read_archive(as, c, facts, false, name, depth);

	if (sight.n_entries == 0 && archive_reader_has_second(facts->kind) &&
	    as->stop == REASON_NONE)
		sight = read_archive(as, c, facts, true, name, depth);
	return sight.has_last_zip;
}

/* Scan the archives that c is, if it is one. */
static void
scan_archives(struct archive_scanner *as, const struct content *c, const char *name,
    unsigned depth)
{
	struct archive_facts facts[ARCHIVE_LOOKS_MAX];
	size_t n = archive_look(c, facts);

	if (n > 0 && depth == 1)
		as->facts = facts[0];
	as->is_archive = as->is_archive || n > 0;
	bool has_last_zip = false;

	for (size_t i = 0; i < n && as->stop == REASON_NONE && !has_last_zip; i++) {
		if (depth > as->limits.depth)
			note(as, REASON_ARCHIVE_DEPTH, name, NULL);
		else if (facts[i].has_encrypted_headers)
			note(as, REASON_ENCRYPTED, name,
			    "the names of its members are encrypted, too");
		else
			has_last_zip = read_twice(as, c, &facts[i], name, depth);
	}
}

bool
archive_scan(struct archive_scanner *as, const struct target *t, const struct content *c,
    bool may_ask, struct match_outcome *o)
{
	as->target = t;
	as->outcome = o;
	as->target_bytes = c->file_size;
	as->may_ask = may_ask && as->setup.memory_bytes < as->setup.heavy_bytes;
	as->deadline_ms = clock_monotonic_ms() + as->limits.time_ms;
	as->n_entries = as->unpacked = as->n_findings = as->finding_bytes = 0;
	as->is_archive = false;
	memset(&as->listing, 0, sizeof(as->listing));
	as->stop = REASON_NONE;
	scan_archives(as, c, "", 1);
	if (!as->is_archive)
		return true;
	member_stores_trim(&as->stores, STORE_KEEP);
	if (as->stop == REASON_MEMORY)
		return false;
	if (as->stop != REASON_NONE)
		note_list_add(&o->notes, as->stop, 0, "", NULL);
	archive_check(t, &as->facts, &as->listing, o);
	return true;
}
