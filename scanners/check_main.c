/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-check: looks at packs of rules for `molehunt rules`.
 *
 * Is given files as descriptors, and answers in lines.  The sandbox is closed before
 * the first byte of them is read: no file, no network, no process.
 *
 * Runs in: checker (a user of its own, no capabilities).
 * Input: hostile: rules, manifests and what lies beside them; messages come from the
 * command line.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/messages.h"
#include "scanners/check_main.h"
#include "scanners/sandbox.h"

/* Bytes of anonymous memory: what compiling may take, and the samples. */
#define CHECKER_DATA_BYTES (COMPILE_DATA_BYTES + CHECK_SAMPLES_BYTES_MAX)

static void
wait_for_agent(struct checker *c)
{
	struct pollfd p = { .fd = channel_fd(c->agent), .events = POLLIN };

	if (channel_wants_write(c->agent))
		p.events |= POLLOUT;
	(void)poll(&p, 1, -1);
}

void
checker_flush(struct checker *c)
{
	mh_err err = MH_ERR_FULL;

	if (buf_len(c->answers) == 0)
		return;
	while ((err = channel_send(c->agent, MSG_ANSWERS, buf_data(c->answers),
		    buf_len(c->answers), NULL, 0)) == MH_ERR_FULL) {
		struct message m;

		/* Nothing but credits is due while an answer is on its way. */
		wait_for_agent(c);
		if (channel_receive(c->agent, &m) != MH_ERR_AGAIN)
			_exit(1);
	}
	if (err != MH_OK)
		_exit(0);
	buf_reset(c->answers);
}

void
checker_say(struct checker *c, const struct answer *answer)
{
	if (buf_room(c->answers) < ANSWER_BYTES_MAX)
		checker_flush(c);
	answer_encode(answer, c->answers);
}

void
checker_at(struct checker *c, size_t file)
{
	checker_say(c, &(struct answer){ .kind = ANSWER_AT,
			   .file = file < UINT32_MAX ? (uint32_t)file : UINT32_MAX });
	checker_flush(c);
}

void
checker_progress(struct checker *c, size_t done, size_t total)
{
	checker_say(c,
	    &(struct answer){ .kind = ANSWER_PROGRESS, .a = done, .b = total });
	checker_flush(c);
}

/* Read whole; empty where it is too large or cannot be read.  path is taken. */
static mh_err
read_text(int fd, size_t max, char *path, struct checked_text *ret)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(max);

	(void)lseek(fd, 0, SEEK_SET);
	mh_err err = fd_read_all(fd, b);

	if (err != MH_OK)
		buf_reset(b);
	ret->path = path;
	ret->text = (char *)buf_take(b, &ret->len);
	return err;
}

static bool
checker_on_rules(struct checker *c, struct message *m)
{
	MH_CLEANUP(fd_closep) int fd = message_take_fd(m, 0);
	struct check_file file;
	struct reader r;

	reader_init(&r, m->data, m->len);
	check_file_decode(&r, &file);
	if (!reader_is_done(&r) || fd < 0 || c->n_files == RULE_FILES_MAX) {
		check_file_clear(&file);
		return false;
	}
	c->files = xreallocarray(c->files, c->n_files + 1, sizeof(*c->files));
	struct checked_rules *rules = &c->files[c->n_files++];

	*rules = (struct checked_rules){ .name_space = file.name_space,
		.is_own = file.is_own };
	rules->fate = read_text(fd, RULE_FILE_BYTES_MAX, file.path, &rules->file);
	return true;
}

static void
add_text(struct checked_text **texts, size_t *n, struct checked_text text)
{
	*texts = xreallocarray(*texts, *n + 1, sizeof(**texts));
	(*texts)[(*n)++] = text;
}

static void
add_sample(struct checker *c, int fd, char *path)
{
	struct checked_text sample = { .path = NULL };

	if (c->sample_bytes >= CHECK_SAMPLES_BYTES_MAX ||
	    c->n_samples == CHECK_SAMPLES_MAX) {
		free(path);
		return;
	}
	/* One that cannot be read, or has grown, is none. */
	mh_ignore(
	    read_text(fd, CHECK_SAMPLES_BYTES_MAX - c->sample_bytes, path, &sample));
	free(sample.path);
	c->samples = xreallocarray(c->samples, c->n_samples + 1, sizeof(*c->samples));
	c->samples[c->n_samples++] =
	    (struct timing_sample){ (const uint8_t *)sample.text, sample.len };
	c->sample_bytes += sample.len;
}

static void
take_manifest(struct checked_rules *f, struct checked_text text, mh_err err)
{
	f->manifest = text;
	if (err != MH_OK)
		f->manifest_why = xasprintf("%s: %s", text.path,
		    err == MH_ERR_TOOBIG ? "larger than 1 MiB" : mh_strerror(err));
}

static bool
take_beside(struct checker *c, int fd, struct check_beside *beside)
{
	struct checked_text text = { .path = NULL };
	char *path = MH_TAKE(beside->path);
	bool is_rules = beside->kind == BESIDE_COMPARE || beside->kind == BESIDE_PREVIOUS;

	if (beside->kind == BESIDE_SAMPLE) {
		add_sample(c, fd, path);
		return true;
	}
	mh_err err = read_text(fd,
	    is_rules ? RULE_FILE_BYTES_MAX : CHECK_BESIDE_BYTES_MAX, path, &text);

	if (beside->kind == BESIDE_MANIFEST && beside->file < c->n_files &&
	    c->files[beside->file].manifest.path == NULL)
		take_manifest(&c->files[beside->file], text, err);
	else if (err != MH_OK)
		log_err_r(err, "check", "%s", path); /* what was asked for is missing */
	else if (beside->kind == BESIDE_RETIRED && c->retired.path == NULL)
		c->retired = text;
	else if (beside->kind == BESIDE_GOODWARE && c->goodware.path == NULL)
		c->goodware = text;
	else if (beside->kind == BESIDE_COMPARE)
		add_text(&c->compare, &c->n_compare, text);
	else if (beside->kind == BESIDE_PREVIOUS)
		add_text(&c->previous, &c->n_previous, text);
	else
		return false;
	return err == MH_OK || beside->kind == BESIDE_MANIFEST;
}

static bool
checker_on_beside(struct checker *c, struct message *m)
{
	MH_CLEANUP(fd_closep) int fd = message_take_fd(m, 0);
	struct check_beside beside;
	struct reader r;

	reader_init(&r, m->data, m->len);
	check_beside_decode(&r, &beside);
	bool is_good = reader_is_done(&r) && fd >= 0 && take_beside(c, fd, &beside);

	check_beside_clear(&beside);
	return is_good;
}

static void
read_manifests(struct checker *c)
{
	for (size_t i = 0; i < c->n_files; i++) {
		struct checked_rules *f = &c->files[i];

		checker_at(c, i);
		f->text = rule_text_read(f->file.text, f->file.len);
		if (f->manifest.path != NULL && f->manifest_why == NULL)
			mh_ignore(manifest_read(f->manifest.path, f->manifest.text,
			    f->manifest.len, &f->read, &f->manifest_why));
	}
	checker_at(c, SIZE_MAX);
}

static bool
checker_on_do(struct checker *c, const struct message *m)
{
	static void (*const verbs[CHECK_VERB_MAX_])(struct checker *) = {
		[CHECK_VERB_CHECK] = checker_lint,
		[CHECK_VERB_LIST] = NULL, /* all of it was said while compiling */
		[CHECK_VERB_EXPLAIN] = checker_explain,
		[CHECK_VERB_TEST] = checker_test,
		[CHECK_VERB_PROFILE] = checker_profile,
		[CHECK_VERB_FINGERPRINT] = checker_fingerprint,
	};
	struct reader r;

	reader_init(&r, m->data, m->len);
	check_request_decode(&r, &c->request);
	if (!reader_is_done(&r))
		return false;
	c->rules = ruleset_new();
	checker_compile(c);
	read_manifests(c);
	if (verbs[c->request.verb] != NULL)
		verbs[c->request.verb](c);
	checker_say(c, &(struct answer){ .kind = ANSWER_DONE,
			   .code = ruleset_rules(c->rules) != NULL,
			   .a = ruleset_n_rules(c->rules),
			   .text = (char *)(uintptr_t)("libyara " YR_VERSION) });
	checker_flush(c);
	return true;
}

static int
run(struct checker *c)
{
	struct message m;

	for (;;) {
		mh_err err = channel_receive(c->agent, &m);
		bool is_good = true;

		if (err == MH_ERR_AGAIN) {
			wait_for_agent(c);
			continue;
		}
		if (err != MH_OK)
			return err == MH_ERR_CLOSED ? 0 : 1;
		if (m.type == MSG_CHECK_RULES)
			is_good = checker_on_rules(c, &m);
		else if (m.type == MSG_CHECK_BESIDE)
			is_good = checker_on_beside(c, &m);
		else if (m.type == MSG_CHECK_DO)
			is_good = c->rules == NULL && checker_on_do(c, &m);
		message_close_fds(&m);
		if (!is_good)
			return 1;
	}
}

int
main(int argc, char **argv)
{
	const char *user = argc > 1 ? argv[1] : "molehunt-scan";
	uint64_t data_bytes = 0;
	bool has_landlock = false;
	static struct checker c;

	log_init("molehunt-check", LOG_LEVEL_NOTICE);
	if (sandbox_drop_privileges(user) != MH_OK) {
		log_err_r(MH_ERR_SYSTEM, "sandbox", "cannot drop privileges");
		return 1;
	}
	if (yr_initialize() != ERROR_SUCCESS) {
		log_err("check", "cannot start libyara");
		return 1;
	}
	c.agent = message_channel_new(CHILD_CHANNEL_FD, ROLE_CHECKER, ROLE_AGENT);
	c.answers = buf_new(CHANNEL_PAYLOAD_MAX);
	/* Both filters: what a worker may is less than what its zygote may. */
	if (sandbox_close_zygote(&has_landlock, &data_bytes) != MH_OK ||
	    sandbox_close_worker(data_bytes + CHECKER_DATA_BYTES) != MH_OK) {
		log_err_r(MH_ERR_SYSTEM, "sandbox",
		    "no seccomp on this kernel: no rule is looked at without");
		return 1;
	}
	/* As workers: what it holds goes with it. */
	_exit(run(&c));
}
