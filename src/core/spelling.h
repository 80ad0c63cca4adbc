/*
 * spelling.h - the entries under which something may stand in a list
 *
 * One order for all who look up: tables in memory (list.c) and lists that
 * are kept elsewhere (list_fact.h). The most specific comes first.
 */
#ifndef FLOODGATE_CORE_SPELLING_H
#define FLOODGATE_CORE_SPELLING_H

#include "base/ip.h"
#include "core/path.h"

#include <stdbool.h>
#include <stddef.h>

/* How mailboxes are compared: one setting for the whole program. */
struct folding {
	bool fold_case;		/* of local parts; domains always are */
	const char *separator;	/* of address tags, such as "+"; "" none */
};

/*
 * Called with each spelling, whose octets are good during the call and end
 * in a NUL; true ends it, and is then what the functions below return.
 */
typedef bool spelling_taker(void *context, const char *octets,
    size_t length);

/* Which entries are asked for. */
enum spelling_scope {
	SPELLING_MAILBOXES,	/* "@domain", "@.parent", no bare domain */
	SPELLING_ALL		/* and "domain", ".parent" */
};

/*
 * A mailbox: "user@domain", without its tag, "user@", without its tag,
 * "@domain", "domain", and "@.parent", ".parent" for each parent of the
 * domain, longest first. Nothing for what is no mailbox.
 */
bool spell_path(const struct path *path, const struct folding *folding,
    enum spelling_scope scope, spelling_taker *take, void *context);

/* A host or domain name, and ".parent" for each of its parents. */
bool spell_domain(const char *domain, spelling_taker *take, void *context);

/* A login: as a mailbox if it has an '@', else as a word. */
bool spell_user(const char *user, const struct folding *folding,
    spelling_taker *take, void *context);

/* An address, then its networks, "192.0.2.0/31" to "0.0.0.0/0". */
bool spell_ip(const struct ip *ip, spelling_taker *take, void *context);

/*
 * What a regular expression is held against: the whole of it, folded like
 * the first of the spellings. False when there is nothing, or too much.
 */
#define SPELLING_SIZE (PATH_OCTETS_MAX + 2)
bool spelling_of_path(const struct path *path, const struct folding *folding,
    char whole[SPELLING_SIZE]);
bool spelling_of_domain(const char *domain, char whole[SPELLING_SIZE]);
bool spelling_of_user(const char *user, const struct folding *folding,
    char whole[SPELLING_SIZE]);

#endif
