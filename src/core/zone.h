/*
 * zone.h - a zone that lists clients or domains (RFC 5782)
 *
 * "zen.example", or with a filter for the addresses that count as listed:
 * "bl.example=127.0.0.[2..11]", "bl.example=127.0.[0;1].2" as Postfix's
 * postscreen_dnsbl_sites has them.
 */
#ifndef FLOODGATE_CORE_ZONE_H
#define FLOODGATE_CORE_ZONE_H

#include "base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONES_MAX 16	/* of one check */

struct zone {
	const char *text;	/* as written */
	size_t name_length;	/* of it, up to the '=' */
	bool has_filter;
	uint8_t octets[4][32];	/* filter: a bit for each value allowed */
};

struct zones {
	const struct zone *at;
	size_t count;
};

/* The text is borrowed. False with *why, a static sentence. */
bool zone_parse(const char *text, struct zone *zone, const char **why);

enum zone_says { ZONE_LISTS, ZONE_DOES_NOT_LIST, ZONE_REFUSES_TO_SAY };

/*
 * What does this address in the zone's answer mean? Without a filter all of
 * 127.0.0.0/8 lists (RFC 5782 2.3), but for 127.255.255.0/24, by which zones
 * tell those who may not ask; what is outside is no listing: a zone that has
 * ended and answers everything with its web server's address.
 */
enum zone_says zone_says(const struct zone *zone, const struct ip *ip);

#endif
