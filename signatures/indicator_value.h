/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_INDICATOR_VALUE_H
#define MH_SIGNATURES_INDICATOR_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "records/indicator.h"

/* What single values of indicators are.  Input is hostile. */
enum { DIGEST_BYTES_MAX = 32 };

/*
 * A hash in hexadecimal: its type by its length, INDICATOR_NONE when it is none.
 * ret has room for DIGEST_BYTES_MAX.
 */
enum indicator_type digest_parse(const char *text, uint8_t *ret);

/*
 * Hashes that say nothing: those of no bytes and of one byte, whichever it is.
 * Lists have them by mistake, and half of the files of a machine match.
 */
struct empty_digests;
struct empty_digests *empty_digests_new(void);
void empty_digests_free(struct empty_digests *e);
/* NULL, or what it is the hash of; static. */
const char *empty_digests_find(const struct empty_digests *e, enum indicator_type type,
    const uint8_t *digest);

/*
 * The name of a host in lower case ("evil.example.org"), of at most 253 bytes, without
 * "[.]", "www." as it is; new, or NULL with a reason (static).  Names of one label, and
 * those of everybody (localhost, example.com), are refused.
 */
char *domain_parse(const char *text, const char **ret_why);

/*
 * A host and a path, "evil.example/gate.php", as it would stand in memory: the host in
 * lower case; of at most INDICATOR_VALUE_MAX printable bytes; new, or NULL with a
 * reason.
 */
char *host_path_parse(const char *text, const char **ret_why);

/* What stands behind the "://" of a URL, borrowed; NULL when it is none. */
const char *url_rest(const char *text);
/* The host of a URL, new, or NULL: "hxxps://evil[.]example/x" has one, too. */
char *url_host(const char *text);

/* Seconds since 1970 of an RFC 3339 time, or of a date alone; false when it is none. */
bool time_parse(const char *text, int64_t *ret_s);

#endif
