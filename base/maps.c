/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener, scan worker.
 * Input: from the kernel; paths are hostile.
 */
#include "base/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/memory.h"

enum { READ_BYTES = 64 * 1024 };

struct maps {
	int fd;
	off_t at;       /* where the next read starts */
	size_t len;     /* bytes in buffer */
	size_t start;   /* of the first line that was not handed out */
	bool is_at_end; /* nothing is left to read */
	char path[MAPS_LINE_MAX + 1];
	char buffer[READ_BYTES + 1];
};

bool
map_is_executable(const struct map *m)
{
	return m->perms[2] == 'x';
}

bool
map_is_writable(const struct map *m)
{
	return m->perms[1] == 'w';
}

bool
map_is_shared(const struct map *m)
{
	return m->perms[3] == 's';
}

bool
map_is_deleted(const struct map *m)
{
	size_t len = strlen(m->path);
	size_t tail = sizeof(MAPS_DELETED) - 1;

	return m->ino != 0 && len > tail && m->path[0] == '/' &&
	       strcmp(m->path + len - tail, MAPS_DELETED) == 0;
}

bool
map_is_memfd(const struct map *m)
{
	static const char memfd[] = "/memfd:";

	return map_is_deleted(m) && strncmp(m->path, memfd, sizeof(memfd) - 1) == 0;
}

bool
map_has_file(const struct map *m)
{
	static const char far[] = "(unreachable)/";

	if (m->ino == 0)
		return false;
	if (m->path[0] != '/')
		return strncmp(m->path, far, sizeof(far) - 1) == 0;
	return !(m->major == 0 && strcmp(m->path, "/anon_hugepage" MAPS_DELETED) == 0);
}

uint64_t
map_dev(const struct map *m)
{
	return makedev(m->major, m->minor);
}

struct maps *
maps_new(int fd)
{
	struct maps *maps = xcalloc(1, sizeof(*maps));

	maps->fd = fd;
	return maps;
}

void
maps_free(struct maps *maps)
{
	free(maps);
}

/* Read more behind what is there; false at the end, with *ret_err set. */
static bool
fill(struct maps *maps, mh_err *ret_err)
{
	ssize_t n = 0;

	if (maps->start > 0) {
		maps->len -= maps->start;
		memmove(maps->buffer, maps->buffer + maps->start, maps->len);
		maps->start = 0;
	}
	if (maps->is_at_end || maps->len == READ_BYTES) {
		*ret_err =
		    maps->is_at_end && maps->len == 0 ? MH_ERR_NOTFOUND : MH_ERR_FORMAT;
		return false;
	}
	do {
		n = pread(maps->fd, maps->buffer + maps->len, READ_BYTES - maps->len,
		    maps->at);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		*ret_err = MH_ERR_SYSTEM;
		return false;
	}
	maps->is_at_end = n == 0;
	maps->at += n;
	maps->len += (size_t)n;
	return true;
}

/* The next whole line without its newline, NUL-terminated in the buffer. */
static mh_err
next_line(struct maps *maps, char **ret)
{
	mh_err err = MH_OK;
	char *end = NULL;

	while ((end = memchr(maps->buffer + maps->start, '\n',
		    maps->len - maps->start)) == NULL) {
		if (!fill(maps, &err))
			return err;
	}
	*ret = maps->buffer + maps->start;
	*end = 0;
	if (memchr(*ret, 0, (size_t)(end - *ret)) != NULL)
		return MH_ERR_FORMAT;
	maps->start = (size_t)(end - maps->buffer) + 1;
	return MH_OK;
}

/* Digits of that base up to the character behind, which is passed; false: no such number. */
static bool
take_number(const char **at, unsigned base, char behind, uint64_t *ret)
{
	const char *p = *at;
	uint64_t value = 0;

	for (;; p++) {
		unsigned digit = 16;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			digit = (unsigned)(*p - 'a') + 10;
		if (digit >= base)
			break;
		if (value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	if (p == *at || *p != behind)
		return false;
	*at = behind != 0 ? p + 1 : p;
	*ret = value;
	return true;
}

/* Undo \012; what else has a backslash stays as it is. */
static void
unescape(const char *from, char *to)
{
	while (*from != 0) {
		if (strncmp(from, "\\012", 4) == 0) {
			*to++ = '\n';
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = 0;
}

static bool
parse_map(struct maps *maps, const char *line, struct map *ret)
{
	struct map m = { .path = maps->path };
	uint64_t major_number = 0;
	uint64_t minor_number = 0;
	const char *at = line;

	if (!take_number(&at, 16, '-', &m.start) || !take_number(&at, 16, ' ', &m.end) ||
	    m.start >= m.end || strlen(at) < 5 || at[4] != ' ')
		return false;
	memcpy(m.perms, at, 4);
	at += 5;
	if (!take_number(&at, 16, ' ', &m.offset) ||
	    !take_number(&at, 16, ':', &major_number) ||
	    !take_number(&at, 16, ' ', &minor_number))
		return false;
	/* The inode is the last field where there is no path; a space may follow. */
	if (!take_number(&at, 10, ' ', &m.ino) && !take_number(&at, 10, 0, &m.ino))
		return false;
	at += strspn(at, " ");
	if (strlen(at) > MAPS_LINE_MAX)
		return false;
	unescape(at, maps->path);
	m.major = (uint32_t)major_number;
	m.minor = (uint32_t)minor_number;
	*ret = m;
	return true;
}

/* Whether line is a detail of smaps ("Rss:   4 kB"); takes what we know of it. */
static bool
take_detail(const char *line, struct map *m)
{
	const char *colon = strchr(line, ':');
	const char *at = colon != NULL ? colon + 1 + strspn(colon + 1, " ") : NULL;
	uint64_t kib = 0;

	/* Names of details begin with a capital letter, addresses never do. */
	if (line[0] < 'A' || line[0] > 'Z' || colon == NULL)
		return false;
	m->has_sizes = true;
	if (strncmp(line, "Anonymous:", 10) == 0 && take_number(&at, 10, ' ', &kib))
		m->anonymous = kib * 1024;
	else if (strncmp(line, "Swap:", 5) == 0 && take_number(&at, 10, ' ', &kib))
		m->swapped = kib * 1024;
	else if (strncmp(line, "VmFlags:", 8) == 0)
		m->is_device = strstr(line, " io") != NULL || strstr(line, " pf") != NULL;
	return true;
}

mh_err
maps_next(struct maps *maps, struct map *ret)
{
	struct map m;
	char *line = NULL;
	mh_err err = next_line(maps, &line);

	if (err != MH_OK)
		return err;
	if (!parse_map(maps, line, &m))
		return MH_ERR_FORMAT;
	/* What follows may be details of it; the first line that is none stays. */
	while ((err = next_line(maps, &line)) == MH_OK) {
		if (take_detail(line, &m))
			continue;
		maps->buffer[maps->start - 1] = '\n';
		maps->start = (size_t)(line - maps->buffer);
		break;
	}
	if (err != MH_OK && err != MH_ERR_NOTFOUND)
		return err;
	*ret = m;
	return MH_OK;
}
