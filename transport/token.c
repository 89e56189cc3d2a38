/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: typed or pasted by a person. */
#include "transport/token.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

/* RFC 4648 section 5. */
static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Without padding; the last character's unused bits are zero. */
static void
encode(const uint8_t *p, size_t len, char *ret)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | p[i];
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			*ret++ = alphabet[bits >> (n_bits - 6) & 63];
	}
	if (n_bits > 0)
		*ret++ = alphabet[bits << (6 - n_bits) & 63];
	*ret = 0;
}

/* Exactly len bytes; false for another character or unused bits that are set. */
static bool
decode(const char *text, size_t n_chars, uint8_t *ret, size_t len)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t done = 0;

	for (size_t i = 0; i < n_chars; i++) {
		const char *at = text[i] != 0 ? strchr(alphabet, text[i]) : NULL;

		if (at == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		n_bits += 6;
		if (n_bits >= 8 && done < len) {
			n_bits -= 8;
			ret[done++] = (uint8_t)(bits >> n_bits);
		}
	}
	return done == len && n_bits < 6 && (bits & ((1u << n_bits) - 1)) == 0;
}

mh_err
token_parse(const char *text, struct token *ret)
{
	static const char blanks[] = " \t\r\n";
	const char *start = text + strspn(text, blanks);
	size_t len = strcspn(start, blanks);
	struct token token;

	if (len != TOKEN_LEN || start[len + strspn(start + len, blanks)] != 0 ||
	    start[TOKEN_SECRET_LEN] != '.' ||
	    strspn(start, alphabet) != TOKEN_SECRET_LEN ||
	    !decode(start + TOKEN_SECRET_LEN + 1, TOKEN_PIN_LEN, token.pin,
		sizeof(token.pin)))
		return MH_ERR_FORMAT;
	memcpy(token.secret, start, TOKEN_SECRET_LEN);
	token.secret[TOKEN_SECRET_LEN] = 0;
	*ret = token;
	return MH_OK;
}

void
token_secret_new(char ret[TOKEN_SECRET_LEN + 1])
{
	uint8_t random[TOKEN_SECRET_LEN * 6 / 8];

	/* A leading hyphen would be an option to `molehunt enroll`. */
	do {
		ssize_t n = getrandom(random, sizeof(random), 0);

		assert(n == (ssize_t)sizeof(random));
		encode(random, sizeof(random), ret);
	} while (ret[0] == '-');
	explicit_bzero(random, sizeof(random));
}

void
token_format(const struct token *token, char ret[TOKEN_LEN + 1])
{
	memcpy(ret, token->secret, TOKEN_SECRET_LEN);
	ret[TOKEN_SECRET_LEN] = '.';
	encode(token->pin, sizeof(token->pin), ret + TOKEN_SECRET_LEN + 1);
}
