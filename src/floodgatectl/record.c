/*
 * record.c - what happened at one command, as a document
 */
#include "floodgatectl/record.h"

#include "base/text.h"
#include "io/idn.h"
#include "io/inspect.h"
#include "io/utc.h"

#include <string.h>

static json_t *
describe_rule(const struct rule *rule)
{
	return json_pack("{s:s, s:o, s:o, s:i}",
	    "kind", rule->check != NULL ? "check" : "limit",
	    "name", inspect_text(rule->name),
	    "file", inspect_text(rule->origin.file),
	    "line", rule->origin.line);
}

static json_t *
describe_policy(const struct policy *policy)
{
	return json_pack("{s:o, s:o, s:i}",
	    "name", inspect_text(policy->name),
	    "file", inspect_text(policy->origin.file),
	    "line", policy->origin.line);
}

/* The windows of a limit, as the store answered. */
static json_t *
describe_counters(const struct facts *facts, const struct rule *rule,
    size_t first)
{
	const struct charges *charges = &facts->charges;
	json_t *all = json_array();

	for (size_t i = first; i < charges->count &&
	    charges->at[i].rule == rule; i++) {
		json_t *counter = json_pack("{s:s, s:s, s:I}",
		    "subject", charges->at[i].subject,
		    "field", charges->at[i].field,
		    "max", (json_int_t)charge_max(charges, &facts->counters,
		    i));

		if (facts->counters.status != CHARGE_UNAVAILABLE &&
		    i < facts_counted(facts))
			(void)json_object_set_new(counter, "used",
			    json_integer((json_int_t)
			    facts->counters.used[i]));
		(void)json_array_append_new(all, counter);
	}
	return all;
}

static json_t *
describe_steps(const struct trace *trace, const struct facts *facts)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < trace->count; i++) {
		const struct step_taken *taken = &trace->steps[i];
		json_t *step = describe_rule(taken->rule);

		(void)json_object_set_new(step, "outcome",
		    json_string(outcome_names[taken->outcome]));
		if (taken->charge >= 0)
			(void)json_object_set_new(step, "counters",
			    describe_counters(facts, taken->rule,
			    (size_t)taken->charge));
		(void)json_array_append_new(steps, step);
	}
	return steps;
}

/* Rules of the trace that ended so. */
static json_t *
rules_with_outcome(const struct trace *trace, enum outcome outcome)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < trace->count; i++)
		if (trace->steps[i].outcome == outcome)
			(void)json_array_append_new(rules,
			    describe_rule(trace->steps[i].rule));
	return rules;
}

static void
set_unless_empty(json_t *record, const char *name, json_t *array)
{
	if (json_array_size(array) > 0)
		(void)json_object_set_new(record, name, array);
	else
		json_decref(array);
}

/* Would the one policy speak? Its lists in Redis are asked, too. */
static bool
is_selected(const struct judged *judged, const struct config *one,
    const struct path *recipient)
{
	struct list_lookup lists;
	const struct occasion occasion = {
		.config = one, .session = judged->session,
		.recipient = recipient, .lists = &lists.facts
	};
	bool selected;

	list_lookup_begin(&lists);
	while (selected = policy_select(&occasion) != NULL,
	    lists.facts.doubt.is_missing)
		conversation_ask_lists(judged->conversation, &lists,
		    judged->event->now_ms);
	list_lookup_end(&lists);
	return selected;
}

/* What of its match, or its except, keeps this policy from speaking? */
static const char *
why_passed_over(const struct judged *judged, const struct policy *policy,
    const struct path *recipient)
{
	struct policy lone = *policy;
	struct config one = *judged->config;

	one.policies = &lone;
	one.policy_count = 1;
	memset(&lone.with.except, 0, sizeof(lone.with.except));
#define OPTION_MATCH(type, name, ...)					\
	memset(&lone.match, 0, sizeof(lone.match));			\
	lone.match.name = policy->match.name;				\
	if (policy->has_match && !is_selected(judged, &one, recipient))	\
		return "match " #name;
#include "core/option.def"
	return "except";
}

static json_t *
describe_passed_over(const struct judged *judged, const struct path *recipient)
{
	const struct config *config = judged->config;
	const struct policy *spoke = judged->answer->verdict.policy;
	json_t *all = json_array();

	for (size_t i = 0; i < config->policy_count &&
	    &config->policies[i] != spoke; i++) {
		const struct policy *policy = &config->policies[i];
		json_t *passed = describe_policy(policy);

		(void)json_object_set_new(passed, "because", json_string(
		    why_passed_over(judged, policy, recipient)));
		(void)json_array_append_new(all, passed);
	}
	return all;
}

static const char *
accepting_reply(enum stage stage)
{
	return stage == STAGE_CONNECT ? "220 ok" : "250 ok";
}

static void
add_reply(json_t *record, enum stage stage, const struct answer *answer)
{
	char line[REPLY_LINE_OCTETS_MAX];
	struct text text;

	if (answer->kind == ANSWER_CONTINUE) {
		(void)json_object_set_new(record, "reply",
		    json_string(accepting_reply(stage)));
		return;
	}
	TEXT_INIT(&text, line);
	text_put(&text, answer->reply.code);
	text_put_char(&text, ' ');
	text_put(&text, answer->reply.enhanced);
	text_put_char(&text, ' ');
	text_put(&text, answer->reply.text);
	(void)json_object_set_new(record, "reply", inspect_text(line));
	(void)json_object_set_new(record, "ref", json_string(answer->ref));
}

/* The stages at which a policy is selected. */
static bool
selects_policy(enum stage stage)
{
	return stage == STAGE_CONNECT || stage == STAGE_MAIL ||
	    stage == STAGE_RCPT;
}

json_t *
record_new(const char *session, int64_t now_ms, const char *answer)
{
	char now[UTC_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s}",
	    "session", session,
	    "time", utc_format(now_ms, now),
	    "answer", answer);
}

void
record_add_event(json_t *record, const struct judged *judged)
{
	const struct event *event = judged->event;
	const struct verdict *verdict = &judged->answer->verdict;
	struct path recipient;

	(void)json_object_set_new(record, "stage",
	    json_string(stage_name(event->stage)));
	add_reply(record, event->stage, judged->answer);
	if (verdict->policy != NULL)
		(void)json_object_set_new(record, "policy",
		    describe_policy(verdict->policy));
	if (verdict->always_accepted)
		(void)json_object_set_new(record, "always_accepted",
		    json_true());
	if (verdict->rule != NULL)
		(void)json_object_set_new(record, "rule",
		    describe_rule(verdict->rule));
	set_unless_empty(record, "observed", rules_with_outcome(judged->trace,
	    OUTCOME_OBSERVED));
	set_unless_empty(record, "failed", rules_with_outcome(judged->trace,
	    OUTCOME_ACCEPTED_ON_FAILURE));
	set_unless_empty(record, "steps", describe_steps(judged->trace,
	    judged->facts));
	if (!selects_policy(event->stage))
		return;
	if (event->stage == STAGE_RCPT) {
		path_parse(event->path != NULL ? event->path : "", &recipient);
		idn_fold_path(&recipient);
	}
	set_unless_empty(record, "passed_over", describe_passed_over(judged,
	    event->stage == STAGE_RCPT ? &recipient : NULL));
}
