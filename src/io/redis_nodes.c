/*
 * redis_nodes.c - the nodes of a Redis Cluster that we have a link to
 *
 * A node is in the table while it has slots, somebody uses it, or it may
 * still be asked for the map. Its link is closed by the scout alone.
 */
#include "io/redis_route_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/metrics.h"
#include "io/redis_question.h"

#define IDLE_MS 10000	/* a node without slots is kept so long */
#define ASK_AFTER_MS 1000

static struct redis_node *
make_node(struct redis_route *route, const char *where)
{
	const char *const servers[1] = {where};
	struct redis_link_options options = route->options;
	struct redis_node *node;
	char why[120];

	if (route->node_count == REDIS_NODES_MAX)
		return NULL;
	node = calloc(1, sizeof(*node));
	if (node == NULL)
		return NULL;
	options.servers = servers;
	options.server_count = 1;
	options.kind = REDIS_NODE;
	options.watcher = &route->watcher;
	node->link = redis_link_start(&options, why, sizeof(why));
	if (node->link == NULL) {
		text_copy(route->trouble, sizeof(route->trouble), why);
		free(node);
		return NULL;
	}
	text_copy(node->where, sizeof(node->where), where);
	node->idle_ms = clock_steady_ms();
	route->nodes[route->node_count++] = node;
	return node;
}

static struct redis_node *
find_node(struct redis_route *route, const char *where, bool make)
{
	for (size_t i = 0; i < route->node_count; i++)
		if (strcmp(route->nodes[i]->where, where) == 0)
			return route->nodes[i];
	return make ? make_node(route, where) : NULL;
}

static struct redis_node *
hold(struct redis_node *node)
{
	if (node != NULL)
		node->holders++;
	return node;
}

struct redis_node *
redis_nodes_hold(struct redis_route *route, const char *where, bool make)
{
	return hold(find_node(route, where, make));
}

struct redis_node *
redis_nodes_hold_owner(struct redis_route *route, unsigned int slot)
{
	return hold(route->owner[slot]);
}

void
redis_nodes_release(struct redis_node *node)
{
	node->holders--;
}

void
redis_nodes_move(struct redis_route *route, unsigned int slot,
    struct redis_node *node)
{
	struct redis_node *before = route->owner[slot];

	if (before == node)
		return;
	if (before == NULL)
		route->unowned--;
	else if (--before->slots == 0)
		before->idle_ms = clock_steady_ms();
	if (node == NULL)
		route->unowned++;
	else
		node->slots++;
	route->owner[slot] = node;
}

bool
redis_nodes_apply(struct redis_route *route, const struct redis_slots *slots)
{
	struct redis_node *nodes[REDIS_NODES_MAX];
	bool changed = false;

	for (size_t i = 0; i < slots->count; i++)
		nodes[i] = find_node(route, slots->where[i], true);
	for (unsigned int i = 0; i < REDIS_SLOTS; i++) {
		struct redis_node *node = slots->owner[i] == REDIS_NO_NODE ?
		    NULL : nodes[slots->owner[i]];

		changed = changed || route->owner[i] != node;
		redis_nodes_move(route, i, node);
	}
	return changed;
}

void
redis_nodes_add_servers(struct redis_route *route)
{
	for (size_t i = 0; i < route->server_count; i++)
		(void)find_node(route, route->servers[i], true);
}

struct redis_link *
redis_nodes_take_idle(struct redis_route *route, int64_t now_ms)
{
	for (size_t i = 0; i < route->node_count; i++) {
		struct redis_node *node = route->nodes[i];
		struct redis_link *link = node->link;

		if (node->slots > 0 || node->holders > 0 ||
		    now_ms - node->idle_ms < IDLE_MS)
			continue;
		route->nodes[i] = route->nodes[--route->node_count];
		free(node);
		return link;
	}
	return NULL;
}

/*
 * A node that is connected but has answered with an error is asked for
 * nothing a second later: perhaps nobody else asks it.
 */
static bool
is_well(const struct redis_node *node)
{
	struct store_state state;
	struct redis_words words;

	redis_link_get_state(node->link, &state);
	if (state.up || !redis_link_is_up(node->link) ||
	    clock_now_ms() - state.since_ms < ASK_AFTER_MS)
		return state.up;
	redis_words_init(&words);
	redis_words_add(&words, "0");
	redis_words_add(&words, "peek");
	redis_link_tell(node->link, &words);
	return false;
}

bool
redis_nodes_are_well(struct redis_route *route)
{
	bool well = route->unowned == 0;

	for (size_t i = 0; i < route->node_count; i++)
		if (route->nodes[i]->slots > 0 && !is_well(route->nodes[i]))
			well = false;
	return well;
}

/*
 * A refund whose slot has moved. What is moving just now has no node that
 * would take it for sure; then the counter errs to the safe side.
 */
void
redis_nodes_follow(void *context, struct question *question,
    const char *error)
{
	struct redis_route *route = context;
	struct redis_redirect redirect;
	struct redis_node *node = NULL;

	metric_add(METRIC_store_redirected);
	pthread_mutex_lock(&route->mutex);
	if (!route->stop && ++question->hops <= REDIS_HOPS_MAX &&
	    redis_redirect_parse(error, "", &redirect) &&
	    redirect.kind != REDIRECT_AGAIN)
		node = redis_nodes_hold(route, redirect.where, false);
	pthread_mutex_unlock(&route->mutex);
	redis_scout_wake(route);
	if (node == NULL) {
		question_let_go(question);
		return;
	}
	redis_link_tell_again(node->link, question,
	    redirect.kind == REDIRECT_ASK);
	pthread_mutex_lock(&route->mutex);
	redis_nodes_release(node);
	pthread_mutex_unlock(&route->mutex);
}
