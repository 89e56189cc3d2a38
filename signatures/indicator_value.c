/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote.
 * Input: hostile.
 */
#include "signatures/indicator_value.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"
#include "signatures/indicator_addresses.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_table.h"

enum {
	N_EMPTY = 257, /* no byte, and each single one */
	HEX_PER_BYTE = 2,
	DOMAIN_MAX = 253, /* bytes: RFC 1035, 2.3.4, without the dot at the end */
	LABEL_MAX = 63,
};

struct empty_digests {
	uint8_t md5[N_EMPTY][16];
	uint8_t sha1[N_EMPTY][20];
	uint8_t sha256[N_EMPTY][32];
};

enum indicator_type
digest_parse(const char *text, uint8_t *ret)
{
	size_t len = strlen(text);

	for (unsigned t = INDICATOR_MD5; t <= INDICATOR_SHA256; t++) {
		size_t bytes = indicator_digest_bytes((enum indicator_type)t);

		if (len == bytes * HEX_PER_BYTE)
			return text_unhex(text, ret, bytes) == MH_OK
				   ? (enum indicator_type)t
				   : INDICATOR_NONE;
	}
	return INDICATOR_NONE;
}

static void
digest(const EVP_MD *md, const uint8_t *p, size_t len, uint8_t *ret)
{
	uint8_t out[EVP_MAX_MD_SIZE] = { 0 };

	/* Where MD5 is not offered, nothing is compared by it either. */
	(void)EVP_Digest(p, len, out, NULL, md, NULL);
	memcpy(ret, out, (size_t)EVP_MD_get_size(md));
}

struct empty_digests *
empty_digests_new(void)
{
	struct empty_digests *e = xcalloc(1, sizeof(*e));

	for (unsigned i = 0; i < N_EMPTY; i++) {
		uint8_t byte = (uint8_t)(i - 1);
		size_t len = i == 0 ? 0 : 1;

		digest(EVP_md5(), &byte, len, e->md5[i]);
		digest(EVP_sha1(), &byte, len, e->sha1[i]);
		digest(EVP_sha256(), &byte, len, e->sha256[i]);
	}
	return e;
}

void
empty_digests_free(struct empty_digests *e)
{
	free(e);
}

const char *
empty_digests_find(const struct empty_digests *e, enum indicator_type type,
    const uint8_t *d)
{
	size_t len = indicator_digest_bytes(type);
	const uint8_t *list = type == INDICATOR_MD5    ? e->md5[0]
			      : type == INDICATOR_SHA1 ? e->sha1[0]
						       : e->sha256[0];

	for (size_t i = 0; i < N_EMPTY; i++) {
		if (memcmp(list + i * len, d, len) == 0)
			return i == 0 ? "the hash of an empty file"
				      : "the hash of a file of one byte";
	}
	return NULL;
}

/* Whether it ends as names do that are everybody's. */
static const char *
name_complaint(const char *name)
{
	static const char *const everybodys[] = { "localhost.localdomain", "example.com",
		"example.org", "example.net", "in-addr.arpa", "ip6.arpa" };
	bool is_number = true;
	const char *last = strrchr(name, '.');

	if (last == NULL)
		return "a name without a dot is every network's own";
	for (const char *p = last + 1; *p != 0; p++)
		is_number = is_number && isdigit((unsigned char)*p);
	if (is_number)
		return "it is no name of a host";
	for (size_t i = 0; i < MH_ARRAY_LEN(everybodys); i++) {
		if (strcmp(name, everybodys[i]) == 0)
			return "this name is everybody's";
	}
	return NULL;
}

static bool
is_good_label(const char *label, size_t len)
{
	if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = label[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
		    c != '_')
			return false;
	}
	return true;
}

/* In lower case, without brackets around dots and without a dot at the end; new. */
static char *
plain_name(const char *text)
{
	char *s = xstrdup(text);
	size_t n = 0;

	for (const char *p = text; *p != 0; p++) {
		if (*p == '[' || *p == ']' || *p == '(' || *p == ')')
			continue;
		s[n++] = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	}
	while (n > 0 && s[n - 1] == '.')
		n--;
	s[n] = 0;
	return s;
}

char *
domain_parse(const char *text, const char **ret_why)
{
	MH_CLEANUP(freep) char *name = plain_name(text);
	size_t len = strlen(name);

	*ret_why = "it is no name of a host";
	if (len == 0 || len > DOMAIN_MAX)
		return NULL;
	for (const char *p = name;;) {
		size_t n = strcspn(p, ".");

		if (!is_good_label(p, n))
			return NULL;
		if (p[n] == 0)
			break;
		p += n + 1;
	}
	*ret_why = name_complaint(name);
	return *ret_why == NULL ? MH_TAKE(name) : NULL;
}

char *
host_path_parse(const char *text, const char **ret_why)
{
	const char *slash = strchr(text, '/');
	const char *why = NULL;
	struct network network;

	*ret_why = "it is no URL of a host";
	if (slash == NULL || strlen(text) > INDICATOR_VALUE_MAX)
		return NULL;
	for (const char *p = text; *p != 0; p++) {
		if (*p <= ' ' || *p > '~')
			return NULL;
	}
	MH_CLEANUP(freep) char *host = xstrndup(text, (size_t)(slash - text));
	char *port = strrchr(host, ':');
	MH_CLEANUP(freep) char *name = NULL;

	if (network_parse(host, &network, &why)) {
		name = xstrdup(host);
		return xasprintf("%s%s", name, slash);
	}
	if (port != NULL)
		*port = 0;
	name = domain_parse(host, ret_why);
	if (name == NULL)
		return NULL;
	return xasprintf("%s%s%s%s", name, port != NULL ? ":" : "",
	    port != NULL ? port + 1 : "", slash);
}

const char *
url_rest(const char *text)
{
	const char *p = strstr(text, "//");

	if (p == NULL || p == text)
		return NULL;
	return p[-1] == ':' || strncmp(p - 3 >= text ? p - 3 : text, "[:]", 3) == 0
		   ? p + 2
		   : NULL;
}

char *
url_host(const char *text)
{
	const char *p = url_rest(text);

	if (p == NULL)
		return NULL;
	size_t len = strcspn(p, "/?#");
	const char *at = memrchr(p, '@', len);

	if (at != NULL) {
		len -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	return len > 0 ? xstrndup(p, len) : NULL;
}

bool
time_parse(const char *text, int64_t *ret_s)
{
	struct tm tm = { .tm_isdst = 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (rest == NULL)
		rest = strptime(text, "%Y-%m-%d", &tm);
	if (rest == NULL || tm.tm_year < 70 || tm.tm_year > 8099)
		return false;
	*ret_s = (int64_t)timegm(&tm);
	return true;
}
