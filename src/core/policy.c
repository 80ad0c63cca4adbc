/*
 * policy.c - which policy speaks to this event, and what it says
 */
#include "core/policy.h"

#include "core/lookup.h"

#include "base/text.h"

#include <assert.h>
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

/* What several questions to lists have in common: a match, or all of them. */
struct agreement {
	const struct occasion *occasion;
	struct list_doubt doubt;	/* of all of them */
	bool is_no;		/* as far as is known */
};

/*
 * False when it is certain that none of the lists has it: then nothing else
 * matters. What cannot be asked is a no that is in doubt, what is not asked
 * yet may be a yes.
 */
static bool
may_agree(struct agreement *agreement, const struct lists *lists,
    enum subject subject)
{
	struct list_facts *facts = agreement->occasion->lists;
	bool has;

	if (lists->count == 0)
		return true;
	if (facts == NULL)
		return lists_have_subject(lists, subject,
		    agreement->occasion);
	list_doubt_clear(&facts->doubt);
	has = lists_have_subject(lists, subject, agreement->occasion);
	if (!has && !list_doubt_is_trouble(&facts->doubt)) {
		list_doubt_clear(&agreement->doubt);
		return false;
	}
	list_doubt_add(&agreement->doubt, &facts->doubt);
	agreement->is_no |= !has;
	return true;
}

static bool
match_agrees(const struct match_options *match, struct agreement *agreement)
{
	const struct session *session = agreement->occasion->session;
	bool authenticated = session_is_authenticated(session);

	if (match->authenticated == TRISTATE_TRUE && !authenticated)
		return false;
	if (match->authenticated == TRISTATE_FALSE && authenticated)
		return false;
	if (match->listeners.count > 0 &&
	    !session_came_to(session, &match->listeners))
		return false;
	return may_agree(agreement, &match->clients, SUBJECT_CLIENT) &&
	    may_agree(agreement, &match->users, SUBJECT_USER) &&
	    may_agree(agreement, &match->helo, SUBJECT_HELO) &&
	    may_agree(agreement, &match->senders, SUBJECT_SENDER) &&
	    may_agree(agreement, &match->recipients, SUBJECT_RECIPIENT) &&
	    !agreement->is_no;
}

/* True also while answers are wanted: see the doubt. */
static bool
policy_agrees(const struct policy *policy, const struct occasion *occasion,
    struct list_doubt *doubt)
{
	struct agreement agreement = { .occasion = occasion };
	struct list_facts *facts = occasion->lists;
	bool agrees = !policy->has_match ||
	    match_agrees(&policy->match, &agreement);

	if (agrees) {
		if (facts != NULL)
			list_doubt_clear(&facts->doubt);
		agrees = !except_has(&policy->with.except, occasion);
		if (facts != NULL)
			list_doubt_add(&agreement.doubt, &facts->doubt);
	}
	*doubt = agreement.doubt;
	return agrees;
}

const struct policy *
policy_select(const struct occasion *occasion)
{
	const struct config *config = occasion->config;
	const struct policy *found = NULL;
	struct list_doubt sum, doubt;

	list_doubt_clear(&sum);
	for (size_t i = 0; i < config->policy_count && found == NULL; i++) {
		if (policy_agrees(&config->policies[i], occasion, &doubt) &&
		    !doubt.is_missing)
			found = &config->policies[i];
		list_doubt_add(&sum, &doubt);
	}
	if (occasion->lists != NULL)
		occasion->lists->doubt = sum;
	return found;
}

static unsigned int
check_spoken_at(const struct policy *policy, const struct check_row *check)
{
	unsigned int stages = 0;

	if (policy->with.speak == SPEAK_EARLY && check->stage <= STAGE_MAIL)
		stages |= 1u << STAGE_MAIL;
	if (check->stage <= STAGE_RCPT)
		stages |= 1u << STAGE_RCPT;
	if (check->stage == STAGE_EOH)
		stages |= 1u << STAGE_EOH;
	if (check->stage == STAGE_EOM || (check->steps & STEP_CONTENT) != 0)
		stages |= 1u << STAGE_EOM;
	return stages;
}

unsigned int
rule_spoken_at(const struct policy *policy, const struct rule *rule)
{
	if (rule->check != NULL)
		return check_spoken_at(policy, rule->check);
	switch (rule->limits.count) {
	case COUNT_connections:
	case COUNT_open_connections:
		return 1u << STAGE_CONNECT;
	case COUNT_bytes:
		return 1u << STAGE_RCPT | 1u << STAGE_EOM;
	case COUNT_messages:
	case COUNT_recipients:
	case COUNT_COUNT:
		break;
	}
	return 1u << STAGE_RCPT;
}

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
};

static void
note(struct judgement *j, const struct rule *rule, enum outcome outcome,
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
static void
refuse(struct judgement *j, const struct rule *rule, const struct reply *reply)
{
	j->verdict->refused = true;
	j->verdict->rule = rule;
	j->verdict->reply = j->verdict->in_doubt && reply_is_permanent(reply) ?
	    reply_of(REPLY_lookup_failed) : reply;
}

/* Off, or exempt: said once for checks and limits alike. */
static bool
rule_is_idle(struct judgement *j, const struct rule *rule)
{
	if (rule->with.mode == MODE_OFF) {
		note(j, rule, OUTCOME_OFF, -1);
		return true;
	}
	clear_doubt(j);
	if (except_has(&rule->with.except, &j->occasion)) {
		note(j, rule, OUTCOME_EXEMPT, -1);
		return true;
	}
	(void)note_doubt(j);
	return false;
}

/* Can this check be decided at the stage we are at? */
static bool
check_is_due(const struct judgement *j, const struct rule *rule)
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
		note(j, rule, OUTCOME_ACCEPTED_ON_FAILURE, -1);
		return false;
	}
	note(j, rule, OUTCOME_REFUSES, -1);
	refuse(j, rule, reply_of(REPLY_lookup_failed));
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

	if (!check_is_due(j, rule)) {
		if (j->event->stage < STAGE_RCPT ||
		    rule->check->stage > j->event->stage)
			note(j, rule, OUTCOME_LATER, -1);
		return false;
	}
	if (rule_is_idle(j, rule))
		return false;
	switch (ask_check(j, rule, &input)) {
	case SAID_NO:
		if (!asks_marks(j, rule))
			note(j, rule, OUTCOME_PASSES, -1);
		return false;
	case SAID_LATER:
		return false;
	case SAID_FAILED:
		return judge_lookup_failure(j, rule);
	case SAID_YES:
		break;
	}
	if (rule->with.mode == MODE_OBSERVE) {
		note(j, rule, OUTCOME_OBSERVED, -1);
		return false;
	}
	note(j, rule, OUTCOME_REFUSES, -1);
	refuse(j, rule, rule->with.reply);
	if (j->verdict->reply == rule->with.reply)
		j->verdict->found = found;
	return true;
}

/*
 * What a limit adds at this stage, or -1: nothing. Octets that MAIL did not
 * declare are 0 here, and charged at the end of data by the engine, which
 * keeps what this message has been charged.
 */
static int64_t
limit_weight(const struct judgement *j, const struct rule *rule)
{
	bool connect = j->event->stage == STAGE_CONNECT;

	if (!connect && j->event->stage != STAGE_RCPT)
		return -1;
	switch (rule->limits.count) {
	case COUNT_connections:
	case COUNT_open_connections:
		return connect ? 1 : -1;
	case COUNT_messages:
	case COUNT_recipients:
		return connect ? -1 : 1;
	case COUNT_bytes:
		if (connect)
			return -1;
		return j->session->declared_bytes > 0 ?
		    j->session->declared_bytes : 0;
	case COUNT_COUNT:
		break;
	}
	return -1;
}

/* Gather what all limits would charge. */
static void
gather_charges(struct judgement *j)
{
	struct charges *charges = &j->facts->charges;

	charges->count = 0;
	for (size_t i = 0; i < j->policy->rule_count; i++) {
		const struct rule *rule = &j->policy->rules[i];
		size_t before = charges->count;
		int64_t weight;

		if (rule->check != NULL)
			continue;
		weight = limit_weight(j, rule);
		if (weight < 0 || rule_is_idle(j, rule))
			continue;
		charges_add(charges, rule, j->config, j->session,
		    j->event->recipient, weight);
		if (charges->count == before)
			note(j, rule, OUTCOME_NOT_ASKED, -1);
	}
}

/*
 * --- when the store did not answer ---
 *
 * `on_failure` of each limit, in one place: what defers refuses at once,
 * what accepts passes, and the rest is asked of the embedded store, all or
 * none.
 */

static bool
has_fact(const struct facts *facts, enum fact fact)
{
	return (facts->have & (1u << fact)) != 0;
}

size_t
facts_counted(const struct facts *facts)
{
	if (has_fact(facts, FACT_local_counters))
		return facts->local_count;
	return facts->charges.count;
}

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
		note(j, rule, OUTCOME_REFUSES, charge);
		refuse(j, rule, reply_of(j->facts->counters.misset ?
		    REPLY_config_error : REPLY_store_unavailable));
	} else
		note(j, rule, OUTCOME_ACCEPTED_ON_FAILURE, charge);
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
	return 0;
}

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

	if (has_fact(facts, FACT_local_counters) &&
	    reply_is_permanent(reply) && used <= max &&
	    charge->weight <= max - used)
		return reply_of(REPLY_store_unavailable);
	return reply;
}

/* Does any window of an observed limit hold more than it may? */
static bool
observed_limit_is_over(const struct facts *facts, size_t first)
{
	const struct charges *charges = &facts->charges;

	for (size_t i = first; i < charges->count &&
	    charges->at[i].rule == charges->at[first].rule; i++)
		if (charges->at[i].observe &&
		    facts->counters.used[i] >
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
			note(j, rule, OUTCOME_REFUSES, -1);
			refuse(j, rule, rule->with.reply);
			return true;
		}
		note(j, rule, rule->with.mode == MODE_OBSERVE &&
		    is_marked(j->facts, i) ? OUTCOME_OBSERVED :
		    OUTCOME_PASSES, -1);
	}
	return false;
}

static const struct rule *
judge_full_limit(struct judgement *j)
{
	const struct charges *charges = &j->facts->charges;
	const struct charge_answer *answer = &j->facts->counters;
	const struct charge *charge = &charges->at[answer->refused];

	assert(answer->refused < facts_counted(j->facts));
	j->verdict->charge = charge;
	j->verdict->used = answer->used[answer->refused];
	j->verdict->max = charge_max(charges, answer, answer->refused);
	j->verdict->retry_ms = answer->retry_ms;
	refuse(j, charge->rule, limit_reply(j->facts, charge,
	    j->verdict->used, j->verdict->max));
	return charge->rule;
}

static unsigned int
judge_counters(struct judgement *j)
{
	const struct charges *charges = &j->facts->charges;
	const struct charge_answer *answer = &j->facts->counters;
	const struct rule *refusing = NULL;
	size_t counted = facts_counted(j->facts);

	if (answer->status == CHARGE_UNAVAILABLE &&
	    !has_fact(j->facts, FACT_local_counters))
		return judge_failure(j);
	if (answer->status == CHARGE_UNAVAILABLE) {
		fail_marks(j, false);
		apply_on_failure(j, 0, counted);
		return 0;
	}
	if (judge_marks(j))
		return 0;
	if (answer->status == CHARGE_REFUSED)
		refusing = judge_full_limit(j);
	for (size_t i = 0; i < counted; i++) {
		const struct rule *rule = charges->at[i].rule;

		if (i > 0 && charges->at[i - 1].rule == rule)
			continue;
		if (rule == refusing)
			note(j, rule, OUTCOME_REFUSES, (int)i);
		else if (observed_limit_is_over(j->facts, i))
			note(j, rule, OUTCOME_OBSERVED, (int)i);
		else
			note(j, rule, OUTCOME_PASSES, (int)i);
	}
	return 0;
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
		return 0;
	gather_charges(j);
	if (j->awaits_lists)
		return wanted_facts(j);
	return j->facts->charges.count + j->facts->charges.mark_count > 0 ?
	    1u << FACT_counters : 0;
}

/*
 * The end of the header or of data: all policies that accepted a recipient
 * are asked again, then what the content weighs is charged. facts->charges
 * comes from the engine, made from what this message was charged so far.
 */
static unsigned int
judge_message(struct judgement *j)
{
	bool refused;

	for (size_t i = 0; i < j->session->policy_count; i++) {
		j->policy = j->session->policies[i];
		refused = judge_checks(j);
		if (j->awaits_lists || j->awaits_dns)
			return wanted_facts(j);
		if (refused)
			return 0;
	}
	return j->facts->charges.count > 0 ? 1u << FACT_counters : 0;
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

	/* Counters come last: everything before has passed already. */
	if (has_fact(facts, FACT_counters))
		return judge_counters(&j);
	memset(verdict, 0, sizeof(*verdict));
	facts->charges.mark_count = 0;
	if (trace != NULL)
		trace->count = 0;
	switch (event->stage) {
	case STAGE_CONNECT:
		if (is_busy(&j)) {
			refuse(&j, NULL, reply_of(REPLY_server_busy));
			return 0;
		}
		/* fall through */
	case STAGE_MAIL:
	case STAGE_RCPT:
		j.policy = policy_select(&j.occasion);
		if (note_doubt(&j))
			return 1u << FACT_lists;
		return j.policy != NULL ? judge_policy(&j) : 0;
	case STAGE_EOH:
	case STAGE_EOM:
		return judge_message(&j);
	case STAGE_HELO:
	case STAGE_ANY:
		break;
	}
	return 0;
}

/* What the lists of an `except` look up. */
static unsigned int
except_steps(const struct except *except)
{
	for (size_t i = 0; i < except->count; i++)
		if (except->at[i].subject == SUBJECT_HELO)
			return STEP_HELO;
	return 0;
}

static unsigned int
limit_steps(const struct rule *rule)
{
	unsigned int steps = 0;

	for (size_t i = 0; i < rule->limits.per.count; i++)
		if (rule->limits.per.at[i] == KEY_helo)
			steps |= STEP_HELO;
	switch (rule->limits.count) {
	case COUNT_connections:
	case COUNT_open_connections:
		steps |= STEP_CONNECT_REPLY;
		break;
	case COUNT_bytes:
		steps |= STEP_CONTENT;
		break;
	case COUNT_messages:
	case COUNT_recipients:
	case COUNT_COUNT:
		break;
	}
	return steps;
}

static unsigned int
rule_steps(const struct rule *rule, const struct policy *policy)
{
	unsigned int steps = except_steps(&rule->with.except);

	if (rule->with.mode == MODE_OFF)
		return 0;
	if ((reply_fields(rule->with.reply) & (UINT32_C(1) << FIELD_helo)) != 0)
		steps |= STEP_HELO;
	if (rule->check == NULL)
		return steps | limit_steps(rule);
	if (policy->with.speak == SPEAK_EARLY &&
	    rule->check->stage <= STAGE_MAIL)
		steps |= STEP_MAIL_REPLY;
	return steps | rule->check->steps;
}

unsigned int
policy_steps(const struct config *config)
{
	unsigned int steps = config->global.max_sessions > 0 ?
	    STEP_CONNECT_REPLY : 0;

	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy *policy = &config->policies[i];

		steps |= except_steps(&policy->with.except);
		if (policy->has_match && policy->match.helo.count > 0)
			steps |= STEP_HELO;
		for (size_t k = 0; k < policy->rule_count; k++)
			steps |= rule_steps(&policy->rules[k], policy);
	}
	return steps;
}
