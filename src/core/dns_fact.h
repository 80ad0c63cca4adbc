/*
 * dns_fact.h - what a check asks DNS, and what it is told
 *
 * A check asks as if every answer were there. What is not there yet is noted
 * as wanted; the engine fetches all that is wanted at once, and the check is
 * asked again from the start. So a check has no state, and a question that
 * depends on an answer (MX, then its addresses) is simply asked later. What
 * could not be looked up is noted as failed: what a rule does then is not
 * the check's business. Pure; the answers are borrowed.
 */
#ifndef FLOODGATE_CORE_DNS_FACT_H
#define FLOODGATE_CORE_DNS_FACT_H

#include "base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX 253	/* octets of a name as text, no dot at its end
				 * (RFC 1035 2.3.4: 255 on the wire) */
#define DNS_NAME_SIZE (DNS_NAME_MAX + 1)
#define DNS_TEXT_MAX 255	/* of a TXT record, the rest is cut */
#define DNS_RECORDS_MAX 16	/* of one answer, further ones are dropped */

enum dns_type {
	DNS_A, DNS_AAAA, DNS_MX, DNS_NS, DNS_PTR, DNS_TXT,
	DNS_TYPE_COUNT
};
extern const char *const dns_type_names[DNS_TYPE_COUNT];

enum dns_status {
	DNS_FOUND,	/* at least one record */
	DNS_NONE,	/* no such name, or no such record of it */
	DNS_FAILED	/* nobody can tell now: SERVFAIL, timeout, garbage */
};

struct dns_record {
	struct ip ip;		/* A, AAAA */
	uint16_t preference;	/* MX */
	const char *text;	/* MX, NS, PTR: a name in lower case without a
				 * dot at its end, "." the root; TXT: octets,
				 * never NUL; else "" */
};

struct dns_answer {
	enum dns_status status;
	size_t count;		/* 0 unless FOUND */
	const struct dns_record *records;
};

struct dns_question {
	enum dns_type type;
	const char *name;	/* lower case, no dot at its end */
};

/*
 * All questions of one event. The checks of a policy ask the same ones over
 * and over; each stands here once.
 */
#define DNS_FACTS_MAX 160
#define DNS_FACTS_OCTETS_MAX 12288	/* of all names */

struct dns_facts {
	struct dns_question questions[DNS_FACTS_MAX];
	const struct dns_answer *answers[DNS_FACTS_MAX];  /* NULL: wanted */
	size_t count;
	char names[DNS_FACTS_OCTETS_MAX];
	size_t names_used;
	/* The check that is being asked. */
	size_t first;		/* its first new question */
	bool is_missing;	/* an answer is wanted */
	bool has_failed;	/* an answer cannot be had */
	char subject[DNS_NAME_SIZE];	/* of the first failure */
};

void dns_facts_init(struct dns_facts *facts);
/* A check is asked from here on, until dns_facts_end(). */
void dns_facts_begin(struct dns_facts *facts);
/* If it is decided, what it newly asked for is no longer wanted. */
void dns_facts_end(struct dns_facts *facts, bool is_decided);

/*
 * FOUND or NONE; NULL when it is wanted or has failed, which is noted. A
 * name that cannot stand in DNS has no records.
 */
const struct dns_answer *dns_ask(struct dns_facts *facts, enum dns_type type,
    const char *name);
/* The same, and true only when there are records. */
bool dns_has(struct dns_facts *facts, enum dns_type type, const char *name);

/* Somebody else, such as the MTA, could not look this up. */
void dns_note_failure(struct dns_facts *facts, const char *subject);
/* The check is certain: neither missing nor failed answers matter. */
void dns_settle(struct dns_facts *facts);
/* Nothing that the check asked is missing or has failed. */
bool dns_is_certain(const struct dns_facts *facts);

/* "4.3.2.1.SUFFIX", or nibbles for IPv6; false when it does not fit. */
bool dns_reverse_name(const struct ip *ip, const char *suffix,
    char name[DNS_NAME_SIZE]);

#endif
