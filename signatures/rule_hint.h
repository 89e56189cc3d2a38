/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_RULE_HINT_H
#define MH_SIGNATURES_RULE_HINT_H

#include "records/lint.h"

/*
 * What to do about an error of libyara's compiler: its message, and behind it what
 * is wrong in terms of this program and how to mend it.  New, freed by the caller.
 * *ret_lint is C01, C03 or C05.
 *
 * The messages are those of libyara 4.2.3 to 4.5 (libyara/compiler.c); one that is
 * not known stands alone.
 */
char *rule_hint(const char *message, enum lint *ret_lint);

#endif
