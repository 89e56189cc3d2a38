/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Patterns of STIX 2.1 (OASIS, "STIX Version 2.1", chapter 9): the part that can be
 * decided on one file or one connection.
 *
 *	[file:hashes.'SHA-256' = 'aa..' OR file:name = 'x'] OR [ipv4-addr:value = '192.0.2.1']
 *
 * Several observations joined by OR are taken; joined by AND or FOLLOWEDBY, or with
 * qualifiers (WITHIN, REPEATS, START), they ask for several things over time.
 *
 * Runs in: zygote.
 * Input: hostile.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_load_impl.h"
#include "signatures/indicator_value.h"

struct pattern {
	const char *p;
	unsigned depth, n_terms;
	const char *why; /* the first trouble; static */
};

static void *
fail(struct pattern *x, const char *why)
{
	if (x->why == NULL)
		x->why = why;
	return NULL;
}

static void
skip_blanks(struct pattern *x)
{
	while (isspace((unsigned char)*x->p))
		x->p++;
}

/* Take a word, if it stands here, in any case of letters. */
static bool
take_word(struct pattern *x, const char *word)
{
	size_t len = strlen(word);

	skip_blanks(x);
	if (strncasecmp(x->p, word, len) != 0 || isalnum((unsigned char)x->p[len]) ||
	    x->p[len] == '_')
		return false;
	x->p += len;
	return true;
}

static bool
take_sign(struct pattern *x, const char *sign)
{
	skip_blanks(x);
	if (strncmp(x->p, sign, strlen(sign)) != 0)
		return false;
	x->p += strlen(sign);
	return true;
}

/* 'text', with \' and \\ in it, or a number; new. */
static char *
take_literal(struct pattern *x)
{
	skip_blanks(x);
	if (isdigit((unsigned char)*x->p) || *x->p == '-') {
		size_t n = 1 + strspn(x->p + 1, "0123456789.");
		char *number = xstrndup(x->p, n);

		x->p += n;
		return number;
	}
	if (*x->p != '\'')
		return fail(x, "a text in single quotes, or a number, should be here");
	const char *p = ++x->p;
	char *text = xstrdup(p);
	size_t n = 0;

	for (; *p != 0 && *p != '\''; p++) {
		if (*p == '\\' && p[1] != 0)
			p++;
		text[n++] = *p;
	}
	text[n] = 0;
	x->p = p;
	if (*p != '\'') {
		free(text);
		return fail(x, "a quote is not closed");
	}
	x->p++;
	return text;
}

/* file:hashes.'SHA-256', as it is but in lower case and without quotes; new. */
static char *
take_path(struct pattern *x)
{
	bool is_quoted = false;
	size_t n = 0;

	skip_blanks(x);
	MH_CLEANUP(freep) char *path = xstrdup(x->p);

	for (; *x->p != 0; x->p++) {
		if (*x->p == '\'') {
			is_quoted = !is_quoted;
			continue;
		}
		if (!is_quoted &&
		    (isspace((unsigned char)*x->p) || strchr("=!<>()", *x->p) != NULL))
			break;
		/* The bracket behind an observation, not that of a list. */
		if (!is_quoted && *x->p == ']' &&
		    (n == 0 || memchr(path, '[', n) == NULL))
			break;
		path[n++] = (char)tolower((unsigned char)*x->p);
	}
	path[n] = 0;
	if (strchr(path, ':') == NULL)
		return fail(x, "a path such as file:name should be here");
	return MH_TAKE(path);
}

enum comparison { IS, IS_NOT, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL, IN, OTHER };

static enum comparison
take_comparison(struct pattern *x)
{
	if (take_sign(x, "!=") || take_sign(x, "<>"))
		return IS_NOT;
	if (take_sign(x, "<="))
		return LESS_OR_EQUAL;
	if (take_sign(x, ">="))
		return GREATER_OR_EQUAL;
	if (take_sign(x, "=="))
		return IS;
	if (take_sign(x, "="))
		return IS;
	if (take_sign(x, "<"))
		return LESS;
	if (take_sign(x, ">"))
		return GREATER;
	if (take_word(x, "IN"))
		return IN;
	if (take_word(x, "LIKE") || take_word(x, "MATCHES") || take_word(x, "ISSUBSET") ||
	    take_word(x, "ISSUPERSET"))
		return OTHER;
	(void)fail(x, "a comparison should be here: =, !=, <, >, IN, LIKE, MATCHES");
	return OTHER;
}

static void
fill_size(struct term *t, enum comparison c, const char *value)
{
	uint64_t n = 0;

	if (parse_u64(value, 0, UINT64_MAX - 1, &n) != MH_OK || (c == LESS && n == 0)) {
		t->kind = TERM_UNKNOWN;
		return;
	}
	t->kind = TERM_SIZE;
	t->from = c == GREATER ? n + 1 : c == LESS || c == LESS_OR_EQUAL ? 0 : n;
	t->to = c == GREATER || c == GREATER_OR_EQUAL ? UINT64_MAX
		: c == LESS                           ? n - 1
						      : n;
	t->is_negated = c == IS_NOT;
}

/* The host of a URL; what is more than a host stays a text with its path. */
static char *
host_of_url(const char *url)
{
	const char *rest = url_rest(url);

	if (rest == NULL)
		return NULL;
	const char *slash = strchr(rest, '/');

	return slash != NULL && slash[1] == 0 ? xstrndup(rest, (size_t)(slash - rest))
					      : xstrdup(rest);
}

/* What path compares, with value, which is taken. */
static struct node *
make_term(const char *path, enum comparison c, char *value)
{
	struct node *n = node_new(NODE_TERM);
	struct term *t = &n->term;
	bool is_equality = c == IS || c == IS_NOT;
	char *host = NULL;

	t->kind = TERM_UNKNOWN;
	t->text = value;
	t->is_negated = c == IS_NOT;
	if (strcmp(path, "file:size") == 0 && c != OTHER) {
		fill_size(t, c, value);
	} else if (!is_equality) {
		;
	} else if (strncmp(path, "file:hashes.", 12) == 0) {
		uint8_t digest[DIGEST_BYTES_MAX];

		t->kind = digest_parse(value, digest) != INDICATOR_NONE ? TERM_HASH
									: TERM_UNKNOWN;
	} else if (strcmp(path, "file:name") == 0) {
		t->kind = TERM_NAME;
		t->name_kind = NAME_BASE;
	} else if (strcmp(path, "ipv4-addr:value") == 0 ||
		   strcmp(path, "ipv6-addr:value") == 0 ||
		   strcmp(path, "network-traffic:dst_ref.value") == 0) {
		t->kind = network_is_meant(value) ? TERM_ADDRESS : TERM_DOMAIN;
	} else if (strcmp(path, "network-traffic:dst_port") == 0) {
		t->kind = parse_u64(value, 1, UINT16_MAX, &t->from) == MH_OK
			      ? TERM_PORT
			      : TERM_UNKNOWN;
	} else if (strcmp(path, "domain-name:value") == 0) {
		t->kind = TERM_DOMAIN;
	} else if (strcmp(path, "url:value") == 0 &&
		   (host = host_of_url(value)) != NULL) {
		t->kind = network_is_meant(host) ? TERM_ADDRESS : TERM_DOMAIN;
		t->text = host;
		free(value);
	}
	if (t->kind == TERM_UNKNOWN) {
		free(t->text);
		t->text = xstrdup(path);
	}
	return n;
}

/* IN ('a', 'b'): one of these. */
static struct node *
take_list(struct pattern *x, const char *path)
{
	MH_CLEANUP(node_freep) struct node *any = node_new(NODE_OR);

	if (!take_sign(x, "("))
		return fail(x, "a list in parentheses should be behind IN");
	do {
		char *value = take_literal(x);

		if (value == NULL)
			return NULL;
		if (++x->n_terms > INDICATOR_TERMS_MAX) {
			free(value);
			return fail(x, "it has more than 4096 terms");
		}
		node_add(any, make_term(path, IS, value));
	} while (take_sign(x, ","));
	return take_sign(x, ")") ? MH_TAKE(any) : fail(x, "a \")\" is missing");
}

static struct node *
take_term(struct pattern *x)
{
	MH_CLEANUP(freep) char *path = take_path(x);
	struct node *n = NULL;

	if (path == NULL)
		return NULL;
	if (++x->n_terms > INDICATOR_TERMS_MAX)
		return fail(x, "it has more than 4096 terms");
	bool is_negated = take_word(x, "NOT");
	enum comparison c = take_comparison(x);

	if (x->why != NULL)
		return NULL;
	if (c == IN && !is_negated)
		return take_list(x, path);
	char *value = take_literal(x);

	if (value == NULL)
		return NULL;
	n = make_term(path, c, value);
	if (is_negated)
		n->term.is_negated = !n->term.is_negated;
	return n;
}

static struct node *take_or(struct pattern *x);

static struct node *
take_operand(struct pattern *x)
{
	struct node *n = NULL;

	if (!take_sign(x, "("))
		return take_term(x);
	if (++x->depth > INDICATOR_DEPTH_MAX)
		return fail(x, "it is nested more than 64 levels deep");
	n = take_or(x);
	x->depth--;
	if (n != NULL && !take_sign(x, ")")) {
		node_free(n);
		return fail(x, "a \")\" is missing");
	}
	return n;
}

/* Operands with the same word between them; first is taken. */
static struct node *
take_rest(struct pattern *x, struct node *first, const char *word, enum node_kind kind,
    struct node *(*take)(struct pattern *x))
{
	MH_CLEANUP(node_freep) struct node *all = NULL;

	if (first == NULL || !take_word(x, word))
		return first;
	all = node_new(kind);
	node_add(all, first);
	do {
		struct node *next = take(x);

		if (next == NULL)
			return NULL;
		node_add(all, next);
	} while (take_word(x, word));
	return MH_TAKE(all);
}

static struct node *
take_and(struct pattern *x)
{
	return take_rest(x, take_operand(x), "AND", NODE_AND, take_operand);
}

static struct node *
take_or(struct pattern *x)
{
	return take_rest(x, take_and(x), "OR", NODE_OR, take_and);
}

static struct node *take_observations(struct pattern *x);

static struct node *
take_observation(struct pattern *x)
{
	struct node *n = NULL;

	if (take_sign(x, "(")) {
		if (++x->depth > INDICATOR_DEPTH_MAX)
			return fail(x, "it is nested more than 64 levels deep");
		n = take_observations(x);
		x->depth--;
		if (n != NULL && !take_sign(x, ")")) {
			node_free(n);
			return fail(x, "a \")\" is missing");
		}
		return n;
	}
	if (!take_sign(x, "["))
		return fail(x, "a \"[\" should be here");
	n = take_or(x);
	if (n != NULL && !take_sign(x, "]")) {
		node_free(n);
		return fail(x, "a \"]\" is missing");
	}
	return n;
}

static struct node *
take_observations(struct pattern *x)
{
	return take_rest(x, take_observation(x), "OR", NODE_OR, take_observation);
}

struct node *
stix_pattern_parse(const char *pattern, char **ret_why)
{
	struct pattern x = { .p = pattern };
	MH_CLEANUP(node_freep) struct node *root = take_observations(&x);

	skip_blanks(&x);
	if (root != NULL && *x.p != 0)
		(void)fail(&x,
		    "observations that are joined by AND or FOLLOWEDBY, or have "
		    "WITHIN, REPEATS or START, cannot be decided here");
	if (x.why != NULL || root == NULL) {
		*ret_why = xasprintf("pattern, byte %zu: %s", (size_t)(x.p - pattern) + 1,
		    x.why != NULL ? x.why : "it is empty");
		return NULL;
	}
	return MH_TAKE(root);
}
