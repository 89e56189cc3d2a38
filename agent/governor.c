/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: trusted: files of the kernel. */
#include "agent/governor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/governor_probe.h"
#include "base/memory.h"

enum phase {
	PHASE_OFF,     /* no work is wanted */
	PHASE_WORK,    /* until slice_end_ms */
	PHASE_DRAIN,   /* work in flight is waited for */
	PHASE_MEASURE, /* from sampled_ms on */
	PHASE_PAUSED,  /* the same, with nothing to do */
	PHASE_SHARE,   /* work although there is trouble: the least share */
};

struct governor {
	struct governor_settings settings;
	char *root;
	enum phase phase;
	enum governor_reason reason;
	int64_t slice_ms, slice_end_ms;
	int64_t pause_ms;
	int64_t peeked_ms;
	struct probe_load peeked;
	int64_t sampled_ms;
	struct probe_load sample;
	int64_t people_ms; /* of the last look; INT64_MIN before the first */
	struct probe_people people;
	int64_t input_ms; /* when interrupts of input were last seen to change */
	int64_t stepped_ms;
	struct governor_account account;
};

static const char *const reason_names[] = { "none", "cpu", "io", "memory", "battery",
	"user" };

const char *
governor_reason_name(enum governor_reason reason)
{
	static_assert(MH_ARRAY_LEN(reason_names) == GOVERNOR_REASON_MAX_, "names");
	assert((unsigned)reason < GOVERNOR_REASON_MAX_);
	return reason_names[reason];
}

struct governor *
governor_new(const struct governor_settings *settings, const char *root)
{
	struct governor *g = xcalloc(1, sizeof(*g));

	g->root = xstrdup(root);
	g->people_ms = INT64_MIN;
	g->input_ms = INT64_MIN;
	governor_set(g, settings);
	return g;
}

void
governor_free(struct governor *g)
{
	if (g == NULL)
		return;
	free(g->root);
	free(g);
}

void
governor_set(struct governor *g, const struct governor_settings *settings)
{
	g->settings = *settings;
}

/* Idle CPU between two samples in percent; 100 when it cannot be told. */
static unsigned
idle_share(const struct probe_load *from, const struct probe_load *to)
{
	uint64_t all = to->all_ticks - from->all_ticks;
	uint64_t idle = to->idle_ticks - from->idle_ticks;

	/* Counters of a CPU that went offline can go back. */
	if (!from->has_cpu || !to->has_cpu || to->all_ticks <= from->all_ticks ||
	    to->idle_ticks < from->idle_ticks)
		return 100;
	return (unsigned)(idle * 100 / all);
}

static bool
is_pressed(const struct probe_load *from, const struct probe_load *to,
    enum probe_pressure which, int64_t ms, unsigned percent)
{
	uint64_t us = to->stalled_us[which] - from->stalled_us[which];

	return percent > 0 && from->has_pressure[which] && to->has_pressure[which] &&
	       to->stalled_us[which] >= from->stalled_us[which] && ms > 0 &&
	       us >= (uint64_t)ms * percent * 10;
}

static bool
is_user_active(const struct governor *g, int64_t now_ms)
{
	const struct probe_people *p = &g->people;
	int64_t idle_ms = (int64_t)g->settings.idle_ms;
	int64_t typed_ago_ms = ((int64_t)time(NULL) - p->typed_s) * 1000;

	if (p->typed_s != 0 && typed_ago_ms < idle_ms)
		return true;
	if (p->has_input)
		return g->input_ms != INT64_MIN && now_ms - g->input_ms < idle_ms;
	/* Somebody is there, and we cannot see whether he does anything. */
	return p->is_graphical;
}

static void
look_at_people(struct governor *g, int64_t now_ms)
{
	struct probe_people before = g->people;

	if (!g->settings.on_battery && !g->settings.user_active)
		return;
	if (g->people_ms != INT64_MIN && now_ms - g->people_ms < GOVERNOR_PEOPLE_MS)
		return;
	probe_people(g->root, &g->people);
	g->people_ms = now_ms;
	if (before.has_input && g->people.has_input &&
	    g->people.n_input != before.n_input)
		g->input_ms = now_ms;
}

/* What stands in the way, from what was measured while our work rested. */
static enum governor_reason
judge(struct governor *g, const struct probe_load *to, int64_t now_ms)
{
	const struct governor_settings *s = &g->settings;
	int64_t ms = now_ms - g->sampled_ms;

	look_at_people(g, now_ms);
	if (is_pressed(&g->sample, to, PROBE_MEMORY, ms, s->memory))
		return GOVERNOR_MEMORY;
	if (is_pressed(&g->sample, to, PROBE_IO, ms, s->io))
		return GOVERNOR_IO;
	/* All of it is used, even if nobody waits for it yet. */
	if (is_pressed(&g->sample, to, PROBE_CPU, ms, s->cpu) ||
	    (s->cpu > 0 && idle_share(&g->sample, to) < GOVERNOR_IDLE_LEAST))
		return GOVERNOR_CPU;
	if (s->on_battery && g->people.is_on_battery)
		return GOVERNOR_BATTERY;
	if (s->user_active && is_user_active(g, now_ms))
		return GOVERNOR_USER;
	return GOVERNOR_NONE;
}

static void
begin_sample(struct governor *g, int64_t now_ms, enum phase phase)
{
	probe_load(g->root, &g->sample);
	g->sampled_ms = now_ms;
	g->phase = phase;
}

static void
begin_slice(struct governor *g, int64_t now_ms, int64_t ms, enum phase phase)
{
	probe_load(g->root, &g->peeked);
	g->peeked_ms = now_ms;
	g->slice_end_ms = now_ms + ms;
	g->phase = phase;
}

static int64_t
clamp(int64_t v, int64_t min, int64_t max)
{
	return v < min ? min : v > max ? max : v;
}

/* The window is over: work, or make way. */
static void
decide(struct governor *g, int64_t now_ms)
{
	struct probe_load to;
	enum governor_reason before = g->reason;
	bool was_paused = g->phase == PHASE_PAUSED;

	probe_load(g->root, &to);
	g->reason = judge(g, &to, now_ms);
	if (g->reason == GOVERNOR_NONE) {
		g->slice_ms = clamp(was_paused ? 0 : g->slice_ms * 2,
		    GOVERNOR_SLICE_MIN_MS, GOVERNOR_SLICE_MAX_MS);
		begin_slice(g, now_ms, g->slice_ms, PHASE_WORK);
		return;
	}
	g->account.n_pauses += before == GOVERNOR_NONE;
	g->slice_ms = 0;
	g->pause_ms = clamp(was_paused ? g->pause_ms * 2 : 0, GOVERNOR_PAUSE_MIN_MS,
	    GOVERNOR_PAUSE_MAX_MS);
	begin_sample(g, now_ms, PHASE_PAUSED);
}

/* Between two looks within a slice: whether somebody may want all of the CPUs. */
static void
peek(struct governor *g, int64_t now_ms)
{
	struct probe_load to;

	if (now_ms - g->peeked_ms < GOVERNOR_PEEK_MS)
		return;
	probe_load(g->root, &to);
	if (g->settings.cpu > 0 && idle_share(&g->peeked, &to) < GOVERNOR_PEEK_IDLE_LEAST)
		g->slice_end_ms = now_ms;
	g->peeked = to;
	g->peeked_ms = now_ms;
}

static bool
is_overdue(const struct governor *g, const struct governor_input *in)
{
	return in->scan_age_ms >= g->settings.give_up_after_ms;
}

/* Of each period of the least share: how long it works. */
static int64_t
share_ms(const struct governor *g)
{
	return (int64_t)GOVERNOR_SHARE_MS * g->settings.least_share / 100;
}

static void
step_paused(struct governor *g, int64_t now_ms, const struct governor_input *in)
{
	int64_t ms = g->pause_ms;

	if (is_overdue(g, in))
		ms = GOVERNOR_SHARE_MS - share_ms(g);
	/* What was still in flight would be measured with the rest. */
	if (!in->is_at_rest)
		begin_sample(g, now_ms, PHASE_PAUSED);
	else if (now_ms - g->sampled_ms >= ms)
		decide(g, now_ms);
	else
		return;
	if (g->phase == PHASE_PAUSED && in->is_at_rest && is_overdue(g, in))
		begin_slice(g, now_ms, share_ms(g), PHASE_SHARE);
}

static void
advance(struct governor *g, int64_t now_ms, const struct governor_input *in)
{
	switch (g->phase) {
	case PHASE_OFF:
		g->reason = GOVERNOR_NONE;
		g->slice_ms = 0;
		g->phase = PHASE_DRAIN;
		break;
	case PHASE_WORK:
		peek(g, now_ms);
		if (now_ms >= g->slice_end_ms)
			g->phase = PHASE_DRAIN;
		break;
	case PHASE_DRAIN:
		break;
	case PHASE_MEASURE:
		if (!in->is_at_rest)
			g->phase = PHASE_DRAIN;
		else if (now_ms - g->sampled_ms >= GOVERNOR_WINDOW_MS)
			decide(g, now_ms);
		break;
	case PHASE_PAUSED:
		step_paused(g, now_ms, in);
		break;
	case PHASE_SHARE:
		if (now_ms >= g->slice_end_ms)
			begin_sample(g, now_ms, PHASE_PAUSED);
		break;
	}
	if (g->phase == PHASE_DRAIN && in->is_at_rest)
		begin_sample(g, now_ms, PHASE_MEASURE);
}

/* Book the time since the last step. */
static void
book(struct governor *g, int64_t now_ms)
{
	uint64_t ms = now_ms > g->stepped_ms ? (uint64_t)(now_ms - g->stepped_ms) : 0;

	switch (g->phase) {
	case PHASE_OFF:
		break;
	case PHASE_WORK:
	case PHASE_SHARE:
		g->account.worked_ms += ms;
		break;
	case PHASE_DRAIN:
	case PHASE_MEASURE:
		g->account.rested_ms += ms;
		break;
	case PHASE_PAUSED:
		g->account.paused_ms[g->reason] += ms;
		break;
	}
	g->stepped_ms = now_ms;
}

static struct governor_state
state_of(const struct governor *g, int64_t now_ms, const struct governor_input *in)
{
	struct governor_state s = { GOVERNOR_REST, GOVERNOR_NONE,
		now_ms + GOVERNOR_POLL_MS };

	switch (g->phase) {
	case PHASE_OFF:
		s.until_ms = INT64_MAX;
		break;
	case PHASE_WORK:
	case PHASE_SHARE:
		s.what = GOVERNOR_WORK;
		s.reason = g->reason;
		s.until_ms = g->phase == PHASE_WORK &&
				     g->slice_end_ms > g->peeked_ms + GOVERNOR_PEEK_MS
				 ? g->peeked_ms + GOVERNOR_PEEK_MS
				 : g->slice_end_ms;
		break;
	case PHASE_DRAIN:
		break;
	case PHASE_MEASURE:
		s.until_ms = g->sampled_ms + GOVERNOR_WINDOW_MS;
		break;
	case PHASE_PAUSED:
		s.what = GOVERNOR_PAUSED;
		s.reason = g->reason;
		s.until_ms =
		    g->sampled_ms +
		    (is_overdue(g, in) ? GOVERNOR_SHARE_MS - share_ms(g) : g->pause_ms);
		if (!in->is_at_rest)
			s.until_ms = now_ms + GOVERNOR_POLL_MS;
		break;
	}
	return s;
}

struct governor_state
governor_step(struct governor *g, int64_t now_ms, const struct governor_input *in)
{
	enum phase before = g->phase;

	book(g, now_ms);
	if (!in->wants_work)
		g->phase = PHASE_OFF;
	else
		advance(g, now_ms, in);
	if (g->phase != before)
		g->account.since_ms = now_ms;
	g->account.is_least_share =
	    g->phase == PHASE_SHARE || (g->phase == PHASE_PAUSED && is_overdue(g, in));
	return state_of(g, now_ms, in);
}

struct governor_account
governor_account(const struct governor *g)
{
	return g->account;
}

void
governor_facts(const struct governor *g, struct governor_fact ret[GOVERNOR_FACTS])
{
	struct probe_load load;
	struct probe_people people;

	probe_load(g->root, &load);
	probe_people(g->root, &people);

	const struct governor_fact facts[GOVERNOR_FACTS] = {
		{ "cpu pressure", load.has_pressure[PROBE_CPU],
		    "/proc/pressure/cpu; without it, idle CPU alone counts" },
		{ "io pressure", load.has_pressure[PROBE_IO],
		    "/proc/pressure/io; without it, scans do not make way for the disk" },
		{ "memory pressure", load.has_pressure[PROBE_MEMORY],
		    "/proc/pressure/memory; without it, scans do not make way for "
		    "memory" },
		{ "idle cpu", load.has_cpu,
		    "/proc/stat; without it, pressure alone counts" },
		{ "power supply", people.has_power,
		    "/sys/class/power_supply; none: taken as a machine on the mains" },
		{ "terminals", people.has_terminals,
		    "times of /dev/tty* and /dev/pts/*; without them, typing is not "
		    "seen" },
		{ "input", people.has_input,
		    "interrupts of built-in keyboards and pointers in /proc/interrupts; "
		    "those on USB cannot be told from other devices" },
		{ "sessions", people.has_sessions,
		    "/run/systemd/sessions; an active graphical one counts as a user "
		    "when "
		    "input is not seen; whether it is locked is not known" },
	};

	memcpy(ret, facts, sizeof(facts));
}
