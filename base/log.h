/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_LOG_H
#define MH_BASE_LOG_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * Messages for people, one line each, on standard error.
 *
 * area is the module's name.  Only role files log above debug; modules return
 * errors (docs/STYLE.md, "Logging").  Bytes that a terminal could act on are
 * escaped.  When standard error is the systemd journal (JOURNAL_STREAM), lines
 * carry the <N> level prefix of sd-daemon(3) and no time.
 */
enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_MAX_
};

/* Set the program's name (borrowed for good) and the finest level shown. */
void log_init(const char *program, enum log_level finest);
void log_set_level(enum log_level finest);
bool log_is_shown(enum log_level level);

/* The level called name, as in configuration ("debug"); false if none is. */
bool log_level_find(const char *name, enum log_level *ret_level);

void log_err(const char *area, const char *fmt, ...) MH_PRINTF(2, 3);
void log_warn(const char *area, const char *fmt, ...) MH_PRINTF(2, 3);
void log_notice(const char *area, const char *fmt, ...) MH_PRINTF(2, 3);
void log_info(const char *area, const char *fmt, ...) MH_PRINTF(2, 3);
void log_debug(const char *area, const char *fmt, ...) MH_PRINTF(2, 3);

/* As above with ": " and the text of err behind it; for MH_ERR_SYSTEM errno's. */
void log_err_r(mh_err err, const char *area, const char *fmt, ...) MH_PRINTF(3, 4);
void log_warn_r(mh_err err, const char *area, const char *fmt, ...) MH_PRINTF(3, 4);

/*
 * Lets an event through at most burst times in every period_ms, so that what a
 * stranger can trigger does not fill the log.  Initialise with zeros but for
 * the two settings.
 */
struct log_limit {
	unsigned burst;
	int period_ms;
	long long since_ms;
	unsigned count;
	unsigned suppressed; /* since the last one that was let through */
};
bool log_limit_pass(struct log_limit *limit, long long now_ms);

#endif
