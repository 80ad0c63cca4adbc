/*
 * listen.h - addresses as libmilter writes them
 *
 * inet:PORT@HOST, inet6:PORT@HOST, unix:PATH, local:PATH, or a path.
 */
#ifndef FLOODGATE_IO_LISTEN_H
#define FLOODGATE_IO_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LISTEN_PATH_MAX 107	/* of a UNIX socket */

enum listen_kind { LISTEN_INET, LISTEN_INET6, LISTEN_UNIX };

struct listen_address {
	enum listen_kind kind;
	char path[LISTEN_PATH_MAX + 1];	/* UNIX */
	char host[256];			/* "" for any */
	char port[6];			/* digits, 0..65535 */
};

/*
 * False with *why (a static sentence). Stricter than libmilter, which takes
 * port 99999 for 34463.
 */
bool listen_parse(const char *string, struct listen_address *address,
    const char **why);

/* Mode and group ("" for none) of a path; nothing to do for the others. */
bool listen_set_access(const char *string, unsigned int mode,
    const char *group, char *why, size_t size);

/* The owner of a path, who can then connect; nothing for the others. */
bool listen_set_owner(const char *string, uid_t owner);

/* Connect as the MTA would; a file descriptor, or -1. */
int listen_connect(const char *string);

/* Does somebody answer there? */
bool listen_is_taken(const char *string);

/*
 * Take the path away, if it is one and we may: libmilter leaves it when the
 * user is root.
 */
void listen_remove(const char *string);

#endif
