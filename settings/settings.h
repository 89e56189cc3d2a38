/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SETTINGS_SETTINGS_H
#define MH_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Configuration: a YAML file read into a C struct by a table.
 *
 * One row of the table is one key: its dotted name, type, where in the struct
 * its value goes, default, range and help.  "limits.body" is the key body in
 * the section limits:
 *
 *	struct my_config {
 *		char *state;
 *		uint64_t body_max;
 *		struct setting_strings listen;
 *	};
 *	static const struct setting rows[] = {
 *		{ "state", SETTING_PATH, offsetof(struct my_config, state),
 *		    .required = true, .help = "Folder of all state." },
 *		{ "limits.body", SETTING_SIZE, offsetof(struct my_config, body_max), "1M",
 *		    .min = 1024, .max = 16 << 20, .help = "Largest body." },
 *		{ "listen", SETTING_STRINGS, offsetof(struct my_config, listen), "[::]:8443",
 *		    .max = 16, .help = "Addresses." },
 *	};
 *	static const struct settings_schema schema = { rows, MH_ARRAY_LEN(rows),
 *		sizeof(struct my_config) };
 *
 * What is not in the table is an error, and so are a value outside its range, a
 * key given twice, an alias, an anchor, a tag, or a second document.  Scalars
 * are typed by the table, so "no" is a string where a string is wanted.
 */
enum {
	SETTINGS_FILE_MAX = 1024 * 1024, /* bytes; a person wrote it */
	SETTINGS_STRING_MAX = 4096,      /* bytes of one value: a path fits (PATH_MAX) */
	SETTINGS_STRINGS_MAX = 4096,     /* items of one list, unless its row says less */
	SETTINGS_NAME_MAX = 128,         /* bytes of a dotted name */
	SETTINGS_TABLES_MAX = 256, /* mappings of one list, unless its row says less */
};

enum setting_type {     /* the field in the struct */
	SETTING_STRING, /* char *; min and max are bytes */
	SETTING_PATH,   /* char *; a relative one is resolved against the file's folder */
	SETTING_STRINGS,  /* struct setting_strings; min and max are items */
	SETTING_BOOL,     /* bool: true, false, yes, no, on, off */
	SETTING_SIZE,     /* uint64_t in bytes: 64K, 1MiB */
	SETTING_DURATION, /* uint64_t in milliseconds: 500ms, 10s, 5m, 24h, 30d */
	SETTING_INTEGER,  /* uint64_t */
	SETTING_ENUM,     /* int: the index in choices */
	SETTING_TABLES,   /* struct setting_tables; min and max are items */
	SETTING_MAX_
};

struct setting_strings {
	char **items; /* NULL when n is 0 */
	size_t n;
};

/* A list of mappings: items is an array of n structs, each as the row's table says. */
struct setting_tables {
	void *items; /* NULL when n is 0 */
	size_t n;
};

struct settings_schema;

/* One key that may stand in the file. */
struct setting {
	const char *name; /* dotted, at most SETTINGS_NAME_MAX */
	enum setting_type type;
	size_t offset; /* of the field in the struct */
	const char *
	    initial; /* default as in a file (strings: "a, b"; tables: [{...}]) or NULL */
	uint64_t min, max; /* the range, inclusive; max 0: the type's own limit */
	const char *const *choices;          /* SETTING_ENUM: NULL-terminated */
	bool required;                       /* must stand in the file */
	const char *help;                    /* one sentence */
	const struct settings_schema *table; /* SETTING_TABLES: names without dots */
	/* For strings, paths and lists of strings: NULL if the text is good, else why not,
	 * a new string that completes "NAME is TEXT: "; its place is added. */
	char *(*check)(const char *text);
};

/* A value that does not go with others: where it stands, and why. */
struct settings_problem {
	const char *name;   /* of the row */
	size_t item;        /* SETTING_TABLES: which one */
	const char *column; /* SETTING_TABLES: the name in it, or NULL for the item */
	char *why;          /* new; NULL when all is well */
};

struct settings_schema {
	const struct setting *rows;
	size_t n;
	size_t bytes; /* sizeof the struct */
	/* Called once all values are there, at the top only; NULL: none. */
	void (*check)(const void *values, struct settings_problem *ret);
};

/*
 * Read the file at path into *ret (a struct of schema->bytes), whose old content
 * is not looked at.  Free the values with settings_clear().
 *
 * Errors: MH_ERR_INVALID (content), MH_ERR_NOTFOUND, MH_ERR_SYSTEM, MH_ERR_TOOBIG.
 * In each case *ret_why is a new string for people, freed by the caller:
 * "file:line:column: what is wrong and what is allowed", and *ret is untouched.
 */
mh_err settings_load(const struct settings_schema *schema, const char *path, void *ret,
    char **ret_why) MH_CHECKED;

/* As above from len bytes in memory; name stands for the file in messages and
 * its folder is that of relative paths. */
mh_err settings_parse(const struct settings_schema *schema, const char *name,
    const void *text, size_t len, void *ret, char **ret_why) MH_CHECKED;

/* A file that lies over values that are there already. */
struct settings_layer {
	const void *base; /* what the file does not say is copied from here: a struct
	                     of the schema, with all but the required rows */
	bool (*may_set)(const struct setting *row); /* of the top */
	const char *refusal; /* why not, behind the place and the name */
};

/* As settings_parse(), but over a layer, which is borrowed. */
mh_err settings_parse_over(const struct settings_schema *schema, const char *name,
    const void *text, size_t len, const struct settings_layer *layer, void *ret,
    char **ret_why) MH_CHECKED;

/* A copy of all values, for settings_clear(); what ret was is not looked at. */
void settings_copy(const struct settings_schema *schema, const void *values, void *ret);

/* Free what the values hold and zero the struct. */
void settings_clear(const struct settings_schema *schema, void *values);

/*
 * Append the values as a YAML file that reads back to the same, each key with
 * its help, allowed range and default as comments.  With values NULL, the
 * defaults, keys commented out: what a new installation gets.
 */
void settings_print(const struct settings_schema *schema, const void *values,
    struct buf *out);

#endif
