/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-courier: carries sealed reports to the collector and its receipts
 * back, and has certificates renewed.  It can delay a report, never forge or drop
 * one: the agent checks every receipt.
 *
 * Runs in: courier.
 * Input: channel: from the agent; network: hostile until TLS is up.
 */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/role_folder.h"
#include "records/delivery.h"
#include "records/messages.h"
#include "transport/courier_link.h"
#include "transport/courier_sandbox.h"

#define AREA "courier"

void
courier_drop_oldest(struct courier *co)
{
	(void)close(co->queue[0].fd);
	co->n_queue--;
	memmove(&co->queue[0], &co->queue[1], co->n_queue * sizeof(co->queue[0]));
}

void
courier_refuse_oldest(struct courier *co, unsigned status, const char *code,
    const char *detail)
{
	struct delivery_refused m = { .key = co->queue[0].report.key,
		.status = (uint16_t)status };

	delivery_text_copy(m.code, sizeof(m.code), code);
	delivery_text_copy(m.detail, sizeof(m.detail), detail);
	buf_reset(co->answer);
	delivery_refused_put(&m, co->answer);
	co->answer_type = MSG_REFUSED;
	courier_drop_oldest(co);
}

/* Send what b holds, if the channel takes it; b is empty then. */
static mh_err
tell(struct courier *co, enum message_name type, struct buf *b)
{
	mh_err err;

	if (buf_len(b) == 0 || !channel_can_send(co->channel))
		return MH_OK;
	err = channel_send(co->channel, type, buf_data(b), buf_len(b), NULL, 0);
	buf_reset(b);
	return err;
}

/* Tell the agent what there is to tell, as far as the channel takes it. */
static mh_err
tell_agent(struct courier *co)
{
	mh_err err = tell(co, co->answer_type, co->answer);

	if (err == MH_OK)
		err = tell(co, MSG_RENEWED, co->renewed);
	/* How it is, is not known before the first attempt. */
	if (err == MH_OK && co->link_changed && co->link.sentence[0] != 0 &&
	    channel_can_send(co->channel)) {
		MH_CLEANUP(buf_freep)
		struct buf *b = buf_new(message_table[MSG_LINK].max_bytes);

		delivery_link_put(&co->link, b);
		err = tell(co, MSG_LINK, b);
		co->link_changed = false;
	}
	if (err == MH_OK && channel_can_send(co->channel) && courier_metrics_wants(co))
		err = channel_send(co->channel, MSG_MEASURE, NULL, 0, NULL, 0);
	if (err == MH_OK && channel_wants_write(co->channel))
		(void)event_add(co->on_writable, NULL);
	return err;
}

void
courier_pump(struct courier *co)
{
	mh_err err = tell_agent(co);
	size_t before = 0;

	/* Again when a report was refused here, without the collector. */
	while (err == MH_OK && co->n_queue != before) {
		before = co->n_queue;
		courier_link_step(co);
		err = tell_agent(co);
	}
	if (err == MH_OK && before == 0) {
		courier_link_step(co);
		err = tell_agent(co);
	}
	if (err != MH_OK)
		(void)event_base_loopbreak(co->base);
}

static mh_err
courier_on_settings(struct courier *co, const struct message *m)
{
	mh_err err = delivery_settings_parse(m->data, m->len, &co->settings);

	if (err != MH_OK)
		return err;
	co->has_settings = true;
	courier_link_reload(co);
	courier_metrics_reload(co);
	return MH_OK;
}

static mh_err
courier_on_renew(struct courier *co, const struct message *m)
{
	struct delivery_renew note;
	mh_err err = delivery_renew_parse(m->data, m->len, &note);

	return err != MH_OK ? err : courier_renewal_ask(co, &note);
}

static mh_err
courier_on_report(struct courier *co, struct message *m)
{
	struct carried c = { .fd = -1 };
	mh_err err = delivery_report_parse(m->data, m->len, &c.report);

	if (err == MH_OK && (m->n_fds != 1 || co->n_queue == DELIVERY_UNANSWERED_MAX))
		err = MH_ERR_PROTOCOL;
	if (err != MH_OK)
		return err;
	c.fd = message_take_fd(m, 0);
	co->queue[co->n_queue++] = c;
	return MH_OK;
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct courier *co = arg;
	mh_err err = MH_OK;
	struct message m;

	(void)fd;
	if ((what & EV_WRITE) != 0)
		err = channel_flush(co->channel);
	while (err == MH_OK) {
		err = channel_receive(co->channel, &m);
		if (err != MH_OK)
			break;
		/* The table lets nothing but these four through from the agent. */
		if (m.type == MSG_SETTINGS)
			err = courier_on_settings(co, &m);
		else if (m.type == MSG_RENEW)
			err = courier_on_renew(co, &m);
		else if (m.type == MSG_METRICS)
			courier_metrics_on_text(co, m.data, m.len);
		else
			err = courier_on_report(co, &m);
		message_close_fds(&m);
	}
	if (err == MH_ERR_AGAIN) {
		courier_pump(co);
		return;
	}
	if (err != MH_ERR_CLOSED)
		log_err_r(err, AREA, "channel to the agent");
	(void)event_base_loopbreak(co->base);
}

/* The loop's own way out; reports that were under way are the agent's again. */
static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct courier *co = arg;

	(void)fd;
	(void)what;
	(void)event_base_loopbreak(co->base);
}

static mh_err
run(const char *folder)
{
	static struct courier co;
	struct event *on_term;

	co.folder = folder;
	co.link.state = LINK_DOWN;
	co.base = event_base_new();
	co.channel = message_channel_new(CHILD_CHANNEL_FD, ROLE_COURIER, ROLE_AGENT);
	if (co.base == NULL || co.channel == NULL || !courier_link_init(&co) ||
	    !courier_renewal_init(&co))
		return MH_ERR_MEMORY;
	co.answer = buf_new(message_table[MSG_RECEIPT].max_bytes);
	co.on_readable = event_new(co.base, channel_fd(co.channel), EV_READ | EV_PERSIST,
	    on_channel, &co);
	co.on_writable =
	    event_new(co.base, channel_fd(co.channel), EV_WRITE, on_channel, &co);
	on_term = evsignal_new(co.base, SIGTERM, on_signal, &co);
	(void)event_add(co.on_readable, NULL);
	(void)event_add(on_term, NULL);
	(void)event_base_dispatch(co.base);

	co.is_stopping = true;
	while (co.n_queue > 0)
		courier_drop_oldest(&co);
	courier_link_clear(&co);
	courier_renewal_clear(&co);
	courier_metrics_clear(&co);
	event_free(on_term);
	event_free(co.on_readable);
	event_free(co.on_writable);
	channel_free(co.channel);
	buf_free(co.answer);
	event_base_free(co.base);
	return MH_OK;
}

static void
libevent_log(int severity, const char *msg)
{
	if (severity >= EVENT_LOG_WARN)
		log_warn("libevent", "%s", msg);
	else
		log_debug("libevent", "%s", msg);
}

struct courier_options {
	const char *state;
};

static bool
parse_options(int argc, char **argv, struct courier_options *ret)
{
	static const struct option longs[] = {
		{ "state", required_argument, NULL, 's' },
		{ "debug", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 's')
			ret->state = optarg;
		else if (c == 'd')
			log_set_level(LOG_LEVEL_DEBUG);
		else
			return false;
	}
	return ret->state != NULL && optind == argc;
}

int
main(int argc, char **argv)
{
	struct courier_options options = { .state = NULL };
	struct stat st;
	mh_err err;

	log_init("molehunt-courier", LOG_LEVEL_INFO);
	if (!parse_options(argc, argv, &options)) {
		(void)fprintf(stderr, "usage: molehunt-courier --state DIR\n"
				      "Becomes the owner of DIR.  Started by molehuntd "
				      "or the agent, with its channel as"
				      " descriptor 3.\n");
		return 2;
	}
	if (fstat(CHILD_CHANNEL_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		log_err(AREA,
		    "descriptor 3 is no channel: this program is started by molehuntd");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)close_range(CHILD_CHANNEL_FD + 1, ~0u, 0);
	event_set_log_callback(libevent_log);
	err = role_folder_become_owner(options.state);
	if (err != MH_OK) {
		log_err_r(err, AREA, "becoming the owner of %s", options.state);
		return 2;
	}
	err = courier_sandbox();
	if (err != MH_OK) {
		log_err_r(err, AREA, "sandbox");
		return 2;
	}
	err = run(options.state);
	if (err != MH_OK)
		log_err_r(err, AREA, "start");
	return err == MH_OK ? 0 : 2;
}
