/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <elf.h>

#include "base/attributes.h"
#include "base/memory.h"
#include "scanners/image.h"

enum { SIZE = 64 * 1024 };

static const uint64_t base = 0x7f0000001000;

/* Memory from base on; len bytes are there. */
struct ground {
	uint8_t data[SIZE];
	size_t len;
	uint64_t n_asked; /* bytes */
	struct image image;
};

static int
setup(void **state)
{
	*state = xcalloc(1, sizeof(struct ground));
	((struct ground *)*state)->len = SIZE;
	return 0;
}

static int
teardown(void **state)
{
	image_clear(&((struct ground *)*state)->image);
	free(*state);
	return 0;
}

static size_t
on_read(void *ctx, uint64_t address, void *to, size_t len)
{
	struct ground *g = ctx;
	uint64_t at = address - base;
	size_t n = at >= g->len ? 0 : g->len - (size_t)at;

	n = n < len ? n : len;
	memset(to, 0, len);
	if (n > 0)
		memcpy(to, g->data + at, n);
	g->n_asked += len;
	return n;
}

static mh_err
rebuild(struct ground *g, enum image_layout layout)
{
	image_clear(&g->image);
	g->n_asked = 0;
	return image_rebuild(on_read, g, base, layout, &g->image);
}

static Elf64_Ehdr *
put_elf(struct ground *g, uint16_t n)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)g->data;

	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_type = ET_DYN;
	eh->e_phoff = sizeof(*eh);
	eh->e_phentsize = sizeof(Elf64_Phdr);
	eh->e_phnum = n;
	return eh;
}

static void
put_segment(struct ground *g, unsigned i, uint64_t offset, uint64_t address,
    uint64_t size)
{
	Elf64_Phdr *ph = (Elf64_Phdr *)(g->data + sizeof(Elf64_Ehdr)) + i;

	*ph = (Elf64_Phdr){ .p_type = PT_LOAD,
		.p_offset = offset,
		.p_vaddr = address,
		.p_filesz = size,
		.p_memsz = size };
}

static void
put_u32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
}

enum { PE_AT = 128, OPTIONAL = 240, SECTIONS_AT = PE_AT + 24 + OPTIONAL };

static void
put_pe(struct ground *g, uint16_t n, uint32_t head)
{
	uint16_t optional = OPTIONAL;

	memcpy(g->data, "MZ", 2);
	put_u32(g->data + 0x3c, PE_AT);
	memcpy(g->data + PE_AT, "PE\0", 4);
	memcpy(g->data + PE_AT + 6, &n, sizeof(n));
	memcpy(g->data + PE_AT + 20, &optional, sizeof(optional));
	put_u32(g->data + PE_AT + 24 + 60, head);
}

static void
put_section(struct ground *g, unsigned i, uint32_t address, uint32_t size, uint32_t at)
{
	uint8_t *s = g->data + SECTIONS_AT + (size_t)i * 40;

	put_u32(s + 12, address);
	put_u32(s + 16, size);
	put_u32(s + 20, at);
}

static void
a_loaded_elf_program_becomes_its_file_again(void **state)
{
	struct ground *g = *state;

	put_elf(g, 2);
	put_segment(g, 0, 0, 0x400000, 0x300);
	put_segment(g, 1, 0x400, 0x402400, 0x100);
	memcpy(g->data + 0x2400, "second", 6);
	assert_ok(rebuild(g, IMAGE_LOADED));
	assert_string_equal(g->image.type, "ELF");
	assert_int_equal(g->image.size, 0x500);
	assert_false(g->image.is_cut);
	assert_memory_equal(g->image.data, g->data, 0x300);
	assert_memory_equal(g->image.data + 0x400, "second", 6);
}

static void
a_raw_elf_file_stays_as_it_is(void **state)
{
	struct ground *g = *state;

	put_elf(g, 2);
	put_segment(g, 0, 0, 0x400000, 0x300);
	put_segment(g, 1, 0x400, 0x402400, 0x100);
	memcpy(g->data + 0x400, "second", 6);
	assert_ok(rebuild(g, IMAGE_RAW));
	assert_int_equal(g->image.size, 0x500);
	assert_memory_equal(g->image.data, g->data, 0x500);
	/* Raw means that all of it is there. */
	g->len = 0x4ff;
	assert_err(rebuild(g, IMAGE_RAW), MH_ERR_NOTFOUND);
	g->len = 0x500;
	assert_ok(rebuild(g, IMAGE_RAW));
}

static void
what_lies_the_same_both_ways_is_scanned_once(void **state)
{
	struct ground *g = *state;

	put_elf(g, 1);
	put_segment(g, 0, 0, 0, 0x800);
	assert_ok(rebuild(g, IMAGE_LOADED));
	assert_err(rebuild(g, IMAGE_RAW), MH_ERR_NOTFOUND);
}

static void
an_object_has_only_its_file(void **state)
{
	struct ground *g = *state;
	Elf64_Ehdr *eh = put_elf(g, 0);

	eh->e_shoff = 0x900;
	eh->e_shentsize = 64;
	eh->e_shnum = 3;
	assert_err(rebuild(g, IMAGE_LOADED), MH_ERR_NOTFOUND);
	assert_ok(rebuild(g, IMAGE_RAW));
	assert_int_equal(g->image.size, 0x900 + 3 * 64);
}

static void
a_program_of_32_bits_is_rebuilt(void **state)
{
	struct ground *g = *state;
	Elf32_Ehdr *eh = (Elf32_Ehdr *)g->data;

	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS32;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_phoff = sizeof(*eh);
	eh->e_phentsize = sizeof(Elf32_Phdr);
	eh->e_phnum = 1;
	*(Elf32_Phdr *)(g->data + sizeof(*eh)) = (Elf32_Phdr){ .p_type = PT_LOAD,
		.p_offset = 0x10,
		.p_vaddr = 0x8048110,
		.p_filesz = 0x400 };
	g->data[0x110] = 'x';
	assert_ok(rebuild(g, IMAGE_LOADED));
	assert_int_equal(g->image.size, 0x410);
}

static void
pe_sections_lie_loaded_or_raw(void **state)
{
	struct ground *g = *state;

	put_pe(g, 2, 0x400);
	put_section(g, 0, 0x1000, 0x200, 0x400);
	put_section(g, 1, 0x3000, 0x100, 0x600);
	memcpy(g->data + 0x1000, "text", 4);
	memcpy(g->data + 0x3000, "data", 4);
	assert_ok(rebuild(g, IMAGE_LOADED));
	assert_string_equal(g->image.type, "EXE");
	assert_int_equal(g->image.size, 0x700);
	assert_memory_equal(g->image.data + 0x400, "text", 4);
	assert_memory_equal(g->image.data + 0x600, "data", 4);
	assert_memory_equal(g->image.data, g->data, 0x400);
	memcpy(g->data + 0x600, "RAW!", 4);
	assert_ok(rebuild(g, IMAGE_RAW));
	assert_memory_equal(g->image.data, g->data, 0x700);
}

static void
offsets_beyond_every_memory_cut_the_image(void **state)
{
	struct ground *g = *state;
	static const struct {
		uint64_t offset, address, size;
	} rows[] = {
		{ UINT64_MAX - 4095, 0x1000, 4096 }, { 0, 0, UINT64_MAX },
		{ UINT64_MAX - 4096, 0, 4096 }, { 1ull << 40, 1ull << 40, 5 },
		{ 0x1000, UINT64_MAX - 10, 0x2000 },
		{ 0x5000, 0x1000, 0x2000 }, /* address below its offset */
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		put_elf(g, 2);
		put_segment(g, 0, 0, 0x10000, 0x200);
		put_segment(g, 1, rows[i].offset, rows[i].address, rows[i].size);
		for (int layout = IMAGE_LOADED; layout <= IMAGE_RAW; layout++) {
			if (rebuild(g, (enum image_layout)layout) != MH_OK)
				continue;
			assert_true(g->image.size <= IMAGE_BYTES_MAX);
			assert_true(g->n_asked <= 3ull * IMAGE_BYTES_MAX);
			assert_memory_equal(g->image.data, g->data, 0x100);
		}
	}
}

static void
an_image_past_the_limit_is_cut_and_told(void **state)
{
	struct ground *g = *state;

	put_elf(g, 2);
	put_segment(g, 0, 0, 0, 0x200);
	put_segment(g, 1, IMAGE_BYTES_MAX - 0x100, 0x100, 0x100);
	assert_ok(rebuild(g, IMAGE_LOADED));
	assert_int_equal(g->image.size, IMAGE_BYTES_MAX);
	assert_false(g->image.is_cut);
	put_segment(g, 1, IMAGE_BYTES_MAX - 0x100, 0x100, 0x101);
	assert_ok(rebuild(g, IMAGE_LOADED));
	assert_int_equal(g->image.size, IMAGE_BYTES_MAX);
	assert_true(g->image.is_cut);
}

static void
segments_that_overlap_do_not_cost_more_than_the_image_each(void **state)
{
	struct ground *g = *state;

	/* All that fit into a page of headers, each as large as can be. */
	unsigned n = (IMAGE_HEAD_BYTES - sizeof(Elf64_Ehdr)) / sizeof(Elf64_Phdr);

	put_elf(g, UINT16_MAX);
	for (unsigned i = 0; i < n; i++)
		put_segment(g, i, 0, 0x1000 * i, IMAGE_BYTES_MAX);
	assert_ok(rebuild(g, IMAGE_LOADED));
	assert_int_equal(g->image.size, IMAGE_BYTES_MAX);
	/* Somebody who says so shall not make the worker read for ever. */
	assert_true(g->n_asked <= 4ull * IMAGE_BYTES_MAX);
}

static void
more_segments_than_the_limit_are_left(void **state)
{
	struct ground *g = *state;

	for (unsigned n = IMAGE_SEGMENTS_MAX - 2; n <= IMAGE_SEGMENTS_MAX + 1; n++) {
		/* 40 bytes each: only the first of them lie in the head. */
		put_pe(g, (uint16_t)n, 0x200);
		assert_ok(rebuild(g, IMAGE_LOADED));
	}
	put_elf(g, 3);
	((Elf64_Ehdr *)g->data)->e_phentsize = 0; /* the same one again and again */
	((Elf64_Ehdr *)g->data)->e_phnum = 60000;
	put_segment(g, 0, 16, 0x10010, 0x500);
	assert_ok(rebuild(g, IMAGE_LOADED));
	assert_int_equal(g->image.size, 0x510);
	assert_true(g->n_asked <= IMAGE_HEAD_BYTES + IMAGE_SEGMENTS_MAX * 0x500);
}

static void
every_prefix_of_headers_is_taken(void **state)
{
	struct ground *g = *state;

	for (unsigned kind = 0; kind < 2; kind++) {
		memset(g->data, 0, sizeof(g->data));
		if (kind == 0) {
			put_elf(g, 2);
			put_segment(g, 0, 0, 0x1000, 0x300);
			put_segment(g, 1, 0x400, 0x2400, 0x100);
		} else {
			put_pe(g, 2, 0x400);
			put_section(g, 0, 0x1000, 0x200, 0x400);
		}
		for (g->len = 0; g->len < 600; g->len++) {
			(void)!image_is_header(g->data, g->len);
			for (int layout = IMAGE_LOADED; layout <= IMAGE_RAW; layout++)
				if (rebuild(g, (enum image_layout)layout) == MH_OK)
					assert_true(g->image.size <= 0x600);
		}
	}
}

static void
what_is_no_header_is_no_image(void **state)
{
	struct ground *g = *state;

	assert_err(rebuild(g, IMAGE_LOADED), MH_ERR_NOTFOUND);
	put_elf(g, 1);
	g->data[EI_CLASS] = 3;
	assert_false(image_is_header(g->data, SIZE));
	memset(g->data, 0, SIZE);
	put_pe(g, 1, 0x400);
	assert_true(image_is_header(g->data, SIZE));
	assert_true(image_is_header(g->data, PE_AT + 4));
	assert_false(image_is_header(g->data, PE_AT + 3));
	put_u32(g->data + 0x3c, 0xfffffffe);
	assert_false(image_is_header(g->data, SIZE));
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(a_loaded_elf_program_becomes_its_file_again),
		with_ground(a_raw_elf_file_stays_as_it_is),
		with_ground(what_lies_the_same_both_ways_is_scanned_once),
		with_ground(an_object_has_only_its_file),
		with_ground(a_program_of_32_bits_is_rebuilt),
		with_ground(pe_sections_lie_loaded_or_raw),
		with_ground(offsets_beyond_every_memory_cut_the_image),
		with_ground(an_image_past_the_limit_is_cut_and_told),
		with_ground(segments_that_overlap_do_not_cost_more_than_the_image_each),
		with_ground(more_segments_than_the_limit_are_left),
		with_ground(every_prefix_of_headers_is_taken),
		with_ground(what_is_no_header_is_no_image),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
