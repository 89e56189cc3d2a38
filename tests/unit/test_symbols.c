/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/fd.h"
#include "base/memory.h"
#include "scanners/symbols.h"

/* A shared object of one page: headers, two symbols, one dynamic entry. */
struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	Elf64_Shdr sections[3];
	Elf64_Sym symbols[3];
	Elf64_Dyn dynamic[2];
	char names[300];
};

enum { BASE = 0x400000 };

static void
make_image(struct image *i)
{
	*i = (struct image){
		.header = { .e_phoff = offsetof(struct image, segments),
		    .e_shoff = offsetof(struct image, sections),
		    .e_phentsize = sizeof(Elf64_Phdr),
		    .e_phnum = 2,
		    .e_shentsize = sizeof(Elf64_Shdr),
		    .e_shnum = 3 },
		.segments = { { .p_type = PT_LOAD, .p_vaddr = BASE, .p_filesz = 4096 },
		    { .p_type = PT_DYNAMIC,
			.p_offset = offsetof(struct image, dynamic),
			.p_filesz = 2 * sizeof(Elf64_Dyn) } },
		.sections = { { 0 },
		    { .sh_type = SHT_DYNSYM,
			.sh_link = 2,
			.sh_offset = offsetof(struct image, symbols),
			.sh_size = 3 * sizeof(Elf64_Sym),
			.sh_entsize = sizeof(Elf64_Sym) },
		    { .sh_type = SHT_STRTAB,
			.sh_offset = offsetof(struct image, names),
			.sh_size = 300 } },
		.symbols = { { 0 },
		    { .st_name = 1,
			.st_info = STT_FUNC,
			.st_shndx = 1,
			.st_value = BASE + 0x100 },
		    { .st_name = 7,
			.st_info = STT_FUNC,
			.st_shndx = 1,
			.st_value = BASE + 0x200 } },
		.dynamic = { { .d_tag = DT_FLAGS, .d_un.d_val = 0 } },
		.names = "\0first\0second",
	};
	memcpy(i->header.e_ident, ELFMAG, SELFMAG);
	i->header.e_ident[EI_CLASS] = ELFCLASS64;
	i->header.e_ident[EI_DATA] = ELFDATA2LSB;
}

static int
image_fd(const void *image, size_t len)
{
	int fd = -1;

	assert_ok(fd_from_bytes("image", image, len, &fd));
	return fd;
}

static void
the_nearest_symbol_before_a_place_is_found(void **state)
{
	struct image i;
	struct symbol_query q[] = { { .offset = 0x100 }, { .offset = 0x1ff },
		{ .offset = 0x205 }, { .offset = 0xff }, { .offset = 4096 } };

	(void)state;
	make_image(&i);
	MH_CLEANUP(fd_closep) int fd = image_fd(&i, sizeof(i));
	symbols_find(fd, q, MH_ARRAY_LEN(q));
	assert_true(q[0].is_found && q[0].behind == 0);
	assert_string_equal(q[0].name, "first");
	assert_true(q[1].is_found && q[1].behind == 0xff);
	assert_string_equal(q[2].name, "second");
	assert_int_equal(q[2].behind, 5);
	assert_false(q[3].is_found);
	assert_false(q[4].is_found);
}

static void
a_long_name_is_cut(void **state)
{
	struct image i;
	struct symbol_query q = { .offset = 0x100 };

	(void)state;
	make_image(&i);
	memset(i.names + 1, 'x', sizeof(i.names) - 1);
	MH_CLEANUP(fd_closep) int fd = image_fd(&i, sizeof(i));
	symbols_find(fd, &q, 1);
	assert_int_equal(strlen(q.name), SYMBOL_NAME_MAX);
}

static void
symbols_of_other_files_and_of_data_do_not_count(void **state)
{
	struct image i;
	struct symbol_query q = { .offset = 0x300 };

	(void)state;
	make_image(&i);
	i.symbols[1].st_shndx = SHN_UNDEF;
	i.symbols[2].st_info = STT_OBJECT;
	MH_CLEANUP(fd_closep) int fd = image_fd(&i, sizeof(i));
	symbols_find(fd, &q, 1);
	assert_false(q.is_found);
}

static void
a_table_that_leads_out_of_the_file_has_no_symbols(void **state)
{
	static const uint64_t bad[] = { 1ull << 20, UINT64_MAX, INT64_MAX,
		UINT64_MAX - 100 };
	struct symbol_query q = { .offset = 0x100 };

	(void)state;
	for (size_t n = 0; n < MH_ARRAY_LEN(bad); n++) {
		struct image i[4];

		for (size_t k = 0; k < 4; k++)
			make_image(&i[k]);
		i[0].header.e_shoff = bad[n];
		i[1].sections[1].sh_offset = bad[n];
		i[2].sections[2].sh_offset = bad[n];
		i[3].header.e_phoff = bad[n];
		for (size_t k = 0; k < 4; k++) {
			MH_CLEANUP(fd_closep) int fd = image_fd(&i[k], sizeof(i[k]));

			symbols_find(fd, &q, 1);
			assert_false(q.is_found);
		}
	}
}

static void
every_prefix_of_a_file_is_taken(void **state)
{
	struct image i;
	struct symbol_query q = { .offset = 0x100 };
	struct image_facts facts;

	(void)state;
	make_image(&i);
	for (size_t len = 0; len < offsetof(struct image, names); len++) {
		MH_CLEANUP(fd_closep) int fd = image_fd(&i, len);

		symbols_find(fd, &q, 1);
		image_read_facts(fd, &facts);
		assert_false(q.is_found);
	}
}

static void
text_relocations_are_known(void **state)
{
	struct image i;
	struct image_facts facts;

	(void)state;
	make_image(&i);
	MH_CLEANUP(fd_closep) int none = image_fd(&i, sizeof(i));
	image_read_facts(none, &facts);
	assert_true(facts.is_elf && !facts.has_text_relocations);
	i.dynamic[0].d_un.d_val = DF_TEXTREL;
	MH_CLEANUP(fd_closep) int flag = image_fd(&i, sizeof(i));
	image_read_facts(flag, &facts);
	assert_true(facts.has_text_relocations);
	i.dynamic[0].d_tag = DT_TEXTREL;
	MH_CLEANUP(fd_closep) int tag = image_fd(&i, sizeof(i));
	image_read_facts(tag, &facts);
	assert_true(facts.has_text_relocations);
	MH_CLEANUP(fd_closep) int pe = image_fd("MZ\x90", 3);
	image_read_facts(pe, &facts);
	assert_true(facts.is_pe && !facts.is_elf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_symbol_before_a_place_is_found),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(symbols_of_other_files_and_of_data_do_not_count),
		cmocka_unit_test(a_table_that_leads_out_of_the_file_has_no_symbols),
		cmocka_unit_test(every_prefix_of_a_file_is_taken),
		cmocka_unit_test(text_relocations_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
