/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: opener. */
#include "agent/package_owner.h"

#include <stdlib.h>
#include <string.h>

#include "agent/package_dpkg.h"
#include "agent/package_rpm.h"
#include "base/memory.h"

struct package_owner {
	char *root;                 /* owned */
	struct dpkg_database *dpkg; /* NULL: not open, as the other */
	struct rpm_database *rpm;
	mh_err dpkg_err, rpm_err; /* why not, of the last try */
};

struct package_owner *
package_owner_new(const char *root)
{
	struct package_owner *po = xcalloc(1, sizeof(*po));

	po->root = xstrdup(root);
	return po;
}

bool
package_owner_rest(struct package_owner *po)
{
	bool had_any = po->dpkg != NULL || po->rpm != NULL;

	dpkg_database_close(po->dpkg);
	rpm_database_close(po->rpm);
	po->dpkg = NULL;
	po->rpm = NULL;
	return had_any;
}

void
package_owner_free(struct package_owner *po)
{
	if (po == NULL)
		return;
	(void)package_owner_rest(po);
	free(po->root);
	free(po);
}

/* The databases as they are now. */
static void
refresh(struct package_owner *po)
{
	if (po->dpkg != NULL && dpkg_database_has_changed(po->dpkg)) {
		dpkg_database_close(po->dpkg);
		po->dpkg = NULL;
	}
	if (po->rpm != NULL && rpm_database_has_changed(po->rpm)) {
		rpm_database_close(po->rpm);
		po->rpm = NULL;
	}
	if (po->dpkg == NULL)
		po->dpkg_err = dpkg_database_open(po->root, &po->dpkg);
	if (po->rpm == NULL)
		po->rpm_err = rpm_database_open(po->root, &po->rpm);
}

static mh_err
find_rpm(struct package_owner *po, const char *path, struct package_facts *ret)
{
	mh_err err = po->rpm != NULL ? rpm_database_find(po->rpm, path, ret) : MH_OK;

	if (po->rpm == NULL)
		return MH_ERR_NOTFOUND;
	if (!rpm_database_has_changed(po->rpm))
		return err;
	/* It was read without a lock: what it said may be half of a change. */
	if (err == MH_OK)
		package_facts_clear(ret);
	return MH_ERR_AGAIN;
}

static mh_err
find_as(struct package_owner *po, const char *path, struct package_facts *ret)
{
	mh_err err =
	    po->dpkg != NULL ? dpkg_database_find(po->dpkg, path, ret) : MH_ERR_NOTFOUND;

	return err == MH_ERR_NOTFOUND ? find_rpm(po, path, ret) : err;
}

static enum package_unknown
unknown_of(mh_err err)
{
	if (err == MH_ERR_UNSUPPORTED)
		return PACKAGE_UNKNOWN_UNSUPPORTED;
	if (err == MH_ERR_AGAIN)
		return PACKAGE_UNKNOWN_BUSY;
	if (err == MH_ERR_TOOBIG)
		return PACKAGE_UNKNOWN_TOO_LARGE;
	if (err == MH_ERR_FORMAT || err == MH_ERR_STORE)
		return PACKAGE_UNKNOWN_DAMAGED;
	return PACKAGE_UNKNOWN_UNREADABLE;
}

/* Nobody claims the path: whether all could be asked. */
static enum package_unknown
why_unowned(const struct package_owner *po)
{
	if (po->dpkg == NULL && po->dpkg_err != MH_ERR_NOTFOUND)
		return unknown_of(po->dpkg_err);
	if (po->rpm == NULL && po->rpm_err != MH_ERR_NOTFOUND)
		return unknown_of(po->rpm_err);
	return po->dpkg == NULL && po->rpm == NULL ? PACKAGE_UNKNOWN_NO_DATABASE
						   : PACKAGE_UNKNOWN_UNOWNED;
}

/* The other name of a file where folders were merged into /usr; NULL: none. */
static char *
other_name(const char *path)
{
	static const char *const merged[] = { "/bin/", "/sbin/", "/lib/", "/lib32/",
		"/lib64/", "/libx32/", "/libo32/" };
	const char *bare = strncmp(path, "/usr/", 5) == 0 ? path + 4 : path;

	for (size_t i = 0; i < MH_ARRAY_LEN(merged); i++) {
		if (strncmp(bare, merged[i], strlen(merged[i])) == 0)
			return bare == path ? xasprintf("/usr%s", path) : xstrdup(bare);
	}
	return NULL;
}

void
package_owner_find(struct package_owner *po, const char *path, struct package_facts *ret)
{
	MH_CLEANUP(freep) char *other = other_name(path);

	refresh(po);
	memset(ret, 0, sizeof(*ret));
	mh_err err = find_as(po, path, ret);

	if (err == MH_ERR_NOTFOUND && other != NULL)
		err = find_as(po, other, ret);
	if (err == MH_ERR_NOTFOUND)
		ret->unknown = why_unowned(po);
	else if (err != MH_OK)
		ret->unknown = unknown_of(err);
}
