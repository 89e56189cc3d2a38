/* SPDX-License-Identifier: BSD-2-Clause */
/* ZIPs of strangers: what is handed out stays below the pack and within its limits. */
#include <stdlib.h>
#include <string.h>

#include "records/limits.h"
#include "scanners/archive_reader.h"
#include "scanners/pack_zip.h"

static bool
on_file(void *ctx, const char *name, const uint8_t *data, size_t len)
{
	size_t *total = ctx;

	(void)data;
	*total += len;
	if (name[0] == '/' || name[0] == '.' || strstr(name, "/../") != NULL ||
	    len > RULE_FILE_BYTES_MAX || *total > RULE_TEXT_BYTES_MAX)
		abort();
	return *total < 64u << 20; /* bombs take their time */
}

static bool
on_left_out(void *ctx, const char *name, const char *why)
{
	(void)ctx;
	if (strlen(why) == 0 || name == NULL)
		abort();
	return true;
}

static void
on_license(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx;
	if (data == NULL || len == 0 || len > PACK_LICENSE_HEAD)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pack_zip_ops ops = { on_file, on_license, on_left_out };
	size_t total = 0;

	(void)pack_zip_read_bytes(data, size, &ops, &total);
	return 0;
}
