/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the zygote, and the command line's checking worker.
 * Input: hostile.
 */
#include "signatures/ruleset.h"

#include <assert.h>
#include <fnmatch.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/lexer.h"
#include "signatures/scope.h"

enum { RULE_MESSAGE_MAX = 1024, MODULE_NAME_MAX = 32, WORD_CONTEXT_BYTES = 4 };

/* One file of rules. */
struct source {
	char *name_space;
	char *text; /* NUL-terminated */
	size_t len; /* bytes without that NUL */
	bool is_bad;
};

/* The first error and the number of warnings of one file. */
struct complaint {
	unsigned line;
	unsigned n_warnings;
	char message[RULE_MESSAGE_MAX];
	struct rule_warning warnings[RULE_WARNINGS_MAX];
};

/* Where one rule works, in the order of libyara's table. */
struct placed {
	unsigned mask;
	unsigned line;
	unsigned source;
	char *reason;
};

struct ruleset {
	struct source *sources;
	unsigned n_sources, n_allocated;
	size_t total_bytes;
	unsigned n_left_out;
	unsigned n_rules;
	unsigned n_in_memory;
	unsigned externals;
	size_t longest_match;
	char **disabled; /* patterns */
	unsigned n_disabled;
	struct placed *placed; /* n_rules of them */
	YR_RULES *rules;       /* NULL until compiled */
};

const char *
external_name(enum external external)
{
	static const char *const names[] = {
#define EXTERNAL_NAME(code, name) name,
		EXTERNALS(EXTERNAL_NAME)
#undef EXTERNAL_NAME
	};

	assert((unsigned)external < EXTERNAL_MAX_);
	return names[external];
}

struct ruleset *
ruleset_new(void)
{
	return xcalloc(1, sizeof(struct ruleset));
}

void
ruleset_free(struct ruleset *rs)
{
	if (rs == NULL)
		return;
	for (unsigned i = 0; i < rs->n_sources; i++) {
		free(rs->sources[i].name_space);
		free(rs->sources[i].text);
	}
	free(rs->sources);
	for (unsigned i = 0; i < rs->n_disabled; i++)
		free(rs->disabled[i]);
	free(rs->disabled);
	for (unsigned i = 0; i < rs->n_rules; i++)
		free(rs->placed[i].reason);
	free(rs->placed);
	if (rs->rules != NULL)
		yr_rules_destroy(rs->rules);
	free(rs);
}

mh_err
ruleset_add(struct ruleset *rs, const char *name_space, const char *text, size_t len)
{
	if (len > RULE_FILE_BYTES_MAX || rs->total_bytes + len > RULE_TEXT_BYTES_MAX)
		return MH_ERR_TOOBIG;
	if (rs->n_sources == RULE_FILES_MAX)
		return MH_ERR_FULL;
	/* A source is large: growing by one would copy gigabytes for 20,000 of them. */
	if (rs->n_sources == rs->n_allocated) {
		rs->n_allocated = rs->n_allocated * 2 + 16;
		rs->sources =
		    xreallocarray(rs->sources, rs->n_allocated, sizeof(*rs->sources));
	}
	struct source *s = &rs->sources[rs->n_sources++];

	s->name_space = xstrdup(name_space);
	s->text = xcalloc(len + 1, 1);
	if (len > 0)
		memcpy(s->text, text, len);
	s->len = len;
	s->is_bad = false;
	rs->total_bytes += len;
	return MH_OK;
}

static void
keep_warning(struct complaint *c, int line, const char *message)
{
	if (c->n_warnings < RULE_WARNINGS_MAX) {
		struct rule_warning *w = &c->warnings[c->n_warnings];

		w->line = line > 0 ? (unsigned)line : 0;
		(void)snprintf(w->message, sizeof(w->message), "%s", message);
	}
	c->n_warnings++;
}

static void
on_compiler_message(int level, const char *file, int line, const YR_RULE *rule,
    const char *message, void *ctx)
{
	struct complaint *c = ctx;

	(void)file;
	(void)rule;
	if (level != YARA_ERROR_LEVEL_ERROR) {
		keep_warning(c, line, message);
	} else if (c->message[0] == 0) {
		c->line = line > 0 ? (unsigned)line : 0;
		(void)snprintf(c->message, sizeof(c->message), "%s", message);
	}
}

/* A compiler with our externals and without include; NULL when out of memory. */
static YR_COMPILER *
compiler_new(struct complaint *c)
{
	YR_COMPILER *compiler = NULL;

	if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
		return NULL;
	yr_compiler_set_callback(compiler, on_compiler_message, c);
	yr_compiler_set_include_callback(compiler, NULL, NULL, NULL);
	for (unsigned e = 0; e < EXTERNAL_MAX_; e++) {
		if (yr_compiler_define_string_variable(compiler,
			external_name((enum external)e), "") != ERROR_SUCCESS) {
			yr_compiler_destroy(compiler);
			return NULL;
		}
	}
	return compiler;
}

/* Whether s could be added; if not, c says why and the compiler is spent. */
static bool
add_source(YR_COMPILER *compiler, const struct source *s, struct complaint *c)
{
	const char *nul = memchr(s->text, 0, s->len);

	memset(c, 0, sizeof(*c));
	if (nul != NULL) {
		c->line = 1;
		for (const char *p = s->text; p < nul; p++)
			c->line += *p == '\n';
		(void)snprintf(c->message, sizeof(c->message),
		    "contains a NUL byte: not rule text");
		return false;
	}
	if (yr_compiler_add_string(compiler, s->text, s->name_space) == 0)
		return true;
	if (c->message[0] == 0)
		(void)snprintf(c->message, sizeof(c->message), "does not compile");
	return false;
}

static void
tell(const struct ruleset *rs, unsigned index, const struct complaint *c,
    rule_file_fn *on_file, void *ctx)
{
	struct rule_file_result result = {
		.index = index,
		.is_used = !rs->sources[index].is_bad,
		.line = c->line,
		.message = rs->sources[index].is_bad ? c->message : NULL,
		.n_warnings = c->n_warnings,
		.warnings = c->warnings,
	};

	on_file(ctx, &result);
}

/* Compile s by itself; a compiler is spent by its first error. */
static bool
compiles_alone(const struct source *s, struct complaint *c)
{
	YR_COMPILER *compiler = compiler_new(c);
	bool is_good = compiler != NULL && add_source(compiler, s, c);

	if (compiler != NULL)
		yr_compiler_destroy(compiler);
	return is_good;
}

/*
 * Add every file that is not known to be bad to one compiler.  False when some
 * file turned out bad: it is marked, every later file was then tried alone, and
 * the caller starts again without them.
 */
static bool
add_all(struct ruleset *rs, YR_COMPILER *compiler, struct complaint *c,
    bool is_first_time, rule_file_fn *on_file, void *ctx)
{
	bool is_clean = true;

	for (unsigned i = 0; i < rs->n_sources; i++) {
		struct source *s = &rs->sources[i];

		if (s->is_bad)
			continue;
		if (is_clean ? add_source(compiler, s, c) : compiles_alone(s, c)) {
			if (is_first_time)
				tell(rs, i, c, on_file, ctx);
			continue;
		}
		s->is_bad = true;
		rs->n_left_out++;
		is_clean = false;
		tell(rs, i, c, on_file, ctx);
	}
	return is_clean;
}

/* The externals that the text may read: as bare words, not as meta keys or members. */
static unsigned
externals_of(const struct source *s)
{
	struct lexer lx;
	enum lexer_token kind = LEXER_END;
	unsigned mask = 0;

	lexer_init(&lx, s->text, s->len);
	while ((kind = lexer_next(&lx)) != LEXER_END) {
		if (kind != LEXER_WORD || lx.before == '.')
			continue;
		for (unsigned e = 0; e < EXTERNAL_MAX_; e++) {
			const char *name = external_name((enum external)e);
			struct lexer ahead = lx;

			if (strlen(name) != lx.len || memcmp(name, lx.token, lx.len) != 0)
				continue;
			bool is_meta = lexer_next(&ahead) == LEXER_OTHER &&
				       ahead.len == 1 && *ahead.token == '=';
			if (!is_meta)
				mask |= 1u << e;
		}
	}
	return mask;
}

/* Rules of the text, met in the order in which libyara has them. */
struct pairing {
	struct ruleset *rs;
	unsigned first; /* the file's first rule in libyara's table */
	unsigned n;     /* of the file, paired so far */
	bool is_lost;   /* text and table are not the same */
};

static bool
is_chained(const YR_RULE *rule)
{
	YR_STRING *string = NULL;

	yr_rule_strings_foreach(rule, string)
	{
		if (STRING_IS_CHAIN_PART(string))
			return true;
	}
	return false;
}

static bool
pair(void *ctx, const char *name, size_t len)
{
	struct pairing *p = ctx;
	unsigned index = p->first + p->n;

	if (p->is_lost || index == p->rs->n_rules)
		return false;
	const YR_RULE *rule = &p->rs->rules->rules_table[index];

	p->is_lost =
	    strlen(rule->identifier) != len || memcmp(rule->identifier, name, len) != 0;
	p->n += !p->is_lost;
	return !p->is_lost && is_chained(rule);
}

/*
 * Place the rules of one file.  Where text and table differ, which no file is
 * known to do, its rules work everywhere and others may depend on them.
 */
static unsigned
place_source(struct ruleset *rs, unsigned source, unsigned first)
{
	struct pairing p = { .rs = rs, .first = first };
	const struct source *s = &rs->sources[source];
	MH_CLEANUP(scope_list_freep)
	struct scope_list *list = scope_list_read(s->text, s->len, pair, &p);

	for (unsigned i = 0; i < p.n; i++) {
		const struct scope_rule *rule = scope_list_get(list, i);
		struct placed *placed = &rs->placed[first + i];

		placed->mask =
		    p.is_lost ? RULE_IN_FILES | RULE_IN_MEMORY | RULE_NEEDED : rule->mask;
		placed->line = rule->line;
		placed->source = source;
		if (!p.is_lost && rule->reason != NULL)
			placed->reason = xstrdup(rule->reason);
	}
	return first + p.n;
}

/* Files of one namespace see each other's rules: any may be needed. */
static void
mark_shared_namespaces(struct ruleset *rs)
{
	MH_CLEANUP(freep) unsigned *owners = xcalloc(rs->n_sources + 1, sizeof(*owners));
	const YR_RULE *table = rs->rules->rules_table;

	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < rs->n_rules; i++) {
			unsigned *owner = &owners[table[i].ns->idx];

			if (pass == 0 && *owner == 0)
				*owner = rs->placed[i].source + 1;
			else if (pass == 0 && *owner != rs->placed[i].source + 1)
				*owner = UINT_MAX;
			else if (pass == 1 && *owner == UINT_MAX)
				rs->placed[i].mask |= RULE_NEEDED;
		}
	}
}

static size_t
longest_match_of(const YR_RULE *rule)
{
	YR_STRING *string = NULL;
	size_t longest = 0;

	yr_rule_strings_foreach(rule, string)
	{
		size_t length = (size_t)string->length;

		/* libyara counts the characters of a literal; wide ones have two bytes. */
		if (!STRING_IS_LITERAL(string))
			length = (size_t)2 * YR_RE_SCAN_LIMIT;
		else if (STRING_IS_WIDE(string))
			length *= 2;
		longest = length > longest ? length : longest;
	}
	return longest;
}

static bool
is_disabled(const struct ruleset *rs, const YR_RULE *rule)
{
	MH_CLEANUP(freep)
	char *whole = xasprintf("%s:%s", rule->ns->name, rule->identifier);
	const char *id = NULL;
	YR_META *meta = NULL;

	yr_rule_metas_foreach(rule, meta)
	{
		/* The first one, as in findings. */
		if (id == NULL && meta->type == META_TYPE_STRING &&
		    strcmp(meta->identifier, "id") == 0)
			id = meta->string;
	}
	for (unsigned i = 0; i < rs->n_disabled; i++) {
		const char *pattern = rs->disabled[i];

		if ((id != NULL && strcmp(pattern, id) == 0) ||
		    fnmatch(pattern,
			strchr(pattern, ':') != NULL ? whole : rule->identifier, 0) == 0)
			return true;
	}
	return false;
}

static void
disable(struct placed *placed)
{
	placed->mask &= ~(unsigned)(RULE_IN_FILES | RULE_IN_MEMORY);
	free(placed->reason);
	placed->reason = xstrdup("an override disables it");
}

static void
place_rules(struct ruleset *rs)
{
	unsigned first = 0;

	rs->placed = xcalloc(rs->n_rules + 1, sizeof(*rs->placed));
	for (unsigned i = 0; i < rs->n_rules; i++)
		rs->placed[i].mask = RULE_IN_FILES | RULE_IN_MEMORY | RULE_NEEDED;
	for (unsigned i = 0; i < rs->n_sources; i++) {
		if (!rs->sources[i].is_bad)
			first = place_source(rs, i, first);
	}
	mark_shared_namespaces(rs);
	for (unsigned i = 0; rs->n_disabled > 0 && i < rs->n_rules; i++) {
		if (is_disabled(rs, &rs->rules->rules_table[i]))
			disable(&rs->placed[i]);
	}
	for (unsigned i = 0; i < rs->n_rules; i++) {
		size_t longest = longest_match_of(&rs->rules->rules_table[i]);

		rs->n_in_memory += (rs->placed[i].mask & RULE_IN_MEMORY) != 0;
		if ((rs->placed[i].mask & (RULE_IN_MEMORY | RULE_NEEDED)) != 0 &&
		    longest + WORD_CONTEXT_BYTES > rs->longest_match)
			rs->longest_match = longest + WORD_CONTEXT_BYTES;
	}
	if (rs->longest_match > RULESET_OVERLAP_MAX)
		rs->longest_match = RULESET_OVERLAP_MAX;
}

static void
count_rules(struct ruleset *rs)
{
	YR_RULE *rule = NULL;

	yr_rules_foreach(rs->rules, rule)
	{
		rs->n_rules++;
	}
	for (unsigned i = 0; i < rs->n_sources; i++) {
		if (!rs->sources[i].is_bad)
			rs->externals |= externals_of(&rs->sources[i]);
	}
	place_rules(rs);
}

mh_err
ruleset_disable(struct ruleset *rs, const char *pattern)
{
	if (rs->n_disabled == RULE_PATTERNS_MAX)
		return MH_ERR_FULL;
	rs->disabled =
	    xreallocarray(rs->disabled, rs->n_disabled + 1, sizeof(*rs->disabled));
	rs->disabled[rs->n_disabled++] = xstrdup(pattern);
	return MH_OK;
}

mh_err
ruleset_compile(struct ruleset *rs, rule_file_fn *on_file, void *ctx)
{
	struct complaint c = { .line = 0 };
	YR_COMPILER *compiler = NULL;
	bool is_first_time = true;
	bool is_complete = false;

	assert(rs->rules == NULL);
	while (!is_complete) {
		compiler = compiler_new(&c);
		if (compiler == NULL)
			return MH_ERR_MEMORY;
		is_complete = add_all(rs, compiler, &c, is_first_time, on_file, ctx);
		is_first_time = false;
		/* After an error libyara asserts in get_rules: never call it then. */
		if (is_complete &&
		    yr_compiler_get_rules(compiler, &rs->rules) != ERROR_SUCCESS) {
			yr_compiler_destroy(compiler);
			return MH_ERR_MEMORY;
		}
		yr_compiler_destroy(compiler);
	}
	count_rules(rs);
	return rs->n_rules > 0 ? MH_OK : MH_ERR_RULES;
}

YR_RULES *
ruleset_rules(struct ruleset *rs)
{
	return rs->rules;
}

unsigned
ruleset_n_rules(const struct ruleset *rs)
{
	return rs->n_rules;
}

unsigned
ruleset_n_files(const struct ruleset *rs)
{
	return rs->n_sources;
}

unsigned
ruleset_n_left_out(const struct ruleset *rs)
{
	return rs->n_left_out;
}

unsigned
ruleset_externals(const struct ruleset *rs)
{
	return rs->externals;
}

unsigned
ruleset_n_in_memory(const struct ruleset *rs)
{
	return rs->n_in_memory;
}

unsigned
ruleset_scope(const struct ruleset *rs, unsigned index)
{
	assert(index < rs->n_rules);
	return rs->placed[index].mask;
}

const char *
ruleset_scope_reason(const struct ruleset *rs, unsigned index)
{
	assert(index < rs->n_rules);
	return rs->placed[index].reason;
}

unsigned
ruleset_line(const struct ruleset *rs, unsigned index)
{
	assert(index < rs->n_rules);
	return rs->placed[index].line;
}

unsigned
ruleset_file(const struct ruleset *rs, unsigned index)
{
	assert(index < rs->n_rules);
	return rs->placed[index].source;
}

size_t
ruleset_longest_match(const struct ruleset *rs)
{
	return rs->longest_match;
}

bool
ruleset_imports(const struct ruleset *rs, const char *name)
{
	char quoted[MODULE_NAME_MAX];
	int n = snprintf(quoted, sizeof(quoted), "\"%s\"", name);

	assert(n > 0 && (size_t)n < sizeof(quoted));
	for (unsigned i = 0; i < rs->n_sources; i++) {
		const struct source *s = &rs->sources[i];

		if (!s->is_bad && memmem(s->text, s->len, quoted, (size_t)n) != NULL)
			return true;
	}
	return false;
}

void
ruleset_id(const struct ruleset *rs, uint8_t ret[RULESET_ID_BYTES])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned len = RULESET_ID_BYTES;

	assert(md != NULL);
	(void)EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	for (unsigned i = 0; i < rs->n_sources; i++) {
		const struct source *s = &rs->sources[i];
		uint64_t size = s->len;

		if (s->is_bad)
			continue;
		(void)EVP_DigestUpdate(md, s->name_space, strlen(s->name_space) + 1);
		(void)EVP_DigestUpdate(md, &size, sizeof(size));
		(void)EVP_DigestUpdate(md, s->text, s->len);
	}
	for (unsigned i = 0; i < rs->n_disabled; i++)
		(void)EVP_DigestUpdate(md, rs->disabled[i], strlen(rs->disabled[i]) + 1);
	(void)EVP_DigestFinal_ex(md, ret, &len);
	EVP_MD_CTX_free(md);
}
