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

#define LOOKUP_MS 5000		/* then say that the name is not known */
#define LOOKUP_ONE_MS 500	/* of several: the next is tried meanwhile */

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0		/* then SO_NOSIGPIPE is set */
#endif

void
link_drain_wake(const struct redis_link *link)
{
	char octets[64];

	while (read(link->wake[0], octets, sizeof(octets)) > 0)
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
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	if (link->reader != NULL)
		redisReaderFree(link->reader);
	link->reader = NULL;
	link->unparsed = 0;
	link->out.first = link->out.length = 0;
}

bool
link_send_out(struct redis_link *link)
{
	struct buffer *out = &link->out;

	while (out->first < out->length) {
		ssize_t sent = send(link->fd, out->at + out->first,
		    out->length - out->first, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		out->first += (size_t)sent;
	}
	return true;
}

bool
link_receive(struct redis_link *link, bool *more, struct fault *fault)
{
	char octets[16384];
	ssize_t got = recv(link->fd, octets, sizeof(octets), 0);

	*more = got == (ssize_t)sizeof(octets);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
	    errno == EINTR))
		return true;
	if (got < 0)
		return fault_set(fault, TROUBLE_CONNECT, strerror(errno));
	if (got == 0)
		return fault_set(fault, TROUBLE_CONNECT, "closed by server");
	link->unparsed += (size_t)got;
	if (redisReaderFeed(link->reader, octets, (size_t)got) != REDIS_OK)
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

/* Read replies to the greeting from number *at. */
static bool
read_welcome(struct redis_link *link, const struct greeting *greeting,
    size_t *at, struct fault *fault)
{
	redisReply *reply;
	bool more, fine = true;

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
	    !greeting_put_script(&greeting, link->digest, &link->out)))
		return fault_set(fault, TROUBLE_MEMORY, "");
	while (at < greeting.count) {
		if (!link_send_out(link))
			return fault_set(fault, TROUBLE_CONNECT,
			    strerror(errno));
		switch (link_wait_for(link, link->fd, POLLIN, deadline_ms)) {
		case WAITED_LATE:
			return fault_set(fault, TROUBLE_TIMEOUT, "");
		case WAITED_CLOSING:
			return false;
		case WAITED_READY:
			break;
		}
		if (!read_welcome(link, &greeting, &at, fault))
			return false;
	}
	return true;
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
