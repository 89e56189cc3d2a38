/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: content and rules.
 */
#include "scanners/matcher.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

struct matcher {
	struct ruleset *rules;
	struct hasher *hasher;
	struct scan_setup setup;
	pulse_fn *on_pulse;
	void *pulse_ctx;
	YR_SCANNER *scanner;
	unsigned n_suspended;
	bool *is_suspended; /* by rule: stays out for the life of this process */
	char *suspended;    /* their names, or NULL; owned */
	struct binding
	    *bindings; /* by string; NULL until some rule is taken out; owned */

	/* Of the scan that runs. */
	const struct content *content;
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
	o->matches = xreallocarray(o->matches, o->n_matches + 1, sizeof(struct match *));
	o->matches[o->n_matches++] = found;
}

static int
on_yara(YR_SCAN_CONTEXT *context, int message, void *data, void *ctx)
{
	struct matcher *m = ctx;

	/* TOO_MANY_MATCHES: continuing keeps the first million of that string. */
	if (message == CALLBACK_MSG_RULE_MATCHING && !m->is_search)
		keep_match(m, context, data);
	return CALLBACK_CONTINUE;
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
	m->is_suspended = xcalloc(ruleset_n_rules(rs), sizeof(*m->is_suspended));
	if (yr_scanner_create(ruleset_rules(rs), &m->scanner) != ERROR_SUCCESS) {
		free(m->is_suspended);
		free(m);
		return NULL;
	}
	yr_scanner_set_callback(m->scanner, on_yara, m);
	/* A mapping that shrinks is content.c's; a real fault must end the process. */
	yr_scanner_set_flags(m->scanner, SCAN_FLAGS_NO_TRYCATCH);
	return m;
}

void
matcher_free(struct matcher *m)
{
	if (m == NULL)
		return;
	yr_scanner_destroy(m->scanner);
	free(m->is_suspended);
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
	int share = full_timeout(m) / SEARCH_SHARE;

	m->is_search = true;
	m->content = &nothing;
	enable_range(m, out, index, index + 1);
	int result = scan_once(m, share < 1 ? 1 : share);

	m->content = content;
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
		m->is_suspended[index] = is_broken(m, result, out, index);
		m->n_suspended += m->is_suspended[index];
		note(m->is_suspended[index] ? &m->suspended : &m->outcome->detail,
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

void
matcher_scan(struct matcher *m, const struct content *c,
    const struct external_values *values, struct match_outcome *ret)
{
	unsigned externals = ruleset_externals(m->rules);
	unsigned n = ruleset_n_rules(m->rules);
	MH_CLEANUP(freep) bool *out = NULL;
	unsigned n_culprits = 0;
	int result = ERROR_SUCCESS;

	memset(ret, 0, sizeof(*ret));
	m->content = c;
	m->outcome = ret;
	for (unsigned e = 0; e < EXTERNAL_MAX_; e++) {
		if ((externals & 1u << e) != 0)
			(void)yr_scanner_define_string_variable(m->scanner,
			    external_name((enum external)e), values->value[e]);
	}
	result = scan_once(m, full_timeout(m));
	while (is_a_rules_fault(result) && n_culprits < CULPRITS_MAX) {
		if (out == NULL)
			out = xmemdup(m->is_suspended, n * sizeof(*out));
		drop_matches(ret);
		if (!take_culprit_out(m, result, out))
			break;
		n_culprits++;
		result = scan_once(m, full_timeout(m));
	}
	/* What only this content was too much for is evaluated on the next one. */
	if (n_culprits > 0)
		enable_range(m, m->is_suspended, 0, n);
	judge(m, result, n_culprits > 0);
	m->content = NULL;
	m->outcome = NULL;
}
