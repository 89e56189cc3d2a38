/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lints of a rule's strings: S01 to S09.
 *
 * Runs in: the checker.
 * Input: hostile.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "signatures/lint_impl.h"
#include "signatures/rule_string.h"
#include "signatures/rule_truth.h"

enum {
	LITERAL_MIN = 6,       /* characters */
	LITERAL_AMONG_MIN = 4, /* where LITERAL_AMONG of them have to be there */
	LITERAL_AMONG = 3,
	DISTINCT_MIN = 3,  /* different bytes */
	REGEX_RUN_MIN = 4, /* bytes of an atom (libyara/atoms.c) */
	REGEX_MAX = 3,     /* regular expressions of a rule */
	JUMP_MAX = 64,     /* bytes */
	BASE64_MIN = 6,    /* characters */
	LITERAL_BYTES_MAX = 64 * 1024,
	TRUTH_PAIRS_MAX = 64, /* strings of a rule of which pairs are tried */
};

/*
 * Strings that are in ordinary software: those that were found in a Debian system
 * when each candidate was looked for alone, and names of common functions.
 */
static const char *const common[] = { "######", ".ports", ".xxx", "pklist", "auth.login",
	"127.0.0.1:80", "ws2_32", "ipstat", "SERVER_ADDRESS", "configserver", "MIN_SLEEP",
	"cwd=%s", "clientkey", "$shell$", "ModStart", "srvk", "dlserver", "%s at: %s",
	"javautils", "new.new", "/etc/passwd", "/etc/shadow", "/bin/sh", "/bin/bash",
	"/dev/null", "/etc/ld.so.preload", "LD_PRELOAD", "HISTFILE",
	"User-Agent: ", "Content-Type: ", "application/octet-stream", "Mozilla/5.0",
	"cmd.exe", "powershell.exe", "rundll32.exe", "CreateRemoteThread",
	"VirtualAllocEx", "WriteProcessMemory", "GetProcAddress", "LoadLibraryA",
	"URLDownloadToFileA", "WinExec", "ShellExecuteA", "InternetOpenA",
	"IsDebuggerPresent", "SeDebugPrivilege", "This program cannot be run in DOS mode",
	"inflate 1.2.11", "ILTXC!4IXB5FB*PX", "PROD0119GSJUC$18", "Code too clever",
	"wild scan", "AAAAAAAA", "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	"password", "username", "error: %s" };

uint8_t *
lint_literal(const struct rule_string *s, size_t *ret_len)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(LITERAL_BYTES_MAX);

	if (s->kind != RULE_STRING_TEXT)
		return NULL;
	rule_string_decode(&s->value, b);
	return buf_len(b) > 0 ? buf_take(b, ret_len) : NULL;
}

/* The rule can be true with these two strings (or one twice) and no other. */
static bool
suffices(const struct rule_part *rule, size_t a, size_t b)
{
	MH_CLEANUP(freep) bool *is_there = xcalloc(rule->n_strings, sizeof(*is_there));

	is_there[a] = is_there[b] = true;
	enum truth t = rule_truth(rule, is_there);

	return t == TRUTH_MAYBE || t == TRUTH_YES;
}

/* Whether a short string may carry the rule with fewer than LITERAL_AMONG of them. */
static bool
is_needed_among_few(const struct rule_part *rule, size_t index)
{
	if (rule->n_strings > TRUTH_PAIRS_MAX)
		return true;
	for (size_t i = 0; i < rule->n_strings; i++) {
		if (suffices(rule, index, i) && (i == index || !suffices(rule, i, i)))
			return true;
	}
	return false;
}

static void
lint_length(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    size_t index, size_t len)
{
	const struct rule_string *s = &rule->strings[index];

	if (len < LITERAL_AMONG_MIN)
		lint_say(l, f, rule, LINT_S01, s->name.line,
		    "%.*s has %zu characters: at least %d are needed",
		    LINT_SHOWN(s->name), len, LITERAL_AMONG_MIN);
	else if (len < LITERAL_MIN && is_needed_among_few(rule, index))
		lint_say(l, f, rule, LINT_S01, s->name.line,
		    "%.*s has %zu characters: at least %d are needed, unless %d strings "
		    "have "
		    "to be there together",
		    LINT_SHOWN(s->name), len, LITERAL_MIN, LITERAL_AMONG);
}

static bool
is_common(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(common); i++) {
		if (strlen(common[i]) == len && memcmp(common[i], bytes, len) == 0)
			return true;
	}
	return false;
}

static void
lint_text(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    size_t index)
{
	const struct rule_string *s = &rule->strings[index];
	size_t len = 0;
	MH_CLEANUP(freep) uint8_t *bytes = lint_literal(s, &len);

	if (bytes == NULL)
		return;
	if (f->source.is_own)
		lint_length(l, f, rule, index, len);
	if (bytes_distinct(bytes, len) < DISTINCT_MIN)
		lint_say(l, f, rule, LINT_S02, s->name.line,
		    "%.*s has only %u different characters", LINT_SHOWN(s->name),
		    bytes_distinct(bytes, len));
	if (f->source.is_own && is_common(bytes, len) &&
	    rule->n_strings <= TRUTH_STRINGS_MAX && suffices(rule, index, index))
		lint_say(l, f, rule, LINT_S03, s->name.line,
		    "%.*s is in ordinary software, and the rule needs no other",
		    LINT_SHOWN(s->name));
	if ((s->flags & RULE_STRING_BASE64) != 0 && len < BASE64_MIN)
		lint_say(l, f, rule, LINT_S09, s->name.line,
		    "%.*s is looked for in base64 and has only %zu characters",
		    LINT_SHOWN(s->name), len);
}

/* The characters beside a match are letters or digits of the string's own side, too. */
static void
lint_fullword(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    const struct rule_string *s)
{
	size_t len = 0;
	MH_CLEANUP(freep) uint8_t *bytes = lint_literal(s, &len);

	if (bytes == NULL || (s->flags & RULE_STRING_FULLWORD) == 0)
		return;
	if (!isalnum(bytes[0]) || !isalnum(bytes[len - 1]))
		lint_say(l, f, rule, LINT_S06, s->name.line,
		    "%.*s is fullword and begins or ends with no letter or digit",
		    LINT_SHOWN(s->name));
	else if (memchr(bytes, '/', len) != NULL || memchr(bytes, '\\', len) != NULL ||
		 memmem(bytes, len, ".pdb", 4) != NULL)
		lint_say(l, f, rule, LINT_S06, s->name.line,
		    "%.*s is fullword and a part of a path: what stands beside it may be "
		    "anything",
		    LINT_SHOWN(s->name));
}

static void
lint_modifiers(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    const struct rule_string *s)
{
	const unsigned all = RULE_STRING_NOCASE | RULE_STRING_WIDE | RULE_STRING_FULLWORD;

	if ((s->flags & RULE_STRING_NOCASE) != 0 && (s->flags & RULE_STRING_REASON) == 0)
		lint_say(l, f, rule, LINT_S05, s->name.line,
		    "%.*s is nocase without a reason; write one behind it: // nocase: "
		    "...",
		    LINT_SHOWN(s->name));
	if ((s->flags & all) == all)
		lint_say(l, f, rule, LINT_S05, s->name.line,
		    "%.*s is nocase, wide and fullword: each makes it slower or looser",
		    LINT_SHOWN(s->name));
	if ((s->flags & RULE_STRING_XOR) != 0 && (s->flags & RULE_STRING_XOR_RANGE) == 0)
		lint_say(l, f, rule, LINT_S09, s->name.line,
		    "%.*s is looked for under 256 keys; give a range: xor(0x01-0xff)",
		    LINT_SHOWN(s->name));
	lint_fullword(l, f, rule, s);
}

static void
lint_hex(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    const struct rule_string *s)
{
	struct hex_facts h;

	rule_string_hex(&s->value, &h);
	if (h.is_uniform)
		lint_say(l, f, rule, LINT_S02, s->name.line,
		    "%.*s has at most two different bytes", LINT_SHOWN(s->name));
	if (h.n_fixed < LITERAL_AMONG_MIN || h.longest_run < 2)
		lint_say(l, f, rule, LINT_S01, s->name.line,
		    "%.*s has %zu fixed bytes, the longest run %zu", LINT_SHOWN(s->name),
		    h.n_fixed, h.longest_run);
	if (h.is_printable)
		lint_say(l, f, rule, LINT_S08, s->name.line,
		    "%.*s is text: write it as text, for people to read",
		    LINT_SHOWN(s->name));
	if (h.max_jump > JUMP_MAX)
		lint_say(l, f, rule, LINT_S08, s->name.line,
		    "%.*s jumps over more than %d bytes", LINT_SHOWN(s->name), JUMP_MAX);
	if (h.begins_loosely)
		lint_say(l, f, rule, LINT_S08, s->name.line,
		    "%.*s begins with a wildcard, which says nothing",
		    LINT_SHOWN(s->name));
}

static void
lint_regex(struct lint_run *l, struct lint_file *f, const struct rule_part *rule,
    const struct rule_string *s)
{
	struct regex_facts r;

	rule_string_regex(&s->value, &r);
	if (r.is_unbounded)
		lint_say(l, f, rule, LINT_S07, s->name.line,
		    "%.*s has a repetition without an end; give it one: .{0,64}",
		    LINT_SHOWN(s->name));
	if (r.longest_run < REGEX_RUN_MIN)
		lint_say(l, f, rule, LINT_S07, s->name.line,
		    "%.*s has at most %zu fixed characters in a row; libyara needs %d to "
		    "look "
		    "for",
		    LINT_SHOWN(s->name), r.longest_run, REGEX_RUN_MIN);
}

/* A string is told once, by the first that it is the same as, or is in. */
static void
lint_pairs(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	size_t n = rule->n_strings < LINT_PAIRS_MAX ? rule->n_strings : LINT_PAIRS_MAX;
	uint8_t **bytes = xcalloc(n + 1, sizeof(*bytes));
	size_t *lens = xcalloc(n + 1, sizeof(*lens));

	for (size_t i = 0; i < n; i++)
		bytes[i] = lint_literal(&rule->strings[i], &lens[i]);
	for (size_t i = 0; i < n; i++) {
		const struct rule_string *s = &rule->strings[i];
		size_t k = 0;

		while (k < n && (k == i || bytes[i] == NULL || bytes[k] == NULL ||
				    (lens[k] == lens[i] && k > i) ||
				    memmem(bytes[k], lens[k], bytes[i], lens[i]) == NULL))
			k++;
		if (k == n)
			continue;
		const struct rule_string *other = &rule->strings[k];

		if (lens[k] != lens[i])
			lint_say_at(l, f, rule, LINT_S04, LEVEL_WARNING, s->name.line,
			    "%.*s is a part of %.*s: both are there or none",
			    LINT_SHOWN(s->name), LINT_SHOWN(other->name));
		else if (s->flags == other->flags)
			lint_say(l, f, rule, LINT_S04, s->name.line,
			    "%.*s is the same as %.*s", LINT_SHOWN(s->name),
			    LINT_SHOWN(other->name));
	}
	for (size_t i = 0; i < n; i++)
		free(bytes[i]);
	free(bytes);
	free(lens);
}

void
lint_strings(struct lint_run *l, struct lint_file *f, const struct rule_part *rule)
{
	size_t n_regexes = 0;

	for (size_t i = 0; i < rule->n_strings; i++) {
		const struct rule_string *s = &rule->strings[i];

		n_regexes += s->kind == RULE_STRING_REGEX;
		switch (s->kind) {
		case RULE_STRING_TEXT:
			lint_text(l, f, rule, i);
			break;
		case RULE_STRING_HEX:
			lint_hex(l, f, rule, s);
			break;
		case RULE_STRING_REGEX:
			lint_regex(l, f, rule, s);
			break;
		}
		lint_modifiers(l, f, rule, s);
	}
	if (n_regexes > REGEX_MAX)
		lint_say(l, f, rule, LINT_S07, rule->name.line,
		    "it has %zu regular expressions: each is tried at many places; %d at "
		    "most",
		    n_regexes, REGEX_MAX);
	if (f->source.is_own)
		lint_pairs(l, f, rule);
}
