/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_LOAD_IMPL_H
#define MH_SIGNATURES_INDICATOR_LOAD_IMPL_H

#include "signatures/indicator_load.h"

/* Inside of signatures/indicator_load.h: what the readers of formats share. */

/* What is read in pieces: a file, or text that is all there. */
struct source {
	int fd;           /* -1: text */
	const char *text; /* the piece that is there */
	size_t len, at;
	bool is_ended, has_failed;
	char *buffer; /* of a file; owned */
};

struct loader {
	struct indicator_set *set;
	struct indicator_file_result *result;
	uint16_t file;
	int64_t now_s;
	load_problem_fn *on_problem;
	void *ctx;
};

/* What a value is said to be. */
enum value_kind {
	VALUE_ANY, /* a hash, an address, a URL, a name of a host, a path: by its looks */
	VALUE_HASH,
	VALUE_EXCEPT_HASH,
	VALUE_REGEX,
	VALUE_FILE, /* a name, or a path, of a file, as it is */
	VALUE_EXCEPT_PATH,
	VALUE_C2,   /* an address, a URL, a name of a host */
	VALUE_NO_IP /* the same, where an address is none: a name of a host */
};

/* One indicator, as its file has it.  Borrowed; NULL for what is not there. */
struct value {
	enum value_kind kind;
	const char *text;
	const char *except;
	const char *comment, *id, *event, *reference;
	int score; /* less than 0: none */
	uint32_t line;
	bool is_caseless;
};

/* Use it, or say why not. */
void loader_add(struct loader *l, const struct value *v);
/* The ways of a tree, under the facts of v, whose text names it. */
void loader_add_tree(struct loader *l, const struct node *root, const struct value *v);
/* Tell a line as left out; why is taken. */
void loader_leave_out(struct loader *l, uint32_t line, char *why);
/* The file as a whole is left out; why is taken. */
void loader_fail(struct loader *l, char *why);

/* Whether text looks like a value of VALUE_ANY. */
bool value_is_known(const char *text);
/* "85": 0..100, larger ones are 100; -1 when it is none. */
int score_parse(const char *text);
/* Cut blanks off both ends, in place. */
char *trim(char *text);

/*
 * The next line without its end, NUL-terminated, of at most INDICATOR_LINE_MAX bytes;
 * false at the end.  *ret_why is set when the line is none: too long, or not text.
 */
struct line {
	char text[16 * 1024 + 1];
	size_t len;
};
bool source_line(struct source *s, struct line *ret, const char **ret_why);

/* The readers, by format. */
void read_lists(struct loader *l, struct source *s, enum indicator_format format);
void read_csv(struct loader *l, struct source *s, enum indicator_format format);
void read_json(struct loader *l, const char *text, size_t len,
    enum indicator_format format);
void read_openioc(struct loader *l, const char *text, size_t len);

/* Behind read_json(): a tree of jansson's. */
struct json_t;
void read_misp(struct loader *l, const struct json_t *root);
void read_stix(struct loader *l, const struct json_t *root);
/* One attribute of MISP's, whatever brought it: its type, and v without a kind. */
void read_misp_attribute(struct loader *l, const char *type, struct value *v);

/* A pattern of STIX as a tree, new; NULL with a reason, new. */
struct node *stix_pattern_parse(const char *pattern, char **ret_why);

#endif
