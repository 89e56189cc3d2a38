/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote.
 * Input: hostile.
 */
#include "signatures/indicator_set_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "signatures/indicator_limits.h"

enum { DETAILS_MAX = 4 * (INDICATOR_COMMENT_MAX + 2) };

#define DETAIL_SEPARATOR "\x1f"

/* Arrays grow at powers of two, so that the number of their items says when. */
static bool
is_full(size_t n)
{
	return (n & (n - 1)) == 0;
}

static size_t
room_for(size_t n)
{
	return n == 0 ? 1 : n * 2;
}

mh_err
indicator_set_new(int fd, int reader, struct indicator_set **ret)
{
	MH_CLEANUP(indicator_set_freep) struct indicator_set *s = xcalloc(1, sizeof(*s));
	mh_err err = indicator_table_new(fd, reader, &s->table);

	if (err != MH_OK)
		return err;
	s->empty = empty_digests_new();
	s->names = indicator_names_new();
	s->exceptions = indicator_names_new();
	s->addresses = indicator_addresses_new();
	*ret = MH_TAKE(s);
	return MH_OK;
}

void
indicator_set_free(struct indicator_set *s)
{
	if (s == NULL)
		return;
	indicator_table_free(s->table);
	empty_digests_free(s->empty);
	indicator_names_free(s->names);
	indicator_names_free(s->exceptions);
	indicator_addresses_free(s->addresses);
	for (size_t i = 0; i < s->n_combined; i++) {
		for (size_t k = 0; k < s->combined[i].n; k++)
			free(s->combined[i].terms[k].term.text);
		free(s->combined[i].terms);
	}
	for (unsigned i = 0; i < s->n_files; i++)
		free(s->name_spaces[i]);
	free(s->name_spaces);
	free(s->infos);
	free(s->combined);
	free(s->anchors);
	free(s->domains);
	free(s);
}

mh_err
indicator_set_add_file(struct indicator_set *s, const char *name_space, uint16_t *ret)
{
	assert(!s->is_sealed);
	if (s->n_files == INDICATOR_FILES_MAX)
		return MH_ERR_FULL;
	s->name_spaces =
	    xreallocarray(s->name_spaces, (size_t)s->n_files + 1, sizeof(char *));
	s->name_spaces[s->n_files] = xstrdup(name_space);
	*ret = s->n_files++;
	return MH_OK;
}

static void
add_detail(struct buf *b, char which, const char *text)
{
	if (text == NULL || text[0] == 0)
		return;
	MH_CLEANUP(freep) char *head = xstrndup(text, INDICATOR_COMMENT_MAX);

	/* The separator, and what would confuse a terminal, is not kept. */
	for (char *p = head; *p != 0; p++) {
		if ((unsigned char)*p < ' ')
			*p = ' ';
	}
	buf_addf(b, "%s%c%s", buf_len(b) > 0 ? DETAIL_SEPARATOR : "", which, head);
}

/* All details in one text of the table. */
static mh_err
keep_details(struct indicator_set *s, const struct indicator_facts *facts, uint32_t *ret)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(DETAILS_MAX);

	add_detail(b, 'c', facts->comment);
	add_detail(b, 'i', facts->id);
	add_detail(b, 'e', facts->event);
	add_detail(b, 'r', facts->reference);
	return indicator_table_keep(s->table, buf_string(b), buf_len(b), ret);
}

static uint8_t
score_of(const struct indicator_facts *facts, unsigned other)
{
	return (uint8_t)(facts->score < 0 ? other : (unsigned)facts->score);
}

static mh_err
table_is_full(char **ret_why)
{
	*ret_why = xstrdup("no room in the table of hashes");
	return MH_ERR_FULL;
}

/* A digest that says something. */
static mh_err
parse_hash(const struct indicator_set *s, const char *hex, uint8_t *digest,
    enum indicator_type *ret_type, char **ret_why)
{
	enum indicator_type type = digest_parse(hex, digest);

	if (type == INDICATOR_NONE) {
		*ret_why = xstrdup("no hash: MD5, SHA-1 or SHA-256 in hexadecimal have "
				   "32, 40 or 64 digits");
		return MH_ERR_INVALID;
	}
	const char *empty = empty_digests_find(s->empty, type, digest);

	if (empty != NULL) {
		*ret_why =
		    xasprintf("%s: it is in every machine and says nothing", empty);
		return MH_ERR_INVALID;
	}
	*ret_type = type;
	return MH_OK;
}

mh_err
indicator_set_add_hash(struct indicator_set *s, const char *hex, bool is_exception,
    const struct indicator_facts *facts, enum indicator_type *ret_type, char **ret_why)
{
	uint8_t digest[DIGEST_BYTES_MAX];
	struct indicator_hash hash = { .line = facts->line,
		.file = facts->file,
		.score = score_of(facts, SCORE_HASH),
		.is_exception = is_exception };
	enum indicator_type type = INDICATOR_NONE;
	mh_err err = parse_hash(s, hex, digest, &type, ret_why);

	assert(!s->is_sealed);
	if (err != MH_OK)
		return err;
	err = keep_details(s, facts, &hash.details);
	if (err == MH_OK)
		err = indicator_table_add(s->table, type, digest, &hash);
	if (err != MH_OK)
		return table_is_full(ret_why);
	if (is_exception)
		s->excepted[type] = true;
	else
		s->n[type]++;
	*ret_type = type;
	return MH_OK;
}

/* Describe an indicator whose value is text: its number among the infos. */
static mh_err
add_info(struct indicator_set *s, enum indicator_type type, const char *text,
    const struct indicator_facts *facts, unsigned score, uint32_t *ret, char **ret_why)
{
	struct info info = { .line = facts->line,
		.file = facts->file,
		.score = score_of(facts, score),
		.type = (uint8_t)type,
		.combined = NO_COMBINED };
	mh_err err = indicator_table_keep(s->table, text, strlen(text), &info.value);

	if (err == MH_OK)
		err = keep_details(s, facts, &info.details);
	if (err != MH_OK)
		return table_is_full(ret_why);
	if (s->n_infos == s->cap_infos) {
		s->cap_infos = s->cap_infos * 2 + 64;
		s->infos = xreallocarray(s->infos, s->cap_infos, sizeof(*s->infos));
	}
	s->infos[s->n_infos] = info;
	*ret = (uint32_t)s->n_infos++;
	return MH_OK;
}

static mh_err
full(const char *what, unsigned max, char **ret_why)
{
	*ret_why = xasprintf("there are more than %u %s", max, what);
	return MH_ERR_FULL;
}

/* Names that are in every machine are no indicators by themselves. */
static bool
is_too_short(enum name_kind kind, const char *text)
{
	return kind != NAME_REGEX && strlen(text) < INDICATOR_NAME_MIN;
}

mh_err
indicator_set_add_name(struct indicator_set *s, enum name_kind kind, const char *text,
    bool is_caseless, const char *except, const struct indicator_facts *facts,
    char **ret_why)
{
	uint32_t info = 0;

	assert(!s->is_sealed);
	if (is_too_short(kind, text)) {
		*ret_why = xstrdup("a name of less than 4 characters is everybody's");
		return MH_ERR_INVALID;
	}
	mh_err err =
	    add_info(s, INDICATOR_FILE_NAME, text, facts, SCORE_NAME, &info, ret_why);
	if (err != MH_OK)
		return err;
	err =
	    indicator_names_add(s->names, kind, text, is_caseless, except, info, ret_why);
	if (err != MH_OK) {
		s->n_infos--;
		return err == MH_ERR_FULL
			   ? full("patterns of file names", INDICATOR_NAMES_MAX, ret_why)
			   : err;
	}
	s->n[INDICATOR_FILE_NAME]++;
	return MH_OK;
}

mh_err
indicator_set_add_exception(struct indicator_set *s, const char *regex, char **ret_why)
{
	mh_err err = indicator_names_add(s->exceptions, NAME_REGEX, regex, false, NULL, 0,
	    ret_why);

	assert(!s->is_sealed);
	return err == MH_ERR_FULL ? full("exceptions", INDICATOR_NAMES_MAX, ret_why)
				  : err;
}

static mh_err
add_network(struct indicator_set *s, const struct network *network, const char *text,
    const struct indicator_facts *facts, char **ret_why)
{
	struct network tagged = *network;
	mh_err err = add_info(s, INDICATOR_ADDRESS, text, facts, SCORE_ADDRESS,
	    &tagged.tag, ret_why);

	if (err != MH_OK)
		return err;
	err = indicator_addresses_add(s->addresses, &tagged);
	if (err != MH_OK) {
		s->n_infos--;
		return full("addresses", INDICATOR_ADDRESSES_MAX, ret_why);
	}
	s->n[INDICATOR_ADDRESS]++;
	return MH_OK;
}

mh_err
indicator_set_add_address(struct indicator_set *s, const char *text,
    const struct indicator_facts *facts, char **ret_why)
{
	struct network network;
	const char *why = NULL;

	assert(!s->is_sealed);
	if (!network_parse(text, &network, &why)) {
		*ret_why = xstrdup(why);
		return MH_ERR_INVALID;
	}
	return add_network(s, &network, text, facts, ret_why);
}

mh_err
indicator_set_add_domain(struct indicator_set *s, const char *text,
    const struct indicator_facts *facts, char **ret_why)
{
	const char *why = NULL;
	MH_CLEANUP(freep)
	char *name = strchr(text, '/') != NULL ? host_path_parse(text, &why)
					       : domain_parse(text, &why);
	uint32_t info = 0;

	assert(!s->is_sealed);
	if (name == NULL) {
		*ret_why = xstrdup(why);
		return MH_ERR_INVALID;
	}
	if (s->n_domains == INDICATOR_DOMAINS_MAX)
		return full("names of hosts", INDICATOR_DOMAINS_MAX, ret_why);
	mh_err err =
	    add_info(s, INDICATOR_DOMAIN, name, facts, SCORE_DOMAIN, &info, ret_why);
	if (err != MH_OK)
		return err;
	if (s->infos[info].score > SCORE_DOMAIN_MAX)
		s->infos[info].score = SCORE_DOMAIN_MAX;
	if (is_full(s->n_domains))
		s->domains = xreallocarray(s->domains, room_for(s->n_domains),
		    sizeof(*s->domains));
	s->domains[s->n_domains++] = info;
	s->n[INDICATOR_DOMAIN]++;
	return MH_OK;
}

/* How good a term is to begin with; 0: it alone would match nearly everything. */
static unsigned
anchor_worth(const struct term *t)
{
	if (t->is_negated)
		return 0;
	switch (t->kind) {
	case TERM_HASH:
		return 100;
	case TERM_NAME:
		return t->name_kind == NAME_EXTENSION ||
			       is_too_short(t->name_kind, t->text)
			   ? 0
		       : t->name_kind == NAME_BASE || t->name_kind == NAME_TAIL ? 90
										: 80;
	case TERM_ADDRESS:
		return 70;
	case TERM_DOMAIN:
		return 60;
	case TERM_SIZE:
	case TERM_PORT:
	case TERM_UNKNOWN:
		break;
	}
	return 0;
}

static bool
is_of_network(const struct term *t)
{
	return t->kind == TERM_ADDRESS || t->kind == TERM_PORT || t->kind == TERM_DOMAIN;
}

static const struct term *
find_anchor(const struct way *way)
{
	const struct term *best = NULL;

	for (size_t i = 0; i < way->n; i++) {
		unsigned worth = anchor_worth(way->terms[i]);

		if (worth > 0 && (best == NULL || worth > anchor_worth(best)))
			best = way->terms[i];
	}
	return best;
}

/* Keep the terms but anchor; *ret is their number, NO_COMBINED when there are none. */
static mh_err
keep_terms(struct indicator_set *s, const struct way *way, const struct term *anchor,
    uint32_t *ret, char **ret_why)
{
	struct combined c = { xcalloc(way->n, sizeof(*c.terms)), 0 };
	mh_err err = s->n_combined == INDICATOR_COMBINED_MAX
			 ? full("combined indicators", INDICATOR_COMBINED_MAX, ret_why)
			 : MH_OK;

	*ret = NO_COMBINED;
	for (size_t i = 0; err == MH_OK && i < way->n; i++) {
		struct stored_term *t = &c.terms[c.n];
		enum indicator_type type = INDICATOR_NONE;

		if (way->terms[i] == anchor)
			continue;
		if (way->terms[i]->kind == TERM_HASH)
			err =
			    parse_hash(s, way->terms[i]->text, t->digest, &type, ret_why);
		if (err != MH_OK)
			break;
		t->digest_type = (uint8_t)type;
		t->term = *way->terms[i];
		t->term.text = xstrdup(t->term.text);
		c.n++;
	}
	if (err != MH_OK || c.n == 0) {
		for (size_t i = 0; i < c.n; i++)
			free(c.terms[i].term.text);
		free(c.terms);
		return err;
	}
	for (size_t i = 0; i < c.n; i++)
		s->combined_wants[c.terms[i].digest_type] |=
		    c.terms[i].digest_type != INDICATOR_NONE;
	if (is_full(s->n_combined))
		s->combined = xreallocarray(s->combined, room_for(s->n_combined),
		    sizeof(*s->combined));
	s->combined[s->n_combined] = c;
	*ret = (uint32_t)s->n_combined++;
	return MH_OK;
}

static mh_err
add_anchor_hash(struct indicator_set *s, const struct term *anchor, uint32_t combined,
    const struct indicator_facts *facts, enum indicator_type *ret_type, char **ret_why)
{
	struct anchor a = { .type = INDICATOR_NONE };
	enum indicator_type type = INDICATOR_NONE;
	mh_err err = parse_hash(s, anchor->text, a.digest, &type, ret_why);

	if (err == MH_OK)
		err =
		    add_info(s, type, anchor->text, facts, SCORE_HASH, &a.info, ret_why);
	if (err != MH_OK)
		return err;
	a.type = (uint8_t)type;
	s->infos[a.info].combined = combined;
	if (is_full(s->n_anchors))
		s->anchors = xreallocarray(s->anchors, room_for(s->n_anchors),
		    sizeof(*s->anchors));
	s->anchors[s->n_anchors++] = a;
	s->combined_wants[type] = true;
	s->n[type]++;
	*ret_type = type;
	return MH_OK;
}

/* A connection: an address, with a port or without, or the name of a host alone. */
static mh_err
add_way_of_network(struct indicator_set *s, const struct way *way,
    const struct term *anchor, const struct indicator_facts *facts,
    enum indicator_type *ret_type, char **ret_why)
{
	const struct term *port = NULL;
	struct network network;
	const char *why = NULL;
	bool is_good = way->n <= 2;

	for (size_t i = 0; i < way->n; i++) {
		if (way->terms[i] == anchor)
			continue;
		port = way->terms[i];
		is_good = is_good && port->kind == TERM_PORT && !port->is_negated &&
			  anchor->kind == TERM_ADDRESS;
	}
	if (!is_good) {
		*ret_why = xstrdup("what it asks for at once is seen of no one thing");
		return MH_ERR_INVALID;
	}
	*ret_type = anchor->kind == TERM_DOMAIN ? INDICATOR_DOMAIN : INDICATOR_ADDRESS;
	if (anchor->kind == TERM_DOMAIN)
		return indicator_set_add_domain(s, anchor->text, facts, ret_why);
	if (!network_parse(anchor->text, &network, &why)) {
		*ret_why = xstrdup(why);
		return MH_ERR_INVALID;
	}
	if (port != NULL)
		network.port = (uint16_t)port->from;
	MH_CLEANUP(freep)
	char *text = port != NULL
			 ? xasprintf("%s port %u", anchor->text, (unsigned)network.port)
			 : xstrdup(anchor->text);

	return add_network(s, &network, text, facts, ret_why);
}

/* Files: the anchor leads to it, the other terms are asked then. */
static mh_err
add_way_of_file(struct indicator_set *s, const struct way *way, const struct term *anchor,
    const struct indicator_facts *facts, enum indicator_type *ret_type, char **ret_why)
{
	uint32_t combined = NO_COMBINED;
	mh_err err = keep_terms(s, way, anchor, &combined, ret_why);

	if (err != MH_OK)
		return err;
	if (anchor->kind == TERM_HASH && combined == NO_COMBINED)
		return indicator_set_add_hash(s, anchor->text, false, facts, ret_type,
		    ret_why);
	if (anchor->kind == TERM_HASH)
		return add_anchor_hash(s, anchor, combined, facts, ret_type, ret_why);
	err = indicator_set_add_name(s, anchor->name_kind, anchor->text,
	    anchor->is_caseless, NULL, facts, ret_why);
	if (err != MH_OK)
		return err;
	s->infos[s->n_infos - 1].combined = combined;
	*ret_type = INDICATOR_FILE_NAME;
	return MH_OK;
}

mh_err
indicator_set_add_way(struct indicator_set *s, const struct way *way,
    const struct indicator_facts *facts, enum indicator_type *ret_type, char **ret_why)
{
	const struct term *anchor = find_anchor(way);
	bool has_network = false;

	for (size_t i = 0; i < way->n; i++)
		has_network = has_network || is_of_network(way->terms[i]);
	if (anchor == NULL) {
		*ret_why = xstrdup("what it asks for is true of too many files: a hash, "
				   "a name or an address is needed");
		return MH_ERR_INVALID;
	}
	return has_network ? add_way_of_network(s, way, anchor, facts, ret_type, ret_why)
			   : add_way_of_file(s, way, anchor, facts, ret_type, ret_why);
}

mh_err
indicator_set_seal(struct indicator_set *s)
{
	assert(!s->is_sealed);
	mh_err err = indicator_table_seal(s->table);

	if (err != MH_OK)
		return err;
	indicator_names_seal(s->names);
	indicator_names_seal(s->exceptions);
	indicator_addresses_seal(s->addresses);
	if (s->n_anchors > 1)
		qsort(s->anchors, s->n_anchors, sizeof(*s->anchors), anchor_compare);
	s->is_sealed = true;
	return MH_OK;
}
