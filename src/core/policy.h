/*
 * policy.h - which policy speaks to this event, and what it says
 *
 * The heart: pure, and the only place that knows about modes, exemptions,
 * the order of rules, failures and when a refusal is spoken.
 */
#ifndef FLOODGATE_CORE_POLICY_H
#define FLOODGATE_CORE_POLICY_H

#include "core/charge.h"
#include "core/check.h"
#include "core/config.h"
#include "core/lookup.h"
#include "core/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Facts fetched so far for this event. */
struct facts {
	unsigned int have;		/* bits; failed ones are here, too */
	struct charges charges;		/* what policy_judge() wants charged */
	struct charge_answer counters;	/* the store's answer to them, or */
	size_t local_count;	/* FACT_local_counters: the embedded store's
				 * to the first so many */
	struct list_facts *lists;	/* borrowed; NULL: no list is kept
					 * elsewhere */
	struct dns_facts *dns;		/* borrowed; NULL: DNS cannot be asked,
					 * every lookup has failed */
};

/* How many of the charges the answer speaks of. */
size_t facts_counted(const struct facts *facts);

/* What one rule said, for `floodgatectl try` and the log. */
enum outcome {
	OUTCOME_PASSES,		/* looked at, nothing against it */
	OUTCOME_REFUSES,
	OUTCOME_OBSERVED,	/* would refuse, but mode is observe */
	OUTCOME_EXEMPT,		/* its `except` frees this one */
	OUTCOME_OFF,
	OUTCOME_LATER,		/* cannot be decided at this stage yet */
	OUTCOME_NOT_ASKED,	/* a limit one of whose keys has no value */
	OUTCOME_ACCEPTED_ON_FAILURE,
	OUTCOME_COUNT
};
extern const char *const outcome_names[OUTCOME_COUNT];

struct step_taken {
	const struct rule *rule;
	enum outcome outcome;
	int charge;		/* of a limit: its first charge; or -1 */
};

#define TRACE_STEPS_MAX 256
struct trace {
	struct step_taken steps[TRACE_STEPS_MAX];
	size_t count;
};

#define OBSERVED_MAX 16

struct verdict {
	bool refused;
	const struct policy *policy;	/* that spoke, or NULL */
	bool always_accepted;		/* by its always_accept */
	const struct rule *rule;	/* that refused; NULL: none, or we are
					 * busy */
	const struct reply *reply;	/* when refused */
	/* A limit that refused: how it stands. */
	const struct charge *charge;	/* in facts->charges, or NULL */
	int64_t used;			/* without this event */
	int64_t max;			/* an override's, if there is one */
	int64_t retry_ms;
	/* A check that refused for what is noted on a subject. */
	const struct mark_question *marked;	/* in facts->charges, or NULL */
	struct mark mark;
	/*
	 * A list that a match, an except or this rule looks at could not be
	 * asked: nothing is refused for good.
	 */
	bool in_doubt;
	/* A check of DNS that refused, or what could not be looked up. */
	struct finding found;
	/* Rules in mode observe that would have refused. */
	const struct rule *observed[OBSERVED_MAX];
	size_t observed_count;
};

/*
 * The first policy that matches. At CONNECT, HELO and MAIL what is not known
 * yet does not match. NULL: none speaks, everything passes. While answers
 * are wanted it is none of these: see the doubt of occasion->lists.
 */
const struct policy *policy_select(const struct occasion *occasion);

/* Where a rule can refuse: bits 1u << STAGE_x. */
unsigned int rule_spoken_at(const struct policy *policy,
    const struct rule *rule);

/*
 * Judge an event that session_apply() has taken in. Returns 0 with *verdict
 * complete, or bits of the facts it lacks: the engine fetches them into
 * *facts and calls again with the same arguments. FACT_counters: charges
 * facts->charges, unless one of the subjects it asks about is marked;
 * FACT_local_counters: charges the first facts->local_count of them, which
 * are reordered for it, to the embedded store, with the questions left;
 * FACT_lists and FACT_dns: finds all answers that facts->lists or facts->dns
 * wants. `trace` may be NULL.
 */
unsigned int policy_judge(const struct config *config,
    const struct session *session, const struct event *event,
    struct facts *facts, struct verdict *verdict, struct trace *trace);

/*
 * What the checks of DNS will ask once they are judged, as far as this event
 * tells: into *dns, to be fetched in the background. Policies that may still
 * match are looked at. May be called again with the answers, for what
 * depends on them.
 */
void policy_prefetch(const struct config *config,
    const struct session *session, enum stage stage, struct dns_facts *dns);

/*
 * The callbacks that the rules of all policies need: bits of enum step, for
 * config->steps.
 */
unsigned int policy_steps(const struct config *config);

#endif
