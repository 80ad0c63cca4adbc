/*
 * mta_socket.h - libmilter's connections with MTAs, in fewer system calls
 *
 * libmilter (8.17.1 and 8.18.1, Debian's builds with a pool of workers) makes
 * five system calls for each packet that it reads, two for each that it sends,
 * and an MTA sends a packet of macros before most commands: twelve calls a
 * reply. It lets a worker wait one millisecond for the next command; then the
 * connection goes back to the pool, which costs two more threads their sleep.
 *
 * These functions stand in for the libc's where libmilter calls them (see
 * floodgate/libmilter_calls.c) and mean the same, but
 *
 *   - what has arrived is read at once, up to 4 kB, and given to libmilter
 *     piece by piece. It is kept by the thread that reads, which does not
 *     leave the connection before it is used up (libmilter/engine.c);
 *   - libmilter's question whether it may write is asked of the kernel only
 *     when a write would block;
 *   - the worker stays for ten milliseconds when the last command came while
 *     it stayed: then the MTA is quick, and the next one is near;
 *   - the pool is handed one connection at a time: see io/pool.h.
 *
 * Only connections that the thread of mta_socket_listens() has accepted are
 * treated so; of all others, and where libmilter calls something else, the
 * libc's functions do what they always do. Measured: make bench.
 */
#ifndef FLOODGATE_IO_MTA_SOCKET_H
#define FLOODGATE_IO_MTA_SOCKET_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The libc's functions of these names. */
struct socket_calls {
	int (*poll)(struct pollfd *fds, nfds_t count, int timeout_ms);
	ssize_t (*read)(int fd, void *buffer, size_t size);
	ssize_t (*writev)(int fd, const struct iovec *pieces, int count);
};

/* What the calling thread accepts from now on comes from an MTA. */
void mta_socket_listens(void);

/* To be called after accept() and before close(). Any thread, any fd. */
void mta_socket_accepted(int fd);
void mta_socket_closes(int fd);

/* As poll(2), read(2) and writev(2). Any thread, any fd. */
int mta_socket_poll(const struct socket_calls *libc, struct pollfd *fds,
    nfds_t count, int timeout_ms);
ssize_t mta_socket_read(const struct socket_calls *libc, int fd, void *buffer,
    size_t size);
ssize_t mta_socket_writev(const struct socket_calls *libc, int fd,
    const struct iovec *pieces, int count);

#endif
