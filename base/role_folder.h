/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_ROLE_FOLDER_H
#define MH_BASE_ROLE_FOLDER_H

#include "base/error.h"

/*
 * The private folder of a role's state (STATE/agent, STATE/courier), and who
 * the role is: a role that root starts becomes the owner of its folder.  So one
 * fact, on disk, says under which user a role runs; a package sets it once.
 */

/*
 * Have STATE/NAME, 0700, and STATE above it, 0755.  When root makes the
 * folder, it is given to user, if there is such a user.
 * Errors: MH_ERR_SYSTEM (errno).
 */
mh_err role_folder_make(const char *state, const char *name, const char *user) MH_CHECKED;

/*
 * Become the owner of the folder at path, for good: user, group and no other
 * group.  Does nothing unless run by root and owned by another.  Where there is
 * no such folder, root becomes nobody (65534).
 * Errors: MH_ERR_SYSTEM (errno).
 */
mh_err role_folder_become_owner(const char *path) MH_CHECKED;

#endif
