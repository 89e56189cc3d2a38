/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from the store, which anybody may have changed. */
#include "collector/signed_text.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <string.h>

#include "transport/cms.h"
#include "transport/gzip.h"

MH_DEFINE_CLEANUP(CMS_ContentInfo, CMS_ContentInfo_free);

mh_err
signed_text_read(const uint8_t *der, size_t len, struct buf *text)
{
	const unsigned char *p = der;
	MH_CLEANUP(CMS_ContentInfo_freep) CMS_ContentInfo *cms = NULL;
	ASN1_OCTET_STRING **content = NULL;

	buf_reset(text);
	if (der == NULL || len > CMS_ENVELOPE_MAX)
		return MH_ERR_CORRUPT;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	if (cms != NULL && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed)
		content = CMS_get0_content(cms);
	ERR_clear_error();
	if (content == NULL || *content == NULL ||
	    gzip_unpack(ASN1_STRING_get0_data(*content),
		(size_t)ASN1_STRING_length(*content), text) != MH_OK)
		return MH_ERR_CORRUPT;
	return MH_OK;
}

const char *
signed_text_line(const struct buf *text, size_t n, size_t *ret_len)
{
	const char *p = buf_string(text);
	const char *end = p + buf_len(text);
	const char *newline = memchr(p, '\n', (size_t)(end - p));

	for (; n > 0 && newline != NULL; n--) {
		p = newline + 1;
		newline = memchr(p, '\n', (size_t)(end - p));
	}
	if (newline == NULL)
		return NULL;
	*ret_len = (size_t)(newline - p);
	return p;
}
