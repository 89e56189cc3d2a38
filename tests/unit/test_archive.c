/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/memory.h"
#include "scanners/archive.h"

enum { PACKED_MAX = 8 * 1024 * 1024, KIB = 1024 };

struct ground {
	struct ruleset *rs;
	struct hasher *hasher;
	struct scan_setup setup;
	struct archive_limits limits;
	struct matcher *matcher;
	struct archive_scanner *as;
	struct target t;
	struct match_outcome o;
	struct archive *writer;
	uint8_t *packed; /* PACKED_MAX bytes */
	size_t n_packed;
	unsigned n_pulses;
};

static void
on_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	assert_true(result->is_used);
}

static void
on_pulse(void *ctx)
{
	struct ground *g = ctx;

	g->n_pulses++;
}

static int
setup(void **state)
{
	static const char text[] =
	    "rule needle { strings: $n = \"needle\" condition: $n }\n"
	    "rule owned { condition: owner == \"somebody\" and filename == \"own\" }\n";
	struct ground *g = xcalloc(1, sizeof(*g));

	if (yr_initialize() != ERROR_SUCCESS)
		return -1;
	g->packed = xcalloc(PACKED_MAX, 1);
	g->hasher = hasher_new();
	g->rs = ruleset_new();
	scan_setup_init(&g->setup);
	assert_ok(ruleset_add(g->rs, "p/a", text, strlen(text)));
	assert_ok(ruleset_compile(g->rs, on_file, g));
	g->matcher = matcher_new(g->rs, g->hasher, &g->setup, on_pulse, g);
	g->as = archive_scanner_new(g->rs, g->hasher, g->matcher, &g->setup, on_pulse, g);
	g->limits = archive_limits_of(&g->setup);
	g->t = (struct target){ .id = 1,
		.path = xstrdup("/srv/a.zip"),
		.owner = xstrdup("somebody") };
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	match_outcome_clear(&g->o);
	archive_scanner_free(g->as);
	matcher_free(g->matcher);
	hasher_free(g->hasher);
	ruleset_free(g->rs);
	target_clear(&g->t);
	free(g->packed);
	free(g);
	return yr_finalize() == ERROR_SUCCESS ? 0 : -1;
}

static void
begin(struct ground *g, int format, int filter)
{
	g->writer = archive_write_new();
	assert_int_equal(format == ARCHIVE_FORMAT_AR_BSD
			     ? archive_write_set_format_ar_bsd(g->writer)
			     : archive_write_set_format(g->writer, format),
	    ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter(g->writer, filter), ARCHIVE_OK);
	(void)archive_write_set_bytes_in_last_block(g->writer, 1);
	assert_int_equal(archive_write_open_memory(g->writer, g->packed, PACKED_MAX,
			     &g->n_packed),
	    ARCHIVE_OK);
}

static void
put(struct ground *g, const char *name, const void *data, size_t len)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_size(e, (la_int64_t)len);
	assert_int_equal(archive_write_header(g->writer, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(g->writer, data, len), len);
	archive_entry_free(e);
}

static void
end(struct ground *g)
{
	assert_int_equal(archive_write_close(g->writer), ARCHIVE_OK);
	archive_write_free(g->writer);
	g->t.size = g->n_packed;
}

/* n members of len zeros, and behind them one that the rule knows. */
static void
pack(struct ground *g, int filter, unsigned n, size_t len)
{
	uint8_t *zeros = xcalloc(len + 1, 1);

	begin(g, ARCHIVE_FORMAT_TAR_USTAR, filter);
	for (unsigned i = 0; i < n; i++)
		put(g, "zeros", zeros, len);
	put(g, "last", "needle", 6);
	end(g);
	free(zeros);
}

/* One more ZIP around what is packed. */
static void
wrap(struct ground *g)
{
	size_t len = g->n_packed;
	uint8_t *inner = xmemdup(g->packed, len);

	begin(g, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE);
	(void)archive_write_zip_set_compression_store(g->writer);
	put(g, "in", inner, len);
	end(g);
	free(inner);
}

static bool
scan_with(struct ground *g, bool may_ask)
{
	const struct content_block block = { 0, g->packed, g->n_packed };
	const struct content c = { .blocks = &block,
		.n_blocks = 1,
		.file_size = g->n_packed,
		.n_bytes = g->n_packed,
		.is_whole = true };

	match_outcome_clear(&g->o);
	archive_scanner_limit(g->as, &g->limits);
	return archive_scan(g->as, &g->t, &c, may_ask, &g->o);
}

/* Scan within g->limits: n members, and one note of that reason or none. */
static void
expect(struct ground *g, uint32_t n_members, enum reason reason)
{
	assert_true(scan_with(g, false));
	assert_int_equal(g->o.n_members, n_members);
	if (reason == REASON_NONE) {
		assert_int_equal(g->o.notes.n, 0);
		return;
	}
	assert_int_equal(g->o.notes.n, 1);
	assert_string_equal(reason_name(g->o.notes.notes[0].reason), reason_name(reason));
}

static void
a_match_in_a_member_has_its_name_size_and_hash(void **state)
{
	struct ground *g = *state;

	begin(g, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE);
	put(g, "dir/file", "a needle", 8);
	end(g);
	wrap(g);
	g->limits.depth = 2;
	expect(g, 2, REASON_NONE);
	const struct match *m = g->o.matches[g->o.n_matches - 1];

	assert_string_equal(m->rule, "needle");
	assert_int_equal(m->part, PART_MEMBER);
	assert_string_equal(m->part_name, "!/in!/dir/file");
	assert_int_equal(m->image_size, 8);
	assert_true(m->has_part_sha256);
	assert_int_equal(m->strings[0].offset, 2);
	assert_true(g->n_pulses > 0);
}

static void
a_member_has_the_owner_of_its_file(void **state)
{
	struct ground *g = *state;

	begin(g, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE);
	put(g, "sub/own", "", 0);
	end(g);
	expect(g, 1, REASON_NONE);
	assert_int_equal(g->o.n_matches, 1);
	assert_string_equal(g->o.matches[0]->rule, "owned");
}

static void
depth_has_its_limit(void **state)
{
	struct ground *g = *state;

	pack(g, ARCHIVE_FILTER_NONE, 0, 0);
	wrap(g);
	wrap(g);
	g->limits.depth = 3;
	expect(g, 3, REASON_NONE);
	g->limits.depth = 2;
	expect(g, 2, REASON_ARCHIVE_DEPTH);
	assert_string_equal(g->o.notes.notes[0].name, "!/in!/in");
}

static void
entries_have_their_limit_in_all_levels(void **state)
{
	struct ground *g = *state;

	pack(g, ARCHIVE_FILTER_NONE, 9, 0);
	g->limits.n_entries = 10;
	expect(g, 10, REASON_NONE);
	g->limits.n_entries = 9;
	expect(g, 9, REASON_ARCHIVE_MEMBERS);
	wrap(g);
	g->limits.n_entries = 11;
	expect(g, 11, REASON_NONE);
	g->limits.n_entries = 10;
	expect(g, 10, REASON_ARCHIVE_MEMBERS);
}

static void
a_member_beyond_its_limit_is_scanned_up_to_there(void **state)
{
	struct ground *g = *state;
	char text[2 * KIB];

	memset(text, '-', sizeof(text));
	memcpy(text + KIB - 6, "needle", 6);
	for (int format = 0; format < 2; format++) {
		begin(g, format == 0 ? ARCHIVE_FORMAT_ZIP : ARCHIVE_FORMAT_TAR_USTAR,
		    ARCHIVE_FILTER_NONE);
		put(g, "long", text, sizeof(text));
		put(g, "last", "needle", 6);
		end(g);
		g->limits.member_bytes = sizeof(text);
		expect(g, 2, REASON_NONE);
		assert_int_equal(g->o.n_matches, 2);
		g->limits.member_bytes = KIB;
		expect(g, 2, REASON_ARCHIVE_MEMBER);
		assert_int_equal(g->o.n_matches, 2);
		assert_string_equal(g->o.notes.notes[0].name, "!/long");
		g->limits.member_bytes = KIB - 1;
		expect(g, 2, REASON_ARCHIVE_MEMBER);
		assert_int_equal(g->o.n_matches, 1);
	}
}

static void
bytes_have_their_limit(void **state)
{
	struct ground *g = *state;

	pack(g, ARCHIVE_FILTER_NONE, 4, 64 * KIB);
	g->limits.bytes = 4 * 64 * KIB + 6;
	expect(g, 5, REASON_NONE);
	g->limits.bytes--;
	expect(g, 5, REASON_ARCHIVE_BYTES);
	assert_int_equal(g->o.n_matches, 1); /* in what was there when it ended */
	g->limits.bytes = 64 * KIB;
	expect(g, 2, REASON_ARCHIVE_BYTES);
	assert_string_equal(g->o.notes.notes[0].name, "");
}

static void
the_ratio_has_its_limit_beyond_what_is_free(void **state)
{
	struct ground *g = *state;

	pack(g, ARCHIVE_FILTER_GZIP, 8, 512 * KIB);
	uint64_t unpacked = 8 * 512 * KIB + 16 * KIB;

	g->limits.ratio_free = 0;
	g->limits.ratio = unpacked / g->n_packed + 1;
	expect(g, 9, REASON_NONE);
	g->limits.ratio = unpacked / g->n_packed / 2;
	assert_true(scan_with(g, false));
	assert_int_equal(g->o.notes.n, 1);
	assert_int_equal(g->o.notes.notes[0].reason, REASON_ARCHIVE_RATIO);
	g->limits.ratio_free = unpacked;
	expect(g, 9, REASON_NONE);
}

static void
what_is_skipped_counts_as_unpacked(void **state)
{
	struct ground *g = *state;

	pack(g, ARCHIVE_FILTER_GZIP, 4, 512 * KIB);
	g->limits.member_bytes = KIB;
	g->limits.bytes = 1024 * KIB;
	assert_true(scan_with(g, false));
	assert_true(g->o.n_members < 5);
	assert_int_equal(g->o.notes.notes[g->o.notes.n - 1].reason, REASON_ARCHIVE_BYTES);
}

static void
time_has_its_limit(void **state)
{
	struct ground *g = *state;

	/* Of the test's ten seconds nothing is left when the first header was read. */
	pack(g, ARCHIVE_FILTER_GZIP, 3000, 512);
	g->limits.time_ms = 0;
	assert_true(scan_with(g, false));
	assert_true(g->o.n_members < 3000);
	assert_int_equal(g->o.notes.notes[0].reason, REASON_ARCHIVE_TIME);
	g->limits.time_ms = 60 * 1000;
	expect(g, 3001, REASON_NONE);
}

static void
findings_have_their_limits(void **state)
{
	struct ground *g = *state;

	begin(g, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE);
	for (unsigned i = 0; i < 5; i++)
		put(g, "same", "needle", 6);
	end(g);
	g->limits.n_findings = 5;
	expect(g, 5, REASON_NONE);
	g->limits.n_findings = 4;
	expect(g, 5, REASON_ARCHIVE_FINDINGS);
	g->limits.n_findings = 3;
	expect(g, 4, REASON_ARCHIVE_FINDINGS);
	g->limits.n_findings = 100;
	g->limits.finding_bytes = 512;
	expect(g, 1, REASON_ARCHIVE_FINDINGS);
}

static void
memory_is_asked_for_or_told(void **state)
{
	struct ground *g = *state;

	pack(g, ARCHIVE_FILTER_GZIP, 1, 512 * KIB);
	g->limits.buffer_bytes = 512 * KIB;
	assert_true(scan_with(g, true));
	expect(g, 2, REASON_NONE);
	g->limits.buffer_bytes--;
	assert_false(scan_with(g, true));
	expect(g, 2, REASON_MEMORY);
	assert_int_equal(g->o.n_matches, 1);
	assert_string_equal(g->o.notes.notes[0].name, "!/zeros");
}

static void
levels_share_the_memory(void **state)
{
	struct ground *g = *state;

	pack(g, ARCHIVE_FILTER_NONE, 1, 300 * KIB);
	wrap(g);
	g->limits.buffer_bytes = 1024 * KIB;
	expect(g, 3, REASON_NONE);
	/* The tar around it is 1,536 bytes longer, and memory comes in pages. */
	g->limits.buffer_bytes = 612 * KIB;
	expect(g, 3, REASON_NONE);
	g->limits.buffer_bytes = 600 * KIB;
	expect(g, 3, REASON_MEMORY);
	assert_string_equal(g->o.notes.notes[0].name, "!/in!/zeros");
}

static void
packed_zeros_before_something_hide_nothing(void **state)
{
	struct ground *g = *state;
	uint8_t *bytes = xcalloc(4 * KIB, 1);

	/* To a reader of tars two blocks of zeros are the end. */
	memcpy(bytes + 3 * KIB, "needle", 6);
	begin(g, ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP);
	put(g, "data", bytes, 4 * KIB);
	end(g);
	free(bytes);
	expect(g, 1, REASON_NONE);
	assert_int_equal(g->o.n_matches, 1);
	assert_string_equal(g->o.matches[0]->part_name, "!/a");
}

/* What the header of the directory, and the local one, say of the first member. */
static void
claim(struct ground *g, char system, uint32_t attributes, char last_of_name)
{
	uint8_t *entry = memmem(g->packed, g->n_packed, "PK\x01\x02", 4);

	assert_non_null(entry);
	entry[5] = (uint8_t)system;
	for (unsigned i = 0; i < 4; i++)
		entry[38 + i] = (uint8_t)(attributes >> 8 * i);
	if (last_of_name != 0) {
		g->packed[30 + g->packed[26] - 1] = (uint8_t)last_of_name;
		entry[46 + entry[28] - 1] = (uint8_t)last_of_name;
	}
}

static void
a_member_of_a_zip_with_data_is_scanned_whatever_it_claims(void **state)
{
	static const struct {
		char system;
		uint32_t attributes;
		char last_of_name;
		const char *name;
	} rows[] = {
		{ 3, 0100644u << 16, 0, "!/dir/file" },
		{ 3, 0040755u << 16, 0, "!/dir/file" },
		{ 3, 0120777u << 16, 0, "!/dir/file" },
		{ 3, 0020666u << 16, 0, "!/dir/file" },
		{ 0, 0x10, 0, "!/dir/file" },
		{ 3, 0100644u << 16, '/', "!/dir/fil_" },
		{ 0, 0, '\\', "!/dir/fil_" },
		{ 3, 0040755u << 16, '/', "!/dir/fil_" },
	};
	struct ground *g = *state;

	for (size_t i = 0; i < 2 * MH_ARRAY_LEN(rows); i++) {
		begin(g, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE);
		if (i % 2 == 0)
			(void)archive_write_zip_set_compression_store(g->writer);
		put(g, "dir/file", "a needle", 8);
		put(g, "second", "a needle", 8);
		end(g);
		claim(g, rows[i / 2].system, rows[i / 2].attributes,
		    rows[i / 2].last_of_name);
		expect(g, 2, REASON_NONE);
		assert_int_equal(g->o.n_matches, 2);
		assert_string_equal(g->o.matches[0]->part_name, rows[i / 2].name);
	}
}

static void
a_folder_with_data_and_no_directory_is_told(void **state)
{
	struct ground *g = *state;

	begin(g, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE);
	(void)archive_write_zip_set_compression_store(g->writer);
	put(g, "dir/file", "a needle", 8);
	put(g, "second", "a needle", 8);
	end(g);
	claim(g, 3, 0040755u << 16, '/');
	g->n_packed -= 22;
	assert_true(scan_with(g, false));
	assert_int_equal(g->o.n_members, 1);
	bool is_told = false;

	for (size_t i = 0; i < g->o.notes.n; i++)
		is_told |= g->o.notes.notes[i].reason == REASON_UNSUPPORTED &&
			   strncmp(g->o.notes.notes[i].name, "!/dir/fil", 9) == 0;
	assert_true(is_told);
}

/* Behind an archive of that format with the member "in", or in it: a ZIP. */
static void
pack_zip_at_end(struct ground *g, int format, bool is_member)
{
	begin(g, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE);
	put(g, "file", "a needle", 8);
	end(g);
	size_t len = g->n_packed;
	uint8_t *zip = xmemdup(g->packed, len);

	begin(g, format, ARCHIVE_FILTER_NONE);
	put(g, "in", zip, is_member ? len : 0);
	end(g);
	if (!is_member) {
		memcpy(g->packed + g->n_packed, zip, len);
		g->n_packed += len;
	}
	free(zip);
}

static void
a_zip_behind_any_archive_is_scanned(void **state)
{
	static const int formats[] = { ARCHIVE_FORMAT_CPIO_SVR4_NOCRC,
		ARCHIVE_FORMAT_CPIO_BIN_LE, ARCHIVE_FORMAT_ISO9660,
		ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FORMAT_AR_BSD };
	struct ground *g = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(formats); i++) {
		pack_zip_at_end(g, formats[i], false);
		assert_true(scan_with(g, false));
		assert_int_equal(g->o.n_matches, 1);
		assert_string_equal(g->o.matches[0]->part_name, "!/file");
	}
}

static void
a_zip_that_is_the_last_member_is_scanned_once(void **state)
{
	struct ground *g = *state;

	pack_zip_at_end(g, ARCHIVE_FORMAT_AR_BSD, true);
	/* What was put behind it to make its length even is not the ZIP's. */
	if (g->packed[g->n_packed - 1] == '\n')
		g->n_packed--;
	expect(g, 2, REASON_NONE);
	assert_int_equal(g->o.n_matches, 1);
	assert_string_equal(g->o.matches[0]->part_name, "!/in!/file");
}

static void
a_last_member_that_holds_but_the_end_of_a_zip_hides_nothing(void **state)
{
	struct ground *g = *state;

	begin(g, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE);
	put(g, "file", "a needle", 8);
	end(g);
	size_t len = g->n_packed;
	uint8_t *zip = xmemdup(g->packed, len);
	uint8_t end_record[22];

	/* The second end record takes all before it for the directory. */
	memcpy(end_record, zip + len - 22, 22);
	begin(g, ARCHIVE_FORMAT_AR_BSD, ARCHIVE_FILTER_NONE);
	put(g, "a", zip, len);
	end_record[12] = (uint8_t)(end_record[12] + 22 + (len & 1) + 60);
	put(g, "b", end_record, 22);
	end(g);
	free(zip);
	assert_true(scan_with(g, false));
	assert_int_equal(g->o.n_matches, 2);
	assert_string_equal(g->o.matches[0]->part_name, "!/a!/file");
	assert_string_equal(g->o.matches[1]->part_name, "!/file");
}

static void
frames_that_are_skipped_hide_nothing(void **state)
{
	static const int filters[] = { ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_LZ4 };
	struct ground *g = *state;

	for (size_t i = 0; i < MH_ARRAY_LEN(filters); i++) {
		pack(g, filters[i], 1, 100);
		memmove(g->packed + 11, g->packed, g->n_packed);
		memcpy(g->packed, "\x5f\x2a\x4d\x18\x03\0\0\0abc", 11);
		g->n_packed += 11;
		expect(g, 2, REASON_NONE);
		assert_int_equal(g->o.n_matches, 1);
	}
}

static void
limits_follow_the_setup(void **state)
{
	struct ground *g = *state;
	struct archive_limits l = archive_limits_of(&g->setup);

	assert_int_equal(l.member_bytes, 256u << 20);
	assert_int_equal(l.buffer_bytes, 24u << 20);
	assert_int_equal(l.time_ms, 120 * 1000);
	g->setup.max_file_bytes = 5u << 20;
	g->setup.memory_bytes = g->setup.heavy_bytes;
	l = archive_limits_of(&g->setup);
	assert_int_equal(l.member_bytes, 5u << 20);
	assert_int_equal(l.buffer_bytes, 384u << 20);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_match_in_a_member_has_its_name_size_and_hash),
		T(a_member_has_the_owner_of_its_file),
		T(depth_has_its_limit),
		T(entries_have_their_limit_in_all_levels),
		T(a_member_beyond_its_limit_is_scanned_up_to_there),
		T(bytes_have_their_limit),
		T(the_ratio_has_its_limit_beyond_what_is_free),
		T(what_is_skipped_counts_as_unpacked),
		T(time_has_its_limit),
		T(findings_have_their_limits),
		T(memory_is_asked_for_or_told),
		T(levels_share_the_memory),
		T(packed_zeros_before_something_hide_nothing),
		T(a_member_of_a_zip_with_data_is_scanned_whatever_it_claims),
		T(a_folder_with_data_and_no_directory_is_told),
		T(a_zip_behind_any_archive_is_scanned),
		T(a_zip_that_is_the_last_member_is_scanned_once),
		T(a_last_member_that_holds_but_the_end_of_a_zip_hides_nothing),
		T(frames_that_are_skipped_hide_nothing),
		T(limits_follow_the_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
