/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile.
 */
#include "scanners/file_scan.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "scanners/archive.h"
#include "scanners/content.h"
#include "scanners/externals.h"
#include "scanners/filetype.h"

struct file_scanner {
	struct ruleset *rules;
	struct scan_setup setup;
	struct hasher *hasher;
	struct matcher *matcher;
	struct content_reader *reader;
	struct archive_scanner *archives;     /* NULL: they are not looked into */
	struct indicator_scanner *indicators; /* NULL: there are none */
};

struct file_scanner *
file_scanner_new(struct ruleset *rs, const struct scan_setup *setup, pulse_fn *on_pulse,
    void *ctx)
{
	MH_CLEANUP(file_scanner_freep) struct file_scanner *fs = xcalloc(1, sizeof(*fs));

	fs->rules = rs;
	fs->setup = *setup;
	fs->reader = content_reader_new();
	if (setup->is_background)
		content_reader_spare_cache(fs->reader);
	fs->hasher = hasher_new();
	if (fs->hasher == NULL)
		return NULL;
	fs->matcher = matcher_new(rs, fs->hasher, setup, on_pulse, ctx);
	if (fs->matcher == NULL)
		return NULL;
	if (setup->archives)
		fs->archives = archive_scanner_new(rs, fs->hasher, fs->matcher, setup,
		    on_pulse, ctx);
	return MH_TAKE(fs);
}

void
file_scanner_free(struct file_scanner *fs)
{
	if (fs == NULL)
		return;
	archive_scanner_free(fs->archives);
	matcher_free(fs->matcher);
	hasher_free(fs->hasher);
	content_reader_free(fs->reader);
	free(fs);
}

void
file_scanner_use(struct file_scanner *fs, struct indicator_scanner *is)
{
	fs->indicators = is;
	if (fs->archives != NULL)
		archive_scanner_use(fs->archives, is);
}

struct matcher *
file_scanner_matcher(struct file_scanner *fs)
{
	return fs->matcher;
}

struct hasher *
file_scanner_hasher(struct file_scanner *fs)
{
	return fs->hasher;
}

/* What of a file tells that it is still the one that was opened. */
struct state {
	uint64_t size;
	int64_t mtime_ns, ctime_ns;
};

static int64_t
in_ns(struct timespec ts)
{
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static bool
read_state(int fd, struct state *ret)
{
	struct stat st;

	/*
	 * fstat(3) of glibc is newfstatat(2), with which a sandbox would have to
	 * allow looks at any path.
	 */
	if (syscall(SYS_fstat, fd, &st) < 0)
		return false;
	ret->size = (uint64_t)st.st_size;
	ret->mtime_ns = in_ns(st.st_mtim);
	ret->ctime_ns = in_ns(st.st_ctim);
	return true;
}

static bool
is_same(const struct state *a, const struct state *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

/* Hashes name what was scanned: only of a content that is there in whole. */
static void
fill_hashes(struct file_scanner *fs, const struct content *c, bool is_found,
    struct verdict *v)
{
	static const uint8_t nothing[1];
	const uint8_t *data = c->n_blocks > 0 ? c->blocks[0].data : nothing;
	size_t len = c->n_blocks > 0 ? c->blocks[0].len : 0;

	if (len != c->file_size || !(is_found || fs->setup.hash_all)) {
		/* Those that were compared with indicators are of no more use. */
		v->has_sha256 = v->has_sha1 = false;
		return;
	}
	if (!v->has_sha256)
		v->has_sha256 =
		    hasher_hash(fs->hasher, HASH_SHA256, data, len, v->sha256);
	/* Packages of dpkg know their files by MD5 alone. */
	if (!v->has_md5)
		v->has_md5 = hasher_hash(fs->hasher, HASH_MD5, data, len, v->md5);
	if (fs->setup.hash_all && !v->has_sha1)
		v->has_sha1 = hasher_hash(fs->hasher, HASH_SHA1, data, len, v->sha1);
}

/*
 * An extended attribute, cut at ORIGIN_BYTES_MAX and at a NUL; NULL when there is
 * none, or when this user may not read the file by its mode (xattr(7)).
 */
static char *
read_attribute(int fd, const char *name)
{
	static char value[XATTR_SIZE_MAX]; /* one longer than we keep is told too */
	ssize_t n = fgetxattr(fd, name, value, sizeof(value));

	if (n <= 0 || value[0] == 0)
		return NULL;
	return xstrndup(value,
	    (size_t)n < ORIGIN_BYTES_MAX ? (size_t)n : ORIGIN_BYTES_MAX);
}

/* What freedesktop.org's "Common extended attributes" has for downloads. */
static void
fill_origin(int fd, struct verdict *v)
{
	v->origin_url = read_attribute(fd, "user.xdg.origin.url");
	v->origin_referrer = read_attribute(fd, "user.xdg.referrer.url");
}

static void
set_reason(struct verdict *v, enum reason reason, bool partly)
{
	if (v->reason != REASON_NONE)
		return;
	v->reason = reason;
	v->partly = partly;
}

/* What is in the file, when it is an archive. */
static void
scan_members(struct file_scanner *fs, const struct target *t, const struct content *c,
    struct verdict *v, struct match_outcome *o)
{
	/* Only a verdict of its own can ask for the worker that has more memory. */
	bool may_ask = v->reason == REASON_NONE;

	if (fs->archives != NULL && !archive_scan(fs->archives, t, c, may_ask, o))
		set_reason(v, REASON_MEMORY, false);
}

/* One scan of the file as it is now, size bytes long. */
static void
scan_now(struct file_scanner *fs, const struct target *t, int fd, uint64_t size,
    struct verdict *v, struct match_outcome *o)
{
	static struct external_texts texts; /* large, and one scan at a time */
	struct external_values values;
	struct content c;
	mh_err err = content_open(fs->reader, fd, size, fs->setup.max_file_bytes,
	    t->keeps_holes, &c);

	if (err != MH_OK) {
		set_reason(v, errno == ENOMEM ? REASON_MEMORY : REASON_READ_FAILED,
		    false);
		v->detail = xstrdup(strerror(errno));
		return;
	}
	if (c.n_blocks > 0 && c.blocks[0].offset == 0)
		(void)snprintf(v->filetype, sizeof(v->filetype), "%s",
		    filetype_of(c.blocks[0].data, c.blocks[0].len));
	const struct file_name name = { t->path, t->owner, v->filetype };

	v->has_md5 = externals_fill(ruleset_externals(fs->rules), &name, &c, fs->hasher,
	    &texts, &values);
	if (v->has_md5)
		memcpy(v->md5, texts.md5_bytes, sizeof(v->md5));
	matcher_scan(fs->matcher, &c, &values, o);
	v->bytes_scanned = c.n_bytes;
	set_reason(v, o->reason, o->partly);
	v->detail = MH_TAKE(o->detail);
	indicator_scan_file(fs->indicators, t, &c, v, o);
	scan_members(fs, t, &c, v, o);
	v->n_matches = o->n_matches;
	fill_hashes(fs, &c, o->n_matches > 0, v);
	if (!c.is_whole)
		set_reason(v, REASON_TOO_LARGE, true);
	if (content_is_truncated(fs->reader)) {
		set_reason(v, REASON_TRUNCATED, true);
		v->has_sha256 = v->has_sha1 = v->has_md5 = false;
	}
	content_close(fs->reader);
}

static void
start_over(struct verdict *v, struct match_outcome *o)
{
	uint64_t id = v->target;

	match_outcome_clear(o);
	verdict_clear(v);
	memset(v, 0, sizeof(*v));
	v->target = id;
}

void
file_scan(struct file_scanner *fs, const struct target *t, int fd,
    struct verdict *ret_verdict, struct match_outcome *ret_outcome)
{
	struct state before = { t->size, t->mtime_ns, t->ctime_ns };
	struct state after;
	int64_t started_ms = clock_monotonic_ms();

	memset(ret_verdict, 0, sizeof(*ret_verdict));
	memset(ret_outcome, 0, sizeof(*ret_outcome));
	ret_verdict->target = t->id;
	scan_now(fs, t, fd, before.size, ret_verdict, ret_outcome);
	if (read_state(fd, &after) && !is_same(&before, &after)) {
		/* What was found in it stays found. */
		if (ret_outcome->n_matches == 0) {
			before = after;
			start_over(ret_verdict, ret_outcome);
			scan_now(fs, t, fd, before.size, ret_verdict, ret_outcome);
		}
		if (read_state(fd, &after) && !is_same(&before, &after))
			set_reason(ret_verdict, REASON_CHANGED, true);
	}
	if (ret_outcome->n_matches > 0)
		fill_origin(fd, ret_verdict);
	ret_verdict->micros = (uint32_t)((clock_monotonic_ms() - started_ms) * 1000);
}
