/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a harness over every file of a folder, where there is no libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/memory.h"

enum { INPUT_MAX = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
main(int argc, char *argv[])
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	unsigned n = 0;

	if (dir == NULL) {
		(void)fprintf(stderr, "usage: %s FOLDER-OF-INPUTS\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(dir)) != NULL) {
		MH_CLEANUP(freep) char *path = xasprintf("%s/%s", argv[1], entry->d_name);
		MH_CLEANUP(buf_freep) struct buf *b = buf_new(INPUT_MAX);

		if (entry->d_name[0] == '.' || file_read(path, b) != MH_OK)
			continue;
		/* Not from b: a copy of the exact size shows a read past its end. */
		MH_CLEANUP(freep) uint8_t *exact = xmemdup(buf_data(b), buf_len(b));

		(void)LLVMFuzzerTestOneInput(exact, buf_len(b));
		n++;
	}
	(void)closedir(dir);
	(void)printf("%u inputs\n", n);
	return n > 0 ? 0 : 1;
}
