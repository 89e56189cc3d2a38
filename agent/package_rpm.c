/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: rpm's database, which root writes; read as if it were hostile.
 */
#include "agent/package_rpm.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/rpm_header.h"
#include "base/memory.h"

enum { PROGRESS_STEPS = 10 * 1000 * 1000 }; /* of SQLite's machine in one question */

struct rpm_database {
	char *path, *log; /* owned */
	sqlite3 *sqlite;
	sqlite3_stmt *find;
	struct stat st;
};

/* Folders of rpm, and names in them of databases that are not read. */
static const char *const folders[] = { "usr/lib/sysimage/rpm", "var/lib/rpm" };
static const char *const others[] = { "Packages", "Packages.db" };

static bool
is_there(const char *root, const char *folder, const char *name)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s/%s", root, folder, name);
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static mh_err
find_database(const char *root, char **ret)
{
	mh_err err = MH_ERR_NOTFOUND;

	for (size_t i = 0; i < MH_ARRAY_LEN(folders); i++) {
		if (is_there(root, folders[i], "rpmdb.sqlite")) {
			*ret = xasprintf("%s/%s/rpmdb.sqlite", root, folders[i]);
			return MH_OK;
		}
		for (size_t k = 0; k < MH_ARRAY_LEN(others); k++) {
			if (is_there(root, folders[i], others[k]))
				err = MH_ERR_UNSUPPORTED;
		}
	}
	return err;
}

/* A log with something in it: rpm writes just now, or was killed. */
static bool
has_log(const struct rpm_database *db)
{
	struct stat st;

	return stat(db->log, &st) == 0 && st.st_size > 0;
}

/* As a URI of SQLite: sqlite.org/uri.html; what is special in one is escaped. */
static char *
make_uri(const char *path)
{
	char *uri = xcalloc(strlen(path) * 3 + 32, 1);
	char *at = stpcpy(uri, "file:");

	for (const char *c = path; *c != 0; c++) {
		if (*c == '?' || *c == '#' || *c == '%')
			at += snprintf(at, 4, "%%%02x", (unsigned)(unsigned char)*c);
		else
			*at++ = *c;
	}
	(void)stpcpy(at, "?immutable=1");
	return uri;
}

/* No question may go on for ever, whatever the database says about itself. */
static int
give_up(void *ctx)
{
	(void)ctx;
	return 1;
}

static mh_err
open_sqlite(struct rpm_database *db)
{
	static const char question[] = "SELECT blob FROM Packages WHERE hnum IN "
				       "(SELECT hnum FROM Basenames WHERE key = ?1)";
	MH_CLEANUP(freep) char *uri = make_uri(db->path);

	if (sqlite3_open_v2(uri, &db->sqlite,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK)
		return MH_ERR_STORE;
	(void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_limit(db->sqlite, SQLITE_LIMIT_LENGTH, RPM_HEADER_BYTES_MAX);
	if (sqlite3_exec(db->sqlite, "PRAGMA cell_size_check=1; PRAGMA mmap_size=0;",
		NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db->sqlite, question, -1, &db->find, NULL) != SQLITE_OK)
		return MH_ERR_STORE;
	return MH_OK;
}

mh_err
rpm_database_open(const char *root, struct rpm_database **ret)
{
	MH_CLEANUP(rpm_database_closep)
	struct rpm_database *db = xcalloc(1, sizeof(*db));
	mh_err err = find_database(root, &db->path);

	if (err != MH_OK)
		return err;
	db->log = xasprintf("%s-wal", db->path);
	if (stat(db->path, &db->st) < 0)
		return MH_ERR_SYSTEM;
	if (has_log(db))
		return MH_ERR_AGAIN;
	err = open_sqlite(db);
	if (err != MH_OK)
		return err;
	*ret = MH_TAKE(db);
	return MH_OK;
}

void
rpm_database_close(struct rpm_database *db)
{
	if (db == NULL)
		return;
	(void)sqlite3_finalize(db->find);
	(void)sqlite3_close(db->sqlite);
	free(db->path);
	free(db->log);
	free(db);
}

bool
rpm_database_has_changed(const struct rpm_database *db)
{
	struct stat st;

	return stat(db->path, &st) < 0 || st.st_ino != db->st.st_ino ||
	       st.st_dev != db->st.st_dev || st.st_size != db->st.st_size ||
	       st.st_mtim.tv_sec != db->st.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != db->st.st_mtim.tv_nsec || has_log(db);
}

/* Look into the headers that the question brings, until one has the path. */
static mh_err
look_through(struct rpm_database *db, const char *path, struct package_facts *ret)
{
	mh_err worst = MH_ERR_NOTFOUND;
	uint64_t bytes = 0;
	int rc = SQLITE_ROW;

	while ((rc = sqlite3_step(db->find)) == SQLITE_ROW) {
		const void *blob = sqlite3_column_blob(db->find, 0);
		size_t len = (size_t)sqlite3_column_bytes(db->find, 0);

		bytes += len;
		if (bytes > RPM_BYTES_MAX)
			return MH_ERR_TOOBIG;
		mh_err err =
		    blob != NULL ? rpm_header_find(blob, len, path, ret) : MH_ERR_FORMAT;

		if (err == MH_OK)
			return MH_OK;
		if (err != MH_ERR_NOTFOUND)
			worst = err;
	}
	if (rc == SQLITE_INTERRUPT)
		return MH_ERR_TOOBIG;
	return rc == SQLITE_DONE ? worst : MH_ERR_STORE;
}

mh_err
rpm_database_find(struct rpm_database *db, const char *path, struct package_facts *ret)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : "";
	mh_err err = MH_ERR_NOTFOUND;

	if (name[0] == 0)
		return MH_ERR_NOTFOUND;
	sqlite3_progress_handler(db->sqlite, PROGRESS_STEPS, give_up, NULL);
	if (sqlite3_bind_text(db->find, 1, name, -1, SQLITE_STATIC) != SQLITE_OK)
		err = MH_ERR_STORE;
	else
		err = look_through(db, path, ret);
	(void)sqlite3_reset(db->find);
	(void)sqlite3_clear_bindings(db->find);
	return err;
}
