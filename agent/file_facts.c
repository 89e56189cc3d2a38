/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: opener. */
#include "agent/file_facts.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>

#include "records/limits.h"

enum { OWNERS_CACHED = 64 };

struct owner {
	bool is_known;
	uid_t uid;
	char name[OWNER_BYTES_MAX + 1];
};

static int64_t
in_ns(struct timespec ts)
{
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void
file_facts(struct target *t, const struct stat *st)
{
	t->dev = st->st_dev;
	t->ino = st->st_ino;
	t->size = (uint64_t)st->st_size;
	t->mode = st->st_mode;
	t->uid = st->st_uid;
	t->gid = st->st_gid;
	t->nlink = (uint32_t)st->st_nlink;
	t->mtime_ns = in_ns(st->st_mtim);
	t->ctime_ns = in_ns(st->st_ctim);
}

const char *
owner_name(uid_t uid)
{
	/* getpwuid(3) may ask a server: once for each user is enough. */
	static struct owner owners[OWNERS_CACHED];
	struct owner *o = &owners[uid % OWNERS_CACHED];

	if (!o->is_known || o->uid != uid) {
		const struct passwd *pw = getpwuid(uid);

		o->is_known = true;
		o->uid = uid;
		if (pw != NULL)
			(void)snprintf(o->name, sizeof(o->name), "%s", pw->pw_name);
		else
			(void)snprintf(o->name, sizeof(o->name), "%u", (unsigned)uid);
	}
	return o->name;
}
