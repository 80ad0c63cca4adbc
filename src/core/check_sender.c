/*
 * check_sender.c - checks of the authenticated user and the sender
 */
#include "core/check.h"
#include "core/lookup.h"

#include <string.h>

/*
 * Of both paths of the transaction: at MAIL there is no recipient yet. RFC
 * 6531 3.5 has the same reply for either.
 */
bool
check_sender_utf8_undeclared(const struct check_input *input)
{
	const struct session *session = input->session;

	return !session->smtputf8 && (session->sender.is_beyond_ascii ||
	    (input->recipient != NULL && input->recipient->is_beyond_ascii));
}

/* That it has no domain is left to sender_not_fqdn. */
bool
check_sender_bad_syntax(const struct check_input *input)
{
	return !input->session->sender.is_by_grammar;
}

bool
check_sender_not_fqdn(const struct check_input *input)
{
	return !input->session->sender.is_null &&
	    !path_is_qualified(&input->session->sender);
}

bool
check_sender_null_authenticated(const struct check_input *input)
{
	return input->session->sender.is_null &&
	    session_is_authenticated(input->session);
}

bool
check_auth_required(const struct check_input *input)
{
	const struct check_options *options = &input->rule->checks;

	if (session_is_authenticated(input->session))
		return false;
	if (options->lists.count == 0 && options->listeners.count == 0)
		return true;
	return session_came_to(input->session, &options->listeners) ||
	    lists_have_subject(&options->lists, SUBJECT_SENDER,
	    input->occasion);
}

bool
check_user_suspended(const struct check_input *input)
{
	return lists_have_subject(&input->rule->checks.lists, SUBJECT_USER,
	    input->occasion);
}

bool
check_sender_denied(const struct check_input *input)
{
	return lists_have_subject(&input->rule->checks.lists, SUBJECT_SENDER,
	    input->occasion);
}

/* Everybody has a postmaster (RFC 5321 4.5.1), listed or not. */
bool
check_sender_unknown(const struct check_input *input)
{
	const struct check_options *options = &input->rule->checks;
	const struct path *sender = &input->session->sender;

	return lists_have_subject(&options->lists, SUBJECT_SENDER,
	    input->occasion) &&
	    !path_is_postmaster(sender) &&
	    !mailbox_exists(&options->mailboxes, options->map, sender,
	    input->occasion);
}

/* Is the login itself the mailbox that the user sends as? */
static bool
user_is_sender(const struct check_input *input)
{
	const struct folding *folding = &input->config->folding;
	char sender[2 * PATH_OCTETS_MAX + 2], login[2 * PATH_OCTETS_MAX + 2];
	struct path path;

	path_parse(input->session->user, &path);
	(void)path_mailbox(&path, folding->fold_case, folding->separator,
	    login, sizeof(login));
	(void)path_mailbox(&input->session->sender, folding->fold_case,
	    folding->separator, sender, sizeof(sender));
	return path.is_valid && !path.is_too_long &&
	    !input->session->sender.is_too_long && strcmp(sender, login) == 0;
}

/* <> is nobody's: sender_null_authenticated is there for it. */
bool
check_sender_not_owned(const struct check_input *input)
{
	const struct session *session = input->session;
	const struct check_options *options = &input->rule->checks;
	const struct folding *folding = &input->config->folding;
	const char *owners;

	if (!session_is_authenticated(session) || session->sender.is_null)
		return false;
	if (options->self && user_is_sender(input))
		return false;
	owners = lookup_map(options->map, &session->sender, input->occasion);
	return owners == NULL || !map_value_has(owners, session->user,
	    folding->fold_case);
}

bool
check_sender_not_logged_in(const struct check_input *input)
{
	return !session_is_authenticated(input->session) &&
	    lists_have_subject(&input->rule->checks.lists, SUBJECT_SENDER,
	    input->occasion);
}
