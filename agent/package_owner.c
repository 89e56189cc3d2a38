/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: dpkg's databases, which root writes; read as if they were hostile.
 */
#include "agent/package_owner.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/siphash.h"
#include "base/text.h"

struct path_entry {
	uint64_t hash;
	uint32_t list;
};

struct package_owner {
	char *info, *admin; /* folders; owned */
	uint8_t key[SIPHASH_KEY_BYTES];
	char **lists; /* names of packages, perhaps with ":arch"; owned */
	size_t n_lists, cap_lists;
	struct path_entry *paths; /* by hash; owned */
	size_t n_paths, cap_paths;
	char *diversions; /* three lines each: from, to, package (":" for local); owned */
};

/* A line of text; the end is not part of it. */
struct line {
	const char *at;
	size_t len;
};

static bool
next_line(const char **at, struct line *ret)
{
	if (**at == 0)
		return false;
	*ret = (struct line){ *at, strcspn(*at, "\n") };
	*at += ret->len + ((*at)[ret->len] == '\n');
	return true;
}

static bool
is_text(const struct line *l, const char *text)
{
	return l->len == strlen(text) && memcmp(l->at, text, l->len) == 0;
}

static uint64_t
hash_path(const struct package_owner *po, const char *p, size_t len)
{
	uint64_t sum = len;

	for (size_t at = 0; at < len; at += 8) {
		uint64_t words[2] = { sum, 0 };

		memcpy(&words[1], p + at, len - at < 8 ? len - at : 8);
		sum = siphash_words(po->key, words, 2);
	}
	return sum;
}

static mh_err
read_text(const char *folder, const char *name, const char *suffix, size_t max,
    char **ret)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s%s", folder, name, suffix);
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(max);
	size_t len = 0;
	mh_err err = file_read(path, b);

	if (err == MH_OK)
		*ret = (char *)buf_take(b, &len);
	return err;
}

static mh_err
add_path(struct package_owner *po, const struct line *l)
{
	if (po->n_paths == PACKAGE_PATHS_MAX)
		return MH_ERR_TOOBIG;
	if (po->n_paths == po->cap_paths) {
		po->cap_paths = po->cap_paths > 0 ? po->cap_paths * 2 : 4096;
		po->paths = xreallocarray(po->paths, po->cap_paths, sizeof(*po->paths));
	}
	po->paths[po->n_paths++] = (struct path_entry){ hash_path(po, l->at, l->len),
		(uint32_t)(po->n_lists - 1) };
	return MH_OK;
}

static mh_err
add_list(struct package_owner *po, const char *file, size_t name_len)
{
	MH_CLEANUP(freep) char *text = NULL;
	mh_err err = read_text(po->info, file, "", PACKAGE_LIST_BYTES_MAX, &text);
	struct line l;

	if (err == MH_ERR_NOTFOUND) /* removed meanwhile */
		return MH_OK;
	if (err == MH_OK && po->n_lists == PACKAGE_LISTS_MAX)
		err = MH_ERR_TOOBIG;
	if (err != MH_OK)
		return err;
	if (po->n_lists == po->cap_lists) {
		po->cap_lists = po->cap_lists > 0 ? po->cap_lists * 2 : 64;
		po->lists = xreallocarray(po->lists, po->cap_lists, sizeof(*po->lists));
	}
	po->lists[po->n_lists++] = xstrndup(file, name_len);
	for (const char *at = text; err == MH_OK && next_line(&at, &l);)
		err = add_path(po, &l);
	return err;
}

static int
compare(const void *a, const void *b)
{
	const struct path_entry *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static mh_err
read_lists(struct package_owner *po)
{
	DIR *dir = opendir(po->info);
	mh_err err = MH_OK;

	if (dir == NULL)
		return errno == ENOENT ? MH_ERR_UNSUPPORTED : MH_ERR_SYSTEM;
	for (struct dirent *d = NULL; err == MH_OK && (d = readdir(dir)) != NULL;) {
		size_t len = strlen(d->d_name);

		if (len > 5 && strcmp(d->d_name + len - 5, ".list") == 0)
			err = add_list(po, d->d_name, len - 5);
	}
	(void)closedir(dir);
	if (po->n_paths > 0)
		qsort(po->paths, po->n_paths, sizeof(*po->paths), compare);
	return err;
}

mh_err
package_owner_new(const char *root, struct package_owner **ret)
{
	MH_CLEANUP(package_owner_freep)
	struct package_owner *po = xcalloc(1, sizeof(*po));

	po->admin = xasprintf("%s/var/lib/dpkg", root);
	po->info = xasprintf("%s/info", po->admin);
	if (getrandom(po->key, sizeof(po->key), 0) != sizeof(po->key))
		return MH_ERR_SYSTEM;
	mh_err err = read_text(po->admin, "diversions", "", PACKAGE_LIST_BYTES_MAX,
	    &po->diversions);
	if (err == MH_ERR_NOTFOUND)
		po->diversions = xstrdup("");
	else if (err != MH_OK)
		return err;
	err = read_lists(po);
	if (err != MH_OK)
		return err;
	*ret = MH_TAKE(po);
	return MH_OK;
}

void
package_owner_free(struct package_owner *po)
{
	if (po == NULL)
		return;
	for (size_t i = 0; i < po->n_lists; i++)
		free(po->lists[i]);
	free(po->lists);
	free(po->paths);
	free(po->diversions);
	free(po->info);
	free(po->admin);
	free(po);
}

void
package_facts_clear(struct package_facts *f)
{
	free(f->name);
	free(f->version);
	free(f->architecture);
	memset(f, 0, sizeof(*f));
}

/* A diversion of a path: the name in lists, and who has it or has it not. */
struct question {
	char *path;           /* owned */
	struct line diverter; /* len 0: nobody diverted it */
	bool is_diverters;    /* the file belongs to the diverter, else to another */
};

static void
follow_diversion(const struct package_owner *po, struct question *q)
{
	const char *at = po->diversions;
	struct line from, to, who;

	while (next_line(&at, &from) && next_line(&at, &to) && next_line(&at, &who)) {
		bool is_moved = is_text(&to, q->path);

		if (!is_moved && !is_text(&from, q->path))
			continue;
		q->diverter = who;
		q->is_diverters = !is_moved;
		if (is_moved) {
			free(q->path);
			q->path = xstrndup(from.at, from.len);
		}
		return;
	}
}

/* Whether that package may have the file, by the diversion. */
static bool
may_own(const struct question *q, const char *list)
{
	size_t len = strcspn(list, ":");
	bool is_diverter =
	    q->diverter.len == len && memcmp(q->diverter.at, list, len) == 0;

	return q->diverter.len == 0 || is_diverter == q->is_diverters;
}

static bool
list_has(const struct package_owner *po, const char *list, const char *path)
{
	MH_CLEANUP(freep) char *text = NULL;
	struct line l;

	if (read_text(po->info, list, ".list", PACKAGE_LIST_BYTES_MAX, &text) != MH_OK)
		return false;
	for (const char *at = text; next_line(&at, &l);) {
		if (is_text(&l, path))
			return true;
	}
	return false;
}

static const char *
find_list(const struct package_owner *po, const struct question *q)
{
	uint64_t hash = hash_path(po, q->path, strlen(q->path));
	size_t low = 0, high = po->n_paths;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (po->paths[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < po->n_paths && po->paths[low].hash == hash; low++) {
		const char *list = po->lists[po->paths[low].list];

		if (may_own(q, list) && list_has(po, list, q->path))
			return list;
	}
	return NULL;
}

/* The digest that the package brought for the path. */
static void
read_md5(const struct package_owner *po, const char *list, const char *path,
    struct package_facts *f)
{
	enum { DIGITS = 32 };
	MH_CLEANUP(freep) char *text = NULL;
	struct line l;

	if (read_text(po->info, list, ".md5sums", PACKAGE_LIST_BYTES_MAX, &text) != MH_OK)
		return;
	for (const char *at = text; next_line(&at, &l);) {
		if (l.len <= DIGITS + 2)
			continue;
		struct line name = { l.at + DIGITS + 2, l.len - DIGITS - 2 };

		if (!is_text(&name, path + 1))
			continue;
		MH_CLEANUP(freep) char *hex = xstrndup(l.at, DIGITS);

		f->has_md5 = text_unhex(hex, f->md5, sizeof(f->md5)) == MH_OK;
		return;
	}
}

static bool
take_field(const struct line *l, const char *field, char **ret)
{
	size_t len = strlen(field);

	if (l->len < len || memcmp(l->at, field, len) != 0)
		return false;
	free(*ret);
	*ret = xstrndup(l->at + len, l->len - len);
	return true;
}

/* Version and architecture of the package of that list, from the status. */
static mh_err
read_status(const struct package_owner *po, const char *list, struct package_facts *f)
{
	MH_CLEANUP(freep) char *text = NULL, *name = NULL;
	const char *colon = strchr(list, ':');
	mh_err err = read_text(po->admin, "status", "", PACKAGE_STATUS_BYTES_MAX, &text);
	struct line l;

	if (err != MH_OK)
		return err == MH_ERR_NOTFOUND ? MH_OK : err;
	for (const char *at = text; next_line(&at, &l);) {
		if (l.len > 0) {
			if (!take_field(&l, "Package: ", &name) &&
			    !take_field(&l, "Version: ", &f->version))
				(void)take_field(&l, "Architecture: ", &f->architecture);
			if (*at != 0)
				continue;
		}
		if (name != NULL && strcmp(name, f->name) == 0 &&
		    (colon == NULL || strcmp(f->architecture, colon + 1) == 0))
			return MH_OK;
		free(name);
		name = NULL;
		f->version[0] = f->architecture[0] = 0;
	}
	return MH_OK;
}

static mh_err
find_as(struct package_owner *po, const char *path, struct package_facts *ret)
{
	struct question q = { .path = xstrdup(path) };
	mh_err err = MH_ERR_NOTFOUND;

	follow_diversion(po, &q);
	const char *list = find_list(po, &q);
	if (list != NULL) {
		struct package_facts f = { .name = xstrndup(list, strcspn(list, ":")),
			.version = xstrdup(""),
			.architecture = xstrdup("") };

		read_md5(po, list, q.path, &f);
		err = read_status(po, list, &f);
		if (err == MH_OK)
			*ret = f;
		else
			package_facts_clear(&f);
	}
	free(q.path);
	return err;
}

mh_err
package_owner_find(struct package_owner *po, const char *path, struct package_facts *ret)
{
	static const char *const merged[] = { "/bin/", "/sbin/", "/lib/", "/lib32/",
		"/lib64/", "/libx32/", "/libo32/" };
	const char *bare = strncmp(path, "/usr/", 5) == 0 ? path + 4 : path;
	mh_err err = find_as(po, path, ret);

	for (size_t i = 0; i < MH_ARRAY_LEN(merged) && err == MH_ERR_NOTFOUND; i++) {
		if (strncmp(bare, merged[i], strlen(merged[i])) != 0)
			continue;
		MH_CLEANUP(freep)
		char *other = bare == path ? xasprintf("/usr%s", path) : xstrdup(bare);

		err = find_as(po, other, ret);
	}
	return err;
}
