/*
 * redis_connect.c - how a link comes to be connected, and its socket
 */
#include "io/redis_inside.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/redis_greeting.h"
#include "io/tls.h"

#define LOOKUP_MS 5000		/* then say that the name is not known */
#define LOOKUP_ONE_MS 500	/* of several: the next is tried meanwhile */

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0		/* then SO_NOSIGPIPE is set */
#endif

void
link_drain_wake(const struct redis_link *link)
{
	char octets[64];

	while (read(link->wake[0], octets, sizeof(octets)) ==
	    (ssize_t)sizeof(octets))
		continue;
}

static bool
is_closing(struct redis_link *link)
{
	bool closing;

	pthread_mutex_lock(&link->mutex);
	closing = link->closing;
	pthread_mutex_unlock(&link->mutex);
	return closing;
}

static bool
has_next(struct redis_link *link)
{
	bool has;

	pthread_mutex_lock(&link->mutex);
	has = link->has_next;
	pthread_mutex_unlock(&link->mutex);
	return has;
}

enum waited
link_wait_for(struct redis_link *link, int fd, short events,
    int64_t deadline_ms)
{
	struct pollfd polled[2] = {
	    {.fd = link->wake[0], .events = POLLIN},
	    {.fd = fd, .events = events}};

	while (!is_closing(link)) {
		int64_t left_ms = fd < 0 && has_next(link) ? 0 :
		    deadline_ms - clock_steady_ms();
		int ready = poll(polled, 2, left_ms > 0 ? (int)left_ms : 0);

		if (ready > 0 && polled[0].revents != 0)
			link_drain_wake(link);
		if (ready > 0 && polled[1].revents != 0)
			return WAITED_READY;
		if (ready == 0 && left_ms <= 0)
			return WAITED_LATE;
	}
	return WAITED_CLOSING;
}

void
link_let_go(struct redis_link *link)
{
	tls_close(&link->tls);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	if (link->reader != NULL)
		redisReaderFree(link->reader);
	link->reader = NULL;
	link->unparsed = 0;
	link->out.first = link->out.length = 0;
	link->loading = false;
}

/* What TLS came to; false with the fault when that is the end. */
static bool
has_progress(const struct redis_link *link, enum tls_progress progress,
    struct fault *fault)
{
	switch (progress) {
	case TLS_DONE:
	case TLS_WAITS:
		break;
	case TLS_CLOSED:
		return fault_set(fault, TROUBLE_CONNECT, tls_why(link->tls));
	case TLS_FAILED:
		return fault_set(fault, TROUBLE_TLS, tls_why(link->tls));
	}
	return true;
}

/* *sent is 0 when none can be sent now. */
static bool
send_some(struct redis_link *link, const char *octets, size_t length,
    size_t *sent, struct fault *fault)
{
	ssize_t done;

	*sent = 0;
	if (link->tls != NULL)
		return has_progress(link, tls_send(link->tls, octets, length,
		    sent), fault);
	do
		done = send(link->fd, octets, length, MSG_NOSIGNAL);
	while (done < 0 && errno == EINTR);
	if (done >= 0)
		*sent = (size_t)done;
	return done >= 0 || errno == EAGAIN || errno == EWOULDBLOCK ||
	    fault_set(fault, TROUBLE_CONNECT, strerror(errno));
}

bool
link_send_out(struct redis_link *link, struct fault *fault)
{
	struct buffer *out = &link->out;
	size_t sent = 1;

	while (out->first < out->length && sent > 0) {
		if (!send_some(link, out->at + out->first,
		    out->length - out->first, &sent, fault))
			return false;
		out->first += sent;
	}
	return true;
}

short
link_events(const struct redis_link *link)
{
	bool sending = link->out.first < link->out.length;

	if (link->tls != NULL)
		return tls_events(link->tls, sending);
	return sending ? POLLIN | POLLOUT : POLLIN;
}

bool
link_is_readable(const struct redis_link *link, short revents)
{
	return (revents & (POLLIN | POLLHUP | POLLERR)) != 0 ||
	    (revents != 0 && link->tls != NULL &&
	    tls_receives_at_pollout(link->tls));
}

/* *got is 0 when nothing is there. */
static bool
receive_some(struct redis_link *link, char *octets, size_t size, size_t *got,
    bool *more, struct fault *fault)
{
	ssize_t done;

	*got = 0;
	*more = false;
	if (link->tls != NULL)
		return has_progress(link, tls_receive(link->tls, octets, size,
		    got, more), fault);
	done = recv(link->fd, octets, size, 0);
	if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
	    errno == EINTR))
		return true;
	if (done < 0)
		return fault_set(fault, TROUBLE_CONNECT, strerror(errno));
	if (done == 0)
		return fault_set(fault, TROUBLE_CONNECT, "closed by server");
	*got = (size_t)done;
	*more = *got == size;
	return true;
}

bool
link_receive(struct redis_link *link, bool *more, struct fault *fault)
{
	char octets[16384];
	size_t got;

	if (!receive_some(link, octets, sizeof(octets), &got, more, fault))
		return false;
	if (got == 0)
		return true;
	link->unparsed += got;
	if (redisReaderFeed(link->reader, octets, got) != REDIS_OK)
		return fault_set(fault, TROUBLE_MEMORY, "");
	return true;
}

bool
link_next_reply(struct redis_link *link, redisReply **reply)
{
	void *found = NULL;

	*reply = NULL;
	if (redisReaderGetReply(link->reader, &found) != REDIS_OK)
		return false;
	*reply = found;
	if (found != NULL)
		link->unparsed = 0;
	return link->unparsed <= REDIS_REPLY_OCTETS_MAX;
}

/*
 * Who hangs up before the first answer may have expected TLS, or another
 * certificate: TLS 1.3 tells that after the handshake, and the reset that
 * follows may overtake it.
 */
static void
explain_hang_up(const struct redis_link *link, struct fault *fault)
{
	const struct redis_server *server =
	    &link->targets[link->target].server;

	if (link->tls == NULL && server->port[0] != '\0')
		fault_set(fault, TROUBLE_CONNECT, "closed by server at once "
		    "(does it expect tls = true?)");
	else if (link->tls != NULL && tls_certificate_was_asked(link->tls))
		fault_set(fault, TROUBLE_TLS, "closed by server, which asked "
		    "for a certificate: tls_certificate_file is not what it "
		    "accepts");
}

/* Read replies to the greeting from number *at. */
static bool
read_welcome(struct redis_link *link, const struct greeting *greeting,
    size_t *at, struct fault *fault)
{
	redisReply *reply;
	bool more = true, fine = true;

	while (more)
		if (!link_receive(link, &more, fault))
			return false;
	while (*at < greeting->count && fine) {
		if (!link_next_reply(link, &reply))
			return fault_set(fault, TROUBLE_GARBAGE, "");
		if (reply == NULL)
			return true;
		fine = greeting_welcome(greeting->steps[(*at)++], reply, fault);
		freeReplyObject(reply);
	}
	return fine;
}

/* TLS over the socket, if that is wanted. */
static bool
secure(struct redis_link *link, int64_t deadline_ms, struct fault *fault)
{
	char why[sizeof(fault->detail)];
	enum tls_progress progress;

	if (link->tls_settings == NULL)
		return true;
	link->tls = tls_open(link->tls_settings,
	    link->targets[link->target].server.host, link->fd, why,
	    sizeof(why));
	if (link->tls == NULL)
		return fault_set(fault, TROUBLE_TLS, why);
	while ((progress = tls_shake_hands(link->tls)) == TLS_WAITS) {
		switch (link_wait_for(link, link->fd,
		    tls_events(link->tls, false), deadline_ms)) {
		case WAITED_LATE:
			return fault_set(fault, TROUBLE_TIMEOUT,
			    "in the TLS handshake");
		case WAITED_CLOSING:
			return false;
		case WAITED_READY:
			break;
		}
	}
	return has_progress(link, progress, fault);
}

/* Who does not want us says why, and hangs up before we have said a word. */
static void
hear_out(struct redis_link *link, const struct greeting *greeting, size_t *at,
    struct fault *fault)
{
	struct fault said;

	if (!read_welcome(link, greeting, at, &said) && *at > 0)
		*fault = said;
}

/* Say it, and read the answers: *at counts them. */
static bool
greet(struct redis_link *link, const struct greeting *greeting, size_t *at,
    int64_t deadline_ms, struct fault *fault)
{
	while (*at < greeting->count) {
		if (!link_send_out(link, fault)) {
			hear_out(link, greeting, at, fault);
			return false;
		}
		switch (link_wait_for(link, link->fd, link_events(link),
		    deadline_ms)) {
		case WAITED_LATE:
			return fault_set(fault, TROUBLE_TIMEOUT, "");
		case WAITED_CLOSING:
			return false;
		case WAITED_READY:
			break;
		}
		if (!read_welcome(link, greeting, at, fault))
			return false;
	}
	return true;
}

/* True when the server is one to work with. */
static bool
shake_hands(struct redis_link *link, int64_t deadline_ms, struct fault *fault)
{
	struct greeting greeting;
	size_t at = 0;

	link->reader = redis_reader_open();
	if (link->reader == NULL || !greeting_put(&greeting, link->user,
	    link->password, link->database, link->kind == REDIS_MASTER,
	    &link->out) || (link->kind != REDIS_SENTINEL &&
	    !greeting_put_script(&greeting, &link->script, &link->out)))
		return fault_set(fault, TROUBLE_MEMORY, "");
	if (greet(link, &greeting, &at, deadline_ms, fault))
		return true;
	if (at == 0 && fault->trouble == TROUBLE_CONNECT)
		explain_hang_up(link, fault);
	return false;
}

/* How long it may take. */
struct patience {
	int64_t connect_ms;	/* all of it */
	int64_t answer_ms;	/* the answer to the greeting */
};

static bool
connect_to(struct redis_link *link, const struct redis_address *address,
    const struct patience *patience, struct fault *fault)
{
	int64_t deadline_ms = clock_steady_ms() + patience->connect_ms;
	int64_t answer_ms;

	link->fd = redis_socket_open(address);
	if (link->fd < 0)
		return fault_set(fault, TROUBLE_CONNECT, strerror(errno));
	switch (link_wait_for(link, link->fd, POLLOUT, deadline_ms)) {
	case WAITED_LATE:
		return fault_set(fault, TROUBLE_CONNECT, strerror(ETIMEDOUT));
	case WAITED_CLOSING:
		return false;
	case WAITED_READY:
		break;
	}
	if (!redis_socket_connected(link->fd))
		return fault_set(fault, TROUBLE_CONNECT, strerror(errno));
	if (!secure(link, deadline_ms, fault))
		return false;
	/* Who greets too slowly would answer too slowly. */
	answer_ms = clock_steady_ms() + patience->answer_ms;
	return shake_hands(link,
	    answer_ms < deadline_ms ? answer_ms : deadline_ms, fault);
}

/* Addresses of the server; waits at most LOOKUP_MS for a name. */
static bool
find_addresses(struct redis_link *link, struct redis_target *target,
    struct redis_addresses *addresses, struct fault *fault)
{
	const char *why = "no thread to look it up";
	bool found = false;

	if (redis_server_address(&target->server, addresses))
		return true;
	if (target->lookup == NULL)
		target->lookup = redis_lookup_open(&target->server);
	if (target->lookup != NULL) {
		switch (link_wait_for(link,
		    redis_lookup_descriptor(target->lookup), POLLIN,
		    clock_steady_ms() + (link->target_count > 1 ?
		    LOOKUP_ONE_MS : LOOKUP_MS))) {
		case WAITED_LATE:	/* the next try waits on */
			return fault_set(fault, TROUBLE_LOOKUP,
			    "no answer yet");
		case WAITED_CLOSING:
			return false;
		case WAITED_READY:
			break;
		}
		found = redis_lookup_result(target->lookup, addresses, &why);
	}
	redis_lookup_close(&target->lookup);
	return found || fault_set(fault, TROUBLE_LOOKUP, why);
}

static bool
connect_to_target(struct redis_link *link, struct redis_target *target,
    const struct patience *patience, struct fault *fault)
{
	struct redis_addresses addresses;
	bool connected = false;

	pthread_mutex_lock(&link->mutex);
	text_copy(link->where, sizeof(link->where), target->where);
	pthread_mutex_unlock(&link->mutex);
	if (!find_addresses(link, target, &addresses, fault))
		return false;
	for (size_t i = 0; i < addresses.count && !connected; i++) {
		connected = connect_to(link, &addresses.at[i], patience,
		    fault);
		if (!connected)
			link_let_go(link);
	}
	return connected;
}

void
link_forget_targets(struct redis_link *link)
{
	for (size_t i = 0; i < link->target_count; i++)
		redis_lookup_close(&link->targets[i].lookup);
	link->target_count = link->target = 0;
}

/*
 * Which server is tried first: of sentinels the one that was good, and
 * after one that was not, the next; else the first that is configured.
 */
static void
choose_target(struct redis_link *link, enum redis_trouble dropped)
{
	if (link->kind != REDIS_SENTINEL)
		link->target = 0;
	else if (dropped != TROUBLE_COUNT && link->target_count > 0)
		link->target = (link->target + 1) % link->target_count;
}

/* What was decided for this attempt by others than the I/O thread. */
static void
begin_attempt(struct redis_link *link, struct patience *patience)
{
	struct redis_target next;
	enum redis_trouble dropped;
	bool has_next;

	pthread_mutex_lock(&link->mutex);
	patience->connect_ms = link->connect_timeout_ms;
	patience->answer_ms = link->timeout_ms;
	dropped = link->drop;
	link->drop = TROUBLE_COUNT;
	has_next = link->has_next;
	link->has_next = false;
	next = link->next;
	pthread_mutex_unlock(&link->mutex);
	if (has_next) {
		link_forget_targets(link);
		link->targets[link->target_count++] = next;
	}
	choose_target(link, dropped);
}

bool
link_connect(struct redis_link *link, struct fault *fault)
{
	struct patience patience;

	begin_attempt(link, &patience);
	if (link->target_count == 0) {
		/* It is about to be told. */
		fault->trouble = TROUBLE_COUNT;
		if (link_wait_for(link, -1, 0, clock_steady_ms() +
		    patience.connect_ms) == WAITED_CLOSING)
			return false;
		begin_attempt(link, &patience);
	}
	if (link->target_count == 0)
		return fault_set(fault, TROUBLE_NOMASTER, "");
	for (size_t tried = 0; tried < link->target_count; tried++) {
		fault->trouble = TROUBLE_COUNT;
		if (connect_to_target(link, &link->targets[link->target],
		    &patience, fault))
			return true;
		if (fault->trouble == TROUBLE_COUNT)
			return false;	/* closing */
		link->target = (link->target + 1) % link->target_count;
	}
	return false;
}
