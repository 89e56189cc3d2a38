/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mh_test.h"

#include <linux/filter.h>

#include "agent/bpf_filter.h"
#include "base/attributes.h"

#define READ(filter, traits) \
	filter_read((const uint8_t *)(filter), sizeof(filter), (traits))

/* What every filter of IPv4 begins with. */
#define LOAD_TYPE BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12)
#define LOAD_PROTOCOL BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23)
#define LOAD_LENGTH BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14)
#define IF(k, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (yes), (no))
#define TAKE BPF_STMT(BPF_RET | BPF_K, 0xffff)
#define DROP BPF_STMT(BPF_RET | BPF_K, 0)

/* The form that was published of BPFDoor; the values are not. */
static const struct sock_filter door[] = {
	LOAD_TYPE,
	IF(0x0800, 0, 20),
	LOAD_PROTOCOL,
	IF(17, 0, 5),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 16, 0),
	LOAD_LENGTH,
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 22),
	IF(0x1234, 12, 13),
	IF(1, 0, 3),
	LOAD_LENGTH,
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 22),
	IF(0x1234, 8, 9),
	IF(6, 0, 8),
	LOAD_LENGTH,
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 26),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
	BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2),
	BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
	BPF_STMT(BPF_MISC | BPF_TAX, 0),
	IF(0, 1, 0),
	TAKE,
	DROP,
};

static void
a_door_compares_payload_of_several_protocols(void **state)
{
	struct sock_filter f[MH_ARRAY_LEN(door) + 2];
	struct filter_traits t;

	(void)state;
	/* Behind "tax": the TCP payload. */
	memcpy(f, door, sizeof(door));
	f[20] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_IND, 14);
	f[21] = (struct sock_filter)IF(0x5678, 0, 1);
	f[22] = (struct sock_filter)TAKE;
	f[23] = f[24] = (struct sock_filter)DROP;
	READ(f, &t);
	assert_int_equal(t.protocols, FILTER_TCP | FILTER_UDP | FILTER_ICMP);
	assert_int_equal(t.n_magics, 2);
	assert_true(t.magics[0] == 0x1234 || t.magics[1] == 0x1234);
	assert_true(t.magics[0] == 0x5678 || t.magics[1] == 0x5678);
	assert_false(t.is_dhcp);
}

static void
a_dhcp_client_has_no_magic(void **state)
{
	/* dhclient's, common/lpf.c of ISC DHCP, and the cookie that n-dhcp4 adds. */
	static const struct sock_filter dhcp[] = { LOAD_TYPE, IF(0x0800, 0, 10),
		LOAD_PROTOCOL, IF(17, 0, 8), BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 6, 0), LOAD_LENGTH,
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16), IF(68, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 258), IF(0x63825363, 0, 1), TAKE,
		DROP };
	struct filter_traits t;

	(void)state;
	READ(dhcp, &t);
	assert_true(t.is_dhcp);
	assert_int_equal(t.n_magics, 0);
	assert_int_equal(t.protocols, FILTER_UDP);
}

static void
a_filter_of_ports_has_no_magic(void **state)
{
	/* tcpdump -dd 'tcp port 443 or udp port 53', IPv4 half. */
	static const struct sock_filter ports[] = { LOAD_TYPE, IF(0x0800, 0, 10),
		LOAD_PROTOCOL, IF(6, 1, 0), IF(17, 0, 7), LOAD_LENGTH,
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 14), IF(443, 3, 0), IF(53, 2, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16), IF(443, 0, 1), TAKE, DROP };
	struct filter_traits t;

	(void)state;
	READ(ports, &t);
	assert_int_equal(t.n_magics, 0);
	assert_false(t.is_dhcp);
	assert_int_equal(t.protocols, FILTER_TCP | FILTER_UDP);
}

static void
types_of_the_link_layer_are_known(void **state)
{
	static const uint32_t types[] = { 0x0806, 0x888e, 0x88cc, 0x88f7 };
	struct filter_traits t;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(types); i++) {
		const struct sock_filter f[] = { LOAD_TYPE, IF(types[i], 0, 1), TAKE,
			DROP };

		READ(f, &t);
		assert_true(t.is_link_layer);
		assert_int_equal(t.n_magics, 0);
	}
}

static void
magics_past_the_limit_are_counted(void **state)
{
	struct sock_filter f[2 + FILTER_MAGICS_MAX + 1] = { LOAD_LENGTH,
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 22) };
	struct filter_traits t;

	(void)state;
	for (uint32_t i = 0; i < FILTER_MAGICS_MAX + 1; i++)
		f[2 + i] = (struct sock_filter)IF(0x1000 + i, 0, 0);
	READ(f, &t);
	assert_int_equal(t.n_magics, FILTER_MAGICS_MAX + 1);
	assert_int_equal(t.magics[FILTER_MAGICS_MAX - 1], 0x1000 + FILTER_MAGICS_MAX - 1);
}

static void
instructions_past_the_limit_are_not_looked_at(void **state)
{
	static struct sock_filter f[FILTER_INSTRUCTIONS_MAX + 1];
	struct filter_traits t;

	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(f); i++)
		f[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9);
	f[FILTER_INSTRUCTIONS_MAX - 1] = (struct sock_filter)IF(6, 0, 0);
	READ(f, &t);
	assert_int_equal(t.protocols, FILTER_TCP);
	f[FILTER_INSTRUCTIONS_MAX - 1] = f[0];
	f[FILTER_INSTRUCTIONS_MAX] = (struct sock_filter)IF(6, 0, 0);
	READ(f, &t);
	assert_int_equal(t.protocols, 0);
}

static void
every_prefix_of_a_filter_is_taken(void **state)
{
	struct filter_traits t;

	(void)state;
	for (size_t n = 0; n < sizeof(door); n++)
		filter_read((const uint8_t *)door, n, &t);
	filter_read(NULL, 0, &t);
	assert_int_equal(t.n_magics, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_door_compares_payload_of_several_protocols),
		cmocka_unit_test(a_dhcp_client_has_no_magic),
		cmocka_unit_test(a_filter_of_ports_has_no_magic),
		cmocka_unit_test(types_of_the_link_layer_are_known),
		cmocka_unit_test(magics_past_the_limit_are_counted),
		cmocka_unit_test(instructions_past_the_limit_are_not_looked_at),
		cmocka_unit_test(every_prefix_of_a_filter_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
