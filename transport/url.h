/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_TRANSPORT_URL_H
#define MH_TRANSPORT_URL_H

#include <stdbool.h>

#include "base/error.h"

/* Where a collector is: https://HOST[:PORT], nothing behind it but one slash. */
enum {
	URL_HOST_MAX = 253, /* bytes: RFC 1035 */
	URL_PORT_DEFAULT = 443,
};

struct url {
	char host[URL_HOST_MAX + 1]; /* without the brackets of an IPv6 address */
	char port[6];                /* decimal, 1..65535 */
	bool is_address;             /* host is an IPv4 or IPv6 address */
};

/* MH_ERR_FORMAT; *ret_why is a static sentence then.  Input: typed, or a file's. */
mh_err url_parse(const char *text, struct url *ret, const char **ret_why) MH_CHECKED;

/* "https://host:port", new, freed by the caller. */
char *url_format(const struct url *url);

/* The value of a Host header, new, freed by the caller. */
char *url_authority(const struct url *url);

#endif
