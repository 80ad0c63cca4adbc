/*
 * entry.h - what an entry of a list or map is, and what is wrong with it
 */
#ifndef FLOODGATE_IO_ENTRY_H
#define FLOODGATE_IO_ENTRY_H

#include "base/ip.h"
#include "core/path.h"
#include "core/spelling.h"

#include <stdbool.h>
#include <stddef.h>

/* The kinds of entry that an option of `list` takes. */
enum entry_kind {
	ENTRY_ANY, ENTRY_NETWORK, ENTRY_DOMAIN, ENTRY_ADDRESS, ENTRY_USER
};

struct entry {
	bool is_network;
	bool is_regular;	/* a regular expression; the text has it */
	struct ip_net network;
	char name[PATH_OCTETS_MAX + 2];	/* folded */
	char other[PATH_OCTETS_MAX + 2];	/* its form beyond ASCII, or
						 * "" */
};

/* False with a static sentence when the text is no such entry. */
bool entry_parse(enum entry_kind kind, const char *text,
    const struct folding *folding, struct entry *entry, const char **why);

/*
 * Where the regular expression ends that the text begins with: behind its
 * closing '/' and the letters after that. NULL when it has no end, or when
 * the text begins with something else.
 */
const char *entry_regular_end(const char *text);

#endif
