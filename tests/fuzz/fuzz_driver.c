/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz harness over the files of a corpus where libFuzzer is not there:
 * each file as it is, each of its prefixes (up to PREFIXES_MAX), and with each
 * of its first bytes changed.  A crash or a sanitizer's word is the failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/memory.h"

enum {
	INPUT_MAX = 4 * 1024 * 1024, /* bytes of one corpus file */
	PREFIXES_MAX = 2048,         /* keeps a run within seconds */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly size bytes, so that a read past the end is seen. */
static void
run_one(const uint8_t *data, size_t size)
{
	MH_CLEANUP(freep) uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
}

static void
run_file(const char *path)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(INPUT_MAX);

	if (file_read(path, b) != MH_OK) {
		(void)fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	MH_CLEANUP(freep) uint8_t *data = xmemdup(buf_data(b), buf_len(b) + 1);
	size_t n = buf_len(b) < PREFIXES_MAX ? buf_len(b) : PREFIXES_MAX;

	run_one(data, buf_len(b));
	for (size_t i = 0; i < n; i++) {
		run_one(data, i);
		data[i] ^= 0x81;
		run_one(data, buf_len(b));
		data[i] ^= 0x81;
	}
}

int
main(int argc, char **argv)
{
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	unsigned n = 0;

	if (folder == NULL) {
		(void)fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 1;
	}
	for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
		MH_CLEANUP(freep) char *path = xasprintf("%s/%s", argv[1], e->d_name);

		if (e->d_name[0] == '.')
			continue;
		run_file(path);
		n++;
	}
	(void)closedir(folder);
	(void)printf("%u file(s)\n", n);
	return n > 0 ? 0 : 1;
}
