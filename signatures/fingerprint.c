/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile.
 */
#include "signatures/fingerprint.h"

#include <assert.h>
#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "signatures/lexer.h"

enum { SHA256_BYTES = 32 };

static EVP_MD_CTX *
hash_new(void)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	assert(md != NULL);
	(void)EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	return md;
}

static void
add(EVP_MD_CTX *md, const char *text, size_t len)
{
	(void)EVP_DigestUpdate(md, text, len);
}

static void
hash_end(EVP_MD_CTX *md, char ret[FINGERPRINT_HEX + 1])
{
	uint8_t digest[SHA256_BYTES];

	(void)EVP_DigestFinal_ex(md, digest, NULL);
	EVP_MD_CTX_free(md);
	MH_CLEANUP(freep) char *hex = text_hex(digest, sizeof(digest));

	memcpy(ret, hex, FINGERPRINT_HEX + 1);
}

/* Each token and a newline; of a hex string all digits together, in lower case. */
static void
add_tokens(EVP_MD_CTX *md, const struct rule_word *section)
{
	struct lexer lx;
	bool is_hex = false;

	lexer_init(&lx, section->at, section->len);
	while (lexer_next(&lx) != LEXER_END) {
		if (*lx.token == '{' && lx.before == '=')
			is_hex = true;
		for (size_t i = 0; is_hex && i < lx.len; i++) {
			char c = (char)tolower((unsigned char)lx.token[i]);

			add(md, &c, 1);
		}
		if (!is_hex)
			add(md, lx.token, lx.len);
		if (*lx.token == '}')
			is_hex = false;
		if (!is_hex)
			add(md, "\n", 1);
	}
}

void
fingerprint_rule(const struct rule_part *rule, char ret[FINGERPRINT_HEX + 1])
{
	static const struct rule_word nothing = { "", 0, 0 };
	EVP_MD_CTX *md = hash_new();

	add_tokens(md, rule->strings_text.at != NULL ? &rule->strings_text : &nothing);
	add(md, "condition\n", 10);
	add_tokens(md, rule->condition.at != NULL ? &rule->condition : &nothing);
	hash_end(md, ret);
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
fingerprint_pack(const char *const *names, const char *const *fingerprints, size_t n,
    char ret[FINGERPRINT_HEX + 1])
{
	char **lines = xcalloc(n + 1, sizeof(*lines));
	EVP_MD_CTX *md = hash_new();

	for (size_t i = 0; i < n; i++)
		lines[i] = xasprintf("%s %s\n", names[i], fingerprints[i]);
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < n; i++) {
		add(md, lines[i], strlen(lines[i]));
		free(lines[i]);
	}
	free(lines);
	hash_end(md, ret);
}
