/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_BASE_ATTRIBUTES_H
#define MH_BASE_ATTRIBUTES_H

/*
 * Compiler attributes and scope cleanup, the one idiom by which this tree
 * releases what it holds (docs/STYLE.md, "Memory and cleanup").
 *
 *	MH_CLEANUP(buf_freep) struct buf *b = buf_new(MAX);
 *	...
 *	*ret = MH_TAKE(b);		ownership leaves the scope
 */

/* The result must be looked at; ignore it with (void). */
#define MH_CHECKED __attribute__((warn_unused_result))

#define MH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Call fn(&variable) when the variable's scope ends.  Initialise it at once. */
#define MH_CLEANUP(fn) __attribute__((cleanup(fn)))

/* The value of the pointer p, which is NULL afterwards. */
#define MH_TAKE(p)                             \
	({                                     \
		__typeof__(p) mh_taken_ = (p); \
		(p) = NULL;                    \
		mh_taken_;                     \
	})

/* Define fn##p(type **) for MH_CLEANUP from fn(type *), which accepts NULL. */
#define MH_DEFINE_CLEANUP(type, fn)        \
	static inline void fn##p(type **p) \
	{                                  \
		fn(*p);                    \
	}                                  \
	struct mh_swallow_semicolon_

#define MH_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#ifdef NDEBUG
#error "assertions are part of the product: build without NDEBUG"
#endif

#endif
