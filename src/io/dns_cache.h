/*
 * dns_cache.h - questions in flight and answers kept: one table
 *
 * Not thread-safe: dns.c holds its lock around every call.
 */
#ifndef FLOODGATE_IO_DNS_CACHE_H
#define FLOODGATE_IO_DNS_CACHE_H

#include "core/dns_fact.h"
#include "io/dns_message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_waiting;	/* somebody who waits for a flight to end */

struct dns_entry {
	struct dns_entry *chain;		/* of one slot */
	struct dns_entry *newer, *older;	/* by use; kept ones only */
	struct dns_entry *next;		/* to be sent; the owner's */
	struct dns_held *held;		/* NULL: in flight */
	struct dns_waiting *waiting;	/* in flight; the owner's */
	int64_t expires_ms;		/* kept: on the steady clock */
	enum dns_type type;
	char name[];
};

struct dns_cache {
	struct dns_entry **slots;
	size_t slot_count;		/* a power of two */
	size_t kept, kept_max, in_flight;
	struct dns_entry *newest, *oldest;
	uint8_t key[16];	/* of the hash: names come from outside */
};

/* False: out of memory. */
bool dns_cache_init(struct dns_cache *cache, size_t kept_max);
void dns_cache_clear(struct dns_cache *cache);

/* Kept and not expired, or in flight, or NULL. */
struct dns_entry *dns_cache_find(struct dns_cache *cache,
    const struct dns_question *question, int64_t now_ms);
/* A new flight; dns_cache_find() found nothing. NULL: out of memory. */
struct dns_entry *dns_cache_add(struct dns_cache *cache,
    const struct dns_question *question);
/* A flight has ended: keep its answer, which is taken over. */
void dns_cache_keep(struct dns_cache *cache, struct dns_entry *entry,
    struct dns_held *held, int64_t expires_ms);
/* Any entry, with its answer. */
void dns_cache_drop(struct dns_cache *cache, struct dns_entry *entry);

#endif
