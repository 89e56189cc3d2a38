/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: rpm's database, which root writes; read as if it were hostile.
 */
#include "agent/rpm_header.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* Tags and types of rpm's rpmtag.h that we use. */
enum {
	TAG_NAME = 1000,
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TAG_ARCH = 1022,
	TAG_FILE_DIGESTS = 1035,
	TAG_FILE_FLAGS = 1037,
	TAG_DIR_INDEXES = 1116,
	TAG_BASE_NAMES = 1117,
	TAG_DIR_NAMES = 1118,
	TAG_DIGEST_ALGORITHM = 5011,
	TYPE_INT32 = 4,
	TYPE_STRING = 6,
	TYPE_STRING_ARRAY = 8,
	FILE_IS_CONFIG = 1, /* RPMFILE_CONFIG */
	HEAD_BYTES = 8,
	ENTRY_BYTES = 16, /* tag, type, offset, count */
};

struct header {
	const uint8_t *entries;
	uint32_t n;
	const uint8_t *data;
	uint32_t data_len;
};

/* The data of one tag: as many bytes as there are behind its offset. */
struct tag {
	const uint8_t *at; /* NULL: it is not there */
	size_t left;
	uint32_t count;
};

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static mh_err
read_head(const uint8_t *p, size_t len, struct header *ret)
{
	if (len > RPM_HEADER_BYTES_MAX)
		return MH_ERR_TOOBIG;
	if (len < HEAD_BYTES)
		return MH_ERR_FORMAT;
	ret->n = get_u32(p);
	ret->data_len = get_u32(p + 4);
	if (ret->n > RPM_TAGS_MAX)
		return MH_ERR_TOOBIG;
	if (ret->n * (size_t)ENTRY_BYTES > len - HEAD_BYTES ||
	    ret->data_len != len - HEAD_BYTES - ret->n * (size_t)ENTRY_BYTES)
		return MH_ERR_FORMAT;
	ret->entries = p + HEAD_BYTES;
	ret->data = ret->entries + ret->n * (size_t)ENTRY_BYTES;
	return MH_OK;
}

static struct tag
find_tag(const struct header *h, uint32_t tag, uint32_t type)
{
	for (uint32_t i = 0; i < h->n; i++) {
		const uint8_t *entry = h->entries + i * (size_t)ENTRY_BYTES;
		uint32_t offset = get_u32(entry + 8);

		if (get_u32(entry) == tag && get_u32(entry + 4) == type &&
		    offset < h->data_len)
			return (struct tag){ h->data + offset, h->data_len - offset,
				get_u32(entry + 12) };
	}
	return (struct tag){ NULL, 0, 0 };
}

/* The next of an array of strings, which moves on; NULL at its end. */
static const char *
next_string(struct tag *t)
{
	const uint8_t *text = t->at;
	const uint8_t *end =
	    t->at != NULL && t->count > 0 ? memchr(t->at, 0, t->left) : NULL;

	if (end == NULL) {
		t->count = 0;
		return NULL;
	}
	t->count--;
	t->left -= (size_t)(end - text) + 1;
	t->at = end + 1;
	return (const char *)text;
}

static const char *
string_at(const struct tag *array, uint32_t i)
{
	struct tag t = *array;
	const char *text = next_string(&t);

	while (text != NULL && i-- > 0)
		text = next_string(&t);
	return text;
}

static bool
number_at(const struct tag *array, uint32_t i, uint32_t *ret)
{
	if (array->at == NULL || i >= array->count || array->left / 4 <= i)
		return false;
	*ret = get_u32(array->at + i * (size_t)4);
	return true;
}

/* The number of the folder, "/usr/bin/"; a header names each once. */
static bool
find_folder(const struct header *h, const char *path, size_t len, uint32_t *ret)
{
	struct tag names = find_tag(h, TAG_DIR_NAMES, TYPE_STRING_ARRAY);
	const char *name = NULL;

	for (uint32_t i = 0; (name = next_string(&names)) != NULL; i++) {
		if (strlen(name) == len && memcmp(name, path, len) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* The number of the file among the package's. */
static bool
find_file(const struct header *h, const char *path, uint32_t *ret)
{
	const char *slash = strrchr(path, '/');
	struct tag names = find_tag(h, TAG_BASE_NAMES, TYPE_STRING_ARRAY);
	struct tag folders = find_tag(h, TAG_DIR_INDEXES, TYPE_INT32);
	const char *name = NULL;
	uint32_t folder = 0, at = 0;

	if (slash == NULL || !find_folder(h, path, (size_t)(slash - path) + 1, &folder))
		return false;
	for (uint32_t i = 0; (name = next_string(&names)) != NULL; i++) {
		if (strcmp(name, slash + 1) == 0 && number_at(&folders, i, &at) &&
		    at == folder) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static void
read_digest(const struct header *h, uint32_t file, struct package_facts *f)
{
	struct tag digests = find_tag(h, TAG_FILE_DIGESTS, TYPE_STRING_ARRAY);
	struct tag algorithms = find_tag(h, TAG_DIGEST_ALGORITHM, TYPE_INT32);
	const char *hex = string_at(&digests, file);
	uint32_t algorithm = PACKAGE_DIGEST_MD5; /* of packages that do not say */

	(void)number_at(&algorithms, 0, &algorithm);
	uint32_t len = package_digest_bytes(algorithm);

	if (hex != NULL && len > 0 && text_unhex(hex, f->digest, len) == MH_OK)
		f->algorithm = (enum package_digest)algorithm;
}

/* As rpm writes it: "[EPOCH:]VERSION-RELEASE". */
static char *
read_version(const struct header *h)
{
	struct tag version = find_tag(h, TAG_VERSION, TYPE_STRING);
	struct tag release = find_tag(h, TAG_RELEASE, TYPE_STRING);
	struct tag epochs = find_tag(h, TAG_EPOCH, TYPE_INT32);
	const char *v = string_at(&version, 0), *r = string_at(&release, 0);
	uint32_t epoch = 0;
	bool has_epoch = number_at(&epochs, 0, &epoch);
	MH_CLEANUP(freep)
	char *prefix = has_epoch ? xasprintf("%u:", (unsigned)epoch) : xstrdup("");

	return xasprintf("%s%s%s%s", prefix, v != NULL ? v : "", r != NULL ? "-" : "",
	    r != NULL ? r : "");
}

mh_err
rpm_header_find(const void *p, size_t len, const char *path, struct package_facts *ret)
{
	struct header h;
	uint32_t file = 0, flags = 0;
	mh_err err = read_head(p, len, &h);

	if (err != MH_OK)
		return err;
	struct tag names = find_tag(&h, TAG_NAME, TYPE_STRING);
	struct tag architectures = find_tag(&h, TAG_ARCH, TYPE_STRING);
	struct tag file_flags = find_tag(&h, TAG_FILE_FLAGS, TYPE_INT32);
	const char *name = string_at(&names, 0);
	const char *architecture = string_at(&architectures, 0);

	if (name == NULL)
		return MH_ERR_FORMAT;
	if (!find_file(&h, path, &file))
		return MH_ERR_NOTFOUND;
	*ret = (struct package_facts){ .database = PACKAGE_DB_RPM,
		.name = xstrdup(name),
		.version = read_version(&h),
		.architecture = xstrdup(architecture != NULL ? architecture : "") };
	(void)number_at(&file_flags, file, &flags);
	ret->is_config = (flags & FILE_IS_CONFIG) != 0;
	read_digest(&h, file, ret);
	return MH_OK;
}
