/*
 * dns.h - answers from DNS: in the background, kept, and by a deadline
 *
 * A thread of its own speaks to the name servers (c-ares); everybody else
 * asks here. Questions that are alike and in flight are joined; answers are
 * kept by their TTL within bounds, that there is none too, and that a lookup
 * failed for some seconds, so that a name server in trouble is not pressed.
 * Thread-safe.
 *
 * Why c-ares and not libunbound, which both do the work (Debian 12, 2 cores,
 * a name server on loopback that answers after 200 ms): 250 questions at
 * once were answered after 212 ms (c-ares), 220 ms (libunbound with
 * outgoing-range 1024) and 3240 ms (libunbound as it comes: 16 ports); a
 * server that is silent is given up after the time we say (c-ares) or after
 * 17.3 s (libunbound, which cannot be told); processor time 4 and 22 ms,
 * memory 2 and 8 MB. libunbound answers for .test, 10.in-addr.arpa and
 * others by itself, and remembers for 15 minutes that its only forwarder was
 * down. In return it would bring DNSSEC and a port of its own for each
 * question, which a name server on the same host or network does for us.
 */
#ifndef FLOODGATE_IO_DNS_H
#define FLOODGATE_IO_DNS_H

#include "core/config.h"
#include "core/dns_fact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_SERVERS_MAX 4
#define DNS_FLIGHTS_MAX 4000	/* questions in flight; further ones fail */
#define DNS_FAILED_TTL_MS 3000	/* how long a failure is remembered */

struct dns;
struct dns_held;	/* an answer that somebody holds */

/* "ADDRESS", "ADDRESS:PORT" or "[ADDRESS]:PORT". */
struct dns_server {
	struct ip ip;
	int port;
};
bool dns_server_parse(const char *string, struct dns_server *server);

/* NULL with a sentence in why[size]. */
struct dns *dns_open(const struct dns_options *options, char *why,
    size_t size);
/* Asks nobody: knows what dns_give() says, every other lookup fails. */
struct dns *dns_open_given(void);
/* Nobody may be waiting any more. */
void dns_close(struct dns **dns);

/* The answer to this question from now on; it is copied. */
void dns_give(struct dns *dns, const struct dns_question *question,
    const struct dns_answer *answer);

/*
 * Begin to ask whatever is not known yet; never blocks. held[count] gets
 * what is known, else NULL. Returns how many are known.
 */
size_t dns_prefetch(struct dns *dns, const struct dns_question questions[],
    size_t count, struct dns_held *held[]);

/*
 * Ask all at once and wait for all: no entry of held[count] is NULL
 * afterwards; what did not come within the time is a failure.
 */
void dns_fetch(struct dns *dns, const struct dns_question questions[],
    size_t count, int64_t timeout_ms, struct dns_held *held[]);

const struct dns_answer *dns_answer_of(const struct dns_held *held);
void dns_release(struct dns_held *held);	/* NULL is fine */

#endif
