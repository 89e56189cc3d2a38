/* SPDX-License-Identifier: BSD-2-Clause */
/* What a collector gone bad can sign. */
#include "base/memory.h"
#include "tests/unit/mh_fleet.h"
#include "transport/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fleet *fleet;
	MH_CLEANUP(freep) uint8_t *der = NULL;
	struct receipt receipt;
	const char *why = NULL;
	size_t len = 0;

	if (fleet == NULL)
		fleet = fleet_new();
	if (cms_sign(fleet->receipt.key, fleet->receipt.cert, data, size, &der, &len) ==
	    MH_OK)
		mh_ignore(
		    receipt_open(der, len, fleet->store, FLEET_NOW_MS, &receipt, &why));
	return 0;
}
