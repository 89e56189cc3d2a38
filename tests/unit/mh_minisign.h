/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_MINISIGN_H
#define MH_TESTS_UNIT_MH_MINISIGN_H

#include <stdint.h>

#include "signatures/minisign.h"

/* A key pair of the test's own; signatures in minisign's form. */
struct mh_signer;

struct mh_signer *mh_signer_new(uint8_t key_id);
void mh_signer_free(struct mh_signer *s);
struct minisign_key mh_signer_key(const struct mh_signer *s);
/* The signature file of len bytes of text, new. */
char *mh_signer_sign(const struct mh_signer *s, const void *text, size_t len);

#endif
