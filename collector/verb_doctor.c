/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * molehunt-collector doctor: the usual troubles, and how to mend each.
 *
 * Runs in: molehunt-collector, a person's shell.  Input: trusted (the files of
 * a collector); changes nothing but what opening the database does.
 */
#include <openssl/x509v3.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "collector/output.h"
#include "collector/verb.h"
#include "transport/certificate.h"

enum {
	EXPIRY_DAYS = 30,                 /* less is a trouble */
	FREE_PERCENT = 5,                 /* of the disk; less is a trouble */
	CONNECT_TIMEOUT_MS = 2000,        /* to an address of our own */
	CLOCK_BEHIND_MS = 10 * 60 * 1000, /* of what the store has seen */
};
#define CHECKED_MAX (INT64_C(2) << 30) /* bytes of database: some seconds */
#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum judgement {
	JUDGED_GOOD,
	JUDGED_NOTE,  /* may be as it should */
	JUDGED_WRONG, /* is not */
};

struct doctor {
	const struct config *config;
	bool ndjson;
	unsigned n_wrong;
};

static void tell(struct doctor *d, enum judgement judged, const char *area,
    const char *mend, const char *fmt, ...) MH_PRINTF(5, 6);

/* mend is "" for what is good. */
static void
tell(struct doctor *d, enum judgement judged, const char *area, const char *mend,
    const char *fmt, ...)
{
	static const char *const words[] = { "ok", "note", "WRONG" };
	char what[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	d->n_wrong += judged == JUDGED_WRONG;
	if (d->ndjson) {
		print_json(json_pack("{s:s, s:s, s:s, s:s}", "area", area, "judgement",
		    judged == JUDGED_WRONG ? "wrong" : words[judged], "what", what,
		    "mend", mend));
		return;
	}
	(void)printf("%-5s  %-11s  %s\n", words[judged], area, what);
	if (mend[0] != 0)
		(void)printf("       mend: %s\n", mend);
}

static const char mend_tls[] =
    "issue another as molehunt-collector(8), CERTIFICATES, shows, then reload: SIGHUP";

/* A certificate that is there; NULL was told. */
static X509 *
look_at_certificate(struct doctor *d, const char *name)
{
	MH_CLEANUP(freep) char *path = config_path(d->config, name);
	struct certificate_facts facts;
	X509 *cert = NULL;
	mh_err err = certificate_load(path, &cert);
	int64_t now_ms = clock_real_ms();

	if (err == MH_OK)
		err = certificate_read(cert, &facts);
	if (err != MH_OK) {
		tell(d, JUDGED_WRONG, "certificate", "put it back from a copy", "%s: %s",
		    path, err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
		X509_free(cert);
		return NULL;
	}

	int64_t days = (facts.not_after_ms - now_ms) / DAY_MS;

	if (facts.not_before_ms > now_ms)
		tell(d, JUDGED_WRONG, "certificate", "set the clock of this machine",
		    "%s: is not valid yet", path);
	else if (facts.not_after_ms < now_ms)
		tell(d, JUDGED_WRONG, "certificate", mend_tls, "%s: has expired", path);
	else if (days < EXPIRY_DAYS)
		tell(d, JUDGED_WRONG, "certificate", mend_tls,
		    "%s: expires in %" PRId64 " days", path, days);
	else
		tell(d, JUDGED_GOOD, "certificate", "", "%s: %" PRId64 " days left", path,
		    days);
	return cert;
}

static void
check_pair(struct doctor *d, const char *cert_name, const char *key_name)
{
	MH_CLEANUP(X509_freep) X509 *cert = look_at_certificate(d, cert_name);
	MH_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	MH_CLEANUP(freep) char *path = config_path(d->config, key_name);
	mh_err err = key_load(path, &key);

	if (err != MH_OK)
		tell(d, JUDGED_WRONG, "key", "put it back from a copy", "%s: %s", path,
		    err == MH_ERR_SYSTEM ? strerror(errno) : mh_strerror(err));
	else if (cert != NULL && !certificate_has_key(cert, key))
		tell(d, JUDGED_WRONG, "key", "put back the pair of one time",
		    "%s: is not the key of %s", path, cert_name);
}

static bool
has_name(X509 *cert, const char *name)
{
	return X509_check_host(cert, name, 0, 0, NULL) == 1 ||
	       X509_check_ip_asc(cert, name, 0) == 1;
}

/* Agents check the name of their URL against the certificate. */
static void
check_names(struct doctor *d)
{
	MH_CLEANUP(freep) char *path = config_path(d->config, FILE_TLS_CERT);
	const struct setting_strings *names = &d->config->names;
	MH_CLEANUP(X509_freep) X509 *cert = NULL;

	if (certificate_load(path, &cert) != MH_OK)
		return; /* told already */
	if (names->n == 0)
		tell(d, JUDGED_NOTE, "name", "add names: [HOST] to the configuration",
		    "the configuration has no names: what agents use is not known");
	for (size_t i = 0; i < names->n; i++) {
		if (has_name(cert, names->items[i]))
			tell(d, JUDGED_GOOD, "name", "", "%s is in the certificate",
			    names->items[i]);
		else
			tell(d, JUDGED_WRONG, "name", mend_tls,
			    "%s is not in the certificate: agents with it in their URL "
			    "will not connect",
			    names->items[i]);
	}
}

static void
check_mode(struct doctor *d, const char *name, mode_t allowed, uid_t owner)
{
	MH_CLEANUP(freep) char *path = config_path(d->config, name);
	struct stat st;

	if (lstat(path, &st) < 0) {
		tell(d, JUDGED_WRONG, "permission", "put it back from a copy", "%s: %s",
		    path, strerror(errno));
		return;
	}
	MH_CLEANUP(freep)
	char *mend = xasprintf("chmod %o %s", (unsigned)allowed, path);

	if ((st.st_mode & 07777 & ~allowed) != 0)
		tell(d, JUDGED_WRONG, "permission", mend, "%s: others may reach it (%o)",
		    path, (unsigned)(st.st_mode & 07777));
	if (st.st_uid != owner)
		tell(d, JUDGED_WRONG, "permission", "chown it to the owner of the folder",
		    "%s: belongs to another user than the folder", path);
}

static void
check_permissions(struct doctor *d)
{
	static const char *const secrets[] = { FILE_TLS_KEY, FILE_RECEIPT_KEY, FILE_STORE,
		FOLDER_AUTHORITY "/" FILE_CA_KEY };
	struct stat st;
	unsigned before = d->n_wrong;

	if (stat(d->config->state, &st) < 0) {
		tell(d, JUDGED_WRONG, "permission", "see the key `state`", "%s: %s",
		    d->config->state, strerror(errno));
		return;
	}
	check_mode(d, ".", 0700, st.st_uid);
	check_mode(d, FOLDER_AUTHORITY, 0700, st.st_uid);
	for (size_t i = 0; i < MH_ARRAY_LEN(secrets); i++)
		check_mode(d, secrets[i], 0600, st.st_uid);
	if (d->n_wrong == before)
		tell(d, JUDGED_GOOD, "permission", "",
		    "keys and database are their owner's alone");
}

static void
check_disk(struct doctor *d)
{
	struct statvfs fs;

	if (statvfs(d->config->state, &fs) < 0 || fs.f_blocks == 0)
		return;

	MH_CLEANUP(freep)
	char *room = text_size((uint64_t)fs.f_bavail * fs.f_frsize);
	uint64_t percent = (uint64_t)fs.f_bavail * 100 / fs.f_blocks;

	if (percent < FREE_PERCENT)
		tell(d, JUDGED_WRONG, "disk",
		    "make room, or set store.keep so that old reports go",
		    "%s: only %s are free: reports will be refused, agents keep them",
		    d->config->state, room);
	else
		tell(d, JUDGED_GOOD, "disk", "", "%s: %s are free", d->config->state,
		    room);
}

static void
newest(const struct store_agent *a, void *arg)
{
	int64_t *ms = arg;

	if (a->seen_ms > *ms)
		*ms = a->seen_ms;
}

static void
check_clock(struct doctor *d, struct store *st)
{
	static const char mend[] = "start a time service: chrony or systemd-timesyncd";
	struct timex tx = { .modes = 0 };
	int64_t seen_ms = 0;

	if (st != NULL && store_agents_each(st, newest, &seen_ms) == MH_OK &&
	    seen_ms > clock_real_ms() + CLOCK_BEHIND_MS)
		tell(d, JUDGED_WRONG, "clock", mend,
		    "the clock of this machine is behind what the store has seen: fresh "
		    "reports will be refused");
	else if (adjtimex(&tx) == TIME_ERROR || (tx.status & STA_UNSYNC) != 0)
		tell(d, JUDGED_NOTE, "clock", mend,
		    "nothing sets the clock of this machine");
	else
		tell(d, JUDGED_GOOD, "clock", "", "is synchronised");
}

/* Whether somebody listens at an address of this machine. */
static mh_err
try_address(const struct addrinfo *a)
{
	const struct timeval limit = { CONNECT_TIMEOUT_MS / 1000, 0 };
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
	mh_err err = MH_ERR_SYSTEM;

	if (fd < 0)
		return err;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		err = MH_OK;
	(void)close(fd);
	return err;
}

/* ADDRESS:PORT or [ADDRESS]:PORT, as in the configuration; "any" is loopback here. */
static void
check_listen(struct doctor *d, const char *text)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	const char *colon = strrchr(text, ':');
	struct addrinfo *list = NULL;
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	bool is_bracketed = len >= 2 && text[0] == '[';
	MH_CLEANUP(freep)
	char *host = is_bracketed ? xstrndup(text + 1, len - 2) : xstrndup(text, len);

	if (colon == NULL || getaddrinfo(host, colon + 1, &hints, &list) != 0) {
		tell(d, JUDGED_WRONG, "address", "write ADDRESS:PORT or [ADDRESS]:PORT",
		    "listen: \"%s\" is no address", text);
		return;
	}
	if (strcmp(colon, ":0") == 0)
		tell(d, JUDGED_NOTE, "address", "set a port for agents to use",
		    "%s: takes a free port at each start", text);
	else if (try_address(list) == MH_OK)
		tell(d, JUDGED_GOOD, "address", "", "%s: somebody listens", text);
	else
		tell(d, JUDGED_WRONG, "address",
		    "start it: systemctl start molehunt-collector, or serve DIR",
		    "%s: nobody listens (%s)", text, strerror(errno));
	freeaddrinfo(list);
}

static void
on_fault(const struct store_fault *f, void *arg)
{
	struct doctor *d = arg;

	tell(d, JUDGED_WRONG, "database",
	    "stop the collector, copy the file, restore a backup; `verify` says more",
	    "%s", f->what);
}

static int64_t
size_of(const struct doctor *d, const char *name)
{
	MH_CLEANUP(freep) char *path = config_path(d->config, name);
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

static void
check_store(struct doctor *d, struct store *st, mh_err opened)
{
	unsigned before = d->n_wrong;
	uint64_t n = 0;

	if (opened == MH_ERR_UNSUPPORTED) {
		tell(d, JUDGED_WRONG, "database", "install the newer version again",
		    FILE_STORE ": a newer version of this program made it");
		return;
	}
	if (st != NULL && size_of(d, FILE_STORE) > CHECKED_MAX) {
		tell(d, JUDGED_NOTE, "database",
		    "molehunt-collector verify DIR, on a copy if it shall not wait",
		    "is too large to be checked here");
		return;
	}
	if (st == NULL || store_check(st, on_fault, d) != MH_OK ||
	    store_report_count(st, &n) != MH_OK)
		tell(d, JUDGED_WRONG, "database", "restore a backup", FILE_STORE ": %s",
		    st == NULL ? mh_strerror(opened) : store_why(st));
	else if (d->n_wrong == before)
		tell(d, JUDGED_GOOD, "database", "", "is whole: %" PRIu64 " report(s)",
		    n);
}

static void
check_authority(struct doctor *d)
{
	MH_CLEANUP(freep) char *programs = child_program_folder();
	MH_CLEANUP(freep) char *path = xasprintf("%s/molehunt-authority", programs);
	MH_CLEANUP(freep) char *ours = config_path(d->config, FILE_CA);
	MH_CLEANUP(freep)
	char *its = config_path(d->config, FOLDER_AUTHORITY "/" FILE_CA);
	MH_CLEANUP(X509_freep) X509 *a = NULL;
	MH_CLEANUP(X509_freep) X509 *b = NULL;

	if (access(path, X_OK) < 0)
		tell(d, JUDGED_WRONG, "authority", "install the collector's package anew",
		    "%s: %s: nobody can be enrolled", path, strerror(errno));
	if (certificate_load(ours, &a) == MH_OK && certificate_load(its, &b) == MH_OK &&
	    X509_cmp(a, b) != 0)
		tell(d, JUDGED_WRONG, "authority", "put back those of one time",
		    "%s and %s are not the same", ours, its);
}

int
verb_doctor(const struct options *o)
{
	MH_CLEANUP(config_clear) struct config config = { .state = NULL };
	MH_CLEANUP(store_closep) struct store *st = NULL;
	struct doctor d = { .config = &config, .ndjson = o->ndjson };

	if (config_load(o->args[0], &config) != MH_OK)
		return EXIT_TROUBLE;

	MH_CLEANUP(freep) char *path = config_path(&config, FILE_STORE);
	mh_err opened = store_open(path, &st);

	X509_free(look_at_certificate(&d, FILE_CA));
	check_pair(&d, FILE_TLS_CERT, FILE_TLS_KEY);
	check_pair(&d, FILE_RECEIPT_CERT, FILE_RECEIPT_KEY);
	check_pair(&d, FOLDER_AUTHORITY "/" FILE_CA, FOLDER_AUTHORITY "/" FILE_CA_KEY);
	check_names(&d);
	check_permissions(&d);
	check_disk(&d);
	check_clock(&d, st);
	for (size_t i = 0; i < config.listen.n; i++)
		check_listen(&d, config.listen.items[i]);
	check_store(&d, st, opened);
	check_authority(&d);
	return d.n_wrong > 0 ? EXIT_TROUBLE : EXIT_GOOD;
}
