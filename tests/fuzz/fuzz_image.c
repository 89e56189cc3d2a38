/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers in memory say what they like; the input is all the memory there is. */
#include <stdlib.h>
#include <string.h>

#include "scanners/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
	const uint8_t *data;
	size_t size;
};
static const uint64_t base = 0x7f0000001000;

static size_t
on_read(void *ctx, uint64_t address, void *to, size_t len)
{
	const struct memory *m = ctx;
	uint64_t at = address - base;
	size_t n = at >= m->size ? 0 : m->size - at < len ? m->size - at : len;

	/* Of an image all is zero already: touching it would cost most of the time. */
	memset(to, 0, len < IMAGE_HEAD_BYTES ? len : IMAGE_HEAD_BYTES);
	if (n > 0)
		memcpy(to, m->data + at, n);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory m = { data, size };
	struct image image;

	for (int layout = IMAGE_LOADED; layout <= IMAGE_RAW; layout++) {
		if (image_rebuild(on_read, &m, base, (enum image_layout)layout, &image) !=
		    MH_OK)
			continue;
		if (image.size == 0 || image.size > IMAGE_BYTES_MAX)
			abort();
		image_clear(&image);
	}
	return 0;
}
