/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_AGENT_MOUNTS_H
#define MH_AGENT_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/file_systems.h"
#include "base/attributes.h"

/*
 * What is mounted where, as proc(5) tells in /proc/self/mountinfo.  A walk that
 * stays on its file system asks here what it passes over: looking at the mount
 * itself could hang.
 */
enum {
	MOUNTS_BYTES_MAX = 16 * 1024 * 1024
}; /* of mountinfo: 100,000 mounts of containers */

struct mounts;

/* Read the table of now.  Never NULL; empty when it cannot be read. */
struct mounts *mounts_read(void);
/* That of the mount namespace of a process, given its folder in /proc. */
struct mounts *mounts_read_at(int dir);
/* The same from len bytes of such a text. */
struct mounts *mounts_parse(const char *text, size_t len);
void mounts_free(struct mounts *m);
MH_DEFINE_CLEANUP(struct mounts, mounts_free);

/* All mount points, in the order of mounting; the path is borrowed. */
size_t mounts_count(const struct mounts *m);
const char *mounts_path(const struct mounts *m, size_t i);
/* Its device, its file system's kind, and its type's name, borrowed. */
uint64_t mounts_device(const struct mounts *m, size_t i);
/* Of a type as mount(8) calls it. */
enum file_system_kind mounts_kind_of_type(const char *type);
enum file_system_kind mounts_kind_of(const struct mounts *m, size_t i);
const char *mounts_type(const struct mounts *m, size_t i);

/*
 * The kind of the file system that is mounted at exactly this path (the topmost
 * one); local when there is no such mount.
 */
enum file_system_kind mounts_kind(const struct mounts *m, const char *path);

/*
 * The kind of the file system of that device (its number as maps has it), local
 * when it is not mounted here: so nobody has to ask the file system itself.
 */
enum file_system_kind mounts_device_kind(const struct mounts *m, uint64_t dev);

/* Whether inode numbers of that device may name several files: overlay, btrfs. */
bool mounts_device_is_stacked(const struct mounts *m, uint64_t dev);

#endif
