/*
 * redis_scout.c - finds out who is the master, of all or of which slots
 *
 * A thread of a route. It looks as soon as a link comes or goes, as a node
 * sends somebody on, and now and then.
 *
 * Sentinel: one sentinel at a time is asked, by a link of its own, and asked
 * again rather than subscribed to: a message that was missed would be
 * missed for good. It may be wrong about the master, being cut off; the
 * link, which asks every server for its ROLE, finds that out, and then the
 * next sentinel is asked.
 */
#include "io/redis_route_inside.h"

#include <hiredis/hiredis.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/metrics.h"

#define SOON_MS 100		/* while something is missing, at first */
#define LATER_MS 500		/* and when that has lasted */
#define SOON_FOR_MS 10000
#define AT_ONCE_MS 50		/* between two looks, whatever happens */
#define SENTINEL_MS 1000
#define CLUSTER_MS 10000
#define EPOCH_LASTS_MS 60000	/* then an older one is believed in */
#define LOST_MS 1000		/* away so long: ask another sentinel */

void
redis_scout_wake(void *context)
{
	struct redis_route *route = context;

	pthread_mutex_lock(&route->mutex);
	route->woken = true;
	pthread_cond_broadcast(&route->wake);
	pthread_mutex_unlock(&route->mutex);
}

static int64_t
timeout_of(struct redis_route *route)
{
	int64_t timeout_ms;

	pthread_mutex_lock(&route->mutex);
	timeout_ms = route->options.timeout_ms;
	pthread_mutex_unlock(&route->mutex);
	return timeout_ms;
}

/* --- Sentinel --- */

/* {address, port} */
static bool
read_address(const redisReply *reply, char where[REDIS_WHERE_SIZE])
{
	int64_t port;

	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	    reply->element[0]->type == REDIS_REPLY_STRING &&
	    reply->element[1]->type == REDIS_REPLY_STRING &&
	    text_parse_number(reply->element[1]->str, 65535, &port) &&
	    redis_where_build(reply->element[0]->str, port, where);
}

static bool
ask_sentinel(struct redis_route *route, char where[REDIS_WHERE_SIZE])
{
	const char *words[3] = {"SENTINEL", "get-master-addr-by-name",
	    route->sentinel};
	redisReply *reply = redis_link_command(route->sentinels, 3, words,
	    REDIS_REPLY_ARRAY, timeout_of(route));
	bool known = reply != NULL && read_address(reply, where);

	if (reply != NULL)
		freeReplyObject(reply);
	if (!known && redis_link_is_up(route->sentinels))
		redis_link_pass_on(route->sentinels);
	return known;
}

static void
switch_master(struct redis_route *route, const char *where)
{
	log_notice("store=redis master=%s before=%s", where,
	    route->master[0] != '\0' ? route->master : "none");
	if (route->master[0] != '\0')
		metric_add(METRIC_store_switched);
	text_copy(route->master, sizeof(route->master), where);
	redis_link_set_server(route->link, where);
	route->lost_ms = clock_steady_ms();
}

/* True when the master is there, and the one that Sentinel names. */
static bool
look_for_master(struct redis_route *route)
{
	char where[REDIS_WHERE_SIZE];
	int64_t now_ms;

	if (!ask_sentinel(route, where))
		return false;
	if (strcmp(where, route->master) != 0) {
		switch_master(route, where);
		return false;
	}
	now_ms = clock_steady_ms();
	if (redis_link_is_up(route->link)) {
		route->lost_ms = now_ms;
		return true;
	}
	if (now_ms - route->lost_ms >= LOST_MS) {
		redis_link_pass_on(route->sentinels);
		route->lost_ms = now_ms;
	}
	return false;
}

/* --- Cluster --- */

/* Somebody to ask, in turn; held. NULL: nobody is there. */
static struct redis_node *
hold_next(struct redis_route *route)
{
	struct redis_node *found = NULL;

	pthread_mutex_lock(&route->mutex);
	for (size_t i = 0; i < route->node_count && found == NULL; i++) {
		struct redis_node *node =
		    route->nodes[route->next++ % route->node_count];

		if (redis_link_is_up(node->link))
			found = node;
	}
	if (found != NULL)
		found->holders++;
	else
		redis_nodes_add_servers(route);
	pthread_mutex_unlock(&route->mutex);
	return found;
}

static void
say_map(const struct redis_route *route)
{
	size_t masters = 0;

	for (size_t i = 0; i < route->node_count; i++)
		masters += route->nodes[i]->slots > 0;
	log_notice("store=redis cluster=changed masters=%zu slots=%zu",
	    masters, REDIS_SLOTS - route->unowned);
	metric_add(METRIC_store_switched);
}

/* With the lock. */
static void
use_map(struct redis_route *route, bool readable)
{
	if (!readable) {
		text_copy(route->trouble, sizeof(route->trouble),
		    "the answer to CLUSTER SLOTS makes no sense");
		return;
	}
	route->trouble[0] = '\0';
	if (redis_nodes_apply(route, route->slots))
		say_map(route);
}

/* -1: it does not say. */
static int64_t
ask_epoch(struct redis_route *route, struct redis_node *node)
{
	const char *words[2] = {"CLUSTER", "INFO"};
	redisReply *reply = redis_link_command(node->link, 2, words,
	    REDIS_REPLY_STRING, timeout_of(route));
	int64_t epoch = -1;

	if (reply == NULL)
		return -1;
	if (reply->type == REDIS_REPLY_STRING)
		epoch = redis_epoch_read(reply->str);
	freeReplyObject(reply);
	return epoch;
}

/*
 * A node that was stopped, or cut off, has an old map in good faith, and
 * would even count by it for a moment. It knows of fewer elections than
 * others that we have asked. But a cluster may have been made anew.
 */
static bool
is_current(struct redis_route *route, struct redis_node *node)
{
	int64_t epoch = ask_epoch(route, node), now_ms = clock_steady_ms();

	if (epoch < 0 || (epoch < route->epoch &&
	    now_ms - route->epoch_ms < EPOCH_LASTS_MS))
		return false;
	route->epoch = epoch;
	route->epoch_ms = now_ms;
	return true;
}

static bool
look_for_nodes(struct redis_route *route)
{
	const char *words[2] = {"CLUSTER", "SLOTS"};
	struct redis_node *node = hold_next(route);
	redisReply *reply = NULL;
	bool readable, well;

	if (node == NULL)
		return false;
	if (is_current(route, node))
		reply = redis_link_command(node->link, 2, words,
		    REDIS_REPLY_ARRAY, timeout_of(route));
	readable = reply != NULL &&
	    redis_slots_read(reply, node->where, route->slots);
	pthread_mutex_lock(&route->mutex);
	if (reply != NULL)
		use_map(route, readable);
	redis_nodes_release(node);
	well = redis_nodes_are_well(route);
	pthread_mutex_unlock(&route->mutex);
	if (reply != NULL)
		freeReplyObject(reply);
	return well;
}

/* A link that waits for nothing: what is told now goes to others. */
static void
close_idle(struct redis_route *route)
{
	struct redis_link *link;

	do {
		pthread_mutex_lock(&route->mutex);
		link = route->node_count - 1 > 0 ?
		    redis_nodes_take_idle(route, clock_steady_ms()) : NULL;
		pthread_mutex_unlock(&route->mutex);
		redis_link_close(&link);
	} while (link != NULL);
}

/* --- both --- */

/* Is there nobody to wait for at the start? With the lock. */
static bool
is_hopeless(struct redis_route *route)
{
	if (!route->is_cluster)
		return redis_link_await_first(route->sentinels, 0) &&
		    !redis_link_is_up(route->sentinels);
	for (size_t i = 0; i < route->node_count; i++) {
		struct redis_link *link = route->nodes[i]->link;

		if (!redis_link_await_first(link, 0) ||
		    (route->unowned == REDIS_SLOTS && redis_link_is_up(link)))
			return false;
	}
	return true;
}

static void
note_look(struct redis_route *route, bool well)
{
	pthread_mutex_lock(&route->mutex);
	if (!route->settled && (well || is_hopeless(route))) {
		route->settled = true;
		pthread_cond_broadcast(&route->wake);
	}
	if (route->was_up != well)
		route->since_ms = clock_now_ms();
	route->was_up = well;
	pthread_mutex_unlock(&route->mutex);
}

/* Until somebody wakes us, or for so long; false when it is the end. */
static bool
rest(struct redis_route *route, int64_t wait_ms)
{
	int64_t until_ms = clock_steady_ms() + wait_ms;
	struct timespec until;
	bool stop;

	until.tv_sec = (time_t)(until_ms / 1000);
	until.tv_nsec = (long)(until_ms % 1000) * 1000000;
	pthread_mutex_lock(&route->mutex);
	while (!route->stop && !route->woken &&
	    pthread_cond_timedwait(&route->wake, &route->mutex, &until) == 0)
		continue;
	route->woken = false;
	stop = route->stop;
	pthread_mutex_unlock(&route->mutex);
	return !stop;
}

/* So that what happens all the time does not keep us awake. */
static void
pause_after_look(void)
{
	struct timespec pause = {.tv_nsec = AT_ONCE_MS * 1000000};

	nanosleep(&pause, NULL);
}

/* Until the next look; `well_ms`: when all was well last. */
static int64_t
wait_after(const struct redis_route *route, bool well, int64_t well_ms)
{
	if (well)
		return route->is_cluster ? CLUSTER_MS : SENTINEL_MS;
	return clock_steady_ms() - well_ms < SOON_FOR_MS ? SOON_MS : LATER_MS;
}

void *
redis_scout_run(void *argument)
{
	struct redis_route *route = argument;
	int64_t well_ms = clock_steady_ms();
	bool well;

	do {
		well = route->is_cluster ? look_for_nodes(route) :
		    look_for_master(route);
		note_look(route, well);
		if (well && route->is_cluster)
			close_idle(route);
		if (well)
			well_ms = clock_steady_ms();
		pause_after_look();
	} while (rest(route, wait_after(route, well, well_ms)));
	return NULL;
}
