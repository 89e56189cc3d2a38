/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours that may be taken over. */
#include "records/delivery.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
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
	buf_put_string(out, m->collector);
	buf_put_u64(out, (uint64_t)m->not_before_ms);
	buf_put_u64(out, (uint64_t)m->not_after_ms);
	buf_put_string(out, m->trouble);
	buf_put_u8(out, m->knows_clock);
	buf_put_u64(out, (uint64_t)m->clock_ahead_ms);
	buf_put_u64(out, m->n_connections);
	buf_put_u64(out, m->n_resumed);
	buf_put_u64(out, m->n_failures);
}

mh_err
delivery_link_parse(const void *p, size_t len, struct delivery_link *ret)
{
	struct delivery_link m;
	struct reader r;
	uint8_t state;
	uint8_t knows_clock;

	memset(&m, 0, sizeof(m));
	reader_init(&r, p, len);
	state = reader_u8(&r);
	if (!read_text(&r, m.sentence, sizeof(m.sentence)) ||
	    !read_text(&r, m.collector, sizeof(m.collector)))
		return MH_ERR_FORMAT;
	m.not_before_ms = (int64_t)reader_u64(&r);
	m.not_after_ms = (int64_t)reader_u64(&r);
	if (!read_text(&r, m.trouble, sizeof(m.trouble)))
		return MH_ERR_FORMAT;
	knows_clock = reader_u8(&r);
	m.clock_ahead_ms = (int64_t)reader_u64(&r);
	m.n_connections = reader_u64(&r);
	m.n_resumed = reader_u64(&r);
	m.n_failures = reader_u64(&r);
	if (!reader_is_done(&r) || state < LINK_DOWN || state > LINK_IDLE ||
	    knows_clock > 1)
		return MH_ERR_FORMAT;
	m.state = (enum delivery_link_state)state;
	m.knows_clock = knows_clock == 1;
	*ret = m;
	return MH_OK;
}

void
delivery_settings_put(const struct delivery_settings *m, struct buf *out)
{
	buf_put_u32(out, (uint32_t)m->n_collectors);
	for (size_t i = 0; i < m->n_collectors; i++)
		buf_put_string(out, m->collectors[i]);
	buf_put_string(out, m->proxy);
	buf_put_string(out, m->proxy_password);
	buf_put_u32(out, (uint32_t)m->n_no_proxy);
	for (size_t i = 0; i < m->n_no_proxy; i++)
		buf_put_string(out, m->no_proxy[i]);
	buf_put_u32(out, m->replay_rate);
	buf_put_u32(out, m->return_ms);
	buf_put_string(out, m->metrics_listen);
}

static bool
read_settings(struct reader *r, struct delivery_settings *m)
{
	m->n_collectors = reader_count(r, DELIVERY_COLLECTORS_MAX);
	for (size_t i = 0; i < m->n_collectors; i++)
		if (!read_text(r, m->collectors[i], sizeof(m->collectors[i])))
			return false;
	if (!read_text(r, m->proxy, sizeof(m->proxy)) ||
	    !read_text(r, m->proxy_password, sizeof(m->proxy_password)))
		return false;
	m->n_no_proxy = reader_count(r, DELIVERY_NO_PROXY_MAX);
	for (size_t i = 0; i < m->n_no_proxy; i++)
		if (!read_text(r, m->no_proxy[i], sizeof(m->no_proxy[i])))
			return false;
	m->replay_rate = reader_u32(r);
	m->return_ms = reader_u32(r);
	if (!read_text(r, m->metrics_listen, sizeof(m->metrics_listen)))
		return false;
	return reader_is_done(r) && m->replay_rate >= 1 &&
	       m->replay_rate <= DELIVERY_RATE_MAX;
}

mh_err
delivery_settings_parse(const void *p, size_t len, struct delivery_settings *ret)
{
	MH_CLEANUP(freep) struct delivery_settings *m = xcalloc(1, sizeof(*m));
	struct reader r;
	bool is_good;

	reader_init(&r, p, len);
	is_good = read_settings(&r, m);
	if (is_good)
		*ret = *m;
	explicit_bzero(m->proxy_password, sizeof(m->proxy_password));
	return is_good ? MH_OK : MH_ERR_FORMAT;
}

void
delivery_renew_put(const struct delivery_renew *m, struct buf *out)
{
	buf_put_bytes(out, m->request, m->len);
}

mh_err
delivery_renew_parse(const void *p, size_t len, struct delivery_renew *ret)
{
	struct delivery_renew m;
	struct reader r;

	reader_init(&r, p, len);
	m.request = reader_bytes(&r, DELIVERY_REQUEST_MAX, &m.len);
	if (!reader_is_done(&r) || m.len == 0)
		return MH_ERR_FORMAT;
	*ret = m;
	return MH_OK;
}

void
delivery_renewed_put(const struct delivery_renewed *m, struct buf *out)
{
	buf_put_bytes(out, m->certificate, m->len);
	buf_put_string(out, m->why);
}

mh_err
delivery_renewed_parse(const void *p, size_t len, struct delivery_renewed *ret)
{
	struct delivery_renewed m;
	struct reader r;

	memset(&m, 0, sizeof(m));
	reader_init(&r, p, len);
	m.certificate = reader_bytes(&r, DELIVERY_CERTIFICATE_MAX, &m.len);
	/* Either a certificate or a reason. */
	if (!reader_is_ok(&r) || !read_text(&r, m.why, sizeof(m.why)) ||
	    !reader_is_done(&r) || (m.len == 0) != (m.why[0] != 0))
		return MH_ERR_FORMAT;
	if (m.len == 0)
		m.certificate = NULL;
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
