/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/unit/mh_memory.h"

int
memory_setup(void **state)
{
	struct memory_ground *g = xcalloc(1, sizeof(*g));

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

int
memory_teardown(void **state)
{
	struct memory_ground *g = *state;

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
	const struct memory_ground *g = ctx;

	if (g->is_slow)
		(void)usleep(2000);
}

void
memory_scan_child(struct memory_ground *g, const char *rules)
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
}

const struct match *
memory_found(const struct memory_ground *g, const char *rule, enum match_part part)
{
	for (uint32_t i = 0; i < g->o.n_matches; i++) {
		if (strcmp(g->o.matches[i]->rule, rule) == 0 &&
		    g->o.matches[i]->part == part)
			return g->o.matches[i];
	}
	return NULL;
}

void
memory_put(struct memory_ground *g, size_t at, const char *text, unsigned step)
{
	for (size_t i = 0; text[i] != 0; i++) {
		g->p[at + i * step] = (uint8_t)text[i];
		g->p[at + i * step + step / 2] &= step == 2 ? 0 : 0xff;
	}
}
