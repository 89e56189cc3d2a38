/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_CLUE_H
#define MH_RECORDS_CLUE_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/limits.h"

/*
 * A fact about a process that may be an anomaly: what opener and worker saw,
 * without a judgement.  The agent weighs all clues of a process together
 * (agent/anomaly.h) and makes findings of those that count.
 *
 * CLUE(code, name): name is the stable word in records.
 */
#define CLUES(CLUE)                                                                      \
	CLUE(EXE_DELETED, "exe-deleted")       /* its program's file is gone */          \
	CLUE(EXE_MEMFD, "exe-memfd")           /* its program never was a file */        \
	CLUE(EXEC_DELETED, "exec-deleted")     /* maps code of a file that is gone */    \
	CLUE(EXEC_MEMFD, "exec-memfd")         /* maps code of a memfd */                \
	CLUE(EXEC_ANONYMOUS, "exec-anonymous") /* executable memory without a file */    \
	CLUE(WRITE_EXEC, "write-exec")         /* writable and executable at once */     \
	CLUE(PC_ANONYMOUS, "pc-anonymous")     /* a thread runs in anonymous memory */   \
	CLUE(PC_DELETED, "pc-deleted")         /* ... in a file that is gone */          \
	CLUE(PC_MEMFD, "pc-memfd")             /* ... in a memfd */                      \
	CLUE(CODE_CHANGED, "code-changed")     /* code differs from its file */          \
	CLUE(CODE_COPIED, "code-copied")       /* pages of its own, equal to the file */ \
	CLUE(CODE_MANY, "code-many")           /* more of it than is compared */         \
	CLUE(CODE_RELOCATED,                                                             \
	    "code-relocated")                /* differs as relocations would make it */  \
	CLUE(IMAGE_EXEC, "image-executable") /* program image in executable memory */    \
	CLUE(IMAGE, "image")                 /* program image in other memory */         \
	CLUE(KERNEL_NAME, "kernel-name")     /* poses as a kernel thread */              \
	CLUE(PRELOAD, "preload")             /* LD_PRELOAD, LD_AUDIT in environ */       \
	CLUE(PRELOAD_FILE, "preload-file")   /* /etc/ld.so.preload names something */    \
	CLUE(PACKET_SOCKET, "packet-socket") /* reads raw packets */                     \
	CLUE(HIDDEN, "hidden")               /* lives, but /proc does not list it */     \
	CLUE(COVERED, "covered")             /* something is mounted over /proc/PID */   \
	CLUE(SECRET_MEMORY, "secret-memory") /* memfd_secret(2) */                       \
	CLUE(TRACED, "traced")               /* another process traces it: ptrace(2) */

enum clue_kind {
#define CLUE_CODE(code, name) CLUE_##code,
	CLUES(CLUE_CODE)
#undef CLUE_CODE
	    CLUE_MAX_
};

const char *clue_name(enum clue_kind kind);

/* number of EXE_DELETED, EXEC_DELETED and PC_DELETED's file. */
enum clue_file {
	CLUE_FILE_GONE,
	CLUE_FILE_REPLACED, /* its path names another file, changed since: an upgrade */
};

/* number of PRELOAD: which variable; what is "NAME=value". */
enum clue_variable {
	CLUE_VARIABLE_PRELOAD,      /* LD_PRELOAD */
	CLUE_VARIABLE_AUDIT,        /* LD_AUDIT */
	CLUE_VARIABLE_LIBRARY_PATH, /* LD_LIBRARY_PATH into a folder of all, or hidden */
	CLUE_VARIABLE_MARKER,       /* one that a known implant sets */
};

/* number of KERNEL_NAME: these bits. */
enum clue_kernel_name {
	CLUE_KERNEL_BRACKETS = 1, /* its command line is "[...]" */
	CLUE_KERNEL_COMMAND = 2,  /* ... with the name of a kernel thread inside */
	CLUE_KERNEL_COMM = 4,     /* comm is the name of a kernel thread */
};

/* number of IMAGE and IMAGE_EXEC. */
enum clue_image { CLUE_IMAGE_UNKNOWN, CLUE_IMAGE_ELF, CLUE_IMAGE_PE };

/* length of PACKET_SOCKET: bytes of its filter, 0 when it has none, or: */
#define CLUE_FILTER_UNKNOWN UINT64_MAX

struct clue {
	enum clue_kind kind;
	uint64_t address, length; /* in the process, bytes; 0 where there is none */
	uint64_t number; /* what it means depends on the kind: a thread, an offset */
	char *what;      /* a path, a symbol, a value; owned */
	uint8_t *data;   /* what was seen: code, a filter (struct sock_filter); owned */
	uint32_t n_data;
	uint8_t *expected; /* CODE_CHANGED: what the file has there; owned */
	uint32_t n_expected;
};

void clue_clear(struct clue *c);
void clue_copy(const struct clue *c, struct clue *ret);
void clue_encode(const struct clue *c, struct buf *b);
/* Always leaves what can be cleared; check r afterwards. */
void clue_decode(struct reader *r, struct clue *ret);

#endif
