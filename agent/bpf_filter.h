/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_BPF_FILTER_H
#define MH_AGENT_BPF_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a classic BPF program (linux/filter.h, networking/filter.rst) of a packet
 * socket looks for, read off its loads and comparisons without running it.
 *
 * Public knowledge of BPFDoor (PwC 2022, Elastic 2022, Trend Micro 2023, 2025):
 * its filter lets through IPv4 packets of TCP, UDP and ICMP alike whose payload
 * begins with a magic value (first published: 0x7255 in UDP and ICMP, 0x5293 in
 * TCP; later ones differ).  The values change from sample to sample, the form
 * does not: a comparison of two or four bytes of payload with a constant, for
 * several transport protocols.  Ordinary filters compare types, protocols,
 * addresses and ports; DHCP clients also the magic cookie of RFC 2131.
 */
enum {
	FILTER_TCP = 1,
	FILTER_UDP = 2,
	FILTER_ICMP = 4,
	FILTER_MAGICS_MAX = 8, /* kept */
	/* Looked at: all that a clue keeps (CLUE_DATA_MAX). */
	FILTER_INSTRUCTIONS_MAX = 256,
};

struct filter_traits {
	unsigned protocols; /* compared with: FILTER_TCP, ... */
	uint32_t magics[FILTER_MAGICS_MAX];
	size_t n_magics;    /* payload constants, kept or not */
	bool is_dhcp;       /* ports or cookie of DHCP */
	bool is_link_layer; /* ARP, EAPOL, LLDP, PTP */
};

/* data holds n bytes of struct sock_filter; what is no whole instruction is left out. */
void filter_read(const uint8_t *data, size_t n, struct filter_traits *ret);

#endif
