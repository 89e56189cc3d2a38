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

static bool
is_open(const char *text)
{
	bool is_quoted = false;

	for (; *text != 0; text++)
		is_quoted = is_quoted != (*text == '"');
	return is_quoted;
}

/*
 * A record: a line, or several where a quoted field has ends of lines in it.  *number
 * counts the lines.
 */
static bool
next_record(struct source *s, struct line *record, struct line *more, uint32_t *number,
    const char **ret_why)
{
	if (!source_line(s, record, ret_why))
		return false;
	++*number;
	while (*ret_why == NULL && is_open(record->text)) {
		const char *why = NULL;

		if (!source_line(s, more, &why)) {
			*ret_why = "a quote is not closed";
			break;
		}
		++*number;
		if (why != NULL || record->len + more->len + 1 > INDICATOR_LINE_MAX) {
			*ret_why = why != NULL ? why
					       : "the record is too long: is a "
						 "quote not closed?";
			break;
		}
		record->text[record->len++] = ' ';
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

void
read_csv(struct loader *l, struct source *s, enum indicator_format format)
{
	MH_CLEANUP(freep) struct line *record = xcalloc(2, sizeof(*record));
	struct table t = { .n_columns = 0 };
	const char *why = NULL;
	uint32_t number = 0;
	bool is_first = true;
	uint32_t line = 1;

	for (; next_record(s, &record[0], &record[1], &number, &why); line = number + 1) {
		char *fields[COLUMNS_MAX];
		char *text = record[0].text;

		if (line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
			text += 3;
		text = trim(text);
		if (why == NULL && (text[0] == 0 || text[0] == '#'))
			continue;
		size_t n = why == NULL ? split(text, fields) : 0;

		if (n == 0) {
			loader_leave_out(l, line,
			    xstrdup(why != NULL ? why : "a quote is not closed"));
			continue;
		}
		if (is_first) {
			is_first = false;
			if (take_header(&t, fields, n))
				continue;
		}
		if (format == FORMAT_MISP_CSV) {
			read_misp_record(l, &t, fields, n, line);
			continue;
		}
		if (!t.has_header)
			guess_columns(&t, fields, n);
		read_plain(l, &t, fields, n, line);
	}
}
