/*
 * lookup.h - what core wants to know of DNS, fetched
 */
#ifndef FLOODGATE_IO_LOOKUP_H
#define FLOODGATE_IO_LOOKUP_H

#include "core/dns_fact.h"
#include "core/policy.h"
#include "io/dns.h"

#include <stdint.h>

/* The answers of one event; some 20 KB, meant for the stack. */
struct lookup {
	struct dns_facts facts;
	struct dns_held *held[DNS_FACTS_MAX];	/* as in facts */
	size_t held_count;
};

void lookup_begin(struct lookup *lookup);
/* All that is wanted, at once; nothing is wanted afterwards. */
void lookup_fetch(struct lookup *lookup, struct dns *dns,
    int64_t timeout_ms);
/* The answers are gone. */
void lookup_end(struct lookup *lookup);

/* Begin in the background what the session will ask. */
void lookup_prefetch(struct dns *dns, const struct config *config,
    const struct session *session, enum stage stage);

#endif
