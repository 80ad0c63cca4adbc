/*
 * redis_lists.h - sets and hashes of Redis as lists and maps
 */
#ifndef FLOODGATE_IO_REDIS_LISTS_H
#define FLOODGATE_IO_REDIS_LISTS_H

#include "io/redis_route.h"
#include "io/store.h"

#include <pthread.h>
#include <stdint.h>

/* What the log has been told of keys that are no good; all zeros is none. */
#define REDIS_LISTS_BAD_MAX 16
struct redis_lists {
	pthread_mutex_t mutex;
	size_t bad_count;
	uint32_t bad[REDIS_LISTS_BAD_MAX];	/* hashes of their keys */
};

void redis_lists_init(struct redis_lists *lists);
void redis_lists_clear(struct redis_lists *lists);

/* As store_look_up(). */
void redis_lists_look_up(struct redis_lists *lists, struct redis_route *route,
    struct store_lookup lookups[], size_t count, int64_t timeout_ms);

#endif
