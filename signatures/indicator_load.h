/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_LOAD_H
#define MH_SIGNATURES_INDICATOR_LOAD_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "records/indicator.h"
#include "signatures/indicator_set.h"

/*
 * Reading files of indicators into a set: which formats, and what of them is used,
 * stands in docs/INDICATORS.md.
 *
 * A bad line never takes its file down: it is told and counted, the rest is used.  A
 * file that is none of these formats, or no file, is left out as a whole.
 *
 * Input is hostile.  Runs in the zygote.
 */
struct load_request {
	const char *name_space;       /* "pack/indicators/file.txt" */
	const char *file_name;        /* without its folder */
	enum indicator_format format; /* FORMAT_UNKNOWN: recognise it */
	int64_t now_s;                /* since 1970: what is over by then is not used */
};

/* A line, or an indicator, was left out.  line is 0 where the format has none. */
typedef void load_problem_fn(void *ctx, uint32_t line, const char *why);

/*
 * Read the file open as fd, which is borrowed.  *ret is to be cleared; why in it is set
 * when the file is left out.  on_problem is called at most INDICATOR_PROBLEMS_MAX times.
 * Errors: MH_ERR_FULL (INDICATOR_FILES_MAX); the file is told as left out, too.
 */
mh_err indicator_load(struct indicator_set *s, const struct load_request *request, int fd,
    load_problem_fn *on_problem, void *ctx, struct indicator_file_result *ret) MH_CHECKED;

/* The same of text in memory, which does not decide anything by the size of a file. */
mh_err indicator_load_text(struct indicator_set *s, const struct load_request *request,
    const char *text, size_t len, load_problem_fn *on_problem, void *ctx,
    struct indicator_file_result *ret) MH_CHECKED;

/*
 * The format of a file by its first bytes and its name; FORMAT_UNKNOWN when it is none
 * that is known.  *ret_why (static) says more then, or is NULL.
 */
enum indicator_format indicator_format_guess(const char *head, size_t len,
    const char *file_name, const char **ret_why);

#endif
