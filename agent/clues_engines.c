/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Engines that a process maps, which explain code that is made at run time.
 * Anybody can give a file such a name: it counts only where its owner and its
 * place say that it was installed.
 *
 * Runs in: opener.
 * Input: /proc of hostile processes.
 */
#include "agent/clues_impl.h"

#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

/*
 * Engines that make code at run time, by the names of their files: a prefix of
 * the last part of the path.  The exact ones are programs.
 */
static const struct {
	const char *file, *engine;
	bool is_exact;
	bool is_data; /* it lies beside the program that has the engine in it */
} engines[] = {
	{ "libjvm.so", "jvm", false, false },
	{ "node", "v8", true, false },
	{ "nodejs", "v8", true, false },
	{ "chrome", "v8", true, false },
	{ "chromium", "v8", true, false },
	{ "electron", "v8", true, false },
	{ "libnode.so", "v8", false, false },
	{ "libv8", "v8", false, false },
	{ "libcef.so", "v8", false, false },
	{ "v8_context_snapshot", "v8", false, true },
	{ "snapshot_blob.bin", "v8", false, true },
	{ "libQt5WebEngineCore.so", "v8", false, false },
	{ "libQt6WebEngineCore.so", "v8", false, false },
	{ "libQt5Qml.so", "qml", false, false },
	{ "libQt6Qml.so", "qml", false, false },
	{ "libxul.so", "spidermonkey", false, false },
	{ "libmozjs-", "spidermonkey", false, false },
	{ "libjavascriptcoregtk-", "jsc", false, false },
	{ "libpcre2-", "pcre2", false, false },
	{ "libpcre.so", "pcre", false, false },
	{ "libffi.so", "ffi", false, false },
	{ "libffi-", "ffi", false, false },
	{ "libluajit", "luajit", false, false },
	{ "luajit", "luajit", false, false },
	{ "libmono", "mono", false, false },
	{ "mono", "mono", false, false },
	{ "libcoreclr.so", "dotnet", false, false },
	{ "libLLVM", "llvm", false, false },
	{ "libgccjit.so", "gccjit", false, false },
	{ "opcache.so", "php", true, false },
	{ "libpypy", "pypy", false, false },
	{ "pypy", "pypy", false, false },
	{ "libruby", "ruby", false, false },
	{ "ruby", "ruby", false, false },
	{ "beam.smp", "beam", true, false },
	{ "qemu-", "tcg", false, false },
	{ "memcheck-", "valgrind", false, false },
	{ "callgrind-", "valgrind", false, false },
	{ "libnvidia-glcore.so", "nvidia", false, false },
	{ "libnvidia-eglcore.so", "nvidia", false, false },
	{ "liborc-0.4.so", "orc", false, false },
	{ "libdnnl.so", "onednn", false, false },
	{ "libtorch_cpu.so", "torch", false, false },
	{ "libmkl_", "mkl", false, false },
	{ "ntdll.so", "wine", true, false },
	{ "wine-preloader", "wine", true, false },
	{ "wine64-preloader", "wine", true, false },
};

/* Folders that only root fills. */
static bool
is_of_system(const char *path)
{
	static const char *const roots[] = { "/usr/", "/bin/", "/sbin/", "/lib", "/opt/",
		"/snap/", "/nix/store/", "/gnu/store/", "/var/lib/snapd/",
		"/var/lib/flatpak/", "/app/" };

	for (size_t i = 0; i < MH_ARRAY_LEN(roots); i++) {
		if (strncmp(path, roots[i], strlen(roots[i])) == 0)
			return true;
	}
	return false;
}

/* Folders in which anybody may put files, or hidden ones outside of homes. */
static bool
is_open(const char *path)
{
	static const char *const roots[] = { "/tmp/", "/var/tmp/", "/dev/", "/run/",
		"/proc/", "/var/crash/" };

	for (size_t i = 0; i < MH_ARRAY_LEN(roots); i++) {
		if (strncmp(path, roots[i], strlen(roots[i])) == 0)
			return true;
	}
	return strncmp(path, "/home/", 6) != 0 && strncmp(path, "/root/", 6) != 0 &&
	       strstr(path, "/.") != NULL;
}

/*
 * Whether path is the program or was installed with it: in its folder, or, of a
 * program in X/bin, below X, which is no home itself.
 */
static bool
is_with_program(const char *program, const char *path)
{
	enum { HOME_SLASHES = 4 }; /* of a folder in a home */
	const char *slash = program != NULL ? strrchr(program, '/') : NULL;
	size_t len = slash != NULL ? (size_t)(slash + 1 - program) : 0;
	unsigned n_slashes = 0;

	if (len == 0)
		return false;
	if (strcmp(program, path) == 0)
		return true;
	if (len > 5 && strncmp(program + len - 5, "/bin/", 5) == 0)
		len -= 4;
	for (size_t i = 0; i < len; i++)
		n_slashes += program[i] == '/';
	return strncmp(program, path, len) == 0 &&
	       (n_slashes >= HOME_SLASHES || is_of_system(path));
}

/* Whether a file of such a name may be taken for what it says. */
static bool
is_installed(const struct clue_subject *s, const struct map *m)
{
	struct stat st;
	struct stat self;

	if (is_open(m->path))
		return false;
	switch (clues_stat_mapped(s, m, &st)) {
	case CLUES_STAT_UNKNOWN:
		return false;
	case CLUES_STAT_NETWORK:
		/* Tools of a site; nobody is asked who owns them. */
		return is_with_program(s->process->program, m->path) ||
		       strncmp(m->path, "/home/", 6) != 0;
	case CLUES_STAT_DONE:
		break;
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || (st.st_mode & S_IWOTH) != 0)
		return false;
	if (st.st_uid == 0)
		return true;
	return fstat(s->pid_fd, &self) == 0 && st.st_uid == self.st_uid &&
	       is_with_program(s->process->program, m->path);
}

const char *
clues_engine_of(const struct clue_subject *s, const struct map *m)
{
	const char *slash = strrchr(m->path, '/');
	const char *name = slash != NULL ? slash + 1 : m->path;

	for (size_t i = 0; i < MH_ARRAY_LEN(engines); i++) {
		const char *file = engines[i].file;

		if (engines[i].is_exact ? strcmp(name, file) != 0
					: strncmp(name, file, strlen(file)) != 0)
			continue;
		if (!map_is_executable(m) && !engines[i].is_data)
			return NULL;
		return is_installed(s, m) ? engines[i].engine : NULL;
	}
	return NULL;
}
