/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a lookup among N hashes costs, beside bsearch(3) over the same in an array; and
 * what patterns of names cost a path.
 *
 *	indicator_lookup hashes N FOLDER	the table is a file in FOLDER
 *	indicator_lookup names LIST PATHS	PATHS: a file with a path in each line
 *
 * Prints one object of JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "signatures/indicator_load.h"
#include "signatures/indicator_table.h"

enum {
	DIGEST_BYTES = 32,
	LOOKUPS = 2 * 1000 * 1000, /* timed; at other places each time */
	COUNT_MAX = 100 * 1000 * 1000,
	LINE_BYTES = 65, /* of a list: what the table has room for */
	STATUS_BYTES = 64 * 1024,
};

/* Processor time: others use this machine, too. */
static double
now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The i-th digest: splitmix64 (Steele, Lea, Flood, 2014), four words. */
static void
digest_of(uint64_t i, uint8_t ret[DIGEST_BYTES])
{
	uint64_t state = i * 4;

	for (unsigned k = 0; k < 4; k++) {
		uint64_t z = (++state) * 0x9e3779b97f4a7c15ull;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
		z ^= z >> 31;
		memcpy(ret + k * sizeof(z), &z, sizeof(z));
	}
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_BYTES);
}

static void
die(const char *what)
{
	(void)fprintf(stderr, "indicator_lookup: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Nanoseconds for a lookup; found counts. first: of those that are there, or beyond. */
static double
time_table(const struct indicator_table *t, uint64_t n, uint64_t first, uint64_t *found)
{
	uint8_t(*keys)[DIGEST_BYTES] = xcalloc(LOOKUPS, DIGEST_BYTES);
	struct indicator_hash h;

	for (uint64_t i = 0; i < LOOKUPS; i++)
		digest_of(first + i * 2654435761u % n, keys[i]);
	double began = now_s();

	for (uint64_t i = 0; i < LOOKUPS; i++)
		*found += indicator_table_find(t, INDICATOR_SHA256, keys[i], &h);
	double spent = now_s() - began;

	free(keys);
	return spent * 1e9 / LOOKUPS;
}

static double
time_bsearch(const uint8_t *array, uint64_t n, uint64_t first, uint64_t *found)
{
	uint8_t(*keys)[DIGEST_BYTES] = xcalloc(LOOKUPS, DIGEST_BYTES);

	for (uint64_t i = 0; i < LOOKUPS; i++)
		digest_of(first + i * 2654435761u % n, keys[i]);
	double began = now_s();

	for (uint64_t i = 0; i < LOOKUPS; i++)
		*found += bsearch(keys[i], array, n, DIGEST_BYTES, compare) != NULL;
	double spent = now_s() - began;

	free(keys);
	return spent * 1e9 / LOOKUPS;
}

/* A line of /proc/self/status, in KiB. */
static long
status_kib(const char *name)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(STATUS_BYTES);
	const char *at = NULL;

	mh_ignore(file_read("/proc/self/status", b));
	at = strstr(buf_string(b), name);
	if (at == NULL)
		return 0;
	at += strlen(name);
	at += strspn(at, " \t");
	MH_CLEANUP(freep) char *digits = xstrndup(at, strspn(at, "0123456789"));
	uint64_t kib = 0;

	mh_ignore(parse_u64(digits, 0, UINT64_MAX, &kib));
	return (long)kib;
}

static struct indicator_table *
make_table(uint64_t n, const char *folder, double *ret_seconds)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	MH_CLEANUP(freep) char *again = xasprintf("/proc/self/fd/%d", fd);
	int reader = fd >= 0 ? open(again, O_RDONLY | O_CLOEXEC) : -1;
	struct indicator_table *t = NULL;
	struct indicator_hash h = { .score = 100 };
	uint8_t digest[DIGEST_BYTES];

	if (reader < 0 ||
	    ftruncate(fd, (off_t)indicator_table_bytes(n * LINE_BYTES)) < 0 ||
	    indicator_table_new(fd, reader, &t) != MH_OK)
		die(folder);
	double began = now_s();

	for (uint64_t i = 0; i < n; i++) {
		digest_of(i, digest);
		h.line = (uint32_t)i + 1;
		if (indicator_table_add(t, INDICATOR_SHA256, digest, &h) != MH_OK)
			die("the table is full");
	}
	if (indicator_table_seal(t) != MH_OK)
		die("the table cannot be sealed");
	*ret_seconds = now_s() - began;
	(void)close(fd);
	(void)close(reader);
	return t;
}

static int
bench_hashes(uint64_t n, const char *folder)
{
	double seconds = 0;
	uint64_t found = 0;
	uint64_t peer_found = 0;
	struct indicator_table *t = make_table(n, folder, &seconds);
	double hit = time_table(t, n, 0, &found);
	double miss = time_table(t, n, 1ull << 40, &found);
	long anon = status_kib("RssAnon:");
	long file = status_kib("RssFile:");
	uint8_t *array = xcalloc(n, DIGEST_BYTES);

	for (uint64_t i = 0; i < n; i++)
		digest_of(i, array + i * DIGEST_BYTES);
	qsort(array, n, DIGEST_BYTES, compare);
	double peer_hit = time_bsearch(array, n, 0, &peer_found);
	double peer_miss = time_bsearch(array, n, 1ull << 40, &peer_found);

	(void)printf(
	    "{\"n\": %llu, \"build_s\": %.3f, \"hit_ns\": %.1f, \"miss_ns\": %.1f, "
	    "\"bsearch_hit_ns\": %.1f, \"bsearch_miss_ns\": %.1f, \"table_bytes\": %llu, "
	    "\"anon_kib\": %ld, \"file_kib\": %ld, \"agree\": %s}\n",
	    (unsigned long long)n, seconds, hit, miss, peer_hit, peer_miss,
	    (unsigned long long)indicator_table_used(t), anon, file,
	    found == peer_found && found == LOOKUPS ? "true" : "false");
	free(array);
	indicator_table_free(t);
	return found == peer_found ? 0 : 1;
}

static void
count_hit(void *ctx, const struct indicator_hit *hit)
{
	uint64_t *n = ctx;

	(void)hit;
	++*n;
}

static void
on_problem(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	(void)fprintf(stderr, "line %u: %s\n", line, why);
}

static int
bench_names(const char *list, const char *paths)
{
	MH_CLEANUP(buf_freep) struct buf *text = buf_new(1 << 30);
	struct load_request request = { "a/b", "filename.txt", FORMAT_LOKI_NAME, 0 };
	struct indicator_file_result result;
	struct indicator_set *s = NULL;
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int list_fd = open(list, O_RDONLY | O_CLOEXEC);
	MH_CLEANUP(freep) char *again = xasprintf("/proc/self/fd/%d", fd);
	int reader = open(again, O_RDONLY | O_CLOEXEC);
	uint64_t n_paths = 0;
	uint64_t n_hits = 0;
	size_t len = 0;

	if (list_fd < 0 || reader < 0 || ftruncate(fd, 1 << 26) < 0 ||
	    indicator_set_new(fd, reader, &s) != MH_OK || file_read(paths, text) != MH_OK)
		die(paths);
	double began = now_s();

	if (indicator_load(s, &request, list_fd, on_problem, NULL, &result) != MH_OK ||
	    indicator_set_seal(s) != MH_OK)
		die(list);
	double load_s = now_s() - began;
	char *at = (char *)buf_take(text, &len);
	char *all = at;

	began = now_s();
	while (*at != 0) {
		char *end = strchrnul(at, '\n');
		char *next = *end != 0 ? end + 1 : end;
		struct indicator_subject subject = { .path = at };

		*end = 0;
		if (!indicator_set_match(s, &subject, count_hit, &n_hits))
			(void)fprintf(stderr, "too many steps: %s\n", at);
		n_paths++;
		at = next;
	}
	double spent = now_s() - began;

	(void)printf("{\"patterns\": %u, \"paths\": %llu, \"load_s\": %.3f, "
		     "\"seconds\": %.3f, \"path_ns\": %.1f, \"hits\": %llu}\n",
	    result.n[INDICATOR_FILE_NAME], (unsigned long long)n_paths, load_s, spent,
	    spent * 1e9 / (double)(n_paths > 0 ? n_paths : 1),
	    (unsigned long long)n_hits);
	indicator_file_result_clear(&result);
	indicator_set_free(s);
	free(all);
	return 0;
}

int
main(int argc, char **argv)
{
	uint64_t n = 0;

	if (argc == 4 && strcmp(argv[1], "hashes") == 0 &&
	    parse_u64(argv[2], 1, COUNT_MAX, &n) == MH_OK)
		return bench_hashes(n, argv[3]);
	if (argc == 4 && strcmp(argv[1], "names") == 0)
		return bench_names(argv[2], argv[3]);
	(void)fputs("usage: indicator_lookup hashes N FOLDER | names LIST PATHS\n",
	    stderr);
	return 2;
}
