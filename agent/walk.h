/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_WALK_H
#define MH_AGENT_WALK_H

#include "agent/clean_table.h"
#include "base/error.h"
#include "records/target.h"
#include "records/walk.h"

/*
 * Walks file trees and opens what is to be scanned.
 *
 * Names are taken one folder at a time, by descriptors (openat2(2)): paths
 * longer than PATH_MAX, folders moved under its feet and symbolic links put in
 * place of folders do not lead it astray.  Devices, fifos and sockets are told
 * by the type in the folder's entry and never opened; where a name changes its
 * type in between, O_NONBLOCK and O_NOFOLLOW bound what can happen and fstat(2)
 * has the last word.  Access times stay as they are where the kernel permits.
 *
 * Blocks as long as the file system does: runs in the opener.
 */
enum {
	/* Names of one folder that are held at once, for sorting: 40 bytes each on average. */
	WALK_NAMES_MAX = 8 * 1000 * 1000,
	WALK_NAMES_BYTES_MAX = 512 * 1024 * 1024,
	/* Folders above the current one that are kept open; others are found again by "..". */
	WALK_OPEN_MAX = 64,
	/* Files with several names that are remembered; beyond, they are scanned per name. */
	WALK_LINKS_MAX = 1 << 20,
};

/* Where a walk hands out what it finds; ctx is walk_run()'s. */
struct walk_sink {
	/* fd is taken.  The paths are borrowed. */
	void (*on_target)(void *ctx, const struct target *t, int fd);
	/* Where request.wants_names: a name that is not opened, TARGET_NAME. */
	void (*on_name)(void *ctx, const struct target *t);
	/* Something that should have been scanned was not; detail may be NULL. */
	void (*on_missed)(void *ctx, enum reason reason, const char *path,
	    const char *detail);
	/* Something without a name in the records was passed over. */
	void (*on_passed)(void *ctx, enum reason reason);
	/* Before every call that may hang; path is what is opened next. */
	void (*before_open)(void *ctx, const char *path);
	/* A folder, or a regular file where files are only counted. */
	void (*on_folder)(void *ctx, const char *path);
	void (*on_counted)(void *ctx);
	/* A file that the table knows as clean was passed over. */
	void (*on_unchanged)(void *ctx, const char *path);
};

/*
 * Do what request asks, in full.  Never fails as a whole: all is told to sink.
 * What clean, which may be NULL, knows is passed over without opening it, except
 * a root: who names a file wants it read.
 */
void walk_run(const struct walk_request *request, const struct clean_table *clean,
    const struct walk_sink *sink, void *ctx);

#endif
