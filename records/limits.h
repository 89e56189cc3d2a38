/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_LIMITS_H
#define MH_RECORDS_LIMITS_H

/*
 * Limits of what travels in records, each with its unit and its reason.  Each
 * has a test on both sides.
 */
enum {
	/* Bytes of a path: a message holds it twice over; PATH_MAX is 4,096. */
	PATH_BYTES_MAX = 24 * 1024,
	/* Bytes kept of the head and of the tail of a path that is longer. */
	PATH_HEAD_BYTES = PATH_BYTES_MAX / 4,
	PATH_TAIL_BYTES = PATH_BYTES_MAX / 2,
	/* Bytes of a user's name: useradd(8) allows 256. */
	OWNER_BYTES_MAX = 256,
	/* Targets in one message: one descriptor each, see MSG_SCAN. */
	BATCH_TARGETS_MAX = 32,
	/* Bytes of a rule's identifier: YARA allows 128. */
	RULE_NAME_MAX = 256,
	/* Bytes of "pack/file". */
	NAMESPACE_MAX = 1024,
	/* Bytes of one rule file: the largest public one-file packs are 12 MB. */
	RULE_FILE_BYTES_MAX = 64 * 1024 * 1024,
	/* Bytes of all rule text, of all packs: four times the largest public collection. */
	RULE_TEXT_BYTES_MAX = 256 * 1024 * 1024,
	/* Files in one rule set: the largest public pack has some 1,100. */
	RULE_FILES_MAX = 20000,
	/* Bytes of a pattern of rules: as long as a path that a person writes. */
	RULE_PATTERN_MAX = 512,
	/* Tags of one rule that are kept. */
	RULE_TAGS_MAX = 64,
	/* Meta lines of one rule that are kept. */
	RULE_METAS_MAX = 128,
	/* Bytes of one meta value that are kept: author, reference and licence fit. */
	META_VALUE_MAX = 4096,
	/* Matched strings of one rule in one target that are kept, the rest is counted. */
	MATCH_STRINGS_MAX = 1024,
	/* Bytes kept of one matched string, at most and unless told otherwise. */
	MATCH_DATA_MAX = 64,
	/* Bytes of one encoded match: leaves room in MSG_FOUND. */
	MATCH_RECORD_MAX = 60 * 1024,
	/* Bytes of the sentence that goes with a verdict. */
	DETAIL_BYTES_MAX = 512,
	/* Bytes kept of where a file came from: what browsers take as an address. */
	ORIGIN_BYTES_MAX = 2048,
	/* Notes of one target that go by name, the rest is summed up by reason. */
	NOTES_MAX = 1024,
	/* Bytes of a part's name, which is put behind its target's path. */
	PART_NAME_MAX = PATH_BYTES_MAX / 2,
	/* Bytes kept on each side of a string that matched in memory. */
	AROUND_BYTES_MAX = 64,
	/* Regions of memory in one match: one for each place is enough. */
	MATCH_REGIONS_MAX = 64,
	/* Ranges of code that are compared with their files; a clean process has none. */
	TARGET_CODES_MAX = 256,
	/* Their files: with those of memory they fit in a message (MSG_SCAN). */
	TARGET_CODE_FILES_MAX = 24,
	/* Bytes kept of a command line; the kernel's own limit is 2 MiB. */
	COMMAND_LINE_MAX = 4096,
	/* Bytes of a control group's path, and of a process's name (TASK_COMM_LEN). */
	CGROUP_BYTES_MAX = 4096,
	COMM_BYTES_MAX = 63,
	/* Sockets of one process that are kept; the rest is counted. */
	PROCESS_SOCKETS_MAX = 64,
	/* Clues of one process that are kept. */
	PROCESS_CLUES_MAX = 64,
	/* Bytes of all clues of one process: its record fits in a message. */
	PROCESS_CLUES_BYTES_MAX = 24 * 1024,
	/* Bytes of a clue's subject (a path, a symbol). */
	CLUE_WHAT_MAX = 1024,
	/* Bytes of what a clue saw: the longest published filter of BPFDoor has 1,832. */
	CLUE_DATA_MAX = 2048,
	/* Bytes of one changed run of code, seen and expected. */
	CLUE_CODE_MAX = 256,
	/* Paths of what was not scanned that a scan keeps by name. */
	COVERAGE_PATHS_MAX = 10000,
};

#endif
