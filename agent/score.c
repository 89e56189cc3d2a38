/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: metas of rules, which others wrote. */
#include "agent/score.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/attributes.h"
#include "base/text.h"

enum { SCORE_MAX = 100 };

/* Words that packs use for a severity. */
static const struct {
	const char *word;
	unsigned score;
} severities[] = {
	{ "critical", 95 },
	{ "high", 80 },
	{ "medium", 60 },
	{ "moderate", 60 },
	{ "low", 40 },
	{ "informational", 20 },
	{ "info", 20 },
};

/* Words in a rule's name, tags or category that say how sure it is. */
static const struct {
	const char *word;
	unsigned score;
} kinds[] = {
	{ "hunting", SCORE_HUNTING },
	{ "experimental", SCORE_HUNTING },
	{ "test", SCORE_HUNTING },
	{ "susp", SCORE_SUSPICIOUS },
	{ "suspicious", SCORE_SUSPICIOUS },
	{ "hktl", SCORE_SUSPICIOUS },
	{ "hacktool", SCORE_SUSPICIOUS },
	{ "pua", SCORE_SUSPICIOUS },
};

/* A number from 0 to 100, or one of the words. */
static bool
score_of_meta(const struct match_meta *meta, unsigned *ret)
{
	uint64_t number = 0;

	if (meta == NULL)
		return false;
	if (meta->kind == META_NUMBER && meta->number >= 0 && meta->number <= SCORE_MAX) {
		*ret = (unsigned)meta->number;
		return true;
	}
	/* Some packs write numbers as texts. */
	if (meta->kind == META_TEXT &&
	    parse_u64(meta->text, 0, SCORE_MAX, &number) == MH_OK) {
		*ret = (unsigned)number;
		return true;
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(severities); i++) {
		if (meta->kind == META_TEXT &&
		    strcasecmp(meta->text, severities[i].word) == 0) {
			*ret = severities[i].score;
			return true;
		}
	}
	return false;
}

/* Whether one of the words of a name, between its "_", is that word. */
static bool
has_word(const char *name, const char *word)
{
	size_t len = strlen(word);

	while (*name != 0) {
		size_t n = strcspn(name, "_");

		if (n == len && strncasecmp(name, word, len) == 0)
			return true;
		name += n + (name[n] == '_');
	}
	return false;
}

static bool
is_of_kind(const struct match *m, const char *word)
{
	const char *category = match_meta_text(m, "category");

	if (has_word(m->rule, word) || (category != NULL && has_word(category, word)))
		return true;
	for (uint32_t i = 0; i < m->n_tags; i++) {
		if (strcasecmp(m->tags[i], word) == 0)
			return true;
	}
	return false;
}

/* What the rule itself says, or is worth when it says nothing. */
static void
score_of_rule(const struct match *m, struct finding_score *ret)
{
	if (score_of_meta(match_find_meta(m, "score"), &ret->score)) {
		ret->source = "score";
		return;
	}
	if (score_of_meta(match_find_meta(m, "severity"), &ret->score)) {
		ret->source = "severity";
		return;
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(kinds); i++) {
		if (is_of_kind(m, kinds[i].word)) {
			ret->score = kinds[i].score;
			ret->source = "kind";
			return;
		}
	}
	ret->score = SCORE_DEFAULT;
	ret->source = "default";
}

void
finding_score(const struct overrides *list, const struct match *m, const char *path,
    int64_t now_ms, struct finding_score *ret)
{
	*ret = (struct finding_score){ .scored = NULL };
	score_of_rule(m, ret);
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		const struct override *o = &list->items[i];

		if (!override_holds(list, o, now_ms) || !override_fits(o, m, path))
			continue;
		if (o->action == OVERRIDE_DISABLE)
			ret->is_disabled = true;
		else if (o->action == OVERRIDE_SCORE && ret->scored == NULL)
			ret->scored = o;
		else if (o->action == OVERRIDE_SUPPRESS && ret->suppressed == NULL)
			ret->suppressed = o;
	}
	if (ret->scored != NULL)
		ret->score = (unsigned)ret->scored->score;
}

void
target_score_add(struct target_score *t, unsigned score)
{
	unsigned at = t->n_parts;

	assert(score <= SCORE_MAX);
	t->n_rules++;
	while (at > 0 && t->parts[at - 1] < score)
		at--;
	if (at == SCORE_TARGET_RULES)
		return;
	if (t->n_parts < SCORE_TARGET_RULES)
		t->n_parts++;
	for (unsigned i = t->n_parts - 1; i > at; i--)
		t->parts[i] = t->parts[i - 1];
	t->parts[at] = score;
}

void
target_score_finish(struct target_score *t)
{
	double left = 1;
	double weight = 1;

	for (unsigned i = 0; i < t->n_parts; i++) {
		left *= 1 - t->parts[i] / (double)SCORE_MAX * weight;
		weight /= 2;
	}
	t->score = (unsigned)lround(SCORE_MAX * (1 - left));
}
