/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_CLUES_IMPL_H
#define MH_AGENT_CLUES_IMPL_H

#include <sys/stat.h>

#include "agent/clues.h"
#include "agent/mounts.h"
#include "base/maps.h"

/* Shared by clues_*.c.  Each file has one family of facts. */

/* A mount point at or below /proc/PID. */
struct cover {
	int32_t pid;
	char *path; /* owned */
};

/* A mount namespace, seen from one root, whose preload file was read. */
struct preload_root {
	uint64_t dev, ino, mount_namespace;
};

struct packet_socket {
	uint64_t ino;
	bool is_raw;           /* SOCK_RAW, else SOCK_DGRAM */
	uint16_t protocol;     /* ETH_P_ALL, ... */
	uint64_t filter_bytes; /* CLUE_FILTER_UNKNOWN */
	uint8_t *filter;       /* at most CLUE_DATA_MAX of them; owned */
	uint32_t n_filter;
};

/* The packet sockets of one network namespace. */
struct packet_sockets {
	uint64_t net_namespace;
	struct packet_socket *list; /* owned */
	size_t n;
};

struct clues {
	int proc_fd;
	struct mounts *mounts; /* of that namespace; NULL: not read yet */
	uint64_t mount_namespace;
	struct clues_gaps gaps;
	struct cover *covers;
	size_t n_covers;
	struct preload_root *roots;
	size_t n_roots;
	struct packet_sockets *nets;
	size_t n_nets;
	uint64_t own_net_namespace;
	int own_net_fd; /* the way back; -1: cannot enter others */
	bool has_net_admin;
	bool has_probed;
	int32_t *hidden;
	size_t n_hidden;
};

/* Clues of one process while they are gathered. */
struct clue_list {
	struct clue *list; /* owned */
	size_t n;
};

/* Add *c, whose texts and data are taken, unless there are CLUES_ALIKE_MAX of it. */
void clue_list_add(struct clue_list *l, struct clue c);
/* How many of that kind there are. */
size_t clue_list_count(const struct clue_list *l, enum clue_kind kind);

/* One process while its clues are gathered. */
struct clue_subject {
	struct clues *context;
	int pid_fd;
	struct process *process;
	struct clue_list *clues;
};

/* Read at most max bytes of name in pid_fd into b, which is emptied first. */
bool clues_read(int pid_fd, const char *name, struct buf *b);

/*
 * Whether the path of a deleted file (without MAPS_DELETED, as the process sees
 * it) names another file now, changed since the process began.
 */
enum clue_file clues_file_state(const struct clue_subject *s, const char *path);

/* The mounts that the process sees, borrowed until another process is looked at. */
const struct mounts *clues_mounts(const struct clue_subject *s);

/*
 * The facts of the file that m maps: by map_files where that is permitted, else
 * by its path if that names the file of the mapping.
 */
enum clues_stat {
	CLUES_STAT_DONE,
	CLUES_STAT_NETWORK, /* of a network's file system, which is not asked */
	CLUES_STAT_UNKNOWN,
};
enum clues_stat clues_stat_mapped(const struct clue_subject *s, const struct map *m,
    struct stat *ret);

/*
 * The engine that makes code at run time whose file m maps, as a word; NULL when
 * it is none, or has only the name of one.
 */
const char *clues_engine_of(const struct clue_subject *s, const struct map *m);

/* What an executable mapping is made of, as far as its line in maps tells. */
enum code_source {
	CODE_FILE,      /* a file with a name */
	CODE_KERNEL,    /* [vdso] and its kin */
	CODE_ANONYMOUS, /* private or shared memory, the stack, the heap */
	CODE_MEMFD,
	CODE_DELETED,
};
enum code_source code_source_of(const struct map *m);

void clues_of_program(const struct clue_subject *s);
void clues_of_maps(const struct clue_subject *s);
void clues_of_environ(const struct clue_subject *s);
void clues_of_names(const struct clue_subject *s);
void clues_of_tracer(const struct clue_subject *s);
void clues_of_sockets(const struct clue_subject *s);
void clues_of_preload_file(const struct clue_subject *s);
void clues_of_hiding(const struct clue_subject *s);

/* Parts of the context. */
void clues_read_covers(struct clues *c);
void clues_start_sockets(struct clues *c);
void packet_sockets_clear(struct packet_sockets *p);

/* Where one thread stands. */
struct thread_pc {
	int32_t tid;
	uint64_t pc;
};

/* The positions of all blocked threads, at most CLUES_THREADS_MAX; owned by the caller. */
size_t clues_read_threads(const struct clue_subject *s, struct thread_pc **ret);
/* The position in a text of /proc/PID/task/TID/syscall; false: it runs, or no such text. */
bool clues_parse_syscall(const char *text, uint64_t *ret_pc);

#endif
