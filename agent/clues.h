/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLUES_H
#define MH_AGENT_CLUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/mounts.h"
#include "base/attributes.h"
#include "records/process.h"
#include "records/target.h"

/*
 * Gathers facts about processes that may be anomalies (records/clue.h).  It
 * judges nothing (agent/anomaly.h does) and reads no memory of a process; of
 * its environment it keeps the variables that make the dynamic loader load
 * something, and nothing else.
 *
 * What each fact needs, beside being root or the process's own user:
 *
 *	mappings, program, environ, thread	CAP_SYS_PTRACE for other users';
 *	    positions, preload file, tracer	CAP_DAC_READ_SEARCH
 *	packet sockets of other namespaces	CAP_SYS_ADMIN (setns(2)); without it
 *						/proc/PID/net/packet, no filters
 *	filters of packet sockets		CAP_NET_ADMIN
 *	a /proc that nothing is mounted over	CAP_SYS_ADMIN (fsopen(2), kernel 5.8)
 *	code pages that were changed		as mappings; the file through
 *						map_files with CAP_SYS_ADMIN or
 *						CAP_CHECKPOINT_RESTORE, else by path
 *	hidden pids				nothing, but no hidepid= on /proc
 *
 * Under Yama an ordinary user may not see where threads stand, not even of own
 * processes.  What could not be seen is counted in struct clues_gaps.
 *
 * All of it survives processes that exit, exec and fork meanwhile: what cannot
 * be read any more yields no clue.  Looking at paths (the preload file, whether
 * a deleted file was replaced) may block on a dead network file system; the
 * opener's deadline ends that.
 */
enum {
	/* Threads of one process whose position is read: 6 us each. */
	CLUES_THREADS_MAX = 4096,
	/* Descriptors of one process that are searched for packet sockets. */
	CLUES_FDS_MAX = 65536,
	/* Network namespaces whose packet sockets are listed: containers. */
	CLUES_NAMESPACES_MAX = 1024,
	/* Roots of mount namespaces whose preload file is read. */
	CLUES_ROOTS_MAX = 1024,
	/* Packet sockets of one namespace: a sniffer has one for each interface. */
	CLUES_SOCKETS_MAX = 1024,
	/* Bytes of environ that are searched; the kernel allows a quarter of the stack. */
	CLUES_ENVIRON_MAX = 512 * 1024,
	/* Executable mappings of one process: the default of vm.max_map_count. */
	CLUES_RANGES_MAX = 65536,
	/* Clues of one kind of one process: different files, places, variables. */
	CLUES_ALIKE_MAX = 8,
	/* Hidden processes that are told. */
	CLUES_HIDDEN_MAX = 64,
	/* Time for probing pids; 4 million of them take 1.2 s. */
	CLUES_PROBE_MS = 300,
};

struct clues;

/* What was not seen; counts since clues_new(). */
struct clues_gaps {
	uint32_t n_threads;    /* whose position was denied, or beyond the limit */
	uint32_t n_namespaces; /* of the network, that could not be entered */
	uint32_t n_filters;    /* packet sockets whose filter was not told */
	uint32_t n_fds;        /* descriptors beyond the limit */
	uint32_t n_pids;       /* not probed: time was up, or /proc hides on purpose */
	uint32_t
	    n_codes; /* changed pages whose files were not opened, or beyond limits */
};

/*
 * A descriptor of /proc: a mount of our own where that is permitted, over which
 * nobody has mounted anything, else the folder /proc.  -1 (errno) when neither.
 */
int clues_open_proc(void);

/*
 * The context of one listing.  proc_fd, a folder of proc(5), is borrowed while
 * it lives.  Never NULL.
 */
struct clues *clues_new(int proc_fd);
void clues_free(struct clues *c);
MH_DEFINE_CLEANUP(struct clues, clues_free);

/*
 * Processes that live but are not listed by readdir(3) of /proc, found by
 * trying all pids: each was alive all through two listings without it.  Their
 * /proc/PID may open nevertheless.  Borrowed until c is freed; *ret_n of them.
 * Costs 10 ms for 32,768 pids, at most CLUES_PROBE_MS; the first call does it.
 */
const int32_t *clues_hidden(struct clues *c, size_t *ret_n);

/*
 * Append the clues of the process whose /proc/PID is open as pid_fd, most
 * telling first, and fill p->libraries.  p's pid, program, net_namespace,
 * mount_namespace and start_ms are read, 0 or NULL where unknown.  pid_fd is -1 for one that cannot
 * be opened: it still may be hidden or covered.
 *
 * Facts of a mount namespace (its preload file) go to the first process of it
 * that is met, which in a whole listing is its oldest: pid 1 for the machine.
 */
void clues_of_process(struct clues *c, int pid_fd, struct process *p);

const struct clues_gaps *clues_gaps(const struct clues *c);

/*
 * Executable mappings of files that hold pages of the process's own: into the
 * code ranges of ret, whose other fields stay, and its files, opened for reading,
 * into fds from MEMORY_FD_CODES on, which are the caller's and counted in
 * ret->n_fds.  fds holds the three before.  Pages side by side are one range,
 * ranges of one file share its descriptor.  What is beyond the limits is told
 * in ret->codes_left.  c may be NULL; files that could not be opened, and
 * processes with something beyond, are counted in it.  Uses PAGEMAP_SCAN
 * (kernel 6.7), else pagemap(5).
 */
void clues_code_ranges(struct clues *c, int pid_fd, const struct mounts *mounts, int *fds,
    struct target *ret);

#endif
