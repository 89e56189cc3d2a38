/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/delivery/load_agents.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/issuing.h"
#include "transport/certificate.h"
#include "transport/tls.h"

enum { LIFE_MS = 24 * 60 * 60 * 1000, RANDOM_BYTES = 80 };

/*
 * A finding of `molehunt scan`, with what differs between findings as letters
 * behind an @: U uid, S SHA-256, M MD5, N number, T time, I inode.  The hashes
 * are random, so that it compresses no better than real ones.
 */
static const char template[] =
    "{\"category_uid\":2,\"class_uid\":2004,\"activity_id\":1,\"type_uid\":20"
    "0401,\"time\":@T,\"severity_id\":4,\"severity\":\"High\",\"status_id\":1"
    ",\"is_alert\":true,\"confidence_id\":3,\"action_id\":3,\"disposition_id"
    "\":15,\"count\":1,\"metadata\":{\"version\":\"1.8.0\",\"uid\":\"@U\",\"p"
    "rofiles\":[\"host\",\"security_control\"],\"logged_time\":@T,\"product\""
    ":{\"name\":\"molehunt\",\"vendor_name\":\"Molehunt\",\"version\":\"0.1.0"
    "\"}},\"device\":{\"type_id\":0,\"hostname\":\"ws-12\",\"uid\":\"72ff8c79"
    "-0ea4-8856-ad0d-03bafac0ac95\",\"os\":{\"name\":\"Debian GNU/Linux\",\"v"
    "ersion\":\"12\",\"type_id\":200,\"kernel_release\":\"6.1.0-25-amd64\"}},"
    "\"message\":\"YARA rule Linux_Backdoor_Test_Nov26_1 matched /srv/www/upl"
    "oads/@N.bin\",\"finding_info\":{\"uid\":\"@U\",\"title\":\"YARA: Linux_B"
    "ackdoor_Test_Nov26_1 in /srv/www/uploads/@N.bin\",\"types\":[\"yara\",\""
    "file\"],\"data_sources\":[\"file\"],\"first_seen_time\":@T,\"last_seen_t"
    "ime\":@T,\"analytic\":{\"type_id\":1,\"type\":\"Rule\",\"category\":\"YA"
    "RA\",\"name\":\"Linux_Backdoor_Test_Nov26_1\",\"uid\":\"c2f1b1d8-7c1e-4f"
    "5b-8d54-0f4f2a5f4a11\",\"version\":\"1\",\"desc\":\"Detects the network "
    "part of a Linux backdoor by its strings\"},\"attacks\":[]},\"malware\":["
    "{\"name\":\"Linux_Backdoor_Test_Nov26_1\",\"classification_ids\":[0],\"p"
    "ath\":\"/srv/www/uploads/@N.bin\"}],\"malware_scan_info\":{\"type_id\":1"
    ",\"uid\":\"scan-1795652572287-8877\"},\"evidences\":[{\"name\":\"file\","
    "\"file\":{\"name\":\"@N.bin\",\"path\":\"/srv/www/uploads/@N.bin\",\"typ"
    "e_id\":1,\"size\":37,\"modified_time\":@T,\"hashes\":[{\"algorithm_id\":"
    "1,\"algorithm\":\"MD5\",\"value\":\"@M\"},{\"algorithm_id\":3,\"algorith"
    "m\":\"SHA-256\",\"value\":\"@S\"}],\"owner\":{\"name\":\"root\",\"uid\":"
    "\"0\"}},\"data\":{\"yara\":{\"rule\":\"Linux_Backdoor_Test_Nov26_1\",\"n"
    "amespace\":\"molehunt/linux.yar\",\"tags\":[],\"meta\":{\"author\":\"Mol"
    "ehunt\",\"description\":\"Detects the network part of a Linux backdoor b"
    "y its strings\",\"id\":\"c2f1b1d8-7c1e-4f5b-8d54-0f4f2a5f4a11\",\"score"
    "\":85,\"version\":1,\"license\":\"BSD-2-Clause\",\"reference\":\"https:/"
    "/example.org/report\",\"date\":\"2026-11-20\"},\"strings\":[{\"id\":\"$x"
    "1\",\"offset\":4,\"length\":21,\"hex\":\"2f7661722f72756e2f68616c6472756"
    "e642e706964\"},{\"id\":\"$x2\",\"offset\":29,\"length\":8,\"hex\":\"7474"
    "636f6d706174\"}],\"n_strings\":2},\"file\":{\"dev\":65024,\"ino\":@I,\"n"
    "link\":1,\"gid\":0,\"mode\":\"0644\",\"changed_time\":@T,\"filetype\":\""
    "ELF\",\"bytes_scanned\":37}}}],\"observables\":[{\"name\":\"evidences.fi"
    "le.hashes.value\",\"type_id\":8,\"type\":\"Hash\",\"value\":\"@S\"}],\"u"
    "nmapped\":{\"score\":85,\"rule_set\":\"6430107a6dbf5ac39799191ddaa1fdabc"
    "708f0928ef95c29557b08fac629b4a1\",\"engine\":\"libyara 4.2.3\"}}";

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(2);
}

void
load_fleet_open(const char *folder, struct load_fleet *ret)
{
	MH_CLEANUP(freep) char *ca = xasprintf("%s/ca.pem", folder);
	MH_CLEANUP(freep) char *key = xasprintf("%s/authority/ca.key", folder);

	must(certificate_load(ca, &ret->ca) == MH_OK, ca);
	must(key_load(key, &ret->ca_key) == MH_OK, key);
	ret->anchors = certificate_store_new(ret->ca);
}

void
load_fleet_close(struct load_fleet *fleet)
{
	X509_STORE_free(fleet->anchors);
	X509_free(fleet->ca);
	EVP_PKEY_free(fleet->ca_key);
}

static X509 *
issue(const struct load_fleet *fleet, const struct load_agent *agent,
    enum issue_kind kind)
{
	const char *names[] = { agent->id };
	struct issuer issuer = { fleet->ca_key, fleet->ca };
	struct issue_order order = { .kind = kind,
		.key = agent->key,
		.names = names,
		.n_names = 1,
		.now_ms = clock_real_ms(),
		.life_ms = LIFE_MS };
	X509 *cert = NULL;

	must(certificate_issue(&order, &issuer, &cert) == MH_OK, "a certificate");
	return cert;
}

void
load_agent_issue(const struct load_fleet *fleet, struct load_agent *ret)
{
	memset(ret, 0, sizeof(*ret));
	uuid_new(ret->id);
	uuid_new(ret->epoch);
	ret->key = EVP_EC_gen("P-256");
	must(ret->key != NULL, "a key");
	ret->signing = issue(fleet, ret, ISSUE_AGENT_SIGNING);
	ret->tls = issue(fleet, ret, ISSUE_AGENT_TLS);
}

void
load_agent_make(const struct load_fleet *fleet, struct load_agent *ret)
{
	load_agent_issue(fleet, ret);
	must(tls_context_new(fleet->ca, ret->tls, ret->key, &ret->ctx) == MH_OK,
	    "a TLS context");
	(void)SSL_CTX_set_mode(ret->ctx, SSL_MODE_RELEASE_BUFFERS);
}

void
load_agent_clear(struct load_agent *agent)
{
	SSL_CTX_free(agent->ctx);
	X509_free(agent->signing);
	X509_free(agent->tls);
	EVP_PKEY_free(agent->key);
}

void
load_finding_put(struct buf *out, uint64_t n, char ret_uid[LOAD_UID_LEN])
{
	uint8_t random[RANDOM_BYTES];

	must(RAND_bytes(random, sizeof(random)) == 1, "randomness");
	MH_CLEANUP(freep) char *hex = text_hex(random, sizeof(random));

	(void)snprintf(ret_uid, LOAD_UID_LEN, "%s", hex);
	for (const char *p = template; *p != 0; p++) {
		size_t len = strcspn(p, "@");

		buf_put(out, p, len);
		p += len;
		if (*p == 0)
			break;
		switch (*++p) {
		case 'U':
			buf_put(out, hex, 64);
			break;
		case 'S':
			buf_put(out, hex + 64, 64);
			break;
		case 'M':
			buf_put(out, hex + 128, 32);
			break;
		case 'N':
			buf_addf(out, "%08" PRIu64, n % 100000000);
			break;
		case 'I':
			buf_addf(out, "%" PRIu64, 10000000 + n);
			break;
		default: /* T */
			buf_addf(out, "%" PRId64, clock_real_ms());
			break;
		}
	}
}

void
load_header_fill(const struct load_agent *agent, struct report_header *h)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->agent, agent->id, UUID_TEXT_LEN);
	memcpy(h->epoch, agent->epoch, UUID_TEXT_LEN);
	h->sequence = agent->sequence;
	memcpy(h->previous, agent->previous, DIGEST_BYTES);
	h->sealed_ms = clock_real_ms();
	memset(h->rule_set, '0', sizeof(h->rule_set) - 1);
	(void)snprintf(h->host.hostname, sizeof(h->host.hostname), "ws-12");
	memset(h->host.machine_id, '0', sizeof(h->host.machine_id) - 1);
	memcpy(h->host.boot_id, agent->epoch, UUID_TEXT_LEN);
	(void)snprintf(h->host.os, sizeof(h->host.os), "Debian GNU/Linux 12 (bookworm)");
	(void)snprintf(h->host.kernel, sizeof(h->host.kernel), "6.1.0-25-amd64");
	(void)snprintf(h->product, sizeof(h->product), "molehunt");
	(void)snprintf(h->product_version, sizeof(h->product_version), "0.1.0");
}

void
load_report_seal(struct load_agent *agent, unsigned n_findings, struct load_report *ret)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(REPORT_UNPACKED_MAX);
	MH_CLEANUP(freep)
	struct report_line *lines = xcalloc(n_findings, sizeof(*lines));
	MH_CLEANUP(freep) size_t *ends = xcalloc(n_findings, sizeof(*ends));
	struct report_header header;
	char uid[LOAD_UID_LEN];
	size_t taken = 0;

	agent->sequence++;
	load_header_fill(agent, &header);
	for (unsigned i = 0; i < n_findings; i++) {
		load_finding_put(text, agent->sequence * n_findings + i, uid);
		ends[i] = buf_len(text);
	}
	for (unsigned i = 0; i < n_findings; i++) {
		size_t start = i > 0 ? ends[i - 1] : 0;

		lines[i] = (struct report_line){ LANE_FINDING, buf_string(text) + start,
			ends[i] - start };
	}
	must(report_seal(agent->key, agent->signing, &header, lines, n_findings, &taken,
		 &ret->der, &ret->len) == MH_OK &&
		 taken == n_findings,
	    "a report");
	ret->sequence = agent->sequence;
	digest_sha256(ret->der, ret->len, ret->digest);
	memcpy(agent->previous, ret->digest, DIGEST_BYTES);
}
