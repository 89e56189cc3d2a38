/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_CLOCK_H
#define MH_BASE_CLOCK_H

#include <stdint.h>

#include "base/error.h"

/*
 * Time.  Deadlines use the monotonic clock, records the real one
 * (clock_gettime(2)); both in milliseconds.  Logic takes now_ms as an
 * argument, so that tests need no clock.
 */
int64_t clock_monotonic_ms(void);
int64_t clock_real_ms(void); /* since 1970-01-01 UTC */

/* RFC 3339 in UTC with milliseconds: "2026-11-23T16:00:00.123Z". */
enum { CLOCK_TEXT_LEN = 25 };
void clock_format(int64_t real_ms, char ret[CLOCK_TEXT_LEN]);

/* The time that such a text names (with or without the fraction). */
mh_err clock_parse(const char *text, int64_t *ret_real_ms) MH_CHECKED;

#endif
