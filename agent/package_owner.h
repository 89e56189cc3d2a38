/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PACKAGE_OWNER_H
#define MH_AGENT_PACKAGE_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * Which package a file came with, from dpkg's database (dpkg-query(1), FILES)
 * below a root folder, read without dpkg's tools.  Lists are read once into an
 * index of hashes; what a hash says is looked up in the list itself.  Where
 * /bin and its like are links into /usr (usr-merge), both names of a file are
 * tried.  Diversions (dpkg-divert(1)) are followed.
 *
 * Blocks for the disk: runs in the opener.
 */
enum {
	PACKAGE_PATHS_MAX = 4 * 1000 * 1000, /* in all lists, 16 bytes each; 0.4 here */
	PACKAGE_LISTS_MAX = 65536,
	PACKAGE_LIST_BYTES_MAX = 32 * 1024 * 1024, /* of one list or md5sums */
	PACKAGE_STATUS_BYTES_MAX =
	    128 * 1024 * 1024, /* of status; 5 MB for 3,000 packages */
};

struct package_owner;

struct package_facts {
	char *name;    /* without architecture; owned */
	char *version; /* "" when the status does not tell; owned */
	char *architecture;
	bool has_md5; /* false of what dpkg keeps no digest of */
	uint8_t md5[16];
};

/*
 * The databases below root ("" for the system's).  Errors: MH_ERR_UNSUPPORTED (no
 * dpkg database there), MH_ERR_TOOBIG, MH_ERR_SYSTEM.
 */
mh_err package_owner_new(const char *root, struct package_owner **ret) MH_CHECKED;
void package_owner_free(struct package_owner *po);
MH_DEFINE_CLEANUP(struct package_owner, package_owner_free);

/*
 * The owner of an absolute path without links, below root.  Errors:
 * MH_ERR_NOTFOUND (no package has it), MH_ERR_TOOBIG, MH_ERR_SYSTEM.
 */
mh_err package_owner_find(struct package_owner *po, const char *path,
    struct package_facts *ret) MH_CHECKED;
void package_facts_clear(struct package_facts *f);

#endif
