/*
 * lookup.c - is this part of a session on one of these lists?
 */
#include "core/lookup.h"

#include "base/text.h"

/*
 * A HELO name, or the address of a literal, "[192.0.2.1]" or
 * "[IPv6:2001:db8::1]" (RFC 5321 4.1.3), or a bare address.
 */
static bool
list_has_helo(const struct list *list, const char *helo)
{
	char literal[IP_TEXT_SIZE];
	struct ip ip;
	const char *from = helo;
	size_t length;

	if (list_has_domain(list, helo))
		return true;
	if (domain_is_literal(helo)) {
		from++;
		if (text_equal_nocase_n(from, "IPv6:", 5))
			from += 5;
	}
	if (!text_copy(literal, sizeof(literal), from))
		return false;
	length = 0;
	while (literal[length] != '\0' && literal[length] != ']')
		length++;
	literal[length] = '\0';
	return ip_parse(literal, &ip) && list_has_ip(list, &ip);
}

static bool
list_has_client(const struct list *list, const struct session *session)
{
	return list_has_ip(list, &session->client) ||
	    (session->client_name[0] != '\0' &&
	    list_has_domain(list, session->client_name));
}

static bool
list_has_login(const struct list *list, const struct config *config,
    const struct session *session)
{
	return session_is_authenticated(session) &&
	    list_has_user(list, session->user, &config->folding);
}

bool
list_has_subject(const struct list *list, enum subject subject,
    const struct config *config, const struct session *session,
    const struct path *recipient)
{
	switch (subject) {
	case SUBJECT_CLIENT_OR_USER:
		return list_has_client(list, session) ||
		    list_has_login(list, config, session);
	case SUBJECT_CLIENT:
		return list_has_client(list, session);
	case SUBJECT_USER:
		return list_has_login(list, config, session);
	case SUBJECT_HELO:
		return session->helo[0] != '\0' &&
		    list_has_helo(list, session->helo);
	case SUBJECT_SENDER:
		return session->in_transaction && !session->sender.is_null &&
		    list_has_path(list, &session->sender, &config->folding);
	case SUBJECT_RECIPIENT:
		return recipient != NULL &&
		    list_has_path(list, recipient, &config->folding);
	case SUBJECT_COUNT:
		break;
	}
	return false;
}

bool
lists_have_subject(const struct lists *lists, enum subject subject,
    const struct config *config, const struct session *session,
    const struct path *recipient)
{
	for (size_t i = 0; i < lists->count; i++)
		if (list_has_subject(lists->at[i], subject, config, session,
		    recipient))
			return true;
	return false;
}

bool
mailbox_exists(const struct lists *lists, const struct map *map,
    const struct path *path, const struct folding *folding)
{
	for (size_t i = 0; i < lists->count; i++)
		if (name_table_has_mailbox(&lists->at[i]->names, path,
		    folding))
			return true;
	return map != NULL && name_table_has_mailbox(&map->names, path,
	    folding);
}
