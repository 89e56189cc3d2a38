/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Weighs ways in, ways to hide and ways to listen.
 *
 * Runs in: agent, command line.
 * Input: clues about hostile processes.
 */
#include "agent/anomaly_impl.h"

#include <inttypes.h>
#include <string.h>

#include "agent/bpf_filter.h"
#include "base/memory.h"

/* Programs that read raw packets for a living. */
static const char *const listeners[] = { "tcpdump", "dumpcap", "tshark", "wireshark",
	"dhclient", "dhcpcd", "udhcpc", "busybox", "NetworkManager", "nm-dhcp-helper",
	"systemd-networkd", "wpa_supplicant", "hostapd", "iwd", "lldpd", "lldpad",
	"ladvd", "suricata", "snort", "zeek", "arpwatch", "arping", "nmap", "ngrep",
	"connmand", "avahi-autoipd", "keepalived", "ptp4l", "pppoe", "pppd", "xl2tpd",
	"charon", "charon-systemd", "dhcpd", "kea-dhcp4", "dnsmasq", "hcxdumptool",
	"netsniff-ng", "iftop", "nethogs", "ettercap", "ntopng", "softflowd", "pmacctd",
	"radvd", "ifplugd", "wickedd-dhcp4", "vmware-vmx", "VBoxHeadless", "iptraf-ng" };

/* Programs that control others to find faults in them. */
static const char *const debuggers[] = { "gdb", "gdbserver", "lldb", "lldb-server",
	"strace", "ltrace", "rr", "dlv", "perf", "valgrind", "heaptrack", "vsdbg",
	"debugserver", "sysprof" };

/* Libraries that people preload, by the start of their names. */
static const char *const preloaded[] = { "libjemalloc", "libtcmalloc", "libmimalloc",
	"libfakeroot", "libfakechroot", "libeatmydata", "libgtk3-nocsd", "libasan",
	"libtsan", "libubsan", "liblsan", "libstdbuf", "libfaketime", "libdlfaker",
	"libvglfaker", "libegl", "libGL", "libstdc++", "libgcc_s", "libpthread",
	"libc.so", "libmemusage", "libSegFault", "gameoverlayrenderer", "libproxychains",
	"libtsocks", "libtorsocks", "libnss_wrapper", "libuid_wrapper",
	"libsocket_wrapper", "libfreetype", "libfontconfig", "libudev", "libX11",
	"libxcb", "libhugetlbfs", "libgomp", "libiomp5", "libtbbmalloc", "libmkl_",
	"libcuda", "libnvidia", "libnccl", "libMangoHud", "libgamemode", "libheaptrack",
	"libprofiler", "libsnoopy", "bindtextdomain.so" };

static bool
is_known_library(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	for (size_t i = 0; i < MH_ARRAY_LEN(preloaded); i++) {
		if (strncmp(name, preloaded[i], strlen(preloaded[i])) == 0)
			return true;
	}
	return false;
}

/* The scores of one library by where it lies; the worst of a list counts. */
static unsigned
weigh_library(const char *path, const struct judge *j)
{
	enum place place = place_of(path);

	/* Without a folder the loader looks in those of the system. */
	if (strchr(path, '/') == NULL)
		place = PLACE_SYSTEM;
	switch (place) {
	case PLACE_OPEN:
		/* AppImages mount themselves there, and run from there. */
		if (strncmp(path, "/tmp/.mount_", 12) == 0 &&
		    j->process->program != NULL &&
		    strncmp(j->process->program, "/tmp/.mount_", 12) == 0)
			return 35;
		return 70;
	case PLACE_HOME:
		return is_known_library(path) ? 20 : 39;
	case PLACE_SYSTEM:
		return is_known_library(path) ? 10 : 25;
	case PLACE_OTHER:
		break;
	}
	return is_known_library(path) ? 20 : 45;
}

static unsigned
weigh_libraries(const char *list, const struct judge *j)
{
	unsigned worst = 0;

	while (*list != 0) {
		size_t len = strcspn(list, ": ");
		MH_CLEANUP(freep) char *path = xstrndup(list, len);
		unsigned score = len > 0 ? weigh_library(path, j) : 0;

		worst = score > worst ? score : worst;
		list += len;
		list += *list != 0;
	}
	return worst;
}

unsigned
weigh_preload(const struct judge *j, const struct clue *c, struct buf *why)
{
	const char *value = strchr(c->what, '=');
	unsigned score = value != NULL ? weigh_libraries(value + 1, j) : j->base;

	buf_addf(why, "it was started with %s", c->what);
	switch (c->number) {
	case CLUE_VARIABLE_MARKER:
		buf_add(why, ", a variable that is known of implants");
		return 85;
	case CLUE_VARIABLE_AUDIT:
		/* It gives more power than LD_PRELOAD, and hardly anybody uses it. */
		return score + 10;
	case CLUE_VARIABLE_LIBRARY_PATH:
		return 30;
	default:
		return score;
	}
}

unsigned
weigh_preload_file(const struct judge *j, const struct clue *c, struct buf *why)
{
	unsigned worst = weigh_libraries(c->what, j);

	buf_addf(why, "/etc/ld.so.preload loads %s into every process", c->what);
	/* Some administrators preload an allocator or a command logger. */
	if (worst <= 10) {
		buf_add(why, ", a library that is known for that");
		return 35;
	}
	return worst >= 45 ? j->base + 20 : j->base;
}

unsigned
weigh_kernel_name(const struct judge *j, const struct clue *c, struct buf *why)
{
	buf_addf(why, "it calls itself \"%s\" and is a program", c->what);
	if (j->process->program != NULL && j->process->program[0] != 0)
		buf_addf(why, ", %s", j->process->program);
	if ((c->number & (CLUE_KERNEL_COMMAND | CLUE_KERNEL_COMM)) != 0)
		return j->base;
	buf_add(why, "; no kernel thread is called so");
	return 30;
}

unsigned
weigh_traced(const struct judge *j, const struct clue *c, struct buf *why)
{
	const char *slash = strrchr(c->what, '/');
	const char *name = slash != NULL ? slash + 1 : c->what;

	buf_addf(why, "process %" PRIu64 " (%s) controls it with ptrace", c->number,
	    c->what);
	for (size_t i = 0; i < MH_ARRAY_LEN(debuggers); i++) {
		if (strcmp(name, debuggers[i]) == 0 && place_of(c->what) != PLACE_OPEN)
			return 5;
	}
	return j->base;
}

unsigned
weigh_hidden(const struct judge *j, const struct clue *c, struct buf *why)
{
	(void)c;
	buf_addf(why, "process %d lives, and the kernel's list of processes lacks it",
	    (int)j->process->pid);
	return j->base;
}

unsigned
weigh_covered(const struct judge *j, const struct clue *c, struct buf *why)
{
	buf_addf(why, "something is mounted over %s, which hides what the process is",
	    c->what);
	return j->base;
}

unsigned
weigh_secret_memory(const struct judge *j, const struct clue *c, struct buf *why)
{
	const struct clue *code = judge_find(j, CLUE_EXEC_ANONYMOUS);

	buf_addf(why, "%" PRIu64 " bytes at 0x%" PRIx64 " are secret: memfd_secret(2)",
	    c->length, c->address);
	if (code == NULL || strncmp(code->what, "/secretmem", 10) != 0)
		return j->base;
	buf_add(why, ", and it runs code there");
	return 85;
}

/* Several protocols, or one that no DHCP client compares the payload of. */
static bool
is_door(const struct filter_traits *t)
{
	return t->n_magics > 0 && (t->protocols & (FILTER_TCP | FILTER_ICMP)) != 0;
}

static void
say_filter(const struct filter_traits *t, struct buf *why)
{
	if (t->n_magics == 0)
		return;
	buf_add(why, ", with a filter that wakes it at payload beginning with");
	for (size_t i = 0; i < t->n_magics && i < FILTER_MAGICS_MAX; i++)
		buf_addf(why, " 0x%" PRIx32, t->magics[i]);
	buf_addf(why, " in%s%s%s", (t->protocols & FILTER_TCP) != 0 ? " TCP" : "",
	    (t->protocols & FILTER_UDP) != 0 ? " UDP" : "",
	    (t->protocols & FILTER_ICMP) != 0 ? " ICMP" : "");
	if (t->protocols == 0)
		buf_add(why, " any protocol");
}

unsigned
weigh_packet_socket(const struct judge *j, const struct clue *c, struct buf *why)
{
	bool is_listed = judge_is_program(j, listeners, MH_ARRAY_LEN(listeners));
	struct filter_traits t;

	filter_read(c->data, c->n_data, &t);
	buf_addf(why, "a packet socket (%s)", c->what);
	say_filter(&t, why);
	if (c->length == 0)
		buf_add(why, ", without a filter: it sees all");
	if (c->length == CLUE_FILTER_UNKNOWN)
		buf_add(why, "; its filter may not be read");
	if (is_listed)
		buf_add(why, "; its program does that for a living");
	if (is_door(&t)) {
		buf_add(why, "; backdoors are woken that way");
		return is_listed ? 60 : 90;
	}
	if (t.n_magics > 0 && !t.is_dhcp)
		return is_listed ? 35 : 70;
	/* A filter that is only about DHCP or the link tells what its owner is. */
	if (is_listed)
		return 15;
	return t.is_dhcp || t.is_link_layer ? 30 : j->base;
}
