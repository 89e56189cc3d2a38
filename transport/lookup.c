/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

/* Shared by the loop and the thread; the last of the two frees it. */
struct lookup {
	atomic_int users;
	char *host;
	char *port;
	int fds[2]; /* the thread closes the second: that is the signal */
	int result; /* of getaddrinfo(3); read only after the signal */
	struct addrinfo *list;
};

static void
release(struct lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->users, 1) > 1)
		return;
	if (lookup->list != NULL)
		freeaddrinfo(lookup->list);
	(void)close(lookup->fds[0]);
	free(lookup->host);
	free(lookup->port);
	free(lookup);
}

static void *
run(void *arg)
{
	struct lookup *lookup = arg;
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG };
	/* AI_ADDRCONFIG does not count loopback: without a network it finds nothing. */
	const struct addrinfo any = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM };

	lookup->result = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->list);
	if (lookup->result != 0)
		lookup->result =
		    getaddrinfo(lookup->host, lookup->port, &any, &lookup->list);
	(void)close(lookup->fds[1]);
	release(lookup);
	return NULL;
}

/* The thread takes no signals: they are the loop's. */
static int
start_thread(struct lookup *lookup)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	int result;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&thread, &attr, run, lookup);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return result;
}

mh_err
lookup_start(const char *host, const char *port, struct lookup **ret)
{
	struct lookup *lookup = xcalloc(1, sizeof(*lookup));
	int result;

	if (pipe2(lookup->fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(lookup);
		return MH_ERR_SYSTEM;
	}
	lookup->host = xstrdup(host);
	lookup->port = xstrdup(port);
	atomic_init(&lookup->users, 2);
	result = start_thread(lookup);
	if (result != 0) {
		(void)close(lookup->fds[1]);
		atomic_store(&lookup->users, 1);
		release(lookup);
		errno = result;
		return MH_ERR_SYSTEM;
	}
	*ret = lookup;
	return MH_OK;
}

int
lookup_fd(const struct lookup *lookup)
{
	return lookup->fds[0];
}

mh_err
lookup_take(struct lookup *lookup, struct addrinfo **ret, const char **ret_why)
{
	if (lookup->result != 0) {
		*ret_why = gai_strerror(lookup->result);
		return MH_ERR_NOTFOUND;
	}
	*ret = MH_TAKE(lookup->list);
	return MH_OK;
}

void
lookup_free(struct lookup *lookup)
{
	if (lookup != NULL)
		release(lookup);
}
