/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_HOST_H
#define MH_AGENT_HOST_H

/* What names this machine in findings and reports.  All owned, never NULL. */
struct host {
	char *hostname;
	char *machine_id; /* machine-id(5), 32 hex digits, or "" */
	char *boot_id;    /* /proc/sys/kernel/random/boot_id, or "" */
	char *os_name;    /* os-release(5): "Debian GNU/Linux" */
	char *os_version; /* "12" */
	char *os_pretty;  /* "Debian GNU/Linux 12 (bookworm)" */
	char *kernel;     /* uname(2), release */
	char *
	    device_uid; /* a UUID made from machine_id, so that it does not leave this machine */
};

void host_init(struct host *h);
void host_clear(struct host *h);

#endif
