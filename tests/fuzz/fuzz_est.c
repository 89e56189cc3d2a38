/* SPDX-License-Identifier: BSD-2-Clause */
/* The body that brings a certificate: base64 of a certs-only PKCS#7. */
#include "transport/est.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	X509 *cert = est_certificate((const char *)data, size);
	struct certificate_facts facts;

	if (cert != NULL)
		mh_ignore(certificate_read(cert, &facts));
	X509_free(cert);
	return 0;
}
