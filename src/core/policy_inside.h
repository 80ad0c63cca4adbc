/*
 * policy_inside.h - judging from inside; only for the files of policy.h
 */
#ifndef FLOODGATE_CORE_POLICY_INSIDE_H
#define FLOODGATE_CORE_POLICY_INSIDE_H

#include "core/policy.h"

/* What all functions below look at. */
struct judgement {
	const struct config *config;
	const struct session *session;
	const struct event *event;
	const struct policy *policy;
	struct facts *facts;
	struct verdict *verdict;
	struct trace *trace;
	struct occasion occasion;	/* session and event, for lookups */
	/* Rules lack answers: nothing is sure yet. */
	bool awaits_lists;
	bool awaits_dns;
	bool is_own_trouble;	/* what refused is, not the client's doing */
};

static inline bool
facts_have(const struct facts *facts, enum fact fact)
{
	return (facts->have & (1u << fact)) != 0;
}

/* --- policy.c --- */

/* What a rule said; `charge` is its first one, or -1. */
void judge_note(struct judgement *j, const struct rule *rule,
    enum outcome outcome, int charge);
/* The rule refuses; NULL: it is our own doing. */
void judge_refuse(struct judgement *j, const struct rule *rule,
    const struct reply *reply);
/* Off, or exempt: said once for checks and limits alike. */
bool judge_is_idle(struct judgement *j, const struct rule *rule);
/* Can this rule be decided at the stage we are at? */
bool judge_is_due(const struct judgement *j, const struct rule *rule);

/* --- policy_gather.c: into facts->charges --- */

/* What all limits would charge. */
void judge_gather(struct judgement *j);
/*
 * What is counted of an event that is refused before any limit is asked.
 * True when an answer is wanted: what we refuse may have been too much.
 */
bool judge_gather_refused(struct judgement *j, bool by_mta);
/* Beside what is there: should that refuse, it is a refusal, too. */
void judge_add_refusals(struct judgement *j);

/* --- policy_answer.c: as policy_judge() --- */

unsigned int judge_counters(struct judgement *j);
/* The same, when a check has refused. */
unsigned int judge_refusals(struct judgement *j);

#endif
