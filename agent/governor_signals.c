/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent.
 * Input: /proc, /sys and /dev: from the kernel; names in /dev/pts.
 */
#include "agent/governor_signals.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/governor.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/memory.h"

enum { STAT_FIELDS = 8 };

struct signals {
	char *root;
	uint64_t interrupts; /* of input, when they last changed */
	int64_t input_ms;    /* then, monotonic; 0: never */
	bool has_interrupts;
};

struct signals *
signals_new(const char *root)
{
	struct signals *s = xcalloc(1, sizeof(*s));

	s->root = xstrdup(root);
	return s;
}

void
signals_free(struct signals *s)
{
	if (s == NULL)
		return;
	free(s->root);
	free(s);
}

/* The text of the file; NULL when it cannot be read. */
static char *
read_text(const struct signals *s, const char *path)
{
	MH_CLEANUP(freep) char *whole = xasprintf("%s%s", s->root, path);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(GOVERNOR_FILE_MAX);

	if (file_read(whole, b) != MH_OK)
		return NULL;
	return xstrndup((const char *)buf_data(b), buf_len(b));
}

/* The number at *at, which moves behind it; false when there is none. */
static bool
take_number(const char **at, uint64_t *ret)
{
	const char *p = *at;
	uint64_t v = 0;

	while (*p == ' ' || *p == '\t')
		p++;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	*at = p;
	*ret = v;
	return true;
}

/* proc(5), /proc/stat: user nice system idle iowait irq softirq steal. */
static void
read_stat(const struct signals *s, struct signal_times *ret)
{
	MH_CLEANUP(freep) char *text = read_text(s, "/proc/stat");
	uint64_t v[STAT_FIELDS] = { 0 };
	const char *at = text;

	if (text == NULL || strncmp(text, "cpu ", 4) != 0)
		return;
	at += 4;
	for (size_t i = 0; i < STAT_FIELDS && take_number(&at, &v[i]); i++)
		ret->all += v[i];
	ret->user = v[0];
	ret->idle = v[3] + v[4];
}

/* kernel/sched/psi.c: "some avg10=0.00 avg60=0.00 avg300=0.00 total=123\n". */
static uint64_t
read_psi(const struct signals *s, const char *what)
{
	MH_CLEANUP(freep) char *path = xasprintf("/proc/pressure/%s", what);
	MH_CLEANUP(freep) char *text = read_text(s, path);
	const char *at = text != NULL ? strstr(text, "some ") : NULL;
	uint64_t total = 0;

	at = at != NULL ? strstr(at, "total=") : NULL;
	if (at == NULL)
		return 0;
	at += strlen("total=");
	(void)take_number(&at, &total);
	return total;
}

/* proc(5), /proc/diskstats: major minor name reads merged sectors ms writes merged sectors. */
static uint64_t
read_written(const struct signals *s)
{
	enum { BEFORE_WRITTEN = 6 };
	MH_CLEANUP(freep) char *text = read_text(s, "/proc/diskstats");
	uint64_t sum = 0;

	for (const char *line = text; line != NULL && *line != 0;) {
		const char *end = strchrnul(line, '\n');
		const char *at = line;
		uint64_t v = 0;
		bool is_good = take_number(&at, &v) && take_number(&at, &v);

		at += strspn(at, " ");
		at += strcspn(at, " \n"); /* the name */
		for (int i = 0; is_good && i < BEFORE_WRITTEN; i++)
			is_good = take_number(&at, &v);
		if (is_good && take_number(&at, &v))
			sum += v;
		line = *end != 0 ? end + 1 : end;
	}
	return sum;
}

void
signals_read(struct signals *s, struct signal_times *ret)
{
	memset(ret, 0, sizeof(*ret));
	read_stat(s, ret);
	ret->cpu_us = read_psi(s, "cpu");
	ret->io_us = read_psi(s, "io");
	ret->memory_us = read_psi(s, "memory");
	ret->written = read_written(s);
}

static bool
file_says(const struct signals *s, const char *folder, const char *name, const char *file,
    const char *word)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s/%s", folder, name, file);
	MH_CLEANUP(freep) char *text = read_text(s, path);

	return text != NULL && strncmp(text, word, strlen(word)) == 0 &&
	       (text[strlen(word)] == '\n' || text[strlen(word)] == 0);
}

/* Some supply is a battery of this machine that discharges, and none feeds it. */
bool
signals_on_battery(struct signals *s)
{
	static const char folder[] = "/sys/class/power_supply";
	MH_CLEANUP(freep) char *whole = xasprintf("%s%s", s->root, folder);
	DIR *dir = opendir(whole);
	const struct dirent *e = NULL;
	bool is_discharging = false;
	bool is_fed = false;

	for (int i = 0;
	     dir != NULL && i < GOVERNOR_ENTRIES_MAX && (e = readdir(dir)) != NULL; i++) {
		if (e->d_name[0] == '.')
			continue;
		/* Batteries of mice and headsets have scope Device. */
		if (file_says(s, folder, e->d_name, "type", "Battery"))
			is_discharging =
			    is_discharging ||
			    (!file_says(s, folder, e->d_name, "scope", "Device") &&
				file_says(s, folder, e->d_name, "status", "Discharging"));
		else
			is_fed = is_fed || file_says(s, folder, e->d_name, "online", "1");
	}
	if (dir != NULL)
		(void)closedir(dir);
	return is_discharging && !is_fed;
}

/* The latest time at which a terminal below folder was read, in ms since 1970. */
static int64_t
last_read_ms(const struct signals *s, const char *folder, const char *prefix)
{
	MH_CLEANUP(freep) char *whole = xasprintf("%s%s", s->root, folder);
	DIR *dir = opendir(whole);
	const struct dirent *e = NULL;
	int64_t last_ms = 0;

	for (int i = 0;
	     dir != NULL && i < GOVERNOR_ENTRIES_MAX && (e = readdir(dir)) != NULL; i++) {
		struct stat st;
		size_t len = strlen(prefix);

		if (strncmp(e->d_name, prefix, len) != 0 || e->d_name[len] < '0' ||
		    e->d_name[len] > '9' ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		int64_t ms = (int64_t)st.st_atim.tv_sec * 1000;

		last_ms = ms > last_ms ? ms : last_ms;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return last_ms;
}

uint64_t
signals_input_interrupts(const char *text)
{
	static const char *const names[] = { "i8042", "i2c_hid", "i2c-hid", "ELAN",
		"SYNA", "hid-", "keyboard", "touchpad", "mouse" };
	uint64_t sum = 0;

	while (text != NULL && *text != 0) {
		const char *end = strchrnul(text, '\n');
		MH_CLEANUP(freep) char *line = xstrndup(text, (size_t)(end - text));
		const char *at = strchr(line, ':');
		bool is_input = false;
		uint64_t n = 0;

		for (size_t i = 0; i < MH_ARRAY_LEN(names); i++)
			is_input = is_input || strstr(line, names[i]) != NULL;
		at = at != NULL && is_input ? at + 1 : "";
		while (take_number(&at, &n))
			sum += n;
		text = *end != 0 ? end + 1 : end;
	}
	return sum;
}

/* What keyboards and pointers show: how long ago they last did something. */
static int64_t
input_idle_ms(struct signals *s, int64_t now_ms)
{
	MH_CLEANUP(freep) char *text = read_text(s, "/proc/interrupts");
	uint64_t n = signals_input_interrupts(text);

	if (s->has_interrupts && n != s->interrupts)
		s->input_ms = now_ms;
	s->has_interrupts = text != NULL;
	s->interrupts = n;
	return s->input_ms == 0 ? INT64_MAX : now_ms - s->input_ms;
}

int64_t
signals_user_idle_ms(struct signals *s, int64_t now_ms, int64_t real_ms)
{
	int64_t tty_ms = last_read_ms(s, "/dev", "tty");
	int64_t pts_ms = last_read_ms(s, "/dev/pts", "");
	int64_t last_ms = tty_ms > pts_ms ? tty_ms : pts_ms;
	int64_t idle_ms = last_ms == 0 ? INT64_MAX : real_ms - last_ms;
	int64_t input_ms = input_idle_ms(s, now_ms);

	/* A clock that was set back: the terminal was read in the future. */
	if (idle_ms < 0)
		idle_ms = 0;
	return input_ms < idle_ms ? input_ms : idle_ms;
}

static bool
is_there(const struct signals *s, const char *path)
{
	MH_CLEANUP(freep) char *whole = xasprintf("%s%s", s->root, path);
	struct stat st;

	return stat(whole, &st) == 0;
}

bool
signals_has_stat(const struct signals *s)
{
	return is_there(s, "/proc/stat");
}

bool
signals_has_psi(const struct signals *s)
{
	/* The file is there with psi=0 too, and cannot be read then. */
	MH_CLEANUP(freep) char *text = read_text(s, "/proc/pressure/io");

	return text != NULL && strstr(text, "total=") != NULL;
}

bool
signals_has_power(const struct signals *s)
{
	return is_there(s, "/sys/class/power_supply");
}

bool
signals_has_terminals(const struct signals *s)
{
	return is_there(s, "/dev/pts");
}
