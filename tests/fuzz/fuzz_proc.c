/* SPDX-License-Identifier: BSD-2-Clause */
/* A process chooses its name and its control group; one in a container its /proc/net. */
#include <stdlib.h>
#include <string.h>

#include "agent/proc.h"
#include "agent/proc_sockets.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MH_CLEANUP(freep) char *text = xstrndup((const char *)data, size);
	MH_CLEANUP(freep) char *container = proc_container(text);
	struct process p = { .pid = 1 };
	struct proc_state state;
	struct process_socket socket;
	uint64_t inode = 0;

	if (proc_parse_stat(text, &p, &state) == MH_OK && strlen(p.comm) > COMM_BYTES_MAX)
		abort();
	free(p.comm);
	(void)proc_sockets_parse(text, false, &socket, &inode);
	(void)proc_sockets_parse(text, true, &socket, &inode);
	return strlen(container) > LIST_NAME_BYTES ? abort(), 1 : 0;
}
