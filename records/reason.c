/* SPDX-License-Identifier: BSD-2-Clause */
#include "records/reason.h"

#include <assert.h>

static const struct {
	const char *name;
	const char *text;
	bool missed;
} rows[REASON_MAX_] = {
#define REASON_ROW(code, word, is_missed, sentence) \
	[REASON_##code] = { .name = word, .text = sentence, .missed = is_missed },
	REASONS(REASON_ROW)
#undef REASON_ROW
};

const char *
reason_name(enum reason reason)
{
	assert((unsigned)reason < REASON_MAX_);
	return rows[reason].name;
}

const char *
reason_text(enum reason reason)
{
	assert((unsigned)reason < REASON_MAX_);
	return rows[reason].text;
}

bool
reason_is_missed(enum reason reason)
{
	assert((unsigned)reason < REASON_MAX_);
	return rows[reason].missed;
}
