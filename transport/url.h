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

/* An HTTP proxy: http://[USER[:PASSWORD]@]HOST[:PORT], %XX in user and password. */
enum {
	URL_PROXY_PORT_DEFAULT = 80,
	URL_USER_MAX = 128,     /* bytes */
	URL_PASSWORD_MAX = 256, /* bytes */
};
struct url_proxy {
	struct url at;
	char user[URL_USER_MAX + 1]; /* "": none */
	char password[URL_PASSWORD_MAX + 1];
};

/* MH_ERR_FORMAT; *ret_why is a static sentence then, without the text. */
mh_err url_proxy_parse(const char *text, struct url_proxy *ret, const char **ret_why)
    MH_CHECKED;

/*
 * Whether pattern is the host itself, a domain that it is in (".example.com" or
 * "example.com"), or "*".  Letters of either case.
 */
bool url_host_matches(const char *host, const char *pattern);

/* Whether text is ADDRESS:PORT or [ADDRESS]:PORT of loopback, with a port. */
bool url_is_loopback(const char *text);

/* "https://host:port", new, freed by the caller. */
char *url_format(const struct url *url);

/* The value of a Host header, new, freed by the caller. */
char *url_authority(const struct url *url);

#endif
