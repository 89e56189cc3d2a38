/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_TEST_H
#define MH_TESTS_UNIT_MH_TEST_H

/* cmocka 1.x needs these four first, in this order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/*
 * Shared by the unit tests.  A failed assertion jumps out of the test with
 * longjmp(3), so scope cleanup does not run: what needs an end is made in
 * setup and ended in teardown.
 */
#define assert_ok(err) assert_string_equal(mh_strerror(err), mh_strerror(MH_OK))
#define assert_err(err, expected) \
	assert_string_equal(mh_strerror(err), mh_strerror(expected))

/* Leave the whole test program as skipped (ctest's SKIP_RETURN_CODE). */
#define skip_all(why)                                 \
	do {                                          \
		(void)printf("skipped: %s\n", (why)); \
		exit(77);                             \
	} while (0)

/* *state is the path of a new folder; both for cmocka's setup and teardown. */
int tmpdir_setup(void **state);
int tmpdir_teardown(void **state);
/* FOLDER/NAME; freed by the caller with free(3). */
char *tmpdir_path(void **state, const char *name);

#endif
