/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_MANIFEST_IMPL_H
#define MH_SIGNATURES_MANIFEST_IMPL_H

/* What the parts of signatures/manifest.h share. */
#include "signatures/manifest.h"

enum { ID_MAX = 64 }; /* bytes of a string's name, or of the id of a source or sample */

/* The fact of that name, or facts.n. */
unsigned manifest_find_value(const struct manifest_values *v, const char *name,
    size_t len);

/*
 * Read terms into *ret, which is empty.  NULL, or what is wrong with one, new.
 */
char *manifest_parse_terms(const struct manifest_values *v,
    const struct setting_strings *list, struct requirement *ret);

#endif
