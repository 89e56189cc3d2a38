/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: molehunt-collector serve. */
#include "collector/upkeep.h"

#include "base/clock.h"

mh_err
upkeep_init(struct upkeep *u, const struct config *config, struct store *st)
{
	int64_t copied_ms = 0;
	char text[CLOCK_TEXT_LEN];
	mh_err err = store_serve(st, clock_real_ms(), &copied_ms);

	if (err != MH_OK)
		return err;
	if (copied_ms != 0) {
		clock_format(copied_ms, text);
		log_notice("store",
		    "this is a backup of %s: what came after it is missing here, and "
		    "will be alarms of kind restored; revoke again who was revoked "
		    "since",
		    text);
	}
	*u = (struct upkeep){ .config = config, .st = st };
	u->trouble_limit = (struct log_limit){ .burst = 1, .period_ms = 60000 };
	return MH_OK;
}

static void
log_trouble(struct upkeep *u, mh_err err, const char *what, int64_t now_ms)
{
	if (log_limit_pass(&u->trouble_limit, now_ms))
		log_err_r(err, "store", "%s (%s)", what, store_why(u->st));
}

static void
look_for_alarms(struct upkeep *u, int64_t now_ms)
{
	unsigned n = 0;
	mh_err err = store_check_silence(u->st, u->config->silence_ms, clock_real_ms(),
	    now_ms, &n);

	u->alarms_ms = now_ms + UPKEEP_ALARMS_MS;
	if (err != MH_OK)
		log_trouble(u, err, "alarms could not be looked for", now_ms);
	else if (n > 0)
		log_notice("store",
		    "%u new alarm(s); `molehunt-collector alarms` lists them", n);
}

/* Whether the clock may be believed with what cannot be undone. */
static bool
clock_is_believed(struct upkeep *u, int64_t now_ms)
{
	int64_t real_ms = clock_real_ms();
	int64_t change = real_ms - now_ms - u->offset_ms;
	int64_t newest_ms = 0;

	if (change > UPKEEP_CLOCK_SET_MS || change < -UPKEEP_CLOCK_SET_MS)
		u->settled_ms = now_ms + UPKEEP_CLOCK_MS;
	u->offset_ms = real_ms - now_ms;
	return now_ms >= u->settled_ms || (store_newest(u->st, &newest_ms) == MH_OK &&
					      real_ms - newest_ms < UPKEEP_CLOCK_MS);
}

static void
prune(struct upkeep *u, int64_t now_ms)
{
	unsigned n = 0;
	unsigned all = 0;
	bool more = clock_is_believed(u, now_ms);
	mh_err err = MH_OK;

	while (err == MH_OK && more &&
	       clock_monotonic_ms() - now_ms < UPKEEP_PRUNE_BUSY_MS) {
		err = store_prune(u->st, u->config->store_keep_ms, clock_real_ms(),
		    STORE_PRUNE_MAX, &n, &more);
		all += err == MH_OK ? n : 0;
	}
	/* More of it at the next step: reports go before. */
	u->prune_ms = now_ms + (err == MH_OK && more ? 0 : UPKEEP_PRUNE_MS);
	if (err != MH_OK)
		log_trouble(u, err, "old reports could not be removed", now_ms);
	else if (all > 0)
		log_info("store", "%u report(s) were old and are gone", all);
}

void
upkeep_step(struct upkeep *u, int64_t monotonic_ms)
{
	if (monotonic_ms >= u->alarms_ms)
		look_for_alarms(u, monotonic_ms);
	if (u->config->store_keep_ms != 0 && monotonic_ms >= u->prune_ms)
		prune(u, monotonic_ms);
}
