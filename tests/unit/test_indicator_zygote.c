/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "records/indicator.h"
#include "records/messages.h"
#include "scanners/indicator_zygote.h"

#define HASH "0123456789abcdef0123456789abcdef"

/* A list, and what is written into it while it is read. */
struct list {
	int fd;
	const char *change; /* or NULL */
};

static int
file_of(const char *text)
{
	int fd = memfd_create("list", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

/* It is told of a bad line when the list was read, and its id is not yet made. */
static void
on_tell(void *ctx, unsigned type, const struct buf *b)
{
	struct list *l = ctx;

	(void)b;
	if (type == MSG_INDICATOR_LINE && l->change != NULL)
		assert_int_equal(pwrite(l->fd, l->change, strlen(l->change), 0),
		    (ssize_t)strlen(l->change));
}

static void
give_table(struct zygote_indicators *z)
{
	struct message m = { .n_fds = 2 };
	char path[64];

	m.fds[0] = memfd_create("table", MFD_CLOEXEC);
	assert_int_equal(ftruncate(m.fds[0], (off_t)indicator_table_bytes(4096)), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", m.fds[0]);
	m.fds[1] = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(zygote_indicators_on_table(z, &m));
}

/* Nothing frees one: a zygote has it for its life. */
static struct zygote_indicators *kept[8];
static size_t n_kept;

/* What the agent is told of a rule set with a list of that text. */
static struct ruleset_facts
facts_with(const char *text, const char *change, const char *name)
{
	struct list l = { file_of(text), change };
	struct zygote_indicators *z = zygote_indicators_new(on_tell, &l);
	struct ruleset_facts facts = { .n_rules = 1 };
	struct message m = { .n_fds = 1 };
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(1024);

	kept[n_kept++] = z;
	give_table(z);
	buf_put_string(b, "pack/indicators/list.txt");
	buf_put_string(b, name);
	buf_put_u8(b, FORMAT_UNKNOWN);
	m.data = buf_data(b);
	m.len = buf_len(b);
	m.fds[0] = fcntl(l.fd, F_DUPFD_CLOEXEC, 0);
	assert_true(zygote_indicators_on_file(z, &m));
	(void)close(l.fd);
	assert_ok(zygote_indicators_seal(z, &facts));
	return facts;
}

static void
a_list_that_changes_while_it_is_read_has_an_id_of_its_own(void **state)
{
	static const char before[] = "bad\n#" HASH ";x\n";
	static const char after[] = "bad\n " HASH ";x\n\n";
	struct ruleset_facts changed = facts_with(before, after, "hash.txt");
	struct ruleset_facts whole = facts_with(after, NULL, "hash.txt");
	struct ruleset_facts again = facts_with(after, NULL, "hash.txt");

	(void)state;
	assert_memory_equal(whole.id, again.id, sizeof(whole.id));
	assert_memory_not_equal(changed.id, whole.id, sizeof(whole.id));
}

static void
exceptions_are_counted(void **state)
{
	struct ruleset_facts some = facts_with("/a/\n/b/\n", NULL, "exclude.cfg");
	struct ruleset_facts none = facts_with(HASH ";x\n", NULL, "hash.txt");

	(void)state;
	assert_int_equal(some.n_exceptions, 2);
	assert_int_equal(none.n_exceptions, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_list_that_changes_while_it_is_read_has_an_id_of_its_own),
		cmocka_unit_test(exceptions_are_counted),
	};

	return cmocka_run_group_tests_name("indicator_zygote", tests, NULL, NULL);
}
