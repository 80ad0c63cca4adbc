/*
 * control.c - the daemon's UNIX socket for floodgatectl
 *
 * One thread with poll(): every client is non-blocking and has a deadline,
 * so that none can hold up another for long. What takes time is what a
 * client asks for, and that is bounded by the handlers and the store.
 */
#include "io/control.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/control_answer.h"
#include "io/control_socket.h"
#include "io/inspect.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/types.h>

#define ACCEPT_PAUSE_MS 200	/* after accept() failed, out of descriptors */

struct client {
	int fd;			/* -1: a free place */
	int64_t deadline_ms;	/* on the steady clock */
	size_t received;
	size_t sent;
	size_t length;		/* of the answer */
	char *answer;		/* NULL while the request arrives */
	char who[24];		/* "uid:0", as the system says */
	char request[CONTROL_REQUEST_OCTETS_MAX];
};

struct control {
	struct control_socket listener;
	int wake[2];		/* a pipe: closing its end stops the thread */
	int64_t timeout_ms;
	int64_t accept_after_ms;
	struct control_handlers handlers;
	void *context;
	bool started;
	pthread_t thread;	/* once started */
	struct client clients[CONTROL_CLIENTS_MAX];
};

/* --- the clients */

static void
client_hang_up(struct client *client)
{
	(void)close(client->fd);
	free(client->answer);
	client->answer = NULL;
	client->fd = -1;
}

/* Send what the socket takes. */
static void
client_send(struct client *client)
{
	ssize_t octets;

	while (client->sent < client->length) {
		octets = send(client->fd, client->answer + client->sent,
		    client->length - client->sent, MSG_NOSIGNAL);
		if (octets < 0 && errno == EINTR)
			continue;
		if (octets < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (octets < 0)
			break;
		client->sent += (size_t)octets;
	}
	client_hang_up(client);
}

/* Takes over the document. */
static void
client_answer(struct control *control, struct client *client,
    json_t *document)
{
	client->answer = document == NULL ? NULL : json_dumps(document,
	    JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(document);
	if (client->answer == NULL) {
		client_hang_up(client);
		return;
	}
	client->length = strlen(client->answer);
	client->answer[client->length++] = '\n';	/* for the NUL */
	client->sent = 0;
	client->deadline_ms = clock_steady_ms() + control->timeout_ms;
	client_send(client);
}

/* A whole line, or what there is when the client sends no more. */
static void
client_take(struct control *control, struct client *client, bool ended)
{
	const char *newline = memchr(client->request, '\n', client->received);

	if (newline != NULL)
		client_answer(control, client, control_answer(
		    &control->handlers, control->context, client->who,
		    client->request,
		    (size_t)(newline - client->request)));
	else if (client->received == sizeof(client->request))
		client_answer(control, client, inspect_error(INSPECT_USAGE,
		    "the request is longer than %d octets",
		    CONTROL_REQUEST_OCTETS_MAX));
	else if (ended && client->received > 0)
		client_answer(control, client, control_answer(
		    &control->handlers, control->context, client->who,
		    client->request,
		    client->received));
	else if (ended)
		client_hang_up(client);
}

static void
client_receive(struct control *control, struct client *client)
{
	ssize_t octets;

	octets = recv(client->fd, client->request + client->received,
	    sizeof(client->request) - client->received, 0);
	if (octets < 0) {
		if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
			client_hang_up(client);
		return;
	}
	client->received += (size_t)octets;
	client_take(control, client, octets == 0);
}

static void
client_time_out(struct control *control, struct client *client)
{
	if (client->answer != NULL)
		client_hang_up(client);
	else
		client_answer(control, client, inspect_error(INSPECT_TEMPORARY,
		    "no complete request within %lld ms",
		    (long long)control->timeout_ms));
}

static struct client *
free_place(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	return NULL;
}

/* Who changes something is written to the log. */
static void
name_client(struct client *client)
{
	struct text who;
	uid_t uid;

	TEXT_INIT(&who, client->who);
	text_put(&who, "uid:");
	if (control_socket_uid(client->fd, &uid))
		text_put_number(&who, (int64_t)uid);
	else
		text_put_char(&who, '-');
}

static void
accept_client(struct control *control)
{
	struct client *client = free_place(control);
	int fd;

	assert(client != NULL);
	fd = accept(control->listener.fd, NULL, NULL);
	if (fd < 0) {
		if (errno != EINTR && errno != EAGAIN &&
		    errno != EWOULDBLOCK && errno != ECONNABORTED)
			control->accept_after_ms = clock_steady_ms() +
			    ACCEPT_PAUSE_MS;
		return;
	}
	if (!control_set_nonblocking(fd)) {
		(void)close(fd);
		return;
	}
	client->fd = fd;
	name_client(client);
	client->received = client->sent = client->length = 0;
	client->deadline_ms = clock_steady_ms() + control->timeout_ms;
}

/* --- the thread */

static int
ms_until(int64_t deadline_ms, int64_t now_ms, int timeout)
{
	int64_t left = deadline_ms > now_ms ? deadline_ms - now_ms : 0;

	return timeout < 0 || left < timeout ? (int)left : timeout;
}

/*
 * What to wait for: polls[0] is the wake pipe, polls[1] the listener, the
 * others the clients. Returns for how long, -1 for ever.
 */
static int
prepare_polls(struct control *control, struct pollfd polls[])
{
	int64_t now_ms = clock_steady_ms();
	int timeout = -1;

	polls[0] = (struct pollfd){ .fd = control->wake[0], .events = POLLIN };
	polls[1] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (now_ms < control->accept_after_ms)
		timeout = ms_until(control->accept_after_ms, now_ms, timeout);
	else if (free_place(control) != NULL)
		polls[1].fd = control->listener.fd;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct client *client = &control->clients[i];

		polls[2 + i] = (struct pollfd){ .fd = client->fd,
		    .events = client->answer != NULL ? POLLOUT : POLLIN };
		if (client->fd >= 0)
			timeout = ms_until(client->deadline_ms, now_ms,
			    timeout);
	}
	return timeout;
}

/*
 * What has arrived is served before anybody is timed out: a request that
 * came while a slow one was answered is in time.
 */
static void
serve_clients(struct control *control, const struct pollfd polls[])
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0)
			continue;
		if (polls[i].revents != 0 && client->answer != NULL)
			client_send(client);
		else if (polls[i].revents != 0)
			client_receive(control, client);
		else if (clock_steady_ms() >= client->deadline_ms)
			client_time_out(control, client);
	}
}

static void *
control_run(void *argument)
{
	struct pollfd polls[2 + CONTROL_CLIENTS_MAX];
	struct control *control = argument;
	int timeout;

	for (;;) {
		timeout = prepare_polls(control, polls);
		if (poll(polls, 2 + CONTROL_CLIENTS_MAX, timeout) < 0)
			continue;	/* EINTR; the next round waits again */
		if (polls[0].revents != 0)
			return NULL;
		serve_clients(control, polls + 2);
		if (polls[1].revents != 0 && free_place(control) != NULL)
			accept_client(control);
	}
}

/* --- its life */

/* Signals are for the daemon's own thread. */
bool
control_start(struct control *control, char *why, size_t size)
{
	sigset_t all, before;

	if (!control_socket_listen(&control->listener, why, size))
		return false;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	control->started = pthread_create(&control->thread, NULL,
	    control_run, control) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!control->started)
		(void)snprintf(why, size, "cannot start a thread");
	return control->started;
}

static void
control_free(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0)
			client_hang_up(&control->clients[i]);
	for (size_t i = 0; i < 2; i++)
		if (control->wake[i] >= 0)
			(void)close(control->wake[i]);
	control_socket_close(&control->listener);
	free(control);
}

static bool
open_wake(struct control *control, char *why, size_t size)
{
	if (pipe(control->wake) == 0 &&
	    control_set_nonblocking(control->wake[0]) &&
	    control_set_nonblocking(control->wake[1]))
		return true;
	(void)snprintf(why, size, "cannot make a pipe: %s", strerror(errno));
	return false;
}

static struct control *
control_new(const struct control_options *options,
    const struct control_handlers *handlers, void *context)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return NULL;
	control->handlers = *handlers;
	control->context = context;
	control->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms :
	    CONTROL_TIMEOUT_MS;
	control->listener.fd = control->wake[0] = control->wake[1] = -1;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	return control;
}

struct control *
control_open(const struct control_options *options,
    const struct control_handlers *handlers, void *context, char *why,
    size_t size)
{
	struct control *control = control_new(options, handlers, context);

	if (control == NULL) {
		(void)snprintf(why, size, "no memory");
		return NULL;
	}
	if (open_wake(control, why, size) &&
	    control_socket_open(&control->listener, options, why, size))
		return control;
	control_free(control);
	return NULL;
}

void
control_close(struct control **control)
{
	if (*control == NULL)
		return;
	(void)close((*control)->wake[1]);
	(*control)->wake[1] = -1;
	if ((*control)->started)
		(void)pthread_join((*control)->thread, NULL);
	control_free(*control);
	*control = NULL;
}
