/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile.
 */
#include "scanners/archive_member.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	STORE_MIN = 256 * 1024, /* bytes; most members fit */
	RETRIES_MAX = 16,       /* of one block */
};

static void
store_resize(struct member_store *s, size_t cap)
{
	if (cap == s->cap)
		return;
	if (cap == 0) {
		(void)munmap(s->at, s->cap);
		*s = (struct member_store){ NULL, 0, 0 };
		return;
	}
	void *at = mremap(s->at, s->cap, cap, MREMAP_MAYMOVE);

	if (at == MAP_FAILED)
		return;
	s->at = at;
	s->cap = cap;
}

void
member_stores_trim(struct member_stores *stores, size_t keep_bytes)
{
	for (unsigned i = 0; i < ARCHIVE_DEPTH_MAX; i++) {
		struct member_store *s = &stores->level[i];

		s->len = 0;
		if (s->cap > keep_bytes)
			store_resize(s, keep_bytes);
	}
}

void
member_stores_clear(struct member_stores *stores)
{
	member_stores_trim(stores, 0);
}

static size_t
bytes_held(const struct member_stores *stores)
{
	size_t sum = 0;

	for (unsigned i = 0; i < ARCHIVE_DEPTH_MAX; i++)
		sum += stores->level[i].cap;
	return sum;
}

/*
 * Take back what other levels have and do not use: those below hold nothing
 * now.  A mapping that shrinks stays where it is (mremap(2)), with what is read
 * from it.
 */
static void
make_room(struct member_stores *stores, unsigned level)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < ARCHIVE_DEPTH_MAX; i++) {
		struct member_store *s = &stores->level[i];
		size_t used = i > level ? 0 : (s->len + page - 1) & ~(page - 1);

		if (i != level && used < s->cap)
			store_resize(s, used);
	}
}

/* Room for need bytes at that level; false when memory is out. */
static bool
store_grow(struct member_stores *stores, unsigned level, size_t need)
{
	struct member_store *s = &stores->level[level];
	size_t cap = s->cap > 0 ? s->cap : STORE_MIN;

	if (need <= s->cap)
		return true;
	while (cap < need)
		cap *= 2;
	if (bytes_held(stores) - s->cap + cap > stores->max_bytes)
		make_room(stores, level);
	size_t others = bytes_held(stores) - s->cap;

	if (others >= stores->max_bytes || need > stores->max_bytes - others)
		return false;
	if (cap > stores->max_bytes - others)
		cap = stores->max_bytes - others;
	if (s->cap == 0) {
		void *at = mmap(NULL, cap, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			return false;
		s->at = at;
		s->cap = cap;
	} else {
		store_resize(s, cap);
	}
	return s->cap >= need;
}

/*
 * Put len bytes at offset of the member; what lies between is zeros (a sparse
 * file).  *ret_reason is set when not all found a place.
 */
static void
store_put(struct member_stores *stores, unsigned level, const void *p, size_t len,
    uint64_t offset, uint64_t max_bytes, enum reason *ret_reason)
{
	struct member_store *s = &stores->level[level];

	if (offset >= max_bytes || len > max_bytes - offset) {
		*ret_reason = REASON_ARCHIVE_MEMBER;
		len = offset >= max_bytes ? 0 : (size_t)(max_bytes - offset);
		if (offset > max_bytes)
			offset = max_bytes;
	}
	size_t end = (size_t)offset + len;

	if (!store_grow(stores, level, end)) {
		*ret_reason = REASON_MEMORY;
		return;
	}
	if (offset > s->len)
		memset(s->at + s->len, 0, (size_t)offset - s->len);
	if (len > 0)
		memcpy(s->at + offset, p, len);
	if (end > s->len)
		s->len = end;
}

/*
 * Whether a failure comes with the last bytes: libarchive 3.7 unpacks all of a
 * member of a ZIP before it finds that its size or checksum is a lie, which
 * others do not mind.
 */
static bool
has_last_data(struct archive *a, int r, const void *p, size_t len)
{
	return r == ARCHIVE_FAILED && p != NULL && len > 0 &&
	       (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
}

struct member_end
member_read(struct archive *a, const struct archive_source *source,
    struct member_stores *stores, unsigned level, uint64_t max_bytes,
    member_data_fn *on_data, void *ctx)
{
	struct member_end end = { REASON_NONE, false };
	unsigned n_retries = 0;

	assert(level < ARCHIVE_DEPTH_MAX);
	stores->level[level].len = 0;
	for (;;) {
		const void *p = NULL;
		size_t len = 0;
		la_int64_t offset = 0;
		int r = archive_read_data_block(a, &p, &len, &offset);

		if (r == ARCHIVE_EOF)
			return end;
		if (r == ARCHIVE_RETRY && n_retries++ < RETRIES_MAX)
			continue;
		bool is_last = has_last_data(a, r, p, len);

		if ((r < ARCHIVE_WARN && !is_last) || offset < 0) {
			end.reason = archive_reader_reason(a, source);
			end.is_fatal = r == ARCHIVE_FATAL;
			return end;
		}
		/* Such as a checksum that does not fit: the bytes are there. */
		if (r == ARCHIVE_WARN || is_last)
			end.reason = REASON_DAMAGED;
		enum reason trouble = REASON_NONE;
		size_t before = stores->level[level].len;

		store_put(stores, level, p, len, (uint64_t)offset, max_bytes, &trouble);
		if (trouble == REASON_NONE &&
		    !on_data(ctx, stores->level[level].len - before))
			trouble = REASON_STOPPED;
		if (trouble != REASON_NONE)
			end.reason = trouble;
		if (trouble != REASON_NONE || is_last)
			return end;
	}
}
