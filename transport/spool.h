/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_SPOOL_H
#define MH_TRANSPORT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "transport/receipt.h"
#include "transport/report.h"

/*
 * What the agent may not lose: findings and coverage that are in no report yet,
 * sealed reports without a receipt, the history of findings, and which targets
 * were scanned.  SQLite in WAL mode with synchronous=FULL: what a function here
 * stored survives kill -9 and power loss once it returned MH_OK.  Schema:
 * spool_schema.c.
 *
 * The way of a line: spool_store() -> pending -> spool_pending_read(),
 * report_seal() -> spool_seal() -> sealed report -> spool_next_report() ->
 * spool_receipt(), which removes the report.  Every step is one transaction.
 *
 * Not for several threads.  Functions block for one fdatasync(2).
 *
 * Errors of all that write: MH_ERR_FULL (quota, floor of free space, or the
 * disk is full), MH_ERR_CORRUPT (the database is damaged: close and open it
 * anew), MH_ERR_STORE (any other failure of SQLite; spool_why() has its text).
 * After an error nothing was changed and all that was stored before is there.
 */
struct spool;

enum {
	/* Bytes of pending status that may be there whatever the quota says: a scan's
	 * summary and its first paths always find a place. */
	SPOOL_STATUS_MIN = 1024 * 1024,
	SPOOL_UID_MAX = 128,        /* bytes of a finding's uid */
	SPOOL_PATH_MAX = 64 * 1024, /* bytes of a path: deeper than PATH_MAX exists */
	SPOOL_JSON_MAX = 4 * 1024 * 1024, /* bytes of a line that is set aside whole */
	/* Receipts that are kept, the newest: 15 MB, a year of reports each hour.  The
	 * collector has them all. */
	SPOOL_RECEIPTS_MAX = 10 * 1000,
	/* Reports that were taken back and are kept as they were, the newest: 64 MiB.  What
	 * is in them goes out in others; whoever has them refused must not fill the disk. */
	SPOOL_RETURNED_MAX = 64,
	SPOOL_READ_MAX = 4 * 1024 * 1024, /* bytes of pending lines read at once */
	/* Milliseconds to the next try of a refused report.  One that is later was noted
	 * while the clock was ahead, and is due now: it may be a year. */
	SPOOL_RETRY_MAX_MS = 60 * 60 * 1000,
	SPOOL_SEALED_ROOM = 64 * 1024, /* bytes: least room that the floor check keeps */
	/* Bytes of PATH.reserve, which is given up when the disk is full: sealing and
	 * receipts make room, but need some first, in the journal. */
	SPOOL_RESERVE_BYTES = 8 * 1024 * 1024,
};

struct spool_options {
	uint64_t
	    max_bytes; /* of pending lines and sealed reports together; 0: no quota */
	uint64_t max_status_bytes; /* of pending coverage; 0: SPOOL_STATUS_MIN */
	uint64_t min_free_bytes;   /* leave at least that much of the file system free */
	const char *host_id;       /* the machine id; borrowed during spool_open() */
};

/* Rows that were read out of a damaged database into the new one. */
struct spool_salvage {
	uint64_t n_pending, n_sealed, n_aside, n_history, n_receipts;
	/* Rows that are known to be missing: ids between others that cannot be read. */
	uint64_t n_lost;
};

/* What spool_open() found. */
struct spool_opening {
	bool is_new_epoch; /* new, restored from elsewhere, or on another machine */
	char *damaged; /* where a damaged database was put aside, or NULL; caller frees */
	struct spool_salvage salvage; /* what was read out of it */
};

/*
 * Open or create the spool in the database at path, which is copied; mode 0600.
 *
 * A database that SQLite finds damaged is renamed to PATH.damaged-TIME with its
 * journal, never deleted, and a new one is begun with all rows that can still be
 * read (spool_salvage.c); a pending line of status tells of it, so that the
 * collector hears it too.  Without room for them (MH_ERR_FULL) nothing is changed.  A new epoch is drawn when
 * the file is new, or is not the one that was last opened (another inode), or
 * lies on another machine (host_id): a copy never continues the sequence of its
 * original.  What was pending or sealed in it is kept.
 *
 * Errors also: MH_ERR_UNSUPPORTED (written by a later version), MH_ERR_SYSTEM.
 */
mh_err spool_open(const char *path, const struct spool_options *options, int64_t now_ms,
    struct spool **ret, struct spool_opening *ret_opening) MH_CHECKED;

/*
 * Open an existing spool to read history and statistics beside the agent.
 * Errors: MH_ERR_NOTFOUND, MH_ERR_UNSUPPORTED, MH_ERR_CORRUPT, MH_ERR_STORE.
 */
mh_err spool_open_reader(const char *path, struct spool **ret) MH_CHECKED;
void spool_close(struct spool *sp);

/* Other limits from now on: what is there already stays.  host_id is not read. */
void spool_set_limits(struct spool *sp, const struct spool_options *options);
MH_DEFINE_CLEANUP(struct spool, spool_close);

/* SQLite's text about the last failure; borrowed until the next call. */
const char *spool_why(const struct spool *sp);

/* A finding as it is stored: texts borrowed, path any bytes. */
struct spool_finding {
	const char *uid; /* finding_info.uid, at most SPOOL_UID_MAX bytes */
	const char *rule;
	const char *pack;
	int severity; /* OCSF severity_id */
	const char *path;
	size_t path_len;
	int64_t seen_ms;
	const char *json; /* the line for the report */
	size_t json_len;  /* at most SPOOL_JSON_MAX bytes, else MH_ERR_TOOBIG */
	bool is_quiet;    /* update the history, make no line */
};

/* A coverage or summary line; borrowed. */
struct spool_text {
	const char *json;
	size_t len;
};

/* A target that was scanned, with what tells that it changed. */
struct spool_scanned {
	const char *path; /* any bytes; borrowed */
	size_t path_len;
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
	uint8_t rule_set[DIGEST_BYTES]; /* under which it was scanned */
};

/* All that one step of a scan yields.  Arrays are borrowed; each may be empty. */
struct spool_batch {
	const struct spool_finding *findings;
	size_t n_findings;
	const struct spool_text *coverage;
	size_t n_coverage;
	const struct spool_scanned *scanned;
	size_t n_scanned;
	int64_t now_ms;
};

/*
 * Store a batch in one transaction: findings as pending lines and in the
 * history (a known uid counts up), coverage as pending lines, targets as
 * scanned.  A line over REPORT_LINE_MAX fits no report: it is set aside whole
 * (statistics, n_aside) and holds up nothing.
 *
 * Two lanes: a finding is never dropped, and MH_ERR_FULL says that it finds no
 * place.  Coverage beyond max_status_bytes, or in the way of a finding that the quota
 * would refuse, drops the oldest coverage; how much was dropped is counted in the same
 * transaction, and the next report with coverage has a line that says so.
 */
mh_err spool_store(struct spool *sp, const struct spool_batch *batch) MH_CHECKED;

/* A finding in the history.  Texts are the struct's, freed with the _clear. */
struct spool_history {
	char *uid, *rule, *pack, *json;
	char *path; /* any bytes, NUL behind path_len */
	size_t path_len;
	int severity;
	int64_t first_ms, last_ms;
	uint64_t count;
};
void spool_history_clear(struct spool_history *h);

/* The finding with that uid.  MH_ERR_NOTFOUND. */
mh_err spool_history_find(struct spool *sp, const char *uid, struct spool_history *ret)
    MH_CHECKED;

/*
 * Call fn with findings last seen at since_ms or later, the latest first, at
 * most max of them; it borrows them and returns false to stop.  fn may not call
 * the spool.
 */
typedef bool spool_history_fn(const struct spool_history *h, void *arg);
mh_err spool_history_each(struct spool *sp, int64_t since_ms, uint64_t max,
    spool_history_fn *fn, void *arg) MH_CHECKED;

/* Whether exactly this target was scanned; MH_ERR_NOTFOUND when it was not. */
mh_err spool_scanned_check(struct spool *sp, const struct spool_scanned *target)
    MH_CHECKED;

struct spool_statistics {
	uint64_t n_pending, pending_bytes;
	int64_t oldest_pending_ms; /* 0 when there is none */
	uint64_t n_sealed, sealed_bytes;
	uint64_t
	    n_aside; /* lines that fit no report, damaged lines, reports taken back */
	uint64_t status_bytes;             /* of pending_bytes: coverage */
	uint64_t n_dropped, dropped_bytes; /* coverage that no report tells of yet */
	uint64_t n_receipts;
	uint64_t n_history;
	uint64_t n_scanned;
};
/* Whether it holds lines that were set aside: cheap, however much else it holds. */
bool spool_has_aside(struct spool *sp);
mh_err spool_statistics(struct spool *sp, struct spool_statistics *ret) MH_CHECKED;

/* Of these, what whoever seals has to know: cheap. */
struct spool_waiting {
	uint64_t n_pending, sealed_bytes;
};
mh_err spool_waiting(struct spool *sp, struct spool_waiting *ret) MH_CHECKED;

/* Pending lines in the order in which they were stored. */
struct spool_lines {
	struct report_line *lines;
	int64_t *ids;
	size_t n;
	struct buf *text; /* holds the lines */
};

/*
 * Read from the front at most SPOOL_READ_MAX bytes, with coverage or findings alone;
 * caller frees.  n may be 0.  Before coverage is read, what was dropped becomes a line
 * of it.  A line whose checksum is not that of its bytes is moved aside, and a line of
 * coverage tells of it.
 */
mh_err spool_pending_read(struct spool *sp, bool with_coverage, struct spool_lines **ret)
    MH_CHECKED;
void spool_lines_free(struct spool_lines *lines);
MH_DEFINE_CLEANUP(struct spool_lines, spool_lines_free);

/* Set epoch, sequence and previous of the next report in header. */
mh_err spool_next_header(struct spool *sp, struct report_header *header) MH_CHECKED;

/*
 * In one transaction: take the first n_taken of lines out of pending, keep the
 * sealed report, count the sequence up.  header is the one that was sealed and
 * came from spool_next_header(), else MH_ERR_INVALID.  No quota: it needs less
 * than what it takes out.
 */
mh_err spool_seal(struct spool *sp, const struct spool_lines *lines, size_t n_taken,
    const struct report_header *header, const uint8_t *der, size_t len) MH_CHECKED;

/* Move the first line aside, because no report takes it.  why is stored. */
mh_err spool_set_aside(struct spool *sp, const struct spool_lines *lines, const char *why,
    int64_t now_ms) MH_CHECKED;

/* A sealed report that waits for its receipt. */
struct spool_report {
	int64_t id; /* grows with age's opposite: later reports have greater ids */
	char epoch[UUID_TEXT_LEN];
	uint64_t sequence;
	uint8_t digest[DIGEST_BYTES];
	uint8_t *der; /* owned */
	size_t len;
	uint64_t tries;     /* how often it was refused */
	char *last_refusal; /* owned; NULL when it was not refused */
};
void spool_report_clear(struct spool_report *report);

/*
 * The oldest report with an id above after_id (0: any) that may be sent at
 * now_ms.  MH_ERR_NOTFOUND when there is none.  One whose bytes have not the hash that
 * it was sealed with is moved aside, told like a damaged line, and the next one is taken.
 */
mh_err spool_next_report(struct spool *sp, int64_t after_id, int64_t now_ms,
    struct spool_report *ret) MH_CHECKED;

/*
 * Note that a report was refused and is not to be sent before retry_ms, which is at most
 * SPOOL_RETRY_MAX_MS from now.
 */
mh_err spool_refused(struct spool *sp, const char *epoch, uint64_t sequence,
    const char *why, int64_t retry_ms) MH_CHECKED;

/*
 * Take a sealed report back whose way is blocked for ever (the collector holds other
 * bytes under its sequence, or refuses its agent): in one transaction its lines come
 * back into pending and the report itself is set aside, as what was signed stays what
 * was signed (the newest SPOOL_RETURNED_MAX).  lines are those of the report, in its order (report_next_line()).
 *
 * MH_ERR_NOTFOUND when there is no such report.  No quota.
 */
mh_err spool_unseal(struct spool *sp, const char *epoch, uint64_t sequence,
    const struct report_line *lines, size_t n, const char *why, int64_t now_ms)
    MH_CHECKED;

/* Draw a new epoch: the next report is the first of it. */
mh_err spool_new_epoch(struct spool *sp) MH_CHECKED;

/*
 * In one transaction: keep the receipt, which the caller has verified
 * (receipt_open()), and remove the report it is for.
 *
 * MH_ERR_NOTFOUND when there is no report of that epoch, sequence and hash: a
 * receipt that came twice, or one for other bytes.  Nothing is removed then.
 */
mh_err spool_receipt(struct spool *sp, const struct receipt *receipt, const uint8_t *der,
    size_t len) MH_CHECKED;

#endif
