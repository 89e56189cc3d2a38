/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PACKAGE_RPM_H
#define MH_AGENT_PACKAGE_RPM_H

#include "base/attributes.h"
#include "base/error.h"
#include "records/facts.h"

/*
 * Packages of rpm: rpmdb.sqlite in var/lib/rpm or usr/lib/sysimage/rpm below a
 * root folder, read without rpm's tools and without writing anything there, no
 * lock either.  Its index of names is rpm's own; headers are read with
 * agent/rpm_header.h.  Berkeley DB and ndb, which came before, are not read.
 *
 * Blocks for the disk: runs in the opener.
 */
enum {
	/* Bytes of headers of packages with a file of that name that are looked at for
	 * one path: all of a machine have some 100 MB. */
	RPM_BYTES_MAX = 256 * 1024 * 1024,
};

struct rpm_database;

/*
 * Errors: MH_ERR_NOTFOUND (no database of rpm), MH_ERR_UNSUPPORTED (one of
 * another kind), MH_ERR_AGAIN (it is being changed), MH_ERR_STORE, MH_ERR_SYSTEM.
 */
mh_err rpm_database_open(const char *root, struct rpm_database **ret) MH_CHECKED;
void rpm_database_close(struct rpm_database *db);
MH_DEFINE_CLEANUP(struct rpm_database, rpm_database_close);

/* Whether it is another one now: close it, and open it again. */
bool rpm_database_has_changed(const struct rpm_database *db);

/*
 * The package that has the absolute path.  Errors: MH_ERR_NOTFOUND,
 * MH_ERR_TOOBIG, MH_ERR_FORMAT (a damaged header, and none that has it),
 * MH_ERR_STORE.
 */
mh_err rpm_database_find(struct rpm_database *db, const char *path,
    struct package_facts *ret) MH_CHECKED;

#endif
