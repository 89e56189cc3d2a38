/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_CHILD_H
#define MH_BASE_CHILD_H

#include <sys/types.h>

#include "base/error.h"

/*
 * Starting a role: fork(2) and execve(2) of a program that finds its channel
 * as descriptor CHILD_CHANNEL_FD.  Only libc; used by the supervisor and by
 * the command line, which is its own supervisor.
 *
 * Every role gets CHILD_CHANNEL_FD from its parent and nothing else but the
 * standard descriptors.
 */
enum { CHILD_CHANNEL_FD = 3 };

/*
 * Start the program at path with argv (NULL-terminated, borrowed).  The child
 * gets fd, which is taken, as CHILD_CHANNEL_FD; it dies with SIGKILL when the
 * thread that called this dies (prctl(2), PR_SET_PDEATHSIG).  Signals are at
 * their defaults in it and nothing is blocked.
 */
mh_err child_start(const char *path, char *const argv[], int fd, pid_t *ret_pid)
    MH_CHECKED;

/*
 * The folder of the role programs, new, freed by the caller: the value of
 * MOLEHUNT_LIBEXEC when the caller is not set-id and it is there, else beside
 * this program when it runs from a build tree, else where it was installed
 * relative to this program, else where the build said.
 */
char *child_program_folder(void);

#endif
