/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_PACK_ZIP_H
#define MH_SCANNERS_PACK_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The rule files in a ZIP, as publishers ship their packs.
 *
 * Nothing is written: a member is a name and bytes in memory.  Members whose
 * names do not end in .yar or .yara, or have a part that begins with a dot (".git",
 * "..": a name that climbs out), are passed over or left out and told.
 *
 * Input: hostile.  Runs in: a zygote that has closed its sandbox.
 */
enum {
	PACK_ENTRIES_MAX = 200000, /* in a ZIP: the largest public pack has some 2,000 */
	PACK_NAME_MAX = 512,       /* bytes of a member's name */
	PACK_PARTS_MAX = 16,       /* folders in it, as below a pack's folder */
	PACK_LICENSE_HEAD = 512,   /* bytes of its licence: the first line is in them */
};

/* What a ZIP's files are handed to; on_license may be NULL. */
struct pack_zip_ops {
	/* A rule file; its bytes are borrowed.  false ends the reading. */
	bool (*on_file)(void *ctx, const char *name, const uint8_t *data, size_t len);
	/* A licence in the top folder, or in one below it; of several, each. */
	void (*on_license)(void *ctx, const uint8_t *data, size_t len);
	/* A rule file that is left out, and why. */
	bool (*on_left_out)(void *ctx, const char *name, const char *why);
};

/*
 * Read the ZIP fd, of size bytes; fd is borrowed.  Returns NULL when it was read to
 * its end, else a static sentence why not; what was handed out before is good.
 */
const char *pack_zip_read(int fd, uint64_t size, const struct pack_zip_ops *ops,
    void *ctx);
/* The same of bytes in memory. */
const char *pack_zip_read_bytes(const void *p, size_t len, const struct pack_zip_ops *ops,
    void *ctx);

#endif
