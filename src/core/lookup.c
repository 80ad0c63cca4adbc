/*
 * lookup.c - is this part of a session on one of these lists?
 */
#include "core/lookup.h"

#include "base/text.h"

/* --- sources elsewhere: the same questions, asked */

static const struct list_answer *
ask(const struct list_source *source, struct list_question question,
    const struct occasion *occasion)
{
	question.source = source;
	if (source == NULL || occasion->lists == NULL)
		return NULL;
	return list_ask(occasion->lists, &question);
}

static bool
source_has(const struct list *list, struct list_question question,
    const struct occasion *occasion)
{
	const struct list_answer *answer = ask(list->source, question,
	    occasion);

	return answer != NULL && answer->status == LIST_FOUND;
}

static bool
source_has_ip(const struct list *list, const struct ip *ip,
    const struct occasion *occasion)
{
	return ip->family != IP_NONE && source_has(list,
	    (struct list_question){ .kind = LIST_KIND_IP, .ip = *ip },
	    occasion);
}

static bool
source_has_domain(const struct list *list, const char *domain,
    const struct occasion *occasion)
{
	return source_has(list, (struct list_question){
		.kind = LIST_KIND_DOMAIN, .text = domain }, occasion);
}

static bool
source_has_path(const struct list *list, const struct path *path,
    enum list_kind kind, const struct occasion *occasion)
{
	return path->is_valid && !path->is_null && source_has(list,
	    (struct list_question){ .kind = kind, .path = path }, occasion);
}

/* --- parts of a session */

/*
 * The address of a HELO literal, "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC
 * 5321 4.1.3), or a bare address.
 */
static bool
helo_address(const char *helo, struct ip *ip)
{
	char literal[IP_TEXT_SIZE];
	const char *from = helo;
	size_t length;

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
	return ip_parse(literal, ip);
}

static bool
has_client(const struct list *list, const struct session *session)
{
	return list_has_ip(list, &session->client) ||
	    (session->client_name[0] != '\0' &&
	    list_has_domain(list, session->client_name));
}

static bool
has_login(const struct list *list, const struct occasion *occasion)
{
	return session_is_authenticated(occasion->session) &&
	    list_has_user(list, occasion->session->user,
	    &occasion->config->folding);
}

static bool
has_helo(const struct list *list, const char *helo)
{
	struct ip ip;

	return helo[0] != '\0' && (list_has_domain(list, helo) ||
	    (helo_address(helo, &ip) && list_has_ip(list, &ip)));
}

/* By what is in memory. */
static bool
has_here(const struct list *list, enum subject subject,
    const struct occasion *occasion)
{
	const struct session *session = occasion->session;
	const struct folding *folding = &occasion->config->folding;

	switch (subject) {
	case SUBJECT_CLIENT_OR_USER:
		return has_client(list, session) || has_login(list, occasion);
	case SUBJECT_CLIENT:
		return has_client(list, session);
	case SUBJECT_USER:
		return has_login(list, occasion);
	case SUBJECT_HELO:
		return has_helo(list, session->helo);
	case SUBJECT_SENDER:
		return session->in_transaction && !session->sender.is_null &&
		    list_has_path(list, &session->sender, folding);
	case SUBJECT_RECIPIENT:
		return occasion->recipient != NULL &&
		    list_has_path(list, occasion->recipient, folding);
	case SUBJECT_COUNT:
		break;
	}
	return false;
}

/* Both are asked, also when the first has not been answered yet. */
static bool
source_has_client(const struct list *list, const struct occasion *occasion)
{
	const struct session *session = occasion->session;

	return source_has_ip(list, &session->client, occasion) ||
	    (session->client_name[0] != '\0' &&
	    source_has_domain(list, session->client_name, occasion));
}

static bool
source_has_login(const struct list *list, const struct occasion *occasion)
{
	return session_is_authenticated(occasion->session) &&
	    source_has(list, (struct list_question){ .kind = LIST_KIND_USER,
		.text = occasion->session->user }, occasion);
}

static bool
source_has_helo(const struct list *list, const struct occasion *occasion)
{
	const char *helo = occasion->session->helo;
	struct ip ip;

	if (helo[0] == '\0')
		return false;
	if (helo_address(helo, &ip))
		return source_has_ip(list, &ip, occasion);
	return source_has_domain(list, helo, occasion);
}

static bool
has_elsewhere(const struct list *list, enum subject subject,
    const struct occasion *occasion)
{
	switch (subject) {
	case SUBJECT_CLIENT_OR_USER:
		return source_has_client(list, occasion) ||
		    source_has_login(list, occasion);
	case SUBJECT_CLIENT:
		return source_has_client(list, occasion);
	case SUBJECT_USER:
		return source_has_login(list, occasion);
	case SUBJECT_HELO:
		return source_has_helo(list, occasion);
	case SUBJECT_SENDER:
		return occasion->session->in_transaction &&
		    source_has_path(list, &occasion->session->sender,
		    LIST_KIND_PATH, occasion);
	case SUBJECT_RECIPIENT:
		return occasion->recipient != NULL &&
		    source_has_path(list, occasion->recipient,
		    LIST_KIND_PATH, occasion);
	case SUBJECT_COUNT:
		break;
	}
	return false;
}

/* --- several lists: what one has is certain, whatever others say */

/* A row of questions, any of which may find it. */
struct search {
	struct list_facts *facts;	/* NULL: nothing is in doubt */
	struct list_doubt before;	/* of what was asked earlier */
	struct list_doubt sum;		/* of all that did not find it */
};

static void
search_begin(struct search *search, const struct occasion *occasion)
{
	search->facts = occasion->lists;
	if (search->facts == NULL)
		return;
	search->before = search->facts->doubt;
	list_doubt_clear(&search->facts->doubt);
	list_doubt_clear(&search->sum);
}

static void
search_next(struct search *search)
{
	if (search->facts == NULL)
		return;
	list_doubt_add(&search->sum, &search->facts->doubt);
	list_doubt_clear(&search->facts->doubt);
}

/* Always true, for `return search_found(...)`. */
static bool
search_found(const struct search *search)
{
	if (search->facts != NULL)
		list_doubt_add(&search->facts->doubt, &search->before);
	return true;
}

/* Nothing was found; true when an answer is wanted. */
static bool
search_end(struct search *search)
{
	if (search->facts == NULL)
		return false;
	search->facts->doubt = search->before;
	list_doubt_add(&search->facts->doubt, &search->sum);
	return search->sum.is_missing;
}

bool
list_has_subject(const struct list *list, enum subject subject,
    const struct occasion *occasion)
{
	return has_here(list, subject, occasion) ||
	    has_elsewhere(list, subject, occasion);
}

bool
lists_have_subject(const struct lists *lists, enum subject subject,
    const struct occasion *occasion)
{
	struct search search;

	for (size_t i = 0; i < lists->count; i++)
		if (has_here(lists->at[i], subject, occasion))
			return true;
	search_begin(&search, occasion);
	for (size_t i = 0; i < lists->count; i++) {
		if (has_elsewhere(lists->at[i], subject, occasion))
			return search_found(&search);
		search_next(&search);
	}
	return search_end(&search);
}

bool
lists_have_domain(const struct lists *lists, const char *domain,
    const struct occasion *occasion)
{
	struct search search;

	for (size_t i = 0; i < lists->count; i++)
		if (list_has_domain(lists->at[i], domain))
			return true;
	search_begin(&search, occasion);
	for (size_t i = 0; i < lists->count; i++) {
		if (source_has_domain(lists->at[i], domain, occasion))
			return search_found(&search);
		search_next(&search);
	}
	(void)search_end(&search);
	return false;
}

bool
lists_have_ip(const struct lists *lists, const struct ip *ip,
    const struct occasion *occasion)
{
	struct search search;

	for (size_t i = 0; i < lists->count; i++)
		if (list_has_ip(lists->at[i], ip))
			return true;
	search_begin(&search, occasion);
	for (size_t i = 0; i < lists->count; i++) {
		if (source_has_ip(lists->at[i], ip, occasion))
			return search_found(&search);
		search_next(&search);
	}
	(void)search_end(&search);
	return false;
}

bool
except_has(const struct except *except, const struct occasion *occasion)
{
	struct search search;

	for (size_t i = 0; i < except->count; i++)
		if (has_here(except->at[i].list, except->at[i].subject,
		    occasion))
			return true;
	search_begin(&search, occasion);
	for (size_t i = 0; i < except->count; i++) {
		if (has_elsewhere(except->at[i].list, except->at[i].subject,
		    occasion))
			return search_found(&search);
		search_next(&search);
	}
	(void)search_end(&search);
	return false;
}

/* --- mailboxes and maps */

static const struct list_answer *
ask_map(const struct map *map, enum list_kind kind, const struct path *path,
    const struct occasion *occasion)
{
	const struct list_answer *answer;

	if (map == NULL || !path->is_valid || path->is_null)
		return NULL;
	answer = ask(map->source, (struct list_question){
		.kind = kind, .path = path }, occasion);
	return answer != NULL && answer->status == LIST_FOUND ? answer : NULL;
}

bool
mailbox_exists(const struct lists *lists, const struct map *map,
    const struct path *path, const struct occasion *occasion)
{
	const struct folding *folding = &occasion->config->folding;
	struct search search;

	for (size_t i = 0; i < lists->count; i++)
		if (list_has_mailbox(lists->at[i], path, folding))
			return true;
	if (map != NULL && map_has_mailbox(map, path, folding))
		return true;
	search_begin(&search, occasion);
	for (size_t i = 0; i < lists->count; i++) {
		if (source_has_path(lists->at[i], path, LIST_KIND_MAILBOX,
		    occasion))
			return search_found(&search);
		search_next(&search);
	}
	if (ask_map(map, LIST_KIND_MAILBOX, path, occasion) != NULL)
		return search_found(&search);
	search_next(&search);
	(void)search_end(&search);
	return false;
}

const char *
lookup_map(const struct map *map, const struct path *path,
    const struct occasion *occasion)
{
	const char *value = map_find_path(map, path,
	    &occasion->config->folding);
	const struct list_answer *answer;

	if (value != NULL)
		return value;
	answer = ask_map(map, LIST_KIND_PATH, path, occasion);
	return answer != NULL ? answer->value : NULL;
}
