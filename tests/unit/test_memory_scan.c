/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "scanners/memory_reader.h"
#include "scanners/memory_scan.h"
#include "tests/unit/mh_child.h"

enum { SIZE = 8 * UNIT_BYTES, HITS_MAX = 4096 };

/* A place of a string in the region. */
struct hit {
	char name[8];
	uint64_t at;
	uint64_t len;
};

struct ground {
	struct mh_child child;
	uint8_t *p; /* the region */
	size_t size;
	struct ruleset *rs;
	struct hasher *h;
	struct scan_setup setup;
	bool is_slow; /* 2 ms for each window */
	struct matcher *m;
	struct memory_scanner *ms;
	struct verdict v;
	struct match_outcome o;
	struct hit ours[HITS_MAX], theirs[HITS_MAX];
	size_t n_ours, n_theirs;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->size = SIZE;
	/* At a border of units, with a hole on either side. */
	uint8_t *p = mmap(NULL, SIZE + 3 * UNIT_BYTES, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	g->p = p + 2 * UNIT_BYTES - (uintptr_t)p % UNIT_BYTES;
	if (mprotect(g->p, SIZE, PROT_READ | PROT_WRITE) != 0)
		return -1;
	(void)madvise(g->p, SIZE, MADV_NOHUGEPAGE);
	g->rs = ruleset_new();
	g->h = hasher_new();
	scan_setup_init(&g->setup);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	mh_child_end(&g->child);
	match_outcome_clear(&g->o);
	verdict_clear(&g->v);
	memory_scanner_free(g->ms);
	matcher_free(g->m);
	hasher_free(g->h);
	ruleset_free(g->rs);
	(void)munmap(g->p, SIZE);
	free(g);
	return 0;
}

static void
on_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	if (!result->is_used)
		fail_msg("line %u: %s", result->line, result->message);
}

static void
on_pulse(void *ctx)
{
	const struct ground *g = ctx;

	if (g->is_slow)
		(void)usleep(2000);
}

static void
scan(struct ground *g, const char *rules)
{
	struct target t = { .id = 7, .kind = TARGET_MEMORY };

	assert_ok(ruleset_add(g->rs, "p/a", rules, strlen(rules)));
	assert_ok(ruleset_compile(g->rs, on_file, g));
	g->m = matcher_new(g->rs, g->h, &g->setup, on_pulse, g);
	g->ms = memory_scanner_new(g->rs, g->m, g->h, &g->setup);
	mh_child_start(&g->child);
	const int fds[] = { [MEMORY_FD_MEM] = g->child.mem,
		[MEMORY_FD_PAGEMAP] = g->child.pagemap,
		[MEMORY_FD_MAPS] = g->child.maps };

	t.pid = g->child.pid;
	memory_scan(g->ms, &t, fds, &g->v, &g->o);
	assert_true(g->v.target == 7);
}

static const struct match *
found(const struct ground *g, const char *rule, enum match_part part)
{
	for (uint32_t i = 0; i < g->o.n_matches; i++) {
		if (strcmp(g->o.matches[i]->rule, rule) == 0 &&
		    g->o.matches[i]->part == part)
			return g->o.matches[i];
	}
	return NULL;
}

static void
keep(const struct ground *g, struct hit *list, size_t *n, const char *name, uint64_t at,
    uint64_t len)
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
	struct ground *g = ctx;
	YR_RULE *rule = data;
	YR_STRING *s = NULL;
	YR_MATCH *m = NULL;

	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE;
	yr_rule_strings_foreach(rule, s)
	{
		yr_string_matches_foreach(context, s, m)
		{
			keep(g, g->theirs, &g->n_theirs, s->identifier,
			    (uint64_t)(m->base + m->offset), (uint64_t)m->match_length);
		}
	}
	return CALLBACK_CONTINUE;
}

/* What libyara finds in the region of the same process, by its own means. */
static void
compare_with_libyara(struct ground *g)
{
	for (uint32_t i = 0; i < g->o.n_matches; i++) {
		const struct match *m = g->o.matches[i];

		assert_true(m->n_strings == m->n_found);
		for (uint32_t k = 0; k < m->n_strings; k++)
			keep(g, g->ours, &g->n_ours, m->strings[k].name,
			    m->strings[k].offset, m->strings[k].length);
	}
	assert_int_equal(yr_rules_scan_proc(ruleset_rules(g->rs), g->child.pid, 0,
			     on_yara, g, 0),
	    ERROR_SUCCESS);
	qsort(g->ours, g->n_ours, sizeof(g->ours[0]), compare);
	qsort(g->theirs, g->n_theirs, sizeof(g->theirs[0]), compare);
	for (size_t i = 0; i < g->n_ours && i < g->n_theirs; i++) {
		if (compare(&g->ours[i], &g->theirs[i]) == 0)
			continue;
		fail_msg("ours %s at +%zu, theirs %s at +%zu", g->ours[i].name,
		    g->ours[i].at - (uintptr_t)g->p, g->theirs[i].name,
		    g->theirs[i].at - (uintptr_t)g->p);
	}
	assert_int_equal(g->n_ours, g->n_theirs);
}

static void
put(struct ground *g, size_t at, const char *text, unsigned step)
{
	for (size_t i = 0; text[i] != 0; i++) {
		g->p[at + i * step] = (uint8_t)text[i];
		g->p[at + i * step + step / 2] &= step == 2 ? 0 : 0xff;
	}
}

#define STRINGS                                                                      \
	"rule every { strings: $t = \"need1e\" ascii wide $f = \"need1e\" fullword " \
	"ascii wide $n = \"NEED1E\" nocase $h = { 6e 65 ?? 64 [1-3] 65 } "           \
	"$r = /need[0-9]e\\b/ $x = \"need1e\" xor(1-3) condition: any of them }\n"

/* Texts one after the other over both borders of units, and one beyond. */
static void
matches_are_those_of_libyara_with_their_addresses(void **state)
{
	static const char *const texts[] = { "need1e ", "xneed1e.", "need1ex ", "Need1E.",
		"need1e", "_need1e_", "mdfg2f ", "need1e\n" };
	struct ground *g = *state;

	for (size_t border = 1; border < 8; border++) {
		size_t at = border * UNIT_BYTES - 300 - border;

		for (size_t i = 0; i < 60; i++) {
			const char *text = texts[(i * border + i / 8) % 8];
			unsigned step = border % 2 == 0 ? 2 : 1;

			put(g, at, text, step);
			at += strlen(text) * step;
		}
	}
	put(g, SIZE - 6, "need1e", 1);
	put(g, 0, "need1e", 1);
	scan(g, STRINGS);
	assert_int_equal(g->v.reason, REASON_NONE);
	compare_with_libyara(g);
	assert_true(g->n_ours > 300);
}

#define WORD "rule word { strings: $f = \"need1e\" fullword ascii wide condition: $f }\n"

static void
no_border_makes_a_word_of_a_part_of_one(void **state)
{
	struct ground *g = *state;

	/* Texts that end with a zero, as in most memory, and one without an end. */
	for (size_t i = 0; i < SIZE; i++)
		g->p[i] =
		    (uint8_t)(i < SIZE / 2 ? "xneed1ey"[i % 8] : "need1eneed1ex"[i % 14]);
	scan(g, WORD);
	compare_with_libyara(g);
	assert_int_equal(g->n_ours, 0);
}

static void
no_border_makes_a_word_of_a_part_of_a_wide_one(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < SIZE; i++)
		g->p[i] = i % 2 == 0 ? "needneed1e1exx"[i / 2 % 14] : 0;
	/* Spaces, so that there are places to cut. */
	for (size_t i = 0; i < SIZE; i += 502)
		g->p[i] = ' ';
	scan(g, WORD);
	compare_with_libyara(g);
}

static void
conditions_read_by_address(void **state)
{
	struct ground *g = *state;

	put(g, UNIT_BYTES - 4, "need1e..", 1);
	memcpy(g->p + UNIT_BYTES + 4, "\x44\x33\x22\x11", 4);
	scan(g,
	    "rule reads { strings: $a = \"need1e..\" condition: for any i in (1..#a) : "
	    "(uint32(@a[i] + 8) == 0x11223344) }"
	    "rule beyond { strings: $a = \"need1e..\" condition: for any i in (1..#a) "
	    ": (uint32(@a[i] + 0x7fffffff0000) == 0) }");
	assert_non_null(found(g, "reads", PART_WHOLE));
	assert_null(found(g, "beyond", PART_WHOLE));
}

static void
rules_for_files_are_not_run(void **state)
{
	struct ground *g = *state;

	put(g, 100, "need1e", 1);
	scan(g, "rule file { meta: scan_context = \"file\" strings: $a = \"need1e\" "
		"condition: $a }"
		"rule size { strings: $a = \"need1e\" condition: $a and filesize < 99 }"
		"rule memory { strings: $a = \"need1e\" condition: $a }");
	assert_non_null(found(g, "memory", PART_WHOLE));
	assert_null(found(g, "file", PART_WHOLE));
	assert_null(found(g, "size", PART_WHOLE));
}

static void
put_program(struct ground *g, size_t at)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)(g->p + at);
	Elf64_Phdr *ph = (Elf64_Phdr *)(eh + 1);

	memset(eh, 0, sizeof(*eh));
	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_phoff = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = 2;
	ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_filesz = 0x200 };
	ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
		.p_offset = 0x200,
		.p_vaddr = 0x1200,
		.p_filesz = 0x100 };
	put(g, at + 0x1250, "need1e", 1);
}

#define HEADER                                                                       \
	"rule header { strings: $a = \"need1e\" condition: uint32(0) == 0x464c457f " \
	"and $a at 0x250 and filesize == 0x300 }\n"

static void
a_program_in_memory_is_scanned_as_a_file(void **state)
{
	struct ground *g = *state;
	const struct match *m = NULL;
	unsigned n_clues = 0;

	put_program(g, UNIT_BYTES);
	scan(g, HEADER);
	assert_null(found(g, "header", PART_WHOLE));
	m = found(g, "header", PART_IMAGE);
	assert_non_null(m);
	assert_true(m->image_base == (uintptr_t)g->p + UNIT_BYTES);
	assert_int_equal(m->image_size, 0x300);
	assert_true(m->has_part_sha256);
	for (uint32_t i = 0; i < g->o.n_clues; i++)
		n_clues += g->o.clues[i].address == m->image_base &&
			   g->o.clues[i].kind == CLUE_IMAGE;
	assert_int_equal(n_clues, 1);
}

static void
programs_past_the_limit_are_told(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < IMAGES_MAX + 1; i++)
		put_program(g, i * 4 * PAGE_BYTES);
	scan(g, HEADER);
	assert_int_equal(g->o.n_matches, IMAGES_MAX);
	assert_int_equal(g->o.notes.by_reason[REASON_TOO_LARGE], 1);
}

static void
a_search_that_takes_too_long_is_told_as_such(void **state)
{
	struct ground *g = *state;

	for (size_t at = 0; at < SIZE; at += PAGE_BYTES)
		put(g, at, "need1e", 1);
	put_program(g, 0);
	g->is_slow = true;
	g->setup.timeout_ms = 25;
	scan(g, HEADER WORD);
	assert_int_equal(g->v.reason, REASON_TIMEOUT);
	assert_true(g->v.partly);
	/* Nor is there time for the program. */
	assert_null(found(g, "header", PART_IMAGE));
	assert_int_equal(g->o.notes.by_reason[REASON_TIMEOUT], 1);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(matches_are_those_of_libyara_with_their_addresses),
		with_ground(no_border_makes_a_word_of_a_part_of_one),
		with_ground(no_border_makes_a_word_of_a_part_of_a_wide_one),
		with_ground(conditions_read_by_address),
		with_ground(rules_for_files_are_not_run),
		with_ground(a_program_in_memory_is_scanned_as_a_file),
		with_ground(programs_past_the_limit_are_told),
		with_ground(a_search_that_takes_too_long_is_told_as_such),
	};

	if (yr_initialize() != ERROR_SUCCESS)
		return 1;
	int n_failed = cmocka_run_group_tests_name("memory_scan", tests, NULL, NULL);

	return yr_finalize() == ERROR_SUCCESS ? n_failed : 1;
}
