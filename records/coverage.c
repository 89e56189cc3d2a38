/* SPDX-License-Identifier: BSD-2-Clause */
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
coverage_add_scanned(struct coverage *c, uint64_t bytes, uint64_t n_findings)
{
	c->n_scanned++;
	c->bytes += bytes;
	c->n_findings += n_findings;
	if (n_findings > 0)
		c->n_found++;
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
