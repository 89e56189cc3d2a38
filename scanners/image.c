/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: headers in the memory of any process.
 */
#include "scanners/image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"

/* One piece of a program: where it lies in memory, and where in the file. */
struct piece {
	uint64_t memory; /* from the program's first byte */
	uint64_t file;
	uint64_t size;
};

/* How a program is put together. */
struct plan {
	const char *type;
	struct piece pieces[IMAGE_SEGMENTS_MAX];
	unsigned n;
	uint64_t file_size;
	uint64_t head_size; /* bytes of headers, at the start of both */
	bool is_shifted;    /* loaded, it lies otherwise than in the file */
};

void
image_clear(struct image *image)
{
	free(image->data);
	image->data = NULL;
}

enum { PE_OFFSET_AT = 0x3c, PE_HEADER_BYTES = 24, PE_SECTION_BYTES = 40 };

static uint32_t
u32_at(const uint8_t *data, size_t len, size_t at)
{
	struct reader r;

	if (at > len)
		return 0;
	reader_init(&r, data + at, len - at);
	return reader_u32(&r);
}

static bool
is_pe(const uint8_t *data, size_t len)
{
	uint32_t at = 0;

	if (len < PE_OFFSET_AT + 4 || data[0] != 'M' || data[1] != 'Z')
		return false;
	at = u32_at(data, len, PE_OFFSET_AT);
	return at >= 4 && at <= len - 4 && memcmp(data + at, "PE\0", 4) == 0;
}

static bool
is_elf(const uint8_t *data, size_t len)
{
	return len >= sizeof(Elf32_Ehdr) && memcmp(data, ELFMAG, SELFMAG) == 0 &&
	       (data[EI_CLASS] == ELFCLASS32 || data[EI_CLASS] == ELFCLASS64) &&
	       data[EI_DATA] == ELFDATA2LSB && data[EI_VERSION] == EV_CURRENT;
}

bool
image_is_header(const uint8_t *data, size_t len)
{
	return len > 4 && ((data[0] == 'M' && is_pe(data, len)) ||
			      (data[0] == ELFMAG0 && is_elf(data, len)));
}

static void
add_piece(struct plan *plan, uint64_t memory, uint64_t file, uint64_t size)
{
	if (plan->n == IMAGE_SEGMENTS_MAX || size == 0 || file > UINT64_MAX - size)
		return;
	plan->pieces[plan->n++] = (struct piece){ memory, file, size };
	if (file + size > plan->file_size)
		plan->file_size = file + size;
	plan->is_shifted = plan->is_shifted || memory != file;
}

/* One program header of either class. */
struct segment {
	uint32_t type;
	uint64_t offset, address, file_size;
};

static bool
segment_at(const uint8_t *data, size_t len, bool is_64, uint64_t at, struct segment *ret)
{
	struct reader r;

	if (at > len)
		return false;
	reader_init(&r, data + at, len - (size_t)at);
	ret->type = reader_u32(&r);
	if (is_64) {
		(void)reader_u32(&r); /* flags */
		ret->offset = reader_u64(&r);
		ret->address = reader_u64(&r);
		(void)reader_u64(&r); /* physical address */
		ret->file_size = reader_u64(&r);
	} else {
		ret->offset = reader_u32(&r);
		ret->address = reader_u32(&r);
		(void)reader_u32(&r);
		ret->file_size = reader_u32(&r);
	}
	return reader_is_ok(&r);
}

/* The fields of an ELF header that say where the rest is. */
struct elf_head {
	bool is_64;
	uint16_t type;
	uint64_t segments, sections;
	uint16_t segment_bytes, n_segments, section_bytes, n_sections;
};

static bool
read_elf_head(const uint8_t *data, size_t len, struct elf_head *ret)
{
	struct reader r;

	ret->is_64 = data[EI_CLASS] == ELFCLASS64;
	reader_init(&r, data + EI_NIDENT, len - EI_NIDENT);
	ret->type = reader_u16(&r);
	(void)reader_u16(&r);                                 /* machine */
	(void)reader_u32(&r);                                 /* version */
	(void)(ret->is_64 ? reader_u64(&r) : reader_u32(&r)); /* entry */
	ret->segments = ret->is_64 ? reader_u64(&r) : reader_u32(&r);
	ret->sections = ret->is_64 ? reader_u64(&r) : reader_u32(&r);
	(void)reader_u32(&r); /* flags */
	(void)reader_u16(&r); /* size of this header */
	ret->segment_bytes = reader_u16(&r);
	ret->n_segments = reader_u16(&r);
	ret->section_bytes = reader_u16(&r);
	ret->n_sections = reader_u16(&r);
	return reader_is_ok(&r);
}

/* Segments in the order of the headers; addresses count from the lowest. */
static void
plan_elf(const uint8_t *data, size_t len, struct plan *plan)
{
	struct elf_head head;
	struct segment s;
	uint64_t lowest = UINT64_MAX;

	plan->type = "ELF";
	if (!read_elf_head(data, len, &head))
		return;
	plan->head_size = head.is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	/* Where they follow at once, as they do. */
	if (head.segments == plan->head_size)
		plan->head_size += (uint64_t)head.segment_bytes * head.n_segments;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < head.n_segments; i++) {
			if (!segment_at(data, len, head.is_64,
				head.segments + (uint64_t)i * head.segment_bytes, &s) ||
			    s.type != PT_LOAD)
				continue;
			if (pass > 0)
				add_piece(plan, s.address - lowest, s.offset,
				    s.file_size);
			else if (s.address - s.offset < lowest && s.address >= s.offset)
				lowest = s.address - s.offset;
		}
	}
	/* Headers of sections are in the file only: raw, they say how long it is. */
	uint64_t end = head.sections + (uint64_t)head.section_bytes * head.n_sections;

	if (plan->n == 0 && end > head.sections)
		plan->file_size = end; /* an object: it has sections, no segments */
}

/* Headers, then the sections. */
static void
plan_pe(const uint8_t *data, size_t len, struct plan *plan)
{
	uint32_t at = u32_at(data, len, PE_OFFSET_AT);
	struct reader r;

	plan->type = "EXE";
	reader_init(&r, data + at, len - at);
	(void)reader_u32(&r); /* "PE" */
	(void)reader_u16(&r); /* machine */
	uint16_t n_sections = reader_u16(&r);
	(void)reader_raw(&r, 12); /* time, symbols */
	uint16_t optional = reader_u16(&r);

	/* SizeOfHeaders lies at the same place in both kinds of optional header. */
	uint32_t head = u32_at(data, len, (size_t)at + PE_HEADER_BYTES + 60);

	plan->head_size = (uint64_t)at + PE_HEADER_BYTES + optional;
	add_piece(plan, 0, 0, head < IMAGE_HEAD_BYTES ? head : IMAGE_HEAD_BYTES);
	for (unsigned i = 0; i < n_sections && i < IMAGE_SEGMENTS_MAX - 1; i++) {
		size_t place = (size_t)at + PE_HEADER_BYTES + optional +
			       (size_t)i * PE_SECTION_BYTES;

		if (place + PE_SECTION_BYTES > len)
			break;
		uint32_t address = u32_at(data, len, place + 12);
		uint32_t raw_size = u32_at(data, len, place + 16);
		uint32_t raw_at = u32_at(data, len, place + 20);

		add_piece(plan, address, raw_at, raw_size);
		plan->head_size = place + PE_SECTION_BYTES;
	}
}

/*
 * Pieces that lie over each other in the file are nonsense: no more is read for
 * them than twice what there is.
 */
static void
place_pieces(image_read_fn *read, void *ctx, uint64_t address, const struct plan *plan,
    struct image *image)
{
	uint64_t left = 2 * (uint64_t)image->size;

	for (unsigned i = 0; i < plan->n; i++) {
		const struct piece *p = &plan->pieces[i];
		uint64_t size = p->size;

		if (p->file >= image->size)
			continue;
		if (size > image->size - p->file)
			size = image->size - p->file;
		size = size < left ? size : left;
		left -= size;
		(void)read(ctx, address + p->memory, image->data + p->file, (size_t)size);
	}
}

mh_err
image_rebuild(image_read_fn *read, void *ctx, uint64_t address, enum image_layout layout,
    struct image *ret)
{
	uint8_t head[IMAGE_HEAD_BYTES];
	struct plan plan = { .n = 0 };
	struct image image = { .data = NULL };
	size_t len = read(ctx, address, head, sizeof(head));

	if (!image_is_header(head, len))
		return MH_ERR_NOTFOUND;
	if (head[0] == 'M')
		plan_pe(head, len, &plan);
	else
		plan_elf(head, len, &plan);
	/* Where both layouts are the same, the loaded one is scanned. */
	if (plan.file_size == 0 ||
	    (layout == IMAGE_RAW ? !plan.is_shifted && plan.n > 0 : plan.n == 0))
		return MH_ERR_NOTFOUND;
	image.type = plan.type;
	image.is_cut = plan.file_size > IMAGE_BYTES_MAX;
	image.size = image.is_cut ? IMAGE_BYTES_MAX : (size_t)plan.file_size;
	image.data = calloc(image.size, 1);
	if (image.data == NULL)
		return MH_ERR_MEMORY;
	if (layout == IMAGE_LOADED) {
		size_t n = plan.head_size < len ? (size_t)plan.head_size : len;

		place_pieces(read, ctx, address, &plan, &image);
		/* Whatever the headers say of themselves, they are there. */
		memcpy(image.data, head, n < image.size ? n : image.size);
	} else if (read(ctx, address, image.data, image.size) < image.size) {
		/* Raw means that all of it lies there. */
		free(image.data);
		return MH_ERR_NOTFOUND;
	}
	*ret = image;
	return MH_OK;
}
