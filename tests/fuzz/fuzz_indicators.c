/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every reader of indicators: the first byte says which format the rest is, 0 has it
 * recognised.  What was read is then compared with.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/memory.h"
#include "signatures/indicator_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_problem(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	(void)line;
	if (why[0] == 0 || strlen(why) > INDICATOR_WHY_MAX)
		abort();
}

static void
on_hit(void *ctx, const struct indicator_hit *hit)
{
	char *text = indicator_detail(hit, 'c');

	(void)ctx;
	if (hit->score > 100 || hit->value[0] == 0)
		abort();
	free(text);
}

static void
compare(struct indicator_set *s)
{
	static const uint8_t digest[32] = { 0x01, 0x23, 0x45 };
	static const uint8_t address[16] = { 192, 0, 2, 1 };
	static const struct indicator_subject subject = {
		.path = "/srv/C:\\Windows\\evil.exe",
		.has_size = true,
		.size = 100,
		.digests = { [INDICATOR_MD5] = digest, [INDICATOR_SHA256] = digest },
	};

	mh_ignore(indicator_set_seal(s));
	bool is_whole = indicator_set_match(s, &subject, on_hit, NULL);

	(void)is_whole;
	indicator_set_match_socket(s, AF_INET, address, 443, on_hit, NULL);
	indicator_set_match_socket(s, AF_INET6, address, 443, on_hit, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum indicator_format format =
	    size > 0 ? (enum indicator_format)(data[0] % FORMAT_MAX_) : FORMAT_UNKNOWN;
	const char *text = size > 0 ? (const char *)data + 1 : "";
	size_t len = size > 0 ? size - 1 : 0;
	struct load_request request = { "a/b", "list.txt", format, 1700000000 };
	struct indicator_file_result result;
	struct indicator_set *s = NULL;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int reader = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || reader < 0 ||
	    ftruncate(fd, (off_t)indicator_table_bytes(len)) < 0 ||
	    indicator_set_new(fd, reader, &s) != MH_OK)
		abort();
	if (indicator_load_text(s, &request, text, len, on_problem, NULL, &result) !=
	    MH_OK)
		abort();
	MH_CLEANUP(freep) char *rules = indicator_set_rules(s, 0);
	compare(s);
	indicator_file_result_clear(&result);
	indicator_set_free(s);
	(void)close(fd);
	(void)close(reader);
	return 0;
}
