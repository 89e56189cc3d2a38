/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: opener.
 * Input: dpkg's databases, which root writes; read as if they were hostile.
 */
#include "agent/package_dpkg.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/siphash.h"
#include "base/text.h"

struct path_entry {
	uint64_t hash;
	uint32_t list;
};

/* What the status tells of a package; owned. */
struct package {
	char *name, *version, *architecture;
	char *config; /* the lines of its configuration files: " PATH MD5 [FLAG]" */
};

struct dpkg_database {
	char *info, *admin;                            /* folders; owned */
	struct stat status_st, info_st, diversions_st; /* of when it was read */
	struct package *packages;                      /* by name; owned */
	size_t n_packages, cap_packages;
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
hash_path(const struct dpkg_database *db, const char *p, size_t len)
{
	uint64_t sum = len;

	for (size_t at = 0; at < len; at += 8) {
		uint64_t words[2] = { sum, 0 };

		memcpy(&words[1], p + at, len - at < 8 ? len - at : 8);
		sum = siphash_words(db->key, words, 2);
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
add_path(struct dpkg_database *db, const struct line *l)
{
	if (db->n_paths == PACKAGE_PATHS_MAX)
		return MH_ERR_TOOBIG;
	if (db->n_paths == db->cap_paths) {
		db->cap_paths = db->cap_paths > 0 ? db->cap_paths * 2 : 4096;
		db->paths = xreallocarray(db->paths, db->cap_paths, sizeof(*db->paths));
	}
	db->paths[db->n_paths++] = (struct path_entry){ hash_path(db, l->at, l->len),
		(uint32_t)(db->n_lists - 1) };
	return MH_OK;
}

static mh_err
add_list(struct dpkg_database *db, const char *file, size_t name_len)
{
	MH_CLEANUP(freep) char *text = NULL;
	mh_err err = read_text(db->info, file, "", PACKAGE_LIST_BYTES_MAX, &text);
	struct line l;

	if (err == MH_ERR_NOTFOUND) /* removed meanwhile */
		return MH_OK;
	if (err == MH_OK && db->n_lists == PACKAGE_LISTS_MAX)
		err = MH_ERR_TOOBIG;
	if (err != MH_OK)
		return err;
	if (db->n_lists == db->cap_lists) {
		db->cap_lists = db->cap_lists > 0 ? db->cap_lists * 2 : 64;
		db->lists = xreallocarray(db->lists, db->cap_lists, sizeof(*db->lists));
	}
	db->lists[db->n_lists++] = xstrndup(file, name_len);
	for (const char *at = text; err == MH_OK && next_line(&at, &l);)
		err = add_path(db, &l);
	return err;
}

static int
compare(const void *a, const void *b)
{
	const struct path_entry *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static mh_err
read_lists(struct dpkg_database *db)
{
	DIR *dir = opendir(db->info);
	mh_err err = MH_OK;

	if (dir == NULL)
		return errno == ENOENT ? MH_ERR_NOTFOUND : MH_ERR_SYSTEM;
	for (struct dirent *d = NULL; err == MH_OK && (d = readdir(dir)) != NULL;) {
		size_t len = strlen(d->d_name);

		if (len > 5 && strcmp(d->d_name + len - 5, ".list") == 0)
			err = add_list(db, d->d_name, len - 5);
	}
	(void)closedir(dir);
	if (db->n_paths > 0)
		qsort(db->paths, db->n_paths, sizeof(*db->paths), compare);
	return err;
}

/* A field of the package that is being read, in place of the one before. */
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

static void
clear_package(struct package *p)
{
	free(p->name);
	free(p->version);
	free(p->architecture);
	free(p->config);
	memset(p, 0, sizeof(*p));
}

static void
add_package(struct dpkg_database *db, struct package *p)
{
	if (p->name == NULL) {
		clear_package(p);
		return;
	}
	if (db->n_packages == db->cap_packages) {
		db->cap_packages = db->cap_packages > 0 ? db->cap_packages * 2 : 64;
		db->packages = xreallocarray(db->packages, db->cap_packages, sizeof(*p));
	}
	db->packages[db->n_packages++] = *p;
	memset(p, 0, sizeof(*p));
}

static int
compare_packages(const void *a, const void *b)
{
	const struct package *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The lines that go on with a field begin with a space. */
static char *
take_lines(const char **at)
{
	const char *start = *at;
	struct line l;

	while (**at == ' ' && next_line(at, &l))
		;
	return xstrndup(start, (size_t)(*at - start));
}

static void
parse_status(struct dpkg_database *db, const char *text)
{
	struct package p = { .name = NULL };
	struct line l;

	for (const char *at = text; next_line(&at, &l);) {
		if (l.len == 0) {
			add_package(db, &p);
		} else if (is_text(&l, "Conffiles:")) {
			free(p.config);
			p.config = take_lines(&at);
		} else if (!take_field(&l, "Package: ", &p.name) &&
			   !take_field(&l, "Version: ", &p.version)) {
			(void)take_field(&l, "Architecture: ", &p.architecture);
		}
	}
	add_package(db, &p);
	if (db->n_packages > 0)
		qsort(db->packages, db->n_packages, sizeof(p), compare_packages);
}

static mh_err
read_status(struct dpkg_database *db)
{
	MH_CLEANUP(freep) char *text = NULL;
	mh_err err = read_text(db->admin, "status", "", PACKAGE_STATUS_BYTES_MAX, &text);

	if (err == MH_OK)
		parse_status(db, text);
	return err == MH_ERR_NOTFOUND ? MH_OK : err;
}

/* What changes when dpkg does; zeros where nothing is. */
static void
look(const char *folder, const char *name, struct stat *ret)
{
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);

	if (stat(path, ret) < 0)
		memset(ret, 0, sizeof(*ret));
}

static bool
is_same(const struct stat *a, const char *folder, const char *name)
{
	struct stat b;

	look(folder, name, &b);
	return a->st_dev == b.st_dev && a->st_ino == b.st_ino &&
	       a->st_size == b.st_size && a->st_mtim.tv_sec == b.st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

bool
dpkg_database_has_changed(const struct dpkg_database *db)
{
	return !is_same(&db->status_st, db->admin, "status") ||
	       !is_same(&db->info_st, db->admin, "info") ||
	       !is_same(&db->diversions_st, db->admin, "diversions");
}

static mh_err
read_all(struct dpkg_database *db)
{
	mh_err err = read_text(db->admin, "diversions", "", PACKAGE_LIST_BYTES_MAX,
	    &db->diversions);

	if (err == MH_ERR_NOTFOUND)
		db->diversions = xstrdup("");
	else if (err != MH_OK)
		return err;
	err = read_status(db);
	return err == MH_OK ? read_lists(db) : err;
}

mh_err
dpkg_database_open(const char *root, struct dpkg_database **ret)
{
	MH_CLEANUP(dpkg_database_closep)
	struct dpkg_database *db = xcalloc(1, sizeof(*db));

	db->admin = xasprintf("%s/var/lib/dpkg", root);
	db->info = xasprintf("%s/info", db->admin);
	if (getrandom(db->key, sizeof(db->key), 0) != sizeof(db->key))
		return MH_ERR_SYSTEM;
	/* First: what changes meanwhile is seen as a change at the next question. */
	look(db->admin, "status", &db->status_st);
	look(db->admin, "info", &db->info_st);
	look(db->admin, "diversions", &db->diversions_st);
	mh_err err = read_all(db);

	if (err == MH_OK)
		*ret = MH_TAKE(db);
	return err;
}

void
dpkg_database_close(struct dpkg_database *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < db->n_lists; i++)
		free(db->lists[i]);
	for (size_t i = 0; i < db->n_packages; i++)
		clear_package(&db->packages[i]);
	free(db->packages);
	free(db->lists);
	free(db->paths);
	free(db->diversions);
	free(db->info);
	free(db->admin);
	free(db);
}

/* A diversion of a path: the name in lists, and who has it or has it not. */
struct question {
	char *path;           /* owned */
	struct line diverter; /* len 0: nobody diverted it */
	bool is_diverters;    /* the file belongs to the diverter, else to another */
};

static void
follow_diversion(const struct dpkg_database *db, struct question *q)
{
	const char *at = db->diversions;
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
list_has(const struct dpkg_database *db, const char *list, const char *path)
{
	MH_CLEANUP(freep) char *text = NULL;
	struct line l;

	if (read_text(db->info, list, ".list", PACKAGE_LIST_BYTES_MAX, &text) != MH_OK)
		return false;
	for (const char *at = text; next_line(&at, &l);) {
		if (is_text(&l, path))
			return true;
	}
	return false;
}

static const char *
find_list(const struct dpkg_database *db, const struct question *q)
{
	uint64_t hash = hash_path(db, q->path, strlen(q->path));
	size_t low = 0, high = db->n_paths;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (db->paths[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < db->n_paths && db->paths[low].hash == hash; low++) {
		const char *list = db->lists[db->paths[low].list];

		if (may_own(q, list) && list_has(db, list, q->path))
			return list;
	}
	return NULL;
}

enum { MD5_DIGITS = 32 };

static bool
take_md5(const char *text, size_t len, struct package_facts *f)
{
	MH_CLEANUP(freep)
	char *hex = len >= MD5_DIGITS ? xstrndup(text, MD5_DIGITS) : xstrdup("");

	if (text_unhex(hex, f->digest, MD5_DIGITS / 2) != MH_OK)
		return false;
	f->algorithm = PACKAGE_DIGEST_MD5;
	return true;
}

/* The digest that the package brought for the path: lines "MD5  PATH". */
static void
read_md5(const struct dpkg_database *db, const char *list, const char *path,
    struct package_facts *f)
{
	MH_CLEANUP(freep) char *text = NULL;
	struct line l;

	if (read_text(db->info, list, ".md5sums", PACKAGE_LIST_BYTES_MAX, &text) != MH_OK)
		return;
	for (const char *at = text; next_line(&at, &l);) {
		if (l.len <= MD5_DIGITS + 2)
			continue;
		struct line name = { l.at + MD5_DIGITS + 2, l.len - MD5_DIGITS - 2 };

		if (is_text(&name, path + 1)) {
			(void)take_md5(l.at, l.len, f);
			return;
		}
	}
}

/* A configuration file's: " PATH MD5 [FLAG]", or "newconffile" for the digest. */
static void
read_config(const struct package *p, const char *path, struct package_facts *f)
{
	size_t len = strlen(path);
	struct line l;

	for (const char *at = p->config != NULL ? p->config : ""; next_line(&at, &l);) {
		if (l.len <= len + 2 || memcmp(l.at + 1, path, len) != 0 ||
		    l.at[len + 1] != ' ')
			continue;
		f->is_config = true;
		(void)take_md5(l.at + len + 2, l.len - len - 2, f);
		return;
	}
}

/* The package of that list, "NAME" or "NAME:ARCHITECTURE", by the status. */
static const struct package *
find_package(const struct dpkg_database *db, const char *list)
{
	size_t len = strcspn(list, ":");
	MH_CLEANUP(freep) char *name = xstrndup(list, len);
	size_t low = 0, high = db->n_packages;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(db->packages[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < db->n_packages && strcmp(db->packages[low].name, name) == 0; low++) {
		const char *architecture = db->packages[low].architecture;

		if (list[len] == 0 ||
		    (architecture != NULL && strcmp(architecture, list + len + 1) == 0))
			return &db->packages[low];
	}
	return NULL;
}

static char *
copy_or_empty(const char *text)
{
	return xstrdup(text != NULL ? text : "");
}

mh_err
dpkg_database_find(struct dpkg_database *db, const char *path, struct package_facts *ret)
{
	struct question q = { .path = xstrdup(path) };

	follow_diversion(db, &q);
	const char *list = find_list(db, &q);

	if (list != NULL) {
		const struct package *p = find_package(db, list);
		struct package_facts f = { .database = PACKAGE_DB_DPKG,
			.name = xstrndup(list, strcspn(list, ":")),
			.version = copy_or_empty(p != NULL ? p->version : NULL),
			.architecture =
			    copy_or_empty(p != NULL ? p->architecture : NULL) };

		read_md5(db, list, q.path, &f);
		if (p != NULL)
			read_config(p, q.path, &f);
		*ret = f;
	}
	free(q.path);
	return list != NULL ? MH_OK : MH_ERR_NOTFOUND;
}
