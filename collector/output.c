/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: hostile texts, out of findings. */
#include "collector/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum { TERMINAL_WIDTH = 80 }; /* columns */

static const char *const severities[] = { "unknown", "info", "low", "medium", "high",
	"critical", "fatal" };

static bool
is_coloured(void)
{
	return isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL;
}

const char *
colour_of_severity(int severity)
{
	if (!is_coloured())
		return "";
	return severity >= 4 ? "\033[1;31m" : severity == 3 ? "\033[33m" : "\033[2m";
}

const char *
colour_end(void)
{
	return is_coloured() ? "\033[0m" : "";
}

const char *
severity_name(int severity)
{
	bool known = severity >= 0 && (size_t)severity < MH_ARRAY_LEN(severities);

	return severities[known ? severity : 0];
}

int
severity_find(const char *name)
{
	for (size_t i = 0; i < MH_ARRAY_LEN(severities); i++) {
		if (strcmp(severities[i], name) == 0)
			return (int)i;
	}
	return -1;
}

void
table_head(const struct column *columns, int n)
{
	for (int i = 0; i < n; i++)
		(void)printf("%-*s%s", columns[i].width, columns[i].title,
		    i + 1 < n ? "  " : "\n");
}

void
table_row(const struct column *columns, int n, const char *const *texts)
{
	for (int i = 0; i < n; i++) {
		MH_CLEANUP(freep) char *text = text_escape(texts[i]);
		int width = columns[i].width;

		/* The last column is as long as it has to be: paths are not cut. */
		(void)printf("%-*.*s%s", width, width > 0 ? width : 1 << 20, text,
		    i + 1 < n ? "  " : "\n");
	}
}

void
print_below(const char *text, int indent)
{
	MH_CLEANUP(freep) char *escaped = text_escape(text);
	MH_CLEANUP(freep)
	char *lines = text_wrap(escaped, TERMINAL_WIDTH - (size_t)indent, (size_t)indent);

	(void)printf("%*s%s\n", indent, "", lines);
}

void
time_text(int64_t real_ms, char ret[TIME_TEXT_LEN])
{
	char text[CLOCK_TEXT_LEN];

	clock_format(real_ms, text);
	text[10] = ' ';
	(void)snprintf(ret, TIME_TEXT_LEN, "%.19s", real_ms == 0 ? "never" : text);
}

json_t *
time_json(int64_t real_ms)
{
	char text[CLOCK_TEXT_LEN];

	if (real_ms == 0)
		return json_null();
	clock_format(real_ms, text);
	return json_string(text);
}

void
output_gather(void)
{
	/* Standard output's until the program ends. */
	(void)setvbuf(stdout, xcalloc(1, OUTPUT_GATHERED), _IOFBF, OUTPUT_GATHERED);
}

void
print_json(json_t *object)
{
	(void)json_dumpf(object, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(object);
}
