/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_ARCHIVE_KIND_H
#define MH_SCANNERS_ARCHIVE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scanners/content.h"

/*
 * Tells by a few bytes whether a content is an archive (docs/RULES.md,
 * "Archives"): by those at its start; by a ZIP's end record, which may stand
 * behind anything; by what follows the last section of a program
 * (self-extracting archives).
 *
 * Sources: PKWARE APPNOTE 6.3; RAR technotes 3.93 and 5.0; 7zFormat.txt and
 * Methods.txt of the 7-Zip sources; the cabinet format of MS-CAB; RFC 1952;
 * the xz, zstd (RFC 8878), lz4 and lzip format documents; ECMA-119; tar(5),
 * cpio(5), ar(5) of libarchive; elf(5); the PE format of Microsoft.
 */
enum archive_kind {
	ARCHIVE_ZIP,
	ARCHIVE_7Z,
	ARCHIVE_RAR4,
	ARCHIVE_RAR5,
	ARCHIVE_CAB,
	ARCHIVE_TAR,
	ARCHIVE_CPIO,
	ARCHIVE_AR,
	ARCHIVE_ISO,
	ARCHIVE_RPM,
	ARCHIVE_GZIP,
	ARCHIVE_BZIP2,
	ARCHIVE_XZ,
	ARCHIVE_ZSTD,
	ARCHIVE_LZ4,
	ARCHIVE_LZIP,
	ARCHIVE_KIND_MAX_
};

/* What the headers of one archive say. */
struct archive_facts {
	enum archive_kind kind;
	uint64_t offset;            /* where it begins in the content */
	bool has_encrypted_headers; /* the names of its members are not readable */
	bool is_volume;             /* one of a set of several files */
};

/* A file can be two archives at once. */
enum { ARCHIVE_LOOKS_MAX = 2 };

/* How many archives c is, 0..2; ret holds as many.  Looks at bytes of c only. */
size_t archive_look(const struct content *c, struct archive_facts *ret);

/* Kinds that hold their members as they are: the last one's end is also theirs. */
bool archive_kind_is_plain(enum archive_kind kind);

/* "ZIP", "7Z", ...: as filetype_of() has it where it knows the kind. */
const char *archive_kind_name(enum archive_kind kind);

#endif
