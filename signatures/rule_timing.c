/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the checker.
 * Input: hostile.
 */
#include "signatures/rule_timing.h"

#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "signatures/rule_scan.h"
#include "signatures/ruleset.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

static void
ignore_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	(void)result;
}

static mh_err
compile(struct ruleset *rs, const char *text, size_t len)
{
	mh_err err = ruleset_add(rs, "alone", text, len);

	return err == MH_OK ? ruleset_compile(rs, ignore_file, NULL) : err;
}

/* The imports of its file and the rule itself. */
static mh_err
compile_alone(struct ruleset *rs, const struct rule_text *text,
    const struct rule_part *rule)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(RULE_FILE_BYTES_MAX);

	for (size_t i = 0; i < text->n_imports; i++)
		buf_addf(b, "import \"%.*s\"\n", (int)text->imports[i].len,
		    text->imports[i].at);
	buf_put(b, rule->begin, (size_t)(rule->end - rule->begin));
	return compile(rs, buf_string(b), buf_len(b));
}

static uint64_t
cpu_ns(void)
{
	struct timespec ts = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* One round; false: it took too long. */
static bool
scan_all(struct rule_scan *scan, const struct timing_sample *samples, size_t n,
    uint64_t *ret_ns)
{
	uint64_t start = cpu_ns();

	for (size_t i = 0; i < n; i++) {
		/* What fails costs its time all the same. */
		mh_ignore(rule_scan_file(scan, samples[i].data, samples[i].len));
		*ret_ns = cpu_ns() - start;
		if (*ret_ns > TIMING_RULE_MS_MAX * NS_PER_MS)
			return false;
	}
	return true;
}

static mh_err
measure(struct ruleset *rs, const struct timing_sample *samples, size_t n,
    struct rule_cost *ret)
{
	MH_CLEANUP(rule_scan_freep) struct rule_scan *scan = rule_scan_new(rs);
	YR_RULES_STATS stats;

	if (scan == NULL)
		return MH_ERR_MEMORY;
	if (yr_rules_get_stats(ruleset_rules(rs), &stats) == ERROR_SUCCESS)
		ret->n_atoms = stats.ac_matches;
	for (int i = 0; i < TIMING_ROUNDS && !ret->is_partial; i++) {
		uint64_t ns = 0;

		ret->is_partial = !scan_all(scan, samples, n, &ns);
		if (i == 0 || ns < ret->ns)
			ret->ns = ns;
	}
	return MH_OK;
}

mh_err
rule_timing(const struct rule_text *text, const struct rule_part *rule,
    const struct timing_sample *samples, size_t n, struct rule_cost *ret)
{
	MH_CLEANUP(ruleset_freep) struct ruleset *alone = ruleset_new();
	MH_CLEANUP(ruleset_freep) struct ruleset *whole = ruleset_new();
	struct ruleset *rs = alone;
	mh_err err = compile_alone(alone, text, rule);

	*ret = (struct rule_cost){ .ns = 0 };
	if (err == MH_ERR_RULES) {
		ret->is_whole = true;
		rs = whole;
		err = compile(whole, text->text, text->len);
	}
	return err == MH_OK ? measure(rs, samples, n, ret) : err;
}
