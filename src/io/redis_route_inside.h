/*
 * redis_route_inside.h - a route from inside; only for its own files
 *
 * redis_route.c holds what the askers do, redis_scout.c the scout, and
 * redis_nodes.c the nodes of a Cluster.
 */
#ifndef FLOODGATE_IO_REDIS_ROUTE_INSIDE_H
#define FLOODGATE_IO_REDIS_ROUTE_INSIDE_H

#include "io/redis_route.h"
#include "io/redis_slots.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_HOPS_MAX 5	/* nodes that may send a question on */

/* One of a Cluster that we have a link to. */
struct redis_node {
	struct redis_link *link;
	char where[REDIS_WHERE_SIZE];
	size_t holders;		/* who use it right now */
	size_t slots;		/* that it has */
	int64_t idle_ms;	/* since when it has none */
};

struct redis_route {
	struct redis_link *link;	/* to the master; NULL: a Cluster */
	struct redis_link *sentinels;	/* NULL: no Sentinel */
	struct redis_link_options options;	/* what they point to is ours */
	struct redis_watcher watcher;
	char *sentinel;			/* the name of the master, or "" */
	char **servers;			/* sentinels, or nodes to begin with */
	size_t server_count;
	bool is_cluster;

	pthread_t scout;
	bool scouting;			/* there is a scout */

	pthread_mutex_t mutex;		/* guards from here ... */
	pthread_cond_t wake;		/* of the scout, and of who opens */
	bool stop, woken;
	bool settled;			/* all that can be reached is */
	int64_t since_ms;		/* since when up or down */
	bool was_up;
	struct redis_node *nodes[REDIS_NODES_MAX];
	size_t node_count;
	struct redis_node *owner[REDIS_SLOTS];	/* NULL: not known */
	size_t unowned;			/* slots without an owner */
	char trouble[120];		/* with the map; "": none ... to here */

	/* Of the scout. */
	char master[REDIS_WHERE_SIZE];
	int64_t lost_ms;		/* since when the master is away */
	size_t next;			/* node to ask */
	int64_t epoch, epoch_ms;	/* of the map, and seen last when */
	struct redis_slots *slots;	/* room for an answer */
};

/* --- redis_scout.c --- */

void *redis_scout_run(void *route);
/* Something has changed: look now. Also as struct redis_watcher wants it. */
void redis_scout_wake(void *route);

/* --- redis_nodes.c; all but the first need the lock --- */

/* Follow a question that was told; see struct redis_watcher. */
void redis_nodes_follow(void *route, struct question *question,
    const char *error);

/*
 * The node at `where`, made if there is none, and held; NULL: none can be.
 */
struct redis_node *redis_nodes_hold(struct redis_route *route,
    const char *where, bool make);
/* Who has the slot, held; NULL: nobody. */
struct redis_node *redis_nodes_hold_owner(struct redis_route *route,
    unsigned int slot);
void redis_nodes_release(struct redis_node *node);

/* A slot has moved. The map as a whole; true when that changes anything. */
void redis_nodes_move(struct redis_route *route, unsigned int slot,
    struct redis_node *node);
bool redis_nodes_apply(struct redis_route *route,
    const struct redis_slots *slots);
/* Those to begin with. */
void redis_nodes_add_servers(struct redis_route *route);
/*
 * One link that nobody needs any more, taken out of the table: close it
 * without the lock. NULL: there is none.
 */
struct redis_link *redis_nodes_take_idle(struct redis_route *route,
    int64_t now_ms);
/* Are all slots with somebody who answers? */
bool redis_nodes_are_well(struct redis_route *route);

#endif
