/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_rpm.h"

#include <string.h>

#include "base/attributes.h"

#define DIGEST "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void
put_u32(struct buf *b, uint32_t v)
{
	uint8_t p[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
		(uint8_t)v };

	buf_put(b, p, sizeof(p));
}

static void
put_tag(struct buf *index, const struct buf *data, uint32_t tag, uint32_t type,
    uint32_t count)
{
	put_u32(index, tag);
	put_u32(index, type);
	put_u32(index, (uint32_t)buf_len(data));
	put_u32(index, count);
}

static void
put_strings(struct buf *index, struct buf *data, uint32_t tag, uint32_t type,
    const char *const *texts)
{
	uint32_t n = 0;

	while (texts[n] != NULL)
		n++;
	put_tag(index, data, tag, type, n);
	for (uint32_t i = 0; i < n; i++)
		buf_put(data, texts[i], strlen(texts[i]) + 1);
}

static void
put_numbers(struct buf *index, struct buf *data, uint32_t tag, const uint32_t *values,
    uint32_t n)
{
	while (buf_len(data) % 4 != 0)
		buf_put_u8(data, 0);
	put_tag(index, data, tag, 4, n);
	for (uint32_t i = 0; i < n; i++)
		put_u32(data, values[i]);
}

struct buf *
mh_rpm_header(enum mh_rpm_kind kind)
{
	static const char *const name[] = { "tool", NULL },
				 *const version[] = { "1.2", NULL },
				 *const release[] = { "4", NULL },
				 *const arch[] = { "noarch", NULL };
	static const char *const digests[] = { DIGEST, "", DIGEST, DIGEST, NULL };
	static const char *const names[] = { "tool", "tool", "tool.conf", "lib.so",
		NULL };
	static const char *const folders[] = { "/etc/", "/lib64/", "/usr/bin/",
		"/usr/share/", NULL };
	static const uint32_t epoch[] = { 3 }, flags[] = { 0, 0, 1 | 1 << 4, 0 },
			      places[] = { 2, 3, 0, 1 }, algorithm[] = { 8 };
	MH_CLEANUP(buf_freep) struct buf *index = buf_new(1 << 16);
	MH_CLEANUP(buf_freep) struct buf *data = buf_new(1 << 16);
	struct buf *header = buf_new(1 << 17);

	put_strings(index, data, 1000, 6, name);
	put_strings(index, data, 1001, 6, version);
	put_strings(index, data, 1002, 6, release);
	put_numbers(index, data, 1003, epoch, 1);
	put_strings(index, data, 1022, 6, arch);
	put_strings(index, data, 1035, 8, digests);
	put_numbers(index, data, 1037, flags, 4);
	put_numbers(index, data, 1116, places, 4);
	put_strings(index, data, 1117, 8, names);
	put_strings(index, data, 1118, 8, folders);
	put_numbers(index, data, 5011, algorithm, 1);
	put_u32(header, (uint32_t)(buf_len(index) / 16));
	put_u32(header, (uint32_t)buf_len(data));
	buf_put(header, buf_data(index), buf_len(index));
	buf_put(header, buf_data(data), buf_len(data));
	if (kind == MH_RPM_SHORT)
		buf_truncate(header, buf_len(header) - 1);
	return header;
}
