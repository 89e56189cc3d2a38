/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who this agent is: its identity as it lies on disk, another one when it is
 * enrolled anew, and the renewal of its signing key (docs/PROTOCOL.md, "Renewal").
 *
 * Runs in: agent.
 * Input: from the courier, which may be taken over: a certificate.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "agent/agent_main.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "transport/est.h"

#define AREA "identity"

static char *
folder_of(const struct agent *a)
{
	return xasprintf("%s/agent", a->state);
}

static void
set_text(char **text, char *with)
{
	free(*text);
	*text = with;
}

/* Which enrolment it is: so that another one is noticed after a restart, too. */
static int64_t
mark_of(const char *agent)
{
	uint8_t digest[DIGEST_BYTES];
	int64_t mark = 0;

	digest_sha256(agent, strlen(agent), digest);
	memcpy(&mark, digest, sizeof(mark));
	return mark != 0 ? mark : 1;
}

/*
 * Another agent's chain does not continue ours: a new epoch begins.  What is sealed
 * already is sealed anew when the collector refuses it (agent_refused.c).
 */
static void
begin_as(struct agent *a, const struct identity *id)
{
	int64_t before = agent_state_number(a, "agent");
	int64_t mark = mark_of(id->agent);

	if (before != 0 && before != mark) {
		/* Not noted then: the next start tries it again. */
		if (spool_new_epoch(a->spool) != MH_OK) {
			log_err(AREA, "no new epoch: %s", spool_why(a->spool));
			return;
		}
		log_notice(AREA, "this is another agent now: a new epoch begins");
	}
	if (before != mark)
		agent_state_set_number(a, "agent", mark);
}

static void
take(struct agent *a, struct identity *id)
{
	X509_STORE *ca = certificate_store_new(id->ca);

	begin_as(a, id);
	if (a->identity != NULL && strcmp(a->identity->agent, id->agent) != 0)
		memcpy(a->agent_before, a->identity->agent, UUID_TEXT_LEN);
	identity_free(a->identity);
	X509_STORE_free(a->ca);
	a->identity = id;
	a->ca = ca;
	EVP_PKEY_free(MH_TAKE(a->signing.new_key));
	set_text(&a->signing.why, NULL);
	a->signing.retry_ms = 0;
	a->signing.n_failed = 0;
	a->signing.sequence = 0;
	log_notice(AREA, "agent %s delivers to %s", id->agent, id->collector);
	agent_delivery_count(a, clock_monotonic_ms());
	agent_delivery_reload(a);
}

/* Whether identity.json is another one than was read; 0 in both: none. */
static bool
has_changed(struct agent *a, const char *folder)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/identity.json", folder);
	struct signing *s = &a->signing;
	struct stat st;
	bool is_other;

	if (stat(path, &st) < 0)
		return false;
	int64_t mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;

	is_other = s->inode != st.st_ino || s->mtime_ns != mtime_ns;
	s->inode = st.st_ino;
	s->mtime_ns = mtime_ns;
	return is_other;
}

/* The identity on disk, when it is a new one; that in use stays when it is none. */
static void
look(struct agent *a)
{
	MH_CLEANUP(freep) char *folder = folder_of(a);
	struct identity *id = NULL;
	const char *why = NULL;
	mh_err err;

	if (!has_changed(a, folder) &&
	    (a->identity != NULL || a->signing.trouble == NULL))
		return;
	err = identity_load(folder, IDENTITY_AGENT, &id, &why);
	if (err == MH_OK) {
		set_text(&a->signing.trouble, NULL);
		take(a, id);
		return;
	}
	if (a->signing.trouble == NULL || strcmp(a->signing.trouble, why) != 0)
		log_err_r(err, AREA, "%s: %s", folder, why);
	set_text(&a->signing.trouble, xstrdup(why));
	/* Whatever it was, it may have passed when it is looked at next. */
	a->signing.inode = 0;
}

void
agent_identity_reload(struct agent *a)
{
	a->signing.look_ms = 0;
	a->signing.inode = 0;
}

/* Between attempts: doubled, with full jitter, and shorter for short lives. */
static int64_t
retry_ms(const struct agent *a)
{
	const struct certificate_facts *facts = &a->identity->facts;
	int64_t most = (facts->not_after_ms - facts->not_before_ms) / 40;
	int64_t least = most < SIGNING_RETRY_MIN_MS ? most : SIGNING_RETRY_MIN_MS;
	unsigned steps = a->signing.n_failed < 10 ? a->signing.n_failed : 10;
	int64_t up_to = least << steps;
	uint32_t chance = 0;

	if (most > SIGNING_RETRY_MAX_MS)
		most = SIGNING_RETRY_MAX_MS;
	if (up_to > most)
		up_to = most;
	(void)!getrandom(&chance, sizeof(chance), 0);
	return least +
	       (up_to > least ? (int64_t)(chance % (uint64_t)(up_to - least)) : 0);
}

static void
fail(struct agent *a, const char *why)
{
	struct signing *s = &a->signing;

	EVP_PKEY_free(MH_TAKE(s->new_key));
	s->retry_ms = clock_monotonic_ms() + retry_ms(a);
	s->n_failed++;
	set_text(&s->why, xstrdup(why));
	log_warn(AREA,
	    "the signing certificate could not be renewed (%u times): %s; the "
	    "one in use stays",
	    s->n_failed, why);
}

static bool
is_due(const struct agent *a, int64_t now_ms)
{
	return a->identity->next_cert == NULL && a->signing.new_key == NULL &&
	       now_ms >= a->signing.retry_ms &&
	       clock_real_ms() >=
		   identity_renew_ms(&a->identity->facts, a->signing.chance);
}

/* Make a key, and have the courier ask for its certificate. */
static void
ask(struct agent *a)
{
	MH_CLEANUP(buf_freep)
	struct buf *b = buf_new(message_table[MSG_RENEW].max_bytes);
	MH_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	MH_CLEANUP(freep) uint8_t *der = NULL;
	struct delivery_renew m = { .len = 0 };
	mh_err err = identity_key_new(&key);

	if (err == MH_OK)
		err = identity_request_new(key, &der, &m.len);
	if (err == MH_OK) {
		m.request = der;
		delivery_renew_put(&m, b);
		err =
		    channel_send(a->courier, MSG_RENEW, buf_data(b), buf_len(b), NULL, 0);
	}
	if (err != MH_OK) {
		fail(a, mh_strerror(err));
		return;
	}
	a->signing.new_key = MH_TAKE(key);
}

/* The first pair is past its end and the successor is not: nothing is left to keep. */
static bool
has_outlived(const struct identity *id)
{
	int64_t now_ms = clock_real_ms();

	return id->next_cert != NULL && now_ms > id->facts.not_after_ms + 1000 &&
	       certificate_is_valid_at(&id->next_facts, now_ms);
}

static void
promote(struct agent *a)
{
	MH_CLEANUP(freep) char *folder = folder_of(a);
	mh_err err = identity_promote(folder, IDENTITY_AGENT, a->identity);

	if (err != MH_OK) {
		log_err_r(err, AREA, "%s: the new pair cannot take the place of the old",
		    folder);
		agent_identity_reload(a);
		return;
	}
	a->signing.sequence = 0;
	a->signing.n_failed = 0;
	/* A collector that issues what is due at once makes no loop. */
	a->signing.retry_ms = clock_monotonic_ms() + retry_ms(a);
	set_text(&a->signing.why, NULL);
	log_notice(AREA,
	    "the new signing certificate works and has taken the old one's place");
}

void
agent_identity_tick(struct agent *a, int64_t now_ms)
{
	if (now_ms >= a->signing.look_ms) {
		a->signing.look_ms = now_ms + IDENTITY_LOOK_MS;
		if (a->signing.chance == 0)
			(void)!getrandom(&a->signing.chance, sizeof(a->signing.chance),
			    0);
		look(a);
	}
	if (a->identity == NULL || a->is_stopping)
		return;
	if (has_outlived(a->identity))
		promote(a);
	/* The courier takes settings first, so that it knows the way. */
	if (a->courier != NULL && buf_len(a->settings) > 0 &&
	    channel_can_send(a->courier) && is_due(a, now_ms))
		ask(a);
}

void
agent_identity_on_courier_lost(struct agent *a)
{
	EVP_PKEY_free(MH_TAKE(a->signing.new_key));
}

/* Whether the courier's certificate is what was asked for; then it is kept. */
static const char *
take_certificate(struct agent *a, const struct delivery_renewed *m)
{
	MH_CLEANUP(freep) char *folder = folder_of(a);
	const unsigned char *p = m->certificate;
	MH_CLEANUP(X509_freep) X509 *cert = d2i_X509(NULL, &p, (long)m->len);
	const struct est_wish wish = { a->identity->ca, a->signing.new_key,
		CERTIFICATE_SIGNING, a->identity->agent };
	struct certificate_facts facts;
	const char *why = "the courier brought no certificate";
	mh_err err = cert != NULL && p == m->certificate + m->len
			 ? est_check(cert, &wish, &facts, &why)
			 : MH_ERR_FORMAT;

	ERR_clear_error();
	if (err != MH_OK)
		return why;
	err = identity_store_next(folder, IDENTITY_AGENT, a->identity, a->signing.new_key,
	    cert);
	return err == MH_OK ? NULL : "it cannot be written";
}

void
agent_identity_on_renewed(struct agent *a, const struct message *msg)
{
	struct delivery_renewed m;
	const char *why = m.why;

	if (delivery_renewed_parse(msg->data, msg->len, &m) != MH_OK ||
	    a->identity == NULL || a->signing.new_key == NULL)
		return;
	if (m.certificate != NULL)
		why = take_certificate(a, &m);
	if (why != NULL) {
		fail(a, why);
		return;
	}
	EVP_PKEY_free(MH_TAKE(a->signing.new_key));
	a->signing.sequence = 0;
	set_text(&a->signing.why, NULL);
	log_notice(AREA, "a new signing certificate is there: it seals from now on");
}

void
agent_identity_on_sealed(struct agent *a, const struct identity_pair *pair,
    const struct report_header *header)
{
	struct signing *s = &a->signing;

	/* With the old pair again, as the clock was set: begin to count anew. */
	if (!pair->is_next) {
		s->sequence = 0;
	} else if (s->sequence == 0 || strcmp(s->epoch, header->epoch) != 0) {
		memcpy(s->epoch, header->epoch, sizeof(s->epoch));
		s->sequence = header->sequence;
	}
}

void
agent_identity_on_receipt(struct agent *a, const struct receipt *receipt)
{
	const struct signing *s = &a->signing;

	if (a->identity->next_cert != NULL && s->sequence != 0 &&
	    receipt->sequence >= s->sequence && strcmp(receipt->epoch, s->epoch) == 0)
		promote(a);
}

void
agent_identity_drop_next(struct agent *a, const char *why)
{
	MH_CLEANUP(freep) char *folder = folder_of(a);

	identity_drop_next(folder, IDENTITY_AGENT, a->identity);
	a->signing.sequence = 0;
	fail(a, why);
}

bool
agent_identity_is_copy(const struct agent *a)
{
	return a->identity != NULL && a->identity->machine_id[0] != 0 &&
	       a->host.machine_id[0] != 0 &&
	       strcmp(a->identity->machine_id, a->host.machine_id) != 0;
}

void
agent_identity_clear(struct agent *a)
{
	identity_free(a->identity);
	a->identity = NULL;
	X509_STORE_free(a->ca);
	a->ca = NULL;
	EVP_PKEY_free(MH_TAKE(a->signing.new_key));
	set_text(&a->signing.why, NULL);
	set_text(&a->signing.trouble, NULL);
}
