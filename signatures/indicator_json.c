/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indicators in JSON: MISP's core format and STIX 2.1.
 *
 * Runs in: zygote.
 * Input: hostile.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/indicator_load_impl.h"
#include "signatures/indicator_value.h"

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

void
read_json(struct loader *l, const char *text, size_t len, enum indicator_format format)
{
	json_error_t error;
	json_t *root = NULL;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	/* Strict: UTF-8, no NUL in texts, at most 2,048 levels (jansson's own limit). */
	root = json_loadb(text, len, 0, &error);
	if (root == NULL) {
		loader_leave_out(l, error.line > 0 ? (uint32_t)error.line : 0,
		    xasprintf("no JSON: %s (column %d)", error.text, error.column));
		loader_fail(l, xasprintf("line %d, column %d: no JSON: %s", error.line,
				   error.column, error.text));
		return;
	}
	bool is_stix =
	    strcmp(text_of(root, "type"), "bundle") == 0 ||
	    (format == FORMAT_STIX && json_object_get(root, "objects") != NULL) ||
	    strcmp(text_of(root, "type"), "indicator") == 0;

	l->result->format = is_stix ? FORMAT_STIX : FORMAT_MISP_JSON;
	if (is_stix)
		read_stix(l, root);
	else
		read_misp(l, root);
	json_decref(root);
}

/* The two halves of "name|hash". */
static void
add_pair(struct loader *l, const struct value *v, bool (*is_wanted)(size_t half),
    enum value_kind kind)
{
	const char *bar = strchr(v->text, '|');
	MH_CLEANUP(freep)
	char *first =
	    xstrndup(v->text, bar != NULL ? (size_t)(bar - v->text) : strlen(v->text));
	const char *halves[] = { first, bar != NULL ? bar + 1 : "" };

	for (size_t i = 0; i < MH_ARRAY_LEN(halves); i++) {
		struct value half = *v;

		half.kind = kind;
		half.text = halves[i];
		/* What the file was called is worth knowing beside its hash. */
		if (kind == VALUE_HASH && (half.comment == NULL || half.comment[0] == 0))
			half.comment = first;
		if (is_wanted(i))
			loader_add(l, &half);
	}
}

static bool
is_second(size_t half)
{
	return half == 1;
}

static bool
is_any(size_t half)
{
	(void)half;
	return true;
}

/* "192.0.2.1|443" */
static void
add_address_with_port(struct loader *l, const struct value *v)
{
	const char *bar = strchr(v->text, '|');
	size_t len = bar != NULL ? (size_t)(bar - v->text) : strlen(v->text);
	bool is_6 = memchr(v->text, ':', len) != NULL;
	MH_CLEANUP(freep)
	char *text = xasprintf("%s%.*s%s%s%s", is_6 ? "[" : "", (int)len, v->text,
	    is_6 ? "]" : "", bar != NULL ? ":" : "", bar != NULL ? bar + 1 : "");
	struct value address = *v;

	address.text = text;
	address.kind = VALUE_C2;
	loader_add(l, &address);
}

/* What a type of MISP's is here. */
enum misp_kind {
	MISP_HASH,
	MISP_FILE,
	MISP_NAME_AND_HASH,
	MISP_HOST,
	MISP_ADDRESS,
	MISP_ADDRESS_AND_PORT,
	MISP_HOST_AND_PORT,
	MISP_DOMAIN_AND_ADDRESS,
	MISP_URL,
};

static const struct {
	const char *name;
	enum misp_kind kind;
} misp_types[] = {
	{ "md5", MISP_HASH },
	{ "sha1", MISP_HASH },
	{ "sha256", MISP_HASH },
	{ "filename", MISP_FILE },
	{ "filename|md5", MISP_NAME_AND_HASH },
	{ "filename|sha1", MISP_NAME_AND_HASH },
	{ "filename|sha256", MISP_NAME_AND_HASH },
	{ "malware-sample", MISP_NAME_AND_HASH },
	{ "domain", MISP_HOST },
	{ "hostname", MISP_HOST },
	{ "ip-dst", MISP_ADDRESS },
	{ "ip-src", MISP_ADDRESS },
	{ "ip-dst|port", MISP_ADDRESS_AND_PORT },
	{ "ip-src|port", MISP_ADDRESS_AND_PORT },
	{ "hostname|port", MISP_HOST_AND_PORT },
	{ "domain|ip", MISP_DOMAIN_AND_ADDRESS },
	{ "url", MISP_URL },
};

/* The name of a host, of which the port is not asked. */
static void
add_host(struct loader *l, const struct value *v)
{
	MH_CLEANUP(freep) char *host = xstrndup(v->text, strcspn(v->text, "|"));
	struct value name = *v;

	name.text = host;
	name.kind = VALUE_NO_IP;
	loader_add(l, &name);
}

void
read_misp_attribute(struct loader *l, const char *type, struct value *v)
{
	size_t i = 0;

	while (i < MH_ARRAY_LEN(misp_types) && strcmp(misp_types[i].name, type) != 0)
		i++;
	if (i == MH_ARRAY_LEN(misp_types)) {
		l->result->n_other++;
		return;
	}
	switch (misp_types[i].kind) {
	case MISP_HASH:
		v->kind = VALUE_HASH;
		break;
	case MISP_FILE:
		v->kind = VALUE_FILE;
		break;
	case MISP_ADDRESS:
	case MISP_URL:
		v->kind = VALUE_C2;
		break;
	case MISP_NAME_AND_HASH:
		add_pair(l, v, is_second, VALUE_HASH);
		return;
	case MISP_HOST:
	case MISP_HOST_AND_PORT:
		add_host(l, v);
		return;
	case MISP_ADDRESS_AND_PORT:
		add_address_with_port(l, v);
		return;
	case MISP_DOMAIN_AND_ADDRESS:
		add_pair(l, v, is_any, VALUE_C2);
		return;
	}
	if (misp_types[i].kind == MISP_URL && url_rest(v->text) == NULL) {
		loader_leave_out(l, v->line,
		    xasprintf("%s: it is no URL", v->id != NULL ? v->id : "url"));
		return;
	}
	loader_add(l, v);
}

/* json: true, "1" and 1 all occur in exports. */
static bool
is_true(const json_t *j)
{
	const char *text = json_string_value(j);

	return json_is_true(j) || (json_is_integer(j) && json_integer_value(j) != 0) ||
	       (text != NULL && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0));
}

static void
read_attribute(struct loader *l, const json_t *attribute, const char *event,
    const char *info)
{
	struct value v = {
		.text = text_of(attribute, "value"),
		.comment = text_of(attribute, "comment"),
		.id = text_of(attribute, "uuid"),
		.event = event,
		.reference = info,
		.score = -1,
	};
	const char *type = text_of(attribute, "type");

	if (is_true(json_object_get(attribute, "deleted"))) {
		l->result->n_revoked++;
	} else if (!is_true(json_object_get(attribute, "to_ids"))) {
		l->result->n_not_for_detection++;
	} else if (type[0] == 0 || v.text[0] == 0) {
		loader_leave_out(l, 0,
		    xasprintf("attribute %.40s: it has no type or no value", v.id));
	} else {
		read_misp_attribute(l, type, &v);
	}
}

static void
read_attributes(struct loader *l, const json_t *list, const char *event, const char *info)
{
	size_t i = 0;
	const json_t *attribute = NULL;

	json_array_foreach(list, i, attribute)
	{
		/* Attributes that were searched for have their event with them. */
		const json_t *own = json_object_get(attribute, "Event");

		read_attribute(l, attribute, own != NULL ? text_of(own, "uuid") : event,
		    own != NULL ? text_of(own, "info") : info);
	}
}

static void
read_event(struct loader *l, const json_t *event)
{
	const char *uuid = text_of(event, "uuid");
	const char *info = text_of(event, "info");
	size_t i = 0;
	const json_t *object = NULL;

	read_attributes(l, json_object_get(event, "Attribute"), uuid, info);
	json_array_foreach(json_object_get(event, "Object"), i, object)
	{
		if (!is_true(json_object_get(object, "deleted")))
			read_attributes(l, json_object_get(object, "Attribute"), uuid,
			    info);
	}
}

/* An event, {"Event":...}, {"response":...} of either, or a list of these. */
static bool
read_misp_part(struct loader *l, const json_t *part, unsigned depth)
{
	enum { DEPTH_MAX = 4 }; /* a list in a response in a list */
	const json_t *event = json_object_get(part, "Event");
	const json_t *response = json_object_get(part, "response");
	bool is_some = false;
	size_t i = 0;
	const json_t *item = NULL;

	if (depth == DEPTH_MAX)
		return false;
	if (json_is_object(event)) {
		read_event(l, event);
		return true;
	}
	if (response != NULL)
		return read_misp_part(l, response, depth + 1);
	if (json_is_array(json_object_get(part, "Attribute")) ||
	    json_is_array(json_object_get(part, "Object"))) {
		read_event(l, part);
		return true;
	}
	json_array_foreach(part, i, item) is_some =
	    read_misp_part(l, item, depth + 1) || is_some;
	return is_some;
}

void
read_misp(struct loader *l, const struct json_t *root)
{
	if (!read_misp_part(l, root, 0))
		loader_fail(l, xstrdup("JSON, but neither events of MISP nor a bundle of "
				       "STIX 2"));
}

/* Whether its time is over, or it was taken back: then it is counted. */
static bool
is_over(struct loader *l, const json_t *object, const char *id)
{
	const char *until = text_of(object, "valid_until");
	int64_t until_s = 0;

	if (json_is_true(json_object_get(object, "revoked"))) {
		l->result->n_revoked++;
		return true;
	}
	if (until[0] == 0)
		return false;
	if (!time_parse(until, &until_s)) {
		loader_leave_out(l, 0,
		    xasprintf("%.80s: valid_until is no time: %.40s", id, until));
		return true;
	}
	if (until_s > l->now_s)
		return false;
	l->result->n_expired++;
	return true;
}

/* STIX's confidence, 0..100, is how sure its maker is, not how bad it is. */
static void
read_indicator(struct loader *l, const json_t *object)
{
	const char *id = text_of(object, "id");
	const char *pattern = text_of(object, "pattern");
	const char *type = text_of(object, "pattern_type");
	const char *name = text_of(object, "name");
	struct value v = {
		.text = id,
		.id = id,
		.comment = name[0] != 0 ? name : text_of(object, "description"),
		.score = -1,
	};
	char *why = NULL;

	if (is_over(l, object, id))
		return;
	if (type[0] != 0 && strcmp(type, "stix") != 0) {
		l->result->n_other++;
		return;
	}
	MH_CLEANUP(node_freep) struct node *root = stix_pattern_parse(pattern, &why);

	if (root == NULL) {
		loader_leave_out(l, 0, xasprintf("%.80s: %s", id, why));
		free(why);
		return;
	}
	loader_add_tree(l, root, &v);
}

void
read_stix(struct loader *l, const struct json_t *root)
{
	size_t i = 0;
	const json_t *object = NULL;

	if (strcmp(text_of(root, "type"), "indicator") == 0) {
		read_indicator(l, root);
		return;
	}
	if (!json_is_array(json_object_get(root, "objects"))) {
		loader_fail(l, xstrdup("a bundle of STIX without objects"));
		return;
	}
	json_array_foreach(json_object_get(root, "objects"), i, object)
	{
		if (strcmp(text_of(object, "type"), "indicator") == 0)
			read_indicator(l, object);
	}
}
