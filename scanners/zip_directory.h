/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_ZIP_DIRECTORY_H
#define MH_SCANNERS_ZIP_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scanners/content.h"

/*
 * The end record and the directory of a ZIP (PKWARE APPNOTE 6.3, 4.3.12 and
 * 4.3.16), as far as libarchive does not do what is needed with them.
 */
enum {
	ZIP_END_LEN = 22,       /* of the end record, without its comment */
	ZIP_END_WINDOW = 16384, /* bytes in which libarchive looks for it, too */
	/* Patches of one ZIP, about four a member: 1 MiB.  The members beyond are
	 * told as archive-unsupported when they claim to be no files. */
	ZIP_PATCHES_MAX = 64 * 1024,
	ZIP_FIELDS_MAX =
	    16, /* extra fields of a header that are looked at; programs write 4 */
};

/*
 * The end record of a ZIP, whose comment fills the rest of the content; or
 * NULL.  The last part of a content that is there in part is its real end.
 */
const uint8_t *zip_find_end(const struct content *c);

/*
 * Whether the ZIP at the end of c lies in the last tail_bytes of c from its
 * first member on, as its end record tells.
 */
bool zip_lies_in_tail(const struct content *c, uint64_t tail_bytes);

/* Bytes that a reader is to see in place of those at that offset. */
struct zip_patch {
	uint64_t at;
	uint32_t len;
	uint8_t bytes[4];
};

/*
 * What makes a file of each member that has data.  unzip, jar and Python hand
 * out the data of a member that claims to be a folder (by its attributes, or by
 * a slash at the end of its name) or a link; libarchive gives no byte of it.
 * A slash at the end of such a name becomes '_'.
 */
struct zip_patches {
	struct zip_patch *list; /* in order of at; owned */
	size_t n;
};

/* At most ZIP_PATCHES_MAX.  A directory that is damaged yields what was found. */
void zip_patches_find(const struct content *c, struct zip_patches *ret);
void zip_patches_clear(struct zip_patches *p);

/* Whether any lies in the len bytes at offset at; they are put there in bytes, if not NULL. */
bool zip_patches_apply(const struct zip_patches *p, uint64_t at, uint8_t *bytes,
    size_t len);

#endif
