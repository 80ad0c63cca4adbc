/*
 * redis_slots.h - which node of a Redis Cluster has what
 *
 * A key belongs to one of 16,384 slots, a slot to one master. What a node
 * says of that is judged here: a map is taken as a whole or not at all.
 * Source: Redis cluster specification.
 */
#ifndef FLOODGATE_IO_REDIS_SLOTS_H
#define FLOODGATE_IO_REDIS_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

#define REDIS_SLOTS 16384
#define REDIS_NODES_MAX 256	/* masters of one cluster */
#define REDIS_WHERE_SIZE 272	/* "HOST:PORT" or "[ADDRESS]:PORT" */
#define REDIS_NO_NODE UINT16_MAX

/*
 * The slot of a key: of what stands between its first brace and the next
 * closing one, if that is anything, else of all.
 */
unsigned int redis_slot_of(const char *key, size_t length);

/* The masters, and which of them has a slot: REDIS_NO_NODE: none. */
struct redis_slots {
	size_t count;
	char where[REDIS_NODES_MAX][REDIS_WHERE_SIZE];
	uint16_t owner[REDIS_SLOTS];
};

/*
 * Read the answer to CLUSTER SLOTS. A node without a name of its own is at
 * the host of `asked`, the server that answered. False when that is no map;
 * *slots is undefined then.
 */
bool redis_slots_read(const struct redisReply *reply, const char *asked,
    struct redis_slots *slots);

/*
 * The current epoch in an answer to CLUSTER INFO: the number of elections and
 * the like that the node has heard of. -1: none.
 */
int64_t redis_epoch_read(const char *info);

/* "HOST:PORT", with an IPv6 address in brackets; false: it is none. */
bool redis_where_build(const char *host, int64_t port,
    char where[REDIS_WHERE_SIZE]);

enum redis_redirect_kind {
	REDIRECT_MOVED,		/* the slot is there, from now on */
	REDIRECT_ASK,		/* this key is there, for this once */
	REDIRECT_AGAIN		/* here, in a moment */
};

struct redis_redirect {
	enum redis_redirect_kind kind;
	unsigned int slot;	/* but not of AGAIN */
	char where[REDIS_WHERE_SIZE];
};

/* "MOVED 3999 127.0.0.1:6381", "ASK ...", "TRYAGAIN ..." */
bool redis_redirect_parse(const char *error, const char *asked,
    struct redis_redirect *redirect);

#endif
