/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/file_systems.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/vfs.h>

#include "base/attributes.h"

/* statfs(2), and linux/magic.h of kernel 6.12 where the man page is behind. */
static const struct {
	uint32_t magic;
	enum file_system_kind kind;
} kinds[] = {
	{ 0x00009fa0, FILE_SYSTEM_PSEUDO },  /* proc */
	{ 0x62656572, FILE_SYSTEM_PSEUDO },  /* sysfs */
	{ 0x00001cd1, FILE_SYSTEM_PSEUDO },  /* devpts */
	{ 0x0027e0eb, FILE_SYSTEM_PSEUDO },  /* cgroup */
	{ 0x63677270, FILE_SYSTEM_PSEUDO },  /* cgroup2 */
	{ 0x64626720, FILE_SYSTEM_PSEUDO },  /* debugfs */
	{ 0x74726163, FILE_SYSTEM_PSEUDO },  /* tracefs */
	{ 0x73636673, FILE_SYSTEM_PSEUDO },  /* securityfs */
	{ 0xcafe4a11, FILE_SYSTEM_PSEUDO },  /* bpf */
	{ 0x6165676c, FILE_SYSTEM_PSEUDO },  /* pstore */
	{ 0x62656570, FILE_SYSTEM_PSEUDO },  /* configfs */
	{ 0xde5e81e4, FILE_SYSTEM_PSEUDO },  /* efivarfs */
	{ 0x19800202, FILE_SYSTEM_PSEUDO },  /* mqueue */
	{ 0x958458f6, FILE_SYSTEM_PSEUDO },  /* hugetlbfs */
	{ 0x65735543, FILE_SYSTEM_PSEUDO },  /* fusectl */
	{ 0x42494e4d, FILE_SYSTEM_PSEUDO },  /* binfmt_misc */
	{ 0xf97cff8c, FILE_SYSTEM_PSEUDO },  /* selinuxfs */
	{ 0x00000187, FILE_SYSTEM_PSEUDO },  /* autofs */
	{ 0x6e736673, FILE_SYSTEM_PSEUDO },  /* nsfs */
	{ 0x67596969, FILE_SYSTEM_PSEUDO },  /* rpc_pipefs */
	{ 0x50495045, FILE_SYSTEM_PSEUDO },  /* pipefs */
	{ 0x534f434b, FILE_SYSTEM_PSEUDO },  /* sockfs */
	{ 0x00006969, FILE_SYSTEM_NETWORK }, /* nfs */
	{ 0xff534d42, FILE_SYSTEM_NETWORK }, /* cifs */
	{ 0xfe534d42, FILE_SYSTEM_NETWORK }, /* smb2 */
	{ 0x0000517b, FILE_SYSTEM_NETWORK }, /* smb */
	{ 0x00c36400, FILE_SYSTEM_NETWORK }, /* ceph */
	{ 0x5346414f, FILE_SYSTEM_NETWORK }, /* afs (OpenAFS) */
	{ 0x6b414653, FILE_SYSTEM_NETWORK }, /* afs (kAFS) */
	{ 0x01021997, FILE_SYSTEM_NETWORK }, /* 9p */
	{ 0x73757245, FILE_SYSTEM_NETWORK }, /* coda */
	{ 0x65735546, FILE_SYSTEM_NETWORK }, /* fuse */
	{ 0x0bd00bd0, FILE_SYSTEM_NETWORK }, /* lustre */
	{ 0x47504653, FILE_SYSTEM_NETWORK }, /* gpfs */
	{ 0x20030528, FILE_SYSTEM_NETWORK }, /* orangefs */
};

static const uint32_t lasting[] = {
	0x0000ef53, /* ext2, ext3, ext4 */
	0x58465342, /* xfs */
	0x9123683e, /* btrfs */
	0xf2f52010, /* f2fs */
	0x2fc12fc1, /* zfs */
	0xca451a4e, /* bcachefs */
	0x3153464a, /* jfs */
};

bool
file_system_is_lasting(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < MH_ARRAY_LEN(lasting); i++) {
		if (lasting[i] == (uint32_t)fs.f_type)
			return true;
	}
	return false;
}

enum file_system_kind
file_system_kind(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return FILE_SYSTEM_LOCAL;
	for (size_t i = 0; i < MH_ARRAY_LEN(kinds); i++) {
		if (kinds[i].magic == (uint32_t)fs.f_type)
			return kinds[i].kind;
	}
	return FILE_SYSTEM_LOCAL;
}
