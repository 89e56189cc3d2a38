/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_GZIP_H
#define MH_TRANSPORT_GZIP_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Append the bytes as gzip (RFC 1952): one member without name or time, so that
 * the same input gives the same output.
 * Errors: MH_ERR_TOOBIG (past out's maximum; out is then as it was),
 * MH_ERR_MEMORY.
 */
mh_err gzip_pack(const void *p, size_t len, struct buf *out) MH_CHECKED;

/*
 * Unpack exactly one gzip member that is all of the input, and append it.
 * Input: hostile; out's maximum is the bound against bombs.
 * Errors: MH_ERR_FORMAT (also: cut short, bytes behind the member),
 * MH_ERR_TOOBIG; out is then as it was.
 */
mh_err gzip_unpack(const void *p, size_t len, struct buf *out) MH_CHECKED;

#endif
