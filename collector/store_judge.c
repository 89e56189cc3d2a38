/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report against the past of its agent (docs/PROTOCOL.md, "Alarms"): a fixed
 * number of queries, however long the past is.
 *
 * Input: hostile, though signed: an agent may be taken over.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "collector/store_internal.h"

static void
copy_column(sqlite3_stmt *stmt, int i, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", column_text(stmt, i));
}

static mh_err
read_past(sqlite3_stmt *stmt, struct agent_past *p)
{
	p->id = sqlite3_column_int64(stmt, 0);
	p->flags = (unsigned)sqlite3_column_int64(stmt, 1);
	p->current = sqlite3_column_int64(stmt, 2);
	p->current_since_ms = sqlite3_column_int64(stmt, 3);
	p->machine = sqlite3_column_int64(stmt, 4);
	p->machine_since_ms = sqlite3_column_int64(stmt, 5);
	p->current_began_ms = sqlite3_column_int64(stmt, 6);
	copy_column(stmt, 7, p->instance, sizeof(p->instance));
	copy_column(stmt, 8, p->hostname, sizeof(p->hostname));
	p->epoch = sqlite3_column_int64(stmt, 9);
	p->began_ms = sqlite3_column_int64(stmt, 10);
	p->last_sequence = (uint64_t)sqlite3_column_int64(stmt, 11);
	p->last_sealed_ms = sqlite3_column_int64(stmt, 12);
	p->last_received_ms = sqlite3_column_int64(stmt, 13);
	p->steady = sqlite3_column_int64(stmt, 14);
	p->restored_sequence = (uint64_t)sqlite3_column_int64(stmt, 15);
	p->was_current = sqlite3_column_int(stmt, 17) != 0;
	if (sqlite3_column_bytes(stmt, 16) == DIGEST_BYTES)
		memcpy(p->last_digest, sqlite3_column_blob(stmt, 16), DIGEST_BYTES);
	else if (p->last_sequence != 0)
		return MH_ERR_CORRUPT;
	return MH_OK;
}

mh_err
store_past_load(struct store *st, const char *agent, const char *epoch,
    struct agent_past *ret)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_AGENT_STATE);
	struct agent_past p = { .id = 0 };
	mh_err err = MH_OK;

	bind_text(stmt, 1, agent);
	bind_text(stmt, 2, epoch);

	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

	if (rc == SQLITE_ROW)
		err = read_past(stmt, &p);
	else if (rc != SQLITE_DONE)
		err = store_err(st);
	(void)sqlite3_reset(stmt);
	if (err == MH_OK)
		*ret = p;
	return err;
}

/*
 * What a machine is told from another by: a boot of it.  A boot id is never
 * drawn twice, so one that comes back was there all the time.
 */
static void
instance_of(const struct report_host *host, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s/%s", host->machine_id, host->boot_id);
}

/* Whether two instances are of machines with the same machine id. */
static bool
is_same_machine(const char *a, const char *b)
{
	size_t len = strcspn(a, "/");

	/* Nothing is known of one of them: no accusation. */
	return a[0] == 0 || b[0] == 0 || (strncmp(a, b, len) == 0 && b[len] == '/');
}

static mh_err
raise_clone(struct store *st, const struct report_header *h, const char *instance,
    int64_t now_ms, const struct agent_past *p)
{
	MH_CLEANUP(freep)
	char *detail = xasprintf("two machines report under this identity by turns: "
				 "%s (machine/boot %s) and %s (%s)",
	    p->hostname, p->instance, h->host.hostname, instance);
	const struct alarm_raise a = { ALARM_CLONE, ALARM_OPEN, p->id, "", 0, NULL,
		now_ms, detail };

	return store_alarm_raise(st, &a);
}

static mh_err
find_machine(struct store *st, int64_t agent, const char *instance, int64_t *ret,
    bool *ret_was_current)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_MACHINE_FIND);
	mh_err err = MH_OK;

	bind_int(stmt, 1, agent);
	bind_text(stmt, 2, instance);

	int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

	if (rc == SQLITE_ROW) {
		*ret = sqlite3_column_int64(stmt, 0);
		*ret_was_current = sqlite3_column_int(stmt, 1) != 0;
	} else if (rc != SQLITE_DONE) {
		err = store_err(st);
	}
	(void)sqlite3_reset(stmt);
	return err;
}

static mh_err
add_machine(struct store *st, const struct report_header *h, const char *instance,
    int64_t agent, int64_t *ret)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_MACHINE_ADD);

	bind_int(stmt, 1, agent);
	bind_text(stmt, 2, instance);
	bind_text(stmt, 3, h->host.hostname);
	bind_int(stmt, 4, h->sealed_ms);

	mh_err err = store_run(st, stmt);

	if (err == MH_OK)
		*ret = sqlite3_last_insert_rowid(st->db);
	return err;
}

static mh_err
make_current(struct store *st, const struct report_header *h, int64_t machine,
    const char *instance, struct agent_past *p)
{
	sqlite3_stmt *stmt = store_statement(st, SQL_MACHINE_CURRENT);

	p->machine = machine;
	p->machine_since_ms = h->sealed_ms;
	(void)snprintf(p->instance, sizeof(p->instance), "%s", instance);
	(void)snprintf(p->hostname, sizeof(p->hostname), "%s", h->host.hostname);
	bind_int(stmt, 1, machine);
	return store_run(st, stmt);
}

/*
 * One machine after another is a move or a reboot.  One that had been followed
 * by another and comes back, and says so later than the other began, was never
 * gone: a clone.
 */
mh_err
store_judge_machine(struct store *st, const struct report_header *h, int64_t received_ms,
    struct agent_past *p)
{
	char instance[sizeof(p->instance)];
	int64_t machine = 0;
	bool was_current = false;
	mh_err err = MH_OK;

	instance_of(&h->host, instance, sizeof(instance));
	if (strcmp(instance, "/") == 0 || strcmp(instance, p->instance) == 0)
		return MH_OK;
	err = find_machine(st, p->id, instance, &machine, &was_current);
	if (err != MH_OK)
		return err;

	bool is_new = machine == 0;

	if (is_new)
		err = add_machine(st, h, instance, p->id, &machine);
	/* What was sealed before the last machine began came late. */
	if (err != MH_OK ||
	    (p->machine != 0 &&
		h->sealed_ms < p->machine_since_ms + (is_new ? 0 : ALARM_MARGIN_MS)))
		return err;
	if (was_current && p->machine != 0)
		err = raise_clone(st, h, instance, received_ms, p);
	return err == MH_OK ? make_current(st, h, machine, instance, p) : err;
}

static mh_err
raise_rollback(struct store *st, const struct report_header *h, int64_t now_ms,
    const struct agent_past *p)
{
	static const char detail[] =
	    "an older epoch went on after a newer one had begun on the same machine: the "
	    "agent's state was put back";
	const struct alarm_raise a = { ALARM_ROLLBACK, ALARM_OPEN, p->id, h->epoch, 0,
		NULL, now_ms, detail };

	return store_alarm_raise(st, &a);
}

/*
 * An agent has one epoch at a time.  A new one takes the place of the last; one
 * that goes on after that is an older state, or another machine.
 */
static mh_err
judge_epoch(struct store *st, const struct report_header *h, int64_t now_ms, bool is_new,
    struct agent_past *p)
{
	char instance[sizeof(p->instance)];
	mh_err err = MH_OK;

	if (p->epoch == p->current)
		return MH_OK;
	/* What was sealed before the last one began came late. */
	if (p->current != 0 &&
	    h->sealed_ms < p->current_since_ms + (is_new ? 0 : ALARM_MARGIN_MS))
		return MH_OK;
	instance_of(&h->host, instance, sizeof(instance));
	if (p->current == 0 || !p->was_current)
		err = MH_OK; /* its first turn */
	else if (p->began_ms <= p->current_began_ms &&
		 is_same_machine(p->instance, instance))
		err = raise_rollback(st, h, now_ms, p);
	else
		err = raise_clone(st, h, instance, now_ms, p);
	p->current = p->epoch;
	p->current_since_ms = h->sealed_ms;
	p->was_current = true;
	return err;
}

/* What the times of the report say about the agent's clock; NULL: nothing. */
static char *
find_clock_fault(const struct report_header *h, int64_t received_ms, struct agent_past *p)
{
	int64_t late = received_ms - h->sealed_ms;
	int64_t d_received = received_ms - p->last_received_ms;
	int64_t d_sealed = h->sealed_ms - p->last_sealed_ms;
	int64_t drift = d_received - d_sealed;

	if (late < -ALARM_CLOCK_MS)
		return xasprintf("the agent's clock is %lld s ahead",
		    (long long)-late / 1000);
	if (p->last_sequence == 0 || h->sequence != p->last_sequence + 1)
		return NULL;
	if (d_sealed < -ALARM_CLOCK_MS)
		return xasprintf("the agent's clock went back by %lld s",
		    (long long)-d_sealed / 1000);
	/* A queue that empties comes less late each time; a wrong clock does not. */
	if (late <= ALARM_MARGIN_MS)
		p->steady = 0;
	else if (d_received >= ALARM_MARGIN_MS)
		p->steady =
		    (drift < 0 ? -drift : drift) <= d_received / 10 ? p->steady + 1 : 0;
	if (p->steady < ALARM_CLOCK_STEADY)
		return NULL;
	return xasprintf("the agent's clock is %lld s behind", (long long)late / 1000);
}

static mh_err
judge_clock(struct store *st, const struct report_header *h, int64_t received_ms,
    struct agent_past *p)
{
	MH_CLEANUP(freep) char *detail = find_clock_fault(h, received_ms, p);
	int64_t late = received_ms - h->sealed_ms;
	const struct alarm_raise a = { ALARM_CLOCK, ALARM_OPEN, p->id, "", 0, NULL,
		received_ms, detail };

	if (detail != NULL) {
		p->flags |= AGENT_HAS_CLOCK_ALARM;
		return store_alarm_raise(st, &a);
	}
	if ((p->flags & AGENT_HAS_CLOCK_ALARM) == 0 || late > ALARM_CLOCK_MS)
		return MH_OK;
	p->flags &= ~(unsigned)AGENT_HAS_CLOCK_ALARM;
	return store_alarm_end(st, ALARM_CLOCK, p->id, "", 0, received_ms);
}

mh_err
store_judge(struct store *st, const struct report_header *h, int64_t received_ms,
    struct agent_past *p)
{
	bool is_new = p->last_sequence == 0;
	mh_err err = MH_OK;

	/* The epoch first: it asks where the agent was before this report. */
	err = judge_epoch(st, h, received_ms, is_new, p);
	if (err == MH_OK)
		err = store_judge_machine(st, h, received_ms, p);
	if (err == MH_OK)
		err = judge_clock(st, h, received_ms, p);
	if (err == MH_OK && (p->flags & AGENT_IS_SILENT) != 0) {
		p->flags &= ~(unsigned)AGENT_IS_SILENT;
		err = store_alarm_end(st, ALARM_SILENCE, p->id, "", 0, received_ms);
	}
	if (err != MH_OK)
		return err;
	p->began_ms = h->sealed_ms < p->began_ms ? h->sealed_ms : p->began_ms;
	return MH_OK;
}
