/*
 * list.c - look up clients, domains, mailboxes and users
 */
#include "core/list.h"

#include <string.h>

#include "base/text.h"

#define NOT_FOUND SIZE_MAX

/* FNV-1a, with its bits stirred: the table uses the low ones alone. */
static uint32_t
hash_octets(const char *octets, size_t length)
{
	uint32_t hash = UINT32_C(2166136261);

	for (size_t i = 0; i < length; i++) {
		hash ^= (unsigned char)octets[i];
		hash *= UINT32_C(16777619);
	}
	hash ^= hash >> 16;
	hash *= UINT32_C(0x85ebca6b);
	hash ^= hash >> 13;
	return hash;
}

uint32_t
name_hash(const char *name)
{
	return hash_octets(name, strlen(name));
}

static size_t
slot_of(const struct name_table *table, const char *octets, size_t length)
{
	size_t mask = table->slots - 1;
	size_t slot = hash_octets(octets, length) & mask;
	const char *name;

	while ((name = table->names[slot]) != NULL &&
	    (strncmp(name, octets, length) != 0 || name[length] != '\0'))
		slot = (slot + 1) & mask;
	return slot;
}

static size_t
find(const struct name_table *table, const char *octets, size_t length)
{
	size_t slot;

	if (table->count == 0)
		return NOT_FOUND;
	slot = slot_of(table, octets, length);
	return table->names[slot] != NULL ? slot : NOT_FOUND;
}

size_t
name_table_slot(const struct name_table *table, const char *name)
{
	return slot_of(table, name, strlen(name));
}

bool
name_table_has(const struct name_table *table, const char *name)
{
	return find(table, name, strlen(name)) != NOT_FOUND;
}

static const char *
value_at(const struct name_table *table, size_t slot)
{
	return table->names[slot] + strlen(table->names[slot]) + 1;
}

const char *
name_table_get(const struct name_table *table, const char *name)
{
	size_t slot = find(table, name, strlen(name));

	return slot != NOT_FOUND ? value_at(table, slot) : NULL;
}

/* A table, and where in it something was found. */
struct search {
	const struct name_table *table;
	size_t slot;
};

static bool
take_if_there(void *context, const char *octets, size_t length)
{
	struct search *search = context;

	search->slot = find(search->table, octets, length);
	return search->slot != NOT_FOUND;
}

/* The first regular expression that matches, or NOT_FOUND. */
static size_t
find_match(const struct patterns *patterns, const char *whole)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (patterns->at[i].matches(&patterns->at[i], whole))
			return i;
	return NOT_FOUND;
}

static bool
table_has_path(const struct name_table *table, const struct path *path,
    const struct folding *folding, enum spelling_scope scope)
{
	struct search search = { .table = table };

	return table->count > 0 &&
	    spell_path(path, folding, scope, take_if_there, &search);
}

static size_t
match_path(const struct patterns *patterns, const struct path *path,
    const struct folding *folding)
{
	char whole[SPELLING_SIZE];

	if (patterns->count == 0 ||
	    !spelling_of_path(path, folding, whole))
		return NOT_FOUND;
	return find_match(patterns, whole);
}

bool
list_has_mailbox(const struct list *list, const struct path *path,
    const struct folding *folding)
{
	return table_has_path(&list->names, path, folding,
	    SPELLING_MAILBOXES) ||
	    match_path(&list->patterns, path, folding) != NOT_FOUND;
}

bool
map_has_mailbox(const struct map *map, const struct path *path,
    const struct folding *folding)
{
	return table_has_path(&map->names, path, folding,
	    SPELLING_MAILBOXES) ||
	    match_path(&map->patterns, path, folding) != NOT_FOUND;
}

bool
list_has_ip(const struct list *list, const struct ip *ip)
{
	char whole[IP_TEXT_SIZE];

	if (ip_set_contains(&list->networks, ip))
		return true;
	return list->patterns.count > 0 && ip->family != IP_NONE &&
	    find_match(&list->patterns, ip_format(ip, whole)) != NOT_FOUND;
}

bool
list_has_domain(const struct list *list, const char *domain)
{
	struct search search = { .table = &list->names };
	char whole[SPELLING_SIZE];

	if (list->names.count > 0 &&
	    spell_domain(domain, take_if_there, &search))
		return true;
	return list->patterns.count > 0 &&
	    spelling_of_domain(domain, whole) &&
	    find_match(&list->patterns, whole) != NOT_FOUND;
}

bool
list_has_path(const struct list *list, const struct path *path,
    const struct folding *folding)
{
	return table_has_path(&list->names, path, folding, SPELLING_ALL) ||
	    match_path(&list->patterns, path, folding) != NOT_FOUND;
}

bool
list_has_user(const struct list *list, const char *user,
    const struct folding *folding)
{
	struct search search = { .table = &list->names };
	char whole[SPELLING_SIZE];

	if (list->names.count > 0 &&
	    spell_user(user, folding, take_if_there, &search))
		return true;
	return list->patterns.count > 0 &&
	    spelling_of_user(user, folding, whole) &&
	    find_match(&list->patterns, whole) != NOT_FOUND;
}

const char *
map_find_path(const struct map *map, const struct path *path,
    const struct folding *folding)
{
	struct search search = { .table = &map->names };
	size_t match;

	if (map->names.count > 0 && spell_path(path, folding, SPELLING_ALL,
	    take_if_there, &search))
		return value_at(&map->names, search.slot);
	match = match_path(&map->patterns, path, folding);
	return match != NOT_FOUND ? map->patterns.values[match] : NULL;
}

bool
map_value_has(const char *value, const char *word, bool fold)
{
	static const char parting[] = ", \t";
	size_t wanted = strlen(word);

	for (;;) {
		size_t length;

		value += strspn(value, parting);
		length = strcspn(value, parting);
		if (length == 0)
			return false;
		if (length == wanted && (fold
		    ? text_equal_nocase_n(value, word, length)
		    : memcmp(value, word, length) == 0))
			return true;
		value += length;
	}
}
