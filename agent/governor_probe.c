/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: trusted: files of the kernel and of systemd. */
#include "agent/governor_probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

enum { HEAD_BYTES = 1024, SESSION_BYTES = 4096 };

/* The beginning of the file; false when there is none to read. */
static bool
read_head(const char *root, const char *name, char *ret, size_t cap)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s%s", root, name);
	MH_CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, ret, cap - 1) : -1;

	ret[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* The number that stands after blanks at *p, which goes behind it. */
static bool
take_number(const char **p, uint64_t *ret)
{
	const char *at = *p + strspn(*p, " ");
	uint64_t v = 0;

	if (*at < '0' || *at > '9')
		return false;
	while (*at >= '0' && *at <= '9')
		v = v * 10 + (uint64_t)(*at++ - '0');
	*p = at;
	*ret = v;
	return true;
}

static void
load_pressure(const char *root, enum probe_pressure which, struct probe_load *ret)
{
	static const char *const names[] = { "/proc/pressure/cpu", "/proc/pressure/io",
		"/proc/pressure/memory" };
	char text[HEAD_BYTES];
	const char *total = NULL;

	/* Where PSI is switched off, the file may be there and not be readable. */
	if (!read_head(root, names[which], text, sizeof(text)) ||
	    strncmp(text, "some ", 5) != 0)
		return;
	total = strstr(text, "total=");
	if (total == NULL)
		return;
	total += 6;
	ret->has_pressure[which] = take_number(&total, &ret->stalled_us[which]);
}

static void
load_cpu(const char *root, struct probe_load *ret)
{
	char text[HEAD_BYTES];
	const char *p = text + 4;
	uint64_t v = 0;
	unsigned n = 0;

	if (!read_head(root, "/proc/stat", text, sizeof(text)) ||
	    strncmp(text, "cpu ", 4) != 0)
		return;
	/* user nice system idle iowait irq softirq steal; guests are in user. */
	for (; n < 8 && take_number(&p, &v); n++) {
		ret->all_ticks += v;
		ret->idle_ticks += n == 3 || n == 4 ? v : 0;
	}
	ret->has_cpu = n >= 4;
}

void
probe_load(const char *root, struct probe_load *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < PROBE_PRESSURES; i++)
		load_pressure(root, (enum probe_pressure)i, ret);
	load_cpu(root, ret);
}

/* Call on_name for each name in the folder; false when it cannot be read. */
static bool
for_each(const char *root, const char *folder,
    void (*on_name)(const char *root, const char *path, struct probe_people *ret),
    struct probe_people *ret)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s%s", root, folder);
	DIR *dir = opendir(path);
	struct dirent *d = NULL;

	if (dir == NULL)
		return false;
	for (unsigned n = 0; n < PROBE_ENTRIES_MAX && (d = readdir(dir)) != NULL; n++) {
		if (d->d_name[0] == '.')
			continue;

		MH_CLEANUP(freep) char *name = xasprintf("%s/%s", folder, d->d_name);

		on_name(root, name, ret);
	}
	(void)closedir(dir);
	return true;
}

/* Whether the file below the supply begins with that word. */
static bool
supply_says(const char *root, const char *supply, const char *name, const char *word)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", supply, name);
	char text[HEAD_BYTES];

	return read_head(root, path, text, sizeof(text)) &&
	       strncmp(text, word, strlen(word)) == 0;
}

/* Collected over all supplies: discharging in is_on_battery, mains in has_power. */
static void
on_battery(const char *root, const char *path, struct probe_people *ret)
{
	/* That of a mouse says nothing about the machine. */
	if (supply_says(root, path, "type", "Battery") &&
	    !supply_says(root, path, "scope", "Device")) {
		ret->has_power = true;
		ret->is_on_battery |= supply_says(root, path, "status", "Discharging");
	}
}

static void
on_mains(const char *root, const char *path, struct probe_people *ret)
{
	if (!supply_says(root, path, "type", "Mains"))
		return;
	ret->has_power = true;
	/* A battery may be drained under load although the mains are there. */
	if (supply_says(root, path, "online", "1"))
		ret->is_on_battery = false;
}

static void
on_terminal(const char *root, const char *path, struct probe_people *ret)
{
	MH_CLEANUP(freep) char *full = xasprintf("%s%s", root, path);
	const char *name = strrchr(path, '/') + 1;
	bool is_console =
	    strncmp(name, "tty", 3) == 0 && name[3] >= '1' && name[3] <= '9';
	bool is_pts = name[0] >= '0' && name[0] <= '9';
	struct stat st;

	if ((!is_console && !is_pts) || lstat(full, &st) < 0)
		return;
	ret->has_terminals = true;
	if (st.st_atim.tv_sec > ret->typed_s)
		ret->typed_s = st.st_atim.tv_sec;
}

static void
on_session(const char *root, const char *path, struct probe_people *ret)
{
	char text[SESSION_BYTES];

	if (!read_head(root, path, text, sizeof(text)))
		return;
	if (strstr(text, "\nACTIVE=1\n") != NULL &&
	    (strstr(text, "\nTYPE=x11\n") != NULL ||
		strstr(text, "\nTYPE=wayland\n") != NULL))
		ret->is_graphical = true;
}

/* The counts of one line of /proc/interrupts, if it is a keyboard's or a pointer's. */
static void
add_interrupts(const char *line, struct probe_people *ret)
{
	static const char *const devices[] = { "i8042", "i2c_hid", "hid-", "ELAN",
		"SYNA" };
	const char *p = strchr(line, ':');
	bool is_input = false;
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < MH_ARRAY_LEN(devices); i++)
		is_input |= strstr(p, devices[i]) != NULL;
	if (!is_input)
		return;
	ret->has_input = true;
	for (p++; take_number(&p, &v);)
		ret->n_input += v;
}

static void
probe_input(const char *root, struct probe_people *ret)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/proc/interrupts", root);
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(PROBE_INTERRUPTS_MAX);
	mh_err err = file_read(path, text);

	if (err != MH_OK)
		return;

	MH_CLEANUP(freep) char *copy = xstrdup(buf_string(text));
	char *rest = copy;

	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
		add_interrupts(line, ret);
}

void
probe_people(const char *root, struct probe_people *ret)
{
	memset(ret, 0, sizeof(*ret));
	(void)for_each(root, "/sys/class/power_supply", on_battery, ret);
	(void)for_each(root, "/sys/class/power_supply", on_mains, ret);
	(void)for_each(root, "/dev", on_terminal, ret);
	(void)for_each(root, "/dev/pts", on_terminal, ret);
	ret->has_sessions = for_each(root, "/run/systemd/sessions", on_session, ret);
	probe_input(root, ret);
}
