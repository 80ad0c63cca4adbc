/*
 * session.c - what is known of one SMTP session, and how events change it
 */
#include "core/session.h"

#include "base/text.h"

#include <string.h>

void
session_init(struct session *session)
{
	memset(session, 0, sizeof(*session));
	session->declared_bytes = -1;
}

void
session_end_transaction(struct session *session)
{
	session->in_transaction = false;
	session->user[0] = '\0';
	session->sender.text[0] = '\0';
	session->sender.local[0] = '\0';
	session->sender.domain[0] = '\0';
	session->sender.is_null = false;
	session->sender.is_valid = false;
	session->sender.is_too_long = false;
	session->sender.is_by_grammar = false;
	session->sender.is_beyond_ascii = false;
	session->declared_bytes = -1;
	session->smtputf8 = false;
	session->received_bytes = 0;
	session->hops = 0;
	session->headers_matched = 0;
	session->recipients = 0;
	session->policy_count = 0;
}

static void
keep(char *to, size_t size, const char *from)
{
	(void)text_copy(to, size, from != NULL ? from : "");
}

static enum resolve
resolve_of(const char *text)
{
	static const char *const names[] = {
		[RESOLVE_OK] = "OK", [RESOLVE_FAIL] = "FAIL",
		[RESOLVE_FORGED] = "FORGED", [RESOLVE_TEMP] = "TEMP"
	};

	for (int i = RESOLVE_OK; text != NULL && i <= RESOLVE_TEMP; i++)
		if (text_equal_nocase(text, names[i]))
			return (enum resolve)i;
	return RESOLVE_NOT_TOLD;
}

/* Where there is no name the MTAs write "unknown" or the address. */
static void
keep_name(char to[DOMAIN_OCTETS_MAX + 1], const char *name)
{
	if (name != NULL && name[0] != '[' &&
	    !text_equal_nocase(name, "unknown"))
		keep(to, DOMAIN_OCTETS_MAX + 1, name);
	text_lower(to);
}

/*
 * The MTA's host name argument is the verified name, or the address in
 * brackets when there is none (measured on both MTAs); Postfix's macro says
 * "unknown".
 */
static void
apply_connect(struct session *session, const struct event *event)
{
	session_init(session);
	session->client = event->client;
	keep_name(session->client_name, event->client_name);
	keep_name(session->client_ptr, event->client_ptr);
	session->client_resolve = resolve_of(event->client_resolve);
	keep(session->hostname, sizeof(session->hostname), event->hostname);
	keep(session->listener, sizeof(session->listener), event->listener);
	keep(session->port, sizeof(session->port), event->port);
}

static void
apply_mail(struct session *session, const struct event *event)
{
	session_end_transaction(session);
	session->in_transaction = true;
	path_parse(event->path != NULL ? event->path : "", &session->sender);
	keep(session->user, sizeof(session->user), event->user);
	if (event->parameters == NULL)
		return;
	session->declared_bytes = session_declared_size(event->parameters);
	session->smtputf8 = session_declares_utf8(event->parameters);
}

void
session_apply(struct session *session, const struct event *event)
{
	switch (event->stage) {
	case STAGE_CONNECT:
		apply_connect(session, event);
		break;
	case STAGE_HELO:
		/* EHLO clears the transaction (RFC 5321 4.1.4). */
		session_end_transaction(session);
		keep(session->helo, sizeof(session->helo), event->helo);
		break;
	case STAGE_MAIL:
		apply_mail(session, event);
		break;
	case STAGE_RCPT:
	case STAGE_EOH:
	case STAGE_EOM:
	case STAGE_ANY:
		break;
	}
}

void
session_apply_header(struct session *session, const struct config *config,
    const char *name, const char *value)
{
	if (text_equal_nocase(name, "Received"))
		session->hops++;
	for (size_t i = 0; i < config->header_rule_count; i++) {
		const struct header_rule *rule = &config->header_rules[i];
		uint64_t bit = UINT64_C(1) << i;

		if ((session->headers_matched & bit) == 0 &&
		    text_equal_nocase(name, rule->header) &&
		    rule->pattern->matches(rule->pattern, value))
			session->headers_matched |= bit;
	}
}

void
session_accept_recipient(struct session *session, const struct policy *policy)
{
	if (session->recipients < INT32_MAX)
		session->recipients++;
	for (size_t i = 0; i < session->policy_count; i++)
		if (session->policies[i] == policy)
			return;
	if (policy != NULL && session->policy_count < MESSAGE_POLICIES_MAX)
		session->policies[session->policy_count++] = policy;
}

bool
session_is_authenticated(const struct session *session)
{
	return session->user[0] != '\0';
}

const char *
session_user_domain(const struct session *session)
{
	const char *at = strrchr(session->user, '@');

	return at != NULL ? at + 1 : "";
}

bool
session_came_to(const struct session *session, const struct strings *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		if (strcmp(listeners->at[i], session->port) == 0 ||
		    text_equal_nocase(listeners->at[i], session->listener))
			return true;
	return false;
}

bool
session_declares_utf8(const char *const parameters[])
{
	for (; *parameters != NULL; parameters++)
		if (text_equal_nocase(*parameters, "SMTPUTF8"))
			return true;
	return false;
}

int64_t
session_declared_size(const char *const parameters[])
{
	int64_t size;

	for (; *parameters != NULL; parameters++)
		if (text_equal_nocase_n(*parameters, "SIZE=", 5) &&
		    text_parse_number(*parameters + 5, INT64_MAX / 2, &size))
			return size;
	return -1;
}
