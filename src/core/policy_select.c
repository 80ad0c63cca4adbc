/*
 * policy_select.c - which policy speaks to this event
 */
#include "core/policy.h"

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
