/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SIGNATURES_ATTACK_IDS_H
#define MH_SIGNATURES_ATTACK_IDS_H

#include <stddef.h>

/*
 * The ids of the techniques of MITRE ATT&CK (https://attack.mitre.org,
 * Enterprise); ids only.  Revoked and deprecated ones are not in it.
 */
#define ATTACK_IDS_VERSION "18.0"

enum attack_id {
	ATTACK_ID_GOOD,
	ATTACK_ID_MALFORMED, /* not T1234 or T1234.001 */
	ATTACK_ID_UNKNOWN,   /* none of that version */
};

/* Look the len bytes at id up. */
enum attack_id attack_id_check(const char *id, size_t len);

#endif
