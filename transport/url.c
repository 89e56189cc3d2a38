/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/url.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

static mh_err
refuse(const char *why, const char **ret_why)
{
	*ret_why = why;
	return MH_ERR_FORMAT;
}

static bool
is_address(const char *host)
{
	struct in6_addr out;

	return inet_pton(AF_INET, host, &out) == 1 ||
	       inet_pton(AF_INET6, host, &out) == 1;
}

mh_err
url_parse(const char *text, struct url *ret, const char **ret_why)
{
	static const char scheme[] = "https://";
	struct url url = { .is_address = false };
	const char *host = text + sizeof(scheme) - 1;
	const char *end;
	uint64_t port = URL_PORT_DEFAULT;
	size_t len;

	if (strncasecmp(text, scheme, sizeof(scheme) - 1) != 0)
		return refuse("the URL has to begin with https://", ret_why);
	if (*host == '[') {
		host++;
		end = strchr(host, ']');
		if (end == NULL)
			return refuse("the URL's [ is not closed", ret_why);
		len = (size_t)(end++ - host);
	} else {
		len = strcspn(host, ":/");
		end = host + len;
	}
	if (len == 0 || len > URL_HOST_MAX)
		return refuse("the URL names no host", ret_why);
	memcpy(url.host, host, len);
	url.is_address = is_address(url.host);
	if (strspn(url.host,
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:") !=
		len ||
	    (strchr(url.host, ':') != NULL && !url.is_address))
		return refuse("the URL's host is not a host name or address", ret_why);
	if (*end == ':') {
		len = strcspn(end + 1, "/");
		MH_CLEANUP(freep) char *digits = xstrndup(end + 1, len);

		if (parse_u64(digits, 1, UINT16_MAX, &port) != MH_OK)
			return refuse("the URL's port is not a number from 1 to 65535",
			    ret_why);
		end += 1 + len;
	}
	if (strcmp(end, "") != 0 && strcmp(end, "/") != 0)
		return refuse("the URL may have no path: https://HOST:PORT", ret_why);
	(void)snprintf(url.port, sizeof(url.port), "%u", (unsigned)port);
	*ret = url;
	return MH_OK;
}

char *
url_authority(const struct url *url)
{
	bool needs_brackets = strchr(url->host, ':') != NULL;

	return xasprintf(needs_brackets ? "[%s]:%s" : "%s:%s", url->host, url->port);
}

char *
url_format(const struct url *url)
{
	MH_CLEANUP(freep) char *authority = url_authority(url);

	return xasprintf("https://%s", authority);
}
