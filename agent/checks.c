/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: from scan workers, which may have been taken over by what they read.
 */
#include "agent/checks.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

enum { FACTS_MAX = 3 };

/* A fact that a check knows, and what it adds to the score when it is true. */
struct fact {
	const char *name;
	enum match_meta_kind kind;
	unsigned adds;
};

static const struct {
	unsigned score;
	const char *attack; /* ATT&CK techniques, with commas */
	const char *description;
	struct fact facts[FACTS_MAX];
} rows[CHECK_MAX_] = {
	[CHECK_FOREIGN_EXTENSION] = { 50, "T1036.008,T1560.001",
	    "A large archive under the extension of another type, or none",
	    { { "format", META_TEXT, 0 }, { "extension", META_TEXT, 0 },
		{ "media", META_TRUTH, 10 } } },
	[CHECK_ENCRYPTED_NAMES] = { 40, "T1560.001",
	    "An archive that hides even the names of its members, in a folder where data "
	    "is staged",
	    { { "format", META_TEXT, 0 }, { "foreign_extension", META_TRUTH, 20 },
		{ "volume", META_TRUTH, 10 } } },
	[CHECK_VOLUME_SET] = { 55, "T1074.001,T1560.001,T1030",
	    "An archive cut in pieces, in a folder where data is staged",
	    { { "format", META_TEXT, 0 } } },
	[CHECK_DESIGN_FILES] = { 60, "T1074.001,T1560.001,T1005",
	    "An archive of design files, in a folder where data is staged",
	    { { "format", META_TEXT, 0 }, { "design_files", META_NUMBER, 0 },
		{ "example", META_TEXT, 0 } } },
};

static const struct fact *
find_fact(enum check check, const struct match_meta *meta)
{
	for (size_t i = 0; i < FACTS_MAX; i++) {
		const struct fact *f = &rows[check].facts[i];

		if (f->name != NULL && strcmp(f->name, meta->name) == 0 &&
		    f->kind == meta->kind)
			return f;
	}
	return NULL;
}

bool
check_complete(struct match *m)
{
	enum check check = CHECK_MAX_;
	uint32_t n = 0;

	if (!match_find_check(m, &check) || m->n_metas > FACTS_MAX)
		return false;
	unsigned score = rows[check].score;

	for (uint32_t i = 0; i < m->n_metas; i++) {
		const struct fact *f = find_fact(check, &m->metas[i]);

		if (f == NULL) {
			free(m->metas[i].name);
			free(m->metas[i].text);
			continue;
		}
		if (f->kind == META_TRUTH && m->metas[i].number != 0)
			score += f->adds;
		m->metas[n++] = m->metas[i];
	}
	m->n_metas = n;
	check_match_add_text(m, "description", rows[check].description);
	check_match_add_number(m, "score", score);
	check_match_add_text(m, "attack", rows[check].attack);
	return true;
}
