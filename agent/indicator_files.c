/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: folders of an administrator.  Their files are only opened here.
 */
#include "agent/indicator_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

/* A table of so many bytes is in memory; most of it is a hole. */
#define TABLE_IN_MEMORY_MAX (64ull << 20)
/* What of a table is used is at most so much of its text, in halves. */
enum { USED_HALVES = 3 };

/* Keep the first n files. */
static void
drop_files(struct pack_list *list, size_t n)
{
	for (; list->n_indicators > n; list->n_indicators--) {
		free(list->indicators[list->n_indicators - 1].name_space);
		free(list->indicators[list->n_indicators - 1].path);
	}
}

void
indicator_files_clear(struct pack_list *list)
{
	drop_files(list, 0);
	free(list->indicators);
	list->indicators = NULL;
}

static mh_err
add_file(struct pack_list *list, const char *name_space, const char *path,
    enum indicator_format format)
{
	if (list->n_indicators == INDICATOR_FILES_MAX)
		return MH_ERR_FULL;
	list->indicators = xreallocarray(list->indicators, list->n_indicators + 1,
	    sizeof(*list->indicators));
	list->indicators[list->n_indicators++] = (struct indicator_file){
		xstrdup(name_space),
		xstrdup(path),
		format,
	};
	return MH_OK;
}

static int
is_indicator_file(const struct dirent *d)
{
	static const char *const extensions[] = { ".txt", ".csv", ".json", ".ioc", ".xml",
		".stix", ".stix2", ".list", ".cfg", ".iocs", ".md5", ".sha1", ".sha256" };
	const char *dot = strrchr(d->d_name, '.');

	if (d->d_name[0] == '.' || strncasecmp(d->d_name, "README", 6) == 0)
		return 0;
	for (size_t i = 0; dot != NULL && i < MH_ARRAY_LEN(extensions); i++) {
		if (strcasecmp(dot, extensions[i]) == 0)
			return 1;
	}
	return 0;
}

static mh_err
add_folder(struct pack_list *list, const char *name_space, const char *path,
    enum indicator_format format)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, is_indicator_file, alphasort);
	mh_err err = n < 0 ? MH_ERR_SYSTEM : MH_OK;

	for (int i = 0; i < n; i++) {
		MH_CLEANUP(freep) char *file = xasprintf("%s/%s", path, names[i]->d_name);
		MH_CLEANUP(freep)
		char *name = xasprintf("%s/%s", name_space, names[i]->d_name);

		free(names[i]);
		if (err == MH_OK)
			err = add_file(list, name, file, format);
	}
	free(names);
	return err == MH_OK && n == 0 ? MH_ERR_NOTFOUND : err;
}

void
indicator_files_add_pack(struct pack_list *list, const char *name_space, const char *path)
{
	MH_CLEANUP(freep) char *folder = xasprintf("%s/indicators", path);
	MH_CLEANUP(freep) char *name = xasprintf("%s/indicators", name_space);

	mh_ignore(add_folder(list, name, folder, FORMAT_UNKNOWN));
}

/* The format before a colon, as in "loki-hash:FILE"; *path is what stands behind it. */
static enum indicator_format
take_format(const char *what, const char **ret_path)
{
	const char *colon = strchr(what, ':');
	MH_CLEANUP(freep)
	char *name = xstrndup(what, colon != NULL ? (size_t)(colon - what) : 0);
	enum indicator_format format = indicator_format_find(name);

	if (colon == NULL)
		format = FORMAT_UNKNOWN;
	*ret_path = format != FORMAT_UNKNOWN ? colon + 1 : what;
	return format;
}

mh_err
indicator_files_add(struct pack_list *list, const char *what, char **ret_why)
{
	const char *path = NULL;
	enum indicator_format format = take_format(what, &path);
	size_t before = list->n_indicators;
	struct stat st;
	mh_err err = MH_OK;

	if (stat(path, &st) < 0) {
		*ret_why = xasprintf("%s: %s", path, strerror(errno));
		return MH_ERR_SYSTEM;
	}
	const char *slash = strrchr(path, '/');
	MH_CLEANUP(freep)
	char *name =
	    xasprintf("indicators/%s", slash != NULL && slash[1] != 0 ? slash + 1 : path);

	if (S_ISDIR(st.st_mode))
		err = add_folder(list, name, path, format);
	else
		err = add_file(list, name, path, format);
	if (err == MH_ERR_NOTFOUND)
		*ret_why = xasprintf("%s: no file of indicators in it", path);
	else if (err == MH_ERR_FULL)
		*ret_why = xasprintf("%s: more than %d files of indicators", path,
		    INDICATOR_FILES_MAX);
	else if (err != MH_OK)
		*ret_why = xasprintf("%s: %s", path, strerror(errno));
	if (err != MH_OK)
		drop_files(list, before);
	return err;
}

static uint64_t
bytes_of(const struct pack_list *list)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < list->n_indicators; i++) {
		struct stat st;

		if (stat(list->indicators[i].path, &st) == 0 && S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

/* A file in folder that has no name. */
static int
make_unnamed(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	MH_CLEANUP(freep) char *path = xasprintf("%s/.molehunt-XXXXXX", folder);

	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

static bool
has_room(int fd, uint64_t bytes)
{
	struct statvfs fs;

	return fstatvfs(fd, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= bytes;
}

mh_err
indicator_table_make(const struct pack_list *list, const char *folder, int *ret_fd,
    int *ret_reader, char **ret_why)
{
	uint64_t text_bytes = bytes_of(list);
	uint64_t bytes = indicator_table_bytes(text_bytes);
	bool is_in_memory = bytes <= TABLE_IN_MEMORY_MAX;
	MH_CLEANUP(fd_closep)
	int fd = is_in_memory ? memfd_create("molehunt-indicators", MFD_CLOEXEC)
			      : make_unnamed(folder);
	MH_CLEANUP(freep) char *again = xasprintf("/proc/self/fd/%d", fd);
	MH_CLEANUP(fd_closep)
	int reader = fd >= 0 ? open(again, O_RDONLY | O_CLOEXEC) : -1;

	if (reader < 0 || ftruncate(fd, (off_t)bytes) < 0) {
		*ret_why = xasprintf("the table of indicators cannot be made in %s: %s",
		    is_in_memory ? "memory" : folder, strerror(errno));
		return MH_ERR_SYSTEM;
	}
	/* Who writes into a hole that has no room is killed: ask before. */
	if (!is_in_memory && !has_room(fd, text_bytes * USED_HALVES / 2)) {
		*ret_why = xasprintf("no room in %s for the table of indicators", folder);
		return MH_ERR_FULL;
	}
	*ret_fd = fd;
	*ret_reader = reader;
	fd = reader = -1;
	return MH_OK;
}
