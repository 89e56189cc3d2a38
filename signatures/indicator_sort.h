/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_SORT_H
#define MH_SIGNATURES_INDICATOR_SORT_H

#include <stddef.h>
#include <stdint.h>

enum { SORT_RECORD_MAX = 64 }; /* bytes of a record: a SHA-256 and what goes with it */

/*
 * Sort n records of width bytes each (at most SORT_RECORD_MAX) by their first
 * key_bytes, in place: by one byte after the other (McIlroy, Bostic, McIlroy,
 * "Engineering Radix Sort", 1993), so that no input makes it slow and no second
 * copy is needed.
 */
void records_sort(uint8_t *records, size_t n, size_t width, size_t key_bytes);

#endif
