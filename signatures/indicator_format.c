/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in: zygote.
 * Input: hostile.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "signatures/indicator_load_impl.h"
#include "signatures/indicator_value.h"

enum { LINES_LOOKED_AT = 20 };

static bool
has(const char *head, size_t len, const char *word)
{
	return memmem(head, len, word, strlen(word)) != NULL;
}

/* Whether the name of the file has one of these words in it, in any case. */
static bool
is_named(const char *file_name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasestr(file_name, words[i]) != NULL)
			return true;
	}
	return false;
}
#define IS_NAMED(file_name, ...)                                    \
	is_named((file_name), (const char *const[]){ __VA_ARGS__ }, \
	    MH_ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })))

/* Files whose names say what they are, as Loki's and THOR's do. */
static enum indicator_format
guess_by_name(const char *name, const char **ret_why)
{
	if (IS_NAMED(name, "keyword")) {
		*ret_why = "keywords are for logs, which are not read here";
		return FORMAT_UNKNOWN;
	}
	bool is_exception = IS_NAMED(name, "false-positive", "falsepositive",
	    "false_positive", "exclude", "whitelist", "allowlist");

	if (IS_NAMED(name, "hash"))
		return is_exception ? FORMAT_EXCEPT_HASH : FORMAT_LOKI_HASH;
	if (is_exception)
		return FORMAT_EXCEPT_PATH;
	if (IS_NAMED(name, "filename", "file-name", "file_name"))
		return FORMAT_LOKI_NAME;
	return IS_NAMED(name, "c2") ? FORMAT_LOKI_C2 : FORMAT_UNKNOWN;
}

/* What one line could be. */
static enum indicator_format
guess_line(char *text)
{
	uint8_t digest[DIGEST_BYTES_MAX];
	char separator[] = { 0, 0 };
	size_t len = strcspn(text, ";,\t ");

	separator[0] = text[len];
	text[len] = 0;
	char *first = trim(text);

	if (first[0] == '"' && first[strlen(first) - 1] == '"' && strlen(first) > 1) {
		first[strlen(first) - 1] = 0;
		first++;
	}
	if (!value_is_known(first))
		return FORMAT_UNKNOWN;
	if (separator[0] == ';')
		return digest_parse(first, digest) != INDICATOR_NONE ? FORMAT_LOKI_HASH
								     : FORMAT_LOKI_C2;
	return separator[0] == ',' ? FORMAT_CSV : FORMAT_LIST;
}

static bool
is_csv_header(const char *line)
{
	static const char *const columns[] = { "md5", "sha1", "sha256", "sha-256", "hash",
		"indicator", "ioc", "value" };
	size_t n_columns = 0;

	for (const char *p = line; *p != 0;) {
		size_t len = strcspn(p, ",");
		size_t skip = *p == '"' ? 1 : 0;

		for (size_t i = 0; i < MH_ARRAY_LEN(columns); i++) {
			if (len == strlen(columns[i]) + 2 * skip &&
			    strncasecmp(p + skip, columns[i], strlen(columns[i])) == 0)
				n_columns++;
		}
		p += len;
		p += *p != 0;
	}
	return n_columns > 0 && strchr(line, ',') != NULL;
}

/* What most of the first lines are. */
static enum indicator_format
guess_by_lines(const char *head, size_t len)
{
	unsigned votes[FORMAT_MAX_] = { 0 };
	unsigned n = 0;
	enum indicator_format best = FORMAT_UNKNOWN;
	bool is_first = true;

	for (size_t at = 0; at < len && n < LINES_LOOKED_AT;) {
		const char *end = memchr(head + at, '\n', len - at);
		size_t line_len = end != NULL ? (size_t)(end - head) - at : len - at;
		MH_CLEANUP(freep) char *line = xstrndup(head + at, line_len);
		char *text = trim(line);

		at += line_len + 1;
		if (text[0] == 0 || text[0] == '#')
			continue;
		if (is_first && is_csv_header(text))
			return FORMAT_CSV;
		is_first = false;
		votes[guess_line(text)]++;
		n++;
	}
	for (unsigned f = 1; f < FORMAT_MAX_; f++) {
		if (votes[f] > 0 && (best == FORMAT_UNKNOWN || votes[f] > votes[best]))
			best = (enum indicator_format)f;
	}
	return best != FORMAT_UNKNOWN && votes[best] * 2 > n ? best : FORMAT_UNKNOWN;
}

/* By its byte order mark, or by two characters of ASCII: what Windows calls Unicode. */
static bool
is_utf16(const char *head, size_t len)
{
	if (len < 4)
		return false;
	if (memcmp(head, "\xff\xfe", 2) == 0 || memcmp(head, "\xfe\xff", 2) == 0)
		return true;
	return (head[0] == 0) == (head[2] == 0) && (head[1] == 0) == (head[3] == 0) &&
	       (head[0] == 0) != (head[1] == 0);
}

enum indicator_format
indicator_format_guess(const char *head, size_t len, const char *file_name,
    const char **ret_why)
{
	static const char misp_csv[] = "uuid,event_id,category,type,value";

	*ret_why = NULL;
	if (is_utf16(head, len)) {
		*ret_why = "it is UTF-16: convert it, as with iconv -f UTF-16 -t UTF-8";
		return FORMAT_UNKNOWN;
	}
	if (len >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0) {
		head += 3;
		len -= 3;
	}
	while (len > 0 && strchr(" \t\r\n", *head) != NULL && *head != 0) {
		head++;
		len--;
	}
	if (len == 0) {
		*ret_why = "it is empty";
		return FORMAT_UNKNOWN;
	}
	if (*head == '<') {
		if (has(head, len, "OpenIOC") || has(head, len, "openioc") ||
		    has(head, len, "schemas.mandiant.com") || has(head, len, "<ioc"))
			return FORMAT_OPENIOC;
		*ret_why = "XML, but not OpenIOC";
		return FORMAT_UNKNOWN;
	}
	/* Which of the two, its tree says. */
	if (*head == '{' || (*head == '[' && memchr(head, '{', len) != NULL))
		return has(head, len, "\"objects\"") || has(head, len, "\"spec_version\"")
			   ? FORMAT_STIX
			   : FORMAT_MISP_JSON;
	if (len >= sizeof(misp_csv) - 1 &&
	    strncasecmp(head, misp_csv, sizeof(misp_csv) - 1) == 0)
		return FORMAT_MISP_CSV;
	enum indicator_format by_name = guess_by_name(file_name, ret_why);
	enum indicator_format by_lines =
	    *ret_why == NULL ? guess_by_lines(head, len) : FORMAT_UNKNOWN;

	/* Tables, and what md5sum(1) prints, whose name only says what is in it. */
	if (by_lines == FORMAT_CSV &&
	    (by_name == FORMAT_LOKI_HASH || by_name == FORMAT_LOKI_C2))
		return FORMAT_CSV;
	if (by_lines == FORMAT_LIST && by_name == FORMAT_LOKI_HASH)
		return FORMAT_LIST;
	return by_name != FORMAT_UNKNOWN ? by_name : by_lines;
}
