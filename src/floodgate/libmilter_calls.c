/*
 * libmilter_calls.c - the functions of the libc that libmilter finds here
 *
 * libmilter has no hook below its callbacks. But as the program stands before
 * every library when a name is looked up, its calls of poll(), read() and so
 * on come here, as those of all other libraries and of our own do, and go on
 * to io/mta_socket.c or to the libc. Nothing depends on it: where a libmilter
 * cannot be reached so, all is as it was, only slower.
 *
 * The names stand in labels, because the libc's headers may declare them as
 * inline functions, or with types of their own.
 */
#include "io/mta_socket.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int called_accept(int fd, struct sockaddr *address, socklen_t *length)
    __asm__("accept");
int called_close(int fd) __asm__("close");
int called_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
    __asm__("poll");
ssize_t called_read(int fd, void *buffer, size_t size) __asm__("read");
ssize_t called_writev(int fd, const struct iovec *pieces, int count)
    __asm__("writev");

static struct socket_calls libc;
static int (*libc_accept)(int fd, struct sockaddr *address,
    socklen_t *length);
static int (*libc_close)(int fd);

/* The next in line behind us. */
static void
find(const char *name, void *function, size_t size)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();	/* a libc without them */
	memcpy(function, &found, size);
}

/* Before main(); or, where a library calls us before, by that. */
__attribute__((constructor)) static void
find_all(void)
{
	find("accept", &libc_accept, sizeof(libc_accept));
	find("close", &libc_close, sizeof(libc_close));
	find("read", &libc.read, sizeof(libc.read));
	find("writev", &libc.writev, sizeof(libc.writev));
	find("poll", &libc.poll, sizeof(libc.poll));
}

static void
need_libc(void)
{
	if (libc.poll == NULL)
		find_all();
}

int
called_accept(int fd, struct sockaddr *address, socklen_t *length)
{
	int accepted;

	need_libc();
	accepted = libc_accept(fd, address, length);
	mta_socket_accepted(accepted);
	return accepted;
}

int
called_close(int fd)
{
	need_libc();
	mta_socket_closes(fd);
	return libc_close(fd);
}

int
called_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	need_libc();
	return mta_socket_poll(&libc, fds, count, timeout_ms);
}

ssize_t
called_read(int fd, void *buffer, size_t size)
{
	need_libc();
	return mta_socket_read(&libc, fd, buffer, size);
}

ssize_t
called_writev(int fd, const struct iovec *pieces, int count)
{
	need_libc();
	return mta_socket_writev(&libc, fd, pieces, count);
}
