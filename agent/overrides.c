/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: an administrator's words about rules.  The table of them: agent/score.h. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "agent/score.h"
#include "base/clock.h"
#include "base/memory.h"

enum { DATE_BYTES = 10 };

static const char *const action_words[] = { "disable", "score", "suppress", NULL };

/* The first moment behind the day; false when it is no date. */
static bool
end_of_day(const char *date, int64_t *ret_ms)
{
	MH_CLEANUP(freep) char *time = xasprintf("%sT23:59:59Z", date);

	char again[CLOCK_TEXT_LEN];

	if (strlen(date) != DATE_BYTES || clock_parse(time, ret_ms) != MH_OK)
		return false;
	/* 30 February is the second of March. */
	clock_format(*ret_ms, again);
	*ret_ms += 1000;
	return strncmp(again, date, DATE_BYTES) == 0;
}

static char *
check_date(const char *text)
{
	int64_t unused = 0;

	return text[0] == 0 || end_of_day(text, &unused)
		   ? NULL
		   : xstrdup("it has to be a day, as 2027-01-31");
}

static char *
check_path_pattern(const char *text)
{
	return text[0] == 0 || strchr("/*?[", text[0]) != NULL
		   ? NULL
		   : xstrdup("it has to match a whole path: begin it with / or *");
}

char *
host_group_check(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789._-");

	return len > 0 && text[len] == 0 && len <= HOST_GROUP_BYTES_MAX
		   ? NULL
		   : xasprintf("it has to be 1 to %d letters, digits, and ._-",
			 HOST_GROUP_BYTES_MAX);
}

#define AT(field) offsetof(struct override, field)

static const struct setting override_rows[] = {
	{ "rule", SETTING_STRING, AT(rule), .min = 1, .max = OVERRIDE_PATTERN_MAX,
	    .required = true,
	    .help =
		"Pattern (glob) of rules, NAME or PACK/FILE:NAME, or one rule's id." },
	{ "action", SETTING_ENUM, AT(action), .choices = action_words, .required = true,
	    .help = "disable: it does not run; score: its findings count as much as "
		    "score says; suppress: they are kept and are no alert." },
	{ "score", SETTING_INTEGER, AT(score), "0", .max = 100,
	    .help = "0 to 100, of the action score." },
	{ "path", SETTING_STRING, AT(path), "", .max = SETTINGS_STRING_MAX,
	    .check = check_path_pattern,
	    .help = "Only findings whose path this pattern matches; none: all." },
	{ "until", SETTING_STRING, AT(until), "", .max = DATE_BYTES, .check = check_date,
	    .help = "Its last day, as 2027-01-31 (UTC); what is suppressed needs one." },
	{ "reason", SETTING_STRING, AT(reason), .min = 1, .max = OVERRIDE_REASON_MAX,
	    .required = true, .help = "Why; it stands in the findings." },
	{ "groups", SETTING_STRINGS, AT(groups), NULL, .max = HOST_GROUPS_MAX,
	    .check = host_group_check,
	    .help = "Only on machines of one of these groups; none: on all." },
};

const struct settings_schema override_schema = { override_rows,
	MH_ARRAY_LEN(override_rows), sizeof(struct override), NULL };

/* What does not go together in one override; *ret_column is the key at fault. */
static const char *
problem_of(const struct override *o, const char **ret_column)
{
	if (o->action == OVERRIDE_SUPPRESS && o->until[0] == 0) {
		*ret_column = "action";
		return "what is suppressed needs until, its last day: nobody looks at it "
		       "again otherwise";
	}
	if (o->action == OVERRIDE_DISABLE && o->path[0] != 0) {
		*ret_column = "path";
		return "a rule is disabled for all paths: suppress it for some";
	}
	if (o->action != OVERRIDE_SCORE && o->score != 0) {
		*ret_column = "score";
		return "a score goes with action: score alone";
	}
	return NULL;
}

void
overrides_check(const struct setting_tables *overrides, const char *name,
    struct settings_problem *ret)
{
	const struct override *items = overrides->items;

	for (size_t i = 0; i < overrides->n; i++) {
		const char *column = NULL;
		const char *why = problem_of(&items[i], &column);

		if (why == NULL)
			continue;
		*ret = (struct settings_problem){ .name = name,
			.item = i,
			.column = column,
			.why = xstrdup(why) };
		return;
	}
}

bool
override_is_expired(const struct override *o, int64_t now_ms)
{
	int64_t end_ms = 0;

	return o->until[0] != 0 && (!end_of_day(o->until, &end_ms) || now_ms >= end_ms);
}

int64_t
overrides_next_end(const struct overrides *list, int64_t now_ms)
{
	int64_t next_ms = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct override *o = &list->items[i];
		int64_t end_ms = 0;

		if (o->until[0] != 0 && override_holds(list, o, now_ms) &&
		    end_of_day(o->until, &end_ms) && (next_ms == 0 || end_ms < next_ms))
			next_ms = end_ms;
	}
	return next_ms;
}

bool
override_holds(const struct overrides *list, const struct override *o, int64_t now_ms)
{
	bool is_ours = o->groups.n == 0;

	for (size_t i = 0; !is_ours && i < o->groups.n; i++) {
		for (size_t k = 0; list->groups != NULL && k < list->groups->n; k++)
			is_ours = is_ours ||
				  strcmp(o->groups.items[i], list->groups->items[k]) == 0;
	}
	return is_ours && !override_is_expired(o, now_ms);
}

bool
override_fits(const struct override *o, const struct match *m, const char *path)
{
	const char *id = match_meta_text(m, "id");

	if (o->path[0] != 0 && fnmatch(o->path, path, 0) != 0)
		return false;
	return override_names(o, m->name_space, m->rule) ||
	       (id != NULL && strcmp(o->rule, id) == 0);
}

bool
override_names(const struct override *o, const char *name_space, const char *rule)
{
	MH_CLEANUP(freep) char *whole = xasprintf("%s:%s", name_space, rule);

	/* As a finding says it: an expression of an indicator is no pattern of itself. */
	if (strcmp(o->rule, rule) == 0 || strcmp(o->rule, whole) == 0)
		return true;
	/* Names of indicators have a colon of their own. */
	if ((strchr(o->rule, ':') == NULL || strchr(rule, ':') != NULL) &&
	    fnmatch(o->rule, rule, 0) == 0)
		return true;
	return strchr(o->rule, ':') != NULL && fnmatch(o->rule, whole, 0) == 0;
}
