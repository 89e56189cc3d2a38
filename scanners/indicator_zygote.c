/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote.
 * Input: hostile: files of indicators; messages come from the agent.
 */
#include "scanners/indicator_zygote.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "records/messages.h"
#include "scanners/sandbox.h"
#include "signatures/indicator_load.h"

enum { ANSWER_MAX = 4096, PIECE_BYTES = 256 * 1024 };

struct zygote_indicators {
	zygote_tell_fn *tell;
	void *ctx;
	int fd, reader; /* of the table; -1: there is none */
	struct indicator_set *set;
	EVP_MD_CTX *id; /* over the files that are used */
	uint32_t n_files;
	uint32_t n_exceptions;
	bool is_sealed;
};

struct zygote_indicators *
zygote_indicators_new(zygote_tell_fn *tell, void *ctx)
{
	struct zygote_indicators *z = xcalloc(1, sizeof(*z));

	z->tell = tell;
	z->ctx = ctx;
	z->fd = z->reader = -1;
	return z;
}

bool
zygote_indicators_on_table(struct zygote_indicators *z, struct message *m)
{
	if (z->set != NULL || m->n_fds != 2)
		return false;
	z->fd = message_take_fd(m, 0);
	z->reader = message_take_fd(m, 1);
	mh_err err = indicator_set_new(z->fd, z->reader, &z->set);

	if (err != MH_OK)
		log_err_r(err, "indicators", "their table");
	z->id = EVP_MD_CTX_new();
	assert(z->id != NULL);
	(void)EVP_DigestInit_ex(z->id, EVP_sha256(), NULL);
	return err == MH_OK;
}

static void
on_problem(void *ctx, uint32_t line, const char *why)
{
	struct zygote_indicators *z = ctx;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(ANSWER_MAX);

	buf_put_u32(b, line);
	buf_put_string(b, why);
	z->tell(z->ctx, MSG_INDICATOR_LINE, b);
}

/* What is scanned with is part of what names the rule set. */
static void
mix_in(struct zygote_indicators *z, const char *name_space, int fd)
{
	MH_CLEANUP(freep) uint8_t *piece = xcalloc(1, PIECE_BYTES);
	ssize_t n = 0;

	(void)lseek(fd, 0, SEEK_SET);
	(void)EVP_DigestUpdate(z->id, name_space, strlen(name_space) + 1);
	while ((n = read(fd, piece, PIECE_BYTES)) > 0)
		(void)EVP_DigestUpdate(z->id, piece, (size_t)n);
}

/*
 * A file that was written to while it was read may differ from what was read of it: the
 * id must not be that of its text, or what was compared with less would stay clean.
 */
static void
mix_in_changes(struct zygote_indicators *z, int fd, const struct stat *before)
{
	struct stat after = { .st_size = 0 };
	struct timespec now = { 0, 0 };

	(void)fstat(fd, &after);
	if (after.st_size == before->st_size &&
	    memcmp(&after.st_mtim, &before->st_mtim, sizeof(after.st_mtim)) == 0 &&
	    memcmp(&after.st_ctim, &before->st_ctim, sizeof(after.st_ctim)) == 0)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)EVP_DigestUpdate(z->id, &now, sizeof(now));
}

bool
zygote_indicators_on_file(struct zygote_indicators *z, struct message *m)
{
	MH_CLEANUP(fd_closep) int fd = message_take_fd(m, 0);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(ANSWER_MAX);
	struct indicator_file_result result;
	struct reader r;

	reader_init(&r, m->data, m->len);
	MH_CLEANUP(freep) char *name_space = reader_string(&r, NAMESPACE_MAX);
	MH_CLEANUP(freep) char *name = reader_string(&r, INDICATOR_FILE_NAME_MAX);
	uint8_t format = reader_u8(&r);

	if (!reader_is_done(&r) || fd < 0 || format >= FORMAT_MAX_ || z->set == NULL ||
	    z->is_sealed)
		return false;
	const struct load_request request = {
		.name_space = name_space,
		.file_name = name,
		.format = (enum indicator_format)format,
		.now_s = (int64_t)time(NULL),
	};

	struct stat before = { .st_size = 0 };

	(void)fstat(fd, &before);
	sandbox_limit_reader(true);
	/* That there are too many files is told in the result. */
	mh_ignore(indicator_load(z->set, &request, fd, on_problem, z, &result));
	sandbox_limit_reader(false);
	if (result.why == NULL) {
		z->n_files++;
		z->n_exceptions += result.n_exceptions;
		mix_in(z, name_space, fd);
		mix_in_changes(z, fd, &before);
	}
	indicator_file_result_encode(&result, b);
	indicator_file_result_clear(&result);
	z->tell(z->ctx, MSG_INDICATOR_FILE, b);
	return true;
}

void
zygote_indicators_add_rules(struct zygote_indicators *z, struct ruleset *rs)
{
	uint16_t n = z->set != NULL ? indicator_set_n_files(z->set) : 0;

	for (uint16_t i = 0; i < n; i++) {
		MH_CLEANUP(freep) char *text = indicator_set_rules(z->set, i);

		if (text == NULL)
			continue;
		mh_err err = ruleset_add(rs, indicator_set_name_space(z->set, i), text,
		    strlen(text));
		if (err != MH_OK)
			log_err_r(err, "indicators",
			    "%s: names of hosts are not compared",
			    indicator_set_name_space(z->set, i));
	}
}

/* The id of the rule set becomes one over it and what was read of indicators. */
static void
finish_id(struct zygote_indicators *z, uint8_t id[RULESET_ID_BYTES])
{
	uint8_t both[2 * RULESET_ID_BYTES];

	memcpy(both, id, RULESET_ID_BYTES);
	(void)EVP_DigestFinal_ex(z->id, both + RULESET_ID_BYTES, NULL);
	(void)EVP_Digest(both, sizeof(both), id, NULL, EVP_sha256(), NULL);
}

mh_err
zygote_indicators_seal(struct zygote_indicators *z, struct ruleset_facts *facts)
{
	mh_err err = MH_OK;

	if (z->set == NULL)
		return MH_OK;
	err = indicator_set_seal(z->set);
	if (err != MH_OK)
		return err;
	z->is_sealed = true;
	for (unsigned i = 1; i < INDICATOR_MAX_; i++)
		facts->n_indicators[i] = indicator_set_n(z->set, (enum indicator_type)i);
	facts->n_indicator_files = z->n_files;
	facts->n_exceptions = z->n_exceptions;
	facts->wants_names = indicator_set_has_names(z->set);
	facts->wants_processes =
	    facts->wants_names || facts->n_indicators[INDICATOR_ADDRESS] > 0;
	if (z->n_files > 0)
		finish_id(z, facts->id);
	/* It stays mapped for reading only. */
	(void)close(z->fd);
	(void)close(z->reader);
	z->fd = z->reader = -1;
	EVP_MD_CTX_free(z->id);
	z->id = NULL;
	return MH_OK;
}

struct indicator_set *
zygote_indicators_set(struct zygote_indicators *z)
{
	return z->is_sealed ? z->set : NULL;
}
