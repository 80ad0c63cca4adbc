/*
 * path.h - reverse-path and forward-path (RFC 5321 4.1.2)
 *
 * Both MTAs hand over the client's own spelling: brackets or none, source
 * routes, quoted local parts, any case (facts measured on Postfix 3.7 and
 * Sendmail 8.17). Here they become one form, so that two spellings of one
 * mailbox are one mailbox: the source route is dropped (RFC 5321 3.6.1), the
 * local part unquoted (4.1.2: both forms MUST be treated as equivalent), the
 * domain lower-cased (2.4), one dot at its end dropped.
 */
#ifndef FLOODGATE_CORE_PATH_H
#define FLOODGATE_CORE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The RFC allows 256 octets of path; MTAs take whole command lines of 2,048
 * (Postfix's line_length_limit). What is longer than this is not kept: the
 * path is then marked too long, and is never equal to another.
 */
#define PATH_OCTETS_MAX 1024

struct path {
	char text[PATH_OCTETS_MAX + 1];	/* as the client wrote it, without
					 * brackets and route; for replies */
	char local[PATH_OCTETS_MAX + 1];	/* unquoted; "" for <> */
	char domain[PATH_OCTETS_MAX + 1];	/* lower case; "" if none */
	bool is_null;			/* <> */
	bool is_valid;			/* could be taken apart; else local
					 * and domain are "" */
	bool is_too_long;		/* cut to fit, so not valid */
	bool is_by_grammar;		/* of RFC 5321 and RFC 6531: the whole
					 * argument, route and brackets too */
	bool is_beyond_ascii;		/* has octets above 0x7f */
};

/*
 * Take apart what MAIL or RCPT carried: "<user@domain>", "user@domain",
 * "<>", "<@a,@b:user@domain>", "<\"a b\"@domain>", "<postmaster>". Never
 * fails: what is no path has is_valid false, its text kept.
 */
void path_parse(const char *argument, struct path *path);

/* With a domain of two labels or more, or an address literal. */
bool path_is_qualified(const struct path *path);

/* "postmaster" in any case, of any domain or none (RFC 5321 4.5.1). */
bool path_is_postmaster(const struct path *path);

/*
 * The mailbox as it is compared and counted: "local@domain" or "local" into
 * buffer[size]. With fold the local part is lower-cased (ASCII); with a
 * separator such as "+" everything from its first appearance in the local
 * part is dropped ("user+tag" counts as "user"), unless it stands first.
 * "" for <>; the text as it is for what is not valid. Returns the octets
 * written, without the NUL; cut to size.
 */
size_t path_mailbox(const struct path *path, bool fold, const char *separator,
    char *buffer, size_t size);

#endif
