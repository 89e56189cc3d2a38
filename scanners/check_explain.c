/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a rule looks for, and where that is documented.
 *
 * Runs in: checker.
 * Input: hostile.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "scanners/check_main.h"

enum { EXPLAIN_STRINGS_MAX = 256 }; /* of one rule that are shown */

bool
checker_wants(const struct checker *c, const char *name, size_t len)
{
	size_t part = strlen(c->request.name);

	for (size_t i = 0; i + part <= len; i++) {
		if (strncasecmp(name + i, c->request.name, part) == 0)
			return true;
	}
	return false;
}

/* One line; text is new and taken. */
static void
say_line(struct checker *c, const char *rule, enum answer_section section,
    const char *label, char *text)
{
	checker_say(c, &(struct answer){ .kind = ANSWER_LINE,
			   .code = (uint8_t)section,
			   .rule = (char *)(uintptr_t)rule,
			   .label = (char *)(uintptr_t)label,
			   .text = text });
	free(text);
}

static const char *
modifiers_of(const struct rule_string *s)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {
		{ RULE_STRING_ASCII, " ascii" },
		{ RULE_STRING_WIDE, " wide" },
		{ RULE_STRING_NOCASE, " nocase" },
		{ RULE_STRING_FULLWORD, " fullword" },
		{ RULE_STRING_XOR, " xor" },
		{ RULE_STRING_BASE64, " base64" },
		{ RULE_STRING_PRIVATE, " private" },
	};
	static char text[64];
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < MH_ARRAY_LEN(names); i++) {
		if ((s->flags & names[i].flag) != 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
			    names[i].name);
	}
	return text;
}

/* Where a fact is documented, one line for each of its sources. */
static void
explain_fact(struct checker *c, const char *rule, const struct manifest *m,
    const struct manifest_fact *fact)
{
	const struct manifest_source *sources = m->values.sources.items;

	for (size_t i = 0; i < fact->sources.n; i++) {
		for (size_t k = 0; k < m->values.sources.n; k++) {
			if (strcmp(sources[k].id, fact->sources.items[i]) == 0)
				say_line(c, rule, SECTION_FACT,
				    fact->evidence == EVIDENCE_V ? "V" : "R",
				    xasprintf("%s %" PRIu64 " [%s]", sources[k].publisher,
					sources[k].year, sources[k].id));
		}
	}
}

static void
explain_strings(struct checker *c, const char *rule, const struct rule_part *part,
    const struct manifest *m)
{
	size_t n =
	    part->n_strings < EXPLAIN_STRINGS_MAX ? part->n_strings : EXPLAIN_STRINGS_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct rule_string *s = &part->strings[i];
		size_t len =
		    s->value.len < ANSWER_LABEL_MAX ? s->value.len : ANSWER_LABEL_MAX;
		MH_CLEANUP(freep) char *name = xstrndup(s->name.at, s->name.len);

		say_line(c, rule, SECTION_STRING, name,
		    xasprintf("%.*s%s%s", (int)len, s->value.at,
			len < s->value.len ? "..." : "", modifiers_of(s)));
		unsigned fact = m != NULL ? manifest_find(m, s->name.at, s->name.len) : 0;

		if (m != NULL && fact < m->n_facts)
			explain_fact(c, rule, m, &m->facts[fact]);
	}
	if (n < part->n_strings)
		say_line(c, rule, SECTION_STRING, "...",
		    xasprintf("and %zu more", part->n_strings - n));
}

static const char *
container_words(int container)
{
	static const char *const words[CONTAINER_MAX_] = { "", "an ELF program",
		"a program for Windows (PE)", "a program for macOS (Mach-O)", "a script",
		"an HTML page", "an archive", "any file" };

	return words[container];
}

static void
explain_require(struct checker *c, const char *rule, const struct manifest *m)
{
	MH_CLEANUP(freep) char *in_files = requirement_words(m, &m->in_files);
	MH_CLEANUP(freep) char *in_memory = requirement_words(m, &m->in_memory);
	MH_CLEANUP(freep) char *size = text_size(m->values.filesize_below);

	if (m->in_files.n_terms > 0)
		say_line(c, rule, SECTION_CONDITION, "files",
		    xasprintf("%s%s%s that holds %s",
			container_words(m->values.container),
			m->values.filesize_below > 0 ? " of less than " : "",
			m->values.filesize_below > 0 ? size : "", in_files));
	if (m->in_memory.n_terms > 0)
		say_line(c, rule, SECTION_CONDITION, "memory",
		    xasprintf("the memory of a process that holds %s", in_memory));
}

/* The condition's own text, line by line. */
static void
explain_text(struct checker *c, const char *rule, const struct rule_word *condition)
{
	const char *at = condition->at;
	const char *end = at + condition->len;

	while (at != NULL && at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *line = at;

		stop = stop != NULL ? stop : end;
		while (line < stop && (*line == '\t' || *line == ' '))
			line++;
		if (line < stop)
			say_line(c, rule, SECTION_TEXT, "",
			    xstrndup(line, (size_t)(stop - line)));
		at = stop + 1;
	}
}

static void
explain_sources(struct checker *c, const char *rule, const struct manifest *m)
{
	const struct manifest_source *s = m->values.sources.items;

	for (size_t i = 0; i < m->values.sources.n; i++)
		say_line(c, rule, SECTION_SOURCE, s[i].id,
		    xasprintf("%s, %s, %" PRIu64 "%s%s%s%s%s%s", s[i].publisher,
			s[i].title, s[i].year, s[i].section != NULL ? ", " : "",
			s[i].section != NULL ? s[i].section : "",
			s[i].url != NULL ? ", " : "", s[i].url != NULL ? s[i].url : "",
			s[i].read != NULL ? "; read " : "",
			s[i].read != NULL ? s[i].read : ""));
}

static void
explain_rule(struct checker *c, const struct checked_rules *f,
    const struct rule_part *part)
{
	MH_CLEANUP(freep) char *rule = xstrndup(part->name.at, part->name.len);

	if (f->manifest_why != NULL)
		say_line(c, rule, SECTION_ABOUT, "manifest", xstrdup(f->manifest_why));
	explain_strings(c, rule, part, f->read);
	if (f->read != NULL)
		explain_require(c, rule, f->read);
	explain_text(c, rule, &part->condition);
	if (f->read != NULL)
		explain_sources(c, rule, f->read);
}

void
checker_explain(struct checker *c)
{
	for (size_t i = 0; i < c->n_files; i++) {
		const struct checked_rules *f = &c->files[i];

		if (!f->is_used)
			continue;
		checker_at(c, i);
		for (size_t k = 0; k < f->text->n_rules; k++) {
			const struct rule_part *part = &f->text->rules[k];

			if (checker_wants(c, part->name.at, part->name.len))
				explain_rule(c, f, part);
		}
	}
	checker_at(c, SIZE_MAX);
}
