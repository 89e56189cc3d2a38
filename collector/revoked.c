/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/revoked.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct revoked {
	_Atomic unsigned n_references;
	char (*agents)[UUID_TEXT_LEN]; /* sorted */
	size_t n, room;
};

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, UUID_TEXT_LEN);
}

static void
add(const char *agent, void *arg)
{
	struct revoked *set = arg;

	if (strlen(agent) != UUID_TEXT_LEN - 1)
		return; /* no certificate names it */
	if (set->n == set->room) {
		set->room = set->room * 2 + 16;
		set->agents = xreallocarray(set->agents, set->room, sizeof(*set->agents));
	}
	memcpy(set->agents[set->n++], agent, UUID_TEXT_LEN);
}

mh_err
revoked_read(struct store *st, struct revoked **ret)
{
	struct revoked *set = xcalloc(1, sizeof(*set));
	mh_err err = MH_OK;

	set->n_references = 1;
	err = store_revoked_each(st, add, set);
	if (err != MH_OK) {
		revoked_release(set);
		return err;
	}
	if (set->n > 0)
		qsort(set->agents, set->n, sizeof(*set->agents), compare);
	*ret = set;
	return MH_OK;
}

struct revoked *
revoked_hold(struct revoked *set)
{
	if (set != NULL)
		(void)atomic_fetch_add(&set->n_references, 1);
	return set;
}

void
revoked_release(struct revoked *set)
{
	if (set == NULL || atomic_fetch_sub(&set->n_references, 1) != 1)
		return;
	free(set->agents);
	free(set);
}

bool
revoked_has(const struct revoked *set, const char *agent)
{
	char key[UUID_TEXT_LEN] = "";

	if (set == NULL || set->n == 0 || strlen(agent) != UUID_TEXT_LEN - 1)
		return false;
	memcpy(key, agent, UUID_TEXT_LEN);
	return bsearch(key, set->agents, set->n, sizeof(*set->agents), compare) != NULL;
}

size_t
revoked_count(const struct revoked *set)
{
	return set != NULL ? set->n : 0;
}
