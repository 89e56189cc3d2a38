/* SPDX-License-Identifier: BSD-2-Clause */
#include "signatures/minisign.h"

#include "base/attributes.h"
#include "tests/unit/mh_test.h"

/* Made with openssl pkeyutl and another BLAKE2b, over the bytes "policy". */
static const char key_file[] =
    "untrusted comment: minisign public key\n"
    "RWQBAgMEBQYHCCENE+ZOKpoliCwmEE5fkc19xe7ehelFPzQkTkwBkWcF\n";
static const char hashed[] = "untrusted comment: signature\n"
			     "RUQBAgMEBQYHCI/islqCOrXmX0+XpXTh/akhn8e0ugPWO/ovZGdPZDG/"
			     "Gi8yhaN1R/h6jV+8B6zeSQGWPtFzXioe6o1OxxvveQ8=\n"
			     "trusted comment: timestamp:1700000000 file:policy.yaml\n"
			     "Y2amcBPYi19w9/ejwQH9YqcJwvmAi6+A7l5TD/"
			     "tFArjquOclajz0hQN3rOqw0XwIdryoVm7kGz5zx/T4j44nDg==\n";
static const char legacy[] = "untrusted comment: signature\n"
			     "RWQBAgMEBQYHCG1N5yQHgTnfALPmr5AD+aji+QIE2gEFPYgB1g+"
			     "tvep8dTgPZe9LC+VzCQ4hdZF8o3MW+Pe3FvuX2G7kVl5i5wI=\n"
			     "trusted comment: timestamp:1700000000 file:policy.yaml\n"
			     "14odl/cp4PopMuvafL/DwKFCP+vYtGlvDP1M1mYVPpwC1BIUAHxt6/"
			     "O2WJLY0CZMTXJkBERfg475WpD/qAWpBw==\n";
static const char comment_text[] = "timestamp:1700000000 file:policy.yaml";

static struct minisign_key
key_of_file(void)
{
	struct minisign_key key;

	assert_ok(minisign_key_parse(key_file, sizeof(key_file) - 1, &key));
	return key;
}

static mh_err
check(const struct minisign_key *key, const char *data, const char *signature, size_t len)
{
	const struct minisign_signed s = { data, strlen(data), signature, len };

	return minisign_verify(key, &s, NULL);
}

static void
signatures_of_both_forms_verify_and_give_their_comment(void **state)
{
	struct minisign_key key = key_of_file();
	const char *const both[] = { hashed, legacy };

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(both); i++) {
		const struct minisign_signed s = { "policy", 6, both[i],
			strlen(both[i]) };
		char *comment = NULL;

		assert_ok(minisign_verify(&key, &s, &comment));
		assert_string_equal(comment, comment_text);
		free(comment);
		assert_err(check(&key, "policz", both[i], strlen(both[i])),
		    MH_ERR_SIGNATURE);
		assert_err(check(&key, "", both[i], strlen(both[i])), MH_ERR_SIGNATURE);
	}
}

static void
a_change_of_any_byte_behind_the_first_line_is_noticed(void **state)
{
	struct minisign_key key = key_of_file();
	char text[sizeof(hashed)];
	size_t first = strcspn(hashed, "\n") + 1;

	(void)state;
	/* The last line end alone says nothing. */
	for (size_t i = first; i < sizeof(hashed) - 2; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(text, hashed, sizeof(text));
			text[i] = (char)(text[i] ^ 1 << bit);
			assert_int_not_equal(check(&key, "policy", text,
						 sizeof(text) - 1),
			    MH_OK);
		}
	}
	for (size_t len = 0; len < sizeof(hashed) - 2; len++)
		assert_err(check(&key, "policy", hashed, len), MH_ERR_FORMAT);
}

static void
another_key_is_told_apart_from_a_bad_signature(void **state)
{
	struct minisign_key key = key_of_file();

	(void)state;
	key.id[7] ^= 1;
	assert_err(check(&key, "policy", hashed, strlen(hashed)), MH_ERR_NOTFOUND);
	key.id[7] ^= 1;
	key.key[0] ^= 1;
	mh_err err = check(&key, "policy", hashed, strlen(hashed));
	/* Not each 32 bytes are a point of the curve. */
	assert_true(err == MH_ERR_SIGNATURE || err == MH_ERR_CRYPTO);
}

static void
files_over_their_limit_and_what_follows_the_end_are_refused(void **state)
{
	static char text[MINISIGN_FILE_MAX + 1];
	struct minisign_key key = key_of_file();

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_err(check(&key, "policy", text, MINISIGN_FILE_MAX), MH_ERR_FORMAT);
	assert_err(check(&key, "policy", text, MINISIGN_FILE_MAX + 1), MH_ERR_TOOBIG);
	assert_err(minisign_key_parse(text, MINISIGN_FILE_MAX, &key), MH_ERR_FORMAT);
	assert_err(minisign_key_parse(text, MINISIGN_FILE_MAX + 1, &key), MH_ERR_TOOBIG);
	(void)snprintf(text, sizeof(text), "%sx", hashed);
	assert_err(check(&key, "policy", text, strlen(text)), MH_ERR_FORMAT);
	(void)snprintf(text, sizeof(text), "%sx", key_file);
	assert_err(minisign_key_parse(text, strlen(text), &key), MH_ERR_FORMAT);
}

static void
a_key_may_come_without_its_comment(void **state)
{
	const char *line = strchr(key_file, '\n') + 1;
	struct minisign_key key, whole = key_of_file();

	(void)state;
	assert_ok(minisign_key_parse(line, strlen(line), &key));
	assert_memory_equal(&key, &whole, sizeof(key));
	assert_ok(minisign_key_parse(line, strlen(line) - 1, &key));
	assert_err(minisign_key_parse(line, strlen(line) - 2, &key), MH_ERR_FORMAT);
	assert_err(minisign_key_parse("", 0, &key), MH_ERR_FORMAT);
	/* A signature is no key. */
	assert_err(minisign_key_parse(hashed, strlen(hashed), &key), MH_ERR_FORMAT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_of_both_forms_verify_and_give_their_comment),
		cmocka_unit_test(a_change_of_any_byte_behind_the_first_line_is_noticed),
		cmocka_unit_test(another_key_is_told_apart_from_a_bad_signature),
		cmocka_unit_test(
		    files_over_their_limit_and_what_follows_the_end_are_refused),
		cmocka_unit_test(a_key_may_come_without_its_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
