/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_monotonic_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_real_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

void
clock_format(int64_t real_ms, char ret[CLOCK_TEXT_LEN])
{
	int64_t ms = real_ms % 1000;
	time_t s = (time_t)(real_ms / 1000 - (ms < 0));
	struct tm tm;
	size_t n = 0;

	memset(ret, 0, CLOCK_TEXT_LEN);
	if (gmtime_r(&s, &tm) != NULL && tm.tm_year < 9999 - 1900)
		n = strftime(ret, CLOCK_TEXT_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret + n, CLOCK_TEXT_LEN - n, ".%03dZ",
	    (int)(ms < 0 ? ms + 1000 : ms));
}

mh_err
clock_parse(const char *text, int64_t *ret_real_ms)
{
	struct tm tm = { .tm_isdst = 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms = 0;

	if (rest == NULL)
		return MH_ERR_INVALID;
	if (*rest == '.') {
		int64_t unit = 100;

		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ms += (*rest - '0') * unit;
	}
	if (strcmp(rest, "Z") != 0)
		return MH_ERR_INVALID;
	*ret_real_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return MH_OK;
}
