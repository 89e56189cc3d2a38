/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load MODE ARG...: work that somebody else does on a machine, for tests and bench.
 *
 *	wakeup SECONDS               wake up each ms; how late: "n=... p50_ns=... ..."
 *	burn JOBS ROUNDS             processes that compute, each so many rounds
 *	disk JOBS ROUNDS FOLDER      processes that write, sync, read and remove files
 *	storm SECONDS JOBS N FOLDER  threads that open N files each for writing and
 *	                             close them as fast as they can: "closes=... ..."
 *
 * What it did is one line on standard output; it ends with 1 when it could not.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	JOBS_MAX = 64,
	PATH_BYTES = 512,
	BURN_BYTES = 1 << 20, /* more than one cache */
	DISK_BYTES = 1 << 18, /* of one file */
	WAKE_NS = 1000 * 1000,
	SECOND_NS = 1000 * 1000 * 1000,
};

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void
fail(const char *what)
{
	perror(what);
	_exit(1);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int
wakeup(long seconds)
{
	size_t n = (size_t)seconds * 1000;
	int64_t *late = calloc(n + 1, sizeof(*late));
	int64_t at = now_ns();

	if (late == NULL)
		fail("calloc");
	for (size_t i = 0; i < n; i++) {
		at += WAKE_NS;
		const struct timespec until = { at / SECOND_NS, at % SECOND_NS };

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
			;
		late[i] = now_ns() - at;
		if (late[i] > WAKE_NS) /* what was slept through is one delay */
			at += late[i] / WAKE_NS * WAKE_NS;
	}
	qsort(late, n, sizeof(*late), compare);
	(void)printf("n=%zu p50_ns=%" PRId64 " p99_ns=%" PRId64 " max_ns=%" PRId64 "\n",
	    n, late[n / 2], late[n * 99 / 100], late[n - 1]);
	free(late);
	return 0;
}

/* So that the compiler does not see through it. */
static volatile uint32_t burnt;

static void
burn(long rounds)
{
	uint32_t *memory = calloc(BURN_BYTES, 1);
	uint32_t x = 1;

	if (memory == NULL)
		fail("calloc");
	for (long i = 0; i < rounds; i++) {
		for (size_t j = 0; j < BURN_BYTES / sizeof(*memory); j++) {
			x = x * 1664525 + 1013904223;
			memory[x % (BURN_BYTES / sizeof(*memory))] += x >> 7;
		}
	}
	burnt = memory[x % (BURN_BYTES / sizeof(*memory))];
	free(memory);
}

static void
disk(long job, long rounds, const char *folder)
{
	static char block[DISK_BYTES];
	char path[PATH_BYTES];

	for (long i = 0; i < rounds; i++) {
		(void)snprintf(path, sizeof(path), "%s/disk-%ld-%ld", folder, job, i % 8);
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		memset(block, (int)i, sizeof(block));
		if (fd < 0 || write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) ||
		    fsync(fd) < 0 ||
		    pread(fd, block, sizeof(block), 0) != (ssize_t)sizeof(block))
			fail(path);
		(void)close(fd);
	}
	for (long i = 0; i < 8; i++) {
		(void)snprintf(path, sizeof(path), "%s/disk-%ld-%ld", folder, job, i);
		(void)unlink(path);
	}
}

/* Each job in a process; folder NULL: computing. */
static int
jobs(long n, long rounds, const char *folder)
{
	int64_t began = now_ns();
	int status = 0;
	int worst = 0;

	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid > 0)
			continue;
		if (folder == NULL)
			burn(rounds);
		else
			disk(i, rounds, folder);
		_exit(0);
	}
	while (wait(&status) > 0)
		worst |= status;
	(void)printf("wall_ns=%" PRId64 "\n", now_ns() - began);
	return worst != 0;
}

struct storm {
	pthread_t thread;
	long job, n_files;
	const char *folder;
	int64_t until;
	int64_t closes;
};

static void *
storm_run(void *arg)
{
	struct storm *s = arg;
	char path[PATH_BYTES];

	while (now_ns() < s->until) {
		for (long i = 0; i < s->n_files; i++) {
			(void)snprintf(path, sizeof(path), "%s/%ld-%ld", s->folder,
			    s->job, i);
			int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

			if (fd < 0)
				fail(path);
			(void)close(fd);
			s->closes++;
			if (i % 64 == 0 && now_ns() >= s->until)
				break;
		}
	}
	return NULL;
}

static int
storm(long seconds, long n_jobs, long n_files, const char *folder)
{
	struct storm jobs_of[JOBS_MAX];
	int64_t began = now_ns();
	int64_t closes = 0;

	for (long i = 0; i < n_jobs; i++) {
		jobs_of[i] = (struct storm){ .job = i,
			.n_files = n_files,
			.folder = folder,
			.until = began + seconds * SECOND_NS };
		if (pthread_create(&jobs_of[i].thread, NULL, storm_run, &jobs_of[i]) != 0)
			fail("pthread_create");
	}
	for (long i = 0; i < n_jobs; i++) {
		(void)pthread_join(jobs_of[i].thread, NULL);
		closes += jobs_of[i].closes;
	}
	(void)printf("closes=%" PRId64 " wall_ns=%" PRId64 "\n", closes,
	    now_ns() - began);
	return 0;
}

/* A number of 1 to max of the command line; ends when it is none. */
static long
number(const char *text, long max)
{
	long n = 0;

	for (const char *c = text; *c >= '0' && *c <= '9' && n <= max; c++)
		n = n * 10 + (*c - '0');
	if (text[strspn(text, "0123456789")] != 0 || n < 1 || n > max) {
		(void)fprintf(stderr, "load: %s: not a number of 1 to %ld\n", text, max);
		_exit(1);
	}
	return n;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";

	if (argc == 3 && strcmp(mode, "wakeup") == 0)
		return wakeup(number(argv[2], 3600));
	if (argc == 4 && strcmp(mode, "burn") == 0)
		return jobs(number(argv[2], JOBS_MAX), number(argv[3], 1 << 30), NULL);
	if (argc == 5 && strcmp(mode, "disk") == 0)
		return jobs(number(argv[2], JOBS_MAX), number(argv[3], 1 << 30), argv[4]);
	if (argc == 6 && strcmp(mode, "storm") == 0)
		return storm(number(argv[2], 3600), number(argv[3], JOBS_MAX),
		    number(argv[4], 1 << 24), argv[5]);
	(void)fprintf(stderr, "usage: load wakeup|burn|disk|storm ARG...\n");
	return 1;
}
