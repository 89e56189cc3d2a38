/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours that may be taken over. */
#include "records/delivery.h"

#include <stdbool.h>
#include <string.h>

#include "base/reader.h"
#include "base/text.h"

static void
put_key(const struct delivery_key *key, struct buf *out)
{
	buf_put_string(out, key->epoch);
	buf_put_u64(out, key->sequence);
}

/* A string of at most size - 1 bytes of UTF-8 into to. */
static bool
read_text(struct reader *r, char *to, size_t size)
{
	size_t len = 0;
	const uint8_t *p = reader_bytes(r, size - 1, &len);

	if (!reader_is_ok(r) || !text_is_utf8(p, len))
		return false;
	if (len > 0)
		memcpy(to, p, len);
	to[len] = 0;
	return true;
}

static bool
read_key(struct reader *r, struct delivery_key *key)
{
	if (!read_text(r, key->epoch, sizeof(key->epoch)))
		return false;
	key->sequence = reader_u64(r);
	return uuid_is_valid(key->epoch) && key->sequence >= 1 &&
	       key->sequence <= INT64_MAX;
}

void
delivery_report_put(const struct delivery_report *m, struct buf *out)
{
	put_key(&m->key, out);
	buf_put(out, m->digest, sizeof(m->digest));
}

mh_err
delivery_report_parse(const void *p, size_t len, struct delivery_report *ret)
{
	struct delivery_report m;
	struct reader r;
	const uint8_t *digest;

	memset(&m, 0, sizeof(m));
	reader_init(&r, p, len);
	if (!read_key(&r, &m.key))
		return MH_ERR_FORMAT;
	digest = reader_raw(&r, sizeof(m.digest));
	if (!reader_is_done(&r))
		return MH_ERR_FORMAT;
	memcpy(m.digest, digest, sizeof(m.digest));
	*ret = m;
	return MH_OK;
}

void
delivery_receipt_put(const struct delivery_receipt *m, struct buf *out)
{
	put_key(&m->key, out);
	buf_put_bytes(out, m->der, m->len);
}

mh_err
delivery_receipt_parse(const void *p, size_t len, struct delivery_receipt *ret)
{
	struct delivery_receipt m;
	struct reader r;

	memset(&m, 0, sizeof(m));
	reader_init(&r, p, len);
	if (!read_key(&r, &m.key))
		return MH_ERR_FORMAT;
	m.der = reader_bytes(&r, DELIVERY_RECEIPT_MAX, &m.len);
	if (!reader_is_done(&r) || m.len == 0)
		return MH_ERR_FORMAT;
	*ret = m;
	return MH_OK;
}

void
delivery_refused_put(const struct delivery_refused *m, struct buf *out)
{
	put_key(&m->key, out);
	buf_put_u16(out, m->status);
	buf_put_string(out, m->code);
	buf_put_string(out, m->detail);
}

mh_err
delivery_refused_parse(const void *p, size_t len, struct delivery_refused *ret)
{
	struct delivery_refused m;
	struct reader r;

	memset(&m, 0, sizeof(m));
	reader_init(&r, p, len);
	if (!read_key(&r, &m.key))
		return MH_ERR_FORMAT;
	m.status = reader_u16(&r);
	if (!read_text(&r, m.code, sizeof(m.code)) ||
	    !read_text(&r, m.detail, sizeof(m.detail)) || !reader_is_done(&r) ||
	    m.status < 100 || m.status > 599)
		return MH_ERR_FORMAT;
	*ret = m;
	return MH_OK;
}

void
delivery_link_put(const struct delivery_link *m, struct buf *out)
{
	buf_put_u8(out, (uint8_t)m->state);
	buf_put_string(out, m->sentence);
}

mh_err
delivery_link_parse(const void *p, size_t len, struct delivery_link *ret)
{
	struct delivery_link m;
	struct reader r;
	uint8_t state;

	memset(&m, 0, sizeof(m));
	reader_init(&r, p, len);
	state = reader_u8(&r);
	if (!read_text(&r, m.sentence, sizeof(m.sentence)) || !reader_is_done(&r) ||
	    state < LINK_DOWN || state > LINK_BUSY)
		return MH_ERR_FORMAT;
	m.state = (enum delivery_link_state)state;
	*ret = m;
	return MH_OK;
}

void
delivery_text_copy(char *to, size_t size, const char *s)
{
	size_t len = strnlen(s, size);

	if (len == size) {
		/* Continuation bytes are 10xxxxxx: go back to the start of one. */
		len--;
		while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(to, s, len);
	to[len] = 0;
}
