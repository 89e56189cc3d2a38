/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_SERVER_TLS_H
#define MH_COLLECTOR_SERVER_TLS_H

#include <openssl/ssl.h>

#include "base/error.h"
#include "collector/config.h"
#include "collector/ticket_keys.h"

/*
 * The collector's side of TLS: version 1.3 only, its own certificate, and a
 * client's certificate checked against the fleet's CA when there is one.
 *
 * A session may be resumed by a ticket (ticket_keys.h), which skips the check of
 * the certificate: it was made when the ticket was written, for the same CA.
 * tickets is borrowed for the life of the context.
 *
 * Caller frees with SSL_CTX_free(3).  Errors: MH_ERR_NOTFOUND, MH_ERR_FORMAT,
 * MH_ERR_CERTIFICATE (key and certificate do not belong together),
 * MH_ERR_CRYPTO; *ret_file is the name in the state folder that is at fault.
 */
mh_err server_tls_new(const struct config *config, struct ticket_keys *tickets,
    SSL_CTX **ret, const char **ret_file) MH_CHECKED;

#endif
