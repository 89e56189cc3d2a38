/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clues of real processes, each with one oddity (tests/integration/odd_process.c).
 * What needs root or a kernel feature is skipped with a reason.
 */
#include "tests/unit/mh_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/anomaly.h"
#include "agent/clues.h"
#include "agent/clues_impl.h"
#include "base/fd.h"
#include "base/maps.h"
#include "base/memory.h"

enum { SKIPPED = 77, LINE_BYTES = 64, START_MS = 20000 };

/* One odd process, its clues, and what is needed to look at it. */
struct ground {
	char *folder;
	pid_t child;
	int to, from; /* its standard input and output */
	int proc_fd, pid_fd;
	struct clues *clues;
	struct process p;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	void *folder = NULL;

	if (tmpdir_setup(&folder) != 0)
		return -1;
	g->folder = folder;
	g->to = g->from = g->pid_fd = -1;
	g->proc_fd = clues_open_proc();
	*state = g;
	return g->proc_fd < 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;
	void *folder = g->folder;

	fd_closep(&g->to);
	if (g->child > 0)
		(void)waitpid(g->child, NULL, 0);
	fd_closep(&g->from);
	fd_closep(&g->pid_fd);
	clues_free(g->clues);
	fd_closep(&g->proc_fd);
	process_clear(&g->p);
	(void)tmpdir_teardown(&folder);
	free(g);
	return 0;
}

static void
become(const struct ground *g, const int *in, const int *out, char *const *argv)
{
	(void)g;
	(void)dup2(in[0], 0);
	(void)dup2(out[1], 1);
	/* The other side ends it by closing; a copy here would keep it alive. */
	for (int fd = 3; fd < 64; fd++)
		(void)close(fd);
	(void)execvp(argv[0], argv);
	_exit(127);
}

/* Start argv, whose standard input ends with the test. */
static void
start(struct ground *g, char *const *argv)
{
	int in[2];
	int out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	g->child = fork();
	if (g->child == 0)
		become(g, in, out, argv);
	(void)close(in[0]);
	(void)close(out[1]);
	g->to = in[1];
	g->from = out[0];
	assert_true(g->child > 0);
}

/* The pid that an odd process says, which may be that of its child. */
static pid_t
wait_until_ready(struct ground *g)
{
	char line[LINE_BYTES + 1];
	ssize_t n = read(g->from, line, LINE_BYTES);
	int status = 0;
	long pid = 0;

	line[n > 0 ? n : 0] = 0;
	if (n <= 0) {
		(void)waitpid(g->child, &status, 0);
		g->child = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
			skip();
		fail_msg("the odd process ended with status %d", status);
	}
	for (const char *at = line; *at != 0; at++)
		pid = *at >= '0' && *at <= '9' ? pid * 10 + (*at - '0') : pid;
	return (pid_t)pid;
}

/* As the opener fills a process before its clues are gathered. */
static void
look(struct ground *g, pid_t pid)
{
	char program[4096];
	MH_CLEANUP(freep) char *name = xasprintf("%d", (int)pid);
	ssize_t n = -1;

	g->pid_fd = openat(g->proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(g->pid_fd >= 0);
	n = readlinkat(g->pid_fd, "exe", program, sizeof(program) - 1);
	program[n > 0 ? n : 0] = 0;
	g->p.pid = pid;
	g->p.program = xstrdup(program);
	if (g->clues == NULL)
		g->clues = clues_new(g->proc_fd);
	clues_of_process(g->clues, g->pid_fd, &g->p);
}

static void
start_odd(struct ground *g, const char *mode)
{
	char *argv[] = { (char *)(uintptr_t)ODD_PROCESS, (char *)(uintptr_t)mode,
		g->folder, NULL };

	start(g, argv);
	look(g, wait_until_ready(g));
}

static const struct clue *
find(const struct ground *g, enum clue_kind kind)
{
	for (uint32_t i = 0; i < g->p.n_clues; i++) {
		if (g->p.clues[i].kind == kind)
			return &g->p.clues[i];
	}
	return NULL;
}

static const struct clue *
expect(const struct ground *g, enum clue_kind kind)
{
	const struct clue *c = find(g, kind);

	if (c == NULL)
		print_error("no clue %s\n", clue_name(kind));
	assert_non_null(c);
	return c;
}

/* The highest score of all, and that of one kind. */
static unsigned
worst_score(const struct ground *g)
{
	struct anomalies a;
	unsigned score = 0;

	anomalies_judge(&g->p, &a);
	for (uint32_t i = 0; i < a.n; i++) {
		if (a.list[i].score > 39)
			print_message("%s %u: %s\n", anomaly_name(a.list[i].clue.kind),
			    a.list[i].score, a.list[i].reason);
	}
	score = a.n > 0 ? a.list[0].score : 0;
	anomalies_clear(&a);
	return score;
}

static void
an_ordinary_process_has_no_clues(void **state)
{
	struct ground *g = *state;

	start_odd(g, "wait");
	assert_int_equal(g->p.n_clues, 0);
	assert_string_equal(g->p.libraries, "");
}

static void
a_program_from_a_memfd_is_seen(void **state)
{
	struct ground *g = *state;

	start_odd(g, "memfd");
	assert_string_equal(expect(g, CLUE_EXE_MEMFD)->what, "/memfd:helper");
	assert_non_null(find(g, CLUE_EXEC_MEMFD));
	assert_null(find(g, CLUE_EXE_DELETED));
	assert_in_range(worst_score(g), 60, 95);
}

static void
a_deleted_program_is_seen(void **state)
{
	struct ground *g = *state;
	MH_CLEANUP(freep) char *path = xasprintf("%s/updater", g->folder);

	start_odd(g, "deleted");
	assert_string_equal(expect(g, CLUE_EXE_DELETED)->what, path);
	assert_int_equal(find(g, CLUE_EXE_DELETED)->number, CLUE_FILE_GONE);
	assert_in_range(worst_score(g), 60, 95);
}

static void
a_replaced_program_is_told_apart(void **state)
{
	struct ground *g = *state;

	start_odd(g, "replaced");
	assert_int_equal(expect(g, CLUE_EXE_DELETED)->number, CLUE_FILE_REPLACED);
	assert_int_equal(expect(g, CLUE_EXEC_DELETED)->number, CLUE_FILE_REPLACED);
}

static void
a_file_that_is_older_than_the_process_does_not_replace_its_program(void **state)
{
	struct ground *g = *state;
	struct clue_list list = { 0 };
	struct clue_subject s = { NULL, -1, &g->p, &list };
	MH_CLEANUP(freep) char *path = xasprintf("%s/file", g->folder);
	MH_CLEANUP(fd_closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	start_odd(g, "wait");
	s.pid_fd = g->pid_fd;
	g->p.start_ms = 1;
	assert_int_equal(clues_file_state(&s, path), CLUE_FILE_REPLACED);
	g->p.start_ms = INT64_MAX;
	assert_int_equal(clues_file_state(&s, path), CLUE_FILE_GONE);
	g->p.start_ms = 0;
	assert_int_equal(clues_file_state(&s, "/no/such/file"), CLUE_FILE_GONE);
	/* What package managers put behind the name while they replace it. */
	MH_CLEANUP(freep) char *dpkg = xasprintf("%s.dpkg-tmp", path);
	MH_CLEANUP(freep) char *rpm = xasprintf("%s;0123abcd", path);
	assert_int_equal(clues_file_state(&s, dpkg), CLUE_FILE_REPLACED);
	assert_int_equal(clues_file_state(&s, rpm), CLUE_FILE_REPLACED);
}

static void
a_thread_in_anonymous_memory_is_seen(void **state)
{
	struct ground *g = *state;
	const struct clue *pc = NULL;
	const struct clue *memory = NULL;

	start_odd(g, "anonymous");
	if (clues_gaps(g->clues)->n_threads > 0)
		skip(); /* Yama */
	pc = expect(g, CLUE_PC_ANONYMOUS);
	memory = expect(g, CLUE_EXEC_ANONYMOUS);
	assert_true(pc->address >= memory->address);
	assert_true(pc->address < memory->address + memory->length);
	assert_true(pc->number != (uint64_t)g->child);
	assert_ptr_equal(&g->p.clues[0], pc);
	assert_in_range(worst_score(g), 80, 95);
}

static void
writable_and_executable_memory_is_seen(void **state)
{
	struct ground *g = *state;

	start_odd(g, "write-exec");
	assert_int_equal(expect(g, CLUE_WRITE_EXEC)->length, 2 * 4096);
	assert_int_equal(expect(g, CLUE_EXEC_ANONYMOUS)->number, 1);
	assert_null(find(g, CLUE_PC_ANONYMOUS));
	assert_in_range(worst_score(g), 40, 59);
}

static void
code_of_a_memfd_is_seen(void **state)
{
	struct ground *g = *state;

	start_odd(g, "map-memfd");
	assert_string_equal(expect(g, CLUE_EXEC_MEMFD)->what, "/memfd:payload");
	assert_null(find(g, CLUE_EXE_MEMFD));
	if (clues_gaps(g->clues)->n_threads == 0)
		assert_non_null(find(g, CLUE_PC_MEMFD));
	assert_in_range(worst_score(g), 60, 95);
}

static void
code_of_a_deleted_file_is_seen(void **state)
{
	struct ground *g = *state;

	start_odd(g, "map-deleted");
	assert_int_equal(expect(g, CLUE_EXEC_DELETED)->number, CLUE_FILE_GONE);
	if (clues_gaps(g->clues)->n_threads == 0)
		assert_non_null(find(g, CLUE_PC_DELETED));
	assert_in_range(worst_score(g), 60, 95);
}

static void
check_zeros(struct ground *g, const char *mode)
{
	start_odd(g, mode);
	assert_int_equal(expect(g, CLUE_EXEC_ANONYMOUS)->length, 4096);
	if (clues_gaps(g->clues)->n_threads == 0)
		assert_non_null(find(g, CLUE_PC_ANONYMOUS));
}

static void
private_pages_of_dev_zero_are_anonymous_memory(void **state)
{
	check_zeros(*state, "map-zero");
}

static void
so_are_those_of_its_device_under_another_name(void **state)
{
	check_zeros(*state, "map-node");
}

static void
a_file_with_the_name_of_a_deleted_one_is_a_file(void **state)
{
	struct ground *g = *state;

	start_odd(g, "map-named-deleted");
	assert_null(find(g, CLUE_EXEC_DELETED));
	assert_null(find(g, CLUE_PC_DELETED));
}

static void
a_file_whose_name_is_gone_is_deleted_whatever_else_it_is_called(void **state)
{
	struct ground *g = *state;

	start_odd(g, "map-unlinked");
	assert_non_null(strstr(expect(g, CLUE_EXEC_DELETED)->what, "/updater"));
}

static void
the_name_of_an_engine_alone_explains_nothing(void **state)
{
	struct ground *g = *state;

	start_odd(g, "false-engine");
	assert_string_equal(g->p.libraries, "");
	assert_in_range(worst_score(g), 40, 59);
}

/* The engine of a file of this program, mapped executable here under that path. */
static const char *
engine_at(const char *program, const char *path, uid_t owner, mode_t mode)
{
	struct process p = { .program = (char *)(uintptr_t)program };
	MH_CLEANUP(fd_closep)
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MH_CLEANUP(clues_freep) struct clues *c = clues_new(proc);
	MH_CLEANUP(fd_closep)
	int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clue_subject s = { c, self, &p, NULL };
	MH_CLEANUP(fd_closep) int fd = memfd_create("engine", MFD_CLOEXEC);
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	struct map m = { .start = (uintptr_t)at,
		.end = (uintptr_t)at + 4096,
		.perms = "r-xp",
		.ino = 1,
		.major = 8,
		.path = path };
	const char *engine = NULL;

	assert_true(self >= 0 && fd >= 0 && at != MAP_FAILED);
	assert_int_equal(ftruncate(fd, 1), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	if (fchown(fd, owner, 0) < 0)
		skip();
	engine = clues_engine_of(&s, &m);
	memcpy(m.perms, "r--p", 5);
	assert_null(clues_engine_of(&s, &m));
	(void)munmap(at, 4096);
	return engine;
}

static void
an_engine_counts_where_it_was_installed(void **state)
{
	static const struct {
		const char *program, *path;
		uid_t owner;
		mode_t mode;
		bool is_engine;
	} rows[] = {
		{ "/usr/bin/x", "/usr/lib/libffi.so.8", 0, 0644, true },
		{ "/usr/bin/x", "/tools/jdk/lib/libjvm.so", 0, 0755, true },
		{ "/usr/bin/x", "/usr/lib/libffi.so.8", 0, 0666, false },
		{ "/usr/bin/x", "/tmp/x/libffi.so.8", 0, 0644, false },
		{ "/usr/bin/x", "/srv/.x/libffi.so.8", 0, 0644, false },
		{ "/usr/bin/x", "/srv/u/libffi.so.8", 1000, 0644, false },
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++)
		assert_int_equal(engine_at(rows[i].program, rows[i].path, rows[i].owner,
				     rows[i].mode) != NULL,
		    rows[i].is_engine);
}

static void
a_name_of_a_kernel_thread_is_seen(void **state)
{
	struct ground *g = *state;
	const struct clue *c = NULL;

	start_odd(g, "kernel-name");
	c = expect(g, CLUE_KERNEL_NAME);
	assert_int_equal(c->number, CLUE_KERNEL_BRACKETS | CLUE_KERNEL_COMMAND);
	assert_string_equal(c->what, "[kworker/0:1]");
	assert_in_range(worst_score(g), 80, 95);
}

static void
a_kernel_threads_comm_is_seen(void **state)
{
	struct ground *g = *state;

	start_odd(g, "kernel-comm");
	assert_int_equal(expect(g, CLUE_KERNEL_NAME)->number, CLUE_KERNEL_COMM);
}

static void
a_preloaded_library_is_seen_and_the_rest_of_environ_is_not_kept(void **state)
{
	struct ground *g = *state;
	const struct clue *c = NULL;
	size_t n = 0;

	(void)setenv("LD_PRELOAD", "/tmp/no-such-library.so", 1);
	(void)setenv("LD_LIBRARY_PATH", "/usr/lib", 1);
	(void)setenv("SECRET", "LD_PRELOAD=no", 1);
	(void)setenv("I_AM_HIDDEN", "", 1);
	start_odd(g, "wait");
	(void)unsetenv("LD_PRELOAD");
	(void)unsetenv("LD_LIBRARY_PATH");
	(void)unsetenv("SECRET");
	(void)unsetenv("I_AM_HIDDEN");
	for (uint32_t i = 0; i < g->p.n_clues; i++) {
		c = &g->p.clues[i];
		if (c->kind != CLUE_PRELOAD)
			continue;
		n++;
		if (c->number == CLUE_VARIABLE_PRELOAD)
			assert_string_equal(c->what,
			    "LD_PRELOAD=/tmp/no-such-library.so");
		else
			assert_int_equal(c->number, CLUE_VARIABLE_MARKER);
	}
	assert_int_equal(n, 2);
	assert_in_range(worst_score(g), 80, 95);
}

static void
check_door(struct ground *g, const char *mode)
{
	const struct clue *c = NULL;

	if (geteuid() != 0)
		skip();
	start_odd(g, mode);
	c = expect(g, CLUE_PACKET_SOCKET);
	assert_string_equal(c->what, "raw 0x0800");
	assert_true(c->number > 0);
	if (c->length == CLUE_FILTER_UNKNOWN)
		skip(); /* no CAP_NET_ADMIN, or no CAP_SYS_ADMIN to go there */
	assert_int_equal(c->length, 15 * sizeof(struct sock_filter));
	assert_int_equal(c->n_data, c->length);
	assert_in_range(worst_score(g), 80, 95);
}

static void
a_packet_socket_and_its_filter_are_seen(void **state)
{
	check_door(*state, "packet");
}

static void
a_packet_socket_in_another_namespace_is_seen(void **state)
{
	struct stat before;
	struct stat after;

	assert_int_equal(stat("/proc/self/ns/net", &before), 0);
	check_door(*state, "packet-elsewhere");
	assert_int_equal(stat("/proc/self/ns/net", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void
secret_memory_is_seen(void **state)
{
	struct ground *g = *state;

	start_odd(g, "secret");
	assert_int_equal(expect(g, CLUE_SECRET_MEMORY)->length, 4096);
}

static void
a_traced_process_is_seen(void **state)
{
	struct ground *g = *state;

	start_odd(g, "traced");
	assert_int_equal(expect(g, CLUE_TRACED)->number, (uint64_t)g->child);
	assert_non_null(strstr(find(g, CLUE_TRACED)->what, "odd_process"));
}

/* In a process of its own, for mounts of others are not to be touched. */
static int
look_at_covered(struct ground *g)
{
	const struct clue *c = NULL;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return SKIPPED;
	start_odd(g, "covered");
	c = find(g, CLUE_COVERED);
	return c != NULL && strncmp(c->what, "/proc/", 6) == 0 ? 0 : 1;
}

static void
a_mount_over_a_process_is_seen(void **state)
{
	struct ground *g = *state;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(look_at_covered(g));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(status, 0);
}

/* A process's code that is its own, with the descriptors. */
struct own_code {
	struct target t;
	int fds[MEMORY_FD_CODES + TARGET_CODE_FILES_MAX];
};

static void
own_code_close(struct own_code *o)
{
	for (unsigned i = 0; i < o->t.n_fds; i++)
		fd_closep(&o->fds[i]);
	target_clear(&o->t);
}

static void
own_code_look_with(struct ground *g, int pagemap, const struct mounts *mounts,
    struct own_code *ret)
{
	*ret = (struct own_code){ .t.n_fds = MEMORY_FD_CODES };
	ret->fds[MEMORY_FD_MEM] = -1;
	ret->fds[MEMORY_FD_PAGEMAP] =
	    pagemap >= 0 ? pagemap : openat(g->pid_fd, "pagemap", O_RDONLY | O_CLOEXEC);
	ret->fds[MEMORY_FD_MAPS] = openat(g->pid_fd, "maps", O_RDONLY | O_CLOEXEC);
	clues_code_ranges(g->clues, g->pid_fd, mounts, ret->fds, &ret->t);
}

static void
own_code_look(struct ground *g, int pagemap, struct own_code *ret)
{
	MH_CLEANUP(mounts_freep) struct mounts *mounts = mounts_read_at(g->pid_fd);

	own_code_look_with(g, pagemap, mounts, ret);
}

static void
written_code_pages_are_found_with_their_file(void **state)
{
	struct ground *g = *state;
	struct own_code own;
	const struct code_range *r = NULL;
	struct stat st;

	start_odd(g, "changed");
	own_code_look(g, -1, &own);
	assert_int_equal(own.t.n_codes, 1);
	assert_int_equal(own.t.n_fds, MEMORY_FD_CODES + 1);
	r = own.t.codes;
	assert_in_range(r->end - r->start, 4096, 2 * 4096);
	assert_int_equal(fstat(own.fds[MEMORY_FD_CODES], &st), 0);
	assert_true(S_ISREG(st.st_mode) && r->offset < (uint64_t)st.st_size);
	own_code_close(&own);
}

/* A table of mounts that says of the file mapped at address that FUSE has it. */
static struct mounts *
mounts_of_fuse(const struct ground *g, uint64_t address)
{
	MH_CLEANUP(fd_closep) int fd = openat(g->pid_fd, "maps", O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
	struct map m;

	while (maps_next(maps, &m) == MH_OK && m.end <= address)
		;
	MH_CLEANUP(freep)
	char *text = xasprintf("1 0 %u:%u / / rw - fuse.x x rw\n", m.major, m.minor);

	return mounts_parse(text, strlen(text));
}

static void
changed_code_of_a_file_whose_server_may_hang_is_not_opened(void **state)
{
	struct ground *g = *state;
	struct own_code own;

	start_odd(g, "changed");
	own_code_look(g, -1, &own);
	assert_int_equal(own.t.n_codes, 1);
	MH_CLEANUP(mounts_freep)
	struct mounts *mounts = mounts_of_fuse(g, own.t.codes->start);

	own_code_close(&own);
	own_code_look_with(g, -1, mounts, &own);
	assert_int_equal(own.t.n_codes, 0);
	assert_int_equal(own.t.n_fds, MEMORY_FD_CODES);
	assert_int_equal(clues_gaps(g->clues)->n_codes, 1);
	own_code_close(&own);
}

/* A file with what pagemap has for one range: no ioctl(2) of it works. */
static int
copy_of_pagemap(const struct ground *g, const struct code_range *r)
{
	MH_CLEANUP(fd_closep)
	int pagemap = openat(g->pid_fd, "pagemap", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("pagemap", MFD_CLOEXEC);
	uint64_t entries[16];
	off_t at = (off_t)(r->start / 4096 * sizeof(entries[0]));

	assert_int_equal(pread(pagemap, entries, sizeof(entries), at), sizeof(entries));
	assert_int_equal(pwrite(fd, entries, sizeof(entries), at), sizeof(entries));
	return fd;
}

static void
without_pagemap_scan_written_code_pages_are_found_too(void **state)
{
	struct ground *g = *state;
	struct own_code own;
	struct own_code again;

	start_odd(g, "changed");
	own_code_look(g, -1, &own);
	assert_int_equal(own.t.n_codes, 1);
	own_code_look(g, copy_of_pagemap(g, own.t.codes), &again);
	assert_int_equal(again.t.n_codes, 1);
	assert_int_equal(again.t.codes->start, own.t.codes->start);
	assert_int_equal(again.t.codes->end, own.t.codes->end);
	assert_int_equal(again.t.codes->offset, own.t.codes->offset);
	own_code_close(&own);
	own_code_close(&again);
}

static void
a_clean_process_has_no_code_of_its_own(void **state)
{
	struct ground *g = *state;
	struct own_code own;

	start_odd(g, "wait");
	own_code_look(g, -1, &own);
	assert_int_equal(own.t.n_codes, 0);
	assert_int_equal(own.t.codes_left, 0);
	assert_int_equal(clues_gaps(g->clues)->n_codes, 0);
	own_code_close(&own);
}

/* Map a new file in the folder as code, and write a page of it as it was. */
static void
map_decoys(const struct ground *g, unsigned n_files, unsigned n_pages)
{
	for (unsigned i = 0; i < n_files; i++) {
		MH_CLEANUP(freep) char *path = xasprintf("%s/%u", g->folder, i);
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		assert_int_equal(ftruncate(fd, 4096), 0);
		for (unsigned k = 0; k < n_pages; k++) {
			volatile uint8_t *page =
			    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

			assert_true(page != MAP_FAILED);
			page[0] = page[0];
			assert_int_equal(mprotect((void *)(uintptr_t)page, 4096,
					     PROT_READ | PROT_EXEC),
			    0);
		}
		(void)close(fd);
	}
}

/* Look at a process that has mapped so many decoys: this one's child. */
static void
look_at_decoys(struct ground *g, unsigned n_files, unsigned n_pages, struct own_code *ret)
{
	int ready[2];
	char c = 0;
	MH_CLEANUP(freep) char *name = NULL;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	g->child = fork();
	if (g->child == 0) {
		map_decoys(g, n_files, n_pages);
		(void)!write(ready[1], "r", 1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	name = xasprintf("%d", (int)g->child);
	g->pid_fd = openat(g->proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g->clues = clues_new(g->proc_fd);
	own_code_look(g, -1, ret);
	(void)kill(g->child, SIGKILL);
}

static void
ranges_of_one_file_share_its_descriptor(void **state)
{
	struct own_code own;

	look_at_decoys(*state, 2, 20, &own);
	assert_int_equal(own.t.n_codes, 40);
	assert_int_equal(own.t.n_code_files, 2);
	assert_int_equal(own.t.n_fds, MEMORY_FD_CODES + 2);
	assert_int_not_equal(own.t.codes[0].file, own.t.codes[39].file);
	assert_int_equal(own.t.codes_left, 0);
	own_code_close(&own);
}

static void
ranges_up_to_the_limit_are_all_compared(void **state)
{
	struct ground *g = *state;
	struct own_code own;

	look_at_decoys(g, 1, TARGET_CODES_MAX, &own);
	assert_int_equal(own.t.n_codes, TARGET_CODES_MAX);
	assert_int_equal(own.t.codes_left, 0);
	assert_int_equal(clues_gaps(g->clues)->n_codes, 0);
	own_code_close(&own);
}

static void
a_range_beyond_the_limit_is_told(void **state)
{
	struct ground *g = *state;
	struct own_code own;

	look_at_decoys(g, 1, TARGET_CODES_MAX + 1, &own);
	assert_int_equal(own.t.n_codes, TARGET_CODES_MAX);
	assert_int_equal(own.t.codes_left, 4096);
	assert_true(own.t.codes_left_at > own.t.codes[TARGET_CODES_MAX - 1].start);
	assert_int_equal(clues_gaps(g->clues)->n_codes, 1);
	own_code_close(&own);
}

static void
files_up_to_the_limit_are_all_compared(void **state)
{
	struct own_code own;

	look_at_decoys(*state, TARGET_CODE_FILES_MAX, 1, &own);
	assert_int_equal(own.t.n_code_files, TARGET_CODE_FILES_MAX);
	assert_int_equal(own.t.n_codes, TARGET_CODE_FILES_MAX);
	assert_int_equal(own.t.codes_left, 0);
	own_code_close(&own);
}

static void
a_file_beyond_the_limit_is_told(void **state)
{
	struct ground *g = *state;
	struct own_code own;

	look_at_decoys(g, TARGET_CODE_FILES_MAX + 1, 1, &own);
	assert_int_equal(own.t.n_code_files, TARGET_CODE_FILES_MAX);
	assert_int_equal(own.t.codes_left, 4096);
	assert_int_equal(clues_gaps(g->clues)->n_codes, 1);
	own_code_close(&own);
}

static void
nothing_is_hidden_on_a_clean_machine(void **state)
{
	struct ground *g = *state;
	size_t n = 0;

	g->clues = clues_new(g->proc_fd);
	(void)clues_hidden(g->clues, &n);
	assert_int_equal(n, 0);
}

/* A folder that lists what /proc does but for one process: as a rootkit makes it. */
static int
make_lying_proc(struct ground *g, pid_t hidden)
{
	MH_CLEANUP(freep) char *self = xasprintf("%d", (int)getpid());
	MH_CLEANUP(freep) char *name = xasprintf("%d", (int)hidden);
	int fd = open(g->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(openat(g->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry = NULL;

	assert_true(fd >= 0 && dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] > '0' && entry->d_name[0] <= '9' &&
		    strcmp(entry->d_name, name) != 0)
			(void)mkdirat(fd, entry->d_name, 0700);
	}
	(void)closedir(dir);
	assert_int_equal(symlinkat(self, fd, "self"), 0);
	assert_int_equal(mkdirat(fd, "sys", 0700), 0);
	assert_int_equal(symlinkat("/proc/sys/kernel", fd, "sys/kernel"), 0);
	assert_int_equal(symlinkat("/proc/stat", fd, "stat"), 0);
	return fd;
}

static void
a_process_that_is_not_listed_is_hidden(void **state)
{
	struct ground *g = *state;
	char *argv[] = { (char *)(uintptr_t)ODD_PROCESS, (char *)(uintptr_t) "wait",
		NULL };
	int lying = -1;
	const int32_t *pids = NULL;
	size_t n = 0;
	bool is_found = false;

	start(g, argv);
	lying = make_lying_proc(g, wait_until_ready(g));
	fd_closep(&g->proc_fd);
	g->proc_fd = lying;
	g->clues = clues_new(g->proc_fd);
	pids = clues_hidden(g->clues, &n);
	/* Processes that began since the folder was made are hidden by it, too. */
	for (size_t i = 0; i < n; i++)
		is_found |= pids[i] == g->child;
	assert_true(is_found);
	g->p.pid = g->child;
	clues_of_process(g->clues, -1, &g->p);
	assert_non_null(find(g, CLUE_HIDDEN));
	assert_in_range(worst_score(g), 80, 95);
}

static void
a_proc_that_does_not_list_us_is_not_compared(void **state)
{
	struct ground *g = *state;
	size_t n = 0;
	int lying = make_lying_proc(g, getpid());

	fd_closep(&g->proc_fd);
	g->proc_fd = lying;
	g->clues = clues_new(g->proc_fd);
	(void)clues_hidden(g->clues, &n);
	assert_int_equal(n, 0);
	assert_true(clues_gaps(g->clues)->n_pids > 0);
}

static void
a_process_that_is_gone_yields_nothing(void **state)
{
	struct ground *g = *state;

	start_odd(g, "wait");
	process_clear(&g->p);
	fd_closep(&g->to);
	g->to = -1;
	(void)waitpid(g->child, NULL, 0);
	g->p = (struct process){ .pid = g->child, .program = xstrdup("/usr/bin/x") };
	g->child = 0;
	clues_of_process(g->clues, g->pid_fd, &g->p);
	assert_int_equal(g->p.n_clues, 0);
	assert_string_equal(g->p.libraries, "");
}

static void
a_process_that_cannot_be_opened_yields_nothing(void **state)
{
	struct ground *g = *state;

	g->clues = clues_new(g->proc_fd);
	g->p.pid = 1;
	clues_of_process(g->clues, -1, &g->p);
	assert_int_equal(g->p.n_clues, 0);
}

static void
clues_past_their_limits_are_left_out(void **state)
{
	struct clue_list l = { 0 };

	(void)state;
	for (uint64_t i = 0; i < CLUES_ALIKE_MAX + 1; i++)
		clue_list_add(&l, (struct clue){ .kind = CLUE_PRELOAD, .number = i });
	/* The same once more. */
	clue_list_add(&l, (struct clue){ .kind = CLUE_HIDDEN });
	clue_list_add(&l, (struct clue){ .kind = CLUE_HIDDEN });
	assert_int_equal(clue_list_count(&l, CLUE_PRELOAD), CLUES_ALIKE_MAX);
	assert_int_equal(clue_list_count(&l, CLUE_HIDDEN), 1);
	for (size_t i = 0; i < l.n; i++)
		clue_clear(&l.list[i]);
	free(l.list);
}

static void
clues_of_a_process_fit_in_its_record(void **state)
{
	struct ground *g = *state;
	size_t bytes = 0;

	start_odd(g, "anonymous");
	if (clues_gaps(g->clues)->n_threads > 0)
		skip(); /* Yama */
	/* As many bytes as there may be, nearly: the last clues have no room. */
	process_clear(&g->p);
	g->p.pid = g->child;
	g->p.clues = xcalloc(1, sizeof(*g->p.clues));
	g->p.clues[0] = (struct clue){ .kind = CLUE_TRACED,
		.what = xstrdup(""),
		.data = xcalloc(1, PROCESS_CLUES_BYTES_MAX - 200),
		.n_data = PROCESS_CLUES_BYTES_MAX - 200 };
	g->p.n_clues = 1;
	clues_of_process(g->clues, g->pid_fd, &g->p);
	for (uint32_t i = 0; i < g->p.n_clues; i++)
		bytes += g->p.clues[i].n_data + strlen(g->p.clues[i].what);
	assert_in_range(bytes, 0, PROCESS_CLUES_BYTES_MAX);
	assert_int_equal(g->p.n_clues, 3);
	g->p.clues[0].n_data += 80;
	for (uint32_t i = 1; i < g->p.n_clues; i++)
		clue_clear(&g->p.clues[i]);
	g->p.n_clues = 1;
	clues_of_process(g->clues, g->pid_fd, &g->p);
	assert_int_equal(g->p.n_clues, 1);
}

static void
a_position_is_the_last_field(void **state)
{
	static const struct {
		const char *text;
		uint64_t pc; /* 0: none */
	} rows[] = {
		{ "0 0x3 0x7f 0x20000 0x1 0x0 0x0 0x7ffe 0x7f1aca3022ad\n",
		    0x7f1aca3022ad },
		{ "-1 0x7ffe00 0xffffffffff600000\n", 0xffffffffff600000 },
		{ "running\n", 0 },
		{ "", 0 },
		{ "1 2 3\n", 0 },
		{ "1 0x\n", 0 },
		{ "1 0x11112222333344445\n", 0 },
		{ "1 0x12z\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		uint64_t pc = 0;

		assert_int_equal(clues_parse_syscall(rows[i].text, &pc), rows[i].pc != 0);
		assert_true(pc == rows[i].pc);
	}
}

static void
memory_is_told_by_what_is_behind_it(void **state)
{
	static const struct {
		struct map m;
		enum code_source source;
	} rows[] = {
		{ { .path = "" }, CODE_ANONYMOUS },
		{ { .path = "[heap]" }, CODE_ANONYMOUS },
		{ { .path = "[stack]" }, CODE_ANONYMOUS },
		{ { .path = "[anon:vdso]" }, CODE_ANONYMOUS },
		{ { .path = "[vdso]" }, CODE_KERNEL },
		{ { .path = "[vsyscall]" }, CODE_KERNEL },
		{ { .path = "[uprobes]" }, CODE_KERNEL },
		{ { .path = "/dev/zero", .ino = 5 }, CODE_ANONYMOUS },
		{ { .path = "/dev/zero (deleted)", .ino = 5 }, CODE_ANONYMOUS },
		{ { .path = "/dev/zero (deleted)", .ino = 5, .major = 8 }, CODE_DELETED },
		{ { .path = "/SYSV00000000 (deleted)", .ino = 5 }, CODE_ANONYMOUS },
		{ { .path = "/secretmem (deleted)", .ino = 5 }, CODE_ANONYMOUS },
		{ { .path = "/memfd:x (deleted)", .ino = 5 }, CODE_MEMFD },
		{ { .path = "/tmp/x (deleted)", .ino = 5, .major = 8 }, CODE_DELETED },
		{ { .path = "/usr/bin/x", .ino = 5, .major = 8 }, CODE_FILE },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++)
		assert_int_equal(code_source_of(&rows[i].m), rows[i].source);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_ordinary_process_has_no_clues),
		TEST(a_program_from_a_memfd_is_seen),
		TEST(a_deleted_program_is_seen),
		TEST(a_replaced_program_is_told_apart),
		TEST(a_file_that_is_older_than_the_process_does_not_replace_its_program),
		TEST(a_thread_in_anonymous_memory_is_seen),
		TEST(writable_and_executable_memory_is_seen),
		TEST(code_of_a_memfd_is_seen),
		TEST(code_of_a_deleted_file_is_seen),
		TEST(private_pages_of_dev_zero_are_anonymous_memory),
		TEST(so_are_those_of_its_device_under_another_name),
		TEST(a_file_with_the_name_of_a_deleted_one_is_a_file),
		TEST(a_file_whose_name_is_gone_is_deleted_whatever_else_it_is_called),
		TEST(the_name_of_an_engine_alone_explains_nothing),
		TEST(an_engine_counts_where_it_was_installed),
		TEST(a_name_of_a_kernel_thread_is_seen),
		TEST(a_kernel_threads_comm_is_seen),
		TEST(a_preloaded_library_is_seen_and_the_rest_of_environ_is_not_kept),
		TEST(a_packet_socket_and_its_filter_are_seen),
		TEST(a_packet_socket_in_another_namespace_is_seen),
		TEST(secret_memory_is_seen),
		TEST(a_traced_process_is_seen),
		TEST(a_mount_over_a_process_is_seen),
		TEST(written_code_pages_are_found_with_their_file),
		TEST(changed_code_of_a_file_whose_server_may_hang_is_not_opened),
		TEST(without_pagemap_scan_written_code_pages_are_found_too),
		TEST(a_clean_process_has_no_code_of_its_own),
		TEST(ranges_of_one_file_share_its_descriptor),
		TEST(ranges_up_to_the_limit_are_all_compared),
		TEST(a_range_beyond_the_limit_is_told),
		TEST(files_up_to_the_limit_are_all_compared),
		TEST(a_file_beyond_the_limit_is_told),
		TEST(nothing_is_hidden_on_a_clean_machine),
		TEST(a_process_that_is_not_listed_is_hidden),
		TEST(a_proc_that_does_not_list_us_is_not_compared),
		TEST(a_process_that_is_gone_yields_nothing),
		TEST(a_process_that_cannot_be_opened_yields_nothing),
		cmocka_unit_test(clues_past_their_limits_are_left_out),
		TEST(clues_of_a_process_fit_in_its_record),
		cmocka_unit_test(a_position_is_the_last_field),
		cmocka_unit_test(memory_is_told_by_what_is_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
