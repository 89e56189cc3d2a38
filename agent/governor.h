/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_GOVERNOR_H
#define MH_AGENT_GOVERNOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * When a scan may work and when it makes way for others.
 *
 * Pressure (PSI) and use of the CPUs count our own work too.  So work goes in
 * slices with short rests, and only what is measured while our work rests
 * decides: go on, or pause and look again.  Slices are long while nothing goes
 * on and short after trouble.  Within a slice the idle share of the CPUs is
 * looked at each second: where none is left, the slice ends.
 *
 * A scan older than give_up_after takes least_share of the time whatever the
 * pressure: it must come to an end.
 *
 * Nothing is read while no work is wanted.
 */
enum {
	GOVERNOR_SLICE_MIN_MS = 250,   /* after trouble */
	GOVERNOR_SLICE_MAX_MS = 5000,  /* nothing goes on: rests take 4 % */
	GOVERNOR_PEEK_MS = 1000,       /* a job on all CPUs is seen after so long */
	GOVERNOR_WINDOW_MS = 200,      /* of a sample: 20 ticks of a CPU */
	GOVERNOR_POLL_MS = 20,         /* work in flight is waited for */
	GOVERNOR_PAUSE_MIN_MS = 1000,  /* until the next look */
	GOVERNOR_PAUSE_MAX_MS = 4000,  /* the same after long trouble */
	GOVERNOR_SHARE_MS = 4000,      /* period of the least share */
	GOVERNOR_PEOPLE_MS = 5000,     /* between looks at batteries and terminals */
	GOVERNOR_IDLE_LEAST = 5,       /* percent of idle CPU: less is none */
	GOVERNOR_PEEK_IDLE_LEAST = 10, /* percent, while we work ourselves */
};

struct governor_settings {
	unsigned cpu, io,
	    memory; /* percent of the time that some task waited; 0: never */
	bool on_battery, user_active; /* whether to pause then */
	uint64_t idle_ms;             /* without input for so long, nobody is there */
	uint64_t give_up_after_ms;
	unsigned least_share; /* percent, 1 to 100 */
};

enum governor_do { GOVERNOR_WORK, GOVERNOR_REST, GOVERNOR_PAUSED };

enum governor_reason {
	GOVERNOR_NONE,
	GOVERNOR_CPU,
	GOVERNOR_IO,
	GOVERNOR_MEMORY,
	GOVERNOR_BATTERY,
	GOVERNOR_USER,
	GOVERNOR_REASON_MAX_
};

/* "cpu", "io", ...; static. */
const char *governor_reason_name(enum governor_reason reason);

struct governor_input {
	bool wants_work;
	bool is_at_rest;      /* nothing of our work is in flight */
	uint64_t scan_age_ms; /* since the scan began, restarts included */
};

/* What to do until until_ms, then ask again; earlier when the input changes. */
struct governor_state {
	enum governor_do what;
	enum governor_reason reason; /* why paused; at work: why only the least share */
	int64_t until_ms;
};

/* Where the time went, since the governor was made. */
struct governor_account {
	uint64_t worked_ms, rested_ms;
	uint64_t paused_ms[GOVERNOR_REASON_MAX_];
	uint64_t n_pauses;
	bool is_least_share; /* now */
	int64_t since_ms;    /* of the present state */
};

/* One thing that can or cannot be seen. */
struct governor_fact {
	const char *name; /* "cpu pressure"; static */
	bool is_seen;
	const char *text; /* what is done without it, or why it is missing; static */
};

enum { GOVERNOR_FACTS = 8 };

struct governor;

/* root: "" for the real /proc, /sys, /dev and /run. */
struct governor *governor_new(const struct governor_settings *settings, const char *root);
void governor_free(struct governor *g);
/* Other settings from now on. */
void governor_set(struct governor *g, const struct governor_settings *settings);

/*
 * now_ms: a clock that does not go back.  While REST, finish what is in flight
 * and begin nothing; is_at_rest then starts the measuring.
 */
struct governor_state governor_step(struct governor *g, int64_t now_ms,
    const struct governor_input *in);

struct governor_account governor_account(const struct governor *g);
/* Reads the machine anew. */
void governor_facts(const struct governor *g, struct governor_fact ret[GOVERNOR_FACTS]);

#endif
