/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SCANNERS_ARCHIVE_LIMITS_H
#define MH_SCANNERS_ARCHIVE_LIMITS_H

#include <stdint.h>

#include "records/setup.h"

/*
 * How far a scan goes into one archive, with units and reasons.  What is beyond
 * is noted with the reason that is named here (records/reason.h).
 */
enum {
	/* Levels, the file itself the first: a package in a tar in a zip has three. */
	ARCHIVE_DEPTH_MAX = 8, /* REASON_ARCHIVE_DEPTH */
	/* Entries of any type, in all levels: twice the source of a browser. */
	ARCHIVE_ENTRIES_MAX = 500 * 1000, /* REASON_ARCHIVE_MEMBERS */
	/* Bytes unpacked for each byte of the file; text packs to a twentieth. */
	ARCHIVE_RATIO_MAX = 256, /* REASON_ARCHIVE_RATIO */
	/* Times the limit of one file, which each member has for itself. */
	ARCHIVE_TIME_FACTOR = 4, /* REASON_ARCHIVE_TIME */
	/* Findings in members: a rule that matches all of them is told often enough. */
	ARCHIVE_FINDINGS_MAX = 2000, /* REASON_ARCHIVE_FINDINGS */
	/* Share of the worker's memory that members take; the rest is for codecs. */
	ARCHIVE_MEMORY_SHARES = 8,
	ARCHIVE_MEMORY_SHARE = 3, /* more: REASON_MEMORY */
};

/* Bytes of one member; it is scanned up to here.  REASON_ARCHIVE_MEMBER */
#define ARCHIVE_MEMBER_BYTES_MAX (256ull << 20)
/* Bytes unpacked in all levels: a minute of reading.  REASON_ARCHIVE_BYTES */
#define ARCHIVE_BYTES_MAX (4ull << 30)
/* Bytes that may be unpacked whatever the ratio: half a second of scanning. */
#define ARCHIVE_RATIO_FREE (64ull << 20)
/* Bytes of findings in members, encoded: well below what the agent takes. */
#define ARCHIVE_FINDING_BYTES_MAX (8ull << 20) /* REASON_ARCHIVE_FINDINGS */

struct archive_limits {
	unsigned depth;
	uint64_t n_entries;
	uint64_t member_bytes;
	uint64_t bytes;
	uint64_t ratio, ratio_free;
	uint64_t buffer_bytes; /* of members that are held at the same time */
	uint32_t time_ms;
	uint64_t n_findings, finding_bytes;
};

/* The limits of a worker with that setup. */
struct archive_limits archive_limits_of(const struct scan_setup *setup);

#endif
