/*
 * policy_answer.c - what the store's answer to limits and marks comes to
 */
#include "core/policy_inside.h"

#include <assert.h>
#include <string.h>

size_t
facts_counted(const struct facts *facts)
{
	if (facts_have(facts, FACT_local_counters))
		return facts->local_count;
	return facts->charges.count;
}

/*
 * --- when the store did not answer ---
 *
 * `on_failure` of each limit, in one place: what defers refuses at once,
 * what accepts passes, and the rest is asked of the embedded store, all or
 * none.
 */

/* In the order that they had, the local ones before the others. */
static void
put_local_first(struct facts *facts)
{
	struct charge *at = facts->charges.at, local;

	facts->local_count = 0;
	for (size_t i = 0; i < facts->charges.count; i++) {
		if (at[i].rule->with.on_failure != ON_FAILURE_LOCAL)
			continue;
		local = at[i];
		memmove(&at[facts->local_count + 1], &at[facts->local_count],
		    (i - facts->local_count) * sizeof(at[0]));
		at[facts->local_count++] = local;
	}
}

static void
fail_rule(struct judgement *j, const struct rule *rule, int charge)
{
	bool defers = rule->with.on_failure == ON_FAILURE_DEFER &&
	    rule->with.mode == MODE_ENFORCE;

	if (defers && !j->verdict->refused) {
		judge_note(j, rule, OUTCOME_REFUSES, charge);
		judge_refuse(j, rule, reply_of(j->facts->counters.misset ?
		    REPLY_config_error : REPLY_store_unavailable));
	} else
		judge_note(j, rule, OUTCOME_ACCEPTED_ON_FAILURE, charge);
}

/* The rules whose charges stand from `first` to before `end`. */
static void
apply_on_failure(struct judgement *j, size_t first, size_t end)
{
	const struct charges *charges = &j->facts->charges;

	for (size_t i = first; i < end; i++)
		if (i == 0 || charges->at[i - 1].rule != charges->at[i].rule)
			fail_rule(j, charges->at[i].rule, (int)i);
}

/*
 * The checks whose marks could not be had. What is to be decided here is
 * kept for the embedded store, which knows what was noted a while ago.
 */
static void
fail_marks(struct judgement *j, bool keeps_local)
{
	struct charges *charges = &j->facts->charges;
	const struct rule *before = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < charges->mark_count; i++) {
		const struct rule *rule = charges->marks[i].rule;

		if (keeps_local && rule->with.on_failure == ON_FAILURE_LOCAL)
			charges->marks[kept++] = charges->marks[i];
		else if (rule != before)
			fail_rule(j, rule, -1);
		before = rule;
	}
	charges->mark_count = kept;
}

/*
 * Refused for our own trouble: who counts refused ones counts this, too.
 * The others stay in their places, for who traces, and weigh nothing.
 */
static unsigned int
tell_attempts(struct facts *facts)
{
	struct charges *charges = &facts->charges;
	bool any = false;

	for (size_t i = 0; i < charges->count; i++) {
		if (charges->at[i].when == WHEN_ALWAYS)
			any = true;
		else
			charges->at[i].weight = 0;
	}
	return any ? 1u << FACT_told : 0;
}

static unsigned int
judge_failure(struct judgement *j)
{
	struct facts *facts = j->facts;

	fail_marks(j, true);
	put_local_first(facts);
	apply_on_failure(j, facts->local_count, facts->charges.count);
	if (!j->verdict->refused &&
	    facts->local_count + facts->charges.mark_count > 0)
		return 1u << FACT_local_counters;
	fail_marks(j, false);
	apply_on_failure(j, 0, facts->local_count);
	return j->verdict->refused ? tell_attempts(facts) : 0;
}

/*
 * --- when it did ---
 */

/*
 * The embedded store knows only what came here, and lets only a share of
 * the limit pass. What the whole limit would let pass is refused for our
 * own trouble, and never for good.
 */
static const struct reply *
limit_reply(const struct facts *facts, const struct charge *charge,
    int64_t used, int64_t max)
{
	const struct reply *reply = charge->rule->with.reply;

	if (facts_have(facts, FACT_local_counters) &&
	    reply_is_permanent(reply) && used <= max &&
	    charge->weight <= max - used)
		return reply_of(REPLY_store_unavailable);
	return reply;
}

/* What the window would hold, had it to take this event, too. */
static int64_t
used_with(const struct facts *facts, size_t i)
{
	const struct charge *charge = &facts->charges.at[i];
	int64_t used = facts->counters.used[i];

	if (charge->when != WHEN_REFUSED && charge->when != WHEN_NEVER)
		return used;	/* it has, unless the set was refused */
	return charge_is_counted(charge, &facts->counters) ?
	    used : used + charge->weight;
}

/* Does any window of an observed limit hold more than it may? */
static bool
observed_limit_is_over(const struct facts *facts, size_t first)
{
	const struct charges *charges = &facts->charges;

	for (size_t i = first; i < charges->count &&
	    charges->at[i].rule == charges->at[first].rule; i++)
		if (charges->at[i].rule->with.mode == MODE_OBSERVE &&
		    used_with(facts, i) >
		    charge_max(charges, &facts->counters, i))
			return true;
	return false;
}

/* Was one of the questions of this rule, from `first` on, answered by yes? */
static bool
is_marked(const struct facts *facts, size_t first)
{
	const struct charges *charges = &facts->charges;

	for (size_t i = first; i < charges->mark_count &&
	    charges->marks[i].rule == charges->marks[first].rule; i++)
		if ((facts->counters.marks_found >> i & 1) != 0)
			return true;
	return false;
}

/* What is noted on the subjects that checks asked about; true: refused. */
static bool
judge_marks(struct judgement *j)
{
	const struct charges *charges = &j->facts->charges;
	const struct charge_answer *answer = &j->facts->counters;
	const struct rule *refusing = NULL;

	if (answer->status == CHARGE_MARKED) {
		assert(answer->marked < charges->mark_count);
		j->verdict->marked = &charges->marks[answer->marked];
		j->verdict->mark = answer->mark;
		refusing = j->verdict->marked->rule;
	}
	for (size_t i = 0; i < charges->mark_count; i++) {
		const struct rule *rule = charges->marks[i].rule;

		if (i > 0 && charges->marks[i - 1].rule == rule)
			continue;
		if (rule == refusing) {
			judge_note(j, rule, OUTCOME_REFUSES, -1);
			judge_refuse(j, rule, rule->with.reply);
			return true;
		}
		judge_note(j, rule, rule->with.mode == MODE_OBSERVE &&
		    is_marked(j->facts, i) ? OUTCOME_OBSERVED :
		    OUTCOME_PASSES, -1);
	}
	return false;
}

/* The limit of the charge that found no room refuses. */
static const struct rule *
refuse_by_limit(struct judgement *j)
{
	const struct charge_answer *answer = &j->facts->counters;
	const struct charge *charge = &j->facts->charges.at[answer->refused];

	assert(answer->refused < facts_counted(j->facts));
	j->verdict->charge = charge;
	j->verdict->used = answer->used[answer->refused];
	j->verdict->max = charge_max(&j->facts->charges, answer,
	    answer->refused);
	j->verdict->retry_ms = answer->retry_ms;
	judge_refuse(j, charge->rule, limit_reply(j->facts, charge,
	    j->verdict->used, j->verdict->max));
	return charge->rule;
}

unsigned int
judge_counters(struct judgement *j)
{
	const struct charges *charges = &j->facts->charges;
	const struct charge_answer *answer = &j->facts->counters;
	const struct rule *refusing = NULL;
	size_t counted = facts_counted(j->facts);

	if (answer->status == CHARGE_UNAVAILABLE &&
	    !facts_have(j->facts, FACT_local_counters))
		return judge_failure(j);
	if (answer->status == CHARGE_UNAVAILABLE) {
		fail_marks(j, false);
		apply_on_failure(j, 0, counted);
		return 0;
	}
	if (judge_marks(j))
		return 0;
	if (answer->status == CHARGE_REFUSED)
		refusing = refuse_by_limit(j);
	for (size_t i = 0; i < counted; i++) {
		const struct rule *rule = charges->at[i].rule;

		if (i > 0 && charges->at[i - 1].rule == rule)
			continue;
		if (rule == refusing)
			judge_note(j, rule, OUTCOME_REFUSES, (int)i);
		else if (observed_limit_is_over(j->facts, i))
			judge_note(j, rule, OUTCOME_OBSERVED, (int)i);
		else
			judge_note(j, rule, OUTCOME_PASSES, (int)i);
	}
	return 0;
}

/*
 * A check has refused, and that was counted: one refusal too many is
 * answered by the limit that says so. Without an answer the check's stands.
 */
unsigned int
judge_refusals(struct judgement *j)
{
	struct facts *facts = j->facts;
	const struct charges *charges = &facts->charges;

	if (facts->counters.status == CHARGE_UNAVAILABLE) {
		if (facts_have(facts, FACT_local_counters))
			return 0;
		put_local_first(facts);
		return facts->local_count > 0 ?
		    1u << FACT_local_counters : 0;
	}
	if (facts->counters.status == CHARGE_REFUSED)
		judge_note(j, refuse_by_limit(j), OUTCOME_REFUSES,
		    (int)facts->counters.refused);
	for (size_t i = 0; i < facts_counted(facts); i++) {
		const struct rule *rule = charges->at[i].rule;

		if ((i == 0 || charges->at[i - 1].rule != rule) &&
		    observed_limit_is_over(facts, i))
			judge_note(j, rule, OUTCOME_OBSERVED, (int)i);
	}
	return 0;
}
