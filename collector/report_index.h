/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_REPORT_INDEX_H
#define MH_COLLECTOR_REPORT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "transport/report.h"

/*
 * What the store keeps of a report's findings beside the signed bytes, so that
 * they can be searched.  Made before the store is touched and in any thread;
 * whoever writes the store parses no JSON.
 *
 * The lines are JSON objects without duplicate keys (report_open() has seen to
 * that), and still hostile: a field may be missing, of another type or long.
 */
enum {
	INDEX_TEXT_MAX = 4096, /* bytes kept of one text; the rest is in the report */
	/* Findings of one report; the shortest one, {"class_uid":2004}, has 18 bytes. */
	INDEX_FINDINGS_MAX = 1 << 20,
	STATUS_SUPPRESSED = 3, /* status_id of OCSF */
};

/* One text of a finding: bytes of UTF-8 without NUL, not terminated. */
struct index_text {
	const char *p;
	uint32_t len;
};

/* What is kept of one finding; missing texts are "", missing numbers 0. */
struct index_finding {
	struct index_text uid;  /* finding_info.uid */
	struct index_text rule; /* finding_info.analytic.name */
	struct index_text path; /* evidences[0].file.path, or .process.file.path */
	int64_t time_ms;        /* time */
	int severity;           /* severity_id, 0 to 99 */
	bool is_suppressed;     /* status_id is 3: an override says that it is harmless */
};

/* Of one report, in the order of its lines. */
struct report_index {
	struct index_finding *findings;
	size_t n_findings;
	struct buf *texts; /* what had to be copied */
};

/*
 * Read the findings of an opened report.  Texts are borrowed from it: it has to
 * live as long.  Caller frees *ret with report_index_free().
 *
 * Errors: MH_ERR_FORMAT (a line is no JSON object: not from report_open()),
 * MH_ERR_TOOBIG (more than INDEX_FINDINGS_MAX).
 */
mh_err report_index_new(const struct report *report, struct report_index **ret)
    MH_CHECKED;
void report_index_free(struct report_index *index);
MH_DEFINE_CLEANUP(struct report_index, report_index_free);

/* Read one line of text alone; texts are borrowed from line or copied into texts. */
mh_err report_index_line(const char *line, size_t len, struct buf *texts,
    struct index_finding *ret) MH_CHECKED;

#endif
