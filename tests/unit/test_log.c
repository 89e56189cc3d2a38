/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"

struct ground {
	char *folder;
	int standard_error; /* what it was */
	int file;           /* what it is */
	struct buf *text;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->folder) != 0)
		return -1;
	char *path = xasprintf("%s/log", g->folder);

	g->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
	free(path);
	g->text = buf_new(64 * 1024);
	g->standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	(void)unsetenv("JOURNAL_STREAM");
	log_init("program", LOG_LEVEL_NOTICE);
	*state = g;
	return dup2(g->file, STDERR_FILENO) < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	(void)unsetenv("JOURNAL_STREAM");
	(void)dup2(g->standard_error, STDERR_FILENO);
	(void)close(g->standard_error);
	(void)close(g->file);
	(void)tmpdir_teardown((void **)&g->folder);
	buf_free(g->text);
	free(g);
	return 0;
}

/* All that was logged since the test began. */
static const char *
logged(struct ground *g)
{
	buf_reset(g->text);
	(void)fflush(stderr);
	assert_int_equal(lseek(g->file, 0, SEEK_SET), 0);
	assert_ok(fd_read_all(g->file, g->text));
	return buf_string(g->text);
}

static void
a_line_has_time_program_level_area_and_text(void **state)
{
	struct ground *g = *state;

	log_warn("area", "%s: %d", "subject", 5);
	char *end = xasprintf("Z program[%d] warning: area: subject: 5\n", (int)getpid());

	assert_non_null(strstr(logged(g), end));
	assert_int_equal(logged(g)[0], '2');
	free(end);
}

static void
finer_levels_than_asked_are_not_shown(void **state)
{
	struct ground *g = *state;

	log_info("area", "hidden");
	log_debug("area", "hidden");
	assert_string_equal(logged(g), "");
	log_notice("area", "shown");
	assert_non_null(strstr(logged(g), "shown"));
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("area", "finer");
	assert_non_null(strstr(logged(g), "debug: area: finer"));
	log_set_level(LOG_LEVEL_ERR);
	assert_false(log_is_shown(LOG_LEVEL_WARN));
	assert_true(log_is_shown(LOG_LEVEL_ERR));
}

static void
hostile_text_stays_one_line(void **state)
{
	struct ground *g = *state;

	log_err("area", "%s", "a\n<0>forged\x1b[2J\xff");
	assert_non_null(strstr(logged(g), "a\\x0a<0>forged\\x1b[2J\\xff\n"));
	assert_ptr_equal(strchr(logged(g), '\n'), strrchr(logged(g), '\n'));
}

static void
the_reason_is_the_codes_text_or_errnos(void **state)
{
	struct ground *g = *state;

	log_err_r(MH_ERR_TOOBIG, "area", "subject");
	assert_non_null(strstr(logged(g), "area: subject: larger than its limit\n"));
	errno = ENOENT;
	log_warn_r(MH_ERR_SYSTEM, "area", "other");
	assert_non_null(strstr(logged(g), "area: other: No such file or directory\n"));
	assert_int_equal(errno, ENOENT);
}

static void
the_journal_gets_priorities_and_no_time(void **state)
{
	struct ground *g = *state;

	assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
	log_init("program", LOG_LEVEL_INFO);
	log_err("area", "one");
	log_info("area", "two");
	assert_string_equal(logged(g), "<3>program: area: one\n<6>program: area: two\n");
}

static void
levels_are_found_by_their_names(void **state)
{
	enum log_level level = LOG_LEVEL_ERR;

	(void)state;
	assert_true(log_level_find("debug", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_true(log_level_find("Warning", &level));
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_false(log_level_find("loud", &level));
	assert_int_equal(level, LOG_LEVEL_WARN);
}

static void
a_limit_passes_its_burst_in_every_period(void **state)
{
	struct log_limit limit = { .burst = 2, .period_ms = 100 };

	(void)state;
	assert_true(log_limit_pass(&limit, 1000));
	assert_true(log_limit_pass(&limit, 1001));
	assert_false(log_limit_pass(&limit, 1002));
	assert_false(log_limit_pass(&limit, 1099));
	assert_int_equal(limit.suppressed, 2);
	assert_true(log_limit_pass(&limit, 1100));
	assert_true(log_limit_pass(&limit, 1101));
	assert_false(log_limit_pass(&limit, 1102));
}

static void
what_was_suppressed_is_counted_since_the_last_that_passed(void **state)
{
	struct log_limit limit = { .burst = 1, .period_ms = 100 };

	(void)state;
	assert_true(log_limit_pass(&limit, 1000));
	assert_false(log_limit_pass(&limit, 1001));
	assert_false(log_limit_pass(&limit, 1002));
	/* The caller tells the count and sets it back. */
	assert_true(log_limit_pass(&limit, 1200));
	assert_int_equal(limit.suppressed, 2);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_line_has_time_program_level_area_and_text),
		with_ground(finer_levels_than_asked_are_not_shown),
		with_ground(hostile_text_stays_one_line),
		with_ground(the_reason_is_the_codes_text_or_errnos),
		with_ground(the_journal_gets_priorities_and_no_time),
		cmocka_unit_test(levels_are_found_by_their_names),
		cmocka_unit_test(a_limit_passes_its_burst_in_every_period),
		cmocka_unit_test(
		    what_was_suppressed_is_counted_since_the_last_that_passed),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
