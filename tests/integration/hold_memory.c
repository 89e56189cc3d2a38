/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold_memory MODE[=ARG[,ARG]...]...: a process to be scanned, for tests.
 *
 * Makes memory of the kinds that it is told, in that order, prints one line
 *
 *	ready PID MODE=0xADDRESS|unsupported ...
 *
 * with the address of each marker it planted (of the region where there is
 * none), and waits until its standard input ends.  A line on standard input is
 * answered with the latencies of `loop` since the one before.
 *
 * `mark=HEX,KEY` sets the marker: its bytes, each xored with KEY.  It is
 * assembled where it is planted and is nowhere else, not in the arguments.
 * Sizes take K, M, G, T.  Without libraries of the tree and without sanitizers:
 * their memory would be this process's.  `hold_memory help` lists the modes.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

enum {
	PAGE = 4096,                /* bytes */
	ARGS_MAX = 8,               /* of one mode */
	WISHES_MAX = 64,            /* modes of one process */
	ADVICE_GUARD_INSTALL = 102, /* MADV_GUARD_INSTALL, Linux 6.13 */
	SAMPLES = 1 << 17,          /* latencies kept: the last ones */
	LOOP_PAGES = 256,
	PROT_RW = PROT_READ | PROT_WRITE,
	ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS,
};

/* What the modes work on. */
struct holder {
	char **args;       /* copies of argv, NULL at the end */
	char *argv_memory; /* where the kernel shows the command line */
	size_t argv_bytes;
	uint8_t *stack;     /* a page of main()'s frame */
	const char *marker; /* hexadecimal, xored */
	uint8_t key;
	size_t marker_bytes;
	const char *mode;    /* the one that is being made */
	char *arg[ARGS_MAX]; /* its arguments */
	size_t n_args;
	int wait_ms;      /* -1: until standard input ends */
	uint64_t n_execs; /* when the wait is over */
	bool is_quiet;
};

static uint8_t data_room[2 * PAGE] = { 1 };
static uint32_t samples[SAMPLES]; /* ns */
static uint32_t sorted[SAMPLES];
static atomic_size_t n_samples;

static uint64_t
number(const char *s)
{
	static const char units[] = "KMGT";
	uint64_t value = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		value = value * 10 + (uint64_t)(*s - '0');
	const char *unit = *s != 0 ? strchr(units, *s) : NULL;

	return unit != NULL ? value << (10 * (unit - units + 1)) : value;
}

static uint64_t
arg_number(const struct holder *h, size_t i, uint64_t otherwise)
{
	return i < h->n_args ? number(h->arg[i]) : otherwise;
}

static bool
arg_is(const struct holder *h, size_t i, const char *word)
{
	return i < h->n_args && strcmp(h->arg[i], word) == 0;
}

static unsigned
nibble(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static size_t
unhex(const char *hex, uint8_t key, volatile uint8_t *to)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++)
		to[i] =
		    (uint8_t)((nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1])) ^ key);
	return n;
}

static void
report(const struct holder *h, const void *at)
{
	if (!h->is_quiet)
		(void)printf(" %s=%p", h->mode, at);
}

/* The marker at that address, told; without a marker one byte, to touch the page. */
static bool
plant(struct holder *h, void *at)
{
	if (h->marker != NULL)
		(void)unhex(h->marker, h->key, at);
	else
		*(volatile uint8_t *)at = 1;
	report(h, at);
	return true;
}

/* Like mmap(2), NULL on failure. */
static uint8_t *
map(uint64_t size, int prot, int flags, int fd)
{
	void *p = mmap(NULL, size, prot, flags, fd, 0);

	return p != MAP_FAILED ? p : NULL;
}

static uint64_t
pages(uint64_t bytes)
{
	return (bytes + PAGE - 1) / PAGE * PAGE;
}

static bool
make_mark(struct holder *h)
{
	h->marker = h->n_args > 0 ? h->arg[0] : NULL;
	h->key = (uint8_t)arg_number(h, 1, 0);
	h->marker_bytes = h->marker != NULL ? strlen(h->marker) / 2 : 0;
	return true;
}

static bool
make_heap(struct holder *h)
{
	uint64_t offset = arg_number(h, 0, 0);
	uint8_t *p = malloc(offset + h->marker_bytes + 1);

	return p != NULL && plant(h, p + offset);
}

static bool
make_stack(struct holder *h)
{
	return plant(h, h->stack);
}

static bool
make_data(struct holder *h)
{
	return plant(h, data_room + PAGE);
}

static bool
make_page_border(struct holder *h)
{
	uint8_t *p = map(2 * PAGE, PROT_RW, ANONYMOUS, -1);

	return p != NULL && plant(h, p + PAGE - h->marker_bytes / 2);
}

static void
fill(uint8_t *p, uint64_t size, bool is_random)
{
	uint64_t state = 88172645463325252ULL;

	for (uint64_t i = 0; i + 8 <= size; i += 8) {
		if (is_random || i % 256 == 0) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
		} else if (i % 256 == 8) {
			state = 0x6d616e79206c6f67ULL;
		}
		memcpy(p + i, &state, 8);
	}
}

static bool
make_fill(struct holder *h)
{
	uint64_t size = pages(arg_number(h, 1, PAGE));
	uint8_t *p = map(size, PROT_RW, ANONYMOUS, -1);

	if (p == NULL)
		return false;
	if (arg_is(h, 0, "zeros"))
		memset(p, 0, size);
	else if (!arg_is(h, 0, "none"))
		fill(p, size, arg_is(h, 0, "random"));
	if (h->n_args < 3)
		report(h, p);
	for (size_t i = 2; i < h->n_args; i++) {
		if (number(h->arg[i]) + h->marker_bytes <= size)
			(void)plant(h, p + number(h->arg[i]));
	}
	return true;
}

/* PAGES pages, spread over a region that has no others; the marker is in the last. */
static bool
make_sparse(struct holder *h)
{
	uint64_t size = pages(arg_number(h, 0, 10ULL << 30));
	uint64_t n = arg_number(h, 1, 4);
	uint8_t *p = map(size, PROT_RW, ANONYMOUS | MAP_NORESERVE, -1);

	if (p == NULL || n == 0 || n > size / PAGE)
		return false;
	(void)madvise(p, size, MADV_NOHUGEPAGE);
	for (uint64_t i = 0; i + 1 < n; i++)
		p[size / PAGE / n * i * PAGE] = 1;
	return plant(h, p + size / PAGE / n * (n - 1) * PAGE);
}

static bool
make_hole(struct holder *h)
{
	uint8_t *p = map(pages(arg_number(h, 0, 10ULL << 30)), PROT_NONE,
	    ANONYMOUS | MAP_NORESERVE, -1);

	if (p != NULL)
		report(h, p);
	return p != NULL;
}

static bool
make_prot_none(struct holder *h)
{
	uint8_t *p = map(PAGE, PROT_RW, ANONYMOUS, -1);

	return p != NULL && plant(h, p) && mprotect(p, PAGE, PROT_NONE) == 0;
}

static bool
make_executable(struct holder *h)
{
	int prot = arg_is(h, 0, "rwx") ? PROT_RW | PROT_EXEC : PROT_READ | PROT_EXEC;
	uint8_t *p = map(PAGE, PROT_RW, ANONYMOUS, -1);

	return p != NULL && plant(h, p) && mprotect(p, PAGE, prot) == 0;
}

/* The marker stands behind the guard page, in the same mapping. */
static bool
make_guard(struct holder *h)
{
	uint8_t *p = map(4 * PAGE, PROT_RW, ANONYMOUS, -1);

	if (p == NULL || madvise(p + PAGE, PAGE, ADVICE_GUARD_INSTALL) != 0)
		return false;
	return plant(h, p + 2 * PAGE);
}

static bool
make_shared(struct holder *h)
{
	uint64_t offset = arg_number(h, 0, 0);
	uint8_t *p = map(pages(offset + h->marker_bytes + PAGE), PROT_RW,
	    MAP_SHARED | MAP_ANONYMOUS, -1);

	return p != NULL && plant(h, p + offset);
}

static bool
make_sysv(struct holder *h)
{
	int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
	void *p = id >= 0 ? shmat(id, NULL, 0) : (void *)-1;

	if (id >= 0)
		(void)shmctl(id, IPC_RMID, NULL);
	return p != (void *)-1 && plant(h, (uint8_t *)p + PAGE);
}

/* The marker in the content of fd, which is mapped as told and closed. */
static bool
plant_in_file(struct holder *h, int fd, int flags, int prot)
{
	uint8_t *p = fd >= 0 && ftruncate(fd, 4 * PAGE) == 0
			 ? map(4 * PAGE, PROT_RW, MAP_SHARED, fd)
			 : NULL;
	bool is_planted = false;

	if (p != NULL && (flags & MAP_SHARED) != 0) {
		is_planted = plant(h, p + PAGE) && mprotect(p, 4 * PAGE, prot) == 0;
	} else if (p != NULL) {
		uint8_t *q = map(4 * PAGE, prot, flags, fd);
		bool was_quiet = h->is_quiet;

		h->is_quiet = true;
		is_planted = q != NULL && plant(h, p + PAGE) && munmap(p, 4 * PAGE) == 0;
		h->is_quiet = was_quiet;
		report(h, q != NULL ? q + PAGE : NULL);
	}
	if (fd >= 0)
		(void)close(fd);
	return is_planted;
}

static bool
make_memfd(struct holder *h)
{
	int prot = arg_is(h, 1, "rx") ? PROT_READ | PROT_EXEC : PROT_READ;

	return plant_in_file(h, memfd_create("held", MFD_CLOEXEC),
	    arg_is(h, 0, "private") ? MAP_PRIVATE : MAP_SHARED, prot);
}

static bool
make_secret(struct holder *h)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

	return plant_in_file(h, fd, MAP_SHARED, PROT_READ);
}

static bool
make_deleted(struct holder *h)
{
	if (h->n_args == 0)
		return false;
	int fd = open(h->arg[0], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return plant_in_file(h, fd, arg_is(h, 1, "private") ? MAP_PRIVATE : MAP_SHARED,
		   PROT_READ) &&
	       unlink(h->arg[0]) == 0;
}

/* The whole of a file, NULL when it cannot be mapped. */
static uint8_t *
map_file(const char *path, int prot, int flags, uint64_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { .st_size = 0 };
	uint8_t *p = fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0
			 ? map((uint64_t)st.st_size, prot, flags, fd)
			 : NULL;

	if (fd >= 0)
		(void)close(fd);
	*ret_size = (uint64_t)st.st_size;
	return p;
}

static bool
make_map(struct holder *h)
{
	uint64_t size = 0;
	uint8_t *p = h->n_args > 0
			 ? map_file(h->arg[0], PROT_READ,
			       arg_is(h, 1, "shared") ? MAP_SHARED : MAP_PRIVATE, &size)
			 : NULL;

	if (p != NULL)
		report(h, p);
	return p != NULL;
}

static bool
make_file_cow(struct holder *h)
{
	uint64_t size = 0;
	uint64_t offset = arg_number(h, 1, 0);
	uint8_t *p =
	    h->n_args > 0 ? map_file(h->arg[0], PROT_RW, MAP_PRIVATE, &size) : NULL;

	return p != NULL && offset + h->marker_bytes <= size && plant(h, p + offset);
}

/* Bytes that the PT_LOADs of an image span; to is NULL, or gets them. */
static uint64_t
place_segments(const uint8_t *file, uint64_t size, uint8_t *to)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)file;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)(file + eh->e_phoff);
	uint64_t low = UINT64_MAX;
	uint64_t high = 0;

	for (unsigned i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD || ph[i].p_offset + ph[i].p_filesz > size)
			continue;
		low = ph[i].p_vaddr < low ? ph[i].p_vaddr / PAGE * PAGE : low;
		high = ph[i].p_vaddr + ph[i].p_memsz > high
			   ? ph[i].p_vaddr + ph[i].p_memsz
			   : high;
		if (to != NULL)
			memcpy(to + (ph[i].p_vaddr - low), file + ph[i].p_offset,
			    ph[i].p_filesz);
	}
	return high > low ? pages(high - low) : 0;
}

static bool
is_elf(const uint8_t *file, uint64_t size)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)file;

	return size >= sizeof(*eh) && memcmp(file, ELFMAG, SELFMAG) == 0 &&
	       eh->e_ident[EI_CLASS] == ELFCLASS64 && eh->e_phoff <= size &&
	       (size - eh->e_phoff) / sizeof(Elf64_Phdr) >= eh->e_phnum;
}

/* A program that no file backs: as it lies on disk (raw), or as it is loaded. */
static bool
make_image(struct holder *h)
{
	uint64_t size = 0;
	uint8_t *file =
	    h->n_args > 0 ? map_file(h->arg[0], PROT_READ, MAP_PRIVATE, &size) : NULL;

	if (file == NULL || !is_elf(file, size))
		return false;
	bool is_raw = arg_is(h, 1, "raw");
	uint64_t span = is_raw ? pages(size) : place_segments(file, size, NULL);
	uint8_t *p = span > 0 ? map(span, PROT_RW, ANONYMOUS, -1) : NULL;

	if (p == NULL)
		return false;
	if (is_raw)
		memcpy(p, file, size);
	else
		(void)place_segments(file, size, p);
	report(h, p);
	return munmap(file, size) == 0 &&
	       (!arg_is(h, 2, "rx") || mprotect(p, span, PROT_READ | PROT_EXEC) == 0);
}

/* As many mappings of one page as are asked for, or as the kernel lets be. */
static bool
make_tiny(struct holder *h)
{
	uint64_t n = arg_number(h, 0, 65530);
	uint8_t *p = map(n * PAGE, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1);
	uint64_t i = 0;

	if (p == NULL)
		return false;
	for (i = 1; i < n; i += 2) {
		if (mprotect(p + i * PAGE, PAGE, PROT_RW) != 0)
			break;
		p[i * PAGE] = 1;
	}
	if (i > 2)
		(void)plant(h, p + (i - 2) * PAGE);
	if (!h->is_quiet)
		(void)printf(" tiny-count=%#llx", (unsigned long long)i);
	return true;
}

/* Every page but the first is missing, and nobody will ever answer for it. */
static bool
make_missing(struct holder *h)
{
	bool is_memfd = arg_is(h, 0, "memfd");
	int fd = is_memfd ? memfd_create("missing", MFD_CLOEXEC) : -1;
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0)
		uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (uffd < 0 || (is_memfd && ftruncate(fd, 4 * PAGE) != 0))
		return false;
	uint8_t *p = map(4 * PAGE, PROT_RW, is_memfd ? MAP_SHARED : ANONYMOUS, fd);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)p, .len = 4 * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return p != NULL && ioctl(uffd, UFFDIO_API, &api) == 0 && plant(h, p) &&
	       ioctl(uffd, UFFDIO_REGISTER, &range) == 0;
}

/* Children that share every page made so far; they end with their parent. */
static bool
make_fork(struct holder *h)
{
	pid_t parent = getpid();

	for (uint64_t n = arg_number(h, 0, 1); n > 0; n--) {
		pid_t pid = fork();

		if (pid < 0)
			return false;
		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (getppid() == parent)
				(void)pause();
			_exit(0);
		}
		if (!h->is_quiet)
			(void)printf(" child=%#x", (unsigned)pid);
	}
	return true;
}

static void *
sleep_for_good(void *ctx)
{
	for (;;)
		(void)pause();
	return ctx;
}

static bool
make_threads(struct holder *h)
{
	for (uint64_t n = arg_number(h, 0, 1); n > 0; n--) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, sleep_for_good, NULL) != 0)
			return false;
	}
	return true;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
sample(uint64_t begin)
{
	size_t n = atomic_fetch_add(&n_samples, 1);

	samples[n % SAMPLES] = (uint32_t)(now_ns() - begin);
}

static void *
loop_faulting(void *ctx)
{
	volatile uint8_t *p = ctx;

	for (size_t i = 0;; i = (i + 1) % LOOP_PAGES) {
		if (i == 0)
			(void)madvise(ctx, LOOP_PAGES * PAGE, MADV_DONTNEED);
		uint64_t begin = now_ns();

		p[i * PAGE] = 1;
		sample(begin);
	}
	return ctx;
}

static void *
loop_mapping(void *ctx)
{
	for (;;) {
		uint64_t begin = now_ns();
		uint8_t *p = map(PAGE, PROT_RW, ANONYMOUS, -1);

		if (p != NULL) {
			*(volatile uint8_t *)p = 1;
			(void)munmap(p, PAGE);
		}
		sample(begin);
	}
	return ctx;
}

static bool
make_loop(struct holder *h)
{
	uint8_t *p = map(LOOP_PAGES * PAGE, PROT_RW, ANONYMOUS, -1);
	pthread_t thread;

	/* Touched now, so that measuring does not grow what is measured. */
	memset(samples, 1, sizeof(samples));
	memset(sorted, 1, sizeof(sorted));
	if (p == NULL)
		return false;
	(void)madvise(p, LOOP_PAGES * PAGE, MADV_NOHUGEPAGE);
	report(h, p);
	return pthread_create(&thread, NULL,
		   arg_is(h, 0, "map") ? loop_mapping : loop_faulting, p) == 0;
}

static bool
make_exec(struct holder *h)
{
	h->n_execs = arg_number(h, 0, 1);
	h->wait_ms = (int)arg_number(h, 1, 1);
	return true;
}

static bool
make_exit(struct holder *h)
{
	h->wait_ms = (int)arg_number(h, 0, 100);
	return true;
}

static bool
make_comm(struct holder *h)
{
	uint8_t name[64] = { 0 };

	if (h->n_args == 0 || strlen(h->arg[0]) / 2 >= sizeof(name))
		return false;
	(void)unhex(h->arg[0], 0, name);
	return prctl(PR_SET_NAME, name) == 0;
}

static bool
make_command_line(struct holder *h)
{
	if (h->n_args == 0 || strlen(h->arg[0]) / 2 > h->argv_bytes)
		return false;
	memset(h->argv_memory, 0, h->argv_bytes);
	(void)unhex(h->arg[0], 0, (uint8_t *)h->argv_memory);
	return true;
}

static bool
make_quiet(struct holder *h)
{
	h->is_quiet = true;
	return true;
}

static const struct mode {
	const char *name;
	bool (*make)(struct holder *h); /* false: unsupported here */
	const char *help;
} modes[] = {
	{ "mark", make_mark, "HEX,KEY: what the modes behind it plant" },
	{ "heap", make_heap, "[OFFSET]: malloc(3)" },
	{ "stack", make_stack, "of the main thread" },
	{ "data", make_data, "a page of .data, copied on write" },
	{ "page-border", make_page_border,
	    "half in one anonymous page, half in the next" },
	{ "fill", make_fill,
	    "none|zeros|random|repeat,SIZE[,OFFSET...]: one anonymous region" },
	{ "sparse", make_sparse,
	    "[SIZE[,PAGES]]: a huge anonymous region, marker in its last page" },
	{ "hole", make_hole, "[SIZE]: PROT_NONE, never touched" },
	{ "prot-none", make_prot_none, "written, then PROT_NONE" },
	{ "executable", make_executable, "[rx|rwx]: anonymous; it is not run" },
	{ "guard", make_guard, "behind a MADV_GUARD_INSTALL page of the same mapping" },
	{ "shared", make_shared, "[OFFSET]: shared anonymous memory" },
	{ "sysv", make_sysv, "System V shared memory" },
	{ "memfd", make_memfd, "shared|private[,rx]" },
	{ "secret", make_secret, "memfd_secret(2)" },
	{ "deleted", make_deleted,
	    "PATH[,shared|private]: a mapped file without a name" },
	{ "map", make_map, "FILE[,shared]: mapped, read-only, not touched" },
	{ "file-cow", make_file_cow, "FILE[,OFFSET]: one page of a private mapping" },
	{ "image", make_image, "FILE,memory|raw[,rx]: an ELF file in anonymous memory" },
	{ "tiny", make_tiny, "[N]: mappings of one page" },
	{ "missing", make_missing,
	    "anon|memfd: userfaultfd(2) that never answers, behind page one" },
	{ "fork", make_fork, "[N]: children that share all pages made before" },
	{ "threads", make_threads, "[N]: that sleep" },
	{ "loop", make_loop, "fault|map: for ever, with its latencies" },
	{ "exec", make_exec, "[N[,MS]]: execs itself N times, once in MS" },
	{ "exit", make_exit, "[MS]: ends by itself" },
	{ "comm", make_comm, "HEX: the name of the thread" },
	{ "cmdline", make_command_line, "HEX: in the place of the arguments" },
	{ "quiet", make_quiet, "prints nothing; must be the first" },
};
enum { N_MODES = sizeof(modes) / sizeof(modes[0]) };

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
print_latencies(void)
{
	size_t total = atomic_exchange(&n_samples, 0);
	size_t n = total < SAMPLES ? total : SAMPLES;

	memcpy(sorted, samples, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), compare);
	(void)printf("latencies n=%zu p50_ns=%u p99_ns=%u p999_ns=%u\n", total,
	    n > 0 ? sorted[n / 2] : 0, n > 0 ? sorted[n * 99 / 100] : 0,
	    n > 0 ? sorted[n * 999 / 1000] : 0);
	(void)fflush(stdout);
}

/* Make what one argument asks for; false when there is no such mode. */
static bool
make(struct holder *h, const char *wish)
{
	char *copy = strdup(wish);
	char *rest = strchr(copy, '=');

	h->n_args = 0;
	if (rest != NULL)
		*rest++ = 0;
	while (rest != NULL && h->n_args < ARGS_MAX)
		h->arg[h->n_args++] = strsep(&rest, ",");
	for (size_t i = 0; i < N_MODES; i++) {
		if (strcmp(modes[i].name, copy) != 0)
			continue;
		h->mode = modes[i].name;
		if (!modes[i].make(h) && !h->is_quiet)
			(void)printf(" %s=unsupported", h->mode);
		return true;
	}
	return false;
}

static int
print_help(void)
{
	for (size_t i = 0; i < N_MODES; i++)
		(void)printf("%-12s %s\n", modes[i].name, modes[i].help);
	return 0;
}

/* Again as a new program, quiet and with one fewer to go; returns only on failure. */
static void
exec_again(struct holder *h)
{
	static char quiet[] = "quiet";
	char path[PATH_MAX] = { 0 };
	char *args[WISHES_MAX + 2] = { h->args[0], quiet };
	char wish[64];
	size_t n = 2;

	(void)snprintf(wish, sizeof(wish), "exec=%llu,%d",
	    (unsigned long long)(h->n_execs - 1), h->wait_ms);
	for (char **arg = h->args + 1; *arg != NULL; arg++) {
		if (strncmp(*arg, "exec", 4) == 0)
			args[n++] = wish;
		else if (strcmp(*arg, quiet) != 0)
			args[n++] = *arg;
	}
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) > 0)
		(void)execv(path, args);
}

static void
wait_for_end(const struct holder *h)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[64];

	while (poll(&in, 1, h->wait_ms) > 0) {
		if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
			_exit(0);
		print_latencies();
	}
}

static char **
copy_of(char **argv, int argc)
{
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));

	for (int i = 0; copy != NULL && i < argc; i++)
		copy[i] = strdup(argv[i]);
	return copy;
}

int
main(int argc, char **argv)
{
	uint8_t room[2 * PAGE];
	struct holder h = { .args = copy_of(argv, argc),
		.argv_memory = argv[0],
		.stack = room + PAGE / 2,
		.wait_ms = -1 };

	h.argv_bytes = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
	if (h.args == NULL || argc < 2 || argc > WISHES_MAX ||
	    strcmp(argv[1], "help") == 0)
		return print_help();
	if (strcmp(argv[1], "quiet") != 0)
		(void)printf("ready %d", getpid());
	for (int i = 1; i < argc; i++) {
		if (!make(&h, h.args[i])) {
			(void)fprintf(stderr, "hold_memory: no mode '%s'\n", h.args[i]);
			return 2;
		}
	}
	if (!h.is_quiet)
		(void)printf("\n");
	(void)fflush(stdout);
	wait_for_end(&h);
	if (h.n_execs > 0)
		exec_again(&h);
	return 0;
}
