/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TESTS_UNIT_MH_STORE_H
#define MH_TESTS_UNIT_MH_STORE_H

#include <stdint.h>

#include "collector/store.h"

/* Reports for tests of the store: not signed, with one finding and one line of coverage. */
#define STORE_AGENT "4f9c1a52-0d3e-4b7a-9c1d-2e5f6a7b8c9d"
#define STORE_EPOCH "11111111-2222-4333-8444-555555555555"

/* What a test wants to say of a report; NULL and 0: as usual. */
struct store_report {
	uint64_t sequence;
	uint8_t fill;            /* every byte of its digest */
	const uint8_t *previous; /* NULL: as if fill of the one before were fill - 1 */
	int64_t sealed_ms, received_ms;
	const char *epoch, *machine_id, *boot_id, *hostname, *uid;
};

mh_err store_report(struct store *st, const struct store_report *r) MH_CHECKED;

/* As one that comes with other bytes for a key that is there. */
mh_err store_report_again(struct store *st, const struct store_report *r) MH_CHECKED;

/* The first number that a query gives, by another connection; -1 when there is none. */
int64_t store_ask(const char *path, const char *sql);

/* Run SQL by another connection. */
void store_change(const char *path, const char *sql);

#endif
