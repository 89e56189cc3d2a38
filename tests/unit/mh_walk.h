/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_WALK_H
#define MH_TESTS_UNIT_MH_WALK_H

#include "agent/walk.h"
#include "tests/unit/mh_test.h"

/* A folder, a walk of it, and what the walk handed out. */
enum { TARGETS_MAX = 64 };

struct ground {
	char *folder;
	struct walk_request request;
	char *roots[2];
	struct clean_table *clean; /* NULL for none; owned */
	char *excludes[1];
	/* What the walk handed out; paths are below folder, without its name. */
	char *targets[TARGETS_MAX];
	unsigned n_targets, n_counted, n_unchanged, n_folders;
	char *names[TARGETS_MAX]; /* that were told without being opened */
	unsigned n_names;
	char *missed; /* the last path that was missed, or NULL */
	enum reason missed_reason;
	unsigned n_missed, passed[REASON_MAX_];
	uint64_t n_bytes;
	/* What happens to a path right before it is opened. */
	void (*meanwhile)(struct ground *g, const char *path);
};

/* For cmocka; a chain of folders called "deep" may be in the way of the teardown. */
int walk_setup(void **state);
int walk_teardown(void **state);

/* Forget what an earlier walk handed out and walk. */
void walk(struct ground *g);

/* In the folder of g. */
void make_file(struct ground *g, const char *name, const char *text);
void make_folder(struct ground *g, const char *name);

/* Exactly these came, in this order. */
void assert_targets(const struct ground *g, const char *const *names, unsigned n);

#define with_ground(f) cmocka_unit_test_setup_teardown(f, walk_setup, walk_teardown)

#endif
