/*
 * privileges.h - start as root, go on as somebody else
 */
#ifndef FLOODGATE_PRIVILEGES_H
#define FLOODGATE_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct identity {
	bool wanted;		/* we are root and shall not stay it */
	uid_t uid;
	gid_t gid;
	char user[64];
};

/*
 * Who to become. False with a sentence in why[size] when there is no such
 * user or group. Not wanted when we are not root or no user is named.
 */
bool identity_find(const char *user, const char *group,
    struct identity *identity, char *why, size_t size);

/*
 * Make the directory of `path` if it is missing, and make it ours; its
 * parent must be there.
 */
bool identity_make_room(const struct identity *identity, const char *path,
    char *why, size_t size);

/* For good: groups, group, user. */
bool identity_become(const struct identity *identity, char *why, size_t size);

#endif
