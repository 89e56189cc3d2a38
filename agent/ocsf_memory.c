/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: from scan workers and the opener: bytes of any kind in names and values.
 */
#include "agent/ocsf_memory.h"

#include <inttypes.h>

#include "agent/ocsf_impl.h"
#include "agent/ocsf_process.h"

char *
memory_place(const struct finding_context *ctx, const struct scan_answer *answer,
    const struct match *m)
{
	const struct target *t = answer->target;
	const uint64_t start = m->part == PART_IMAGE ? m->image_base
			       : m->n_regions > 0    ? m->regions[0].start
						     : 0;

	/* One address may hold a program in two layouts: two contents. */
	MH_CLEANUP(freep)
	char *hex = text_hex(m->part_sha256, m->has_part_sha256 ? 32 : 0);

	return xasprintf("%s:%d:%" PRIu64 ":%" PRIx64 ":%s", ctx->host->boot_id,
	    (int)t->pid, t->start_ticks, start, hex);
}

static void
set_address(json_t *object, const char *key, uint64_t address)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, address);
	set_text(object, key, text);
}

/* How much of the memory was scanned. */
static json_t *
memory_facts_json(const struct verdict *v)
{
	json_t *facts = json_object();

	set_int(facts, "bytes_scanned", (int64_t)v->bytes_scanned);
	if (v->reason != REASON_NONE) {
		set_text(facts, "not_scanned", reason_name(v->reason));
		set(facts, "partly", json_boolean(v->partly));
	}
	set_int(facts, "parts_not_scanned", v->n_notes);
	return facts;
}

static json_t *
image_json(const struct match *m)
{
	json_t *image = json_object();

	set_address(image, "address", m->image_base);
	set_int(image, "size", (int64_t)m->image_size);
	if (m->has_part_sha256)
		set_hex(image, "sha256", m->part_sha256, sizeof(m->part_sha256));
	return image;
}

void
memory_to_evidence(const struct finding_context *ctx, const struct scan_answer *answer,
    const struct match *m, json_t *evidence, json_t *data)
{
	const struct process *p = answer->process;
	const struct process *ancestors[PROCESS_ANCESTORS_MAX];

	set_text(evidence, "name", "process");
	if (p != NULL) {
		size_t n = process_table_ancestors(answer->processes, p, ancestors,
		    PROCESS_ANCESTORS_MAX);

		set(evidence, "process",
		    process_to_json(p, ctx->host->boot_id, ancestors, n));
		set(data, "process", process_facts_to_json(p));
	}
	set(data, "memory", memory_facts_json(answer->verdict));
	if (m != NULL && m->part == PART_IMAGE)
		set(data, "image", image_json(m));
}

/* What lies behind a region, in one word. */
static const char *
backing_of(const struct match_region *r)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(r->path);
	size_t tail = sizeof(deleted) - 1;

	if (r->path[0] == 0)
		return "anonymous";
	if (r->path[0] == '[')
		return "kernel"; /* as proc(5) names it: [heap], [stack], [anon:...] */
	if (strncmp(r->path, "/memfd:", 7) == 0)
		return "memfd";
	return len > tail && strcmp(r->path + len - tail, deleted) == 0 ? "deleted"
									: "file";
}

static json_t *
region_json(const struct match_region *r)
{
	json_t *region = json_object();

	set_address(region, "start", r->start);
	set_address(region, "end", r->end);
	set_text(region, "perms", r->perms);
	set_text(region, "backing", backing_of(r));
	set_text(region, "path", r->path);
	if (r->path[0] != 0 && r->path[0] != '[')
		set_int(region, "offset", (int64_t)r->offset);
	return region;
}

void
memory_string_to_json(const struct match *m, const struct match_string *s, json_t *string)
{
	set_address(string, "address", s->offset);
	for (uint32_t i = 0; i < m->n_regions; i++) {
		const struct match_region *r = &m->regions[i];

		if (r->start <= s->offset && s->offset < r->end) {
			set(string, "region", region_json(r));
			break;
		}
	}
	if (s->n_around > 0) {
		json_t *around = json_object();

		set_int(around, "before", s->n_before);
		set_hex(around, "hex", s->around, s->n_around);
		/* The bytes around were read a moment later than the match. */
		set(around, "changed", json_boolean(s->is_changed));
		set(string, "around", around);
	}
}

json_t *
mappers_to_json(const struct scan_answer *answer)
{
	const struct mapped_entry *e = answer->mapped;
	json_t *list = json_array();

	for (size_t i = 0; i < e->n_mappers && i < MAPPERS_MAX; i++) {
		const struct process *p = process_table_mapper(answer->processes, e, i);
		json_t *mapper = json_object();

		set_int(mapper, "pid", p->pid);
		set_int(mapper, "start_ticks", (int64_t)p->start_ticks);
		set_text(mapper, "name", p->comm);
		set_text(mapper, "path", p->program);
		set_text(mapper, "user", p->owner);
		set_text(mapper, "container", p->container);
		(void)json_array_append_new(list, mapper);
	}
	return json_pack("{s:i, s:o}", "n", (int)e->n_mappers, "processes", list);
}
