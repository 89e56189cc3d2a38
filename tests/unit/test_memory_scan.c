/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "tests/unit/mh_memory.h"

enum { HITS_MAX = 4096 };

/* A place of a string in the region. */
struct hit {
	char name[8];
	uint64_t at;
	uint64_t len;
};

static struct hit ours[HITS_MAX];
static struct hit theirs[HITS_MAX];
static size_t n_ours;
static size_t n_theirs;

static void
keep(const struct memory_ground *g, struct hit *list, size_t *n, const char *name,
    uint64_t at, uint64_t len)
{
	if (at < (uintptr_t)g->p || at >= (uintptr_t)g->p + g->size)
		return;
	assert_true(*n < HITS_MAX);
	struct hit *hit = &list[(*n)++];

	memset(hit, 0, sizeof(*hit));
	(void)snprintf(hit->name, sizeof(hit->name), "%s", name);
	hit->at = at;
	hit->len = len;
}

static int
compare(const void *a, const void *b)
{
	const struct hit *x = a;
	const struct hit *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* libyara 4.2.3 packs its matches without regard to alignment. */
__attribute__((no_sanitize("alignment"))) static int
on_yara(YR_SCAN_CONTEXT *context, int message, void *data, void *ctx)
{
	struct memory_ground *g = ctx;
	YR_RULE *rule = data;
	YR_STRING *s = NULL;
	YR_MATCH *m = NULL;

	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE;
	yr_rule_strings_foreach(rule, s)
	{
		yr_string_matches_foreach(context, s, m)
		{
			keep(g, theirs, &n_theirs, s->identifier,
			    (uint64_t)(m->base + m->offset), (uint64_t)m->match_length);
		}
	}
	return CALLBACK_CONTINUE;
}

/* With what libyara finds by its own means in the region of the same process. */
static void
compare_with_libyara(struct memory_ground *g)
{
#ifdef MH_SANITIZE
	skip(); /* libyara scans the holes of AddressSanitizer: terabytes */
#endif
	n_ours = n_theirs = 0;
	for (uint32_t i = 0; i < g->o.n_matches; i++) {
		const struct match *m = g->o.matches[i];

		assert_true(m->n_strings == m->n_found);
		for (uint32_t k = 0; k < m->n_strings; k++)
			keep(g, ours, &n_ours, m->strings[k].name, m->strings[k].offset,
			    m->strings[k].length);
	}
	assert_int_equal(yr_rules_scan_proc(ruleset_rules(g->rs), g->child.pid, 0,
			     on_yara, g, 0),
	    ERROR_SUCCESS);
	qsort(ours, n_ours, sizeof(ours[0]), compare);
	qsort(theirs, n_theirs, sizeof(theirs[0]), compare);
	for (size_t i = 0; i < n_ours && i < n_theirs; i++) {
		if (compare(&ours[i], &theirs[i]) == 0)
			continue;
		fail_msg("ours %s at +%zu, theirs %s at +%zu", ours[i].name,
		    ours[i].at - (uintptr_t)g->p, theirs[i].name,
		    theirs[i].at - (uintptr_t)g->p);
	}
	assert_int_equal(n_ours, n_theirs);
}

#define STRINGS                                                                      \
	"rule every { strings: $t = \"need1e\" ascii wide $f = \"need1e\" fullword " \
	"ascii wide $n = \"NEED1E\" nocase $h = { 6e 65 ?? 64 [1-3] 65 } "           \
	"$r = /need[0-9]e\\b/ $x = \"need1e\" xor(1-3) condition: any of them }\n"

/*
 * Texts one after the other over both borders of units, and one beyond; fewer than are
 * kept of one match, with what copies of the rule's text the child's memory holds.
 */
static void
matches_are_those_of_libyara_with_their_addresses(void **state)
{
	static const char *const texts[] = { "need1e ", "xneed1e.", "need1ex ", "Need1E.",
		"need1e", "_need1e_", "mdfg2f ", "need1e\n" };
	struct memory_ground *g = *state;

	for (size_t border = 1; border < 8; border++) {
		size_t at = border * UNIT_BYTES - 300 - border;

		for (size_t i = 0; i < 55; i++) {
			const char *text = texts[(i * border + i / 8) % 8];
			unsigned step = border % 2 == 0 ? 2 : 1;

			memory_put(g, at, text, step);
			at += strlen(text) * step;
		}
	}
	memory_put(g, SIZE - 6, "need1e", 1);
	memory_put(g, 0, "need1e", 1);
	memory_scan_child(g, STRINGS);
	assert_int_equal(g->v.reason, REASON_NONE);
	compare_with_libyara(g);
	assert_true(n_ours > 300);
}

#define WORD "rule word { strings: $f = \"need1e\" fullword ascii wide condition: $f }\n"

static void
no_border_makes_a_word_of_a_part_of_one(void **state)
{
	struct memory_ground *g = *state;

	/* Texts that end with a zero, as in most memory, and one without an end. */
	for (size_t i = 0; i < SIZE; i++)
		g->p[i] =
		    (uint8_t)(i < SIZE / 2 ? "xneed1ey"[i % 8] : "need1eneed1ex"[i % 14]);
	memory_scan_child(g, WORD);
	compare_with_libyara(g);
	assert_int_equal(n_ours, 0);
}

static void
no_border_makes_a_word_of_a_part_of_a_wide_one(void **state)
{
	struct memory_ground *g = *state;

	for (size_t i = 0; i < SIZE; i++)
		g->p[i] = i % 2 == 0 ? "needneed1e1exx"[i / 2 % 14] : 0;
	/* Spaces, so that there are places to cut. */
	for (size_t i = 0; i < SIZE; i += 502)
		g->p[i] = ' ';
	memory_scan_child(g, WORD);
	compare_with_libyara(g);
}

static void
conditions_read_by_address(void **state)
{
	struct memory_ground *g = *state;

	memory_put(g, UNIT_BYTES - 4, "need1e..", 1);
	memcpy(g->p + UNIT_BYTES + 4, "\x44\x33\x22\x11", 4);
	memory_scan_child(g,
	    "rule reads { strings: $a = \"need1e..\" condition: for any i in (1..#a) : "
	    "(uint32(@a[i] + 8) == 0x11223344) }"
	    "rule beyond { strings: $a = \"need1e..\" condition: for any i in (1..#a) "
	    ": (uint32(@a[i] + 0x7fffffff0000) == 0) }");
	assert_non_null(memory_found(g, "reads", PART_WHOLE));
	assert_null(memory_found(g, "beyond", PART_WHOLE));
}

static void
rules_for_files_are_not_run(void **state)
{
	struct memory_ground *g = *state;

	memory_put(g, 100, "need1e", 1);
	memory_scan_child(g,
	    "rule file { meta: scan_context = \"file\" strings: $a = \"need1e\" "
	    "condition: $a }"
	    "rule size { strings: $a = \"need1e\" condition: $a and filesize < 99 }"
	    "rule memory { strings: $a = \"need1e\" condition: $a }");
	assert_non_null(memory_found(g, "memory", PART_WHOLE));
	assert_null(memory_found(g, "file", PART_WHOLE));
	assert_null(memory_found(g, "size", PART_WHOLE));
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, memory_setup, memory_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(matches_are_those_of_libyara_with_their_addresses),
		with_ground(no_border_makes_a_word_of_a_part_of_one),
		with_ground(no_border_makes_a_word_of_a_part_of_a_wide_one),
		with_ground(conditions_read_by_address),
		with_ground(rules_for_files_are_not_run),
	};

	if (yr_initialize() != ERROR_SUCCESS)
		return 1;
	int n_failed = cmocka_run_group_tests_name("memory_scan", tests, NULL, NULL);

	return yr_finalize() == ERROR_SUCCESS ? n_failed : 1;
}
