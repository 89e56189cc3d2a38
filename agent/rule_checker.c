/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the command line.
 * Input: messages from the checker, which may be hostile.
 */
#include "agent/rule_checker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/children.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "records/limits.h"
#include "records/lint.h"
#include "records/messages.h"

enum { NO_FILE = -1 };

/* One checker that is asked. */
struct asking {
	struct rule_job *job;
	struct rule_answers *answers;
	struct children children;
	struct channel *channel;
	char **bad;   /* by file of the packs: why it is not asked about; owned */
	size_t *sent; /* the files that were sent, by their index there */
	size_t n_sent;
	size_t n_rules, n_beside; /* handed over so far */
	bool is_asked, is_done;
	bool is_silent;  /* it was killed for it */
	bool is_broken;  /* it closed its channel by itself */
	bool was_killed; /* by somebody else, once */
	long at;         /* the file that it works on, as it counts; NO_FILE */
	int64_t heard_ms;
};

void
rule_job_clear(struct rule_job *job)
{
	pack_list_clear(&job->packs);
	free(job->whys);
	for (size_t i = 0; i < job->n_beside; i++)
		free(job->beside[i].path);
	free(job->beside);
	free(job->is_own);
	check_request_clear(&job->request);
	*job = (struct rule_job){ .beside = NULL };
}

void
rule_job_add_beside(struct rule_job *job, enum beside_kind kind, size_t file,
    const char *path)
{
	job->beside = xreallocarray(job->beside, job->n_beside + 1, sizeof(*job->beside));
	job->beside[job->n_beside++] = (struct rule_beside){ kind, file, xstrdup(path) };
}

void
rule_answers_clear(struct rule_answers *answers)
{
	for (size_t i = 0; i < answers->n; i++)
		answer_clear(&answers->items[i]);
	free(answers->items);
	*answers = (struct rule_answers){ .n = 0 };
}

/* Takes what answer holds. */
static void
keep(struct rule_answers *answers, struct answer *answer)
{
	if (answers->n == answers->n_allocated) {
		answers->n_allocated = answers->n_allocated * 2 + 256;
		answers->items = xreallocarray(answers->items, answers->n_allocated,
		    sizeof(*answers->items));
	}
	answers->items[answers->n++] = *answer;
	*answer = (struct answer){ .kind = 0 };
}

/* What the checker would have said of a file that it does not get. */
static void
keep_bad(struct asking *a, size_t file, const char *why)
{
	struct answer is_bad = { .kind = ANSWER_FILE,
		.file = (uint32_t)file,
		.rule = xstrdup(""),
		.label = xstrdup(""),
		.text = xstrdup("") };
	struct answer remark = { .kind = ANSWER_REMARK,
		.code = LINT_C01,
		.level = LEVEL_ERROR,
		.file = (uint32_t)file,
		.rule = xstrdup(""),
		.label = xstrdup(""),
		.text = xstrdup(why) };

	keep(a->answers, &is_bad);
	keep(a->answers, &remark);
}

/* A file of its own with the bytes of one that was in a ZIP; -1: errno tells why not. */
static int
part_of(const struct pack_file *file)
{
	int fd = memfd_create("rules", MFD_CLOEXEC);
	off_t offset = (off_t)file->offset;
	uint64_t left = file->len;

	while (fd >= 0 && left > 0) {
		ssize_t n = sendfile(fd, file->fd, &offset, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			(void)close(fd);
			return -1;
		}
		left -= (uint64_t)n;
	}
	return fd;
}

static mh_err
send_rules(struct asking *a, size_t index)
{
	const struct pack_file *file = &a->job->packs.files[index];
	MH_CLEANUP(fd_closep)
	int fd = file->fd >= 0
		     ? part_of(file)
		     : open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	const struct check_file message = { file->name_space, file->path,
		a->job->is_own[index] };
	bool is_named = strlen(file->name_space) <= NAMESPACE_MAX;

	if (fd < 0 || !is_named) {
		free(a->bad[index]);
		a->bad[index] =
		    xstrdup(fd < 0 ? strerror(errno) : "its name is too long");
		return MH_OK;
	}
	check_file_encode(&message, b);
	mh_err err =
	    channel_send(a->channel, MSG_CHECK_RULES, buf_data(b), buf_len(b), &fd, 1);
	if (err == MH_OK)
		a->sent[a->n_sent++] = index;
	return err;
}

/* The index by which the checker knows a file; n_sent: it does not. */
static size_t
index_there(const struct asking *a, size_t file)
{
	size_t i = 0;

	while (i < a->n_sent && a->sent[i] != file)
		i++;
	return i;
}

static mh_err
send_beside(struct asking *a, const struct rule_beside *beside)
{
	MH_CLEANUP(fd_closep)
	int fd = open(beside->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	struct check_beside message = { .kind = (uint8_t)beside->kind,
		.path = beside->path };
	size_t file = beside->kind == BESIDE_MANIFEST ? index_there(a, beside->file) : 0;

	/* A sample that is gone is none; a manifest of a file that is left out, too. */
	if (fd < 0 || (beside->kind == BESIDE_MANIFEST && file == a->n_sent))
		return MH_OK;
	message.file = (uint32_t)file;
	check_beside_encode(&message, b);
	return channel_send(a->channel, MSG_CHECK_BESIDE, buf_data(b), buf_len(b), &fd,
	    1);
}

static mh_err
send_request(struct asking *a)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(4096);

	check_request_encode(&a->job->request, b);
	a->is_asked = true;
	return channel_send(a->channel, MSG_CHECK_DO, buf_data(b), buf_len(b), NULL, 0);
}

/* Hand over what the window has room for. */
static mh_err
send_more(struct asking *a)
{
	mh_err err = MH_OK;

	while (err == MH_OK && !a->is_asked && channel_can_send(a->channel)) {
		if (a->n_rules < a->job->packs.n) {
			size_t index = a->n_rules++;

			if (a->bad[index] == NULL)
				err = send_rules(a, index);
		} else if (a->n_beside < a->job->n_beside) {
			err = send_beside(a, &a->job->beside[a->n_beside++]);
		} else {
			err = send_request(a);
		}
	}
	return err;
}

static bool
has_file(const struct answer *answer)
{
	return answer->kind == ANSWER_FILE || answer->kind == ANSWER_REMARK ||
	       answer->kind == ANSWER_RULE || answer->kind == ANSWER_TIME ||
	       (answer->kind == ANSWER_FINGERPRINT && answer->file != UINT32_MAX);
}

/* Takes what answer holds; false: nonsense. */
static bool
on_answer(struct asking *a, struct answer *answer)
{
	if (answer->kind == ANSWER_AT) {
		a->at = answer->file < a->n_sent ? (long)answer->file : NO_FILE;
		return true;
	}
	if (answer->kind == ANSWER_PROGRESS) {
		if (a->job->on_progress != NULL)
			a->job->on_progress(a->job->ctx, answer->a, answer->b);
		return true;
	}
	if (has_file(answer)) {
		if (answer->file >= a->n_sent)
			return false;
		answer->file = (uint32_t)a->sent[answer->file];
	}
	a->is_done |= answer->kind == ANSWER_DONE;
	if (a->answers->n == RULE_CHECKER_ANSWERS_MAX)
		return false;
	keep(a->answers, answer);
	return true;
}

static bool
on_message(struct asking *a, const struct message *m)
{
	struct reader r;
	bool is_good = true;

	reader_init(&r, m->data, m->len);
	while (is_good && reader_is_ok(&r) && !reader_is_done(&r)) {
		struct answer answer;

		answer_decode(&r, &answer);
		is_good = reader_is_ok(&r) && on_answer(a, &answer);
		answer_clear(&answer);
	}
	return is_good;
}

static int64_t
patience_ms(const struct asking *a)
{
	bool is_work = a->job->request.verb == CHECK_VERB_TEST ||
		       a->job->request.verb == CHECK_VERB_PROFILE;

	return is_work ? RULE_CHECKER_WORK_MS : RULE_CHECKER_SILENT_MS;
}

/* One conversation, to its end; false: it broke off. */
static bool
converse(struct asking *a)
{
	while (!a->is_done) {
		struct message m;
		mh_err err = channel_receive(a->channel, &m);

		if (err == MH_OK) {
			a->heard_ms = clock_monotonic_ms();
			bool is_good = on_message(a, &m);

			message_close_fds(&m);
			if (!is_good)
				return false;
			continue;
		}
		if (err == MH_ERR_AGAIN)
			err = send_more(a);
		a->is_broken = err == MH_ERR_CLOSED;
		if (err != MH_OK)
			return false;
		struct pollfd p = { .fd = channel_fd(a->channel), .events = POLLIN };
		int64_t left = a->heard_ms + patience_ms(a) - clock_monotonic_ms();

		if (channel_wants_write(a->channel))
			p.events |= POLLOUT;
		if (left <= 0) {
			a->is_silent = true;
			return false;
		}
		if (poll(&p, 1, (int)left) > 0 && (p.revents & POLLOUT) != 0)
			mh_ignore(channel_flush(a->channel));
	}
	return true;
}

/* Kill it, if it lives, and see it off; its wait(2) status. */
static int
end_child(struct asking *a)
{
	struct child gone;
	int status = 0;

	if (!a->is_done)
		children_kill(&a->children, ROLE_CHECKER, 1, SIGKILL);
	channel_free(a->channel);
	a->channel = NULL;
	while (children_are_left(&a->children)) {
		if (children_reap(&a->children, &gone, &status))
			break;
		(void)poll(NULL, 0, 10);
	}
	return status;
}

static mh_err
start_child(struct asking *a, char **ret_why)
{
	int fd = -1;
	mh_err err = children_start(&a->children, ROLE_CHECKER, 1, NULL, &fd);

	if (err != MH_OK) {
		*ret_why = xasprintf("%s/%s: %s", a->children.folder,
		    children_program(ROLE_CHECKER),
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
		return MH_ERR_CLOSED;
	}
	a->channel = message_channel_new(fd, ROLE_AGENT, ROLE_CHECKER);
	a->heard_ms = clock_monotonic_ms();
	a->n_sent = a->n_rules = a->n_beside = 0;
	a->is_asked = a->is_done = a->is_silent = a->is_broken = false;
	a->at = NO_FILE;
	rule_answers_clear(a->answers);
	return MH_OK;
}

/*
 * Whether it may be asked again.  Who was killed and not by us, by a person or for want
 * of memory in the machine, is tried once more with all files; else a file is to blame,
 * and is left out.
 */
static bool
may_ask_again(struct asking *a, int status, char **ret_why)
{
	bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	if (is_killed && a->is_broken && !a->was_killed) {
		a->was_killed = true;
		return true;
	}
	if (!a->is_asked || a->at == NO_FILE) {
		*ret_why = WIFSIGNALED(status)
			       ? xasprintf("the checker was killed by signal %d",
				     WTERMSIG(status))
			       : xstrdup("the checker broke off: see the lines above");
		return false;
	}
	size_t file = a->sent[a->at];

	free(a->bad[file]);
	a->bad[file] = xasprintf("the rule compiler %s on it",
	    a->is_silent ? "did not end" : "crashed");
	return true;
}

static mh_err
ask(struct asking *a, char **ret_why)
{
	for (unsigned i = 0; i <= RULE_CHECKER_DEATHS_MAX; i++) {
		mh_err err = start_child(a, ret_why);

		if (err != MH_OK)
			return err;
		bool is_whole = converse(a);
		int status = end_child(a);

		if (is_whole)
			return MH_OK;
		if (!may_ask_again(a, status, ret_why))
			return MH_ERR_CLOSED;
	}
	*ret_why = xasprintf("the checker crashed on more than %d files",
	    RULE_CHECKER_DEATHS_MAX);
	return MH_ERR_CLOSED;
}

mh_err
rule_checker_run(struct rule_job *job, struct rule_answers *ret, char **ret_why)
{
	struct asking a = { .job = job, .answers = ret };

	a.bad = xcalloc(job->packs.n + 1, sizeof(*a.bad));
	for (size_t i = 0; job->whys != NULL && i < job->packs.n; i++) {
		if (job->whys[i] != NULL)
			a.bad[i] = xstrdup(job->whys[i]);
	}
	a.sent = xcalloc(job->packs.n + 1, sizeof(*a.sent));
	*ret = (struct rule_answers){ .n = 0 };
	children_init(&a.children);
	mh_err err = ask(&a, ret_why);

	for (size_t i = 0; i < job->packs.n; i++) {
		if (err == MH_OK && a.bad[i] != NULL)
			keep_bad(&a, i, a.bad[i]);
		free(a.bad[i]);
	}
	if (err != MH_OK)
		rule_answers_clear(ret);
	children_clear(&a.children);
	free(a.bad);
	free(a.sent);
	return err;
}
