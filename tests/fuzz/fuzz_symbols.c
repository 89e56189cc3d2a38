/* SPDX-License-Identifier: BSD-2-Clause */
/* A program file whose code differs in memory; the first bytes say where. */
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "scanners/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbol_query q[2] = { { .offset = 0x1000 } };
	struct image_facts facts;
	int fd = -1;

	if (size < sizeof(q[1].offset))
		return 0;
	memcpy(&q[1].offset, data, sizeof(q[1].offset));
	if (fd_from_bytes("elf", data + sizeof(q[1].offset), size - sizeof(q[1].offset),
		&fd) != MH_OK)
		return 0;
	symbols_find(fd, q, 2);
	image_read_facts(fd, &facts);
	if (memchr(q[1].name, 0, sizeof(q[1].name)) == NULL)
		__builtin_trap();
	(void)close(fd);
	return 0;
}
