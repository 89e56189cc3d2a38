/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_OUTPUT_H
#define MH_COLLECTOR_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What people and programs read on standard output: aligned columns within 80,
 * or one JSON object per line.
 */

/* One column of a table: its title, and its width; 0: the rest of the line. */
struct column {
	const char *title;
	int width;
};

/* Print the titles, or one row of texts, which are escaped and cut to their columns. */
void table_head(const struct column *columns, int n);
void table_row(const struct column *columns, int n, const char *const *texts);

/* Print a line below another one, behind indent spaces; long ones are broken at 80. */
void print_below(const char *text, int indent);

/* "2026-11-23 16:00:00" in UTC, or "never" for 0; a buffer of its own per call of ret. */
enum { TIME_TEXT_LEN = 20 };
void time_text(int64_t real_ms, char ret[TIME_TEXT_LEN]);

/* The same for programs: RFC 3339, or null. */
json_t *time_json(int64_t real_ms);

/*
 * Keep what is printed from now on until OUTPUT_GATHERED bytes or the end of the
 * program: a list is then read from the store at once, however slowly a pager
 * takes it.  Once, before anything is printed.
 */
enum { OUTPUT_GATHERED = 8 * 1024 * 1024 };
void output_gather(void);

/* Print the object as one line and release it. */
void print_json(json_t *object);

/* The word for an OCSF severity_id: "high". */
const char *severity_name(int severity);
/* The severity_id of such a word; -1 when there is none. */
int severity_find(const char *name);

/* Escape sequences, "" when standard output is no terminal or NO_COLOR is set. */
const char *colour_of_severity(int severity);
const char *colour_end(void);

#endif
