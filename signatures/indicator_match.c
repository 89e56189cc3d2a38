/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_set_impl.h"

uint32_t
indicator_set_n(const struct indicator_set *s, enum indicator_type type)
{
	return s->n[type];
}

bool
indicator_set_wants_hash(const struct indicator_set *s, enum indicator_type type)
{
	bool has_hashes = false;

	for (unsigned t = INDICATOR_MD5; t <= INDICATOR_SHA256; t++)
		has_hashes = has_hashes || s->n[t] > 0 || s->combined_wants[t];
	return indicator_digest_bytes(type) > 0 && has_hashes &&
	       (s->n[type] > 0 || s->combined_wants[type] || s->excepted[type]);
}

bool
indicator_set_has_names(const struct indicator_set *s)
{
	return indicator_names_n(s->names) > 0;
}

uint16_t
indicator_set_n_files(const struct indicator_set *s)
{
	return s->n_files;
}

const char *
indicator_set_name_space(const struct indicator_set *s, uint16_t file)
{
	assert(file < s->n_files);
	return s->name_spaces[file];
}

uint64_t
indicator_set_table_bytes(const struct indicator_set *s)
{
	return indicator_table_used(s->table);
}

char *
indicator_detail(const struct indicator_hit *hit, char which)
{
	const char *p = hit->details;

	while (p != NULL && *p != 0) {
		size_t len = strcspn(p, "\x1f");

		if (*p == which)
			return xstrndup(p + 1, len - 1);
		p += len;
		p += *p != 0;
	}
	return NULL;
}

int
anchor_compare(const void *x, const void *y)
{
	const struct anchor *a = x;
	const struct anchor *b = y;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return memcmp(a->digest, b->digest, sizeof(a->digest));
}

/* One comparison under way. */
struct comparison {
	struct indicator_set *set;
	const struct indicator_subject *subject;
	bool has_exception;
	indicator_hit_fn *on_hit;
	void *ctx;
};

static bool
holds(const struct stored_term *t, const struct indicator_subject *subject)
{
	const uint8_t *digest = NULL;

	switch (t->term.kind) {
	case TERM_HASH:
		digest = subject->digests[t->digest_type];
		/* What is not known is neither so nor otherwise. */
		return digest != NULL && (memcmp(digest, t->digest,
					      indicator_digest_bytes(
						  (enum indicator_type)t->digest_type)) ==
					     0) != t->term.is_negated;
	case TERM_NAME:
		return subject->path[0] != 0 &&
		       indicator_name_fits(t->term.name_kind, t->term.text,
			   t->term.is_caseless, subject->path) != t->term.is_negated;
	case TERM_SIZE:
		return subject->has_size &&
		       (subject->size >= t->term.from && subject->size <= t->term.to) !=
			   t->term.is_negated;
	case TERM_ADDRESS:
	case TERM_PORT:
	case TERM_DOMAIN:
	case TERM_UNKNOWN:
		break;
	}
	return false;
}

/* Whether all that has to hold besides does. */
static bool
is_complete(const struct indicator_set *s, const struct info *info,
    const struct indicator_subject *subject)
{
	if (info->combined == NO_COMBINED)
		return true;
	const struct combined *c = &s->combined[info->combined];

	for (size_t i = 0; i < c->n; i++) {
		if (!holds(&c->terms[i], subject))
			return false;
	}
	return true;
}

static void
tell_info(const struct indicator_set *s, const struct info *info,
    indicator_hit_fn *on_hit, void *ctx)
{
	struct indicator_hit hit = {
		.type = (enum indicator_type)info->type,
		.value = indicator_table_text(s->table, info->value),
		.name_space = s->name_spaces[info->file],
		.line = info->line,
		.score = info->score,
		.details = indicator_table_text(s->table, info->details),
		.is_combined = info->combined != NO_COMBINED,
	};

	on_hit(ctx, &hit);
}

static void
on_name(void *ctx, uint32_t tag)
{
	struct comparison *c = ctx;
	const struct info *info = &c->set->infos[tag];

	if (is_complete(c->set, info, c->subject))
		tell_info(c->set, info, c->on_hit, c->ctx);
}

static void
on_exception(void *ctx, uint32_t tag)
{
	struct comparison *c = ctx;

	(void)tag;
	c->has_exception = true;
}

static void
match_anchors(struct comparison *c, enum indicator_type type, const uint8_t *digest)
{
	const struct indicator_set *s = c->set;
	struct anchor wanted = { .type = (uint8_t)type };
	size_t first = 0;
	size_t end = s->n_anchors;

	memcpy(wanted.digest, digest, indicator_digest_bytes(type));
	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (anchor_compare(&s->anchors[middle], &wanted) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	for (; first < s->n_anchors && anchor_compare(&s->anchors[first], &wanted) == 0;
	     first++) {
		const struct info *info = &s->infos[s->anchors[first].info];

		if (is_complete(s, info, c->subject))
			tell_info(s, info, c->on_hit, c->ctx);
	}
}

/* Whether some list says that this content is never told. */
static bool
is_excepted(const struct indicator_set *s, const struct indicator_subject *subject)
{
	struct indicator_hash hash;

	for (unsigned t = INDICATOR_MD5; t <= INDICATOR_SHA256; t++) {
		enum indicator_type type = (enum indicator_type)t;

		if (subject->digests[t] != NULL &&
		    indicator_table_find(s->table, type, subject->digests[t], &hash) &&
		    hash.is_exception)
			return true;
	}
	return false;
}

static void
match_hash(struct comparison *c, enum indicator_type type, const uint8_t *digest)
{
	const struct indicator_set *s = c->set;
	struct indicator_hash hash;

	if (indicator_table_find(s->table, type, digest, &hash)) {
		MH_CLEANUP(freep)
		char *value = text_hex(digest, indicator_digest_bytes(type));
		struct indicator_hit hit = {
			.type = type,
			.value = value,
			.name_space = s->name_spaces[hash.file],
			.line = hash.line,
			.score = hash.score,
			.details = indicator_table_text(s->table, hash.details),
			.is_repeated = hash.is_repeated,
		};

		c->on_hit(c->ctx, &hit);
	}
	if (s->n_anchors > 0)
		match_anchors(c, type, digest);
}

bool
indicator_set_match(struct indicator_set *s, const struct indicator_subject *subject,
    indicator_hit_fn *on_hit, void *ctx)
{
	struct comparison c = { .set = s,
		.subject = subject,
		.on_hit = on_hit,
		.ctx = ctx };
	bool is_good = true;

	assert(s->is_sealed);
	if (subject->path[0] != 0 && indicator_names_n(s->exceptions) > 0)
		is_good =
		    indicator_names_match(s->exceptions, subject->path, on_exception, &c);
	if (c.has_exception)
		return is_good;
	bool has_excepted_content = is_excepted(s, subject);

	for (unsigned t = INDICATOR_MD5; !has_excepted_content && t <= INDICATOR_SHA256;
	     t++) {
		if (subject->digests[t] != NULL)
			match_hash(&c, (enum indicator_type)t, subject->digests[t]);
	}
	if (subject->path[0] != 0 && indicator_names_n(s->names) > 0 &&
	    !indicator_names_match(s->names, subject->path, on_name, &c))
		is_good = false;
	return is_good;
}

struct socket_comparison {
	const struct indicator_set *set;
	indicator_hit_fn *on_hit;
	void *ctx;
};

static void
on_address(void *ctx, uint32_t tag)
{
	struct socket_comparison *c = ctx;

	tell_info(c->set, &c->set->infos[tag], c->on_hit, c->ctx);
}

void
indicator_set_match_socket(const struct indicator_set *s, uint8_t family,
    const uint8_t *address, uint16_t port, indicator_hit_fn *on_hit, void *ctx)
{
	struct socket_comparison c = { s, on_hit, ctx };
	uint8_t bytes[16];

	assert(s->is_sealed);
	if (network_of_socket(family, address, bytes))
		indicator_addresses_match(s->addresses, bytes, port, on_address, &c);
}
