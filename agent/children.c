/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: supervisor, command line. */
#include "agent/children.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/memory.h"

enum { ARGS_MAX = 16 };

const char *
children_program(enum role role)
{
	static const struct {
		enum role role;
		const char *program;
	} programs[] = {
		{ ROLE_OPENER, "molehunt-open" },
		{ ROLE_ZYGOTE, "molehunt-scan" },
		{ ROLE_AGENT, "molehunt-agent" },
		{ ROLE_COURIER, "molehunt-courier" },
		{ ROLE_CHECKER, "molehunt-check" },
	};

	for (size_t i = 0; i < MH_ARRAY_LEN(programs); i++) {
		if (programs[i].role == role)
			return programs[i].program;
	}
	return NULL;
}

void
children_init(struct children *c)
{
	memset(c, 0, sizeof(*c));
	c->folder = child_program_folder();
}

void
children_clear(struct children *c)
{
	free(c->folder);
	c->folder = NULL;
}

mh_err
children_start(struct children *c, enum role role, unsigned instance, char *const args[],
    int *ret_fd)
{
	const char *program = children_program(role);
	struct child *slot = NULL;
	char *argv[ARGS_MAX + 2] = { (char *)(uintptr_t)program };
	int pair[2];

	for (size_t i = 0; i < CHILDREN_MAX && slot == NULL; i++) {
		if (c->table[i].role == 0)
			slot = &c->table[i];
	}
	if (program == NULL || slot == NULL)
		return MH_ERR_FULL;
	for (size_t i = 0; args != NULL && args[i] != NULL && i < ARGS_MAX; i++)
		argv[i + 1] = args[i];
	mh_err err = channel_pair(pair);
	if (err != MH_OK)
		return err;
	MH_CLEANUP(freep) char *path = xasprintf("%s/%s", c->folder, program);
	err = child_start(path, argv, pair[1], &slot->pid);
	if (err != MH_OK) {
		int saved = errno;

		(void)close(pair[0]);
		(void)close(pair[1]);
		errno = saved;
		return err;
	}
	slot->role = role;
	slot->instance = instance;
	*ret_fd = pair[0];
	return MH_OK;
}

void
children_kill(struct children *c, enum role role, unsigned instance, int sig)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++) {
		if (c->table[i].role == role && c->table[i].instance == instance)
			(void)kill(c->table[i].pid, sig);
	}
}

void
children_disown(struct children *c)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++) {
		if (c->table[i].role != 0)
			(void)kill(c->table[i].pid, SIGKILL);
		c->table[i].role = 0;
	}
}

bool
children_reap(struct children *c, struct child *ret, int *ret_status)
{
	pid_t pid = 0;

	while ((pid = waitpid(-1, ret_status, WNOHANG)) > 0) {
		for (size_t i = 0; i < CHILDREN_MAX; i++) {
			if (c->table[i].role == 0 || c->table[i].pid != pid)
				continue;
			*ret = c->table[i];
			c->table[i].role = 0;
			return true;
		}
	}
	return false;
}

bool
children_are_left(const struct children *c)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++) {
		if (c->table[i].role != 0)
			return true;
	}
	return false;
}
