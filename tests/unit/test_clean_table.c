/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/clean_table.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/unit/mh_test.h"

enum { DAYS = 14, TODAY = 20000, FILES = 20000 };

static const uint8_t secret[SIPHASH_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t context[CLEAN_CONTEXT_BYTES] = { 4, 5, 6 };

static struct clean_table *
new_table(uint64_t max)
{
	struct clean_table *t = NULL;

	assert_ok(clean_table_new(max, DAYS, secret, context, &t));
	return t;
}

static struct clean_key
file(uint64_t n)
{
	return (struct clean_key){ 0x801, n, 1000 + n % 7, 5, 6 };
}

static void
a_reader_sees_what_was_added_and_nothing_else(void **state)
{
	struct clean_table *t = new_table(FILES);
	struct clean_table *reader = NULL;
	struct clean_key key = file(0);

	(void)state;
	assert_ok(clean_table_open_reader(clean_table_fd(t), &reader));
	for (uint64_t i = 0; i < FILES; i += 2) {
		key = file(i);
		assert_ok(clean_table_add(t, clean_table_hash(t, &key, TODAY)));
		assert_ok(clean_table_add(t, clean_table_hash(t, &key, TODAY)));
	}
	assert_int_equal(clean_table_count(t), FILES / 2);
	for (uint64_t i = 0; i < FILES; i++) {
		key = file(i);
		assert_int_equal(clean_table_has(reader, &key, TODAY), i % 2 == 0);
	}
	key = file(4);
	clean_table_remove(t, clean_table_hash(t, &key, TODAY));
	assert_false(clean_table_has(reader, &key, TODAY));
	key = file(6);
	assert_true(clean_table_has(reader, &key, TODAY));
	clean_table_clear(t);
	assert_false(clean_table_has(reader, &key, TODAY));
	assert_int_equal(clean_table_count(t), 0);
	clean_table_free(reader);
	clean_table_free(t);
}

static void
every_fact_of_a_file_secret_and_context_count(void **state)
{
	struct clean_table *t = new_table(CLEAN_ENTRIES_MIN);
	struct clean_table *other = NULL;
	uint8_t another[CLEAN_CONTEXT_BYTES] = { 0 };
	struct clean_key key = file(9);
	uint64_t hash = clean_table_hash(t, &key, TODAY);

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct clean_key changed = key;

		changed.dev ^= i == 0;
		changed.ino ^= (uint64_t)(i == 1) << 40;
		changed.size ^= i == 2;
		changed.mtime_ns ^= i == 3;
		changed.ctime_ns ^= i == 4;
		assert_int_not_equal(clean_table_hash(t, &changed, TODAY), hash);
	}
	assert_ok(clean_table_new(CLEAN_ENTRIES_MIN, DAYS, secret, another, &other));
	assert_int_not_equal(clean_table_hash(other, &key, TODAY), hash);
	clean_table_free(other);
	assert_ok(clean_table_new(CLEAN_ENTRIES_MIN, DAYS, another, context, &other));
	assert_int_not_equal(clean_table_hash(other, &key, TODAY), hash);
	clean_table_free(other);
	clean_table_free(t);
}

static void
each_file_is_due_once_in_its_term_and_about_the_same_number_each_day(void **state)
{
	struct clean_table *t = new_table(FILES);
	unsigned due[DAYS] = { 0 };

	(void)state;
	for (uint64_t i = 0; i < FILES; i++) {
		struct clean_key key = file(i);
		unsigned n = 0;

		for (unsigned d = 0; d < DAYS; d++) {
			bool is_due = clean_key_is_due(t, &key, TODAY + d);

			/* What was clean until yesterday is not known today. */
			assert_int_equal(clean_table_hash(t, &key, TODAY + d) !=
					     clean_table_hash(t, &key, TODAY + d - 1),
			    is_due);
			due[d] += is_due;
			n += is_due;
		}
		assert_int_equal(n, 1);
	}
	for (unsigned d = 0; d < DAYS; d++)
		assert_in_range(due[d], FILES / DAYS * 8 / 10, FILES / DAYS * 12 / 10);
	clean_table_free(t);
}

static void
a_table_is_full_at_its_maximum_and_stays_right(void **state)
{
	struct clean_table *t = new_table(CLEAN_ENTRIES_MIN);

	(void)state;
	for (uint64_t i = 0; i <= CLEAN_ENTRIES_MIN; i++) {
		struct clean_key key = file(i);
		mh_err err = clean_table_add(t, clean_table_hash(t, &key, TODAY));

		assert_err(err, i < CLEAN_ENTRIES_MIN ? MH_OK : MH_ERR_FULL);
		assert_int_equal(clean_table_has(t, &key, TODAY), i < CLEAN_ENTRIES_MIN);
	}
	clean_table_free(t);
	assert_err(clean_table_new(CLEAN_ENTRIES_MIN - 1, DAYS, secret, context, &t),
	    MH_ERR_INVALID);
	assert_err(clean_table_new((uint64_t)CLEAN_ENTRIES_MAX + 1, DAYS, secret, context,
		       &t),
	    MH_ERR_INVALID);
	assert_err(clean_table_new(CLEAN_ENTRIES_MIN, 0, secret, context, &t),
	    MH_ERR_INVALID);
	assert_err(clean_table_new(CLEAN_ENTRIES_MIN, CLEAN_REREAD_DAYS_MAX + 1, secret,
		       context, &t),
	    MH_ERR_INVALID);
}

static void
nobody_else_can_write_or_resize_it(void **state)
{
	struct clean_table *t = new_table(CLEAN_ENTRIES_MIN);
	int fd = clean_table_fd(t);

	(void)state;
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
	    MAP_FAILED);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	clean_table_free(t);
}

/* A sealed memfd with the first len bytes of t, where byte at is changed. */
static int
forged(const struct clean_table *t, size_t len, size_t at)
{
	static uint8_t bytes[64 * 1024];
	int fd = -1;

	assert_true(len <= sizeof(bytes));
	assert_int_equal(pread(clean_table_fd(t), bytes, len, 0), len);
	if (at < len)
		bytes[at] ^= 0xff;
	assert_ok(fd_from_bytes("forged", bytes, len, &fd));
	return fd;
}

static void
what_is_not_a_whole_table_is_refused(void **state)
{
	struct clean_table *t = new_table(CLEAN_ENTRIES_MIN);
	struct clean_table *reader = NULL;
	size_t len = 4096 + CLEAN_ENTRIES_MIN * 2 * 8;
	/* Magic, version, days, number of slots; the last only says: nothing changed. */
	const size_t changes[] = { 0, 8, 13, 16, 17, 23, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		int fd = forged(t, len, changes[i]);

		assert_err(clean_table_open_reader(fd, &reader),
		    changes[i] == SIZE_MAX ? MH_OK : MH_ERR_FORMAT);
		(void)close(fd);
	}
	clean_table_free(reader);
	for (size_t cut = 0; cut < len; cut = cut == 0 ? 20 : len - 1) {
		int fd = forged(t, cut, SIZE_MAX);

		assert_err(clean_table_open_reader(fd, &reader), MH_ERR_FORMAT);
		(void)close(fd);
		if (cut == len - 1)
			break;
	}
	/* The right bytes, but it could shrink under its reader. */
	int fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_err(clean_table_open_reader(fd, &reader), MH_ERR_FORMAT);
	(void)close(fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_err(clean_table_open_reader(fd, &reader), MH_ERR_FORMAT);
	(void)close(fd);
	clean_table_free(t);
}

static void
only_what_has_settled_on_a_lasting_file_system_may_be_remembered(void **state)
{
	const int64_t second = 1000000000, began = 1000 * second;
	const int64_t settled = began - CLEAN_SETTLE_SECONDS * second;
	struct target t = { .kind = TARGET_FILE,
		.is_lasting = true,
		.mtime_ns = settled,
		.ctime_ns = settled };

	(void)state;
	assert_true(clean_may_cache(&t, began));
	t.mtime_ns = settled + 1;
	assert_false(clean_may_cache(&t, began));
	t.mtime_ns = -5;
	assert_true(clean_may_cache(&t, began));
	t.ctime_ns = settled + 1;
	assert_false(clean_may_cache(&t, began));
	t.ctime_ns = began + second;
	assert_false(clean_may_cache(&t, began));
	t.ctime_ns = settled;
	t.is_lasting = false;
	assert_false(clean_may_cache(&t, began));
	t.is_lasting = true;
	t.kind = TARGET_MAPPED;
	assert_false(clean_may_cache(&t, began));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_sees_what_was_added_and_nothing_else),
		cmocka_unit_test(every_fact_of_a_file_secret_and_context_count),
		cmocka_unit_test(
		    each_file_is_due_once_in_its_term_and_about_the_same_number_each_day),
		cmocka_unit_test(a_table_is_full_at_its_maximum_and_stays_right),
		cmocka_unit_test(nobody_else_can_write_or_resize_it),
		cmocka_unit_test(what_is_not_a_whole_table_is_refused),
		cmocka_unit_test(
		    only_what_has_settled_on_a_lasting_file_system_may_be_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
