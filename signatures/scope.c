/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the zygote.
 * Input: hostile.
 */
#include "signatures/scope.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/condition.h"
#include "signatures/tokens.h"

enum { NAME_SHOWN_MAX = 128 }; /* bytes of an identifier in a reason; libyara's limit */

/* What makes a rule match in memory what is not there. */
enum doubt { NO_DOUBT, DOUBT_CHAIN, DOUBT_ANCHOR, DOUBT_RULE };

/* What was read of one rule. */
struct rule_entry {
	struct scope_rule rule; /* first: the tree of names compares these */
	struct condition_reason need;
	unsigned declared; /* RULE_IN_*: by the author; 0 where nothing is said */
	unsigned tagged;   /* the same, by tags: a meta counts more */
	bool is_global;
	bool is_needed;
	enum doubt doubt;
	const struct rule_entry *doubtful; /* the rule that brings DOUBT_RULE */
};

struct scope_list {
	struct rule_entry **entries; /* each of its own, for the tree points to them */
	size_t n;
	size_t n_allocated;
	size_t n_in_sets; /* the first of them are in some set of rules, "of (a*)" */
	void *names;      /* tsearch(3) */
	const struct rule_entry *first_doubtful;
};

static int
compare_names(const void *a, const void *b)
{
	const struct scope_rule *x = a;
	const struct scope_rule *y = b;

	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return memcmp(x->name, y->name, x->name_len);
}

static struct rule_entry *
find(const struct scope_list *list, const char *name, size_t len)
{
	struct scope_rule key = { .name = name, .name_len = len };
	void *found = tfind(&key, &list->names, compare_names);

	return found != NULL ? *(struct rule_entry **)found : NULL;
}

static struct rule_entry *
add_entry(struct scope_list *list, const struct tokens *c, bool is_global)
{
	struct rule_entry *e = xcalloc(1, sizeof(*e));

	if (list->n == list->n_allocated) {
		list->n_allocated = list->n_allocated * 2 + 16;
		list->entries = xreallocarray(list->entries, list->n_allocated,
		    sizeof(struct rule_entry *));
	}
	list->entries[list->n++] = e;
	e->rule.name = c->lx.token;
	e->rule.name_len = c->lx.len;
	e->rule.line = c->line;
	e->is_global = e->is_needed = is_global;
	return e;
}

/* "FILE", "MEMORY": as YARA Forge and our own pack tag their rules. */
static void
read_tags(struct tokens *c, struct rule_entry *e)
{
	while (c->kind != LEXER_END && !tokens_next_is(c, "{")) {
		if (tokens_next_is(c, "FILE"))
			e->tagged |= RULE_IN_FILES;
		else if (tokens_next_is(c, "MEMORY"))
			e->tagged |= RULE_IN_MEMORY;
		tokens_advance(c);
	}
	/* That it is meant for memory, too, says nothing against files. */
	if (e->tagged == RULE_IN_MEMORY)
		e->tagged |= RULE_IN_FILES;
}

/* The places that a text names: "file", "memory", "both", "file, memory". */
static unsigned
places_in(const char *text, size_t len)
{
	static const struct {
		const char *word;
		unsigned places;
	} words[] = {
		{ "file", RULE_IN_FILES },
		{ "memory", RULE_IN_MEMORY },
		{ "both", RULE_IN_FILES | RULE_IN_MEMORY },
	};
	struct lexer lx;
	unsigned places = 0;

	lexer_init(&lx, text, len);
	while (lexer_next(&lx) != LEXER_END) {
		for (size_t i = 0; i < MH_ARRAY_LEN(words); i++) {
			if (token_is(lx.token, lx.len, words[i].word))
				places |= words[i].places;
		}
	}
	return places;
}

/* `scope` is ours, `scan_context` Elastic's. */
static void
read_meta(struct tokens *c, struct rule_entry *e)
{
	while (c->kind != LEXER_END && !tokens_at_section(c, "strings") &&
	       !tokens_at_section(c, "condition") && !tokens_next_is(c, "}")) {
		bool is_scope =
		    tokens_next_is(c, "scope") || tokens_next_is(c, "scan_context");

		tokens_advance(c);
		if (!is_scope || !tokens_next_is(c, "="))
			continue;
		tokens_advance(c);
		if (c->kind == LEXER_STRING && c->lx.len >= 2)
			e->declared |= places_in(c->lx.token + 1, c->lx.len - 2);
	}
}

/* Whether ^ or $ stands in it, outside of a class and not escaped. */
static bool
is_anchored(const char *regex, size_t len)
{
	bool is_in_class = false;

	for (size_t i = 0; i < len; i++) {
		if (regex[i] == '\\') {
			i++;
		} else if (is_in_class) {
			is_in_class = regex[i] != ']';
		} else if (regex[i] == '[') {
			is_in_class = true;
			/* A class begins with ^, and a ] there is one of it. */
			if (i + 1 < len && regex[i + 1] == '^')
				i++;
			if (i + 1 < len && regex[i + 1] == ']')
				i++;
		} else if (regex[i] == '^' || regex[i] == '$') {
			return true;
		}
	}
	return false;
}

static void
read_strings(struct tokens *c, struct rule_entry *e)
{
	while (c->kind != LEXER_END && !tokens_at_section(c, "condition")) {
		if (c->kind == LEXER_REGEX && is_anchored(c->lx.token, c->lx.len) &&
		    e->doubt == NO_DOUBT)
			e->doubt = DOUBT_ANCHOR;
		if (tokens_next_is(c, "{")) {
			while (c->kind != LEXER_END && !tokens_next_is(c, "}"))
				tokens_advance(c);
		}
		tokens_advance(c);
	}
}

/* The rule e depends on that one. */
static void
use(struct rule_entry *e, struct rule_entry *used)
{
	if (used == NULL || used == e)
		return;
	used->is_needed = true;
	if (e->doubt == NO_DOUBT && used->doubt != NO_DOUBT) {
		e->doubt = DOUBT_RULE;
		e->doubtful = used;
	}
}

/* "of (a*)": any rule so far may be meant. */
static void
use_set(struct scope_list *list, struct rule_entry *e)
{
	list->n_in_sets = list->n - 1;
	if (e->doubt == NO_DOUBT && list->first_doubtful != NULL) {
		e->doubt = DOUBT_RULE;
		e->doubtful = list->first_doubtful;
	}
}

static bool
is_impossible_rule(void *ctx, const char *name, size_t len)
{
	const struct rule_entry *e = find(ctx, name, len);

	return e != NULL && e->need.need != NEEDS_NOTHING;
}

static void
read_condition(struct tokens *c, struct scope_list *list, struct rule_entry *e)
{
	const char *begin = c->lx.token;

	while (c->kind != LEXER_END && !tokens_next_is(c, "}")) {
		char before = c->lx.before;
		struct lexer ahead = c->lx;

		if (c->kind == LEXER_WORD && before != '.') {
			use(e, find(list, c->lx.token, c->lx.len));
			if ((before == '(' || before == ',') &&
			    !tokens_next_is(c, "filesize") &&
			    lexer_next(&ahead) == LEXER_OTHER && *ahead.token == '*')
				use_set(list, e);
		}
		tokens_advance(c);
	}
	e->need = condition_in_memory(begin, (size_t)(c->lx.token - begin),
	    is_impossible_rule, list);
}

/* From behind "rule" to the closing brace. */
static void
read_rule(struct tokens *c, struct scope_list *list, bool is_global,
    scope_chain_fn *is_chained, void *ctx)
{
	if (c->kind != LEXER_WORD)
		return;
	struct rule_entry *e = add_entry(list, c, is_global);

	if (is_chained(ctx, e->rule.name, e->rule.name_len))
		e->doubt = DOUBT_CHAIN;
	tokens_advance(c);
	read_tags(c, e);
	tokens_advance(c);
	if (tokens_at_section(c, "meta"))
		read_meta(c, e);
	if (tokens_at_section(c, "strings"))
		read_strings(c, e);
	if (tokens_at_section(c, "condition")) {
		tokens_advance(c);
		tokens_advance(c);
		read_condition(c, list, e);
	}
	if (e->doubt != NO_DOUBT && list->first_doubtful == NULL)
		list->first_doubtful = e;
	/* Known from here on; a second one of that name is no rule of libyara's. */
	(void)tsearch(e, &list->names, compare_names);
	tokens_advance(c);
}

static char *
text_of_need(const struct condition_reason *r)
{
	int len = (int)(r->name_len < NAME_SHOWN_MAX ? r->name_len : NAME_SHOWN_MAX);

	switch (r->need) {
	case NEEDS_NOTHING:
		return NULL;
	case NEEDS_FILE_SIZE:
		return xstrdup("it needs filesize, which memory does not have");
	case NEEDS_BYTES:
		return xstrdup("it needs the bytes at a fixed offset of a file");
	case NEEDS_PLACE:
		return xstrdup("it needs a string at a fixed offset of a file");
	case NEEDS_MODULE:
		return xasprintf("it needs the module %.*s, which sees files only", len,
		    r->name);
	case NEEDS_EXTERNAL:
		return xasprintf("it needs the external %.*s, which is empty in memory",
		    len, r->name);
	case NEEDS_RULE:
		return xasprintf("it needs the rule %.*s, which cannot match in memory",
		    len, r->name);
	case NEEDS_LUCK:
		return xstrdup("its condition is never true");
	}
	return NULL;
}

static char *
text_of_doubt(const struct rule_entry *e)
{
	switch (e->doubt) {
	case NO_DOUBT:
		return NULL;
	case DOUBT_CHAIN:
		return xstrdup("it has a string with a long jump, which libyara joins "
			       "across unrelated memory");
	case DOUBT_ANCHOR:
		return xstrdup("it has a regular expression with ^ or $, which match "
			       "wherever a piece of memory begins or ends");
	case DOUBT_RULE:
		return xasprintf(
		    "it needs the rule %.*s, which is not reliable in memory",
		    (int)e->doubtful->rule.name_len, e->doubtful->rule.name);
	}
	return NULL;
}

/* What a global rule does to all of its file. */
static char *
text_of_global(const struct rule_entry *global)
{
	return global == NULL
		   ? NULL
		   : xasprintf("the global rule %.*s %s in memory",
			 (int)global->rule.name_len, global->rule.name,
			 global->need.need != NEEDS_NOTHING ? "cannot match"
							    : "is not reliable");
}

/* The first global rule that rules out memory for the file, or NULL. */
static const struct rule_entry *
find_global(const struct scope_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct rule_entry *e = list->entries[i];

		if (e->is_global &&
		    (e->need.need != NEEDS_NOTHING || e->doubt != NO_DOUBT))
			return e;
	}
	return NULL;
}

static void
decide(struct rule_entry *e, const struct rule_entry *global)
{
	unsigned both = RULE_IN_FILES | RULE_IN_MEMORY;
	unsigned said = e->declared != 0 ? e->declared : e->tagged;
	char *reason = NULL;

	e->rule.mask = said != 0 ? said : both;
	if ((e->rule.mask & RULE_IN_MEMORY) != 0) {
		reason = text_of_need(&e->need);
		reason = reason != NULL ? reason : text_of_doubt(e);
		reason = reason != NULL ? reason : text_of_global(global);
		if (reason != NULL)
			e->rule.mask &= ~(unsigned)RULE_IN_MEMORY;
		else if (e->rule.mask == RULE_IN_MEMORY)
			reason = xstrdup("its author means it for memory");
	} else {
		reason = xstrdup("its author means it for files");
	}
	e->rule.reason = reason;
	if (e->is_needed)
		e->rule.mask |= RULE_NEEDED;
}

struct scope_list *
scope_list_read(const char *text, size_t len, scope_chain_fn *is_chained, void *ctx)
{
	struct scope_list *list = xcalloc(1, sizeof(*list));
	struct tokens c;
	bool is_global = false;

	tokens_begin(&c, text, len);
	while (c.kind != LEXER_END) {
		bool is_rule = tokens_next_is(&c, "rule");

		if (tokens_next_is(&c, "global"))
			is_global = true;
		tokens_advance(&c);
		if (is_rule) {
			read_rule(&c, list, is_global, is_chained, ctx);
			is_global = false;
		}
	}
	const struct rule_entry *global = find_global(list);

	for (size_t i = 0; i < list->n; i++) {
		list->entries[i]->is_needed |= i < list->n_in_sets;
		decide(list->entries[i], global);
	}
	return list;
}

static void
forget(void *entry)
{
	(void)entry;
}

void
scope_list_free(struct scope_list *list)
{
	if (list == NULL)
		return;
	tdestroy(list->names, forget);
	for (size_t i = 0; i < list->n; i++) {
		free(list->entries[i]->rule.reason);
		free(list->entries[i]);
	}
	free(list->entries);
	free(list);
}

size_t
scope_list_n(const struct scope_list *list)
{
	return list->n;
}

const struct scope_rule *
scope_list_get(const struct scope_list *list, size_t index)
{
	assert(index < list->n);
	return &list->entries[index]->rule;
}
