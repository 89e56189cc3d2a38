/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_ADDRESSES_H
#define MH_SIGNATURES_INDICATOR_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/*
 * Addresses and networks of IPv4 and IPv6, with or without a port.  An IPv4 address
 * inside of IPv6 ("::ffff:1.2.3.4") is the IPv4 address.
 *
 * Sorted by length of prefix, so that a lookup is a binary search for each length
 * that there is.
 */
struct network {
	uint8_t bytes[16]; /* network order; an IPv4 address as ::ffff:a.b.c.d */
	uint8_t bits;      /* of the prefix, 0..128 */
	uint16_t port;     /* 0: any */
	uint32_t tag;
};

/*
 * "192.0.2.1", "192.0.2.0/24", "192.0.2.1:443", "2001:db8::1", "[2001:db8::1]:443", and
 * these with "[.]" for a dot.  False with a reason (static).  What names all machines
 * or none (0.0.0.0, ::, broadcast, multicast, a too wide network) is refused.
 */
bool network_parse(const char *text, struct network *ret, const char **ret_why);
/* Whether text looks like one, good or not: no name of a host looks so. */
bool network_is_meant(const char *text);

struct indicator_addresses;

struct indicator_addresses *indicator_addresses_new(void);
void indicator_addresses_free(struct indicator_addresses *a);
MH_DEFINE_CLEANUP(struct indicator_addresses, indicator_addresses_free);

/* Errors: MH_ERR_FULL (INDICATOR_ADDRESSES_MAX). */
mh_err indicator_addresses_add(struct indicator_addresses *a, const struct network *n)
    MH_CHECKED;
size_t indicator_addresses_n(const struct indicator_addresses *a);
void indicator_addresses_seal(struct indicator_addresses *a);

/* The address of a socket (records/process.h) in the form of a struct network. */
bool network_of_socket(uint8_t family, const uint8_t *address, uint8_t ret[16]);

/* Call on_match with the tag of each that the address and port are in. */
typedef void address_match_fn(void *ctx, uint32_t tag);
void indicator_addresses_match(const struct indicator_addresses *a,
    const uint8_t address[16], uint16_t port, address_match_fn *on_match, void *ctx);

#endif
