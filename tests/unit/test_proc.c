/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proc.h"
#include "agent/proc_sockets.h"
#include "base/attributes.h"
#include "base/memory.h"
#include "tests/unit/mh_child.h"

#define NUMBERS                                                                   \
	"S 11 12 13 0 -1 %u 1 2 3 4 5 6 7 8 20 0 3 0 12345 1000000 250 "          \
	"18446744073709551615 94000 94100 140700 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 " \
	"0 0 0 0 0 0 0 0\n"

static mh_err
parse(const char *text, struct process *p, struct proc_state *ret)
{
	free(p->comm);
	memset(p, 0, sizeof(*p));
	return proc_parse_stat(text, p, ret);
}

static void
a_name_is_what_the_process_likes(void **state)
{
	static const char *const names[] = { "sh", ") R 1 (", "a) S 1 2 3 4 5", "((",
		"))", "", " ", "a\nb", "\x1b[2J" };
	struct process p = { .pid = 1 };
	struct proc_state s;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(names); i++) {
		MH_CLEANUP(freep) char *text = xasprintf("7 (%s) " NUMBERS, names[i], 64);

		assert_ok(parse(text, &p, &s));
		assert_string_equal(p.comm, names[i]);
		assert_int_equal(p.parent, 11);
		assert_int_equal(p.n_threads, 3);
		assert_true(p.start_ticks == 12345 && s.start_ticks == 12345);
		assert_true(s.start_code == 94000 && s.start_stack == 140700);
		assert_true(p.resident_bytes == 250ull * (uint64_t)sysconf(_SC_PAGESIZE));
		assert_int_equal(p.refusal, REASON_NONE);
	}
	free(p.comm);
}

static void
a_kernel_thread_is_known_by_its_flag(void **state)
{
	MH_CLEANUP(freep) char *text = xasprintf("2 (kthreadd) " NUMBERS, 0x208040);
	struct process p = { .pid = 2 };
	struct proc_state s;

	(void)state;
	assert_ok(parse(text, &p, &s));
	assert_int_equal(p.refusal, REASON_KERNEL);
	free(p.comm);
}

static void
every_prefix_is_an_error_or_says_the_same(void **state)
{
	MH_CLEANUP(freep) char *text = xasprintf("7 (x) R 1 (y) " NUMBERS, 64);
	struct process p = { .pid = 1 };
	struct proc_state s;
	bool was_good = false;

	(void)state;
	for (size_t len = 0; len <= strlen(text); len++) {
		MH_CLEANUP(freep) char *cut = xstrndup(text, len);

		if (parse(cut, &p, &s) != MH_OK) {
			assert_false(was_good);
			continue;
		}
		/* The last number that is used may be cut. */
		was_good = true;
		assert_true(s.start_code == 94000 && p.parent == 11);
	}
	assert_true(was_good);
	free(p.comm);
}

static void
lines_that_are_none_are_errors(void **state)
{
	static const char *const lines[] = { "", "7", "7 sh S 1", "7 )sh( S 1 2",
		"7 (sh)", "7 (sh)S 1", "7 (sh) ", "7 (sh) S", "7 (sh) S x",
		"7 (sh) S 1 -" };
	struct process p = { .pid = 1 };
	struct proc_state s;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(lines); i++)
		assert_err(parse(lines[i], &p, &s), MH_ERR_FORMAT);
}

static void
a_container_is_known_by_its_control_group(void **state)
{
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const struct {
		const char *cgroup, *container;
	} rows[] = {
		{ "", "" },
		{ "/user.slice/user-1000.slice/session-2.scope", "" },
		{ "/system.slice/docker-" ID ".scope", ID },
		{ "/docker/" ID, ID },
		{ "/kubepods/burstable/podx/" ID "/more", ID },
		{ "/docker/" ID "0", "" }, /* 65 digits are none */
		{ "/docker/0" ID, "" },
		{ "/docker/123", "" },
		{ "/lxc/web/init.scope", "web" },
		{ "/lxc.payload.web/x", "web" },
		{ "/lxc/", "" },
	};

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(rows); i++) {
		MH_CLEANUP(freep) char *container = proc_container(rows[i].cgroup);

		assert_string_equal(container, rows[i].container);
	}
	/* A name without an end. */
	MH_CLEANUP(freep) char *name = xcalloc(2000, 1);

	memset(name, 'x', 1999);
	memcpy(name, "/lxc/", 5);
	MH_CLEANUP(freep) char *container = proc_container(name);

	assert_int_equal(strlen(container), LIST_NAME_BYTES);
}

#define TCP                                                                            \
	"   3: 0100007F:0016 0200A8C0:C350 01 00000000:00000000 00:00000000 00000000 " \
	" 1000        0 16789 1 0000000000000000 100 0 0 10 0\n"

static void
a_socket_has_both_ends_and_its_inode(void **state)
{
	struct process_socket s;
	uint64_t inode = 0;
	static const uint8_t local[4] = { 127, 0, 0, 1 };
	static const uint8_t remote[4] = { 192, 168, 0, 2 };

	(void)state;
	assert_true(proc_sockets_parse(TCP, false, &s, &inode));
	assert_int_equal(s.family, AF_INET);
	assert_memory_equal(s.local, local, 4);
	assert_memory_equal(s.remote, remote, 4);
	assert_int_equal(s.local_port, 22);
	assert_int_equal(s.remote_port, 50000);
	assert_int_equal(s.state, 1);
	assert_true(inode == 16789);
	assert_true(proc_sockets_parse(
	    "  10: 00000000000000000000000001000000:1F90 "
	    "00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 99 1 x\n",
	    true, &s, &inode));
	assert_int_equal(s.family, AF_INET6);
	assert_memory_equal(s.local, &in6addr_loopback, 16);
	assert_true(s.local_port == 8080 && inode == 99);
	assert_false(proc_sockets_parse(TCP, true, &s, &inode));
}

static void
every_prefix_of_a_socket_is_taken_or_refused(void **state)
{
	struct process_socket s;
	uint64_t inode = 0;

	(void)state;
	for (size_t len = 0; len < strlen(TCP); len++) {
		MH_CLEANUP(freep) char *cut = xstrndup(TCP, len);

		if (proc_sockets_parse(cut, false, &s, &inode))
			assert_true(inode <= 16789);
	}
	assert_false(proc_sockets_parse("  sl  local_address rem_address   st tx_queue\n",
	    false, &s, &inode));
	assert_false(proc_sockets_parse("0: 0100007F:FFFFF 0:0 01 0 0 0 0 0 1\n", false,
	    &s, &inode));
	assert_false(proc_sockets_parse("0: 0100007F:1 0100007F:1 1FF 0 0 0 0 0 1\n",
	    false, &s, &inode));
}

static void
take_hostile_name(void *arg)
{
	(void)prctl(PR_SET_NAME, arg);
}

static void
a_process_is_identified(void **state)
{
	static char name[] = ") R 1 (\x1b[2J";
	struct mh_child child;
	struct process p;
	struct process old = { 0 };
	struct proc_state s;

	(void)state;
	mh_child_start(&child);
	mh_child_do(&child, take_hostile_name, name);
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int dir = proc_open(proc, child.pid);

	assert_true(dir >= 0);
	assert_ok(proc_identify(dir, child.pid, &p));
	assert_int_equal(p.pid, child.pid);
	assert_int_equal(p.parent, getpid());
	assert_string_equal(p.comm, name);
	assert_int_equal(p.uid, geteuid());
	assert_non_null(strstr(p.program, "test_proc"));
	assert_true(p.pid_namespace != 0 && p.start_ms > 0);
	assert_false(proc_is_zombie(dir));
	(void)kill(child.pid, 9);
	while (!proc_is_zombie(dir))
		(void)usleep(1000);
	mh_child_end(&child);
	assert_err(proc_stat(dir, &old, &s), MH_ERR_NOTFOUND);
	assert_true(proc_is_zombie(dir));
	process_clear(&p);
	(void)close(dir);
	assert_int_equal(proc_open(proc, 0x7fffffff), -1);
	(void)close(proc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_what_the_process_likes),
		cmocka_unit_test(a_kernel_thread_is_known_by_its_flag),
		cmocka_unit_test(every_prefix_is_an_error_or_says_the_same),
		cmocka_unit_test(lines_that_are_none_are_errors),
		cmocka_unit_test(a_container_is_known_by_its_control_group),
		cmocka_unit_test(a_socket_has_both_ends_and_its_inode),
		cmocka_unit_test(every_prefix_of_a_socket_is_taken_or_refused),
		cmocka_unit_test(a_process_is_identified),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
