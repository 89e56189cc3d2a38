/* SPDX-License-Identifier: BSD-2-Clause */
/* Handing files of indicators to a zygote: agent/scanner.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/indicator_files.h"
#include "agent/scan_impl.h"
#include "base/fd.h"
#include "base/memory.h"

#define TABLE_FOLDER_DEFAULT "/var/tmp"

void
indicators_reset(struct scanner *s)
{
	s->n_next_indicator = 0;
	s->is_table_sent = s->is_indicator_sent = false;
}

/* The whole file is left out. */
static void
leave_out(struct scanner *s, size_t index, const char *why)
{
	struct indicator_file_result result = { .why = xstrdup(why) };

	s->is_bad_indicator[index] = true;
	if (!s->was_ready && s->ops->on_indicator_file != NULL)
		s->ops->on_indicator_file(s->ctx, &s->packs.indicators[index], &result);
	indicator_file_result_clear(&result);
}

static void
leave_all_out(struct scanner *s, const char *why)
{
	for (size_t i = 0; i < s->packs.n_indicators; i++) {
		if (!s->is_bad_indicator[i])
			leave_out(s, i, why);
	}
}

/* False: there is none, and all files were left out. */
static bool
send_table(struct scanner *s)
{
	const char *folder = s->options.table_folder != NULL ? s->options.table_folder
							     : TABLE_FOLDER_DEFAULT;
	MH_CLEANUP(freep) char *why = NULL;
	int fds[2] = { -1, -1 };
	mh_err err = indicator_table_make(&s->packs, folder, &fds[0], &fds[1], &why);

	if (err == MH_OK) {
		err = channel_send(s->zygote.channel, MSG_TABLE, NULL, 0, fds, 2);
		(void)close(fds[0]);
		(void)close(fds[1]);
	}
	if (err != MH_OK)
		leave_all_out(s, why != NULL ? why : "it could not be handed over");
	s->is_table_sent = err == MH_OK;
	return s->is_table_sent;
}

/* Whether it is under way now. */
static bool
send_file(struct scanner *s, size_t index)
{
	const struct indicator_file *file = &s->packs.indicators[index];
	MH_CLEANUP(fd_closep)
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CHANNEL_PAYLOAD_MAX);
	const char *slash = strrchr(file->path, '/');
	MH_CLEANUP(freep)
	char *name =
	    xstrndup(slash != NULL ? slash + 1 : file->path, INDICATOR_FILE_NAME_MAX);

	if (fd < 0 || strlen(file->name_space) > NAMESPACE_MAX) {
		leave_out(s, index, fd < 0 ? strerror(errno) : "its name is too long");
		return false;
	}
	buf_put_string(b, file->name_space);
	buf_put_string(b, name);
	buf_put_u8(b, (uint8_t)file->format);
	s->is_indicator_sent = channel_send(s->zygote.channel, MSG_INDICATORS,
				   buf_data(b), buf_len(b), &fd, 1) == MH_OK;
	return s->is_indicator_sent;
}

bool
indicators_send(struct scanner *s)
{
	if (s->is_indicator_sent)
		return true;
	while (s->n_next_indicator < s->packs.n_indicators) {
		if (!channel_can_send(s->zygote.channel))
			return true;
		if (s->is_bad_indicator[s->n_next_indicator] ||
		    (!s->is_table_sent && !send_table(s))) {
			s->n_next_indicator++;
			continue;
		}
		if (!channel_can_send(s->zygote.channel))
			return true;
		if (send_file(s, s->n_next_indicator))
			return true;
		s->n_next_indicator++;
	}
	return false;
}

static void
on_line(struct scanner *s, struct reader *r)
{
	uint32_t line = reader_u32(r);
	MH_CLEANUP(freep) char *why = reader_string(r, INDICATOR_WHY_MAX);

	if (reader_is_done(r) && !s->was_ready && s->ops->on_indicator_line != NULL)
		s->ops->on_indicator_line(s->ctx,
		    &s->packs.indicators[s->n_next_indicator], line, why);
}

static void
on_file(struct scanner *s, struct reader *r)
{
	struct indicator_file_result result;

	indicator_file_result_decode(r, &result);
	if (reader_is_done(r) && !s->was_ready && s->ops->on_indicator_file != NULL)
		s->ops->on_indicator_file(s->ctx,
		    &s->packs.indicators[s->n_next_indicator], &result);
	indicator_file_result_clear(&result);
	s->is_indicator_sent = false;
	s->n_next_indicator++;
}

void
indicators_on_message(struct scanner *s, const struct message *m)
{
	struct reader r;

	if (!s->is_indicator_sent)
		return;
	reader_init(&r, m->data, m->len);
	if (m->type == MSG_INDICATOR_LINE)
		on_line(s, &r);
	else
		on_file(s, &r);
}

bool
indicators_blame(struct scanner *s, const char *what_happened)
{
	MH_CLEANUP(freep)
	char *why = xasprintf("the reader of indicators %s on it", what_happened);

	if (!s->is_indicator_sent)
		return false;
	leave_out(s, s->n_next_indicator, why);
	return true;
}
