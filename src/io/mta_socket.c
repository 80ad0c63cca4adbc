/*
 * mta_socket.c - libmilter's connections with MTAs, in fewer system calls
 */
#include "io/mta_socket.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "io/pool.h"

#define SOCKETS_MAX 65536	/* those above are left to the libc */
#define AHEAD_SIZE 4096		/* octets that are read at once */
#define READY_MAX 4096		/* connections that the controller keeps */

/* What libmilter/engine.c asks with before it reads a command. */
#define COMMAND_EVENTS POLLIN
#define COMMAND_MS 1
#define PATIENT_MS 10	/* instead, where the last command came in time */

enum socket_state {
	SOCKET_OTHER,	/* not an MTA's */
	SOCKET_MTA,
	SOCKET_QUICK	/* whose last command a worker has waited for */
};

static atomic_uchar states[SOCKETS_MAX];
static _Thread_local bool listens;

/* What this thread has read of a connection and libmilter has not. */
static _Thread_local struct {
	int fd;		/* that is served; 0: none */
	bool full;	/* a write would have blocked */
	size_t at, length;
	char octets[AHEAD_SIZE];
} ahead;

static bool
is_mta(int fd)
{
	return fd > 0 && fd < SOCKETS_MAX &&
	    atomic_load_explicit(&states[fd], memory_order_relaxed) !=
	    SOCKET_OTHER;
}

static bool
is_ahead(int fd)
{
	return fd == ahead.fd && ahead.at < ahead.length;
}

/* Whatever was left of another connection is of no use to anybody. */
static void
read_ahead(int fd)
{
	ssize_t got = recv(fd, ahead.octets, sizeof(ahead.octets),
	    MSG_DONTWAIT);

	ahead.fd = fd;
	ahead.full = false;
	ahead.at = 0;
	ahead.length = got > 0 ? (size_t)got : 0;
}

/* A worker asks for the next command; 0: it leaves the connection. */
static int
await_command(const struct socket_calls *libc, struct pollfd *socket)
{
	atomic_uchar *state = &states[socket->fd];
	bool quick = atomic_load_explicit(state, memory_order_relaxed) ==
	    SOCKET_QUICK;
	int ready;

	pool_take(socket->fd);
	ready = libc->poll(socket, 1, quick ? PATIENT_MS : COMMAND_MS);
	if ((ready > 0) != quick)
		atomic_store_explicit(state, ready > 0 ? SOCKET_QUICK :
		    SOCKET_MTA, memory_order_relaxed);
	if (ready <= 0)
		return ready;
	read_ahead(socket->fd);
	if (is_ahead(socket->fd))
		socket->revents = POLLIN;	/* even if closed since */
	return ready;
}

static int
poll_one(const struct socket_calls *libc, struct pollfd *socket,
    int timeout_ms)
{
	if ((socket->events & POLLIN) != 0 && is_ahead(socket->fd)) {
		socket->revents = POLLIN;
		return 1;
	}
	if (socket->events == COMMAND_EVENTS && timeout_ms == COMMAND_MS)
		return await_command(libc, socket);
	if (socket->events == POLLOUT && socket->fd == ahead.fd &&
	    !ahead.full) {
		socket->revents = POLLOUT;
		return 1;
	}
	ahead.full = false;
	return libc->poll(socket, 1, timeout_ms);
}

/*
 * The controller of the pool: its pipe comes first, then all connections
 * that no worker serves.
 */
static struct {
	size_t count;	/* of connections that were seen ready */
	int fds[READY_MAX];
} ready;

static struct pollfd *
find(struct pollfd *fds, nfds_t count, int fd)
{
	for (nfds_t i = 1; i < count; i++)
		if (fds[i].fd == fd)
			return &fds[i];
	return NULL;
}

/* What was ready stays so until a worker reads it. NULL: nothing is left. */
static struct pollfd *
next_ready(struct pollfd *fds, nfds_t count)
{
	struct pollfd *found = NULL;

	while (ready.count > 0 && found == NULL)
		found = find(fds, count, ready.fds[--ready.count]);
	return found;
}

/* Last in, first out of `ready`: so they are put there from the end. */
static void
keep_ready(struct pollfd *fds, nfds_t count)
{
	ready.count = 0;
	for (nfds_t i = count - 1; i > 0 && ready.count < READY_MAX; i--) {
		if (fds[i].revents != 0)
			ready.fds[ready.count++] = fds[i].fd;
		fds[i].revents = 0;
	}
}

static int
poll_all(const struct socket_calls *libc, struct pollfd *fds, nfds_t count,
    int timeout_ms)
{
	struct pollfd *socket = next_ready(fds, count);
	int events = 0;

	if (socket == NULL) {
		events = libc->poll(fds, count, timeout_ms);
		if (events <= 0)
			return events;
		keep_ready(fds, count);
		events = fds[0].revents != 0;
		socket = next_ready(fds, count);
	}
	if (socket == NULL)
		return events;
	pool_offer(socket->fd);
	socket->revents = POLLIN;
	return events + 1;
}

void
mta_socket_listens(void)
{
	listens = true;
}

void
mta_socket_accepted(int fd)
{
	if (!listens || fd <= 0 || fd >= SOCKETS_MAX)
		return;
	atomic_store(&states[fd], SOCKET_MTA);
	pool_offer(fd);
}

void
mta_socket_closes(int fd)
{
	if (!is_mta(fd))
		return;
	if (fd == ahead.fd)
		ahead.fd = 0;
	atomic_store(&states[fd], SOCKET_OTHER);
	pool_forget(fd);
}

int
mta_socket_poll(const struct socket_calls *libc, struct pollfd *fds,
    nfds_t count, int timeout_ms)
{
	if (count == 1 && is_mta(fds[0].fd))
		return poll_one(libc, &fds[0], timeout_ms);
	if (count > 1 && is_mta(fds[1].fd))
		return poll_all(libc, fds, count, timeout_ms);
	return libc->poll(fds, count, timeout_ms);
}

ssize_t
mta_socket_read(const struct socket_calls *libc, int fd, void *buffer,
    size_t size)
{
	size_t length = ahead.length - ahead.at;

	if (!is_ahead(fd))
		return libc->read(fd, buffer, size);
	if (length > size)
		length = size;
	memcpy(buffer, ahead.octets + ahead.at, length);
	ahead.at += length;
	return (ssize_t)length;
}

ssize_t
mta_socket_writev(const struct socket_calls *libc, int fd,
    const struct iovec *pieces, int count)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)pieces,
	    .msg_iovlen = (size_t)count };
	ssize_t sent;

	if (fd != ahead.fd || fd <= 0)
		return libc->writev(fd, pieces, count);
	sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	ahead.full = sent < 0 && errno == EAGAIN;
	return sent;
}
