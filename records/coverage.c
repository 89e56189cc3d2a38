/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: what was kept on disk. */
#include "records/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void
coverage_clear(struct coverage *c)
{
	for (size_t i = 0; i < c->n_paths; i++) {
		free(c->paths[i].path);
		free(c->paths[i].detail);
	}
	free(c->paths);
	memset(c, 0, sizeof(*c));
}

void
coverage_add_found(struct coverage *c, uint64_t n_findings)
{
	c->n_findings += n_findings;
	c->n_found++;
}

void
coverage_add_scanned(struct coverage *c, uint64_t bytes, uint64_t n_findings)
{
	c->n_scanned++;
	c->bytes += bytes;
	if (n_findings > 0)
		coverage_add_found(c, n_findings);
}

static void
keep_path(struct coverage *c, enum reason reason, bool partly, const char *path,
    const char *detail)
{
	if (c->n_paths == COVERAGE_PATHS_MAX)
		return;
	if (c->n_paths == c->cap_paths) {
		c->cap_paths = c->cap_paths > 0 ? c->cap_paths * 2 : 16;
		c->paths = xreallocarray(c->paths, c->cap_paths, sizeof(*c->paths));
	}
	struct coverage_path *p = &c->paths[c->n_paths++];

	p->path = xstrdup(path);
	p->reason = reason;
	p->partly = partly;
	p->detail = detail != NULL && detail[0] != 0 ? xstrdup(detail) : NULL;
}

void
coverage_add_missed(struct coverage *c, enum reason reason, bool partly, const char *path,
    const char *detail)
{
	coverage_add_count(c, reason, 1);
	if (partly)
		c->n_partly++;
	if (reason_is_missed(reason))
		keep_path(c, reason, partly, path, detail);
}

void
coverage_add_parts(struct coverage *c, enum reason reason, uint64_t n, const char *path,
    const char *detail)
{
	coverage_add_count(c, reason, n);
	if (reason_is_missed(reason))
		keep_path(c, reason, true, path, detail);
}

void
coverage_add_count(struct coverage *c, enum reason reason, uint64_t n)
{
	c->by_reason[reason] += n;
	if (reason_is_missed(reason))
		c->n_missed += n;
}

void
coverage_add(struct coverage *c, const struct coverage *more)
{
	c->n_scanned += more->n_scanned;
	c->n_partly += more->n_partly;
	c->n_found += more->n_found;
	c->n_findings += more->n_findings;
	c->n_weak += more->n_weak;
	c->bytes += more->bytes;
	c->n_processes += more->n_processes;
	c->n_members += more->n_members;
	for (size_t i = 0; i < REASON_MAX_; i++)
		c->by_reason[i] += more->by_reason[i];
	c->n_missed += more->n_missed;
	for (size_t i = 0; i < more->n_paths; i++) {
		const struct coverage_path *p = &more->paths[i];

		keep_path(c, p->reason, p->partly, p->path, p->detail);
	}
}

void
coverage_merge(struct coverage *c, struct coverage *more)
{
	coverage_add(c, more);
	coverage_clear(more);
}

/* A path in the encoding: this mark before each, or the end. */
enum { MARK_END, MARK_PATH };

enum { REASON_NAME_MAX = 64, PATH_OVERHEAD = 1 + 4 + 4 + 1 + 4 + 1 };

static void
encode_paths(const struct coverage *c, struct buf *b)
{
	for (size_t i = 0; i < c->n_paths; i++) {
		const struct coverage_path *p = &c->paths[i];
		const char *detail = p->detail != NULL ? p->detail : "";

		if (buf_room(b) < PATH_OVERHEAD + strlen(p->path) + strlen(detail) +
				      strlen(reason_name(p->reason)))
			break;
		buf_put_u8(b, MARK_PATH);
		buf_put_string(b, p->path);
		buf_put_string(b, reason_name(p->reason));
		buf_put_u8(b, p->partly);
		buf_put_string(b, detail);
	}
	buf_put_u8(b, MARK_END);
}

void
coverage_encode(const struct coverage *c, struct buf *b)
{
	const uint64_t counts[] = { c->n_scanned, c->n_partly, c->n_found, c->n_findings,
		c->n_weak, c->bytes, c->n_processes, c->n_members, c->n_missed };
	uint32_t n = 0;

	for (size_t i = 0; i < MH_ARRAY_LEN(counts); i++)
		buf_put_u64(b, counts[i]);
	for (unsigned i = 0; i < REASON_MAX_; i++)
		n += c->by_reason[i] > 0;
	buf_put_u32(b, n);
	for (unsigned i = 0; i < REASON_MAX_; i++) {
		if (c->by_reason[i] == 0)
			continue;
		buf_put_string(b, reason_name((enum reason)i));
		buf_put_u64(b, c->by_reason[i]);
	}
	encode_paths(c, b);
}

static enum reason
decode_reason(struct reader *r)
{
	MH_CLEANUP(freep) char *name = reader_string(r, REASON_NAME_MAX);

	for (unsigned i = 0; i < REASON_MAX_; i++) {
		if (strcmp(name, reason_name((enum reason)i)) == 0)
			return (enum reason)i;
	}
	r->failed = true;
	return REASON_NONE;
}

static void
decode_paths(struct reader *r, struct coverage *c)
{
	uint8_t mark = MARK_END;

	while ((mark = reader_u8(r)) == MARK_PATH && reader_is_ok(r)) {
		MH_CLEANUP(freep) char *path = reader_string(r, PATH_BYTES_MAX);
		enum reason reason = decode_reason(r);
		bool partly = reader_u8(r) != 0;
		MH_CLEANUP(freep) char *detail = reader_string(r, DETAIL_BYTES_MAX);

		if (c->n_paths == COVERAGE_PATHS_MAX)
			r->failed = true;
		if (reader_is_ok(r))
			keep_path(c, reason, partly, path, detail);
	}
	if (mark != MARK_END)
		r->failed = true;
}

void
coverage_decode(struct reader *r, struct coverage *ret)
{
	uint64_t *const counts[] = { &ret->n_scanned, &ret->n_partly, &ret->n_found,
		&ret->n_findings, &ret->n_weak, &ret->bytes, &ret->n_processes,
		&ret->n_members, &ret->n_missed };

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < MH_ARRAY_LEN(counts); i++)
		*counts[i] = reader_u64(r);
	uint32_t n = reader_count(r, REASON_MAX_);

	for (uint32_t i = 0; i < n; i++) {
		enum reason reason = decode_reason(r);

		ret->by_reason[reason] = reader_u64(r);
	}
	decode_paths(r, ret);
}
