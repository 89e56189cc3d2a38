/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: hostile: the filter of a process.
 */
#include "agent/bpf_filter.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "base/attributes.h"

enum {
	ETHERNET_BYTES = 14,
	IP_BYTES = 20,       /* without options */
	TRANSPORT_BYTES = 8, /* of UDP and ICMP */
	PROTOCOL_AT = 9,     /* in the IP header */
	DHCP_COOKIE = 0x63825363,
	CONSTANT_MIN = 0x100, /* below: a type, a count, a flag */
};

/* What the accumulator may hold; several, where ways meet. */
enum value {
	VALUE_NONE = 0,
	VALUE_TYPE = 1,
	VALUE_PROTOCOL = 2,
	VALUE_PORT = 4,
	VALUE_PAYLOAD = 8,
};

/* Before one instruction. */
struct state {
	unsigned values;    /* of enum value */
	bool is_behind_tcp; /* X may be behind the TCP header, not the IP one */
};

struct walk {
	uint32_t ip;          /* where the IP header begins: 14, or 0 for datagrams */
	struct state *states; /* one for each instruction that is kept, and one behind */
	struct filter_traits *traits;
};

static bool
get(const uint8_t *data, size_t n, size_t i, struct sock_filter *ret)
{
	if ((i + 1) * sizeof(*ret) > n)
		return false;
	memcpy(ret, data + i * sizeof(*ret), sizeof(*ret));
	return true;
}

/* The length of the IP header is loaded from its start: that tells where it is. */
static uint32_t
find_ip(const uint8_t *data, size_t n)
{
	struct sock_filter f;
	bool has_type = false;

	for (size_t i = 0; get(data, n, i, &f); i++) {
		if (f.code == (BPF_LDX | BPF_B | BPF_MSH) && f.k <= ETHERNET_BYTES)
			return f.k;
		has_type |= f.code == (BPF_LD | BPF_H | BPF_ABS) && f.k == 12;
	}
	return has_type ? ETHERNET_BYTES : 0;
}

static enum value
value_at(const struct walk *w, uint32_t k, unsigned size)
{
	if (k == w->ip + PROTOCOL_AT && size == BPF_B)
		return VALUE_PROTOCOL;
	if (w->ip == ETHERNET_BYTES && k == 12 && size == BPF_H)
		return VALUE_TYPE;
	if (k == (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL))
		return VALUE_TYPE;
	if (k >= (uint32_t)SKF_LL_OFF || k < w->ip + IP_BYTES)
		return VALUE_NONE;
	if (k < w->ip + IP_BYTES + 4)
		return VALUE_PORT;
	return k >= w->ip + IP_BYTES + TRANSPORT_BYTES && size != BPF_B ? VALUE_PAYLOAD
									: VALUE_NONE;
}

/* The same behind X, the length of the IP header or of both headers. */
static enum value
value_behind(const struct walk *w, bool is_behind_tcp, uint32_t k, unsigned size)
{
	if (k >= (uint32_t)SKF_LL_OFF || k < w->ip)
		return VALUE_NONE;
	if (is_behind_tcp)
		return size != BPF_B ? VALUE_PAYLOAD : VALUE_NONE;
	if (k < w->ip + 4)
		return VALUE_PORT;
	return k >= w->ip + TRANSPORT_BYTES && size != BPF_B ? VALUE_PAYLOAD : VALUE_NONE;
}

static void
compare_payload(struct filter_traits *t, uint32_t k)
{
	if (k == DHCP_COOKIE) {
		t->is_dhcp = true;
		return;
	}
	if (k < CONSTANT_MIN)
		return;
	/* UDP and ICMP are often compared with one and the same value. */
	for (size_t i = 0; i < t->n_magics && i < FILTER_MAGICS_MAX; i++) {
		if (t->magics[i] == k)
			return;
	}
	if (t->n_magics < FILTER_MAGICS_MAX)
		t->magics[t->n_magics] = k;
	t->n_magics++;
}

static void
compare(struct filter_traits *t, unsigned values, uint32_t k)
{
	if ((values & VALUE_TYPE) != 0)
		t->is_link_layer |= k == ETH_P_ARP || k == ETH_P_PAE || k == ETH_P_LLDP ||
				    k == ETH_P_1588;
	if ((values & VALUE_PROTOCOL) != 0)
		t->protocols |= k == IPPROTO_TCP    ? FILTER_TCP
				: k == IPPROTO_UDP  ? FILTER_UDP
				: k == IPPROTO_ICMP ? FILTER_ICMP
						    : 0;
	if ((values & VALUE_PORT) != 0)
		t->is_dhcp |= k == 67 || k == 68;
	if ((values & VALUE_PAYLOAD) != 0)
		compare_payload(t, k);
}

static unsigned
load(const struct walk *w, const struct state *s, const struct sock_filter *f)
{
	if (BPF_MODE(f->code) == BPF_ABS)
		return value_at(w, f->k, BPF_SIZE(f->code));
	if (BPF_MODE(f->code) == BPF_IND)
		return value_behind(w, s->is_behind_tcp, f->k, BPF_SIZE(f->code));
	return VALUE_NONE;
}

/* The state behind f, which is no jump. */
static struct state
step(const struct walk *w, struct state s, const struct sock_filter *f)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		s.values = load(w, &s, f);
		break;
	case BPF_LDX:
		s.is_behind_tcp = false;
		break;
	case BPF_ALU:
		/* A mask leaves payload what it is. */
		if (BPF_OP(f->code) != BPF_AND)
			s.values = VALUE_NONE;
		break;
	case BPF_MISC:
		/* X = A, the lengths of both headers: there is no other use for it. */
		s.is_behind_tcp |= BPF_MISCOP(f->code) == BPF_TAX;
		break;
	default:
		break;
	}
	return s;
}

/* Ways lead forward only (linux/filter.h), so all into i are known when i's turn comes. */
static void
lead(const struct walk *w, uint64_t to, const struct state *s)
{
	if (to > FILTER_INSTRUCTIONS_MAX)
		return;
	w->states[to].values |= s->values;
	w->states[to].is_behind_tcp |= s->is_behind_tcp;
}

static void
follow(const struct walk *w, size_t i, const struct sock_filter *f)
{
	const struct state *s = &w->states[i];
	struct state next;

	if (BPF_CLASS(f->code) == BPF_RET)
		return;
	if (f->code == (BPF_JMP | BPF_JA)) {
		lead(w, (uint64_t)i + 1 + f->k, s);
		return;
	}
	if (BPF_CLASS(f->code) == BPF_JMP) {
		if (BPF_OP(f->code) == BPF_JEQ && BPF_SRC(f->code) == BPF_K)
			compare(w->traits, s->values, f->k);
		lead(w, (uint64_t)i + 1 + f->jt, s);
		lead(w, (uint64_t)i + 1 + f->jf, s);
		return;
	}
	next = step(w, *s, f);
	lead(w, (uint64_t)i + 1, &next);
}

void
filter_read(const uint8_t *data, size_t n, struct filter_traits *ret)
{
	struct state states[FILTER_INSTRUCTIONS_MAX + 1] = { 0 };
	struct walk w = { .ip = find_ip(data, n), .states = states, .traits = ret };
	struct sock_filter f;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < FILTER_INSTRUCTIONS_MAX && get(data, n, i, &f); i++)
		follow(&w, i, &f);
}
