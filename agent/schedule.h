/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_SCHEDULE_H
#define MH_AGENT_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/calendar.h"

/*
 * Which profile is to be scanned when.  No clock, no file: the caller tells the
 * time, keeps the state, and scans.
 *
 * An occurrence of an entry's calendar starts after a part of the entry's
 * spread that depends on the secret, the entry and the occurrence alone: a
 * fleet does not start at once, and a restart draws nothing anew.  The spread
 * ends where the next occurrence begins.
 *
 * An occurrence is handled when its scan was taken.  What was missed (machine
 * off or asleep, agent stopped, never scanned at all) is caught up once,
 * however often it was missed, after at most SCHEDULE_CATCH_UP_MAX_MS.  What
 * falls due while a scan runs waits; of the profile that is running nothing is
 * queued.
 *
 * The clock may jump.  Forward, each entry is due once.  Backward, by at most
 * SCHEDULE_BACK_MAX_MS: what was handled is not handled again; by more: each
 * entry goes on with its next occurrence by the new clock.
 */
enum {
	SCHEDULE_ENTRIES_MAX = 64,                 /* a person wrote them */
	SCHEDULE_SECRET_BYTES = 32,                /* as long as the digest */
	SCHEDULE_LATE_MS = 2 * 60 * 1000,          /* a start is called missed beyond */
	SCHEDULE_CATCH_UP_MAX_MS = 15 * 60 * 1000, /* after a start of the machine */
	SCHEDULE_BACK_MAX_MS = 2 * 60 * 60 * 1000, /* a clock that was corrected */
};

struct schedule_time {
	int64_t real_ms; /* CLOCK_REALTIME: jumps */
	int64_t mono_ms; /* CLOCK_MONOTONIC: stands still while the machine sleeps */
};

/* One entry as `schedule list` shows it.  Strings are the schedule's. */
struct schedule_line {
	const char *key; /* names the entry's state: "PROFILE TIME" */
	const char *profile;
	int64_t handled_ms;    /* the occurrence that was handled last; 0: none */
	int64_t next_ms;       /* the next occurrence by the calendar */
	int64_t next_start_ms; /* and when that is going to start */
	int64_t due_ms;        /* the occurrence that waits for its scan; 0: none */
	int64_t due_since_ms;  /* real time when it began to wait */
	bool is_missed;        /* one is going to be caught up */
};

struct schedule;

struct schedule *schedule_new(const uint8_t secret[SCHEDULE_SECRET_BYTES]);
void schedule_free(struct schedule *s);

/* At most SCHEDULE_ENTRIES_MAX (asserted).  Two of one profile and time are one. */
void schedule_add(struct schedule *s, const char *profile, const char *at,
    const struct calendar *calendar, uint64_t spread_ms);

/*
 * State that outlives the program: for each key the occurrence handled last,
 * and the pause.  Unknown keys are ignored: they are of entries that went.
 */
void schedule_restore(struct schedule *s, const char *key, int64_t handled_ms);
size_t schedule_count(const struct schedule *s);
/* The entry at index < schedule_count(), at that time. */
struct schedule_line schedule_get(const struct schedule *s, size_t index,
    struct schedule_time now);

/*
 * Look at the clock: at least once a minute, also while a scan runs; running is
 * its profile, or NULL.  Cheap.
 */
void schedule_step(struct schedule *s, struct schedule_time now, const char *running);
/*
 * The profile to scan now, NULL for none; all its entries that wait are then
 * handled: save the state.  Quick before memory before own ones before full.
 * Call it after schedule_step() and only when no scan runs.
 */
const char *schedule_take(struct schedule *s, struct schedule_time now,
    int64_t *ret_due_ms);
/* A scan of that profile was started by hand: what of it waits is handled. */
void schedule_taken(struct schedule *s, const char *profile);

/*
 * Take nothing until that time (0: until resumed).  A pause ends early when the
 * clock stands before its beginning: a jump must not stretch it.
 */
struct schedule_pause {
	bool is_paused;
	int64_t since_ms, until_ms; /* real time; until 0: for good */
};

void schedule_set_pause(struct schedule *s, struct schedule_pause pause);
void schedule_resume(struct schedule *s);
/* As it is at that time: one that ended is none. */
struct schedule_pause schedule_get_pause(const struct schedule *s, int64_t real_ms);

#endif
