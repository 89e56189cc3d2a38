/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packs that are ZIPs: a zygote that does nothing else, and can do nothing else,
 * hands out the files in them before the rules are loaded: agent/scanner.h.
 *
 * Runs in: agent, command line.
 * Input: hostile: names and bytes from the one who unpacks, which are only kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scan_impl.h"
#include "base/fd.h"
#include "base/memory.h"

enum { WHY_MAX = 512 };

/* One ZIP after the other. */
struct unpacking {
	size_t zip;       /* index in packs of the one that is next, or being read */
	bool is_sent;     /* it is being read */
	bool is_ended;    /* all were: the zygote has to go */
	int fd;           /* what its files go to, also in zip_fds; -1: none */
	uint64_t end;     /* bytes there */
	uint64_t left;    /* of the file that comes */
	char *name_space; /* of that one; owned, with its path */
	char *path;
	uint64_t total; /* bytes of all ZIPs */
	size_t n_files; /* of all packs, folders too */
	size_t n_told;  /* of this ZIP: files, and those that were left out */
	bool is_full;   /* it was ended, for there are too many, which was told */
};

static void
drop_file(struct unpacking *u)
{
	free(u->name_space);
	free(u->path);
	u->name_space = u->path = NULL;
	u->left = 0;
}

void
unpack_clear(struct scanner *s)
{
	if (s->unpacking != NULL)
		drop_file(s->unpacking);
	free(s->unpacking);
	s->unpacking = NULL;
	for (size_t i = 0; i < s->n_zip_fds; i++)
		(void)close(s->zip_fds[i]);
	free(s->zip_fds);
	s->zip_fds = NULL;
	s->n_zip_fds = 0;
}

size_t
unpack_n_zips(const struct scanner *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->packs.n; i++)
		n += s->packs.files[i].is_zip;
	return n;
}

bool
unpack_begin(struct scanner *s)
{
	for (size_t i = 0; i < s->packs.n && s->n_zip_fds == 0; i++) {
		if (!s->packs.files[i].is_zip)
			continue;
		s->unpacking = xcalloc(1, sizeof(*s->unpacking));
		s->unpacking->fd = -1;
		s->n_zip_left_out = 0;
		s->unpacking->n_files = s->packs.n - unpack_n_zips(s);
		return true;
	}
	return false;
}

static void
complain(struct scanner *s, size_t index, const char *why)
{
	s->n_zip_left_out++;
	s->ops->on_rule_problem(s->ctx, &s->packs.files[index], 0, why);
}

/* That ZIP is done with, well or not. */
static void
end_zip(struct scanner *s)
{
	struct unpacking *u = s->unpacking;

	drop_file(u);
	u->fd = -1;
	u->end = 0;
	u->n_told = 0;
	u->is_sent = u->is_full = false;
	u->zip++;
}

/* Go to the next one, if this is none; false: there is no more. */
static bool
find_zip(struct scanner *s)
{
	struct unpacking *u = s->unpacking;

	while (u->zip < s->packs.n && !s->packs.files[u->zip].is_zip)
		u->zip++;
	return u->zip < s->packs.n;
}

/* Hand the ZIP over; MH_ERR_SYSTEM: it cannot be, and that was told. */
static mh_err
send_zip(struct scanner *s)
{
	struct unpacking *u = s->unpacking;
	MH_CLEANUP(fd_closep)
	int fd = open(s->packs.files[u->zip].path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(16);
	const char *why = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "it is no file";
	else if (st.st_size > RULE_TEXT_BYTES_MAX)
		why = "it is larger than 256 MiB";
	else if ((u->fd = memfd_create("pack", MFD_CLOEXEC | MFD_ALLOW_SEALING)) < 0)
		why = strerror(errno);
	if (why != NULL) {
		complain(s, u->zip, why);
		return MH_ERR_SYSTEM;
	}
	s->zip_fds = xreallocarray(s->zip_fds, s->n_zip_fds + 1, sizeof(*s->zip_fds));
	s->zip_fds[s->n_zip_fds++] = u->fd;
	buf_put_u64(b, (uint64_t)st.st_size);
	u->is_sent = true;
	return channel_send(s->zygote.channel, MSG_UNPACK, buf_data(b), buf_len(b), &fd,
	    1);
}

void
unpack_go_on(struct scanner *s)
{
	struct unpacking *u = s->unpacking;

	while (!u->is_sent && s->zygote.channel != NULL &&
	       channel_can_send(s->zygote.channel)) {
		if (!find_zip(s)) {
			u->is_ended = true;
			s->ops->stop(s->ctx, ROLE_ZYGOTE, s->zygote_instance);
			return;
		}
		if (send_zip(s) == MH_ERR_SYSTEM)
			end_zip(s);
	}
}

static void
add_member(struct scanner *s)
{
	struct unpacking *u = s->unpacking;
	struct pack_file *file = pack_list_add_file(&s->packs, u->name_space, u->path);
	size_t n = s->packs.n;

	file->fd = u->fd;
	file->len = (uint64_t)lseek(u->fd, 0, SEEK_END) - u->end;
	file->offset = u->end;
	u->end += file->len;
	u->n_files++;
	s->is_bad = xreallocarray(s->is_bad, n, sizeof(*s->is_bad));
	s->is_bad[n - 1] = false;
	s->sent = xreallocarray(s->sent, n, sizeof(*s->sent));
	drop_file(u);
	if (s->ops->on_pack_file != NULL)
		s->ops->on_pack_file(s->ctx, &s->packs.files[n - 1]);
}

/* Whether there is room for a file of len bytes; else that is told. */
static bool
has_room(struct scanner *s, uint64_t len)
{
	struct unpacking *u = s->unpacking;

	if (u->total + len <= RULE_TEXT_BYTES_MAX && u->n_files < RULE_FILES_MAX)
		return true;
	complain(s, u->zip,
	    "all packs together have more than 20,000 files or 256 MiB of rules: what "
	    "follows in it is left out");
	u->is_full = true;
	return false;
}

/* A file begins; false when the unpacker says what it must not. */
static bool
on_member(struct scanner *s, const struct message *m)
{
	struct unpacking *u = s->unpacking;
	const struct pack_file *zip = &s->packs.files[u->zip];
	struct reader r;

	reader_init(&r, m->data, m->len);
	MH_CLEANUP(freep) char *name = reader_string(&r, NAMESPACE_MAX);
	MH_CLEANUP(freep) char *why = reader_string(&r, WHY_MAX);
	uint64_t len = reader_u64(&r);

	if (!reader_is_done(&r) || u->left > 0 || name[0] == 0 ||
	    len > RULE_FILE_BYTES_MAX || ++u->n_told > RULE_FILES_MAX)
		return false;
	if (why[0] == 0 && !has_room(s, len))
		return false;
	u->path = xasprintf("%s!/%s", zip->path, name);
	u->name_space = xasprintf("%s/%s", zip->name_space, name);
	if (why[0] != 0) {
		struct pack_file left_out = { u->name_space, u->path, false, -1, 0, 0 };

		s->n_zip_left_out++;
		s->ops->on_rule_problem(s->ctx, &left_out, 0, why);
		drop_file(u);
		return true;
	}
	u->total += len;
	u->left = len;
	if (len == 0)
		add_member(s);
	return true;
}

static bool
on_member_data(struct scanner *s, const struct message *m)
{
	struct unpacking *u = s->unpacking;

	if (m->len == 0 || m->len > u->left ||
	    fd_write_all(u->fd, m->data, m->len) != MH_OK)
		return false;
	u->left -= m->len;
	if (u->left == 0)
		add_member(s);
	return true;
}

static bool
on_unpacked(struct scanner *s, const struct message *m)
{
	struct unpacking *u = s->unpacking;
	struct reader r;

	reader_init(&r, m->data, m->len);
	MH_CLEANUP(freep) char *why = reader_string(&r, WHY_MAX);
	if (!reader_is_done(&r) || u->left > 0)
		return false;
	/* Nobody writes there any more, we neither. */
	(void)fcntl(u->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	if (why[0] != 0)
		complain(s, u->zip, why);
	end_zip(s);
	return true;
}

bool
unpack_on_message(struct scanner *s, const struct message *m)
{
	if (!s->unpacking->is_sent)
		return false;
	if (m->type == MSG_MEMBER)
		return on_member(s, m);
	if (m->type == MSG_MEMBER_DATA)
		return on_member_data(s, m);
	if (m->type == MSG_LICENSE) {
		pack_list_add_license(&s->packs,
		    s->packs.files[s->unpacking->zip].name_space, (const char *)m->data,
		    m->len);
		return true;
	}
	return m->type == MSG_UNPACKED && on_unpacked(s, m);
}

bool
unpack_on_exited(struct scanner *s)
{
	struct unpacking *u = s->unpacking;

	if (!u->is_ended) {
		/*
		 * What was handed out is whole and good; the rest of it is lost.  So is
		 * one that no unpacker lived long enough for.
		 */
		if (find_zip(s) && !u->is_full)
			complain(s, u->zip,
			    "the one that unpacks it ended on it: the rest of it is "
			    "left out");
		end_zip(s);
		return true;
	}
	drop_file(u);
	free(u);
	s->unpacking = NULL;
	return false;
}
