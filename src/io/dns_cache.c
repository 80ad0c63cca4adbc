/*
 * dns_cache.c - questions in flight and answers kept: one table
 */
#include "io/dns_cache.h"

#include "base/siphash.h"
#include "io/dns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_MIN 256

bool
dns_cache_init(struct dns_cache *cache, size_t kept_max)
{
	memset(cache, 0, sizeof(*cache));
	cache->kept_max = kept_max;
	cache->slot_count = SLOTS_MIN;
	while (cache->slot_count < kept_max)
		cache->slot_count *= 2;
	/* A key that cannot be had is one that could be guessed, no more. */
	(void)!getrandom(cache->key, sizeof(cache->key), 0);
	cache->slots = calloc(cache->slot_count, sizeof(struct dns_entry *));
	return cache->slots != NULL;
}

static struct dns_entry **
slot_of(struct dns_cache *cache, enum dns_type type, const char *name)
{
	uint64_t hash = siphash(cache->key, name, strlen(name)) +
	    (uint64_t)type;

	return &cache->slots[hash & (cache->slot_count - 1)];
}

static void
unlink_use(struct dns_cache *cache, struct dns_entry *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &cache->newest) =
	    entry->older;
	*(entry->older != NULL ? &entry->older->newer : &cache->oldest) =
	    entry->newer;
}

static void
link_newest(struct dns_cache *cache, struct dns_entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) =
	    entry;
	cache->newest = entry;
}

void
dns_cache_drop(struct dns_cache *cache, struct dns_entry *entry)
{
	struct dns_entry **link = slot_of(cache, entry->type, entry->name);

	while (*link != entry)
		link = &(*link)->chain;
	*link = entry->chain;
	if (entry->held != NULL) {
		unlink_use(cache, entry);
		cache->kept--;
		dns_release(entry->held);
	} else
		cache->in_flight--;
	free(entry);
}

void
dns_cache_clear(struct dns_cache *cache)
{
	for (size_t i = 0; cache->slots != NULL && i < cache->slot_count; i++)
		while (cache->slots[i] != NULL)
			dns_cache_drop(cache, cache->slots[i]);
	free(cache->slots);
	cache->slots = NULL;
}

struct dns_entry *
dns_cache_find(struct dns_cache *cache, const struct dns_question *question,
    int64_t now_ms)
{
	struct dns_entry *entry = *slot_of(cache, question->type,
	    question->name);

	while (entry != NULL && (entry->type != question->type ||
	    strcmp(entry->name, question->name) != 0))
		entry = entry->chain;
	if (entry == NULL || entry->held == NULL)
		return entry;
	if (entry->expires_ms <= now_ms) {
		dns_cache_drop(cache, entry);
		return NULL;
	}
	unlink_use(cache, entry);
	link_newest(cache, entry);
	return entry;
}

struct dns_entry *
dns_cache_add(struct dns_cache *cache, const struct dns_question *question)
{
	size_t size = strlen(question->name) + 1;
	struct dns_entry *entry = calloc(1, sizeof(*entry) + size);
	struct dns_entry **slot;

	if (entry == NULL)
		return NULL;
	entry->type = question->type;
	memcpy(entry->name, question->name, size);
	slot = slot_of(cache, entry->type, entry->name);
	entry->chain = *slot;
	*slot = entry;
	cache->in_flight++;
	return entry;
}

void
dns_cache_keep(struct dns_cache *cache, struct dns_entry *entry,
    struct dns_held *held, int64_t expires_ms)
{
	if (cache->kept == cache->kept_max)
		dns_cache_drop(cache, cache->oldest);
	entry->held = held;
	entry->expires_ms = expires_ms;
	cache->in_flight--;
	cache->kept++;
	link_newest(cache, entry);
}
