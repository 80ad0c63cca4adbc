/*
 * domain.h - host and domain names as text
 */
#ifndef FLOODGATE_CORE_DOMAIN_H
#define FLOODGATE_CORE_DOMAIN_H

#include <stdbool.h>

#define DOMAIN_OCTETS_MAX 255	/* RFC 5321 4.5.3.1.2 */

/*
 * Two labels or more, each 1..63 letters, digits, inner hyphens (RFC 1123
 * 2.1) or underscores, which hosts in the wild have; the last one not all
 * digits; one dot at the end is allowed. U-labels (octets above 0x7f) pass.
 */
bool domain_is_fqdn(const char *name);

/*
 * "[192.0.2.1]", "[IPv6:2001:db8::1]" or another "[tag:...]" (RFC 5321
 * 4.1.3). Only the brackets are looked at.
 */
bool domain_is_literal(const char *name);

/* Equal without case and without a dot at the end of either. */
bool domain_equal(const char *a, const char *b);

#endif
