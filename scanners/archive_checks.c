/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: scan worker.
 * Input: hostile: names.
 */
#include "scanners/archive_checks.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "records/check.h"

static const char *const design_extensions[] = {
	/* mechanical */
	".dwg", ".dxf", ".dgn", ".step", ".stp", ".iges", ".igs", ".sldprt", ".sldasm",
	".slddrw", ".catpart", ".catproduct", ".catdrawing", ".ipt", ".iam", ".psm",
	".jt", ".x_t", ".x_b", ".3dm", ".fcstd", ".stl",
	/* electronic */
	".gds", ".gdsii", ".oas", ".lef", ".sp", ".spice", ".cir", ".brd", ".kicad_pcb",
	".kicad_sch", ".pcbdoc", ".schdoc", ".opj", ".dsn", ".sv", ".vhd", ".vhdl",
	".edif", ".sdc", ".upf", ".spef",
	/* simulation */
	".inp", ".cas", ".odb", ".nas", ".mdl", ".slx"
};

/* Ordinary files have these, too: they count beside one of the others only. */
static const char *const ambiguous_extensions[] = { ".lib", ".def", ".asm", ".v", ".prt",
	".sch", ".par" };

/* Names under which nobody keeps an archive; of the first, programs look inside. */
static const char *const media_extensions[] = { ".jpg", ".jpeg", ".png", ".ttf" };
static const char *const odd_extensions[] = { ".dat", ".tmp", ".log", "" };

/* Folders of programs, whose files have names of their own making. */
static const char *const program_roots[] = { "/usr/", "/opt/", "/snap/", "/nix/", "/lib/",
	"/lib64/", "/var/lib/" };
static const char *const program_folders[] = { ".local", ".config", ".mozilla",
	".thunderbird", ".steam", ".wine", ".var", ".vscode", ".m2", ".gradle", ".cargo",
	".rustup", ".npm", ".git", ".snapshots", "steam", "steamapps", "games",
	"node_modules" };

/* Where data is put before it is carried off: everybody may write, or nobody looks. */
static const char *const staging_roots[] = { "/tmp/", "/var/tmp/", "/dev/shm/" };
static const char *const trash_folders[] = { "Trash", ".Trash", "$RECYCLE.BIN",
	"RECYCLER" };

static bool
is_one_of(const char *s, size_t len, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(list[i]) == len && strncasecmp(list[i], s, len) == 0)
			return true;
	}
	return false;
}
#define IS_ONE_OF(s, list) is_one_of((s), strlen(s), (list), MH_ARRAY_LEN(list))

static bool
begins_with_one_of(const char *path, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strncmp(path, list[i], strlen(list[i])) == 0)
			return true;
	}
	return false;
}

/* What the folders of a path are. */
struct place {
	bool is_staging;
	bool is_programs;
};

static void
look_at_folder(const char *name, size_t len, struct place *ret)
{
	bool is_programs =
	    is_one_of(name, len, program_folders, MH_ARRAY_LEN(program_folders));

	if (is_one_of(name, len, trash_folders, MH_ARRAY_LEN(trash_folders)) ||
	    (len > 7 && strncmp(name, ".Trash-", 7) == 0))
		ret->is_staging = true;
	else if (name[0] == '.' && len > 1 && !is_programs)
		ret->is_staging = true;
	if (is_programs)
		ret->is_programs = true;
	for (size_t i = 0; i + 5 <= len; i++) {
		if (strncasecmp(name + i, "cache", 5) == 0)
			ret->is_programs = true;
	}
}

static struct place
look_at_path(const char *path)
{
	struct place place = {
		.is_staging =
		    begins_with_one_of(path, staging_roots, MH_ARRAY_LEN(staging_roots)),
		.is_programs =
		    begins_with_one_of(path, program_roots, MH_ARRAY_LEN(program_roots)),
	};

	while (*path != 0) {
		size_t len = strcspn(path, "/");

		if (path[len] == '/' && len > 0)
			look_at_folder(path, len, &place);
		path += len;
		path += strspn(path, "/");
	}
	return place;
}

/* The names by which formats that are zips inside are told: first or at their root. */
static bool
is_package_name(const char *name)
{
	static const char *const whole[] = { "[Content_Types].xml", "mimetype",
		"META-INF/MANIFEST.MF", "META-INF/", "AndroidManifest.xml",
		"manifest.json", "install.rdf", "__main__.py" };
	const char *base = strrchr(name, '/');

	for (size_t i = 0; i < MH_ARRAY_LEN(whole); i++) {
		if (strcmp(name, whole[i]) == 0)
			return true;
	}
	return base != NULL && base - name > 10 &&
	       strncmp(base - 10, ".dist-info/RECORD", 17) == 0;
}

void
archive_listing_add(struct archive_listing *listing, const char *name)
{
	const char *extension = path_extension(name);

	if (IS_ONE_OF(extension, design_extensions)) {
		if (listing->n_design++ == 0)
			(void)snprintf(listing->example, sizeof(listing->example), "%s",
			    path_base(name));
	} else if (IS_ONE_OF(extension, ambiguous_extensions)) {
		listing->n_ambiguous++;
	}
	if (!listing->is_package)
		listing->is_package = is_package_name(name);
}

/* ".part1.rar", ".r00", ".7z.001", ".zip.001", ".z01": one file of a set. */
static bool
is_volume_name(const char *path)
{
	const char *base = path_base(path);
	const char *last = strrchr(base, '.');

	if (last == NULL || last == base)
		return false;
	size_t n_digits = strspn(last + 1, "0123456789");

	if (last[1 + n_digits] == 0 && n_digits == 3)
		return last - base > 3 && (strncasecmp(last - 3, ".7z", 3) == 0 ||
					      strncasecmp(last - 4, ".zip", 4) == 0 ||
					      strncasecmp(last - 4, ".rar", 4) == 0);
	if ((tolower((unsigned char)last[1]) == 'r' ||
		tolower((unsigned char)last[1]) == 'z') &&
	    strspn(last + 2, "0123456789") == 2 && last[4] == 0)
		return true;
	if (strcasecmp(last, ".rar") != 0)
		return false;
	const char *digits = last;

	while (digits > base && isdigit((unsigned char)digits[-1]))
		digits--;
	return digits < last && digits - base >= 5 &&
	       strncasecmp(digits - 5, ".part", 5) == 0;
}

/* Formats in which people pack what they send; the others are programs' own. */
static bool
is_parcel(const struct archive_facts *f)
{
	return f->offset == 0 && (f->kind == ARCHIVE_ZIP || f->kind == ARCHIVE_7Z ||
				     f->kind == ARCHIVE_RAR4 || f->kind == ARCHIVE_RAR5);
}

static void
add(struct match_outcome *o, struct match *m)
{
	o->matches = xreallocarray(o->matches, o->n_matches + 1, sizeof(struct match *));
	o->matches[o->n_matches++] = m;
}

static struct match *
new_match(enum check check, const struct archive_facts *facts)
{
	struct match *m = check_match_new(check);

	check_match_add_text(m, "format", archive_kind_name(facts->kind));
	return m;
}

/* What is known of one archive when it is judged. */
struct sight {
	const struct target *target;
	const struct archive_facts *facts;
	const struct archive_listing *listing;
	struct place place;
	const char *extension;
	bool is_media, is_foreign, is_volume;
};

static struct sight
look_at(const struct target *t, const struct archive_facts *facts,
    const struct archive_listing *listing)
{
	struct sight s = {
		.target = t,
		.facts = facts,
		.listing = listing,
		.place = look_at_path(t->path),
		.extension = path_extension(t->path),
	};

	s.is_media = IS_ONE_OF(s.extension, media_extensions);
	s.is_foreign = is_parcel(facts) && !listing->is_package &&
		       (s.is_media || IS_ONE_OF(s.extension, odd_extensions));
	s.is_volume = facts->is_volume || (is_parcel(facts) && is_volume_name(t->path));
	return s;
}

static void
check_extension(const struct sight *s, struct match_outcome *o)
{
	if (!s->is_foreign || s->target->size <= CHECK_FOREIGN_BYTES_MIN ||
	    s->place.is_programs)
		return;
	struct match *m = new_match(CHECK_FOREIGN_EXTENSION, s->facts);

	check_match_add_text(m, "extension", s->extension);
	check_match_add_truth(m, "media", s->is_media);
	add(o, m);
}

static void
check_encryption(const struct sight *s, struct match_outcome *o)
{
	if (!s->facts->has_encrypted_headers)
		return;
	struct match *m = new_match(CHECK_ENCRYPTED_NAMES, s->facts);

	check_match_add_truth(m, "foreign_extension", s->is_foreign);
	check_match_add_truth(m, "volume", s->is_volume);
	add(o, m);
}

static void
check_design_files(const struct sight *s, struct match_outcome *o)
{
	uint64_t n =
	    s->listing->n_design > 0 ? s->listing->n_design + s->listing->n_ambiguous : 0;

	if (n < CHECK_DESIGN_FILES_MIN)
		return;
	struct match *m = new_match(CHECK_DESIGN_FILES, s->facts);

	check_match_add_number(m, "design_files", (int64_t)n);
	check_match_add_text(m, "example", s->listing->example);
	add(o, m);
}

void
archive_check(const struct target *t, const struct archive_facts *facts,
    const struct archive_listing *listing, struct match_outcome *o)
{
	const struct sight s = look_at(t, facts, listing);

	check_extension(&s, o);
	if (!s.place.is_staging)
		return;
	check_encryption(&s, o);
	if (s.is_volume)
		add(o, new_match(CHECK_VOLUME_SET, facts));
	check_design_files(&s, o);
}
