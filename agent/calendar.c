/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: trusted, but full of mistakes. */
#include "agent/calendar.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/attributes.h"
#include "base/memory.h"

enum {
	DAY_S = 86400,
	SEARCH_DAYS = 40,     /* a month, its longest neighbour's end, and the zone */
	LAST_T_DAYS = 2932532 /* of the year 9998 */
};

static const char allowed[] =
    "hourly, every 6h, daily 03:00, weekly Sun 03:00, Mon..Fri 12:30, Mon,Thu 02:15, "
    "monthly 1 04:00";
static const char *const day_names[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };

/* A text on its way into a calendar. */
struct parser {
	const char *text, *at;
	const char *expected; /* NULL until something else than expected stands at at */
};

static bool
expect(struct parser *p, bool is_there, const char *what)
{
	if (!is_there && p->expected == NULL)
		p->expected = what;
	return p->expected == NULL;
}

static bool
take(struct parser *p, const char *word)
{
	size_t len = strlen(word);

	if (strncasecmp(p->at, word, len) != 0)
		return false;
	p->at += len;
	return true;
}

/* One or more blanks. */
static void
take_blank(struct parser *p)
{
	size_t n = strspn(p->at, " \t");

	if (expect(p, n > 0, "a blank"))
		p->at += n;
}

static unsigned
take_number(struct parser *p, unsigned min, unsigned max, const char *what)
{
	const char *from = p->at;
	unsigned v = 0;

	while (*p->at >= '0' && *p->at <= '9' && p->at - from < 7)
		v = v * 10 + (unsigned)(*p->at++ - '0');
	if (p->at == from || v < min || v > max) {
		p->at = from;
		(void)expect(p, false, what);
	}
	return v;
}

static void
take_time(struct parser *p, struct calendar *c)
{
	take_blank(p);
	if (p->expected == NULL)
		c->hour = take_number(p, 0, 23, "an hour from 00 to 23");
	if (p->expected == NULL && expect(p, take(p, ":"), "a colon, as in 03:00")) {
		bool is_two = strspn(p->at, "0123456789") == 2;

		if (expect(p, is_two, "two digits of minutes"))
			c->minute = take_number(p, 0, 59, "minutes from 00 to 59");
	}
}

/* The index of the day that stands here, or -1. */
static int
take_day(struct parser *p)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(day_names); i++) {
		if (take(p, day_names[i]))
			return (int)i;
	}
	return -1;
}

static void
take_days(struct parser *p, struct calendar *c)
{
	static const char what[] = "a day: Sun, Mon, Tue, Wed, Thu, Fri, Sat";

	c->kind = CALENDAR_WEEK;
	do {
		int first = take_day(p);
		int last = first;

		if (!expect(p, first >= 0, what))
			return;
		if (take(p, ".."))
			last = take_day(p);
		if (!expect(p, last >= 0, what))
			return;
		/* Fri..Mon goes over the end of the week. */
		for (int day = first;; day = (day + 1) % 7) {
			c->days |= (uint8_t)(1u << day);
			if (day == last)
				break;
		}
	} while (take(p, ","));
}

static void
take_every(struct parser *p, struct calendar *c)
{
	static const char what[] = "a duration from 1m to 366d, as in 6h";
	int64_t n = 0;

	c->kind = CALENDAR_EVERY;
	take_blank(p);
	if (p->expected != NULL)
		return;

	const char *from = p->at;

	n = take_number(p, 1, 999999, what);
	if (p->expected != NULL)
		return;
	if (take(p, "m"))
		c->every_s = n * 60;
	else if (take(p, "h"))
		c->every_s = n * 3600;
	else if (take(p, "d"))
		c->every_s = n * DAY_S;
	if (c->every_s < CALENDAR_EVERY_MIN_S || c->every_s > CALENDAR_EVERY_MAX_S) {
		p->at = from;
		(void)expect(p, false, what);
	}
}

static void
take_calendar(struct parser *p, struct calendar *c)
{
	if (take(p, "hourly")) {
		c->kind = CALENDAR_HOURLY;
	} else if (take(p, "every")) {
		take_every(p, c);
	} else if (take(p, "daily")) {
		c->kind = CALENDAR_WEEK;
		c->days = 0x7f;
		take_time(p, c);
	} else if (take(p, "monthly")) {
		c->kind = CALENDAR_MONTH;
		take_blank(p);
		if (p->expected == NULL)
			c->month_day = take_number(p, 1, 31, "a day from 1 to 31");
		take_time(p, c);
	} else {
		if (take(p, "weekly"))
			take_blank(p);
		if (p->expected == NULL)
			take_days(p, c);
		take_time(p, c);
	}
}

mh_err
calendar_parse(const char *text, struct calendar *ret, char **ret_why)
{
	struct parser p = { .text = text, .at = text };
	struct calendar c = { 0 };

	if (strlen(text) > CALENDAR_TEXT_MAX) {
		*ret_why = xasprintf("a time of more than %d bytes; allowed: %s",
		    CALENDAR_TEXT_MAX, allowed);
		return MH_ERR_INVALID;
	}
	p.at += strspn(p.at, " \t");
	take_calendar(&p, &c);
	if (p.expected == NULL) {
		p.at += strspn(p.at, " \t");
		(void)expect(&p, *p.at == 0, "the end");
	}
	if (p.expected != NULL) {
		*ret_why = xasprintf("%s is expected at column %td; allowed: %s",
		    p.expected, p.at - text + 1, allowed);
		return MH_ERR_INVALID;
	}
	*ret = c;
	return MH_OK;
}

static int64_t
clamp(int64_t t)
{
	int64_t max = (int64_t)LAST_T_DAYS * DAY_S;

	return t < 0 ? 0 : t > max ? max : t;
}

/* The wall clock at t, as if it were UTC. */
static int64_t
wall(int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm;

	if (localtime_r(&at, &tm) == NULL)
		return t;
	return t + tm.tm_gmtoff;
}

/* The first moment at which the wall clock shows w, or has passed over it. */
static int64_t
moment_of(int64_t w)
{
	int64_t before = w - (wall(w - DAY_S) - (w - DAY_S));
	int64_t after = w - (wall(w + DAY_S) - (w + DAY_S));
	int64_t low = before < after ? before : after;
	int64_t high = before < after ? after : before;

	if (wall(low) == w)
		return low;
	/* In the gap, or behind it: somewhere from here on the wall clock has w behind it. */
	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (wall(middle) >= w)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Whether it occurs on the day that the wall clock shows at w. */
static bool
is_on_day(const struct calendar *c, int64_t w)
{
	time_t day = (time_t)w;
	time_t next = day + DAY_S;
	struct tm tm;
	struct tm tomorrow;

	if (gmtime_r(&day, &tm) == NULL || gmtime_r(&next, &tomorrow) == NULL)
		return false;
	if (c->kind == CALENDAR_WEEK)
		return (c->days & (1u << tm.tm_wday)) != 0;
	return tm.tm_mday == (int)c->month_day ||
	       (tomorrow.tm_mday == 1 && tm.tm_mday < (int)c->month_day);
}

/* The occurrence nearest to t on one side, for what has a time of day. */
static int64_t
search(const struct calendar *c, int64_t t, bool is_after)
{
	int64_t today = wall(t) / DAY_S;
	int step = is_after ? 1 : -1;

	/* One day back first: a change of the offset may be a whole day long. */
	for (int i = -2; i <= SEARCH_DAYS; i++) {
		int64_t w = (today + (int64_t)step * i) * DAY_S;

		if (!is_on_day(c, w))
			continue;

		int64_t at = moment_of(w + (int64_t)c->hour * 3600 + c->minute * 60);

		if (is_after ? at > t : at <= t)
			return at;
	}
	assert(!"each month has every occurrence");
	return t;
}

static int64_t
next_full_hour(int64_t t)
{
	int64_t at = t;

	/* More than once where an offset changes by half an hour in between. */
	do {
		at += 3600 - wall(at) % 3600;
	} while (wall(at) % 3600 != 0);
	return at;
}

static int64_t
last_full_hour(int64_t t)
{
	int64_t at = t - wall(t) % 3600;

	while (wall(at) % 3600 != 0)
		at -= wall(at) % 3600;
	return at;
}

int64_t
calendar_next(const struct calendar *c, int64_t t)
{
	t = clamp(t);
	switch (c->kind) {
	case CALENDAR_HOURLY:
		return next_full_hour(t);
	case CALENDAR_EVERY:
		return (t / c->every_s + 1) * c->every_s;
	case CALENDAR_WEEK:
	case CALENDAR_MONTH:
		return search(c, t, true);
	}
	return t;
}

int64_t
calendar_last(const struct calendar *c, int64_t t)
{
	t = clamp(t);
	switch (c->kind) {
	case CALENDAR_HOURLY:
		return last_full_hour(t);
	case CALENDAR_EVERY:
		return t / c->every_s * c->every_s;
	case CALENDAR_WEEK:
	case CALENDAR_MONTH:
		return search(c, t, false);
	}
	return t;
}
