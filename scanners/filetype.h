/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_FILETYPE_H
#define MH_SCANNERS_FILETYPE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The type that the first bytes of a file claim, by the short names that
 * public rules compare the external "filetype" with: "EXE", "ELF", "ZIP", ...
 * "" when none is known.  Static.
 */
const char *filetype_of(const uint8_t *data, size_t len);

#endif
