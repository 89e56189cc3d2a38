/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_COURIER_SANDBOX_H
#define MH_TRANSPORT_COURIER_SANDBOX_H

#include "base/error.h"

/*
 * Give up what the courier never needs: new privileges, being traced or dumped
 * (it holds the TLS key), starting programs, and the system calls that a taken
 * over process would reach for.  A deny list, because the system's resolver may
 * use whatever nsswitch.conf(5) names.
 *
 * Errors: MH_ERR_SYSTEM.
 */
mh_err courier_sandbox(void) MH_CHECKED;

#endif
