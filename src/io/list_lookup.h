/*
 * list_lookup.h - what core wants to know of lists in Redis, fetched
 *
 * Answers are kept for LIST_KEEP_MS, so that a change is seen within a
 * second; and, for when Redis is away, remembered for LIST_REMEMBER_MS as
 * the last known ones.
 */
#ifndef FLOODGATE_IO_LIST_LOOKUP_H
#define FLOODGATE_IO_LIST_LOOKUP_H

#include "core/list_fact.h"
#include "io/store.h"

#include <stdint.h>

#define LIST_KEEP_MS 750
#define LIST_REMEMBER_MS 3600000
#define LIST_CACHE_ENTRIES 65536	/* at most; what was asked longest ago
					 * goes */

/* Answers to earlier questions; thread-safe. */
struct list_cache;
struct list_cache *list_cache_open(void);	/* NULL: no memory */
void list_cache_close(struct list_cache **cache);

/* The questions of one event and their answers; some 10 KB, for the stack. */
struct list_lookup {
	struct list_facts facts;
	char *values[LIST_FACTS_MAX];	/* as in facts; NULL: none */
};

void list_lookup_begin(struct list_lookup *lookup);
/* All that is wanted, in one trip at most; nothing is wanted afterwards. */
void list_lookup_fetch(struct list_lookup *lookup, struct list_cache *cache,
    struct store *store, const struct folding *folding, int64_t now_ms,
    int64_t timeout_ms);
/* The answers are gone. */
void list_lookup_end(struct list_lookup *lookup);

#endif
