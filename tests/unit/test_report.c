/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include "base/buf.h"
#include "base/memory.h"
#include "tests/unit/mh_fleet.h"
#include "transport/certificate.h"
#include "transport/gzip.h"
#include "transport/report.h"

struct ground {
	struct fleet *fleet;
	struct report_header header;
	uint8_t *der;
	size_t len;
	struct report *report;
	struct refusal refusal;
	struct buf *text;
	struct buf *packed;
};

static struct report_header
make_header(void)
{
	struct report_header h = {
		.agent = FLEET_AGENT,
		.epoch = FLEET_EPOCH,
		.sequence = 1,
		.sealed_ms = FLEET_NOW_MS,
		.host = { .hostname = "ws-12",
		    .machine_id = "0123456789abcdef0123456789abcdef",
		    .boot_id = FLEET_EPOCH,
		    .os = "Debian GNU/Linux 12 (bookworm)",
		    .kernel = "6.1.0" },
		.product = "molehunt",
		.product_version = "0.1.0",
	};

	memset(h.rule_set, 'a', 64);
	return h;
}

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->fleet = fleet_new();
	g->header = make_header();
	g->text = buf_new(REPORT_UNPACKED_MAX + 1024);
	g->packed = buf_new(CMS_CONTENT_MAX);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	fleet_free(g->fleet);
	free(g->der);
	report_free(g->report);
	buf_free(g->text);
	buf_free(g->packed);
	free(g);
	return 0;
}

/* Sign g->text, as it is, as the content of an envelope. */
static void
seal_text(struct ground *g, const struct fleet_pair *pair)
{
	buf_reset(g->packed);
	assert_ok(gzip_pack(buf_data(g->text), buf_len(g->text), g->packed));
	free(g->der);
	g->der = NULL;
	assert_ok(cms_sign(pair->key, pair->cert, buf_data(g->packed), buf_len(g->packed),
	    &g->der, &g->len));
}

static mh_err
open_it(struct ground *g)
{
	report_free(g->report);
	g->report = NULL;
	return report_open(g->der, g->len, g->fleet->store, FLEET_NOW_MS, &g->report,
	    &g->refusal);
}

static void
assert_refused(struct ground *g, mh_err err, const char *code)
{
	assert_err(open_it(g), err);
	assert_string_equal(g->refusal.code, code);
	assert_true(strlen(g->refusal.detail) > 10);
	assert_null(g->report);
}

/* A header line for n findings and m coverage lines, then the given rest. */
static void
put_report(struct ground *g, uint32_t n, uint32_t m, const char *rest)
{
	g->header.n_findings = n;
	g->header.n_coverage = m;
	buf_reset(g->text);
	report_header_put(&g->header, g->text);
	buf_add(g->text, rest);
}

static void
a_sealed_report_opens_with_its_lines_in_order(void **state)
{
	struct ground *g = *state;
	const char *texts[] = { "{\"type\":\"coverage\"}", "{\"class_uid\":2004}",
		"{\"type\":\"summary\"}", "{\"class_uid\":2004,\"b\":\"\\u00e9\"}" };
	const size_t order[] = { 1, 3, 0, 2 };
	struct report_line lines[4];
	struct report_cursor cursor = { 0, 0 };
	struct report_line line;
	size_t taken = 0;

	for (size_t i = 0; i < 4; i++)
		lines[i] =
		    (struct report_line){ i % 2 == 1 ? LANE_FINDING : LANE_COVERAGE,
			    texts[i], strlen(texts[i]) };
	assert_ok(report_seal(g->fleet->signing.key, g->fleet->signing.cert, &g->header,
	    lines, 4, &taken, &g->der, &g->len));
	assert_int_equal(taken, 4);
	assert_ok(open_it(g));
	assert_string_equal(g->report->header.agent, FLEET_AGENT);
	assert_memory_equal(&g->report->header, &g->header, sizeof(g->header));
	assert_int_equal(g->report->header.n_findings, 2);
	for (size_t i = 0; i < 4; i++) {
		assert_true(report_next_line(g->report, &cursor, &line));
		assert_int_equal(line.len, strlen(texts[order[i]]));
		assert_memory_equal(line.text, texts[order[i]], line.len);
		assert_int_equal(line.lane, i < 2 ? LANE_FINDING : LANE_COVERAGE);
	}
	assert_false(report_next_line(g->report, &cursor, &line));
}

static void
a_report_keeps_below_its_size_and_takes_lines_from_the_front(void **state)
{
	struct ground *g = *state;
	const size_t n = 40;
	const size_t line_len = 100 * 1000;
	struct report_line lines[40];
	size_t taken = 0;

	/* Random hexadecimal packs to about half: one target's worth is over 1 MiB. */
	for (size_t i = 0; i < n; i++) {
		char *text = xcalloc(1, line_len + 1);
		uint64_t x = 88172645463325252ull + i;

		(void)snprintf(text, line_len, "{\"class_uid\":2004,\"x\":\"");
		for (size_t at = strlen(text); at < line_len - 2; at++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			text[at] = (char)('0' + x % 75);
			if (text[at] == '\\')
				text[at] = '_';
		}
		(void)memcpy(text + line_len - 2, "\"}", 3);
		lines[i] = (struct report_line){ LANE_FINDING, text, line_len };
	}
	assert_ok(report_seal(g->fleet->signing.key, g->fleet->signing.cert, &g->header,
	    lines, n, &taken, &g->der, &g->len));
	assert_true(taken >= 1 && taken < n);
	assert_true(g->len <= CMS_ENVELOPE_MAX);
	assert_ok(open_it(g));
	assert_int_equal(g->report->header.n_findings, taken);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)lines[i].text);
}

static void
a_line_over_its_limit_cannot_be_sealed(void **state)
{
	struct ground *g = *state;
	char *text = xcalloc(1, REPORT_LINE_MAX + 2);
	struct report_line line = { LANE_FINDING, text, REPORT_LINE_MAX + 1 };
	size_t taken = 0;

	memset(text, ' ', REPORT_LINE_MAX + 1);
	memcpy(text, "{\"class_uid\":2004}", 18);
	assert_err(report_seal(g->fleet->signing.key, g->fleet->signing.cert, &g->header,
		       &line, 1, &taken, &g->der, &g->len),
	    MH_ERR_TOOBIG);
	line.len = REPORT_LINE_MAX;
	assert_ok(report_seal(g->fleet->signing.key, g->fleet->signing.cert, &g->header,
	    &line, 1, &taken, &g->der, &g->len));
	assert_ok(open_it(g));
	put_report(g, 1, 0, "");
	buf_put(g->text, text, REPORT_LINE_MAX + 1);
	buf_add(g->text, "\n");
	seal_text(g, &g->fleet->signing);
	assert_refused(g, MH_ERR_TOOBIG, "bad-content");
	free(text);
}

static void
any_flipped_byte_and_any_prefix_is_refused(void **state)
{
	struct ground *g = *state;

	put_report(g, 1, 0, "{\"class_uid\":2004}\n");
	seal_text(g, &g->fleet->signing);
	assert_ok(open_it(g));
	for (size_t i = 0; i < g->len; i++) {
		g->der[i] ^= 1;
		assert_int_not_equal(open_it(g), MH_OK);
		assert_non_null(g->refusal.code);
		g->der[i] ^= 1;
	}
	for (size_t len = g->len; len-- > 0;) {
		g->len = len;
		assert_int_not_equal(open_it(g), MH_OK);
	}
}

static void
signers_that_may_not_sign_are_refused(void **state)
{
	struct ground *g = *state;
	struct fleet *foreign = fleet_new();
	static const struct {
		const char *san;
		int from_days, to_days;
		mh_err err;
	} table[] = {
		{ "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:signing", -1, 1, MH_OK },
		{ "URI:urn:uuid:" FLEET_OTHER_AGENT ",URI:urn:molehunt:signing", -1, 1,
		    MH_ERR_CERTIFICATE },
		{ "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:tls", -1, 1,
		    MH_ERR_CERTIFICATE },
		{ "URI:urn:molehunt:receipt", -1, 1, MH_ERR_CERTIFICATE },
		{ "URI:urn:uuid:" FLEET_AGENT ",URI:urn:uuid:" FLEET_AGENT
		  ",URI:urn:molehunt:signing",
		    -1, 1, MH_ERR_CERTIFICATE },
		{ "URI:urn:uuid:nonsense,URI:urn:molehunt:signing", -1, 1,
		    MH_ERR_CERTIFICATE },
		{ NULL, -1, 1, MH_ERR_CERTIFICATE },
		{ "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:signing", -9, -1,
		    MH_ERR_EXPIRED },
		{ "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:signing", 1, 9,
		    MH_ERR_EXPIRED },
	};

	put_report(g, 0, 0, "");
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		struct fleet_pair pair = fleet_issue(g->fleet, table[i].san,
		    "emailProtection", FLEET_NOW_MS + table[i].from_days * FLEET_DAY_MS,
		    FLEET_NOW_MS + table[i].to_days * FLEET_DAY_MS);

		seal_text(g, &pair);
		assert_err(open_it(g), table[i].err);
		if (table[i].err != MH_OK)
			assert_string_equal(g->refusal.code, "certificate");
		fleet_pair_clear(&pair);
	}
	seal_text(g, &foreign->signing);
	assert_refused(g, MH_ERR_CERTIFICATE, "certificate");
	fleet_free(foreign);
}

static void
a_report_of_ours_is_read_whoever_its_ca_is(void **state)
{
	struct ground *g = *state;
	struct fleet *other = fleet_new();
	struct report_cursor cursor = { 0, 0 };
	struct report_line line;

	put_report(g, 0, 1, "{\"type\":\"coverage\"}\n");
	seal_text(g, &other->signing);
	assert_refused(g, MH_ERR_CERTIFICATE, "certificate");
	assert_ok(report_read(g->der, g->len, &g->report, &g->refusal));
	assert_string_equal(g->report->header.agent, g->header.agent);
	assert_int_equal(X509_cmp(g->report->signer, other->signing.cert), 0);
	assert_true(report_next_line(g->report, &cursor, &line));
	assert_int_equal(line.lane, LANE_COVERAGE);
	assert_memory_equal(line.text, "{\"type\":\"coverage\"}", line.len);
	assert_false(report_next_line(g->report, &cursor, &line));
	/* Its form is checked all the same, of every prefix too. */
	for (size_t i = 0; i < g->len; i++) {
		report_free(g->report);
		g->report = NULL;
		assert_true(report_read(g->der, i, &g->report, &g->refusal) != MH_OK);
	}
	put_report(g, 1, 1, "{\"type\":\"coverage\"}\n");
	seal_text(g, &other->signing);
	assert_err(report_read(g->der, g->len, &g->report, &g->refusal), MH_ERR_FORMAT);
	fleet_free(other);
}

static void
a_certificate_that_expired_after_sealing_is_good(void **state)
{
	struct ground *g = *state;
	struct fleet_pair pair = fleet_issue(g->fleet,
	    "URI:urn:uuid:" FLEET_AGENT ",URI:urn:molehunt:signing", "emailProtection",
	    FLEET_NOW_MS - 40 * FLEET_DAY_MS, FLEET_NOW_MS - 10 * FLEET_DAY_MS);

	g->header.sealed_ms = FLEET_NOW_MS - 11 * FLEET_DAY_MS;
	put_report(g, 0, 0, "");
	seal_text(g, &pair);
	assert_ok(open_it(g));
	g->header.sealed_ms = FLEET_NOW_MS - 41 * FLEET_DAY_MS;
	put_report(g, 0, 0, "");
	seal_text(g, &pair);
	assert_refused(g, MH_ERR_EXPIRED, "certificate");
	fleet_pair_clear(&pair);
}

static void
sealed_in_the_future_is_refused_past_ten_minutes(void **state)
{
	struct ground *g = *state;

	g->header.sealed_ms = FLEET_NOW_MS + REPORT_AHEAD_MAX_MS;
	put_report(g, 0, 0, "");
	seal_text(g, &g->fleet->signing);
	assert_ok(open_it(g));
	g->header.sealed_ms++;
	put_report(g, 0, 0, "");
	seal_text(g, &g->fleet->signing);
	assert_refused(g, MH_ERR_FORMAT, "bad-content");
}

static void
content_that_is_not_a_report_is_refused(void **state)
{
	struct ground *g = *state;
	static const struct {
		uint32_t findings, coverage;
		const char *rest;
		bool good;
	} table[] = {
		{ 1, 1, "{\"class_uid\":2004}\n{\"type\":\"coverage\"}\n", true },
		{ 2, 1, "{\"class_uid\":2004}\n{\"type\":\"coverage\"}\n", false },
		{ 0, 1, "{\"class_uid\":2004}\n{\"type\":\"coverage\"}\n", false },
		{ 1, 1, "{\"type\":\"coverage\"}\n{\"class_uid\":2004}\n", false },
		{ 1, 0, "{\"class_uid\":2004}", false },
		{ 1, 0, "{\"class_uid\":2004}\n ", false },
		{ 1, 0, "{\"class_uid\":2004}\n\n", false },
		{ 1, 0, "{\"class_uid\":2004,\"class_uid\":2004}\n", false },
		{ 1, 0, "{\"class_uid\":2004} {}\n", false },
		{ 1, 0, "[2004]\n", false },
		{ 1, 0, "{\"class_uid\":\"2004\"}\n", false },
		{ 0, 2, "{\"type\":\"dropped\"}\n{\"type\":\"damaged\"}\n", true },
		/* The same by the slow way: an escape in a key. */
		{ 0, 1, "{\"type\":\"dropped\",\"\\u0061\":1}\n", true },
		{ 0, 1, "{\"type\":\"other\"}\n", false },
		{ 0, 1, "{\"type\":\"coverage\",\"x\":\"\xff\"}\n", false },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		put_report(g, table[i].findings, table[i].coverage, table[i].rest);
		seal_text(g, &g->fleet->signing);
		if (table[i].good)
			assert_ok(open_it(g));
		else
			assert_refused(g, MH_ERR_FORMAT, "bad-content");
	}
}

static void
a_bomb_is_refused_at_sixteen_mebibytes(void **state)
{
	struct ground *g = *state;
	size_t left;

	put_report(g, 0, 0, "");
	left = REPORT_UNPACKED_MAX + 1 - buf_len(g->text);
	memset(buf_reserve(g->text, left), 'a', left);
	buf_commit(g->text, left);
	seal_text(g, &g->fleet->signing);
	assert_true(g->len < 64 * 1024);
	assert_refused(g, MH_ERR_TOOBIG, "bad-content");
	assert_string_equal(g->refusal.detail, "the content unpacks to more than 16 MiB");
	buf_truncate(g->text, REPORT_UNPACKED_MAX);
	seal_text(g, &g->fleet->signing);
	assert_refused(g, MH_ERR_FORMAT, "bad-content");
}

static void
content_that_is_not_one_gzip_member_is_refused(void **state)
{
	struct ground *g = *state;

	put_report(g, 0, 0, "");
	assert_ok(cms_sign(g->fleet->signing.key, g->fleet->signing.cert,
	    buf_data(g->text), buf_len(g->text), &g->der, &g->len));
	assert_refused(g, MH_ERR_FORMAT, "bad-content");
	assert_ok(gzip_pack(buf_data(g->text), buf_len(g->text), g->packed));
	buf_put_u8(g->packed, 0);
	free(g->der);
	assert_ok(cms_sign(g->fleet->signing.key, g->fleet->signing.cert,
	    buf_data(g->packed), buf_len(g->packed), &g->der, &g->len));
	assert_refused(g, MH_ERR_FORMAT, "bad-content");
}

static void
every_prefix_of_a_gzip_member_is_refused(void **state)
{
	struct ground *g = *state;
	struct buf *out = buf_new(64);

	assert_ok(gzip_pack("hello hello hello", 17, g->packed));
	for (size_t i = 0; i < buf_len(g->packed); i++) {
		assert_err(gzip_unpack(buf_data(g->packed), i, out), MH_ERR_FORMAT);
		assert_int_equal(buf_len(out), 0);
	}
	assert_ok(gzip_unpack(buf_data(g->packed), buf_len(g->packed), out));
	assert_string_equal(buf_string(out), "hello hello hello");
	/* 17 of 64 are used: three more fit, the fourth does not. */
	assert_ok(gzip_unpack(buf_data(g->packed), buf_len(g->packed), out));
	assert_ok(gzip_unpack(buf_data(g->packed), buf_len(g->packed), out));
	assert_err(gzip_unpack(buf_data(g->packed), buf_len(g->packed), out),
	    MH_ERR_TOOBIG);
	assert_int_equal(buf_len(out), 51);
	buf_free(out);
}

static void
a_header_is_exactly_version_one(void **state)
{
	struct ground *g = *state;
	struct report_header parsed;
	const char *why = NULL;
	static const struct {
		const char *from, *to;
	} table[] = {
		{ "\"version\":1,", "\"version\":2," },
		{ "\"version\":1,", "\"version\":1,\"version\":1," },
		{ "\"version\":1,", "" },
		{ "\"version\":1,", "\"version\":1,\"more\":1," },
		{ "\"type\":\"report\"", "\"type\":\"receipt\"" },
		{ "\"sequence\":1", "\"sequence\":0" },
		{ "\"sequence\":1", "\"sequence\":-1" },
		{ "\"sequence\":1", "\"sequence\":\"1\"" },
		{ "\"findings\":0", "\"findings\":-1" },
		{ "\"findings\":0", "\"findings\":200001" },
		{ FLEET_AGENT, "4F9C1A52-0D3E-4B7A-9C1D-2E5F6A7B8C9D" },
		{ FLEET_AGENT, "../../etc/passwd" },
		{ "\"epoch\":\"9", "\"epoch\":\"g" },
		{ "\"previous\":\"0", "\"previous\":\"" },
		{ "\"previous\":\"0", "\"previous\":\"A" },
		{ "\"sealed\":\"2", "\"sealed\":\"x" },
		{ "\"hostname\":\"ws-12\",", "" },
		{ "\"rule_set\":\"a", "\"rule_set\":\"" },
	};

	report_header_put(&g->header, g->text);
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		const char *at = strstr(buf_string(g->text), table[i].from);
		char *line;

		assert_non_null(at);
		line = xasprintf("%.*s%s%s", (int)(at - buf_string(g->text)),
		    buf_string(g->text), table[i].to, at + strlen(table[i].from));
		assert_err(report_header_parse(line, strlen(line), &parsed, &why),
		    MH_ERR_FORMAT);
		assert_non_null(why);
		free(line);
	}
	for (size_t len = 0; len < buf_len(g->text) - 1; len++)
		assert_err(report_header_parse(buf_string(g->text), len, &parsed, &why),
		    MH_ERR_FORMAT);
	assert_ok(
	    report_header_parse(buf_string(g->text), buf_len(g->text), &parsed, &why));
}

static void
a_machine_may_have_no_machine_id_and_no_boot_id(void **state)
{
	struct ground *g = *state;
	struct report_header parsed;
	const char *why = NULL;

	g->header.host.machine_id[0] = 0;
	g->header.host.boot_id[0] = 0;
	report_header_put(&g->header, g->text);
	assert_ok(
	    report_header_parse(buf_string(g->text), buf_len(g->text), &parsed, &why));
	assert_string_equal(parsed.host.machine_id, "");
	assert_string_equal(parsed.host.boot_id, "");
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_sealed_report_opens_with_its_lines_in_order),
		with_ground(a_report_keeps_below_its_size_and_takes_lines_from_the_front),
		with_ground(a_line_over_its_limit_cannot_be_sealed),
		with_ground(any_flipped_byte_and_any_prefix_is_refused),
		with_ground(signers_that_may_not_sign_are_refused),
		with_ground(a_report_of_ours_is_read_whoever_its_ca_is),
		with_ground(a_certificate_that_expired_after_sealing_is_good),
		with_ground(sealed_in_the_future_is_refused_past_ten_minutes),
		with_ground(content_that_is_not_a_report_is_refused),
		with_ground(a_bomb_is_refused_at_sixteen_mebibytes),
		with_ground(content_that_is_not_one_gzip_member_is_refused),
		with_ground(every_prefix_of_a_gzip_member_is_refused),
		with_ground(a_header_is_exactly_version_one),
		with_ground(a_machine_may_have_no_machine_id_and_no_boot_id),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
