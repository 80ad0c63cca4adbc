/*
 * entry.c - what an entry of a list or map is, and what is wrong with it
 */
#include "io/entry.h"

#include <string.h>

#include "base/text.h"
#include "core/domain.h"
#include "core/grammar.h"
#include "io/idn.h"

static const char expected_address[] = "expected an address such as "
    "user@example.com, user@, @example.com or @.example.com";
static const char expected_word[] = "expected a name of letters, digits, "
    "\".\", \"-\" and \"_\"";
static const char expected_shorter[] = "expected at most 1024 octets";

static bool
is_word_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	    (unsigned char)c > 0x7f;
}

/* Labels parted by single dots; one dot in front and one behind are allowed. */
static bool
is_word(const char *text)
{
	bool in_label = false;

	if (text[0] == '.')
		text++;
	for (; *text != '\0'; text++) {
		if (*text == '.' && !in_label)
			return false;
		if (*text != '.' && !is_word_octet(*text))
			return false;
		in_label = *text != '.';
		if (!in_label && text[1] == '\0')
			return true;
	}
	return in_label;
}

static void
drop_final_dot(char *name)
{
	size_t length = strlen(name);

	if (length > 0 && name[length - 1] == '.')
		name[length - 1] = '\0';
}

/* Anything of digits and dots, or with a colon or slash, means a network. */
static bool
looks_like_network(const char *text)
{
	return strpbrk(text, ":/") != NULL || (strchr(text, '.') != NULL &&
	    text[strspn(text, "0123456789.")] == '\0');
}

static bool
parse_network(const char *text, struct entry *entry, const char **why)
{
	entry->is_network = true;
	return ip_net_parse(text, &entry->network, why);
}

static bool
parse_domain(const char *text, struct entry *entry, const char **why)
{
	if (text[0] == '*' && text[1] == '.')
		*why = "expected .example.com for every name below "
		    "example.com";
	else if (looks_like_network(text))
		*why = "expected a domain or host name, not a network";
	else if (!is_word(text))
		*why = expected_word;
	else if (!text_copy(entry->name, sizeof(entry->name), text))
		*why = expected_shorter;
	else {
		text_lower(entry->name);
		drop_final_dot(entry->name);
		return true;
	}
	return false;
}

/* "@example.com", "@.example.com", "@[192.0.2.1]" */
static bool
parse_whole_domain(const char *text, struct entry *entry, const char **why)
{
	if (!is_word(text + 1) && !domain_is_literal(text + 1))
		*why = expected_address;
	else if (!text_copy(entry->name, sizeof(entry->name), text))
		*why = expected_shorter;
	else {
		text_lower(entry->name);
		drop_final_dot(entry->name);
		return true;
	}
	return false;
}

/* "user@example.com" and "user@", quoted as in an SMTP command if need be. */
static bool
parse_mailbox(const char *text, const struct folding *folding,
    struct entry *entry, const char **why)
{
	size_t length = strlen(text);
	bool is_anywhere = text[length - 1] == '@';
	char local[PATH_OCTETS_MAX + 1];
	struct path path;

	*why = expected_address;
	if (text[0] == '<' || (strpbrk(text, " \t") != NULL &&
	    strchr(text, '"') == NULL))
		return false;
	if (is_anywhere && text_copy_n(local, sizeof(local), text, length - 1))
		path_parse(local, &path);
	else
		path_parse(text, &path);
	if (path.is_too_long)
		*why = expected_shorter;
	if (!path.is_valid || path.local[0] == '\0' ||
	    is_anywhere != (path.domain[0] == '\0'))
		return false;
	if (!is_anywhere && path.domain[0] != '[' &&
	    (path.domain[0] == '.' || !is_word(path.domain)))
		return false;
	length = path_mailbox(&path, folding->fold_case, "", entry->name,
	    sizeof(entry->name));
	if (is_anywhere)
		text_copy(entry->name + length, 2, "@");
	return true;
}

static bool
parse_address(const char *text, const struct folding *folding,
    struct entry *entry, const char **why)
{
	if (strchr(text, '@') == NULL) {
		*why = expected_address;
		return false;
	}
	if (text[0] == '@')
		return parse_whole_domain(text, entry, why);
	return parse_mailbox(text, folding, entry, why);
}

/* Logins are as odd as those who made them up. */
static bool
parse_user(const char *text, const struct folding *folding,
    struct entry *entry, const char **why)
{
	if (strchr(text, '@') != NULL)
		return parse_address(text, folding, entry, why);
	if (!text_copy(entry->name, sizeof(entry->name), text)) {
		*why = expected_shorter;
		return false;
	}
	if (folding->fold_case)
		text_lower(entry->name);
	return true;
}

static bool
has_control_octet(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/*
 * Paths come with their domains in ASCII (io/idn.h), and so must the entry's
 * be. The form as written is kept for logins, which come as they are.
 */
static void
fold_idn(struct entry *entry)
{
	char *at = strrchr(entry->name, '@');
	char *domain = at != NULL ? at + 1 : entry->name;
	char ascii[GRAMMAR_DOMAIN_MAX + 1];

	if (domain[0] == '.')
		domain++;
	if (!grammar_is_beyond_ascii(domain) ||
	    !idn_to_ascii(domain, ascii, sizeof(ascii)))
		return;
	(void)text_copy(entry->other, sizeof(entry->other), entry->name);
	if (!text_copy(domain, sizeof(entry->name) -
	    (size_t)(domain - entry->name), ascii))
		(void)text_copy(entry->name, sizeof(entry->name),
		    entry->other);
}

const char *
entry_regular_end(const char *text)
{
	if (*text != '/')
		return NULL;
	for (text++; *text != '/'; text++) {
		if (*text == '\\' && text[1] != '\0')
			text++;
		else if (*text == '\0')
			return NULL;
	}
	text++;
	while (*text >= 'a' && *text <= 'z')
		text++;
	return text;
}

/* What it means is for pattern_make() to find out. */
static bool
parse_regular(const char *text, struct entry *entry, const char **why)
{
	const char *end = entry_regular_end(text);

	entry->is_regular = true;
	if (end != NULL && *end == '\0')
		return true;
	*why = "expected a regular expression such as /^mx[0-9]+[.]/ or "
	    "/^mx[0-9]+[.]/i, with \\/ for a / within";
	return false;
}

static bool
parse_kind(enum entry_kind kind, const char *text,
    const struct folding *folding, struct entry *entry, const char **why)
{
	if (text[0] == '\0' || has_control_octet(text)) {
		*why = "expected an entry without control octets";
		return false;
	}
	if (text[0] == '/' && kind != ENTRY_NETWORK)
		return parse_regular(text, entry, why);
	switch (kind) {
	case ENTRY_ANY:
		if (strchr(text, '@') != NULL)
			return parse_address(text, folding, entry, why);
		if (looks_like_network(text))
			return parse_network(text, entry, why);
		return parse_domain(text, entry, why);
	case ENTRY_NETWORK:
		return parse_network(text, entry, why);
	case ENTRY_DOMAIN:
		return parse_domain(text, entry, why);
	case ENTRY_ADDRESS:
		return parse_address(text, folding, entry, why);
	case ENTRY_USER:
		return parse_user(text, folding, entry, why);
	}
	return false;
}

bool
entry_parse(enum entry_kind kind, const char *text,
    const struct folding *folding, struct entry *entry, const char **why)
{
	entry->is_network = entry->is_regular = false;
	entry->other[0] = '\0';
	if (!parse_kind(kind, text, folding, entry, why))
		return false;
	if (!entry->is_network && !entry->is_regular)
		fold_idn(entry);
	return true;
}
