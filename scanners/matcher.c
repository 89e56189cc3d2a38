/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: content and rules.
 */
#include "scanners/matcher.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
	/* Rules that one content may lose to its regular expressions or to time. */
	CULPRITS_MAX = 4,
	/* A search by halves gives each half this share of the time, in seconds. */
	SEARCH_SHARE = 8,
};

/* How a string was bound to an offset when the rules were compiled. */
struct binding {
	int64_t offset;
	uint32_t flags;
};

/* Where rules are run, and which of them work there (signatures/scope.h). */
enum place { PLACE_FILES, PLACE_MEMORY, PLACE_MAX_ };
static const unsigned place_masks[PLACE_MAX_] = { RULE_IN_FILES, RULE_IN_MEMORY };

/* Hands memory to libyara. */
enum walk_phase { WALK_SEARCH, WALK_MODULES, WALK_CONDITIONS };
struct memory_walk {
	const struct memory_input *input;
	enum walk_phase phase;
	size_t next; /* block, in WALK_CONDITIONS */
	size_t at;   /* that block is what was handed out last */
	int64_t started_ms;
	YR_MEMORY_BLOCK block;
};

struct matcher {
	struct ruleset *rules;
	struct hasher *hasher;
	struct scan_setup setup;
	pulse_fn *on_pulse;
	void *pulse_ctx;
	YR_SCANNER *scanner;
	unsigned n_suspended;
	/* By place and rule: does not work there, or is out for the life of this process. */
	bool *is_out[PLACE_MAX_];
	enum place place; /* for which rules are enabled now */
	char *suspended;  /* their names, or NULL; owned */
	struct binding
	    *bindings; /* by string; NULL until some rule is taken out; owned */

	/* Of the scan that runs. */
	const struct content *content;
	const struct memory_input *memory; /* instead of content */
	struct memory_walk walk;
	int timeout_s; /* of a unit, then of the conditions */
	struct match_outcome *outcome;
	bool is_search; /* by halves: what matches is not kept */
};

void
match_outcome_clear(struct match_outcome *o)
{
	for (uint32_t i = 0; i < o->n_matches; i++)
		match_free(o->matches[i]);
	free(o->matches);
	free(o->detail);
	note_list_clear(&o->notes);
	for (uint32_t i = 0; i < o->n_clues; i++)
		clue_clear(&o->clues[i]);
	free(o->clues);
	memset(o, 0, sizeof(*o));
}

void
match_outcome_take_matches(struct match_outcome *to, struct match_outcome *from,
    enum match_part part, const char *part_name)
{
	if (from->n_matches == 0)
		return;
	to->matches = xreallocarray(to->matches, to->n_matches + from->n_matches,
	    sizeof(struct match *));
	for (uint32_t i = 0; i < from->n_matches; i++) {
		struct match *m = from->matches[i];

		m->part = part;
		m->part_name = xstrndup(part_name, PART_NAME_MAX);
		to->matches[to->n_matches++] = m;
	}
	from->n_matches = 0;
}

static void
keep_data(struct matcher *m, struct match_string *s)
{
	const uint8_t *bytes = content_bytes(m->content, s->offset, s->length);

	if (bytes == NULL || m->setup.data_mode == DATA_NONE)
		return;
	if (m->setup.data_mode == DATA_HASH) {
		s->data = xcalloc(1, 32);
		if (hasher_hash(m->hasher, HASH_SHA256, bytes, s->length, s->data)) {
			s->n_data = 32;
			s->is_hash = true;
		}
		return;
	}
	s->n_data = s->length < m->setup.data_bytes ? s->length : m->setup.data_bytes;
	s->data = xmemdup(bytes, s->n_data);
}

/* What matched in memory, as libyara copied it when it matched. */
static void
keep_hit(const struct matcher *m, struct match_string *s, const uint8_t *data,
    uint32_t len)
{
	if (m->setup.data_mode != DATA_BYTES || data == NULL)
		return;
	s->n_data = len < m->setup.data_bytes ? len : m->setup.data_bytes;
	s->data = xmemdup(data, s->n_data);
}

/* libyara 4.2.3 packs its matches without regard to alignment. */
__attribute__((no_sanitize("alignment"))) static void
keep_strings(struct matcher *m, YR_SCAN_CONTEXT *context, YR_RULE *rule,
    struct match *found)
{
	YR_STRING *string = NULL;
	YR_MATCH *hit = NULL;

	found->strings = xcalloc(MATCH_STRINGS_MAX, sizeof(*found->strings));
	yr_rule_strings_foreach(rule, string)
	{
		yr_string_matches_foreach(context, string, hit)
		{
			found->n_found++;
			if (found->n_strings == MATCH_STRINGS_MAX)
				continue;
			struct match_string *s = &found->strings[found->n_strings++];

			s->name = xstrndup(string->identifier, RULE_NAME_MAX);
			s->offset = (uint64_t)(hit->base + hit->offset);
			s->length = (uint32_t)hit->match_length;
			if (m->memory != NULL)
				keep_hit(m, s, hit->data, (uint32_t)hit->data_length);
			else
				keep_data(m, s);
		}
	}
	/* Members of archives come by the thousand: nothing is held for nothing. */
	found->strings = xreallocarray(found->strings,
	    found->n_strings > 0 ? found->n_strings : 1, sizeof(*found->strings));
}

static void
keep_metas(YR_RULE *rule, struct match *found)
{
	YR_META *meta = NULL;

	found->metas = xcalloc(RULE_METAS_MAX, sizeof(*found->metas));
	yr_rule_metas_foreach(rule, meta)
	{
		if (found->n_metas == RULE_METAS_MAX)
			break;
		struct match_meta *kept = &found->metas[found->n_metas++];

		kept->name = xstrndup(meta->identifier, RULE_NAME_MAX);
		if (meta->type == META_TYPE_STRING) {
			kept->kind = META_TEXT;
			kept->text = xstrndup(meta->string, META_VALUE_MAX);
		} else {
			kept->kind =
			    meta->type == META_TYPE_BOOLEAN ? META_TRUTH : META_NUMBER;
			kept->number = meta->integer;
		}
	}
}

static void
keep_match(struct matcher *m, YR_SCAN_CONTEXT *context, YR_RULE *rule)
{
	struct match_outcome *o = m->outcome;
	struct match *found = xcalloc(1, sizeof(*found));
	const char *tag = NULL;

	found->rule = xstrndup(rule->identifier, RULE_NAME_MAX);
	found->name_space = xstrndup(rule->ns->name, NAMESPACE_MAX);
	found->tags = xcalloc(RULE_TAGS_MAX, sizeof(*found->tags));
	yr_rule_tags_foreach(rule, tag)
	{
		if (found->n_tags < RULE_TAGS_MAX)
			found->tags[found->n_tags++] = xstrndup(tag, RULE_NAME_MAX);
	}
	keep_metas(rule, found);
	keep_strings(m, context, rule, found);
	if (m->memory != NULL)
		m->memory->describe(m->memory->ctx, found);
	o->matches = xreallocarray(o->matches, o->n_matches + 1, sizeof(struct match *));
	o->matches[o->n_matches++] = found;
}

/* A rule that only others need in this place matches for them alone. */
static bool
is_reported(const struct matcher *m, const YR_RULE *rule)
{
	unsigned index = (unsigned)(rule - ruleset_rules(m->rules)->rules_table);

	return (ruleset_scope(m->rules, index) & place_masks[m->place]) != 0;
}

static int
on_yara(YR_SCAN_CONTEXT *context, int message, void *data, void *ctx)
{
	struct matcher *m = ctx;

	switch (message) {
	case CALLBACK_MSG_RULE_MATCHING:
		if (!m->is_search && is_reported(m, data))
			keep_match(m, context, data);
		break;
	/* Between these two a module looks for a file, which memory is not. */
	case CALLBACK_MSG_IMPORT_MODULE:
		m->walk.phase = WALK_MODULES;
		break;
	case CALLBACK_MSG_MODULE_IMPORTED:
		m->walk.phase = WALK_CONDITIONS;
		break;
	default:
		/* TOO_MANY_MATCHES: continuing keeps the first million of that string. */
		break;
	}
	return CALLBACK_CONTINUE;
}

/* Which rules are left out where. */
static void
sort_places(struct matcher *m)
{
	unsigned n = ruleset_n_rules(m->rules);

	for (unsigned place = 0; place < PLACE_MAX_; place++) {
		m->is_out[place] = xcalloc(n, sizeof(bool));
		for (unsigned i = 0; i < n; i++)
			m->is_out[place][i] =
			    (ruleset_scope(m->rules, i) &
				(place_masks[place] | RULE_NEEDED)) == 0;
	}
}

struct matcher *
matcher_new(struct ruleset *rs, struct hasher *h, const struct scan_setup *setup,
    pulse_fn *on_pulse, void *ctx)
{
	struct matcher *m = xcalloc(1, sizeof(*m));

	m->rules = rs;
	m->hasher = h;
	m->setup = *setup;
	m->on_pulse = on_pulse;
	m->pulse_ctx = ctx;
	if (yr_scanner_create(ruleset_rules(rs), &m->scanner) != ERROR_SUCCESS) {
		free(m);
		return NULL;
	}
	yr_scanner_set_callback(m->scanner, on_yara, m);
	/* A mapping that shrinks is content.c's; a real fault must end the process. */
	yr_scanner_set_flags(m->scanner, SCAN_FLAGS_NO_TRYCATCH);
	m->place = PLACE_MAX_; /* all rules are enabled */
	sort_places(m);
	return m;
}

const bool *
matcher_out_in_memory(const struct matcher *m)
{
	return m->is_out[PLACE_MEMORY];
}

void
matcher_free(struct matcher *m)
{
	if (m == NULL)
		return;
	yr_scanner_destroy(m->scanner);
	for (unsigned i = 0; i < PLACE_MAX_; i++)
		free(m->is_out[i]);
	free(m->suspended);
	free(m->bindings);
	free(m);
}

/* Walks the blocks of a content for libyara. */
struct block_walk {
	const struct content *content;
	size_t next;
	YR_MEMORY_BLOCK block;
};

static const uint8_t *
fetch_block(YR_MEMORY_BLOCK *block)
{
	return block->context;
}

static YR_MEMORY_BLOCK *
next_block(YR_MEMORY_BLOCK_ITERATOR *it)
{
	struct block_walk *walk = it->context;

	it->last_error = ERROR_SUCCESS;
	if (walk->next == walk->content->n_blocks)
		return NULL;
	const struct content_block *b = &walk->content->blocks[walk->next++];

	walk->block.size = b->len;
	walk->block.base = b->offset;
	walk->block.context = (void *)(uintptr_t)b->data;
	walk->block.fetch_data = fetch_block;
	return &walk->block;
}

static YR_MEMORY_BLOCK *
first_block(YR_MEMORY_BLOCK_ITERATOR *it)
{
	struct block_walk *walk = it->context;

	walk->next = 0;
	return next_block(it);
}

static uint64_t
whole_size(YR_MEMORY_BLOCK_ITERATOR *it)
{
	struct block_walk *walk = it->context;

	return walk->content->file_size;
}

static const uint8_t *
fetch_memory(YR_MEMORY_BLOCK *block)
{
	struct memory_walk *walk = block->context;

	return walk->input->fetch(walk->input->ctx, walk->at);
}

/* The next unit, or NULL when the search is done. */
static YR_MEMORY_BLOCK *
next_unit(struct matcher *m, struct memory_walk *walk)
{
	struct content_block unit;
	int64_t elapsed_ms = clock_monotonic_ms() - walk->started_ms;

	m->on_pulse(m->pulse_ctx);
	/* A unit, and what follows, have their time from here on. */
	yr_scanner_set_timeout(m->scanner, m->timeout_s + (int)(elapsed_ms / 1000));
	if (!walk->input->next_unit(walk->input->ctx, &unit)) {
		walk->phase = WALK_CONDITIONS;
		return NULL;
	}
	walk->block.base = unit.offset;
	walk->block.size = unit.len;
	walk->block.context = (void *)(uintptr_t)unit.data;
	walk->block.fetch_data = fetch_block;
	return &walk->block;
}

static YR_MEMORY_BLOCK *
next_memory(YR_MEMORY_BLOCK_ITERATOR *it)
{
	struct matcher *m = it->context;
	struct memory_walk *walk = &m->walk;
	uint64_t base = 0;
	size_t len = 0;

	it->last_error = ERROR_SUCCESS;
	if (walk->phase == WALK_SEARCH)
		return next_unit(m, walk);
	if (walk->phase == WALK_MODULES ||
	    !walk->input->block(walk->input->ctx, walk->next, &base, &len))
		return NULL;
	walk->at = walk->next++;
	walk->block.base = base;
	walk->block.size = len;
	walk->block.context = walk;
	walk->block.fetch_data = fetch_memory;
	return &walk->block;
}

static YR_MEMORY_BLOCK *
first_memory(YR_MEMORY_BLOCK_ITERATOR *it)
{
	struct matcher *m = it->context;

	m->walk.next = 0;
	if (m->walk.phase == WALK_SEARCH)
		m->walk.input->restart(m->walk.input->ctx);
	return next_memory(it);
}

/* What matched is copied when it matches: memory changes. */
enum { MEMORY_MATCH_DATA = MATCH_DATA_MAX };

static int
scan_memory_once(struct matcher *m, int timeout_s)
{
	uint32_t kept = MEMORY_MATCH_DATA;
	uint32_t none = 0;
	YR_MEMORY_BLOCK_ITERATOR it = { .context = m,
		.first = first_memory,
		.next = next_memory };

	m->walk = (struct memory_walk){ .input = m->memory,
		.phase = WALK_SEARCH,
		.started_ms = clock_monotonic_ms() };
	m->timeout_s = timeout_s;
	yr_scanner_set_flags(m->scanner,
	    SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_PROCESS_MEMORY);
	(void)yr_set_configuration(YR_CONFIG_MAX_MATCH_DATA, &kept);
	int result = yr_scanner_scan_mem_blocks(m->scanner, &it);

	(void)yr_set_configuration(YR_CONFIG_MAX_MATCH_DATA, &none);
	yr_scanner_set_flags(m->scanner, SCAN_FLAGS_NO_TRYCATCH);
	return result;
}

/* One libyara scan with that timeout in seconds; a libyara error code. */
static int
scan_once(struct matcher *m, int timeout_s)
{
	const struct content *c = m->content;
	struct block_walk walk = { .content = c };
	YR_MEMORY_BLOCK_ITERATOR it = { .context = &walk,
		.first = first_block,
		.next = next_block,
		.file_size = whole_size };
	/*
	 * libyara 4.2.3 crashes on a first block of NULL: what holds no data at
	 * all (an empty file, nothing but holes) goes in as an empty buffer.
	 */
	static const uint8_t nothing[1];

	yr_scanner_set_timeout(m->scanner, timeout_s);
	m->on_pulse(m->pulse_ctx);
	/* libyara 4.2.3 keeps the entry point of the file before. */
	m->scanner->entry_point = YR_UNDEFINED;
	if (c == NULL)
		return scan_memory_once(m, timeout_s);
	if (c->n_blocks == 0)
		return yr_scanner_scan_mem(m->scanner, nothing, 0);
	if (c->n_blocks == 1 && c->blocks[0].len == c->file_size)
		return yr_scanner_scan_mem(m->scanner, c->blocks[0].data,
		    c->blocks[0].len);
	return yr_scanner_scan_mem_blocks(m->scanner, &it);
}

static int
full_timeout(const struct matcher *m)
{
	return (int)((m->setup.timeout_ms + 999) / 1000);
}

static void
keep_bindings(struct matcher *m)
{
	YR_RULES *rules = ruleset_rules(m->rules);

	m->bindings = xcalloc(rules->num_strings, sizeof(*m->bindings));
	for (unsigned i = 0; i < ruleset_n_rules(m->rules); i++) {
		YR_RULE *rule = &rules->rules_table[i];
		YR_STRING *s = NULL;

		yr_rule_strings_foreach(rule, s)
		{
			m->bindings[s->idx] =
			    (struct binding){ s->fixed_offset, s->flags };
		}
	}
}

/*
 * yr_rule_disable() leaves a rule's strings in the search: libyara (4.2.3) goes
 * on to spend time on them and to fail on them.  A string that is bound to an
 * offset that no file has is passed over before its expression runs.
 */
static void
set_enabled(const struct matcher *m, YR_RULE *rule, bool is_enabled)
{
	YR_STRING *s = NULL;

	if (is_enabled)
		yr_rule_enable(rule);
	else
		yr_rule_disable(rule);
	yr_rule_strings_foreach(rule, s)
	{
		const struct binding *was = &m->bindings[s->idx];

		s->flags =
		    is_enabled ? was->flags : was->flags | STRING_FLAGS_FIXED_OFFSET;
		s->fixed_offset = is_enabled ? was->offset : INT64_MIN;
	}
}

/* Enable the rules first..last of the table and disable all others. */
static void
enable_range(const struct matcher *m, const bool *out, unsigned first, unsigned last)
{
	YR_RULES *rules = ruleset_rules(m->rules);

	for (unsigned i = 0; i < ruleset_n_rules(m->rules); i++)
		set_enabled(m, &rules->rules_table[i], i >= first && i < last && !out[i]);
}

/*
 * The index of a rule that by itself makes the scan end with that error (for a
 * timeout: with a share of the time), or the number of rules when there is no
 * single one.  out marks rules that stay out.
 */
static unsigned
find_culprit(struct matcher *m, int failure, const bool *out)
{
	unsigned n = ruleset_n_rules(m->rules);
	unsigned first = 0;
	unsigned last = n;
	int share = full_timeout(m) / SEARCH_SHARE;
	int result = failure;

	if (share < 1)
		share = 1;
	m->is_search = true;
	while (last - first > 1) {
		unsigned middle = first + (last - first) / 2;

		enable_range(m, out, first, middle);
		result = scan_once(m, share);
		if (result == failure)
			last = middle;
		else
			first = middle;
	}
	enable_range(m, out, first, last);
	result = scan_once(m, share);
	m->is_search = false;
	enable_range(m, out, 0, n);
	return result == failure ? first : n;
}

/*
 * Whether the rule at index fails in the same way on no content at all: then
 * the rule is broken.  Else this content brought it about, which somebody may
 * have made for that: the rule is evaluated on the next one.
 */
static bool
is_broken(struct matcher *m, int failure, const bool *out, unsigned index)
{
	static const struct content nothing = { .is_whole = true };
	const struct content *content = m->content;
	const struct memory_input *memory = m->memory;
	int share = full_timeout(m) / SEARCH_SHARE;

	m->is_search = true;
	m->memory = NULL;
	m->content = &nothing;
	enable_range(m, out, index, index + 1);
	int result = scan_once(m, share < 1 ? 1 : share);

	m->content = content;
	m->memory = memory;
	m->is_search = false;
	enable_range(m, out, 0, ruleset_n_rules(m->rules));
	return result == failure;
}

static void
note(char **text, const char *what, const YR_RULE *rule)
{
	char *longer = NULL;

	if (*text != NULL && strlen(*text) > DETAIL_BYTES_MAX / 2)
		return;
	longer = xasprintf("%s%s%s %s:%s", *text != NULL ? *text : "",
	    *text != NULL ? "; " : "", what, rule->ns->name, rule->identifier);
	free(*text);
	*text = longer;
	if (strlen(longer) > DETAIL_BYTES_MAX)
		longer[DETAIL_BYTES_MAX] = 0;
}

static void
drop_matches(struct match_outcome *o)
{
	for (uint32_t i = 0; i < o->n_matches; i++)
		match_free(o->matches[i]);
	o->n_matches = 0;
}

/* Errors that one rule can bring upon the whole scan. */
static bool
is_a_rules_fault(int result)
{
	return result == ERROR_TOO_MANY_RE_FIBERS || result == ERROR_SCAN_TIMEOUT ||
	       result == ERROR_INTERNAL_FATAL_ERROR ||
	       result == ERROR_EXEC_STACK_OVERFLOW;
}

/* Take a rule out that spoils the scan; false when none can be named. */
static bool
take_culprit_out(struct matcher *m, int result, bool *out)
{
	YR_RULES *rules = ruleset_rules(m->rules);
	unsigned n = ruleset_n_rules(m->rules);
	unsigned index = n;

	if (m->bindings == NULL)
		keep_bindings(m);
	if (result == ERROR_TOO_MANY_RE_FIBERS) {
		YR_RULE *rule = yr_scanner_last_error_rule(m->scanner);

		if (rule == NULL)
			return false;
		index = (unsigned)(rule - rules->rules_table);
		note(&m->outcome->detail, "too many regular expression threads:", rule);
	} else {
		index = find_culprit(m, result, out);
		if (index == n)
			return false;
		bool is_for_good = is_broken(m, result, out, index);

		for (unsigned i = 0; i < PLACE_MAX_ && is_for_good; i++)
			m->is_out[i][index] = true;
		m->n_suspended += is_for_good;
		note(is_for_good ? &m->suspended : &m->outcome->detail,
		    result == ERROR_SCAN_TIMEOUT
			? "rule does not end in time and is left out:"
			: "libyara fails on a rule, which is left out:",
		    &rules->rules_table[index]);
	}
	if (index >= n || out[index])
		return false;
	out[index] = true;
	set_enabled(m, &rules->rules_table[index], false);
	return true;
}

static void
judge(struct matcher *m, int result, bool has_left_out)
{
	struct match_outcome *o = m->outcome;

	if (result == ERROR_SUCCESS) {
		if (has_left_out || m->n_suspended > 0) {
			o->reason = REASON_RULE;
			o->partly = true;
		}
		if (m->suspended != NULL && o->detail == NULL)
			o->detail = xstrdup(m->suspended);
		return;
	}
	drop_matches(o);
	if (result == ERROR_SCAN_TIMEOUT)
		o->reason = REASON_TIMEOUT;
	else if (result == ERROR_INSUFFICIENT_MEMORY)
		o->reason = REASON_MEMORY;
	else
		o->reason = REASON_INTERNAL;
	if (o->detail == NULL && o->reason == REASON_INTERNAL)
		o->detail = xasprintf("libyara error %d", result);
}

static void
define_externals(struct matcher *m, const struct external_values *values)
{
	unsigned externals = ruleset_externals(m->rules);

	for (unsigned e = 0; e < EXTERNAL_MAX_; e++) {
		if ((externals & 1u << e) != 0)
			(void)yr_scanner_define_string_variable(m->scanner,
			    external_name((enum external)e), values->value[e]);
	}
}

/* Have the rules enabled that work in that place. */
static void
go_to(struct matcher *m, enum place place)
{
	unsigned n = ruleset_n_rules(m->rules);
	bool is_same = m->place == place;

	/* Rules for both places are the usual: then nothing has to be done. */
	if (!is_same && m->bindings == NULL)
		is_same = memchr(m->is_out[place], true, n) == NULL;
	m->place = place;
	if (is_same)
		return;
	if (m->bindings == NULL)
		keep_bindings(m);
	enable_range(m, m->is_out[place], 0, n);
}

/* Scan what m->content or m->memory is, and once more without what spoils it. */
static void
scan(struct matcher *m, struct match_outcome *ret)
{
	unsigned n = ruleset_n_rules(m->rules);
	MH_CLEANUP(freep) bool *out = NULL;
	unsigned n_culprits = 0;
	int result = ERROR_SUCCESS;

	go_to(m, m->memory != NULL ? PLACE_MEMORY : PLACE_FILES);
	m->outcome = ret;
	result = scan_once(m, full_timeout(m));
	while (is_a_rules_fault(result) && n_culprits < CULPRITS_MAX) {
		if (out == NULL)
			out = xmemdup(m->is_out[m->place], n * sizeof(*out));
		drop_matches(ret);
		if (!take_culprit_out(m, result, out))
			break;
		n_culprits++;
		result = scan_once(m, full_timeout(m));
	}
	/* What only this content was too much for is evaluated on the next one. */
	if (n_culprits > 0)
		enable_range(m, m->is_out[m->place], 0, n);
	judge(m, result, n_culprits > 0);
	m->outcome = NULL;
}

void
matcher_scan(struct matcher *m, const struct content *c,
    const struct external_values *values, struct match_outcome *ret)
{
	memset(ret, 0, sizeof(*ret));
	define_externals(m, values);
	m->content = c;
	scan(m, ret);
	m->content = NULL;
}

void
matcher_scan_memory(struct matcher *m, const struct memory_input *input,
    struct match_outcome *ret)
{
	struct external_values values;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < EXTERNAL_MAX_; i++)
		values.value[i] = "";
	define_externals(m, &values);
	m->memory = input;
	scan(m, ret);
	m->memory = NULL;
}
