/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A known certificate in a changed envelope: what signers_verify() accepts,
 * cms_verify() has to accept with the same content.  The input is a list of
 * changes to a good envelope, three bytes each: where (16 bits), and the byte;
 * a byte of 0 cuts there.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/mh_fleet.h"
#include "transport/signers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ground {
	struct fleet *fleet;
	struct signers *signers;
	uint8_t *der;
	size_t len;
};

static void
set_up(struct ground *g)
{
	struct certificate_facts facts;

	g->fleet = fleet_new();
	g->signers = signers_new(g->fleet->ca.cert, 16);
	if (cms_sign(g->fleet->signing.key, g->fleet->signing.cert, "text", 4, &g->der,
		&g->len) != MH_OK ||
	    certificate_read(g->fleet->signing.cert, &facts) != MH_OK)
		abort();
	signers_add(g->signers, g->der, g->len, g->fleet->signing.cert, &facts);
}

static void
compare(struct ground *g, const uint8_t *der, size_t len)
{
	MH_CLEANUP(buf_freep) struct buf *quick = buf_new(CMS_CONTENT_MAX);
	MH_CLEANUP(buf_freep) struct buf *full = buf_new(CMS_CONTENT_MAX);
	MH_CLEANUP(X509_freep) X509 *cert = NULL;
	struct certificate_facts facts;
	const char *why = NULL;

	if (!signers_verify(g->signers, der, len, FLEET_NOW_MS, quick, &facts))
		return;
	assert(cms_verify(der, len, g->fleet->store, FLEET_NOW_MS, full, &cert, &why) ==
	       MH_OK);
	assert(buf_len(quick) == buf_len(full) &&
	       memcmp(buf_data(quick), buf_data(full), buf_len(full)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ground g;
	size_t len = 0;

	if (g.fleet == NULL)
		set_up(&g);
	len = g.len;
	MH_CLEANUP(freep) uint8_t *copy = xmemdup(g.der, g.len);

	for (size_t i = 0; i + 3 <= size; i += 3) {
		size_t at = ((size_t)data[i] << 8 | data[i + 1]) % g.len;

		if (data[i + 2] == 0 && at < len)
			len = at;
		else
			copy[at] = data[i + 2];
	}
	/* A copy of its own size, so that a byte read behind it is noticed. */
	MH_CLEANUP(freep) uint8_t *exact = xmemdup(copy, len > 0 ? len : 1);

	compare(&g, exact, len);
	return 0;
}
