/*
 * grammar.h - is it written by the letter of RFC 5321?
 *
 * path.h reads whatever reaches a mailbox; here stands what the standard
 * allows: the paths of RFC 5321 4.1.2, the address literals of 4.1.3, the
 * lengths of 4.5.3.1, and the octets above 0x7f that RFC 6531 adds to both.
 * Nothing is looked up; whether a domain beyond ASCII is one at all (RFC
 * 5890) takes tables that the core does not have: see io/idn.h.
 */
#ifndef FLOODGATE_CORE_GRAMMAR_H
#define FLOODGATE_CORE_GRAMMAR_H

#include <stdbool.h>

/* RFC 5321 4.5.3.1.1 to 4.5.3.1.3, all in octets. */
#define GRAMMAR_LOCAL_MAX 64	/* as written, with its quotes */
#define GRAMMAR_DOMAIN_MAX 255
#define GRAMMAR_PATH_MAX 256	/* with route and brackets */

/*
 * A Path, or "<>". A local part without a domain passes: <postmaster> is
 * valid as a recipient (4.1.1.3), and that any other lacks a domain is a
 * fault of its own. Brackets are demanded, a source route is allowed.
 */
bool grammar_is_path(const char *argument);

/* A Domain of ASCII: no underscore, no dot at the end, labels of 1..63. */
bool grammar_is_domain(const char *name);

/*
 * "[192.0.2.1]" or "[IPv6:2001:db8::1]": an address of RFC 4291 in any of
 * its forms, so that "::" may stand for a single group, which RFC 5321
 * forbids to write. Other tags must be registered (4.1.3), and none is; else
 * "[2001:db8::1]" would be a literal with the tag 2001.
 */
bool grammar_is_address_literal(const char *name);

/* Four numbers of one to three digits, 0..255: "192.0.2.1", "192.000.2.1". */
bool grammar_is_ipv4(const char *text);

/* Is there any octet above 0x7f? */
bool grammar_is_beyond_ascii(const char *text);

#endif
