/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from the opener, which read databases of packages. */
#include "records/facts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/channel.h"
#include "base/memory.h"

enum {
	FACTS_FIXED_BYTES = 16, /* more than the numbers and lengths of one take */
	FACTS_RECORD_MAX =
	    3 * (PACKAGE_TEXT_MAX + 4) + PACKAGE_DIGEST_MAX + FACTS_FIXED_BYTES,
};
static_assert(FACTS_PATHS_MAX * FACTS_RECORD_MAX + 8 <= CHANNEL_PAYLOAD_MAX,
    "answers to the largest request fit in a message");

void
package_facts_clear(struct package_facts *f)
{
	free(f->name);
	free(f->version);
	free(f->architecture);
	memset(f, 0, sizeof(*f));
}

uint32_t
package_digest_bytes(unsigned algorithm)
{
	switch (algorithm) {
#define PACKAGE_DIGEST(name, number, bytes, word) \
	case (number):                            \
		return (bytes);
		PACKAGE_DIGESTS(PACKAGE_DIGEST)
#undef PACKAGE_DIGEST
	default:
		return 0;
	}
}

const char *
package_digest_name(enum package_digest algorithm)
{
	switch (algorithm) {
#define PACKAGE_DIGEST(name, number, bytes, word) \
	case PACKAGE_DIGEST_##name:               \
		return (word);
		PACKAGE_DIGESTS(PACKAGE_DIGEST)
#undef PACKAGE_DIGEST
	}
	return "none";
}

const char *
package_database_name(enum package_database database)
{
	static const char *const words[] = {
#define PACKAGE_DATABASE(name, word) word,
		PACKAGE_DATABASES(PACKAGE_DATABASE)
#undef PACKAGE_DATABASE
	};

	return database < PACKAGE_DB_MAX_ ? words[database] : words[0];
}

const char *
package_unknown_text(enum package_unknown unknown)
{
	static const char *const words[] = {
#define PACKAGE_UNKNOWN(name, word) word,
		PACKAGE_UNKNOWNS(PACKAGE_UNKNOWN)
#undef PACKAGE_UNKNOWN
	};

	assert(unknown < PACKAGE_UNKNOWN_MAX_);
	return words[unknown];
}

void
facts_request_clear(struct facts_request *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		free(f->paths[i]);
	free(f->paths);
	memset(f, 0, sizeof(*f));
}

void
facts_request_encode(const struct facts_request *f, struct buf *b)
{
	buf_put_u32(b, f->id);
	buf_put_u32(b, f->n);
	for (uint32_t i = 0; i < f->n; i++)
		buf_put_string(b, f->paths[i]);
}

void
facts_request_decode(struct reader *r, struct facts_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = reader_u32(r);
	ret->n = reader_count(r, FACTS_PATHS_MAX);
	ret->paths = xcalloc(ret->n, sizeof(*ret->paths));
	for (uint32_t i = 0; i < ret->n; i++) {
		ret->paths[i] = reader_string(r, PATH_BYTES_MAX);
		if (ret->paths[i][0] != '/')
			r->failed = true;
	}
}

void
facts_answer_clear(struct facts_answer *a)
{
	for (uint32_t i = 0; i < a->n; i++)
		package_facts_clear(&a->items[i]);
	free(a->items);
	memset(a, 0, sizeof(*a));
}

static void
put_text(const char *text, struct buf *b)
{
	size_t len = text != NULL ? strnlen(text, PACKAGE_TEXT_MAX) : 0;

	buf_put_bytes(b, text != NULL ? text : "", len);
}

static void
encode_facts(const struct package_facts *f, struct buf *b)
{
	buf_put_u8(b, (uint8_t)f->unknown);
	if (f->unknown != PACKAGE_UNKNOWN_NOT)
		return;
	buf_put_u8(b, (uint8_t)f->database);
	put_text(f->name, b);
	put_text(f->version, b);
	put_text(f->architecture, b);
	buf_put_u8(b, (uint8_t)f->algorithm);
	buf_put(b, f->digest, package_digest_bytes(f->algorithm));
	buf_put_u8(b, f->is_config);
}

void
facts_answer_encode(const struct facts_answer *a, struct buf *b)
{
	buf_put_u32(b, a->id);
	buf_put_u32(b, a->n);
	for (uint32_t i = 0; i < a->n; i++)
		encode_facts(&a->items[i], b);
}

static void
decode_digest(struct reader *r, struct package_facts *ret)
{
	uint8_t algorithm = reader_u8(r);
	uint32_t len = package_digest_bytes(algorithm);
	const uint8_t *p = len > 0 ? reader_raw(r, len) : NULL;

	if (len == 0 && algorithm != PACKAGE_DIGEST_NONE) {
		r->failed = true;
		return;
	}
	ret->algorithm = (enum package_digest)algorithm;
	if (p != NULL)
		memcpy(ret->digest, p, len);
}

static void
decode_facts(struct reader *r, struct package_facts *ret)
{
	uint8_t unknown = reader_u8(r);

	if (unknown >= PACKAGE_UNKNOWN_MAX_)
		r->failed = true;
	else
		ret->unknown = (enum package_unknown)unknown;
	if (unknown != PACKAGE_UNKNOWN_NOT)
		return;
	uint8_t database = reader_u8(r);

	if (database == PACKAGE_DB_NONE || database >= PACKAGE_DB_MAX_)
		r->failed = true;
	else
		ret->database = (enum package_database)database;
	ret->name = reader_string(r, PACKAGE_TEXT_MAX);
	ret->version = reader_string(r, PACKAGE_TEXT_MAX);
	ret->architecture = reader_string(r, PACKAGE_TEXT_MAX);
	decode_digest(r, ret);
	ret->is_config = reader_u8(r) != 0;
}

void
facts_answer_decode(struct reader *r, struct facts_answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = reader_u32(r);
	ret->n = reader_count(r, FACTS_PATHS_MAX);
	ret->items = xcalloc(ret->n, sizeof(*ret->items));
	for (uint32_t i = 0; i < ret->n; i++)
		decode_facts(r, &ret->items[i]);
}
