/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: molehunt-collector, a person's shell, beside one that serves. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "collector/verb.h"

/* For a person at a terminal. */
static void
on_pages(int done, int total, void *arg)
{
	int *told = arg;
	int percent = total > 0 ? (int)((int64_t)done * 100 / total) : 100;

	if (percent == *told)
		return;
	*told = percent;
	(void)fprintf(stderr, "\r%d %%", percent);
	if (percent == 100)
		(void)fputs("\r\033[K", stderr);
}

static void
print_rest(const char *dir, const char *file)
{
	(void)printf(
	    "Wrote %s.  Keep it with what it does not hold:\n"
	    "  %s/" FOLDER_AUTHORITY "       the fleet's key, offline: who has "
	    "it is the fleet\n"
	    "  %s/" FILE_CA ", " FILE_TLS_KEY ", " FILE_TLS_CERT ", " FILE_RECEIPT_KEY
	    ", " FILE_RECEIPT_CERT "\n"
	    "  %s/" FILE_CONFIG "\n"
	    "To restore: stop the collector, put the file in the place of %s/" FILE_STORE
	    ",\nremove " FILE_STORE "-wal and " FILE_STORE
	    "-shm, start the collector.  Revoke again\n"
	    "whom you revoked since the backup: it does not know.\n",
	    file, dir, dir, dir, dir);
}

static int
verify_copy(const char *file, const struct config *config, bool ndjson)
{
	MH_CLEANUP(store_closep) struct store *copy = NULL;
	mh_err err = store_open(file, &copy);

	if (err != MH_OK)
		return complain("backup: %s: %s", file, store_open_text(err));

	int status = verify_and_tell("backup", copy, config, ndjson);

	store_close(MH_TAKE(copy));
	return status;
}

int
verb_backup(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	const char *file = o->args[1];
	int told = -1;
	int status = EXIT_GOOD;

	if (open_collector(o, &config, &st) != MH_OK)
		return EXIT_TROUBLE;

	mh_err err =
	    store_backup(st, file, isatty(STDERR_FILENO) == 1 ? on_pages : NULL, &told);

	if (err == MH_ERR_SYSTEM)
		return complain("backup: %s: %s", file, strerror(errno));
	if (err == MH_ERR_EXISTS)
		return complain("backup: %s: there is something; nothing was changed",
		    file);
	if (err != MH_OK)
		return complain("backup: %s: %s (%s)", file, mh_strerror(err),
		    store_why(st));
	if (!o->no_verify)
		status = verify_copy(file, &config, o->ndjson);
	if (status == EXIT_GOOD && !o->ndjson)
		print_rest(config.state, file);
	return status;
}
