/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile.
 */
#include "scanners/program_end.h"

#include <elf.h>
#include <string.h>

#include "base/reader.h"

/* Sections, or segments, that are looked at: no program has more. */
enum { PARTS_MAX = 256, PE_SECTION_LEN = 40 };

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The end of the segments and of the table of sections. */
static uint64_t
elf64_end(const struct content *c)
{
	const uint8_t *p = content_bytes(c, 0, sizeof(Elf64_Ehdr));
	Elf64_Ehdr head;

	if (p == NULL)
		return 0;
	memcpy(&head, p, sizeof(head));
	uint64_t end = head.e_shoff + (uint64_t)head.e_shnum * head.e_shentsize;

	for (unsigned i = 0; i < head.e_phnum && i < PARTS_MAX; i++) {
		Elf64_Phdr part;

		p = content_bytes(c, head.e_phoff + i * sizeof(part), sizeof(part));
		if (p == NULL)
			return 0;
		memcpy(&part, p, sizeof(part));
		end = larger(end, part.p_offset + part.p_filesz);
	}
	return end;
}

static uint64_t
elf32_end(const struct content *c)
{
	const uint8_t *p = content_bytes(c, 0, sizeof(Elf32_Ehdr));
	Elf32_Ehdr head;

	if (p == NULL)
		return 0;
	memcpy(&head, p, sizeof(head));
	uint64_t end = head.e_shoff + (uint64_t)head.e_shnum * head.e_shentsize;

	for (unsigned i = 0; i < head.e_phnum && i < PARTS_MAX; i++) {
		Elf32_Phdr part;

		p = content_bytes(c, head.e_phoff + i * sizeof(part), sizeof(part));
		if (p == NULL)
			return 0;
		memcpy(&part, p, sizeof(part));
		end = larger(end, (uint64_t)part.p_offset + part.p_filesz);
	}
	return end;
}

static uint32_t
u32_at(const struct content *c, uint64_t at)
{
	const uint8_t *p = content_bytes(c, at, 4);
	struct reader r;

	reader_init(&r, p, p != NULL ? 4 : 0);
	return reader_u32(&r);
}

static uint64_t
pe_end(const struct content *c)
{
	uint64_t at = u32_at(c, 0x3c);
	const uint8_t *p = content_bytes(c, at, 24);
	uint64_t end = 0;

	if (p == NULL || memcmp(p, "PE\0\0", 4) != 0)
		return 0;
	unsigned n = p[6] | (unsigned)p[7] << 8;
	uint64_t table = at + 24 + (p[20] | (unsigned)p[21] << 8);

	for (unsigned i = 0; i < n && i < PARTS_MAX; i++) {
		uint64_t section = table + (uint64_t)i * PE_SECTION_LEN;

		end = larger(end,
		    (uint64_t)u32_at(c, section + 16) + u32_at(c, section + 20));
	}
	return end;
}

uint64_t
program_end(const struct content *c)
{
	const uint8_t *p = content_bytes(c, 0, EI_NIDENT);

	if (p == NULL)
		return 0;
	if (p[0] == 'M' && p[1] == 'Z')
		return pe_end(c);
	if (memcmp(p, ELFMAG, SELFMAG) != 0 || p[EI_DATA] != ELFDATA2LSB)
		return 0;
	return p[EI_CLASS] == ELFCLASS64 ? elf64_end(c) : elf32_end(c);
}
