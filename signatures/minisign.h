/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_MINISIGN_H
#define MH_SIGNATURES_MINISIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Signatures of minisign (https://jedisct1.github.io/minisign/, "Signature
 * format"): Ed25519 over the BLAKE2b-512 of a file, or, as older versions
 * wrote, over the file itself; a second signature covers the first and the
 * trusted comment.  Only public keys are known here.
 *
 * What is checked are raw bytes: nobody parses them before.
 */
enum {
	MINISIGN_KEY_ID_BYTES = 8,
	MINISIGN_KEY_BYTES = 32,
	/* Bytes of a key or signature file: minisign's comments have 1 and 8 KiB. */
	MINISIGN_FILE_MAX = 16 * 1024,
};

struct minisign_key {
	uint8_t id[MINISIGN_KEY_ID_BYTES];
	uint8_t key[MINISIGN_KEY_BYTES];
};

/*
 * A public key file: a comment line and a line of base64, or that line alone.
 * Errors: MH_ERR_TOOBIG, MH_ERR_FORMAT.
 */
mh_err minisign_key_parse(const void *text, size_t len, struct minisign_key *ret)
    MH_CHECKED;

/* What a signature covers: the bytes, which are borrowed. */
struct minisign_signed {
	const void *data;
	size_t len;
	const void *signature; /* the whole signature file */
	size_t signature_len;
};

/*
 * Whether key signed the data.  *ret_comment, unless ret_comment is NULL, is the
 * trusted comment, which the caller frees; it has no NUL and no line end, but may
 * be no UTF-8.  Errors: MH_ERR_TOOBIG, MH_ERR_FORMAT (no signature file),
 * MH_ERR_NOTFOUND (made with another key), MH_ERR_SIGNATURE (data or comment were
 * changed), MH_ERR_CRYPTO.
 */
mh_err minisign_verify(const struct minisign_key *key, const struct minisign_signed *s,
    char **ret_comment) MH_CHECKED;

#endif
