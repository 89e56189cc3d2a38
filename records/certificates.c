/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from the collector or its authority, either of which may be taken over. */
#include "records/certificates.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/reader.h"
#include "base/text.h"

static const char *const label_names[LABEL_MAX_] = {
	[LABEL_SIGNING] = "signing",
	[LABEL_TLS] = "tls",
};

const char *
certificate_label_name(unsigned label)
{
	return label < LABEL_MAX_ ? label_names[label] : NULL;
}

unsigned
certificate_label_find(const char *name, size_t len)
{
	for (unsigned i = LABEL_SIGNING; i < LABEL_MAX_; i++) {
		if (strlen(label_names[i]) == len &&
		    memcmp(label_names[i], name, len) == 0)
			return i;
	}
	return 0;
}

void
issue_put(const struct issue *m, struct buf *out)
{
	buf_put_u64(out, m->id);
	buf_put_u8(out, m->label);
	buf_put_string(out, m->agent);
	buf_put_bytes(out, m->request, m->request_len);
}

void
issued_put(const struct issued *m, struct buf *out)
{
	buf_put_u64(out, m->id);
	buf_put_bytes(out, m->certificate, m->certificate_len);
	buf_put_string(out, m->why);
}

mh_err
issue_read(const void *data, size_t len, struct issue *ret)
{
	struct issue m = { .id = 0 };
	struct reader r;

	reader_init(&r, data, len);
	m.id = reader_u64(&r);
	m.label = reader_u8(&r);
	MH_CLEANUP(freep) char *agent = reader_string(&r, UUID_TEXT_LEN - 1);

	m.request = reader_bytes(&r, ISSUE_REQUEST_MAX, &m.request_len);
	if (!reader_is_done(&r) || !uuid_is_valid(agent) || m.request_len == 0 ||
	    certificate_label_name(m.label) == NULL)
		return MH_ERR_FORMAT;
	memcpy(m.agent, agent, UUID_TEXT_LEN);
	*ret = m;
	return MH_OK;
}

mh_err
issued_read(const void *data, size_t len, struct issued *ret)
{
	struct issued m = { .id = 0 };
	struct reader r;

	reader_init(&r, data, len);
	m.id = reader_u64(&r);
	m.certificate = reader_bytes(&r, ISSUE_CERTIFICATE_MAX, &m.certificate_len);
	MH_CLEANUP(freep) char *why = reader_string(&r, ISSUE_WHY_MAX);

	/* Either a certificate or a reason. */
	if (!reader_is_done(&r) || !text_is_utf8(why, strlen(why)) ||
	    (m.certificate_len == 0) != (why[0] != 0))
		return MH_ERR_FORMAT;
	if (m.certificate_len == 0)
		m.certificate = NULL;
	memcpy(m.why, why, strlen(why) + 1);
	*ret = m;
	return MH_OK;
}
