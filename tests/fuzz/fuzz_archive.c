/* SPDX-License-Identifier: BSD-2-Clause */
/* Archives of strangers, with all that is in them, through a rule set of one rule. */
#include <string.h>

#include "scanners/archive.h"

static void
on_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	(void)result;
}

static void
on_pulse(void *ctx)
{
	(void)ctx;
}

/* Everything but the target lives as long as the process. */
static struct archive_scanner *
scanner_get(void)
{
	static const char rule[] = "rule r { strings: $a = \"PK\" condition: $a }";
	static struct archive_scanner *as;
	struct scan_setup setup;

	if (as != NULL || yr_initialize() != ERROR_SUCCESS)
		return as;
	struct ruleset *rs = ruleset_new();
	struct hasher *h = hasher_new();

	scan_setup_init(&setup);
	mh_ignore(ruleset_add(rs, "p/a", rule, strlen(rule)));
	mh_ignore(ruleset_compile(rs, on_file, NULL));
	as = archive_scanner_new(rs, h, matcher_new(rs, h, &setup, on_pulse, NULL),
	    &setup, on_pulse, NULL);
	struct archive_limits limits = archive_limits_of(&setup);

	limits.bytes = limits.member_bytes = 4u << 20;
	limits.time_ms = 1000;
	archive_scanner_limit(as, &limits);
	return as;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/a.part1.rar";
	char owner[] = "root";
	const struct target t = { .path = path, .owner = owner, .size = size };
	const struct content_block block = { 0, data, size };
	const struct content c = { &block, size > 0, size, size, true };
	struct match_outcome o = { 0 };

	if (!archive_scan(scanner_get(), &t, &c, true, &o))
		o.reason = REASON_MEMORY;
	match_outcome_clear(&o);
	return 0;
}
