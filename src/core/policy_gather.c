/*
 * policy_gather.c - what limits ask, and what they count
 */
#include "core/policy_inside.h"

/*
 * What a limit that is due asks for; -1: nothing. Octets that MAIL did not
 * declare are 0 here, and charged at the end of data by the engine, which
 * keeps what this message has been charged.
 */
static int64_t
limit_weight(const struct judgement *j, const struct rule *rule)
{
	const struct session *session = j->session;

	if (count_row(rule->limits.count)->once == ONCE_SESSION &&
	    !session_is_authenticated(session))
		return -1;
	if (rule->limits.count != COUNT_bytes)
		return 1;
	return session->declared_bytes > 0 ? session->declared_bytes : 0;
}

static enum charge_when
when_counted(const struct rule *rule)
{
	switch (count_row(rule->limits.count)->of) {
	case OF_ACCEPTED:
		return WHEN_ALLOWED;
	case OF_ALL:
		return WHEN_ALWAYS;
	case OF_REFUSED:
		return WHEN_REFUSED;
	case OF_REJECTED:
		break;
	}
	return WHEN_NEVER;
}

static void
add_charges(struct judgement *j, const struct rule *rule, int64_t weight,
    enum charge_when when)
{
	struct charges *charges = &j->facts->charges;
	size_t before = charges->count;

	charges_add(charges, rule, j->config, j->session, j->event->recipient,
	    weight, when);
	if (charges->count == before)
		judge_note(j, rule, OUTCOME_NOT_ASKED, -1);
}

static bool
is_of_refusals(const struct rule *rule)
{
	return rule->check == NULL &&
	    count_row(rule->limits.count)->of == OF_REFUSED;
}

static void
gather_some(struct judgement *j, bool of_refusals)
{
	for (size_t i = 0; i < j->policy->rule_count; i++) {
		const struct rule *rule = &j->policy->rules[i];
		int64_t weight;

		if (rule->check != NULL || !judge_is_due(j, rule) ||
		    is_of_refusals(rule) != of_refusals)
			continue;
		weight = limit_weight(j, rule);
		if (weight >= 0 && !judge_is_idle(j, rule))
			add_charges(j, rule, weight, when_counted(rule));
	}
}

/*
 * Gather what all limits would charge: those of refusals first, since the
 * first that is full answers, and theirs is the stronger answer.
 */
void
judge_gather(struct judgement *j)
{
	j->facts->charges.count = 0;
	gather_some(j, true);
	gather_some(j, false);
}

/* Does a limit of this kind count what has just been refused? */
static bool
counts_refusal(const struct judgement *j, const struct rule *rule, bool by_mta)
{
	switch (count_row(rule->limits.count)->of) {
	case OF_ACCEPTED:
		return false;
	case OF_ALL:
		return !by_mta && judge_is_due(j, rule);
	case OF_REFUSED:
		return !j->is_own_trouble;
	case OF_REJECTED:
		break;
	}
	return by_mta;
}

bool
judge_gather_refused(struct judgement *j, bool by_mta)
{
	struct charges *charges = &j->facts->charges;
	bool asks = false;

	charges->count = charges->mark_count = 0;
	for (size_t i = 0; i < j->policy->rule_count; i++) {
		const struct rule *rule = &j->policy->rules[i];
		size_t first = charges->count;

		if (rule->check != NULL || !counts_refusal(j, rule, by_mta) ||
		    judge_is_idle(j, rule))
			continue;
		add_charges(j, rule, 1, WHEN_ALLOWED);
		if (is_of_refusals(rule)) {
			asks = asks || charges->count > first;
			continue;
		}
		/* What refused was no limit: this one does not, either. */
		for (size_t k = first; k < charges->count; k++)
			charges->at[k].observe = true;
	}
	return asks && !by_mta;
}

/*
 * Should the limits of octets refuse, that is a refusal, too. Where the
 * question has no room for it any more, it is not counted.
 */
void
judge_add_refusals(struct judgement *j)
{
	struct charges *charges = &j->facts->charges;

	for (size_t i = 0; i < j->policy->rule_count; i++) {
		const struct rule *rule = &j->policy->rules[i];
		size_t first = charges->count;

		if (!is_of_refusals(rule) ||
		    rule->limits.allow.count > CHARGES_MAX - first ||
		    judge_is_idle(j, rule))
			continue;
		add_charges(j, rule, 1, WHEN_REFUSED);
		for (size_t k = first; k < charges->count; k++)
			charges->at[k].observe = true;
	}
}
