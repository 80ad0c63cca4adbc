/*
 * lookup.h - is this part of a session on one of these lists?
 *
 * The one meaning that `lists` of a check, `match` of a policy and `except`
 * of a rule share. What stands here, in memory, is looked at first, and only
 * when it says nothing a source elsewhere is asked (list_fact.h): an answer
 * that is still wanted counts as "no" unless said otherwise, and is noted in
 * the facts' doubt; what is found all the same leaves no doubt.
 */
#ifndef FLOODGATE_CORE_LOOKUP_H
#define FLOODGATE_CORE_LOOKUP_H

#include "core/config.h"
#include "core/list_fact.h"
#include "core/session.h"

#include <stdbool.h>

/* What lookups look at. */
struct occasion {
	const struct config *config;
	const struct session *session;
	const struct path *recipient;	/* at RCPT, else NULL: on no list */
	struct list_facts *lists;	/* NULL: no source can be asked, and
					 * none holds anything */
};

/* `subject` decides what is looked up. */
bool list_has_subject(const struct list *list, enum subject subject,
    const struct occasion *occasion);
/* Also true while an answer is wanted: what else is needed is asked, too. */
bool lists_have_subject(const struct lists *lists, enum subject subject,
    const struct occasion *occasion);

/* A host, by its name; by an address; for checks of DNS. */
bool lists_have_domain(const struct lists *lists, const char *domain,
    const struct occasion *occasion);
bool lists_have_ip(const struct lists *lists, const struct ip *ip,
    const struct occasion *occasion);

/* Is the session exempt by this list of exceptions? */
bool except_has(const struct except *except, const struct occasion *occasion);

/*
 * Is the mailbox among those of the lists or of the map (NULL: none)? An
 * entry of a bare domain says nothing of its mailboxes here: "@domain" is
 * the catch-all.
 */
bool mailbox_exists(const struct lists *lists, const struct map *map,
    const struct path *path, const struct occasion *occasion);

/* The value for the most specific entry of a mailbox, or NULL. */
const char *lookup_map(const struct map *map, const struct path *path,
    const struct occasion *occasion);

#endif
