/*
 * privileges.c - start as root, go on as somebody else
 */
#include "floodgate/privileges.h"

#include "base/text.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
identity_find(const char *user, const char *group, struct identity *identity,
    char *why, size_t size)
{
	const struct passwd *passwd;
	const struct group *entry;
	struct text text;

	text_init(&text, why, size);
	memset(identity, 0, sizeof(*identity));
	if (geteuid() != 0 || user[0] == '\0')
		return true;
	passwd = getpwnam(user);
	if (passwd == NULL) {
		text_printf(&text, "user = %s: no such user", user);
		return false;
	}
	identity->wanted = true;
	identity->uid = passwd->pw_uid;
	identity->gid = passwd->pw_gid;
	(void)text_copy(identity->user, sizeof(identity->user), user);
	if (group[0] == '\0')
		return true;
	entry = getgrnam(group);
	if (entry == NULL) {
		text_printf(&text, "group = %s: no such group", group);
		return false;
	}
	identity->gid = entry->gr_gid;
	return true;
}

bool
identity_make_room(const struct identity *identity, const char *path,
    char *why, size_t size)
{
	const char *slash = strrchr(path, '/');
	char directory[256];
	struct text text;

	text_init(&text, why, size);
	if (!identity->wanted || slash == NULL || slash == path ||
	    !text_copy_n(directory, sizeof(directory), path,
	    (size_t)(slash - path)))
		return true;
	if (mkdir(directory, 0755) != 0) {
		if (errno == EEXIST)
			return true;
		text_printf(&text, "cannot make %s: %s", directory,
		    strerror(errno));
		return false;
	}
	if (chown(directory, identity->uid, identity->gid) == 0)
		return true;
	text_printf(&text, "cannot give %s to %s: %s", directory,
	    identity->user, strerror(errno));
	return false;
}

static bool
say_cannot(const char *what, const struct identity *identity, char *why,
    size_t size)
{
	struct text text;

	text_init(&text, why, size);
	text_printf(&text, "cannot %s user %s: %s", what, identity->user,
	    strerror(errno));
	return false;
}

/* One more of the groups that the process is in. */
static bool
add_group(gid_t group)
{
	static gid_t groups[NGROUPS_MAX];
	int count = getgroups(NGROUPS_MAX - 1, groups);

	if (count < 0)
		return false;
	groups[count++] = group;
	return setgroups((size_t)count, groups) == 0;
}

bool
identity_borrow(const struct identity *identity, const char *group,
    char *why, size_t size)
{
	const struct group *entry = group[0] != '\0' ? getgrnam(group) : NULL;

	if (!identity->wanted)
		return true;
	if (initgroups(identity->user, identity->gid) == 0 &&
	    (entry == NULL || add_group(entry->gr_gid)) &&
	    setegid(identity->gid) == 0 && seteuid(identity->uid) == 0)
		return true;
	return say_cannot("be", identity, why, size);
}

bool
identity_return(const struct identity *identity, char *why, size_t size)
{
	if (!identity->wanted || (seteuid(0) == 0 && setegid(0) == 0))
		return true;
	return say_cannot("go back from", identity, why, size);
}

bool
identity_become(const struct identity *identity, char *why, size_t size)
{
	if (!identity->wanted)
		return true;
	if (initgroups(identity->user, identity->gid) == 0 &&
	    setgid(identity->gid) == 0 && setuid(identity->uid) == 0 &&
	    (identity->uid == 0 || setuid(0) != 0))
		return true;
	return say_cannot("become", identity, why, size);
}
