/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: agent, courier, command line; as root until it returns. */
#include "base/role_folder.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

enum { NOBODY_ID = 65534 }; /* of a folder that is not there */

mh_err
role_folder_make(const char *state, const char *name, const char *user)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", state, name);
	const struct passwd *pw = NULL;
	mh_err err = folder_make(state, 0755);

	if (err != MH_OK)
		return err;
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? MH_OK : MH_ERR_SYSTEM;
	if (geteuid() != 0)
		return MH_OK;
	pw = getpwnam(user);
	if (pw != NULL && chown(path, pw->pw_uid, pw->pw_gid) < 0)
		return MH_ERR_SYSTEM;
	return MH_OK;
}

mh_err
role_folder_become_owner(const char *path)
{
	struct stat st = { .st_uid = NOBODY_ID, .st_gid = NOBODY_ID };

	if (geteuid() != 0)
		return MH_OK;
	if (stat(path, &st) < 0 && errno != ENOENT)
		return MH_ERR_SYSTEM;
	if (st.st_uid == 0)
		return MH_OK;
	if (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
		return MH_ERR_SYSTEM;
	assert(setuid(0) < 0);
	/* Changing the user forgets it: prctl(2), PR_SET_PDEATHSIG. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return MH_OK;
}
