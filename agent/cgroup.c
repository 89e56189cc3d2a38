/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent.
 * Input: /proc/self/cgroup and /sys/fs/cgroup: from the kernel; names of groups.
 */
#include "agent/cgroup.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

/* The text of root/path, without its last newline; NULL when it cannot be read. */
static char *
read_text(const char *root, const char *group, const char *file)
{
	MH_CLEANUP(freep) char *whole = xasprintf("%s%s%s", root, group, file);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CGROUP_FILE_MAX);

	if (file_read(whole, b) != MH_OK)
		return NULL;
	char *text = xstrndup((const char *)buf_data(b), buf_len(b));
	size_t len = strlen(text);

	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = 0;
	return text;
}

/* cgroups(7): the line of version 2 is "0::" and the path of the group; NULL: none. */
static char *
own_group(const char *root)
{
	MH_CLEANUP(freep) char *text = read_text(root, "/proc/self", "/cgroup");
	const char *line = text;

	while (line != NULL && strncmp(line, "0::/", 4) != 0) {
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	if (line == NULL)
		return NULL;
	line += strlen("0::");
	return xstrndup(line, strcspn(line, "\n"));
}

/* A group outside of what is mounted here: cgroup_namespaces(7). */
static bool
is_outside(const char *group)
{
	return strncmp(group, "/..", 3) == 0 && (group[3] == '/' || group[3] == 0);
}

static void
look_at_group(const char *base, const char *group, struct cgroup_facts *ret)
{
	MH_CLEANUP(freep) char *memory = read_text(base, group, "/memory.max");
	MH_CLEANUP(freep) char *weight = read_text(base, group, "/cpu.weight");
	uint64_t n = 0;

	/* "max" is no number, and no limit. */
	if (memory != NULL && parse_u64(memory, 0, UINT64_MAX, &n) == MH_OK &&
	    n < ret->memory_max)
		ret->memory_max = n;
	if (ret->cpu_weight == 0 && weight != NULL &&
	    parse_u64(weight, 1, CGROUP_WEIGHT_MAX, &n) == MH_OK)
		ret->cpu_weight = (unsigned)n;
}

void
cgroup_look(const char *root, struct cgroup_facts *ret)
{
	MH_CLEANUP(freep) char *base = xasprintf("%s/sys/fs/cgroup", root);
	MH_CLEANUP(freep)
	char *controllers = read_text(base, "", "/cgroup.controllers");
	MH_CLEANUP(freep) char *group = own_group(root);

	*ret = (struct cgroup_facts){ .memory_max = UINT64_MAX };
	if (controllers == NULL || group == NULL || is_outside(group))
		return;
	ret->has_v2 = true;
	/* From the inside out; the outermost has files too, in a namespace of groups. */
	for (char *slash = group + strlen(group); slash != NULL;
	     slash = strrchr(group, '/')) {
		*slash = 0;
		look_at_group(base, group, ret);
	}
}
