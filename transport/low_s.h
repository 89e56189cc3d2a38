/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_LOW_S_H
#define MH_TRANSPORT_LOW_S_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The one form of an ECDSA signature over P-256 (ECDSA-Sig-Value, RFC 3279, 2.2.3).
 *
 * If (r, s) is a signature, then (r, n - s) is one too, n being the order of the
 * curve's group, and anybody can make it without the key.  A report would then
 * have two envelopes with two digests, and who holds one could make a fork of an
 * agent's chain that the agent never wrote.  So only the lower s is accepted, in
 * DER, as BIP 62 and RFC 8032 (5.1.7, for its own curve) demand.
 */
enum { LOW_S_BYTES_MAX = 2 + 2 * (2 + 33) }; /* bytes of such a signature in DER */

/* Whether the len bytes are DER of a signature with 0 < r < n and 0 < s <= n/2. */
bool low_s_is(const uint8_t *der, size_t len);

/*
 * The form with the lower s of a signature in DER; *ret_len bytes of ret are used.
 * Errors: MH_ERR_FORMAT (not such a signature), MH_ERR_CRYPTO (no memory).
 */
mh_err low_s_make(const uint8_t *der, size_t len, uint8_t ret[LOW_S_BYTES_MAX],
    size_t *ret_len) MH_CHECKED;

#endif
