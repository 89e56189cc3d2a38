/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PROFILE_H
#define MH_AGENT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * What one scan looks at, under a name.  Built in are quick (memory of all
 * processes, what they map, and the places where something can start by
 * itself), memory (processes alone) and full (all that is local, and processes).
 * One of the configuration with the same name takes the place of a built-in one.
 *
 * Paths are patterns of fnmatch(3) by component; "~" at the beginning is each
 * local home folder.  "BASE/" "**" "/TAIL" is every file below BASE whose path ends
 * with the pattern TAIL, in any case of letters.  A path that is not there is no
 * error.
 */
enum {
	PROFILES_MAX = 64,      /* a person wrote them */
	PROFILE_NAME_MAX = 32,  /* bytes: a word on a command line */
	PROFILE_LIST_MAX = 256, /* paths, and patterns, of one */
};

/* A place from which something starts by itself, and the technique of ATT&CK. */
struct profile_place {
	const char *path;
	const char *technique; /* "T1543.002" */
};

/* All lists are borrowed: from the configuration or from the program. */
struct profile {
	const char *name;
	const char *const *paths;
	size_t n_paths;
	const char *const
	    *only; /* fnmatch(3), on the whole path or the name; none: all */
	size_t n_only;
	const char *const *exclude;
	size_t n_exclude;
	bool has_processes;
	bool may_cross;
	bool may_use_network;
	bool archives;
};

/* The built-in one of that name, or NULL.  Static. */
const struct profile *profile_builtin(const char *name);
/* own before the built-in ones; NULL for a name that neither has. */
const struct profile *profile_find(const struct profile *own, size_t n_own,
    const char *name);
/* The places of quick, with reasons. */
const struct profile_place *profile_places(size_t *ret_n);

/* NULL for a good name (a-z, 0-9, - and _), else why not; static. */
const char *profile_name_problem(const char *name);

#endif
