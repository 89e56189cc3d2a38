/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_NOTIFY_H
#define MH_BASE_NOTIFY_H

/*
 * Tell the service manager something, "READY=1" (sd_notify(3)).  Does nothing
 * when NOTIFY_SOCKET is not set; failing changes nothing.
 */
void notify_supervisor(const char *text);

#endif
