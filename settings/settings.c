/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: trusted, but full of mistakes. */
#include "settings/settings.h"

#include <yaml.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "settings/settings_value.h"

/* Where the value of a row began. */
struct place {
	const struct setting *table; /* NULL at the top */
	size_t item;
	const struct setting *row; /* NULL: the item as a whole */
	yaml_mark_t mark;
};

/* One file on its way into a struct. */
struct loader {
	const struct settings_schema *schema;
	const char *file;
	char *folder;
	void *values;
	bool *is_set;                       /* by row */
	const struct settings_layer *layer; /* NULL: the file stands alone */
	const struct setting *table; /* whose item is being read; NULL at the top */
	size_t item;                 /* which one */
	struct place *places;        /* of all values; owned */
	size_t n_places;
	struct setting_strings sections; /* dotted names that were opened */
	yaml_parser_t parser;
	char *why; /* NULL until the first error */
};

static mh_err fail(struct loader *l, const yaml_mark_t *at, const char *fmt, ...)
    MH_PRINTF(3, 4);

static mh_err
fail(struct loader *l, const yaml_mark_t *at, const char *fmt, ...)
{
	struct buf *b = buf_new(16 * 1024);
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	/* The place comes first: a value of any length must not crowd it out. */
	buf_addf(b, "%.4096s:%zu:%zu: %.4096s%s", l->file, at->line + 1, at->column + 1,
	    text != NULL ? text : "", text != NULL && strlen(text) > 4096 ? " ..." : "");
	free(text);
	free(l->why);
	l->why = xstrdup(buf_string(b));
	buf_free(b);
	return MH_ERR_INVALID;
}

/* What YAML offers beyond data, which we do not want. */
static mh_err
refuse_extras(struct loader *l, const yaml_event_t *ev)
{
	const yaml_char_t *anchor = NULL;
	const yaml_char_t *tag = NULL;

	if (ev->type == YAML_ALIAS_EVENT)
		return fail(l, &ev->start_mark,
		    "an alias (*name) is not allowed; write the value");
	if (ev->type == YAML_SCALAR_EVENT) {
		anchor = ev->data.scalar.anchor;
		tag = ev->data.scalar.tag;
	} else if (ev->type == YAML_MAPPING_START_EVENT) {
		anchor = ev->data.mapping_start.anchor;
		tag = ev->data.mapping_start.tag;
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		anchor = ev->data.sequence_start.anchor;
		tag = ev->data.sequence_start.tag;
	}
	if (anchor != NULL)
		return fail(l, &ev->start_mark, "an anchor (&name) is not allowed");
	if (tag != NULL)
		return fail(l, &ev->start_mark, "a tag (!name) is not allowed");
	return MH_OK;
}

static mh_err
next(struct loader *l, yaml_event_t *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (yaml_parser_parse(&l->parser, ret) != 1) {
		const char *problem = l->parser.problem;

		if (l->parser.error == YAML_READER_ERROR)
			return fail(l, &l->parser.mark, "%s at byte %zu", problem,
			    l->parser.problem_offset);
		return fail(l, &l->parser.problem_mark, "%s",
		    problem != NULL ? problem : "this is not YAML");
	}
	return refuse_extras(l, ret);
}

/* The name of key in the section, which is "" at the top. */
static char *
join(const char *section, const char *key)
{
	return section[0] == 0 ? xstrdup(key) : xasprintf("%s.%s", section, key);
}

static bool
is_in_section(const char *name, const char *section)
{
	size_t len = strlen(section);

	return len == 0 || (strncmp(name, section, len) == 0 && name[len] == '.');
}

static bool
is_section(const struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->schema->n; i++) {
		if (name[0] != 0 && is_in_section(l->schema->rows[i].name, name))
			return true;
	}
	return false;
}

static const struct setting *
row_find(const struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->schema->n; i++) {
		if (strcmp(l->schema->rows[i].name, name) == 0)
			return &l->schema->rows[i];
	}
	return NULL;
}

static bool
may_set(const struct loader *l, const struct setting *s)
{
	return l->layer == NULL || l->table != NULL || l->layer->may_set(s);
}

/* The keys and sections directly in the section: "listen, limits". */
static char *
known_keys(const struct loader *l, const char *section)
{
	struct buf *b = buf_new(8 * 1024);
	size_t skip = section[0] == 0 ? 0 : strlen(section) + 1;
	const char *last = NULL;
	size_t last_len = 0;

	for (size_t i = 0; i < l->schema->n; i++) {
		const char *name = l->schema->rows[i].name;

		if (!is_in_section(name, section) || !may_set(l, &l->schema->rows[i]))
			continue;
		name += skip;

		size_t len = strcspn(name, ".");

		if (last != NULL && len == last_len && strncmp(name, last, len) == 0)
			continue;
		buf_addf(b, "%s%.*s", last != NULL ? ", " : "", (int)len, name);
		last = name;
		last_len = len;
	}

	char *text = xstrdup(buf_string(b));

	buf_free(b);
	return text;
}

static mh_err
fail_unknown(struct loader *l, const yaml_mark_t *at, const char *section,
    const char *key)
{
	MH_CLEANUP(freep) char *shown = text_escape(key);
	MH_CLEANUP(freep) char *known = known_keys(l, section);

	if (section[0] == 0)
		return fail(l, at, "unknown key \"%s\"; known here: %s", shown, known);
	return fail(l, at, "unknown key \"%s\" in \"%s\"; known here: %s", shown, section,
	    known);
}

static mh_err
fail_value(struct loader *l, const yaml_event_t *ev, const struct setting *s)
{
	MH_CLEANUP(freep) char *allowed = value_allowed(s);

	if (ev->type != YAML_SCALAR_EVENT)
		return fail(l, &ev->start_mark, "\"%s\" has to be %s", s->name, allowed);

	MH_CLEANUP(freep) char *shown = text_escape((const char *)ev->data.scalar.value);

	return fail(l, &ev->start_mark, "\"%s\" is \"%s\", but has to be %s", s->name,
	    shown, allowed);
}

static void
remember_place(struct loader *l, const struct setting *row, const yaml_mark_t *mark)
{
	l->places = xreallocarray(l->places, l->n_places + 1, sizeof(*l->places));
	l->places[l->n_places++] = (struct place){ l->table, l->item, row, *mark };
}

/* The row's own opinion of a text. */
static mh_err
check_text(struct loader *l, const yaml_event_t *ev, const struct setting *s)
{
	const char *text = (const char *)ev->data.scalar.value;
	MH_CLEANUP(freep) char *why = s->check != NULL ? s->check(text) : NULL;
	MH_CLEANUP(freep) char *shown = text_escape(text);

	if (why == NULL)
		return MH_OK;
	return fail(l, &ev->start_mark, "\"%s\" is \"%s\": %s", s->name, shown, why);
}

static mh_err
set_scalar(struct loader *l, const yaml_event_t *ev, const struct setting *s)
{
	const char *text = (const char *)ev->data.scalar.value;

	/* A NUL cannot be in a path or a name, and would cut the value short. */
	if (strlen(text) != ev->data.scalar.length ||
	    value_set(s, text, l->folder, l->values) != MH_OK)
		return fail_value(l, ev, s);
	return check_text(l, ev, s);
}

static mh_err
read_list(struct loader *l, const yaml_event_t *start, const struct setting *s)
{
	const struct setting_strings *list = value_field(s, l->values);

	for (;;) {
		yaml_event_t ev;
		mh_err err = next(l, &ev);
		bool end = ev.type == YAML_SEQUENCE_END_EVENT;

		if (err == MH_OK && !end) {
			if (ev.type != YAML_SCALAR_EVENT || list->n == value_items_max(s))
				err = fail_value(l, &ev, s);
			else
				err = set_scalar(l, &ev, s);
		}
		yaml_event_delete(&ev);
		if (err != MH_OK)
			return err;
		if (end)
			return list->n < s->min ? fail_value(l, start, s) : MH_OK;
	}
}

static mh_err read_section(struct loader *l, const char *section);
static mh_err fill_rest(struct loader *l, const yaml_mark_t *at);

/* One mapping of a list, whose start was taken, into the struct at item. */
static mh_err
read_item(struct loader *l, const yaml_event_t *start, const struct setting *s,
    void *item)
{
	struct loader outer = *l;
	mh_err err = MH_OK;

	l->schema = s->table;
	l->values = item;
	l->is_set = xcalloc(s->table->n, sizeof(*l->is_set));
	l->table = s;
	l->item = ((struct setting_tables *)value_field(s, outer.values))->n - 1;
	remember_place(l, NULL, &start->start_mark);
	err = read_section(l, "");
	if (err == MH_OK)
		err = fill_rest(l, &start->start_mark);
	free(l->is_set);
	l->schema = outer.schema;
	l->values = outer.values;
	l->is_set = outer.is_set;
	l->table = outer.table;
	l->item = outer.item;
	return err;
}

static mh_err
read_tables(struct loader *l, const yaml_event_t *start, const struct setting *s)
{
	struct setting_tables *tables = value_field(s, l->values);

	for (;;) {
		yaml_event_t ev;
		mh_err err = next(l, &ev);
		bool end = err == MH_OK && ev.type == YAML_SEQUENCE_END_EVENT;

		if (err == MH_OK && !end) {
			if (ev.type != YAML_MAPPING_START_EVENT ||
			    tables->n == value_items_max(s)) {
				err = fail_value(l, &ev, s);
			} else {
				tables->items = xreallocarray(tables->items,
				    tables->n + 1, s->table->bytes);
				tables->n++;
				void *item = value_item(s, tables, tables->n - 1);

				memset(item, 0, s->table->bytes);
				err = read_item(l, &ev, s, item);
			}
		}
		yaml_event_delete(&ev);
		if (err != MH_OK)
			return err;
		if (end)
			return tables->n < s->min ? fail_value(l, start, s) : MH_OK;
	}
}

static mh_err
read_value(struct loader *l, const struct setting *s)
{
	yaml_event_t ev;
	mh_err err = next(l, &ev);
	bool is_list = s->type == SETTING_STRINGS || s->type == SETTING_TABLES;

	if (err == MH_OK)
		remember_place(l, s, &ev.start_mark);
	if (err == MH_OK && is_list && ev.type == YAML_SEQUENCE_START_EVENT)
		err = s->type == SETTING_TABLES ? read_tables(l, &ev, s)
						: read_list(l, &ev, s);
	else if (err == MH_OK && !is_list && ev.type == YAML_SCALAR_EVENT)
		err = set_scalar(l, &ev, s);
	else if (err == MH_OK)
		err = fail_value(l, &ev, s);
	yaml_event_delete(&ev);
	return err;
}

static mh_err
open_section(struct loader *l, const yaml_mark_t *at, const char *name)
{
	yaml_event_t ev;

	for (size_t i = 0; i < l->sections.n; i++) {
		if (strcmp(l->sections.items[i], name) == 0)
			return fail(l, at, "section \"%s\" is given twice", name);
	}
	l->sections.items =
	    xreallocarray(l->sections.items, l->sections.n + 1, sizeof(char *));
	l->sections.items[l->sections.n++] = xstrdup(name);

	mh_err err = next(l, &ev);
	bool empty =
	    err == MH_OK && ev.type == YAML_SCALAR_EVENT && ev.data.scalar.length == 0;

	if (err == MH_OK && !empty && ev.type != YAML_MAPPING_START_EVENT)
		err = fail(l, &ev.start_mark,
		    "\"%s\" is a section: its keys stand below it, "
		    "indented",
		    name);
	yaml_event_delete(&ev);
	return err != MH_OK || empty ? err : read_section(l, name);
}

static mh_err
read_key(struct loader *l, const yaml_event_t *ev, const char *section)
{
	const char *key = (const char *)ev->data.scalar.value;
	MH_CLEANUP(freep) char *name = join(section, key);
	const struct setting *s = row_find(l, name);

	/* A dot in a key would reach into a section past its name. */
	if (strlen(key) != ev->data.scalar.length || strchr(key, '.') != NULL)
		s = NULL;
	else if (s == NULL && is_section(l, name))
		return open_section(l, &ev->start_mark, name);
	if (s == NULL)
		return fail_unknown(l, &ev->start_mark, section, key);
	if (!may_set(l, s))
		return fail(l, &ev->start_mark, "\"%s\" %s", name, l->layer->refusal);
	if (l->is_set[s - l->schema->rows])
		return fail(l, &ev->start_mark, "\"%s\" is given twice", name);
	l->is_set[s - l->schema->rows] = true;
	return read_value(l, s);
}

/* The keys of a mapping whose start was taken, to its end. */
static mh_err
read_section(struct loader *l, const char *section)
{
	for (;;) {
		yaml_event_t ev;
		mh_err err = next(l, &ev);
		bool end = ev.type == YAML_MAPPING_END_EVENT;

		if (err == MH_OK && !end && ev.type != YAML_SCALAR_EVENT)
			err = fail(l, &ev.start_mark, "a key has to be a word");
		else if (err == MH_OK && !end)
			err = read_key(l, &ev, section);
		yaml_event_delete(&ev);
		if (err != MH_OK || end)
			return err;
	}
}

/* The next event has to be of that type; an empty document gives *ret_empty. */
static mh_err
expect(struct loader *l, yaml_event_type_t type, const char *why, bool *ret_empty)
{
	yaml_event_t ev;
	mh_err err = next(l, &ev);

	*ret_empty = err == MH_OK &&
		     (ev.type == YAML_STREAM_END_EVENT ||
			 (ev.type == YAML_SCALAR_EVENT && ev.data.scalar.length == 0));
	if (err == MH_OK && !*ret_empty && ev.type != type)
		err = fail(l, &ev.start_mark, "%s", why);
	yaml_event_delete(&ev);
	return err;
}

static mh_err
read_stream(struct loader *l)
{
	bool empty = false;
	mh_err err = expect(l, YAML_STREAM_START_EVENT, "", &empty);

	if (err == MH_OK)
		err = expect(l, YAML_DOCUMENT_START_EVENT, "", &empty);
	if (err != MH_OK || empty)
		return err;
	err = expect(l, YAML_MAPPING_START_EVENT,
	    "a configuration is a list of lines \"key: value\"", &empty);
	if (err == MH_OK && !empty)
		err = read_section(l, "");
	if (err == MH_OK)
		err = expect(l, YAML_DOCUMENT_END_EVENT, "", &empty);
	if (err == MH_OK)
		err = expect(l, YAML_STREAM_END_EVENT,
		    "a second document (---) is not allowed", &empty);
	return err;
}

static mh_err
fill_rest(struct loader *l, const yaml_mark_t *at)
{
	for (size_t i = 0; i < l->schema->n; i++) {
		const struct setting *s = &l->schema->rows[i];

		if (l->is_set[i])
			continue;
		if (s->required) {
			MH_CLEANUP(freep) char *allowed = value_allowed(s);

			return fail(l, at, "\"%s\" is missing: it has to be %s", s->name,
			    allowed);
		}
		if (l->layer != NULL && l->table == NULL)
			value_copy(s, l->layer->base, l->values);
		else
			value_set_initial(s, l->folder, l->values);
	}
	return MH_OK;
}

/* Where the problem stands; a value that is a default stands at the end of the file. */
static yaml_mark_t
place_of(const struct loader *l, const struct settings_problem *p)
{
	yaml_mark_t mark = l->parser.mark;

	for (size_t i = 0; i < l->n_places; i++) {
		const struct place *at = &l->places[i];
		const char *top = at->table != NULL ? at->table->name : at->row->name;
		bool is_item = at->table == NULL || at->item == p->item;
		bool is_column =
		    at->table == NULL || at->row == NULL ||
		    (p->column != NULL && strcmp(at->row->name, p->column) == 0);

		/* From the list over the item to the value: the last is the nearest. */
		if (strcmp(top, p->name) == 0 && is_item && is_column)
			mark = at->mark;
	}
	return mark;
}

static mh_err
check_values(struct loader *l)
{
	struct settings_problem p = { 0 };

	if (l->schema->check != NULL)
		l->schema->check(l->values, &p);
	if (p.why == NULL)
		return MH_OK;

	yaml_mark_t mark = place_of(l, &p);
	mh_err err =
	    fail(l, &mark, "\"%s\": %s", p.column != NULL ? p.column : p.name, p.why);

	free(p.why);
	return err;
}

void
value_set_initial_tables(const struct setting *s, void *values)
{
	struct setting row = *s;
	const struct settings_schema schema = { &row, 1,
		s->offset + sizeof(struct setting_tables), NULL };
	MH_CLEANUP(freep) char *text = xasprintf("initial: %s\n", s->initial);
	MH_CLEANUP(freep) char *why = NULL;
	MH_CLEANUP(freep) char *temporary = xcalloc(1, schema.bytes);
	mh_err err = MH_OK;

	row.name = "initial";
	err = settings_parse(&schema, "initial", text, strlen(text), temporary, &why);
	assert(err == MH_OK); /* the table's own default has to be in its range */
	memcpy(value_field(s, values), temporary + s->offset,
	    sizeof(struct setting_tables));
}

static void
loader_init(struct loader *l, const struct settings_schema *schema, const char *file)
{
	const char *slash = strrchr(file, '/');

	memset(l, 0, sizeof(*l));
	l->schema = schema;
	l->file = file;
	l->folder = slash == NULL ? xstrdup(".") : xstrndup(file, (size_t)(slash - file));
	l->values = xcalloc(1, schema->bytes);
	l->is_set = xcalloc(schema->n, sizeof(*l->is_set));
	if (yaml_parser_initialize(&l->parser) != 1)
		abort(); /* out of memory */
}

static void
loader_clear(struct loader *l)
{
	for (size_t i = 0; i < l->sections.n; i++)
		free(l->sections.items[i]);
	free(l->sections.items);
	yaml_parser_delete(&l->parser);
	settings_clear(l->schema, l->values);
	free(l->values);
	free(l->is_set);
	free(l->places);
	free(l->folder);
	free(l->why);
}

mh_err
settings_parse(const struct settings_schema *schema, const char *name, const void *text,
    size_t len, void *ret, char **ret_why)
{
	return settings_parse_over(schema, name, text, len, NULL, ret, ret_why);
}

mh_err
settings_parse_over(const struct settings_schema *schema, const char *name,
    const void *text, size_t len, const struct settings_layer *layer, void *ret,
    char **ret_why)
{
	struct loader l;

	loader_init(&l, schema, name);
	l.layer = layer;
	yaml_parser_set_input_string(&l.parser, text, len);
	yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);

	mh_err err = read_stream(&l);

	if (err == MH_OK)
		err = fill_rest(&l, &l.parser.mark);
	if (err == MH_OK)
		err = check_values(&l);
	if (err == MH_OK) {
		memcpy(ret, l.values, schema->bytes);
		memset(l.values, 0, schema->bytes);
	} else {
		*ret_why = MH_TAKE(l.why);
	}
	loader_clear(&l);
	return err;
}

mh_err
settings_load(const struct settings_schema *schema, const char *path, void *ret,
    char **ret_why)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(SETTINGS_FILE_MAX);
	mh_err err = file_read(path, text);

	if (err == MH_ERR_TOOBIG)
		*ret_why = xasprintf("%s: larger than 1 MiB", path);
	else if (err == MH_ERR_SYSTEM)
		*ret_why = xasprintf("%s: %s", path, strerror(errno));
	else if (err != MH_OK)
		*ret_why = xasprintf("%s: there is no such file", path);
	if (err != MH_OK)
		return err;
	return settings_parse(schema, path, buf_data(text), buf_len(text), ret, ret_why);
}

void
settings_clear(const struct settings_schema *schema, void *values)
{
	for (size_t i = 0; i < schema->n; i++)
		value_clear(&schema->rows[i], values);
	memset(values, 0, schema->bytes);
}

void
settings_copy(const struct settings_schema *schema, const void *values, void *ret)
{
	memset(ret, 0, schema->bytes);
	for (size_t i = 0; i < schema->n; i++)
		value_copy(&schema->rows[i], values, ret);
}
