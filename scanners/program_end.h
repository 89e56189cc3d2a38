/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_PROGRAM_END_H
#define MH_SCANNERS_PROGRAM_END_H

#include <stdint.h>

#include "scanners/content.h"

/*
 * Where the program of an ELF (little endian) or PE file ends by its own
 * headers (elf(5); Microsoft's "PE Format"); what lies behind was appended.
 * 0: neither, or headers that do not hold together.
 */
uint64_t program_end(const struct content *c);

#endif
