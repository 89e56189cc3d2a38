/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ordinary programs that compile at run time: none of them may be an anomaly
 * above 39, and none may need it to be told.  What is not installed is skipped.
 */
#include "tests/unit/mh_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/anomaly.h"
#include "agent/clues.h"
#include "base/fd.h"
#include "base/memory.h"

enum { SCORE_MAX = 39, LOOKS = 5, LOOK_MS = 100 };

/* A program whose last line of output is "ready", and the engine it shows. */
struct program {
	const char *const argv[6];
	const char *engine; /* NULL: it needs to map none */
};

#define LOOP "let s=0;for(let i=0;i<2e7;i++)s+=i%7;"

static const struct program programs[] = {
	{ { "node", "-e",
	      LOOP "console.log('ready');"
		   "new(require('worker_threads').Worker)"
		   "('setInterval(()=>{},50)',{eval:true});" },
	    "v8" },
	{ { "luajit", "-e",
	      "local s=0 for i=1,2e7 do s=s+i%7 end local f=require('ffi') "
	      "f.cdef'unsigned sleep(unsigned);' print('ready') io.flush() "
	      "f.C.sleep(60)" },
	    "luajit" },
	{ { "php", "-dopcache.enable_cli=1", "-dopcache.jit_buffer_size=64M",
	      "-dopcache.jit=tracing", "-r",
	      "function f($n){$s=0;for($i=0;$i<$n;$i++)$s+=$i%7;return $s;}"
	      "f(3000000);echo \"ready\\n\";sleep(60);" },
	    NULL },
	{ { "/usr/bin/python3", "-c",
	      "import ctypes\n"
	      "libc=ctypes.CDLL(None)\n"
	      "T=ctypes.CFUNCTYPE(ctypes.c_int,ctypes.c_int)\n"
	      "print('ready',flush=True)\n"
	      "T(lambda n: libc.sleep(n))(60)\n" },
	    "ffi" },
	{ { "/usr/bin/python3", "-c",
	      "import threading,time\n"
	      "threading.Thread(target=time.sleep,args=(60,),daemon=True).start()\n"
	      "print('ready',flush=True);time.sleep(60)" },
	    NULL },
	{ { "perl", "-e", "$|=1; 'aab'=~/a+b?/; print \"ready\\n\"; sleep 60" }, NULL },
	{ { "grep", "-P", "--line-buffered", "rea(d|b)y" }, "pcre2" },
	{ { "sh", "-c",
	      "f=$(mktemp);echo 'class S{public static void main(String[] a)throws "
	      "Exception{"
	      "long s=0;for(long i=0;i<100000000L;i++)s+=i%7;"
	      "System.out.println(\"ready \"+s);Thread.sleep(60000);}}' >$f;"
	      "exec 3<$f;rm $f;exec java --source 11 /dev/fd/3" },
	    "jvm" },
};

struct ground {
	pid_t child;
	int to, from;
	int proc_fd;
	struct clues *clues;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	(void)signal(SIGPIPE, SIG_IGN);
	g->to = g->from = -1;
	g->proc_fd = clues_open_proc();
	g->clues = clues_new(g->proc_fd);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	fd_closep(&g->to);
	fd_closep(&g->from);
	if (g->child > 0) {
		(void)kill(g->child, SIGKILL);
		(void)waitpid(g->child, NULL, 0);
	}
	clues_free(g->clues);
	fd_closep(&g->proc_fd);
	free(g);
	return 0;
}

static void
start(struct ground *g, const char *const *argv)
{
	int in[2];
	int out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	g->child = fork();
	if (g->child == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	g->to = in[1];
	g->from = out[0];
	/* grep finds it; the others do not read. */
	assert_int_equal(write(g->to, "ready\n", 6), 6);
}

/* Until it says something; false when it cannot be started. */
static bool
is_ready(struct ground *g)
{
	char line[64];

	return read(g->from, line, sizeof(line)) > 0;
}

static void
look(struct ground *g, struct process *ret)
{
	MH_CLEANUP(freep) char *name = xasprintf("%d", (int)g->child);
	MH_CLEANUP(fd_closep)
	int fd = openat(g->proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char program[4096];
	ssize_t n = readlinkat(fd, "exe", program, sizeof(program) - 1);

	program[n > 0 ? n : 0] = 0;
	*ret = (struct process){ .pid = g->child, .program = xstrdup(program) };
	clues_of_process(g->clues, fd, ret);
}

static void
check(struct ground *g, const struct program *program)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		struct process p;
		struct anomalies a;

		look(g, &p);
		anomalies_judge(&p, &a);
		for (uint32_t k = 0; k < a.n; k++) {
			print_error("%s: %s %u: %s\n", program->argv[0],
			    anomaly_name(a.list[k].clue.kind), a.list[k].score,
			    a.list[k].reason);
			assert_true(a.list[k].score <= SCORE_MAX);
		}
		if (program->engine != NULL)
			assert_non_null(strstr(p.libraries, program->engine));
		anomalies_clear(&a);
		process_clear(&p);
		(void)usleep(LOOK_MS * 1000);
	}
}

static void
programs_that_compile_at_run_time_are_no_anomaly(void **state)
{
	(void)state;
	for (size_t i = 0; i < MH_ARRAY_LEN(programs); i++) {
		void *ground = NULL;

		assert_int_equal(setup(&ground), 0);
		start(ground, programs[i].argv);
		if (is_ready(ground))
			check(ground, &programs[i]);
		else
			print_message("skipped: %s does not run here\n",
			    programs[i].argv[0]);
		(void)teardown(&ground);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_that_compile_at_run_time_are_no_anomaly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
