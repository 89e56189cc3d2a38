/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenIOC 1.0 (schemas.mandiant.com/2010/ioc) and 1.1 (openioc.org): trees of AND and
 * OR over terms of many documents, of which those about files and connections can be
 * decided here.
 *
 * Runs in: zygote.
 * Input: hostile: XML.  expat expands no entities here: a document type, which is where
 * they are declared, ends the parsing.
 */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_load_impl.h"
#include "signatures/indicator_value.h"

enum { PIECE_BYTES = 1 << 20 }; /* handed to expat at once */

/* What a search term is about. */
enum field {
	FIELD_UNKNOWN,
	FIELD_HASH,
	FIELD_NAME,
	FIELD_PATH,
	FIELD_FOLDER,
	FIELD_EXTENSION,
	FIELD_SIZE,
	FIELD_ADDRESS,
	FIELD_PORT,
	FIELD_DOMAIN,
};

static const struct {
	const char *search;
	enum field field;
} fields[] = {
	{ "FileItem/Md5sum", FIELD_HASH },
	{ "FileItem/Sha1sum", FIELD_HASH },
	{ "FileItem/Sha256sum", FIELD_HASH },
	{ "FileItem/FileName", FIELD_NAME },
	{ "FileItem/FullPath", FIELD_PATH },
	{ "FileItem/FilePath", FIELD_FOLDER },
	{ "FileItem/FileExtension", FIELD_EXTENSION },
	{ "FileItem/SizeInBytes", FIELD_SIZE },
	{ "ProcessItem/name", FIELD_NAME },
	{ "ProcessItem/path", FIELD_PATH },
	{ "PortItem/remoteIP", FIELD_ADDRESS },
	{ "PortItem/remotePort", FIELD_PORT },
	{ "ProcessItem/PortList/PortItem/remoteIP", FIELD_ADDRESS },
	{ "ProcessItem/PortList/PortItem/remotePort", FIELD_PORT },
	{ "RouteEntryItem/Destination", FIELD_UNKNOWN },
	{ "Network/DNS", FIELD_DOMAIN },
	{ "DnsEntryItem/Host", FIELD_DOMAIN },
	{ "DnsEntryItem/RecordName", FIELD_DOMAIN },
	{ "DnsEntryItem/RecordData/Host", FIELD_DOMAIN },
};

/* What is done with characters. */
enum collecting { COLLECT_NONE, COLLECT_CONTENT, COLLECT_DESCRIPTION };

struct document {
	struct loader *loader;
	XML_Parser parser;
	unsigned depth;
	unsigned n_iocs, n_terms;
	struct node
	    *stack[INDICATOR_DEPTH_MAX]; /* borrowed: each is below the one before */
	size_t n_stack;
	struct node *root; /* of the tree that is read; owned */
	struct node *item; /* the term that is read; owned until its end */
	enum field field;
	char condition[32];
	enum collecting collecting;
	struct buf *text;
	char *id, *description; /* of the tree; owned */
	const char *why;        /* parsing was ended; static */
};

static void
stop(struct document *d, const char *why)
{
	if (d->why == NULL)
		d->why = why;
	(void)XML_StopParser(d->parser, XML_FALSE);
}

/* The name without its prefix. */
static const char *
local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon != NULL ? colon + 1 : name;
}

static const char *
attribute(const char **attributes, const char *name)
{
	for (size_t i = 0; attributes[i] != NULL; i += 2) {
		if (strcmp(local_name(attributes[i]), name) == 0)
			return attributes[i + 1];
	}
	return "";
}

static void
begin_tree(struct document *d, const char **attributes)
{
	if (d->root != NULL) {
		stop(d, "an indicator inside of another");
		return;
	}
	d->root = node_new(NODE_OR);
	d->stack[0] = d->root;
	d->n_stack = 1;
	d->n_terms = 0;
	d->n_iocs++;
	free(d->id);
	free(d->description);
	d->id = xstrndup(attribute(attributes, "id"), INDICATOR_COMMENT_MAX);
	d->description = NULL;
}

static void
begin_node(struct document *d, const char **attributes)
{
	bool is_and = strcasecmp(attribute(attributes, "operator"), "AND") == 0;
	struct node *n = NULL;

	if (d->n_stack == 0)
		return;
	if (d->n_stack == INDICATOR_DEPTH_MAX) {
		stop(d, "it is nested more than 64 levels deep");
		return;
	}
	n = node_new(is_and ? NODE_AND : NODE_OR);
	node_add(d->stack[d->n_stack - 1], n);
	d->stack[d->n_stack++] = n;
}

static void
begin_item(struct document *d, const char **attributes)
{
	const char *condition = attribute(attributes, "condition");

	if (d->n_stack == 0 || d->item != NULL)
		return;
	if (++d->n_terms > INDICATOR_TERMS_MAX) {
		stop(d, "it has more than 4096 terms");
		return;
	}
	d->item = node_new(NODE_TERM);
	d->item->term.line = (uint32_t)XML_GetCurrentLineNumber(d->parser);
	d->item->term.is_negated =
	    strcasecmp(attribute(attributes, "negate"), "true") == 0;
	d->item->term.is_caseless =
	    strcasecmp(attribute(attributes, "preserve-case"), "true") != 0;
	d->field = FIELD_UNKNOWN;
	(void)snprintf(d->condition, sizeof(d->condition), "%s", condition);
}

static void
take_context(struct document *d, const char **attributes)
{
	const char *search = attribute(attributes, "search");

	if (d->item == NULL)
		return;
	free(d->item->term.text);
	d->item->term.text = xstrndup(search, INDICATOR_COMMENT_MAX);
	for (size_t i = 0; i < MH_ARRAY_LEN(fields); i++) {
		if (strcasecmp(fields[i].search, search) == 0)
			d->field = fields[i].field;
	}
}

static void
collect(struct document *d, enum collecting what)
{
	d->collecting = what;
	buf_reset(d->text);
}

static void XMLCALL
on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct document *d = ctx;
	const char *local = local_name(name);

	if (++d->depth > INDICATOR_DEPTH_MAX)
		stop(d, "it is nested more than 64 levels deep");
	else if (strcasecmp(local, "ioc") == 0 || strcmp(local, "OpenIOC") == 0)
		begin_tree(d, attributes);
	else if (strcmp(local, "Indicator") == 0)
		begin_node(d, attributes);
	else if (strcmp(local, "IndicatorItem") == 0)
		begin_item(d, attributes);
	else if (strcmp(local, "Context") == 0)
		take_context(d, attributes);
	else if (strcmp(local, "Content") == 0 && d->item != NULL)
		collect(d, COLLECT_CONTENT);
	else if (strcmp(local, "short_description") == 0)
		collect(d, COLLECT_DESCRIPTION);
}

static void XMLCALL
on_characters(void *ctx, const XML_Char *s, int len)
{
	struct document *d = ctx;

	if (d->collecting != COLLECT_NONE)
		buf_put(d->text, s, (size_t)len);
}

/* The condition as one that is not a negation. */
static void
take_negation(struct document *d)
{
	if (strcasecmp(d->condition, "isnot") == 0 ||
	    strcasecmp(d->condition, "containsnot") == 0) {
		d->condition[strlen(d->condition) - 3] = 0;
		d->item->term.is_negated = !d->item->term.is_negated;
	}
}

/* How text is compared with a name or path; false: not here. */
static bool
fill_name(struct document *d, struct term *t, const char *text)
{
	bool is_whole = strcasecmp(d->condition, "is") == 0;
	bool is_end = strcasecmp(d->condition, "ends-with") == 0;
	const char *tail = text[0] != 0 && text[1] == ':' ? text + 2 : text;

	if (!is_whole && !is_end && strcasecmp(d->condition, "contains") != 0)
		return false;
	t->kind = TERM_NAME;
	if (d->field == FIELD_EXTENSION && is_whole) {
		t->name_kind = NAME_EXTENSION;
		t->text = xstrdup(text + (text[0] == '.'));
	} else if (d->field == FIELD_NAME && is_end) {
		return false;
	} else if (d->field == FIELD_NAME) {
		t->name_kind = is_whole ? NAME_BASE : NAME_BASE_PART;
		t->text = xstrdup(text);
	} else if (d->field == FIELD_PATH && (is_whole || is_end)) {
		bool needs_slash = is_whole && tail[0] != '/' && tail[0] != '\\';

		t->name_kind = NAME_TAIL;
		t->text = xasprintf("%s%s", needs_slash ? "/" : "", tail);
	} else if (d->field == FIELD_FOLDER && is_whole) {
		/* What lies in it, or below: the folder's name is whole. */
		bool has_slash = tail[0] == '/' || tail[0] == '\\';
		size_t len = strlen(tail);
		bool is_closed =
		    len > 0 && (tail[len - 1] == '/' || tail[len - 1] == '\\');

		t->name_kind = NAME_PATH_PART;
		t->text =
		    xasprintf("%s%s%s", has_slash ? "" : "/", tail, is_closed ? "" : "/");
	} else if (d->field == FIELD_PATH || (d->field == FIELD_FOLDER && !is_end)) {
		t->name_kind = NAME_PATH_PART;
		t->text = xstrdup(text);
	} else {
		return false;
	}
	return true;
}

/* "[9216 TO 10240]" */
static bool
parse_range(const char *text, uint64_t *ret_from, uint64_t *ret_to)
{
	static const char to[] = " TO ";
	const char *middle = strstr(text, to);
	size_t len = strlen(text);

	if (text[0] != '[' || middle == NULL || text[len - 1] != ']')
		return false;
	MH_CLEANUP(freep) char *low = xstrndup(text + 1, (size_t)(middle - text - 1));
	const char *behind = middle + sizeof(to) - 1;
	MH_CLEANUP(freep)
	char *high = xstrndup(behind, len - 1 - (size_t)(behind - text));

	return parse_u64(low, 0, UINT64_MAX, ret_from) == MH_OK &&
	       parse_u64(high, 0, UINT64_MAX, ret_to) == MH_OK;
}

static bool
fill_size(struct document *d, struct term *t, const char *text)
{
	t->kind = TERM_SIZE;
	if (text[0] == '[')
		return strcasecmp(d->condition, "is") == 0 &&
		       parse_range(text, &t->from, &t->to);
	if (parse_u64(text, 0, UINT64_MAX - 1, &t->from) != MH_OK)
		return false;
	t->to = t->from;
	if (strcasecmp(d->condition, "greater-than") == 0) {
		t->from++;
		t->to = UINT64_MAX;
		return true;
	}
	if (strcasecmp(d->condition, "less-than") == 0 && t->from > 0) {
		t->to = t->from - 1;
		t->from = 0;
		return true;
	}
	return strcasecmp(d->condition, "is") == 0;
}

/* Fields that are compared as a whole. */
static bool
fill_exact(struct document *d, struct term *t, const char *text)
{
	uint8_t digest[DIGEST_BYTES_MAX];

	switch (d->field) {
	case FIELD_HASH:
		t->kind = TERM_HASH;
		return strcasecmp(d->condition, "is") == 0 &&
		       digest_parse(text, digest) != INDICATOR_NONE;
	case FIELD_ADDRESS:
		t->kind = TERM_ADDRESS;
		return strcasecmp(d->condition, "is") == 0;
	case FIELD_PORT:
		t->kind = TERM_PORT;
		return strcasecmp(d->condition, "is") == 0 &&
		       parse_u64(text, 1, UINT16_MAX, &t->from) == MH_OK;
	case FIELD_DOMAIN:
		/* As a whole word in memory, in both cases. */
		t->kind = TERM_DOMAIN;
		return strcasecmp(d->condition, "is") == 0 ||
		       strcasecmp(d->condition, "contains") == 0;
	case FIELD_NAME:
	case FIELD_PATH:
	case FIELD_FOLDER:
	case FIELD_EXTENSION:
	case FIELD_SIZE:
	case FIELD_UNKNOWN:
		break;
	}
	return false;
}

/* The content of the term is known: what it is. */
static void
end_item(struct document *d)
{
	MH_CLEANUP(freep) char *copy = xstrdup(buf_string(d->text));
	const char *text = trim(copy);
	struct term found = d->item->term;
	bool is_name = d->field == FIELD_NAME || d->field == FIELD_PATH ||
		       d->field == FIELD_FOLDER || d->field == FIELD_EXTENSION;

	take_negation(d);
	found.is_negated = d->item->term.is_negated;
	found.text = NULL;
	bool is_good = buf_error(d->text) == MH_OK && text[0] != 0 &&
		       (is_name                     ? fill_name(d, &found, text)
			   : d->field == FIELD_SIZE ? fill_size(d, &found, text)
						    : fill_exact(d, &found, text));

	if (is_good) {
		free(d->item->term.text);
		if (found.text == NULL)
			found.text = xstrdup(text);
		d->item->term = found;
	} else {
		free(found.text);
		d->item->term.kind = TERM_UNKNOWN;
	}
	if (d->item->term.text == NULL)
		d->item->term.text = xstrdup("a term without a search");
	node_add(d->stack[d->n_stack - 1], d->item);
	d->item = NULL;
	buf_reset(d->text);
}

static void
end_tree(struct document *d)
{
	struct value v = {
		.text = d->id != NULL ? d->id : "",
		.id = d->id,
		.comment = d->description,
		.score = -1,
		.line = (uint32_t)XML_GetCurrentLineNumber(d->parser),
	};

	if (d->root->n > 0)
		loader_add_tree(d->loader, d->root, &v);
	node_free(d->root);
	d->root = NULL;
	d->n_stack = 0;
}

static void XMLCALL
on_end(void *ctx, const XML_Char *name)
{
	struct document *d = ctx;
	const char *local = local_name(name);

	d->depth--;
	if (strcmp(local, "short_description") == 0 &&
	    d->collecting == COLLECT_DESCRIPTION && d->description == NULL) {
		d->description = xstrdup(buf_string(d->text));
		d->collecting = COLLECT_NONE;
	} else if (strcmp(local, "Content") == 0) {
		d->collecting = COLLECT_NONE;
	} else if (strcmp(local, "IndicatorItem") == 0 && d->item != NULL) {
		end_item(d);
	} else if (strcmp(local, "Indicator") == 0 && d->n_stack > 1) {
		d->n_stack--;
	} else if ((strcasecmp(local, "ioc") == 0 || strcmp(local, "OpenIOC") == 0) &&
		   d->root != NULL) {
		end_tree(d);
	}
}

static void XMLCALL
on_doctype(void *ctx, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid,
    int has_internal_subset)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)has_internal_subset;
	stop(ctx, "a document type, in which entities can be declared, is not taken");
}

static void XMLCALL
on_entity(void *ctx, const XML_Char *name, int is_parameter, const XML_Char *value,
    int value_len, const XML_Char *base, const XML_Char *system_id,
    const XML_Char *public_id, const XML_Char *notation)
{
	(void)name;
	(void)is_parameter;
	(void)value;
	(void)value_len;
	(void)base;
	(void)system_id;
	(void)public_id;
	(void)notation;
	stop(ctx, "entities are not taken");
}

static bool
parse(struct document *d, const char *text, size_t len)
{
	while (len > 0) {
		size_t n = len < PIECE_BYTES ? len : PIECE_BYTES;

		if (XML_Parse(d->parser, text, (int)n, n == len) != XML_STATUS_OK)
			return false;
		text += n;
		len -= n;
	}
	return true;
}

void
read_openioc(struct loader *l, const char *text, size_t len)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(INDICATOR_VALUE_MAX);
	struct document d = { .loader = l, .text = b };

	d.parser = XML_ParserCreate(NULL);
	if (d.parser == NULL) {
		loader_fail(l, xstrdup("no memory for its parser"));
		return;
	}
	XML_SetUserData(d.parser, &d);
	XML_SetElementHandler(d.parser, on_start, on_end);
	XML_SetCharacterDataHandler(d.parser, on_characters);
	XML_SetStartDoctypeDeclHandler(d.parser, on_doctype);
	XML_SetEntityDeclHandler(d.parser, on_entity);
	if (!parse(&d, text, len)) {
		uint32_t line = (uint32_t)XML_GetCurrentLineNumber(d.parser);
		const char *why =
		    d.why != NULL ? d.why : XML_ErrorString(XML_GetErrorCode(d.parser));

		loader_leave_out(l, line,
		    xasprintf("column %lu: %s",
			(unsigned long)XML_GetCurrentColumnNumber(d.parser) + 1, why));
		loader_fail(l, xasprintf("line %u: %s", line, why));
	} else if (d.n_iocs == 0) {
		loader_fail(l, xstrdup("XML without an indicator of OpenIOC"));
	}
	XML_ParserFree(d.parser);
	node_free(d.root);
	node_free(d.item);
	free(d.id);
	free(d.description);
}
