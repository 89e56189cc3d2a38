/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_TLS_H
#define MH_TRANSPORT_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "transport/url.h"

/*
 * The client's half of TLS (docs/PROTOCOL.md, "Delivery"): 1.3 only, the
 * server's chain, name and urn:molehunt:collector checked.
 *
 * A resumed session is not checked anew by OpenSSL: whoever keeps one drops it when
 * the identity, the CA or the name changes, and looks at tls_peer_is_valid_at().
 */
MH_DEFINE_CLEANUP(SSL_CTX, SSL_CTX_free);
MH_DEFINE_CLEANUP(SSL_SESSION, SSL_SESSION_free);

/*
 * A context that trusts the CA, and shows the certificate if there is one
 * (cert and key both NULL or neither).  All are borrowed; ca may be NULL for
 * enrolment, whose caller then sets a verification of its own.
 */
mh_err tls_context_new(X509 *ca, X509 *cert, EVP_PKEY *key, SSL_CTX **ret) MH_CHECKED;

/*
 * A connection to be made to url, whose host is what the server's certificate
 * must name (RFC 6125 without partial wildcards; an address as an address).
 */
mh_err tls_connection_new(SSL_CTX *ctx, const struct url *url, SSL **ret) MH_CHECKED;

/* Whether the peer of a finished handshake is a collector by its urn:molehunt: name. */
bool tls_peer_is_collector(SSL *ssl);

/* Whether the peer's certificate is valid at that time, resumed or not. */
bool tls_peer_is_valid_at(SSL *ssl, int64_t now_ms);

/* Whether the peer's alert says that it does not take our certificate. */
bool tls_peer_refused_us(SSL *ssl);

/* Note an alert that the peer sent; install with SSL_set_info_callback(3). */
void tls_note_alert(const SSL *ssl, int where, int value);

/*
 * Say in the user's words why the connection failed: what is wrong with the
 * server's certificate, what the server says is wrong with ours, else OpenSSL's
 * first reason (reason, else its queue, which is emptied), else system_errno's.
 * The sentence is cut to size.
 */
void tls_explain(SSL *ssl, unsigned long reason, int system_errno, char *ret,
    size_t size);

#endif
