/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PACKAGE_DPKG_H
#define MH_AGENT_PACKAGE_DPKG_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/facts.h"

/*
 * Packages of dpkg, from its database (dpkg-query(1), FILES) below a root folder,
 * read without dpkg's tools.  Lists are read once into an index of hashes; what
 * a hash says is looked up in the list itself.  Diversions (dpkg-divert(1)) are
 * followed.  A configuration file's digest is the one of the version that the
 * package brought (deb822, Conffiles).
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

struct dpkg_database;

/*
 * The database below root ("" for the system's).  Errors: MH_ERR_NOTFOUND (none
 * there), MH_ERR_TOOBIG, MH_ERR_SYSTEM.
 */
mh_err dpkg_database_open(const char *root, struct dpkg_database **ret) MH_CHECKED;
void dpkg_database_close(struct dpkg_database *db);
MH_DEFINE_CLEANUP(struct dpkg_database, dpkg_database_close);

/* Whether it is another one now: close it, and open it again. */
bool dpkg_database_has_changed(const struct dpkg_database *db);

/* The owner of an absolute path.  Errors: MH_ERR_NOTFOUND. */
mh_err dpkg_database_find(struct dpkg_database *db, const char *path,
    struct package_facts *ret) MH_CHECKED;

#endif
