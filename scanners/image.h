/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_IMAGE_H
#define MH_SCANNERS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * Programs in memory that no file stands behind, rebuilt as files, so that
 * rules which ask for headers, sizes and entry points work on them.
 *
 * A program lies in memory in one of two ways: loaded, its segments where its
 * headers want them, or raw, as the file is.  ELF: elf(5).  PE: "PE Format",
 * Microsoft.
 */
enum {
	IMAGE_BYTES_MAX = 32 * 1024 * 1024, /* half of a worker's memory; more is cut */
	IMAGE_SEGMENTS_MAX = 128,           /* segments or sections that are placed */
	IMAGE_HEAD_BYTES = 4096,            /* in which all headers have to lie */
};

enum image_layout { IMAGE_LOADED, IMAGE_RAW };

struct image {
	uint8_t *data; /* owned */
	size_t size;
	const char *type; /* "ELF" or "EXE"; static */
	bool is_cut;      /* larger than IMAGE_BYTES_MAX */
};

void image_clear(struct image *image);

/* Whether a program's header begins at data; reads at most len bytes. */
bool image_is_header(const uint8_t *data, size_t len);

/*
 * Reads len bytes at address of the process, zeros for what may not be read.
 * Returns how many bytes were there.
 */
typedef size_t image_read_fn(void *ctx, uint64_t address, void *to, size_t len);

/*
 * Rebuild the program at address with what read gives.
 *
 * Errors: MH_ERR_NOTFOUND (no program lies there in that layout, or it would be
 * the same file as the loaded one), MH_ERR_MEMORY.
 */
mh_err image_rebuild(image_read_fn *read, void *ctx, uint64_t address,
    enum image_layout layout, struct image *ret) MH_CHECKED;

#endif
