/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_SERVER_TLS_H
#define MH_COLLECTOR_SERVER_TLS_H

#include <openssl/ssl.h>

#include "base/error.h"
#include "collector/config.h"

/*
 * The collector's side of TLS: version 1.3 only, its own certificate, and a
 * client's certificate checked against the fleet's CA when there is one.  No
 * session tickets: a resumed session would skip that check.
 *
 * Caller frees with SSL_CTX_free(3).  Errors: MH_ERR_NOTFOUND, MH_ERR_FORMAT,
 * MH_ERR_CERTIFICATE (key and certificate do not belong together),
 * MH_ERR_CRYPTO; *ret_file is the name in the state folder that is at fault.
 */
mh_err server_tls_new(const struct config *config, SSL_CTX **ret, const char **ret_file)
    MH_CHECKED;

#endif
