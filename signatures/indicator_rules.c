/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of hosts as rules for the memory of processes.
 *
 * Runs in: zygote.
 * Input: hostile.
 */
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_set_impl.h"

enum {
	RULE_TEXT_BYTES = 16 * 1024, /* of one, with every byte escaped */
	NAME_PART_MAX = 64,          /* characters of the value in the rule's name */
};

/* text as YARA writes it between quotes. */
static void
add_quoted(struct buf *b, const char *text)
{
	for (const char *p = text; *p != 0; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			buf_addf(b, "\\x%02x", c);
		else
			buf_addf(b, "%c", c);
	}
}

/* text is taken. */
static void
add_meta(struct buf *b, const char *name, char *text)
{
	if (text != NULL) {
		buf_addf(b, " %s = \"", name);
		add_quoted(b, text);
		buf_add(b, "\"");
	}
	free(text);
}

/* FNV-1a: the same name of a host has the same rule, wherever its line is. */
static uint64_t
hash_of(const char *text)
{
	uint64_t h = 14695981039346656037ull;

	for (; *text != 0; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211ull;
	return h;
}

static void
add_rule(const struct indicator_set *s, const struct info *info, struct buf *b)
{
	const char *value = indicator_table_text(s->table, info->value);
	struct indicator_hit hit = { .details =
					 indicator_table_text(s->table, info->details) };

	buf_add(b, "rule domain_");
	for (const char *p = value; *p != 0 && p - value < NAME_PART_MAX; p++)
		buf_addf(b, "%c", isalnum((unsigned char)*p) ? *p : '_');
	buf_addf(b,
	    "_%016" PRIx64 " { meta: scope = \"memory\" indicator = \"domain\" line = %u "
	    "score = %u description = \"The name of a host from a list of "
	    "indicators, in the memory of a process\"",
	    hash_of(value), info->line, info->score);
	add_meta(b, "value", xstrdup(value));
	add_meta(b, "comment", indicator_detail(&hit, 'c'));
	add_meta(b, "indicator_id", indicator_detail(&hit, 'i'));
	add_meta(b, "event", indicator_detail(&hit, 'e'));
	add_meta(b, "reference", indicator_detail(&hit, 'r'));
	buf_add(b, " strings: $name = \"");
	add_quoted(b, value);
	buf_add(b, "\" ascii wide fullword condition: $name }\n");
}

/* One that is to become a rule. */
struct named {
	const char *value;
	const struct info *info;
};

static int
compare(const void *x, const void *y)
{
	const struct named *a = x;
	const struct named *b = y;
	int order = strcmp(a->value, b->value);

	/* Of equal ones the first has the higher score, then the lower line. */
	if (order == 0)
		order = (int)b->info->score - (int)a->info->score;
	return order != 0
		   ? order
		   : (a->info->line > b->info->line) - (a->info->line < b->info->line);
}

char *
indicator_set_rules(const struct indicator_set *s, uint16_t file)
{
	MH_CLEANUP(freep) struct named *list = xcalloc(s->n_domains + 1, sizeof(*list));
	size_t n = 0;
	size_t len = 0;

	for (size_t i = 0; i < s->n_domains; i++) {
		const struct info *info = &s->infos[s->domains[i]];

		if (info->file == file)
			list[n++] = (struct named){
				indicator_table_text(s->table, info->value),
				info,
			};
	}
	if (n == 0)
		return NULL;
	qsort(list, n, sizeof(*list), compare);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(n * RULE_TEXT_BYTES);

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(list[i].value, list[i - 1].value) != 0)
			add_rule(s, list[i].info, b);
	}
	assert(buf_error(b) == MH_OK);
	return (char *)buf_take(b, &len);
}
