/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_PACKS_H
#define MH_AGENT_PACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/indicator.h"

/*
 * Which rule files make up the rule set.
 *
 * A pack is a folder of .yar and .yara files, at any depth, or one such file, or a
 * ZIP of them, which a powerless process unpacks (scanners/pack_zip.h).
 * Below it, folders behind symbolic links are not entered: a loop would be.
 * The namespace of a file is PACK/FILE: the folder's name and the path below
 * it.  Files are in the order of their names, so that a rule set has one id.
 */
enum {
	PACK_DEPTH_MAX = 16, /* folders below a pack: no public pack is deeper than 6 */
	PACK_LICENSE_MAX = 200, /* bytes: "Detection Rule License (DRL) 1.1" */
};

struct pack_file {
	char *name_space;
	char *path;  /* of a file in a ZIP: "pack.zip!/dir/a.yar" */
	bool is_zip; /* a ZIP: its files follow once a scanner has unpacked it */
	int fd;      /* of a file in a ZIP: where its bytes are, borrowed; else -1 */
	uint64_t offset, len;
};

/* What a pack's LICENSE says in its first line, for rules that name none. */
struct pack_license {
	char *pack; /* the namespace's first part */
	char *text;
};

/* A file of indicators: agent/indicator_files.h. */
struct indicator_file {
	char *name_space;
	char *path;
	enum indicator_format format; /* FORMAT_UNKNOWN: to be recognised */
};

struct pack_list {
	struct pack_file *files; /* owned */
	size_t n;
	struct pack_license *licenses; /* owned */
	size_t n_licenses;
	struct indicator_file *indicators; /* owned */
	size_t n_indicators;
};

void pack_list_clear(struct pack_list *list);

/* Add one file, of which the strings are copied. */
struct pack_file *pack_list_add_file(struct pack_list *list, const char *name_space,
    const char *path);

/* Note the licence whose text begins so; the first one of a pack stays. */
void pack_list_add_license(struct pack_list *list, const char *pack, const char *text,
    size_t len);
/* The licence of the pack of a namespace, borrowed, or NULL. */
const char *pack_list_license(const struct pack_list *list, const char *name_space);

/*
 * Add the pack at path.  *ret_why is a new sentence on error, freed by the
 * caller, and list keeps what it had.
 * Errors: MH_ERR_SYSTEM (errno), MH_ERR_NOTFOUND (no rule file in it).
 */
mh_err pack_list_add(struct pack_list *list, const char *path, char **ret_why) MH_CHECKED;

/* Our own pack, for when none is named: as installed, or of the source tree; new. */
char *packs_default(void);

#endif
