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
