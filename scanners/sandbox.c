/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: zygote, scan worker. */
#include "scanners/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/pagemap_scan.h"

enum {
	NOBODY_ID = 65534,             /* where the package's user does not exist */
	RIGHTS_ABI_1 = (1u << 13) - 1, /* every Landlock right of ABI 1 */
};

static mh_err
become_user(const char *name)
{
	const struct passwd *pw = getpwnam(name);
	uid_t uid = pw != NULL ? pw->pw_uid : NOBODY_ID;
	gid_t gid = pw != NULL ? pw->pw_gid : NOBODY_ID;

	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return MH_ERR_SYSTEM;
	/* Changing the user forgets it: prctl(2), PR_SET_PDEATHSIG. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return MH_OK;
}

static void
limit(__rlimit_resource_t what, rlim_t value)
{
	struct rlimit rl = { value, value };

	(void)setrlimit(what, &rl);
}

mh_err
sandbox_drop_privileges(const char *user)
{
	mh_err err = MH_OK;

	/* Of its own: network, System V IPC, host name.  Needs root; else the rest holds. */
	(void)unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
	if (geteuid() == 0) {
		capng_clear(CAPNG_SELECT_BOTH);
		(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		    CAP_SETUID);
		(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		    CAP_SETGID);
		if (capng_apply(CAPNG_SELECT_BOTH) < 0)
			return MH_ERR_SYSTEM;
		err = become_user(user);
		if (err != MH_OK)
			return err;
	}
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return MH_ERR_SYSTEM;
	/* With a log that is a file, RLIMIT_FSIZE makes a write fail, not a worker die. */
	(void)signal(SIGXFSZ, SIG_IGN);
	/* A core dump would put what was scanned on disk. */
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	return MH_OK;
}

/* landlock(7): handle every right of this kernel and allow none. */
static bool
close_file_systems(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = { .handled_access_fs = RIGHTS_ABI_1 };
	bool is_closed = false;

	if (abi < 1)
		return false;
	if (abi >= 2)
		attr.handled_access_fs |= 1u << 13; /* REFER */
	if (abi >= 3)
		attr.handled_access_fs |= 1u << 14; /* TRUNCATE */
	if (abi >= 5)
		attr.handled_access_fs |= 1u << 15; /* IOCTL_DEV */
	long fd = syscall(SYS_landlock_create_ruleset, &attr,
	    sizeof(attr.handled_access_fs), 0);

	if (fd < 0)
		return false;
	is_closed = syscall(SYS_landlock_restrict_self, (int)fd, 0) == 0;
	(void)close((int)fd);
	return is_closed;
}

/* What scanning needs once everything is loaded; found with strace(1) and kept short. */
static const int worker_calls[] = {
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv2),   /* whether a file is cached; see scanners/content.h */
	SCMP_SYS(fadvise64), /* the same */
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(fgetxattr), /* where a file came from */
	SCMP_SYS(close),
	SCMP_SYS(munmap),
	SCMP_SYS(brk),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(fstat),
};

/* What the zygote needs besides. */
static const int zygote_calls[] = {
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(wait4),
	SCMP_SYS(kill),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(prlimit64),
	SCMP_SYS(setrlimit),
	SCMP_SYS(getrlimit),
	SCMP_SYS(prctl),
	SCMP_SYS(seccomp),
	SCMP_SYS(getppid),
	SCMP_SYS(signalfd4),
	SCMP_SYS(uname),
	SCMP_SYS(setsockopt),
};

/* Answered with an error instead of death: a library's stray look must not kill a scan. */
static const int denied_calls[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(statx),
	SCMP_SYS(newfstatat),
	SCMP_SYS(sysinfo),
	SCMP_SYS(sched_getaffinity),
};

static int
allow(scmp_filter_ctx ctx, const int *calls, size_t n, uint32_t action)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < n; i++) {
		/* A call that this architecture does not have is negative: nothing to allow. */
		if (calls[i] >= 0)
			result = seccomp_rule_add(ctx, action, calls[i], 0);
	}
	return result;
}

/*
 * Calls that are allowed in one form only: no memory becomes executable that
 * was not when the process started, and none is shared, which RLIMIT_DATA does
 * not count; what is written goes to the log on standard
 * error; a signal (abort(3) of a failed assertion) goes to the process itself,
 * not to another worker of the same user.
 */
static int
allow_narrowly(scmp_filter_ctx ctx, bool is_zygote)
{
	const scmp_datum_t pages = PAGEMAP_SCAN_REQUEST;
	int result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
	    SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_SHARED, 0));

	if (result == 0)
		result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (result == 0)
		result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
		    SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO));
	/* Which pages a process has: asks and changes nothing (flags are the caller's). */
	if (result == 0)
		result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_EQ, pages));
	if (result == 0)
		result = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_NE, pages));
	/*
	 * The zygote makes its workers' channels non-blocking.  Other commands of
	 * fcntl(2) can have the kernel send signals (F_SETOWN, F_SETSIG) or lock
	 * the files of others: workers have none at all.
	 */
	if (result == 0 && is_zygote)
		result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
		    SCMP_A1(SCMP_CMP_EQ, F_GETFL));
	if (result == 0 && is_zygote)
		result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
		    SCMP_A1(SCMP_CMP_EQ, F_SETFL));
	/* The zygote's filter stands in its workers too, which have other numbers. */
	if (result == 0 && is_zygote)
		result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 0);
	else if (result == 0)
		result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return result;
}

static mh_err
load_filter(bool is_zygote)
{
#ifdef MH_SANITIZE
	/* A sanitizer's own calls at its report must get through to be read. */
	uint32_t otherwise = SCMP_ACT_ALLOW;
#else
	uint32_t otherwise = SCMP_ACT_KILL_PROCESS;
#endif
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	int result = ctx == NULL ? -ENOMEM : 0;

#ifdef MH_SANITIZE
	(void)allow_narrowly;
	(void)worker_calls;
	(void)zygote_calls;
	(void)is_zygote;
#else
	if (result == 0)
		result = allow_narrowly(ctx, is_zygote);
	if (result == 0)
		result = allow(ctx, worker_calls, sizeof(worker_calls) / sizeof(int),
		    SCMP_ACT_ALLOW);
	if (result == 0 && is_zygote)
		result = allow(ctx, zygote_calls, sizeof(zygote_calls) / sizeof(int),
		    SCMP_ACT_ALLOW);
#endif
	if (result == 0)
		result = allow(ctx, denied_calls, sizeof(denied_calls) / sizeof(int),
		    SCMP_ACT_ERRNO(EACCES));
	if (result == 0)
		result = seccomp_load(ctx);
	if (ctx != NULL)
		seccomp_release(ctx);
	if (result < 0) {
		errno = -result;
		return MH_ERR_SYSTEM;
	}
	return MH_OK;
}

/*
 * Anonymous writable memory of this process in bytes: the sixth field of
 * /proc/self/statm, which counts what RLIMIT_DATA counts, and the stack.
 */
static uint64_t
read_data_bytes(void)
{
	char text[256];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	unsigned field = 0;
	uint64_t pages = 0;

	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == ' ')
			field++;
		else if (field == 5 && text[i] >= '0' && text[i] <= '9')
			pages = pages * 10 + (uint64_t)(text[i] - '0');
	}
	if (fd >= 0)
		(void)close(fd);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The soft limit alone: the hard one would bind the workers for good. */
static void
limit_softly(__rlimit_resource_t what, bool is_on, rlim_t value)
{
	struct rlimit rl;

	if (getrlimit(what, &rl) < 0)
		return;
	rl.rlim_cur = is_on && value < rl.rlim_max ? value : rl.rlim_max;
	(void)setrlimit(what, &rl);
}

void
sandbox_limit_compiler(bool is_on)
{
	limit_softly(RLIMIT_CPU, is_on, COMPILE_CPU_SECONDS);
#ifndef MH_SANITIZE
	limit_softly(RLIMIT_DATA, is_on, COMPILE_DATA_BYTES);
#endif
}

void
sandbox_limit_reader(bool is_on)
{
	limit_softly(RLIMIT_CPU, is_on, COMPILE_CPU_SECONDS);
#ifndef MH_SANITIZE
	limit_softly(RLIMIT_DATA, is_on, READER_DATA_BYTES);
#endif
}

mh_err
sandbox_close_zygote(bool *ret_has_landlock, uint64_t *ret_data_bytes)
{
	*ret_data_bytes = read_data_bytes();
	*ret_has_landlock = close_file_systems();
	return load_filter(true);
}

mh_err
sandbox_close_worker(uint64_t max_data_bytes)
{
#ifdef MH_SANITIZE
	(void)max_data_bytes; /* shadow memory counts as data */
#else
	limit(RLIMIT_DATA, max_data_bytes);
#endif
	return load_filter(false);
}
