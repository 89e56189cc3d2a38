/* SPDX-License-Identifier: BSD-2-Clause */
/* Envelopes as a stranger sends them. */
#include "transport/receipt.h"
#include "transport/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static X509_STORE *store;
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(CMS_ENVELOPE_MAX);
	MH_CLEANUP(report_freep) struct report *report = NULL;
	struct refusal refusal;
	struct receipt receipt;
	const char *why = NULL;
	X509 *signer = NULL;

	if (store == NULL)
		store = X509_STORE_new();
	if (cms_verify(data, size, store, 0, b, &signer, &why) == MH_OK)
		X509_free(signer);
	mh_ignore(report_open(data, size, store, 0, &report, &refusal));
	mh_ignore(receipt_open(data, size, store, 0, &receipt, &why));
	return 0;
}
