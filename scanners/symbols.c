/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: program files.
 */
#include "scanners/symbols.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/memory.h"

enum { READ_BYTES = 64 * 1024, DYNAMIC_MAX = 4096 };

/* An ELF file; headers of 32-bit ones are widened when they are read. */
struct elf {
	int fd;
	bool is_wide;                /* 64 bit */
	uint64_t segments, sections; /* offsets of the tables */
	unsigned n_segments, n_sections;
	unsigned segment_bytes, section_bytes; /* of one entry */
};

struct segment {
	uint32_t type;
	uint64_t offset, address, bytes;
};

struct section {
	uint32_t type, link;
	uint64_t offset, bytes, entry_bytes;
};

/* Exactly len bytes at offset. */
static bool
read_at(int fd, uint64_t offset, void *to, size_t len)
{
	ssize_t n = 0;

	if (offset > INT64_MAX - len)
		return false;
	do {
		n = pread(fd, to, len, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n >= 0 && (size_t)n == len;
}

static bool
is_own_order(const unsigned char *ident)
{
	return ident[EI_DATA] ==
	       (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB);
}

/* Same fields, two widths. */
#define TAKE_HEADER(e, h)                             \
	do {                                          \
		(e)->segments = (h).e_phoff;          \
		(e)->sections = (h).e_shoff;          \
		(e)->n_segments = (h).e_phnum;        \
		(e)->n_sections = (h).e_shnum;        \
		(e)->segment_bytes = (h).e_phentsize; \
		(e)->section_bytes = (h).e_shentsize; \
	} while (0)

static bool
open_elf(int fd, struct elf *ret)
{
	unsigned char ident[EI_NIDENT];
	struct elf e = { .fd = fd };

	if (!read_at(fd, 0, ident, sizeof(ident)) ||
	    memcmp(ident, ELFMAG, SELFMAG) != 0 || !is_own_order(ident))
		return false;
	e.is_wide = ident[EI_CLASS] == ELFCLASS64;
	if (e.is_wide) {
		Elf64_Ehdr h;

		if (!read_at(fd, 0, &h, sizeof(h)))
			return false;
		TAKE_HEADER(&e, h);
	} else {
		Elf32_Ehdr h;

		if (!read_at(fd, 0, &h, sizeof(h)))
			return false;
		TAKE_HEADER(&e, h);
	}
	if (e.segment_bytes < (e.is_wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		e.n_segments = 0;
	if (e.section_bytes < (e.is_wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)))
		e.n_sections = 0;
	if (e.n_segments > SYMBOL_SEGMENTS_MAX)
		e.n_segments = SYMBOL_SEGMENTS_MAX;
	if (e.n_sections > SYMBOL_SECTIONS_MAX)
		e.n_sections = SYMBOL_SECTIONS_MAX;
	*ret = e;
	return true;
}

static bool
read_segment(const struct elf *e, unsigned i, struct segment *ret)
{
	uint64_t at = e->segments + (uint64_t)i * e->segment_bytes;
	Elf64_Phdr wide;
	Elf32_Phdr narrow;

	if (at < e->segments)
		return false;
	if (e->is_wide) {
		if (!read_at(e->fd, at, &wide, sizeof(wide)))
			return false;
		*ret = (struct segment){ wide.p_type, wide.p_offset, wide.p_vaddr,
			wide.p_filesz };
		return true;
	}
	if (!read_at(e->fd, at, &narrow, sizeof(narrow)))
		return false;
	*ret = (struct segment){ narrow.p_type, narrow.p_offset, narrow.p_vaddr,
		narrow.p_filesz };
	return true;
}

static bool
read_section(const struct elf *e, unsigned i, struct section *ret)
{
	uint64_t at = e->sections + (uint64_t)i * e->section_bytes;
	Elf64_Shdr wide;
	Elf32_Shdr narrow;

	if (i >= e->n_sections || at < e->sections)
		return false;
	if (e->is_wide) {
		if (!read_at(e->fd, at, &wide, sizeof(wide)))
			return false;
		*ret = (struct section){ wide.sh_type, wide.sh_link, wide.sh_offset,
			wide.sh_size, wide.sh_entsize };
		return true;
	}
	if (!read_at(e->fd, at, &narrow, sizeof(narrow)))
		return false;
	*ret = (struct section){ narrow.sh_type, narrow.sh_link, narrow.sh_offset,
		narrow.sh_size, narrow.sh_entsize };
	return true;
}

/* The address that the file gives to an offset in it. */
static bool
address_of(const struct elf *e, uint64_t offset, uint64_t *ret)
{
	struct segment s;

	for (unsigned i = 0; i < e->n_segments; i++) {
		if (!read_segment(e, i, &s) || s.type != PT_LOAD || offset < s.offset ||
		    offset - s.offset >= s.bytes)
			continue;
		*ret = s.address + (offset - s.offset);
		return true;
	}
	return false;
}

/* One query while tables are read. */
struct lookup {
	bool has_address;
	uint64_t address;
	bool is_found;
	uint64_t start;   /* of the nearest symbol so far */
	uint64_t name_at; /* offset of its name in the file */
};

/* Whether the symbol names code here, not a file, a section, or something missing. */
static bool
is_code(unsigned char info, uint16_t section)
{
	unsigned type = info & 15u;

	return section != SHN_UNDEF && section < SHN_LORESERVE &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE);
}

static void
consider(struct lookup *lookups, size_t n, uint64_t start, uint64_t name_at)
{
	for (size_t i = 0; i < n; i++) {
		struct lookup *l = &lookups[i];

		if (!l->has_address || start > l->address ||
		    (l->is_found && start <= l->start))
			continue;
		l->is_found = true;
		l->start = start;
		l->name_at = name_at;
	}
}

static void
read_symbols(const struct elf *e, const struct section *table,
    const struct section *names, struct lookup *lookups, size_t n)
{
	size_t size = e->is_wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t left = table->bytes / size;
	uint64_t at = table->offset;
	MH_CLEANUP(freep) uint8_t *buffer = xcalloc(1, READ_BYTES);

	if (table->entry_bytes != size || names->offset > INT64_MAX)
		return;
	if (left > SYMBOLS_MAX)
		left = SYMBOLS_MAX;
	while (left > 0) {
		uint64_t count = READ_BYTES / size < left ? READ_BYTES / size : left;

		if (!read_at(e->fd, at, buffer, count * size))
			return;
		for (uint64_t i = 0; i < count; i++) {
			Elf64_Sym wide = { 0 };
			Elf32_Sym narrow = { 0 };

			if (e->is_wide) {
				memcpy(&wide, buffer + i * size, size);
			} else {
				memcpy(&narrow, buffer + i * size, size);
				wide.st_name = narrow.st_name;
				wide.st_info = narrow.st_info;
				wide.st_shndx = narrow.st_shndx;
				wide.st_value = narrow.st_value;
			}
			if (is_code(wide.st_info, wide.st_shndx) &&
			    wide.st_name < names->bytes)
				consider(lookups, n, wide.st_value,
				    names->offset + wide.st_name);
		}
		at += count * size;
		left -= count;
	}
}

static void
take_name(const struct elf *e, const struct lookup *l, struct symbol_query *q)
{
	ssize_t n = l->name_at > INT64_MAX - SYMBOL_NAME_MAX
			? -1
			: pread(e->fd, q->name, SYMBOL_NAME_MAX, (off_t)l->name_at);

	q->name[n > 0 ? n : 0] = 0;
	q->behind = l->address - l->start;
	q->is_found = q->name[0] != 0;
}

void
symbols_find(int fd, struct symbol_query *queries, size_t n)
{
	MH_CLEANUP(freep) struct lookup *lookups = xcalloc(n + 1, sizeof(*lookups));
	struct elf e;
	struct section table;
	struct section names;

	for (size_t i = 0; i < n; i++)
		queries[i].is_found = false;
	if (!open_elf(fd, &e))
		return;
	for (size_t i = 0; i < n; i++)
		lookups[i].has_address =
		    address_of(&e, queries[i].offset, &lookups[i].address);
	for (unsigned i = 0; i < e.n_sections; i++) {
		if (read_section(&e, i, &table) &&
		    (table.type == SHT_DYNSYM || table.type == SHT_SYMTAB) &&
		    read_section(&e, table.link, &names) && names.type == SHT_STRTAB)
			read_symbols(&e, &table, &names, lookups, n);
	}
	for (size_t i = 0; i < n; i++) {
		if (lookups[i].is_found)
			take_name(&e, &lookups[i], &queries[i]);
	}
}

/* Whether the dynamic section says that code is relocated. */
static bool
has_text_relocations(const struct elf *e, const struct segment *dynamic)
{
	size_t size = e->is_wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	uint64_t count = dynamic->bytes / size;

	for (uint64_t i = 0; i < count && i < DYNAMIC_MAX; i++) {
		Elf64_Dyn wide = { 0 };
		Elf32_Dyn narrow = { 0 };
		uint64_t at = dynamic->offset + i * size;

		if (!read_at(e->fd, at, e->is_wide ? (void *)&wide : (void *)&narrow,
			size))
			return false;
		if (!e->is_wide) {
			wide.d_tag = narrow.d_tag;
			wide.d_un.d_val = narrow.d_un.d_val;
		}
		if (wide.d_tag == DT_NULL)
			return false;
		if (wide.d_tag == DT_TEXTREL ||
		    (wide.d_tag == DT_FLAGS && (wide.d_un.d_val & DF_TEXTREL) != 0))
			return true;
	}
	return false;
}

void
image_read_facts(int fd, struct image_facts *ret)
{
	char magic[2] = { 0 };
	struct elf e;
	struct segment s;

	memset(ret, 0, sizeof(*ret));
	ret->is_pe = read_at(fd, 0, magic, 2) && memcmp(magic, "MZ", 2) == 0;
	ret->is_elf = open_elf(fd, &e);
	for (unsigned i = 0; ret->is_elf && i < e.n_segments; i++) {
		if (read_segment(&e, i, &s) && s.type == PT_DYNAMIC)
			ret->has_text_relocations |= has_text_relocations(&e, &s);
	}
}
