/*
 * list.c - look up clients, domains, mailboxes and users
 */
#include "core/list.h"

#include <string.h>

#include "base/text.h"
#include "core/domain.h"
#include "core/path.h"

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

const char *
name_table_get(const struct name_table *table, const char *name)
{
	size_t slot = find(table, name, strlen(name));

	return slot != NOT_FOUND ? table->values[slot] : NULL;
}

/* Which entries are asked. */
enum scope {
	SCOPE_NAMES,		/* "domain", ".parent" */
	SCOPE_MAILBOXES,	/* "@domain", "@.parent" */
	SCOPE_BOTH
};

/*
 * Each ".parent" of a name, longest first. Behind a mailbox's '@', which
 * stands right before `name`, "@.parent" goes before it: the octet in front
 * of the dot has been read, and becomes the '@'. No longer domain exists, so
 * that a path made of dots is soon done.
 */
static size_t
find_parent(const struct name_table *table, char *name, enum scope scope)
{
	char *dot;
	size_t slot;

	for (dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
		size_t length = strlen(dot);

		if (length > DOMAIN_OCTETS_MAX)
			continue;
		if (scope != SCOPE_NAMES) {
			dot[-1] = '@';
			slot = find(table, dot - 1, length + 1);
			if (slot != NOT_FOUND)
				return slot;
		}
		if (scope == SCOPE_MAILBOXES)
			continue;
		slot = find(table, dot, length);
		if (slot != NOT_FOUND)
			return slot;
	}
	return NOT_FOUND;
}

/* "@domain", "domain", and its parents. */
static size_t
find_domain(const struct name_table *table, char *at_domain, enum scope scope)
{
	size_t length = strlen(at_domain);
	size_t slot = find(table, at_domain, length);

	if (slot == NOT_FOUND && scope != SCOPE_MAILBOXES)
		slot = find(table, at_domain + 1, length - 1);
	if (slot == NOT_FOUND)
		slot = find_parent(table, at_domain + 1, scope);
	return slot;
}

/* A mailbox with its '@' even when there is no domain. */
struct mailbox {
	char text[PATH_OCTETS_MAX + 2];
	size_t length;
	size_t local_length;	/* with the '@' */
};

static void
mailbox_of(const struct path *path, bool fold, const char *separator,
    struct mailbox *mailbox)
{
	struct text text;

	mailbox->length = path_mailbox(path, fold, separator, mailbox->text,
	    sizeof(mailbox->text));
	if (path->domain[0] == '\0') {
		text_init(&text, mailbox->text + mailbox->length,
		    sizeof(mailbox->text) - mailbox->length);
		text_put_char(&text, '@');
		mailbox->length += text.length;
	}
	mailbox->local_length = mailbox->length - strlen(path->domain);
}

/* In the order that map_find_path() promises. */
static size_t
find_path(const struct name_table *table, const struct path *path,
    const struct folding *folding, enum scope scope)
{
	struct mailbox whole, untagged;
	size_t slot;

	if (!path->is_valid || path->is_null || table->count == 0)
		return NOT_FOUND;
	mailbox_of(path, folding->fold_case, "", &whole);
	mailbox_of(path, folding->fold_case, folding->separator, &untagged);
	slot = find(table, whole.text, whole.length);
	if (slot == NOT_FOUND)
		slot = find(table, untagged.text, untagged.length);
	if (slot == NOT_FOUND)
		slot = find(table, whole.text, whole.local_length);
	if (slot == NOT_FOUND)
		slot = find(table, untagged.text, untagged.local_length);
	if (slot == NOT_FOUND && path->domain[0] != '\0')
		slot = find_domain(table,
		    whole.text + whole.local_length - 1, scope);
	return slot;
}

bool
name_table_has_mailbox(const struct name_table *table,
    const struct path *path, const struct folding *folding)
{
	return find_path(table, path, folding, SCOPE_MAILBOXES) != NOT_FOUND;
}

bool
list_has_ip(const struct list *list, const struct ip *ip)
{
	return ip_set_contains(&list->networks, ip);
}

bool
list_has_domain(const struct list *list, const char *domain)
{
	char name[PATH_OCTETS_MAX + 1];
	size_t length;

	if (list->names.count == 0 ||
	    !text_copy(name, sizeof(name), domain))
		return false;
	text_lower(name);
	length = strlen(name);
	if (length > 0 && name[length - 1] == '.')
		name[--length] = '\0';
	return find(&list->names, name, length) != NOT_FOUND ||
	    find_parent(&list->names, name, SCOPE_NAMES) != NOT_FOUND;
}

bool
list_has_path(const struct list *list, const struct path *path,
    const struct folding *folding)
{
	return find_path(&list->names, path, folding, SCOPE_BOTH) !=
	    NOT_FOUND;
}

/* A login is no path: nothing in it is quoted. False when it is too long. */
static bool
path_of_login(const char *user, const char *at, struct path *path)
{
	size_t length;

	path->is_valid = true;
	path->is_null = path->is_too_long = false;
	path->text[0] = '\0';
	if (!text_copy_n(path->local, sizeof(path->local), user,
	    (size_t)(at - user)) ||
	    !text_copy(path->domain, sizeof(path->domain), at + 1))
		return false;
	text_lower(path->domain);
	length = strlen(path->domain);
	if (length > 0 && path->domain[length - 1] == '.')
		path->domain[length - 1] = '\0';
	return strlen(user) <= PATH_OCTETS_MAX;
}

bool
list_has_user(const struct list *list, const char *user,
    const struct folding *folding)
{
	const char *at = strrchr(user, '@');
	char word[PATH_OCTETS_MAX + 1];
	struct path path;

	if (list->names.count == 0)
		return false;
	if (at != NULL)
		return path_of_login(user, at, &path) &&
		    list_has_path(list, &path, folding);
	if (!text_copy(word, sizeof(word), user))
		return false;
	if (folding->fold_case)
		text_lower(word);
	return name_table_has(&list->names, word);
}

const char *
map_find_path(const struct map *map, const struct path *path,
    const struct folding *folding)
{
	size_t slot = find_path(&map->names, path, folding, SCOPE_BOTH);

	return slot != NOT_FOUND ? map->names.values[slot] : NULL;
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
