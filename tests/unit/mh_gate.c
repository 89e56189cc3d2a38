/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
	WINDOWS_MAX = 1024, /* as scanners/memory_scan.c has it */
	HITS_MAX = 400 * 1000,
};

static const uint64_t base = 0x7f0000001000;

struct hit {
	uint32_t string;
	int32_t len;
	int64_t at;
};

/* One scan: what it gives libyara and what comes of it. */
struct run {
	const uint8_t *data;
	const struct unit_window *windows;
	uint32_t n_windows, next;
	bool is_over; /* conditions see nothing */
	YR_MEMORY_BLOCK block;
	struct hit *hits; /* owned */
	size_t n_hits;
};

static void
on_line(int level, const char *file, int line, const YR_RULE *rule, const char *message,
    void *ctx)
{
	(void)level, (void)file, (void)line, (void)rule, (void)message, (void)ctx;
}

bool
gate_check_init(struct gate_check *check, const char *text)
{
	YR_COMPILER *compiler = NULL;

	memset(check, 0, sizeof(*check));
	if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
		return false;
	yr_compiler_set_callback(compiler, on_line, NULL);
	bool is_good = yr_compiler_add_string(compiler, text, NULL) == 0 &&
		       yr_compiler_get_rules(compiler, &check->rules) == ERROR_SUCCESS;

	yr_compiler_destroy(compiler);
	if (!is_good)
		return false;
	MH_CLEANUP(freep)
	bool *is_out = xcalloc(check->rules->num_rules, sizeof(bool));

	check->gate = gate_new(check->rules, is_out);
	return true;
}

void
gate_check_clear(struct gate_check *check)
{
	gate_free(check->gate);
	if (check->rules != NULL)
		yr_rules_destroy(check->rules);
	check->gate = NULL;
	check->rules = NULL;
}

static const uint8_t *
fetch(YR_MEMORY_BLOCK *block)
{
	return block->context;
}

static YR_MEMORY_BLOCK *
next_window(YR_MEMORY_BLOCK_ITERATOR *it)
{
	struct run *run = it->context;

	it->last_error = ERROR_SUCCESS;
	if (run->is_over || run->next == run->n_windows) {
		run->is_over = true;
		return NULL;
	}
	const struct unit_window *w = &run->windows[run->next++];

	run->block = (YR_MEMORY_BLOCK){ .base = base + w->start,
		.size = w->end - w->start,
		.context = (void *)(uintptr_t)(run->data + w->start),
		.fetch_data = fetch };
	return &run->block;
}

/* libyara 4.2.3 packs its matches without regard to alignment. */
__attribute__((no_sanitize("alignment"))) static int
on_yara(YR_SCAN_CONTEXT *context, int message, void *data, void *ctx)
{
	struct run *run = ctx;
	YR_RULE *rule = data;
	YR_STRING *s = NULL;
	YR_MATCH *m = NULL;

	if (message != CALLBACK_MSG_RULE_MATCHING &&
	    message != CALLBACK_MSG_RULE_NOT_MATCHING)
		return CALLBACK_CONTINUE;
	yr_rule_strings_foreach(rule, s)
	{
		yr_string_matches_foreach(context, s, m)
		{
			if (run->n_hits < HITS_MAX)
				run->hits[run->n_hits++] = (struct hit){ s->idx,
					m->match_length, m->base + m->offset };
		}
	}
	return CALLBACK_CONTINUE;
}

static int
compare(const void *a, const void *b)
{
	const struct hit *x = a;
	const struct hit *y = b;

	if (x->string != y->string)
		return x->string < y->string ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->len > y->len) - (x->len < y->len);
}

static int
run_scan(YR_RULES *rules, struct run *run)
{
	YR_MEMORY_BLOCK_ITERATOR it = { .context = run,
		.first = next_window,
		.next = next_window };

	run->hits = xcalloc(HITS_MAX, sizeof(*run->hits));
	int result = yr_rules_scan_mem_blocks(rules, &it,
	    SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_PROCESS_MEMORY, on_yara, run, 0);

	qsort(run->hits, run->n_hits, sizeof(*run->hits), compare);
	return result;
}

static bool
is_same(const struct run *whole, const struct run *parts)
{
	for (size_t i = 0; i < whole->n_hits || i < parts->n_hits; i++) {
		static const struct hit none;
		const struct hit *a = i < whole->n_hits ? &whole->hits[i] : &none;
		const struct hit *b = i < parts->n_hits ? &parts->hits[i] : &none;

		if (i < whole->n_hits && i < parts->n_hits && compare(a, b) == 0)
			continue;
		(void)printf("match %zu: whole: string %u at %" PRId64 ", %d bytes; "
			     "windows: string %u at %" PRId64 ", %d bytes\n",
		    i, a->string, a->at - (int64_t)base, a->len, b->string,
		    b->at - (int64_t)base, b->len);
		return false;
	}
	return true;
}

bool
gate_check_data(struct gate_check *check, const uint8_t *data, size_t len)
{
	static struct unit_window windows[WINDOWS_MAX];
	struct unit_window all = { 0, (uint32_t)len };
	struct run whole = { .data = data, .windows = &all, .n_windows = 1 };
	struct run parts = { .data = data, .windows = windows };
	uint32_t n = gate_windows(check->gate, data, len, windows, WINDOWS_MAX);
	bool is_good = true;

	if (n > WINDOWS_MAX)
		windows[0] = all;
	parts.n_windows = n > WINDOWS_MAX ? 1 : gate_settle(data, len, windows, n);
	for (uint32_t i = 0; i < parts.n_windows; i++) {
		check->n_given += windows[i].end - windows[i].start;
		is_good = is_good && windows[i].start < windows[i].end &&
			  windows[i].end <= len &&
			  (i == 0 || windows[i - 1].end < windows[i].start);
	}
	check->n_bytes += len;
	if (run_scan(check->rules, &whole) == ERROR_SUCCESS) {
		is_good = is_good && run_scan(check->rules, &parts) == ERROR_SUCCESS &&
			  is_same(&whole, &parts);
		check->n_hits += whole.n_hits;
	}
	free(whole.hits);
	free(parts.hits);
	return is_good;
}
