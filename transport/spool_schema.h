/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_SPOOL_SCHEMA_H
#define MH_TRANSPORT_SPOOL_SCHEMA_H

#include <sqlite3.h>

#include "base/error.h"

/*
 * The tables of the spool.  SQLite's user_version is the version of the schema;
 * each migration brings it from n to n + 1 in a transaction of its own.  A
 * migration that was released is never edited.
 */
enum { SPOOL_SCHEMA_VERSION = 2 };

/*
 * Bring the database to this version.  *ret_rc is SQLite's code.
 * Errors: MH_ERR_UNSUPPORTED (written by a later version), MH_ERR_STORE.
 */
mh_err spool_schema_migrate(sqlite3 *db, int *ret_rc) MH_CHECKED;

/* The version in the database; negative when it cannot be read. */
int spool_schema_version(sqlite3 *db, int *ret_rc);

#endif
