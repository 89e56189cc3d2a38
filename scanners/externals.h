/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_EXTERNALS_H
#define MH_SCANNERS_EXTERNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "records/limits.h"
#include "scanners/content.h"
#include "scanners/hasher.h"
#include "scanners/matcher.h"

/*
 * The values of the externals that rules may read (docs/RULES.md, "Externals")
 * of a file, or of a member of an archive, which is a file to the rules.
 */

/* What a file is called.  Borrowed; at most PATH_BYTES_MAX bytes of path. */
struct file_name {
	const char *path;
	const char *owner;
	const char *filetype; /* filetype_of() */
};

/* Where the texts of the values live.  Large: one per scanner, not on a stack. */
struct external_texts {
	char filepath[PATH_BYTES_MAX + 1];
	char extension[RULE_NAME_MAX];
	char md5[33];
	uint8_t md5_bytes[16];
};

/*
 * Fill ret with what the mask asks for (ruleset_externals()); the rest is "".
 * ret borrows from name and texts.  True: the MD5 was computed.
 */
bool externals_fill(unsigned mask, const struct file_name *name, const struct content *c,
    struct hasher *h, struct external_texts *texts, struct external_values *ret);

#endif
