/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_VERDICT_H
#define MH_RECORDS_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/indicator.h"
#include "records/limits.h"
#include "records/reason.h"

/*
 * A scan worker's answer for one target: how much of it was scanned and, where
 * a rule matched, the matches, which travel before it (MSG_FOUND).
 */
struct verdict {
	uint64_t target;    /* its id */
	enum reason reason; /* REASON_NONE: scanned wholly */
	bool partly;        /* scanned in part; only with a reason */
	uint32_t n_matches; /* rules that matched */
	uint32_t n_notes; /* parts that were not scanned, told before (records/note.h) */
	uint32_t n_clues; /* told before (records/clue.h) */
	uint32_t n_members; /* members of archives that were scanned */
	uint64_t bytes_scanned;
	uint32_t micros;                    /* time it took, microseconds */
	bool has_sha256, has_sha1, has_md5; /* of the whole content */
	uint8_t sha256[32];
	uint8_t sha1[20];
	uint8_t md5[16];
	char filetype[16]; /* from its first bytes: "ELF", "EXE", ... or "" */
	char *detail;      /* a sentence, or NULL; owned */
	/*
	 * Of a file in which something was found: where it was loaded from, as the
	 * program that saved it wrote it down.  Bytes that anybody may have put
	 * there.  NULL: not told; owned.
	 */
	char *origin_url;
	char *origin_referrer; /* the page with the link */
};

void verdict_clear(struct verdict *v);
void verdict_encode(const struct verdict *v, struct buf *b);
void verdict_decode(struct reader *r, struct verdict *ret);

/* One place where a string of a rule was found. */
struct match_string {
	char *name;      /* "$a1" */
	uint64_t offset; /* bytes from the start of the file; in memory the address */
	uint32_t length; /* bytes that matched */
	uint32_t n_data; /* bytes kept in data */
	uint8_t *data;   /* the bytes, or their SHA-256 when is_hash */
	bool is_hash;

	/* In memory: what stood around it, a moment later. */
	bool is_changed;   /* the match itself was other bytes by then */
	uint32_t n_around; /* bytes kept in around */
	uint32_t n_before; /* of these, before offset */
	uint8_t *around;
};

/* A line of proc(5)'s maps in which something was found. */
struct match_region {
	uint64_t start, end; /* addresses */
	uint64_t offset;     /* of start in what is mapped */
	char perms[5];       /* "rw-p" */
	char *path;          /* what is mapped, "[heap]", or "" for anonymous memory */
};

/* What the rule was run over: the target itself, or a part of it. */
enum match_part {
	PART_WHOLE,  /* the file, or the memory of the process */
	PART_MEMBER, /* a member of an archive: part_name */
	PART_IMAGE,  /* a program in memory, rebuilt as a file: base, size */
	PART_MAX_
};

enum match_meta_kind { META_TEXT = 1, META_NUMBER, META_TRUTH };

struct match_meta {
	char *name;
	enum match_meta_kind kind;
	char *text;     /* META_TEXT */
	int64_t number; /* META_NUMBER, META_TRUTH (0 or 1) */
};

/* One rule, or indicator, that matched one target.  Everything is owned. */
struct match {
	uint64_t target;
	enum indicator_type indicator; /* INDICATOR_NONE: a rule's */
	char *rule;
	char *name_space; /* "pack/file" */
	char **tags;
	uint32_t n_tags;
	struct match_meta *metas;
	uint32_t n_metas;
	struct match_string *strings;
	uint32_t n_strings; /* kept */
	uint64_t n_found;   /* places found, kept or not */
	enum match_part part;
	char *part_name;                 /* "!/dir/inner.tar.gz!/x.so", or "" */
	uint64_t image_base, image_size; /* address, bytes; size: of a member, too */
	bool has_part_sha256;
	uint8_t part_sha256[32];      /* of the member's or image's content */
	struct match_region *regions; /* in memory: of the strings that are kept */
	uint32_t n_regions;
};

/* Frees m and what it owns; accepts NULL. */
void match_free(struct match *m);
MH_DEFINE_CLEANUP(struct match, match_free);

/* Encodes at most MATCH_RECORD_MAX bytes: strings that do not fit are only counted. */
void match_encode(const struct match *m, struct buf *b);
/* A new match; NULL when r holds none (r has failed then). */
struct match *match_decode(struct reader *r);

/* The meta line called name, borrowed, or NULL. */
const struct match_meta *match_find_meta(const struct match *m, const char *name);
/* Its text, or NULL when there is none or it is not text. */
const char *match_meta_text(const struct match *m, const char *name);

#endif
