/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: from the kernel.
 */
#include "agent/proc_sockets.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proc.h"
#include "base/fd.h"
#include "base/memory.h"

enum { NET_TEXT_MAX = 64 << 20 }; /* bytes of one table: 400,000 sockets */

struct entry {
	uint64_t inode;
	struct process_socket socket;
};

/* The sockets of one network namespace. */
struct net_table {
	uint64_t id;           /* inode of the namespace */
	struct entry *entries; /* by inode; owned */
	size_t n, cap;
};

struct proc_sockets {
	struct net_table *tables; /* owned */
	size_t n;
};

struct proc_sockets *
proc_sockets_new(void)
{
	return xcalloc(1, sizeof(struct proc_sockets));
}

void
proc_sockets_free(struct proc_sockets *ps)
{
	if (ps == NULL)
		return;
	for (size_t i = 0; i < ps->n; i++)
		free(ps->tables[i].entries);
	free(ps->tables);
	free(ps);
}

/* Hexadecimal digits of exactly that many bytes, as the kernel prints 32-bit words. */
static bool
take_address(const char **at, bool is_six, uint8_t ret[16])
{
	unsigned n_words = is_six ? 4 : 1;

	memset(ret, 0, 16);
	for (unsigned w = 0; w < n_words; w++) {
		uint32_t word = 0;

		for (unsigned i = 0; i < 8; i++, (*at)++) {
			char c = **at;

			if (!isxdigit((unsigned char)c))
				return false;
			word = word << 4 | (uint32_t)(isdigit((unsigned char)c)
							  ? c - '0'
							  : (c | 0x20) - 'a' + 10);
		}
		/* In host order of a word that lies in network order. */
		memcpy(ret + (size_t)w * 4, &word, sizeof(word));
	}
	return true;
}

static bool
take_hex(const char **at, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	const char *start = *at;

	for (; isxdigit((unsigned char)**at) && value <= max; (*at)++)
		value = value << 4 | (uint64_t)(isdigit((unsigned char)**at)
						    ? **at - '0'
						    : (**at | 0x20) - 'a' + 10);
	*ret = value;
	return *at > start && value <= max;
}

static bool
take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* "0100007F:0016" */
static bool
take_end(const char **at, bool is_six, uint8_t address[16], uint16_t *ret_port)
{
	uint64_t port = 0;

	*at += strspn(*at, " ");
	if (!take_address(at, is_six, address) || !take_char(at, ':') ||
	    !take_hex(at, UINT16_MAX, &port))
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

/* "  0: 0100007F:0016 00000000:0000 0A 0:0 00:0 0 UID TIMEOUT INODE ..." */
bool
proc_sockets_parse(const char *line, bool is_six, struct process_socket *ret,
    uint64_t *ret_inode)
{
	const char *at = line + strspn(line, " ");
	struct process_socket s = { .family = is_six ? AF_INET6 : AF_INET };
	uint64_t state = 0;

	at += strspn(at, "0123456789");
	if (!take_char(&at, ':') || !take_end(&at, is_six, s.local, &s.local_port) ||
	    !take_end(&at, is_six, s.remote, &s.remote_port) || !take_char(&at, ' ') ||
	    !take_hex(&at, UINT8_MAX, &state))
		return false;
	/* Queues, timer, retransmissions, user, timeout; then the inode. */
	for (unsigned i = 0; i < 5; i++) {
		at += strspn(at, " ");
		at += strcspn(at, " \n");
	}
	at += strspn(at, " ");
	if (!isdigit((unsigned char)*at))
		return false;
	s.state = (uint8_t)state;
	*ret_inode = 0;
	for (; isdigit((unsigned char)*at); at++)
		*ret_inode = *ret_inode * 10 + (uint64_t)(*at - '0');
	*ret = s;
	return true;
}

static void
read_table(struct net_table *t, int dir, const char *name, uint8_t protocol, bool is_six)
{
	MH_CLEANUP(fd_closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(NET_TEXT_MAX);

	if (fd < 0)
		return;
	mh_ignore(fd_read_all(fd, b));
	for (const char *line = buf_string(b); *line != 0 && t->n < SOCKETS_MAX;) {
		struct entry e;

		if (proc_sockets_parse(line, is_six, &e.socket, &e.inode) &&
		    e.inode != 0) {
			if (t->n == t->cap) {
				t->cap = t->cap > 0 ? t->cap * 2 : 64;
				t->entries = xreallocarray(t->entries, t->cap,
				    sizeof(*t->entries));
			}
			e.socket.protocol = protocol;
			t->entries[t->n++] = e;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

static int
compare(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static const struct net_table *
table_of(struct proc_sockets *ps, int dir, uint64_t id)
{
	static const struct {
		const char *name;
		uint8_t protocol;
		bool is_six;
	} files[] = {
		{ "net/tcp", 6, false },
		{ "net/tcp6", 6, true },
		{ "net/udp", 17, false },
		{ "net/udp6", 17, true },
		{ "net/raw", 255, false },
		{ "net/raw6", 255, true },
	};

	for (size_t i = 0; i < ps->n; i++) {
		if (ps->tables[i].id == id)
			return &ps->tables[i];
	}
	if (ps->n == SOCKET_NAMESPACES_MAX)
		return NULL;
	ps->tables = xreallocarray(ps->tables, ps->n + 1, sizeof(*ps->tables));
	struct net_table *t = &ps->tables[ps->n++];

	*t = (struct net_table){ .id = id };
	for (size_t i = 0; i < MH_ARRAY_LEN(files); i++)
		read_table(t, dir, files[i].name, files[i].protocol, files[i].is_six);
	if (t->n > 1)
		qsort(t->entries, t->n, sizeof(*t->entries), compare);
	return t;
}

static void
add_socket(const struct net_table *t, uint64_t inode, struct process *p)
{
	const struct entry key = { .inode = inode };
	const struct entry *e = t != NULL && t->n > 0 ? bsearch(&key, t->entries, t->n,
							    sizeof(*t->entries), compare)
						      : NULL;

	if (e == NULL)
		return;
	p->n_sockets_seen++;
	if (p->n_sockets == PROCESS_SOCKETS_MAX)
		return;
	p->sockets = xreallocarray(p->sockets, p->n_sockets + 1, sizeof(*p->sockets));
	p->sockets[p->n_sockets++] = e->socket;
}

/* The inode in "socket:[123]"; 0 when the link is another one. */
static uint64_t
socket_inode(int dir, const char *name)
{
	static const char prefix[] = "socket:[";
	char text[64];
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);
	uint64_t inode = 0;

	if (n < 0)
		return 0;
	text[n] = 0;
	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	for (const char *at = text + sizeof(prefix) - 1; isdigit((unsigned char)*at);
	     at++)
		inode = inode * 10 + (uint64_t)(*at - '0');
	return inode;
}

void
proc_sockets_of(struct proc_sockets *ps, int dir, struct process *p)
{
	int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct net_table *table = NULL;
	const struct dirent *d = NULL;

	if (folder == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	for (unsigned n = 0; n < PROC_FDS_MAX && (d = readdir(folder)) != NULL; n++) {
		uint64_t inode = socket_inode(dirfd(folder), d->d_name);

		if (inode == 0)
			continue;
		if (table == NULL)
			table = table_of(ps, dir, p->net_namespace);
		add_socket(table, inode, p);
	}
	(void)closedir(folder);
}
