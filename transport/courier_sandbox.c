/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/courier_sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "base/attributes.h"

static const int denied[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
#ifndef MH_SANITIZE /* LeakSanitizer stops the program's own threads */
	SCMP_SYS(ptrace),
	SCMP_SYS(kill),
	SCMP_SYS(tkill),
#endif
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setgroups),
	SCMP_SYS(capset),
};

mh_err
courier_sandbox(void)
{
	scmp_filter_ctx filter;
	int result = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return MH_ERR_SYSTEM;
#ifndef MH_SANITIZE
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return MH_ERR_SYSTEM;
#endif
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (filter == NULL) {
		errno = ENOMEM;
		return MH_ERR_SYSTEM;
	}
	for (size_t i = 0; result == 0 && i < MH_ARRAY_LEN(denied); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	errno = -result;
	return result == 0 ? MH_OK : MH_ERR_SYSTEM;
}
