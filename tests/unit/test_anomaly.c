/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <linux/filter.h>

#include "agent/anomaly.h"
#include "base/memory.h"

#define TEXT(s) ((char *)(uintptr_t)(s))
#define NONE "" /* maps no engine */

/* A case: a process with one clue, and the scores between which it must come out. */
struct row {
	enum clue_kind kind;
	const char *program, *libraries, *what;
	uint64_t number;
	unsigned least, most; /* 0, 0: no finding */
};

static unsigned
score_of(const struct process *p, enum clue_kind kind)
{
	struct anomalies a;
	unsigned score = 0;

	anomalies_judge(p, &a);
	for (uint32_t i = 0; i < a.n; i++) {
		if (a.list[i].clue.kind == kind) {
			score = a.list[i].score;
			assert_true(strlen(a.list[i].reason) > 10);
		}
	}
	anomalies_clear(&a);
	return score;
}

static void
check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct clue c = { .kind = rows[i].kind,
			.address = 0x7f0000001000,
			.length = 4096,
			.number = rows[i].number,
			.what = TEXT(rows[i].what) };
		struct process p = { .pid = 42,
			.program = TEXT(rows[i].program),
			.libraries = TEXT(rows[i].libraries),
			.clues = &c,
			.n_clues = 1 };
		unsigned score = score_of(&p, c.kind);

		if (score < rows[i].least || score > rows[i].most)
			print_error("row %zu: %s scores %u\n", i, clue_name(c.kind),
			    score);
		assert_in_range(score, rows[i].least, rows[i].most);
	}
}

static void
what_implants_do_scores_high(void **state)
{
	static const struct row rows[] = {
		{ CLUE_PC_ANONYMOUS, "/usr/sbin/sshd", NONE, "", 43, 80, 95 },
		{ CLUE_PC_MEMFD, "/usr/sbin/sshd", NONE, "/memfd:x", 43, 80, 95 },
		{ CLUE_PC_DELETED, "/usr/sbin/sshd", NONE, "/tmp/x.so", 0, 60, 95 },
		{ CLUE_EXE_MEMFD, "/memfd:a (deleted)", NONE, "/memfd:a", 0, 75, 95 },
		{ CLUE_EXE_DELETED, "/tmp/a (deleted)", NONE, "/tmp/a", 0, 75, 95 },
		{ CLUE_EXE_DELETED, "/dev/shm/a (deleted)", NONE, "/dev/shm/a", 0, 75,
		    95 },
		{ CLUE_EXE_DELETED, "/usr/lib/.x/a (deleted)", NONE, "/usr/lib/.x/a", 0,
		    75, 95 },
		{ CLUE_EXEC_MEMFD, "/usr/sbin/sshd", NONE, "/memfd:x", 0, 60, 90 },
		{ CLUE_EXEC_DELETED, "/usr/sbin/sshd", NONE, "/dev/shm/x.so", 0, 60, 90 },
		{ CLUE_KERNEL_NAME, "/usr/bin/a", NONE, "[kworker/0:1]",
		    CLUE_KERNEL_BRACKETS | CLUE_KERNEL_COMMAND, 80, 95 },
		{ CLUE_KERNEL_NAME, "/usr/bin/a", NONE, "kworker/0:1", CLUE_KERNEL_COMM,
		    80, 95 },
		{ CLUE_PRELOAD, "/bin/cat", NONE, "I_AM_HIDDEN=1", CLUE_VARIABLE_MARKER,
		    80, 95 },
		{ CLUE_PRELOAD, "/bin/cat", NONE, "LD_PRELOAD=/dev/shm/x.so",
		    CLUE_VARIABLE_PRELOAD, 60, 90 },
		{ CLUE_PRELOAD, "/bin/cat", NONE, "LD_AUDIT=/tmp/libjemalloc.so",
		    CLUE_VARIABLE_AUDIT, 60, 90 },
		{ CLUE_PRELOAD_FILE, "/sbin/init", NONE, "/lib/libc_helper.so", 1, 60,
		    90 },
		{ CLUE_PRELOAD_FILE, "/sbin/init", NONE, "/tmp/x.so", 1, 75, 95 },
		{ CLUE_HIDDEN, "", NONE, "", 0, 80, 95 },
		{ CLUE_COVERED, "/usr/bin/a", NONE, "/proc/42", 0, 80, 95 },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
what_is_worth_a_look_scores_between(void **state)
{
	static const struct row rows[] = {
		{ CLUE_EXEC_ANONYMOUS, "/usr/sbin/sshd", NONE, "", 1, 40, 59 },
		{ CLUE_WRITE_EXEC, "/usr/sbin/sshd", NONE, "", 1, 40, 59 },
		{ CLUE_SECRET_MEMORY, "/usr/bin/gpg", NONE, "/secretmem", 1, 40, 59 },
		{ CLUE_EXE_DELETED, "/opt/a (deleted)", NONE, "/opt/a", 0, 40, 59 },
		{ CLUE_EXE_DELETED, "/root/a (deleted)", NONE, "/root/a", 0, 40, 59 },
		{ CLUE_EXE_DELETED, "/tmp/a (deleted)", NONE, "/tmp/a",
		    CLUE_FILE_REPLACED, 40, 59 },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
what_is_explained_scores_below_forty(void **state)
{
	static const struct row rows[] = {
		{ CLUE_EXEC_ANONYMOUS, "/usr/bin/node", "v8", "", 9, 0, 0 },
		{ CLUE_WRITE_EXEC, "/usr/bin/java", "jvm", "", 9, 0, 0 },
		{ CLUE_EXEC_ANONYMOUS, "/usr/bin/php", "php pcre2", "/dev/zero (deleted)",
		    1, 0, 0 },
		{ CLUE_WRITE_EXEC, "/opt/cad/bin/old", NONE, "[stack]", 1, 20, 39 },
		{ CLUE_EXEC_MEMFD, "/usr/bin/app", "dotnet", "/memfd:doublemapper", 0, 20,
		    39 },
		{ CLUE_EXEC_DELETED, "/usr/bin/java", "jvm", "/tmp/jna1.tmp", 0, 20, 39 },
		{ CLUE_EXE_MEMFD, "/memfd:runc_cloned:/proc/self/exe (deleted)", NONE,
		    "/memfd:runc_cloned:/proc/self/exe", 0, 20, 39 },
		/* Package upgrades. */
		{ CLUE_EXE_DELETED, "/usr/bin/a (deleted)", NONE, "/usr/bin/a",
		    CLUE_FILE_REPLACED, 0, 0 },
		{ CLUE_EXEC_DELETED, "/usr/bin/a", NONE, "/usr/lib/libc.so.6",
		    CLUE_FILE_REPLACED, 0, 0 },
		{ CLUE_PC_DELETED, "/usr/bin/a", NONE, "/usr/lib/libc.so.6",
		    CLUE_FILE_REPLACED, 0, 0 },
		{ CLUE_EXEC_DELETED, "/usr/bin/a", NONE, "/usr/lib/libLLVM-15.so", 0, 20,
		    39 },
		/* Celery and its kin. */
		{ CLUE_KERNEL_NAME, "/usr/bin/python3", NONE, "[celeryd: worker@host]",
		    CLUE_KERNEL_BRACKETS, 20, 39 },
		{ CLUE_PRELOAD, "/bin/cat", NONE,
		    "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
		    CLUE_VARIABLE_PRELOAD, 0, 0 },
		{ CLUE_PRELOAD, "/bin/cat", NONE, "LD_PRELOAD=/opt/cad/lib/shim.so",
		    CLUE_VARIABLE_PRELOAD, 20, 39 },
		{ CLUE_PRELOAD, "/tmp/.mount_a/AppRun", NONE,
		    "LD_PRELOAD=/tmp/.mount_a/lib/exec.so", CLUE_VARIABLE_PRELOAD, 20,
		    39 },
		{ CLUE_PRELOAD, "/bin/cat", NONE, "LD_LIBRARY_PATH=/tmp/.mount_a/lib",
		    CLUE_VARIABLE_LIBRARY_PATH, 20, 39 },
		{ CLUE_PRELOAD_FILE, "/sbin/init", NONE, "/usr/lib/libsnoopy.so", 1, 20,
		    39 },
		{ CLUE_TRACED, "/usr/bin/a", NONE, "/usr/bin/gdb", 7, 0, 0 },
		{ CLUE_TRACED, "/usr/bin/a", NONE, "/root/tool", 7, 20, 39 },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
an_engine_does_not_explain_a_thread_in_anonymous_memory(void **state)
{
	static const struct row rows[] = {
		{ CLUE_PC_ANONYMOUS, "/usr/bin/node", "v8", "", 43, 60, 95 },
		{ CLUE_PC_MEMFD, "/usr/bin/node", "v8", "/memfd:x", 43, 60, 95 },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

/* The score of one clue of a worker. */
static unsigned
worker_score(const struct process *p, const struct clue *c)
{
	struct anomalies a;
	unsigned score = 0;

	anomalies_judge_worker(p, c, 1, &a);
	score = a.n > 0 ? a.list[0].score : 0;
	anomalies_clear(&a);
	return score;
}

static void
changed_code_scores_high_unless_a_debugger_did_it(void **state)
{
	uint8_t jump[] = { 0xe9, 1, 2, 3, 4 };
	uint8_t stop[] = { 0xcc };
	struct clue traced = { .kind = CLUE_TRACED, .what = TEXT("/usr/bin/gdb") };
	struct clue changed = { .kind = CLUE_CODE_CHANGED,
		.address = 1,
		.length = 5,
		.what = TEXT("read+0x0"),
		.data = jump,
		.n_data = 5 };
	struct clue breakpoint = { .kind = CLUE_CODE_CHANGED,
		.address = 1,
		.length = 1,
		.what = TEXT(""),
		.data = stop,
		.n_data = 1 };
	struct clue copied = { .kind = CLUE_CODE_COPIED, .what = TEXT("") };
	struct clue relocated = { .kind = CLUE_CODE_RELOCATED, .what = TEXT("") };
	struct clue many = { .kind = CLUE_CODE_MANY, .length = 4096, .what = TEXT("") };
	struct process alone = { .program = TEXT("/usr/bin/a") };
	struct process debugged = { .program = TEXT("/usr/bin/a"),
		.clues = &traced,
		.n_clues = 1 };

	(void)state;
	assert_in_range(worker_score(&alone, &changed), 75, 90);
	assert_in_range(worker_score(&debugged, &changed), 40, 59);
	assert_in_range(worker_score(&alone, &breakpoint), 20, 39);
	assert_in_range(worker_score(&debugged, &breakpoint), 20, 39);
	assert_in_range(worker_score(&alone, &many), 60, 79);
	assert_in_range(worker_score(&debugged, &many), 40, 59);
	assert_int_equal(worker_score(&alone, &copied), 0);
	assert_int_equal(worker_score(&alone, &relocated), 0);
	/* A long run that begins with int3 is no breakpoint. */
	changed.data[0] = 0xcc;
	assert_in_range(worker_score(&alone, &changed), 75, 90);
}

static void
an_image_in_executable_memory_scores_high_and_in_data_not(void **state)
{
	struct clue c = { .kind = CLUE_IMAGE_EXEC,
		.address = 1,
		.what = TEXT(""),
		.number = CLUE_IMAGE_PE };
	struct process p = { .program = TEXT("/usr/bin/a"), .libraries = TEXT("v8") };

	(void)state;
	assert_in_range(worker_score(&p, &c), 80, 95);
	p.libraries = TEXT("wine");
	assert_int_equal(worker_score(&p, &c), 0);
	c.number = CLUE_IMAGE_ELF;
	assert_in_range(worker_score(&p, &c), 80, 95);
	c.what = TEXT("/usr/lib/libx.so");
	assert_int_equal(worker_score(&p, &c), 0);
	c.what = TEXT("");
	c.kind = CLUE_IMAGE;
	assert_int_equal(worker_score(&p, &c), 0);
}

#define IF(k, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (yes), (no))

static const struct sock_filter door[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
	IF(17, 1, 0),
	IF(1, 0, 4),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 22),
	IF(0x1234, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0xffff),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static const struct sock_filter dhcp[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
	IF(17, 0, 4),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
	IF(68, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0xffff),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static void
a_packet_socket_is_judged_by_filter_and_program(void **state)
{
	static const struct {
		const char *program;
		const struct sock_filter *filter;
		size_t bytes;
		unsigned least, most;
	} rows[] = {
		{ "/usr/sbin/crond", door, sizeof(door), 80, 95 },
		{ "/usr/sbin/dhclient", door, sizeof(door), 60, 79 },
		{ "/tmp/dhclient", door, sizeof(door), 80, 95 },
		{ "/usr/sbin/crond", dhcp, sizeof(dhcp), 20, 39 },
		{ "/usr/sbin/dhclient", dhcp, sizeof(dhcp), 0, 0 },
		{ "/usr/sbin/crond", NULL, 0, 40, 59 },
		{ "/usr/bin/tcpdump", NULL, 0, 0, 0 },
		{ "/root/tcpdump", NULL, 0, 40, 59 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct clue c = { .kind = CLUE_PACKET_SOCKET,
			.what = TEXT("raw 0x0800"),
			.length = rows[i].bytes,
			.data = (uint8_t *)(uintptr_t)rows[i].filter,
			.n_data = (uint32_t)rows[i].bytes };
		struct process p = { .program = TEXT(rows[i].program),
			.clues = &c,
			.n_clues = 1 };

		assert_in_range(score_of(&p, c.kind), rows[i].least, rows[i].most);
	}
}

static void
one_fact_makes_one_finding(void **state)
{
	struct clue clues[] = { { .kind = CLUE_EXE_MEMFD, .what = TEXT("/memfd:a") },
		{ .kind = CLUE_EXEC_MEMFD, .address = 1, .what = TEXT("/memfd:a") },
		{ .kind = CLUE_PC_MEMFD, .address = 2, .what = TEXT("/memfd:a") },
		{ .kind = CLUE_WRITE_EXEC, .address = 3, .length = 9, .what = TEXT("") },
		{ .kind = CLUE_EXEC_ANONYMOUS,
		    .address = 3,
		    .length = 9,
		    .what = TEXT("") } };
	struct process p = { .program = TEXT("/memfd:a (deleted)"),
		.clues = clues,
		.n_clues = 5 };
	struct anomalies a;

	(void)state;
	anomalies_judge(&p, &a);
	assert_int_equal(a.n, 2);
	assert_int_equal(a.list[0].clue.kind, CLUE_EXE_MEMFD);
	assert_int_equal(a.list[1].clue.kind, CLUE_WRITE_EXEC);
	anomalies_clear(&a);
}

static void
signs_that_support_each_other_score_higher(void **state)
{
	struct clue clues[] = { { .kind = CLUE_KERNEL_NAME,
				    .number = CLUE_KERNEL_COMM,
				    .what = TEXT("kworker/0:1") },
		{ .kind = CLUE_EXE_DELETED, .what = TEXT("/dev/shm/a") } };
	struct process p = { .program = TEXT("/dev/shm/a (deleted)"),
		.clues = clues,
		.n_clues = 2 };
	struct process single = { .program = TEXT("/dev/shm/a (deleted)"),
		.clues = clues,
		.n_clues = 1 };

	(void)state;
	assert_true(score_of(&p, CLUE_KERNEL_NAME) > score_of(&single, CLUE_KERNEL_NAME));
	assert_true(score_of(&p, CLUE_KERNEL_NAME) <= ANOMALY_SCORE_MAX);
}

static void
suspicion_puts_processes_in_order(void **state)
{
	struct clue pc = { .kind = CLUE_PC_ANONYMOUS, .what = TEXT("") };
	struct clue wx = { .kind = CLUE_WRITE_EXEC, .what = TEXT("") };
	const struct process rows[] = { { .clues = &pc, .n_clues = 1 },
		{ .clues = &wx, .n_clues = 1 },
		{ .clues = &wx, .n_clues = 1, .libraries = TEXT("v8") }, { .pid = 1 } };
	unsigned last = 101;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct anomalies a;

		anomalies_judge(&rows[i], &a);
		assert_true(a.suspicion < last);
		last = a.suspicion;
		anomalies_clear(&a);
	}
	assert_int_equal(last, 0);
}

static void
every_kind_has_its_row(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CLUE_MAX_; i++) {
		enum clue_kind kind = (enum clue_kind)i;

		assert_non_null(anomaly_title(kind));
		assert_int_equal(anomaly_attacks(kind)[0], 'T');
		assert_in_range(anomaly_base_score(kind), 1, ANOMALY_SCORE_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_implants_do_scores_high),
		cmocka_unit_test(what_is_worth_a_look_scores_between),
		cmocka_unit_test(what_is_explained_scores_below_forty),
		cmocka_unit_test(an_engine_does_not_explain_a_thread_in_anonymous_memory),
		cmocka_unit_test(changed_code_scores_high_unless_a_debugger_did_it),
		cmocka_unit_test(
		    an_image_in_executable_memory_scores_high_and_in_data_not),
		cmocka_unit_test(a_packet_socket_is_judged_by_filter_and_program),
		cmocka_unit_test(one_fact_makes_one_finding),
		cmocka_unit_test(signs_that_support_each_other_score_higher),
		cmocka_unit_test(suspicion_puts_processes_in_order),
		cmocka_unit_test(every_kind_has_its_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
