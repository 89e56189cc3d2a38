/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_OWNER_H
#define MH_AGENT_OWNER_H

#include <sys/types.h>

/* The name of a user, or its number when it has none; borrowed until the next call. */
const char *owner_name(uid_t uid);

#endif
