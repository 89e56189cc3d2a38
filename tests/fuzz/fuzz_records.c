/* SPDX-License-Identifier: BSD-2-Clause */
/* The first byte says which record the rest is. */
#include "records/certificates.h"
#include "records/coverage.h"
#include "records/delivery.h"
#include "records/facts.h"
#include "records/indicator.h"
#include "records/note.h"
#include "records/process.h"
#include "records/rule_place.h"
#include "records/setup.h"
#include "records/supervise.h"
#include "records/target.h"
#include "records/walk.h"
#include "records/watch.h"

#define DECODE(number, type, decode, clear) \
	if (kind == (number)) {             \
		struct type v;              \
		decode(&r, &v);             \
		clear(&v);                  \
	}
#define PARSE(number, type, parse)               \
	if (kind == (number)) {                  \
		struct type v;                   \
		mh_ignore(parse(rest, len, &v)); \
	}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size > 0 ? size - 1 : 0;
	uint8_t kind = size > 0 ? data[0] % 31 : 0;
	const uint8_t *rest = size > 0 ? data + 1 : data;
	struct reader r;
	struct scan_setup setup;

	reader_init(&r, rest, len);
	if (kind == 0)
		scan_setup_decode(&r, &setup);
	DECODE(1, target, target_decode, target_clear)
	DECODE(2, walk_request, walk_request_decode, walk_request_clear)
	DECODE(3, walk_progress, walk_progress_decode, walk_progress_clear)
	DECODE(4, ruleset_facts, ruleset_facts_decode, ruleset_facts_clear)
	PARSE(5, child_note, child_note_parse)
	PARSE(6, delivery_report, delivery_report_parse)
	PARSE(7, delivery_receipt, delivery_receipt_parse)
	PARSE(8, delivery_refused, delivery_refused_parse)
	PARSE(9, issue, issue_read)
	DECODE(10, list_request, list_request_decode, list_request_clear)
	DECODE(11, process, process_decode, process_clear)
	DECODE(12, mapped_list, mapped_list_decode, mapped_list_clear)
	DECODE(13, open_request, open_request_decode, open_request_clear)
	DECODE(14, clue, clue_decode, clue_clear)
	DECODE(15, note, note_decode, note_clear)
	DECODE(16, rule_place, rule_place_decode, rule_place_clear)
	DECODE(17, watch_request, watch_request_decode, watch_request_clear)
	DECODE(18, watch_event, watch_event_decode, watch_event_clear)
	DECODE(19, due_list, due_list_decode, due_list_clear)
	DECODE(20, watching, watching_decode, watching_clear)
	DECODE(21, watch_lost, watch_lost_decode, watch_lost_clear)
	DECODE(22, block_request, block_request_decode, block_request_clear)
	DECODE(23, blocked, blocked_decode, blocked_clear)
	DECODE(24, coverage, coverage_decode, coverage_clear)
	DECODE(25, facts_request, facts_request_decode, facts_request_clear)
	DECODE(26, facts_answer, facts_answer_decode, facts_answer_clear)
	PARSE(27, delivery_settings, delivery_settings_parse)
	PARSE(28, delivery_renew, delivery_renew_parse)
	PARSE(29, delivery_renewed, delivery_renewed_parse)
	DECODE(30, indicator_file_result, indicator_file_result_decode,
	    indicator_file_result_clear)
	return 0;
}
