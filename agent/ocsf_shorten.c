/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent.
 * Input: findings about hostile files and processes.
 */
#include "agent/ocsf_shorten.h"

#include <string.h>

#include "agent/ocsf_impl.h"

/* What remains of a text, in bytes, and of a list. */
struct step {
	size_t text, items;
};

static const struct step steps[] = { { 1024, 1024 }, { 256, 128 }, { 128, 32 },
	{ 64, 8 } };

static const char mark[] = "...";

static void
shorten_text(json_t *text, size_t max)
{
	size_t len = json_string_length(text);
	const char *p = json_string_value(text);

	if (len <= max)
		return;
	len = max - (sizeof(mark) - 1);
	/* Continuation bytes are 10xxxxxx: go back to the start of one. */
	while (len > 0 && ((unsigned char)p[len] & 0xc0) == 0x80)
		len--;
	MH_CLEANUP(freep) char *cut = xasprintf("%.*s%s", (int)len, p, mark);

	(void)json_string_set(text, cut);
}

static void
shorten(json_t *value, const struct step *step)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(value)) {
		shorten_text(value, step->text);
	} else if (json_is_array(value)) {
		while (json_array_size(value) > step->items)
			(void)json_array_remove(value, json_array_size(value) - 1);
		json_array_foreach(value, i, member) shorten(member, step);
	} else if (json_is_object(value)) {
		json_object_foreach(value, key, member)
		{
			/* Which finding it is, of which rule, process and machine. */
			if (strcmp(key, "uid") != 0 && strcmp(key, "analytic") != 0)
				shorten(member, step);
		}
	}
}

char *
finding_to_line(json_t *finding, size_t max)
{
	char *line = json_dumps(finding, JSON_COMPACT);
	size_t len = line != NULL ? strlen(line) : 0;
	json_t *unmapped = json_object_get(finding, "unmapped");

	for (size_t i = 0; len > max && i < MH_ARRAY_LEN(steps); i++) {
		if (i == 0 && json_is_object(unmapped))
			set_int(unmapped, "shortened", (int64_t)len);
		free(line);
		shorten(finding, &steps[i]);
		line = json_dumps(finding, JSON_COMPACT);
		len = line != NULL ? strlen(line) : 0;
	}
	return line;
}

/* Bytes of the text in JSON, at most: escaped as bytes, or as \u00XX. */
static size_t
json_bytes(const char *s)
{
	size_t n = 0;

	for (; *s != 0; s++)
		n += *s >= ' ' && *s <= '~' && *s != '"' && *s != '\\' ? 1 : 6;
	return n;
}

size_t
coverage_paths_that_fit(const struct coverage *c, size_t first, size_t n, size_t max)
{
	/* Around a path and its reason, and around them all. */
	enum { EACH = 192, ALL = 512 };
	size_t bytes = ALL;
	size_t i = first;

	for (; i < c->n_paths && i < first + n; i++) {
		const struct coverage_path *p = &c->paths[i];

		bytes += EACH + json_bytes(p->path) + 2 * strlen(p->path) +
			 (p->detail != NULL ? json_bytes(p->detail) : 0);
		if (bytes > max && i > first)
			break;
	}
	return i - first;
}
