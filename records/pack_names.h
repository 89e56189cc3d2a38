/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_PACK_NAMES_H
#define MH_RECORDS_PACK_NAMES_H

#include <stdbool.h>

/* What the files of a pack are, by their names: in a folder as in a ZIP. */

/* A rule file: its name, or path, ends in .yar or .yara, in any case of letters. */
bool pack_is_rule_file(const char *name);

/* A licence: a name without its folder, exactly LICENSE, COPYING.txt and the like. */
bool pack_is_license(const char *name);

#endif
