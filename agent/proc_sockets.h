/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PROC_SOCKETS_H
#define MH_AGENT_PROC_SOCKETS_H

#include "base/attributes.h"
#include "records/process.h"

/*
 * To whom the sockets of processes are open: proc(5), net/tcp and its kin.
 *
 * One table for each network namespace, read through the first process of it
 * that is met, and kept for one listing.
 */
enum {
	SOCKETS_MAX = 1 << 18,        /* of one namespace */
	SOCKET_NAMESPACES_MAX = 4096, /* of one listing */
};

struct proc_sockets;

struct proc_sockets *proc_sockets_new(void);
void proc_sockets_free(struct proc_sockets *ps);
MH_DEFINE_CLEANUP(struct proc_sockets, proc_sockets_free);

/* Fill in the sockets of p, whose folder in /proc is open as dir. */
void proc_sockets_of(struct proc_sockets *ps, int dir, struct process *p);

/*
 * One line of /proc/PID/net/tcp or its kin; false for a head line or nonsense.
 * is_six: addresses of 16 bytes.
 */
bool proc_sockets_parse(const char *line, bool is_six, struct process_socket *ret,
    uint64_t *ret_inode);

#endif
