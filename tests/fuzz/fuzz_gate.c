/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory is anything: windows have what the whole has. */
#include <stdlib.h>

#include "tests/unit/mh_gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] =
    "rule r { strings:"
    "$_a = \"needle\" fullword ascii wide nocase $_b = \"ab\" $_c = { 7F 45 4? ?? 02 }"
    "$_d = { 61 62 [2-9] 63 } $_e = /\\bab[a-c]{2,9}\\b/ $_f = /foo.{0,20}?bar/s"
    "$_g = \"secret\" xor $_h = \"secrets\" base64 $_i = \"x\\x00y\" wide fullword "
    "condition: any of them }";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gate_check check;

	if (check.rules == NULL &&
	    (yr_initialize() != ERROR_SUCCESS || !gate_check_init(&check, rules)))
		abort();
	if (check.gate == NULL ||
	    (size <= GATE_DATA_MAX && !gate_check_data(&check, data, size)))
		abort();
	return 0;
}
