/*
 * dns_link.c - the thread that speaks to the name servers
 *
 * c-ares does the asking: sockets, repetition, TCP for what was cut, the
 * next server when one has failed. Its channel belongs to this thread.
 */
#include "io/dns_link.h"

#include "base/text.h"
#include "io/dns.h"

/* What c-ares 1.34 names instead, 1.18 (Debian 12) does not have. */
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#define TRIES 2			/* the second waits twice as long */
#define EDNS_OCTETS 1232	/* fits any path (DNS flag day 2020) */
#define RECEIVE_OCTETS (1 << 20)	/* answers come in bursts */

struct dns_link {
	struct dns_link_handlers handlers;
	void *context;
	ares_channel channel;
	int wake[2];		/* a pipe */
	atomic_bool is_ending;
	pthread_t thread;
};

struct asked {
	struct dns_link *link;
	struct dns_entry *entry;
};

static const int wire_types[DNS_TYPE_COUNT] = {
	[DNS_A] = 1, [DNS_NS] = 2, [DNS_PTR] = 12, [DNS_MX] = 15,
	[DNS_TXT] = 16, [DNS_AAAA] = 28
};
#define CLASS_IN 1

static void
on_answer(void *context, int status, int timeouts, unsigned char *octets,
    int size)
{
	struct asked *asked = context;
	struct dns_link *link = asked->link;
	struct dns_entry *entry = asked->entry;

	(void)timeouts;
	free(asked);
	if (octets != NULL && size > 0)
		link->handlers.answer(link->context, entry, octets,
		    (size_t)size, false);
	else	/* c-ares itself knows that there is no .onion */
		link->handlers.answer(link->context, entry, NULL, 0,
		    status == ARES_ENOTFOUND);
}

static void
ask(struct dns_link *link, struct dns_entry *entry)
{
	struct asked *asked = malloc(sizeof(*asked));

	if (asked == NULL) {
		link->handlers.answer(link->context, entry, NULL, 0, false);
		return;
	}
	asked->link = link;
	asked->entry = entry;
	ares_query(link->channel, entry->name, CLASS_IN,
	    wire_types[entry->type], on_answer, asked);
}

static void
ask_all(struct dns_link *link)
{
	struct dns_entry *entry;
	char octets[64];

	while (read(link->wake[0], octets, sizeof(octets)) > 0)
		continue;
	while ((entry = link->handlers.take(link->context)) != NULL)
		ask(link, entry);
}

/* polls[0] is the pipe. Returns how many there are. */
static nfds_t
gather(struct dns_link *link, struct pollfd polls[1 + ARES_GETSOCK_MAXNUM])
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned int ready = (unsigned int)ares_getsock(link->channel,
	    sockets, ARES_GETSOCK_MAXNUM);
	nfds_t count = 0;

	polls[count].fd = link->wake[0];
	polls[count++].events = POLLIN;
	for (unsigned int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = 0;

		/* As ARES_GETSOCK_READABLE() and its like, which shift into
		 * the sign. */
		if ((ready >> i & 1) != 0)
			events |= POLLIN;
		if ((ready >> (i + ARES_GETSOCK_MAXNUM) & 1) != 0)
			events |= POLLOUT;
		if (events == 0)
			continue;
		polls[count].fd = sockets[i];
		polls[count++].events = events;
	}
	return count;
}

static int
time_to_wait(struct dns_link *link)
{
	struct timeval buffer;
	const struct timeval *wait = ares_timeout(link->channel, NULL,
	    &buffer);

	if (wait == NULL)
		return -1;
	return (int)(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000);
}

static void
serve(struct dns_link *link, const struct pollfd polls[], nfds_t count)
{
	bool any = false;

	for (nfds_t i = 1; i < count; i++) {
		short got = polls[i].revents;

		if (got == 0)
			continue;
		any = true;
		ares_process_fd(link->channel,
		    (got & ~POLLOUT) != 0 ? polls[i].fd : ARES_SOCKET_BAD,
		    (got & POLLOUT) != 0 ? polls[i].fd : ARES_SOCKET_BAD);
	}
	if (!any)	/* somebody's time may be up */
		ares_process_fd(link->channel, ARES_SOCKET_BAD,
		    ARES_SOCKET_BAD);
}

static void *
run(void *argument)
{
	struct dns_link *link = argument;
	struct pollfd polls[1 + ARES_GETSOCK_MAXNUM];

	while (!atomic_load(&link->is_ending)) {
		nfds_t count = gather(link, polls);
		int got = poll(polls, count, time_to_wait(link));

		if (got < 0 && errno != EINTR)
			break;
		if (got < 0)
			continue;
		ask_all(link);
		serve(link, polls, count);
	}
	return NULL;
}

/* --- open and close ---------------------------------------------------- */

static bool
make_pipe(int ends[2])
{
	if (pipe(ends) != 0)
		return false;
	for (int i = 0; i < 2; i++) {
		(void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
		(void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
	}
	return true;
}

static bool
set_servers(ares_channel channel, const struct strings *servers)
{
	struct ares_addr_port_node nodes[DNS_SERVERS_MAX];

	if (servers->count == 0)
		return true;
	memset(nodes, 0, sizeof(nodes));
	for (size_t i = 0; i < servers->count; i++) {
		struct dns_server server;

		if (i == DNS_SERVERS_MAX ||
		    !dns_server_parse(servers->at[i], &server))
			return false;
		if (i > 0)
			nodes[i - 1].next = &nodes[i];
		nodes[i].family = server.ip.family == IP_V4 ? AF_INET :
		    AF_INET6;
		memcpy(&nodes[i].addr, server.ip.octets,
		    ip_size(server.ip.family));
		nodes[i].udp_port = server.port;
		nodes[i].tcp_port = server.port;
	}
	return ares_set_servers_ports(channel, nodes) == ARES_SUCCESS;
}

static size_t
server_count(ares_channel channel)
{
	struct ares_addr_port_node *nodes, *at;
	size_t count = 0;

	if (ares_get_servers_ports(channel, &nodes) != ARES_SUCCESS)
		return 0;
	for (at = nodes; at != NULL; at = at->next)
		count++;
	ares_free_data(nodes);
	return count;
}

/*
 * Later versions of c-ares keep answers, which dns.c does within the bounds
 * that it was given, and wait five times as long as a server took of late.
 */
static int
set_what_is_newer(struct ares_options *set)
{
	int mask = 0;

#ifdef ARES_OPT_QUERY_CACHE
	set->qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
#ifdef ARES_OPT_MAXTIMEOUTMS
	set->maxtimeout = 2 * set->timeout;	/* as the second has */
	mask |= ARES_OPT_MAXTIMEOUTMS;
#endif
	(void)set;
	return mask;
}

/*
 * Each round asks every server in turn, and the second waits twice as long:
 * all of it takes the time that one question may.
 */
static bool
open_channel(struct dns_link *link, const struct dns_options *options,
    int64_t per_server_ms)
{
	struct ares_options set = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
		    ARES_FLAG_EDNS,
		.timeout = (int)per_server_ms,
		.tries = TRIES,
		.ednspsz = EDNS_OCTETS,
		.socket_receive_buffer_size = RECEIVE_OCTETS,
	};

	if (ares_init_options(&link->channel, &set, ARES_OPT_FLAGS |
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
	    ARES_OPT_SOCK_RCVBUF | set_what_is_newer(&set)) != ARES_SUCCESS)
		return false;
	if (set_servers(link->channel, &options->servers))
		return true;
	ares_destroy(link->channel);
	return false;
}

static bool
open_channel_in_time(struct dns_link *link, const struct dns_options *options)
{
	size_t servers;

	if (!open_channel(link, options, options->timeout_ms / 3))
		return false;
	servers = server_count(link->channel);
	if (servers < 2)
		return true;
	ares_destroy(link->channel);
	return open_channel(link, options, options->timeout_ms /
	    (3 * (int64_t)servers));
}

struct dns_link *
dns_link_open(const struct dns_options *options,
    const struct dns_link_handlers *handlers, void *context, char *why,
    size_t size)
{
	struct dns_link *link = calloc(1, sizeof(*link));
	struct text text;

	text_init(&text, why, size);
	if (link == NULL) {
		text_put(&text, "no memory");
		return NULL;
	}
	link->handlers = *handlers;
	link->context = context;
	atomic_init(&link->is_ending, false);
	if (!make_pipe(link->wake)) {
		text_printf(&text, "cannot make a pipe: %s", strerror(errno));
		free(link);
		return NULL;
	}
	if (ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS) {
		if (open_channel_in_time(link, options)) {
			if (pthread_create(&link->thread, NULL, run,
			    link) == 0)
				return link;
			ares_destroy(link->channel);
		}
		ares_library_cleanup();
	}
	text_put(&text, "cannot start to ask DNS");
	(void)close(link->wake[0]);
	(void)close(link->wake[1]);
	free(link);
	return NULL;
}

void
dns_link_wake(struct dns_link *link)
{
	/* A full pipe wakes as well. */
	(void)!write(link->wake[1], "", 1);
}

void
dns_link_close(struct dns_link **link)
{
	struct dns_link *l = *link;

	if (l == NULL)
		return;
	atomic_store(&l->is_ending, true);
	dns_link_wake(l);
	(void)pthread_join(l->thread, NULL);
	ares_destroy(l->channel);	/* answers what is in flight */
	ares_library_cleanup();
	(void)close(l->wake[0]);
	(void)close(l->wake[1]);
	free(l);
	*link = NULL;
}
