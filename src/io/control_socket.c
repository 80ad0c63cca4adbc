/*
 * control_socket.c - the file of the control socket
 */
#include "io/control_socket.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>

#define BACKLOG 128

bool
control_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool
control_socket_uid(int fd, uid_t *uid)
{
#ifdef SO_PEERCRED
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return false;
	*uid = peer.uid;
	return true;
#else
	(void)fd;
	(void)uid;
	return false;
#endif
}

static bool
make_address(const char *path, struct sockaddr_un *address, char *why,
    size_t size)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (text_copy(address->sun_path, sizeof(address->sun_path), path))
		return true;
	(void)snprintf(why, size, "%.150s: a socket's path has "
	    "at most %zu octets", path, sizeof(address->sun_path) - 1);
	return false;
}

/* Does somebody answer there? EAGAIN: somebody who is busy. */
static bool
somebody_listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool answered;

	if (fd < 0)
		return false;
	answered = control_set_nonblocking(fd) &&
	    (connect(fd, (const struct sockaddr *)address,
	    sizeof(*address)) == 0 || errno == EAGAIN);
	(void)close(fd);
	return answered;
}

/* Make room for the socket: nothing there, or one that nobody serves. */
static bool
clear_path(const struct sockaddr_un *address, char *why, size_t size)
{
	const char *path = address->sun_path;
	struct stat file;

	if (lstat(path, &file) != 0) {
		if (errno == ENOENT)
			return true;
		(void)snprintf(why, size, "%s: %s", path,
		    strerror(errno));
		return false;
	}
	if (!S_ISSOCK(file.st_mode)) {
		(void)snprintf(why, size, "%s: there is "
		    "something else of that name", path);
		return false;
	}
	if (somebody_listens(address)) {
		(void)snprintf(why, size, "%s: another "
		    "floodgate is listening on it", path);
		return false;
	}
	if (unlink(path) == 0 || errno == ENOENT)
		return true;
	(void)snprintf(why, size, "%s: cannot remove the old "
	    "one: %s", path, strerror(errno));
	return false;
}

static bool
find_group(const char *name, gid_t *group, char *why, size_t size)
{
	struct group entry, *found = NULL;
	char room[16384];	/* a group of many members */

	if (getgrnam_r(name, &entry, room, sizeof(room), &found) == 0 &&
	    found != NULL) {
		*group = entry.gr_gid;
		return true;
	}
	(void)snprintf(why, size, "control_group: there is no group \"%.100s\"",
	    name);
	return false;
}

/*
 * Bind, set group and mode. Nobody listens yet, and until then a connect()
 * fails, so that nobody gets in by the mode that the umask gave.
 */
static bool
bind_socket(struct control_socket *made, const struct sockaddr_un *address,
    const struct control_options *options, char *why, size_t size)
{
	bool has_group = options->group != NULL && options->group[0] != '\0';
	struct stat file;
	gid_t group = 0;

	if (has_group && !find_group(options->group, &group, why, size))
		return false;
	if (bind(made->fd, (const struct sockaddr *)address,
	    sizeof(*address)) != 0) {
		(void)snprintf(why, size, "%s: %s",
		    made->path, strerror(errno));
		return false;
	}
	if (lstat(made->path, &file) == 0) {
		made->device = file.st_dev;
		made->inode = file.st_ino;
	}
	if (has_group && lchown(made->path, (uid_t)-1, group) != 0) {
		(void)snprintf(why, size, "%s: cannot give it "
		    "to group %.100s: %s", made->path, options->group,
		    strerror(errno));
		return false;
	}
	if (chmod(made->path, (mode_t)options->mode) != 0) {
		(void)snprintf(why, size, "%s: %s",
		    made->path, strerror(errno));
		return false;
	}
	return true;
}

bool
control_socket_open(struct control_socket *made,
    const struct control_options *options, char *why, size_t size)
{
	struct sockaddr_un address;

	memset(made, 0, sizeof(*made));
	made->fd = -1;
	if (!make_address(options->path, &address, why, size) ||
	    !clear_path(&address, why, size))
		return false;
	memcpy(made->path, address.sun_path, sizeof(made->path));
	made->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (made->fd < 0 || !control_set_nonblocking(made->fd)) {
		(void)snprintf(why, size, "%s: %s", made->path,
		    strerror(errno));
		control_socket_close(made);
		return false;
	}
	if (bind_socket(made, &address, options, why, size))
		return true;
	control_socket_close(made);
	return false;
}

bool
control_socket_listen(struct control_socket *made, char *why, size_t size)
{
	if (listen(made->fd, BACKLOG) == 0)
		return true;
	(void)snprintf(why, size, "%s: %s", made->path, strerror(errno));
	return false;
}

/* Only what is still ours is removed. */
void
control_socket_close(struct control_socket *made)
{
	struct stat file;

	if (made->fd >= 0)
		(void)close(made->fd);
	made->fd = -1;
	if (made->inode != 0 && lstat(made->path, &file) == 0 &&
	    file.st_dev == made->device && file.st_ino == made->inode)
		(void)unlink(made->path);
	made->inode = 0;
}
