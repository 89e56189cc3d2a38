/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet sockets (packet(7)) and the programs that filter for them, from
 * sock_diag(7): one dump for each network namespace, at the first process of it.
 *
 * Runs in: opener.
 * Input: from the kernel.
 */
#include "agent/clues_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	ANSWER_BYTES = 64 * 1024, /* a filter has at most 32 KiB: BPF_MAXINSNS */
	PACKET_FILE_MAX = 1024 * 1024,
	SOCKET_NAME_MAX = 64,
	PACKET_COLUMNS = 9, /* of /proc/net/packet */
};

void
packet_sockets_clear(struct packet_sockets *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].filter);
	free(p->list);
	memset(p, 0, sizeof(*p));
}

static bool
has_capability(unsigned capability)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[capability / 32].effective >> (capability % 32) & 1) != 0;
}

void
clues_start_sockets(struct clues *c)
{
	struct stat st;

	c->has_net_admin = has_capability(CAP_NET_ADMIN);
	c->own_net_fd = -1;
	if (has_capability(CAP_SYS_ADMIN))
		c->own_net_fd = openat(c->proc_fd, "self/ns/net", O_RDONLY | O_CLOEXEC);
	/* Of the folder self, not of a link in it: a chroot(2) changes nothing here. */
	if (fstatat(c->proc_fd, "self/ns/net", &st, 0) == 0)
		c->own_net_namespace = st.st_ino;
}

static void
add_socket(struct packet_sockets *ret, struct packet_socket s)
{
	if (ret->n >= CLUES_SOCKETS_MAX) {
		free(s.filter);
		return;
	}
	ret->list = xreallocarray(ret->list, ret->n + 1, sizeof(*ret->list));
	ret->list[ret->n++] = s;
}

/* One socket from an answer of PACKET_DIAG. */
static void
take_answer(const struct clues *c, const struct nlmsghdr *h, struct packet_sockets *ret)
{
	const struct packet_diag_msg *m = NLMSG_DATA(h);
	struct packet_socket s = { .filter_bytes =
				       c->has_net_admin ? 0 : CLUE_FILTER_UNKNOWN };
	int left = 0;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return;
	s.ino = m->pdiag_ino;
	s.is_raw = m->pdiag_type == SOCK_RAW;
	s.protocol = m->pdiag_num;
	left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));
	for (struct rtattr *a =
		 (struct rtattr *)(uintptr_t)((const char *)m + NLMSG_ALIGN(sizeof(*m)));
	     RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		size_t len = RTA_PAYLOAD(a);

		if (a->rta_type != PACKET_DIAG_FILTER || len == 0 || s.filter != NULL)
			continue;
		s.filter_bytes = len;
		s.n_filter = (uint32_t)(len < CLUE_DATA_MAX ? len : CLUE_DATA_MAX);
		s.filter = xmemdup(RTA_DATA(a), s.n_filter);
	}
	add_socket(ret, s);
}

static bool
ask(int fd)
{
	struct {
		struct nlmsghdr header;
		struct packet_diag_req request;
	} q = {
		.header = { .nlmsg_len = sizeof(q),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.request = { .sdiag_family = AF_PACKET,
		    .pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_FILTER },
	};

	return send(fd, &q, sizeof(q), 0) == (ssize_t)sizeof(q);
}

/* The packet sockets of the namespace that this process is in now. */
static bool
list_sockets(const struct clues *c, struct packet_sockets *ret)
{
	MH_CLEANUP(fd_closep)
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	MH_CLEANUP(freep) struct nlmsghdr *answer = xcalloc(1, ANSWER_BYTES);

	if (fd < 0 || !ask(fd))
		return false;
	for (;;) {
		ssize_t n = recv(fd, answer, ANSWER_BYTES, 0);
		unsigned left = n > 0 ? (unsigned)n : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		for (struct nlmsghdr *h = answer; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return true;
			if (h->nlmsg_type == NLMSG_ERROR)
				return false;
			take_answer(c, h, ret);
		}
	}
}

/* A line of /proc/net/packet: sk RefCnt Type Proto Iface R Rmem User Inode. */
static void
take_line(char *line, struct packet_sockets *ret)
{
	struct packet_socket s = { .filter_bytes = CLUE_FILTER_UNKNOWN };
	const char *columns[PACKET_COLUMNS] = { NULL };
	unsigned n = 0;
	char *word = NULL;
	uint8_t protocol[2];

	while (n < PACKET_COLUMNS && (word = strsep(&line, " ")) != NULL) {
		if (*word != 0)
			columns[n++] = word;
	}
	if (n < PACKET_COLUMNS || parse_u64(columns[8], 1, UINT64_MAX, &s.ino) != MH_OK)
		return;
	s.is_raw = strcmp(columns[2], "3") == 0;
	if (text_unhex(columns[3], protocol, sizeof(protocol)) == MH_OK)
		s.protocol = (uint16_t)(protocol[0] << 8 | protocol[1]);
	add_socket(ret, s);
}

/* The same by the process's own view, without filters: needs no right. */
static bool
read_sockets(int pid_fd, struct packet_sockets *ret)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(PACKET_FILE_MAX);
	MH_CLEANUP(freep) char *text = NULL;
	char *rest = NULL;
	char *line = NULL;

	if (!clues_read(pid_fd, "net/packet", b))
		return false;
	text = xstrdup(buf_string(b));
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL)
		take_line(line, ret);
	return true;
}

/*
 * Enter the network namespace of the process, list, come back.  A process that
 * cannot come back would list the wrong sockets from then on: it stops instead,
 * and its parent starts another.
 */
static bool
list_elsewhere(const struct clues *c, int pid_fd, struct packet_sockets *ret)
{
	MH_CLEANUP(fd_closep) int fd = -1;
	bool is_listed = false;

	if (c->own_net_fd < 0)
		return false;
	fd = openat(pid_fd, "ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return false;
	is_listed = list_sockets(c, ret);
	if (setns(c->own_net_fd, CLONE_NEWNET) < 0)
		abort();
	return is_listed;
}

/* The packet sockets of s's namespace; NULL when they cannot be known. */
static const struct packet_sockets *
sockets_of(const struct clue_subject *s)
{
	struct clues *c = s->context;
	struct packet_sockets found = { .net_namespace = s->process->net_namespace };
	struct stat st;
	bool is_listed = false;

	if (found.net_namespace == 0 && fstatat(s->pid_fd, "ns/net", &st, 0) == 0)
		found.net_namespace = st.st_ino;
	for (size_t i = 0; i < c->n_nets; i++) {
		if (c->nets[i].net_namespace == found.net_namespace)
			return &c->nets[i];
	}
	if (found.net_namespace == 0 || c->n_nets >= CLUES_NAMESPACES_MAX)
		return NULL;
	if (found.net_namespace == c->own_net_namespace)
		is_listed = list_sockets(c, &found);
	else
		is_listed = list_elsewhere(c, s->pid_fd, &found);
	if (!is_listed) {
		uint64_t net_namespace = found.net_namespace;

		packet_sockets_clear(&found);
		found.net_namespace = net_namespace;
		c->gaps.n_namespaces += !read_sockets(s->pid_fd, &found);
	}
	c->nets = xreallocarray(c->nets, c->n_nets + 1, sizeof(*c->nets));
	c->nets[c->n_nets++] = found;
	return &c->nets[c->n_nets - 1];
}

static void
note_socket(const struct clue_subject *s, const struct packet_socket *p)
{
	struct clue c = { .kind = CLUE_PACKET_SOCKET,
		.number = p->ino,
		.length = p->filter_bytes,
		.n_data = p->n_filter };

	c.what = xasprintf("%s 0x%04x", p->is_raw ? "raw" : "datagram", p->protocol);
	c.data = xmemdup(p->filter, p->n_filter);
	s->context->gaps.n_filters += p->filter_bytes == CLUE_FILTER_UNKNOWN;
	clue_list_add(s->clues, c);
}

void
clues_of_sockets(const struct clue_subject *s)
{
	const struct packet_sockets *sockets = sockets_of(s);
	MH_CLEANUP(fd_closep) int fd = -1;
	DIR *dir = NULL;
	const struct dirent *entry = NULL;
	uint32_t n = 0;

	/* Nearly always there are none, and nobody's descriptors are looked at. */
	if (sockets == NULL || sockets->n == 0)
		return;
	fd = openat(s->pid_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL)
		return;
	fd = -1;
	while ((entry = readdir(dir)) != NULL) {
		char link[SOCKET_NAME_MAX + 1];
		ssize_t len = -1;
		uint64_t ino = 0;

		if (++n > CLUES_FDS_MAX) {
			s->context->gaps.n_fds++;
			continue;
		}
		len = readlinkat(dirfd(dir), entry->d_name, link, SOCKET_NAME_MAX);
		link[len > 0 ? len : 0] = 0;
		if (len < 10 || strncmp(link, "socket:[", 8) != 0)
			continue;
		link[len - 1] = 0;
		if (parse_u64(link + 8, 1, UINT64_MAX, &ino) != MH_OK)
			continue;
		for (size_t i = 0; i < sockets->n; i++) {
			if (sockets->list[i].ino == ino)
				note_socket(s, &sockets->list[i]);
		}
	}
	(void)closedir(dir);
}
