/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote that unpacks.
 * Input: hostile.
 */
#include "scanners/pack_zip.h"

#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "records/pack_names.h"
#include "scanners/archive_reader.h"
#include "signatures/ruleset.h"

enum { PIECE = 64 * 1024 };

struct reading {
	struct archive *archive;
	struct archive_source source;
	const struct pack_zip_ops *ops;
	void *ctx;
	uint64_t total;   /* bytes unpacked, also of what was left out */
	unsigned n_files; /* rule files, also those that were left out */
	unsigned n_used;
	bool is_over;
};

static bool
go_on(void *ctx)
{
	const struct reading *r = ctx;

	return !r->is_over;
}

/* What is wrong with the name of a rule file; NULL: nothing, "": it is passed over. */
static const char *
name_problem(const char *name)
{
	unsigned n_parts = 0;

	if (strlen(name) > PACK_NAME_MAX)
		return "its name is longer than 512 bytes";
	if (name[0] == '/' || strchr(name, '\\') != NULL)
		return "its name is not one below the pack";
	if (!text_is_utf8(name, strlen(name)))
		return "its name is not UTF-8";
	for (const char *part = name;; part += strcspn(part, "/") + 1) {
		size_t len = strcspn(part, "/");

		if (len == 2 && part[0] == '.' && part[1] == '.')
			return "its name climbs out of the pack";
		if (part[0] == '.' && len != 1)
			return ""; /* .git, .github: as in a folder */
		if (++n_parts > PACK_PARTS_MAX)
			return "it lies more than 16 folders deep";
		if (part[len] == 0)
			return NULL;
	}
}

/* The whole member; why not, or NULL. */
static const char *
read_member(struct reading *r, struct buf *text)
{
	uint8_t piece[PIECE];
	la_ssize_t n = 0;

	while ((n = archive_read_data(r->archive, piece, sizeof(piece))) > 0) {
		r->total += (uint64_t)n;
		if (r->total > RULE_TEXT_BYTES_MAX)
			return "the rules in the ZIP unpack to more than 256 MiB";
		if ((size_t)n > buf_room(text))
			return "it is larger than 64 MiB";
		buf_put(text, piece, (size_t)n);
	}
	if (n == 0)
		return NULL;

	enum reason reason = archive_reader_reason(r->archive, &r->source);

	if (reason == REASON_ENCRYPTED)
		return "it is encrypted";
	if (reason == REASON_UNSUPPORTED)
		return "it is packed in a way that is not supported";
	return reason == REASON_MEMORY ? "no memory is left for it" : "it is damaged";
}

/* One rule file of the ZIP. */
static bool
take_member(struct reading *r, const char *name)
{
	const char *why = name_problem(name);
	MH_CLEANUP(buf_freep) struct buf *text = NULL;

	if (why != NULL && why[0] == 0)
		return true;
	r->n_files++;
	if (why == NULL) {
		text = buf_new(RULE_FILE_BYTES_MAX);
		why = read_member(r, text);
	}
	if (why != NULL)
		return r->ops->on_left_out(r->ctx, name, why);
	r->n_used++;
	return r->ops->on_file(r->ctx, name, buf_data(text), buf_len(text));
}

/* LICENSE, name-1.0/LICENSE.txt. */
static bool
is_license(const char *name)
{
	const char *slash = strchr(name, '/');

	return pack_is_license(slash != NULL ? slash + 1 : name);
}

static void
take_license(struct reading *r)
{
	uint8_t head[PACK_LICENSE_HEAD];
	la_ssize_t n = archive_read_data(r->archive, head, sizeof(head));

	if (n > 0)
		r->ops->on_license(r->ctx, head, (size_t)n);
}

static const char *
end_of_zip(const struct reading *r)
{
	if (r->source.at_once != REASON_NONE)
		return "it is no ZIP, or a damaged one";
	if (r->total > RULE_TEXT_BYTES_MAX)
		return "its rules unpack to more than 256 MiB";
	return r->n_used == 0 ? "no .yar or .yara file in it can be used" : NULL;
}

static const char *
read_entries(struct reading *r)
{
	struct archive_entry *entry = NULL;
	int result = ARCHIVE_OK;

	for (unsigned i = 0; i < PACK_ENTRIES_MAX; i++) {
		result = archive_read_next_header(r->archive, &entry);
		if (result == ARCHIVE_EOF)
			return end_of_zip(r);
		if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
			return "it is no ZIP, or a damaged one";

		const char *name = archive_entry_pathname(entry);

		/* The folder itself, as bsdtar writes it. */
		while (name != NULL && strncmp(name, "./", 2) == 0)
			name += 2;
		/* Links hold a name: as in a folder, they are not followed. */
		if (name == NULL || archive_entry_filetype(entry) != AE_IFREG)
			continue;
		if (r->ops->on_license != NULL && is_license(name))
			take_license(r);
		if (!pack_is_rule_file(name))
			continue;
		if (r->total > RULE_TEXT_BYTES_MAX)
			return "its rules unpack to more than 256 MiB: what follows is "
			       "left out";
		if (r->n_files == RULE_FILES_MAX)
			return "it has more than 20,000 rule files";
		if (!take_member(r, name))
			return "the reading was ended";
	}
	return "it has more than 200,000 entries";
}

static const char *
read_content(const struct content *content, const struct pack_zip_ops *ops, void *ctx)
{
	struct reading r = { .source = { .content = content, .on_read = go_on },
		.ops = ops,
		.ctx = ctx };
	const char *why = NULL;

	r.source.ctx = &r;
	r.archive = archive_reader_new(ARCHIVE_ZIP, false, &r.source);
	if (r.archive == NULL)
		return "no memory is left to read it";
	why = read_entries(&r);
	(void)archive_read_free(r.archive);
	return why;
}

const char *
pack_zip_read_bytes(const void *p, size_t len, const struct pack_zip_ops *ops, void *ctx)
{
	const struct content_block block = { 0, p, len };
	const struct content content = { &block, len > 0, len, len, true };

	return read_content(&content, ops, ctx);
}

const char *
pack_zip_read(int fd, uint64_t size, const struct pack_zip_ops *ops, void *ctx)
{
	MH_CLEANUP(content_reader_freep) struct content_reader *cr = content_reader_new();
	struct content content;
	const char *why = NULL;

	if (content_open(cr, fd, size, size, false, &content) != MH_OK)
		return "it cannot be read";
	why = read_content(&content, ops, ctx);
	if (content_is_truncated(cr))
		why = "it was changed while it was read";
	content_close(cr);
	return why;
}
