/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_TICKET_KEYS_H
#define MH_COLLECTOR_TICKET_KEYS_H

#include <openssl/ssl.h>
#include <stdint.h>

/*
 * The keys of TLS session tickets (RFC 8446 section 4.6.1): a client that comes
 * back shows one in place of its certificate, and the two sides save three
 * signatures.
 *
 * Keys live in memory only and are drawn anew every TICKET_ROTATE_MS; the key
 * before is still good for reading, so a ticket works for one to two such
 * times.  Each resumption gives the next ticket; the certificate in it stays that
 * of the full handshake, whose end is also the end of the chain of tickets.  What a ticket cannot say, because it was written before, is asked for
 * each request: whether the agent was revoked and whether its certificate has
 * expired (server.h).  A restart forgets the keys: agents then make full
 * handshakes.  Every function may be called from any thread.
 */
enum {
	TICKET_ROTATE_MS = 60 * 60 * 1000,
	TICKET_LIFE_S = TICKET_ROTATE_MS / 1000, /* told to clients, and checked */
};

struct ticket_keys;

struct ticket_keys *ticket_keys_new(int64_t now_ms);
/* When no context uses them any more. */
void ticket_keys_free(struct ticket_keys *keys);

/* Draw a new key if the one in use is old enough; now_ms is monotonic. */
void ticket_keys_rotate(struct ticket_keys *keys, int64_t now_ms);

/* Let the context's tickets be made and read with these keys, which are borrowed. */
void ticket_keys_use(struct ticket_keys *keys, SSL_CTX *ctx);

#endif
