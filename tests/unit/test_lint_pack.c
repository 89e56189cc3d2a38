/* SPDX-License-Identifier: BSD-2-Clause */
/* The lints of several rules together, and of what lies beside them. */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "signatures/fingerprint.h"
#include "signatures/lint.h"
#include "tests/unit/mh_rule.h"

#define OTHER_ID "id = \"69173b88-04f9-5de5-8cf4-bd2e4975cea2\""

struct pack {
	struct lint_options options;
	struct lint_run *run;
	char *texts[4];
	size_t n;
	struct manifest *manifest;
	unsigned said[LINT_MAX_];
	enum lint_level level[LINT_MAX_];
	char last[2048];
};

static void
on_remark(void *ctx, const struct lint_remark *remark)
{
	struct pack *p = ctx;

	p->said[remark->lint]++;
	p->level[remark->lint] = remark->level;
	(void)snprintf(p->last, sizeof(p->last), "%s: %s", lint_id(remark->lint),
	    remark->text);
}

static int
setup(void **state)
{
	struct pack *p = xcalloc(1, sizeof(*p));

	p->options.today = "2026-11-26";
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct pack *p = *state;

	lint_free(p->run);
	for (size_t i = 0; i < p->n; i++)
		free(p->texts[i]);
	manifest_free(p->manifest);
	free(p);
	return 0;
}

static void
begin(struct pack *p)
{
	p->run = lint_new(&p->options, on_remark, NULL, p);
}

static void
add_text(struct pack *p, char *text, const struct manifest *manifest)
{
	p->texts[p->n++] = text;
	lint_add(p->run, &(struct lint_source){ .path = "a.yar",
			     .text = text,
			     .len = strlen(text),
			     .is_own = true,
			     .is_used = true,
			     .manifest = manifest,
			     .manifest_path = "a.yaml" });
}

static struct manifest *
read_manifest(struct pack *p, const char *text)
{
	char *why = NULL;

	manifest_free(p->manifest);
	p->manifest = NULL;
	if (manifest_read("a.yaml", text, strlen(text), &p->manifest, &why) != MH_OK)
		fail_msg("%s", why);
	return p->manifest;
}

/* All remarks but those of fingerprints. */
static unsigned
n_said(const struct pack *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LINT_MAX_; i++)
		n += i != LINT_M08 ? p->said[i] : 0;
	return n;
}

static void
a_documented_rule_is_good(void **state)
{
	struct pack *p = *state;

	begin(p);
	add_text(p, rule_text_of(&good_rule), read_manifest(p, good_manifest));
	lint_all(p->run);
	assert_string_equal(n_said(p) > 0 ? p->last : "", "");
	assert_int_equal(p->said[LINT_M08], 1);
	assert_int_equal(p->level[LINT_M08], LEVEL_WARNING);
}

static void
a_fingerprint_has_to_be_the_rules(void **state)
{
	struct pack *p = *state;
	char *plain = rule_text_of(&good_rule);
	struct rule_text *t = rule_text_read(plain, strlen(plain));
	char is[FINGERPRINT_HEX + 1];
	struct rule_parts parts = good_rule;

	fingerprint_rule(&t->rules[0], is);
	rule_text_free(t);
	free(plain);
	char *more = xasprintf("fingerprint = \"%s\"", is);

	parts.more = more;
	begin(p);
	add_text(p, rule_text_of(&parts), read_manifest(p, good_manifest));
	lint_all(p->run);
	assert_int_equal(p->said[LINT_M08], 0);
	lint_free(p->run);
	begin(p);
	more[15] = more[15] == '0' ? '1' : '0';
	add_text(p, rule_text_of(&parts), p->manifest);
	lint_all(p->run);
	assert_int_equal(p->said[LINT_M08], 1);
	assert_int_equal(p->level[LINT_M08], LEVEL_ERROR);
	free(more);
}

/* The good rule with a manifest in which one text is another. */
static void
check_manifest(void **state, const char *from, const char *to, const char *complaint)
{
	struct pack *p = *state;
	const char *at = strstr(good_manifest, from);

	assert_non_null(at);
	char *text = xasprintf("%.*s%s%s", (int)(at - good_manifest), good_manifest, to,
	    at + strlen(from));

	memset(p->said, 0, sizeof(p->said));
	lint_free(p->run);
	begin(p);
	add_text(p, rule_text_of(&good_rule), read_manifest(p, text));
	lint_all(p->run);
	if (p->said[LINT_Q01] != 1 || n_said(p) != 1 ||
	    strstr(p->last, complaint) == NULL)
		fail_msg("%s -> %s: Q01 %u times, all %u, last: %s", from, to,
		    p->said[LINT_Q01], n_said(p), p->last);
	free(text);
	for (size_t i = 0; i < p->n; i++)
		free(p->texts[i]);
	p->n = 0;
}

static void
a_manifest_has_to_be_the_rules(void **state)
{
	check_manifest(state, "Example_Nov26_1", "Other_Nov26_1", "that of the rule");
	check_manifest(state, "container: elf", "container: pe", "container");
	check_manifest(state, "status: RELEASED", "status: TESTING", "status");
	check_manifest(state, "value: first message", "value: first massage",
	    "$s1 is not what");
	check_manifest(state, "kind: wide", "kind: ascii", "$s2 is wide here");
	check_manifest(state, "12 34 56'", "12 34 57'", "$s3 is not what");
	check_manifest(state, "sources: [r1], evidence: V}\n  - {string: $s2",
	    "sources: [r1], evidence: R}\n  - {string: $s2", "evidence R");
	check_manifest(state, "require:",
	    "  - {string: $s4, kind: ascii, value: abcdefgh, sources: [r1], evidence: "
	    "V}\n"
	    "require:",
	    "documents $s4");
}

static void
a_string_without_a_fact_is_told(void **state)
{
	struct pack *p = *state;
	struct rule_parts parts = good_rule;

	begin(p);
	parts.strings =
	    "$x1 = \"/var/run/example.lock\" ascii $s1 = \"first message\" ascii "
	    "$s2 = \"second message\" wide $s3 = { de ad be ef 12 34 56 } "
	    "$s4 = \"a message more\"";
	add_text(p, rule_text_of(&parts), read_manifest(p, good_manifest));
	lint_all(p->run);
	assert_int_equal(p->said[LINT_Q01], 1);
	assert_non_null(strstr(p->last, "$s4 has no fact"));
}

static void
no_manifest_and_a_bad_one_are_told(void **state)
{
	struct pack *p = *state;

	begin(p);
	add_text(p, rule_text_of(&good_rule), NULL);
	lint_all(p->run);
	assert_int_equal(p->said[LINT_Q01], 1);
	lint_free(p->run);
	begin(p);
	lint_add(p->run, &(struct lint_source){ .path = "a.yar",
			     .text = p->texts[0],
			     .len = strlen(p->texts[0]),
			     .is_own = true,
			     .is_used = true,
			     .manifest_path = "a.yaml",
			     .manifest_why = "a.yaml:1:1: no" });
	lint_all(p->run);
	assert_non_null(strstr(p->last, "a.yaml:1:1: no"));
}

/* Two rules; how often N02 is said. */
static unsigned
n_not_unique(struct pack *p, const char *name, const char *id)
{
	struct rule_parts other = good_rule;

	other.name = name;
	other.id = id;
	other.strings =
	    "$x1 = \"/var/run/another.lock\" $s1 = \"third message\" $s2 = \"fourth "
	    "message\"";
	begin(p);
	add_text(p, rule_text_of(&good_rule), NULL);
	add_text(p, rule_text_of(&other), NULL);
	lint_all(p->run);
	return p->said[LINT_N02];
}

static void
equal_names_are_told(void **state)
{
	assert_int_equal(n_not_unique(*state, good_rule.name, OTHER_ID), 1);
}

static void
equal_ids_are_told(void **state)
{
	assert_int_equal(n_not_unique(*state, "APT_MAL_LNX_Other_Nov26_1", good_rule.id),
	    1);
}

static void
different_rules_are_unique(void **state)
{
	assert_int_equal(n_not_unique(*state, "APT_MAL_LNX_Other_Nov26_1", OTHER_ID), 0);
}

static void
an_id_has_to_be_a_uuid_of_version_4_or_5(void **state)
{
	assert_int_equal(n_not_unique(*state, "APT_MAL_LNX_Other_Nov26_1",
			     "id = \"69173b88-04f9-1de5-8cf4-bd2e4975cea2\""),
	    1);
}

static void
a_retired_id_is_told(void **state)
{
	struct pack *p = *state;
	static const char retired[] =
	    "# taken out\n30e0eaf2-7180-51c3-a4dd-0b8918c64933\n";

	p->options.retired = retired;
	p->options.retired_len = strlen(retired);
	assert_int_equal(n_not_unique(p, "APT_MAL_LNX_Other_Nov26_1", OTHER_ID), 1);
	assert_non_null(strstr(p->last, "N02") != NULL ? p->last : "not last");
}

static void
a_string_of_two_rules_is_a_warning(void **state)
{
	struct pack *p = *state;
	struct rule_parts other = good_rule;

	other.name = "APT_MAL_LNX_Other_Nov26_1";
	other.id = OTHER_ID;
	begin(p);
	add_text(p, rule_text_of(&good_rule), NULL);
	add_text(p, rule_text_of(&other), NULL);
	lint_all(p->run);
	assert_int_equal(p->said[LINT_S04], 3); /* the literals; the hex string is none */
	assert_int_equal(p->level[LINT_S04], LEVEL_WARNING);
}

/* The good rule beside an earlier release of it with another condition. */
static unsigned
n_unversioned(struct pack *p, const char *version, const char *old_condition)
{
	struct rule_parts now = good_rule;
	struct rule_parts then = good_rule;

	now.version = version;
	then.condition = old_condition;
	begin(p);
	add_text(p, rule_text_of(&now), NULL);
	p->texts[p->n] = rule_text_of(&then);
	lint_add_previous(p->run, p->texts[p->n], strlen(p->texts[p->n]));
	p->n++;
	lint_all(p->run);
	return p->said[LINT_M03];
}

static void
a_change_without_a_version_is_told(void **state)
{
	assert_int_equal(n_unversioned(*state, "version = 1", "3 of them"), 1);
}

static void
a_change_with_a_version_is_good(void **state)
{
	assert_int_equal(n_unversioned(*state, "version = 2 modified = \"2026-11-25\"",
			     "3 of them"),
	    0);
}

static void
no_change_needs_no_version(void **state)
{
	assert_int_equal(n_unversioned(*state, "version = 1", good_rule.condition), 0);
}

/* What is said of a record of goodware; FINGERPRINT stands for the pack's. */
static unsigned
n_goodware(struct pack *p, const char *before, const char *fingerprint, const char *after)
{
	char is[FINGERPRINT_HEX + 1];

	begin(p);
	add_text(p, rule_text_of(&good_rule), NULL);
	lint_pack_fingerprint(p->run, is);
	lint_free(p->run);
	free(p->texts[--p->n]);
	p->texts[p->n] =
	    xasprintf("%s%s%s", before, fingerprint != NULL ? fingerprint : is, after);
	p->options.goodware = p->texts[p->n];
	p->options.goodware_len = strlen(p->texts[p->n]);
	p->n++;
	memset(p->said, 0, sizeof(p->said));
	begin(p);
	add_text(p, rule_text_of(&good_rule), NULL);
	lint_all(p->run);
	return p->said[LINT_Q03];
}
#define RECORD_BEGIN "{\"corpus\":\"x\",\"pack_fingerprint\":\""
#define RECORD_END "\",\"packages\":3,\"hits\":[]}"

static void
a_clean_record_of_this_pack_is_good(void **state)
{
	assert_int_equal(n_goodware(*state, RECORD_BEGIN, NULL, RECORD_END), 0);
}

static void
a_record_of_another_pack_is_told(void **state)
{
	assert_int_equal(n_goodware(*state, RECORD_BEGIN, "0123", RECORD_END), 1);
	assert_int_equal(((struct pack *)*state)->level[LINT_Q03], LEVEL_WARNING);
}

static void
a_hit_of_a_released_rule_is_told(void **state)
{
	struct pack *p = *state;

	p->options.is_strict = true;
	assert_int_equal(
	    n_goodware(p, RECORD_BEGIN, NULL,
		"\",\"packages\":3,\"hits\":[{\"rule\":\"APT_MAL_LNX_Example_Nov26_1\","
		"\"package\":\"p\",\"path\":\"/usr/bin/x\"},{\"rule\":\"other\"}]}"),
	    1);
	assert_int_equal(p->level[LINT_Q03], LEVEL_ERROR);
}

static void
a_record_that_is_none_is_told(void **state)
{
	assert_int_equal(n_goodware(*state, "{", "", ""), 1);
}

static void
a_record_without_hits_is_told(void **state)
{
	assert_int_equal(n_goodware(*state, RECORD_BEGIN, NULL, "\"}"), 1);
}

static void
a_missing_record_is_told(void **state)
{
	struct pack *p = *state;

	p->options.is_goodware_missing = true;
	begin(p);
	add_text(p, rule_text_of(&good_rule), NULL);
	lint_all(p->run);
	assert_int_equal(p->said[LINT_Q03], 1);
}

/* How often Q05 is said beside a rule of others with that condition. */
static unsigned
n_alike(struct pack *p, const char *strings, const char *condition)
{
	struct rule_parts other = good_rule;

	other.strings = strings;
	other.condition = condition;
	begin(p);
	add_text(p, rule_text_of(&good_rule), NULL);
	p->texts[p->n] = rule_text_of(&other);
	lint_add_other(p->run, "other.yar", p->texts[p->n], strlen(p->texts[p->n]));
	p->n++;
	lint_all(p->run);
	return p->said[LINT_Q05];
}

static void
a_copied_rule_is_told(void **state)
{
	assert_int_equal(n_alike(*state, good_rule.strings, good_rule.condition), 1);
	assert_non_null(strstr(((struct pack *)*state)->last, "other.yar"));
}

static void
a_rule_with_the_same_facts_is_not_told(void **state)
{
	assert_int_equal(n_alike(*state,
			     "$a = \"first message\" $b = \"/var/run/example.lock\"",
			     "uint16(0) == 0x5a4d and all of them"),
	    0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_documented_rule_is_good),
		TEST(a_fingerprint_has_to_be_the_rules),
		TEST(a_manifest_has_to_be_the_rules),
		TEST(a_string_without_a_fact_is_told),
		TEST(no_manifest_and_a_bad_one_are_told),
		TEST(equal_names_are_told),
		TEST(equal_ids_are_told),
		TEST(different_rules_are_unique),
		TEST(an_id_has_to_be_a_uuid_of_version_4_or_5),
		TEST(a_retired_id_is_told),
		TEST(a_string_of_two_rules_is_a_warning),
		TEST(a_change_without_a_version_is_told),
		TEST(a_change_with_a_version_is_good),
		TEST(no_change_needs_no_version),
		TEST(a_clean_record_of_this_pack_is_good),
		TEST(a_record_of_another_pack_is_told),
		TEST(a_hit_of_a_released_rule_is_told),
		TEST(a_record_that_is_none_is_told),
		TEST(a_record_without_hits_is_told),
		TEST(a_missing_record_is_told),
		TEST(a_copied_rule_is_told),
		TEST(a_rule_with_the_same_facts_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
