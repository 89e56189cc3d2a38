/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt scan: agent and supervisor in one, for its own opener and workers.
 *
 * Runs in: the caller's process.
 * Input: arguments; messages from opener, zygote and workers.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/cli.h"
#include "agent/cli_children.h"
#include "agent/cli_overrides.h"
#include "agent/indicator_files.h"
#include "agent/packs.h"
#include "agent/scan.h"
#include "agent/scan_output.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	FILE_LIST_MAX = 1 << 30, /* bytes of --files-from */
	FAREWELL_MS = 3000,      /* for the helpers to end by themselves */
};

struct strings {
	const char **list;
	size_t n;
};

/* What the command line said. */
struct scan_arguments {
	struct scanner_options options;
	struct cli_overrides overrides;
	struct strings roots, rules, excludes, programs, indicators;
	bool has_processes, is_strict;
	int32_t pids[LIST_PIDS_MAX];
	uint32_t n_pids;
	uint32_t uids[LIST_NAMES_MAX];
	uint32_t n_uids;
	const char *files_from;
	char *files_text; /* content of it; owned */
	bool is_ndjson, is_quiet, may_cross, may_use_network;
};

struct scan_command {
	struct scan_arguments args;
	struct children children;
	struct scan_output output;
	struct host host;
	struct ruleset_facts facts; /* borrowed from the scan */
	struct scanner *scanner;
	struct scan *scan; /* NULL while the rules are loaded */
	struct pack_list packs;
	int64_t started_real_ms;
	bool is_done, is_failed, is_stopped;
};

static volatile sig_atomic_t is_interrupted;

static void
on_signal(int sig)
{
	(void)sig;
	is_interrupted = 1;
}

static const char help[] =
    "usage: molehunt scan [OPTION...] [PATH...]\n"
    "\n"
    "Scans files, and folders with all below them, for known implants, and what\n"
    "processes have in memory. Stays on the file system where a PATH lies. Prints\n"
    "what is found; sends nothing anywhere.\n"
    "\n"
    "  --processes          scan the memory of all processes and the files they map\n"
    "  --pid N              only this process (may be repeated)\n"
    "  --user NAME          only processes of this user (may be repeated)\n"
    "  --program NAME       only processes that run this program (may be repeated);\n"
    "                       of several kinds of these, each has to fit\n"
    "  --strict             swapped-out memory counts as not scanned\n"
    "  --rules FILE|DIR     use these YARA rules, or a ZIP of them, instead of our own\n"
    "                       (may be repeated)\n"
    "  --overrides FILE     disable, re-score or suppress rules, as in molehunt.yaml(5)\n"
    "  --group NAME         this machine is of that group of overrides (may be "
    "repeated)\n"
    "  --ioc FILE|DIR       also compare with these indicators: hashes, names, "
    "addresses;\n"
    "                       FORMAT:FILE names a format (may be repeated)\n"
    "  --files-from FILE    also scan the files named in FILE, one per line; - is\n"
    "                       standard input\n"
    "  --exclude PATTERN    leave out paths that match, with all below them (glob)\n"
    "  --cross              enter other local file systems too\n"
    "  --network            scan network and FUSE file systems too\n"
    "  --jobs N             scan workers (default: one per CPU)\n"
    "  --max-file-size SIZE scan larger files only in part (default 512MiB)\n"
    "  --timeout TIME       for one file (default 30s)\n"
    "  --no-archives        do not scan what is in archives\n"
    "  --matched MODE       keep of what matched: bytes (default), hash or none\n"
    "  --hashes             print the hashes of every file that is scanned\n"
    "  --format FORMAT      text (default), or ndjson: one JSON object per line\n"
    "  --quiet              no progress on the terminal\n"
    "\n"
    "Exit status: 0 nothing found and everything scanned, 1 something found, 2 an\n"
    "error, 3 nothing found but something was not scanned.\n"
    "\n"
    "  molehunt scan /home --exclude '*/.cache'\n"
    "  molehunt scan --processes --user alice\n"
    "  molehunt scan --rules my-rules/ --format ndjson /usr/bin | jq .message\n";

static void
add_string(struct strings *s, const char *value)
{
	s->list = xreallocarray(s->list, s->n + 1, sizeof(*s->list));
	s->list[s->n++] = value;
}

/* Evidence names a file by its whole path, wherever the scan was started. */
static void
add_root(struct scan_arguments *a, const char *path)
{
	MH_CLEANUP(freep) char *here = path[0] != '/' ? getcwd(NULL, 0) : NULL;

	/* ".." would give one file several names, and hide it from --exclude. */
	if (strstr(path, "..") != NULL) {
		char *whole = realpath(path, NULL);

		if (whole != NULL) {
			add_string(&a->roots, whole);
			return;
		}
	}
	while (here != NULL && path[0] == '.' && path[1] == '/')
		path += 2;
	if (here == NULL)
		add_string(&a->roots, xstrdup(path));
	else if (strcmp(path, ".") == 0)
		add_string(&a->roots, xstrdup(here));
	else
		add_string(&a->roots,
		    xasprintf("%s/%s", strcmp(here, "/") == 0 ? "" : here, path));
}

static int
complain(const char *option, const char *value, const char *allowed)
{
	(void)fprintf(stderr, "molehunt scan: --%s %s: %s\n", option, value, allowed);
	return -1;
}

enum option_code {
	OPTION_RULES = 256,
	OPTION_OVERRIDES,
	OPTION_GROUP,
	OPTION_IOC,
	OPTION_FILES_FROM,
	OPTION_EXCLUDE,
	OPTION_CROSS,
	OPTION_NETWORK,
	OPTION_JOBS,
	OPTION_MAX_FILE_SIZE,
	OPTION_TIMEOUT,
	OPTION_MATCHED,
	OPTION_HASHES,
	OPTION_NO_ARCHIVES,
	OPTION_FORMAT,
	OPTION_QUIET,
	OPTION_PROCESSES,
	OPTION_PID,
	OPTION_USER,
	OPTION_PROGRAM,
	OPTION_STRICT,
	OPTION_HELP,
};

static int
set_number(struct scan_arguments *a, int code, const char *value)
{
	uint64_t n = 0;

	switch (code) {
	case OPTION_JOBS:
		if (parse_u64(value, 1, SCAN_JOBS_MAX, &n) != MH_OK)
			return complain("jobs", value, "a number from 1 to 64 is needed");
		a->options.n_workers = (unsigned)n;
		return 0;
	case OPTION_MAX_FILE_SIZE:
		if (parse_size(value, SCAN_FILE_BYTES_MIN, SCAN_FILE_BYTES_MAX, &n) !=
		    MH_OK)
			return complain("max-file-size", value,
			    "a size from 1MiB to 1TiB is needed, such as 100MiB");
		a->options.setup.max_file_bytes = n;
		return 0;
	default:
		if (parse_duration(value, SCAN_TIMEOUT_MIN_MS, SCAN_TIMEOUT_MAX_MS, &n) !=
		    MH_OK)
			return complain("timeout", value,
			    "a time from 1s to 1h is needed, such as 30s");
		a->options.setup.timeout_ms = (uint32_t)n;
		return 0;
	}
}

static int
set_choice(struct scan_arguments *a, int code, const char *value)
{
	static const char *const modes[DATA_MAX_] = { "bytes", "hash", "none" };

	if (code == OPTION_FORMAT) {
		a->is_ndjson = strcmp(value, "ndjson") == 0;
		if (!a->is_ndjson && strcmp(value, "text") != 0)
			return complain("format", value, "text or ndjson is needed");
		return 0;
	}
	for (uint8_t i = 0; i < DATA_MAX_; i++) {
		if (strcmp(value, modes[i]) == 0) {
			a->options.setup.data_mode = i;
			return 0;
		}
	}
	return complain("matched", value, "bytes, hash or none is needed");
}

static int
add_user(struct scan_arguments *a, const char *value)
{
	const struct passwd *pw = getpwnam(value);
	uint64_t uid = 0;

	if (a->n_uids == LIST_NAMES_MAX)
		return complain("user", value, "too many users");
	if (pw != NULL)
		uid = pw->pw_uid;
	else if (parse_u64(value, 0, UINT32_MAX - 1, &uid) != MH_OK)
		return complain("user", value, "there is no such user");
	a->uids[a->n_uids++] = (uint32_t)uid;
	return 0;
}

/* Which processes: each of these means that there are some. */
static int
choose_processes(struct scan_arguments *a, int code, const char *value)
{
	uint64_t pid = 0;

	a->has_processes = true;
	switch (code) {
	case OPTION_PID:
		if (parse_u64(value, 1, INT32_MAX, &pid) != MH_OK)
			return complain("pid", value,
			    "the number of a process is needed");
		if (a->n_pids == LIST_PIDS_MAX)
			return complain("pid", value, "at most 1024 can be named");
		a->pids[a->n_pids++] = (int32_t)pid;
		return 0;
	case OPTION_USER:
		return add_user(a, value);
	case OPTION_PROGRAM:
		if (a->programs.n == LIST_NAMES_MAX || value[0] == 0 ||
		    strlen(value) > LIST_NAME_BYTES || strchr(value, '/') != NULL)
			return complain("program", value,
			    "a name without a folder is needed, at most 256 of them");
		add_string(&a->programs, value);
		return 0;
	default:
		return 0;
	}
}

static int
add_group(struct scan_arguments *a, const char *value)
{
	MH_CLEANUP(freep) char *why = host_group_check(value);

	if (why != NULL)
		return complain("group", value, why);
	cli_overrides_add_group(&a->overrides, value);
	return 0;
}

static int
set_option(struct scan_arguments *a, int code, const char *value)
{
	switch (code) {
	case OPTION_PROCESSES:
	case OPTION_PID:
	case OPTION_USER:
	case OPTION_PROGRAM:
		return choose_processes(a, code, value);
	case OPTION_STRICT:
		a->is_strict = true;
		return 0;
	case OPTION_RULES:
		add_string(&a->rules, value);
		return 0;
	case OPTION_OVERRIDES:
		return cli_overrides_load(&a->overrides, value);
	case OPTION_GROUP:
		return add_group(a, value);
	case OPTION_IOC:
		add_string(&a->indicators, value);
		return 0;
	case OPTION_FILES_FROM:
		a->files_from = value;
		return 0;
	case OPTION_EXCLUDE:
		add_string(&a->excludes, value);
		return 0;
	case OPTION_CROSS:
		a->may_cross = true;
		return 0;
	case OPTION_NETWORK:
		a->may_use_network = true;
		return 0;
	case OPTION_HASHES:
		a->options.setup.hash_all = true;
		return 0;
	case OPTION_NO_ARCHIVES:
		a->options.setup.archives = false;
		return 0;
	case OPTION_QUIET:
		a->is_quiet = true;
		return 0;
	case OPTION_FORMAT:
	case OPTION_MATCHED:
		return set_choice(a, code, value);
	case OPTION_JOBS:
	case OPTION_MAX_FILE_SIZE:
	case OPTION_TIMEOUT:
		return set_number(a, code, value);
	default:
		return -1;
	}
}

/* 0: go on; 1: help was asked for; -1: an error was told. */
static int
parse_arguments(struct scan_arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "rules", required_argument, NULL, OPTION_RULES },
		{ "overrides", required_argument, NULL, OPTION_OVERRIDES },
		{ "group", required_argument, NULL, OPTION_GROUP },
		{ "ioc", required_argument, NULL, OPTION_IOC },
		{ "files-from", required_argument, NULL, OPTION_FILES_FROM },
		{ "exclude", required_argument, NULL, OPTION_EXCLUDE },
		{ "cross", no_argument, NULL, OPTION_CROSS },
		{ "network", no_argument, NULL, OPTION_NETWORK },
		{ "jobs", required_argument, NULL, OPTION_JOBS },
		{ "max-file-size", required_argument, NULL, OPTION_MAX_FILE_SIZE },
		{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
		{ "matched", required_argument, NULL, OPTION_MATCHED },
		{ "hashes", no_argument, NULL, OPTION_HASHES },
		{ "no-archives", no_argument, NULL, OPTION_NO_ARCHIVES },
		{ "format", required_argument, NULL, OPTION_FORMAT },
		{ "quiet", no_argument, NULL, OPTION_QUIET },
		{ "processes", no_argument, NULL, OPTION_PROCESSES },
		{ "pid", required_argument, NULL, OPTION_PID },
		{ "user", required_argument, NULL, OPTION_USER },
		{ "program", required_argument, NULL, OPTION_PROGRAM },
		{ "strict", no_argument, NULL, OPTION_STRICT },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int code = 0;

	while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (code == OPTION_HELP || code == 'h') {
			(void)fputs(help, stdout);
			return 1;
		}
		if (set_option(a, code, optarg) < 0) {
			(void)fputs("molehunt scan --help tells what there is\n", stderr);
			return -1;
		}
	}
	for (int i = optind; i < argc; i++) {
		if (argv[i][0] == 0) {
			(void)fputs(
			    "molehunt scan: a PATH is empty: is a variable not set?\n",
			    stderr);
			return -1;
		}
		add_root(a, argv[i]);
	}
	if (!scan_takes_excludes(a->excludes.list, a->excludes.n)) {
		(void)fprintf(stderr,
		    "molehunt scan: too many --exclude: at most %d patterns of together "
		    "%d "
		    "bytes\n",
		    WALK_EXCLUDES_MAX, WALK_EXCLUDES_BYTES_MAX);
		return -1;
	}
	if (a->roots.n == 0 && a->files_from == NULL && !a->has_processes) {
		(void)fputs("molehunt scan: which PATH? For a start:  molehunt scan ~\n",
		    stderr);
		return -1;
	}
	return 0;
}

static int
read_file_list(struct scan_arguments *a)
{
	MH_CLEANUP(buf_freep) struct buf *b = buf_new(FILE_LIST_MAX);
	bool is_stdin = a->files_from != NULL && strcmp(a->files_from, "-") == 0;
	size_t len = 0;

	if (a->files_from == NULL)
		return 0;
	mh_err err =
	    is_stdin ? fd_read_all(STDIN_FILENO, b) : file_read(a->files_from, b);
	if (err != MH_OK) {
		(void)fprintf(stderr, "molehunt scan: --files-from %s: %s\n",
		    a->files_from,
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
		return -1;
	}
	a->files_text = (char *)buf_take(b, &len);
	for (char *line = a->files_text; line < a->files_text + len;) {
		char *end = memchr(line, '\n', (size_t)(a->files_text + len - line));

		if (end == NULL)
			end = a->files_text + len;
		*end = 0;
		if (line[0] != 0)
			add_root(a, line);
		line = end + 1;
	}
	return 0;
}

static int
collect_packs(struct scan_command *c)
{
	MH_CLEANUP(freep) char *own = packs_default();
	MH_CLEANUP(freep) char *why = NULL;

	if (c->args.rules.n == 0)
		add_string(&c->args.rules, own);
	for (size_t i = 0; i < c->args.rules.n; i++) {
		if (pack_list_add(&c->packs, c->args.rules.list[i], &why) != MH_OK) {
			(void)fprintf(stderr, "molehunt scan: --rules %s\n", why);
			return -1;
		}
	}
	for (size_t i = 0; i < c->args.indicators.n; i++) {
		if (indicator_files_add(&c->packs, c->args.indicators.list[i], &why) !=
		    MH_OK) {
			(void)fprintf(stderr, "molehunt scan: --ioc %s\n", why);
			return -1;
		}
	}
	return 0;
}

static mh_err
start_child(void *ctx, enum role role, unsigned instance)
{
	struct scan_command *c = ctx;

	return cli_start_child("scan", &c->children, c->scanner, role, instance);
}

static void
stop_child(void *ctx, enum role role, unsigned instance)
{
	struct scan_command *c = ctx;

	children_kill(&c->children, role, instance, SIGKILL);
}

static void
on_rule_problem(void *ctx, const struct pack_file *file, unsigned line, const char *why)
{
	struct scan_command *c = ctx;

	scan_output_rule_problem(&c->output, file->path, line, why);
}

static void
on_indicator_line(void *ctx, const struct indicator_file *file, unsigned line,
    const char *why)
{
	struct scan_command *c = ctx;

	scan_output_indicator_line(&c->output, file, line, why);
}

static void
on_indicator_file(void *ctx, const struct indicator_file *file,
    const struct indicator_file_result *result)
{
	struct scan_command *c = ctx;

	scan_output_indicator_file(&c->output, file, result);
}

static void
on_answer(void *ctx, struct scan *scan, const struct scan_answer *answer)
{
	struct scan_command *c = ctx;
	const struct target *t = answer->target;
	const struct verdict *v = answer->verdict;

	(void)scan;
	if (c->args.options.setup.hash_all)
		scan_output_hashes(&c->output, t, v);
	struct target_score score;

	finding_target_score(&c->output.context, answer, &score);
	c->output.context.target = &score;
	for (uint32_t i = 0; i < answer->n_matches; i++)
		scan_output_match(&c->output, answer, answer->matches[i]);
	c->output.context.target = NULL;
	if (v->reason == REASON_POISONED)
		scan_output_poisoned(&c->output, answer);
}

static void
on_anomaly(void *ctx, const struct process_table *processes, const struct process *p,
    const struct anomaly *a)
{
	struct scan_command *c = ctx;

	scan_output_anomaly(&c->output, processes, p, a);
}

static void
on_done(void *ctx, struct scan *scan)
{
	struct scan_command *c = ctx;

	(void)scan;
	c->is_done = true;
}

static const struct scan_ops scan_ops = {
	.on_answer = on_answer,
	.on_anomaly = on_anomaly,
	.on_done = on_done,
};

static void
on_ready(void *ctx, const struct ruleset_facts *facts, const char *why)
{
	struct scan_command *c = ctx;
	struct scan_arguments *a = &c->args;
	struct process_choice processes = {
		.pids = a->pids,
		.n_pids = a->n_pids,
		.uids = a->uids,
		.n_uids = a->n_uids,
		.names = a->programs.list,
		.n_names = (uint32_t)a->programs.n,
	};
	struct scan_walk walk = {
		.priority = SCAN_ORDINARY,
		.processes = a->has_processes ? &processes : NULL,
		.roots = a->roots.list,
		.n_roots = a->roots.n,
		.excludes = a->excludes.list,
		.n_excludes = a->excludes.n,
		.may_cross = a->may_cross,
		.may_use_network = a->may_use_network,
		.wants_count = c->output.has_progress,
	};

	if (facts == NULL) {
		(void)fprintf(stderr, "molehunt scan: %s\n", why);
		c->is_failed = true;
		return;
	}
	c->facts = *facts;
	c->output.context.rules = &c->facts;
	if (scan_start(c->scanner, &walk, &scan_ops, c, &c->scan) != MH_OK)
		c->is_failed = true;
}

static void
run_loop(struct scan_command *c)
{
	struct scan_progress progress;

	while (!c->is_done && !c->is_failed) {
		scanner_step(c->scanner, SCAN_TICK_MS);
		cli_reap_children(&c->children, c->scanner);
		if (is_interrupted && !c->is_stopped) {
			c->is_stopped = true;
			if (c->scan != NULL)
				scan_cancel(c->scan);
			else
				c->is_failed = true; /* still loading rules */
		}
		if (c->scan == NULL)
			continue;
		scan_get_progress(c->scan, &progress);
		scan_output_progress(&c->output, &progress, scan_coverage(c->scan),
		    clock_monotonic_ms());
	}
}

/*
 * The helpers end when their channels close.  One that hangs in a system call
 * is left behind: it dies with us.
 */
static void
see_children_off(struct scan_command *c)
{
	struct timespec nap = { .tv_nsec = 2 * 1000 * 1000 };
	int64_t until_ms = clock_monotonic_ms() + FAREWELL_MS;
	struct child gone;
	int status = 0;

	while (children_are_left(&c->children) && clock_monotonic_ms() < until_ms) {
		if (!children_reap(&c->children, &gone, &status))
			(void)nanosleep(&nap, NULL);
	}
}

static int
exit_status(const struct scan_command *c)
{
	const struct coverage *coverage = scan_coverage(c->scan);

	if (coverage->n_findings > c->output.n_known ||
	    coverage->by_reason[REASON_POISONED] > 0)
		return EXIT_FOUND;
	if (c->args.is_strict && coverage->by_reason[REASON_SWAPPED] > 0)
		return EXIT_INCOMPLETE;
	return coverage->n_missed > 0 ? EXIT_INCOMPLETE : EXIT_CLEAN;
}

static unsigned
n_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > SCAN_JOBS_MAX ? SCAN_JOBS_MAX : (unsigned)n;
}

static void
raise_file_limit(void)
{
	struct rlimit files;

	/* Every target on its way holds a descriptor. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
}

static int
scan_files(struct scan_command *c)
{
	static const struct scanner_ops ops = {
		.start = start_child,
		.stop = stop_child,
		.on_rule_problem = on_rule_problem,
		.on_indicator_line = on_indicator_line,
		.on_indicator_file = on_indicator_file,
		.on_ready = on_ready,
	};
	MH_CLEANUP(freep)
	char *scan_uid =
	    xasprintf("scan-%lld-%d", (long long)clock_real_ms(), (int)getpid());

	host_init(&c->host);
	children_init(&c->children);
	scan_output_init(&c->output, c->args.is_ndjson, !c->args.is_quiet);
	c->output.has_processes = c->args.has_processes;
	c->output.context.host = &c->host;
	c->output.context.device_uid = c->host.device_uid;
	c->output.context.scan_uid = scan_uid;
	c->output.context.overrides = &c->args.overrides.view;
	cli_overrides_tell_expired(&c->args.overrides, clock_real_ms());
	c->args.options.overrides = &c->args.overrides.view;
	c->started_real_ms = clock_real_ms();
	c->scanner = scanner_new(&c->args.options, &c->packs, &ops, c, 0);
	catch_signals();
	c->output.context.packs = scanner_packs(c->scanner);
	if (scanner_load(c->scanner) != MH_OK)
		return EXIT_ERROR;
	run_loop(c);
	if (c->is_failed)
		return EXIT_ERROR;
	scan_output_end(&c->output, scan_coverage(c->scan), c->started_real_ms,
	    !c->is_stopped);
	return c->is_stopped ? EXIT_ERROR : exit_status(c);
}

int
cli_scan(int argc, char **argv)
{
	static struct scan_command c;
	int status = EXIT_ERROR;
	int parsed = 0;

	scan_setup_init(&c.args.options.setup);
	c.args.options.n_workers = n_cpus();
	c.args.options.open_ms = SCAN_OPEN_MS;
	parsed = parse_arguments(&c.args, argc, argv);
	if (parsed != 0)
		return parsed > 0 ? EXIT_CLEAN : EXIT_ERROR;
	raise_file_limit();
	if (read_file_list(&c.args) == 0 && collect_packs(&c) == 0)
		status = scan_files(&c);
	scan_free(c.scan);
	scanner_free(c.scanner);
	see_children_off(&c);
	children_clear(&c.children);
	host_clear(&c.host);
	pack_list_clear(&c.packs);
	for (size_t i = 0; i < c.args.roots.n; i++)
		free((void *)(uintptr_t)c.args.roots.list[i]);
	free(c.args.roots.list);
	free(c.args.rules.list);
	free(c.args.indicators.list);
	free(c.args.excludes.list);
	free(c.args.programs.list);
	free(c.args.files_text);
	cli_overrides_clear(&c.args.overrides);
	/* Output that did not arrive is not output. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "molehunt scan: standard output: %s\n",
		    strerror(errno));
		return EXIT_ERROR;
	}
	return status;
}
