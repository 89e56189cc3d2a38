/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/background.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Time that is spent nicely is counted apart in /proc/stat: agent/governor.h needs it. */
enum { NICE = 19 };

/* ioprio_set(2); linux/ioprio.h has them since 5.15 only. */
enum { WHO_PROCESS = 1, CLASS_IDLE = 3, CLASS_SHIFT = 13 };

void
background_become(void)
{
	const struct sched_param none = { .sched_priority = 0 };

	(void)sched_setscheduler(0, SCHED_IDLE, &none);
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	(void)syscall(SYS_ioprio_set, WHO_PROCESS, 0, CLASS_IDLE << CLASS_SHIFT);
}
