/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_MIRROR_H
#define MH_TESTS_UNIT_MH_MIRROR_H

#include <stddef.h>
#include <stdint.h>

/*
 * The other envelope of the same content and key, which nobody needs the key for:
 * (r, s) of its signature become (r, n - s).  Aborts when it cannot; freed with free(3).
 */
uint8_t *mirror(const uint8_t *der, size_t len, size_t *ret_len);

#endif
