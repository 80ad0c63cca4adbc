/*
 * lookup.h - is this part of a session on one of these lists?
 *
 * The one meaning that `lists` of a check, `match` of a policy and `except`
 * of a rule share.
 */
#ifndef FLOODGATE_CORE_LOOKUP_H
#define FLOODGATE_CORE_LOOKUP_H

#include "core/config.h"
#include "core/session.h"

#include <stdbool.h>

/* `subject` decides what is looked up; a recipient of NULL is on no list. */
bool list_has_subject(const struct list *list, enum subject subject,
    const struct config *config, const struct session *session,
    const struct path *recipient);
bool lists_have_subject(const struct lists *lists, enum subject subject,
    const struct config *config, const struct session *session,
    const struct path *recipient);

/*
 * Is the mailbox among those of the lists or of the map (NULL: none)? An
 * entry of a bare domain says nothing of its mailboxes here: "@domain" is
 * the catch-all.
 */
bool mailbox_exists(const struct lists *lists, const struct map *map,
    const struct path *path, const struct folding *folding);

#endif
