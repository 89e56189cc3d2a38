/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote, scan worker.
 * Input: hostile.
 */
#include "signatures/indicator_addresses.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "base/text.h"
#include "signatures/indicator_limits.h"

enum {
	BITS_ALL = 128,
	BITS_MAPPED = 96, /* of ::ffff:0:0/96, in which IPv4 lies (RFC 4291, 2.5.5.2) */
	PORT_MAX = 65535,
	TEXT_MAX = INET6_ADDRSTRLEN + 16, /* with brackets, prefix or port */
};

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct indicator_addresses {
	struct network *list; /* sorted by bits, then bytes */
	size_t n, cap;
	size_t first[BITS_ALL + 2]; /* of each number of bits */
	bool is_sealed;
};

/* Without what makes an address harmless in reports: "[.]", "(.)", "[:]". */
static bool
refang(const char *text, char ret[TEXT_MAX])
{
	size_t n = 0;

	for (const char *p = text; *p != 0;) {
		if (n == TEXT_MAX - 1)
			return false;
		if ((p[0] == '[' || p[0] == '(') && (p[1] == '.' || p[1] == ':') &&
		    (p[2] == ']' || p[2] == ')')) {
			ret[n++] = p[1];
			p += 3;
		} else {
			ret[n++] = *p++;
		}
	}
	ret[n] = 0;
	return true;
}

/* Clear the bits behind the prefix. */
static void
mask(uint8_t bytes[16], unsigned bits)
{
	for (unsigned i = bits; i < BITS_ALL; i++)
		bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

static bool
is_all(const uint8_t *p, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != value)
			return false;
	}
	return true;
}

/* NULL, or why it is no address of one machine or network. */
static const char *
complaint(const struct network *n, bool is_4)
{
	if (is_4 && n->bits < BITS_MAPPED + INDICATOR_PREFIX_MIN_4)
		return "the network is wider than /8";
	if (!is_4 && n->bits < INDICATOR_PREFIX_MIN_6)
		return "the network is wider than /16";
	if (is_4 ? is_all(n->bytes + 12, 4, 0) : is_all(n->bytes, 16, 0))
		return "it is no machine's address";
	if (is_4 && n->bytes[12] >= 224)
		return "it is no machine's address: multicast, reserved or broadcast";
	if (!is_4 && n->bytes[0] == 0xff)
		return "it is no machine's address: multicast";
	return NULL;
}

/* Cut what stands behind the last separator off; NULL when it is not there. */
static char *
cut_behind(char *text, char separator)
{
	char *p = strrchr(text, separator);

	if (p == NULL)
		return NULL;
	*p = 0;
	return p + 1;
}

static bool
parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	return text == NULL || parse_u64(text, min, max, ret) == MH_OK;
}

bool
network_parse(const char *text, struct network *ret, const char **ret_why)
{
	char buffer[TEXT_MAX];
	char *address = buffer;
	char *prefix = NULL;
	char *port = NULL;
	struct in_addr four;
	struct network n = { .bits = BITS_ALL };

	*ret_why = "it is no address";
	if (!refang(text, buffer))
		return false;
	if (address[0] == '[') {
		char *end = strchr(++address, ']');

		if (end == NULL || (end[1] != 0 && end[1] != ':'))
			return false;
		port = end[1] == ':' ? end + 2 : NULL;
		*end = 0;
	} else if (strchr(address, ':') == strrchr(address, ':')) {
		port = cut_behind(address, ':');
	}
	prefix = cut_behind(address, '/');
	bool is_4 = inet_pton(AF_INET, address, &four) == 1;

	if (is_4) {
		memcpy(n.bytes, mapped, sizeof(mapped));
		memcpy(n.bytes + sizeof(mapped), &four, sizeof(four));
	} else if (inet_pton(AF_INET6, address, n.bytes) != 1) {
		return false;
	}
	uint64_t bits = is_4 ? 32 : BITS_ALL;
	uint64_t number = 0;

	/* No socket has port 0, and in struct network it is any. */
	if (!parse_number(prefix, 0, bits, &bits) ||
	    !parse_number(port, 1, PORT_MAX, &number))
		return false;
	n.bits = (uint8_t)(is_4 ? BITS_MAPPED + bits : bits);
	n.port = (uint16_t)number;
	mask(n.bytes, n.bits);
	*ret_why = complaint(&n, is_4 || memcmp(n.bytes, mapped, sizeof(mapped)) == 0);
	if (*ret_why != NULL)
		return false;
	*ret = n;
	return true;
}

bool
network_is_meant(const char *text)
{
	size_t n_digits = strspn(text, "0123456789.[]()/:");

	if (text[n_digits] == 0)
		return strpbrk(text, ".:") != NULL;
	/* Hexadecimal with at least two colons. */
	return text[strspn(text, "0123456789abcdefABCDEF.:[]/%")] == 0 &&
	       strchr(text, ':') != strrchr(text, ':');
}

struct indicator_addresses *
indicator_addresses_new(void)
{
	return xcalloc(1, sizeof(struct indicator_addresses));
}

void
indicator_addresses_free(struct indicator_addresses *a)
{
	if (a == NULL)
		return;
	free(a->list);
	free(a);
}

mh_err
indicator_addresses_add(struct indicator_addresses *a, const struct network *n)
{
	assert(!a->is_sealed);
	if (a->n == INDICATOR_ADDRESSES_MAX)
		return MH_ERR_FULL;
	if (a->n == a->cap) {
		a->cap = a->cap * 2 + 64;
		a->list = xreallocarray(a->list, a->cap, sizeof(*a->list));
	}
	a->list[a->n++] = *n;
	return MH_OK;
}

size_t
indicator_addresses_n(const struct indicator_addresses *a)
{
	return a->n;
}

static int
compare(const void *x, const void *y)
{
	const struct network *a = x;
	const struct network *b = y;
	int order = (a->bits > b->bits) - (a->bits < b->bits);

	if (order == 0)
		order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return order != 0 ? order : (a->tag > b->tag) - (a->tag < b->tag);
}

void
indicator_addresses_seal(struct indicator_addresses *a)
{
	size_t at = 0;

	assert(!a->is_sealed);
	if (a->n > 1)
		qsort(a->list, a->n, sizeof(*a->list), compare);
	for (unsigned bits = 0; bits <= BITS_ALL + 1; bits++) {
		while (at < a->n && a->list[at].bits < bits)
			at++;
		a->first[bits] = at;
	}
	a->is_sealed = true;
}

bool
network_of_socket(uint8_t family, const uint8_t *address, uint8_t ret[16])
{
	if (family == AF_INET) {
		memcpy(ret, mapped, sizeof(mapped));
		memcpy(ret + sizeof(mapped), address, 4);
		return true;
	}
	if (family == AF_INET6)
		memcpy(ret, address, 16);
	return family == AF_INET6;
}

/* The first of those from first to end that is not before address. */
static size_t
lower_bound(const struct indicator_addresses *a, size_t first, size_t end,
    const uint8_t address[16])
{
	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (memcmp(a->list[middle].bytes, address, 16) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

void
indicator_addresses_match(const struct indicator_addresses *a, const uint8_t address[16],
    uint16_t port, address_match_fn *on_match, void *ctx)
{
	assert(a->is_sealed);
	for (unsigned bits = 0; bits <= BITS_ALL; bits++) {
		size_t end = a->first[bits + 1];
		uint8_t masked[16];

		if (a->first[bits] == end)
			continue;
		memcpy(masked, address, sizeof(masked));
		mask(masked, bits);
		for (size_t i = lower_bound(a, a->first[bits], end, masked);
		     i < end && memcmp(a->list[i].bytes, masked, 16) == 0; i++) {
			if (a->list[i].port == 0 || a->list[i].port == port)
				on_match(ctx, a->list[i].tag);
		}
	}
}
