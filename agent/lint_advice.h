/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_LINT_ADVICE_H
#define MH_AGENT_LINT_ADVICE_H

#include "records/lint.h"

/* What `molehunt rules check --explain` says of a lint.  All static. */
struct lint_advice {
	const char *what; /* it looks at */
	const char *why;  /* it matters */
	const char *mend; /* how */
};
const struct lint_advice *lint_advice_get(enum lint lint);

#endif
