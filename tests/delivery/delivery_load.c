/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fleet of agents in one process, for tests and benchmarks of a collector:
 * real TLS, real reports, every receipt verified.
 *
 *	delivery_load send  --collector DIR --port N --connections C --reports R --findings F
 *	delivery_load storm --collector DIR --port N --connections C
 *	delivery_load idle  --collector DIR --port N --connections C
 *	delivery_load sample --collector DIR --port N --reports R
 *
 * send   C agents, each R reports one after the other over its connection
 * storm  C agents at once, each a connection and one report
 * idle   C connections of 100 agents, each with R reports first (none unless told),
 *        that stay open until standard input ends
 * sample prints R findings as the reports of the others have them, and ends
 *
 * Prints one line of JSON at the end; idle prints it when all are open.
 */
#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "tests/delivery/load_agents.h"
#include "tests/delivery/load_options.h"
#include "transport/receipt.h"
#include "transport/tls.h"

enum {
	ANSWER_MAX = 16 * 1024, /* bytes of an answer: a receipt, or an error */
	IDLE_AGENTS = 100,
	RETRY_MS = 200, /* after a connection broke */
	EVENTS = 256,
};

enum phase {
	PHASE_WAIT,
	PHASE_CONNECT,
	PHASE_HANDSHAKE,
	PHASE_SEND,
	PHASE_ANSWER,
	PHASE_OPEN,
	PHASE_DONE
};

struct link {
	struct load_agent *agent;
	struct load_report *reports;
	unsigned n_reports, next; /* next: the one to be receipted */
	enum phase phase;
	int fd;
	SSL *ssl;
	SSL_SESSION *session; /* the newest ticket */
	uint8_t *request;     /* head and body */
	size_t request_len, sent;
	uint8_t answer[ANSWER_MAX];
	size_t answer_len;
	int64_t start_us, due_us; /* of the request; when a waiting one goes on */
	uint32_t events;
};

struct run {
	struct load_options o;
	struct load_fleet fleet;
	struct load_agent *agents;
	struct link *links;
	int epoll;
	unsigned n_connecting, n_done, n_open;
	uint64_t n_receipted, n_busy, n_broken, n_half, n_refused, n_resumed, bytes;
	int64_t *times_us;
	size_t n_times;
	FILE *journal; /* a line for each receipt that was verified */
};

static int link_index; /* of an SSL's extra data where its link is */

static int64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
watch(struct run *r, struct link *l, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = l };

	if (l->events == events)
		return;
	if (epoll_ctl(r->epoll, l->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, l->fd,
		&ev) < 0)
		load_die("epoll_ctl");
	l->events = events;
}

static void
disconnect(struct run *r, struct link *l)
{
	if (l->phase == PHASE_CONNECT || l->phase == PHASE_HANDSHAKE)
		r->n_connecting--;
	if (l->ssl != NULL)
		SSL_set_shutdown(l->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(l->ssl);
	l->ssl = NULL;
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
	l->events = 0;
}

static void
finish(struct run *r, struct link *l)
{
	disconnect(r, l);
	l->phase = PHASE_DONE;
	r->n_done++;
}

/* Go on later, with a new connection if this one is gone. */
static void
wait_for(struct run *r, struct link *l, int64_t us)
{
	if (r->o.no_retry) {
		finish(r, l);
		return;
	}
	if (l->fd >= 0)
		watch(r, l, EPOLLRDHUP);
	l->phase = PHASE_WAIT;
	l->due_us = now_us() + us;
}

static void
fail(struct run *r, struct link *l)
{
	r->n_broken++;
	r->n_half += l->phase == PHASE_ANSWER && l->answer_len > 0;
	disconnect(r, l);
	ERR_clear_error();
	wait_for(r, l, RETRY_MS * 1000);
}

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct link *l = SSL_get_ex_data(ssl, link_index);

	if (l == NULL)
		return 0;
	SSL_SESSION_free(l->session);
	l->session = session;
	return 1;
}

static void
start_connection(struct run *r, struct link *l)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int on = 1;

	(void)inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	to.sin_port = htons((uint16_t)load_number(r->o.url.port));
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || tls_connection_new(l->agent->ctx, &r->o.url, &l->ssl) != MH_OK)
		load_die("no descriptor or memory for a connection");
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)SSL_set_fd(l->ssl, l->fd);
	(void)SSL_set_ex_data(l->ssl, link_index, l);
	if (r->o.resume && l->session != NULL)
		(void)SSL_set_session(l->ssl, l->session);
	l->phase = PHASE_CONNECT;
	r->n_connecting++;
	if (connect(l->fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS) {
		fail(r, l);
		return;
	}
	watch(r, l, EPOLLOUT);
}

static void
start_request(struct link *l, const struct load_options *o)
{
	const struct load_report *report = &l->reports[l->next];
	MH_CLEANUP(freep)
	char *head = xasprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: "
			       "application/pkcs7-mime; smime-type=signed-data\r\n"
			       "Content-Length: %zu\r\n\r\n",
	    o->path, o->url.host, report->len);
	size_t len = strlen(head);

	free(l->request);
	l->request = xcalloc(1, len + report->len);
	memcpy(l->request, head, len);
	memcpy(l->request + len, report->der, report->len);
	l->request_len = len + report->len;
	l->sent = 0;
	l->answer_len = 0;
	if (l->start_us == 0)
		l->start_us = now_us();
	l->phase = PHASE_SEND;
}

/* Whether OpenSSL only waits; then for what. */
static bool
waits(struct run *r, struct link *l, int result)
{
	int error = SSL_get_error(l->ssl, result);

	if (error == SSL_ERROR_WANT_READ)
		watch(r, l, EPOLLIN | EPOLLRDHUP);
	else if (error == SSL_ERROR_WANT_WRITE)
		watch(r, l, EPOLLOUT);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void
stay_open(struct run *r, struct link *l)
{
	l->phase = PHASE_OPEN;
	r->n_open++;
	watch(r, l, EPOLLIN | EPOLLRDHUP);
}

static bool
handshake(struct run *r, struct link *l)
{
	int result = SSL_connect(l->ssl);

	if (result != 1) {
		if (!waits(r, l, result))
			fail(r, l);
		return false;
	}
	r->n_connecting--;
	r->n_resumed += SSL_session_reused(l->ssl) == 1;
	if (l->n_reports == 0) {
		stay_open(r, l);
		return true;
	}
	start_request(l, &r->o);
	return true;
}

static bool
send_request(struct run *r, struct link *l)
{
	while (l->sent < l->request_len) {
		int n = SSL_write(l->ssl, l->request + l->sent,
		    (int)(l->request_len - l->sent));

		if (n <= 0) {
			if (!waits(r, l, n))
				fail(r, l);
			return false;
		}
		l->sent += (size_t)n;
	}
	r->bytes += l->request_len;
	l->phase = PHASE_ANSWER;
	return true;
}

/* The number behind the header's name; -1 when there is none. */
static long
header_number(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);
	long n = 0;

	if (at == NULL)
		return -1;
	at += strlen(name);
	at += strspn(at, " ");
	for (; *at >= '0' && *at <= '9' && n < ANSWER_MAX; at++)
		n = n * 10 + (*at - '0');
	return n;
}

static bool
receipt_is_good(struct run *r, struct link *l, const uint8_t *body, size_t len)
{
	const struct load_report *report = &l->reports[l->next];
	struct receipt receipt;
	const char *why = NULL;

	return receipt_open(body, len, r->fleet.anchors, clock_real_ms(), &receipt,
		   &why) == MH_OK &&
	       receipt_is_for(&receipt, l->agent->id, l->agent->epoch, report->sequence,
		   report->digest);
}

static void
note_receipt(struct run *r, struct link *l)
{
	MH_CLEANUP(freep) char *hex = text_hex(l->reports[l->next].digest, DIGEST_BYTES);

	r->n_receipted++;
	r->times_us[r->n_times++] = now_us() - l->start_us;
	l->start_us = 0;
	if (r->journal != NULL)
		(void)fprintf(r->journal, "%s\n", hex);
}

/* The whole answer is there. */
static void
on_answer(struct run *r, struct link *l, int status, const uint8_t *body, size_t len)
{
	const char *head = (const char *)l->answer;
	long retry_s = header_number(head, "\nRetry-After:");
	bool closes = strcasestr(head, "\nConnection: close") != NULL;

	if (r->o.any_answer || (status == 200 && receipt_is_good(r, l, body, len))) {
		note_receipt(r, l);
		l->next++;
	} else if (status == 429 || status == 503) {
		r->n_busy++;
		if (closes)
			disconnect(r, l);
		wait_for(r, l, (retry_s > 0 ? retry_s : 1) * INT64_C(1000000));
		return;
	} else {
		r->n_refused++;
		(void)fprintf(stderr, "delivery_load: answer %d: %.*s\n", status,
		    status == 200 ? 0 : (int)len, (const char *)body);
		finish(r, l);
		return;
	}
	if (l->next == l->n_reports && strcmp(r->o.mode, "idle") == 0) {
		stay_open(r, l);
	} else if (l->next == l->n_reports) {
		finish(r, l);
	} else if (closes) {
		disconnect(r, l);
		start_connection(r, l);
	} else {
		start_request(l, &r->o);
	}
}

/* An answer when it is complete; false when more has to come. */
static bool
take_answer(struct run *r, struct link *l)
{
	uint8_t *end = memmem(l->answer, l->answer_len, "\r\n\r\n", 4);
	size_t head = 0;
	long len = 0;
	int status = 0;

	if (end == NULL)
		return false;
	*end = 0; /* the head is a string now */
	head = (size_t)(end - l->answer) + 4;
	len = header_number((const char *)l->answer, "\nContent-Length:");
	status = (int)header_number((const char *)l->answer, "HTTP/1.1 ");
	if (status < 0 || len < 0)
		load_die("an answer that is none");
	*end = '\r';
	if (l->answer_len < head + (size_t)len)
		return false;
	*end = 0;
	on_answer(r, l, status, l->answer + head, (size_t)len);
	return true;
}

static bool
read_answer(struct run *r, struct link *l)
{
	int n = SSL_read(l->ssl, l->answer + l->answer_len,
	    (int)(sizeof(l->answer) - l->answer_len));

	if (n <= 0) {
		if (!waits(r, l, n))
			fail(r, l);
		return false;
	}
	l->answer_len += (size_t)n;
	(void)take_answer(r, l);
	return true;
}

static void
advance(struct run *r, struct link *l)
{
	bool on = true;

	while (on) {
		switch (l->phase) {
		case PHASE_CONNECT:
			l->phase = PHASE_HANDSHAKE;
			break;
		case PHASE_HANDSHAKE:
			on = handshake(r, l);
			break;
		case PHASE_SEND:
			on = send_request(r, l);
			break;
		case PHASE_ANSWER:
			on = read_answer(r, l);
			break;
		case PHASE_OPEN:
			/* A ticket, or the end. */
			on = false;
			if (SSL_read(l->ssl, l->answer, 1) <= 0 &&
			    SSL_get_error(l->ssl, 0) == SSL_ERROR_ZERO_RETURN) {
				r->n_open--;
				fail(r, l);
			}
			break;
		case PHASE_WAIT:
			/* The other side closed meanwhile. */
			if (l->fd >= 0)
				disconnect(r, l);
			on = false;
			break;
		case PHASE_DONE:
			on = false;
			break;
		}
	}
}

/* Start what is due; returns how long to wait for what comes, in ms. */
static int
start_due(struct run *r)
{
	int64_t now = now_us();

	for (unsigned i = 0; i < r->o.connections; i++) {
		struct link *l = &r->links[i];

		if (l->phase != PHASE_WAIT || l->due_us > now)
			continue;
		if (l->fd >= 0) {
			start_request(l, &r->o);
			advance(r, l);
		} else if (r->n_connecting < r->o.at_once) {
			start_connection(r, l);
		}
	}
	return 20;
}

/* Until all are done, or all are open. */
static void
drive(struct run *r, bool until_open)
{
	struct epoll_event events[EVENTS];
	int64_t end_us = now_us() + (int64_t)r->o.time_s * 1000000;

	while (r->n_done < r->o.connections && now_us() < end_us &&
	       !(until_open && r->n_open == r->o.connections)) {
		int n = epoll_wait(r->epoll, events, EVENTS, start_due(r));

		for (int i = 0; i < n; i++)
			advance(r, events[i].data.ptr);
	}
}

static void
prepare(struct run *r)
{
	unsigned n = r->o.connections;
	unsigned n_agents =
	    strcmp(r->o.mode, "idle") == 0 && n > IDLE_AGENTS ? IDLE_AGENTS : n;

	load_fleet_open(r->o.folder, &r->fleet);
	r->agents = xcalloc(n_agents, sizeof(*r->agents));
	r->links = xcalloc(n, sizeof(*r->links));
	r->times_us = xcalloc((size_t)n * (r->o.reports + 1), sizeof(*r->times_us));
	for (unsigned i = 0; i < n_agents; i++) {
		SSL_CTX *ctx = NULL;

		load_agent_make(&r->fleet, &r->agents[i]);
		ctx = r->agents[i].ctx;
		if (r->o.trust != NULL &&
		    SSL_CTX_load_verify_locations(ctx, r->o.trust, NULL) != 1)
			load_die("--trust");
		if (r->o.resume) {
			(void)SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
			(void)SSL_CTX_set_session_cache_mode(ctx,
			    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
			SSL_CTX_sess_set_new_cb(ctx, on_session);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		struct link *l = &r->links[i];

		l->agent = &r->agents[i % n_agents];
		l->fd = -1;
		l->n_reports = r->o.reports;
		l->reports = xcalloc(r->o.reports + 1, sizeof(*l->reports));
		for (unsigned k = 0; k < r->o.reports; k++)
			load_report_seal(l->agent, r->o.findings, &l->reports[k]);
	}
}

/* For tickets: each agent connects, sends its first report, and goes. */
static void
connect_before(struct run *r)
{
	for (unsigned i = 0; i < r->o.connections; i++)
		r->links[i].n_reports = 1;
	drive(r, false);
	if (r->n_receipted != r->o.connections)
		load_die("the first connections failed");
	for (unsigned i = 0; i < r->o.connections; i++) {
		r->links[i].n_reports = r->o.reports;
		r->links[i].phase = PHASE_WAIT;
	}
	r->n_done = 0;
	r->n_receipted = 0;
	r->n_times = 0;
	r->bytes = 0;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static double
percentile(const struct run *r, unsigned percent)
{
	return r->n_times == 0
		   ? 0
		   : (double)r->times_us[(r->n_times - 1) * percent / 100] / 1000;
}

static void
print_result(struct run *r, int64_t took_us)
{
	struct rusage use;

	(void)getrusage(RUSAGE_SELF, &use);
	qsort(r->times_us, r->n_times, sizeof(*r->times_us), compare);
	(void)printf("{\"connections\":%u,\"open\":%u,\"receipted\":%" PRIu64
		     ",\"findings\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,"
		     "\"busy\":%" PRIu64 ",\"broken\":%" PRIu64 ",\"refused\":%" PRIu64
		     ",\"half\":%" PRIu64 ",\"resumed\":%" PRIu64
		     ",\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
		     "\"max_ms\":%.3f}\n",
	    r->o.connections, r->n_open, r->n_receipted, r->n_receipted * r->o.findings,
	    r->bytes, (double)took_us / 1e6, r->n_busy, r->n_broken, r->n_refused,
	    r->n_half, r->n_resumed, percentile(r, 50), percentile(r, 99),
	    percentile(r, 100));
	(void)fflush(stdout);
}

static void
print_sample(unsigned n)
{
	MH_CLEANUP(buf_freep) struct buf *line = buf_new(REPORT_LINE_MAX);
	char uid[LOAD_UID_LEN];

	for (unsigned i = 0; i < n; i++) {
		buf_reset(line);
		load_finding_put(line, i, uid);
		(void)printf("%s\n", buf_string(line));
	}
}

static void
clean_up(struct run *r)
{
	for (unsigned i = 0; i < r->o.connections; i++) {
		struct link *l = &r->links[i];

		if (l->phase != PHASE_DONE)
			disconnect(r, l);
		for (unsigned k = 0; k < r->o.reports; k++)
			free(l->reports[k].der);
		free(l->reports);
		free(l->request);
		SSL_SESSION_free(l->session);
		if (i < IDLE_AGENTS || strcmp(r->o.mode, "idle") != 0)
			load_agent_clear(l->agent);
	}
	load_fleet_close(&r->fleet);
	free(r->agents);
	free(r->links);
	free(r->times_us);
	(void)close(r->epoll);
	if (r->journal != NULL)
		(void)fclose(r->journal);
}

int
main(int argc, char **argv)
{
	struct run r = { .o = LOAD_OPTIONS_USUAL };
	int64_t start_us = 0;
	bool is_idle = false;

	load_options_parse(argc, argv, &r.o);
	if (strcmp(r.o.mode, "sample") == 0) {
		print_sample(r.o.reports);
		return 0;
	}
	is_idle = strcmp(r.o.mode, "idle") == 0;
	if (strcmp(r.o.mode, "storm") == 0)
		r.o.reports = r.o.resume ? 2 : 1;
	else if (!is_idle && strcmp(r.o.mode, "send") != 0)
		load_die("the mode is send, storm, idle or sample");
	if (!is_idle && r.o.reports == 0)
		load_die("--reports is missing");
	(void)signal(SIGPIPE, SIG_IGN);
	link_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	r.journal = r.o.journal != NULL ? fopen(r.o.journal, "we") : NULL;
	if (r.journal != NULL)
		(void)setvbuf(r.journal, NULL, _IOLBF, 0);
	prepare(&r);
	if (!is_idle && r.o.resume)
		connect_before(&r);
	start_us = now_us();
	for (unsigned i = 0; strcmp(r.o.mode, "storm") == 0 && i < r.o.connections; i++)
		r.links[i].start_us = start_us;
	drive(&r, is_idle);
	print_result(&r, now_us() - start_us);
	while (is_idle && getchar() != EOF)
		continue;
	clean_up(&r);
	return r.n_refused == 0 ? 0 : 1;
}
