/*
 * check_recipient.c - checks of one recipient
 */
#include "core/check.h"
#include "core/lookup.h"

/*
 * <> is no forward-path. That a local part has no domain is left to
 * recipient_not_fqdn.
 */
bool
check_recipient_bad_syntax(const struct check_input *input)
{
	return input->recipient->is_null || !input->recipient->is_by_grammar;
}

/* <postmaster> alone is always valid (RFC 5321 4.1.1.3). */
bool
check_recipient_not_fqdn(const struct check_input *input)
{
	const struct path *recipient = input->recipient;

	if (recipient->domain[0] == '\0' && path_is_postmaster(recipient))
		return false;
	return !path_is_qualified(recipient);
}

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
	    (path->domain[0] != '\0' || path_is_postmaster(path));
}

bool
check_recipient_denied(const struct check_input *input)
{
	return !is_user_at_domain(input->recipient) ||
	    lists_have_subject(&input->rule->checks.lists, SUBJECT_RECIPIENT, input->occasion);
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
	    SUBJECT_RECIPIENT, input->occasion);
}

static bool
is_recipient_of(const struct check_input *input, const struct lists *lists)
{
	return lists_have_subject(lists, SUBJECT_RECIPIENT, input->occasion);
}

/*
 * Mail for the postmaster of a domain is always taken (RFC 5321 4.5.1); if
 * there is none, the MTA will know.
 */
bool
check_recipient_unknown(const struct check_input *input)
{
	const struct check_options *options = &input->rule->checks;

	return is_recipient_of(input, &options->lists) &&
	    !path_is_postmaster(input->recipient) &&
	    !mailbox_exists(&options->mailboxes, options->map,
	    input->recipient, input->occasion);
}

bool
check_recipient_mailbox_full(const struct check_input *input)
{
	return is_recipient_of(input, &input->rule->checks.lists);
}

bool
check_recipient_restricted(const struct check_input *input)
{
	const struct check_options *options = &input->rule->checks;

	if (!is_recipient_of(input, &options->lists) ||
	    (options->authenticated &&
	    session_is_authenticated(input->session)))
		return false;
	return !lists_have_subject(&options->senders, SUBJECT_SENDER,
	    input->occasion);
}
