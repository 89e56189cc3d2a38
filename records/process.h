/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_PROCESS_H
#define MH_RECORDS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/clue.h"
#include "records/limits.h"
#include "records/reason.h"

/*
 * Processes: what the agent asks of an opener (MSG_LIST, MSG_OPEN) and what it
 * hears (MSG_PROCESS, MSG_MAPPED, MSG_LISTED).
 *
 * A process is named by its pid and its start time together: pids are used
 * again.  A process is listed in the order of pids, so that a pid is a cursor.
 */
enum {
	LIST_PIDS_MAX = 1024,   /* in one request */
	LIST_NAMES_MAX = 256,   /* users, programs */
	LIST_NAME_BYTES = 256,  /* of one */
	OPEN_ITEMS_MAX = 64,    /* in one request */
	MAPPED_FILES_MAX = 256, /* in one message */
};

/* Which processes to list.  Empty lists: all. */
struct list_request {
	uint32_t id;
	bool is_careful;      /* say MSG_PULSE before each process */
	int32_t resume;       /* pass over pids up to and with this one; 0: none */
	bool may_use_network; /* files on network and FUSE file systems too */
	int32_t *pids;        /* owned */
	uint32_t n_pids;
	uint32_t *uids; /* owned */
	uint32_t n_uids;
	char *
	    *names; /* of programs: comm, or the last part of the program's path; owned */
	uint32_t n_names;
};

void list_request_clear(struct list_request *l);
void list_request_encode(const struct list_request *l, struct buf *b);
void list_request_decode(struct reader *r, struct list_request *ret);

/* A socket of a process: proc(5), net/tcp and its kin. */
struct process_socket {
	uint8_t family;   /* AF_INET, AF_INET6, AF_PACKET */
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_RAW; of packets 0 */
	uint8_t state;    /* TCP_ESTABLISHED, ...: netinet/tcp.h */
	uint8_t local[16], remote[16]; /* network order; IPv4 in the first 4 */
	uint16_t local_port, remote_port;
};

void process_socket_encode(const struct process_socket *s, struct buf *b);
void process_socket_decode(struct reader *r, struct process_socket *ret);

/* Why a process is told. */
enum process_role {
	PROCESS_CHOSEN = 1, /* to be scanned */
	PROCESS_ANCESTOR,   /* told because a chosen one descends from it */
	PROCESS_REFUSED,    /* chosen, but cannot be scanned: why */
	PROCESS_ROLE_MAX_
};

struct process {
	enum process_role role;
	enum reason
	    refusal; /* REASON_KERNEL, REASON_OWN, REASON_DENIED, ...; else NONE */
	int32_t pid, parent;
	uint64_t start_ticks; /* since boot, in clock ticks: proc(5), stat, field 22 */
	int64_t start_ms;     /* the same, since 1970 */
	uint32_t uid, gid;
	char *owner; /* the user's name or number; owned, as all texts here */
	char *comm;  /* as the process calls itself: hostile */
	char *
	    program; /* path of its executable as the kernel says, " (deleted)" and all */
	char *command; /* command line, NULs as spaces: hostile */
	uint64_t exe_dev, exe_ino, exe_size;
	int64_t exe_mtime_ns;
	char *cgroup;    /* of version 2, or the longest of version 1; "" when none */
	char *container; /* its id where the control group names one, or "" */
	uint64_t pid_namespace, mount_namespace, net_namespace; /* inodes; 0 unknown */
	uint32_t n_threads;
	uint64_t resident_bytes, swapped_bytes;
	uint32_t n_sockets_seen;        /* kept or not */
	struct process_socket *sockets; /* owned */
	uint32_t n_sockets;
	struct clue *clues; /* owned */
	uint32_t n_clues;
	char *libraries; /* names of known JIT engines that it maps, with spaces */
};

void process_clear(struct process *p);
void process_encode(const struct process *p, struct buf *b);
/* Always leaves what can be cleared; check r afterwards. */
void process_decode(struct reader *r, struct process *ret);

/* What a process maps, one file once (MSG_MAPPED). */
struct mapped_file {
	uint64_t dev, ino;
	uint64_t start, end; /* of one of its mappings: names it in /proc/PID/map_files */
	uint32_t twin; /* 0, or tells files of one device and inode apart: overlay */
	uint8_t is_executable, is_shared, is_deleted;
	char *path; /* as in maps(5), escapes undone; owned */
};

struct mapped_list {
	int32_t pid;
	uint64_t start_ticks;
	struct mapped_file *files; /* owned */
	uint32_t n;
};

void mapped_list_clear(struct mapped_list *m);
void mapped_list_encode(const struct mapped_list *m, struct buf *b);
void mapped_list_decode(struct reader *r, struct mapped_list *ret);

/*
 * What to open (MSG_OPEN): the memory of a process, or a file that it maps.
 * The answers are TARGETS and SKIPPED, then OPENED with the request's number.
 */
struct open_item {
	bool is_memory;
	int32_t pid;
	uint64_t start_ticks;
	struct mapped_file file; /* when it is none */
};

struct open_request {
	uint32_t id;
	bool is_careful;
	struct open_item *items; /* owned */
	uint32_t n;
};

void open_request_clear(struct open_request *o);
void open_request_encode(const struct open_request *o, struct buf *b);
void open_request_decode(struct reader *r, struct open_request *ret);

/* How coverage names the memory of a process: "process 12 (/bin/x)", new. */
char *process_name(int32_t pid, const char *program);

#endif
