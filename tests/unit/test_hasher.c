/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of bytes without rules: hashes and the type they claim. */
#include "tests/unit/mh_test.h"

#include "base/memory.h"
#include "base/text.h"
#include "scanners/filetype.h"
#include "scanners/hasher.h"

static int
setup(void **state)
{
	*state = hasher_new();
	return *state != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	hasher_free(*state);
	return 0;
}

static void
hashes_are_those_of_the_standards(void **state)
{
	static const struct {
		enum hash_kind kind;
		size_t len;
		const char *text, *hex;
	} table[] = {
		{ HASH_SHA256, 32, "",
		    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ HASH_SHA256, 32, "abc",
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ HASH_SHA1, 20, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ HASH_SHA1, 20, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ HASH_MD5, 16, "", "d41d8cd98f00b204e9800998ecf8427e" },
		{ HASH_MD5, 16, "abc", "900150983cd24fb0d6963f7d28e17f72" },
	};

	/* Twice, so that nothing of one hash is left in the next. */
	for (size_t i = 0; i < 2 * MH_ARRAY_LEN(table); i++) {
		size_t at = i % MH_ARRAY_LEN(table);
		uint8_t digest[32];

		assert_true(hasher_hash(*state, table[at].kind, table[at].text,
		    strlen(table[at].text), digest));
		char *hex = text_hex(digest, table[at].len);

		assert_string_equal(hex, table[at].hex);
		free(hex);
	}
	hasher_free(NULL);
}

static void
a_million_bytes_hash_as_one(void **state)
{
	char *bytes = xcalloc(1000 * 1000, 1);
	uint8_t digest[32];

	memset(bytes, 'a', 1000 * 1000);
	assert_true(hasher_hash(*state, HASH_SHA256, bytes, 1000 * 1000, digest));
	free(bytes);
	char *hex = text_hex(digest, sizeof(digest));

	assert_string_equal(hex,
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(hex);
}

static void
several_kinds_in_one_pass_are_the_same_hashes(void **state)
{
	static const size_t lengths[] = { 0, 1, 16 * 1024 - 1, 16 * 1024, 40000 };
	char *bytes = xcalloc(40000, 1);

	memset(bytes, 'x', 40000);
	for (size_t i = 0; i < MH_ARRAY_LEN(lengths); i++) {
		struct hashes all;
		uint8_t digest[32];

		assert_int_equal(hasher_hash_kinds(*state, 7, bytes, lengths[i], &all),
		    7);
		assert_true(hasher_hash(*state, HASH_SHA256, bytes, lengths[i], digest));
		assert_memory_equal(all.sha256, digest, 32);
		assert_true(hasher_hash(*state, HASH_SHA1, bytes, lengths[i], digest));
		assert_memory_equal(all.sha1, digest, 20);
		assert_true(hasher_hash(*state, HASH_MD5, bytes, lengths[i], digest));
		assert_memory_equal(all.md5, digest, 16);
		assert_int_equal(hasher_hash_kinds(*state, 1u << HASH_MD5, bytes,
				     lengths[i], &all),
		    1u << HASH_MD5);
		assert_memory_equal(all.md5, digest, 16);
	}
	free(bytes);
}

static void
types_are_known_by_their_first_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *type;
	} table[] = {
		{ "", 0, "" },
		{ "M", 1, "" },
		{ "MZ", 2, "EXE" },
		{ "\x7f"
		  "ELF",
		    4, "ELF" },
		{ "\x7f"
		  "EL",
		    3, "" },
		{ "\x7f"
		  "ELG",
		    4, "" },
		{ "%PDF-1.7", 8, "PDF" },
		{ "PK\x03\x04", 4, "ZIP" },
		{ "PK\x05\x06", 4, "" },
		{ "\xfd"
		  "7zXZ\0",
		    6, "XZ" },
		{ "\xfd"
		  "7zXZ",
		    5, "" },
		{ "\x4c\0\0\0", 4, "LNK" },
		{ "#!/bin/sh", 9, "SCRIPT" },
		{ "plain text", 10, "" },
	};
	uint8_t tar[262] = { 0 };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++)
		assert_string_equal(filetype_of((const uint8_t *)table[i].bytes,
					table[i].len),
		    table[i].type);
	memcpy(tar + 257, "ustar", 5);
	assert_string_equal(filetype_of(tar, 262), "TAR");
	assert_string_equal(filetype_of(tar, 261), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hashes_are_those_of_the_standards, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_million_bytes_hash_as_one, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    several_kinds_in_one_pass_are_the_same_hashes, setup, teardown),
		cmocka_unit_test(types_are_known_by_their_first_bytes),
	};

	return cmocka_run_group_tests_name("hasher", tests, NULL, NULL);
}
