/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_GOVERNOR_SIGNALS_H
#define MH_AGENT_GOVERNOR_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

/* The files that agent/governor.h looks at, below a root. */
struct signals;

struct signals *signals_new(const char *root);
void signals_free(struct signals *s);

/* Since boot; what cannot be read stays 0, so that differences of it are 0. */
struct signal_times {
	uint64_t all, idle;                /* of all processors together, in ticks */
	uint64_t user;                     /* others' own code: not niced, so not ours */
	uint64_t cpu_us, io_us, memory_us; /* PSI: somebody waited */
	uint64_t written; /* sectors of 512 bytes, to all disks and their partitions */
};
void signals_read(struct signals *s, struct signal_times *ret);

bool signals_on_battery(struct signals *s);
/* Since the last sign of a user; INT64_MAX when there was none. */
int64_t signals_user_idle_ms(struct signals *s, int64_t now_ms, int64_t real_ms);

/* Whether the files were there, as of now. */
bool signals_has_stat(const struct signals *s);
bool signals_has_psi(const struct signals *s);
bool signals_has_power(const struct signals *s);
bool signals_has_terminals(const struct signals *s);

/* The sum of the counts of keyboards and pointers in the text of /proc/interrupts. */
uint64_t signals_input_interrupts(const char *text);

#endif
