/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CALENDAR_H
#define MH_AGENT_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Times that repeat, as a configuration has them:
 *
 *	hourly                  at every full hour
 *	every 6h                every 6 hours (m, h, d), counted from 1970 in UTC
 *	daily 03:00
 *	weekly Sun 03:00
 *	Mon..Fri 12:30          days and ranges of days, separated by commas
 *	Mon,Thu..Sat 02:15
 *	monthly 31 04:00        in shorter months on their last day
 *
 * Times of day are those of the local zone (tzset(3) is the caller's part).
 * Where a change of the zone's offset leaves one out, its occurrence is the
 * moment of the change; where it makes one come twice, it is the first.
 */
enum {
	CALENDAR_TEXT_MAX = 128,        /* bytes; every day by name is 27 */
	CALENDAR_EVERY_MIN_S = 60,      /* more often would be always */
	CALENDAR_EVERY_MAX_S = 31622400 /* 366 days: scans are not rarer */
};

enum calendar_kind { CALENDAR_HOURLY, CALENDAR_EVERY, CALENDAR_WEEK, CALENDAR_MONTH };

struct calendar {
	enum calendar_kind kind;
	uint8_t days;       /* CALENDAR_WEEK: bit 0 is Sunday */
	unsigned month_day; /* CALENDAR_MONTH: 1 to 31 */
	unsigned hour;      /* 0 to 23 */
	unsigned minute;    /* 0 to 59 */
	int64_t every_s;    /* CALENDAR_EVERY */
};

/*
 * Errors: MH_ERR_INVALID; *ret_why is then a new string, freed by the caller, that
 * says what was expected in which column (from 1) of text, and *ret is untouched.
 */
mh_err calendar_parse(const char *text, struct calendar *ret, char **ret_why) MH_CHECKED;

/*
 * The first occurrence strictly after t, and the last one at or before it, in
 * seconds since 1970.  Times outside the years 1970 to 9998 are taken as the
 * nearest in them.
 */
int64_t calendar_next(const struct calendar *c, int64_t t);
int64_t calendar_last(const struct calendar *c, int64_t t);

#endif
