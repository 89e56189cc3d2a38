/* SPDX-License-Identifier: BSD-2-Clause */
/* A process chooses the paths in its maps. */
#include <unistd.h>

#include "base/fd.h"
#include "base/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = -1;
	struct map m;

	if (fd_from_bytes("maps", data, size, &fd) != MH_OK)
		return 0;
	MH_CLEANUP(maps_freep) struct maps *maps = maps_new(fd);
	while (maps_next(maps, &m) == MH_OK) {
		if (m.start >= m.end)
			__builtin_trap();
		(void)map_is_memfd(&m);
		(void)map_dev(&m);
	}
	(void)close(fd);
	return 0;
}
