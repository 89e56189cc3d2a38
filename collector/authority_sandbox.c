/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/authority_sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MH_SANITIZE
static const int allowed_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(close),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getpid),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static int
allow_all(scmp_filter_ctx ctx)
{
	/* Memory may be mapped and protected, but never made executable. */
	struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_exec);

	if (rc == 0)
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		    &no_exec);
	for (size_t i = 0; rc == 0 && i < MH_ARRAY_LEN(allowed_calls); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed_calls[i], 0);
	return rc;
}

static mh_err
filter_calls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = ctx != NULL ? allow_all(ctx) : -ENOMEM;

	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc == 0)
		return MH_OK;
	errno = -rc;
	return rc == -EINVAL || rc == -ENOSYS ? MH_ERR_UNSUPPORTED : MH_ERR_SYSTEM;
}

static mh_err
limit_memory(void)
{
	struct rlimit limit = { AUTHORITY_MEMORY_MAX, AUTHORITY_MEMORY_MAX };

	return setrlimit(RLIMIT_AS, &limit) == 0 ? MH_OK : MH_ERR_SYSTEM;
}
#else
static mh_err
filter_calls(void)
{
	return MH_OK;
}

static mh_err
limit_memory(void)
{
	return MH_OK;
}
#endif

mh_err
authority_sandbox(void)
{
	struct rlimit none = { 0, 0 };
	/* Not 0: poll(2) refuses more entries than this limit; 0 to 3 are open. */
	struct rlimit one = { 1, 1 };
	mh_err err = MH_OK;

	if (setrlimit(RLIMIT_NPROC, &none) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    setrlimit(RLIMIT_NOFILE, &one) < 0)
		return MH_ERR_SYSTEM;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return MH_ERR_SYSTEM;
	err = limit_memory();
	return err == MH_OK ? filter_calls() : err;
}
