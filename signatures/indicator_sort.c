/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote.
 * Input: hostile.
 */
#include "signatures/indicator_sort.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum {
	INSERTION_MAX = 32, /* records that are sorted by insertion */
	BYTE_VALUES = 256,
};

static void
sort_by_insertion(uint8_t *records, size_t n, size_t width, size_t key_bytes)
{
	uint8_t held[SORT_RECORD_MAX];

	for (size_t i = 1; i < n; i++) {
		size_t j = i;

		memcpy(held, records + i * width, width);
		while (j > 0 && memcmp(records + (j - 1) * width, held, key_bytes) > 0) {
			memcpy(records + j * width, records + (j - 1) * width, width);
			j--;
		}
		memcpy(records + j * width, held, width);
	}
}

/* Bring each record to the part of the array that its byte at depth has. */
static void
permute(uint8_t *records, size_t width, size_t depth, size_t *next, const size_t *ends)
{
	uint8_t held[SORT_RECORD_MAX];
	uint8_t other[SORT_RECORD_MAX];

	for (size_t part = 0; part < BYTE_VALUES; part++) {
		while (next[part] < ends[part]) {
			memcpy(held, records + next[part] * width, width);
			while (held[depth] != part) {
				uint8_t *place = records + next[held[depth]]++ * width;

				memcpy(other, place, width);
				memcpy(place, held, width);
				memcpy(held, other, width);
			}
			memcpy(records + next[part]++ * width, held, width);
		}
	}
}

static void
sort_from(uint8_t *records, size_t n, size_t width, size_t key_bytes, size_t depth)
{
	size_t next[BYTE_VALUES] = { 0 };
	size_t ends[BYTE_VALUES] = { 0 };
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		ends[records[i * width + depth]]++;
	for (size_t part = 0; part < BYTE_VALUES; part++) {
		next[part] = sum;
		sum += ends[part];
		ends[part] = sum;
	}
	permute(records, width, depth, next, ends);
	size_t begin = 0;

	for (size_t part = 0; part < BYTE_VALUES; part++) {
		size_t count = ends[part] - begin;

		if (count > INSERTION_MAX && depth + 1 < key_bytes)
			sort_from(records + begin * width, count, width, key_bytes,
			    depth + 1);
		else if (count > 1 && depth + 1 < key_bytes)
			sort_by_insertion(records + begin * width, count, width,
			    key_bytes);
		begin = ends[part];
	}
}

void
records_sort(uint8_t *records, size_t n, size_t width, size_t key_bytes)
{
	assert(width <= SORT_RECORD_MAX && key_bytes <= width && key_bytes > 0);
	if (n > INSERTION_MAX)
		sort_from(records, n, width, key_bytes, 0);
	else
		sort_by_insertion(records, n, width, key_bytes);
}
