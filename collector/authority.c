/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-authority: holds the key of the fleet's certificate authority and
 * answers the collector's MSG_ISSUE with MSG_ISSUED.
 *
 * Runs in: molehunt-authority, the collector's user, no network, no files.
 * Input: hostile (a request's bytes come from the network as they are).
 *
 * A collector that is taken over can have certificates made for as long as it
 * is, but cannot take the key away.
 */
#include <poll.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/authority_sandbox.h"
#include "collector/issuing.h"
#include "records/certificates.h"
#include "records/messages.h"
#include "transport/certificate.h"

enum {
	DAY_MS = 24 * 3600 * 1000,
	MIN_LIFE_MS = 60 * 1000,
};
/* No agent certificate lives longer, whatever is asked. */
#define MAX_LIFE_MS (UINT64_C(398) * DAY_MS)

struct authority {
	struct channel *channel;
	struct issuer issuer;
	int64_t life_ms; /* of the certificates made here */
};

static mh_err
make(const struct authority *a, const struct issue *ask, uint8_t **ret_der, int *ret_len,
    const char **ret_why)
{
	const char *names[] = { ask->agent };
	struct issue_order order = {
		.kind = ask->label == LABEL_TLS ? ISSUE_AGENT_TLS : ISSUE_AGENT_SIGNING,
		.names = names,
		.n_names = 1,
		.now_ms = clock_real_ms(),
		.life_ms = a->life_ms,
	};
	MH_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	MH_CLEANUP(X509_freep) X509 *cert = NULL;
	mh_err err = request_open(ask->request, ask->request_len, &key, ret_why);

	if (err != MH_OK)
		return err;
	order.key = key;
	*ret_why = "the certificate could not be made";
	err = certificate_issue(&order, &a->issuer, &cert);
	if (err != MH_OK)
		return err;
	*ret_len = i2d_X509(cert, ret_der);
	return *ret_len > 0 ? MH_OK : MH_ERR_CRYPTO;
}

static mh_err
authority_on_issue(struct authority *a, const struct message *msg)
{
	MH_CLEANUP(buf_freep) struct buf *out = buf_new(CHANNEL_PAYLOAD_MAX);
	struct issue ask;
	struct issued answer = { .id = 0 };
	uint8_t *der = NULL;
	const char *why = NULL;
	int len = 0;
	mh_err err = issue_read(msg->data, msg->len, &ask);

	if (err != MH_OK)
		return err;
	answer.id = ask.id;
	if (make(a, &ask, &der, &len, &why) == MH_OK) {
		answer.certificate = der;
		answer.certificate_len = (size_t)len;
	} else {
		(void)snprintf(answer.why, sizeof(answer.why), "%s", why);
	}
	issued_put(&answer, out);
	OPENSSL_free(der);
	return channel_send(a->channel, MSG_ISSUED, buf_data(out), buf_len(out), NULL, 0);
}

static mh_err
wait_for_work(struct authority *a)
{
	struct pollfd p = { .fd = channel_fd(a->channel), .events = 0 };

	/* Not reading while the collector does not take answers bounds our memory. */
	if (channel_wants_write(a->channel))
		p.events |= POLLOUT;
	else
		p.events |= POLLIN;
	if (poll(&p, 1, -1) < 0 && errno != EINTR)
		return MH_ERR_SYSTEM;
	return channel_wants_write(a->channel) ? channel_flush(a->channel) : MH_OK;
}

static mh_err
serve(struct authority *a)
{
	for (;;) {
		struct message msg;
		mh_err err = channel_receive(a->channel, &msg);

		if (err == MH_OK)
			err = authority_on_issue(a,
			    &msg); /* the table allows nothing else */
		else if (err == MH_ERR_AGAIN)
			err = wait_for_work(a);
		if (err != MH_OK)
			return err;
	}
}

static mh_err
load_key(const char *folder, struct authority *a)
{
	MH_CLEANUP(freep) char *key = xasprintf("%s/ca.key", folder);
	MH_CLEANUP(freep) char *cert = xasprintf("%s/ca.pem", folder);
	mh_err err = key_load(key, &a->issuer.key);

	if (err != MH_OK) {
		log_err_r(err, "authority", "%s", key);
		return err;
	}
	err = certificate_load(cert, &a->issuer.cert);
	if (err == MH_OK && !certificate_has_key(a->issuer.cert, a->issuer.key))
		err = MH_ERR_CERTIFICATE;
	if (err != MH_OK)
		log_err_r(err, "authority", "%s", cert);
	return err;
}

/* Make libcrypto load all it will need while it still may open files. */
static mh_err
warm_up(struct authority *a)
{
	MH_CLEANUP(X509_freep) X509 *cert = NULL;
	const char *names[] = { "4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9d" };
	struct issue_order order = { .kind = ISSUE_AGENT_TLS,
		.key = a->issuer.key,
		.names = names,
		.n_names = 1,
		.now_ms = clock_real_ms() };

	return certificate_issue(&order, &a->issuer, &cert);
}

int
main(int argc, char **argv)
{
	struct authority a = { .channel = NULL };
	uint64_t life_ms = 0;
	mh_err err = MH_OK;

	log_init("molehunt-authority", LOG_LEVEL_INFO);
	if (argc != 3 ||
	    parse_u64(argv[2], MIN_LIFE_MS, MAX_LIFE_MS, &life_ms) != MH_OK) {
		log_err("authority", "started by molehunt-collector serve, not by hand");
		return 2;
	}
	a.life_ms = (int64_t)life_ms;
	if (load_key(argv[1], &a) != MH_OK || warm_up(&a) != MH_OK)
		return 2;
	a.channel = message_channel_new(CHILD_CHANNEL_FD, ROLE_AUTHORITY, ROLE_COLLECTOR);
	err = authority_sandbox();
	if (err != MH_OK) {
		log_err_r(err, "authority", "sandbox");
		return 2;
	}
	err = serve(&a);
	if (err != MH_ERR_CLOSED)
		log_err_r(err, "authority", "channel to the collector");
	channel_free(a.channel);
	issuer_clear(&a.issuer);
	return err == MH_ERR_CLOSED ? 0 : 2;
}
