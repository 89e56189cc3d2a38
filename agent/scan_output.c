/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/scan_output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/indicator_output.h"
#include "agent/ocsf_anomaly.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	PROGRESS_MS = 100,
	BAR_CELLS = 10,
	STRINGS_SHOWN = 5,    /* of one finding, in text */
	BYTES_SHOWN = 40,     /* of one string, in text */
	COMMAND_SHOWN = 120,  /* bytes of a command line, in text */
	PATHS_SHOWN = 20,     /* of what was not scanned, in text */
	PATHS_PER_LINE = 500, /* of a coverage record */
	COLUMNS_DEFAULT = 80,
	COLUMNS_MIN = 40,
};

#define RED "\033[1;31m"
#define YELLOW "\033[33m"
#define GREEN "\033[32m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

static const char *
colour(const struct scan_output *out, const char *code)
{
	return out->has_colour ? code : "";
}

void
scan_output_init(struct scan_output *out, bool is_ndjson, bool wants_progress)
{
	struct winsize size;

	memset(out, 0, sizeof(*out));
	out->is_ndjson = is_ndjson;
	out->has_colour =
	    !is_ndjson && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	out->has_progress = wants_progress && isatty(STDERR_FILENO);
	out->columns = COLUMNS_DEFAULT;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= COLUMNS_MIN)
		out->columns = size.ws_col;
	out->started_ms = clock_monotonic_ms();
}

/* Take the progress line away, so that a record can be printed in its place. */
static void
clear_line(struct scan_output *out)
{
	if (out->is_line_shown)
		(void)fputs("\r\033[K", stderr);
	out->is_line_shown = false;
}

static void
print_json(struct scan_output *out, json_t *record)
{
	char *line = json_dumps(record, JSON_COMPACT);

	clear_line(out);
	if (line != NULL)
		(void)printf("%s\n", line);
	(void)fflush(stdout);
	free(line);
	json_decref(record);
}

void
scan_output_rule_problem(struct scan_output *out, const char *path, unsigned line,
    const char *why)
{
	MH_CLEANUP(freep) char *safe_path = text_escape(path);
	MH_CLEANUP(freep) char *safe_why = text_escape(why);

	clear_line(out);
	if (line > 0)
		(void)fprintf(stderr, "%s:%u: %s; this file is left out\n", safe_path,
		    line, safe_why);
	else
		(void)fprintf(stderr, "%s: %s; this file is left out\n", safe_path,
		    safe_why);
	if (out->is_ndjson)
		print_json(out, json_pack("{s:s, s:i, s:s, s:i, s:s}", "type",
				    "rule_problem", "version", 1, "path", safe_path,
				    "line", (int)line, "reason", safe_why));
}

void
scan_output_indicator_line(struct scan_output *out, const struct indicator_file *file,
    unsigned line, const char *why)
{
	MH_CLEANUP(freep) char *text = indicator_line_text(file, line, why);

	clear_line(out);
	(void)fprintf(stderr, "%s; left out\n", text);
	if (out->is_ndjson)
		print_json(out, indicator_line_json(file, line, why));
}

void
scan_output_indicator_file(struct scan_output *out, const struct indicator_file *file,
    const struct indicator_file_result *r)
{
	MH_CLEANUP(freep) char *path = text_escape(file->path);
	MH_CLEANUP(freep) char *why = text_escape(r->why != NULL ? r->why : "");

	if (why[0] == 0 && r->n_left_out <= INDICATOR_PROBLEMS_MAX)
		return;
	clear_line(out);
	if (why[0] != 0)
		(void)fprintf(stderr, "%s: %s; this file is left out\n", path, why);
	else
		(void)fprintf(stderr, "%s: %u lines are left out\n", path, r->n_left_out);
	if (out->is_ndjson)
		print_json(out, indicator_result_json(file, r));
}

/* A matched string as text where it is text, else in hexadecimal. */
static void
print_string(const struct match_string *s)
{
	uint32_t n = s->n_data < BYTES_SHOWN ? s->n_data : BYTES_SHOWN;
	MH_CLEANUP(freep) char *name = text_escape(s->name);
	bool is_text = n > 0 && !s->is_hash;

	for (uint32_t i = 0; i < n; i++)
		is_text = is_text && s->data[i] >= 0x20 && s->data[i] < 0x7f;
	MH_CLEANUP(freep)
	char *shown = is_text ? xstrndup((const char *)s->data, n) : text_hex(s->data, n);
	(void)printf("      %s at 0x%" PRIx64 ", %" PRIu32 " bytes%s%s%s%s%s\n", name,
	    s->offset, s->length, n > 0 ? ": " : "", is_text ? "\"" : "", shown,
	    is_text ? "\"" : "", n < s->length && !s->is_hash && n > 0 ? " ..." : "");
}

static void
print_meta(const struct match *m, const char *name)
{
	const char *text = match_meta_text(m, name);
	MH_CLEANUP(freep) char *safe = text_escape(text != NULL ? text : "");

	if (safe[0] != 0)
		(void)printf("      %s: %s\n", name, safe);
}

/* What the pack's LICENSE says, for a rule that says nothing. */
static void
print_pack_license(const struct scan_output *out, const struct match *m)
{
	const struct pack_list *packs = out->context.packs;
	const char *text = packs != NULL ? pack_list_license(packs, m->name_space) : NULL;

	if (text == NULL || match_find_meta(m, "license") != NULL)
		return;
	MH_CLEANUP(freep) char *safe = text_escape(text);

	(void)printf("      license of its pack: %s\n", safe);
}

/* Where in memory a string stands: "rw-p [heap]". */
static void
print_region(const struct match *m, const struct match_string *s)
{
	for (uint32_t i = 0; i < m->n_regions; i++) {
		const struct match_region *r = &m->regions[i];
		MH_CLEANUP(freep) char *path = text_escape(r->path);

		if (r->start > s->offset || s->offset >= r->end)
			continue;
		(void)printf("         in 0x%" PRIx64 "-0x%" PRIx64 " %s %s\n", r->start,
		    r->end, r->perms, path[0] != 0 ? path : "anonymous memory");
		return;
	}
}

/* Whose memory it is, or who maps the file. */
static void
print_processes(const struct scan_answer *answer)
{
	enum { MAPPERS_SHOWN = 5 };
	const struct mapped_entry *e = answer->mapped;

	if (answer->process != NULL) {
		MH_CLEANUP(freep)
		char *head = xstrndup(answer->process->command, COMMAND_SHOWN);
		MH_CLEANUP(freep) char *command = text_escape(head);
		MH_CLEANUP(freep) char *owner = text_escape(answer->process->owner);

		(void)printf("      of %s, parent %d, command: %s\n", owner,
		    (int)answer->process->parent, command);
	}
	if (e == NULL)
		return;
	(void)printf("      mapped by %" PRIu32 " process%s:", e->n_mappers,
	    e->n_mappers == 1 ? "" : "es");
	for (size_t i = 0; i < e->n_mappers && i < MAPPERS_SHOWN; i++) {
		const struct process *p = process_table_mapper(answer->processes, e, i);
		MH_CLEANUP(freep) char *comm = text_escape(p->comm);

		(void)printf("%s %d (%s)", i > 0 ? "," : "", (int)p->pid, comm);
	}
	(void)printf("%s\n", e->n_mappers > MAPPERS_SHOWN ? ", ..." : "");
}

/* Why it counts so much, where the rule does not say it. */
static const char *
score_note(const struct finding_score *s)
{
	if (s->scored != NULL || strcmp(s->source, "score") == 0)
		return "";
	if (strcmp(s->source, "severity") == 0)
		return " (its severity)";
	return strcmp(s->source, "kind") == 0 ? " (its kind of rule)" : " (default)";
}

static void
print_override(const struct override *o, const char *what)
{
	if (o == NULL)
		return;
	MH_CLEANUP(freep) char *reason = text_escape(o->reason);

	(void)printf("      %s%s%s: %s\n", what, o->until[0] != 0 ? " until " : "",
	    o->until, reason);
}

static void
print_match(struct scan_output *out, const struct scan_answer *answer,
    const struct match *m)
{
	const struct target *t = answer->target;
	const struct verdict *v = answer->verdict;
	static const char *const metas[] = { "description", "comment", "remote", "note",
		"reference", "author", "license" };
	MH_CLEANUP(freep) char *place = finding_path(t, m);
	MH_CLEANUP(freep) char *path = text_escape(place);
	MH_CLEANUP(freep) char *rule = text_escape(m->rule);
	MH_CLEANUP(freep) char *pack = text_escape(m->name_space);
	struct finding_score s;

	finding_score(out->context.overrides, m, place, clock_real_ms(), &s);
	clear_line(out);
	const struct match_meta *line =
	    m->indicator != INDICATOR_NONE ? match_find_meta(m, "line") : NULL;
	MH_CLEANUP(freep)
	char *where = line != NULL && line->number > 0
			  ? xasprintf("%s:%" PRId64, pack, line->number)
			  : xstrdup(pack);
	(void)printf("%s%s%s %s\n",
	    colour(out, s.suppressed != NULL ? PLAIN
			: s.score >= 60      ? RED
					     : YELLOW),
	    s.suppressed != NULL ? "KNOWN" : "FOUND", colour(out, PLAIN), path);
	(void)printf("      %s%s%s, score %u%s, %s\n", colour(out, BOLD), rule,
	    colour(out, PLAIN), s.score, score_note(&s), where);
	print_override(s.scored, "score set");
	print_override(s.suppressed, "suppressed");
	for (size_t i = 0; i < MH_ARRAY_LEN(metas); i++)
		print_meta(m, metas[i]);
	print_pack_license(out, m);
	print_processes(answer);
	for (uint32_t i = 0; i < m->n_strings && i < STRINGS_SHOWN; i++) {
		print_string(&m->strings[i]);
		print_region(m, &m->strings[i]);
	}
	if (m->n_found > STRINGS_SHOWN)
		(void)printf("      and %" PRIu64 " more\n", m->n_found - STRINGS_SHOWN);
	if (m->has_part_sha256 || v->has_sha256) {
		MH_CLEANUP(freep)
		char *hex = text_hex(m->has_part_sha256 ? m->part_sha256 : v->sha256, 32);

		(void)printf("      sha256 %s\n", hex);
	}
	(void)fflush(stdout);
}

static const struct finding_history no_history;

void
scan_output_match(struct scan_output *out, const struct scan_answer *answer,
    const struct match *m)
{
	MH_CLEANUP(freep) char *path = finding_path(answer->target, m);
	struct finding_score score;

	out->context.now_ms = clock_real_ms();
	finding_score(out->context.overrides, m, path, out->context.now_ms, &score);
	out->n_known += score.is_disabled || score.suppressed != NULL;
	if (score.is_disabled)
		return;
	if (!out->is_ndjson) {
		print_match(out, answer, m);
		return;
	}
	MH_CLEANUP(freep) char *uid = finding_uid(&out->context, answer, m);
	print_json(out, finding_to_ocsf(&out->context, answer, m, uid, &no_history));
}

void
scan_output_hashes(struct scan_output *out, const struct target *t,
    const struct verdict *v)
{
	MH_CLEANUP(freep) char *path = text_escape(t->path);
	MH_CLEANUP(freep) char *hex = text_hex(v->sha256, sizeof(v->sha256));

	if (!v->has_sha256)
		return;
	if (out->is_ndjson) {
		print_json(out, file_to_json(&out->context, t, v));
		return;
	}
	clear_line(out);
	(void)printf("%s  %s\n", hex, path);
}

void
scan_output_poisoned(struct scan_output *out, const struct scan_answer *answer)
{
	const struct target *t = answer->target;
	const struct verdict *v = answer->verdict;
	MH_CLEANUP(freep) char *path = text_escape(t->path);

	if (out->is_ndjson) {
		MH_CLEANUP(freep) char *uid = poisoned_uid(&out->context, answer);

		out->context.now_ms = clock_real_ms();
		print_json(out,
		    poisoned_to_ocsf(&out->context, answer, uid, &no_history));
		return;
	}
	clear_line(out);
	(void)printf("%sFOUND%s %s\n      poisoned: %s\n", colour(out, YELLOW),
	    colour(out, PLAIN), path, v->detail != NULL ? v->detail : "");
}

void
scan_output_anomaly(struct scan_output *out, const struct process_table *processes,
    const struct process *p, const struct anomaly *a)
{
	if (out->is_ndjson) {
		const struct process *ancestors[PROCESS_ANCESTORS_MAX];
		size_t n = process_table_ancestors(processes, p, ancestors,
		    PROCESS_ANCESTORS_MAX);
		MH_CLEANUP(freep) char *uid = anomaly_uid(&out->context, p, a);

		out->context.now_ms = clock_real_ms();
		print_json(out,
		    anomaly_to_ocsf(&out->context, p, ancestors, n, a, uid, &no_history));
		return;
	}
	if (a->score < ANOMALY_SCORE_ALERT)
		return;
	MH_CLEANUP(freep) char *program = text_escape(p->program);
	MH_CLEANUP(freep) char *head = xstrndup(p->command, COMMAND_SHOWN);
	MH_CLEANUP(freep) char *command = text_escape(head);
	MH_CLEANUP(freep) char *reason = text_escape(a->reason);

	clear_line(out);
	(void)printf("%sFOUND%s process %d%s%s%s\n      %s%s%s, score %u\n      %s\n"
		     "      command: %s%s\n",
	    colour(out, a->score >= 60 ? RED : YELLOW), colour(out, PLAIN), (int)p->pid,
	    program[0] != 0 ? " (" : "", program, program[0] != 0 ? ")" : "",
	    colour(out, BOLD), anomaly_title(a->clue.kind), colour(out, PLAIN), a->score,
	    reason, command, strlen(p->command) > COMMAND_SHOWN ? " ..." : "");
	(void)fflush(stdout);
}

void
scan_output_progress(struct scan_output *out, const struct scan_progress *p,
    const struct coverage *c, int64_t now_ms)
{
	int64_t elapsed = now_ms - out->started_ms;
	char bar[BAR_CELLS + 1];
	uint64_t total = p->n_total > p->n_files ? p->n_total : p->n_files;
	uint64_t filled = total > 0 ? c->n_scanned * BAR_CELLS / total : 0;

	if (!out->has_progress || now_ms - out->shown_ms < PROGRESS_MS ||
	    elapsed < PROGRESS_MS)
		return;
	out->shown_ms = now_ms;
	for (uint64_t i = 0; i < BAR_CELLS; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR_CELLS] = 0;

	MH_CLEANUP(freep) char *rate = text_size(c->bytes * 1000 / (uint64_t)elapsed);
	MH_CLEANUP(freep) char *left = NULL;
	if (p->is_total && c->n_scanned > 0 && total > c->n_scanned)
		left = text_duration(
		    (uint64_t)elapsed * (total - c->n_scanned) / c->n_scanned);
	MH_CLEANUP(freep)
	char *line = xasprintf("[%s] %" PRIu64 "/%" PRIu64 "%s files, %" PRIu64
			       "/s, %s/s, %s%s%" PRIu64 " found",
	    bar, c->n_scanned, total, p->is_total ? "" : "+",
	    c->n_scanned * 1000 / (uint64_t)elapsed, rate, left != NULL ? left : "",
	    left != NULL ? " left, " : "", c->n_findings);
	(void)fprintf(stderr, "\r%.*s\033[K", out->columns - 1, line);
	out->is_line_shown = true;
}

static void
print_reasons(const struct coverage *c, bool is_missed)
{
	const char *comma = "";

	for (unsigned i = 0; i < REASON_MAX_; i++) {
		enum reason reason = (enum reason)i;

		if (c->by_reason[i] == 0 || reason_is_missed(reason) != is_missed)
			continue;
		(void)printf("%s%" PRIu64 " %s", comma, c->by_reason[i],
		    reason_name(reason));
		comma = ", ";
	}
}

static void
print_missed(struct scan_output *out, const struct coverage *c)
{
	(void)printf("%sNot scanned, wholly or in part: %" PRIu64 "%s (",
	    colour(out, YELLOW), c->n_missed, colour(out, PLAIN));
	print_reasons(c, true);
	(void)printf(")\n");
	for (size_t i = 0; i < c->n_paths && i < PATHS_SHOWN; i++) {
		const struct coverage_path *p = &c->paths[i];
		MH_CLEANUP(freep) char *path = text_escape(p->path);
		MH_CLEANUP(freep)
		char *detail =
		    text_escape(p->detail != NULL ? p->detail : reason_text(p->reason));

		(void)printf("  %s: %s%s\n", path, p->partly ? "in part: " : "", detail);
	}
	if (c->n_missed > PATHS_SHOWN)
		(void)printf("  and %" PRIu64 " more: --format ndjson names them\n",
		    c->n_missed - PATHS_SHOWN);
}

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static char *
members_text(uint64_t n)
{
	return n > 0 ? xasprintf(" with %" PRIu64 " member%s in archives", n, plural(n))
		     : xstrdup("");
}

static void
print_found(struct scan_output *out, const struct coverage *c)
{
	(void)printf("%s%" PRIu64 " finding%s",
	    colour(out, c->n_findings > out->n_known ? RED : PLAIN), c->n_findings,
	    plural(c->n_findings));
	/* Signs about processes are findings in none. */
	if (c->n_found > 0)
		(void)printf(" in %" PRIu64 " %s%s", c->n_found,
		    c->n_processes > 0 ? "target" : "file", plural(c->n_found));
	if (out->n_known > 0)
		(void)printf(", %" PRIu64 " of them known", out->n_known);
	(void)printf("%s\n", colour(out, PLAIN));
}

static char *
processes_text(const struct scan_output *out, uint64_t n)
{
	return !out->has_processes
		   ? xstrdup("")
		   : xasprintf("%" PRIu64 " process%s and ", n, n == 1 ? "" : "es");
}

static void
print_summary(struct scan_output *out, const struct coverage *c)
{
	uint64_t elapsed = (uint64_t)(clock_monotonic_ms() - out->started_ms) + 1;
	const struct ruleset_facts *rules = out->context.rules;
	MH_CLEANUP(freep) char *bytes = text_size(c->bytes);
	MH_CLEANUP(freep) char *rate = text_size(c->bytes * 1000 / elapsed);
	MH_CLEANUP(freep) char *time = text_duration(elapsed);
	bool is_passed = false;

	for (unsigned i = 1; i < REASON_MAX_; i++)
		is_passed = is_passed ||
			    (c->by_reason[i] > 0 && !reason_is_missed((enum reason)i));
	MH_CLEANUP(freep) char *members = members_text(c->n_members);
	MH_CLEANUP(freep) char *processes = processes_text(out, c->n_processes);
	uint64_t n_files = c->n_scanned - c->n_processes;

	(void)printf("Scanned %s%" PRIu64 " file%s%s, %s, in %s (%" PRIu64
		     " files/s, %s/s)\n",
	    processes, n_files, plural(n_files), members, bytes, time,
	    n_files * 1000 / elapsed, rate);
	/* A name of a host is a rule of ours. */
	uint32_t n_rules = rules->n_rules - rules->n_indicators[INDICATOR_DOMAIN];
	MH_CLEANUP(freep) char *indicators = indicator_facts_text(rules);

	(void)printf("with %" PRIu32 " rule%s of %" PRIu32 " file%s", n_rules,
	    plural(n_rules), rules->n_files - rules->n_left_out,
	    plural(rules->n_files - rules->n_left_out));
	if (out->has_processes)
		(void)printf(", %" PRIu32 " of them in memory",
		    rules->n_in_memory - rules->n_indicators[INDICATOR_DOMAIN]);
	if (rules->n_left_out > 0)
		(void)printf("; %s%" PRIu32 " rule file%s left out%s",
		    colour(out, YELLOW), rules->n_left_out, plural(rules->n_left_out),
		    colour(out, PLAIN));
	(void)printf(", %s\n", rules->engine);
	if (indicators != NULL)
		(void)printf("and indicators: %s\n", indicators);
	if (is_passed) {
		(void)printf("Passed over: ");
		print_reasons(c, false);
		(void)printf("\n");
	}
	if (!rules->has_landlock)
		(void)printf("This kernel has no Landlock: the scan workers' sandbox was "
			     "weaker.\n");
	if (c->n_missed > 0)
		print_missed(out, c);
	if (c->by_reason[REASON_POISONED] > 0)
		(void)printf("%s%" PRIu64 " files kill their scan workers%s\n",
		    colour(out, RED), c->by_reason[REASON_POISONED], colour(out, PLAIN));
	if (c->n_weak > 0)
		(void)printf("%" PRIu64 " weak sign%s about processes: --format ndjson "
			     "tells %s\n",
		    c->n_weak, plural(c->n_weak), c->n_weak == 1 ? "it" : "them");
	if (c->n_findings > 0)
		print_found(out, c);
	else if (c->by_reason[REASON_POISONED] == 0)
		(void)printf("%sNothing found%s%s\n",
		    c->n_missed > 0 ? "" : colour(out, GREEN),
		    c->n_missed > 0 ? " in what was scanned" : "", colour(out, PLAIN));
}

void
scan_output_end(struct scan_output *out, const struct coverage *c,
    int64_t started_real_ms, bool is_complete)
{
	clear_line(out);
	if (!out->is_ndjson) {
		if (!is_complete)
			(void)printf("The scan was stopped.\n");
		print_summary(out, c);
		return;
	}
	out->context.now_ms = clock_real_ms();
	for (size_t first = 0; first < c->n_paths; first += PATHS_PER_LINE)
		print_json(out,
		    coverage_to_json(&out->context, c, first, PATHS_PER_LINE));
	print_json(out, summary_to_json(&out->context, c, started_real_ms, is_complete));
}
