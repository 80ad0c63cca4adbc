/*
 * redis_socket.c - from "HOST:PORT" to a socket that is being connected
 */
#include "io/redis_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

/* Held by the thread that asks and the thread that waits for the answer. */
struct redis_lookup {
	struct redis_server server;
	atomic_int holders;
	int done[2];		/* a pipe: an octet when the answer is there */
	int error;		/* of getaddrinfo() */
	struct redis_addresses addresses;
};

static bool
port_parse(const char *text, struct redis_server *server, const char **why)
{
	int64_t port;

	if (!text_parse_number(text, 65535, &port) || port == 0) {
		*why = "the port must be a number from 1 to 65535";
		return false;
	}
	return text_copy(server->port, sizeof(server->port), text);
}

bool
redis_server_parse(const char *text, struct redis_server *server,
    const char **why)
{
	const char *host = text, *colon = strrchr(text, ':');
	struct sockaddr_un local;
	size_t length;

	memset(server, 0, sizeof(*server));
	*why = "the path of the socket is too long";
	if (text[0] == '/')
		return strlen(text) < sizeof(local.sun_path) &&
		    text_copy(server->host, sizeof(server->host), text);
	*why = "expected HOST:PORT, [ADDRESS]:PORT or the path of a socket";
	if (colon == NULL || colon == text)
		return false;
	length = (size_t)(colon - text);
	if (text[0] == '[' && colon[-1] == ']') {
		host++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL) {
		return false;
	}
	if (length == 0 ||
	    !text_copy_n(server->host, sizeof(server->host), host, length))
		return false;
	return port_parse(colon + 1, server, why);
}

static int
resolve(const struct redis_server *server, int flags,
    struct redis_addresses *addresses)
{
	struct addrinfo hints, *found, *each;
	int error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = flags | AI_NUMERICSERV;
	addresses->count = 0;
	error = getaddrinfo(server->host, server->port, &hints, &found);
	if (error != 0)
		return error;
	for (each = found; each != NULL &&
	    addresses->count < REDIS_ADDRESSES_MAX; each = each->ai_next) {
		struct redis_address *address =
		    &addresses->at[addresses->count++];

		memset(address, 0, sizeof(*address));
		memcpy(&address->at, each->ai_addr, each->ai_addrlen);
		address->length = each->ai_addrlen;
	}
	freeaddrinfo(found);
	return 0;
}

bool
redis_server_address(const struct redis_server *server,
    struct redis_addresses *addresses)
{
	struct sockaddr_un local;

	if (server->port[0] != '\0')
		return resolve(server, AI_NUMERICHOST, addresses) == 0;
	memset(&local, 0, sizeof(local));
	local.sun_family = AF_UNIX;
	text_copy(local.sun_path, sizeof(local.sun_path), server->host);
	memset(addresses, 0, sizeof(*addresses));
	memcpy(&addresses->at[0].at, &local, sizeof(local));
	addresses->at[0].length = sizeof(local);
	addresses->count = 1;
	return true;
}

static void
lookup_let_go(struct redis_lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->holders, 1) > 1)
		return;
	close(lookup->done[0]);
	close(lookup->done[1]);
	free(lookup);
}

static void *
lookup_run(void *argument)
{
	struct redis_lookup *lookup = argument;
	ssize_t written;

	lookup->error = resolve(&lookup->server, 0, &lookup->addresses);
	do
		written = write(lookup->done[1], "", 1);
	while (written < 0 && errno == EINTR);
	lookup_let_go(lookup);
	return NULL;
}

/* A thread that no signal is delivered to. */
static bool
lookup_start(struct redis_lookup *lookup)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	int error;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, &attributes, lookup_run, lookup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return error == 0;
}

struct redis_lookup *
redis_lookup_open(const struct redis_server *server)
{
	struct redis_lookup *lookup = calloc(1, sizeof(*lookup));

	if (lookup == NULL)
		return NULL;
	lookup->server = *server;
	if (pipe(lookup->done) != 0) {
		free(lookup);
		return NULL;
	}
	fcntl(lookup->done[0], F_SETFD, FD_CLOEXEC);
	fcntl(lookup->done[1], F_SETFD, FD_CLOEXEC);
	atomic_init(&lookup->holders, 2);
	if (!lookup_start(lookup)) {
		atomic_store(&lookup->holders, 1);
		lookup_let_go(lookup);
		return NULL;
	}
	return lookup;
}

void
redis_lookup_close(struct redis_lookup **lookup)
{
	if (*lookup != NULL)
		lookup_let_go(*lookup);
	*lookup = NULL;
}

int
redis_lookup_descriptor(const struct redis_lookup *lookup)
{
	return lookup->done[0];
}

bool
redis_lookup_result(const struct redis_lookup *lookup,
    struct redis_addresses *addresses, const char **why)
{
	char octet;

	if (read(lookup->done[0], &octet, 1) != 1) {
		*why = "the name could not be looked up";
		return false;
	}
	if (lookup->error != 0) {
		*why = gai_strerror(lookup->error);
		return false;
	}
	*addresses = lookup->addresses;
	*why = "the name has no address";
	return addresses->count > 0;
}

int
redis_socket_open(const struct redis_address *address)
{
	int family = ((const struct sockaddr *)&address->at)->sa_family;
	int fd = socket(family, SOCK_STREAM, 0);
	int on = 1, flags, saved;

	if (fd < 0)
		return -1;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		goto failed;
#ifdef SO_NOSIGPIPE
	setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#endif
	if (family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (connect(fd, (const struct sockaddr *)&address->at,
	    address->length) == 0 || errno == EINPROGRESS)
		return fd;
failed:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

bool
redis_socket_connected(int descriptor)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error,
	    &length) != 0)
		return false;
	errno = error;
	return error == 0;
}
