/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_SIPHASH_H
#define MH_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012): a keyed hash of short input, for tables whose keys somebody hostile
 * chooses.  Who does not know the key can neither predict a hash nor make two
 * inputs meet.
 */
enum { SIPHASH_KEY_BYTES = 16 };

/* Of n words, each hashed as its eight bytes, the lowest first.  No allocation. */
uint64_t siphash_words(const uint8_t key[SIPHASH_KEY_BYTES], const uint64_t *words,
    size_t n);

#endif
