/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile.
 */
#include "signatures/manifest.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "signatures/manifest_impl.h"

enum { TEXT_MAX = 1024, SCHEMA = 2, YEAR_MIN = 1990, YEAR_MAX = 2100 };

static const char *const scopes[] = { "file", "memory", "both", NULL };
static const char *const containers[] = { "same", "elf", "pe", "macho", "script", "html",
	"archive", "raw", NULL };
static const char *const statuses[] = { "TESTING", "RELEASED", "EXPERIMENTAL",
	"DEPRECATED", NULL };
static const char *const kinds[] = { "ascii", "wide", "ascii wide", "hex", NULL };
static const char *const evidences[] = { "V", "R", NULL };
static const char *const expectations[] = { "derive", "fire", "silent", NULL };
static const char *const layouts[] = { "packed", "spread", NULL };

static char *
check_string_name(const char *text)
{
	size_t i = 1;

	while (text[0] == '$' && (isalnum((unsigned char)text[i]) || text[i] == '_'))
		i++;
	if (text[0] == '$' && i > 1 && text[i] == 0)
		return NULL;
	return xstrdup("the name of a string is needed, as in the rule: $x1");
}

static char *
check_date(const char *text)
{
	size_t i = 0;

	for (; text[i] != 0 && i < 10; i++) {
		if (i == 4 || i == 7 ? text[i] != '-' : !isdigit((unsigned char)text[i]))
			break;
	}
	if (i == 10 && text[i] == 0)
		return NULL;
	return xstrdup("a day is needed: 2026-11-24");
}

static const struct setting source_rows[] = {
	{ "id", SETTING_STRING, offsetof(struct manifest_source, id), .min = 1,
	    .max = ID_MAX, .required = true },
	{ "title", SETTING_STRING, offsetof(struct manifest_source, title), .min = 1,
	    .max = TEXT_MAX, .required = true },
	{ "publisher", SETTING_STRING, offsetof(struct manifest_source, publisher),
	    .min = 1, .max = TEXT_MAX, .required = true },
	{ "year", SETTING_INTEGER, offsetof(struct manifest_source, year),
	    .min = YEAR_MIN, .max = YEAR_MAX, .required = true },
	{ "section", SETTING_STRING, offsetof(struct manifest_source, section),
	    .max = TEXT_MAX },
	{ "url", SETTING_STRING, offsetof(struct manifest_source, url), .max = TEXT_MAX },
	{ "read", SETTING_STRING, offsetof(struct manifest_source, read),
	    .check = check_date },
};
static const struct settings_schema source_schema = { source_rows,
	MH_ARRAY_LEN(source_rows), sizeof(struct manifest_source), NULL };

static const struct setting fact_rows[] = {
	{ "string", SETTING_STRING, offsetof(struct manifest_fact, string), .max = ID_MAX,
	    .required = true, .check = check_string_name },
	{ "kind", SETTING_ENUM, offsetof(struct manifest_fact, kind), .choices = kinds,
	    .required = true },
	{ "value", SETTING_STRING, offsetof(struct manifest_fact, value), .min = 1,
	    .max = MANIFEST_VALUE_MAX, .required = true },
	{ "sources", SETTING_STRINGS, offsetof(struct manifest_fact, sources), .min = 1,
	    .max = MANIFEST_SOURCES_MAX, .required = true },
	{ "evidence", SETTING_ENUM, offsetof(struct manifest_fact, evidence),
	    .choices = evidences, .required = true },
};
static const struct settings_schema fact_schema = { fact_rows, MH_ARRAY_LEN(fact_rows),
	sizeof(struct manifest_fact), NULL };

static const struct setting case_rows[] = {
	{ "id", SETTING_STRING, offsetof(struct manifest_case, id), .min = 1,
	    .max = ID_MAX, .required = true },
	{ "strings", SETTING_STRINGS, offsetof(struct manifest_case, strings), .min = 1,
	    .max = MANIFEST_FACTS_MAX, .required = true },
	{ "layout", SETTING_ENUM, offsetof(struct manifest_case, layout), "packed",
	    .choices = layouts },
	{ "pad", SETTING_SIZE, offsetof(struct manifest_case, pad), "64KiB",
	    .max = MANIFEST_PAD_MAX },
	{ "container", SETTING_ENUM, offsetof(struct manifest_case, container), "same",
	    .choices = containers },
	{ "oversize", SETTING_BOOL, offsetof(struct manifest_case, is_oversize), "false",
	    .required = false },
	{ "why", SETTING_STRING, offsetof(struct manifest_case, why), .max = TEXT_MAX },
};
static const struct settings_schema case_schema = { case_rows, MH_ARRAY_LEN(case_rows),
	sizeof(struct manifest_case), NULL };

#define MUTATION_ROW(name, code)                                                        \
	{                                                                               \
		"mutations." name, SETTING_ENUM,                                        \
		    offsetof(struct manifest_values, mutations) + (code) * sizeof(int), \
		    "derive", .choices = expectations                                   \
	}

static const struct setting rows[] = {
	{ "schema", SETTING_INTEGER, offsetof(struct manifest_values, schema),
	    .min = SCHEMA, .max = SCHEMA, .required = true },
	{ "rule", SETTING_STRING, offsetof(struct manifest_values, rule), .min = 1,
	    .max = 128, .required = true },
	{ "scope", SETTING_ENUM, offsetof(struct manifest_values, scope),
	    .choices = scopes, .required = true },
	{ "container", SETTING_ENUM, offsetof(struct manifest_values, container),
	    .choices = containers, .required = true },
	{ "status", SETTING_ENUM, offsetof(struct manifest_values, status),
	    .choices = statuses, .required = true },
	{ "sources", SETTING_TABLES, offsetof(struct manifest_values, sources), .min = 1,
	    .max = MANIFEST_SOURCES_MAX, .required = true, .table = &source_schema },
	{ "facts", SETTING_TABLES, offsetof(struct manifest_values, facts), .min = 1,
	    .max = MANIFEST_FACTS_MAX, .required = true, .table = &fact_schema },
	{ "require.filesize_below", SETTING_SIZE,
	    offsetof(struct manifest_values, filesize_below), .min = 1,
	    .max = MANIFEST_FILESIZE_MAX },
	{ "require.any_of", SETTING_STRINGS, offsetof(struct manifest_values, any_of),
	    .max = MANIFEST_TERMS_MAX },
	{ "require.memory_any_of", SETTING_STRINGS,
	    offsetof(struct manifest_values, memory_any_of), .max = MANIFEST_TERMS_MAX },
	{ "positives", SETTING_TABLES, offsetof(struct manifest_values, positives),
	    .min = 1, .max = MANIFEST_CASES_MAX, .required = true,
	    .table = &case_schema },
	{ "negatives", SETTING_TABLES, offsetof(struct manifest_values, negatives),
	    .max = MANIFEST_CASES_MAX, .table = &case_schema },
	MUTATION_ROW("drop_each", MUTATION_DROP_EACH),
	MUTATION_ROW("flip_byte", MUTATION_FLIP_BYTE),
	MUTATION_ROW("truncate", MUTATION_TRUNCATE),
	MUTATION_ROW("wide_swap", MUTATION_WIDE_SWAP),
	MUTATION_ROW("case_swap", MUTATION_CASE_SWAP),
	MUTATION_ROW("header_zero", MUTATION_HEADER_ZERO),
	MUTATION_ROW("oversize", MUTATION_OVERSIZE),
	MUTATION_ROW("shift", MUTATION_SHIFT),
};

static bool
is_hex_text(const char *text)
{
	size_t n = 0;

	for (; *text != 0; text++) {
		if (*text == ' ')
			continue;
		if (!isxdigit((unsigned char)*text))
			return false;
		n++;
	}
	return n > 0 && n % 2 == 0;
}

static bool
has_source(const struct manifest_values *v, const char *id)
{
	const struct manifest_source *sources = v->sources.items;

	for (size_t i = 0; i < v->sources.n; i++) {
		if (strcmp(sources[i].id, id) == 0)
			return true;
	}
	return false;
}

static char *
wrong_fact(const struct manifest_values *v, size_t index, const char **ret_column)
{
	const struct manifest_fact *f =
	    (const struct manifest_fact *)v->facts.items + index;

	*ret_column = "string";
	if (manifest_find_value(v, f->string, strlen(f->string)) != index)
		return xasprintf("%s is there twice", f->string);
	*ret_column = "value";
	if (f->kind == FACT_HEX && !is_hex_text(f->value))
		return xstrdup("pairs of hexadecimal digits are needed: 'de ad be ef'");
	*ret_column = "sources";
	for (size_t i = 0; i < f->sources.n; i++) {
		if (!has_source(v, f->sources.items[i]))
			return xasprintf("no source has the id \"%s\"",
			    f->sources.items[i]);
	}
	return NULL;
}

static char *
wrong_case(const struct manifest_values *v, const struct manifest_case *c,
    const char **ret_column)
{
	*ret_column = "strings";
	for (size_t i = 0; i < c->strings.n; i++) {
		const char *name = c->strings.items[i];

		if (strcmp(name, "all") != 0 &&
		    manifest_find_value(v, name, strlen(name)) == v->facts.n)
			return xasprintf("no fact is called \"%s\"", name);
	}
	*ret_column = "oversize";
	if (c->is_oversize && v->filesize_below == 0)
		return xstrdup("require.filesize_below gives no limit to exceed");
	return NULL;
}

static void
check_cases(const struct manifest_values *v, const struct setting_tables *cases,
    const char *name, struct settings_problem *ret)
{
	const struct manifest_case *c = cases->items;

	for (size_t i = 0; i < cases->n && ret->why == NULL; i++) {
		*ret = (struct settings_problem){ .name = name, .item = i };
		ret->why = wrong_case(v, &c[i], &ret->column);
	}
}

/* The terms and the scope say the same of where the rule works. */
static void
check_require(const struct manifest_values *v, struct settings_problem *ret)
{
	struct requirement r = { .n_terms = 0 };

	*ret = (struct settings_problem){ .name = "require.any_of" };
	ret->why = manifest_parse_terms(v, &v->any_of, &r);
	if (ret->why == NULL && (v->any_of.n == 0) != (v->scope == SCOPE_MEMORY))
		ret->why = xasprintf("scope %s %s any_of", scopes[v->scope],
		    v->any_of.n == 0 ? "needs" : "has no");
	if (ret->why != NULL)
		return;
	r.n_terms = 0;
	ret->name = "require.memory_any_of";
	ret->why = manifest_parse_terms(v, &v->memory_any_of, &r);
	if (ret->why == NULL && (v->memory_any_of.n == 0) != (v->scope == SCOPE_FILE))
		ret->why = xasprintf("scope %s %s memory_any_of", scopes[v->scope],
		    v->memory_any_of.n == 0 ? "needs" : "has no");
}

static void
check_values(const void *values, struct settings_problem *ret)
{
	const struct manifest_values *v = values;

	if (v->container == CONTAINER_SAME) {
		*ret = (struct settings_problem){ .name = "container",
			.why = xstrdup("\"same\" is for samples") };
		return;
	}
	for (size_t i = 0; i < v->facts.n && ret->why == NULL; i++) {
		*ret = (struct settings_problem){ .name = "facts", .item = i };
		ret->why = wrong_fact(v, i, &ret->column);
	}
	if (ret->why == NULL)
		check_require(v, ret);
	if (ret->why == NULL)
		check_cases(v, &v->positives, "positives", ret);
	if (ret->why == NULL)
		check_cases(v, &v->negatives, "negatives", ret);
}

static const struct settings_schema schema = { rows, MH_ARRAY_LEN(rows),
	sizeof(struct manifest_values), check_values };

mh_err
manifest_read(const char *name, const void *text, size_t len, struct manifest **ret,
    char **ret_why)
{
	MH_CLEANUP(manifest_freep) struct manifest *m = xcalloc(1, sizeof(*m));
	mh_err err = settings_parse(&schema, name, text, len, &m->values, ret_why);
	char *why = NULL;

	if (err != MH_OK)
		return err;
	m->facts = m->values.facts.items;
	m->n_facts = (unsigned)m->values.facts.n;
	why = manifest_parse_terms(&m->values, &m->values.any_of, &m->in_files);
	if (why == NULL)
		why = manifest_parse_terms(&m->values, &m->values.memory_any_of,
		    &m->in_memory);
	assert(why == NULL); /* check_values() has read them */
	*ret = MH_TAKE(m);
	return MH_OK;
}

void
manifest_free(struct manifest *m)
{
	if (m == NULL)
		return;
	settings_clear(&schema, &m->values);
	free(m);
}

unsigned
manifest_find(const struct manifest *m, const char *string, size_t len)
{
	return manifest_find_value(&m->values, string, len);
}

uint64_t
manifest_all(const struct manifest *m)
{
	return m->n_facts == 64 ? UINT64_MAX : (UINT64_C(1) << m->n_facts) - 1;
}

uint64_t
manifest_case_mask(const struct manifest *m, const struct manifest_case *c)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < c->strings.n; i++) {
		const char *name = c->strings.items[i];

		if (strcmp(name, "all") == 0)
			return manifest_all(m);
		mask |= UINT64_C(1) << manifest_find(m, name, strlen(name));
	}
	return mask;
}

static uint8_t
nibble(char c)
{
	return (uint8_t)(isdigit((unsigned char)c)
			     ? c - '0'
			     : tolower((unsigned char)c) - 'a' + 10);
}

void
manifest_fact_bytes(const struct manifest_fact *fact, struct buf *b)
{
	const char *p = fact->value;

	if (fact->kind != FACT_HEX) {
		for (; *p != 0; p++) {
			buf_put(b, p, 1);
			if (fact->kind == FACT_WIDE)
				buf_put_u8(b, 0);
		}
		return;
	}
	for (unsigned n = 0, high = 0; *p != 0; p++) {
		if (*p == ' ')
			continue;
		if (n++ % 2 == 0)
			high = nibble(*p);
		else
			buf_put_u8(b, (uint8_t)(high << 4 | nibble(*p)));
	}
}

const char *
manifest_scope_name(int scope)
{
	return scopes[scope];
}

const char *
manifest_container_name(int container)
{
	return containers[container];
}

const char *
manifest_status_name(int status)
{
	return statuses[status];
}

const char *
manifest_mutation_name(enum mutation mutation)
{
	static const char *const names[] = { "drop_each", "flip_byte", "truncate",
		"wide_swap", "case_swap", "header_zero", "oversize", "shift" };

	static_assert(MH_ARRAY_LEN(names) == MUTATION_MAX_, "a name for each mutation");
	return names[mutation];
}
