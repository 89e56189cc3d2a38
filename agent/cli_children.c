/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs in: the caller's process. */
#include "agent/cli_children.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

mh_err
cli_start_child(const char *verb, struct children *children, struct scanner *scanner,
    enum role role, unsigned instance)
{
	int fd = -1;
	mh_err err = children_start(children, role, instance, NULL, &fd);

	if (err == MH_OK)
		scanner_on_started(scanner, role, instance, fd);
	else
		(void)fprintf(stderr, "molehunt %s: %s/%s: %s\n", verb, children->folder,
		    children_program(role),
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
	return err;
}

void
cli_reap_children(struct children *children, struct scanner *scanner)
{
	struct child gone;
	int status = 0;

	while (children_reap(children, &gone, &status))
		scanner_on_exited(scanner, gone.role, gone.instance, status);
}
