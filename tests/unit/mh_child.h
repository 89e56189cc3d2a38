/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_CHILD_H
#define MH_TESTS_UNIT_MH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

/*
 * A fork of the test that lies still: its memory is the test's as it was, at
 * the same addresses.  It does what it is told, then waits again; it ends with
 * the test.
 */
struct mh_child {
	pid_t pid;
	int to, from; /* pipes */
	int mem, pagemap, maps, smaps;
};

/* Fails the test when the child cannot be made or looked at. */
void mh_child_start(struct mh_child *c);
/* Have the child call do_it(arg), and wait until it has. */
void mh_child_do(struct mh_child *c, void (*do_it)(void *arg), void *arg);
/* Accepts one that was never started, or ended. */
void mh_child_end(struct mh_child *c);

/* A number of /proc/PID/NAME behind "FIELD:", in kB. */
uint64_t mh_child_field(const struct mh_child *c, const char *name, const char *field);

#endif
