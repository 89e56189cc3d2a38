/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: molehunt-collector serve, the service's user. */
#include <stdio.h>

#include "base/memory.h"
#include "collector/server.h"
#include "collector/verb.h"

static int
serve(const struct config *config)
{
	MH_CLEANUP(freep) char *path = config_path(config, FILE_STORE);
	MH_CLEANUP(store_closep) struct store *st = NULL;
	mh_err err = store_open(path, &st);

	log_set_level((enum log_level)config->log_level);
	if (err == MH_OK)
		err = store_limit(st, config->store_max_bytes);
	if (err != MH_OK)
		return complain("serve: %s: %s", path, store_open_text(err));
	return server_run(config, st) == MH_OK ? EXIT_GOOD : EXIT_TROUBLE;
}

int
verb_serve(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	const char *name = o->config != NULL ? o->config
			   : o->n_args > 0   ? o->args[0]
					     : NULL;

	if (name == NULL || (o->config != NULL && o->n_args > 0))
		return complain("serve: give either DIR or --config FILE");
	if (config_load(name, &config) != MH_OK)
		return EXIT_TROUBLE;
	if (o->check_only) {
		(void)printf("%s: the configuration is good\n", name);
		return EXIT_GOOD;
	}
	return serve(&config);
}
