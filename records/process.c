/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from a process of ours; texts and clues are of hostile processes. */
#include "records/process.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void
list_request_clear(struct list_request *l)
{
	free(l->pids);
	free(l->uids);
	for (uint32_t i = 0; i < l->n_names; i++)
		free(l->names[i]);
	free(l->names);
	memset(l, 0, sizeof(*l));
}

void
list_request_encode(const struct list_request *l, struct buf *b)
{
	buf_put_u32(b, l->id);
	buf_put_u8(b, l->is_careful);
	buf_put_u32(b, (uint32_t)l->resume);
	buf_put_u8(b, l->may_use_network);
	buf_put_u32(b, l->n_pids);
	for (uint32_t i = 0; i < l->n_pids; i++)
		buf_put_u32(b, (uint32_t)l->pids[i]);
	buf_put_u32(b, l->n_uids);
	for (uint32_t i = 0; i < l->n_uids; i++)
		buf_put_u32(b, l->uids[i]);
	buf_put_u32(b, l->n_names);
	for (uint32_t i = 0; i < l->n_names; i++)
		buf_put_string(b, l->names[i]);
}

void
list_request_decode(struct reader *r, struct list_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = reader_u32(r);
	ret->is_careful = reader_u8(r) != 0;
	ret->resume = (int32_t)reader_u32(r);
	ret->may_use_network = reader_u8(r) != 0;
	ret->n_pids = reader_count(r, LIST_PIDS_MAX);
	ret->pids = xcalloc(ret->n_pids, sizeof(*ret->pids));
	for (uint32_t i = 0; i < ret->n_pids; i++)
		ret->pids[i] = (int32_t)reader_u32(r);
	ret->n_uids = reader_count(r, LIST_NAMES_MAX);
	ret->uids = xcalloc(ret->n_uids, sizeof(*ret->uids));
	for (uint32_t i = 0; i < ret->n_uids; i++)
		ret->uids[i] = reader_u32(r);
	ret->n_names = reader_count(r, LIST_NAMES_MAX);
	ret->names = xcalloc(ret->n_names, sizeof(*ret->names));
	for (uint32_t i = 0; i < ret->n_names; i++)
		ret->names[i] = reader_string(r, LIST_NAME_BYTES);
}

void
process_clear(struct process *p)
{
	free(p->owner);
	free(p->comm);
	free(p->program);
	free(p->command);
	free(p->cgroup);
	free(p->container);
	free(p->libraries);
	free(p->sockets);
	for (uint32_t i = 0; i < p->n_clues; i++)
		clue_clear(&p->clues[i]);
	free(p->clues);
	memset(p, 0, sizeof(*p));
}

void
process_socket_encode(const struct process_socket *s, struct buf *b)
{
	buf_put_u8(b, s->family);
	buf_put_u8(b, s->protocol);
	buf_put_u8(b, s->state);
	buf_put(b, s->local, sizeof(s->local));
	buf_put(b, s->remote, sizeof(s->remote));
	buf_put_u16(b, s->local_port);
	buf_put_u16(b, s->remote_port);
}

void
process_socket_decode(struct reader *r, struct process_socket *s)
{
	const uint8_t *address = NULL;

	s->family = reader_u8(r);
	s->protocol = reader_u8(r);
	s->state = reader_u8(r);
	address = reader_raw(r, sizeof(s->local));
	if (address != NULL)
		memcpy(s->local, address, sizeof(s->local));
	address = reader_raw(r, sizeof(s->remote));
	if (address != NULL)
		memcpy(s->remote, address, sizeof(s->remote));
	s->local_port = reader_u16(r);
	s->remote_port = reader_u16(r);
}

void
process_encode(const struct process *p, struct buf *b)
{
	buf_put_u8(b, (uint8_t)p->role);
	buf_put_u8(b, (uint8_t)p->refusal);
	buf_put_u32(b, (uint32_t)p->pid);
	buf_put_u32(b, (uint32_t)p->parent);
	buf_put_u64(b, p->start_ticks);
	buf_put_u64(b, (uint64_t)p->start_ms);
	buf_put_u32(b, p->uid);
	buf_put_u32(b, p->gid);
	buf_put_string(b, p->owner);
	buf_put_string(b, p->comm);
	buf_put_string(b, p->program);
	buf_put_string(b, p->command);
	buf_put_u64(b, p->exe_dev);
	buf_put_u64(b, p->exe_ino);
	buf_put_u64(b, p->exe_size);
	buf_put_u64(b, (uint64_t)p->exe_mtime_ns);
	buf_put_string(b, p->cgroup);
	buf_put_string(b, p->container);
	buf_put_u64(b, p->pid_namespace);
	buf_put_u64(b, p->mount_namespace);
	buf_put_u64(b, p->net_namespace);
	buf_put_u32(b, p->n_threads);
	buf_put_u64(b, p->resident_bytes);
	buf_put_u64(b, p->swapped_bytes);
	buf_put_u32(b, p->n_sockets_seen);
	buf_put_u32(b, p->n_sockets);
	for (uint32_t i = 0; i < p->n_sockets; i++)
		process_socket_encode(&p->sockets[i], b);
	buf_put_string(b, p->libraries);
	buf_put_u32(b, p->n_clues);
	for (uint32_t i = 0; i < p->n_clues; i++)
		clue_encode(&p->clues[i], b);
}

static void
decode_identity(struct reader *r, struct process *p)
{
	uint8_t role = reader_u8(r);
	uint8_t refusal = reader_u8(r);

	if (role < PROCESS_CHOSEN || role >= PROCESS_ROLE_MAX_ ||
	    refusal >= REASON_MAX_) {
		r->failed = true;
	} else {
		p->role = (enum process_role)role;
		p->refusal = (enum reason)refusal;
	}
	p->pid = (int32_t)reader_u32(r);
	p->parent = (int32_t)reader_u32(r);
	p->start_ticks = reader_u64(r);
	p->start_ms = (int64_t)reader_u64(r);
	p->uid = reader_u32(r);
	p->gid = reader_u32(r);
}

void
process_decode(struct reader *r, struct process *ret)
{
	memset(ret, 0, sizeof(*ret));
	decode_identity(r, ret);
	ret->owner = reader_string(r, OWNER_BYTES_MAX);
	ret->comm = reader_string(r, COMM_BYTES_MAX);
	ret->program = reader_string(r, PATH_BYTES_MAX);
	ret->command = reader_string(r, COMMAND_LINE_MAX);
	ret->exe_dev = reader_u64(r);
	ret->exe_ino = reader_u64(r);
	ret->exe_size = reader_u64(r);
	ret->exe_mtime_ns = (int64_t)reader_u64(r);
	ret->cgroup = reader_string(r, CGROUP_BYTES_MAX);
	ret->container = reader_string(r, LIST_NAME_BYTES);
	ret->pid_namespace = reader_u64(r);
	ret->mount_namespace = reader_u64(r);
	ret->net_namespace = reader_u64(r);
	ret->n_threads = reader_u32(r);
	ret->resident_bytes = reader_u64(r);
	ret->swapped_bytes = reader_u64(r);
	ret->n_sockets_seen = reader_u32(r);
	ret->n_sockets = reader_count(r, PROCESS_SOCKETS_MAX);
	ret->sockets = xcalloc(ret->n_sockets, sizeof(*ret->sockets));
	for (uint32_t i = 0; i < ret->n_sockets; i++)
		process_socket_decode(r, &ret->sockets[i]);
	ret->libraries = reader_string(r, CLUE_WHAT_MAX);
	ret->n_clues = reader_count(r, PROCESS_CLUES_MAX);
	ret->clues = xcalloc(ret->n_clues, sizeof(*ret->clues));
	for (uint32_t i = 0; i < ret->n_clues; i++)
		clue_decode(r, &ret->clues[i]);
}

static void
encode_mapped(const struct mapped_file *f, struct buf *b)
{
	buf_put_u64(b, f->dev);
	buf_put_u64(b, f->ino);
	buf_put_u64(b, f->start);
	buf_put_u64(b, f->end);
	buf_put_u32(b, f->twin);
	buf_put_u8(b, f->is_executable);
	buf_put_u8(b, f->is_shared);
	buf_put_u8(b, f->is_deleted);
	buf_put_string(b, f->path);
}

static void
decode_mapped(struct reader *r, struct mapped_file *ret)
{
	ret->dev = reader_u64(r);
	ret->ino = reader_u64(r);
	ret->start = reader_u64(r);
	ret->end = reader_u64(r);
	ret->twin = reader_u32(r);
	ret->is_executable = reader_u8(r);
	ret->is_shared = reader_u8(r);
	ret->is_deleted = reader_u8(r);
	ret->path = reader_string(r, PATH_BYTES_MAX);
}

void
mapped_list_clear(struct mapped_list *m)
{
	for (uint32_t i = 0; i < m->n; i++)
		free(m->files[i].path);
	free(m->files);
	memset(m, 0, sizeof(*m));
}

void
mapped_list_encode(const struct mapped_list *m, struct buf *b)
{
	buf_put_u32(b, (uint32_t)m->pid);
	buf_put_u64(b, m->start_ticks);
	buf_put_u32(b, m->n);
	for (uint32_t i = 0; i < m->n; i++)
		encode_mapped(&m->files[i], b);
}

void
mapped_list_decode(struct reader *r, struct mapped_list *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->pid = (int32_t)reader_u32(r);
	ret->start_ticks = reader_u64(r);
	ret->n = reader_count(r, MAPPED_FILES_MAX);
	ret->files = xcalloc(ret->n, sizeof(*ret->files));
	for (uint32_t i = 0; i < ret->n; i++)
		decode_mapped(r, &ret->files[i]);
}

void
open_request_clear(struct open_request *o)
{
	for (uint32_t i = 0; i < o->n; i++)
		free(o->items[i].file.path);
	free(o->items);
	memset(o, 0, sizeof(*o));
}

void
open_request_encode(const struct open_request *o, struct buf *b)
{
	buf_put_u32(b, o->id);
	buf_put_u8(b, o->is_careful);
	buf_put_u32(b, o->n);
	for (uint32_t i = 0; i < o->n; i++) {
		const struct open_item *item = &o->items[i];

		buf_put_u8(b, item->is_memory);
		buf_put_u32(b, (uint32_t)item->pid);
		buf_put_u64(b, item->start_ticks);
		if (!item->is_memory)
			encode_mapped(&item->file, b);
	}
}

void
open_request_decode(struct reader *r, struct open_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = reader_u32(r);
	ret->is_careful = reader_u8(r) != 0;
	ret->n = reader_count(r, OPEN_ITEMS_MAX);
	ret->items = xcalloc(ret->n, sizeof(*ret->items));
	for (uint32_t i = 0; i < ret->n; i++) {
		struct open_item *item = &ret->items[i];

		item->is_memory = reader_u8(r) != 0;
		item->pid = (int32_t)reader_u32(r);
		item->start_ticks = reader_u64(r);
		if (!item->is_memory)
			decode_mapped(r, &item->file);
	}
}

char *
process_name(int32_t pid, const char *program)
{
	return xasprintf("process %d%s%.*s%s", (int)pid, program[0] != 0 ? " (" : "",
	    PATH_HEAD_BYTES, program, program[0] != 0 ? ")" : "");
}
