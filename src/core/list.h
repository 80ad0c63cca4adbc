/*
 * list.h - lists and maps of clients, domains, addresses and users
 *
 * Built once by io/maps.c into an arena, then only read: any number of
 * threads may look up. Names stand in a hash table, networks in sorted
 * ranges; an entry's kind shows in its form:
 *
 *	192.0.2.0/24  2001:db8::/32  192.0.2.1	network or address
 *	example.com	the domain or host itself, or a user's login
 *	.example.com	every name below it
 *	user@example.com  user@  @example.com  @.example.com   mailbox,
 *			local part anywhere, whole domain, all below it
 *	/^mx[0-9]+[.]/	a regular expression, tried after all others, in the
 *			order in which they stand
 *
 * What a source elsewhere holds besides is the business of core/lookup.h.
 */
#ifndef FLOODGATE_CORE_LIST_H
#define FLOODGATE_CORE_LIST_H

#include "base/ip.h"
#include "core/pattern.h"
#include "core/spelling.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list_source;	/* core/list_fact.h */

/* Open addressing, a power of two of slots, at most half of them used. */
struct name_table {
	const char **names;	/* NULL: empty slot; in maps the value stands
				 * behind the name and its NUL */
	size_t slots;		/* 0: empty table */
	size_t count;
};

uint32_t name_hash(const char *name);
/* The slot of `name`, or the empty slot where it would stand. */
size_t name_table_slot(const struct name_table *table, const char *name);
bool name_table_has(const struct name_table *table, const char *name);
/* Of a map: the value, or NULL. */
const char *name_table_get(const struct name_table *table, const char *name);

/* Regular expressions, in the order in which they stand. */
struct patterns {
	const struct pattern *at;
	const char *const *values;	/* maps only */
	size_t count;
};

struct list {
	const char *name;	/* as in the configuration */
	struct ip_set networks;
	struct name_table names;	/* folded; all but networks */
	struct patterns patterns;
	size_t entries;		/* of all three */
	const struct list_source *source;	/* holds more; NULL: none */
};

bool list_has_ip(const struct list *list, const struct ip *ip);
/* A host or domain name: itself, or below an entry that begins with '.'. */
bool list_has_domain(const struct list *list, const char *domain);
/* A mailbox: see spell_path(). */
bool list_has_path(const struct list *list, const struct path *path,
    const struct folding *folding);
/* A login: as a mailbox if it has an '@', else as a word. */
bool list_has_user(const struct list *list, const char *user,
    const struct folding *folding);

/*
 * A map: left-hand sides as above (no networks), right-hand sides a list of
 * words parted by commas or blanks.
 */
struct map {
	const char *name;	/* of its section, or file, as it is printed */
	struct name_table names;
	struct patterns patterns;
	size_t entries;
	const struct list_source *source;	/* holds more; NULL: none */
};

/*
 * The value for the most specific entry of a mailbox (spell_path() has the
 * order), or NULL.
 */
const char *map_find_path(const struct map *map, const struct path *path,
    const struct folding *folding);

/*
 * Is there an entry for the mailbox, other than those that name a domain and
 * no mailbox ("domain" and ".parent")? Postfix's tables, too, have such lines
 * for other reasons.
 */
bool list_has_mailbox(const struct list *list, const struct path *path,
    const struct folding *folding);
bool map_has_mailbox(const struct map *map, const struct path *path,
    const struct folding *folding);

/* Is `word` among the words of `value`? Without case if fold. */
bool map_value_has(const char *value, const char *word, bool fold);

#endif
