/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/settings.h"

#include "base/attributes.h"
#include "base/memory.h"

struct config {
	char *text, *path;
	struct setting_strings list;
	bool truth;
	uint64_t size;
};

static const struct setting rows[] = {
	{ "text", SETTING_STRING, offsetof(struct config, text), "x", .help = "Text." },
	{ "path", SETTING_PATH, offsetof(struct config, path), "/x", .help = "Path." },
	{ "a.list", SETTING_STRINGS, offsetof(struct config, list), "x, y", .max = 4,
	    .help = "L." },
	{ "a.truth", SETTING_BOOL, offsetof(struct config, truth), "no",
	    .help = "Truth." },
	{ "a.size", SETTING_SIZE, offsetof(struct config, size), "1K", .max = 9999,
	    .help = "S." },
};
static const struct settings_schema schema = { rows, MH_ARRAY_LEN(rows),
	sizeof(struct config) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MH_CLEANUP(freep) char *why = NULL;
	struct config c;

	if (settings_parse(&schema, "/etc/x.yaml", data, size, &c, &why) == MH_OK)
		settings_clear(&schema, &c);
	return 0;
}
