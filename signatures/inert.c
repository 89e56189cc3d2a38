/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: the checker. */
#include "signatures/inert.h"

#include <assert.h>
#include <string.h>

#include "base/attributes.h"

#define BANNER \
	"INERT-TEST-SAMPLE: made from published facts to test a rule; not a program.\n"

enum { PE_HEADER_AT = 0x80, GAP_BYTES = 4, ELF_EXECUTABLE = 2, ELF_CORE = 4 };

static void
put_zeros(struct buf *b, uint64_t n)
{
	uint8_t *at = n > 0 ? buf_reserve(b, (size_t)n) : NULL;

	if (at == NULL)
		return;
	memset(at, 0, (size_t)n);
	buf_commit(b, (size_t)n);
}

/* An x86-64 header without program headers: execve(2) says ENOEXEC. */
static void
put_elf(struct buf *b, uint16_t type)
{
	static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	buf_put(b, ident, sizeof(ident));
	buf_put_u16(b, type);
	buf_put_u16(b, 62); /* EM_X86_64 */
	buf_put_u32(b, 1);
	put_zeros(b, 3 * 8); /* entry, program headers, sections */
	buf_put_u32(b, 0);
	buf_put_u16(b, 64); /* bytes of this header */
	buf_put_u16(b, 56); /* bytes of a program header, of which there is none */
	buf_put_u16(b, 0);
	buf_put_u16(b, 64);
	buf_put_u32(b, 0);
	buf_add(b, BANNER);
}

/* DOS stub, signature, and a COFF header that announces no section. */
static void
put_pe(struct buf *b)
{
	buf_add(b, "MZ");
	put_zeros(b, 58);
	buf_put_u32(b, PE_HEADER_AT);
	put_zeros(b, PE_HEADER_AT - 64);
	buf_put(b, "PE\0\0", 4);
	buf_put_u16(b, 0x14c); /* IMAGE_FILE_MACHINE_I386 */
	put_zeros(b, 16);
	buf_put_u16(b, 0x102);
	buf_add(b, BANNER);
}

/* A 64-bit header that announces no load command. */
static void
put_macho(struct buf *b)
{
	static const uint32_t header[] = { 0xfeedfacf, 0x01000007, 3, 2, 0, 0, 0, 0 };

	for (size_t i = 0; i < MH_ARRAY_LEN(header); i++)
		buf_put_u32(b, header[i]);
	buf_add(b, BANNER);
}

/* A ZIP of one empty member that is stored, without its directory. */
static void
put_archive(struct buf *b)
{
	static const uint8_t header[] = { 'P', 'K', 3, 4, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'x' };

	buf_put(b, header, sizeof(header));
	buf_add(b, BANNER);
}

static bool
is_text(int container)
{
	return container == CONTAINER_RAW || container == CONTAINER_HTML ||
	       container == CONTAINER_SCRIPT;
}

static void
put_container(int container, struct buf *b)
{
	switch ((enum manifest_container)container) {
	case CONTAINER_ELF:
		put_elf(b, ELF_EXECUTABLE);
		return;
	case CONTAINER_PE:
		put_pe(b);
		return;
	case CONTAINER_MACHO:
		put_macho(b);
		return;
	case CONTAINER_SCRIPT:
		/* Who executes it runs a program that ends at once. */
		buf_add(b, "#!/bin/false\n# " BANNER);
		return;
	case CONTAINER_HTML:
		buf_add(b, "<!DOCTYPE html>\n<title>" BANNER "</title>\n");
		return;
	case CONTAINER_ARCHIVE:
		put_archive(b);
		return;
	case CONTAINER_RAW:
		buf_add(b, BANNER);
		return;
	case CONTAINER_SAME:
	case CONTAINER_MAX_:
		break;
	}
	assert(!"a container that is none");
}

void
inert_build(const struct inert_sample *s, struct buf *b)
{
	size_t start = buf_len(b);

	put_container(s->container, b);
	for (unsigned i = 0; i < s->shift; i++)
		buf_add(b, "\n");
	for (size_t i = 0; i <= s->n_values; i++) {
		if (s->pad > 0)
			put_zeros(b, s->pad);
		else if (is_text(s->container))
			buf_add(b, "\n");
		else
			put_zeros(b, GAP_BYTES);
		if (i < s->n_values)
			buf_put(b, s->values[i].bytes, s->values[i].len);
	}
	if (buf_len(b) - start < s->min_bytes)
		put_zeros(b, s->min_bytes - (buf_len(b) - start));
}

/* What stands around the strings of a near miss, and around each of them. */
static const struct {
	const char *name, *head, *before, *after, *tail;
} near_misses[NEAR_MAX_] = {
	[NEAR_REPORT] = { "report",
	    "Analysis of an implant\n\nThe following strings were found in the "
	    "sample:\n\n",
	    "    ", "\n", "\nIndicators are listed in the appendix.\n" },
	[NEAR_PAGE] = { "page",
	    "<!DOCTYPE html>\n<html><head><title>Report</title></head><body><ul>\n",
	    "<li><code>", "</code></li>\n", "</ul></body></html>\n" },
	[NEAR_LIST] = { "list", "uuid,event_id,category,type,value,comment,to_ids,date\n",
	    "0,1,Artifacts dropped,pattern-in-file,\"", "\",,1,20261101\n", "" },
	[NEAR_LOG] = { "log", "",
	    "Nov  1 12:00:00 host scanner[1]: string matched: ", "\n", "" },
	[NEAR_CORE] = { "core", NULL, "", "\n", "" },
};

const char *
near_miss_name(enum near_miss kind)
{
	return near_misses[kind].name;
}

void
inert_near_miss(enum near_miss kind, const struct inert_value *values, size_t n,
    struct buf *b)
{
	if (near_misses[kind].head != NULL)
		buf_add(b, near_misses[kind].head);
	else
		put_elf(b, ELF_CORE);
	for (size_t i = 0; i < n; i++) {
		buf_add(b, near_misses[kind].before);
		buf_put(b, values[i].bytes, values[i].len);
		buf_add(b, near_misses[kind].after);
	}
	buf_add(b, near_misses[kind].tail);
}
