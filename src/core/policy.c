/*
 * policy.c - what the policy that speaks says to an event
 *
 * The course of it, and the checks. Which policy that is, is said in
 * policy_select.c, at which stages in policy_steps.c; of limits,
 * policy_gather.c makes the question and policy_answer.c reads the answer.
 */
#include "core/policy_inside.h"

#include "core/lookup.h"

#include "base/text.h"

#include <string.h>

const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_PASSES] = "passes",
	[OUTCOME_REFUSES] = "refuses",
	[OUTCOME_OBSERVED] = "would refuse (observed)",
	[OUTCOME_EXEMPT] = "exempt",
	[OUTCOME_OFF] = "off",
	[OUTCOME_LATER] = "decided later",
	[OUTCOME_NOT_ASKED] = "not asked",
	[OUTCOME_ACCEPTED_ON_FAILURE] = "accepted on failure",
};

void
judge_note(struct judgement *j, const struct rule *rule, enum outcome outcome,
    int charge)
{
	struct trace *trace = j->trace;

	if (outcome == OUTCOME_OBSERVED &&
	    j->verdict->observed_count < OBSERVED_MAX)
		j->verdict->observed[j->verdict->observed_count++] = rule;
	if (trace != NULL && trace->count < TRACE_STEPS_MAX)
		trace->steps[trace->count++] = (struct step_taken){
			.rule = rule, .outcome = outcome, .charge = charge
		};
}

/*
 * --- lists that are kept elsewhere ---
 *
 * What is wanted is fetched. What cannot be had counts as "not on the list",
 * or as last known, and nothing is refused for good on such ground.
 */

static void
put_subject(struct judgement *j, const struct list_doubt *doubt)
{
	if (doubt->about != NULL)
		list_question_put(doubt->about, j->verdict->found.subject,
		    sizeof(j->verdict->found.subject));
}

/* Since the doubt was last cleared. True when answers are wanted. */
static bool
note_doubt(struct judgement *j)
{
	const struct list_facts *lists = j->facts->lists;

	if (lists == NULL)
		return false;
	if (list_doubt_is_trouble(&lists->doubt)) {
		if (!j->verdict->in_doubt)
			put_subject(j, &lists->doubt);
		j->verdict->in_doubt = true;
	}
	j->awaits_lists |= lists->doubt.is_missing;
	return lists->doubt.is_missing;
}

static void
clear_doubt(const struct judgement *j)
{
	if (j->facts->lists != NULL)
		list_doubt_clear(&j->facts->lists->doubt);
}

/* Our own trouble is never a 5yz. */
void
judge_refuse(struct judgement *j, const struct rule *rule,
    const struct reply *reply)
{
	j->verdict->refused = true;
	j->verdict->rule = rule;
	j->verdict->reply = j->verdict->in_doubt && reply_is_permanent(reply) ?
	    reply_of(REPLY_lookup_failed) : reply;
}

bool
judge_is_idle(struct judgement *j, const struct rule *rule)
{
	if (rule->with.mode == MODE_OFF) {
		judge_note(j, rule, OUTCOME_OFF, -1);
		return true;
	}
	clear_doubt(j);
	if (except_has(&rule->with.except, &j->occasion)) {
		judge_note(j, rule, OUTCOME_EXEMPT, -1);
		return true;
	}
	(void)note_doubt(j);
	return false;
}

bool
judge_is_due(const struct judgement *j, const struct rule *rule)
{
	return (rule_spoken_at(j->policy, rule) &
	    (1u << j->event->stage)) != 0;
}

/*
 * Ask a check. One that lacks answers, or whose lists do, refuses nothing: it
 * waits for them, or their failure is dealt with.
 */
enum said { SAID_NO, SAID_YES, SAID_LATER, SAID_FAILED };

/* What a check says that knows all of DNS that it needs. */
static enum said
weigh_lists(struct judgement *j, const struct rule *rule, enum said said)
{
	struct list_facts *lists = j->facts->lists;

	if (lists == NULL)
		return said;
	if (lists->doubt.is_missing) {
		j->awaits_lists = true;
		return SAID_LATER;
	}
	if (lists->doubt.has_failed || (lists->doubt.is_old &&
	    rule->with.on_failure != ON_FAILURE_LOCAL)) {
		put_subject(j, &lists->doubt);
		return SAID_FAILED;
	}
	if (said == SAID_YES && lists->doubt.is_old) {
		put_subject(j, &lists->doubt);
		j->verdict->in_doubt = true;
	}
	return said;
}

static enum said
ask_dns_check(struct judgement *j, const struct check_row *check,
    const struct check_input *input)
{
	struct dns_facts *dns = input->dns;
	enum said said;

	if (dns == NULL)
		return SAID_FAILED;
	dns_facts_begin(dns);
	if (check->refuses(input)) {
		clear_doubt(j);		/* it is certain */
		said = SAID_YES;
	} else if (dns->is_missing)
		said = SAID_LATER;
	else
		said = dns->has_failed ? SAID_FAILED : SAID_NO;
	if (said == SAID_FAILED)
		(void)text_copy(j->verdict->found.subject,
		    sizeof(j->verdict->found.subject), dns->subject);
	j->awaits_dns |= said == SAID_LATER;
	if (said == SAID_LATER && j->facts->lists != NULL)
		j->awaits_lists |= j->facts->lists->doubt.is_missing;
	if (said == SAID_NO)
		said = weigh_lists(j, input->rule, said);
	dns_facts_end(dns, said != SAID_LATER);
	return said;
}

static enum said
ask_check(struct judgement *j, const struct rule *rule,
    const struct check_input *input)
{
	clear_doubt(j);
	if (rule->check->cost == COST_DNS)
		return ask_dns_check(j, rule->check, input);
	return weigh_lists(j, rule,
	    rule->check->refuses(input) ? SAID_YES : SAID_NO);
}

/* A lookup failed: `on_failure` of each check, in one place. */
static bool
judge_lookup_failure(struct judgement *j, const struct rule *rule)
{
	if (rule->with.on_failure != ON_FAILURE_DEFER ||
	    rule->with.mode != MODE_ENFORCE) {
		judge_note(j, rule, OUTCOME_ACCEPTED_ON_FAILURE, -1);
		return false;
	}
	judge_note(j, rule, OUTCOME_REFUSES, -1);
	judge_refuse(j, rule, reply_of(REPLY_lookup_failed));
	return true;
}

/* What is noted on its subjects is asked of the store, with the charges. */
static bool
asks_marks(struct judgement *j, const struct rule *rule)
{
	struct charges *charges = &j->facts->charges;
	size_t before = charges->mark_count;

	if (rule->looks_at_marks)
		marks_add(charges, rule, j->config, j->session,
		    j->event->recipient);
	return charges->mark_count > before;
}

/* True when it refuses and nothing further is to be asked. */
static bool
judge_check(struct judgement *j, const struct rule *rule)
{
	struct finding found = { .zone = "" };
	const struct check_input input = {
		.rule = rule,
		.config = j->config,
		.session = j->session,
		.recipient = j->event->recipient,
		.stage = j->event->stage,
		.occasion = &j->occasion,
		.dns = j->facts->dns,
		.found = &found,
	};

	if (!judge_is_due(j, rule)) {
		if (j->event->stage < STAGE_RCPT ||
		    rule->check->stage > j->event->stage)
			judge_note(j, rule, OUTCOME_LATER, -1);
		return false;
	}
	if (judge_is_idle(j, rule))
		return false;
	switch (ask_check(j, rule, &input)) {
	case SAID_NO:
		if (!asks_marks(j, rule))
			judge_note(j, rule, OUTCOME_PASSES, -1);
		return false;
	case SAID_LATER:
		return false;
	case SAID_FAILED:
		return judge_lookup_failure(j, rule);
	case SAID_YES:
		break;
	}
	if (rule->with.mode == MODE_OBSERVE) {
		judge_note(j, rule, OUTCOME_OBSERVED, -1);
		return false;
	}
	judge_note(j, rule, OUTCOME_REFUSES, -1);
	judge_refuse(j, rule, rule->with.reply);
	if (j->verdict->reply == rule->with.reply)
		j->verdict->found = found;
	return true;
}

/* Checks in the policy's order; true when one refuses. */
static bool
judge_checks(struct judgement *j)
{
	const struct policy *policy = j->policy;

	j->verdict->policy = policy;
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].check != NULL &&
		    judge_check(j, &policy->rules[i]))
			return true;
	return false;
}

/* A recipient that no rule of this policy asks about. */
static bool
is_always_accepted(const struct judgement *j)
{
	return j->event->recipient != NULL && list_has_path(
	    &j->policy->with.always_accept.list, j->event->recipient,
	    &j->config->folding);
}

/* Of what rules lack: what a list refuses is never asked of DNS. */
static unsigned int
wanted_facts(const struct judgement *j)
{
	return 1u << (j->awaits_lists ? FACT_lists : FACT_dns);
}

/* Our own trouble is not held against anybody. */
static bool
is_own_trouble(const struct reply *reply)
{
	return reply == reply_of(REPLY_lookup_failed) ||
	    reply == reply_of(REPLY_store_unavailable) ||
	    reply == reply_of(REPLY_config_error) ||
	    reply == reply_of(REPLY_server_busy);
}

/* What was gathered is only told, once it is known who is exempt. */
static unsigned int
wanted_or_told(const struct judgement *j)
{
	if (j->awaits_lists)
		return wanted_facts(j);
	return j->facts->charges.count > 0 ? 1u << FACT_told : 0;
}

/* A check has refused. */
static unsigned int
count_refusal(struct judgement *j)
{
	if (is_own_trouble(j->verdict->reply))
		j->is_own_trouble = true;
	if (judge_gather_refused(j, false) && !j->awaits_lists)
		return 1u << FACT_counters;
	return wanted_or_told(j);
}

/*
 * Checks first, cheapest first, then all limits at once. A check that waits
 * for answers may yet refuse before the one that refuses now.
 */
static unsigned int
judge_policy(struct judgement *j)
{
	bool refused;

	if (is_always_accepted(j)) {
		j->verdict->policy = j->policy;
		j->verdict->always_accepted = true;
		return 0;
	}
	refused = judge_checks(j);
	if (j->awaits_lists || j->awaits_dns)
		return wanted_facts(j);
	if (refused)
		return count_refusal(j);
	judge_gather(j);
	if (j->awaits_lists)
		return wanted_facts(j);
	return j->facts->charges.count + j->facts->charges.mark_count > 0 ?
	    1u << FACT_counters : 0;
}

/* A recipient that the MTA refuses: we only count. */
static unsigned int
judge_rejected(struct judgement *j)
{
	j->verdict->policy = j->policy;
	if (is_always_accepted(j))
		return 0;
	(void)judge_gather_refused(j, true);
	return wanted_or_told(j);
}

/*
 * The end of the header or of data: all policies that accepted a recipient
 * are asked again, then what the content weighs is charged. facts->charges
 * comes from the engine, made from what this message was charged so far.
 */
static unsigned int
judge_message(struct judgement *j)
{
	const struct session *session = j->session;
	bool refused;

	for (size_t i = 0; i < session->policy_count; i++) {
		j->policy = session->policies[i];
		refused = judge_checks(j);
		if (j->awaits_lists || j->awaits_dns)
			return wanted_facts(j);
		if (refused)
			return count_refusal(j);
	}
	if (j->facts->charges.count == 0)
		return 0;
	for (size_t i = 0; i < session->policy_count; i++) {
		j->policy = session->policies[i];
		judge_add_refusals(j);
	}
	return 1u << FACT_counters;
}

/* More sessions than we serve: no policy is asked. */
static bool
is_busy(const struct judgement *j)
{
	int64_t max = j->config->global.max_sessions;

	return max > 0 && j->event->sessions > max;
}

unsigned int
policy_judge(const struct config *config, const struct session *session,
    const struct event *event, struct facts *facts, struct verdict *verdict,
    struct trace *trace)
{
	struct judgement j = {
		.config = config,
		.session = session,
		.event = event,
		.facts = facts,
		.verdict = verdict,
		.trace = trace,
		.occasion = {
			.config = config,
			.session = session,
			.recipient = event->recipient,
			.lists = facts->lists,
		},
	};

	if (facts_have(facts, FACT_told))
		return 0;
	/* Counters come last: what is asked before has passed, or refused. */
	if (facts_have(facts, FACT_counters))
		return verdict->refused ? judge_refusals(&j) :
		    judge_counters(&j);
	memset(verdict, 0, sizeof(*verdict));
	facts->charges.mark_count = 0;
	if (trace != NULL)
		trace->count = 0;
	switch (event->stage) {
	case STAGE_CONNECT:
		if (is_busy(&j)) {
			judge_refuse(&j, NULL, reply_of(REPLY_server_busy));
			return 0;
		}
		break;
	case STAGE_HELO:
		if ((config->steps & STEP_HELO_REPLY) == 0)
			return 0;
		break;
	case STAGE_MAIL:
	case STAGE_RCPT:
		break;
	case STAGE_EOH:
	case STAGE_EOM:
		return judge_message(&j);
	case STAGE_ANY:
		return 0;
	}
	j.policy = policy_select(&j.occasion);
	if (note_doubt(&j))
		return 1u << FACT_lists;
	if (j.policy == NULL)
		return 0;
	return event->rejected ? judge_rejected(&j) : judge_policy(&j);
}
