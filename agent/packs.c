/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: agent, command line.
 * Input: folders of an administrator or a rule author.
 */
#include "agent/packs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/indicator_files.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/memory.h"
#include "build_info.h"
#include "records/pack_names.h"

/* Keep the first n files. */
static void
drop_files(struct pack_list *list, size_t n)
{
	for (; list->n > n; list->n--) {
		free(list->files[list->n - 1].name_space);
		free(list->files[list->n - 1].path);
	}
}

void
pack_list_clear(struct pack_list *list)
{
	drop_files(list, 0);
	free(list->files);
	for (size_t i = 0; i < list->n_licenses; i++) {
		free(list->licenses[i].pack);
		free(list->licenses[i].text);
	}
	free(list->licenses);
	indicator_files_clear(list);
	*list = (struct pack_list){ .files = NULL };
}

struct pack_file *
pack_list_add_file(struct pack_list *list, const char *name_space, const char *path)
{
	struct pack_file *file = NULL;

	list->files = xreallocarray(list->files, list->n + 1, sizeof(*list->files));
	file = &list->files[list->n++];
	*file = (struct pack_file){ .name_space = xstrdup(name_space),
		.path = xstrdup(path),
		.fd = -1 };
	return file;
}

static bool
is_zip(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcasecmp(path + len - 4, ".zip") == 0;
}

/* A ZIP is a pack of its own, called as its file is. */
static void
add_zip(struct pack_list *list, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	MH_CLEANUP(freep) char *pack = xstrndup(name, strlen(name) - 4);

	pack_list_add_file(list, pack, path)->is_zip = true;
}

static int
is_shown(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static mh_err
add_folder(struct pack_list *list, const char *name_space, const char *path, int depth)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, is_shown, alphasort);
	mh_err err = n < 0 ? MH_ERR_SYSTEM : MH_OK;

	for (int i = 0; i < n; i++) {
		MH_CLEANUP(freep)
		char *below = xasprintf("%s/%s", path, names[i]->d_name);
		MH_CLEANUP(freep)
		char *inner = xasprintf("%s/%s", name_space, names[i]->d_name);
		struct stat st;

		free(names[i]);
		if (err != MH_OK || lstat(below, &st) < 0)
			continue;
		/* What cannot be opened is told when it is: it has its place here. */
		if (S_ISDIR(st.st_mode) && depth < PACK_DEPTH_MAX)
			err = add_folder(list, inner, below, depth + 1);
		else if (!S_ISDIR(st.st_mode) && pack_is_rule_file(below))
			(void)pack_list_add_file(list, inner, below);
	}
	free(names);
	return err;
}

void
pack_list_add_license(struct pack_list *list, const char *pack, const char *text,
    size_t len)
{
	const char *end = text + len;
	size_t n = 0;

	/* The first line that is one, without the marks of a headline. */
	while (text < end && strchr("# \t\r\n=*", *text) != NULL)
		text++;
	while (text + n < end && n < PACK_LICENSE_MAX && text[n] != '\n' &&
	       text[n] != '\r' && text[n] != 0)
		n++;
	if (n == 0 || pack_list_license(list, pack) != NULL)
		return;
	list->licenses =
	    xreallocarray(list->licenses, list->n_licenses + 1, sizeof(*list->licenses));
	list->licenses[list->n_licenses++] =
	    (struct pack_license){ .pack = xstrdup(pack), .text = xstrndup(text, n) };
}

const char *
pack_list_license(const struct pack_list *list, const char *name_space)
{
	size_t len = strcspn(name_space, "/");

	for (size_t i = 0; i < list->n_licenses; i++) {
		const struct pack_license *l = &list->licenses[i];

		if (strlen(l->pack) == len && strncmp(l->pack, name_space, len) == 0)
			return l->text;
	}
	return NULL;
}

/* The licence in a pack's folder, if it is a file there. */
static void
read_license(struct pack_list *list, const char *pack, const char *folder)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, is_shown, alphasort);

	for (int i = 0; i < n; i++) {
		char head[PACK_LICENSE_MAX * 2];
		MH_CLEANUP(freep)
		char *path = xasprintf("%s/%s", folder, names[i]->d_name);
		MH_CLEANUP(fd_closep) int fd = -1;
		struct stat st;

		if (pack_is_license(names[i]->d_name))
			fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		free(names[i]);
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			continue;

		ssize_t len = read(fd, head, sizeof(head));

		if (len > 0)
			pack_list_add_license(list, pack, head, (size_t)len);
	}
	free(names);
}

/* The last name of a path, and of the folder that holds it; new. */
static char *
pack_name(const char *path, bool of_folder)
{
	MH_CLEANUP(freep) char *whole = realpath(path, NULL);
	char *slash = NULL;

	if (whole == NULL)
		return xstrdup("rules");
	if (of_folder) {
		slash = strrchr(whole, '/');
		if (slash != NULL)
			*slash = 0;
	}
	slash = strrchr(whole, '/');
	return xstrdup(slash != NULL && slash[1] != 0 ? slash + 1 : "rules");
}

mh_err
pack_list_add(struct pack_list *list, const char *path, char **ret_why)
{
	size_t before = list->n;
	struct stat st;

	if (stat(path, &st) < 0) {
		*ret_why = xasprintf("%s: %s", path, strerror(errno));
		return MH_ERR_SYSTEM;
	}
	MH_CLEANUP(freep) char *pack = pack_name(path, !S_ISDIR(st.st_mode));
	if (!S_ISDIR(st.st_mode)) {
		const char *slash = strrchr(path, '/');
		MH_CLEANUP(freep)
		char *name = xasprintf("%s/%s", pack, slash != NULL ? slash + 1 : path);

		if (is_zip(path))
			add_zip(list, path);
		else
			(void)pack_list_add_file(list, name, path);
		return MH_OK;
	}
	mh_err err = add_folder(list, pack, path, 0);
	if (err != MH_OK) {
		*ret_why = xasprintf("%s: %s", path, strerror(errno));
		drop_files(list, before);
		return err;
	}
	read_license(list, pack, path);
	if (list->n == before) {
		*ret_why = xasprintf("%s: no .yar or .yara file in it", path);
		return MH_ERR_NOTFOUND;
	}
	indicator_files_add_pack(list, pack, path);
	return MH_OK;
}

char *
packs_default(void)
{
	MH_CLEANUP(freep) char *folder = child_program_folder();
	static const char *const places[] = { MH_PACKS_FROM_LIBEXEC "/molehunt",
		"../../../signatures/packs/molehunt" };

	for (size_t i = 0; i < MH_ARRAY_LEN(places); i++) {
		MH_CLEANUP(freep) char *path = xasprintf("%s/%s", folder, places[i]);
		char *whole = realpath(path, NULL);

		if (whole != NULL)
			return whole;
	}
	return xstrdup(MH_PACKDIR "/molehunt");
}
