/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: command line.
 * Input: from whoever listens at the socket's path, which is in a folder of root's.
 */
#include "agent/control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

enum { PIECE_BYTES = 64 * 1024 };

static mh_err
connect_to(const char *path, int *ret_fd, char **ret_why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = CONTROL_CLIENT_MS / 1000 };
	MH_CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
		*ret_why = xasprintf("%s: too long for a socket's path", path);
		return MH_ERR_SYSTEM;
	}
	memcpy(address.sun_path, path, strlen(path));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		*ret_why =
		    xasprintf("%s: %s; is the agent running? See: systemctl status "
			      "molehuntd",
			path, strerror(errno));
		return errno == EACCES ? MH_ERR_DENIED : MH_ERR_NOTFOUND;
	}
	*ret_fd = fd;
	fd = -1;
	return MH_OK;
}

static mh_err
refusal(const json_t *record, char **ret_why)
{
	const char *code = json_string_value(json_object_get(record, "code"));
	const char *text = json_string_value(json_object_get(record, "text"));

	*ret_why =
	    xstrdup(text != NULL ? text : "the agent refused, and does not say why");
	return code != NULL && strcmp(code, "denied") == 0 ? MH_ERR_DENIED
							   : MH_ERR_INVALID;
}

/* What one line means: MH_ERR_AGAIN: there are more; MH_OK: it was the last. */
static mh_err
take_line(const char *line, size_t len, control_line_fn *fn, void *ctx, bool *ret_cut,
    char **ret_why)
{
	json_t *record = json_loadb(line, len, 0, NULL);
	const char *type = json_string_value(json_object_get(record, "type"));
	mh_err err = MH_ERR_AGAIN;

	if (type == NULL) {
		*ret_why = xstrdup("the agent answered with nonsense");
		err = MH_ERR_PROTOCOL;
	} else if (strcmp(type, "error") == 0) {
		err = refusal(record, ret_why);
	} else if (strcmp(type, "end") == 0) {
		*ret_cut = json_is_true(json_object_get(record, "cut"));
		err = MH_OK;
	} else {
		fn(ctx, record);
	}
	json_decref(record);
	return err;
}

/* Take the whole lines of b; what is left is moved to its front. */
static mh_err
take_lines(struct buf *b, control_line_fn *fn, void *ctx, bool *ret_cut, char **ret_why)
{
	MH_CLEANUP(buf_freep) struct buf *rest = buf_new(CONTROL_LINE_MAX);
	const char *at = (const char *)buf_data(b);
	size_t left = buf_len(b);
	mh_err err = MH_ERR_AGAIN;
	const char *end = NULL;

	while (err == MH_ERR_AGAIN && (end = memchr(at, '\n', left)) != NULL) {
		err = take_line(at, (size_t)(end - at), fn, ctx, ret_cut, ret_why);
		left -= (size_t)(end - at) + 1;
		at = end + 1;
	}
	buf_put(rest, at, left);
	buf_reset(b);
	buf_put(b, buf_data(rest), buf_len(rest));
	return err;
}

static mh_err
receive(int fd, control_line_fn *fn, void *ctx, bool *ret_cut, char **ret_why)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CONTROL_LINE_MAX);
	MH_CLEANUP(freep) char *piece = xcalloc(1, PIECE_BYTES);
	mh_err err = MH_ERR_AGAIN;

	while (err == MH_ERR_AGAIN) {
		ssize_t n = read(fd, piece, PIECE_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			*ret_why = xstrdup("the agent does not answer");
			return MH_ERR_TIMEOUT;
		}
		if (n <= 0) {
			*ret_why = xstrdup("the agent broke off its answer");
			return MH_ERR_PROTOCOL;
		}
		buf_put(b, piece, (size_t)n);
		if (buf_error(b) != MH_OK) {
			*ret_why = xstrdup("the agent's answer is too long");
			return MH_ERR_PROTOCOL;
		}
		err = take_lines(b, fn, ctx, ret_cut, ret_why);
	}
	return err;
}

mh_err
control_ask(const char *path, json_t *request, control_line_fn *fn, void *ctx,
    bool *ret_cut, char **ret_why)
{
	MH_CLEANUP(freep) char *text = json_dumps(request, JSON_COMPACT);
	MH_CLEANUP(freep) char *line = xasprintf("%s\n", text);
	MH_CLEANUP(fd_closep) int fd = -1;
	mh_err err = connect_to(path, &fd, ret_why);

	json_decref(request);
	if (err != MH_OK)
		return err;
	err = fd_write_all(fd, line, strlen(line));
	if (err != MH_OK) {
		*ret_why = xasprintf("%s: %s", path, strerror(errno));
		return err;
	}
	return receive(fd, fn, ctx, ret_cut, ret_why);
}
