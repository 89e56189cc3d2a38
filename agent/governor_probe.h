/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_GOVERNOR_PROBE_H
#define MH_AGENT_GOVERNOR_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How busy the machine is, from files below root ("" for the real ones).  Each
 * may be missing or closed to us: has_... says so.  Does not block: these are
 * files of the kernel.
 */
enum {
	PROBE_INTERRUPTS_MAX = 4 * 1024 * 1024, /* bytes; 1,000 lines of 256 CPUs */
	PROBE_ENTRIES_MAX = 4096,               /* terminals, supplies, sessions */
};

enum probe_pressure { PROBE_CPU, PROBE_IO, PROBE_MEMORY, PROBE_PRESSURES };

/* Counters since the machine started: differences of two say something. */
struct probe_load {
	bool has_pressure[PROBE_PRESSURES];   /* /proc/pressure, Linux 4.20 with PSI */
	uint64_t stalled_us[PROBE_PRESSURES]; /* some task waited */
	bool has_cpu;                         /* /proc/stat */
	uint64_t idle_ticks, all_ticks;
};

void probe_load(const char *root, struct probe_load *ret);

/* What changes seldom. */
struct probe_people {
	bool has_power; /* a supply is named; a desktop machine names none */
	bool is_on_battery;
	bool has_terminals; /* /dev/tty1 and on, /dev/pts */
	int64_t typed_s;    /* the newest use of a terminal, in real time; 0: none */
	bool has_input;     /* interrupts of keyboards; those on USB are not told apart */
	uint64_t n_input;
	bool has_sessions; /* /run/systemd/sessions */
	bool is_graphical; /* an active session of that kind is there */
};

void probe_people(const char *root, struct probe_people *ret);

#endif
