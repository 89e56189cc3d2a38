/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_GOVERNOR_H
#define MH_AGENT_GOVERNOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/*
 * Whether scans may work now, or leave the machine to others.
 *
 * Signals, all read from files below a root, each of which may be missing:
 *
 *  - processors: /proc/stat.  Work of ours is niced (base/background.h), and
 *    counted apart there, so that what others use shows while we work, too;
 *    their time in the kernel shows only while we rest.
 *  - PSI, /proc/pressure/{cpu,io,memory} (kernel 4.20): the share of time in
 *    which somebody waited.  Counts us, too, and is brought up to date every two
 *    seconds only (kernel/sched/psi.c, PSI_FREQ): it is believed when it was
 *    measured over GOVERNOR_PSI_MS in which we rested.
 *  - sectors written, /proc/diskstats: scans write nothing to speak of, so this shows
 *    others while we work, at once.
 *  - /sys/class/power_supply: on battery.
 *  - a user at work: terminals that were read lately (atime of /dev/tty* and
 *    /dev/pts/ *, with a grain of 8 seconds), interrupts of keyboards and pointers
 *    in /proc/interrupts.  Input by USB shows in neither: then only terminals tell.
 *
 * The governor says WORK; looks, while work goes on, at what costs nothing; on any
 * sign, and now and then without one, says REST, and looks at what is going on
 * without us; then WORK again, or PAUSE until the sign is gone.  There is no
 * timetable.  A scan that is older than give_up_after takes its least share in spite of
 * everything.
 *
 * No clock: times are parameters, monotonic milliseconds.
 */
enum {
	GOVERNOR_LOOK_MS = 500,        /* between two looks while work goes on */
	GOVERNOR_REST_MS = 300,        /* a rest, for processors */
	GOVERNOR_PSI_MS = 2300,        /* a rest, for PSI */
	GOVERNOR_WRITTEN = 8192,       /* sectors in one look, 4 MiB: somebody writes */
	GOVERNOR_SLICE_MS = 10000,     /* of work without any sign, then a rest */
	GOVERNOR_AGAIN_MAX_MS = 30000, /* between two rests for the same sign, growing */
	GOVERNOR_PAUSE_MS = 1000,      /* between two looks in a pause, growing ... */
	GOVERNOR_PAUSE_MAX_MS = 5000,  /* ... to this: so late it goes on at most */
	GOVERNOR_SLOW_MS = 5000,       /* between two looks at battery and user */
	GOVERNOR_SHARE_MS = 500,       /* one piece of the least share */
	GOVERNOR_FILE_MAX = 1 << 20,   /* bytes: /proc/interrupts of 1,024 processors */
	GOVERNOR_ENTRIES_MAX = 4096,   /* of one folder: terminals */
};

/* To whom work is given up. */
enum governor_reason {
	GOVERNOR_NOBODY,
	GOVERNOR_CPU,
	GOVERNOR_IO,
	GOVERNOR_MEMORY,
	GOVERNOR_BATTERY,
	GOVERNOR_USER,
	GOVERNOR_REASON_MAX_
};

enum governor_act { GOVERNOR_WORK, GOVERNOR_REST, GOVERNOR_PAUSE };

struct governor_settings {
	unsigned cpu_percent;      /* of all processors that others may use; 100: any */
	unsigned cpu_wait_percent; /* PSI: of the time in which somebody waited */
	unsigned io_percent;
	unsigned memory_percent;
	bool on_battery;          /* pause then */
	bool user_active;         /* pause then */
	int64_t user_idle_ms;     /* a user counts as active so long after input */
	int64_t give_up_after_ms; /* age of a scan; 0: never */
	unsigned least_percent;   /* of the time, after that */
};

struct governor;

/* root is copied; "" for the real one. */
struct governor *governor_new(const struct governor_settings *settings, const char *root);
void governor_free(struct governor *g);
MH_DEFINE_CLEANUP(struct governor, governor_free);
void governor_set(struct governor *g, const struct governor_settings *settings);

struct governor_input {
	bool wants_work;
	bool is_at_rest; /* nothing of ours is under way */
	int64_t age_ms;  /* of the scan */
};

/* What to do now.  real_ms: since 1970, for times of terminals. */
enum governor_act governor_step(struct governor *g, const struct governor_input *in,
    int64_t now_ms, int64_t real_ms);

/* Why it pauses; NOBODY when it does not. */
enum governor_reason governor_reason(const struct governor *g);
/* The age of the scan makes it take its least share now. */
bool governor_takes_share(const struct governor *g);
/* "processors that others use": static. */
const char *governor_reason_text(enum governor_reason reason);
/* Time in pauses so far, by reason. */
int64_t governor_given_up_ms(const struct governor *g, enum governor_reason reason);

/* Why a signal cannot be seen here, or NULL when it can: static. */
const char *governor_blind(const struct governor *g, enum governor_reason reason);

#endif
