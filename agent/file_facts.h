/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_FILE_FACTS_H
#define MH_AGENT_FILE_FACTS_H

#include <sys/stat.h>

#include "records/target.h"

/* Facts about files that openers tell. */

/* Put what fstat(2) said into t. */
void file_facts(struct target *t, const struct stat *st);

/* The name of a user, or its number when it has none; borrowed until the next call. */
const char *owner_name(uid_t uid);

#endif
