/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/memory.h"
#include "tests/unit/mh_mirror.h"
#include "transport/cms.h"

enum { DAY_S = 86400, NOW_S = 1800000000 };

static const int64_t now_ms = NOW_S * INT64_C(1000);

/* A key and its certificate. */
struct id {
	EVP_PKEY *key;
	X509 *cert;
};

/* One fleet: its CA, a second CA that is not ours, an agent of either. */
struct fleet {
	struct id ca, foreign_ca, agent, other, foreign, rsa;
	X509_STORE *store;
	struct buf *data;
	X509 *signer;
	const char *why;
	uint8_t *der;
	size_t len;
};

static void
extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);

	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);

	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

/* A certificate for key, valid for 30 days around the tests' present. */
static struct id
make_id(EVP_PKEY *key, const struct id *ca, const char *name, long serial)
{
	struct id id = { .key = key, .cert = X509_new() };
	X509 *issuer = ca != NULL ? ca->cert : id.cert;

	assert_non_null(key);
	(void)X509_set_version(id.cert, X509_VERSION_3);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial);
	(void)X509_NAME_add_entry_by_txt(X509_get_subject_name(id.cert), "CN",
	    MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	(void)X509_set_issuer_name(id.cert, X509_get_subject_name(issuer));
	(void)ASN1_TIME_set(X509_getm_notBefore(id.cert), NOW_S - 15 * DAY_S);
	(void)ASN1_TIME_set(X509_getm_notAfter(id.cert),
	    NOW_S + (ca != NULL ? 15 : 3650) * (time_t)DAY_S);
	(void)X509_set_pubkey(id.cert, key);
	if (ca == NULL) {
		extension(id.cert, issuer, NID_basic_constraints,
		    "critical,CA:TRUE,pathlen:0");
		extension(id.cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
	} else {
		extension(id.cert, issuer, NID_key_usage, "critical,digitalSignature");
		extension(id.cert, issuer, NID_ext_key_usage, "emailProtection");
	}
	assert_true(X509_sign(id.cert, ca != NULL ? ca->key : key, EVP_sha256()) > 0);
	return id;
}

static int
setup(void **state)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	f->ca = make_id(EVP_EC_gen("P-256"), NULL, "fleet", 1);
	f->foreign_ca = make_id(EVP_EC_gen("P-256"), NULL, "fleet", 1);
	f->agent = make_id(EVP_EC_gen("P-256"), &f->ca, "agent", 2);
	f->other = make_id(EVP_EC_gen("P-256"), &f->ca, "other", 3);
	f->foreign = make_id(EVP_EC_gen("P-256"), &f->foreign_ca, "agent", 2);
	f->rsa = make_id(EVP_RSA_gen(2048), &f->ca, "rsa", 4);
	f->store = X509_STORE_new();
	(void)X509_STORE_add_cert(f->store, f->ca.cert);
	f->data = buf_new(CMS_CONTENT_MAX);
	*state = f;
	return 0;
}

static void
id_clear(struct id *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
}

static int
teardown(void **state)
{
	struct fleet *f = *state;

	id_clear(&f->ca);
	id_clear(&f->foreign_ca);
	id_clear(&f->agent);
	id_clear(&f->other);
	id_clear(&f->foreign);
	id_clear(&f->rsa);
	X509_STORE_free(f->store);
	X509_free(f->signer);
	buf_free(f->data);
	free(f->der);
	free(f);
	return 0;
}

static mh_err
check_at(struct fleet *f, size_t len, int64_t at_ms)
{
	f->why = NULL;
	X509_free(f->signer);
	f->signer = NULL;
	buf_reset(f->data);

	mh_err err =
	    cms_verify(f->der, len, f->store, at_ms, f->data, &f->signer, &f->why);

	if (err != MH_OK) {
		assert_non_null(f->why);
		assert_null(f->signer);
		assert_int_equal(buf_len(f->data), 0);
	}
	return err;
}

static mh_err
check(struct fleet *f)
{
	return check_at(f, f->len, now_ms);
}

static void
seal(struct fleet *f, const struct id *id, const char *text)
{
	free(f->der);
	f->der = NULL;
	assert_ok(cms_sign(id->key, id->cert, text, strlen(text), &f->der, &f->len));
}

/* What a stranger could make with OpenSSL's own functions. */
static void
seal_raw(struct fleet *f, const struct id *a, const struct id *b, const EVP_MD *md,
    unsigned flags, X509 *extra)
{
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | flags);
	BIO *in = BIO_new_mem_buf("hello", 5);

	assert_non_null(CMS_add1_signer(cms, a->cert, a->key, md, flags));
	if (b != NULL)
		assert_non_null(CMS_add1_signer(cms, b->cert, b->key, md, flags));
	if (extra != NULL)
		assert_int_equal(CMS_add1_cert(cms, extra), 1);
	assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	free(f->der);
	f->der = NULL;
	f->len = (size_t)i2d_CMS_ContentInfo(cms, &f->der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
}

static void
what_was_signed_comes_back_with_its_signer(void **state)
{
	struct fleet *f = *state;

	seal(f, &f->agent, "hello");
	assert_ok(check(f));
	assert_string_equal(buf_string(f->data), "hello");
	assert_int_equal(X509_cmp(f->signer, f->agent.cert), 0);
}

static void
an_empty_content_is_a_content(void **state)
{
	struct fleet *f = *state;

	seal(f, &f->agent, "");
	assert_ok(check(f));
	assert_int_equal(buf_len(f->data), 0);
}

static void
any_flipped_bit_is_refused(void **state)
{
	struct fleet *f = *state;

	seal(f, &f->agent, "hello");
	for (size_t i = 0; i < 8 * f->len; i++) {
		f->der[i / 8] ^= (uint8_t)(1 << i % 8);
		if (check(f) == MH_OK)
			fail_msg("bit %zu of %zu is not covered", i, 8 * f->len);
		f->der[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_ok(check(f));
}

static void
a_flipped_byte_of_the_content_is_a_bad_signature(void **state)
{
	struct fleet *f = *state;

	seal(f, &f->agent, "hello");

	uint8_t *at = memmem(f->der, f->len, "hello", 5);

	assert_non_null(at);
	*at = 'H';
	assert_err(check(f), MH_ERR_SIGNATURE);
}

/* (r, n - s) is a signature as well, and nobody needs the key to make it. */
static void
the_other_signature_that_anybody_can_make_is_refused(void **state)
{
	struct fleet *f = *state;

	for (int i = 0; i < 16; i++) {
		size_t len = 0;

		seal(f, &f->agent, "hello");
		assert_ok(check(f));

		uint8_t *other = mirror(f->der, f->len, &len);

		free(f->der);
		f->der = other;
		f->len = len;
		assert_err(check(f), MH_ERR_FORMAT);
		assert_string_equal(f->why,
		    "the signature is not in DER with the lower s");
	}
}

static void
every_prefix_is_refused(void **state)
{
	struct fleet *f = *state;

	seal(f, &f->agent, "hello");
	for (size_t n = 0; n < f->len; n++)
		assert_err(check_at(f, n, now_ms), MH_ERR_FORMAT);
}

static void
a_trailing_byte_is_refused(void **state)
{
	struct fleet *f = *state;

	seal(f, &f->agent, "hello");
	f->der = realloc(f->der, f->len + 1);
	f->der[f->len] = 0;
	assert_err(check_at(f, f->len + 1, now_ms), MH_ERR_FORMAT);
}

static void
two_signers_are_refused(void **state)
{
	struct fleet *f = *state;

	seal_raw(f, &f->agent, &f->other, EVP_sha256(), CMS_BINARY, NULL);
	assert_err(check(f), MH_ERR_FORMAT);
	assert_string_equal(f->why, "there is not exactly one signer");
}

static void
a_signer_without_signed_attributes_is_refused(void **state)
{
	struct fleet *f = *state;

	seal_raw(f, &f->agent, NULL, EVP_sha256(), CMS_BINARY | CMS_NOATTR, NULL);
	assert_err(check(f), MH_ERR_FORMAT);
	assert_string_equal(f->why, "there are no signed attributes");
}

static void
detached_content_is_refused(void **state)
{
	struct fleet *f = *state;

	seal_raw(f, &f->agent, NULL, EVP_sha256(), CMS_BINARY | CMS_DETACHED, NULL);
	assert_err(check(f), MH_ERR_FORMAT);
	assert_string_equal(f->why, "the content is detached");
}

static void
a_second_certificate_is_refused(void **state)
{
	struct fleet *f = *state;

	seal_raw(f, &f->agent, NULL, EVP_sha256(), CMS_BINARY, f->other.cert);
	assert_err(check(f), MH_ERR_FORMAT);
}

static void
a_missing_certificate_is_refused(void **state)
{
	struct fleet *f = *state;

	seal_raw(f, &f->agent, NULL, EVP_sha256(), CMS_BINARY | CMS_NOCERTS, NULL);
	assert_err(check(f), MH_ERR_FORMAT);
}

static void
rsa_and_other_digests_are_refused(void **state)
{
	struct fleet *f = *state;

	seal_raw(f, &f->rsa, NULL, EVP_sha256(), CMS_BINARY, NULL);
	assert_err(check(f), MH_ERR_FORMAT);
	seal_raw(f, &f->rsa, NULL, EVP_sha1(), CMS_BINARY, NULL);
	assert_err(check(f), MH_ERR_FORMAT);
	seal_raw(f, &f->agent, NULL, EVP_sha1(), CMS_BINARY, NULL);
	assert_err(check(f), MH_ERR_FORMAT);
	seal_raw(f, &f->agent, NULL, EVP_sha512(), CMS_BINARY, NULL);
	assert_err(check(f), MH_ERR_FORMAT);
}

static void
a_foreign_authority_of_the_same_name_is_refused(void **state)
{
	struct fleet *f = *state;

	seal(f, &f->foreign, "hello");
	assert_err(check(f), MH_ERR_CERTIFICATE);
}

static void
a_signer_is_good_within_its_time_only(void **state)
{
	struct fleet *f = *state;
	int64_t half_ms = 15 * DAY_S * INT64_C(1000);

	seal(f, &f->agent, "hello");
	assert_err(check_at(f, f->len, now_ms - half_ms - 1000), MH_ERR_EXPIRED);
	assert_ok(check_at(f, f->len, now_ms - half_ms + 1000));
	assert_ok(check_at(f, f->len, now_ms + half_ms - 1000));
	assert_err(check_at(f, f->len, now_ms + half_ms + 1000), MH_ERR_EXPIRED);
	/* A foreign signer stays foreign when it is also out of its time. */
	seal(f, &f->foreign, "hello");
	assert_err(check_at(f, f->len, now_ms + half_ms + 1000), MH_ERR_CERTIFICATE);
}

static void
the_largest_content_is_signed_and_one_byte_more_is_not(void **state)
{
	struct fleet *f = *state;
	uint8_t *big = xcalloc(1, CMS_CONTENT_MAX + 1);

	assert_err(cms_sign(f->agent.key, f->agent.cert, big, CMS_CONTENT_MAX + 1,
		       &f->der, &f->len),
	    MH_ERR_TOOBIG);
	assert_null(f->der);
	assert_ok(cms_sign(f->agent.key, f->agent.cert, big, CMS_CONTENT_MAX, &f->der,
	    &f->len));
	free(big);
	assert_true(f->len <= CMS_ENVELOPE_MAX);
	assert_ok(check(f));
	assert_int_equal(buf_len(f->data), CMS_CONTENT_MAX);
}

static void
an_envelope_past_its_limit_or_the_caller_s_is_too_big(void **state)
{
	struct fleet *f = *state;
	struct buf *small = buf_new(4);

	free(f->der);
	f->der = xcalloc(1, CMS_ENVELOPE_MAX + 1);
	assert_err(check_at(f, CMS_ENVELOPE_MAX, now_ms), MH_ERR_FORMAT);
	assert_err(check_at(f, CMS_ENVELOPE_MAX + 1, now_ms), MH_ERR_TOOBIG);
	seal(f, &f->agent, "hello");
	assert_err(cms_verify(f->der, f->len, f->store, now_ms, small, &f->signer,
		       &f->why),
	    MH_ERR_TOOBIG);
	assert_ok(buf_error(small));
	buf_free(small);
}

static void
a_key_that_is_not_the_certificate_s_does_not_sign(void **state)
{
	struct fleet *f = *state;

	assert_err(cms_sign(f->other.key, f->agent.cert, "x", 1, &f->der, &f->len),
	    MH_ERR_CRYPTO);
}

#define with_fleet(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_fleet(what_was_signed_comes_back_with_its_signer),
		with_fleet(an_empty_content_is_a_content),
		with_fleet(any_flipped_bit_is_refused),
		with_fleet(a_flipped_byte_of_the_content_is_a_bad_signature),
		with_fleet(the_other_signature_that_anybody_can_make_is_refused),
		with_fleet(every_prefix_is_refused),
		with_fleet(a_trailing_byte_is_refused),
		with_fleet(two_signers_are_refused),
		with_fleet(a_signer_without_signed_attributes_is_refused),
		with_fleet(detached_content_is_refused),
		with_fleet(a_second_certificate_is_refused),
		with_fleet(a_missing_certificate_is_refused),
		with_fleet(rsa_and_other_digests_are_refused),
		with_fleet(a_foreign_authority_of_the_same_name_is_refused),
		with_fleet(a_signer_is_good_within_its_time_only),
		with_fleet(the_largest_content_is_signed_and_one_byte_more_is_not),
		with_fleet(an_envelope_past_its_limit_or_the_caller_s_is_too_big),
		with_fleet(a_key_that_is_not_the_certificate_s_does_not_sign),
	};

	return cmocka_run_group_tests_name("cms", tests, NULL, NULL);
}
