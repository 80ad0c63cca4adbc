/*
 * lookup.c - what core wants to know of DNS, fetched
 */
#include "io/lookup.h"

#define ROUNDS_MAX 4	/* of questions that depend on answers */

void
lookup_begin(struct lookup *lookup)
{
	dns_facts_init(&lookup->facts);
	lookup->held_count = 0;
}

void
lookup_end(struct lookup *lookup)
{
	for (size_t i = 0; i < lookup->held_count; i++)
		dns_release(lookup->held[i]);
	lookup->held_count = 0;
}

/* The questions without an answer, and where they stand. */
struct wanted {
	struct dns_question questions[DNS_FACTS_MAX];
	struct dns_held *held[DNS_FACTS_MAX];
	size_t places[DNS_FACTS_MAX];
	size_t count;
};

static void
gather(struct lookup *lookup, struct wanted *wanted)
{
	const struct dns_facts *facts = &lookup->facts;

	wanted->count = 0;
	while (lookup->held_count < facts->count)
		lookup->held[lookup->held_count++] = NULL;
	for (size_t i = 0; i < facts->count; i++) {
		if (facts->answers[i] != NULL)
			continue;
		wanted->questions[wanted->count] = facts->questions[i];
		wanted->places[wanted->count++] = i;
	}
}

static void
scatter(struct lookup *lookup, const struct wanted *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		if (wanted->held[i] == NULL)
			continue;
		lookup->held[wanted->places[i]] = wanted->held[i];
		lookup->facts.answers[wanted->places[i]] =
		    dns_answer_of(wanted->held[i]);
	}
}

void
lookup_fetch(struct lookup *lookup, struct dns *dns, int64_t timeout_ms)
{
	struct wanted wanted;

	gather(lookup, &wanted);
	dns_fetch(dns, wanted.questions, wanted.count, timeout_ms,
	    wanted.held);
	scatter(lookup, &wanted);
}

void
lookup_prefetch(struct dns *dns, const struct config *config,
    const struct session *session, enum stage stage)
{
	struct lookup lookup;
	struct wanted wanted;

	lookup_begin(&lookup);
	for (int round = 0; round < ROUNDS_MAX; round++) {
		policy_prefetch(config, session, stage, &lookup.facts);
		gather(&lookup, &wanted);
		if (wanted.count == 0 || dns_prefetch(dns, wanted.questions,
		    wanted.count, wanted.held) == 0)
			break;
		scatter(&lookup, &wanted);
	}
	lookup_end(&lookup);
}
