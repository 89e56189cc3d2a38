/* SPDX-License-Identifier: BSD-2-Clause */
#include "records/check.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

static const char *const names[CHECK_MAX_] = {
#define CHECK_ROW(code, name) [CHECK_##code] = (name),
	CHECKS(CHECK_ROW)
#undef CHECK_ROW
};

const char *
check_name(enum check check)
{
	assert((unsigned)check < CHECK_MAX_);
	return names[check];
}

bool
match_is_check(const struct match *m)
{
	return strcmp(m->name_space, CHECK_NAMESPACE) == 0;
}

bool
match_find_check(const struct match *m, enum check *ret)
{
	for (unsigned i = 0; i < CHECK_MAX_; i++) {
		if (match_is_check(m) && strcmp(m->rule, names[i]) == 0) {
			*ret = (enum check)i;
			return true;
		}
	}
	return false;
}

struct match *
check_match_new(enum check check)
{
	struct match *m = xcalloc(1, sizeof(*m));

	m->rule = xstrdup(check_name(check));
	m->name_space = xstrdup(CHECK_NAMESPACE);
	return m;
}

static struct match_meta *
add_meta(struct match *m, const char *name, enum match_meta_kind kind)
{
	assert(m->n_metas < RULE_METAS_MAX);
	m->metas = xreallocarray(m->metas, m->n_metas + 1, sizeof(*m->metas));
	struct match_meta *meta = &m->metas[m->n_metas++];

	*meta = (struct match_meta){ .name = xstrdup(name), .kind = kind };
	return meta;
}

void
check_match_add_text(struct match *m, const char *name, const char *text)
{
	add_meta(m, name, META_TEXT)->text = xstrndup(text, META_VALUE_MAX);
}

void
check_match_add_number(struct match *m, const char *name, int64_t number)
{
	add_meta(m, name, META_NUMBER)->number = number;
}

void
check_match_add_truth(struct match *m, const char *name, bool truth)
{
	add_meta(m, name, META_TRUTH)->number = truth;
}
