/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_AUTHORITY_SANDBOX_H
#define MH_COLLECTOR_AUTHORITY_SANDBOX_H

#include "base/error.h"

/*
 * Give up everything but computing and the channel: not dumpable, so that the
 * collector, which has the same user, cannot read our memory with ptrace(2); no
 * new privileges; no new files, processes or core dumps; at most
 * AUTHORITY_MEMORY_MAX of memory; and a seccomp(2) allow-list without open,
 * socket, connect, execve, fork or ptrace.  Another system call ends the process.
 *
 * With AddressSanitizer, which needs many system calls, the filter is left out.
 * Errors: MH_ERR_SYSTEM, MH_ERR_UNSUPPORTED (no seccomp): do not go on.
 */
enum {
	AUTHORITY_MEMORY_MAX = 256 * 1024 * 1024
}; /* bytes of address space; 15 MiB are used */

mh_err authority_sandbox(void) MH_CHECKED;

#endif
