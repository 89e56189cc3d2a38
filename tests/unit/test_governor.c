/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <time.h>
#include <unistd.h>

#include "agent/governor.h"
#include "base/attributes.h"
#include "base/fd.h"
#include "base/memory.h"

/* A machine of two CPUs that is played by files. */
struct machine {
	char *folder;
	struct governor *g;
	int64_t now_ms;
	uint64_t stalled_us[3];
	uint64_t busy, idle; /* ticks */
	struct governor_input in;
	/* What goes on, per second. */
	unsigned busy_percent, stalled_percent[3];
	int64_t worked_ms;
};

static const struct governor_settings usual = { .cpu = 40,
	.io = 20,
	.memory = 10,
	.idle_ms = 60000,
	.give_up_after_ms = UINT64_C(7) * 86400000,
	.least_share = 5 };

static void
put(struct machine *m, const char *name, const char *text)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", m->folder, name);
	MH_CLEANUP(freep)
	char *parent = xstrndup(path, strlen(path) - strlen(strrchr(path, '/')));
	FILE *f = NULL;

	assert_ok(folder_make(parent, 0700));
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static void
put_load(struct machine *m)
{
	static const char *const names[] = { "proc/pressure/cpu", "proc/pressure/io",
		"proc/pressure/memory" };

	for (unsigned i = 0; i < 3; i++) {
		MH_CLEANUP(freep)
		char *text = xasprintf(
		    "some avg10=0.00 avg60=0.00 avg300=0.00 total=%llu\nfull avg10=0.00 "
		    "avg60=0.00 avg300=0.00 total=0\n",
		    (unsigned long long)m->stalled_us[i]);

		put(m, names[i], text);
	}

	MH_CLEANUP(freep)
	char *text = xasprintf("cpu  %llu 0 0 %llu 0 0 0 0 0 0\ncpu0 1\n",
	    (unsigned long long)m->busy, (unsigned long long)m->idle);

	put(m, "proc/stat", text);
}

static void
pass(struct machine *m, int64_t ms)
{
	m->now_ms += ms;
	for (unsigned i = 0; i < 3; i++)
		m->stalled_us[i] += (uint64_t)ms * m->stalled_percent[i] * 10;
	m->busy += (uint64_t)ms * m->busy_percent;
	m->idle += (uint64_t)ms * (100 - m->busy_percent);
	put_load(m);
}

static struct governor_state
step(struct machine *m)
{
	return governor_step(m->g, m->now_ms, &m->in);
}

/* As a scan would, whose work ends at once when it is told to rest. */
static struct governor_state
run(struct machine *m, int64_t ms)
{
	int64_t end = m->now_ms + ms;
	struct governor_state s = step(m);

	while (m->now_ms < end) {
		int64_t next = s.until_ms < end ? s.until_ms : end;

		assert_true(s.until_ms > m->now_ms || next == end);
		m->worked_ms += s.what == GOVERNOR_WORK ? next - m->now_ms : 0;
		m->in.is_at_rest = s.what != GOVERNOR_WORK;
		pass(m, next - m->now_ms);
		s = step(m);
		if (s.what != GOVERNOR_WORK && !m->in.is_at_rest) {
			m->in.is_at_rest = true;
			s = step(m);
		}
	}
	return s;
}

static int
setup(void **state)
{
	struct machine *m = xcalloc(1, sizeof(*m));

	assert_int_equal(tmpdir_setup((void **)&m->folder), 0);
	m->now_ms = 1000000;
	m->in = (struct governor_input){ .wants_work = true, .is_at_rest = true };
	m->g = governor_new(&usual, m->folder);
	put_load(m);
	*state = m;
	return 0;
}

static int
teardown(void **state)
{
	struct machine *m = *state;

	governor_free(m->g);
	(void)tmpdir_teardown((void **)&m->folder);
	free(m);
	return 0;
}

static void
on_an_idle_machine_rests_take_little(void **state)
{
	struct machine *m = *state;

	(void)run(m, 100000);
	assert_true(m->worked_ms > 94000);
	assert_int_equal(governor_account(m->g).n_pauses, 0);
	assert_true(governor_account(m->g).rested_ms > 3000);
}

static void
without_work_nothing_is_read(void **state)
{
	struct machine *m = *state;

	m->in.wants_work = false;
	assert_int_equal(step(m).until_ms, INT64_MAX);
	m->in.wants_work = true;
	/* Before the first slice comes a look. */
	assert_int_equal(step(m).what, GOVERNOR_REST);
}

static void
work_in_flight_is_waited_for_before_it_is_measured(void **state)
{
	struct machine *m = *state;
	struct governor_state s = { 0 };

	m->busy_percent = 100;
	m->in.is_at_rest = false;
	for (unsigned i = 0; i < 100; i++) {
		s = step(m);
		assert_int_equal(s.what, GOVERNOR_REST);
		pass(m, 20);
	}
	/* All of that was ours. */
	m->busy_percent = 0;
	m->in.is_at_rest = true;
	(void)step(m);
	pass(m, GOVERNOR_WINDOW_MS);
	assert_int_equal(step(m).what, GOVERNOR_WORK);
}

static void
a_job_on_all_cpus_is_made_way_for_within_two_seconds(void **state)
{
	struct machine *m = *state;
	struct governor_state s = run(m, 60000);

	m->busy_percent = 100;
	m->worked_ms = 0;
	s = run(m, 2000);
	assert_int_equal(s.what, GOVERNOR_PAUSED);
	assert_int_equal(s.reason, GOVERNOR_CPU);
	assert_true(m->worked_ms <= 1200);
	m->worked_ms = 0;
	(void)run(m, 60000);
	assert_int_equal(m->worked_ms, 0);
	assert_true(governor_account(m->g).paused_ms[GOVERNOR_CPU] > 60000);
	assert_int_equal(governor_account(m->g).n_pauses, 1);
	/* And it goes on when the job ended. */
	m->busy_percent = 10;
	(void)run(m, 9000);
	assert_true(m->worked_ms > 500);
}

static void
each_pressure_pauses_at_its_threshold_and_not_below(void **state)
{
	static const enum governor_reason reasons[] = { GOVERNOR_CPU, GOVERNOR_IO,
		GOVERNOR_MEMORY };
	static const unsigned thresholds[] = { 40, 20, 10 };
	struct machine *m = *state;

	for (unsigned i = 0; i < 3; i++) {
		m->stalled_percent[i] = thresholds[i] - 1;
		m->worked_ms = 0;
		(void)run(m, 20000);
		assert_true(m->worked_ms > 10000);
		m->stalled_percent[i] = thresholds[i];
		struct governor_state s = run(m, 20000);

		assert_int_equal(s.what, GOVERNOR_PAUSED);
		assert_int_equal(s.reason, reasons[i]);
		m->stalled_percent[i] = 0;
		(void)run(m, 20000);
	}
}

static void
an_old_scan_takes_the_least_share(void **state)
{
	struct machine *m = *state;

	m->busy_percent = 100;
	m->in.scan_age_ms = usual.give_up_after_ms - 1;
	(void)run(m, 100000);
	assert_int_equal(m->worked_ms, 0);
	m->in.scan_age_ms++;
	(void)run(m, 100000);
	assert_in_range(m->worked_ms, 4000, 6000);
	assert_true(governor_account(m->g).is_least_share);
}

static void
a_battery_that_drains_pauses_when_asked(void **state)
{
	struct governor_settings s = usual;
	struct machine *m = *state;

	put(m, "sys/class/power_supply/AC/type", "Mains\n");
	put(m, "sys/class/power_supply/AC/online", "0\n");
	put(m, "sys/class/power_supply/BAT0/type", "Battery\n");
	put(m, "sys/class/power_supply/BAT0/status", "Discharging\n");
	put(m, "sys/class/power_supply/mouse/type", "Battery\n");
	put(m, "sys/class/power_supply/mouse/scope", "Device\n");
	put(m, "sys/class/power_supply/mouse/status", "Discharging\n");
	assert_int_equal(run(m, 20000).reason, GOVERNOR_NONE);
	s.on_battery = true;
	governor_set(m->g, &s);
	assert_int_equal(run(m, 20000).reason, GOVERNOR_BATTERY);
	put(m, "sys/class/power_supply/AC/online", "1\n");
	(void)run(m, 20000);
	assert_int_equal(run(m, 1000).reason, GOVERNOR_NONE);
	put(m, "sys/class/power_supply/AC/online", "0\n");
	put(m, "sys/class/power_supply/BAT0/status", "Full\n");
	(void)run(m, 20000);
	assert_int_equal(run(m, 1000).reason, GOVERNOR_NONE);
}

static void
keys_pressed_pause_until_nobody_is_there(void **state)
{
	struct governor_settings s = usual;
	struct machine *m = *state;

	s.user_active = true;
	governor_set(m->g, &s);
	put(m, "proc/interrupts",
	    "  CPU0 CPU1\n 1: 10 5 IO-APIC 1-edge i8042\n 9: 1 1 x acpi\n");
	(void)run(m, 20000);
	assert_int_equal(governor_account(m->g).n_pauses, 0);
	put(m, "proc/interrupts",
	    "  CPU0 CPU1\n 1: 10 6 IO-APIC 1-edge i8042\n 9: 1 1 x acpi\n");
	assert_int_equal(run(m, 20000).reason, GOVERNOR_USER);
	(void)run(m, 60000);
	assert_int_equal(run(m, 1000).reason, GOVERNOR_NONE);
	/* Another device's interrupts are nobody's keys. */
	put(m, "proc/interrupts",
	    "  CPU0 CPU1\n 1: 10 6 IO-APIC 1-edge i8042\n 9: 7 1 x acpi\n");
	(void)run(m, 20000);
	assert_int_equal(governor_account(m->g).n_pauses, 1);
}

static void
a_terminal_in_use_pauses(void **state)
{
	struct governor_settings s = usual;
	struct machine *m = *state;

	s.user_active = true;
	governor_set(m->g, &s);
	put(m, "dev/pts/0", "");
	assert_int_equal(run(m, 5000).reason, GOVERNOR_USER);
}

static void
a_graphical_session_counts_when_input_is_not_seen(void **state)
{
	struct governor_settings s = usual;
	struct machine *m = *state;

	s.user_active = true;
	governor_set(m->g, &s);
	put(m, "run/systemd/sessions/2", "UID=1000\nACTIVE=1\nTYPE=wayland\n");
	assert_int_equal(run(m, 5000).reason, GOVERNOR_USER);
	put(m, "proc/interrupts", " 1: 10 6 IO-APIC 1-edge i8042\n");
	(void)run(m, 20000);
	assert_int_equal(run(m, 1000).reason, GOVERNOR_NONE);
}

static void
what_cannot_be_seen_is_said_and_does_not_stop_work(void **state)
{
	struct governor_fact facts[GOVERNOR_FACTS];
	struct machine *m = *state;
	struct governor *blind = governor_new(&usual, "/nonexistent");
	struct governor_state s = { 0 };

	governor_facts(blind, facts);
	for (unsigned i = 0; i < GOVERNOR_FACTS; i++) {
		assert_false(facts[i].is_seen);
		assert_non_null(facts[i].text);
	}
	(void)governor_step(blind, 0, &m->in);
	s = governor_step(blind, GOVERNOR_WINDOW_MS, &m->in);
	assert_int_equal(s.what, GOVERNOR_WORK);
	governor_free(blind);
	governor_facts(m->g, facts);
	for (unsigned i = 0; i < 4; i++)
		assert_true(facts[i].is_seen);
}

#define with_machine(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_machine(on_an_idle_machine_rests_take_little),
		with_machine(without_work_nothing_is_read),
		with_machine(work_in_flight_is_waited_for_before_it_is_measured),
		with_machine(a_job_on_all_cpus_is_made_way_for_within_two_seconds),
		with_machine(each_pressure_pauses_at_its_threshold_and_not_below),
		with_machine(an_old_scan_takes_the_least_share),
		with_machine(a_battery_that_drains_pauses_when_asked),
		with_machine(keys_pressed_pause_until_nobody_is_there),
		with_machine(a_terminal_in_use_pauses),
		with_machine(a_graphical_session_counts_when_input_is_not_seen),
		with_machine(what_cannot_be_seen_is_said_and_does_not_stop_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
