/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the caller's process.
 * Input: the caller's own file.
 */
#include "agent/cli_overrides.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

struct file {
	struct setting_tables overrides;
	struct setting_strings groups;
};

static void
check(const void *values, struct settings_problem *ret)
{
	const struct file *f = values;

	overrides_check(&f->overrides, "overrides", ret);
}

static const struct setting rows[] = {
	{ "overrides", SETTING_TABLES, offsetof(struct file, overrides), "[]",
	    .max = OVERRIDES_MAX, .table = &override_schema,
	    .help = "What is said of rules without editing them." },
	{ "groups", SETTING_STRINGS, offsetof(struct file, groups), NULL,
	    .max = HOST_GROUPS_MAX, .check = host_group_check,
	    .help = "Groups that this machine belongs to." },
};
static const struct settings_schema schema = { rows, MH_ARRAY_LEN(rows),
	sizeof(struct file), check };

static void
see(struct cli_overrides *o)
{
	o->view = (struct overrides){ o->table.items, o->table.n, &o->groups };
}

int
cli_overrides_load(struct cli_overrides *o, const char *path)
{
	MH_CLEANUP(freep) char *why = NULL;
	struct file f;

	if (settings_load(&schema, path, &f, &why) != MH_OK) {
		(void)fprintf(stderr, "molehunt scan: --overrides %s\n", why);
		return -1;
	}
	o->table = f.overrides;
	for (size_t i = 0; i < f.groups.n; i++)
		cli_overrides_add_group(o, f.groups.items[i]);
	f.overrides = (struct setting_tables){ NULL, 0 };
	settings_clear(&schema, &f);
	see(o);
	return 0;
}

void
cli_overrides_add_group(struct cli_overrides *o, const char *group)
{
	o->groups.items = xreallocarray(o->groups.items, o->groups.n + 1, sizeof(char *));
	o->groups.items[o->groups.n++] = xstrdup(group);
	see(o);
}

void
cli_overrides_tell_expired(const struct cli_overrides *o, int64_t now_ms)
{
	for (size_t i = 0; i < o->view.n; i++) {
		const struct override *one = &o->view.items[i];

		if (!override_is_expired(one, now_ms))
			continue;
		MH_CLEANUP(freep) char *rule = text_escape(one->rule);

		(void)fprintf(stderr,
		    "molehunt scan: the override of %s ended with %s and does nothing: "
		    "look at its reason again, or remove it\n",
		    rule, one->until);
	}
}

void
cli_overrides_clear(struct cli_overrides *o)
{
	struct file f = { o->table, o->groups };

	settings_clear(&schema, &f);
	memset(o, 0, sizeof(*o));
}
