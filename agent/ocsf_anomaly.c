/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: clues about hostile processes, some from scan workers.
 */
#include "agent/ocsf_anomaly.h"

#include <inttypes.h>
#include <linux/filter.h>

#include "agent/ocsf_impl.h"
#include "agent/ocsf_process.h"

char *
anomaly_uid(const struct finding_context *ctx, const struct process *p,
    const struct anomaly *a)
{
	const struct clue *c = &a->clue;
	bool is_of_machine = c->kind == CLUE_PRELOAD_FILE;
	MH_CLEANUP(freep)
	char *process = is_of_machine
			    ? xasprintf("%s:%" PRIu64, ctx->host->boot_id, c->number)
			    : process_uid(p, ctx->host->boot_id);
	/* A packet socket has a number, the others a place or a subject. */
	MH_CLEANUP(freep)
	char *place = xasprintf("%" PRIx64 ":%" PRIu64, c->address,
	    c->kind == CLUE_PACKET_SOCKET ? c->number : 0);
	const char *texts[] = { ctx->device_uid, "anomaly", anomaly_name(c->kind),
		process, place, c->address == 0 ? c->what : "" };

	return hash_of_texts(texts, MH_ARRAY_LEN(texts));
}

static void
set_address(json_t *object, const char *key, uint64_t address)
{
	MH_CLEANUP(freep) char *text = xasprintf("0x%" PRIx64, address);

	set_text(object, key, text);
}

/* The instructions of a filter: [code, jt, jf, k], as tcpdump -ddd has them. */
static json_t *
filter_json(const struct clue *c)
{
	json_t *list = json_array();
	struct sock_filter f;

	for (size_t at = 0; at + sizeof(f) <= c->n_data; at += sizeof(f)) {
		memcpy(&f, c->data + at, sizeof(f));
		(void)json_array_append_new(list,
		    json_pack("[iiiI]", (int)f.code, (int)f.jt, (int)f.jf,
			(json_int_t)f.k));
	}
	return list;
}

/* What number means depends on the kind: records/clue.h. */
static void
set_number(json_t *data, const struct clue *c)
{
	const char *key = NULL;

	switch (c->kind) {
	case CLUE_PC_ANONYMOUS:
	case CLUE_PC_MEMFD:
		key = "thread";
		break;
	case CLUE_CODE_CHANGED:
	case CLUE_CODE_COPIED:
	case CLUE_CODE_RELOCATED:
		key = "file_offset";
		break;
	case CLUE_EXEC_ANONYMOUS:
	case CLUE_WRITE_EXEC:
	case CLUE_SECRET_MEMORY:
		key = "mappings";
		break;
	case CLUE_PACKET_SOCKET:
		key = "socket";
		break;
	case CLUE_PRELOAD_FILE:
		key = "mount_namespace";
		break;
	case CLUE_TRACED:
		key = "tracer";
		break;
	case CLUE_EXE_DELETED:
	case CLUE_EXEC_DELETED:
	case CLUE_PC_DELETED:
		set(data, "replaced", json_boolean(c->number == CLUE_FILE_REPLACED));
		break;
	case CLUE_EXE_MEMFD:
	case CLUE_EXEC_MEMFD:
	case CLUE_IMAGE:
	case CLUE_IMAGE_EXEC:
	case CLUE_KERNEL_NAME:
	case CLUE_PRELOAD:
	case CLUE_HIDDEN:
	case CLUE_COVERED:
	case CLUE_CODE_MANY:
	case CLUE_MAX_:
		break;
	}
	if (key != NULL)
		set_int(data, key, (int64_t)c->number);
}

static json_t *
anomaly_json(const struct anomaly *a)
{
	const struct clue *c = &a->clue;
	bool is_code = c->kind == CLUE_CODE_CHANGED || c->kind == CLUE_CODE_RELOCATED;
	json_t *data = json_object();

	set_text(data, "name", anomaly_name(c->kind));
	set_text(data, "reason", a->reason);
	if (c->address != 0)
		set_address(data, "address", c->address);
	if (c->length != 0 && c->length != CLUE_FILTER_UNKNOWN)
		set_int(data, "length", (int64_t)c->length);
	set_text(data, is_code ? "symbol" : "subject", c->what);
	set_number(data, c);
	if (c->kind == CLUE_PACKET_SOCKET) {
		set(data, "filter", filter_json(c));
		return data;
	}
	if (c->n_data > 0)
		set_hex(data, "seen", c->data, c->n_data);
	if (c->n_expected > 0)
		set_hex(data, "expected", c->expected, c->n_expected);
	return data;
}

static json_t *
analytic_json(const struct anomaly *a)
{
	json_t *analytic = json_object();
	MH_CLEANUP(freep)
	char *uid = xasprintf("molehunt/anomaly/%s", anomaly_name(a->clue.kind));

	set_int(analytic, "type_id", ANALYTIC_BEHAVIORAL);
	set_text(analytic, "type", "Behavioral");
	set_text(analytic, "name", anomaly_name(a->clue.kind));
	set_text(analytic, "uid", uid);
	set_text(analytic, "desc", anomaly_title(a->clue.kind));
	return analytic;
}

json_t *
anomaly_to_ocsf(const struct finding_context *ctx, const struct process *p,
    const struct process *const *ancestors, size_t n_ancestors, const struct anomaly *a,
    const char *uid, const struct finding_history *history)
{
	json_t *f = finding_base(ctx, uid, a->score, history);
	MH_CLEANUP(freep)
	char *title = xasprintf("%s: %s (%d)", anomaly_title(a->clue.kind),
	    p->comm != NULL ? p->comm : "", (int)p->pid);
	MH_CLEANUP(freep) char *message = xasprintf("%s: %s", title, a->reason);
	json_t *info = finding_info_json(ctx, uid, "anomaly", title, history);
	json_t *evidence = json_object();
	json_t *data = json_object();

	set_text(f, "message", message);
	set(info, "types", json_pack("[ss]", "anomaly", "process"));
	set(info, "data_sources", json_pack("[s]", "process"));
	set(info, "analytic", analytic_json(a));
	set(info, "attacks", attacks_json(anomaly_attacks(a->clue.kind)));
	set(f, "finding_info", info);
	set(f, "malware_scan_info", scan_info_json(ctx));
	set_text(evidence, "name", "process");
	set(evidence, "process",
	    process_to_json(p, ctx->host->boot_id, ancestors, n_ancestors));
	set(data, "anomaly", anomaly_json(a));
	set(data, "process", process_facts_to_json(p));
	set(evidence, "data", data);
	set(f, "evidences", json_pack("[o]", evidence));
	set(f, "observables", json_array());
	set_unmapped(f, ctx, a->score);
	return f;
}
