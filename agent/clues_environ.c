/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process was told to load, by what name it goes, who traces it.
 *
 * Runs in: opener.
 * Input: /proc of hostile processes.
 */
#include "agent/clues_impl.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	STATUS_MAX = 8 * 1024,
	STAT_MAX = 4 * 1024,
	COMMAND_MAX = 256,
	PRELOAD_FILE_MAX = CLUE_WHAT_MAX,
	PF_KTHREAD = 0x00200000, /* include/linux/sched.h */
	STAT_FLAGS = 9,          /* fields of stat, from 1: proc(5) */
	STAT_VSIZE = 23,
};

/* Variables that make the dynamic loader load something: ld.so(8). */
static const struct {
	const char *name; /* with its "=" */
	enum clue_variable variable;
} variables[] = {
	{ "LD_PRELOAD=", CLUE_VARIABLE_PRELOAD },
	{ "LD_AUDIT=", CLUE_VARIABLE_AUDIT },
	{ "LD_LIBRARY_PATH=", CLUE_VARIABLE_LIBRARY_PATH },
	/* HiddenWasp (Intezer, 2019) and Symbiote (BlackBerry, Intezer, 2022) set these. */
	{ "I_AM_HIDDEN=", CLUE_VARIABLE_MARKER },
	{ "HTTP_SETTHIS=", CLUE_VARIABLE_MARKER },
};

/*
 * Whether a list of folders has one that anybody writes to, a hidden one, or
 * one that is not absolute: LD_LIBRARY_PATH itself is common.
 */
static bool
has_odd_folder(const char *list)
{
	static const char *const odd[] = { "/tmp", "/var/tmp", "/dev/shm" };

	while (*list != 0) {
		size_t len = strcspn(list, ":");
		MH_CLEANUP(freep) char *folder = xstrndup(list, len);

		if (len > 0 && (folder[0] != '/' || strstr(folder, "/.") != NULL))
			return true;
		for (size_t i = 0; i < MH_ARRAY_LEN(odd); i++) {
			if (strncmp(folder, odd[i], strlen(odd[i])) == 0)
				return true;
		}
		list += len;
		list += *list == ':';
	}
	return false;
}

static void
note_variable(const struct clue_subject *s, const char *text)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(variables); i++) {
		size_t len = strlen(variables[i].name);
		const char *value = text + len;

		if (strncmp(text, variables[i].name, len) != 0)
			continue;
		if (variables[i].variable == CLUE_VARIABLE_LIBRARY_PATH &&
		    !has_odd_folder(value))
			return;
		if (variables[i].variable != CLUE_VARIABLE_MARKER && *value == 0)
			return;
		clue_list_add(s->clues, (struct clue){ .kind = CLUE_PRELOAD,
					    .number = variables[i].variable,
					    .what = xstrndup(text, CLUE_WHAT_MAX) });
	}
}

void
clues_of_environ(const struct clue_subject *s)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CLUES_ENVIRON_MAX);
	size_t len = 0;

	if (!clues_read(s->pid_fd, "environ", b))
		return;
	len = buf_len(b);
	/* The buffer ends with a NUL behind its content, so the last one ends too. */
	for (size_t at = 0; at < len;) {
		const char *text = buf_string(b) + at;

		note_variable(s, text);
		at += strlen(text) + 1;
	}
}

/* Names of kernel threads, up to where their numbers begin. */
static bool
is_kernel_name(const char *name)
{
	static const char *const stems[] = { "kworker", "ksoftirqd", "kthreadd",
		"kdevtmpfs", "kdmflush", "kswapd", "kcompactd", "khugepaged", "ksmd",
		"khungtaskd", "kauditd", "kblockd", "kintegrityd", "kthrotld", "kstrp",
		"kpsmoused", "kcryptd", "ksgxd", "kjournald", "kmpath", "khubd",
		"kseriod", "kacpid", "kstriped", "kaluad", "migration/", "rcu_", "rcub/",
		"rcuc/", "rcuop/", "rcuog/", "cpuhp/", "watchdogd", "watchdog/",
		"idle_inject/", "netns", "writeback", "oom_reaper", "jbd2/",
		"ext4-rsv-conver", "xfs-", "xfsaild/", "btrfs-cleaner", "btrfs-transacti",
		"btrfs-endio", "scsi_eh_", "scsi_tmf_", "irq/", "nvme-wq",
		"nvme-reset-wq", "nvme-delete-wq", "md_misc", "mm_percpu_wq",
		"slub_flushwq", "inet_frag_wq", "ata_sff", "card0-crtc", "loop",
		"edac-poller", "devfreq_wq", "ipv6_addrconf", "tpm_dev_wq", "zswap",
		"mld", "cfg80211", "nfsd", "lockd", "rpciod", "xprtiod", "bioset",
		"deferwq", "charger_manager", "usb-storage", "psimon", "pool_workqueue" };

	for (size_t i = 0; i < MH_ARRAY_LEN(stems); i++) {
		size_t len = strlen(stems[i]);

		/* A longer word is another word: loopd, nfsdcld, ksmd-tool. */
		if (strncmp(name, stems[i], len) == 0 &&
		    (!isalpha((unsigned char)stems[i][len - 1]) ||
			strchr("/0123456789:]-_\n", name[len]) != NULL))
			return true;
	}
	return false;
}

/*
 * A field of stat, counted from 1: proc(5).  The name in its parentheses may
 * hold anything, so fields count from the last one that closes.
 */
static uint64_t
stat_field(const char *stat, unsigned field)
{
	const char *at = strrchr(stat, ')');
	uint64_t value = 0;
	MH_CLEANUP(freep) char *text = NULL;

	for (unsigned i = 2; at != NULL && i < field; i++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return 0;
	text = xstrndup(at + 1, strcspn(at + 1, " \n"));
	return parse_u64(text, 0, UINT64_MAX, &value) == MH_OK ? value : 0;
}

/* Whether it has memory of its own, which no kernel thread has. */
static bool
is_user_process(int pid_fd)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(STAT_MAX);

	return clues_read(pid_fd, "stat", b) &&
	       (stat_field(buf_string(b), STAT_FLAGS) & PF_KTHREAD) == 0 &&
	       stat_field(buf_string(b), STAT_VSIZE) > 0;
}

void
clues_of_names(const struct clue_subject *s)
{
	MH_CLEANUP(buf_freep) struct buf *command = buf_new(COMMAND_MAX);
	MH_CLEANUP(buf_freep) struct buf *comm = buf_new(COMMAND_MAX);
	uint64_t bits = 0;
	size_t len = 0;
	const char *text = NULL;

	(void)clues_read(s->pid_fd, "cmdline", command);
	(void)clues_read(s->pid_fd, "comm", comm);
	/* Its first word; a process that writes over its arguments may leave one only. */
	text = buf_string(command);
	len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']')
		bits |= CLUE_KERNEL_BRACKETS;
	if (bits != 0 && is_kernel_name(text + 1))
		bits |= CLUE_KERNEL_COMMAND;
	if (is_kernel_name(buf_string(comm) + (buf_string(comm)[0] == '[')))
		bits |= CLUE_KERNEL_COMM;
	if (bits == 0 || !is_user_process(s->pid_fd))
		return;
	if ((bits & CLUE_KERNEL_BRACKETS) == 0)
		text = buf_string(comm);
	clue_list_add(s->clues, (struct clue){ .kind = CLUE_KERNEL_NAME,
				    .number = bits,
				    .what = xstrndup(text, strcspn(text, "\n")) });
}

void
clues_of_tracer(const struct clue_subject *s)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(STATUS_MAX);
	static const char key[] = "\nTracerPid:\t";
	const char *at = NULL;
	uint64_t pid = 0;
	char target[CLUE_WHAT_MAX + 1];
	ssize_t n = -1;

	if (clues_read(s->pid_fd, "status", b))
		at = strstr(buf_string(b), key);
	if (at == NULL)
		return;
	at += sizeof(key) - 1;
	MH_CLEANUP(freep) char *text = xstrndup(at, strcspn(at, "\n"));
	MH_CLEANUP(freep) char *link = xasprintf("%s/exe", text);

	if (parse_u64(text, 1, INT32_MAX, &pid) != MH_OK)
		return;
	n = readlinkat(s->context->proc_fd, link, target, CLUE_WHAT_MAX);
	target[n > 0 ? n : 0] = 0;
	clue_list_add(s->clues,
	    (struct clue){ .kind = CLUE_TRACED, .number = pid, .what = xstrdup(target) });
}

/* Whether the preload file under this root was not looked at yet; remembers it. */
static bool
is_new_root(struct clues *c, const struct stat *root, uint64_t mount_namespace)
{
	struct preload_root r = { root->st_dev, root->st_ino, mount_namespace };

	for (size_t i = 0; i < c->n_roots; i++) {
		if (c->roots[i].dev == r.dev && c->roots[i].ino == r.ino &&
		    c->roots[i].mount_namespace == r.mount_namespace)
			return false;
	}
	if (c->n_roots >= CLUES_ROOTS_MAX)
		return false;
	c->roots = xreallocarray(c->roots, c->n_roots + 1, sizeof(*c->roots));
	c->roots[c->n_roots++] = r;
	return true;
}

/* The libraries that it names, with single spaces; NULL when none: ld.so(8). */
static char *
preload_names(int fd)
{
	char text[PRELOAD_FILE_MAX + 1];
	ssize_t n = read(fd, text, PRELOAD_FILE_MAX);
	MH_CLEANUP(buf_freep) struct buf *names = buf_new(PRELOAD_FILE_MAX);
	char *rest = text;
	char *word = NULL;

	text[n > 0 ? n : 0] = 0;
	while ((word = strsep(&rest, " \t\n:")) != NULL) {
		if (*word != 0)
			buf_addf(names, "%s%s", buf_len(names) > 0 ? " " : "", word);
	}
	return buf_len(names) > 0 ? xstrdup(buf_string(names)) : NULL;
}

void
clues_of_preload_file(const struct clue_subject *s)
{
	struct open_how how = { .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	MH_CLEANUP(fd_closep)
	int root = openat(s->pid_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	MH_CLEANUP(fd_closep) int fd = -1;
	MH_CLEANUP(freep) char *names = NULL;
	struct stat st;

	if (root < 0 || fstat(root, &st) < 0 ||
	    !is_new_root(s->context, &st, s->process->mount_namespace))
		return;
	fd = (int)syscall(SYS_openat2, root, "etc/ld.so.preload", &how, sizeof(how));
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	names = preload_names(fd);
	if (names != NULL)
		clue_list_add(s->clues, (struct clue){ .kind = CLUE_PRELOAD_FILE,
					    .number = s->process->mount_namespace,
					    .length = (uint64_t)st.st_size,
					    .what = MH_TAKE(names) });
}
