/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verdicts of signatures/scope.h against libyara itself: random rules are
 * scanned over blocks as process memory has them.
 */
#include "tests/unit/mh_test.h"

#include <stdint.h>
#include <string.h>
#include <yara.h>

#include "base/buf.h"
#include "signatures/ruleset.h"

#ifdef MH_SANITIZE
#define FILES 30
#else
#define FILES 100
#endif

enum {
	RULES = 200, /* in each file */
	BLOCK = 8192,
	BLOCKS = 3,
	DEPTH_MAX = 4,
};

/* Memory of a process: a program as it is loaded, and two regions without a file. */
static uint8_t memory[BLOCKS][BLOCK];
static const uint64_t bases[BLOCKS] = { 0x400000, 0x7f0000000000, 0x7f0000100000 };

struct scan {
	struct ruleset *rs;
	YR_MEMORY_BLOCK block;
	size_t at;
	bool is_importing;
	bool has_matched[RULES + 1];
};

static uint64_t random_state = 20261125;

static unsigned
draw(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % n;
}

static const uint8_t *
fetch(YR_MEMORY_BLOCK *block)
{
	return block->context;
}

static YR_MEMORY_BLOCK *
next_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
	struct scan *scan = iterator->context;

	if (scan->is_importing || scan->at == BLOCKS)
		return NULL;
	scan->block = (YR_MEMORY_BLOCK){ .size = BLOCK,
		.base = bases[scan->at],
		.context = memory[scan->at],
		.fetch_data = fetch };
	scan->at++;
	return &scan->block;
}

static YR_MEMORY_BLOCK *
first_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
	struct scan *scan = iterator->context;

	scan->at = 0;
	return next_block(iterator);
}

static int
on_message(YR_SCAN_CONTEXT *context, int message, void *data, void *ctx)
{
	struct scan *scan = ctx;

	(void)context;
	if (message == CALLBACK_MSG_IMPORT_MODULE ||
	    message == CALLBACK_MSG_MODULE_IMPORTED)
		scan->is_importing = message == CALLBACK_MSG_IMPORT_MODULE;
	if (message == CALLBACK_MSG_RULE_MATCHING) {
		const YR_RULE *rule = data;

		scan->has_matched[rule - ruleset_rules(scan->rs)->rules_table] = true;
	}
	return CALLBACK_CONTINUE;
}

static void
scan_memory(struct scan *scan)
{
	YR_MEMORY_BLOCK_ITERATOR iterator = { .context = scan,
		.first = first_block,
		.next = next_block };
	YR_SCANNER *scanner = NULL;

	memset(scan->has_matched, 0, sizeof(scan->has_matched));
	assert_int_equal(yr_scanner_create(ruleset_rules(scan->rs), &scanner), 0);
	yr_scanner_set_callback(scanner, on_message, scan);
	yr_scanner_set_flags(scanner,
	    SCAN_FLAGS_PROCESS_MEMORY | SCAN_FLAGS_REPORT_RULES_MATCHING);
	assert_int_equal(yr_scanner_scan_mem_blocks(scanner, &iterator), 0);
	yr_scanner_destroy(scanner);
}

static void
fail_for_bad_file(void *ctx, const struct rule_file_result *result)
{
	if (!result->is_used)
		fail_msg("line %u: %s\n%s", result->line, result->message,
		    buf_string(ctx));
}

static void
ignore_file(void *ctx, const struct rule_file_result *result)
{
	(void)ctx;
	(void)result;
}

static struct ruleset *
compiled(const struct buf *text)
{
	struct ruleset *rs = ruleset_new();

	assert_ok(ruleset_add(rs, "random", buf_string(text), buf_len(text)));
	assert_ok(ruleset_compile(rs, fail_for_bad_file, (void *)(uintptr_t)text));
	return rs;
}

/* Conditions that memory decides one way or the other; %u is a small number. */
static const char *const atoms[] = {
	"true",
	"false",
	"$a",
	"$b",
	"$c",
	"filesize < %uMB",
	"filesize > %u",
	"(filesize + %u) > 0",
	"filesize == filesize",
	"1.5 < filesize",
	"uint16(%u) == 0x5a4d",
	"uint16(0) == %u",
	"uint8(%u) > -1",
	"uint32(uint32(0x3c)) == 0x4550",
	"uint32be(%u) != 0",
	"uint32(0x400000) == 0x464c457f",
	"uint8(0x7f0000000000 + %u) < 256",
	"uint8(filesize - %u) == 0",
	"uint8(@a[1]) == 0x6e",
	"$a at 0",
	"$a at %u",
	"$a at 0x400%u00",
	"$a at @a[1]",
	"$a at filesize",
	"$c at entrypoint",
	"$a in (0..%uKB)",
	"$a in (0..0x7fffffffffff)",
	"$a in (filesize-%u..filesize)",
	"#a in (0..%u) == 0",
	"#a == %u",
	"#a > 0",
	"!a[1] == 6",
	"@b[1] > 0",
	"any of them",
	"all of them",
	"none of them",
	"%u of them",
	"2 of ($*)",
	"50%% of them",
	"any of them in (0..%u)",
	"all of them in (0..100)",
	"none of them in (0..100)",
	"0 of them in (0..100)",
	"2 of ($a,$c) in (0..%u)",
	"any of ($a,$b) in (0..0x7fffffffffff)",
	"for any of them : ($ at %u)",
	"for all of ($a,$c) : (@ > %u)",
	"for any i in (1..#a) : (@a[i] > %u)",
	"for all i in (1..3) : (filesize > i)",
	"entrypoint == %u",
	"entrypoint > 0",
	"defined filesize",
	"defined $a",
	"pe.is_pe",
	"pe.is_pe == 0",
	"pe.number_of_sections < %u",
	"pe.sections[0].name == \".text\"",
	"pe.MACHINE_AMD64 == 0x8664",
	"pe.imphash() == \"x\"",
	"pe.imphash() != \"x\"",
	"pe.exports(\"x\")",
	"pe.exports(\"x\") == 0",
	"pe.is_dll()",
	"pe.is_dll() == 0",
	"pe.imports(\"a\", \"b\")",
	"pe.rich_signature.version(%u) == 0",
	"pe.section_index(\"a\") >= 0",
	"pe.version_info[\"a\"] contains \"b\"",
	"elf.type == elf.ET_EXEC",
	"elf.number_of_sections >= 0",
	"elf.machine != elf.EM_X86_64",
	"elf.ET_EXEC == 2",
	"math.entropy(0, filesize) > 0",
	"math.entropy(%u, 10) >= 0",
	"math.max(1, 2) == 2",
	"math.max(1, filesize) >= 1",
	"math.in_range(math.mean(0, %u), 0.0, 300.0)",
	"filename == \"x\"",
	"filename == \"\"",
	"filename != \"x\"",
	"\"x\" == filetype",
	"filetype contains \"E\"",
	"filetype contains \"\"",
	"md5 icontains \"a\"",
	"extension matches /x*/",
	"extension matches /x/",
	"filepath startswith \"/\"",
	"\"abc\" contains extension",
	"extension endswith \"c\"",
	"filepath < \"x\"",
	"extension == filename",
	"filename iequals \"a\"",
	"owner == \"\"",
	"filename",
	"md5",
	"(filesize & %u) == 0",
	"(~filesize) != 0",
	"-filesize < 0",
	"(filesize \\ %u) >= 0",
	"(filesize << 1 | 1) == 1",
	"(1 + 2 * %u) > 0",
	"filesize %% 2 == 0",
	"(filesize) > (1)",
	"((uint16(0))) == 0x5a4d",
};

static void
put_condition(struct buf *b, unsigned n_before, unsigned depth)
{
	unsigned shape = depth == 0 ? 9 : draw(10);

	if (shape < 3) {
		buf_add(b, shape == 0 ? "not (" : "(");
		put_condition(b, n_before, depth - 1);
		buf_add(b, ")");
	} else if (shape < 7) {
		put_condition(b, n_before, depth - 1);
		buf_add(b, shape < 5 ? " and " : " or ");
		put_condition(b, n_before, depth - 1);
	} else if (shape == 7 && n_before > 0) {
		buf_addf(b, "%sr%u_", draw(3) == 0 ? "not " : "", draw(n_before));
	} else if (shape == 8 && n_before > 0) {
		buf_addf(b, "%s of (r%u_*, r%u_)", draw(2) == 0 ? "any" : "none",
		    draw(n_before), draw(n_before));
	} else {
		const char *atom = atoms[draw(MH_ARRAY_LEN(atoms))];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		buf_addf(b, atom, draw(20) + 1);
#pragma GCC diagnostic pop
	}
}

static void
put_rules(struct buf *b, unsigned one_global_in)
{
	buf_add(b, "import \"pe\" import \"elf\" import \"math\"\n");
	for (unsigned i = 0; i < RULES; i++) {
		bool is_global = one_global_in > 0 && draw(one_global_in) == 0;

		buf_addf(b,
		    "%srule r%u_ { strings: $a = \"needle\" $b = \"absent\" $c = { 6e 65 "
		    "?? "
		    "64 } condition: (",
		    is_global ? "global " : "", i);
		put_condition(b, i, draw(DEPTH_MAX + 1));
		buf_add(b, ") and (true or any of them) }\n");
	}
}

static int
setup(void **state)
{
	/* An ELF header of a program that is not relocated, and the strings. */
	static const uint8_t header[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 2, 0, 0x3e, 0, 1, 0, 0, 0, 0, 0x10, 0x40 };

	memcpy(memory[0], header, sizeof(header));
	memcpy(memory[0] + 256, "needle", 6);
	memcpy(memory[1], "needle", 6);
	memcpy(memory[2] + BLOCK - 6, "needle", 6);
	*state = buf_new(1 << 20);
	return yr_initialize();
}

static int
teardown(void **state)
{
	buf_free(*state);
	return yr_finalize();
}

static void
a_rule_that_is_for_files_only_never_matches_in_memory(void **state)
{
	struct buf *text = *state;
	unsigned n_for_files = 0;
	unsigned n_matched = 0;

	for (unsigned file = 0; file < FILES; file++) {
		buf_reset(text);
		put_rules(text, file % 5 == 0 ? RULES : 0);
		struct scan scan = { .rs = compiled(text) };

		scan_memory(&scan);
		for (unsigned i = 0; i < RULES; i++) {
			bool is_for_files =
			    (ruleset_scope(scan.rs, i) & RULE_IN_MEMORY) == 0;

			n_for_files += is_for_files;
			n_matched += scan.has_matched[i];
			if (is_for_files && scan.has_matched[i])
				fail_msg("r%u_ matched, although %s\n%s", i,
				    ruleset_scope_reason(scan.rs, i), buf_string(text));
			assert_true(ruleset_scope(scan.rs, i) & RULE_IN_FILES);
		}
		ruleset_free(scan.rs);
	}
	/* Both kinds are there in number. */
	assert_true(n_for_files > FILES * RULES / 10);
	assert_true(n_matched > FILES * RULES / 10);
}

static void
disabling_what_is_not_needed_changes_nothing(void **state)
{
	struct buf *text = *state;
	unsigned n_disabled = 0;

	for (unsigned file = 0; file < FILES; file++) {
		buf_reset(text);
		put_rules(text, file % 2 == 0 ? RULES / 2 : 0);
		struct scan whole = { .rs = compiled(text) };

		scan_memory(&whole);
		struct scan part = { .rs = whole.rs };

		for (unsigned i = 0; i < RULES; i++) {
			unsigned mask = ruleset_scope(whole.rs, i);

			if ((mask & (RULE_IN_MEMORY | RULE_NEEDED)) != 0)
				continue;
			yr_rule_disable(&ruleset_rules(whole.rs)->rules_table[i]);
			n_disabled++;
		}
		scan_memory(&part);
		assert_memory_equal(part.has_matched, whole.has_matched,
		    sizeof(part.has_matched));
		ruleset_free(whole.rs);
	}
	assert_true(n_disabled > FILES);
}

/* The first libyara that has all of them is not known: those it lacks are passed over. */
static void
a_module_without_blocks_defines_nothing(void **state)
{
	static const char *const members[] = { "pe.machine", "pe.number_of_sections",
		"pe.imphash()", "pe.section_index(\"a\")", "pe.timestamp", "pe.checksum",
		"pe.entry_point", "pe.characteristics", "pe.number_of_signatures",
		"pe.overlay.size", "pe.pdb_path", "pe.dll_name", "pe.number_of_exports",
		"pe.number_of_imports", "pe.rich_signature.key", "pe.sections[0].name",
		"pe.resources[0].id", "pe.version_info[\"a\"]",
		"pe.number_of_version_infos", "pe.number_of_resources", "pe.opthdr_magic",
		"pe.subsystem", "elf.type", "elf.machine", "elf.entry_point",
		"elf.number_of_sections", "elf.number_of_segments",
		"elf.sections[0].name", "elf.dynamic_section_entries",
		"elf.symtab_entries", "macho.magic", "macho.cputype", "macho.filetype",
		"macho.entry_point", "macho.number_of_segments", "macho.nfat_arch",
		"dotnet.version", "dotnet.module_name", "dotnet.number_of_streams",
		"dotnet.number_of_guids", "dotnet.number_of_resources", "dotnet.typelib",
		"dotnet.assembly.name", "dotnet.number_of_user_strings",
		"dex.header.magic", "dex.number_of_fields", "dex.number_of_methods",
		"dex.string_ids[0].value", "magic.type()", "magic.mime_type()" };
	static const char *const yes_or_no[] = { "pe.is_pe", "pe.is_dll()",
		"pe.is_32bit()", "pe.is_64bit()", "pe.exports(\"a\")", "pe.exports(1)",
		"pe.imports(\"a\")", "pe.imports(\"a\", \"b\")", "pe.imports(\"a\", 1)",
		"pe.imports(/a/, /b/)", "pe.locale(1)", "pe.language(1)", "pe.is_signed",
		"pe.rich_signature.version(1)", "pe.rich_signature.toolid(1)",
		"pe.calculate_checksum()", "pe.rva_to_offset(1)", "pe.section_index(1)",
		"pe.exports_index(\"a\")", "dotnet.is_dotnet", "dex.has_method(\"a\")",
		"dex.has_class(\"a\")", "macho.file_index_for_arch(1)",
		"macho.entry_point_for_arch(1)", "elf.telfhash()" };
	struct buf *text = *state;
	unsigned n = 0;

	for (size_t i = 0; i < MH_ARRAY_LEN(members) + MH_ARRAY_LEN(yes_or_no); i++) {
		bool is_member = i < MH_ARRAY_LEN(members);
		const char *what =
		    is_member ? members[i] : yes_or_no[i - MH_ARRAY_LEN(members)];
		struct scan scan = { .rs = ruleset_new() };

		buf_reset(text);
		buf_addf(text, "import \"%.*s\" rule r { condition: %s %s }",
		    (int)strcspn(what, "."), what, is_member ? "defined" : "", what);
		assert_ok(
		    ruleset_add(scan.rs, "module", buf_string(text), buf_len(text)));
		if (ruleset_compile(scan.rs, ignore_file, NULL) == MH_OK) {
			scan_memory(&scan);
			if (scan.has_matched[0])
				fail_msg("%s", what);
			n++;
		}
		ruleset_free(scan.rs);
	}
	assert_true(n > MH_ARRAY_LEN(members));
}

#define with_yara(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_yara(a_rule_that_is_for_files_only_never_matches_in_memory),
		with_yara(disabling_what_is_not_needed_changes_nothing),
		with_yara(a_module_without_blocks_defines_nothing),
	};

	return cmocka_run_group_tests_name("scope_truth", tests, NULL, NULL);
}
