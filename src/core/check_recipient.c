/*
 * check_recipient.c - checks of one recipient
 */
#include "core/check.h"
#include "core/lookup.h"

bool
check_too_many_recipients(const struct check_input *input)
{
	return input->session->recipients >= input->rule->checks.max;
}

/*
 * <postmaster> alone is always a valid recipient (RFC 5321 4.1.1.3), so it
 * is refused only when it is on a list.
 */
static bool
is_user_at_domain(const struct path *path)
{
	return path->is_valid && path->local[0] != '\0' &&
	    (path->domain[0] != '\0' ||
	    domain_equal(path->local, "postmaster"));
}

bool
check_recipient_denied(const struct check_input *input)
{
	return !is_user_at_domain(input->recipient) ||
	    lists_have_subject(&input->rule->checks.lists, SUBJECT_RECIPIENT,
	    input->config, input->session, input->recipient);
}

/*
 * A recipient without a domain is local to the MTA; one that cannot be taken
 * apart is not taken on trust. "user%other@ours" and "other!user@ours" are
 * left to the MTA, which knows how it reads them.
 */
bool
check_recipient_relay_denied(const struct check_input *input)
{
	if (session_is_authenticated(input->session))
		return false;
	if (!input->recipient->is_valid)
		return true;
	if (input->recipient->domain[0] == '\0')
		return false;
	return !lists_have_subject(&input->rule->checks.lists,
	    SUBJECT_RECIPIENT, input->config, input->session,
	    input->recipient);
}
