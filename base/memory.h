/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_MEMORY_H
#define MH_BASE_MEMORY_H

#include <stddef.h>

#include "base/attributes.h"

/*
 * Allocation of sizes that this program chooses.  These abort when memory is
 * out, and the parent restarts the role.  What somebody else sizes lives in a
 * struct buf with a maximum (base/buf.h).
 *
 * Everything returned is freed by the caller with free(3).
 */
void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
void *xmemdup(const void *p, size_t len);
char *xasprintf(const char *fmt, ...) MH_PRINTF(1, 2);

/* For MH_CLEANUP: free(3) what the pointer variable at p points to. */
static inline void
freep(void *p)
{
	extern void free(void *);

	free(*(void **)p);
}

#endif
