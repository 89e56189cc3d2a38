/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <string.h>

#include "collector/metrics.h"

static const char *
text_of(struct metrics *m, struct buf *out)
{
	struct metrics_now now = { .verify_reports = 3, .version = "1.2\"3\\4\n5" };

	metrics_put(m, &now, out);
	assert_int_equal(buf_error(out), MH_OK);
	return buf_string(out);
}

static unsigned
count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

static void
counters_gauges_and_labels_are_in_the_text(void **state)
{
	static struct metrics m;
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(64 * 1024);
	const char *text = NULL;

	(void)state;
	metrics_add(&m, METRIC_REPORTS_STORED, 41);
	metrics_add(&m, METRIC_REPORTS_STORED, 1);
	metrics_move(&m, GAUGE_CONNECTIONS, 5);
	metrics_move(&m, GAUGE_CONNECTIONS, -2);
	text = text_of(&m, out);
	assert_non_null(
	    strstr(text, "\nmolehunt_collector_reports_total{outcome=\"stored\"} 42\n"));
	assert_non_null(strstr(text, "\nmolehunt_collector_connections 3\n"));
	assert_non_null(
	    strstr(text, "\nmolehunt_collector_queue_reports{stage=\"verify\"} 3\n"));
	assert_non_null(strstr(text,
	    "molehunt_collector_build_info{version=\"1.2\\\"3\\\\4\\n5\"} 1\n"));
}

static void
each_name_has_one_help_and_one_type_above_its_series(void **state)
{
	static struct metrics m;
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(64 * 1024);
	const char *text = text_of(&m, out);
	MH_CLEANUP(buf_freep) struct buf *head = buf_new(1024);

	(void)state;
	assert_int_equal(count(text, "# HELP "), count(text, "# TYPE "));
	for (const char *at = strstr(text, "# TYPE "); at != NULL;
	     at = strstr(at + 1, "# TYPE ")) {
		int len = (int)strcspn(at + 7, " ");

		buf_reset(head);
		buf_addf(head, "# TYPE %.*s ", len, at + 7);
		assert_int_equal(count(text, buf_string(head)), 1);
	}
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void
histograms_add_up_and_both_sides_of_a_bound_are_right(void **state)
{
	static struct metrics m;
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(64 * 1024);
	const char *text = NULL;

	(void)state;
	metrics_time(&m, TIMES_COMMIT, 100);
	metrics_time(&m, TIMES_COMMIT, 101);
	metrics_time(&m, TIMES_COMMIT, 10 * 1000 * 1000);
	text = text_of(&m, out);
#define COMMIT "\nmolehunt_collector_commit_seconds"
	assert_non_null(strstr(text, COMMIT "_bucket{le=\"0.0001\"} 1\n"));
	assert_non_null(strstr(text, COMMIT "_bucket{le=\"0.00025\"} 2\n"));
	assert_non_null(strstr(text, COMMIT "_bucket{le=\"5\"} 2\n"));
	assert_non_null(strstr(text, COMMIT "_bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(text, COMMIT "_sum 10.000201\n"));
	assert_non_null(strstr(text, COMMIT "_count 3\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_gauges_and_labels_are_in_the_text),
		cmocka_unit_test(each_name_has_one_help_and_one_type_above_its_series),
		cmocka_unit_test(histograms_add_up_and_both_sides_of_a_bound_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
