/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_TEXT_H
#define MH_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Text: making bytes safe to show, and numbers out of and into text.
 * Everything returned as char * is new and freed by the caller.
 */

/*
 * s as valid, printable UTF-8: control characters, DEL, C1 controls, bidi
 * overrides and bytes that are not UTF-8 become \\xNN, a backslash \\\\.
 * text_escape_bytes() takes any bytes, NULs too.
 */
char *text_escape(const char *s);
char *text_escape_bytes(const void *p, size_t len);

/* Whether the bytes are well-formed UTF-8 (RFC 3629) without NUL. */
bool text_is_utf8(const void *p, size_t len);

/* Lower-case hexadecimal of the bytes. */
char *text_hex(const void *p, size_t len);
/* The bytes of a hexadecimal string of exactly 2 * len digits. */
mh_err text_unhex(const char *hex, void *ret, size_t len) MH_CHECKED;

/* Decimal digits only, min <= value <= max, else MH_ERR_INVALID. */
mh_err parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret) MH_CHECKED;
/* Bytes: digits with an optional K, M, G, T or KiB, MiB, GiB, TiB (1024 each). */
mh_err parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret) MH_CHECKED;
/* Milliseconds: digits with ms, s, m, h or d. */
mh_err parse_duration(const char *s, uint64_t min_ms, uint64_t max_ms, uint64_t *ret)
    MH_CHECKED;

/*
 * The text in lines of at most width bytes where it has spaces to break at: a word,
 * such as a path, is not cut.  Behind each line but the last are '\n' and indent spaces.
 */
char *text_wrap(const char *text, size_t width, size_t indent);

/* "1.4 MiB", "2 h 05 m": for people. */
char *text_size(uint64_t bytes);
char *text_duration(uint64_t ms);

#endif
