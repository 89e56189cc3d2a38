/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "settings/settings.h"
#include "settings/settings_value.h"

/* What the keys of each item mean, and what an item may look like. */
static void
print_table_help(const struct setting *s, int indent, struct buf *out)
{
	for (size_t i = 0; i < s->table->n; i++) {
		const struct setting *row = &s->table->rows[i];
		MH_CLEANUP(freep) char *allowed = value_allowed(row);

		buf_addf(out, "%*s#   %s%s: %s\n%*s#     Allowed: %s.\n", indent, "",
		    row->name, row->required ? " (required)" : "", row->help, indent, "",
		    allowed);
	}
}

/* The "section:" lines that name needs and the row before did not already open. */
static void
open_sections(const char *name, const char *before, const char *mark, struct buf *out)
{
	size_t depth = 0;

	for (const char *dot = strchr(name, '.'); dot != NULL;
	     dot = strchr(dot + 1, '.')) {
		size_t len = (size_t)(dot - name) + 1;
		const char *start = dot;

		while (start > name && start[-1] != '.')
			start--;
		if (before == NULL || strncmp(before, name, len) != 0)
			buf_addf(out, "%s%*s%.*s:\n", mark, (int)depth * 2, "",
			    (int)(dot - start), start);
		depth++;
	}
}

static int
indent_of(const char *name)
{
	int n = 0;

	for (const char *p = name; *p != 0; p++)
		n += *p == '.' ? 2 : 0;
	return n;
}

static void
print_row(const struct setting *s, const char *before, const void *values,
    bool is_default, struct buf *out)
{
	MH_CLEANUP(freep) char *allowed = value_allowed(s);
	const char *dot = strrchr(s->name, '.');
	const char *mark = is_default || value_is_unset(s, values) ? "#" : "";
	int indent = indent_of(s->name);

	open_sections(s->name, before, is_default ? "#" : "", out);
	buf_addf(out, "%*s# %s\n%*s# Allowed: %s.\n", indent, "", s->help, indent, "",
	    allowed);
	if (s->type == SETTING_TABLES)
		print_table_help(s, indent, out);
	buf_addf(out, "%s%*s%s: ", mark, indent, "", dot != NULL ? dot + 1 : s->name);
	if (!value_is_unset(s, values))
		value_print(s, values, out);
	buf_add(out, "\n");
}

void
settings_print(const struct settings_schema *schema, const void *values, struct buf *out)
{
	MH_CLEANUP(freep) char *initial = xcalloc(1, schema->bytes);
	const char *before = NULL;

	for (size_t i = 0; i < schema->n; i++)
		value_set_initial(&schema->rows[i], NULL, initial);
	for (size_t i = 0; i < schema->n; i++) {
		const struct setting *s = &schema->rows[i];

		print_row(s, before, values != NULL ? values : initial, values == NULL,
		    out);
		before = s->name;
	}
	settings_clear(schema, initial);
}
