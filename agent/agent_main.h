/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_AGENT_MAIN_H
#define MH_AGENT_AGENT_MAIN_H

#include <event2/event.h>

#include "agent/agent_config.h"
#include "agent/clean_table.h"
#include "agent/host.h"
#include "agent/ocsf.h"
#include "agent/scan.h"
#include "records/delivery.h"
#include "records/watch.h"
#include "transport/identity.h"
#include "transport/spool.h"

/*
 * Inside of the resident agent, shared by
 *
 *	agent_main.c      process, loop, signals
 *	agent_rules.c     rule sets and their replacement
 *	agent_run.c       what all scans have in common: verdicts become findings
 *	agent_scan.c      scans of profiles: schedule, governor, places
 *	agent_watch.c     what is written and executed
 *	agent_enrich.c    findings wait for facts about packages
 *	agent_block.c     what is bad is not executed, where that is asked for
 *	agent_policy.c    the fleet's policy over the configuration
 *	agent_state.c     what was clean, and how far a scan is
 *	agent_store.c     findings, between verdict and disk
 *	agent_control.c   what is answered at the control socket
 *	agent_checks.c    what is weaker than it could be
 *	agent_delivery.c  stored findings become reports, reports get receipts
 *	agent_metrics.c   what is counted, for Prometheus
 *	agent_identity.c  who this agent is, and renewal of its signing key
 *	agent_refused.c   reports that the collector does not take as they are
 */
enum {
	STORE_TARGETS_MAX = 256, /* clean ones, in one transaction */
	STORE_TARGETS_ROOM = STORE_TARGETS_MAX + SCAN_JOBS_MAX * BATCH_TARGETS_MAX * 2,
	STORE_MS = 500, /* a finding is on disk at the latest so long after its verdict */
	STORE_RETRY_MS = 5000, /* while the disk is full */
	SEAL_LINES = 100,      /* lines that make a report before its age does */
	/* Bytes of sealed reports that wait, from which on coverage is not sealed but kept
	 * where it can still make room: what was sealed is never dropped. */
	STATUS_SEALED_MAX = 4 * 1024 * 1024,
	SENT_MAX = 8, /* reports that the courier holds */
	COVERAGE_PATHS_PER_LINE = 500,
	REFUSED_RETRY_MS = 60 * 1000,
	RECEIPT_RETRY_MS =
	    2000, /* after a receipt that is not good: the courier may be broken */
	COURIER_RESTART_MS = 1000,
	RULES_RETRY_MS = 60 * 1000, /* after a rule set that could not be loaded */
	IDENTITY_LOOK_MS = 5000,    /* for an enrolment that comes while the agent runs */
	METRICS_COUNT_MS = 15 * 1000, /* between counts of the spool for metrics */
	SPOOL_REOPEN_MS = 60 * 1000,  /* between two, when delivery finds damage again */
	SETTINGS_LOOK_MS = 5000,      /* for settings that the courier does not have */
	SIGNING_RETRY_MIN_MS = 60 * 1000,      /* between attempts of renewal, doubled */
	SIGNING_RETRY_MAX_MS = 60 * 60 * 1000, /* each time; less for short lives */
	RESEAL_TRIES = 3, /* refusals of a signer after which its report is sealed anew */
	/* Clean files that the table has room for beyond those that are known: 1 MiB. */
	CLEAN_ROOM_MIN = 32 * 1024,
	OWN_FILES = 2,        /* databases */
	ALIVE_MS = 20 * 1000, /* the service manager is told: WatchdogSec= is 120 s */
	IDLE_TICK_MS = 1000,  /* while nothing is under way */
	/* The supervisor gives 5,000: so much is for answers, the rest for the disk. */
	STOP_SETTLE_MS = 2500,
};

/* Instances of helper programs, so that it is known whose an answer is. */
enum {
	INSTANCES_RULES = 1u << 28,
	INSTANCES_FACTS = 1u << 29,
	INSTANCES_BLOCK = 1u << 30,
};
#define INSTANCES_WATCH (1u << 31)

struct agent;
struct policy_file;
struct policy_facts;

/* The configuration's limits and the machine; texts borrowed from the agent. */
struct spool_options agent_spool_options(const struct agent *a);

/* The spool was found damaged: put it aside, and go on with what can be read of it. */
void agent_spool_reopen(struct agent *a);

/* These patterns and those of our own files, to exclude; a new list of borrowed texts. */
const char **agent_excludes(const struct agent *a, const char *const *list, size_t n,
    size_t *ret_n);

/* A configuration, and the rules that it names. */
struct rule_set {
	struct agent *agent;
	unsigned generation;
	struct scanner *scanner;
	struct event *event;
	bool is_listening;
	struct ruleset_facts facts; /* borrowed from scanner */
	bool is_ready, is_failed, is_clean_loaded;
	char *why;                  /* it failed; owned */
	unsigned n_problems;        /* packs and files that were left out */
	char *table_folder;         /* of its scanner's options; owned */
	int64_t retry_ms;           /* monotonic */
	int64_t ends_ms;            /* real: an override of it ends; 0: none does */
	struct agent_config config; /* becomes the agent's with it */
	bool has_config;
};

enum { FINGERPRINT_BYTES = 32 }; /* a SHA-256 */

enum run_kind {
	RUN_PROFILE = 1, /* a scan of a profile */
	RUN_WATCH,       /* what was watched, or what follows from it */
};

/* A scan of the resident agent. */
struct run {
	struct agent *agent;
	struct rule_set *rules;
	struct scan *scan;
	enum run_kind kind;
	char uid[UUID_TEXT_LEN];
	char *name;         /* of its profile, or for people; owned */
	int64_t started_ms; /* real time */
	int64_t began_ms;   /* real time, after the last restart: see clean_may_cache() */
	int64_t due_ms;     /* real time: what it was begun for; 0: by hand */
	int64_t saved_ms;   /* monotonic: its place */
	uint8_t fingerprint[FINGERPRINT_BYTES]; /* of what its profile looks at */
	unsigned n_resumed;                     /* how often it went on where it was */
	bool is_held;                           /* its place is to be kept */
	bool is_done;                           /* the scan has ended */
	int64_t done_ms;                        /* monotonic: then */
};

/* A scan of a profile that another life of the agent did not end. */
struct saved_run {
	char uid[UUID_TEXT_LEN];
	char *profile; /* owned */
	int64_t started_ms, due_ms;
	unsigned n_resumed;
	uint8_t fingerprint[FINGERPRINT_BYTES];
	struct scan_place place;  /* owned */
	struct coverage coverage; /* owned */
};
void saved_run_clear(struct saved_run *s);

/* A finding that is new to the store. */
struct new_finding {
	char *uid; /* taken */
	const char *rule, *pack, *path;
	const char *package_path; /* of agent_enrich_add(): whose package */
	int severity;             /* OCSF severity_id */
	int64_t now_ms;
	json_t *json; /* taken */
};

/* The signing key and its renewal. */
struct signing {
	int64_t look_ms; /* monotonic: when to look at the files */
	/* identity.json as it was read: another one is another enrolment. */
	uint64_t inode;
	int64_t mtime_ns;
	uint32_t chance;   /* of this process: spreads renewals */
	EVP_PKEY *new_key; /* while its certificate is asked for */
	int64_t retry_ms;  /* monotonic */
	unsigned n_failed; /* in a row */
	char *why;         /* the last failure; owned; NULL: none */
	/* The first report that the successor sealed; sequence 0: none. */
	char epoch[UUID_TEXT_LEN];
	uint64_t sequence;
	char *trouble; /* with the files; owned; NULL: none */
};

/* Of all scans that ended since the start. */
struct scan_totals {
	uint64_t scanned, bytes, findings;
	uint64_t missed[REASON_MAX_];
};

struct agent {
	struct event_base *base;
	struct event *supervisor_event, *courier_event, *tick;
	int tick_ms; /* now */
	struct channel *supervisor;
	struct agent_config config;
	char *config_path;
	char *state; /* folder */
	/* Patterns of our databases; owned.  Whoever closes a descriptor of a file loses
	 * the locks that it holds there, so that none of these may be handed to us. */
	char *own_files[OWN_FILES];
	struct host host;
	struct spool *spool;
	bool was_spool_damaged;  /* what it held is to be found again */
	bool is_spool_damaged;   /* as delivery came upon it: it is to be opened anew */
	int64_t spool_reopen_ms; /* monotonic: not before */
	bool must_find_again;    /* it was, and that is still to be seen to */
	struct store *store;
	bool is_stopping;
	int64_t stop_ms; /* monotonic: then what is in flight is left */
	int exit_status;
	int64_t started_ms; /* real time */
	bool is_ready_told;
	int64_t alive_ms; /* monotonic: when to say so again */

	/* agent_rules.c */
	struct rule_set *rules;      /* in use, or being loaded for the first time */
	struct rule_set *next_rules; /* being loaded; NULL */
	struct rule_set *old_rules;  /* its scans are ending; NULL */
	unsigned rules_generation;
	char *reload_why; /* the last reload was refused: why; owned */

	struct scan_side *scans;    /* agent_scan.c */
	struct watch_side *watch;   /* agent_watch.c */
	struct enrich_side *enrich; /* agent_enrich.c */
	struct block_side *block;   /* agent_block.c */
	struct policy_side *policy; /* agent_policy.c */

	/* agent_state.c */
	struct state_db *db; /* NULL: nothing is remembered */
	bool is_db_trouble_told;
	int64_t db_retry_ms;       /* monotonic */
	struct clean_table *clean; /* of the rules in use; NULL: none */
	uint64_t clean_room;       /* entries that it was made for */
	uint8_t clean_context[CLEAN_CONTEXT_BYTES];
	/*
	 * Too large to be scanned wholly, and clean in the part that was: that is told
	 * again, without reading it again.
	 */
	struct clean_table *partly;
	uint8_t partly_context[CLEAN_CONTEXT_BYTES];

	/* agent_identity.c */
	struct identity *identity;        /* NULL while this machine is not enrolled */
	char agent_before[UUID_TEXT_LEN]; /* whose receipts may be on their way; or "" */
	X509_STORE *ca;
	struct signing signing;

	/* agent_delivery.c */
	struct channel *courier;
	unsigned courier_instance;
	bool is_courier_starting;
	int64_t courier_retry_ms, settings_look_ms;
	struct buf *settings;   /* as the courier has them; empty: it has none */
	char *settings_trouble; /* owned; NULL: none */
	unsigned n_sent;        /* reports that the courier has */
	int64_t last_sent_id;
	int64_t oldest_pending_ms; /* monotonic; 0: nothing waits for a report */
	uint64_t n_pending;
	uint64_t sealed_bytes; /* in the spool, at the last count */
	bool knows_link;
	struct delivery_link link;                /* the courier's last word */
	uint64_t n_sealed, n_receipts, n_refused; /* since the start */
	int64_t receipt_ms;                       /* real time, the last one's; 0: none */

	struct scan_totals totals; /* agent_run.c */

	/* agent_metrics.c */
	struct spool_statistics counted;
	int64_t counted_ms; /* monotonic: when; 0: not yet */

	/* agent_control.c */
	int control_fd; /* listening; -1: none */
	gid_t control_gid;
	struct control *control;
};

enum check_level { CHECK_GOOD, CHECK_WEAKER, CHECK_ERROR };

/* One thing that was looked at.  Texts are borrowed; advice may be NULL. */
struct agent_check {
	const char *name;
	enum check_level level;
	const char *text;
	const char *advice;
};

/* Ask the supervisor; its answers come to rules and delivery. */
mh_err agent_ask(struct agent *a, enum message_name type, enum role role,
    unsigned instance);
/* Something is under way: tick soon. */
void agent_hurry(struct agent *a);

/* Load the rules of the configuration. */
void agent_rules_init(struct agent *a);
bool agent_rules_are_ready(const struct agent *a);
/* Read the configuration again, and load its rules beside those in use. */
void agent_reload(struct agent *a);
void agent_rules_tick(struct agent *a, int64_t now_ms);
void agent_rules_on_started(struct agent *a, enum role role, unsigned instance, int fd);
void agent_rules_on_exited(struct agent *a, enum role role, unsigned instance,
    int status);
void agent_rules_clear(struct agent *a);

struct run *run_new(struct agent *a, enum run_kind kind, const char *name);
void run_free(struct run *run);
/* For struct scan_ops; ctx is a struct run. */
bool run_wants(void *ctx, const struct target *t, enum reason *ret_reason);
void run_on_answer(void *ctx, struct scan *scan, const struct scan_answer *answer);
void run_on_anomaly(void *ctx, const struct process_table *processes,
    const struct process *p, const struct anomaly *found);
void run_on_done(void *ctx, struct scan *scan);
/* Whether it has ended, and its findings have been told all that they waited for. */
bool run_has_settled(const struct run *run, int64_t now_ms);
/* Keep coverage and summary for the disk, behind all findings. */
void run_tell_coverage(struct run *run, const struct coverage *c, bool is_whole);

/*
 * The state database, and the table of clean files of the rules in use.  Failures
 * are told, and cost work only.
 */
void agent_state_open(struct agent *a);
void agent_state_close(struct agent *a);
void agent_state_tick(struct agent *a, int64_t now_ms);
void agent_clean_load(struct agent *a);
/* To hand to openers; -1: there is none. */
int agent_clean_fd(const struct agent *a);
/* The hash of what was clean; false: it is not to be kept. */
bool agent_clean_hash(const struct agent *a, const struct target *t, int64_t began_ms,
    uint64_t *ret);
/* The same of what was scanned in part, and is kept at once. */
void agent_partly_add(struct agent *a, const struct target *t, int64_t began_ms);
bool agent_partly_knows(const struct agent *a, const struct target *t);
/* After the spool has stored what was found with them. */
void agent_clean_add(struct agent *a, const uint64_t *hashes, size_t n);
void agent_state_save_run(struct agent *a, const struct run *run,
    const struct scan_place *place, const struct coverage *coverage);
void agent_state_drop_run(struct agent *a);
/* False: there is none.  ret is for saved_run_clear(). */
bool agent_state_load_run(struct agent *a, struct saved_run *ret);
/* What spreads the times of the schedule. */
void agent_schedule_secret(const struct agent *a, uint8_t ret[SCHEDULE_SECRET_BYTES]);
/* 0 where it is not known. */
int64_t agent_state_number(struct agent *a, const char *name);
void agent_state_set_number(struct agent *a, const char *name, int64_t v);

void agent_scan_init(struct agent *a);
void agent_scan_tick(struct agent *a, int64_t now_ms);
/* The rules were replaced: what runs goes on with the new ones. */
void agent_scan_on_new_rules(struct agent *a);
/* Stop opening; true: nothing is in flight any more. */
bool agent_scan_stop(struct agent *a);
/* What it saw is told, as not whole. */
void agent_scan_end(struct agent *a);
void agent_scan_clear(struct agent *a);

/*
 * What scans yielded and is not on disk.  store_keep_... never fails; all of it
 * goes on disk with agent_store(), or stays when that does not go.
 */
struct store *store_new(void);
void store_free(struct store *st);
void store_keep_finding(struct store *st, const struct new_finding *f);
void store_keep_poisoned(struct store *st, const struct target *t,
    const struct ruleset_facts *facts);
/* A hash of agent_clean_hash(). */
void store_keep_clean(struct store *st, uint64_t hash);
void store_keep_line(struct store *st, json_t *record);
/* The disk takes nothing: nothing is read from the workers. */
bool store_is_blocked(const struct store *st);
bool store_is_waiting(const struct store *st);
/* Put everything that waits on disk. False: it did not go. */
bool agent_store(struct agent *a);
void agent_store_tick(struct agent *a, int64_t now_ms);
/* It may go now: try at the next tick. */
void agent_store_retry(struct agent *a);
/*
 * What the history will have of a finding when those before it are on disk; zeros
 * when it is new.  Counts one more: call it once for each that is kept.
 */
struct finding_history agent_history(struct agent *a, const char *uid, int64_t now_ms);
/* Whether this target kills workers under these rules. */
bool agent_is_poisoned(struct agent *a, const struct target *t,
    const struct ruleset_facts *facts);

typedef void agent_check_fn(void *ctx, const struct agent_check *check);
/* Look at everything, and tell fn. */
void agent_check_all(struct agent *a, agent_check_fn *fn, void *ctx);

/*
 * Make the socket; before privileges are dropped.  Without one the agent works, and
 * says so.  Errors: MH_ERR_EXISTS (another agent answers there), told.
 */
mh_err agent_control_listen(struct agent *a) MH_CHECKED;
void agent_control_init(struct agent *a);
void agent_control_clear(struct agent *a);

/* Scan a profile now, or as soon as another has ended; false: there is none. */
bool agent_scan_ask(struct agent *a, const char *profile);
/* Scans of profiles stop where they are, for that time or until resumed (0). */
void agent_scan_pause(struct agent *a, int64_t for_ms);
void agent_scan_resume(struct agent *a);
/* The scan of a profile that ended last; profile NULL: none did.  Borrowed. */
struct last_run {
	char *profile; /* owned by the agent */
	int64_t started_ms, ended_ms;
	uint64_t n_scanned, n_unchanged, n_missed, n_findings;
};
const struct last_run *agent_scan_last(const struct agent *a);
/* NULL while none runs; all three borrowed. */
const struct run *agent_scan_run(const struct agent *a);
const struct schedule *agent_scan_schedule(const struct agent *a);
const struct governor *agent_scan_governor(const struct agent *a);

void agent_enrich_init(struct agent *a);
/* A finding in a file: kept for the disk soon, with what is known of the file. */
void agent_enrich_add(struct agent *a, const struct new_finding *f);
/* Keep what waits as it is. */
void agent_enrich_flush(struct agent *a);
bool agent_enrich_is_waiting(const struct agent *a);
void agent_enrich_tick(struct agent *a, int64_t now_ms);
void agent_enrich_on_started(struct agent *a, unsigned instance, int fd);
void agent_enrich_on_exited(struct agent *a, unsigned instance);
void agent_enrich_clear(struct agent *a);

void agent_block_init(struct agent *a);
/* Something was found in t: if it is bad enough, it is not executed from now on. */
void agent_block_note(struct agent *a, const struct target *t, const char *uid,
    int severity);
void agent_block_tick(struct agent *a, int64_t now_ms);
bool agent_block_is_on(const struct agent *a);
/* Why nothing is blocked though something should be; static; NULL: all is well. */
const char *agent_block_trouble(const struct agent *a);
uint64_t agent_block_denied(const struct agent *a);
void agent_block_on_started(struct agent *a, unsigned instance, int fd);
void agent_block_on_exited(struct agent *a, unsigned instance);
void agent_block_clear(struct agent *a);

void agent_policy_init(struct agent *a);
/* Lay the policy that was kept over config; what is wrong with it is told. */
void agent_policy_merge(struct agent *a, struct agent_config *config);
/* Check a new one, keep it, and reload.  Errors: those of policy_open(), told. */
mh_err agent_policy_apply(struct agent *a, const struct policy_file *file, char **ret_why)
    MH_CHECKED;
/* NULL where there is none; borrowed. */
const struct policy_facts *agent_policy_facts(const struct agent *a);
const char *agent_policy_problem(const struct agent *a);
void agent_policy_clear(struct agent *a);

void agent_watch_init(struct agent *a);
void agent_watch_tick(struct agent *a, int64_t now_ms);
void agent_watch_on_new_rules(struct agent *a);
void agent_watch_on_started(struct agent *a, unsigned instance, int fd);
void agent_watch_on_exited(struct agent *a, unsigned instance, int status);
bool agent_watch_is_busy(const struct agent *a);
/* Something that is not urgent runs. */
bool agent_watch_wants_work(const struct agent *a);
/* What was watched is told. */
/* The table of clean files is another one. */
void agent_watch_on_new_clean(struct agent *a);
void agent_watch_end(struct agent *a);
void agent_watch_clear(struct agent *a);
/* NULL: nothing is known yet. */
const struct watching *agent_watch_state(const struct agent *a);
/* What is wrong while a watcher that hung has no successor that answers; or NULL. */
const char *agent_watch_silence(const struct agent *a);
unsigned agent_watch_count_hung(const struct agent *a); /* since the start */

/* "working", "resting", and why: for people; static. */
const char *agent_scan_state(const struct agent *a);

/* Look at the files again at the next tick. */
void agent_identity_reload(struct agent *a);
void agent_identity_tick(struct agent *a, int64_t now_ms);
/* The courier is gone, and with it what it was asked. */
void agent_identity_on_courier_lost(struct agent *a);
void agent_identity_on_renewed(struct agent *a, const struct message *m);
/* A report was sealed with that pair. */
void agent_identity_on_sealed(struct agent *a, const struct identity_pair *pair,
    const struct report_header *header);
void agent_identity_on_receipt(struct agent *a, const struct receipt *receipt);
/* The collector does not take what the successor signs. */
void agent_identity_drop_next(struct agent *a, const char *why);
/* Whether this machine is another one than was enrolled: a copy. */
bool agent_identity_is_copy(const struct agent *a);
void agent_identity_clear(struct agent *a);

/*
 * A report was refused in a way that trying again does not mend: seal its lines anew
 * where that helps.  False: it is kept as it is.
 */
bool agent_refused_mend(struct agent *a, const struct delivery_refused *note);

/* Append everything that is counted, as Prometheus text. */
void agent_metrics_put(struct agent *a, struct buf *b);

/* Have the courier read its identity and settings again. */
void agent_delivery_reload(struct agent *a);
/* Count anew what waits for a report. */
void agent_delivery_count(struct agent *a, int64_t now_ms);
void agent_delivery_tick(struct agent *a, int64_t now_ms);
void agent_delivery_on_started(struct agent *a, unsigned instance, int fd);
void agent_delivery_on_exited(struct agent *a, unsigned instance, int status);
void agent_delivery_clear(struct agent *a);
/* n more lines wait for a report. */
void agent_delivery_on_stored(struct agent *a, size_t n, int64_t now_ms);

#endif
