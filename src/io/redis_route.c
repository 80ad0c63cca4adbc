/*
 * redis_route.c - which connection a question to Redis takes
 *
 * What the askers see. Without a Cluster every question goes straight to the
 * one link.
 */
#include "io/redis_route_inside.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/metrics.h"
#include "io/redis_question.h"
#include "io/redis_reply.h"
#include "io/secret.h"

#define AGAIN_MS 2	/* until TRYAGAIN is tried again */

bool
redis_route_is_cluster(const struct redis_route *route)
{
	return route->is_cluster;
}

unsigned int
redis_route_place(const struct redis_route *route, const char *key)
{
	return route->is_cluster ? redis_slot_of(key, strlen(key)) : 0;
}

/* --- a Cluster: the node, and where it sends us --- */

static void
release(struct redis_route *route, struct redis_node *node)
{
	if (node == NULL)
		return;
	pthread_mutex_lock(&route->mutex);
	redis_nodes_release(node);
	pthread_mutex_unlock(&route->mutex);
}

/* The owner of the key's slot into `asked`. */
static void
find_owner(struct redis_route *route, const char *key,
    struct redis_asked *asked)
{
	asked->slot = redis_slot_of(key, strlen(key));
	pthread_mutex_lock(&route->mutex);
	asked->node = redis_nodes_hold_owner(route, asked->slot);
	pthread_mutex_unlock(&route->mutex);
	asked->link = asked->node != NULL ? asked->node->link : NULL;
}

static void
sleep_ms(int64_t ms)
{
	struct timespec pause = {.tv_nsec = (long)ms * 1000000};

	nanosleep(&pause, NULL);
}

/* Hold the node that the question is to be asked of instead. */
static void
change_node(struct redis_route *route, struct redis_asked *asked,
    const struct redis_redirect *redirect)
{
	struct redis_node *node;

	pthread_mutex_lock(&route->mutex);
	node = redis_nodes_hold(route, redirect->where, true);
	if (node != NULL && redirect->kind == REDIRECT_MOVED)
		redis_nodes_move(route, redirect->slot, node);
	redis_nodes_release(asked->node);
	pthread_mutex_unlock(&route->mutex);
	asked->node = node;
	asked->link = node != NULL ? node->link : NULL;
	if (redirect->kind == REDIRECT_MOVED)
		redis_scout_wake(route);
}

/* Send the question where the error says; takes the question over. */
static void
follow(struct redis_route *route, struct redis_asked *asked,
    struct question *again, const char *error, int64_t deadline_ms)
{
	struct redis_redirect redirect;

	asked->question = NULL;
	metric_add(METRIC_store_redirected);
	if (!redis_redirect_parse(error, asked->node->where, &redirect)) {
		question_let_go(again);
		return;
	}
	if (redirect.kind == REDIRECT_AGAIN)
		sleep_ms(AGAIN_MS);
	else
		change_node(route, asked, &redirect);
	if (asked->link == NULL ||
	    !redis_link_await_first(asked->link, deadline_ms)) {
		question_let_go(again);
		return;
	}
	asked->question = redis_link_send_again(asked->link, again,
	    redirect.kind == REDIRECT_ASK, &asked->misset);
}

static bool
sends_on(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR &&
	    redis_trouble_cure(redis_reply_trouble(reply)) == CURE_REDIRECT;
}

static redisReply *
wait_and_follow(struct redis_route *route, struct redis_asked *asked,
    int64_t deadline_ms, bool *misset)
{
	redisReply *reply = NULL;

	for (int hops = 0; asked->question != NULL;) {
		struct question *again = NULL;

		reply = redis_link_wait(asked->link, asked->question,
		    deadline_ms, misset, &again);
		if (reply == NULL || !sends_on(reply)) {
			if (again != NULL)
				question_let_go(again);
			return reply;
		}
		asked->question = NULL;
		if (!text_starts_with(reply->str, "TRYAGAIN"))
			hops++;
		if (again != NULL && (hops > REDIS_HOPS_MAX ||
		    clock_steady_ms() >= deadline_ms))
			question_let_go(again);
		else if (again != NULL)
			follow(route, asked, again, reply->str, deadline_ms);
		freeReplyObject(reply);
	}
	*misset = asked->misset;
	return NULL;
}

/* --- asking --- */

static void
find_link(struct redis_route *route, const char *key,
    struct redis_asked *asked)
{
	memset(asked, 0, sizeof(*asked));
	if (route->is_cluster)
		find_owner(route, key, asked);
	else
		asked->link = route->link;
}

void
redis_route_send(struct redis_route *route, const char *key,
    struct redis_words *words, struct redis_asked *asked)
{
	find_link(route, key, asked);
	if (asked->link != NULL)
		asked->question = redis_link_send(asked->link, words,
		    &asked->misset);
}

struct redisReply *
redis_route_wait(struct redis_route *route, struct redis_asked *asked,
    int64_t deadline_ms, bool *misset)
{
	redisReply *reply = NULL;

	*misset = asked->misset;
	if (asked->question != NULL && !route->is_cluster)
		reply = redis_link_wait(asked->link, asked->question,
		    deadline_ms, misset, NULL);
	else if (asked->question != NULL)
		reply = wait_and_follow(route, asked, deadline_ms, misset);
	release(route, asked->node);
	memset(asked, 0, sizeof(*asked));
	return reply;
}

static void
send_command(struct redis_route *route, const struct redis_command *command,
    struct redis_asked *asked)
{
	find_link(route, command->words[1], asked);
	if (asked->link != NULL)
		asked->question = redis_link_send_command(asked->link,
		    command->count, command->words, command->lengths,
		    &asked->misset);
}

void
redis_route_ask_all(struct redis_route *route,
    struct redis_command commands[], size_t count, int64_t timeout_ms)
{
	int64_t deadline_ms = clock_steady_ms() + timeout_ms;
	struct redis_asked asked[REDIS_COMMANDS_MAX];
	bool misset;

	assert(count <= REDIS_COMMANDS_MAX);
	for (size_t i = 0; i < count; i++)
		send_command(route, &commands[i], &asked[i]);
	for (size_t i = 0; i < count; i++)
		commands[i].reply = redis_route_wait(route, &asked[i],
		    deadline_ms, &misset);
}

struct redisReply *
redis_route_ask(struct redis_route *route, const char *key,
    struct redis_words *words, int64_t timeout_ms, bool *misset)
{
	struct redis_asked asked;

	if (!route->is_cluster)
		return redis_link_ask(route->link, words, timeout_ms, misset);
	*misset = false;
	if (timeout_ms <= 0)
		return NULL;
	redis_route_send(route, key, words, &asked);
	return redis_route_wait(route, &asked, clock_steady_ms() + timeout_ms,
	    misset);
}

void
redis_route_tell(struct redis_route *route, const char *key,
    struct redis_words *words)
{
	struct redis_asked asked;

	find_link(route, key, &asked);
	if (asked.link != NULL)
		redis_link_tell(asked.link, words);
	release(route, asked.node);
}

void
redis_route_distrust(struct redis_route *route, const char *key)
{
	struct redis_asked asked;

	find_link(route, key, &asked);
	if (asked.link != NULL)
		redis_link_distrust(asked.link);
	release(route, asked.node);
}

/* --- how it is --- */

/* With the lock: what the first node says that has something to say. */
static void
add_nodes_state(struct redis_route *route, struct store_state *state)
{
	text_copy(state->reason, sizeof(state->reason), route->trouble);
	if (route->unowned > 0 && state->reason[0] == '\0')
		text_copy(state->reason, sizeof(state->reason),
		    "not all slots of the cluster have a node");
	state->up = route->unowned == 0;
	state->since_ms = route->since_ms;
	for (size_t i = 0; i < route->node_count; i++) {
		const struct redis_node *node = route->nodes[i];
		struct store_state one;

		redis_link_get_state(node->link, &one);
		state->calls += one.calls;
		state->failures += one.failures;
		if (one.up || (node->slots == 0 && route->unowned == 0))
			continue;
		if (state->up || state->where[0] == '\0') {
			text_copy(state->where, sizeof(state->where),
			    one.where);
			state->misset = one.misset;
			if (one.reason[0] != '\0')
				text_copy(state->reason,
				    sizeof(state->reason), one.reason);
		}
		state->up = state->up && node->slots == 0;
	}
}

void
redis_route_get_state(struct redis_route *route, struct store_state *state)
{
	if (!route->is_cluster) {
		redis_link_get_state(route->link, state);
		return;
	}
	state->where[0] = '\0';
	state->calls = state->failures = 0;
	pthread_mutex_lock(&route->mutex);
	add_nodes_state(route, state);
	pthread_mutex_unlock(&route->mutex);
	if (state->up)
		state->reason[0] = '\0';
	if (state->up || state->where[0] == '\0')
		text_copy(state->where, sizeof(state->where), "cluster");
}

static void
get_node(struct redis_link *link, const char *role, size_t slots,
    struct store_node *node)
{
	struct store_state state;

	memset(node, 0, sizeof(*node));
	redis_link_get_state(link, &state);
	node->role = role;
	node->up = state.up;
	node->slots = (int64_t)slots;
	text_copy(node->where, sizeof(node->where), state.where);
	text_copy(node->reason, sizeof(node->reason), state.reason);
}

size_t
redis_route_get_nodes(struct redis_route *route, struct store_node nodes[],
    size_t max)
{
	size_t count = 0;

	if (!route->is_cluster && route->sentinels == NULL)
		return 0;	/* the state says it all */
	if (!route->is_cluster) {
		if (count++ < max)
			get_node(route->link, "master", 0, &nodes[0]);
		if (count++ < max)
			get_node(route->sentinels, "sentinel", 0, &nodes[1]);
		return count;
	}
	pthread_mutex_lock(&route->mutex);
	for (size_t i = 0; i < route->node_count; i++, count++) {
		const struct redis_node *node = route->nodes[i];

		if (count < max)
			get_node(node->link, node->slots > 0 ? "master" :
			    "node", node->slots, &nodes[count]);
	}
	pthread_mutex_unlock(&route->mutex);
	return count;
}

/* --- open and close --- */

static void
set_timeouts(struct redis_link *link, const struct redis_link_options *options)
{
	if (link != NULL)
		redis_link_set_timeouts(link, options->timeout_ms,
		    options->connect_timeout_ms);
}

void
redis_route_set_timeouts(struct redis_route *route, int64_t timeout_ms,
    int64_t connect_timeout_ms)
{
	pthread_mutex_lock(&route->mutex);
	route->options.timeout_ms = timeout_ms;
	route->options.connect_timeout_ms = connect_timeout_ms;
	set_timeouts(route->link, &route->options);
	set_timeouts(route->sentinels, &route->options);
	for (size_t i = 0; i < route->node_count; i++)
		set_timeouts(route->nodes[i]->link, &route->options);
	pthread_mutex_unlock(&route->mutex);
}

void
redis_route_set_wait_replicas(struct redis_route *route,
    int64_t wait_replicas)
{
	pthread_mutex_lock(&route->mutex);
	route->options.wait_replicas = wait_replicas;
	if (route->link != NULL)
		redis_link_set_wait_replicas(route->link, wait_replicas);
	for (size_t i = 0; i < route->node_count; i++)
		redis_link_set_wait_replicas(route->nodes[i]->link,
		    wait_replicas);
	pthread_mutex_unlock(&route->mutex);
}

/* What the links borrow from, for as long as the route lives. */
static bool
keep_options(struct redis_route *route,
    const struct redis_route_options *options)
{
	route->options = options->link;
	route->options.user = strdup(options->link.user);
	route->options.password = strdup(options->link.password);
	route->sentinel = strdup(options->sentinel);
	route->servers = calloc(options->servers.count + 1,
	    sizeof(*route->servers));
	if (route->options.user == NULL || route->options.password == NULL ||
	    route->sentinel == NULL || route->servers == NULL)
		return false;
	for (size_t i = 0; i < options->servers.count; i++) {
		route->servers[i] = strdup(options->servers.at[i]);
		if (route->servers[i] == NULL)
			return false;
		route->server_count++;
	}
	return true;
}

static bool
open_single(struct redis_route *route, char *why, size_t size)
{
	struct redis_link_options options = route->options;

	options.servers = (const char *const *)route->servers;
	options.server_count = route->server_count;
	route->link = redis_link_open(&options, why, size);
	return route->link != NULL;
}

static bool
open_sentinel(struct redis_route *route,
    const struct redis_route_options *given, char *why, size_t size)
{
	struct redis_link_options options = route->options;

	options.watcher = &route->watcher;
	options.name = route->sentinel;
	route->link = redis_link_start(&options, why, size);
	options.servers = (const char *const *)route->servers;
	options.server_count = route->server_count;
	options.kind = REDIS_SENTINEL;
	options.wait_replicas = 0;
	options.user = given->sentinel_user;
	options.password = given->sentinel_password;
	options.database = 0;
	if (route->link != NULL)
		route->sentinels = redis_link_start(&options, why, size);
	return route->sentinels != NULL;
}

static bool
open_cluster(struct redis_route *route, char *why, size_t size)
{
	route->watcher.redirected = redis_nodes_follow;
	route->unowned = REDIS_SLOTS;
	route->slots = calloc(1, sizeof(*route->slots));
	if (route->slots == NULL)
		return false;
	pthread_mutex_lock(&route->mutex);
	redis_nodes_add_servers(route);
	text_copy(why, size, route->trouble);
	pthread_mutex_unlock(&route->mutex);
	return route->node_count > 0;
}

static bool
start_scout(struct redis_route *route)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	route->scouting = pthread_create(&route->scout, NULL,
	    redis_scout_run, route) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return route->scouting;
}

static void
await_settled(struct redis_route *route)
{
	int64_t until_ms = clock_steady_ms() +
	    2 * route->options.connect_timeout_ms;
	struct timespec until;

	until.tv_sec = (time_t)(until_ms / 1000);
	until.tv_nsec = (long)(until_ms % 1000) * 1000000;
	pthread_mutex_lock(&route->mutex);
	while (!route->settled && pthread_cond_timedwait(&route->wake,
	    &route->mutex, &until) == 0)
		continue;
	pthread_mutex_unlock(&route->mutex);
}

static void
route_init(struct redis_route *route)
{
	pthread_condattr_t steady;

	pthread_mutex_init(&route->mutex, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&route->wake, &steady);
	pthread_condattr_destroy(&steady);
	route->since_ms = clock_now_ms();
	route->watcher.context = route;
	route->watcher.changed = redis_scout_wake;
}

struct redis_route *
redis_route_open(const struct redis_route_options *options, char *why,
    size_t size)
{
	struct redis_route *route = calloc(1, sizeof(*route));
	bool fine = false;

	text_copy(why, size, "no memory or thread for Redis");
	if (route == NULL)
		return NULL;
	route_init(route);
	route->is_cluster = options->is_cluster;
	if (!keep_options(route, options))
		fine = false;
	else if (route->is_cluster)
		fine = open_cluster(route, why, size) && start_scout(route);
	else if (route->sentinel[0] != '\0')
		fine = open_sentinel(route, options, why, size) &&
		    start_scout(route);
	else
		fine = open_single(route, why, size);
	if (!fine)
		redis_route_close(&route);
	else if (route->scouting)
		await_settled(route);
	return route;
}

static void
stop_scout(struct redis_route *route)
{
	pthread_mutex_lock(&route->mutex);
	route->stop = true;
	pthread_cond_broadcast(&route->wake);
	pthread_mutex_unlock(&route->mutex);
	if (route->scouting)
		pthread_join(route->scout, NULL);
}

/* A refund may be on its way from one link to another. */
static void
await_holders(struct redis_route *route)
{
	size_t holders;

	do {
		holders = 0;
		pthread_mutex_lock(&route->mutex);
		for (size_t i = 0; i < route->node_count; i++)
			holders += route->nodes[i]->holders;
		pthread_mutex_unlock(&route->mutex);
		if (holders > 0)
			sleep_ms(1);
	} while (holders > 0);
}

static void
close_links(struct redis_route *route)
{
	await_holders(route);
	redis_link_close(&route->link);
	redis_link_close(&route->sentinels);
	for (size_t i = 0; i < route->node_count; i++)
		redis_link_close(&route->nodes[i]->link);
	for (size_t i = 0; i < route->node_count; i++)
		free(route->nodes[i]);
}

void
redis_route_close(struct redis_route **it)
{
	struct redis_route *route = *it;
	char *user, *password;

	if (route == NULL)
		return;
	*it = NULL;
	stop_scout(route);
	close_links(route);
	user = (char *)(uintptr_t)route->options.user;
	password = (char *)(uintptr_t)route->options.password;
	if (password != NULL)
		secret_wipe(password, strlen(password));
	free(user);
	free(password);
	free(route->sentinel);
	for (size_t i = 0; i < route->server_count; i++)
		free(route->servers[i]);
	free(route->servers);
	free(route->slots);
	pthread_cond_destroy(&route->wake);
	pthread_mutex_destroy(&route->mutex);
	free(route);
}
