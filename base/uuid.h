/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_UUID_H
#define MH_BASE_UUID_H

#include <stdbool.h>

/*
 * Version 4 UUIDs (RFC 9562) as text in lower case:
 * "4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9d".
 */
enum { UUID_TEXT_LEN = 37 }; /* bytes, with the NUL */

/* A new random one, from getrandom(2); blocks only before the pool is ready. */
void uuid_new(char ret[UUID_TEXT_LEN]);

/* Whether s is exactly such a text: version 4, RFC variant, lower case. */
bool uuid_is_valid(const char *s);

#endif
