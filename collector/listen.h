/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_COLLECTOR_LISTEN_H
#define MH_COLLECTOR_LISTEN_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * A listening TCP socket, close-on-exec and not blocking, at text: ADDRESS:PORT
 * or [ADDRESS]:PORT, port 0 for a free one.  Connections inherit TCP_NODELAY.
 * With only_loopback other addresses are refused with MH_ERR_DENIED.  Says in
 * the log what is wrong.  Errors: MH_ERR_INVALID (no such text), MH_ERR_DENIED,
 * MH_ERR_SYSTEM.
 */
mh_err listen_open(const char *text, int backlog, bool only_loopback, int *ret_fd)
    MH_CHECKED;

/* Print "WHAT on ADDRESS:PORT" on standard output. */
void listen_print(const char *what, int fd);

#endif
