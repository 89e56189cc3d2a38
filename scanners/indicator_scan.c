/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile.
 */
#include "scanners/indicator_scan.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "records/check.h"

struct indicator_scanner {
	struct indicator_set *set;
	struct hasher *hasher;
	unsigned kinds; /* of hashes that are compared: bits 1u << enum hash_kind */
};

/* One comparison: where its hits go. */
struct taking {
	struct match_outcome *outcome;
	uint32_t first;                      /* of its matches in the outcome */
	const struct process_socket *socket; /* that was compared, or NULL */
	bool is_full;                        /* there are more than are told */
};

static const struct {
	enum hash_kind kind;
	enum indicator_type type;
} hash_types[] = {
	{ HASH_SHA256, INDICATOR_SHA256 },
	{ HASH_SHA1, INDICATOR_SHA1 },
	{ HASH_MD5, INDICATOR_MD5 },
};

struct indicator_scanner *
indicator_scanner_new(struct indicator_set *set, struct hasher *h)
{
	struct indicator_scanner *is = xcalloc(1, sizeof(*is));

	is->set = set;
	is->hasher = h;
	for (size_t i = 0; i < MH_ARRAY_LEN(hash_types); i++) {
		if (indicator_set_wants_hash(set, hash_types[i].type))
			is->kinds |= 1u << hash_types[i].kind;
	}
	return is;
}

void
indicator_scanner_free(struct indicator_scanner *is)
{
	free(is);
}

static void
add_detail(struct match *m, const struct indicator_hit *hit, char which, const char *name)
{
	MH_CLEANUP(freep) char *text = indicator_detail(hit, which);

	if (text != NULL)
		check_match_add_text(m, name, text);
}

/* "192.0.2.1:443", "[2001:db8::1]:443"; new. */
static char *
address_text(uint8_t family, const uint8_t *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN] = "?";

	(void)inet_ntop(family, address, text, sizeof(text));
	return family == AF_INET6 ? xasprintf("[%s]:%u", text, (unsigned)port)
				  : xasprintf("%s:%u", text, (unsigned)port);
}

static void
add_socket(struct match *m, const struct process_socket *s)
{
	MH_CLEANUP(freep)
	char *remote = address_text(s->family, s->remote, s->remote_port);
	MH_CLEANUP(freep) char *local = address_text(s->family, s->local, s->local_port);

	check_match_add_text(m, "remote", remote);
	check_match_add_text(m, "local", local);
	check_match_add_text(m, "protocol",
	    s->protocol == IPPROTO_TCP   ? "tcp"
	    : s->protocol == IPPROTO_UDP ? "udp"
					 : "other");
}

static const char *
description_of(enum indicator_type type)
{
	switch (type) {
	case INDICATOR_MD5:
		return "Content with an MD5 hash from a list of indicators";
	case INDICATOR_SHA1:
		return "Content with a SHA-1 hash from a list of indicators";
	case INDICATOR_SHA256:
		return "Content with a SHA-256 hash from a list of indicators";
	case INDICATOR_FILE_NAME:
		return "A name or path from a list of indicators";
	case INDICATOR_ADDRESS:
		return "A connection with an address from a list of indicators";
	case INDICATOR_DOMAIN:
	case INDICATOR_NONE:
	case INDICATOR_MAX_:
		break;
	}
	return "An indicator";
}

static struct match *
match_of(const struct indicator_hit *hit, const struct process_socket *socket)
{
	struct match *m = xcalloc(1, sizeof(*m));
	const char *type = indicator_type_name(hit->type);
	char name[RULE_NAME_MAX + 1];

	(void)snprintf(name, sizeof(name), "%s:%s", type, hit->value);
	m->indicator = hit->type;
	m->rule = xstrdup(name);
	m->name_space = xstrndup(hit->name_space, NAMESPACE_MAX);
	m->part_name = xstrdup("");
	check_match_add_text(m, "type", type);
	check_match_add_text(m, "value", hit->value);
	check_match_add_text(m, "list", hit->name_space);
	check_match_add_number(m, "line", hit->line);
	check_match_add_number(m, "score", hit->score);
	check_match_add_text(m, "description", description_of(hit->type));
	add_detail(m, hit, 'c', "comment");
	add_detail(m, hit, 'i', "indicator_id");
	add_detail(m, hit, 'e', "event");
	add_detail(m, hit, 'r', "reference");
	if (hit->is_repeated)
		check_match_add_truth(m, "in_other_lists", true);
	if (hit->is_combined)
		check_match_add_truth(m, "combined", true);
	if (hit->type == INDICATOR_MD5)
		check_match_add_text(m, "note",
		    "by MD5 alone, of which others can be made on purpose");
	if (socket != NULL)
		add_socket(m, socket);
	return m;
}

static bool
is_there(const struct taking *t, const struct match *m)
{
	for (uint32_t i = t->first; i < t->outcome->n_matches; i++) {
		const struct match *other = t->outcome->matches[i];

		if (other->indicator == m->indicator &&
		    strcmp(other->rule, m->rule) == 0 &&
		    strcmp(other->name_space, m->name_space) == 0)
			return true;
	}
	return false;
}

static void
take_hit(void *ctx, const struct indicator_hit *hit)
{
	struct taking *t = ctx;
	struct match_outcome *o = t->outcome;
	MH_CLEANUP(match_freep) struct match *m = match_of(hit, t->socket);

	if (is_there(t, m))
		return;
	if (o->n_matches - t->first >= INDICATOR_MATCHES_MAX) {
		t->is_full = true;
		return;
	}
	o->matches = xreallocarray(o->matches, o->n_matches + 1, sizeof(*o->matches));
	o->matches[o->n_matches++] = MH_TAKE(m);
}

/* The hashes of c that are compared, all in one pass; false when not all of it is there. */
static bool
hash_content(struct indicator_scanner *is, const struct content *c, uint64_t size,
    struct hashes *ret, unsigned *ret_kinds)
{
	static const uint8_t nothing[1];
	const uint8_t *data = c->n_blocks > 0 ? c->blocks[0].data : nothing;
	size_t len = c->n_blocks > 0 ? c->blocks[0].len : 0;

	*ret_kinds = 0;
	if (is->kinds == 0)
		return true;
	if (len != size)
		return false;
	*ret_kinds = hasher_hash_kinds(is->hasher, is->kinds, data, len, ret);
	return *ret_kinds == is->kinds;
}

/* What does not fit is said. */
static void
end_taking(const struct taking *t)
{
	if (t->is_full)
		note_list_add(&t->outcome->notes, REASON_RULE, 0, "",
		    "more than 64 indicators match: not all of them are told");
}

static void
compare(struct indicator_scanner *is, struct indicator_subject *subject,
    const struct hashes *h, unsigned kinds, struct match_outcome *o)
{
	struct taking taking = { .outcome = o, .first = o->n_matches };
	const uint8_t *const places[HASH_MAX_] = { h->sha256, h->sha1, h->md5 };

	for (size_t i = 0; i < MH_ARRAY_LEN(hash_types); i++) {
		if ((kinds & 1u << hash_types[i].kind) != 0)
			subject->digests[hash_types[i].type] = places[hash_types[i].kind];
	}
	if (!indicator_set_match(is->set, subject, take_hit, &taking))
		note_list_add(&o->notes, REASON_RULE, 0, "",
		    "a regular expression of an indicator took too many steps on its "
		    "path");
	end_taking(&taking);
}

void
indicator_scan_file(struct indicator_scanner *is, const struct target *t,
    const struct content *c, struct verdict *v, struct match_outcome *o)
{
	struct indicator_subject subject = { .path = t->path,
		.has_size = true,
		.size = c->file_size };
	struct hashes h;
	unsigned kinds = 0;

	if (is == NULL)
		return;
	if (!hash_content(is, c, c->file_size, &h, &kinds) && v->detail == NULL)
		v->detail = xstrdup("not wholly read: its hashes were not compared with "
				    "indicators");
	if ((kinds & 1u << HASH_SHA256) != 0) {
		memcpy(v->sha256, h.sha256, sizeof(v->sha256));
		v->has_sha256 = true;
	}
	if ((kinds & 1u << HASH_SHA1) != 0) {
		memcpy(v->sha1, h.sha1, sizeof(v->sha1));
		v->has_sha1 = true;
	}
	if ((kinds & 1u << HASH_MD5) != 0) {
		memcpy(v->md5, h.md5, sizeof(v->md5));
		v->has_md5 = true;
	}
	compare(is, &subject, &h, kinds, o);
}

void
indicator_scan_member(struct indicator_scanner *is, const char *path,
    const struct content *c, struct match_outcome *o)
{
	struct indicator_subject subject = { .path = path,
		.has_size = true,
		.size = c->n_bytes };
	struct hashes h;
	unsigned kinds = 0;

	if (is == NULL)
		return;
	/* Members that are not whole are told as such by who unpacks them. */
	(void)hash_content(is, c, c->n_bytes, &h, &kinds);
	compare(is, &subject, &h, kinds, o);
}

/* The program of a process, whether or not its file is still there. */
static char *
program_path(const char *program)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(program);
	size_t tail = sizeof(deleted) - 1;

	if (len > tail && strcmp(program + len - tail, deleted) == 0)
		len -= tail;
	return xstrndup(program, len);
}

static void
compare_sockets(struct indicator_scanner *is, const struct target *t,
    struct match_outcome *o)
{
	struct taking taking = { .outcome = o, .first = o->n_matches };

	for (uint32_t i = 0; i < t->n_sockets; i++) {
		const struct process_socket *s = &t->sockets[i];

		taking.socket = s;
		if (s->remote_port != 0)
			indicator_set_match_socket(is->set, s->family, s->remote,
			    s->remote_port, take_hit, &taking);
	}
	end_taking(&taking);
	if (t->n_sockets_left > 0) {
		MH_CLEANUP(freep)
		char *what = xasprintf("%u sockets were not compared with indicators",
		    t->n_sockets_left);

		note_list_add(&o->notes, REASON_UNSEEN, 0, "", what);
	}
}

/*
 * A folder whose name ends a pattern with a slash behind: "^/etc/intel_audio/".  What
 * matched without is not told again.
 */
static void
compare_folder(struct indicator_scanner *is, const char *path, struct match_outcome *o)
{
	MH_CLEANUP(freep) char *inside = xasprintf("%s/", path);
	struct indicator_subject subject = { .path = inside };
	struct taking taking = { .outcome = o };

	/* That an expression took too long was told for the path itself. */
	bool is_whole = indicator_set_match(is->set, &subject, take_hit, &taking);

	(void)is_whole;
	end_taking(&taking);
}

void
indicator_scan_facts(struct indicator_scanner *is, const struct target *t,
    struct verdict *ret_verdict, struct match_outcome *ret_outcome)
{
	MH_CLEANUP(freep)
	char *path = t->kind == TARGET_PROCESS
			 ? program_path(t->program != NULL ? t->program : "")
			 : xstrdup(t->path);
	struct indicator_subject subject = { .path = path };
	const struct hashes none = { { 0 }, { 0 }, { 0 } };

	memset(ret_verdict, 0, sizeof(*ret_verdict));
	memset(ret_outcome, 0, sizeof(*ret_outcome));
	ret_verdict->target = t->id;
	if (is == NULL)
		return;
	compare(is, &subject, &none, 0, ret_outcome);
	if (t->kind == TARGET_NAME && S_ISDIR(t->mode))
		compare_folder(is, path, ret_outcome);
	if (t->kind == TARGET_PROCESS && indicator_set_n(is->set, INDICATOR_ADDRESS) > 0)
		compare_sockets(is, t, ret_outcome);
}
