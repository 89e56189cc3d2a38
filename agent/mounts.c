/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: /proc/self/mountinfo, in which mount points bear names of any bytes.
 */
#include "agent/mounts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

/* From 0, before the separator "-". */
enum { FIELD_DEVICE = 2, FIELD_MOUNT_POINT = 4 };

struct mount {
	char *path, *type;
	uint64_t dev;
	enum file_system_kind kind;
	bool is_stacked;
};

struct mounts {
	struct mount *list; /* in the order of mounting; owned */
	size_t n;
};

enum file_system_kind
mounts_kind_of_type(const char *type)
{
	static const char *const pseudo[] = { "proc", "sysfs", "devtmpfs", "devpts",
		"cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "bpf", "pstore",
		"configfs", "efivarfs", "mqueue", "hugetlbfs", "fusectl", "binfmt_misc",
		"selinuxfs", "autofs", "nsfs", "rpc_pipefs" };
	static const char *const network[] = { "nfs", "nfs4", "cifs", "smb3", "smbfs",
		"ceph", "afs", "9p", "coda", "lustre", "gpfs", "orangefs", "glusterfs" };

	for (size_t i = 0; i < MH_ARRAY_LEN(pseudo); i++) {
		if (strcmp(type, pseudo[i]) == 0)
			return FILE_SYSTEM_PSEUDO;
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(network); i++) {
		if (strcmp(type, network[i]) == 0)
			return FILE_SYSTEM_NETWORK;
	}
	/* "fuse", "fuse.sshfs", "fuseblk": a program stands behind it. */
	return strncmp(type, "fuse", 4) == 0 ? FILE_SYSTEM_NETWORK : FILE_SYSTEM_LOCAL;
}

static bool
is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	       p[2] <= '7';
}

/* proc(5): space, tab, newline and backslash stand as \040 and so on.  In place. */
static void
unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p != 0; to++) {
		if (p[0] == '\\' && p[1] != 0 && p[2] != 0 && is_octal(p + 1)) {
			*to =
			    (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to = *p++;
		}
	}
	*to = 0;
}

/* "259:2" as stat(2) has it; 0 for what is no such pair. */
static uint64_t
parse_device(char *text)
{
	char *colon = strchr(text, ':');
	uint64_t major_number = 0;
	uint64_t minor_number = 0;

	if (colon == NULL)
		return 0;
	*colon = 0;
	if (parse_u64(text, 0, UINT32_MAX, &major_number) != MH_OK ||
	    parse_u64(colon + 1, 0, UINT32_MAX, &minor_number) != MH_OK)
		return 0;
	return makedev((unsigned)major_number, (unsigned)minor_number);
}

/* One line: ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS */
static void
parse_line(struct mounts *m, char *line)
{
	char *rest = line;
	char *field = NULL;
	char *device = NULL;
	char *point = NULL;
	char *type = NULL;

	for (unsigned i = 0; (field = strsep(&rest, " ")) != NULL; i++) {
		if (i == FIELD_DEVICE)
			device = field;
		if (i == FIELD_MOUNT_POINT)
			point = field;
		if (i > FIELD_MOUNT_POINT && strcmp(field, "-") == 0) {
			type = strsep(&rest, " ");
			break;
		}
	}
	if (point == NULL || type == NULL)
		return;
	unescape(point);
	m->list = xreallocarray(m->list, m->n + 1, sizeof(*m->list));
	m->list[m->n++] = (struct mount){ xstrdup(point), xstrdup(type),
		parse_device(device), mounts_kind_of_type(type),
		strcmp(type, "overlay") == 0 || strcmp(type, "btrfs") == 0 };
}

struct mounts *
mounts_parse(const char *text, size_t len)
{
	struct mounts *m = xcalloc(1, sizeof(*m));
	MH_CLEANUP(freep) char *copy = xstrndup(text, len);
	char *rest = copy;
	char *line = NULL;

	while ((line = strsep(&rest, "\n")) != NULL)
		parse_line(m, line);
	return m;
}

struct mounts *
mounts_read(void)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(MOUNTS_BYTES_MAX);

	if (file_read("/proc/self/mountinfo", b) != MH_OK)
		buf_reset(b);
	return mounts_parse(buf_string(b), buf_len(b));
}

struct mounts *
mounts_read_at(int dir)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(MOUNTS_BYTES_MAX);
	MH_CLEANUP(fd_closep) int fd = openat(dir, "mountinfo", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fd_read_all(fd, b) != MH_OK)
		buf_reset(b);
	return mounts_parse(buf_string(b), buf_len(b));
}

void
mounts_free(struct mounts *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++) {
		free(m->list[i].path);
		free(m->list[i].type);
	}
	free(m->list);
	free(m);
}

size_t
mounts_count(const struct mounts *m)
{
	return m->n;
}

const char *
mounts_path(const struct mounts *m, size_t i)
{
	assert(i < m->n);
	return m->list[i].path;
}

uint64_t
mounts_device(const struct mounts *m, size_t i)
{
	assert(i < m->n);
	return m->list[i].dev;
}

enum file_system_kind
mounts_kind_of(const struct mounts *m, size_t i)
{
	assert(i < m->n);
	return m->list[i].kind;
}

const char *
mounts_type(const struct mounts *m, size_t i)
{
	assert(i < m->n);
	return m->list[i].type;
}

enum file_system_kind
mounts_kind(const struct mounts *m, const char *path)
{
	for (size_t i = m->n; i > 0; i--) {
		if (strcmp(m->list[i - 1].path, path) == 0)
			return m->list[i - 1].kind;
	}
	return FILE_SYSTEM_LOCAL;
}

enum file_system_kind
mounts_device_kind(const struct mounts *m, uint64_t dev)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->list[i].dev == dev)
			return m->list[i].kind;
	}
	return FILE_SYSTEM_LOCAL;
}

bool
mounts_device_is_stacked(const struct mounts *m, uint64_t dev)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->list[i].dev == dev)
			return m->list[i].is_stacked;
	}
	return false;
}
