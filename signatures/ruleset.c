/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the zygote, and the command line's checking worker.
 * Input: hostile.
 */
#include "signatures/ruleset.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/lexer.h"

enum { RULE_MESSAGE_MAX = 1024, MODULE_NAME_MAX = 32 };

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
};

struct ruleset {
	struct source *sources;
	unsigned n_sources;
	size_t total_bytes;
	unsigned n_left_out;
	unsigned n_rules;
	unsigned externals;
	YR_RULES *rules; /* NULL until compiled */
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
	rs->sources = xreallocarray(rs->sources, rs->n_sources + 1, sizeof(*rs->sources));
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
on_compiler_message(int level, const char *file, int line, const YR_RULE *rule,
    const char *message, void *ctx)
{
	struct complaint *c = ctx;

	(void)file;
	(void)rule;
	if (level != YARA_ERROR_LEVEL_ERROR) {
		c->n_warnings++;
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
	memset(c, 0, sizeof(*c));
	if (memchr(s->text, 0, s->len) != NULL) {
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
				       *ahead.token == '=' && ahead.at < ahead.end &&
				       *ahead.at != '=';
			if (!is_meta)
				mask |= 1u << e;
		}
	}
	return mask;
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
	(void)EVP_DigestFinal_ex(md, ret, &len);
	EVP_MD_CTX_free(md);
}
