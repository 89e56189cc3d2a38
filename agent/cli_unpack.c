/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: the caller's process.
 * Input: messages from the one who unpacks.
 */
#include "agent/cli_unpack.h"

#include <signal.h>
#include <stdlib.h>

#include "agent/cli_children.h"
#include "agent/scan.h"
#include "base/memory.h"

struct unpacker {
	struct cli_unpacked *result;
	struct children children;
	struct scanner *scanner;
	bool is_failed;
};

static mh_err
start_child(void *ctx, enum role role, unsigned instance)
{
	struct unpacker *u = ctx;
	mh_err err = cli_start_child("rules", &u->children, u->scanner, role, instance);

	u->is_failed = u->is_failed || err != MH_OK;
	return err;
}

static void
stop_child(void *ctx, enum role role, unsigned instance)
{
	struct unpacker *u = ctx;

	children_kill(&u->children, role, instance, SIGKILL);
}

static void
keep(struct unpacker *u, const struct pack_file *file, const char *why)
{
	struct cli_unpacked *r = u->result;
	struct pack_file *mine =
	    pack_list_add_file(&r->files, file->name_space, file->path);

	mine->fd = file->fd;
	mine->offset = file->offset;
	mine->len = file->len;
	r->whys = xreallocarray(r->whys, r->files.n, sizeof(*r->whys));
	r->whys[r->files.n - 1] = why != NULL ? xstrdup(why) : NULL;
}

static void
on_pack_file(void *ctx, const struct pack_file *file)
{
	keep(ctx, file, NULL);
}

static void
on_rule_problem(void *ctx, const struct pack_file *file, unsigned line, const char *why)
{
	(void)line;
	keep(ctx, file, why);
}

/* Rules are not loaded: who asked for this has it done elsewhere. */
static void
on_ready(void *ctx, const struct ruleset_facts *facts, const char *why)
{
	(void)ctx;
	(void)facts;
	(void)why;
}

mh_err
cli_unpack(const struct pack_list *packs, struct cli_unpacked *ret)
{
	static const struct scanner_ops ops = {
		.start = start_child,
		.stop = stop_child,
		.on_rule_problem = on_rule_problem,
		.on_pack_file = on_pack_file,
		.on_ready = on_ready,
	};
	struct scanner_options options = { .n_workers = 1, .open_ms = SCAN_OPEN_MS };
	struct unpacker *u = xcalloc(1, sizeof(*u));
	struct pack_list zips = { .files = NULL };

	*ret = (struct cli_unpacked){ .keeper = u };
	u->result = ret;
	for (size_t i = 0; i < packs->n; i++) {
		const struct pack_file *file = &packs->files[i];

		if (file->is_zip)
			pack_list_add_file(&zips, file->name_space, file->path)->is_zip =
			    true;
	}
	if (zips.n == 0)
		return MH_OK;
	scan_setup_init(&options.setup);
	children_init(&u->children);
	u->scanner = scanner_new(&options, &zips, &ops, u, 0);
	pack_list_clear(&zips);
	if (scanner_load(u->scanner) != MH_OK)
		u->is_failed = true;
	while (!u->is_failed && scanner_is_unpacking(u->scanner)) {
		scanner_step(u->scanner, SCAN_TICK_MS);
		cli_reap_children(&u->children, u->scanner);
	}
	children_disown(&u->children);
	children_clear(&u->children);
	return u->is_failed ? MH_ERR_SYSTEM : MH_OK;
}

void
cli_unpacked_clear(struct cli_unpacked *u)
{
	for (size_t i = 0; i < u->files.n; i++)
		free(u->whys[i]);
	free(u->whys);
	pack_list_clear(&u->files);
	if (u->keeper != NULL)
		scanner_free(u->keeper->scanner);
	free(u->keeper);
	*u = (struct cli_unpacked){ .whys = NULL };
}
