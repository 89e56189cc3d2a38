/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_INDICATOR_FILES_H
#define MH_AGENT_INDICATOR_FILES_H

#include <stddef.h>

#include "agent/packs.h"
#include "base/attributes.h"
#include "base/error.h"

/*
 * Which files of indicators are used: those that somebody names, and those in the
 * folder "indicators" of a pack.  Of a folder, those are taken that have an
 * extension of such files (.txt .csv .json .ioc .xml .stix .stix2 .list .cfg .iocs
 * .md5 .sha1 .sha256), in the order of their names, without those that are called
 * README.  What is in them, the zygote finds out.
 */

/*
 * Add a file, "FORMAT:FILE", or all of a folder.  *ret_why is a new sentence on error,
 * freed by the caller, and list keeps what it had.
 * Errors: MH_ERR_SYSTEM (errno), MH_ERR_NOTFOUND (no such file in the folder),
 * MH_ERR_FULL (INDICATOR_FILES_MAX).
 */
mh_err indicator_files_add(struct pack_list *list, const char *what, char **ret_why)
    MH_CHECKED;

/* The folder "indicators" of a pack, if it has one.  Beyond INDICATOR_FILES_MAX none is added. */
void indicator_files_add_pack(struct pack_list *list, const char *name_space,
    const char *path);

void indicator_files_clear(struct pack_list *list);

/*
 * A file without a name for the table of what these files hold: *ret_fd for who fills
 * it, *ret_reader the same file, for reading only.  In memory while it is small, else in
 * folder.  *ret_why is a new sentence on error.
 * Errors: MH_ERR_SYSTEM (errno), MH_ERR_FULL (no room in folder).
 */
mh_err indicator_table_make(const struct pack_list *list, const char *folder, int *ret_fd,
    int *ret_reader, char **ret_why) MH_CHECKED;

#endif
