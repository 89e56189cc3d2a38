/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile: the rules.
 */
#include "signatures/rule_scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Where a block of memory is said to lie: what a program without ASLR has. */
#define BLOCK_ADDRESS 0x400000ull

struct rule_scan {
	struct ruleset *rules;
	YR_SCANNER *scanner;
	bool is_memory;
	const YR_RULE *matches[RULE_SCAN_MATCHES_MAX];
	unsigned n;
	YR_MEMORY_BLOCK block;
	const uint8_t *data; /* of the block */
};

static int
on_result(YR_SCAN_CONTEXT *context, int message, void *data, void *ctx)
{
	struct rule_scan *s = ctx;
	const YR_RULE *rule = data;
	unsigned place = s->is_memory ? RULE_IN_MEMORY : RULE_IN_FILES;

	(void)context;
	if (message != CALLBACK_MSG_RULE_MATCHING || s->n == RULE_SCAN_MATCHES_MAX)
		return CALLBACK_CONTINUE;
	const YR_RULE *table = ruleset_rules(s->rules)->rules_table;

	if ((ruleset_scope(s->rules, (unsigned)(rule - table)) & place) != 0)
		s->matches[s->n++] = rule;
	return CALLBACK_CONTINUE;
}

struct rule_scan *
rule_scan_new(struct ruleset *rs)
{
	struct rule_scan *s = xcalloc(1, sizeof(*s));

	s->rules = rs;
	if (yr_scanner_create(ruleset_rules(rs), &s->scanner) != ERROR_SUCCESS) {
		free(s);
		return NULL;
	}
	yr_scanner_set_callback(s->scanner, on_result, s);
	yr_scanner_set_timeout(s->scanner, RULE_SCAN_TIMEOUT_S);
	return s;
}

void
rule_scan_free(struct rule_scan *s)
{
	if (s == NULL)
		return;
	yr_scanner_destroy(s->scanner);
	free(s);
}

static mh_err
result_of(int code)
{
	if (code == ERROR_SUCCESS)
		return MH_OK;
	if (code == ERROR_SCAN_TIMEOUT)
		return MH_ERR_TIMEOUT;
	return code == ERROR_INSUFFICIENT_MEMORY ? MH_ERR_MEMORY : MH_ERR_RULES;
}

static void
begin(struct rule_scan *s, bool is_memory)
{
	s->n = 0;
	s->is_memory = is_memory;
	yr_scanner_set_flags(s->scanner, SCAN_FLAGS_REPORT_RULES_MATCHING |
					     (is_memory ? SCAN_FLAGS_PROCESS_MEMORY : 0));
}

mh_err
rule_scan_file(struct rule_scan *s, const void *data, size_t len)
{
	begin(s, false);
	return result_of(yr_scanner_scan_mem(s->scanner, data, len));
}

static const uint8_t *
fetch(YR_MEMORY_BLOCK *block)
{
	return ((struct rule_scan *)block->context)->data;
}

static YR_MEMORY_BLOCK *
first_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
	iterator->last_error = ERROR_SUCCESS;
	return &((struct rule_scan *)iterator->context)->block;
}

static YR_MEMORY_BLOCK *
no_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
	iterator->last_error = ERROR_SUCCESS;
	return NULL;
}

mh_err
rule_scan_memory(struct rule_scan *s, const void *data, size_t len)
{
	YR_MEMORY_BLOCK_ITERATOR iterator = { .context = s,
		.first = first_block,
		.next = no_block };

	begin(s, true);
	s->data = data;
	s->block = (YR_MEMORY_BLOCK){ .base = BLOCK_ADDRESS,
		.size = len,
		.context = s,
		.fetch_data = fetch };
	return result_of(yr_scanner_scan_mem_blocks(s->scanner, &iterator));
}

unsigned
rule_scan_n(const struct rule_scan *s)
{
	return s->n;
}

const YR_RULE *
rule_scan_match(const struct rule_scan *s, unsigned i)
{
	assert(i < s->n);
	return s->matches[i];
}

bool
rule_scan_has(const struct rule_scan *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (strcmp(s->matches[i]->identifier, name) == 0)
			return true;
	}
	return false;
}

const char *
rule_meta_text(const YR_RULE *rule, const char *key)
{
	YR_META *meta = NULL;

	yr_rule_metas_foreach(rule, meta)
	{
		if (meta->type == META_TYPE_STRING && strcmp(meta->identifier, key) == 0)
			return meta->string;
	}
	return NULL;
}
