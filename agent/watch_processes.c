/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener (watching).
 * Input: from the kernel; names of programs are hostile.
 */
#include "agent/watch_processes.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/proc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "records/target.h"

enum {
	MESSAGE_MAX = 4096,
	MESSAGES_AT_ONCE = 256, /* then other descriptors have their turn */
	PIDS_AT_ONCE = 64,      /* in one message */
};

struct due {
	struct due_item item;
	int64_t due_ms;
};

/* A ring; what is put in is due no earlier than what is there. */
struct due_ring {
	struct due *list; /* WATCH_DUE_MAX; owned */
	size_t first, n;
};

struct watch_processes {
	int proc;
	struct own *own;
	int fd;
	const char *trouble;
	struct due_ring now, later;
	uint64_t heard_ticks; /* until then, since boot, all executions were heard of */
};

/* Clock ticks since boot, as stat(5) counts the start of processes. */
static uint64_t
ticks_now(void)
{
	struct timespec t;
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * hz + (uint64_t)t.tv_nsec * hz / 1000000000;
}

/* Only executions and answers wake us: the first word of the event is its kind. */
static void
filter_events(int fd)
{
	uint32_t at = (uint32_t)(NLMSG_HDRLEN + offsetof(struct cn_msg, data) +
				 offsetof(struct proc_event, what));
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_EXEC), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = MH_ARRAY_LEN(code), .filter = code };

	/* Without it there is more to read, nothing else. */
	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static bool
listen_to_events(int fd)
{
	struct {
		struct nlmsghdr nl;
		struct cn_msg cn;
		enum proc_cn_mcast_op op;
	} __attribute__((packed)) ask;

	memset(&ask, 0, sizeof(ask));
	ask.nl.nlmsg_len = sizeof(ask);
	ask.nl.nlmsg_type = NLMSG_DONE;
	ask.cn.id.idx = CN_IDX_PROC;
	ask.cn.id.val = CN_VAL_PROC;
	ask.cn.len = sizeof(ask.op);
	ask.op = PROC_CN_MCAST_LISTEN;
	return send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask);
}

static int
open_connector(const char **ret_trouble)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	int size = WATCH_SOCKET_BYTES;
	MH_CLEANUP(fd_closep)
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_CONNECTOR);

	if (fd < 0) {
		*ret_trouble = "the kernel has no process connector";
		return -1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	filter_events(fd);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || !listen_to_events(fd)) {
		*ret_trouble = "the process connector needs CAP_NET_ADMIN, outside of "
			       "containers";
		return -1;
	}
	int taken = fd;

	fd = -1;
	*ret_trouble = "";
	return taken;
}

struct watch_processes *
watch_processes_new(int proc, struct own *own)
{
	struct watch_processes *wp = xcalloc(1, sizeof(*wp));

	wp->proc = proc;
	wp->own = own;
	wp->heard_ticks = ticks_now();
	wp->fd = open_connector(&wp->trouble);
	wp->now.list = xcalloc(WATCH_DUE_MAX, sizeof(*wp->now.list));
	wp->later.list = xcalloc(WATCH_DUE_MAX, sizeof(*wp->later.list));
	return wp;
}

void
watch_processes_free(struct watch_processes *wp)
{
	if (wp == NULL)
		return;
	fd_closep(&wp->fd);
	free(wp->now.list);
	free(wp->later.list);
	free(wp);
}

int
watch_processes_fd(const struct watch_processes *wp)
{
	return wp->fd;
}

const char *
watch_processes_trouble(const struct watch_processes *wp)
{
	return wp->trouble;
}

mh_err
watch_processes_parse(const void *p, size_t len, int32_t *ret, size_t max, size_t *ret_n)
{
	const uint8_t *at = p;
	size_t n = 0;
	enum { BODY = NLMSG_HDRLEN + sizeof(struct cn_msg) };

	while (len > 0 && n < max) {
		struct nlmsghdr nl;
		struct cn_msg cn;
		struct proc_event event;

		if (len < BODY)
			return MH_ERR_FORMAT;
		memcpy(&nl, at, sizeof(nl));
		memcpy(&cn, at + NLMSG_HDRLEN, sizeof(cn));
		if (nl.nlmsg_len < BODY || nl.nlmsg_len > len ||
		    cn.len > nl.nlmsg_len - BODY)
			return MH_ERR_FORMAT;
		memset(&event, 0, sizeof(event));
		memcpy(&event, at + BODY,
		    cn.len < sizeof(event) ? cn.len : sizeof(event));
		size_t used = NLMSG_ALIGN((size_t)nl.nlmsg_len);

		/* Of a thread other than the first: the kernel tells it as the first. */
		if (nl.nlmsg_type == NLMSG_DONE && cn.id.idx == CN_IDX_PROC &&
		    cn.id.val == CN_VAL_PROC && event.what == PROC_EVENT_EXEC &&
		    cn.len >= offsetof(struct proc_event, event_data) +
				  sizeof(event.event_data.exec) &&
		    event.event_data.exec.process_tgid > 0)
			ret[n++] = event.event_data.exec.process_tgid;
		at += used < len ? used : len;
		len -= used < len ? used : len;
	}
	*ret_n = n;
	return MH_OK;
}

static bool
is_loader(const char *base)
{
	return strncmp(base, "ld-linux", 8) == 0 || strncmp(base, "ld-musl", 7) == 0 ||
	       strcmp(base, "ld.so") == 0 ||
	       (strncmp(base, "ld-", 3) == 0 && strstr(base, ".so") != NULL) ||
	       strncmp(base, "ld64.so", 7) == 0;
}

enum due_why
watch_processes_why(const char *program, unsigned n_links)
{
	static const char *const places[] = { "/tmp/", "/var/tmp/", "/dev/shm/",
		"/dev/mqueue/", "/run/user/", "/run/lock/" };

	if (strncmp(program, "/memfd:", 7) == 0)
		return DUE_MEMFD;
	if (n_links == 0)
		return DUE_DELETED;
	if (is_loader(path_base(program)))
		return DUE_ODD_START;
	for (size_t i = 0; i < MH_ARRAY_LEN(places); i++) {
		if (strncmp(program, places[i], strlen(places[i])) == 0)
			return DUE_ODD_START;
	}
	return DUE_STARTED;
}

static void
ring_put(struct due_ring *ring, const struct due *d)
{
	ring->list[(ring->first + ring->n) % WATCH_DUE_MAX] = *d;
	ring->n++;
}

static struct due
ring_take(struct due_ring *ring)
{
	struct due d = ring->list[ring->first];

	ring->first = (ring->first + 1) % WATCH_DUE_MAX;
	ring->n--;
	return d;
}

/* False when it had to go: nobody takes what is due. */
static bool
put_due(struct due_ring *ring, int32_t pid, uint64_t start_ticks, enum due_why why,
    int64_t due_ms)
{
	bool has_room = ring->n < WATCH_DUE_MAX;

	if (!has_room)
		(void)ring_take(ring);
	ring_put(ring,
	    &(struct due){ .item = { .pid = pid, .start_ticks = start_ticks, .why = why },
		.due_ms = due_ms });
	return has_room;
}

static uint64_t
namespace_of(int dir)
{
	struct stat st;

	return fstatat(dir, "ns/mnt", &st, 0) == 0 ? st.st_ino : 0;
}

struct exec_context {
	uint32_t memory_after_ms;
	int64_t now_ms;
	on_exec_fn on_exec;
	void *ctx;
	struct watch_counters *counters;
	bool has_lost;
};

/* What proc(5) puts behind the name of a file that is gone. */
static const char deleted[] = " (deleted)";
enum { DELETED_LEN = sizeof(deleted) - 1 };

/* One that executed: what it is now, at a glance. */
static void
look_at(struct watch_processes *wp, int32_t pid, uint64_t since_ticks,
    struct exec_context *x)
{
	MH_CLEANUP(fd_closep) int dir = proc_open(wp->proc, pid);
	struct process p = { .pid = pid };
	struct proc_state state;
	struct stat folder;
	char program[PATH_BYTES_MAX + 1];

	if (dir < 0 || proc_stat(dir, &p, &state) != MH_OK) {
		x->counters->n_exec_gone++;
		return;
	}
	ssize_t n = readlinkat(dir, "exe", program, PATH_BYTES_MAX);

	if (n <= 0 || state.start_ticks < since_ticks || fstat(dir, &folder) < 0) {
		/* A kernel thread, or it ended; or it is older than what was missed. */
		if (since_ticks == 0)
			x->counters->n_exec_gone++;
		free(p.comm);
		return;
	}
	program[n] = 0;
	/* By its name, not by its links: to count them asks a server where there is one. */
	bool is_gone =
	    n > (ssize_t)DELETED_LEN && strcmp(program + n - DELETED_LEN, deleted) == 0;
	enum due_why why = watch_processes_why(program, is_gone ? 0 : 1);

	if (why != DUE_STARTED &&
	    !put_due(&wp->now, pid, state.start_ticks, why, x->now_ms))
		x->has_lost = true;
	if (!put_due(&wp->later, pid, state.start_ticks, DUE_STARTED,
		x->now_ms + x->memory_after_ms))
		x->has_lost = true;
	struct actor a = { .pid = pid,
		.start_ticks = state.start_ticks,
		.uid = folder.st_uid,
		.loginuid = UINT32_MAX,
		.comm = p.comm,
		.program = program };
	struct exec_look look = { dir, pid, state.start_ticks, namespace_of(dir), &a };

	x->on_exec(x->ctx, &look);
	free(p.comm);
}

/* Executions were missed: who began since the last that was heard of. */
static void
read_all(struct watch_processes *wp, struct exec_context *x)
{
	int fd = openat(wp->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d = NULL;
	uint64_t since = wp->heard_ticks > 0 ? wp->heard_ticks - 1 : 0;

	while (folder != NULL && (d = readdir(folder)) != NULL) {
		uint64_t pid = 0;

		if (parse_u64(d->d_name, 1, INT32_MAX, &pid) == MH_OK)
			look_at(wp, (int32_t)pid, since, x);
	}
	if (folder != NULL)
		(void)closedir(folder);
	else
		fd_closep(&fd);
}

static void
on_message(struct watch_processes *wp, const void *p, size_t len, struct exec_context *x)
{
	int32_t pids[PIDS_AT_ONCE];
	size_t n = 0;

	if (watch_processes_parse(p, len, pids, PIDS_AT_ONCE, &n) != MH_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		x->counters->n_exec++;
		look_at(wp, pids[i], 0, x);
	}
}

bool
watch_processes_read(struct watch_processes *wp, uint32_t memory_after_ms, int64_t now_ms,
    on_exec_fn on_exec, void *ctx, struct watch_counters *counters)
{
	struct exec_context x = { memory_after_ms, now_ms, on_exec, ctx, counters,
		false };
	char text[MESSAGE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (unsigned i = 0; i < MESSAGES_AT_ONCE; i++) {
		struct sockaddr_nl from = { .nl_pid = 0 };
		socklen_t len = sizeof(from);
		uint64_t ticks = ticks_now();
		ssize_t n = recvfrom(wp->fd, text, sizeof(text), 0,
		    (struct sockaddr *)&from, &len);

		if (n < 0 && errno == ENOBUFS) {
			counters->n_exec_lost++;
			read_all(wp, &x);
			x.has_lost = true;
			continue;
		}
		if (n < 0) {
			if (errno == EAGAIN)
				wp->heard_ticks = ticks;
			break;
		}
		/* Anybody may write to a netlink socket: only the kernel has port 0. */
		if (from.nl_pid == 0)
			on_message(wp, text, (size_t)n, &x);
	}
	return x.has_lost;
}

/* Whether it is still that process; *ret_is_own when it is ours. */
static bool
is_same(struct watch_processes *wp, const struct due_item *item, bool *ret_is_own)
{
	MH_CLEANUP(fd_closep) int dir = proc_open(wp->proc, item->pid);
	struct process p = { .pid = item->pid };
	struct proc_state state;

	if (dir < 0 || proc_stat(dir, &p, &state) != MH_OK)
		return false;
	free(p.comm);
	if (state.start_ticks != item->start_ticks || proc_is_zombie(dir))
		return false;
	*ret_is_own = own_is_by_name(wp->own, dir, item->pid);
	return true;
}

static bool
is_ring_due(const struct due_ring *ring, int64_t now_ms)
{
	return ring->n > 0 && ring->list[ring->first].due_ms <= now_ms;
}

size_t
watch_processes_take(struct watch_processes *wp, int64_t now_ms, struct due_item *ret,
    size_t max, struct watch_counters *counters)
{
	size_t n = 0;

	while (n < max) {
		struct due_ring *ring = is_ring_due(&wp->now, now_ms)     ? &wp->now
					: is_ring_due(&wp->later, now_ms) ? &wp->later
									  : NULL;
		bool is_own = false;

		if (ring == NULL)
			break;
		struct due d = ring_take(ring);

		if (!is_same(wp, &d.item, &is_own))
			counters->n_due_gone++;
		else if (is_own)
			counters->n_exec_own++;
		else
			ret[n++] = d.item;
	}
	counters->n_due += n;
	counters->n_due_pending = wp->now.n + wp->later.n;
	return n;
}

int64_t
watch_processes_due(const struct watch_processes *wp)
{
	if (wp->now.n > 0)
		return wp->now.list[wp->now.first].due_ms;
	return wp->later.n > 0 ? wp->later.list[wp->later.first].due_ms : INT64_MAX;
}
