/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_GATE_H
#define MH_SCANNERS_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yara.h>

#include "base/attributes.h"
#include "scanners/unit_cache.h"

/*
 * Finds where libyara could find something, several times faster than its
 * automaton, so that it is given only these windows.
 *
 * libyara reaches every match through an atom: at most four bytes of the string,
 * kept in an automaton (ahocorasick.h) with the place where the match would
 * begin.  The gate has the same atoms, enumerated from that automaton.  It looks
 * at each place of the data independently of the others (a table of bits in the
 * cache answers nearly always no), where the automaton's next step waits for
 * the one before.  Where an atom stands it compares the whole string, if that is
 * a literal.  What is left becomes a window with all that libyara looks at from
 * there, so libyara finds in the windows what it would find in all of the data,
 * and it alone decides.
 */
enum {
	GATE_ATOM_BYTES = 4, /* longest atom: YR_MAX_ATOM_LENGTH */
	/* Around a match: what a literal looks at ("fullword", wide), ... */
	GATE_LITERAL_AROUND = 16,
	/* ... and a regular expression: YR_RE_SCAN_LIMIT, and a margin. */
	GATE_REGEXP_AROUND = 4096 + 256,
};

struct gate;

/*
 * A gate for the rules of which is_out (by index) is false.  What rules point
 * to is borrowed.  NULL when some string has no atom: it could match anywhere.
 */
struct gate *gate_new(YR_RULES *rules, const bool *is_out);
void gate_free(struct gate *gate);
MH_DEFINE_CLEANUP(struct gate, gate_free);

/*
 * The windows of the data, in order and apart, each with is_literal's around;
 * at most max.  Returns their number, or max + 1 when there are more: then all
 * of the data has to be searched.
 */
uint32_t gate_windows(const struct gate *gate, const uint8_t *data, size_t len,
    struct unit_window *ret, uint32_t max);

/*
 * Widen the n windows of the data until they end between characters of different
 * kinds, as units do (scanners/memory_reader.h), so that no string matches at
 * their borders that would not in all of the data.  Returns how many are left.
 */
uint32_t gate_settle(const uint8_t *data, size_t len, struct unit_window *windows,
    uint32_t n);

/* Atoms, and of these the ones shorter than four bytes: for measuring. */
size_t gate_n_atoms(const struct gate *gate);
size_t gate_n_short(const struct gate *gate);

#endif
