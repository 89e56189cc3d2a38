/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <elf.h>

#include "scanners/image.h"
#include "tests/unit/mh_memory.h"

#define WORD "rule word { strings: $f = \"need1e\" fullword ascii wide condition: $f }\n"

static void
put_program(struct memory_ground *g, size_t at)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)(g->p + at);
	Elf64_Phdr *ph = (Elf64_Phdr *)(eh + 1);

	memset(eh, 0, sizeof(*eh));
	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_phoff = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = 2;
	ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_filesz = 0x200 };
	ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
		.p_offset = 0x200,
		.p_vaddr = 0x1200,
		.p_filesz = 0x100 };
	memory_put(g, at + 0x1250, "need1e", 1);
}

#define HEADER                                                                       \
	"rule header { strings: $a = \"need1e\" condition: uint32(0) == 0x464c457f " \
	"and $a at 0x250 and filesize == 0x300 }\n"

static void
a_program_in_memory_is_scanned_as_a_file(void **state)
{
	struct memory_ground *g = *state;
	const struct match *m = NULL;
	unsigned n_clues = 0;

	put_program(g, UNIT_BYTES);
	memory_scan_child(g, HEADER);
	assert_null(memory_found(g, "header", PART_WHOLE));
	m = memory_found(g, "header", PART_IMAGE);
	assert_non_null(m);
	assert_true(m->image_base == (uintptr_t)g->p + UNIT_BYTES);
	assert_true(m->has_part_sha256);
	for (uint32_t i = 0; i < g->o.n_clues; i++)
		n_clues += g->o.clues[i].address == m->image_base &&
			   g->o.clues[i].kind == CLUE_IMAGE;
	assert_int_equal(n_clues, 1);
}

static void
programs_past_the_limit_are_told(void **state)
{
	struct memory_ground *g = *state;

	for (size_t i = 0; i < IMAGES_MAX + 1; i++)
		put_program(g, i * 4 * PAGE_BYTES);
	memory_scan_child(g, HEADER);
	assert_int_equal(g->o.n_matches, IMAGES_MAX);
	assert_int_equal(g->o.notes.by_reason[REASON_TOO_LARGE], 1);
}

/* Its second header as far behind the first as can be. */
static void
put_windows_program(struct memory_ground *g, size_t at)
{
	uint32_t second = IMAGE_HEAD_BYTES - 100;

	memcpy(g->p + at, "MZ", 2);
	memcpy(g->p + at + 0x3c, &second, sizeof(second));
	memcpy(g->p + at + second, "PE\0", 4);
	/* SizeOfHeaders: one page. */
	second = IMAGE_HEAD_BYTES;
	memcpy(g->p + at + IMAGE_HEAD_BYTES - 100 + 24 + 60, &second, sizeof(second));
}

static void
a_header_over_a_border_of_units_is_seen(void **state)
{
	struct memory_ground *g = *state;

	/* Longer than the part that the next unit has, too. */
	memset(g->p, 'w', SIZE);
	put_windows_program(g, UNIT_BYTES - PAGE_BYTES);
	put_windows_program(g, 3 * UNIT_BYTES - PAGE_BYTES + 16);
	memory_scan_child(g,
	    "rule windows { condition: uint16(0) == 0x5a4d and filesize == "
	    "4096 }");
	assert_int_equal(g->o.n_matches, 2);
}

static void
a_search_that_takes_too_long_is_told_as_such(void **state)
{
	struct memory_ground *g = *state;

	for (size_t at = 0; at < SIZE; at += PAGE_BYTES)
		memory_put(g, at, "need1e", 1);
	put_program(g, 0);
	g->is_slow = true;
	g->setup.timeout_ms = 100;
	memory_scan_child(g, HEADER WORD);
	assert_int_equal(g->v.reason, REASON_TIMEOUT);
	assert_true(g->v.partly);
	assert_null(memory_found(g, "header", PART_IMAGE));
	assert_int_equal(g->o.notes.by_reason[REASON_TIMEOUT], 1);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, memory_setup, memory_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_program_in_memory_is_scanned_as_a_file),
		with_ground(programs_past_the_limit_are_told),
		with_ground(a_header_over_a_border_of_units_is_seen),
		with_ground(a_search_that_takes_too_long_is_told_as_such),
	};

	if (yr_initialize() != ERROR_SUCCESS)
		return 1;
	int n_failed = cmocka_run_group_tests_name("memory_images", tests, NULL, NULL);

	return yr_finalize() == ERROR_SUCCESS ? n_failed : 1;
}
