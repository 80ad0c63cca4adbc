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

/*
 * Be that user for a while, and a member of `group` besides: what is made
 * then is made with no more rights than that, in directories that are not
 * root's. A group that is "" or not known is none. While there is one thread.
 */
bool identity_borrow(const struct identity *identity, const char *group,
    char *why, size_t size);

/* Root again, to open more or to become the user for good. */
bool identity_return(const struct identity *identity, char *why,
    size_t size);

/* For good: groups, group, user. */
bool identity_become(const struct identity *identity, char *why, size_t size);

#endif
