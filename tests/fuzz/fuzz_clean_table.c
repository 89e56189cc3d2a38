/* SPDX-License-Identifier: BSD-2-Clause */
/* The opener has more rights than the agent, whose table it reads. */
#include <unistd.h>

#include "agent/clean_table.h"
#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MH_CLEANUP(clean_table_freep) struct clean_table *t = NULL;
	struct clean_key key = { .ino = size };
	int fd = -1;

	if (fd_from_bytes("clean", data, size, &fd) != MH_OK)
		return 0;
	mh_err err = clean_table_open_reader(fd, &t);
	(void)close(fd);
	if (err == MH_OK) {
		(void)clean_table_has(t, &key, 20000);
		(void)clean_table_has_hash(t, UINT64_MAX);
	}
	return 0;
}
