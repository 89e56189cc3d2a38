/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: the data.
 */
#include "scanners/gate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <yara/ahocorasick.h>
#include <yara/re.h>

#include "base/memory.h"
#include "scanners/memory_reader.h"

enum {
	BLOOM_BITS = 19, /* 64 KiB: stays in the second-level cache */
	SHORT_MAX = 3,   /* bytes of a short atom */
	PAIR_BITS = 1 << 16,
};

/* An atom, and the strings that are looked for where it stands. */
struct atom {
	uint32_t bytes; /* little endian; a short one has zeros behind */
	uint32_t first; /* YR_AC_MATCH in the pool, from 0 */
	uint8_t len;    /* bytes */
};

struct gate {
	YR_RULES *rules;
	const bool *is_out; /* by rule; a copy; owned */
	struct atom *atoms; /* owned */
	size_t n, cap, n_short;
	uint32_t *slots; /* by the four bytes: index + 1 in atoms; owned */
	size_t n_slots;
	uint32_t
	    *short_slots;     /* the same by the first two bytes: heads of lists; owned */
	uint32_t *short_next; /* owned */
	uint32_t singles[256]; /* atoms of one byte by it: heads of lists */
	uint64_t bloom[1u << (BLOOM_BITS - 6)];
	uint64_t pairs[PAIR_BITS / 64]; /* first two bytes of short atoms */
};

static uint32_t
hash(uint32_t bytes)
{
	return bytes * 0x9e3779b1u;
}

static uint32_t
load(const uint8_t *p)
{
	uint32_t v = 0;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool
is_wanted(const struct gate *gate, const YR_STRING *s)
{
	return !gate->is_out[s->rule_idx];
}

/* Whether some string in the list is of a rule that takes part. */
static bool
has_wanted(const struct gate *gate, const YR_AC_MATCH *match)
{
	for (; match != NULL; match = match->next) {
		if (is_wanted(gate, match->string))
			return true;
	}
	return false;
}

static void
add_atom(struct gate *gate, uint32_t bytes, unsigned len, uint32_t first)
{
	if (gate->n == gate->cap) {
		gate->cap = gate->cap > 0 ? gate->cap * 2 : 256;
		gate->atoms = xreallocarray(gate->atoms, gate->cap, sizeof(*gate->atoms));
	}
	gate->atoms[gate->n++] =
	    (struct atom){ .bytes = bytes, .first = first, .len = (uint8_t)len };
	gate->n_short += len < GATE_ATOM_BYTES;
}

/*
 * Every state of the automaton below this one that has matches; false when one
 * lies deeper than an atom is long.  The automaton is a tree of at most four
 * levels: depth bounds the recursion.
 */
static bool
gather(struct gate *gate, uint32_t state, uint32_t bytes, unsigned depth)
{
	const YR_RULES *rules = gate->rules;
	uint32_t match = rules->ac_match_table[state];

	if (match != 0 && has_wanted(gate, &rules->ac_match_pool[match - 1])) {
		if (depth == 0)
			return false; /* a string without an atom */
		add_atom(gate, bytes, depth, match - 1);
	}
	for (unsigned c = 0; c < 256; c++) {
		/* libyara itself looks at all 256 from every state: they are there. */
		YR_AC_TRANSITION t = rules->ac_transition_table[state + c + 1];

		if (YR_AC_INVALID_TRANSITION(t, c + 1) || YR_AC_NEXT_STATE(t) == 0)
			continue;
		if (depth == GATE_ATOM_BYTES)
			return false;
		if (!gather(gate, (uint32_t)YR_AC_NEXT_STATE(t), bytes | c << (8 * depth),
			depth + 1))
			return false;
	}
	return true;
}

static void
index_long(struct gate *gate, size_t i)
{
	uint32_t h = hash(gate->atoms[i].bytes);
	size_t slot = h;

	gate->bloom[h >> (32 - BLOOM_BITS) >> 6] |= 1ull
						    << ((h >> (32 - BLOOM_BITS)) & 63);
	while (gate->slots[slot % gate->n_slots] != 0)
		slot++;
	gate->slots[slot % gate->n_slots] = (uint32_t)i + 1;
}

static void
mark_pair(struct gate *gate, uint32_t pair)
{
	gate->pairs[pair >> 6] |= 1ull << (pair & 63);
}

static void
index_short(struct gate *gate, size_t i)
{
	const struct atom *a = &gate->atoms[i];
	uint32_t *head = a->len > 1 ? &gate->short_slots[a->bytes & 0xffff]
				    : &gate->singles[a->bytes & 0xff];

	gate->short_next[i] = *head;
	*head = (uint32_t)i + 1;
	if (a->len > 1) {
		mark_pair(gate, a->bytes & 0xffff);
		return;
	}
	for (uint32_t second = 0; second < 256; second++)
		mark_pair(gate, (a->bytes & 0xff) | second << 8);
}

struct gate *
gate_new(YR_RULES *rules, const bool *is_out)
{
	MH_CLEANUP(gate_freep) struct gate *gate = xcalloc(1, sizeof(*gate));

	gate->rules = rules;
	gate->is_out = xmemdup(is_out, rules->num_rules * sizeof(bool));
	if (!gather(gate, YR_AC_ROOT_STATE, 0, 0))
		return NULL;
	gate->n_slots = gate->n * 2 + 1;
	gate->slots = xcalloc(gate->n_slots, sizeof(*gate->slots));
	gate->short_slots = xcalloc(PAIR_BITS, sizeof(*gate->short_slots));
	gate->short_next = xcalloc(gate->n + 1, sizeof(*gate->short_next));
	for (size_t i = 0; i < gate->n; i++) {
		if (gate->atoms[i].len == GATE_ATOM_BYTES)
			index_long(gate, i);
		else
			index_short(gate, i);
	}
	return MH_TAKE(gate);
}

void
gate_free(struct gate *gate)
{
	if (gate == NULL)
		return;
	free((void *)(uintptr_t)gate->is_out);
	free(gate->atoms);
	free(gate->slots);
	free(gate->short_slots);
	free(gate->short_next);
	free(gate);
}

size_t
gate_n_atoms(const struct gate *gate)
{
	return gate->n;
}

size_t
gate_n_short(const struct gate *gate)
{
	return gate->n_short;
}

/* Where the windows of one piece of data go. */
struct sink {
	const uint8_t *data;
	size_t len;
	struct unit_window *windows;
	uint32_t n, max;
};

static bool
add_window(struct sink *sink, size_t at, size_t len, size_t around)
{
	uint32_t start = (uint32_t)(at > around ? at - around : 0);
	uint32_t end =
	    (uint32_t)(sink->len - at < len + around ? sink->len : at + len + around);

	/* Hits come by the end of their atom: starts go back a little at times. */
	while (sink->n > 0 && start <= sink->windows[sink->n - 1].end) {
		struct unit_window *last = &sink->windows[sink->n - 1];

		if (last->start < start)
			start = last->start;
		if (last->end > end)
			end = last->end;
		sink->n--;
	}
	if (sink->n == sink->max)
		return false;
	sink->windows[sink->n++] = (struct unit_window){ start, end };
	return true;
}

/* Whether len bytes at p are the literal; step 2: with a zero behind each (wide). */
static bool
is_equal(const uint8_t *p, const uint8_t *literal, size_t len, bool has_no_case,
    unsigned step)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = p[i * step];

		if (step == 2 && p[i * 2 + 1] != 0)
			return false;
		if (c != literal[i] &&
		    !(has_no_case && tolower(c) == tolower(literal[i])))
			return false;
	}
	return true;
}

/* Whether the literal s stands at at, in one of the forms that it may have. */
static bool
is_there(const struct sink *sink, const YR_STRING *s, size_t at)
{
	size_t len = (size_t)s->length;
	size_t left = sink->len - at;
	bool has_no_case = STRING_IS_NO_CASE(s) != 0;

	/* An atom that is the whole string, and forms that are not compared here. */
	if (STRING_FITS_IN_ATOM(s) || STRING_IS_XOR(s))
		return true;
	if (STRING_IS_ASCII(s) && left >= len &&
	    is_equal(sink->data + at, s->string, len, has_no_case, 1))
		return true;
	/* libyara 4.2 asks for all bytes of a wide string, the last zero too. */
	return STRING_IS_WIDE(s) && left >= len * 2 &&
	       is_equal(sink->data + at, s->string, len, has_no_case, 2);
}

/* What of compiled code can be said from one place on. */
struct reach {
	size_t bytes;    /* that a match takes at most; REGEXP_AROUND when unknown */
	bool is_refuted; /* no match: a byte differs */
};

/*
 * Walk the code of a hex string or regular expression (yara/re.h) as far as it
 * is a plain sequence, comparing as libyara does (libyara/re.c): forward from
 * at, or backward from the byte before it.  No case and wide characters are not
 * compared; what is not known ends the walk with the largest reach.
 */
static struct reach
walk_code(const struct sink *sink, const uint8_t *code, size_t at, bool is_backward,
    bool has_compare)
{
	struct reach r = { 0, false };
	bool is_straight = has_compare; /* every byte so far has its one place */

	for (;;) {
		size_t left = is_backward ? at : sink->len - at;
		bool is_there = r.bytes < left;
		uint8_t c = 0;

		if (is_straight && is_there)
			c = sink->data[is_backward ? at - 1 - r.bytes : at + r.bytes];
		switch (*code) {
		case RE_OPCODE_LITERAL:
			r.is_refuted = is_straight && (!is_there || c != code[1]);
			code += 2;
			break;
		case RE_OPCODE_MASKED_LITERAL:
			r.is_refuted =
			    is_straight && (!is_there || (c & code[2]) != code[1]);
			code += 3;
			break;
		case RE_OPCODE_ANY:
			code += 1;
			break;
		case RE_OPCODE_REPEAT_ANY_UNGREEDY:
			/* u16 min, u16 max: bytes of any value */
			is_straight = false;
			r.bytes += (size_t)code[3] + ((size_t)code[4] << 8);
			code += 5;
			if (r.bytes >= GATE_REGEXP_AROUND)
				return (struct reach){ GATE_REGEXP_AROUND, false };
			continue;
		case RE_OPCODE_MATCH:
			return r;
		default:
			return (struct reach){ GATE_REGEXP_AROUND, false };
		}
		if (r.is_refuted)
			return r;
		r.bytes++;
		if (r.bytes >= GATE_REGEXP_AROUND)
			return (struct reach){ GATE_REGEXP_AROUND, false };
	}
}

/* A window for what is no literal, if it may stand at at. */
static bool
look_code(struct sink *sink, const YR_AC_MATCH *match, size_t at)
{
	const YR_STRING *s = match->string;
	bool has_compare =
	    STRING_IS_FAST_REGEXP(s) != 0 && !STRING_IS_NO_CASE(s) && !STRING_IS_WIDE(s);
	struct reach forward = { GATE_REGEXP_AROUND, false };
	struct reach backward = { GATE_REGEXP_AROUND, false };

	if (has_compare)
		forward = walk_code(sink, match->forward_code, at, false, has_compare);
	if (forward.is_refuted)
		return true;
	if (has_compare && match->backward_code != NULL)
		backward = walk_code(sink, match->backward_code, at, true, has_compare);
	else if (has_compare)
		backward.bytes = 0;
	if (backward.is_refuted)
		return true;
	size_t start = at > backward.bytes ? at - backward.bytes : 0;
	size_t end = sink->len - at > forward.bytes ? at + forward.bytes : sink->len;

	return add_window(sink, start, end - start, GATE_LITERAL_AROUND);
}

/* The atom that ends before end stands there: windows for what may begin there. */
static bool
look(const struct gate *gate, const struct atom *a, size_t end, struct sink *sink)
{
	const YR_AC_MATCH *match = &gate->rules->ac_match_pool[a->first];

	for (; match != NULL; match = match->next) {
		const YR_STRING *s = match->string;

		if (match->backtrack > end || !is_wanted(gate, s))
			continue;
		size_t at = end - match->backtrack;

		if (STRING_IS_LITERAL(s)) {
			if (is_there(sink, s, at) &&
			    !add_window(sink, at, (size_t)s->length * 2,
				GATE_LITERAL_AROUND))
				return false;
		} else if (!look_code(sink, match, at)) {
			return false;
		}
	}
	return true;
}

static bool
look_long(const struct gate *gate, uint32_t bytes, size_t at, struct sink *sink)
{
	for (size_t slot = hash(bytes); gate->slots[slot % gate->n_slots] != 0; slot++) {
		const struct atom *a =
		    &gate->atoms[gate->slots[slot % gate->n_slots] - 1];

		if (a->bytes == bytes)
			return look(gate, a, at + GATE_ATOM_BYTES, sink);
	}
	return true;
}

/* Short atoms that begin at at; left bytes are there. */
static bool
look_short(const struct gate *gate, size_t at, struct sink *sink)
{
	size_t left = sink->len - at;
	const uint8_t *p = sink->data + at;
	uint32_t pair = (uint32_t)p[0] | (left > 1 ? (uint32_t)p[1] << 8 : 0);

	for (uint32_t i = gate->singles[p[0]]; i != 0; i = gate->short_next[i - 1]) {
		if (!look(gate, &gate->atoms[i - 1], at + 1, sink))
			return false;
	}
	for (uint32_t i = gate->short_slots[pair]; i != 0; i = gate->short_next[i - 1]) {
		const struct atom *a = &gate->atoms[i - 1];

		if (left < a->len || (a->len == 3 && p[2] != (a->bytes >> 16 & 0xff)))
			continue;
		if (!look(gate, a, at + a->len, sink))
			return false;
	}
	return true;
}

uint32_t
gate_windows(const struct gate *gate, const uint8_t *data, size_t len,
    struct unit_window *ret, uint32_t max)
{
	struct sink sink = { data, len, ret, 0, max };
	bool has_short = gate->n_short > 0;
	bool is_good = true;
	size_t i = 0;

	for (; is_good && i + GATE_ATOM_BYTES <= len; i++) {
		uint32_t bytes = load(data + i);
		uint32_t bit = hash(bytes) >> (32 - BLOOM_BITS);

		if ((gate->bloom[bit >> 6] >> (bit & 63) & 1) != 0)
			is_good = look_long(gate, bytes, i, &sink);
		if (has_short &&
		    (gate->pairs[(bytes & 0xffff) >> 6] >> (bytes & 63) & 1) != 0)
			is_good = is_good && look_short(gate, i, &sink);
	}
	for (; is_good && has_short && i < len; i++)
		is_good = look_short(gate, i, &sink);
	return is_good ? sink.n : max + 1;
}

uint32_t
gate_settle(const uint8_t *data, size_t len, struct unit_window *windows, uint32_t n)
{
	uint32_t n_kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t start = (uint32_t)border_before(data, windows[i].start);
		uint32_t end = (uint32_t)border_behind(data, len, windows[i].end);
		struct unit_window *last = n_kept > 0 ? &windows[n_kept - 1] : NULL;

		if (last != NULL && start <= last->end)
			last->end = end > last->end ? end : last->end;
		else
			windows[n_kept++] = (struct unit_window){ start, end };
	}
	return n_kept;
}
