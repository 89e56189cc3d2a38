/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lints of a rule's name and metas: N01, M01 to M08.
 *
 * Runs in: the checker.
 * Input: hostile.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "signatures/attack_ids.h"
#include "signatures/fingerprint.h"
#include "signatures/lint_impl.h"

enum {
	NAME_MAX_BYTES = 128, /* libyara's own limit */
	DESCRIPTION_MIN = 60,
	DESCRIPTION_MAX = 400,
	DATE_LEN = 10,
	SCORE_MAX = 100,
};

static const char *const categories[] = { "MAL", "HKTL", "WEBSHELL", "EXPL", "VULN",
	"SUSP", "PUA" };
static const char *const intents[] = { "APT", "CRIME", "ANOMALY", "RANSOM" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
	"Aug", "Sep", "Oct", "Nov", "Dec" };

static bool
is_listed(const char *const *list, size_t n, const char *at, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(list[i]) == len && memcmp(list[i], at, len) == 0)
			return true;
	}
	return false;
}

static unsigned
number(const char *at, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len && isdigit((unsigned char)at[i]); i++)
		n = n * 10 + (unsigned)(at[i] - '0');
	return n;
}

/* "Nov26": *ret_month counts months from the year 2000. */
static bool
read_month(const char *at, size_t len, unsigned *ret_month)
{
	if (len != 5 || !isdigit((unsigned char)at[3]) || !isdigit((unsigned char)at[4]))
		return false;
	for (unsigned i = 0; i < MH_ARRAY_LEN(months); i++) {
		if (memcmp(months[i], at, 3) == 0) {
			*ret_month = number(at + 3, 2) * 12 + i;
			return true;
		}
	}
	return false;
}

static unsigned
month_of(const char *date)
{
	return (number(date, 4) - 2000) * 12 + number(date + 5, 2) - 1;
}

/* What is wrong with a name of the form CATEGORY_..._FAMILY_MonYY_n, or NULL. */
static const char *
wrong_name(const char *at, size_t len, const char *today)
{
	const char *end = at + len;
	const char *word = at;
	bool has_category = false;
	bool has_month = false;
	unsigned month = 0;
	size_t n_words = 0;

	while (word <= end) {
		const char *stop = memchr(word, '_', (size_t)(end - word));
		size_t n = (size_t)((stop != NULL ? stop : end) - word);
		bool is_prefix = n_words < 2 &&
				 is_listed(categories, MH_ARRAY_LEN(categories), word, n);

		if (n == 0)
			return "an underscore that parts nothing";
		if (has_month && (stop != NULL || number(word, n) == 0))
			return "behind the month stands a number, or nothing";
		has_category |= is_prefix;
		if (!has_category && !is_listed(intents, MH_ARRAY_LEN(intents), word, n))
			return "it begins with MAL, HKTL, WEBSHELL, EXPL, VULN, SUSP or "
			       "PUA, "
			       "before which APT, CRIME, ANOMALY or RANSOM may stand";
		has_month |= read_month(word, n, &month);
		n_words++;
		word += n + 1;
	}
	if (!has_month || n_words < 3)
		return "it ends with the family and the month, as Family_Nov26_1";
	return month > month_of(today) ? "its month is not here yet" : NULL;
}

void
lint_name(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	const char *why = wrong_name(rule->name.at, rule->name.len, l->options.today);

	if (rule->name.len > NAME_MAX_BYTES)
		why = "it is longer than 128 characters";
	if (why != NULL)
		lint_say(l, f, rule, LINT_N01, rule->name.line, "\"%.*s\": %s",
		    LINT_SHOWN(rule->name), why);
}

static const struct {
	const char *key;
	bool is_number;
	bool is_optional; /* looked at when there */
} known[] = {
	{ "id", false, false },
	{ "description", false, false },
	{ "author", false, false },
	{ "date", false, false },
	{ "version", true, false },
	{ "modified", false, true },
	{ "reference", false, false },
	{ "score", true, false },
	{ "family", false, false },
	{ "actor", false, false },
	{ "attack", false, false },
	{ "scope", false, false },
	{ "os", false, false },
	{ "container", false, false },
	{ "category", false, false },
	{ "status", false, false },
	{ "sharing", false, false },
	{ "license", false, false },
};

static unsigned
count_of(const struct rule_part *rule, const struct rule_word *key)
{
	unsigned n = 0;

	for (size_t i = 0; i < rule->n_metas; i++)
		n += rule->metas[i].key.len == key->len &&
		     memcmp(rule->metas[i].key.at, key->at, key->len) == 0;
	return n;
}

static void
lint_doubles(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	static const char *const lists[] = { "attack", "hash", "reference" };

	for (size_t i = 0; i < rule->n_metas && i < LINT_PAIRS_MAX; i++) {
		const struct rule_meta *m = &rule->metas[i];

		if (is_listed(lists, MH_ARRAY_LEN(lists), m->key.at, m->key.len) ||
		    count_of(rule, &m->key) == 1)
			continue;
		/* Once for all of that key: where it stands first. */
		bool is_first = true;

		for (size_t k = 0; k < i; k++)
			is_first &=
			    rule->metas[k].key.len != m->key.len ||
			    memcmp(rule->metas[k].key.at, m->key.at, m->key.len) != 0;
		if (is_first)
			lint_say(l, f, rule, LINT_M01, m->key.line,
			    "\"%.*s\" is there %u times", LINT_SHOWN(m->key),
			    count_of(rule, &m->key));
	}
}

static void
lint_required(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(known); i++) {
		const struct rule_meta *m = rule_meta_find(rule, known[i].key);
		bool is_number = m != NULL && m->kind == RULE_META_NUMBER;

		if (m == NULL && !known[i].is_optional)
			lint_say(l, f, rule, LINT_M01, rule->name.line,
			    "\"%s\" is missing", known[i].key);
		else if (m != NULL && (is_number != known[i].is_number ||
					  (!is_number && m->kind != RULE_META_TEXT)))
			lint_say(l, f, rule, LINT_M01, m->key.line, "\"%s\" has to be %s",
			    known[i].key, known[i].is_number ? "a number" : "a text");
		else if (m != NULL && m->value.len == 0)
			lint_say(l, f, rule, LINT_M01, m->key.line, "\"%s\" is empty",
			    known[i].key);
	}
	lint_doubles(l, f, rule);
}

static bool
has(const struct rule_word *w, const char *text)
{
	return memmem(w->at, w->len, text, strlen(text)) != NULL;
}

static bool
begins(const struct rule_word *w, const char *text)
{
	return w->len >= strlen(text) && memcmp(w->at, text, strlen(text)) == 0;
}

static void
lint_description(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	const struct rule_meta *m = rule_meta_find(rule, "description");
	bool is_ascii = true;

	if (m == NULL || m->value.len == 0)
		return;
	for (size_t i = 0; i < m->value.len; i++)
		is_ascii &= m->value.at[i] >= ' ' && m->value.at[i] < 0x7f;
	if (!begins(&m->value, "Detects "))
		lint_say(l, f, rule, LINT_M02, m->key.line,
		    "it has to begin with \"Detects\"");
	if (m->value.len < DESCRIPTION_MIN || m->value.len > DESCRIPTION_MAX)
		lint_say(l, f, rule, LINT_M02, m->key.line,
		    "it has %zu characters, not %d to %d", m->value.len, DESCRIPTION_MIN,
		    DESCRIPTION_MAX);
	if (has(&m->value, "://"))
		lint_say(l, f, rule, LINT_M02, m->key.line,
		    "it holds an address: that is for \"reference\"");
	if (!is_ascii)
		lint_say(l, f, rule, LINT_M02, m->key.line,
		    "it has to be ASCII that prints");
}

/* "2026-11-26", a day that there is. */
static bool
is_date(const struct rule_word *w)
{
	static const unsigned days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (w->len != DATE_LEN || w->at[4] != '-' || w->at[7] != '-')
		return false;
	for (size_t i = 0; i < DATE_LEN; i++) {
		if (i != 4 && i != 7 && !isdigit((unsigned char)w->at[i]))
			return false;
	}
	unsigned month = number(w->at + 5, 2);
	unsigned day = number(w->at + 8, 2);

	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

static void
lint_dates(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	const struct rule_meta *date = rule_meta_find(rule, "date");
	const struct rule_meta *modified = rule_meta_find(rule, "modified");
	const struct rule_meta *version = rule_meta_find(rule, "version");
	const struct rule_meta *both[] = { date, modified };
	bool are_dates = true;

	for (size_t i = 0; i < 2; i++) {
		if (both[i] == NULL || both[i]->value.len == 0)
			continue;
		if (!is_date(&both[i]->value)) {
			are_dates = false;
			lint_say(l, f, rule, LINT_M03, both[i]->key.line,
			    "\"%.*s\" is no day; write 2026-11-24",
			    LINT_SHOWN(both[i]->value));
		} else if (memcmp(both[i]->value.at, l->options.today, DATE_LEN) > 0) {
			lint_say(l, f, rule, LINT_M03, both[i]->key.line,
			    "%.*s is not here yet", LINT_SHOWN(both[i]->value));
		}
	}
	if (are_dates && date != NULL && modified != NULL &&
	    date->value.len == DATE_LEN && modified->value.len == DATE_LEN &&
	    memcmp(date->value.at, modified->value.at, DATE_LEN) > 0)
		lint_say(l, f, rule, LINT_M03, modified->key.line,
		    "it was modified before its date");
	if (version == NULL || version->kind != RULE_META_NUMBER)
		return;
	unsigned n = number(version->value.at, version->value.len);

	if (n == 0)
		lint_say(l, f, rule, LINT_M03, version->key.line, "versions begin at 1");
	if ((n > 1) != (modified != NULL))
		lint_say(l, f, rule, LINT_M03, version->key.line,
		    n > 1 ? "from version 2 on \"modified\" has to say when"
			  : "it was modified: that is version 2 at least");
}

static void
lint_attack(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	for (size_t i = 0; i < rule->n_metas; i++) {
		const struct rule_meta *m = &rule->metas[i];
		const char *at = m->value.at;
		const char *end = at + m->value.len;

		if (!rule_word_is(&m->key, "attack"))
			continue;
		/* "T1205.002, T1059": a list, or one of them. */
		while (at < end) {
			const char *comma = memchr(at, ',', (size_t)(end - at));
			struct rule_word id = { at,
				(size_t)((comma != NULL ? comma : end) - at), 0 };
			enum attack_id is = attack_id_check(id.at, id.len);

			if (is != ATTACK_ID_GOOD)
				lint_say(l, f, rule, LINT_M04, m->key.line, "\"%.*s\" %s",
				    LINT_SHOWN(id),
				    is == ATTACK_ID_MALFORMED
					? "is not T1234 or T1234.001"
					: "is no technique of "
					  "ATT&CK " ATTACK_IDS_VERSION);
			at = comma != NULL ? comma + 1 : end;
			while (at < end && *at == ' ')
				at++;
		}
	}
}

static const struct {
	const char *key, *value;
	unsigned most;
	const char *why;
} bands[] = {
	{ "category", "SUSP", 79, "suspicious is below 80" },
	{ "category", "PUA", 75, "a tool has uses that are no attack" },
	{ "category", "HKTL", 75, "a tool has uses that are no attack" },
	{ "status", "EXPERIMENTAL", 69, "its facts were not read in the report itself" },
	{ "actor", "unknown", 80, "code that anybody may use" },
};

static void
lint_score(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	const struct rule_meta *score = rule_meta_find(rule, "score");

	if (score == NULL || score->kind != RULE_META_NUMBER)
		return;
	unsigned n = number(score->value.at, score->value.len);

	if (n > SCORE_MAX || score->value.len > 3)
		lint_say(l, f, rule, LINT_M05, score->key.line, "a score is 0 to 100");
	for (size_t i = 0; i < MH_ARRAY_LEN(bands); i++) {
		const struct rule_meta *m = rule_meta_find(rule, bands[i].key);

		if (m != NULL && rule_word_is(&m->value, bands[i].value) &&
		    n > bands[i].most)
			lint_say(l, f, rule, LINT_M05, score->key.line,
			    "%u is more than %u, the most for %s %s: %s", n,
			    bands[i].most, bands[i].key, bands[i].value, bands[i].why);
	}
	const struct rule_meta *category = rule_meta_find(rule, "category");

	if (category != NULL && !is_listed(categories, MH_ARRAY_LEN(categories),
				    category->value.at, category->value.len))
		lint_say(l, f, rule, LINT_M05, category->key.line,
		    "\"%.*s\" is no category: it has no band",
		    LINT_SHOWN(category->value));
}

static bool
is_hash(const struct rule_word *w)
{
	for (size_t i = 0; i < w->len; i++) {
		if (!isxdigit((unsigned char)w->at[i]))
			return false;
	}
	return w->len == 32 || w->len == 40 || w->len == 64;
}

/* "Vendor, Title of the report, 2023": a comma, and a year somewhere. */
static bool
is_named_report(const struct rule_word *w)
{
	bool has_year = false;

	for (size_t i = 0; i + 4 <= w->len && !has_year; i++) {
		bool is_alone = i + 4 == w->len || !isdigit((unsigned char)w->at[i + 4]);

		has_year = is_alone &&
			   (memcmp(w->at + i, "20", 2) == 0 ||
			       memcmp(w->at + i, "19", 2) == 0) &&
			   isdigit((unsigned char)w->at[i + 2]) &&
			   isdigit((unsigned char)w->at[i + 3]);
	}
	return has_year && memchr(w->at, ',', w->len) != NULL;
}

static void
lint_references(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	for (size_t i = 0; i < rule->n_metas; i++) {
		const struct rule_meta *m = &rule->metas[i];

		if (rule_word_is(&m->key, "hash") && !is_hash(&m->value))
			lint_say(l, f, rule, LINT_M06, m->key.line,
			    "\"%.*s\" is no MD5, SHA-1 or SHA-256", LINT_SHOWN(m->value));
		if (rule_word_is(&m->key, "reference") && m->value.len > 0 &&
		    !begins(&m->value, "https://") && !is_named_report(&m->value))
			lint_say(l, f, rule, LINT_M06, m->key.line,
			    "\"%.*s\" is no https address, nor a report with publisher, "
			    "title "
			    "and year",
			    LINT_SHOWN(m->value));
	}
}

static bool
has_tag(const struct rule_part *rule, const char *tag)
{
	for (size_t i = 0; i < rule->n_tags; i++) {
		if (rule_word_is(&rule->tags[i], tag))
			return true;
	}
	return false;
}

static void
lint_scope(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	const struct rule_meta *m = rule_meta_find(rule, "scope");

	if (m == NULL || m->value.len == 0)
		return;
	bool is_both = rule_word_is(&m->value, "both");
	bool is_file = is_both || rule_word_is(&m->value, "file");
	bool is_memory = is_both || rule_word_is(&m->value, "memory");

	if (!is_file && !is_memory)
		lint_say(l, f, rule, LINT_M07, m->key.line,
		    "\"%.*s\" is not file, memory or both", LINT_SHOWN(m->value));
	else if (has_tag(rule, "FILE") != is_file || has_tag(rule, "MEMORY") != is_memory)
		lint_say(l, f, rule, LINT_M07, rule->name.line,
		    "scope \"%.*s\" goes with the tags %s", LINT_SHOWN(m->value),
		    is_both   ? "FILE MEMORY"
		    : is_file ? "FILE"
			      : "MEMORY");
}

static void
lint_fingerprint(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	const struct rule_meta *m = rule_meta_find(rule, "fingerprint");
	char is[FINGERPRINT_HEX + 1];

	fingerprint_rule(rule, is);
	if (m == NULL)
		lint_say_at(l, f, rule, LINT_M08, LEVEL_WARNING, rule->name.line,
		    "it has no fingerprint; molehunt rules fingerprint --write puts it "
		    "in");
	else if (!rule_word_is(&m->value, is))
		lint_say(l, f, rule, LINT_M08, m->key.line,
		    "strings or condition are not those of this fingerprint; theirs "
		    "begins "
		    "with %.12s",
		    is);
}

void
lint_metas(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	if (!f->source.is_own)
		return;
	lint_required(l, f, rule);
	lint_description(l, f, rule);
	lint_dates(l, f, rule);
	lint_attack(l, f, rule);
	lint_score(l, f, rule);
	lint_references(l, f, rule);
	lint_scope(l, f, rule);
	lint_fingerprint(l, f, rule);
}
