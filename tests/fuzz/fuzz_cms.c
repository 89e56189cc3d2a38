/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>

#include "transport/cms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf *content = buf_new(CMS_CONTENT_MAX);
	X509_STORE *ca = X509_STORE_new();
	X509 *signer = NULL;
	const char *why = NULL;

	/* With an empty store nothing may ever be good. */
	mh_err err = cms_verify(data, size, ca, 0, content, &signer, &why);

	assert(err != MH_OK && why != NULL && signer == NULL && buf_len(content) == 0);
	X509_STORE_free(ca);
	buf_free(content);
	return 0;
}
