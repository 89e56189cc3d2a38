/* SPDX-License-Identifier: BSD-2-Clause */
/* What is taken can be used: its profiles and its schedule. */
#include <stdlib.h>

#include "agent/agent_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use(const struct agent_config *c)
{
	static const uint8_t secret[SCHEDULE_SECRET_BYTES] = { 0 };
	struct schedule *s = schedule_new(secret);
	const struct config_entry *entries = c->schedule.items;
	struct profile p;

	agent_config_schedule(c, s);
	if (schedule_count(s) != c->schedule.n)
		abort();
	for (size_t i = 0; i < c->schedule.n; i++) {
		if (!agent_config_profile(c, entries[i].profile, &p))
			abort();
	}
	schedule_free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_config config;
	char *why = NULL;

	if (settings_parse(&agent_config_schema, "/a.yaml", data, size, &config, &why) ==
	    MH_OK) {
		use(&config);
		settings_clear(&agent_config_schema, &config);
	} else if (why == NULL) {
		abort(); /* each refusal says why */
	}
	free(why);
	return 0;
}
