/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/settings_value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

void *
value_field(const struct setting *s, void *values)
{
	return (char *)values + s->offset;
}

bool
value_is_unset(const struct setting *s, const void *values)
{
	const char *field = (const char *)values + s->offset;

	return (s->type == SETTING_STRING || s->type == SETTING_PATH) &&
	       *(char *const *)(const void *)field == NULL;
}

void *
value_item(const struct setting *s, const struct setting_tables *tables, size_t i)
{
	return (char *)tables->items + i * s->table->bytes;
}

static uint64_t
upper(const struct setting *s, uint64_t limit)
{
	return s->max == 0 ? limit : s->max;
}

size_t
value_items_max(const struct setting *s)
{
	return (size_t)upper(s,
	    s->type == SETTING_TABLES ? SETTINGS_TABLES_MAX : SETTINGS_STRINGS_MAX);
}

static void
strings_add(struct setting_strings *list, const char *text)
{
	list->items = xreallocarray(list->items, list->n + 1, sizeof(*list->items));
	list->items[list->n++] = xstrdup(text);
}

static mh_err
set_bool(const char *text, bool *ret)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };

	for (size_t i = 0; i < MH_ARRAY_LEN(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret = i % 2 == 1;
			return MH_OK;
		}
	}
	return MH_ERR_INVALID;
}

static mh_err
set_enum(const struct setting *s, const char *text, int *ret)
{
	for (int i = 0; s->choices[i] != NULL; i++) {
		if (strcmp(text, s->choices[i]) == 0) {
			*ret = i;
			return MH_OK;
		}
	}
	return MH_ERR_INVALID;
}

static mh_err
set_string(const struct setting *s, const char *text, const char *folder, char **ret)
{
	size_t len = strlen(text);
	bool relative = s->type == SETTING_PATH && text[0] != '/' && folder != NULL;

	if (len < s->min || len > upper(s, SETTINGS_STRING_MAX) ||
	    (s->type == SETTING_PATH && len == 0))
		return MH_ERR_INVALID;
	free(*ret);
	*ret = relative ? xasprintf("%s/%s", folder, text) : xstrdup(text);
	return MH_OK;
}

mh_err
value_set(const struct setting *s, const char *text, const char *folder, void *values)
{
	void *field = value_field(s, values);

	switch (s->type) {
	case SETTING_STRING:
	case SETTING_PATH:
		return set_string(s, text, folder, field);
	case SETTING_STRINGS:
		if (text[0] == 0 || strlen(text) > SETTINGS_STRING_MAX)
			return MH_ERR_INVALID;
		strings_add(field, text);
		return MH_OK;
	case SETTING_BOOL:
		return set_bool(text, field);
	case SETTING_SIZE:
		return parse_size(text, s->min, upper(s, UINT64_MAX), field);
	case SETTING_DURATION:
		return parse_duration(text, s->min, upper(s, UINT64_MAX), field);
	case SETTING_INTEGER:
		return parse_u64(text, s->min, upper(s, UINT64_MAX), field);
	case SETTING_ENUM:
		return set_enum(s, text, field);
	case SETTING_TABLES: /* has no text: settings.c reads it */
	case SETTING_MAX_:
		break;
	}
	assert(!"no such type of setting");
	return MH_ERR_INVALID;
}

void
value_set_initial(const struct setting *s, const char *folder, void *values)
{
	mh_err err = MH_OK;

	if (s->initial == NULL)
		return;
	if (s->type == SETTING_TABLES) {
		value_set_initial_tables(s, values);
		return;
	}
	if (s->type != SETTING_STRINGS) {
		err = value_set(s, s->initial, folder, values);
		assert(err == MH_OK); /* the table's own default has to be in its range */
		return;
	}

	MH_CLEANUP(freep) char *copy = xstrdup(s->initial);
	char *rest = copy;

	for (char *item = strsep(&rest, ","); item != NULL; item = strsep(&rest, ",")) {
		err = value_set(s, item + strspn(item, " "), folder, values);
		assert(err == MH_OK);
	}
}

static void
copy_tables(const struct setting *s, const struct setting_tables *from,
    struct setting_tables *ret)
{
	ret->items = from->n > 0 ? xcalloc(from->n, s->table->bytes) : NULL;
	ret->n = from->n;
	for (size_t i = 0; i < from->n; i++)
		settings_copy(s->table, value_item(s, from, i), value_item(s, ret, i));
}

void
value_copy(const struct setting *s, const void *from, void *values)
{
	const void *source = (const char *)from + s->offset;
	void *field = value_field(s, values);
	const struct setting_strings *list = source;

	switch (s->type) {
	case SETTING_STRING:
	case SETTING_PATH:
		if (*(char *const *)source != NULL)
			*(char **)field = xstrdup(*(char *const *)source);
		return;
	case SETTING_STRINGS:
		for (size_t i = 0; i < list->n; i++)
			strings_add(field, list->items[i]);
		return;
	case SETTING_BOOL:
		*(bool *)field = *(const bool *)source;
		return;
	case SETTING_SIZE:
	case SETTING_DURATION:
	case SETTING_INTEGER:
		*(uint64_t *)field = *(const uint64_t *)source;
		return;
	case SETTING_ENUM:
		*(int *)field = *(const int *)source;
		return;
	case SETTING_TABLES:
		copy_tables(s, source, field);
		return;
	case SETTING_MAX_:
		break;
	}
	assert(!"no such type of setting");
}

void
value_clear(const struct setting *s, void *values)
{
	void *field = value_field(s, values);

	if (s->type == SETTING_STRING || s->type == SETTING_PATH)
		free(*(char **)field);
	if (s->type == SETTING_TABLES) {
		struct setting_tables *tables = field;

		for (size_t i = 0; i < tables->n; i++)
			settings_clear(s->table, value_item(s, tables, i));
		free(tables->items);
	}
	if (s->type != SETTING_STRINGS)
		return;

	struct setting_strings *list = field;

	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
}

/* A duration or size as a file would have it: the largest unit that divides it. */
static char *
exact(uint64_t v, enum setting_type type)
{
	static const struct unit {
		enum setting_type type;
		const char *name;
		uint64_t factor;
	} units[] = {
		{ SETTING_DURATION, "d", 86400000 },
		{ SETTING_DURATION, "h", 3600000 },
		{ SETTING_DURATION, "m", 60000 },
		{ SETTING_DURATION, "s", 1000 },
		{ SETTING_DURATION, "ms", 1 },
		{ SETTING_SIZE, "TiB", UINT64_C(1) << 40 },
		{ SETTING_SIZE, "GiB", 1 << 30 },
		{ SETTING_SIZE, "MiB", 1 << 20 },
		{ SETTING_SIZE, "KiB", 1 << 10 },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(units); i++) {
		if (units[i].type == type && v > 0 && v % units[i].factor == 0)
			return xasprintf("%" PRIu64 "%s", v / units[i].factor,
			    units[i].name);
	}
	return xasprintf("%" PRIu64 "%s", v, type == SETTING_DURATION ? "ms" : "");
}

static char *
allowed_range(const struct setting *s, const char *what)
{
	MH_CLEANUP(freep) char *low = exact(s->min, s->type);
	MH_CLEANUP(freep) char *high = exact(s->max, s->type);

	if (s->max == 0)
		return xasprintf("%s of at least %s", what, low);
	return xasprintf("%s from %s to %s", what, low, high);
}

static char *
allowed_choices(const struct setting *s)
{
	struct buf *b = buf_new(SETTINGS_STRING_MAX);

	buf_add(b, "one of");
	for (size_t i = 0; s->choices[i] != NULL; i++)
		buf_addf(b, "%s %s", i > 0 ? "," : "", s->choices[i]);

	char *text = xstrdup(buf_string(b));

	buf_free(b);
	return text;
}

char *
value_allowed(const struct setting *s)
{
	switch (s->type) {
	case SETTING_STRING:
		return xasprintf("text of %" PRIu64 " to %" PRIu64 " bytes", s->min,
		    upper(s, SETTINGS_STRING_MAX));
	case SETTING_PATH:
		return xstrdup(
		    "a path; a relative one starts at the folder of this file");
	case SETTING_STRINGS:
		return xasprintf("a list of %" PRIu64 " to %zu texts, [a, b]", s->min,
		    value_items_max(s));
	case SETTING_BOOL:
		return xstrdup("true or false");
	case SETTING_SIZE:
		return allowed_range(s, "a size (bytes, or with K, M, G)");
	case SETTING_DURATION:
		return allowed_range(s, "a duration (with ms, s, m, h, d)");
	case SETTING_INTEGER:
		return allowed_range(s, "a whole number");
	case SETTING_ENUM:
		return allowed_choices(s);
	case SETTING_TABLES:
		return xasprintf("a list of %" PRIu64 " to %zu groups of keys, each of "
				 "which begins with \"- \"",
		    s->min, value_items_max(s));
	case SETTING_MAX_:
		break;
	}
	assert(!"no such type of setting");
	return NULL;
}

/* Always in double quotes: no text is then mistaken for something else. */
static void
print_quoted(const char *text, struct buf *out)
{
	buf_add(out, "\"");
	for (const char *p = text; *p != 0; p++) {
		if (*p == '"' || *p == '\\')
			buf_addf(out, "\\%c", *p);
		else if ((unsigned char)*p < 0x20 || *p == 0x7f)
			buf_addf(out, "\\x%02x", (unsigned char)*p);
		else
			buf_put(out, p, 1);
	}
	buf_add(out, "\"");
}

static void
print_strings(const struct setting_strings *list, struct buf *out)
{
	buf_add(out, "[");
	for (size_t i = 0; i < list->n; i++) {
		buf_add(out, i > 0 ? ", " : "");
		print_quoted(list->items[i], out);
	}
	buf_add(out, "]");
}

/* One line of [{key: value, ...}, ...]: a comment sign before it holds for all of it. */
static void
print_tables(const struct setting *s, const struct setting_tables *tables,
    struct buf *out)
{
	buf_add(out, "[");
	for (size_t i = 0; i < tables->n; i++) {
		const void *item = value_item(s, tables, i);
		bool is_first = true;

		buf_add(out, i > 0 ? ", {" : "{");
		for (size_t k = 0; k < s->table->n; k++) {
			const struct setting *row = &s->table->rows[k];

			if (value_is_unset(row, item))
				continue;
			buf_addf(out, "%s%s: ", is_first ? "" : ", ", row->name);
			value_print(row, item, out);
			is_first = false;
		}
		buf_add(out, "}");
	}
	buf_add(out, "]");
}

static void
print_number(const struct setting *s, uint64_t v, struct buf *out)
{
	MH_CLEANUP(freep) char *text = exact(v, s->type);

	buf_add(out, text);
}

void
value_print(const struct setting *s, const void *values, struct buf *out)
{
	const void *field = (const char *)values + s->offset;

	switch (s->type) {
	case SETTING_STRING:
	case SETTING_PATH:
		print_quoted(*(char *const *)field, out);
		return;
	case SETTING_STRINGS:
		print_strings(field, out);
		return;
	case SETTING_BOOL:
		buf_add(out, *(const bool *)field ? "true" : "false");
		return;
	case SETTING_SIZE:
	case SETTING_DURATION:
	case SETTING_INTEGER:
		print_number(s, *(const uint64_t *)field, out);
		return;
	case SETTING_ENUM:
		buf_add(out, s->choices[*(const int *)field]);
		return;
	case SETTING_TABLES:
		print_tables(s, field, out);
		return;
	case SETTING_MAX_:
		break;
	}
	assert(!"no such type of setting");
}
