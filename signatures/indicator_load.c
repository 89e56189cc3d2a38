/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote.
 * Input: hostile.
 */
#include "signatures/indicator_load_impl.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"
#include "signatures/indicator_limits.h"
#include "signatures/indicator_value.h"

enum {
	PIECE_BYTES = 64 * 1024, /* read at once */
	HEAD_BYTES = 16 * 1024,  /* by which a format is recognised */
	SCORE_MAX = 100,
	SHOWN_MAX = 80, /* bytes of a value in a sentence about it */
};

static_assert(sizeof(((struct line *)0)->text) == INDICATOR_LINE_MAX + 1,
    "a line has room for INDICATOR_LINE_MAX");

void
loader_leave_out(struct loader *l, uint32_t line, char *why)
{
	if (l->result->n_left_out < INDICATOR_PROBLEMS_MAX) {
		if (strlen(why) > INDICATOR_WHY_MAX)
			why[INDICATOR_WHY_MAX] = 0;
		l->on_problem(l->ctx, line, why);
	}
	l->result->n_left_out++;
	free(why);
}

void
loader_fail(struct loader *l, char *why)
{
	if (strlen(why) > INDICATOR_WHY_MAX)
		why[INDICATOR_WHY_MAX] = 0;
	free(l->result->why);
	l->result->why = why;
}

int
score_parse(const char *text)
{
	uint64_t n = 0;

	if (parse_u64(text, 0, UINT32_MAX, &n) != MH_OK)
		return -1;
	return n > SCORE_MAX ? SCORE_MAX : (int)n;
}

char *
trim(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		text[--len] = 0;
	return text + strspn(text, " \t");
}

/* text, cut and safe, as it stands in a sentence; new. */
static char *
shown(const char *text)
{
	MH_CLEANUP(freep) char *head = xstrndup(text, SHOWN_MAX);

	return text_escape(head);
}

static struct indicator_facts
facts_of(const struct loader *l, const struct value *v)
{
	return (struct indicator_facts){
		.file = l->file,
		.line = v->line,
		.score = v->score,
		.comment = v->comment,
		.id = v->id,
		.event = v->event,
		.reference = v->reference,
	};
}

/* Whether it can only be a file's: an extension of programs that is no top-level domain. */
static bool
has_program_extension(const char *text)
{
	static const char *const extensions[] = { ".exe", ".dll", ".sys", ".bat", ".ps1",
		".scr", ".vbs", ".elf", ".lnk", ".tmp", ".dat" };
	const char *dot = strrchr(text, '.');

	for (size_t i = 0; dot != NULL && i < MH_ARRAY_LEN(extensions); i++) {
		if (strcasecmp(dot, extensions[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_path(const char *text)
{
	return text[0] == '/' || (text[0] != 0 && text[1] == ':' && text[2] == '\\') ||
	       strncmp(text, "\\\\", 2) == 0;
}

bool
value_is_known(const char *text)
{
	uint8_t digest[DIGEST_BYTES_MAX];
	const char *why = NULL;

	if (digest_parse(text, digest) != INDICATOR_NONE || network_is_meant(text) ||
	    is_path(text) || url_rest(text) != NULL)
		return true;
	MH_CLEANUP(freep) char *name = domain_parse(text, &why);

	return name != NULL && !has_program_extension(text);
}

static mh_err
add_hash(struct loader *l, const struct value *v, char **ret_why)
{
	struct indicator_facts facts = facts_of(l, v);
	enum indicator_type type = INDICATOR_NONE;
	bool is_exception = v->kind == VALUE_EXCEPT_HASH;
	mh_err err =
	    indicator_set_add_hash(l->set, v->text, is_exception, &facts, &type, ret_why);

	if (err == MH_OK && is_exception)
		l->result->n_exceptions++;
	else if (err == MH_OK)
		l->result->n[type]++;
	return err;
}

/* A name as it is, or the end of a path with whole names: "C:\x\y" is "/x/y". */
static mh_err
add_file(struct loader *l, const struct value *v, char **ret_why)
{
	struct indicator_facts facts = facts_of(l, v);
	bool is_tail = strpbrk(v->text, "/\\") != NULL;
	const char *tail = strncmp(v->text, "\\\\", 2) == 0       ? v->text + 1
			   : v->text[0] != 0 && v->text[1] == ':' ? v->text + 2
								  : v->text;
	MH_CLEANUP(freep)
	char *text = is_tail && tail[0] != '/' && tail[0] != '\\' ? xasprintf("/%s", tail)
		     : is_tail                                    ? xstrdup(tail)
								  : xstrdup(v->text);
	mh_err err = indicator_set_add_name(l->set, is_tail ? NAME_TAIL : NAME_BASE, text,
	    v->is_caseless, NULL, &facts, ret_why);

	if (err == MH_OK)
		l->result->n[INDICATOR_FILE_NAME]++;
	return err;
}

static mh_err
add_host(struct loader *l, const struct value *v, const char *text, char **ret_why)
{
	struct indicator_facts facts = facts_of(l, v);
	bool is_address = network_is_meant(text);
	mh_err err = is_address ? indicator_set_add_address(l->set, text, &facts, ret_why)
				: indicator_set_add_domain(l->set, text, &facts, ret_why);

	if (err == MH_OK)
		l->result->n[is_address ? INDICATOR_ADDRESS : INDICATOR_DOMAIN]++;
	return err;
}

/* A URL: its host where that is all, else the whole, as it would stand in memory. */
static mh_err
add_url(struct loader *l, const struct value *v, char **ret_why)
{
	MH_CLEANUP(freep) char *host = url_host(v->text);
	const char *rest = url_rest(v->text);

	if (host == NULL) {
		*ret_why = xstrdup("it is no URL");
		return MH_ERR_INVALID;
	}
	const char *path = strchr(rest, '/');
	bool is_host_alone =
	    (path == NULL || path[1] == 0) && strpbrk(rest, "?#") == NULL;
	char *colon = strrchr(host, ':');

	/* The port of a name is not in its questions; that of an address is. */
	if (is_host_alone && colon != NULL && !network_is_meant(host))
		*colon = 0;
	if (is_host_alone)
		return add_host(l, v, host, ret_why);
	if (path == NULL) {
		*ret_why = xstrdup("a URL without a path");
		return MH_ERR_INVALID;
	}
	struct indicator_facts facts = facts_of(l, v);
	MH_CLEANUP(freep) char *text = xasprintf("%s%s", host, path);
	mh_err err = indicator_set_add_domain(l->set, text, &facts, ret_why);

	if (err == MH_OK)
		l->result->n[INDICATOR_DOMAIN]++;
	return err;
}

static mh_err
add_any(struct loader *l, const struct value *v, char **ret_why)
{
	uint8_t digest[DIGEST_BYTES_MAX];

	if (url_rest(v->text) != NULL)
		return add_url(l, v, ret_why);
	if (v->kind == VALUE_ANY && is_path(v->text))
		return add_file(l, v, ret_why);
	if (v->kind == VALUE_ANY && digest_parse(v->text, digest) != INDICATOR_NONE)
		return add_hash(l, v, ret_why);
	if (v->kind == VALUE_ANY && has_program_extension(v->text)) {
		*ret_why = xstrdup("a name of a file: lists of these are regular "
				   "expressions, loki-filename");
		return MH_ERR_INVALID;
	}
	if (v->kind == VALUE_NO_IP && network_is_meant(v->text)) {
		*ret_why = xstrdup("an address where a name of a host should be");
		return MH_ERR_INVALID;
	}
	return add_host(l, v, v->text, ret_why);
}

static mh_err
add_regex(struct loader *l, const struct value *v, char **ret_why)
{
	struct indicator_facts facts = facts_of(l, v);
	mh_err err = MH_OK;

	if (v->kind == VALUE_EXCEPT_PATH) {
		err = indicator_set_add_exception(l->set, v->text, ret_why);
		l->result->n_exceptions += err == MH_OK;
		return err;
	}
	err = indicator_set_add_name(l->set, NAME_REGEX, v->text, v->is_caseless,
	    v->except, &facts, ret_why);
	l->result->n[INDICATOR_FILE_NAME] += err == MH_OK;
	return err;
}

static mh_err
add_value(struct loader *l, const struct value *v, char **ret_why)
{
	if (strlen(v->text) > INDICATOR_VALUE_MAX && v->kind != VALUE_REGEX &&
	    v->kind != VALUE_EXCEPT_PATH) {
		*ret_why = xasprintf("it is longer than %d bytes", INDICATOR_VALUE_MAX);
		return MH_ERR_INVALID;
	}
	switch (v->kind) {
	case VALUE_HASH:
	case VALUE_EXCEPT_HASH:
		return add_hash(l, v, ret_why);
	case VALUE_REGEX:
	case VALUE_EXCEPT_PATH:
		return add_regex(l, v, ret_why);
	case VALUE_FILE:
		return add_file(l, v, ret_why);
	case VALUE_ANY:
	case VALUE_C2:
	case VALUE_NO_IP:
		break;
	}
	return add_any(l, v, ret_why);
}

void
loader_add(struct loader *l, const struct value *v)
{
	MH_CLEANUP(freep) char *why = NULL;
	mh_err err = add_value(l, v, &why);

	if (err == MH_OK)
		return;
	MH_CLEANUP(freep) char *text = shown(v->text);
	MH_CLEANUP(freep) char *id = shown(v->id != NULL ? v->id : "");

	loader_leave_out(l, v->line,
	    xasprintf("%s%s\"%s\": %s", id, id[0] != 0 ? ": " : "", text,
		why != NULL ? why : mh_strerror(err)));
}

void
loader_add_tree(struct loader *l, const struct node *root, const struct value *v)
{
	struct ways ways = { .n = 0 };
	struct indicator_facts facts = facts_of(l, v);
	MH_CLEANUP(freep) char *name = shown(v->text);
	mh_err err = ways_of(root, &ways);
	uint32_t n_used = 0;

	if (err != MH_OK) {
		loader_leave_out(l, v->line,
		    xasprintf("%s: it can be true in more than %d ways, or one of them "
			      "has more than %d terms",
			name, INDICATOR_WAYS_MAX, INDICATOR_WAY_TERMS_MAX));
		return;
	}
	for (size_t i = 0; i < ways.n; i++) {
		enum indicator_type type = INDICATOR_NONE;
		char *why = NULL;

		if (ways.list[i].terms[0]->line > 0)
			facts.line = ways.list[i].terms[0]->line;
		err = indicator_set_add_way(l->set, &ways.list[i], &facts, &type, &why);
		if (err != MH_OK) {
			MH_CLEANUP(freep)
			char *first = shown(ways.list[i].terms[0]->text);

			loader_leave_out(l, facts.line,
			    xasprintf("%s: \"%s\"%s: %s", name, first,
				ways.list[i].n > 1 ? " and more" : "", why));
			free(why);
			continue;
		}
		n_used++;
		l->result->n[type]++;
		l->result->n_combined += ways.list[i].n > 1;
	}
	if (ways.n_undecided > 0) {
		MH_CLEANUP(freep) char *what = shown(ways.undecided);

		loader_leave_out(l, v->line,
		    xasprintf("%s: %s%zu term%s, the first %s, cannot be decided here%s",
			name, n_used > 0 ? "" : "not used: ", ways.n_undecided,
			ways.n_undecided == 1 ? "" : "s", what,
			n_used > 0 ? ": used without what needs them" : ""));
	}
	ways_clear(&ways);
}

/* More bytes of a file; false at its end. */
static bool
source_fill(struct source *s)
{
	if (s->is_ended)
		return false;
	ssize_t n = s->fd >= 0 ? read(s->fd, s->buffer, PIECE_BYTES) : 0;

	s->has_failed = s->has_failed || n < 0;
	s->is_ended = n <= 0;
	s->text = s->fd >= 0 ? s->buffer : s->text;
	s->len = n > 0 ? (size_t)n : 0;
	s->at = 0;
	return n > 0;
}

bool
source_line(struct source *s, struct line *ret, const char **ret_why)
{
	bool is_begun = false;
	bool is_whole = false;

	*ret_why = NULL;
	ret->len = 0;
	while (!is_whole && (s->at < s->len || source_fill(s))) {
		const char *p = s->text + s->at;
		const char *end = memchr(p, '\n', s->len - s->at);
		size_t n = end != NULL ? (size_t)(end - p) : s->len - s->at;
		size_t room = INDICATOR_LINE_MAX - ret->len;

		is_begun = true;
		is_whole = end != NULL;
		if (n > room)
			*ret_why = "the line is longer than 16384 bytes";
		memcpy(ret->text + ret->len, p, n < room ? n : room);
		ret->len += n < room ? n : room;
		s->at += n + (end != NULL);
	}
	if (memchr(ret->text, 0, ret->len) != NULL)
		*ret_why = "the line has a NUL byte: it is no text";
	while (ret->len > 0 && ret->text[ret->len - 1] == '\r')
		ret->len--;
	/* Lines of an old Macintosh would be the first one's comment. */
	if (*ret_why == NULL && memchr(ret->text, '\r', ret->len) != NULL)
		*ret_why = "a carriage return stands in the line: save the file with the "
			   "line ends of Unix or Windows";
	ret->text[ret->len] = 0;
	return is_begun;
}

static bool
is_tree(enum indicator_format format)
{
	return format == FORMAT_MISP_JSON || format == FORMAT_STIX ||
	       format == FORMAT_OPENIOC;
}

static void
read_tree(struct loader *l, struct source *s, enum indicator_format format)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(INDICATOR_TREE_BYTES_MAX);
	const char *text = s->text;
	size_t len = s->len;

	if (s->fd >= 0) {
		mh_err err = fd_read_all(s->fd, b);

		if (err != MH_OK) {
			loader_fail(l,
			    err == MH_ERR_TOOBIG
				? xstrdup("a file of JSON or XML may have 64 MiB")
				: xstrdup(strerror(errno)));
			return;
		}
		text = buf_string(b);
		len = buf_len(b);
	}
	if (format == FORMAT_OPENIOC)
		read_openioc(l, text, len);
	else
		read_json(l, text, len, format);
}

static void
read_source(struct loader *l, struct source *s, enum indicator_format format)
{
	if (is_tree(format))
		read_tree(l, s, format);
	else if (format == FORMAT_CSV || format == FORMAT_MISP_CSV)
		read_csv(l, s, format);
	else
		read_lists(l, s, format);
	if (s->has_failed)
		loader_fail(l, xasprintf("reading it failed: %s", strerror(errno)));
}

/* What the file is; FORMAT_UNKNOWN when it is told as left out. */
static enum indicator_format
choose_format(struct loader *l, const struct load_request *request, const char *head,
    size_t len)
{
	const char *why = NULL;
	enum indicator_format format = request->format;

	if (format == FORMAT_UNKNOWN)
		format = indicator_format_guess(head, len, request->file_name, &why);
	if (format == FORMAT_UNKNOWN)
		loader_fail(l, xstrdup(why != NULL ? why
						   : "its format is not recognised: name "
						     "it, as in --ioc loki-hash:FILE"));
	l->result->format = (uint8_t)format;
	return format;
}

static mh_err
loader_init(struct loader *l, struct indicator_set *s, const struct load_request *request,
    load_problem_fn *on_problem, void *ctx, struct indicator_file_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	*l = (struct loader){ .set = s,
		.result = ret,
		.now_s = request->now_s,
		.on_problem = on_problem,
		.ctx = ctx };
	mh_err err = indicator_set_add_file(s, request->name_space, &l->file);

	if (err != MH_OK)
		loader_fail(l, xasprintf("there are more than %d files of indicators",
				   INDICATOR_FILES_MAX));
	return err;
}

mh_err
indicator_load_text(struct indicator_set *s, const struct load_request *request,
    const char *text, size_t len, load_problem_fn *on_problem, void *ctx,
    struct indicator_file_result *ret)
{
	struct loader l;
	struct source source = { .fd = -1, .text = text, .len = len };
	mh_err err = loader_init(&l, s, request, on_problem, ctx, ret);

	if (err != MH_OK)
		return err;
	enum indicator_format format =
	    choose_format(&l, request, text, len < HEAD_BYTES ? len : HEAD_BYTES);

	if (format != FORMAT_UNKNOWN)
		read_source(&l, &source, format);
	return MH_OK;
}

mh_err
indicator_load(struct indicator_set *s, const struct load_request *request, int fd,
    load_problem_fn *on_problem, void *ctx, struct indicator_file_result *ret)
{
	struct loader l;
	struct stat st;
	mh_err err = loader_init(&l, s, request, on_problem, ctx, ret);

	if (err != MH_OK)
		return err;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		loader_fail(&l, xstrdup("it is no regular file"));
		return MH_OK;
	}
	if ((uint64_t)st.st_size > INDICATOR_LIST_BYTES_MAX) {
		loader_fail(&l, xstrdup("a file of indicators may have 2 GiB"));
		return MH_OK;
	}
	MH_CLEANUP(freep) char *buffer = xcalloc(1, PIECE_BYTES);
	ssize_t n = pread(fd, buffer, HEAD_BYTES, 0);
	enum indicator_format format =
	    choose_format(&l, request, buffer, n > 0 ? (size_t)n : 0);
	struct source source = { .fd = fd, .buffer = buffer };

	(void)lseek(fd, 0, SEEK_SET);
	if (format != FORMAT_UNKNOWN)
		read_source(&l, &source, format);
	return MH_OK;
}
