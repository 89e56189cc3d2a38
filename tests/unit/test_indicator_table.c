/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "signatures/indicator_sort.h"
#include "signatures/indicator_table.h"

struct made {
	int fd, reader;
	struct indicator_table *t;
};

static void
make(struct made *m, uint64_t text_bytes)
{
	char path[64];

	m->fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(m->fd >= 0);
	assert_int_equal(ftruncate(m->fd, (off_t)indicator_table_bytes(text_bytes)), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", m->fd);
	m->reader = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(m->reader >= 0);
	assert_ok(indicator_table_new(m->fd, m->reader, &m->t));
}

static void
end(struct made *m)
{
	indicator_table_free(m->t);
	(void)close(m->fd);
	(void)close(m->reader);
}

/* A digest that is spread as hashes are. */
static void
fill(uint8_t *digest, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		digest[i] = (uint8_t)(seed >> 56);
	}
}

static void
what_was_added_is_found_and_nothing_else(void **state)
{
	enum { N = 20000 };
	struct made m;

	(void)state;
	make(&m, N * 3 * 70);
	for (unsigned type = INDICATOR_MD5; type <= INDICATOR_SHA256; type++) {
		for (uint32_t i = 0; i < N; i++) {
			uint8_t digest[32];
			struct indicator_hash h = { .line = i + 1,
				.file = 7,
				.score = 90 };

			fill(digest, sizeof(digest), i * 3 + type);
			assert_ok(indicator_table_add(m.t, (enum indicator_type)type,
			    digest, &h));
		}
	}
	assert_ok(indicator_table_seal(m.t));
	for (unsigned type = INDICATOR_MD5; type <= INDICATOR_SHA256; type++) {
		assert_int_equal(indicator_table_n(m.t, (enum indicator_type)type), N);
		for (uint32_t i = 0; i < N; i++) {
			uint8_t digest[32];
			struct indicator_hash h = { .line = 0 };

			fill(digest, sizeof(digest), i * 3 + type);
			assert_true(indicator_table_find(m.t, (enum indicator_type)type,
			    digest, &h));
			assert_int_equal(h.line, i + 1);
			assert_int_equal(h.file, 7);
			assert_int_equal(h.score, 90);
			assert_false(h.is_repeated);
			digest[15] ^= 1;
			assert_false(indicator_table_find(m.t, (enum indicator_type)type,
			    digest, &h));
		}
	}
	end(&m);
}

static void
an_empty_table_finds_nothing(void **state)
{
	struct made m;
	struct indicator_hash h;
	const uint8_t digest[32] = { 0 };

	(void)state;
	make(&m, 0);
	assert_ok(indicator_table_seal(m.t));
	assert_false(indicator_table_find(m.t, INDICATOR_MD5, digest, &h));
	assert_false(indicator_table_find(m.t, INDICATOR_SHA256, digest, &h));
	end(&m);
}

static void
of_equal_hashes_the_exception_and_then_the_higher_score_wins(void **state)
{
	struct made m;
	uint8_t a[16], b[16];
	struct indicator_hash h = { .line = 1, .score = 50 };

	(void)state;
	fill(a, sizeof(a), 1);
	fill(b, sizeof(b), 2);
	make(&m, 4000);
	assert_ok(indicator_table_add(m.t, INDICATOR_MD5, a, &h));
	h = (struct indicator_hash){ .line = 2, .score = 80 };
	assert_ok(indicator_table_add(m.t, INDICATOR_MD5, a, &h));
	assert_ok(indicator_table_add(m.t, INDICATOR_MD5, b, &h));
	h = (struct indicator_hash){ .line = 3, .score = 0, .is_exception = true };
	assert_ok(indicator_table_add(m.t, INDICATOR_MD5, b, &h));
	assert_ok(indicator_table_seal(m.t));
	assert_int_equal(indicator_table_n(m.t, INDICATOR_MD5), 2);
	assert_true(indicator_table_find(m.t, INDICATOR_MD5, a, &h));
	assert_int_equal(h.line, 2);
	assert_true(h.is_repeated);
	assert_false(h.is_exception);
	assert_true(indicator_table_find(m.t, INDICATOR_MD5, b, &h));
	assert_true(h.is_exception);
	end(&m);
}

/* Somebody who knows the index makes all begin alike. */
static void
digests_that_begin_alike_are_found(void **state)
{
	enum { N = 5000 };
	struct made m;

	(void)state;
	make(&m, N * 70);
	for (uint32_t i = 0; i < N; i++) {
		uint8_t digest[32] = { 0xaa };
		struct indicator_hash h = { .line = i };

		memcpy(digest + 28, &i, sizeof(i));
		assert_ok(indicator_table_add(m.t, INDICATOR_SHA256, digest, &h));
	}
	assert_ok(indicator_table_seal(m.t));
	for (uint32_t i = 0; i < N; i++) {
		uint8_t digest[32] = { 0xaa };
		struct indicator_hash h;

		memcpy(digest + 28, &i, sizeof(i));
		assert_true(indicator_table_find(m.t, INDICATOR_SHA256, digest, &h));
		assert_int_equal(h.line, i);
	}
	end(&m);
}

static void
texts_are_kept_once_and_bounded(void **state)
{
	struct made m;
	uint32_t first = 0;
	uint32_t second = 0;
	uint32_t other = 0;
	mh_err err = MH_OK;

	(void)state;
	make(&m, 1000);
	assert_ok(indicator_table_keep(m.t, "x", 0, &first));
	assert_int_equal(first, 0);
	assert_ok(indicator_table_keep(m.t, "APT1", 4, &first));
	assert_ok(indicator_table_keep(m.t, "APT1 and more", 13, &other));
	assert_ok(indicator_table_keep(m.t, "APT1", 4, &second));
	assert_int_equal(first, second);
	assert_int_not_equal(first, other);
	assert_string_equal(indicator_table_text(m.t, other), "APT1 and more");
	for (unsigned i = 0; err == MH_OK && i < 1000; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "comment number %08u", i);
		err = indicator_table_keep(m.t, text, strlen(text), &other);
	}
	assert_err(err, MH_ERR_FULL);
	assert_string_equal(indicator_table_text(m.t, first), "APT1");
	end(&m);
}

static void
more_hashes_than_the_file_is_for_are_refused(void **state)
{
	struct made m;
	uint8_t digest[32] = { 0 };
	struct indicator_hash h = { .line = 1 };
	unsigned n = 0;

	(void)state;
	make(&m, 65 * 10);
	while (
	    n < 1000 && indicator_table_add(m.t, INDICATOR_SHA256, digest, &h) == MH_OK)
		n++;
	assert_int_equal(n, 11);
	end(&m);
}

static void
a_file_of_another_size_is_refused(void **state)
{
	struct indicator_table *t = NULL;
	int fd = memfd_create("test", MFD_CLOEXEC);

	(void)state;
	assert_err(indicator_table_new(fd, fd, &t), MH_ERR_INVALID);
	assert_int_equal(ftruncate(fd, (off_t)indicator_table_bytes(0)), 0);
	assert_ok(indicator_table_new(fd, fd, &t));
	indicator_table_free(t);
	(void)close(fd);
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, 20);
}

static void
sorting_equals_that_of_the_library(void **state)
{
	enum { N = 3000, WIDTH = 32 };
	uint8_t *ours = xcalloc(N, WIDTH);
	uint8_t *theirs = xcalloc(N, WIDTH);

	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		for (size_t i = 0; i < N; i++) {
			fill(ours + i * WIDTH, WIDTH, i);
			/* All alike at first, or all equal. */
			if (kind > 0)
				memset(ours + i * WIDTH, 3, kind == 1 ? 10 : WIDTH);
		}
		memcpy(theirs, ours, N * WIDTH);
		records_sort(ours, N, WIDTH, 20);
		qsort(theirs, N, WIDTH, compare);
		for (size_t i = 0; i < N; i++)
			assert_memory_equal(ours + i * WIDTH, theirs + i * WIDTH, 20);
	}
	records_sort(ours, 0, WIDTH, 20);
	free(ours);
	free(theirs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found_and_nothing_else),
		cmocka_unit_test(an_empty_table_finds_nothing),
		cmocka_unit_test(
		    of_equal_hashes_the_exception_and_then_the_higher_score_wins),
		cmocka_unit_test(digests_that_begin_alike_are_found),
		cmocka_unit_test(texts_are_kept_once_and_bounded),
		cmocka_unit_test(more_hashes_than_the_file_is_for_are_refused),
		cmocka_unit_test(a_file_of_another_size_is_refused),
		cmocka_unit_test(sorting_equals_that_of_the_library),
	};

	return cmocka_run_group_tests_name("indicator_table", tests, NULL, NULL);
}
