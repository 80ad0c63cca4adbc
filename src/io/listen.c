/*
 * listen.c - addresses as libmilter writes them
 */
#include "io/listen.h"

#include "base/text.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool
parse_path(const char *path, struct listen_address *address, const char **why)
{
	address->kind = LISTEN_UNIX;
	if (path[0] != '/') {
		*why = "the path of a socket begins with /";
		return false;
	}
	if (!text_copy(address->path, sizeof(address->path), path)) {
		*why = "the path of a socket has at most 107 octets";
		return false;
	}
	return true;
}

/* "PORT@HOST" or "PORT"; a host may stand in brackets. */
static bool
parse_inet(const char *string, struct listen_address *address,
    const char **why)
{
	const char *at = strchr(string, '@');
	size_t length = at != NULL ? (size_t)(at - string) : strlen(string);
	int64_t number;

	if (!text_copy_n(address->port, sizeof(address->port), string,
	    length) || !text_parse_number(address->port, 65535, &number)) {
		*why = "a port is a number from 1 to 65535, as in "
		    "inet:8891@127.0.0.1";
		return false;
	}
	if (at == NULL)
		return true;
	at++;
	length = strlen(at);
	if (at[0] == '[' && length > 1 && at[length - 1] == ']') {
		at++;
		length -= 2;
	}
	if (length == 0 ||
	    !text_copy_n(address->host, sizeof(address->host), at, length)) {
		*why = "a host follows the @, as in inet:8891@127.0.0.1";
		return false;
	}
	return true;
}

bool
listen_parse(const char *string, struct listen_address *address,
    const char **why)
{
	memset(address, 0, sizeof(*address));
	if (string[0] == '/')
		return parse_path(string, address, why);
	if (text_starts_with(string, "unix:"))
		return parse_path(string + 5, address, why);
	if (text_starts_with(string, "local:"))
		return parse_path(string + 6, address, why);
	if (text_starts_with(string, "inet6:")) {
		address->kind = LISTEN_INET6;
		return parse_inet(string + 6, address, why);
	}
	address->kind = LISTEN_INET;
	if (text_starts_with(string, "inet:"))
		return parse_inet(string + 5, address, why);
	*why = "expected inet:PORT@HOST, inet6:PORT@HOST or unix:/PATH";
	return false;
}

bool
listen_set_access(const char *string, unsigned int mode, const char *group,
    char *why, size_t size)
{
	struct listen_address address;
	const char *reason;
	struct text text;

	text_init(&text, why, size);
	if (!listen_parse(string, &address, &reason) ||
	    address.kind != LISTEN_UNIX)
		return true;
	if (group[0] != '\0') {
		const struct group *entry = getgrnam(group);

		if (entry == NULL) {
			text_printf(&text, "no such group: %s", group);
			return false;
		}
		if (chown(address.path, (uid_t)-1, entry->gr_gid) != 0) {
			text_printf(&text, "cannot give %s to group %s: %s",
			    address.path, group, strerror(errno));
			return false;
		}
	}
	if (chmod(address.path, (mode_t)mode) != 0) {
		text_printf(&text, "cannot set the mode of %s: %s",
		    address.path, strerror(errno));
		return false;
	}
	return true;
}

bool
listen_set_owner(const char *string, uid_t owner)
{
	struct listen_address address;
	const char *why;

	return !listen_parse(string, &address, &why) ||
	    address.kind != LISTEN_UNIX ||
	    lchown(address.path, owner, (gid_t)-1) == 0;
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	(void)text_copy(address.sun_path, sizeof(address.sun_path), path);
	if (connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

int
listen_connect(const char *string)
{
	struct listen_address address;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *at;
	const char *why;
	int fd = -1;

	if (!listen_parse(string, &address, &why))
		return -1;
	if (address.kind == LISTEN_UNIX)
		return connect_unix(address.path);
	hints.ai_family = address.kind == LISTEN_INET ? AF_INET : AF_INET6;
	if (getaddrinfo(address.host[0] != '\0' ? address.host : NULL,
	    address.port, &hints, &found) != 0)
		return -1;
	for (at = found; at != NULL && fd < 0; at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype, 0);
		if (fd >= 0 &&
		    connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
			(void)close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

bool
listen_is_taken(const char *string)
{
	int fd = listen_connect(string);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

void
listen_remove(const char *string)
{
	struct listen_address address;
	const char *why;

	if (listen_parse(string, &address, &why) &&
	    address.kind == LISTEN_UNIX)
		(void)unlink(address.path);
}
