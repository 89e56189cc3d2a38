/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_LIMITS_H
#define MH_TRANSPORT_LIMITS_H

#include "transport/cms.h"

/*
 * The limits of docs/PROTOCOL.md that agent and collector share.  The size of
 * an envelope is CMS_ENVELOPE_MAX (transport/cms.h).
 */
enum {
	/* Bytes of NDJSON in one report: what a stranger may make us unpack. */
	REPORT_UNPACKED_MAX = 16 * 1024 * 1024,
	/* Bytes of one line without its newline: bounds one parse. */
	REPORT_LINE_MAX = 256 * 1024,
	/* Lines after the header; more than fit in practice, bounds the work. */
	REPORT_LINES_MAX = 200 * 1000,
	/* Bytes of NDJSON at which sealing stops to add lines: one gzip run of
	 * about 50 ms, which is what the agent's loop may be held up. */
	REPORT_SEAL_TARGET = 2 * 1024 * 1024,
	/* Milliseconds that `sealed` may be ahead of the reader's clock. */
	REPORT_AHEAD_MAX_MS = 10 * 60 * 1000,
	/* Bytes of one text in the header's "host" and "product". */
	REPORT_TEXT_MAX = 256,

	/* Bytes of a receipt's JSON, and of its DER: one certificate, one signature. */
	RECEIPT_CONTENT_MAX = 1024,
	RECEIPT_MAX = 8 * 1024,

	/* Bytes of a certificate or key file in PEM. */
	PEM_MAX = 64 * 1024,
	/* Bytes of identity.json and courier.json. */
	IDENTITY_JSON_MAX = 4096,
	/* Bytes of a collector's URL. */
	URL_MAX = 1024,
};

#endif
