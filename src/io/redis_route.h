/*
 * redis_route.h - which connection a question to Redis takes
 *
 * One server, or several of which one is the master: one link. With
 * Sentinel a scout, a thread, asks every second who the master is and points
 * the link there. On a Cluster there is a link for each master; the scout
 * keeps the map of slots, and a question whose slot has moved is asked again
 * where it is now: it was not counted.
 *
 * A question belongs to a key; all keys of one question must be at one
 * place (redis_route_place()). Questions to several places are sent first
 * and waited for afterwards.
 */
#ifndef FLOODGATE_IO_REDIS_ROUTE_H
#define FLOODGATE_IO_REDIS_ROUTE_H

#include "io/redis_link.h"

struct redis_route;

struct redis_route_options {
	struct redis_link_options link;	/* but servers, kind and watcher */
	struct strings servers;		/* or the sentinels; read at open */
	const char *sentinel;	/* the name of the master; "": no Sentinel */
	const char *sentinel_user, *sentinel_password;	/* as of a link */
	bool is_cluster;
};

/*
 * Waits for the first connections, at most twice connect_timeout_ms. NULL
 * with a sentence in why[size] when a server's name makes no sense, or when
 * there is no memory, descriptor or thread.
 */
struct redis_route *redis_route_open(const struct redis_route_options *options,
    char *why, size_t size);
void redis_route_close(struct redis_route **route);
void redis_route_set_timeouts(struct redis_route *route, int64_t timeout_ms,
    int64_t connect_timeout_ms);
void redis_route_set_wait_replicas(struct redis_route *route,
    int64_t wait_replicas);

/* May keys be at several places? */
bool redis_route_is_cluster(const struct redis_route *route);
/* Of two keys with the same number both may stand in one question. */
unsigned int redis_route_place(const struct redis_route *route,
    const char *key);

/* A question on its way. */
struct redis_asked {
	struct redis_link *link;
	struct question *question;	/* NULL: could not be sent */
	struct redis_node *node;	/* of a Cluster; else NULL */
	unsigned int slot;
	bool misset;
};

/* Every question that was sent must be waited for, once. */
void redis_route_send(struct redis_route *route, const char *key,
    struct redis_words *words, struct redis_asked *asked);
struct redisReply *redis_route_wait(struct redis_route *route,
    struct redis_asked *asked, int64_t deadline_ms, bool *misset);

/* A command of Redis' own, one that only reads; words[1] is its key. */
struct redis_command {
	int count;
	const char **words;
	const size_t *lengths;
	struct redisReply *reply;	/* the answer: an array, or the error
					 * of this command, for
					 * freeReplyObject(); NULL: none */
};

#define REDIS_COMMANDS_MAX 128	/* at once */
/* Ask all of them, and wait for all. */
void redis_route_ask_all(struct redis_route *route,
    struct redis_command commands[], size_t count, int64_t timeout_ms);

/* As those of redis_link.h. */
struct redisReply *redis_route_ask(struct redis_route *route, const char *key,
    struct redis_words *words, int64_t timeout_ms, bool *misset);
void redis_route_tell(struct redis_route *route, const char *key,
    struct redis_words *words);
void redis_route_distrust(struct redis_route *route, const char *key);

/* All but kind and subjects. */
void redis_route_get_state(struct redis_route *route,
    struct store_state *state);
/*
 * The servers that are spoken to; how many, also when that is above max. 0
 * when the state says it all: there is but one.
 */
size_t redis_route_get_nodes(struct redis_route *route,
    struct store_node nodes[], size_t max);

#endif
