/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "agent/governor.h"
#include "agent/governor_signals.h"
#include "base/fd.h"
#include "base/memory.h"

/* A machine that is played by files, and the time that passes on it. */
struct ground {
	char *root;
	struct governor *g;
	struct governor_input in;
	int64_t now_ms;
	/* Per 100 ms, of 20 ticks in all (two processors): */
	unsigned others_user, others_system, ours; /* ours while it works */
	unsigned io_wait_ms;                       /* PSI: of 100 */
	unsigned our_io_wait_ms;
	uint64_t written, others_written; /* sectors, in all and each time */
	uint64_t user, nice, system, idle, io_us;
	enum governor_act act;
	int64_t worked_ms;
};

static void __attribute__((format(printf, 3, 4)))
put(const struct ground *g, const char *path, const char *format, ...)
{
	MH_CLEANUP(freep) char *whole = xasprintf("%s%s", g->root, path);
	MH_CLEANUP(freep) char *folder = xstrdup(whole);
	char text[1024];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*strrchr(folder, '/') = 0;
	assert_ok(folder_make(folder, 0755));
	int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, text, (size_t)len), len);
	(void)close(fd);
}

static void
show(const struct ground *g)
{
	put(g, "/proc/stat", "cpu  %llu %llu %llu %llu 0 0 0 0 0 0\ncpu0 1 1 1 1\n",
	    (unsigned long long)g->user, (unsigned long long)g->nice,
	    (unsigned long long)g->system, (unsigned long long)g->idle);
	put(g, "/proc/pressure/io",
	    "some avg10=0.00 avg60=0.00 avg300=0.00 total=%llu\n"
	    "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
	    (unsigned long long)g->io_us);
	put(g, "/proc/diskstats", " 254 0 vda 5 0 40 1 7 0 %llu 9 0 1 2\n",
	    (unsigned long long)g->written);
	put(g, "/proc/pressure/cpu", "some avg10=0.00 total=5\nfull total=9\n");
	put(g, "/proc/pressure/memory", "some avg10=0.00 total=5\nfull total=9\n");
}

static const struct governor_settings usual = {
	.cpu_percent = 75,
	.cpu_wait_percent = 20,
	.io_percent = 20,
	.memory_percent = 5,
	.on_battery = true,
	.user_active = true,
	.user_idle_ms = 120000,
	.give_up_after_ms = 7 * 86400000LL,
	.least_percent = 5,
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	if (tmpdir_setup((void **)&g->root) != 0)
		return -1;
	g->g = governor_new(&usual, g->root);
	g->in.wants_work = true;
	g->now_ms = 1000000;
	g->act = GOVERNOR_REST; /* nothing was said yet */
	show(g);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	governor_free(g->g);
	(void)tmpdir_teardown((void **)&g->root);
	free(g);
	return 0;
}

/* Let time pass, a tenth of a second after the other. */
static void
pass(struct ground *g, int64_t ms)
{
	for (int64_t i = 0; i < ms; i += 100) {
		bool works = g->act == GOVERNOR_WORK && g->in.wants_work;
		unsigned ours = works ? g->ours : 0;
		unsigned busy = g->others_user + g->others_system + ours;

		g->now_ms += 100;
		g->user += g->others_user;
		g->system += g->others_system;
		g->nice += ours;
		g->idle += busy < 20 ? 20 - busy : 0;
		g->io_us += (g->io_wait_ms + (works ? g->our_io_wait_ms : 0)) * 1000ull;
		g->written += g->others_written;
		g->worked_ms += works ? 100 : 0;
		show(g);
		g->in.is_at_rest = !works;
		g->act = governor_step(g->g, &g->in, g->now_ms, g->now_ms);
	}
}

static void
an_idle_machine_is_used_nearly_always(void **state)
{
	struct ground *g = *state;

	g->ours = 20;
	pass(g, 60000);
	assert_in_range(g->worked_ms, 56000, 59900);
	assert_int_equal(governor_given_up_ms(g->g, GOVERNOR_CPU), 0);
}

static void
it_looks_before_the_first_step(void **state)
{
	struct ground *g = *state;

	g->others_user = 20;
	pass(g, 20000);
	assert_int_equal(g->worked_ms, 0);
	assert_int_equal(governor_reason(g->g), GOVERNOR_CPU);
}

static void
a_job_on_all_processors_is_seen_within_two_seconds(void **state)
{
	struct ground *g = *state;

	g->ours = 20;
	pass(g, 30000);
	g->ours = 2; /* the kernel gives us hardly anything */
	g->others_user = 18;
	g->worked_ms = 0;
	pass(g, 60000);
	assert_in_range(g->worked_ms, 100, 2000);
	assert_in_range(governor_given_up_ms(g->g, GOVERNOR_CPU), 55000, 60000);
	g->others_user = 0;
	g->worked_ms = 0;
	pass(g, 10000);
	assert_in_range(g->worked_ms, 4000, 10000);
}

static void
others_in_the_kernel_are_seen_while_we_rest(void **state)
{
	struct ground *g = *state;

	pass(g, 5000);
	g->others_system = 19;
	g->worked_ms = 0;
	pass(g, 60000);
	assert_in_range(g->worked_ms, 100, GOVERNOR_SLICE_MS);
}

static void
one_job_of_two_processors_leaves_the_other_to_us(void **state)
{
	struct ground *g = *state;

	g->others_user = 10;
	g->ours = 10;
	pass(g, 60000);
	assert_in_range(g->worked_ms, 50000, 60000);
}

static void
our_own_waiting_for_disks_is_told_from_that_of_others(void **state)
{
	struct ground *g = *state;

	g->our_io_wait_ms = 80;
	pass(g, 300000);
	assert_int_equal(governor_given_up_ms(g->g, GOVERNOR_IO), 0);
	assert_true(g->worked_ms > 240000);
	g->io_wait_ms = 60;
	g->worked_ms = 0;
	pass(g, 120000);
	assert_in_range(g->worked_ms, 100, GOVERNOR_AGAIN_MAX_MS + 5000);
	assert_int_equal(governor_reason(g->g), GOVERNOR_IO);
}

static void
who_writes_is_seen_at_once_though_we_wait_for_disks_too(void **state)
{
	struct ground *g = *state;

	g->our_io_wait_ms = 80;
	pass(g, 300000); /* our own signs are believed no more for a while */
	while (g->act != GOVERNOR_WORK)
		pass(g, 100);
	g->others_written = 4000;
	g->io_wait_ms = 60;
	g->worked_ms = 0;
	pass(g, 60000);
	assert_in_range(g->worked_ms, 100, 2 * GOVERNOR_LOOK_MS);
	assert_int_equal(governor_reason(g->g), GOVERNOR_IO);
}

static void
a_battery_pauses_work_and_a_mouse_does_not(void **state)
{
	struct ground *g = *state;

	put(g, "/sys/class/power_supply/mouse/type", "Battery\n");
	put(g, "/sys/class/power_supply/mouse/scope", "Device\n");
	put(g, "/sys/class/power_supply/mouse/status", "Discharging\n");
	put(g, "/sys/class/power_supply/AC/type", "Mains\n");
	put(g, "/sys/class/power_supply/AC/online", "0\n");
	pass(g, 10000);
	assert_int_equal(g->act, GOVERNOR_WORK);
	put(g, "/sys/class/power_supply/BAT0/type", "Battery\n");
	put(g, "/sys/class/power_supply/BAT0/status", "Discharging\n");
	pass(g, GOVERNOR_SLOW_MS + 200);
	assert_int_equal(g->act, GOVERNOR_PAUSE);
	assert_int_equal(governor_reason(g->g), GOVERNOR_BATTERY);
	put(g, "/sys/class/power_supply/AC/online", "1\n");
	pass(g, 20000);
	assert_int_equal(g->act, GOVERNOR_WORK);
}

static void
a_terminal_that_is_read_shows_a_user(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *path = xasprintf("%s/dev/pts/3", g->root);
	struct timespec times[2] = { { .tv_sec = g->now_ms / 1000 },
		{ .tv_sec = g->now_ms / 1000 } };

	put(g, "/dev/pts/3", "x");
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	pass(g, 20000);
	assert_int_equal(governor_reason(g->g), GOVERNOR_USER);
	pass(g, 120000);
	assert_int_equal(g->act, GOVERNOR_WORK);
}

static void
keyboards_show_a_user(void **state)
{
	struct ground *g = *state;

	put(g, "/proc/interrupts",
	    "           CPU0       CPU1\n  1:       10         5   IO-APIC   1-edge      "
	    "i8042\n  8:   99   99  rtc0\n");
	pass(g, 20000);
	assert_int_equal(g->act, GOVERNOR_WORK);
	put(g, "/proc/interrupts",
	    "           CPU0       CPU1\n  1:       10         6   IO-APIC   1-edge      "
	    "i8042\n  8:  199   99  rtc0\n");
	pass(g, 10000);
	assert_int_equal(governor_reason(g->g), GOVERNOR_USER);
}

static void
interrupts_of_input_are_summed_up(void **state)
{
	(void)state;
	assert_int_equal(signals_input_interrupts(NULL), 0);
	assert_int_equal(signals_input_interrupts("i8042"), 0);
	assert_int_equal(signals_input_interrupts("1: 2 3 x i8042\n9: 7 ELAN0001:00\n"
						  "12: 100 eth0\n"),
	    12);
}

static void
an_old_scan_takes_its_least_share_in_spite_of_all(void **state)
{
	struct ground *g = *state;

	g->others_user = 20;
	g->in.age_ms = usual.give_up_after_ms - 1;
	pass(g, 100000);
	assert_int_equal(g->worked_ms, 0);
	g->in.age_ms = usual.give_up_after_ms;
	pass(g, 100000);
	/* 5 of 100, in pieces of half a second. */
	assert_in_range(g->worked_ms, 3500, 7000);
}

static void
without_any_file_it_works_and_says_what_it_does_not_see(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *nowhere = xasprintf("%s/nowhere", g->root);
	MH_CLEANUP(governor_freep) struct governor *blind = governor_new(&usual, nowhere);
	int64_t worked_ms = 0;

	for (int64_t ms = 0; ms < 60000; ms += 100) {
		enum governor_act act = governor_step(blind, &g->in, 5000 + ms, ms);

		g->in.is_at_rest = act != GOVERNOR_WORK;
		worked_ms += act == GOVERNOR_WORK ? 100 : 0;
	}
	assert_true(worked_ms > 55000);
	for (int i = GOVERNOR_CPU; i < GOVERNOR_REASON_MAX_; i++) {
		assert_non_null(governor_blind(blind, (enum governor_reason)i));
		assert_non_null(governor_reason_text((enum governor_reason)i));
	}
	assert_null(governor_blind(g->g, GOVERNOR_CPU));
	assert_null(governor_blind(g->g, GOVERNOR_IO));
}

static void
without_work_nothing_is_looked_at(void **state)
{
	struct ground *g = *state;

	g->others_user = 20;
	g->in.wants_work = false;
	pass(g, 10000);
	assert_int_equal(g->act, GOVERNOR_WORK);
	assert_int_equal(governor_reason(g->g), GOVERNOR_NOBODY);
	g->in.wants_work = true;
	pass(g, 1000);
	assert_int_equal(g->act, GOVERNOR_PAUSE);
}

static void
a_window_begins_only_when_all_is_at_rest(void **state)
{
	struct ground *g = *state;

	pass(g, 100);
	assert_int_equal(g->act, GOVERNOR_REST);
	for (int i = 0; i < 50; i++) {
		g->now_ms += 100;
		g->in.is_at_rest = false;
		assert_int_equal(governor_step(g->g, &g->in, g->now_ms, g->now_ms),
		    GOVERNOR_REST);
	}
	g->act = GOVERNOR_REST;
	pass(g, GOVERNOR_REST_MS + 200);
	assert_int_equal(g->act, GOVERNOR_WORK);
}

#define with_ground(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ground(an_idle_machine_is_used_nearly_always),
		with_ground(it_looks_before_the_first_step),
		with_ground(a_job_on_all_processors_is_seen_within_two_seconds),
		with_ground(others_in_the_kernel_are_seen_while_we_rest),
		with_ground(one_job_of_two_processors_leaves_the_other_to_us),
		with_ground(our_own_waiting_for_disks_is_told_from_that_of_others),
		with_ground(who_writes_is_seen_at_once_though_we_wait_for_disks_too),
		with_ground(a_battery_pauses_work_and_a_mouse_does_not),
		with_ground(a_terminal_that_is_read_shows_a_user),
		with_ground(keyboards_show_a_user),
		cmocka_unit_test(interrupts_of_input_are_summed_up),
		with_ground(an_old_scan_takes_its_least_share_in_spite_of_all),
		with_ground(without_any_file_it_works_and_says_what_it_does_not_see),
		with_ground(without_work_nothing_is_looked_at),
		with_ground(a_window_begins_only_when_all_is_at_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
