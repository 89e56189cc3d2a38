/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: files that change, shrink and lie about their size.
 */
#include "scanners/content.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"

/* Bytes at the start of a file of nothing but holes that are scanned as zeros. */
enum { HOLE_BYTES = 64 * 1024 };

/* A mapping of whole pages around one block. */
struct mapping {
	uint8_t *at;
	size_t len;
};

struct content_reader {
	uint8_t *buffer; /* CONTENT_READ_MAX + 1 bytes */
	struct content_block blocks[CONTENT_BLOCKS_MAX];
	struct mapping mappings[CONTENT_BLOCKS_MAX];
	volatile size_t n_mappings;
	volatile sig_atomic_t is_truncated;
	bool spares_cache;
	int uncached_fd; /* of the file whose pages nobody had before; -1: none */
};

/* What the SIGBUS handler looks at: the reader of this process. */
static struct content_reader *volatile current;

/*
 * The page at the fault and all behind it in its mapping are past the end of
 * the file: zeros take their place and the access is repeated.  mmap(2) is a
 * bare system call here, safe in a handler.  Any other SIGBUS is a real one.
 */
static void
on_sigbus(int sig, siginfo_t *info, void *ucontext)
{
	struct content_reader *cr = current;
	const uint8_t *fault = info->si_addr;

	(void)ucontext;
	for (size_t i = 0; cr != NULL && i < cr->n_mappings; i++) {
		struct mapping *m = &cr->mappings[i];
		size_t page = (size_t)sysconf(_SC_PAGESIZE);

		if (fault < m->at || fault >= m->at + m->len)
			continue;
		size_t skip = (size_t)(fault - m->at) & ~(page - 1);
		if (mmap(m->at + skip, m->len - skip, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			break;
		cr->is_truncated = 1;
		return;
	}
	(void)signal(sig, SIG_DFL);
}

struct content_reader *
content_reader_new(void)
{
	struct content_reader *cr = xcalloc(1, sizeof(*cr));
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	assert(current == NULL);
	cr->buffer = xcalloc(CONTENT_READ_MAX + 1, 1);
	cr->uncached_fd = -1;
	current = cr;
	(void)sigaction(SIGBUS, &action, NULL);
	return cr;
}

void
content_reader_free(struct content_reader *cr)
{
	if (cr == NULL)
		return;
	content_close(cr);
	(void)signal(SIGBUS, SIG_DFL);
	current = NULL;
	free(cr->buffer);
	free(cr);
}

void
content_close(struct content_reader *cr)
{
	while (cr->n_mappings > 0) {
		struct mapping *m = &cr->mappings[cr->n_mappings - 1];

		cr->n_mappings--;
		(void)munmap(m->at, m->len);
	}
	if (cr->uncached_fd >= 0)
		(void)posix_fadvise(cr->uncached_fd, 0, 0, POSIX_FADV_DONTNEED);
	cr->uncached_fd = -1;
}

void
content_reader_spare_cache(struct content_reader *cr)
{
	cr->spares_cache = true;
}

/* Whether a page of the file is in memory; in doubt it is. */
static bool
is_cached(int fd, uint64_t size)
{
	const uint64_t places[] = { 0, size / 2, size - 1 };

	for (size_t i = 0; i < MH_ARRAY_LEN(places); i++) {
		char byte = 0;
		struct iovec v = { &byte, 1 };
		ssize_t n = preadv2(fd, &v, 1, (off_t)places[i], RWF_NOWAIT);

		if (n >= 0 || errno != EAGAIN)
			return true;
	}
	return false;
}

bool
content_is_truncated(const struct content_reader *cr)
{
	return cr->is_truncated != 0;
}

static mh_err
read_small(struct content_reader *cr, int fd, uint64_t size, struct content *ret)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = pread(fd, cr->buffer + len, size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return MH_ERR_SYSTEM;
		if (n == 0) {
			cr->is_truncated = 1;
			break;
		}
		len += (size_t)n;
	}
	cr->blocks[0] = (struct content_block){ 0, cr->buffer, len };
	ret->n_blocks = 1;
	ret->n_bytes = len;
	ret->is_whole = true;
	return MH_OK;
}

static mh_err
map_block(struct content_reader *cr, int fd, uint64_t offset, size_t len,
    struct content *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t start = offset & ~(page - 1);
	size_t whole = len + (size_t)(offset - start);
	uint8_t *at = mmap(NULL, whole, PROT_READ, MAP_PRIVATE, fd, (off_t)start);

	if (at == MAP_FAILED)
		return MH_ERR_SYSTEM;
	cr->mappings[cr->n_mappings] = (struct mapping){ at, whole };
	cr->n_mappings++;
	cr->blocks[ret->n_blocks++] =
	    (struct content_block){ offset, at + (offset - start), len };
	ret->n_bytes += len;
	return MH_OK;
}

/* A run of data between holes. */
struct extent {
	uint64_t offset, end;
};

/*
 * The next run of data at or behind offset; false when there is none.  A file
 * system without SEEK_DATA shows the whole file as one run (lseek(2)).
 */
static bool
next_extent(int fd, uint64_t offset, uint64_t size, struct extent *ret)
{
	off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
	off_t hole = data >= 0 ? lseek(fd, data, SEEK_HOLE) : -1;

	if (data < 0 && errno == ENXIO)
		return false;
	ret->offset = data < 0 ? offset : (uint64_t)data;
	ret->end = hole < 0 || (uint64_t)hole > size ? size : (uint64_t)hole;
	return ret->offset < ret->end;
}

/* Map the bytes of e that lie in [from, to), counted over the data of the file. */
static mh_err
map_window(struct content_reader *cr, int fd, const struct extent *e, uint64_t seen,
    uint64_t from, uint64_t to, struct content *ret)
{
	uint64_t len = e->end - e->offset;
	uint64_t low = from > seen ? from - seen : 0;
	uint64_t high = to > seen ? to - seen : 0;

	if (high > len)
		high = len;
	if (low >= high)
		return MH_OK;
	if (ret->n_blocks == CONTENT_BLOCKS_MAX) {
		ret->is_whole = false;
		return MH_OK;
	}
	return map_block(cr, fd, e->offset + low, (size_t)(high - low), ret);
}

/* The bytes of data in the file; *ret_n_extents is the number of its runs. */
static uint64_t
count_data(int fd, uint64_t size)
{
	struct extent e;
	uint64_t total = 0;
	uint64_t at = 0;

	for (size_t n = 0; n < CONTENT_BLOCKS_MAX && next_extent(fd, at, size, &e); n++) {
		total += e.end - e.offset;
		at = e.end;
	}
	return total;
}

static mh_err
map_parts(struct content_reader *cr, int fd, uint64_t size, uint64_t max_bytes,
    bool keeps_holes, struct content *ret)
{
	uint64_t data = count_data(fd, size);
	uint64_t head = data > max_bytes ? max_bytes / 4 * 3 : data;
	uint64_t tail = data > max_bytes ? data - (max_bytes - head) : data;
	struct extent e;
	uint64_t seen = 0;
	uint64_t at = 0;
	mh_err err = MH_OK;

	/* Rules may ask for the zeros of a hole, which libyara does not see here. */
	ret->is_whole = (data == size || keeps_holes) && data <= max_bytes;
	for (size_t n = 0; err == MH_OK && next_extent(fd, at, size, &e); n++) {
		if (n == CONTENT_BLOCKS_MAX) {
			ret->is_whole = false;
			break;
		}
		err = map_window(cr, fd, &e, seen, 0, head, ret);
		if (err == MH_OK)
			err = map_window(cr, fd, &e, seen, tail > head ? tail : head,
			    data, ret);
		seen += e.end - e.offset;
		at = e.end;
	}
	/* Nothing but holes: conditions still ask for the start, and for a size. */
	if (err == MH_OK && ret->n_blocks == 0 && size > 0 && !keeps_holes)
		err = map_block(cr, fd, 0, size < HOLE_BYTES ? (size_t)size : HOLE_BYTES,
		    ret);
	return err;
}

mh_err
content_open(struct content_reader *cr, int fd, uint64_t size, uint64_t max_bytes,
    bool keeps_holes, struct content *ret)
{
	mh_err err = MH_OK;

	assert(cr->n_mappings == 0);
	memset(ret, 0, sizeof(*ret));
	ret->blocks = cr->blocks;
	ret->file_size = size;
	cr->is_truncated = 0;
	if (cr->spares_cache && size > 0 && !is_cached(fd, size))
		cr->uncached_fd = fd;
	if (size <= CONTENT_READ_MAX)
		return read_small(cr, fd, size, ret);
	if (size <= max_bytes && !keeps_holes) {
		ret->is_whole = true;
		err = map_block(cr, fd, 0, (size_t)size, ret);
	} else {
		err = map_parts(cr, fd, size, max_bytes, keeps_holes, ret);
	}
	if (err != MH_OK)
		content_close(cr);
	return err;
}

const uint8_t *
content_bytes(const struct content *c, uint64_t offset, size_t len)
{
	for (size_t i = 0; i < c->n_blocks; i++) {
		const struct content_block *b = &c->blocks[i];

		if (offset >= b->offset && offset - b->offset <= b->len &&
		    len <= b->len - (offset - b->offset))
			return b->data + (offset - b->offset);
	}
	return NULL;
}
