/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "collector/verb.h"
#include "transport/certificate.h"
#include "transport/token.h"

/* For a person at a terminal: the whole line to type on the new agent's machine. */
static void
print_hint(const struct config *config, const char *token)
{
	const char *host = config->names.n > 0 ? config->names.items[0] : "HOST";
	const char *port = strrchr(config->listen.items[0], ':');
	bool is_v6 = strchr(host, ':') != NULL;

	if (isatty(STDOUT_FILENO) == 1 && port != NULL)
		(void)fprintf(stderr,
		    "\nOn the new agent's machine, as root:\n"
		    "  molehunt enroll https://%s%s%s%s %s\n",
		    is_v6 ? "[" : "", host, is_v6 ? "]" : "", port, token);
}

int
verb_token(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	MH_CLEANUP(X509_freep) X509 *ca = NULL;
	uint64_t ttl_ms = o->ttl_ms != 0 ? o->ttl_ms : UINT64_C(24) * 3600 * 1000;
	uint8_t digest[DIGEST_BYTES];
	char text[TOKEN_LEN + 1];
	struct token token;
	int64_t now_ms = clock_real_ms();

	if (open_collector(o, &config, &st) != MH_OK)
		return EXIT_TROUBLE;

	MH_CLEANUP(freep) char *path = config_path(&config, FILE_CA);
	mh_err err = certificate_load(path, &ca);

	if (err == MH_OK)
		err = certificate_pin(ca, token.pin);
	if (err != MH_OK)
		return complain("token: %s: %s", path, mh_strerror(err));
	token_secret_new(token.secret);
	digest_sha256(token.secret, strlen(token.secret), digest);
	err = store_token_add(st, digest, o->note != NULL ? o->note : "", now_ms,
	    now_ms + (int64_t)ttl_ms);
	if (err != MH_OK)
		return complain("token: %s (%s)", mh_strerror(err), store_why(st));
	token_format(&token, text);
	(void)printf("%s\n", text);
	print_hint(&config, text);
	explicit_bzero(&token, sizeof(token));
	explicit_bzero(text, sizeof(text));
	return EXIT_GOOD;
}
