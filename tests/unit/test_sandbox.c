/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process that reads hostile bytes can still do: each in a child of its own. */
#include "tests/unit/mh_test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "scanners/sandbox.h"

enum stage { DROPPED, ZYGOTE, WORKER };
enum { MIB = 1024 * 1024, ROOM = 16 * MIB };

/* How a child ends. */
enum end { DONE = 0, REFUSED = 7, BROKEN = 8, KILLED = 100 };

static int file = -1; /* a sealed descriptor, as a target is */

static int
done_if(int is_done)
{
	return is_done ? DONE : REFUSED;
}

static int
open_a_file(void)
{
	return done_if(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
}

static int
open_a_file_for_writing(void)
{
	return done_if(
	    open("/tmp/molehunt-must-not-be", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0);
}

static int
make_a_socket(void)
{
	return done_if(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
}

static int
make_a_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return done_if(pid > 0);
}

static int
run_a_program(void)
{
	char name[] = "true";
	char *argv[] = { name, NULL };

	(void)execv("/bin/true", argv);
	return REFUSED;
}

static int
trace_another(void)
{
	return done_if(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0);
}

static int
signal_another(void)
{
	return done_if(kill(getppid(), SIGUSR1) == 0);
}

static int
make_code(void)
{
	return done_if(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int
turn_data_into_code(void)
{
	void *p =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return done_if(mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0);
}

static int
write_elsewhere(void)
{
	return done_if(write(file, "x", 1) == 1);
}

static int
make_a_name_space(void)
{
	return done_if(syscall(SYS_unshare, 0x10000000) == 0);
}

static int
use_little_memory(void)
{
	return done_if(mmap(NULL, ROOM / 4, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int
use_much_memory(void)
{
	return done_if(mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int
use_much_memory_in_steps(void)
{
	for (size_t i = 0; i < 2 * ROOM / MIB; i++) {
		if (mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0) == MAP_FAILED)
			return REFUSED;
	}
	return DONE;
}

static int
use_much_shared_memory(void)
{
	return done_if(mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int
make_much_memory_writable(void)
{
	void *p = mmap(NULL, 2 * ROOM, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return done_if(
	    p != MAP_FAILED && mprotect(p, 2 * ROOM, PROT_READ | PROT_WRITE) == 0);
}

static int
read_what_was_handed_over(void)
{
	char text[6] = "";
	const char *p = mmap(NULL, 5, PROT_READ, MAP_PRIVATE, file, 0);
	struct stat st;

	(void)fgetxattr(file, "user.xdg.origin.url", text, sizeof(text));
	return done_if(pread(file, text, 5, 0) == 5 &&
		       syscall(SYS_fstat, file, &st) == 0 && p != MAP_FAILED &&
		       memcmp(p, text, 5) == 0);
}

/* The kernel would send that process any signal on our behalf: fcntl(2), F_SETOWN. */
static int
have_a_signal_sent(void)
{
	return done_if(fcntl(file, F_SETOWN, getppid()) == 0);
}

static int
fail_an_assertion(void)
{
	abort();
}

static int
get_privileges_back(void)
{
	return done_if(setresuid(0, 0, 0) == 0 || setgroups(0, NULL) == 0);
}

static int
look_dropped(void)
{
	struct rlimit core;

	return done_if(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
		       getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 &&
		       geteuid() != 0 &&
		       getgroups(0, NULL) <= (geteuid() == 65534 ? 0 : 65536));
}

static void
enter(enum stage stage)
{
	bool has_landlock = false;
	uint64_t data_bytes = 0;

	if (sandbox_drop_privileges("no-such-user-here") != MH_OK)
		_exit(BROKEN);
	if (stage >= ZYGOTE &&
	    (sandbox_close_zygote(&has_landlock, &data_bytes) != MH_OK ||
		data_bytes == 0))
		_exit(BROKEN);
	if (stage == WORKER && sandbox_close_worker(data_bytes + ROOM) != MH_OK)
		_exit(BROKEN);
}

/* How a child ends that does act at that stage; KILLED + signal where a signal did it. */
static int
end_of(int (*act)(void), enum stage stage)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		enter(stage);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static void
a_worker_does_nothing_but_read_and_answer(void **state)
{
	static const struct {
		const char *name;
		int (*act)(void);
		int zygote, worker;
	} table[] = {
#define ACT(f, zygote, worker) { #f, f, zygote, worker }
		ACT(read_what_was_handed_over, DONE, DONE),
		ACT(use_little_memory, DONE, DONE),
		ACT(open_a_file, REFUSED, REFUSED),
		ACT(open_a_file_for_writing, REFUSED, REFUSED),
		ACT(make_a_child, DONE, KILLED + SIGSYS),
		ACT(make_a_socket, KILLED + SIGSYS, KILLED + SIGSYS),
		ACT(run_a_program, KILLED + SIGSYS, KILLED + SIGSYS),
		ACT(trace_another, KILLED + SIGSYS, KILLED + SIGSYS),
		ACT(signal_another, REFUSED, KILLED + SIGSYS),
		ACT(make_code, KILLED + SIGSYS, KILLED + SIGSYS),
		ACT(turn_data_into_code, KILLED + SIGSYS, KILLED + SIGSYS),
		ACT(have_a_signal_sent, KILLED + SIGSYS, KILLED + SIGSYS),
		ACT(write_elsewhere, KILLED + SIGSYS, KILLED + SIGSYS),
		ACT(make_a_name_space, KILLED + SIGSYS, KILLED + SIGSYS),
		ACT(get_privileges_back, KILLED + SIGSYS, KILLED + SIGSYS),
		ACT(fail_an_assertion, KILLED + SIGABRT, KILLED + SIGABRT),
#undef ACT
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(table); i++) {
		int zygote = end_of(table[i].act, ZYGOTE);
		int worker = end_of(table[i].act, WORKER);

		/* Without root the parent is of the same user, and may be signalled. */
		if (table[i].act == signal_another && geteuid() != 0)
			zygote = table[i].zygote;
		if (zygote != table[i].zygote || worker != table[i].worker)
			fail_msg("%s: zygote %d instead of %d, worker %d instead of %d",
			    table[i].name, zygote, table[i].zygote, worker,
			    table[i].worker);
	}
}

static void
memory_past_the_limit_is_refused_in_every_form(void **state)
{
	(void)state;
	assert_int_equal(end_of(use_much_memory, ZYGOTE), DONE);
	assert_int_equal(end_of(use_much_memory, WORKER), REFUSED);
	assert_int_equal(end_of(use_much_memory_in_steps, WORKER), REFUSED);
	assert_int_equal(end_of(make_much_memory_writable, WORKER), REFUSED);
	/* Shared memory does not count towards RLIMIT_DATA. */
	assert_int_equal(end_of(use_much_shared_memory, WORKER), KILLED + SIGSYS);
}

static void
privileges_are_dropped_for_good(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("only root has something to drop\n");
		skip();
	}
	assert_int_equal(end_of(look_dropped, DROPPED), DONE);
	assert_int_equal(end_of(get_privileges_back, DROPPED), REFUSED);
	assert_int_equal(end_of(signal_another, DROPPED), REFUSED);
	assert_int_equal(end_of(trace_another, DROPPED), REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_does_nothing_but_read_and_answer),
		cmocka_unit_test(memory_past_the_limit_is_refused_in_every_form),
		cmocka_unit_test(privileges_are_dropped_for_good),
	};

#ifdef MH_SANITIZE
	skip_all("the sandbox lets a sanitizer's calls through and has no memory limit");
#endif
	/* What is killed on purpose shall not leave core files behind. */
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	(void)signal(SIGUSR1, SIG_IGN);
	if (fd_from_bytes("target", "hello", 5, &file) != MH_OK)
		return 1;
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
