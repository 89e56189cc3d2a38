/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile. */
#include "signatures/attack_ids.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

enum { ID_LEN = 5, SUB_LEN = 4, SUBS_MAX = 32 }; /* "T1205" and ".002" */

/* One technique, and bit n - 1 for each sub-technique .00n. */
struct technique {
	uint16_t number;
	uint32_t subs;
};

/* All of ATT&CK Enterprise 18.0: 216 techniques, 691 ids with their sub-techniques. */
/* clang-format off */
static const struct technique techniques[] = {
	{ 1001, 0x7 }, { 1003, 0xff }, { 1005, 0x0 }, { 1006, 0x0 }, { 1007, 0x0 },
	{ 1008, 0x0 }, { 1010, 0x0 }, { 1011, 0x1 }, { 1012, 0x0 }, { 1014, 0x0 },
	{ 1016, 0x3 }, { 1018, 0x0 }, { 1020, 0x1 }, { 1021, 0xff }, { 1025, 0x0 },
	{ 1027, 0x1ffff }, { 1029, 0x0 }, { 1030, 0x0 }, { 1033, 0x0 },
	{ 1036, 0xfff }, { 1037, 0x1f }, { 1039, 0x0 }, { 1040, 0x0 }, { 1041, 0x0 },
	{ 1046, 0x0 }, { 1047, 0x0 }, { 1048, 0x7 }, { 1049, 0x0 }, { 1052, 0x1 },
	{ 1053, 0x76 }, { 1055, 0x7d9f }, { 1056, 0xf }, { 1057, 0x0 },
	{ 1059, 0x1fff }, { 1068, 0x0 }, { 1069, 0x7 }, { 1070, 0x3ff },
	{ 1071, 0x1f }, { 1072, 0x0 }, { 1074, 0x3 }, { 1078, 0xf }, { 1080, 0x0 },
	{ 1082, 0x0 }, { 1083, 0x0 }, { 1087, 0xf }, { 1090, 0xf }, { 1091, 0x0 },
	{ 1092, 0x0 }, { 1095, 0x0 }, { 1098, 0x7f }, { 1102, 0x7 }, { 1104, 0x0 },
	{ 1105, 0x0 }, { 1106, 0x0 }, { 1110, 0xf }, { 1111, 0x0 }, { 1112, 0x0 },
	{ 1113, 0x0 }, { 1114, 0x7 }, { 1115, 0x0 }, { 1119, 0x0 }, { 1120, 0x0 },
	{ 1123, 0x0 }, { 1124, 0x0 }, { 1125, 0x0 }, { 1127, 0x7 }, { 1129, 0x0 },
	{ 1132, 0x3 }, { 1133, 0x0 }, { 1134, 0x1f }, { 1135, 0x0 }, { 1136, 0x7 },
	{ 1137, 0x3f }, { 1140, 0x0 }, { 1176, 0x3 }, { 1185, 0x0 }, { 1187, 0x0 },
	{ 1189, 0x0 }, { 1190, 0x0 }, { 1195, 0x7 }, { 1197, 0x0 }, { 1199, 0x0 },
	{ 1200, 0x0 }, { 1201, 0x0 }, { 1202, 0x0 }, { 1203, 0x0 }, { 1204, 0x1f },
	{ 1205, 0x3 }, { 1207, 0x0 }, { 1210, 0x0 }, { 1211, 0x0 }, { 1212, 0x0 },
	{ 1213, 0x3f }, { 1216, 0x3 }, { 1217, 0x0 }, { 1218, 0x7fdf }, { 1219, 0x7 },
	{ 1220, 0x0 }, { 1221, 0x0 }, { 1222, 0x3 }, { 1480, 0x3 }, { 1482, 0x0 },
	{ 1484, 0x3 }, { 1485, 0x1 }, { 1486, 0x0 }, { 1489, 0x0 }, { 1490, 0x0 },
	{ 1491, 0x3 }, { 1495, 0x0 }, { 1496, 0xf }, { 1497, 0x7 }, { 1498, 0x3 },
	{ 1499, 0xf }, { 1505, 0x3f }, { 1518, 0x3 }, { 1525, 0x0 }, { 1526, 0x0 },
	{ 1528, 0x0 }, { 1529, 0x0 }, { 1530, 0x0 }, { 1531, 0x0 }, { 1534, 0x0 },
	{ 1535, 0x0 }, { 1537, 0x0 }, { 1538, 0x0 }, { 1539, 0x0 }, { 1542, 0x1f },
	{ 1543, 0x1f }, { 1546, 0x3ffff }, { 1547, 0x7bff }, { 1548, 0x3f },
	{ 1550, 0xf }, { 1552, 0xff }, { 1553, 0x3f }, { 1554, 0x0 }, { 1555, 0x3f },
	{ 1556, 0x1ff }, { 1557, 0xf }, { 1558, 0x1f }, { 1559, 0x7 }, { 1560, 0x7 },
	{ 1561, 0x3 }, { 1562, 0x1fef }, { 1563, 0x3 }, { 1564, 0x3fff },
	{ 1565, 0x7 }, { 1566, 0xf }, { 1567, 0xf }, { 1568, 0x7 }, { 1569, 0x7 },
	{ 1570, 0x0 }, { 1571, 0x0 }, { 1572, 0x0 }, { 1573, 0x3 }, { 1574, 0x3ff9 },
	{ 1578, 0x1f }, { 1580, 0x0 }, { 1583, 0xff }, { 1584, 0xff }, { 1585, 0x7 },
	{ 1586, 0x7 }, { 1587, 0xf }, { 1588, 0x7f }, { 1589, 0x7 }, { 1590, 0x3f },
	{ 1591, 0xf }, { 1592, 0xf }, { 1593, 0x7 }, { 1594, 0x0 }, { 1595, 0x7 },
	{ 1596, 0x1f }, { 1597, 0x3 }, { 1598, 0xf }, { 1599, 0x1 }, { 1600, 0x3 },
	{ 1601, 0x3 }, { 1602, 0x3 }, { 1606, 0x3 }, { 1608, 0x3f }, { 1609, 0x0 },
	{ 1610, 0x0 }, { 1611, 0x0 }, { 1612, 0x0 }, { 1613, 0x0 }, { 1614, 0x1 },
	{ 1615, 0x0 }, { 1619, 0x0 }, { 1620, 0x0 }, { 1621, 0x0 }, { 1622, 0x0 },
	{ 1647, 0x0 }, { 1648, 0x0 }, { 1649, 0x0 }, { 1650, 0x0 }, { 1651, 0x0 },
	{ 1652, 0x0 }, { 1653, 0x0 }, { 1654, 0x0 }, { 1656, 0x0 }, { 1657, 0x0 },
	{ 1659, 0x0 }, { 1665, 0x0 }, { 1666, 0x0 }, { 1667, 0x0 }, { 1668, 0x0 },
	{ 1669, 0x0 }, { 1671, 0x0 }, { 1672, 0x0 }, { 1673, 0x0 }, { 1674, 0x0 },
	{ 1675, 0x0 }, { 1677, 0x0 }, { 1678, 0x0 }, { 1679, 0x0 }, { 1680, 0x0 },
	{ 1681, 0x0 },
};
/* clang-format on */

static int
compare(const void *key, const void *row)
{
	return *(const int *)key - ((const struct technique *)row)->number;
}

/* The n digits at s as a number; -1 when they are not digits. */
static int
digits(const char *s, size_t n)
{
	int number = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return -1;
		number = number * 10 + (s[i] - '0');
	}
	return number;
}

enum attack_id
attack_id_check(const char *id, size_t len)
{
	if ((len != ID_LEN && len != ID_LEN + SUB_LEN) || id[0] != 'T')
		return ATTACK_ID_MALFORMED;
	int number = digits(id + 1, ID_LEN - 1);
	int sub = 0;

	if (len > ID_LEN)
		sub = id[ID_LEN] == '.' ? digits(id + ID_LEN + 1, SUB_LEN - 1) : -1;
	if (number < 0 || sub < 0)
		return ATTACK_ID_MALFORMED;
	const struct technique *t = bsearch(&number, techniques, MH_ARRAY_LEN(techniques),
	    sizeof(*techniques), compare);

	if (t == NULL)
		return ATTACK_ID_UNKNOWN;
	if (len == ID_LEN)
		return ATTACK_ID_GOOD;
	return sub > 0 && sub <= SUBS_MAX && (t->subs >> (sub - 1) & 1) != 0
		   ? ATTACK_ID_GOOD
		   : ATTACK_ID_UNKNOWN;
}
