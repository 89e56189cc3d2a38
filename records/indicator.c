/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from the zygote, which may have been taken over by what it read. */
#include "records/indicator.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	TABLE_FACTOR = 6, /* all regions together, see signatures/indicator_table.c */
	TABLE_EXTRA = 1024 * 1024, /* bytes: header, and pages at the ends of regions */
};

static const char *const type_names[INDICATOR_MAX_] = {
#define INDICATOR_ROW(code, name) [INDICATOR_##code] = (name),
	INDICATOR_TYPES(INDICATOR_ROW)
#undef INDICATOR_ROW
};

static const char *const format_names[FORMAT_MAX_] = { [FORMAT_UNKNOWN] = "",
#define INDICATOR_FORMAT_ROW(code, name) [FORMAT_##code] = (name),
	INDICATOR_FORMATS(INDICATOR_FORMAT_ROW)
#undef INDICATOR_FORMAT_ROW
};

const char *
indicator_type_name(enum indicator_type type)
{
	assert(type > INDICATOR_NONE && type < INDICATOR_MAX_);
	return type_names[type];
}

const char *
indicator_format_name(enum indicator_format format)
{
	assert((unsigned)format < FORMAT_MAX_);
	return format_names[format];
}

enum indicator_format
indicator_format_find(const char *name)
{
	for (unsigned i = 1; i < FORMAT_MAX_; i++) {
		if (strcmp(format_names[i], name) == 0)
			return (enum indicator_format)i;
	}
	return FORMAT_UNKNOWN;
}

void
indicator_file_result_clear(struct indicator_file_result *f)
{
	free(f->why);
	f->why = NULL;
}

void
indicator_file_result_encode(const struct indicator_file_result *f, struct buf *b)
{
	buf_put_u8(b, f->format);
	for (unsigned i = 1; i < INDICATOR_MAX_; i++)
		buf_put_u32(b, f->n[i]);
	buf_put_u32(b, f->n_exceptions);
	buf_put_u32(b, f->n_combined);
	buf_put_u32(b, f->n_left_out);
	buf_put_u32(b, f->n_expired);
	buf_put_u32(b, f->n_revoked);
	buf_put_u32(b, f->n_not_for_detection);
	buf_put_u32(b, f->n_other);
	buf_put_string(b, f->why != NULL ? f->why : "");
}

void
indicator_file_result_decode(struct reader *r, struct indicator_file_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->format = reader_u8(r);
	for (unsigned i = 1; i < INDICATOR_MAX_; i++)
		ret->n[i] = reader_u32(r);
	ret->n_exceptions = reader_u32(r);
	ret->n_combined = reader_u32(r);
	ret->n_left_out = reader_u32(r);
	ret->n_expired = reader_u32(r);
	ret->n_revoked = reader_u32(r);
	ret->n_not_for_detection = reader_u32(r);
	ret->n_other = reader_u32(r);
	ret->why = reader_string(r, INDICATOR_WHY_MAX);
	if (ret->format >= FORMAT_MAX_) {
		r->failed = true;
		ret->format = FORMAT_UNKNOWN;
	}
}

uint64_t
indicator_table_bytes(uint64_t text_bytes)
{
	return text_bytes * TABLE_FACTOR + TABLE_EXTRA;
}

uint64_t
indicator_text_bytes(uint64_t table_bytes)
{
	return table_bytes > TABLE_EXTRA ? (table_bytes - TABLE_EXTRA) / TABLE_FACTOR : 0;
}
