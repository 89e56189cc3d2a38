/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_RECORDS_FACTS_H
#define MH_RECORDS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/reader.h"
#include "records/limits.h"

/*
 * Which packages files came with: what the agent asks of an opener (MSG_FACTS)
 * about files in which something was found, and what it hears (MSG_FACTS_ARE).
 */
enum {
	FACTS_PATHS_MAX = 64,    /* in one message: answers of all fit in one too */
	PACKAGE_TEXT_MAX = 256,  /* bytes of a name, a version: longer ones are cut */
	PACKAGE_DIGEST_MAX = 64, /* bytes of a digest: SHA-512 */
};

/* Whose word it is. */
#define PACKAGE_DATABASES(DATABASE) \
	DATABASE(NONE, "none")      \
	DATABASE(DPKG, "dpkg")      \
	DATABASE(RPM, "rpm")

/* Why nothing is known, and a word for it. */
#define PACKAGE_UNKNOWNS(UNKNOWN)                                                      \
	UNKNOWN(NOT, "known")                                                          \
	UNKNOWN(UNOWNED, "no package has it")                                          \
	UNKNOWN(NO_DATABASE, "no database of packages")                                \
	UNKNOWN(UNSUPPORTED, "a database that is not read: Berkeley DB or ndb of rpm") \
	UNKNOWN(BUSY, "the database was being changed")                                \
	UNKNOWN(TOO_LARGE, "the database is larger than what is read")                 \
	UNKNOWN(DAMAGED, "the database is damaged")                                    \
	UNKNOWN(UNREADABLE, "the database cannot be read")                             \
	/* The agent's own, of openers that do not answer. */                          \
	UNKNOWN(NOT_ASKED, "it was not asked for")                                     \
	UNKNOWN(NOT_ANSWERED, "the database did not answer in time")

/* Numbers of RFC 9580, "Hash Algorithms", which rpm uses. */
#define PACKAGE_DIGESTS(DIGEST)           \
	DIGEST(NONE, 0, 0, "none")        \
	DIGEST(MD5, 1, 16, "MD5")         \
	DIGEST(SHA1, 2, 20, "SHA-1")      \
	DIGEST(SHA256, 8, 32, "SHA-256")  \
	DIGEST(SHA384, 9, 48, "SHA-384")  \
	DIGEST(SHA512, 10, 64, "SHA-512") \
	DIGEST(SHA224, 11, 28, "SHA-224")

enum package_database {
#define PACKAGE_DATABASE(name, word) PACKAGE_DB_##name,
	PACKAGE_DATABASES(PACKAGE_DATABASE)
#undef PACKAGE_DATABASE
	    PACKAGE_DB_MAX_
};

enum package_unknown {
#define PACKAGE_UNKNOWN(name, word) PACKAGE_UNKNOWN_##name,
	PACKAGE_UNKNOWNS(PACKAGE_UNKNOWN)
#undef PACKAGE_UNKNOWN
	    PACKAGE_UNKNOWN_MAX_
};

enum package_digest {
#define PACKAGE_DIGEST(name, number, bytes, word) PACKAGE_DIGEST_##name = (number),
	PACKAGE_DIGESTS(PACKAGE_DIGEST)
#undef PACKAGE_DIGEST
};

struct package_facts {
	enum package_unknown unknown; /* PACKAGE_UNKNOWN_NOT: what follows is there */
	enum package_database database;
	char *name; /* without architecture; owned, as all texts; never NULL when known */
	char *version; /* with epoch and release; "" when it is not told */
	char *architecture;
	enum package_digest algorithm;      /* NONE: the database has no digest of it */
	uint8_t digest[PACKAGE_DIGEST_MAX]; /* of the content that the package brought */
	bool is_config;                     /* a configuration file: people change it */
};

void package_facts_clear(struct package_facts *f);
/* Bytes of a digest; 0 for an algorithm that is not known here. */
uint32_t package_digest_bytes(unsigned algorithm);
const char *package_digest_name(enum package_digest algorithm);
const char *package_database_name(enum package_database database);
const char *package_unknown_text(enum package_unknown unknown);

struct facts_request {
	uint32_t id;
	char **paths; /* absolute, without links; owned */
	uint32_t n;
};

void facts_request_clear(struct facts_request *f);
/* Paths may be too long together for one message: check b, and ask for fewer. */
void facts_request_encode(const struct facts_request *f, struct buf *b);
/* Check r afterwards; always leaves what can be cleared.  So does the other. */
void facts_request_decode(struct reader *r, struct facts_request *ret);

/* One for each path, in their order. */
struct facts_answer {
	uint32_t id;
	struct package_facts *items; /* owned */
	uint32_t n;
};

void facts_answer_clear(struct facts_answer *a);
void facts_answer_encode(const struct facts_answer *a, struct buf *b);
void facts_answer_decode(struct reader *r, struct facts_answer *ret);

#endif
