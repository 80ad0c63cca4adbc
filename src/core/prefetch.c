/*
 * prefetch.c - what DNS will be asked, as early as it is known
 *
 * The same checks that are judged later are asked now, for their questions
 * alone. What they say to it is not listened to.
 */
#include "core/policy.h"

#include "core/lookup.h"

/* No list demanded, or one has it, or may have it. */
static bool
agrees(const struct lists *lists, enum subject subject,
    const struct occasion *occasion)
{
	return lists->count == 0 ||
	    lists_have_subject(lists, subject, occasion);
}

/*
 * Can the policy still match? Authenticated sessions show at MAIL; until
 * then policies for them alone are left out, since most ask nothing. Lists
 * that are kept elsewhere are not asked here, and may have anything.
 */
static bool
may_match(const struct policy *policy, const struct occasion *occasion,
    enum stage stage)
{
	const struct match_options *match = &policy->match;
	const struct session *session = occasion->session;

	if (!policy->has_match)
		return true;
	if (match->listeners.count > 0 &&
	    !session_came_to(session, &match->listeners))
		return false;
	if (!agrees(&match->clients, SUBJECT_CLIENT, occasion))
		return false;
	if (session_is_authenticated(session) ?
	    match->authenticated == TRISTATE_FALSE :
	    match->authenticated == TRISTATE_TRUE)
		return false;
	if (stage >= STAGE_HELO &&
	    !agrees(&match->helo, SUBJECT_HELO, occasion))
		return false;
	return stage < STAGE_MAIL ||
	    (agrees(&match->users, SUBJECT_USER, occasion) &&
	    agrees(&match->senders, SUBJECT_SENDER, occasion));
}

/* It matches whatever comes: no policy behind it will speak. */
static bool
surely_matches(const struct policy *policy, enum stage stage)
{
	const struct match_options *match = &policy->match;

	if (!policy->has_match)
		return true;
	if (match->recipients.count > 0)
		return false;
	if (stage < STAGE_HELO && match->helo.count > 0)
		return false;
	return stage >= STAGE_MAIL ||
	    (match->authenticated == TRISTATE_ANY &&
	    match->users.count == 0 && match->senders.count == 0);
}

static void
ask_for(const struct policy *policy, const struct occasion *occasion,
    enum stage stage, struct dns_facts *dns)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		struct finding found;
		const struct check_input input = {
			.rule = rule,
			.config = occasion->config,
			.session = occasion->session,
			.stage = stage,
			.occasion = occasion,
			.dns = dns,
			.found = &found,
		};
		bool refuses;

		if (rule->check == NULL || rule->check->cost != COST_DNS ||
		    rule->check->stage > stage ||
		    rule->with.mode == MODE_OFF ||
		    except_has(&rule->with.except, occasion))
			continue;
		dns_facts_begin(dns);
		refuses = rule->check->refuses(&input);
		dns_facts_end(dns, refuses || !dns->is_missing);
	}
}

void
policy_prefetch(const struct config *config, const struct session *session,
    enum stage stage, struct dns_facts *dns)
{
	struct list_facts lists;
	const struct occasion occasion = {
		.config = config, .session = session, .lists = &lists
	};

	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy *policy = &config->policies[i];
		bool is_last;

		list_facts_init(&lists);
		if (!may_match(policy, &occasion, stage) ||
		    except_has(&policy->with.except, &occasion))
			continue;
		is_last = surely_matches(policy, stage) &&
		    !lists.doubt.is_missing;
		ask_for(policy, &occasion, stage, dns);
		if (is_last)
			break;
	}
}
