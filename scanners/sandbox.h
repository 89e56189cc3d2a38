/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_SANDBOX_H
#define MH_SCANNERS_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Takes power away from the process that reads hostile bytes, in three steps:
 *
 * 1. sandbox_drop_privileges(), first thing: another user, no capabilities, no
 *    new privileges, no core dumps, namespaces of its own where permitted.
 * 2. sandbox_close_zygote(), rules compiled: Landlock without a single path
 *    (kernel 5.13), seccomp allow-list (kernel 4.14) that still knows fork.
 * 3. sandbox_close_worker(), after the fork: a second, narrower list, and the
 *    limit of anonymous memory (RLIMIT_DATA, which counts private writable
 *    memory since kernel 4.7).
 *
 * Without seccomp nothing scans.  Without Landlock the descriptors and the
 * seccomp list still hold, and *ret_has_landlock says that it is weaker.
 */
mh_err sandbox_drop_privileges(const char *user) MH_CHECKED;

/* *ret_data_bytes is the anonymous memory of this moment: proc(5), statm. */
/*
 * While hostile rule text is compiled: limits of anonymous memory and CPU time,
 * on and off.  Compiling the largest public collection takes a tenth of both.
 */
enum { COMPILE_CPU_SECONDS = 300 };
#define COMPILE_DATA_BYTES (2ull << 30)
void sandbox_limit_compiler(bool is_on);
/*
 * The same while a file of indicators is read: of JSON, a tree can have a hundred times
 * the size of its text.  The largest feed of MISP takes a third.
 */
#define READER_DATA_BYTES (1ull << 30)
void sandbox_limit_reader(bool is_on);

mh_err sandbox_close_zygote(bool *ret_has_landlock, uint64_t *ret_data_bytes) MH_CHECKED;

/* max_data_bytes is the zygote's anonymous memory and what a worker may add to it. */
mh_err sandbox_close_worker(uint64_t max_data_bytes) MH_CHECKED;

#endif
