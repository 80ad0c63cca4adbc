/*
 * spelling.c - the entries under which something may stand in a list
 */
#include "core/spelling.h"

#include <string.h>

#include "base/text.h"
#include "core/domain.h"

/*
 * Each ".parent" of a name. Behind a mailbox's '@', which stands right before
 * `name`, "@.parent" goes before it: the octet in front of the dot has been
 * read, and becomes the '@'. No longer domain exists, so that a path made of
 * dots is soon done.
 */
static bool
spell_parents(char *name, bool has_at, enum spelling_scope scope,
    spelling_taker *take, void *context)
{
	for (char *dot = strchr(name, '.'); dot != NULL;
	    dot = strchr(dot + 1, '.')) {
		size_t length = strlen(dot);

		if (length > DOMAIN_OCTETS_MAX)
			continue;
		if (has_at) {
			dot[-1] = '@';
			if (take(context, dot - 1, length + 1))
				return true;
		}
		if (scope == SPELLING_ALL && take(context, dot, length))
			return true;
	}
	return false;
}

/* "@domain", "domain", and its parents. */
static bool
spell_at_domain(char *at_domain, enum spelling_scope scope,
    spelling_taker *take, void *context)
{
	size_t length = strlen(at_domain);

	return take(context, at_domain, length) ||
	    (scope == SPELLING_ALL &&
	    take(context, at_domain + 1, length - 1)) ||
	    spell_parents(at_domain + 1, true, scope, take, context);
}

/* A mailbox with its '@' even when there is no domain. */
struct mailbox {
	char text[PATH_OCTETS_MAX + 2];
	size_t length;
	size_t local_length;	/* with the '@' */
};

static void
mailbox_of(const struct path *path, bool fold, const char *separator,
    struct mailbox *mailbox)
{
	struct text text;

	mailbox->length = path_mailbox(path, fold, separator, mailbox->text,
	    sizeof(mailbox->text));
	if (path->domain[0] == '\0') {
		text_init(&text, mailbox->text + mailbox->length,
		    sizeof(mailbox->text) - mailbox->length);
		text_put_char(&text, '@');
		mailbox->length += text.length;
	}
	mailbox->local_length = mailbox->length - strlen(path->domain);
}

/* "user@": cut off in place, for the call. */
static bool
take_local(struct mailbox *mailbox, spelling_taker *take, void *context)
{
	char cut = mailbox->text[mailbox->local_length];
	bool taken;

	mailbox->text[mailbox->local_length] = '\0';
	taken = take(context, mailbox->text, mailbox->local_length);
	mailbox->text[mailbox->local_length] = cut;
	return taken;
}

bool
spell_path(const struct path *path, const struct folding *folding,
    enum spelling_scope scope, spelling_taker *take, void *context)
{
	struct mailbox whole, untagged;
	bool has_tag;

	if (!path->is_valid || path->is_null)
		return false;
	mailbox_of(path, folding->fold_case, "", &whole);
	mailbox_of(path, folding->fold_case, folding->separator, &untagged);
	has_tag = untagged.length != whole.length;
	if (take(context, whole.text, whole.length) ||
	    (has_tag && take(context, untagged.text, untagged.length)))
		return true;
	if (path->domain[0] == '\0')
		return false;
	return take_local(&whole, take, context) ||
	    (has_tag && take_local(&untagged, take, context)) ||
	    spell_at_domain(whole.text + whole.local_length - 1, scope, take,
	    context);
}

bool
spelling_of_domain(const char *domain, char whole[SPELLING_SIZE])
{
	size_t length;

	if (!text_copy(whole, PATH_OCTETS_MAX + 1, domain))
		return false;
	text_lower(whole);
	length = strlen(whole);
	if (length > 0 && whole[length - 1] == '.')
		whole[--length] = '\0';
	return length > 0;
}

bool
spell_domain(const char *domain, spelling_taker *take, void *context)
{
	char name[SPELLING_SIZE];

	return spelling_of_domain(domain, name) &&
	    (take(context, name, strlen(name)) ||
	    spell_parents(name, false, SPELLING_ALL, take, context));
}

/* A login is no path: nothing in it is quoted. False when it is too long. */
static bool
path_of_login(const char *user, const char *at, struct path *path)
{
	size_t length;

	path->is_valid = true;
	path->is_null = path->is_too_long = false;
	path->text[0] = '\0';
	if (!text_copy_n(path->local, sizeof(path->local), user,
	    (size_t)(at - user)) ||
	    !text_copy(path->domain, sizeof(path->domain), at + 1))
		return false;
	text_lower(path->domain);
	length = strlen(path->domain);
	if (length > 0 && path->domain[length - 1] == '.')
		path->domain[length - 1] = '\0';
	return strlen(user) <= PATH_OCTETS_MAX;
}

static bool
word_of_login(const char *user, const struct folding *folding,
    char word[SPELLING_SIZE])
{
	if (!text_copy(word, PATH_OCTETS_MAX + 1, user))
		return false;
	if (folding->fold_case)
		text_lower(word);
	return true;
}

bool
spell_user(const char *user, const struct folding *folding,
    spelling_taker *take, void *context)
{
	const char *at = strrchr(user, '@');
	char word[SPELLING_SIZE];
	struct path path;

	if (at != NULL)
		return path_of_login(user, at, &path) &&
		    spell_path(&path, folding, SPELLING_ALL, take, context);
	return word_of_login(user, folding, word) &&
	    take(context, word, strlen(word));
}

bool
spell_ip(const struct ip *ip, spelling_taker *take, void *context)
{
	char text[IP_NET_TEXT_SIZE];

	for (unsigned int bits = 8 * (unsigned int)ip_size(ip->family) + 1;
	    ip->family != IP_NONE && bits-- > 0;) {
		struct ip_net net = ip_net_of(ip, bits);

		(void)ip_net_format(&net, text);
		if (take(context, text, strlen(text)))
			return true;
	}
	return false;
}

bool
spelling_of_path(const struct path *path, const struct folding *folding,
    char whole[SPELLING_SIZE])
{
	if (!path->is_valid || path->is_null)
		return false;
	(void)path_mailbox(path, folding->fold_case, "", whole,
	    SPELLING_SIZE);
	return true;
}

bool
spelling_of_user(const char *user, const struct folding *folding,
    char whole[SPELLING_SIZE])
{
	const char *at = strrchr(user, '@');
	struct path path;

	if (at != NULL)
		return path_of_login(user, at, &path) &&
		    spelling_of_path(&path, folding, whole);
	return word_of_login(user, folding, whole);
}
