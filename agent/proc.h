/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PROC_H
#define MH_AGENT_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "records/process.h"

/*
 * Facts of one process from its folder in /proc (proc(5)).
 *
 * dir is a descriptor of /proc/PID: while it is open, the files below it are of
 * that process or of none, whoever gets the pid next.  Some files check who
 * reads them, not who opened them, so they are read where the rights are: in
 * the opener.
 */
enum {
	PROC_TEXT_MAX = 1 << 20, /* bytes of a file of one process that are read */
	PROC_FDS_MAX = 4096,     /* descriptors of a process that are looked at */
	PROC_PIDS_MAX = 1 << 22, /* the kernel's own limit (PID_MAX_LIMIT) */
};

/* What tells whether a process is still the same, and still runs the same program. */
struct proc_state {
	uint64_t start_ticks;
	uint64_t start_code, start_stack; /* change when it executes another program */
};

/* The folder of pid below proc, a folder of proc(5); -1 (errno) when there is none. */
int proc_open(int proc, int32_t pid);

/*
 * The same for looks at its memory: of a process whose first thread has ended, a
 * zombie, that of a thread that lives (it has all but map_files).
 * *ret_start_ticks is the process's.
 */
int proc_open_living(int proc, int32_t pid, uint64_t *ret_start_ticks);

/* Whether pid is a thread of a process, not the process itself. */
bool proc_is_thread(int proc, int32_t pid);

/* The small file name below dir into b, as far as PROC_TEXT_MAX.  MH_ERR_SYSTEM. */
mh_err proc_read(int dir, const char *name, struct buf *b) MH_CHECKED;

/*
 * Fill in who p is: pid, parent, times, user, names, program, control group,
 * namespaces, sizes.  Texts that may not be read are "".
 *
 * Errors: MH_ERR_NOTFOUND (it is gone).  *p can be cleared in any case.
 */
mh_err proc_identify(int dir, int32_t pid, struct process *p) MH_CHECKED;

/*
 * The same from what the kernel answers by itself: without command line, facts of
 * the program's file and namespaces.  Never asks a file system (the program may lie
 * on one whose server is dead), nor reads memory of the process, which may be
 * mapped from there.
 */
mh_err proc_glance(int dir, int32_t pid, struct process *p) MH_CHECKED;

/*
 * Complete a glance: the command line, which is memory of the process and waits
 * for what is mapped there; facts of the program's file (exe_...).
 */
void proc_command(int dir, struct process *p);
void proc_program_facts(int dir, struct process *p);

/* Only pid, parent, start and the flag of a kernel thread: for ancestors. */
mh_err proc_stat(int dir, struct process *p, struct proc_state *ret) MH_CHECKED;

/* Whether it is a zombie: it has no memory any more. */
bool proc_is_zombie(int dir);

/*
 * Parse /proc/PID/stat: the name in it is the process's own choice and may hold
 * ") R 1".  MH_ERR_FORMAT.
 */
mh_err proc_parse_stat(const char *text, struct process *p, struct proc_state *ret)
    MH_CHECKED;

/* The id of the container that a control group's path names, new; "" when none. */
char *proc_container(const char *cgroup);

#endif
