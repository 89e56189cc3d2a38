/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent.
 * Input: /proc and /sys: from the kernel.
 */
#include "agent/governor.h"

#include <stdlib.h>
#include <string.h>

#include "agent/governor_signals.h"
#include "base/memory.h"

enum phase { PHASE_IDLE, PHASE_WORK, PHASE_REST, PHASE_PAUSE, PHASE_SHARE };

struct governor {
	struct governor_settings settings;
	struct signals *signals;
	enum phase phase;
	enum governor_reason reason;
	int64_t since_ms; /* of this phase */
	int64_t step_ms;  /* the last one */

	/* Work. */
	int64_t look_ms;      /* the last look at processors */
	int64_t psi_look_ms;  /* the last look at PSI */
	int64_t psi_again_ms; /* how long a PSI sign that was ours is not believed */
	int64_t psi_quiet_ms; /* when a rest last showed that it was ours */
	struct signal_times before; /* at the last look */
	struct signal_times psi_before;

	/* Rest and pause. */
	bool is_measuring; /* all is at rest since window_ms */
	int64_t window_ms;
	int64_t wanted_ms; /* length of the window */
	struct signal_times at_window;
	int64_t pause_ms; /* between two looks */

	/* Battery and user. */
	int64_t slow_ms;
	bool is_slow_known;
	enum governor_reason slow_reason;

	int64_t given_up_ms[GOVERNOR_REASON_MAX_];
};

struct governor *
governor_new(const struct governor_settings *settings, const char *root)
{
	struct governor *g = xcalloc(1, sizeof(*g));

	g->settings = *settings;
	g->signals = signals_new(root);
	return g;
}

void
governor_free(struct governor *g)
{
	if (g == NULL)
		return;
	signals_free(g->signals);
	free(g);
}

void
governor_set(struct governor *g, const struct governor_settings *settings)
{
	g->settings = *settings;
	g->is_slow_known = false;
}

static void
enter(struct governor *g, enum phase phase, int64_t now_ms)
{
	g->phase = phase;
	g->since_ms = now_ms;
	g->is_measuring = false;
	if (phase != PHASE_PAUSE && phase != PHASE_SHARE)
		g->reason = GOVERNOR_NOBODY;
}

static void
begin_work(struct governor *g, int64_t now_ms)
{
	enter(g, PHASE_WORK, now_ms);
	signals_read(g->signals, &g->before);
	g->psi_before = g->before;
	g->look_ms = g->psi_look_ms = now_ms;
}

static void
begin_rest(struct governor *g, int64_t wanted_ms, int64_t now_ms)
{
	enter(g, PHASE_REST, now_ms);
	g->wanted_ms = wanted_ms;
}

/* Battery and user; looked at now and then. */
static enum governor_reason
slow_sign(struct governor *g, int64_t now_ms, int64_t real_ms)
{
	const struct governor_settings *s = &g->settings;

	if (g->is_slow_known && now_ms - g->slow_ms < GOVERNOR_SLOW_MS)
		return g->slow_reason;
	g->is_slow_known = true;
	g->slow_ms = now_ms;
	g->slow_reason = GOVERNOR_NOBODY;
	if (s->on_battery && signals_on_battery(g->signals))
		g->slow_reason = GOVERNOR_BATTERY;
	else if (s->user_active &&
		 signals_user_idle_ms(g->signals, now_ms, real_ms) < s->user_idle_ms)
		g->slow_reason = GOVERNOR_USER;
	return g->slow_reason;
}

static bool
is_above(uint64_t part, uint64_t whole, unsigned percent)
{
	return whole > 0 && percent < 100 && part * 100 > whole * percent;
}

/* What PSI says of that time, whoever caused it. */
static enum governor_reason
psi_sign(const struct governor *g, const struct signal_times *from,
    const struct signal_times *to, int64_t ms)
{
	const struct governor_settings *s = &g->settings;
	uint64_t us = (uint64_t)ms * 1000;

	if (is_above(to->memory_us - from->memory_us, us, s->memory_percent))
		return GOVERNOR_MEMORY;
	if (is_above(to->io_us - from->io_us, us, s->io_percent))
		return GOVERNOR_IO;
	if (is_above(to->cpu_us - from->cpu_us, us, s->cpu_wait_percent))
		return GOVERNOR_CPU;
	return GOVERNOR_NOBODY;
}

/* What a rest shows: all of it is others'. */
static enum governor_reason
rest_sign(const struct governor *g, const struct signal_times *now, int64_t ms)
{
	const struct signal_times *from = &g->at_window;
	uint64_t all = now->all - from->all;
	uint64_t idle = now->idle - from->idle;

	if (is_above(all - (idle < all ? idle : all), all, g->settings.cpu_percent))
		return GOVERNOR_CPU;
	return ms >= GOVERNOR_PSI_MS ? psi_sign(g, from, now, ms) : GOVERNOR_NOBODY;
}

/* While work goes on: is there a sign of others, and how long a rest proves it? */
static int64_t
work_sign(struct governor *g, int64_t now_ms)
{
	struct signal_times now;
	int64_t wanted_ms = 0;

	if (now_ms - g->since_ms >= GOVERNOR_SLICE_MS)
		return GOVERNOR_REST_MS;
	if (now_ms - g->look_ms < GOVERNOR_LOOK_MS)
		return 0;
	signals_read(g->signals, &now);
	if (is_above(now.user - g->before.user, now.all - g->before.all,
		g->settings.cpu_percent))
		wanted_ms = GOVERNOR_REST_MS;
	else if (g->settings.io_percent < 100 &&
		 now.written - g->before.written > GOVERNOR_WRITTEN)
		wanted_ms = GOVERNOR_PSI_MS;
	g->before = now;
	g->look_ms = now_ms;
	if (wanted_ms == 0 && now_ms - g->psi_look_ms >= GOVERNOR_PSI_MS) {
		/* We wait for disks ourselves: a rest tells whose it is, less and less often. */
		if (psi_sign(g, &g->psi_before, &now, now_ms - g->psi_look_ms) !=
			GOVERNOR_NOBODY &&
		    now_ms - g->psi_quiet_ms >= g->psi_again_ms)
			wanted_ms = GOVERNOR_PSI_MS;
		g->psi_before = now;
		g->psi_look_ms = now_ms;
	}
	return wanted_ms;
}

static void
begin_pause(struct governor *g, enum governor_reason reason, int64_t now_ms)
{
	if (g->phase != PHASE_PAUSE) {
		enter(g, PHASE_PAUSE, now_ms);
		g->pause_ms = GOVERNOR_PAUSE_MS;
	} else if (g->pause_ms < GOVERNOR_PAUSE_MAX_MS) {
		g->pause_ms = g->pause_ms * 2 < GOVERNOR_PAUSE_MAX_MS
				  ? g->pause_ms * 2
				  : GOVERNOR_PAUSE_MAX_MS;
	}
	g->reason = reason;
	g->is_measuring = false;
	g->psi_again_ms = 0;
	/* PSI needs its time to show that it is over. */
	g->wanted_ms = reason == GOVERNOR_IO || reason == GOVERNOR_MEMORY
			   ? GOVERNOR_PSI_MS
			   : g->pause_ms;
	if (g->wanted_ms < g->pause_ms)
		g->wanted_ms = g->pause_ms;
}

/* A window of rest; true: it is over, and *ret_reason is what it shows. */
static bool
measure(struct governor *g, const struct governor_input *in, int64_t now_ms,
    enum governor_reason *ret_reason)
{
	struct signal_times now;

	if (!in->is_at_rest) {
		g->is_measuring = false;
		return false;
	}
	if (!g->is_measuring) {
		g->is_measuring = true;
		g->window_ms = now_ms;
		signals_read(g->signals, &g->at_window);
		return false;
	}
	if (now_ms - g->window_ms < g->wanted_ms)
		return false;
	signals_read(g->signals, &now);
	*ret_reason = rest_sign(g, &now, now_ms - g->window_ms);
	return true;
}

static void
step_rest(struct governor *g, const struct governor_input *in, int64_t now_ms,
    int64_t real_ms)
{
	enum governor_reason reason = slow_sign(g, now_ms, real_ms);
	bool was_psi = g->wanted_ms >= GOVERNOR_PSI_MS;

	if (reason == GOVERNOR_NOBODY && !measure(g, in, now_ms, &reason))
		return;
	if (reason != GOVERNOR_NOBODY) {
		begin_pause(g, reason, now_ms);
		return;
	}
	if (was_psi) {
		g->psi_quiet_ms = now_ms;
		g->psi_again_ms =
		    g->psi_again_ms == 0 ? GOVERNOR_PSI_MS * 2 : g->psi_again_ms * 2;
		if (g->psi_again_ms > GOVERNOR_AGAIN_MAX_MS)
			g->psi_again_ms = GOVERNOR_AGAIN_MAX_MS;
	}
	begin_work(g, now_ms);
}

static bool
is_too_old(const struct governor *g, const struct governor_input *in)
{
	return g->settings.give_up_after_ms > 0 &&
	       in->age_ms >= g->settings.give_up_after_ms &&
	       g->settings.least_percent > 0;
}

static void
step_pause(struct governor *g, const struct governor_input *in, int64_t now_ms,
    int64_t real_ms)
{
	enum governor_reason reason = slow_sign(g, now_ms, real_ms);

	if (is_too_old(g, in) &&
	    now_ms - g->since_ms >= (int64_t)GOVERNOR_SHARE_MS *
					(100 - g->settings.least_percent) /
					g->settings.least_percent) {
		enter(g, PHASE_SHARE, now_ms);
		return;
	}
	if (reason != GOVERNOR_NOBODY) {
		g->reason = reason;
		g->is_measuring = false;
		return;
	}
	if (!measure(g, in, now_ms, &reason))
		return;
	if (reason == GOVERNOR_NOBODY)
		begin_work(g, now_ms);
	else
		begin_pause(g, reason, now_ms);
}

static void
step_work(struct governor *g, int64_t now_ms, int64_t real_ms)
{
	enum governor_reason slow = slow_sign(g, now_ms, real_ms);
	int64_t wanted_ms = work_sign(g, now_ms);

	if (slow != GOVERNOR_NOBODY)
		begin_pause(g, slow, now_ms);
	else if (wanted_ms > 0)
		begin_rest(g, wanted_ms, now_ms);
}

enum governor_act
governor_step(struct governor *g, const struct governor_input *in, int64_t now_ms,
    int64_t real_ms)
{
	static const enum governor_act acts[] = {
		[PHASE_IDLE] = GOVERNOR_WORK,
		[PHASE_WORK] = GOVERNOR_WORK,
		[PHASE_REST] = GOVERNOR_REST,
		[PHASE_PAUSE] = GOVERNOR_PAUSE,
		[PHASE_SHARE] = GOVERNOR_WORK,
	};

	if (g->phase == PHASE_PAUSE)
		g->given_up_ms[g->reason] += now_ms - g->step_ms;
	g->step_ms = now_ms;
	if (!in->wants_work)
		enter(g, PHASE_IDLE, now_ms);
	else if (g->phase == PHASE_IDLE)
		begin_rest(g, GOVERNOR_REST_MS, now_ms); /* look before the first step */
	else if (g->phase == PHASE_WORK)
		step_work(g, now_ms, real_ms);
	else if (g->phase == PHASE_REST)
		step_rest(g, in, now_ms, real_ms);
	else if (g->phase == PHASE_PAUSE)
		step_pause(g, in, now_ms, real_ms);
	else if (now_ms - g->since_ms >= GOVERNOR_SHARE_MS)
		begin_pause(g, g->reason, now_ms);
	return acts[g->phase];
}

enum governor_reason
governor_reason(const struct governor *g)
{
	return g->reason;
}

bool
governor_takes_share(const struct governor *g)
{
	return g->phase == PHASE_SHARE;
}

const char *
governor_reason_text(enum governor_reason reason)
{
	switch (reason) {
	case GOVERNOR_CPU:
		return "processors that others use";
	case GOVERNOR_IO:
		return "disks that others wait for";
	case GOVERNOR_MEMORY:
		return "memory that others wait for";
	case GOVERNOR_BATTERY:
		return "the battery";
	case GOVERNOR_USER:
		return "a user at work";
	case GOVERNOR_NOBODY:
	case GOVERNOR_REASON_MAX_:
		break;
	}
	return "nobody";
}

int64_t
governor_given_up_ms(const struct governor *g, enum governor_reason reason)
{
	return g->given_up_ms[reason];
}

const char *
governor_blind(const struct governor *g, enum governor_reason reason)
{
	switch (reason) {
	case GOVERNOR_CPU:
		return signals_has_stat(g->signals)
			   ? NULL
			   : "/proc/stat cannot be read: work is held back by the "
			     "scheduling class alone";
	case GOVERNOR_IO:
	case GOVERNOR_MEMORY:
		return signals_has_psi(g->signals)
			   ? NULL
			   : "no PSI (/proc/pressure): who waits for disks and memory is "
			     "not seen; boot with psi=1 on a kernel from 4.20 on";
	case GOVERNOR_BATTERY:
		return signals_has_power(g->signals)
			   ? NULL
			   : "no power supplies in /sys: counted as not on battery";
	case GOVERNOR_USER:
		return signals_has_terminals(g->signals)
			   ? NULL
			   : "no terminals in /dev: no user is seen";
	case GOVERNOR_NOBODY:
	case GOVERNOR_REASON_MAX_:
		break;
	}
	return NULL;
}
