/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_SCOPE_H
#define MH_SIGNATURES_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "records/rule_place.h"

/*
 * Where the rules of one file can work, read from its text: files, the memory
 * of processes, or both.  What the author says comes first, then whether the
 * condition can be true in memory at all (signatures/condition.h), then whether
 * its strings can be relied on there.  docs/RULES.md, "Rules in memory", has
 * the reasons.
 *
 * Input: hostile.  What is not understood works in both.
 */
/* One rule, in the order of the file. */
struct scope_rule {
	const char *name; /* borrowed from the text, name_len bytes */
	size_t name_len;
	unsigned line; /* of its name, from 1 */
	unsigned mask; /* of records/rule_place.h */
	char *reason;  /* owned by the list; why a place is missing, else NULL */
};

/*
 * Whether libyara has cut a string of the rule into a chain; asked once for each
 * rule, in the order of the file.
 */
typedef bool scope_chain_fn(void *ctx, const char *name, size_t len);

struct scope_list;

/* Decide for the rules in the text, which has to outlive the list. */
struct scope_list *scope_list_read(const char *text, size_t len,
    scope_chain_fn *is_chained, void *ctx);
void scope_list_free(struct scope_list *list);
MH_DEFINE_CLEANUP(struct scope_list, scope_list_free);

size_t scope_list_n(const struct scope_list *list);
const struct scope_rule *scope_list_get(const struct scope_list *list, size_t index);

#endif
