/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_RPM_HEADER_H
#define MH_AGENT_RPM_HEADER_H

#include <stddef.h>

#include "base/error.h"
#include "records/facts.h"

/*
 * A header of rpm as its database keeps it (rpm's docs/manual/format_header.md):
 * two numbers, an index of tags, and their data, big endian.
 */
enum {
	RPM_HEADER_BYTES_MAX = 64 * 1024 * 1024, /* of one; a kernel's has 2 MB */
	RPM_TAGS_MAX = 4096, /* in a header; rpm itself knows some 400 */
};

/*
 * What the package of that header has at the absolute path.  Errors:
 * MH_ERR_NOTFOUND (it is not among its files), MH_ERR_FORMAT, MH_ERR_TOOBIG.
 */
mh_err rpm_header_find(const void *p, size_t len, const char *path,
    struct package_facts *ret) MH_CHECKED;

#endif
