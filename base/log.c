/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* Syslog priorities of the levels, for the journal: sd-daemon(3). */
static const struct {
	const char *name;
	int priority;
} levels[LOG_LEVEL_MAX_] = {
	[LOG_LEVEL_ERR] = { "error", 3 },
	[LOG_LEVEL_WARN] = { "warning", 4 },
	[LOG_LEVEL_NOTICE] = { "notice", 5 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static struct {
	const char *program;
	enum log_level finest;
	bool journal;
} logger = { "molehunt", LOG_LEVEL_NOTICE, false };

void
log_init(const char *program, enum log_level finest)
{
	logger.program = program;
	logger.finest = finest;
	logger.journal = getenv("JOURNAL_STREAM") != NULL;
}

void
log_set_level(enum log_level finest)
{
	logger.finest = finest;
}

bool
log_is_shown(enum log_level level)
{
	return level <= logger.finest;
}

bool
log_level_find(const char *name, enum log_level *ret_level)
{
	for (unsigned i = 0; i < LOG_LEVEL_MAX_; i++) {
		if (strcasecmp(levels[i].name, name) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static void
print_line(enum log_level level, const char *area, const char *text)
{
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (logger.journal) {
		(void)fprintf(stderr, "<%d>%s: %s: %s\n", levels[level].priority,
		    logger.program, area, text);
		return;
	}
	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ ", &tm);
	(void)fprintf(stderr, "%s%s[%d] %s: %s: %s\n", when, logger.program,
	    (int)getpid(), levels[level].name, area, text);
}

static void
vlog(enum log_level level, const char *area, const char *reason, const char *fmt,
    va_list ap)
{
	int saved = errno;
	MH_CLEANUP(freep) char *text = NULL;
	MH_CLEANUP(freep) char *safe = NULL;

	if (!log_is_shown(level))
		return;
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	safe = text_escape(text != NULL ? text : fmt);
	if (reason != NULL) {
		MH_CLEANUP(freep) char *whole = xasprintf("%s: %s", safe, reason);

		print_line(level, area, whole);
	} else {
		print_line(level, area, safe);
	}
	errno = saved;
}

#define LOG_FUNCTION(function, level)                         \
	void function(const char *area, const char *fmt, ...) \
	{                                                     \
		va_list ap;                                   \
		va_start(ap, fmt);                            \
		vlog(level, area, NULL, fmt, ap);             \
		va_end(ap);                                   \
	}

LOG_FUNCTION(log_err, LOG_LEVEL_ERR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

#define LOG_FUNCTION_R(function, level)                                        \
	void function(mh_err err, const char *area, const char *fmt, ...)      \
	{                                                                      \
		const char *reason =                                           \
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err); \
		va_list ap;                                                    \
		va_start(ap, fmt);                                             \
		vlog(level, area, reason, fmt, ap);                            \
		va_end(ap);                                                    \
	}

LOG_FUNCTION_R(log_err_r, LOG_LEVEL_ERR)
LOG_FUNCTION_R(log_warn_r, LOG_LEVEL_WARN)

bool
log_limit_pass(struct log_limit *limit, long long now_ms)
{
	if (now_ms - limit->since_ms >= limit->period_ms) {
		limit->since_ms = now_ms;
		limit->count = 0;
	}
	if (limit->count >= limit->burst) {
		limit->suppressed++;
		return false;
	}
	limit->count++;
	return true;
}
