/* SPDX-License-Identifier: BSD-2-Clause */
#include "collector/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/util.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* libevent's own parser does not know port 0. */
static bool
parse_address(const char *text, struct sockaddr_storage *ret, int *ret_len)
{
	const char *colon = strrchr(text, ':');
	uint64_t port = 0;

	if (colon == NULL || parse_u64(colon + 1, 0, UINT16_MAX, &port) != MH_OK)
		return false;
	MH_CLEANUP(freep) char *host = xstrndup(text, (size_t)(colon - text));

	memset(ret, 0, sizeof(*ret));
	if (evutil_parse_sockaddr_port(host, (struct sockaddr *)ret, ret_len) < 0)
		return false;
	if (ret->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ret)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)ret)->sin_port = htons((uint16_t)port);
	return true;
}

static bool
is_loopback(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

	if (ss->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	return ntohl(in4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

mh_err
listen_open(const char *text, int backlog, bool only_loopback, int *ret_fd)
{
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	int on = 1;

	if (!parse_address(text, &ss, &len)) {
		log_err("server", "listen: \"%s\" is not ADDRESS:PORT or [ADDRESS]:PORT",
		    text);
		return MH_ERR_INVALID;
	}
	if (only_loopback && !is_loopback(&ss)) {
		log_err("server",
		    "metrics.listen: %s is no loopback address; metrics.remote allows it",
		    text);
		return MH_ERR_DENIED;
	}
	MH_CLEANUP(fd_closep)
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* Nagle is off for connections, too: with it a keep-alive client gets 23
	 * answers a second. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&ss, (socklen_t)len) < 0 ||
	    listen(fd, backlog) < 0) {
		log_err("server", "listen on %s: %s", text, strerror(errno));
		return MH_ERR_SYSTEM;
	}
	*ret_fd = fd;
	fd = -1;
	return MH_OK;
}

void
listen_print(const char *what, int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char address[INET6_ADDRSTRLEN] = "";
	bool is_v6 = false;
	in_port_t port = 0;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return;
	is_v6 = ss.ss_family == AF_INET6;
	if (is_v6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;

		(void)inet_ntop(AF_INET6, &in6->sin6_addr, address, sizeof(address));
		port = in6->sin6_port;
	} else {
		const struct sockaddr_in *in4 = (const struct sockaddr_in *)&ss;

		(void)inet_ntop(AF_INET, &in4->sin_addr, address, sizeof(address));
		port = in4->sin_port;
	}
	(void)printf("%s on %s%s%s:%u\n", what, is_v6 ? "[" : "", address,
	    is_v6 ? "]" : "", ntohs(port));
	(void)fflush(stdout);
}
