/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile: a scan worker may have been taken over by what it read. */
#include "records/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { HAS_SHA256 = 1u << 0, HAS_SHA1 = 1u << 1, HAS_MD5 = 1u << 2, IS_PARTLY = 1u << 3 };

void
verdict_clear(struct verdict *v)
{
	free(v->detail);
	free(v->origin_url);
	free(v->origin_referrer);
	v->detail = v->origin_url = v->origin_referrer = NULL;
}

static void
put_text(struct buf *b, const char *text)
{
	buf_put_string(b, text != NULL ? text : "");
}

/* A text that is there, or NULL. */
static char *
read_text(struct reader *r, size_t max)
{
	MH_CLEANUP(freep) char *text = reader_string(r, max);

	return text[0] != 0 ? MH_TAKE(text) : NULL;
}

void
verdict_encode(const struct verdict *v, struct buf *b)
{
	uint8_t flags =
	    (uint8_t)((v->has_sha256 ? HAS_SHA256 : 0) | (v->has_sha1 ? HAS_SHA1 : 0) |
		      (v->has_md5 ? HAS_MD5 : 0) | (v->partly ? IS_PARTLY : 0));

	buf_put_u64(b, v->target);
	buf_put_u8(b, (uint8_t)v->reason);
	buf_put_u8(b, flags);
	buf_put_u32(b, v->n_matches);
	buf_put_u32(b, v->n_notes);
	buf_put_u32(b, v->n_clues);
	buf_put_u32(b, v->n_members);
	buf_put_u64(b, v->bytes_scanned);
	buf_put_u32(b, v->micros);
	if (v->has_sha256)
		buf_put(b, v->sha256, sizeof(v->sha256));
	if (v->has_sha1)
		buf_put(b, v->sha1, sizeof(v->sha1));
	if (v->has_md5)
		buf_put(b, v->md5, sizeof(v->md5));
	buf_put_string(b, v->filetype);
	put_text(b, v->detail);
	put_text(b, v->origin_url);
	put_text(b, v->origin_referrer);
}

static void
read_hash(struct reader *r, bool has, uint8_t *ret, size_t len)
{
	const uint8_t *p = has ? reader_raw(r, len) : NULL;

	if (p != NULL)
		memcpy(ret, p, len);
}

void
verdict_decode(struct reader *r, struct verdict *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->target = reader_u64(r);
	uint8_t reason = reader_u8(r);
	uint8_t flags = reader_u8(r);

	if (reason >= REASON_MAX_)
		r->failed = true;
	else
		ret->reason = (enum reason)reason;
	ret->partly = (flags & IS_PARTLY) != 0;
	ret->has_sha256 = (flags & HAS_SHA256) != 0;
	ret->has_sha1 = (flags & HAS_SHA1) != 0;
	ret->has_md5 = (flags & HAS_MD5) != 0;
	ret->n_matches = reader_u32(r);
	ret->n_notes = reader_u32(r);
	ret->n_clues = reader_u32(r);
	ret->n_members = reader_u32(r);
	ret->bytes_scanned = reader_u64(r);
	ret->micros = reader_u32(r);
	read_hash(r, ret->has_sha256, ret->sha256, sizeof(ret->sha256));
	read_hash(r, ret->has_sha1, ret->sha1, sizeof(ret->sha1));
	read_hash(r, ret->has_md5, ret->md5, sizeof(ret->md5));

	MH_CLEANUP(freep) char *filetype = reader_string(r, sizeof(ret->filetype) - 1);
	memcpy(ret->filetype, filetype, strlen(filetype));
	ret->detail = read_text(r, DETAIL_BYTES_MAX);
	ret->origin_url = read_text(r, ORIGIN_BYTES_MAX);
	ret->origin_referrer = read_text(r, ORIGIN_BYTES_MAX);
}

void
match_free(struct match *m)
{
	if (m == NULL)
		return;
	free(m->rule);
	free(m->name_space);
	for (uint32_t i = 0; i < m->n_tags; i++)
		free(m->tags[i]);
	free(m->tags);
	for (uint32_t i = 0; i < m->n_metas; i++) {
		free(m->metas[i].name);
		free(m->metas[i].text);
	}
	free(m->metas);
	for (uint32_t i = 0; i < m->n_strings; i++) {
		free(m->strings[i].name);
		free(m->strings[i].data);
		free(m->strings[i].around);
	}
	free(m->strings);
	free(m->part_name);
	for (uint32_t i = 0; i < m->n_regions; i++)
		free(m->regions[i].path);
	free(m->regions);
	free(m);
}

static void
encode_meta(const struct match_meta *meta, struct buf *b)
{
	buf_put_string(b, meta->name);
	buf_put_u8(b, (uint8_t)meta->kind);
	buf_put_string(b, meta->text != NULL ? meta->text : "");
	buf_put_u64(b, (uint64_t)meta->number);
}

static void
encode_string(const struct match_string *s, struct buf *b)
{
	buf_put_string(b, s->name);
	buf_put_u64(b, s->offset);
	buf_put_u32(b, s->length);
	buf_put_u8(b, s->is_hash);
	buf_put_bytes(b, s->data, s->n_data);
	buf_put_u8(b, s->is_changed);
	buf_put_u32(b, s->n_before);
	buf_put_bytes(b, s->around, s->n_around);
}

static void
encode_part(const struct match *m, struct buf *b)
{
	buf_put_u8(b, (uint8_t)m->part);
	buf_put_string(b, m->part_name != NULL ? m->part_name : "");
	buf_put_u64(b, m->image_base);
	buf_put_u64(b, m->image_size);
	buf_put_u8(b, m->has_part_sha256);
	if (m->has_part_sha256)
		buf_put(b, m->part_sha256, sizeof(m->part_sha256));
}

static void
encode_region(const struct match_region *region, struct buf *b)
{
	buf_put_u64(b, region->start);
	buf_put_u64(b, region->end);
	buf_put_u64(b, region->offset);
	buf_put_string(b, region->perms);
	buf_put_string(b, region->path);
}

void
match_encode(const struct match *m, struct buf *b)
{
	MH_CLEANUP(buf_freep) struct buf *strings = buf_new(MATCH_RECORD_MAX);
	uint32_t n_kept = 0;
	size_t start = buf_len(b);

	buf_put_u64(b, m->target);
	buf_put_u8(b, (uint8_t)m->indicator);
	buf_put_string(b, m->rule);
	buf_put_string(b, m->name_space);
	buf_put_u32(b, m->n_tags);
	for (uint32_t i = 0; i < m->n_tags; i++)
		buf_put_string(b, m->tags[i]);

	/* Metas count for less than strings: one that takes the room of all is left out. */
	MH_CLEANUP(buf_freep) struct buf *metas = buf_new(MATCH_RECORD_MAX / 2);
	uint32_t n_metas = 0;
	for (uint32_t i = 0; i < m->n_metas; i++) {
		size_t before = buf_len(metas);

		encode_meta(&m->metas[i], metas);
		if (buf_error(metas) != MH_OK)
			buf_truncate(metas, before);
		else
			n_metas++;
	}
	buf_put_u32(b, n_metas);
	buf_put(b, buf_data(metas), buf_len(metas));

	encode_part(m, b);

	/* An eighth for regions: a string without one still has its address. */
	MH_CLEANUP(buf_freep) struct buf *regions = buf_new(MATCH_RECORD_MAX / 8);
	uint32_t n_regions = 0;
	for (uint32_t i = 0; i < m->n_regions; i++) {
		size_t before = buf_len(regions);

		encode_region(&m->regions[i], regions);
		if (buf_error(regions) != MH_OK)
			buf_truncate(regions, before);
		else
			n_regions++;
	}
	buf_put_u32(b, n_regions);
	buf_put(b, buf_data(regions), buf_len(regions));

	size_t used = buf_len(b) - start + 16;
	for (uint32_t i = 0; i < m->n_strings; i++) {
		size_t before = buf_len(strings);

		encode_string(&m->strings[i], strings);
		if (buf_error(strings) != MH_OK ||
		    used + buf_len(strings) > MATCH_RECORD_MAX) {
			buf_truncate(strings, before);
			break;
		}
		n_kept++;
	}
	buf_put_u64(b, m->n_found);
	buf_put_u32(b, n_kept);
	buf_put(b, buf_data(strings), buf_len(strings));
}

static void
decode_metas(struct reader *r, struct match *m)
{
	m->n_metas = reader_count(r, RULE_METAS_MAX);
	m->metas = xcalloc(m->n_metas, sizeof(*m->metas));
	for (uint32_t i = 0; i < m->n_metas; i++) {
		struct match_meta *meta = &m->metas[i];

		meta->name = reader_string(r, RULE_NAME_MAX);
		uint8_t kind = reader_u8(r);
		meta->text = reader_string(r, META_VALUE_MAX);
		meta->number = (int64_t)reader_u64(r);
		if (kind < META_TEXT || kind > META_TRUTH)
			r->failed = true;
		meta->kind = (enum match_meta_kind)kind;
	}
}

static void
decode_strings(struct reader *r, struct match *m)
{
	m->n_strings = reader_count(r, MATCH_STRINGS_MAX);
	m->strings = xcalloc(m->n_strings, sizeof(*m->strings));
	for (uint32_t i = 0; i < m->n_strings; i++) {
		struct match_string *s = &m->strings[i];
		size_t len = 0;

		s->name = reader_string(r, RULE_NAME_MAX);
		s->offset = reader_u64(r);
		s->length = reader_u32(r);
		s->is_hash = reader_u8(r) != 0;
		const uint8_t *data = reader_bytes(r, MATCH_DATA_MAX, &len);

		s->data = xmemdup(data, len);
		s->n_data = (uint32_t)len;
		s->is_changed = reader_u8(r) != 0;
		s->n_before = reader_u32(r);
		data = reader_bytes(r, MATCH_DATA_MAX + 2 * AROUND_BYTES_MAX, &len);
		s->around = xmemdup(data, len);
		s->n_around = (uint32_t)len;
		if (s->n_before > s->n_around)
			r->failed = true;
	}
}

static void
decode_part(struct reader *r, struct match *m)
{
	uint8_t part = reader_u8(r);

	if (part >= PART_MAX_)
		r->failed = true;
	else
		m->part = (enum match_part)part;
	m->part_name = reader_string(r, PART_NAME_MAX);
	m->image_base = reader_u64(r);
	m->image_size = reader_u64(r);
	m->has_part_sha256 = reader_u8(r) != 0;
	read_hash(r, m->has_part_sha256, m->part_sha256, sizeof(m->part_sha256));
}

static void
decode_regions(struct reader *r, struct match *m)
{
	m->n_regions = reader_count(r, MATCH_REGIONS_MAX);
	m->regions = xcalloc(m->n_regions, sizeof(*m->regions));
	for (uint32_t i = 0; i < m->n_regions; i++) {
		struct match_region *region = &m->regions[i];

		region->start = reader_u64(r);
		region->end = reader_u64(r);
		region->offset = reader_u64(r);
		MH_CLEANUP(freep)
		char *perms = reader_string(r, sizeof(region->perms) - 1);

		memcpy(region->perms, perms, strlen(perms));
		region->path = reader_string(r, PATH_BYTES_MAX);
		if (region->start > region->end)
			r->failed = true;
	}
}

struct match *
match_decode(struct reader *r)
{
	MH_CLEANUP(match_freep) struct match *m = xcalloc(1, sizeof(*m));

	m->target = reader_u64(r);
	uint8_t indicator = reader_u8(r);

	if (indicator >= INDICATOR_MAX_)
		r->failed = true;
	else
		m->indicator = (enum indicator_type)indicator;
	m->rule = reader_string(r, RULE_NAME_MAX);
	m->name_space = reader_string(r, NAMESPACE_MAX);
	m->n_tags = reader_count(r, RULE_TAGS_MAX);
	m->tags = xcalloc(m->n_tags, sizeof(*m->tags));
	for (uint32_t i = 0; i < m->n_tags; i++)
		m->tags[i] = reader_string(r, RULE_NAME_MAX);
	decode_metas(r, m);
	decode_part(r, m);
	decode_regions(r, m);
	m->n_found = reader_u64(r);
	decode_strings(r, m);
	if (!reader_is_ok(r))
		return NULL;
	return MH_TAKE(m);
}

const struct match_meta *
match_find_meta(const struct match *m, const char *name)
{
	for (uint32_t i = 0; i < m->n_metas; i++) {
		if (strcmp(m->metas[i].name, name) == 0)
			return &m->metas[i];
	}
	return NULL;
}

const char *
match_meta_text(const struct match *m, const char *name)
{
	const struct match_meta *meta = match_find_meta(m, name);

	return meta != NULL && meta->kind == META_TEXT ? meta->text : NULL;
}
