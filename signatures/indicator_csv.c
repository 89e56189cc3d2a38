/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables with commas (RFC 4180): plain ones, and MISP's export.
 *
 * Runs in: zygote.
 * Input: hostile.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_load_impl.h"

enum { COLUMNS_MAX = 64 };

/* What a column is. */
enum column {
	COLUMN_OTHER,
	COLUMN_VALUE, /* of any kind */
	COLUMN_HASH,
	COLUMN_FILE,
	COLUMN_C2,
	COLUMN_SCORE,
	COLUMN_COMMENT,
	COLUMN_REFERENCE,
	COLUMN_ID,
	COLUMN_EVENT,  /* MISP */
	COLUMN_TYPE,   /* MISP */
	COLUMN_TO_IDS, /* MISP */
};

static const struct {
	const char *name;
	enum column column;
} column_names[] = {
	{ "value", COLUMN_VALUE },
	{ "indicator", COLUMN_VALUE },
	{ "indicator_value", COLUMN_VALUE },
	{ "ioc", COLUMN_VALUE },
	{ "ioc_value", COLUMN_VALUE },
	{ "observable", COLUMN_VALUE },
	{ "hash", COLUMN_HASH },
	{ "md5", COLUMN_HASH },
	{ "md5_hash", COLUMN_HASH },
	{ "sha1", COLUMN_HASH },
	{ "sha-1", COLUMN_HASH },
	{ "sha1_hash", COLUMN_HASH },
	{ "sha256", COLUMN_HASH },
	{ "sha-256", COLUMN_HASH },
	{ "sha256_hash", COLUMN_HASH },
	{ "path", COLUMN_FILE },
	{ "file_path", COLUMN_FILE },
	{ "full_path", COLUMN_FILE },
	{ "ip", COLUMN_C2 },
	{ "address", COLUMN_C2 },
	{ "domain", COLUMN_C2 },
	{ "host", COLUMN_C2 },
	{ "hostname", COLUMN_C2 },
	{ "fqdn", COLUMN_C2 },
	{ "url", COLUMN_C2 },
	{ "score", COLUMN_SCORE },
	{ "comment", COLUMN_COMMENT },
	{ "description", COLUMN_COMMENT },
	{ "note", COLUMN_COMMENT },
	{ "malware", COLUMN_COMMENT },
	{ "family", COLUMN_COMMENT },
	{ "signature", COLUMN_COMMENT },
	{ "reference", COLUMN_REFERENCE },
	{ "source", COLUMN_REFERENCE },
	{ "uuid", COLUMN_ID },
	{ "id", COLUMN_ID },
	{ "event_id", COLUMN_EVENT },
	{ "type", COLUMN_TYPE },
	{ "to_ids", COLUMN_TO_IDS },
};

struct table {
	enum column columns[COLUMNS_MAX];
	size_t n_columns;
	bool has_header;
};

/* A table that is being read. */
struct csv_reader {
	struct loader *loader;
	enum indicator_format format;
	struct table table;
	bool is_begun; /* its first record was read */
};

/* The fields of a record, in place; 0 when a quote is not closed. */
static size_t
split(char *text, char **fields)
{
	size_t n = 0;
	char *p = text;

	for (;;) {
		char *out = p;

		fields[n++] = out;
		if (*p == '"') {
			for (p++; *p != 0; p++) {
				if (*p == '"' && p[1] != '"')
					break;
				p += *p == '"';
				*out++ = *p;
			}
			if (*p == 0)
				return 0;
			p++;
		}
		while (*p != 0 && *p != ',')
			*out++ = *p++;
		bool is_last = *p == 0;

		*out = 0;
		if (is_last || n == COLUMNS_MAX)
			return n;
		p++;
	}
}

/*
 * Whether a quoted field goes on in the next line.  As in split(), a quote begins a
 * field or is a character of it: a comment says 3.5" of a disk.
 */
static bool
is_open(const char *text)
{
	bool is_quoted = false;
	bool is_start = true; /* of a field */

	text += strspn(text, " \t");
	if (*text == '#')
		return false;
	for (const char *p = text; *p != 0; p++) {
		if (is_quoted && *p == '"' && p[1] == '"')
			p++;
		else if (*p == '"' && (is_quoted || is_start))
			is_quoted = !is_quoted;
		is_start = !is_quoted && *p == ',';
	}
	return is_quoted;
}

/*
 * Lines behind record, with their ends between them, until its quoted field is closed.
 * *n_lines counts all that were read.  False when it is not closed: then the line that
 * did not fit is in more, with what is wrong with it, unless the file ended.
 */
static bool
complete(struct source *s, struct line *record, struct line *more, uint32_t *n_lines,
    const char **ret_why)
{
	more->len = 0;
	*ret_why = NULL;
	while (is_open(record->text)) {
		if (!source_line(s, more, ret_why))
			return false;
		++*n_lines;
		if (*ret_why != NULL || record->len + more->len + 1 > INDICATOR_LINE_MAX)
			return false;
		record->text[record->len++] = '\n';
		memcpy(record->text + record->len, more->text, more->len + 1);
		record->len += more->len;
	}
	return true;
}

static enum column
column_of(const char *name)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(column_names); i++) {
		if (strcasecmp(name, column_names[i].name) == 0)
			return column_names[i].column;
	}
	return COLUMN_OTHER;
}

/* Whether the record names columns: one of them has values. */
static bool
take_header(struct table *t, char **fields, size_t n)
{
	bool has_values = false;

	for (size_t i = 0; i < n; i++) {
		t->columns[i] = column_of(trim(fields[i]));
		has_values = has_values || (t->columns[i] >= COLUMN_VALUE &&
					       t->columns[i] <= COLUMN_C2);
	}
	t->n_columns = n;
	t->has_header = has_values;
	return has_values;
}

/* The columns of a table without a header: the first value; then a score, a comment. */
static void
guess_columns(struct table *t, char **fields, size_t n)
{
	bool has_value = false;

	for (size_t i = 0; i < n; i++) {
		const char *text = trim(fields[i]);

		t->columns[i] = COLUMN_OTHER;
		if (!has_value && value_is_known(text)) {
			t->columns[i] = COLUMN_VALUE;
			has_value = true;
		} else if (has_value && score_parse(text) >= 0 && strlen(text) <= 3) {
			t->columns[i] = COLUMN_SCORE;
		} else if (has_value && text[0] != 0) {
			t->columns[i] = COLUMN_COMMENT;
			n = i + 1;
		}
	}
	t->n_columns = n;
}

/* The first field that is not empty of a column of that kind; NULL when there is none. */
static const char *
field_of(const struct table *t, char **fields, size_t n, enum column column)
{
	for (size_t i = 0; i < n && i < t->n_columns; i++) {
		const char *text = t->columns[i] == column ? trim(fields[i]) : "";

		if (text[0] != 0)
			return text;
	}
	return NULL;
}

static void
fill_facts(const struct table *t, char **fields, size_t n, struct value *v)
{
	const char *score = field_of(t, fields, n, COLUMN_SCORE);

	v->comment = field_of(t, fields, n, COLUMN_COMMENT);
	v->reference = field_of(t, fields, n, COLUMN_REFERENCE);
	v->id = field_of(t, fields, n, COLUMN_ID);
	v->event = field_of(t, fields, n, COLUMN_EVENT);
	v->score = score != NULL ? score_parse(score) : -1;
}

static void
read_plain(struct loader *l, const struct table *t, char **fields, size_t n,
    uint32_t number)
{
	static const enum value_kind kinds[] = { [COLUMN_VALUE] = VALUE_ANY,
		[COLUMN_HASH] = VALUE_HASH,
		[COLUMN_FILE] = VALUE_FILE,
		[COLUMN_C2] = VALUE_C2 };
	struct value v = { .line = number };
	bool has_value = false;

	fill_facts(t, fields, n, &v);
	for (size_t i = 0; i < n && i < t->n_columns; i++) {
		if (t->columns[i] < COLUMN_VALUE || t->columns[i] > COLUMN_C2)
			continue;
		v.text = trim(fields[i]);
		if (v.text[0] == 0)
			continue;
		has_value = true;
		v.kind = kinds[t->columns[i]];
		loader_add(l, &v);
	}
	if (!has_value)
		loader_leave_out(l, number, xstrdup("no value in this line"));
}

static void
read_misp_record(struct loader *l, const struct table *t, char **fields, size_t n,
    uint32_t number)
{
	struct value v = { .line = number };
	const char *type = field_of(t, fields, n, COLUMN_TYPE);
	const char *to_ids = field_of(t, fields, n, COLUMN_TO_IDS);

	v.text = field_of(t, fields, n, COLUMN_VALUE);
	if (v.text == NULL || type == NULL || to_ids == NULL) {
		loader_leave_out(l, number,
		    xstrdup("a type, a value or to_ids is missing in this line"));
		return;
	}
	if (strcmp(to_ids, "1") != 0 && strcasecmp(to_ids, "true") != 0) {
		l->result->n_not_for_detection++;
		return;
	}
	fill_facts(t, fields, n, &v);
	read_misp_attribute(l, type, &v);
}

/* A record, which is changed, that begins in that line. */
static void
use_record(struct csv_reader *r, char *text, uint32_t line)
{
	char *fields[COLUMNS_MAX];

	if (line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	text = trim(text);
	if (text[0] == 0 || text[0] == '#')
		return;
	for (char *end = strchr(text, '\n'); end != NULL; end = strchr(end, '\n'))
		*end = ' ';
	size_t n = is_open(text) ? 0 : split(text, fields);

	if (n == 0) {
		loader_leave_out(r->loader, line, xstrdup("a quote is not closed"));
		return;
	}
	bool is_first = !r->is_begun;

	r->is_begun = true;
	if (is_first && take_header(&r->table, fields, n))
		return;
	if (r->format == FORMAT_MISP_CSV) {
		read_misp_record(r->loader, &r->table, fields, n, line);
		return;
	}
	if (!r->table.has_header)
		guess_columns(&r->table, fields, n);
	read_plain(r->loader, &r->table, fields, n, line);
}

/* Lines that began as one record, each by itself: what is open is told, the rest used. */
static void
use_lines(struct csv_reader *r, char *text, uint32_t line)
{
	while (text != NULL) {
		char *next = strchr(text, '\n');

		if (next != NULL)
			*next++ = 0;
		use_record(r, text, line++);
		text = next;
	}
}

void
read_csv(struct loader *l, struct source *s, enum indicator_format format)
{
	MH_CLEANUP(freep) struct line *lines = xcalloc(2, sizeof(*lines));
	struct line *record = &lines[0];
	struct line *more = &lines[1];
	struct csv_reader r = { .loader = l, .format = format };
	const char *why = NULL;
	uint32_t n_lines = 1;

	for (uint32_t line = 1; source_line(s, record, &why); line += n_lines) {
		n_lines = 1;
		if (why != NULL) {
			loader_leave_out(l, line, xstrdup(why));
			continue;
		}
		if (complete(s, record, more, &n_lines, &why)) {
			use_record(&r, record->text, line);
			continue;
		}
		use_lines(&r, record->text, line);
		if (why != NULL)
			loader_leave_out(l, line + n_lines - 1, xstrdup(why));
		else if (more->len > 0)
			use_lines(&r, more->text, line + n_lines - 1);
	}
}
