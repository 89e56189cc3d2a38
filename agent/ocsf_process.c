/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: from the opener: names and command lines of hostile processes.
 */
#include "agent/ocsf_process.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "agent/ocsf_impl.h"
#include "records/target.h"

char *
process_uid(const struct process *p, const char *boot_id)
{
	return xasprintf("%s:%d:%" PRIu64, boot_id, (int)p->pid, p->start_ticks);
}

static json_t *
program_json(const struct process *p)
{
	json_t *file = json_object();

	set_text(file, "name", path_base(p->program));
	set_text(file, "path", p->program);
	set_int(file, "type_id", FILE_EXECUTABLE);
	if (p->exe_size > 0)
		set_int(file, "size", (int64_t)p->exe_size);
	if (p->exe_mtime_ns != 0)
		set_int(file, "modified_time", p->exe_mtime_ns / 1000000);
	return file;
}

static json_t *
one_json(const struct process *p, const char *boot_id)
{
	json_t *process = json_object();
	json_t *user = json_object();
	MH_CLEANUP(freep) char *uid = process_uid(p, boot_id);
	MH_CLEANUP(freep) char *user_id = xasprintf("%u", (unsigned)p->uid);

	set_int(process, "pid", p->pid);
	set_text(process, "name", p->comm);
	set_text(process, "cmd_line", p->command);
	if (p->start_ms > 0)
		set_int(process, "created_time", p->start_ms);
	set_text(process, "uid", uid);
	if (p->program != NULL && p->program[0] != 0) {
		set_text(process, "path", p->program);
		set(process, "file", program_json(p));
	}
	set_text(user, "name", p->owner);
	set_text(user, "uid", user_id);
	set(process, "user", user);
	if (p->container != NULL && p->container[0] != 0) {
		json_t *container = json_object();

		set_text(container, "uid", p->container);
		set(process, "container", container);
	}
	return process;
}

json_t *
process_to_json(const struct process *p, const char *boot_id,
    const struct process *const *ancestors, size_t n)
{
	json_t *process = one_json(p, boot_id);
	json_t *at = process;

	for (size_t i = 0; i < n && i < PROCESS_ANCESTORS_MAX; i++) {
		json_t *parent = one_json(ancestors[i], boot_id);

		set(at, "parent_process", parent);
		at = parent;
	}
	return process;
}

static const char *
protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	default:
		return "raw";
	}
}

/* "1.2.3.4:22", "[::1]:22"; NULL for what has no address. */
static char *
address_text(uint8_t family, const uint8_t *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	if ((family != AF_INET && family != AF_INET6) ||
	    inet_ntop(family, address, text, sizeof(text)) == NULL)
		return NULL;
	return family == AF_INET ? xasprintf("%s:%u", text, port)
				 : xasprintf("[%s]:%u", text, port);
}

static json_t *
socket_json(const struct process_socket *s)
{
	static const char *const states[] = { [TCP_ESTABLISHED] = "established",
		[TCP_SYN_SENT] = "syn-sent",
		[TCP_SYN_RECV] = "syn-received",
		[TCP_FIN_WAIT1] = "fin-wait-1",
		[TCP_FIN_WAIT2] = "fin-wait-2",
		[TCP_TIME_WAIT] = "time-wait",
		[TCP_CLOSE] = "closed",
		[TCP_CLOSE_WAIT] = "close-wait",
		[TCP_LAST_ACK] = "last-ack",
		[TCP_LISTEN] = "listening",
		[TCP_CLOSING] = "closing" };
	MH_CLEANUP(freep)
	char *local = address_text(s->family, s->local, s->local_port);
	MH_CLEANUP(freep)
	char *remote = address_text(s->family, s->remote, s->remote_port);
	json_t *socket = json_object();

	set_text(socket, "protocol",
	    s->family == AF_PACKET ? "packet" : protocol_name(s->protocol));
	if (s->protocol == IPPROTO_TCP && s->state < MH_ARRAY_LEN(states))
		set_text(socket, "state", states[s->state]);
	set_text(socket, "local", local);
	if (s->remote_port != 0)
		set_text(socket, "remote", remote);
	return socket;
}

json_t *
process_facts_to_json(const struct process *p)
{
	json_t *facts = json_object();
	json_t *sockets = json_array();

	set_int(facts, "start_ticks", (int64_t)p->start_ticks);
	set_int(facts, "parent", p->parent);
	set_int(facts, "gid", p->gid);
	set_int(facts, "threads", p->n_threads);
	set_int(facts, "resident_bytes", (int64_t)p->resident_bytes);
	set_int(facts, "swapped_bytes", (int64_t)p->swapped_bytes);
	set_text(facts, "cgroup", p->cgroup);
	set_text(facts, "container", p->container);
	set_text(facts, "engines", p->libraries);
	set_int(facts, "pid_namespace", (int64_t)p->pid_namespace);
	set_int(facts, "mount_namespace", (int64_t)p->mount_namespace);
	set_int(facts, "net_namespace", (int64_t)p->net_namespace);
	for (uint32_t i = 0; i < p->n_sockets; i++)
		(void)json_array_append_new(sockets, socket_json(&p->sockets[i]));
	set(facts, "sockets", sockets);
	set_int(facts, "n_sockets", p->n_sockets_seen);
	return facts;
}
