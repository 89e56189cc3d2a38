/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_TOKEN_H
#define MH_TRANSPORT_TOKEN_H

#include <stdint.h>

#include "base/error.h"
#include "transport/cms.h"

/* Enrolment tokens "SECRET.PIN" (docs/PROTOCOL.md, "Enrolment"). */
enum {
	TOKEN_SECRET_LEN = 32, /* characters of base64url: 192 random bits */
	TOKEN_PIN_LEN = 43,    /* characters of base64url: a SHA-256 */
	TOKEN_LEN = TOKEN_SECRET_LEN + 1 + TOKEN_PIN_LEN,
};

struct token {
	char secret[TOKEN_SECRET_LEN + 1];
	uint8_t pin[DIGEST_BYTES]; /* of the CA's SubjectPublicKeyInfo */
};

/* Read a token; blanks around it are let pass, it was pasted.  MH_ERR_FORMAT. */
mh_err token_parse(const char *text, struct token *ret) MH_CHECKED;

/* A new secret from getrandom(2). */
void token_secret_new(char ret[TOKEN_SECRET_LEN + 1]);

/* The text of a token with that secret and pin. */
void token_format(const struct token *token, char ret[TOKEN_LEN + 1]);

#endif
