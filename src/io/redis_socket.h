/*
 * redis_socket.h - from "HOST:PORT" to a socket that is being connected
 *
 * Nothing here waits: what takes time is a descriptor for poll(2). A name is
 * looked up by a thread of its own, because getaddrinfo(3) knows no
 * deadline and cannot be called off.
 */
#ifndef FLOODGATE_IO_REDIS_SOCKET_H
#define FLOODGATE_IO_REDIS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define REDIS_ADDRESSES_MAX 8	/* of one name; the others are not tried */

struct redis_server {
	char host[256];		/* or the path of a socket */
	char port[8];		/* "": host is a path */
};

struct redis_address {
	struct sockaddr_storage at;
	socklen_t length;
};

struct redis_addresses {
	struct redis_address at[REDIS_ADDRESSES_MAX];
	size_t count;
};

/* HOST:PORT, [ADDRESS]:PORT or a path from the root; *why is static. */
bool redis_server_parse(const char *text, struct redis_server *server,
    const char **why);

/* A path or an address in digits needs no lookup: true and one address. */
bool redis_server_address(const struct redis_server *server,
    struct redis_addresses *addresses);

/*
 * Start to look a name up. When its descriptor becomes readable, the result
 * is there. Closing does not wait: the thread ends when the resolver lets
 * it. NULL when there is no memory, descriptor or thread for it.
 */
struct redis_lookup;
struct redis_lookup *redis_lookup_open(const struct redis_server *server);
void redis_lookup_close(struct redis_lookup **lookup);
int redis_lookup_descriptor(const struct redis_lookup *lookup);
/* False with *why, static, when the name has no address. */
bool redis_lookup_result(const struct redis_lookup *lookup,
    struct redis_addresses *addresses, const char **why);

/*
 * A non-blocking socket that is being connected; it is writable when that
 * has ended. -1 with errno.
 */
int redis_socket_open(const struct redis_address *address);
/* Is it connected? Else errno says why not. */
bool redis_socket_connected(int descriptor);

#endif
