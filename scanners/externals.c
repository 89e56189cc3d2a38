/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: names.
 */
#include "scanners/externals.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "records/target.h"

/* The MD5 of a content that is there in whole. */
static bool
fill_md5(const struct content *c, struct hasher *h, struct external_texts *texts)
{
	if (c->n_blocks != 1 || c->blocks[0].len != c->file_size ||
	    !hasher_hash(h, HASH_MD5, c->blocks[0].data, c->blocks[0].len,
		texts->md5_bytes))
		return false;

	MH_CLEANUP(freep)
	char *hex = text_hex(texts->md5_bytes, sizeof(texts->md5_bytes));
	memcpy(texts->md5, hex, sizeof(texts->md5));
	return true;
}

bool
externals_fill(unsigned mask, const struct file_name *name, const struct content *c,
    struct hasher *h, struct external_texts *texts, struct external_values *ret)
{
	const char *base = path_base(name->path);
	const char *extension = path_extension(name->path);
	size_t folder = base > name->path ? (size_t)(base - name->path) - 1 : 0;

	texts->md5[0] = 0;
	for (size_t i = 0; i < EXTERNAL_MAX_; i++)
		ret->value[i] = "";
	if (mask == 0)
		return false;
	if (folder == 0 && name->path[0] == '/')
		folder = 1;
	memcpy(texts->filepath, name->path, folder);
	texts->filepath[folder] = 0;
	(void)snprintf(texts->extension, sizeof(texts->extension), "%s", extension);
	for (char *p = texts->extension; *p != 0; p++)
		*p = (char)tolower((unsigned char)*p);
	bool has_md5 = (mask & 1u << EXTERNAL_MD5) != 0 && fill_md5(c, h, texts);

	ret->value[EXTERNAL_FILENAME] = base;
	ret->value[EXTERNAL_FILEPATH] = texts->filepath;
	ret->value[EXTERNAL_EXTENSION] = texts->extension;
	ret->value[EXTERNAL_FILETYPE] = name->filetype;
	ret->value[EXTERNAL_OWNER] = name->owner;
	ret->value[EXTERNAL_MD5] = texts->md5;
	return has_md5;
}
