/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OWN_H
#define MH_AGENT_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

/*
 * Which processes are Molehunt's own: their memory holds the rules, which would
 * match themselves.  Never by name, which anybody can take:
 *
 * - what descends from the process that started this opener;
 * - of another run of ours (a scan by hand beside the resident agent), a
 *   process whose program is one of the files that lie beside this one, and
 *   that can run no code but that of files which root, or this user, owns and
 *   nobody else can write: no other library, no executable memory besides, no
 *   page of code that differs from its file.
 *
 * So who starts one of our programs with a library of his own, or injects code
 * into it, does not hide: that one is scanned.
 */
struct own;

/* proc, a folder of proc(5), is borrowed while it lives. */
struct own *own_new(int proc, int32_t family);
void own_free(struct own *own);
MH_DEFINE_CLEANUP(struct own, own_free);

/* Whether that file is a program of ours, from memory. */
bool own_has_program(const struct own *own, uint64_t dev, uint64_t ino);

/* Whether it descends from the family's root, or is it. */
bool own_is_family(const struct own *own, int32_t pid);

/* Whether the process whose folder in /proc is open as dir is ours. */
bool own_is(struct own *own, int dir, int32_t pid, uint64_t exe_dev, uint64_t exe_ino);

/*
 * The same by what the kernel answers by itself for all but a process that calls
 * its program as one of ours is called.
 */
bool own_is_by_name(struct own *own, int dir, int32_t pid);

#endif
