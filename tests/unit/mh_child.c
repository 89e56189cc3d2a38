/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "tests/unit/mh_child.h"

/* What the child is told: it has the same program at the same addresses. */
struct order {
	void (*do_it)(void *arg);
	void *arg;
};

static void
serve(int in, int out)
{
	struct order order;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(in, &order, sizeof(order)) == (ssize_t)sizeof(order)) {
		order.do_it(order.arg);
		if (write(out, "", 1) != 1)
			break;
	}
	_exit(0);
}

static int
open_of(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void
mh_child_start(struct mh_child *c)
{
	int to[2];
	int from[2];

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	(void)fflush(NULL);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		(void)close(to[1]);
		serve(to[0], from[1]);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	c->to = to[1];
	c->from = from[0];
	c->mem = open_of(c->pid, "mem");
	c->pagemap = open_of(c->pid, "pagemap");
	c->maps = open_of(c->pid, "maps");
	c->smaps = open_of(c->pid, "smaps");
}

void
mh_child_do(struct mh_child *c, void (*do_it)(void *arg), void *arg)
{
	struct order order = { do_it, arg };
	char answer = 1;

	assert_int_equal(write(c->to, &order, sizeof(order)), sizeof(order));
	assert_int_equal(read(c->from, &answer, 1), 1);
}

void
mh_child_end(struct mh_child *c)
{
	if (c->pid <= 0)
		return;
	(void)kill(c->pid, SIGKILL);
	(void)waitpid(c->pid, NULL, 0);
	(void)close(c->to);
	(void)close(c->from);
	(void)close(c->mem);
	(void)close(c->pagemap);
	(void)close(c->maps);
	(void)close(c->smaps);
	c->pid = 0;
}

uint64_t
mh_child_field(const struct mh_child *c, const char *name, const char *field)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1 << 20);
	int fd = open_of(c->pid, name);

	assert_ok(fd_read_all(fd, b));
	(void)close(fd);
	const char *at = strstr(buf_string(b), field);

	assert_non_null(at);
	at += strlen(field) + 1;
	at += strspn(at, " \t");
	MH_CLEANUP(freep) char *digits = xstrndup(at, strspn(at, "0123456789"));
	uint64_t value = 0;

	assert_ok(parse_u64(digits, 0, UINT64_MAX, &value));
	return value;
}
