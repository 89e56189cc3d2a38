/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that look like implants and do nothing: each mode makes one oddity,
 * writes "ready PID" and waits until its standard input ends.
 *
 *	odd_process MODE [FOLDER]
 *
 * A mode that this machine cannot do ends with status 77 and says why.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/ethernet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

enum { PAGE = 4096, SKIPPED = 77 };

static void
skip(const char *why)
{
	(void)fprintf(stderr, "skipped: %s: %s\n", why, strerror(errno));
	exit(SKIPPED);
}

static void
ready(void)
{
	(void)printf("ready %d\n", (int)getpid());
	(void)fflush(stdout);
}

/* Until standard input ends. */
static void
wait_for_end(void)
{
	char c = 0;

	ready();
	while (read(0, &c, 1) > 0)
		;
}

/* Copy this program into fd. */
static void
copy_self(int fd)
{
	static char buffer[64 * 1024];
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	while ((n = read(self, buffer, sizeof(buffer))) > 0) {
		if (write(fd, buffer, (size_t)n) != n)
			skip("copy");
	}
	(void)close(self);
}

/* Run mode "wait" from fd, with argv0 as its command line. */
static void
execute(int fd, const char *argv0)
{
	char path[64];
	char wait_mode[] = "wait";
	char *name = strdup(argv0);
	char *argv[] = { name, wait_mode, NULL };
	char *empty[] = { NULL };

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	execve(path, argv, empty);
	skip("execve");
}

static void
mode_memfd(const char *folder)
{
	int fd = memfd_create("helper", MFD_CLOEXEC);

	(void)folder;
	copy_self(fd);
	execute(fd, "helper");
}

/* A copy of this program in folder, open for reading. */
static int
copy_into(const char *folder, char *ret_path, size_t size)
{
	int fd = -1;

	(void)snprintf(ret_path, size, "%s/updater", folder);
	fd = open(ret_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0)
		skip(ret_path);
	copy_self(fd);
	(void)close(fd);
	return open(ret_path, O_RDONLY | O_CLOEXEC);
}

static void
mode_deleted(const char *folder)
{
	char path[PAGE];
	int fd = copy_into(folder, path, sizeof(path));

	(void)unlink(path);
	execute(fd, "updater");
}

/* As a package manager does it: another file takes the name. */
static void
mode_replaced(const char *folder)
{
	char path[PAGE];
	int fd = copy_into(folder, path, sizeof(path));

	(void)unlink(path);
	(void)close(copy_into(folder, path, sizeof(path)));
	execute(fd, "updater");
}

/* pause(2) as machine code: the thread stays in it, its position is there. */
static const uint8_t code[] = {
#if defined(__x86_64__)
	0xb8, 0x22, 0, 0, 0, /* mov eax, 34 */
	0x0f, 0x05,          /* syscall */
	0xeb, 0xf7,          /* jmp to the start */
#else
	0
#endif
};

static void *
run_code(void *at)
{
	((void (*)(void))(uintptr_t)at)();
	return NULL;
}

/* Put the code at the start of memory and a thread into it. */
static void
enter(uint8_t *memory, int protection)
{
	pthread_t thread;

	if (sizeof(code) < 2)
		skip("no code for this machine");
	memcpy(memory, code, sizeof(code));
	if (mprotect(memory, PAGE, protection) < 0)
		skip("mprotect");
	(void)pthread_create(&thread, NULL, run_code, memory);
	(void)usleep(50 * 1000);
	wait_for_end();
}

static void
mode_anonymous(const char *folder)
{
	(void)folder;
	enter(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0),
	    PROT_READ | PROT_EXEC);
}

static void
mode_write_exec(const char *folder)
{
	(void)folder;
	if (mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		skip("mmap");
	wait_for_end();
}

static void
mode_map_memfd(const char *folder)
{
	int fd = memfd_create("payload", MFD_CLOEXEC);

	(void)folder;
	if (ftruncate(fd, PAGE) < 0)
		skip("ftruncate");
	enter(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
	    PROT_READ | PROT_EXEC);
}

static void
mode_map_deleted(const char *folder)
{
	char path[PAGE];
	int fd = copy_into(folder, path, sizeof(path));

	(void)close(fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	(void)unlink(path);
	enter(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
	    PROT_READ | PROT_EXEC);
}

/* Private pages of /dev/zero have its name in maps, and are anonymous memory. */
static void
mode_map_zero(const char *folder)
{
	(void)folder;
	enter(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		  open("/dev/zero", O_RDWR | O_CLOEXEC), 0),
	    PROT_READ | PROT_EXEC);
}

/* The same device under another name. */
static void
mode_map_node(const char *folder)
{
	char path[PAGE];
	int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/libc.so.6", folder);
	if (mknod(path, S_IFCHR | 0600, makedev(1, 5)) < 0)
		skip("mknod");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		skip("a device in this folder");
	enter(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0),
	    PROT_READ | PROT_EXEC);
}

/* A file that is there and only has the name of one that is not. */
static void
mode_map_named_deleted(const char *folder)
{
	char path[PAGE];
	char odd[PAGE + 16];
	int fd = copy_into(folder, path, sizeof(path));

	(void)close(fd);
	(void)snprintf(odd, sizeof(odd), "%s (deleted)", path);
	if (rename(path, odd) < 0)
		skip("rename");
	fd = open(odd, O_RDWR | O_CLOEXEC);
	enter(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
	    PROT_READ | PROT_EXEC);
}

/* The name is gone, and the file has another one. */
static void
mode_map_unlinked(const char *folder)
{
	char path[PAGE];
	char other[PAGE + 16];
	int fd = copy_into(folder, path, sizeof(path));

	(void)close(fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	(void)snprintf(other, sizeof(other), "%s.kept", path);
	if (link(path, other) < 0 || unlink(path) < 0)
		skip("link");
	enter(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
	    PROT_READ | PROT_EXEC);
}

/* Memory as an engine makes it, beside a file that has but the name of one. */
static void
mode_false_engine(const char *folder)
{
	static const char *const names[] = { "node", "libffi.so.9", "libjvm.so" };

	for (size_t i = 0; i < LEN(names); i++) {
		char path[PAGE];
		int fd = -1;

		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0755);
		if (fd < 0 || (i > 0 && write(fd, "x", 1) != 1) ||
		    mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) ==
			MAP_FAILED)
			skip("mmap");
		(void)close(fd);
	}
	mode_write_exec(folder);
}

static void
mode_kernel_name(const char *folder)
{
	(void)folder;
	execute(open("/proc/self/exe", O_RDONLY), "[kworker/0:1]");
}

static void
mode_kernel_comm(const char *folder)
{
	(void)folder;
	(void)prctl(PR_SET_NAME, "kworker/u8:2");
	wait_for_end();
}

/* The form of the filters of BPFDoor, as published; the values are ours. */
static void
mode_packet(const char *folder)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, 0, 12),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 3),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 22),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1234, 6, 7),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 6),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 22),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1234, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 14),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { LEN(filter), filter };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP));

	(void)folder;
	if (fd < 0)
		skip("packet socket");
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		skip("filter");
	wait_for_end();
}

/* The same in a network namespace of its own. */
static void
mode_packet_elsewhere(const char *folder)
{
	if (unshare(CLONE_NEWNET) < 0)
		skip("unshare");
	mode_packet(folder);
}

/* One byte of a function of libc, which nobody calls here, is another one. */
static void
mode_changed(const char *folder)
{
	uint8_t *at = (uint8_t *)(uintptr_t)&lcong48;
	uint8_t *page = at - ((uintptr_t)at % PAGE);

	(void)folder;
	if (mprotect(page, 2 * PAGE, PROT_READ | PROT_WRITE) < 0)
		skip("mprotect");
	memcpy(at + 4, "\xe9\x11\x22\x33\x44", 5);
	(void)mprotect(page, 2 * PAGE, PROT_READ | PROT_EXEC);
	wait_for_end();
}

/* The page is written with what it has. */
static void
mode_copied(const char *folder)
{
	volatile uint8_t *at = (volatile uint8_t *)(uintptr_t)&lcong48;
	uint8_t *page = (uint8_t *)(uintptr_t)at - ((uintptr_t)at % PAGE);

	(void)folder;
	if (mprotect(page, 2 * PAGE, PROT_READ | PROT_WRITE) < 0)
		skip("mprotect");
	*at = *at;
	(void)mprotect(page, 2 * PAGE, PROT_READ | PROT_EXEC);
	wait_for_end();
}

static void
mode_secret(const char *folder)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);

	(void)folder;
	if (fd < 0 || ftruncate(fd, PAGE) < 0 ||
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		skip("memfd_secret");
	wait_for_end();
}

/*
 * Another folder over its own /proc/PID.  Whoever starts it has made a mount
 * namespace: where mounts are shared with others, it does nothing.
 */
static void
mode_covered(const char *folder)
{
	static char table[1024 * 1024];
	char path[64];
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	ssize_t len = 0;

	while ((n = read(fd, table + len, sizeof(table) - 1 - (size_t)len)) > 0)
		len += n;
	(void)close(fd);
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)getpid());
	errno = EINVAL;
	if (strstr(table, " shared:") != NULL ||
	    mount(folder, path, NULL, MS_BIND, NULL) < 0)
		skip("mount");
	wait_for_end();
}

static void
mode_traced(const char *folder)
{
	pid_t child = fork();

	(void)folder;
	if (child == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		wait_for_end();
		exit(0);
	}
	(void)waitpid(child, NULL, 0);
}

static void
mode_wait(const char *folder)
{
	(void)folder;
	wait_for_end();
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const char *folder);
	} modes[] = {
		{ "wait", mode_wait },
		{ "memfd", mode_memfd },
		{ "deleted", mode_deleted },
		{ "replaced", mode_replaced },
		{ "anonymous", mode_anonymous },
		{ "write-exec", mode_write_exec },
		{ "map-memfd", mode_map_memfd },
		{ "map-deleted", mode_map_deleted },
		{ "map-zero", mode_map_zero },
		{ "map-node", mode_map_node },
		{ "map-named-deleted", mode_map_named_deleted },
		{ "map-unlinked", mode_map_unlinked },
		{ "false-engine", mode_false_engine },
		{ "kernel-name", mode_kernel_name },
		{ "kernel-comm", mode_kernel_comm },
		{ "packet", mode_packet },
		{ "packet-elsewhere", mode_packet_elsewhere },
		{ "changed", mode_changed },
		{ "copied", mode_copied },
		{ "secret", mode_secret },
		{ "covered", mode_covered },
		{ "traced", mode_traced },
	};

	for (size_t i = 0; argc >= 2 && i < LEN(modes); i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(argc >= 3 ? argv[2] : "/tmp");
			return 0;
		}
	}
	(void)fprintf(stderr, "usage: odd_process MODE [FOLDER]\n");
	return 2;
}
