/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote, scan worker.
 * Input: hostile: patterns and paths.
 */
#include "signatures/indicator_names.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <assert.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_regex.h"

enum {
	GRAM_BYTES = 4,
	FILTER_BITS = 18,     /* of the first, small look: 32 KiB */
	ERROR_TEXT_MAX = 128, /* of PCRE2; its longest is shorter */
	NONE = -1,
};

struct pattern {
	enum name_kind kind;
	bool is_caseless;
	uint32_t tag;
	uint32_t seen;      /* the path that it was last looked at for */
	char *text;         /* of all but expressions; owned */
	pcre2_code *code;   /* of expressions */
	pcre2_code *except; /* or NULL */
};

/* A text that a pattern needs, at four bytes of it. */
struct need {
	char *text; /* folded; owned */
	uint32_t gram;
	uint32_t pattern;
	uint16_t len, at; /* of the text; where the four bytes are in it */
	int32_t next;     /* with the same slot */
};

struct indicator_names {
	struct pattern *patterns;
	size_t n, cap;
	struct need *needs;
	size_t n_needs, cap_needs;
	uint32_t *always; /* patterns that need nothing of four bytes */
	size_t n_always;
	int32_t *slots; /* the first need, by a hash of its gram */
	uint32_t slot_mask;
	uint8_t filter[(1u << FILTER_BITS) / 8];
	uint32_t path_number;
	bool is_sealed;
	pcre2_match_context *limits;
	pcre2_match_data *data;
	pcre2_compile_context *compile;
};

struct indicator_names *
indicator_names_new(void)
{
	struct indicator_names *n = xcalloc(1, sizeof(*n));

	n->compile = pcre2_compile_context_create(NULL);
	n->limits = pcre2_match_context_create(NULL);
	n->data = pcre2_match_data_create(1, NULL);
	assert(n->compile != NULL && n->limits != NULL && n->data != NULL);
	(void)pcre2_set_match_limit(n->limits, INDICATOR_MATCH_STEPS_MAX);
	(void)pcre2_set_depth_limit(n->limits, INDICATOR_MATCH_STEPS_MAX);
	(void)pcre2_set_heap_limit(n->limits, INDICATOR_MATCH_HEAP_KIB);
	return n;
}

static void
pattern_clear(struct pattern *p)
{
	free(p->text);
	pcre2_code_free(p->code);
	pcre2_code_free(p->except);
}

void
indicator_names_free(struct indicator_names *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->n; i++)
		pattern_clear(&n->patterns[i]);
	for (size_t i = 0; i < n->n_needs; i++)
		free(n->needs[i].text);
	free(n->patterns);
	free(n->needs);
	free(n->always);
	free(n->slots);
	pcre2_match_data_free(n->data);
	pcre2_match_context_free(n->limits);
	pcre2_compile_context_free(n->compile);
	free(n);
}

size_t
indicator_names_n(const struct indicator_names *n)
{
	return n->n;
}

static pcre2_code *
compile(struct indicator_names *n, const struct regex *r, bool is_caseless,
    char **ret_why)
{
	uint32_t options =
	    r->options | PCRE2_NEVER_BACKSLASH_C | (is_caseless ? PCRE2_CASELESS : 0);
	int error = 0;
	size_t at = 0;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)r->text, PCRE2_ZERO_TERMINATED,
	    options, &error, &at, n->compile);

	if (code == NULL) {
		PCRE2_UCHAR text[ERROR_TEXT_MAX] = "";

		(void)pcre2_get_error_message(error, text, sizeof(text));
		*ret_why = xasprintf("no regular expression: %s", (const char *)text);
	}
	return code;
}

/* Characters by how seldom they are in paths. */
static unsigned
rareness(char c)
{
	if (strchr("/.etaoinsrlcmupdb", c) != NULL)
		return 1;
	if (c >= 'a' && c <= 'z')
		return 2;
	return c >= '0' && c <= '9' ? 3 : 4;
}

/* Where in a folded text the four bytes are that are met the least. */
static size_t
rarest_gram(const char *text, size_t len)
{
	static const char *const common[] = { "/usr", "usr/", "/lib", "lib/", "/var",
		"/tmp", "tmp/", "/etc", "/bin", "/opt", "/dev", "/home", ".exe", ".dll",
		"share", "local", "system", "windows", "python" };
	size_t best = 0;
	unsigned best_worth = 0;

	for (size_t i = 0; i + GRAM_BYTES <= len; i++) {
		unsigned sum = 1;
		bool is_common = false;

		for (size_t k = 0; k < GRAM_BYTES; k++)
			sum += rareness(text[i + k]);
		for (size_t k = 0; k < MH_ARRAY_LEN(common); k++)
			is_common = is_common || memmem(common[k], strlen(common[k]),
						     text + i, GRAM_BYTES) != NULL;
		sum = is_common ? 1 : sum;
		if (sum > best_worth) {
			best_worth = sum;
			best = i;
		}
	}
	return best;
}

static uint32_t
gram_at(const char *folded)
{
	return (uint32_t)(uint8_t)folded[0] << 24 | (uint32_t)(uint8_t)folded[1] << 16 |
	       (uint32_t)(uint8_t)folded[2] << 8 | (uint8_t)folded[3];
}

/* Spreads the bits of a gram (Knuth, multiplicative hashing). */
static uint32_t
spread(uint32_t gram)
{
	return gram * 2654435761u;
}

static void
add_need(struct indicator_names *n, const char *folded, uint32_t pattern)
{
	size_t len = strlen(folded);

	if (n->n_needs == n->cap_needs) {
		n->cap_needs = n->cap_needs * 2 + 64;
		n->needs = xreallocarray(n->needs, n->cap_needs, sizeof(*n->needs));
	}
	if (len > LITERAL_MAX)
		len = LITERAL_MAX;
	size_t at = rarest_gram(folded, len);

	n->needs[n->n_needs++] = (struct need){
		.text = xstrndup(folded, len),
		.gram = gram_at(folded + at),
		.pattern = pattern,
		.len = (uint16_t)len,
		.at = (uint16_t)at,
		.next = NONE,
	};
}

static void
add_always(struct indicator_names *n, uint32_t pattern)
{
	/* It grows at powers of two. */
	if ((n->n_always & (n->n_always - 1)) == 0)
		n->always =
		    xreallocarray(n->always, 2 * n->n_always + 1, sizeof(*n->always));
	n->always[n->n_always++] = pattern;
}

/* Have the pattern found by what it needs. */
static void
add_needs(struct indicator_names *n, const struct literals *l, uint32_t pattern)
{
	bool is_enough = l->n > 0;

	for (size_t i = 0; i < l->n; i++)
		is_enough = is_enough && strlen(l->texts[i]) >= GRAM_BYTES;
	if (!is_enough) {
		add_always(n, pattern);
		return;
	}
	for (size_t i = 0; i < l->n; i++)
		add_need(n, l->texts[i], pattern);
}

/* 1 when it matches, 0 when not, -1 when it took too long. */
static int
run_regex(struct indicator_names *n, const pcre2_code *code, const char *path, size_t len)
{
	int r =
	    pcre2_match(code, (PCRE2_SPTR)path, len, 0, PCRE2_NO_JIT, n->data, n->limits);

	if (r >= 0)
		return 1;
	return r == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

/*
 * Whether it fits every path: the root, and a name that nobody has.  A list would tell
 * of all files, and an exception would take the indicators of all lists away.
 */
static bool
is_too_wide(struct indicator_names *n, const pcre2_code *code, char **ret_why)
{
	static const char nobodys[] = "/\x7f";

	if (code == NULL || run_regex(n, code, "/", 1) != 1 ||
	    run_regex(n, code, nobodys, sizeof(nobodys) - 1) != 1)
		return false;
	*ret_why = xstrdup("it fits every path");
	return true;
}

static mh_err
make_regex(struct indicator_names *n, const char *text, bool is_caseless,
    const char *except, struct pattern *ret, struct literals *ret_literals,
    char **ret_why)
{
	struct regex r = { NULL, 0 };
	struct regex x = { NULL, 0 };
	const char *why = NULL;

	if (!regex_translate(text, &r, &why) ||
	    (except != NULL && !regex_translate(except, &x, &why))) {
		*ret_why = xstrdup(why);
		regex_clear(&r);
		return MH_ERR_INVALID;
	}
	ret->code = compile(n, &r, is_caseless, ret_why);
	if (ret->code != NULL && except != NULL)
		ret->except = compile(n, &x, false, ret_why);
	bool is_good = ret->code != NULL && (except == NULL || ret->except != NULL) &&
		       !is_too_wide(n, ret->code, ret_why) &&
		       !is_too_wide(n, ret->except, ret_why);

	if (is_good)
		regex_literals(&r, ret_literals);
	regex_clear(&r);
	regex_clear(&x);
	return is_good ? MH_OK : MH_ERR_INVALID;
}

/* text as it is compared where it is no expression: with slashes. */
static char *
fold_slashes(const char *text)
{
	char *s = xstrdup(text);

	for (char *p = s; *p != 0; p++) {
		if (*p == '\\')
			*p = '/';
	}
	return s;
}

static char *
fold_all(const char *text)
{
	char *s = xstrdup(text);

	for (char *p = s; *p != 0; p++)
		*p = regex_fold(*p);
	return s;
}

mh_err
indicator_names_add(struct indicator_names *n, enum name_kind kind, const char *text,
    bool is_caseless, const char *except, uint32_t tag, char **ret_why)
{
	struct pattern p = { .kind = kind, .is_caseless = is_caseless, .tag = tag };
	struct literals l = { { NULL }, 0 };
	mh_err err = MH_OK;

	assert(!n->is_sealed && (except == NULL || kind == NAME_REGEX));
	if (n->n == INDICATOR_NAMES_MAX)
		return MH_ERR_FULL;
	if (text[0] == 0) {
		*ret_why = xstrdup("it is empty");
		return MH_ERR_INVALID;
	}
	if (kind == NAME_REGEX) {
		err = make_regex(n, text, is_caseless, except, &p, &l, ret_why);
	} else {
		p.text = fold_slashes(text);
		l.texts[l.n++] = fold_all(text);
	}
	if (err != MH_OK) {
		pattern_clear(&p);
		return err;
	}
	if (n->n == n->cap) {
		n->cap = n->cap * 2 + 64;
		n->patterns = xreallocarray(n->patterns, n->cap, sizeof(*n->patterns));
	}
	add_needs(n, &l, (uint32_t)n->n);
	literals_clear(&l);
	n->patterns[n->n++] = p;
	return MH_OK;
}

void
indicator_names_seal(struct indicator_names *n)
{
	uint32_t size = 64;

	assert(!n->is_sealed);
	while (size < 2 * n->n_needs)
		size *= 2;
	n->slots = xcalloc(size, sizeof(*n->slots));
	n->slot_mask = size - 1;
	for (uint32_t i = 0; i < size; i++)
		n->slots[i] = NONE;
	for (size_t i = 0; i < n->n_needs; i++) {
		struct need *need = &n->needs[i];
		uint32_t h = spread(need->gram);
		int32_t *slot = &n->slots[h & n->slot_mask];

		need->next = *slot;
		*slot = (int32_t)i;
		n->filter[h >> (32 - FILTER_BITS) >> 3] |=
		    (uint8_t)(1u << (h >> (32 - FILTER_BITS) & 7));
	}
	n->is_sealed = true;
}

static bool
is_equal(const char *a, const char *b, size_t len, bool is_caseless)
{
	for (size_t i = 0; i < len; i++) {
		char x = a[i] == '\\' ? '/' : a[i];
		char y = b[i] == '\\' ? '/' : b[i];

		if (is_caseless ? regex_fold(x) != regex_fold(y) : x != y)
			return false;
	}
	return true;
}

static bool
has_part(const char *s, const char *part, bool is_caseless)
{
	size_t len = strlen(part);

	for (size_t left = strlen(s); left >= len; left--, s++) {
		if (is_equal(s, part, len, is_caseless))
			return true;
		if (left == 0)
			break;
	}
	return false;
}

/* The name without its folder, whatever separates the two. */
static const char *
base_of(const char *path)
{
	const char *base = path;

	for (const char *p = path; *p != 0; p++) {
		if (*p == '/' || *p == '\\')
			base = p + 1;
	}
	return base;
}

bool
indicator_name_fits(enum name_kind kind, const char *text, bool is_caseless,
    const char *path)
{
	const char *base = base_of(path);
	size_t len = strlen(text);
	size_t path_len = strlen(path);
	const char *dot = strrchr(base, '.');

	switch (kind) {
	case NAME_BASE:
		return strlen(base) == len && is_equal(base, text, len, is_caseless);
	case NAME_BASE_PART:
		return has_part(base, text, is_caseless);
	case NAME_TAIL:
		return path_len >= len &&
		       is_equal(path + path_len - len, text, len, is_caseless);
	case NAME_PATH_PART:
		return has_part(path, text, is_caseless);
	case NAME_EXTENSION:
		return dot != NULL && strlen(dot + 1) == len &&
		       is_equal(dot + 1, text, len, is_caseless);
	case NAME_REGEX:
	case NAME_KIND_MAX_:
		break;
	}
	return false;
}

/* False: an expression took too long. */
static bool
look(struct indicator_names *n, uint32_t index, const char *path, size_t len,
    name_match_fn *on_match, void *ctx)
{
	struct pattern *p = &n->patterns[index];

	if (p->seen == n->path_number)
		return true;
	p->seen = n->path_number;
	if (p->kind != NAME_REGEX) {
		if (indicator_name_fits(p->kind, p->text, p->is_caseless, path))
			on_match(ctx, p->tag);
		return true;
	}
	int found = run_regex(n, p->code, path, len);
	int excepted =
	    found == 1 && p->except != NULL ? run_regex(n, p->except, path, len) : 0;

	/* An exception that is not known to hold takes no finding away. */
	if (found == 1 && excepted != 1)
		on_match(ctx, p->tag);
	return found >= 0 && excepted >= 0;
}

/* Look at the patterns that need the four bytes which end at path[end - 1]. */
static bool
look_at_gram(struct indicator_names *n, uint32_t gram, const char *path, size_t end,
    size_t len, name_match_fn *on_match, void *ctx)
{
	uint32_t h = spread(gram);
	bool is_good = true;

	if ((n->filter[h >> (32 - FILTER_BITS) >> 3] >> (h >> (32 - FILTER_BITS) & 7) &
		1) == 0)
		return true;
	for (int32_t i = n->slots[h & n->slot_mask]; i != NONE; i = n->needs[i].next) {
		const struct need *need = &n->needs[i];
		size_t start = end - GRAM_BYTES;

		if (need->gram != gram || start < need->at ||
		    len - (start - need->at) < need->len)
			continue;
		const char *at = path + start - need->at;
		size_t k = 0;

		while (k < need->len && regex_fold(at[k]) == need->text[k])
			k++;
		if (k == need->len && !look(n, need->pattern, path, len, on_match, ctx))
			is_good = false;
	}
	return is_good;
}

bool
indicator_names_match(struct indicator_names *n, const char *path,
    name_match_fn *on_match, void *ctx)
{
	size_t len = strlen(path);
	bool is_good = true;
	uint32_t gram = 0;

	assert(n->is_sealed);
	n->path_number++;
	for (size_t i = 0; i < len; i++) {
		gram = gram << 8 | (uint8_t)regex_fold(path[i]);
		if (i + 1 >= GRAM_BYTES &&
		    !look_at_gram(n, gram, path, i + 1, len, on_match, ctx))
			is_good = false;
	}
	for (size_t i = 0; i < n->n_always; i++) {
		if (!look(n, n->always[i], path, len, on_match, ctx))
			is_good = false;
	}
	return is_good;
}
