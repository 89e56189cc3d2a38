/* SPDX-License-Identifier: BSD-2-Clause */
/* What an enrolled agent gone bad can sign: the text of a report, or of a receipt. */
#include "base/memory.h"
#include "tests/unit/mh_fleet.h"
#include "transport/gzip.h"
#include "transport/receipt.h"
#include "transport/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fleet *fleet;
	MH_CLEANUP(buf_freep) struct buf *packed = buf_new(CMS_CONTENT_MAX);
	MH_CLEANUP(report_freep) struct report *report = NULL;
	MH_CLEANUP(report_freep) struct report *own = NULL;
	MH_CLEANUP(freep) uint8_t *der = NULL;
	struct refusal refusal;
	size_t len = 0;

	if (fleet == NULL)
		fleet = fleet_new();
	if (gzip_pack(data, size, packed) != MH_OK ||
	    cms_sign(fleet->signing.key, fleet->signing.cert, buf_data(packed),
		buf_len(packed), &der, &len) != MH_OK)
		return 0;
	mh_ignore(report_open(der, len, fleet->store, FLEET_NOW_MS, &report, &refusal));
	mh_ignore(report_read(der, len, &own, &refusal));
	/* What is no envelope is not read either. */
	report_free(own);
	own = NULL;
	mh_ignore(report_read(data, size, &own, &refusal));
	return 0;
}
