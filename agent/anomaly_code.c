/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Weighs what is odd about the code that a process runs.
 *
 * Runs in: agent, command line.
 * Input: clues about hostile processes, some from scan workers.
 */
#include "agent/anomaly_impl.h"

#include <inttypes.h>
#include <string.h>

/* Scores by the place of a file that is gone. */
struct by_place {
	unsigned open, other, home, system;
};

/* Where an upgrade explains it, it makes no finding. */
enum { UPGRADED = 10, UPGRADED_OPEN = 45, EXPLAINED = 5, ABSORBED = 0 };

static unsigned
weigh_gone(const struct clue *c, const struct by_place *scores, struct buf *why)
{
	enum place place = place_of(c->what);

	buf_addf(why, "%s is deleted and lay in %s", c->what, place_text(place));
	if (c->number == CLUE_FILE_REPLACED) {
		/* Who builds in /tmp does so too, but so does who covers his tracks. */
		buf_add(why, "; a newer file has its name, as after an upgrade");
		return place == PLACE_OPEN ? UPGRADED_OPEN : UPGRADED;
	}
	switch (place) {
	case PLACE_OPEN:
		return scores->open;
	case PLACE_HOME:
		return scores->home;
	case PLACE_SYSTEM:
		return scores->system;
	case PLACE_OTHER:
		break;
	}
	return scores->other;
}

unsigned
weigh_exe_deleted(const struct judge *j, const struct clue *c, struct buf *why)
{
	/* In a home: rebuilt and cleaned; in the system: removed by its package. */
	const struct by_place scores = { j->base + 5, 60, 50, 45 };

	return weigh_gone(c, &scores, why);
}

unsigned
weigh_exe_memfd(const struct judge *j, const struct clue *c, struct buf *why)
{
	/* runc and crun start containers from a sealed copy of themselves: CVE-2019-5736. */
	static const char runc[] = "/memfd:runc_cloned:";

	buf_addf(why, "the program was started from %s, memory that never was a file",
	    c->what);
	if (strncmp(c->what, runc, sizeof(runc) - 1) != 0)
		return j->base;
	buf_add(why, "; container runtimes use this name, which anybody may give");
	return 35;
}

/* Whether c speaks of the program itself, of which another anomaly tells. */
static bool
is_program(const struct judge *j, const struct clue *c)
{
	const struct clue *memfd = judge_find(j, CLUE_EXE_MEMFD);
	const struct clue *deleted = judge_find(j, CLUE_EXE_DELETED);

	return (memfd != NULL && strcmp(memfd->what, c->what) == 0) ||
	       (deleted != NULL && strcmp(deleted->what, c->what) == 0);
}

static unsigned
weigh_gone_code(const struct judge *j, const struct clue *c,
    const struct by_place *scores, struct buf *why)
{
	struct by_place java = *scores;

	if (is_program(j, c))
		return ABSORBED;
	/* Java programs unpack native libraries into /tmp and delete them at once (JNA). */
	if (judge_has_named_engine(j, "jvm"))
		java.open = 35;
	return weigh_gone(c, &java, why);
}

unsigned
weigh_exec_deleted(const struct judge *j, const struct clue *c, struct buf *why)
{
	const struct by_place scores = { j->base + 5, 50, 45, 30 };

	return weigh_gone_code(j, c, &scores, why);
}

unsigned
weigh_pc_deleted(const struct judge *j, const struct clue *c, struct buf *why)
{
	const struct by_place scores = { j->base + 10, 55, 45, 30 };

	if (!is_program(j, c))
		buf_addf(why, "a thread stands at 0x%" PRIx64 "; ", c->address);
	return weigh_gone_code(j, c, &scores, why);
}

static void
say_engines(const struct judge *j, struct buf *why)
{
	if (judge_has_engine(j))
		buf_addf(why, "; it maps what compiles at run time: %s",
		    j->process->libraries);
	else
		buf_add(why, "; nothing is mapped that is known to compile at run time");
}

unsigned
weigh_exec_memfd(const struct judge *j, const struct clue *c, struct buf *why)
{
	if (is_program(j, c))
		return ABSORBED;
	buf_addf(why, "%s is mapped executable at 0x%" PRIx64, c->what, c->address);
	say_engines(j, why);
	/* Engines map their code twice through a memfd: to write, and to run. */
	return judge_has_engine(j) ? 25 : j->base;
}

static void
say_memory(const struct clue *c, const char *kind, struct buf *why)
{
	buf_addf(why, "%" PRIu64 " bytes of %s memory, the first at 0x%" PRIx64,
	    c->length, kind, c->address);
	if (c->what[0] != 0)
		buf_addf(why, " (%s)", c->what);
}

unsigned
weigh_exec_anonymous(const struct judge *j, const struct clue *c, struct buf *why)
{
	const struct clue *both = judge_find(j, CLUE_WRITE_EXEC);

	/* The same memory, of which write-exec tells. */
	if (both != NULL && both->address == c->address && both->length >= c->length)
		return ABSORBED;
	say_memory(c, "executable", why);
	say_engines(j, why);
	return judge_has_engine(j) ? EXPLAINED : j->base;
}

unsigned
weigh_write_exec(const struct judge *j, const struct clue *c, struct buf *why)
{
	say_memory(c, "writable and executable", why);
	say_engines(j, why);
	if (judge_has_engine(j))
		return EXPLAINED;
	if (strcmp(c->what, "[stack]") != 0)
		return j->base;
	buf_add(why, "; old programs ask for an executable stack");
	return 30;
}

unsigned
weigh_pc_anonymous(const struct judge *j, const struct clue *c, struct buf *why)
{
	buf_addf(why,
	    "thread %" PRIu64 " makes a system call at 0x%" PRIx64
	    ", in memory that belongs to no file",
	    c->number, c->address);
	say_engines(j, why);
	/* Engines call libc for this, yet one that we did not measure may not. */
	return judge_has_engine(j) ? j->base - 15 : j->base;
}

unsigned
weigh_pc_memfd(const struct judge *j, const struct clue *c, struct buf *why)
{
	if (is_program(j, c))
		return ABSORBED;
	buf_addf(why, "thread %" PRIu64 " makes a system call at 0x%" PRIx64 ", in %s",
	    c->number, c->address, c->what);
	say_engines(j, why);
	return judge_has_engine(j) ? j->base - 15 : j->base;
}

/* Whether what was seen are breakpoints and nothing else. */
static bool
is_breakpoint(const struct clue *c)
{
	static const uint8_t arm[] = { 0x00, 0x00, 0x20, 0xd4 }; /* brk #0 */

	if (c->length == 1 && c->n_data == 1)
		return c->data[0] == 0xcc; /* int3 */
	return c->length <= sizeof(arm) && c->n_data == sizeof(arm) &&
	       memcmp(c->data, arm, sizeof(arm)) == 0;
}

unsigned
weigh_code_changed(const struct judge *j, const struct clue *c, struct buf *why)
{
	bool is_traced = judge_find(j, CLUE_TRACED) != NULL;

	buf_addf(why, "%" PRIu64 " bytes at 0x%" PRIx64 " differ from the file",
	    c->length, c->address);
	if (c->what[0] != 0)
		buf_addf(why, ", in %s", c->what);
	if (is_breakpoint(c)) {
		buf_add(why, is_traced ? "; a breakpoint, and a debugger is attached"
				       : "; a breakpoint, as debuggers and uprobes set");
		return is_traced ? 20 : 35;
	}
	if (is_traced)
		buf_add(why, "; another process traces it");
	return is_traced ? j->base - 30 : j->base;
}

unsigned
weigh_code_copied(const struct judge *j, const struct clue *c, struct buf *why)
{
	buf_addf(why,
	    "%" PRIu64 " bytes at 0x%" PRIx64 " were written, but equal the file",
	    c->length, c->address);
	return j->base;
}

unsigned
weigh_code_many(const struct judge *j, const struct clue *c, struct buf *why)
{
	bool is_traced = judge_find(j, CLUE_TRACED) != NULL;

	buf_addf(why,
	    "%" PRIu64 " bytes of code were written and not compared with their files, "
	    "the first at 0x%" PRIx64,
	    c->length, c->address);
	if (is_traced)
		buf_add(why, "; another process traces it");
	return is_traced ? j->base - 20 : j->base;
}

unsigned
weigh_code_relocated(const struct judge *j, const struct clue *c, struct buf *why)
{
	buf_addf(why,
	    "%" PRIu64 " bytes at 0x%" PRIx64
	    " differ from a file whose code the loader relocates",
	    c->length, c->address);
	return j->base;
}

unsigned
weigh_image(const struct judge *j, const struct clue *c, struct buf *why)
{
	bool is_pe = c->number == CLUE_IMAGE_PE;

	buf_addf(why, "a program image%s begins at 0x%" PRIx64,
	    is_pe                         ? " (PE)"
	    : c->number == CLUE_IMAGE_ELF ? " (ELF)"
					  : "",
	    c->address);
	/* The header page of a mapped file, which was written to: code-changed tells. */
	if (c->what[0] == '/' && strstr(c->what, "(deleted)") == NULL) {
		buf_addf(why, ", and is that of %s", c->what);
		return 10;
	}
	/* Programs for Windows are read, not mapped, where they are not laid out in pages. */
	if (is_pe && c->kind == CLUE_IMAGE_EXEC &&
	    (judge_has_named_engine(j, "wine") || judge_has_named_engine(j, "mono") ||
		judge_has_named_engine(j, "dotnet"))) {
		buf_addf(why, ", which is how %s loads them", j->process->libraries);
		return 15;
	}
	return j->base;
}
