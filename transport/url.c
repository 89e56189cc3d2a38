/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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

/* HOST[:PORT][/] */
static mh_err
read_place(const char *host, uint64_t port, struct url *ret, const char **ret_why)
{
	struct url url = { .is_address = false };
	const char *end;
	size_t len;

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

mh_err
url_parse(const char *text, struct url *ret, const char **ret_why)
{
	static const char scheme[] = "https://";

	if (strncasecmp(text, scheme, sizeof(scheme) - 1) != 0)
		return refuse("the URL has to begin with https://", ret_why);
	return read_place(text + sizeof(scheme) - 1, URL_PORT_DEFAULT, ret, ret_why);
}

/* The len bytes at from, %XX decoded, into to; false: too long, or not decodable. */
static bool
decode(const char *from, size_t len, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)from[i];
		char hex[3] = "";

		if (c == '%') {
			if (len - i < 3)
				return false;
			memcpy(hex, from + i + 1, 2);
			if (text_unhex(hex, &c, 1) != MH_OK)
				return false;
			i += 2;
		}
		/* They stand in one line of a head, parted by a colon. */
		if (c < 0x20 || c == 0x7f || n + 1 >= size)
			return false;
		to[n++] = (char)c;
	}
	to[n] = 0;
	return true;
}

mh_err
url_proxy_parse(const char *text, struct url_proxy *ret, const char **ret_why)
{
	static const char scheme[] = "http://";
	struct url_proxy proxy = { .user = "" };
	const char *place = text + sizeof(scheme) - 1;
	const char *at;
	mh_err err = MH_OK;

	if (strncasecmp(text, scheme, sizeof(scheme) - 1) != 0)
		return refuse("a proxy's URL has to begin with http://", ret_why);
	at = strrchr(place, '@');
	if (at != NULL) {
		size_t user = strcspn(place, ":@");
		const char *password = place[user] == ':' ? place + user + 1 : at;

		if (!decode(place, user, proxy.user, sizeof(proxy.user)) ||
		    strchr(proxy.user, ':') != NULL ||
		    !decode(password, (size_t)(at - password), proxy.password,
			sizeof(proxy.password)))
			err = refuse("the user or password in the proxy's URL is too "
				     "long, or not well written (%XX)",
			    ret_why);
		place = at + 1;
	}
	if (err == MH_OK)
		err = read_place(place, URL_PROXY_PORT_DEFAULT, &proxy.at, ret_why);
	if (err == MH_OK)
		*ret = proxy;
	explicit_bzero(proxy.password, sizeof(proxy.password));
	return err;
}

bool
url_host_matches(const char *host, const char *pattern)
{
	size_t n = strlen(host);
	size_t len;

	if (strcmp(pattern, "*") == 0 || strcasecmp(host, pattern) == 0)
		return true;
	if (*pattern == '.')
		pattern++;
	len = strlen(pattern);
	return len > 0 && n >= len && strcasecmp(host + n - len, pattern) == 0 &&
	       (n == len || host[n - len - 1] == '.');
}

bool
url_is_loopback(const char *text)
{
	MH_CLEANUP(freep) char *whole = xasprintf("https://%s", text);
	const char *colon = strrchr(text, ':');
	struct in_addr v4;
	struct url url;
	const char *why = NULL;

	if (colon == NULL || colon[1] == 0 || strchr(colon, ']') != NULL ||
	    strchr(text, '/') != NULL || url_parse(whole, &url, &why) != MH_OK)
		return false;
	return strcmp(url.host, "::1") == 0 ||
	       (inet_pton(AF_INET, url.host, &v4) == 1 &&
		   ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET);
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
