/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PACKAGE_OWNER_H
#define MH_AGENT_PACKAGE_OWNER_H

#include "base/attributes.h"
#include "records/facts.h"

/*
 * Which package a file came with, by the databases of dpkg and rpm below a root
 * folder, read without their tools.  What was read of them is kept until they
 * change, or until package_owner_rest().  Where /bin and its like are links into
 * /usr (usr-merge), both names of a file are tried.
 *
 * Blocks for the disk: runs in the opener.
 */
enum { PACKAGE_REST_MS = 60 * 1000 }; /* without a question: then call _rest() */

struct package_owner;

/* root is "" for the system's.  Reads nothing yet. */
struct package_owner *package_owner_new(const char *root);
void package_owner_free(struct package_owner *po);
MH_DEFINE_CLEANUP(struct package_owner, package_owner_free);

/*
 * Who brought the absolute path, which has no links in it.  *ret is overwritten;
 * when nothing is known it says why.
 */
void package_owner_find(struct package_owner *po, const char *path,
    struct package_facts *ret);

/* Give memory back that the next question needs again; false when there was none. */
bool package_owner_rest(struct package_owner *po);

#endif
