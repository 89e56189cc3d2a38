/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_SYMBOLS_H
#define MH_SCANNERS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which function of a program file lies at an offset: the nearest symbol before
 * it in .dynsym and .symtab (elf(5)), read through the section headers.  ELF of
 * this machine's byte order, 32 and 64 bit.  The file is hostile: everything is
 * read with bounds, and what does not fit has no symbol.
 */
enum {
	SYMBOL_NAME_MAX = 255,         /* bytes; C++ names are longer, and cut */
	SYMBOLS_MAX = 2 * 1024 * 1024, /* in one table; a browser with symbols has 1 M */
	SYMBOL_SECTIONS_MAX = 1024,    /* looked at */
	SYMBOL_SEGMENTS_MAX = 256,     /* looked at */
};

/* One place that is asked for. */
struct symbol_query {
	uint64_t offset; /* in the file */
	/* The answer: */
	bool is_found;
	uint64_t behind; /* bytes from the symbol's start to offset */
	char name[SYMBOL_NAME_MAX + 1];
};

/* What a program file is, as far as its code may differ in memory. */
struct image_facts {
	bool is_elf, is_pe;
	bool has_text_relocations; /* DT_TEXTREL, or DF_TEXTREL in DT_FLAGS */
};

void image_read_facts(int fd, struct image_facts *ret);

/* Fill in the answers of n queries.  fd is borrowed. */
void symbols_find(int fd, struct symbol_query *queries, size_t n);

#endif
