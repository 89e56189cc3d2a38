/* SPDX-License-Identifier: BSD-2-Clause */
#include "records/lint.h"

#include <assert.h>
#include <string.h>

#include "base/attributes.h"

static const struct {
	const char *id, *verb, *title;
	enum lint_level level;
	bool is_foreign;
} lints[LINT_MAX_] = {
#define LINT_ROW(id, level, foreign, by, title) \
	{ #id, by, title, LEVEL_##level, foreign },
	LINTS(LINT_ROW)
#undef LINT_ROW
};

const char *
lint_id(enum lint lint)
{
	assert((unsigned)lint < LINT_MAX_);
	return lints[lint].id;
}

const char *
lint_title(enum lint lint)
{
	assert((unsigned)lint < LINT_MAX_);
	return lints[lint].title;
}

const char *
lint_verb(enum lint lint)
{
	assert((unsigned)lint < LINT_MAX_);
	return lints[lint].verb;
}

enum lint_level
lint_level(enum lint lint)
{
	assert((unsigned)lint < LINT_MAX_);
	return lints[lint].level;
}

bool
lint_is_foreign(enum lint lint)
{
	assert((unsigned)lint < LINT_MAX_);
	return lints[lint].is_foreign;
}

enum lint
lint_find(const char *id)
{
	unsigned i = 0;

	while (i < LINT_MAX_ && strcmp(lints[i].id, id) != 0)
		i++;
	return (enum lint)i;
}

const char *
lint_level_name(enum lint_level level)
{
	static const char *const names[] = { "info", "warning", "error" };

	static_assert(MH_ARRAY_LEN(names) == LEVEL_MAX_, "a name for each level");
	assert((unsigned)level < LEVEL_MAX_);
	return names[level];
}
