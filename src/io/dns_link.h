/*
 * dns_link.h - the thread that speaks to the name servers
 */
#ifndef FLOODGATE_IO_DNS_LINK_H
#define FLOODGATE_IO_DNS_LINK_H

#include "core/config.h"
#include "io/dns_cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_link;

struct dns_link_handlers {
	/* The next entry to be asked, or NULL. */
	struct dns_entry *(*take)(void *context);
	/* A message came for it; NULL: it failed (none is `is_none`). */
	void (*answer)(void *context, struct dns_entry *entry,
	    const uint8_t *octets, size_t size, bool is_none);
};

/* Both handlers are called by the thread alone. NULL with why[size]. */
struct dns_link *dns_link_open(const struct dns_options *options,
    const struct dns_link_handlers *handlers, void *context, char *why,
    size_t size);
/* There is something to take. Any thread; never blocks. */
void dns_link_wake(struct dns_link *link);
/* What was taken fails; what was not is left. */
void dns_link_close(struct dns_link **link);

#endif
