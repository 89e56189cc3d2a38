/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/rpm_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct package_facts f;

	if (rpm_header_find(data, size, "/usr/bin/tool", &f) != MH_OK)
		return 0;
	if (f.name == NULL || f.version == NULL || f.architecture == NULL ||
	    f.database != PACKAGE_DB_RPM)
		__builtin_trap();
	package_facts_clear(&f);
	return 0;
}
