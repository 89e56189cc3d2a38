/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_BACKGROUND_H
#define MH_BASE_BACKGROUND_H

/*
 * Have this process, and all that it forks, take only what others leave over:
 * the scheduling class SCHED_IDLE (sched(7)) and the class idle of disk time
 * (ioprio_set(2)).  Needs no right; where the kernel refuses, all stays as it is.
 */
void background_become(void);

#endif
