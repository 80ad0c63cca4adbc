/*
 * control_socket.h - the file of the control socket
 */
#ifndef FLOODGATE_IO_CONTROL_SOCKET_H
#define FLOODGATE_IO_CONTROL_SOCKET_H

#include "io/control.h"

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>
#include <sys/un.h>

struct control_socket {
	int fd;			/* -1: closed */
	dev_t device;		/* of its file, to remove only that */
	ino_t inode;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

/*
 * Make the socket, with group and mode. One that nobody answers on is
 * replaced. False with a sentence in why[size].
 */
bool control_socket_open(struct control_socket *made,
    const struct control_options *options, char *why, size_t size);

/* From now on it can be connected to; false with a sentence in why[size]. */
bool control_socket_listen(struct control_socket *made, char *why,
    size_t size);

/* Close it and remove its file, unless another has taken its place. */
void control_socket_close(struct control_socket *made);

/* Who is at the other end; false where the system does not tell. */
bool control_socket_uid(int fd, uid_t *uid);

/* Non-blocking, and closed on exec. */
bool control_set_nonblocking(int fd);

#endif
