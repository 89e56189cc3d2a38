/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "transport/certificate.h"

/* What an alert means for who runs an agent (RFC 8446 section 6.2). */
static const struct {
	int alert;
	const char *meaning;
	bool is_about_us;
} alerts[] = {
	{ SSL_AD_BAD_CERTIFICATE,
	    "the collector does not accept this agent's certificate", true },
	{ SSL_AD_UNSUPPORTED_CERTIFICATE,
	    "the collector does not accept this kind of certificate from an agent",
	    true },
	{ SSL_AD_CERTIFICATE_REVOKED,
	    "the collector has revoked this agent's certificate", true },
	{ SSL_AD_CERTIFICATE_EXPIRED,
	    "this agent's certificate has expired: enrol it again with a new token",
	    true },
	{ SSL_AD_CERTIFICATE_UNKNOWN,
	    "the collector does not accept this agent's certificate", true },
	{ SSL_AD_UNKNOWN_CA,
	    "this agent's certificate is of another fleet than the "
	    "collector's: enrol it again",
	    true },
	{ SSL_AD_ACCESS_DENIED, "the collector denies this agent access", true },
	{ SSL_AD_CERTIFICATE_REQUIRED,
	    "the collector asks for a certificate and this agent showed none", true },
	{ SSL_AD_PROTOCOL_VERSION, "the server does not speak TLS 1.3", false },
};

mh_err
tls_context_new(X509 *ca, X509 *cert, EVP_PKEY *key, SSL_CTX **ret)
{
	MH_CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
		return MH_ERR_CRYPTO;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* A peer that goes without close_notify: every body has its length. */
	(void)SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (ca != NULL && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) != 1)
		return MH_ERR_CRYPTO;
	if (cert != NULL && (SSL_CTX_use_certificate(ctx, cert) != 1 ||
				SSL_CTX_use_PrivateKey(ctx, key) != 1))
		return MH_ERR_CRYPTO;
	*ret = MH_TAKE(ctx);
	return MH_OK;
}

static bool
expect_host(SSL *ssl, const struct url *url)
{
	if (url->is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url->host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, url->host) == 1 &&
	       SSL_set_tlsext_host_name(ssl, url->host) == 1;
}

mh_err
tls_connection_new(SSL_CTX *ctx, const struct url *url, SSL **ret)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl == NULL || !expect_host(ssl, url)) {
		SSL_free(ssl);
		return MH_ERR_CRYPTO;
	}
	SSL_set_info_callback(ssl, tls_note_alert);
	*ret = ssl;
	return MH_OK;
}

bool
tls_peer_is_collector(SSL *ssl)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	struct certificate_facts facts;

	return cert != NULL && certificate_read(cert, &facts) == MH_OK &&
	       (facts.uses & CERTIFICATE_COLLECTOR) != 0;
}

bool
tls_peer_is_valid_at(SSL *ssl, int64_t now_ms)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	struct certificate_facts facts;

	return cert != NULL && certificate_read(cert, &facts) == MH_OK &&
	       certificate_is_valid_at(&facts, now_ms);
}

void
tls_note_alert(const SSL *ssl, int where, int value)
{
	/* The number fits the pointer, so that nothing has to be owned; 256 tells
	 * alert 0 from none. */
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) != 0)
		(void)SSL_set_app_data((SSL *)(uintptr_t)ssl,
		    (void *)(uintptr_t)((value & 0xff) | 256));
}

/* The row of the alert that was noted; MH_ARRAY_LEN(alerts): none of these. */
static size_t
find_alert(SSL *ssl)
{
	uintptr_t noted = (uintptr_t)SSL_get_app_data(ssl);
	size_t i = 0;

	while (i < MH_ARRAY_LEN(alerts) &&
	       (noted == 0 || (uintptr_t)alerts[i].alert != (noted & 0xff)))
		i++;
	return i;
}

static const char *
alert_meaning(SSL *ssl)
{
	size_t i = find_alert(ssl);

	return i < MH_ARRAY_LEN(alerts) ? alerts[i].meaning : NULL;
}

bool
tls_peer_refused_us(SSL *ssl)
{
	size_t i = find_alert(ssl);

	return i < MH_ARRAY_LEN(alerts) && alerts[i].is_about_us;
}

void
tls_explain(SSL *ssl, unsigned long reason, int system_errno, char *ret, size_t size)
{
	long verify = SSL_get_verify_result(ssl);
	const char *alert = alert_meaning(ssl);
	unsigned long queued = ERR_get_error();

	ERR_clear_error();
	if (reason == 0)
		reason = queued;
	if (verify == X509_V_ERR_HOSTNAME_MISMATCH ||
	    verify == X509_V_ERR_IP_ADDRESS_MISMATCH)
		(void)snprintf(ret, size,
		    "the server's certificate is not for this name: check the "
		    "collector's URL");
	else if (verify == X509_V_ERR_CERT_HAS_EXPIRED ||
		 verify == X509_V_ERR_CERT_NOT_YET_VALID)
		(void)snprintf(ret, size,
		    "the server's certificate: %s: check both clocks",
		    X509_verify_cert_error_string(verify));
	else if (verify != X509_V_OK)
		(void)snprintf(ret, size, "the server's certificate does not verify: %s",
		    X509_verify_cert_error_string(verify));
	else if (alert != NULL)
		(void)snprintf(ret, size, "%s", alert);
	else if (reason != 0 && ERR_reason_error_string(reason) != NULL)
		(void)snprintf(ret, size, "TLS failed: %s",
		    ERR_reason_error_string(reason));
	else if (system_errno != 0)
		(void)snprintf(ret, size, "%s", strerror(system_errno));
	else
		(void)snprintf(ret, size, "the server closed the connection");
}
