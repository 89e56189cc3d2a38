/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule text of strangers under all lints, with itself for all that may lie beside it. */
#include "signatures/lint.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_remark(void *ctx, const struct lint_remark *remark)
{
	(void)ctx;
	if (remark->text == NULL || remark->file > 1 || remark->lint >= LINT_MAX_)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct lint_options options = { .today = "2026-11-26",
		.retired = text,
		.retired_len = size,
		.goodware = text,
		.goodware_len = size };
	MH_CLEANUP(lint_freep)
	struct lint_run *l = lint_new(&options, on_remark, NULL, NULL);

	for (int is_own = 0; is_own < 2; is_own++)
		lint_add(l, &(struct lint_source){ .path = "a",
				.text = text,
				.len = size,
				.is_own = is_own,
				.is_used = true });
	lint_add_other(l, "b", text, size);
	lint_add_previous(l, text, size);
	lint_all(l);
	return 0;
}
