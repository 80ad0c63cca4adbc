/*
 * name_server.c - a name server on loopback that does what its names say
 */
#include "tests/io/name_server.h"

#include "base/text.h"
#include "io/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX 65535
#define UDP_MAX 1232
#define CONNECTIONS_MAX 16
#define MANY 40
#define FLAKY_MAX 64

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12,
	TYPE_MX = 15, TYPE_TXT = 16, TYPE_AAAA = 28 };

/* An answer that waits for its time. */
struct pending {
	struct pending *next;
	int64_t due_ms;
	int fd;
	bool is_tcp;
	struct sockaddr_in to;
	size_t size;
	uint8_t octets[];
};

struct name_server {
	int udp, tcp, port;
	int wake[2];
	int64_t delay_ms;
	uint32_t ttl_s;
	const char *const *rules;	/* NULL: none */
	int connections[CONNECTIONS_MAX];
	struct pending *first, *last;	/* all wait equally long */
	char flaky[FLAKY_MAX][256];
	size_t flaky_count;
	atomic_int questions;
	pthread_t thread;
};

/* A message while it is written. */
struct reply {
	uint8_t octets[MESSAGE_MAX];
	size_t size;
	size_t question_end;
	uint32_t ttl_s;
};

/* --- writing ----------------------------------------------------------- */

static void
put(struct reply *r, const void *octets, size_t size)
{
	if (size > sizeof(r->octets) - r->size)
		abort();
	memcpy(r->octets + r->size, octets, size);
	r->size += size;
}

static void
put_8(struct reply *r, unsigned int value)
{
	uint8_t octet = (uint8_t)value;

	put(r, &octet, 1);
}

static void
put_16(struct reply *r, unsigned int value)
{
	put_8(r, value >> 8 & 255);
	put_8(r, value & 255);
}

static void
put_32(struct reply *r, uint32_t value)
{
	put_16(r, value >> 16);
	put_16(r, value & 0xffff);
}

static void
set_16(struct reply *r, size_t at, unsigned int value)
{
	r->octets[at] = (uint8_t)(value >> 8 & 255);
	r->octets[at + 1] = (uint8_t)(value & 255);
}

/* "a.b": labels; then the question's name, by a pointer. */
static void
put_name_below(struct reply *r, const char *labels)
{
	while (*labels != '\0') {
		size_t length = strcspn(labels, ".");

		put_8(r, (unsigned int)length);
		put(r, labels, length);
		labels += length + (labels[length] == '.');
	}
	put_16(r, 0xc000 | 12);
}

/* Owner: labels below the question's name. Returns where the length is. */
static size_t
begin_record(struct reply *r, const char *owner, unsigned int type)
{
	put_name_below(r, owner);
	put_16(r, type);
	put_16(r, 1);
	put_32(r, r->ttl_s);
	put_16(r, 0);
	return r->size - 2;
}

static void
end_record(struct reply *r, size_t length_at, unsigned int section)
{
	size_t count_at = 6 + 2 * (size_t)section;

	set_16(r, length_at, (unsigned int)(r->size - length_at - 2));
	set_16(r, count_at, (unsigned int)(r->octets[count_at] << 8 |
	    r->octets[count_at + 1]) + 1);
}
enum { ANSWER, AUTHORITY };

static void
put_a(struct reply *r, const char *owner, uint32_t address)
{
	size_t at = begin_record(r, owner, TYPE_A);

	put_32(r, address);
	end_record(r, at, ANSWER);
}

static void
put_cname(struct reply *r, const char *owner, const char *target)
{
	size_t at = begin_record(r, owner, TYPE_CNAME);

	put_name_below(r, target);
	end_record(r, at, ANSWER);
}

static void
put_txt(struct reply *r, const char *text, size_t length)
{
	size_t at = begin_record(r, "", TYPE_TXT);

	for (size_t sent = 0; sent < length; sent += 255) {
		size_t part = length - sent < 255 ? length - sent : 255;

		put_8(r, (unsigned int)part);
		put(r, text + sent, part);
	}
	end_record(r, at, ANSWER);
}

/* With a minimum of 30 s. */
static void
put_soa(struct reply *r)
{
	size_t at = begin_record(r, "", TYPE_SOA);

	put_name_below(r, "ns");
	put_name_below(r, "hostmaster");
	for (int i = 0; i < 4; i++)
		put_32(r, 1);
	put_32(r, 30);
	end_record(r, at, AUTHORITY);
}

/* --- what names say ---------------------------------------------------- */

#define ADDRESS 0xc0000201	/* 192.0.2.1 */

static void
put_usual(struct reply *r, unsigned int type, const char *host)
{
	size_t at;

	switch (type) {
	case TYPE_A:
		put_a(r, "", ADDRESS);
		return;
	case TYPE_TXT:
		put_txt(r, "text", 4);
		return;
	case TYPE_MX:
		at = begin_record(r, "", type);
		put_16(r, 10);
		put_name_below(r, host != NULL ? host : "mx");
		end_record(r, at, ANSWER);
		return;
	case TYPE_NS:
	case TYPE_PTR:
		at = begin_record(r, "", type);
		put_name_below(r, host != NULL ? host :
		    type == TYPE_NS ? "ns" : "host");
		end_record(r, at, ANSWER);
		return;
	default:
		put_soa(r);
		return;
	}
}

static void
put_many(struct reply *r, unsigned int type)
{
	static char text[60000 / MANY];

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < MANY; i++) {
		if (type == TYPE_TXT)
			put_txt(r, text, sizeof(text));
		else
			put_usual(r, type, NULL);
	}
}

/* Labels that would pass for other names, were they copied as they are. */
static void
put_hostile(struct reply *r, unsigned int type)
{
	size_t at = begin_record(r, "", type);

	if (type == TYPE_TXT)
		put(r, "\x0a" "a\0b\r\n550 \xff", 11);
	if (type == TYPE_MX)
		put_16(r, 0);
	if (type != TYPE_TXT) {
		put_8(r, 11);
		put(r, "evil.good\r\0", 11);
		put_8(r, 3);
		put(r, "A\\\xff", 3);
		put_8(r, 0);
	}
	end_record(r, at, ANSWER);
}

static void
put_null_mx(struct reply *r, unsigned int type)
{
	size_t at;

	if (type != TYPE_MX) {
		put_usual(r, type, NULL);
		return;
	}
	at = begin_record(r, "", type);
	put_16(r, 0);
	put_8(r, 0);
	end_record(r, at, ANSWER);
}

static void
put_lame(struct reply *r)
{
	size_t at = begin_record(r, "", TYPE_NS);

	put_name_below(r, "elsewhere");
	end_record(r, at, AUTHORITY);
}

static void
put_pointer(struct reply *r, unsigned int type)
{
	size_t at = begin_record(r, "", type);

	if (type == TYPE_MX)
		put_16(r, 0);
	put_16(r, 0xc000 | (unsigned int)r->size);
	end_record(r, at, ANSWER);
}

static void
put_short(struct reply *r, unsigned int type)
{
	size_t at = begin_record(r, "", type);

	put_8(r, 1);
	end_record(r, at, ANSWER);
	set_16(r, at, 400);
}

static bool
is_first_time(struct name_server *server, const char *name)
{
	for (size_t i = 0; i < server->flaky_count; i++)
		if (strcmp(server->flaky[i], name) == 0)
			return false;
	if (server->flaky_count < FLAKY_MAX)
		(void)text_copy(server->flaky[server->flaky_count++], 256,
		    name);
	return true;
}

/* What says what to do: the word of a rule, or the name itself. */
static const char *
word_for(const struct name_server *server, const char *name)
{
	size_t length = strlen(name);

	for (const char *const *rule = server->rules;
	    rule != NULL && *rule != NULL; rule++) {
		size_t of_rule = strcspn(*rule, "=");
		const char *end;

		if (length < of_rule + 1)
			continue;
		end = name + length - of_rule - 1;	/* a final dot */
		if (strncmp(end, *rule, of_rule) == 0 &&
		    (end == name || end[-1] == '.'))
			return *rule + of_rule + 1;
	}
	return name;
}

/* False: say nothing. */
static bool
answer(struct name_server *server, struct reply *r, const char *name,
    unsigned int type, bool is_tcp)
{
	const char *label = word_for(server, name);

#define SAYS(word) text_starts_with(label, word)
	if (SAYS("timeout") || (SAYS("flaky") && is_first_time(server, name)))
		return false;
	if (SAYS("nxdomain")) {
		r->octets[3] |= 3;
		put_soa(r);
	} else if (SAYS("nodata"))
		put_soa(r);
	else if (SAYS("servfail"))
		r->octets[3] |= 2;
	else if (SAYS("refused"))
		r->octets[3] |= 5;
	else if (SAYS("lame"))
		put_lame(r);
	else if (SAYS("chain")) {
		put_a(r, "b.a", ADDRESS);	/* in no order */
		put_cname(r, "", "a");
		put_cname(r, "a", "b.a");
	} else if (SAYS("loop")) {
		put_cname(r, "", "a");
		put_cname(r, "a", "");
	} else if (SAYS("dangling")) {
		put_cname(r, "", "a");
		put_soa(r);
	} else if (SAYS("nullmx"))
		put_null_mx(r, type);
	else if (SAYS("many"))
		put_many(r, type);
	else if (SAYS("big")) {
		if (is_tcp)
			put_many(r, type);
		else
			r->octets[2] |= 2;	/* TC */
	} else if (SAYS("hostile"))
		put_hostile(r, type);
	else if (SAYS("garbage")) {
		for (size_t i = 12; i < 200; i++)
			put_8(r, (unsigned int)(i * 251 % 256));
		set_16(r, 6, 9);
	} else if (SAYS("short"))
		put_short(r, type);
	else if (SAYS("pointer"))
		put_pointer(r, type);
	else if (SAYS("listed"))
		put_a(r, "", 0x7f000002);
	else if (SAYS("count"))
		put_a(r, "", (uint32_t)atomic_load(&server->questions));
	else
		put_usual(r, type, NULL);
	if (SAYS("other"))
		r->octets[13] ^= 1;	/* the name in the question */
#undef SAYS
	return true;
}

/* --- sockets ----------------------------------------------------------- */

/* The question's name as text, and where it ends; 0: malformed. */
static size_t
read_name(const uint8_t *octets, size_t size, char name[256])
{
	size_t at = 12, length = 0;

	while (at < size && octets[at] != 0) {
		size_t label = octets[at++];

		if (label > 63 || label > size - at || length + label > 253)
			return 0;
		memcpy(name + length, octets + at, label);
		length += label;
		name[length++] = '.';
		at += label;
	}
	name[length] = '\0';
	text_lower(name);
	return at + 5 <= size ? at + 1 : 0;
}

static void
enqueue(struct name_server *server, const struct reply *r, int fd,
    const struct sockaddr_in *to)
{
	struct pending *pending = calloc(1, sizeof(*pending) + r->size + 2);
	size_t prefix = to == NULL ? 2 : 0;

	if (pending == NULL)
		abort();
	pending->due_ms = clock_steady_ms() + server->delay_ms;
	pending->fd = fd;
	pending->is_tcp = to == NULL;
	if (to != NULL)
		pending->to = *to;
	pending->octets[0] = (uint8_t)(r->size >> 8);
	pending->octets[1] = (uint8_t)(r->size & 255);
	memcpy(pending->octets + prefix, r->octets, r->size);
	pending->size = r->size + prefix;
	*(server->last != NULL ? &server->last->next : &server->first) =
	    pending;
	server->last = pending;
}

static void
on_question(struct name_server *server, const uint8_t *octets, size_t size,
    int fd, const struct sockaddr_in *to)
{
	static _Thread_local struct reply r;
	char name[256];
	size_t end;

	if (size < 12 || (end = read_name(octets, size, name)) == 0)
		return;
	atomic_fetch_add(&server->questions, 1);
	r.size = 0;
	r.ttl_s = server->ttl_s;
	put(&r, octets, end + 4);
	r.octets[2] = 0x81;	/* QR, RD */
	r.octets[3] = 0x80;	/* RA */
	memset(r.octets + 4, 0, 8);
	r.octets[5] = 1;
	if (!answer(server, &r, name,
	    (unsigned int)(octets[end] << 8 | octets[end + 1]), to == NULL))
		return;
	if (to != NULL && r.size > UDP_MAX) {
		r.size = end + 4;
		memset(r.octets + 6, 0, 6);
		r.octets[2] |= 2;
	}
	enqueue(server, &r, fd, to);
}

static void
on_udp(struct name_server *server)
{
	uint8_t octets[UDP_MAX];
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	ssize_t got;

	while ((got = recvfrom(server->udp, octets, sizeof(octets), 0,
	    (struct sockaddr *)&from, &length)) > 0) {
		on_question(server, octets, (size_t)got, server->udp, &from);
		length = sizeof(from);
	}
}

/* One question a connection, in one piece: loopback gives no less. */
static bool
on_tcp(struct name_server *server, int fd)
{
	uint8_t octets[2 + UDP_MAX];
	ssize_t got = recv(fd, octets, sizeof(octets), 0);

	if (got <= 2)
		return false;
	on_question(server, octets + 2, (size_t)got - 2, fd, NULL);
	return true;
}

static void
send_pending(struct name_server *server)
{
	while (server->first != NULL &&
	    server->first->due_ms <= clock_steady_ms()) {
		struct pending *pending = server->first;

		server->first = pending->next;
		if (server->first == NULL)
			server->last = NULL;
		if (pending->is_tcp)
			(void)!send(pending->fd, pending->octets,
			    pending->size, MSG_NOSIGNAL);
		else
			(void)!sendto(pending->fd, pending->octets,
			    pending->size, 0,
			    (const struct sockaddr *)&pending->to,
			    sizeof(pending->to));
		free(pending);
	}
}

static void
on_connections(struct name_server *server, const struct pollfd polls[])
{
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		int *fd = &server->connections[i];

		if (*fd >= 0 && polls[3 + i].revents != 0 &&
		    !on_tcp(server, *fd)) {
			(void)close(*fd);
			*fd = -1;
		}
	}
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (server->connections[i] < 0 && polls[2].revents != 0) {
			server->connections[i] = accept(server->tcp, NULL,
			    NULL);
			break;
		}
}

static void *
run(void *argument)
{
	struct name_server *server = argument;
	struct pollfd polls[3 + CONNECTIONS_MAX];

	for (;;) {
		int64_t wait_ms = -1;

		polls[0] = (struct pollfd){ server->wake[0], POLLIN, 0 };
		polls[1] = (struct pollfd){ server->udp, POLLIN, 0 };
		polls[2] = (struct pollfd){ server->tcp, POLLIN, 0 };
		for (int i = 0; i < CONNECTIONS_MAX; i++)
			polls[3 + i] = (struct pollfd){
				server->connections[i], POLLIN, 0
			};
		if (server->first != NULL) {
			wait_ms = server->first->due_ms - clock_steady_ms();
			wait_ms = wait_ms < 0 ? 0 : wait_ms;
		}
		(void)poll(polls, 3 + CONNECTIONS_MAX, (int)wait_ms);
		if (polls[0].revents != 0)
			return NULL;
		if (polls[1].revents != 0)
			on_udp(server);
		on_connections(server, polls);
		send_pending(server);
	}
}

static int
bind_to(int type, int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)*port)
	};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1, octets = 1 << 20;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes,
		    sizeof(yes));
	if (bind(fd, (const struct sockaddr *)&address,
	    sizeof(address)) != 0 || (type == SOCK_STREAM &&
	    listen(fd, CONNECTIONS_MAX) != 0) || getsockname(fd,
	    (struct sockaddr *)&address, &length) != 0) {
		(void)close(fd);
		return -1;
	}
	*port = ntohs(address.sin_port);
	return fd;
}

/* A port that is free for UDP need not be so for TCP: try some. */
static bool
open_sockets(struct name_server *server, int port)
{
	for (int tries = 0; tries < 50; tries++) {
		server->port = port;
		server->udp = bind_to(SOCK_DGRAM, &server->port);
		if (server->udp < 0)
			continue;
		server->tcp = bind_to(SOCK_STREAM, &server->port);
		if (server->tcp >= 0)
			return true;
		(void)close(server->udp);
	}
	return false;
}

struct name_server *
name_server_open(int port, int64_t delay_ms, uint32_t ttl_s,
    const char *const rules[])
{
	struct name_server *server = calloc(1, sizeof(*server));

	if (server == NULL || !open_sockets(server, port) ||
	    pipe(server->wake) != 0) {
		free(server);
		return NULL;
	}
	server->delay_ms = delay_ms;
	server->ttl_s = ttl_s;
	server->rules = rules;
	atomic_init(&server->questions, 0);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		server->connections[i] = -1;
	if (pthread_create(&server->thread, NULL, run, server) != 0)
		abort();
	return server;
}

int
name_server_port(const struct name_server *server)
{
	return server->port;
}

int
name_server_questions(const struct name_server *server)
{
	return atomic_load(&server->questions);
}

void
name_server_close(struct name_server **server)
{
	struct name_server *s = *server;

	if (s == NULL)
		return;
	(void)close(s->wake[1]);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->wake[0]);
	(void)close(s->udp);
	(void)close(s->tcp);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (s->connections[i] >= 0)
			(void)close(s->connections[i]);
	while (s->first != NULL) {
		struct pending *pending = s->first;

		s->first = pending->next;
		free(pending);
	}
	free(s);
	*server = NULL;
}
