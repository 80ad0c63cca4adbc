/*
 * dns_message.h - from an answer on the wire to one in memory
 */
#ifndef FLOODGATE_IO_DNS_MESSAGE_H
#define FLOODGATE_IO_DNS_MESSAGE_H

#include "core/dns_fact.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* An answer, its records and their texts in one piece of memory. */
struct dns_held {
	struct dns_answer answer;
	uint32_t ttl_s;		/* the shortest on the way to it */
	atomic_int holders;
	struct dns_record records[];	/* then the texts */
};

/* Held once; NULL: out of memory. Records beyond the bound are dropped. */
struct dns_held *dns_held_make(const struct dns_answer *answer,
    uint32_t ttl_s);

/*
 * Read a whole message (RFC 1035 4) from a server that looks names up for
 * us. CNAMEs are followed within it. Failed is what is malformed, is no
 * answer to the question, has any RCODE but 0 and 3, refers to other
 * servers, or goes in circles. NULL: out of memory.
 */
struct dns_held *dns_message_read(const uint8_t *octets, size_t size,
    const struct dns_question *question);

#endif
