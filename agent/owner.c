/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: opener. */
#include "agent/owner.h"

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
