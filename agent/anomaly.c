/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: clues about hostile processes, some from scan workers.
 */
#include "agent/anomaly_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
	REASON_BYTES = 8 * 1024,
	CORROBORATES = 60, /* an anomaly of that score raises the others ... */
	RAISED = 40,       /* ... from that score on ... */
	RAISE = 5,         /* ... by that much */
	SUSPICION_EACH = 3,
	SUSPICION_OTHERS_MAX = 20,
};

/*
 * Scores: 80 and more have no harmless explanation that we know of; 60 have a
 * rare one; 40 are worth a look; less is told for completeness.  Measured with
 * node, java, php, luajit, grep -P, python with ctypes and chromium: no thread
 * of theirs stood in anonymous memory, none had program images in executable
 * memory, changed code, a kernel thread's name or a hidden pid.
 */
static const struct {
	const char *title;
	const char *attacks; /* techniques of MITRE ATT&CK */
	unsigned base;
	weigh_fn *weigh;
} table[CLUE_MAX_] = {
	[CLUE_EXE_DELETED] = { "Program runs whose file was deleted", "T1070.004", 75,
	    weigh_exe_deleted },
	[CLUE_EXE_MEMFD] = { "Program runs that never was a file", "T1620", 80,
	    weigh_exe_memfd },
	[CLUE_EXEC_DELETED] = { "Code of a deleted file is mapped", "T1070.004, T1574",
	    60, weigh_exec_deleted },
	[CLUE_EXEC_MEMFD] = { "Code that never was a file is mapped", "T1620", 65,
	    weigh_exec_memfd },
	/* Alone it may be an engine that we do not know: programs bring their own. */
	[CLUE_EXEC_ANONYMOUS] = { "Executable memory that belongs to no file", "T1055",
	    40, weigh_exec_anonymous },
	[CLUE_WRITE_EXEC] = { "Memory that is writable and executable", "T1055", 45,
	    weigh_write_exec },
	/* Engines call libc for system calls, so a thread never waits in their code. */
	[CLUE_PC_ANONYMOUS] = { "Thread runs in memory that belongs to no file",
	    "T1055, T1620", 85, weigh_pc_anonymous },
	[CLUE_PC_DELETED] = { "Thread runs in code of a deleted file", "T1055, T1070.004",
	    65, weigh_pc_deleted },
	[CLUE_PC_MEMFD] = { "Thread runs in code that never was a file", "T1055, T1620",
	    85, weigh_pc_memfd },
	/* 0 of a million executable pages were changed on a clean machine. */
	[CLUE_CODE_CHANGED] = { "Code in memory differs from its file",
	    "T1055, T1574.013", 80, weigh_code_changed },
	[CLUE_CODE_COPIED] = { "Code in memory was written, but equals its file", "T1055",
	    10, weigh_code_copied },
	/* Written to hide a change among them: a process has none by itself. */
	[CLUE_CODE_MANY] = { "More code in memory was written than is compared", "T1055",
	    65, weigh_code_many },
	[CLUE_CODE_RELOCATED] = { "Code in memory differs as relocations make it",
	    "T1055", 15, weigh_code_relocated },
	[CLUE_IMAGE_EXEC] = { "Program image in executable memory without a file",
	    "T1620, T1055.001", 85, weigh_image },
	/* Browsers, debuggers and package managers hold programs as data. */
	[CLUE_IMAGE] = { "Program image in memory", "T1620", 15, weigh_image },
	[CLUE_KERNEL_NAME] = { "Program poses as a kernel thread", "T1036.004, T1036.011",
	    85, weigh_kernel_name },
	[CLUE_PRELOAD] = { "Library is preloaded into a process", "T1574.006", 35,
	    weigh_preload },
	/* It is in every process, and hardly anybody uses it. */
	[CLUE_PRELOAD_FILE] = { "Library is preloaded into all processes", "T1574.006",
	    60, weigh_preload_file },
	[CLUE_PACKET_SOCKET] = { "Process reads raw packets", "T1205.002, T1040", 50,
	    weigh_packet_socket },
	[CLUE_HIDDEN] = { "Process is hidden from the process list", "T1014, T1564", 90,
	    weigh_hidden },
	[CLUE_COVERED] = { "Process is hidden under a mount", "T1564.013", 90,
	    weigh_covered },
	/* Programs for keys begin to use it. */
	[CLUE_SECRET_MEMORY] = { "Memory that nobody else can read", "T1564", 45,
	    weigh_secret_memory },
	[CLUE_TRACED] = { "Process is controlled by another one", "T1055.008", 30,
	    weigh_traced },
};

const char *
anomaly_name(enum clue_kind kind)
{
	return clue_name(kind);
}

const char *
anomaly_title(enum clue_kind kind)
{
	assert((unsigned)kind < CLUE_MAX_);
	return table[kind].title;
}

const char *
anomaly_attacks(enum clue_kind kind)
{
	assert((unsigned)kind < CLUE_MAX_);
	return table[kind].attacks;
}

unsigned
anomaly_base_score(enum clue_kind kind)
{
	assert((unsigned)kind < CLUE_MAX_);
	return table[kind].base;
}

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

enum place
place_of(const char *path)
{
	static const char *const open[] = { "/tmp/", "/var/tmp/", "/dev/", "/run/user/",
		"/run/lock/", "/run/shm/", "/var/crash/" };
	static const char *const system[] = { "/usr/", "/bin/", "/sbin/", "/lib", "/opt/",
		"/snap/", "/nix/store/", "/gnu/store/", "/var/lib/snapd/",
		"/var/lib/flatpak/", "/app/" };
	static const char *const home[] = { "/home/", "/root/" };

	for (size_t i = 0; i < MH_ARRAY_LEN(open); i++) {
		if (has_prefix(path, open[i]))
			return PLACE_OPEN;
	}
	for (size_t i = 0; i < MH_ARRAY_LEN(home); i++) {
		/* Tools of users lie in hidden folders there: ~/.local, ~/.cargo. */
		if (has_prefix(path, home[i]))
			return PLACE_HOME;
	}
	if (strstr(path, "/.") != NULL)
		return PLACE_OPEN;
	for (size_t i = 0; i < MH_ARRAY_LEN(system); i++) {
		/* /usr/local/tmp and the like are still root's. */
		if (has_prefix(path, system[i]))
			return PLACE_SYSTEM;
	}
	return PLACE_OTHER;
}

const char *
place_text(enum place place)
{
	switch (place) {
	case PLACE_SYSTEM:
		return "a folder of the system";
	case PLACE_HOME:
		return "a home folder";
	case PLACE_OPEN:
		return "a hidden folder or one where anybody writes";
	case PLACE_OTHER:
		return "an unusual folder";
	}
	assert(!"a place without a text");
}

const struct clue *
judge_find(const struct judge *j, enum clue_kind kind)
{
	for (uint32_t i = 0; i < j->process->n_clues; i++) {
		if (j->process->clues[i].kind == kind)
			return &j->process->clues[i];
	}
	return NULL;
}

bool
judge_has_engine(const struct judge *j)
{
	return j->process->libraries != NULL && j->process->libraries[0] != 0;
}

bool
judge_has_named_engine(const struct judge *j, const char *name)
{
	const char *at = j->process->libraries;
	size_t len = strlen(name);

	while (at != NULL && *at != 0) {
		size_t word = strcspn(at, " ");

		if (word == len && strncmp(at, name, len) == 0)
			return true;
		at += word;
		at += *at == ' ';
	}
	return false;
}

bool
judge_is_program(const struct judge *j, const char *const *names, size_t n)
{
	const char *program = j->process->program;
	const char *slash = program != NULL ? strrchr(program, '/') : NULL;
	const struct clue *deleted = judge_find(j, CLUE_EXE_DELETED);
	size_t len = slash != NULL ? strcspn(slash + 1, " ") : 0;

	if (slash == NULL || place_of(program) != PLACE_SYSTEM ||
	    (deleted != NULL && deleted->number != CLUE_FILE_REPLACED) ||
	    judge_find(j, CLUE_EXE_MEMFD) != NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i]) == len && strncmp(slash + 1, names[i], len) == 0)
			return true;
	}
	return false;
}

static int
compare_anomalies(const void *a, const void *b)
{
	const struct anomaly *x = a;
	const struct anomaly *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return (int)x->clue.kind - (int)y->clue.kind;
}

/* Whether any clue of the process, of another kind than this one, weighs much. */
static bool
is_corroborated(const struct process *p, const struct clue *c)
{
	MH_CLEANUP(buf_freep) struct buf *why = buf_new(REASON_BYTES);

	for (uint32_t i = 0; i < p->n_clues; i++) {
		const struct clue *o = &p->clues[i];
		struct judge j = { p, table[o->kind].base };

		if (o->kind != c->kind &&
		    table[o->kind].weigh(&j, o, why) >= CORROBORATES)
			return true;
	}
	return false;
}

static void
add(struct anomalies *a, const struct process *p, const struct clue *c, unsigned score,
    struct buf *why)
{
	struct anomaly *n = NULL;

	if (score >= RAISED && is_corroborated(p, c)) {
		score += RAISE;
		buf_add(why, "; other signs of this process support it");
	}
	a->list = xreallocarray(a->list, a->n + 1, sizeof(*a->list));
	n = &a->list[a->n++];
	clue_copy(c, &n->clue);
	n->score = score < ANOMALY_SCORE_MAX ? score : ANOMALY_SCORE_MAX;
	n->reason = xstrdup(buf_string(why));
}

static unsigned
larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static void
judge_clues(const struct process *p, const struct clue *clues, uint32_t n,
    struct anomalies *ret)
{
	MH_CLEANUP(buf_freep) struct buf *why = buf_new(REASON_BYTES);
	unsigned worst = 0;
	unsigned others = n > 1 ? (n - 1) * SUSPICION_EACH : 0;

	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < n; i++) {
		const struct clue *c = &clues[i];
		struct judge j = { p, table[c->kind].base };
		unsigned score = 0;

		buf_reset(why);
		score = table[c->kind].weigh(&j, c, why);
		/* What a name explains is still read early. */
		worst = larger(worst, larger(score, j.base / 3));
		if (score >= ANOMALY_SCORE_MIN)
			add(ret, p, c, score, why);
	}
	if (ret->n > 0)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare_anomalies);
	others = others < SUSPICION_OTHERS_MAX ? others : SUSPICION_OTHERS_MAX;
	ret->suspicion = worst + others < 100 ? worst + others : 100;
}

void
anomalies_judge(const struct process *p, struct anomalies *ret)
{
	judge_clues(p, p->clues, p->n_clues, ret);
}

void
anomalies_judge_worker(const struct process *p, const struct clue *clues, uint32_t n,
    struct anomalies *ret)
{
	judge_clues(p, clues, n, ret);
}

void
anomalies_clear(struct anomalies *a)
{
	for (uint32_t i = 0; i < a->n; i++) {
		clue_clear(&a->list[i].clue);
		free(a->list[i].reason);
	}
	free(a->list);
	memset(a, 0, sizeof(*a));
}
