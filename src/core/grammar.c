/*
 * grammar.c - is it written by the letter of RFC 5321?
 *
 * One function for each rule of the grammar; take_x() moves the cursor
 * behind an x, and says whether there was one.
 */
#include "core/grammar.h"

#include <string.h>

#include "base/ip.h"
#include "base/text.h"

#define LABEL_OCTETS_MAX 63	/* RFC 1035 2.3.4 */

/* What is left to be read. */
struct cursor {
	const char *at;
	const char *end;
};

static bool
is_at(const struct cursor *cursor, char c)
{
	return cursor->at < cursor->end && *cursor->at == c;
}

static bool
take(struct cursor *cursor, char c)
{
	if (!is_at(cursor, c))
		return false;
	cursor->at++;
	return true;
}

static bool
is_between(char c, int low, int high)
{
	int octet = (unsigned char)c;

	return octet >= low && octet <= high;
}

/* Let-dig: ASCII, whatever the locale. */
static bool
is_let_dig(char c)
{
	return is_between(c, 'a', 'z') || is_between(c, 'A', 'Z') ||
	    is_between(c, '0', '9');
}

/* One character beyond ASCII: UTF8-2, UTF8-3 or UTF8-4 of RFC 3629 4. */
static bool
take_utf8(struct cursor *cursor)
{
	static const struct {
		int first_low, first_high;	/* the first octet */
		int second_low, second_high;	/* the second one */
		size_t length;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },	/* no surrogates */
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const char *at = cursor->at;
	size_t left = (size_t)(cursor->end - at);

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (left < forms[i].length || !is_between(at[0],
		    forms[i].first_low, forms[i].first_high))
			continue;
		if (!is_between(at[1], forms[i].second_low,
		    forms[i].second_high))
			return false;
		for (size_t k = 2; k < forms[i].length; k++)
			if (!is_between(at[k], 0x80, 0xbf))
				return false;
		cursor->at += forms[i].length;
		return true;
	}
	return false;
}

/* atext (RFC 5322 3.2.3), or a character beyond ASCII (RFC 6531 3.3) */
static bool
take_atext(struct cursor *cursor)
{
	if (cursor->at == cursor->end)
		return false;
	if (!is_let_dig(*cursor->at) && (*cursor->at == '\0' ||
	    strchr("!#$%&'*+-/=?^_`{|}~", *cursor->at) == NULL))
		return take_utf8(cursor);
	cursor->at++;
	return true;
}

/* Dot-string = Atom *("." Atom) */
static bool
take_dot_string(struct cursor *cursor)
{
	do {
		if (!take_atext(cursor))
			return false;
		while (take_atext(cursor))
			;
	} while (take(cursor, '.'));
	return true;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE */
static bool
take_quoted_string(struct cursor *cursor)
{
	if (!take(cursor, '"'))
		return false;
	while (!take(cursor, '"')) {
		if (take(cursor, '\\')) {
			if (cursor->at == cursor->end ||
			    !is_between(*cursor->at, 32, 126))
				return false;
			cursor->at++;
		} else if (cursor->at < cursor->end &&
		    is_between(*cursor->at, 32, 126))
			cursor->at++;
		else if (!take_utf8(cursor))
			return false;
	}
	return true;
}

static bool
take_local_part(struct cursor *cursor)
{
	const char *start = cursor->at;

	return (is_at(cursor, '"') ? take_quoted_string(cursor) :
	    take_dot_string(cursor)) &&
	    cursor->at - start <= GRAMMAR_LOCAL_MAX;
}

/*
 * sub-domain = Let-dig [Ldh-str], or what may be a U-label, whose length
 * counts in its other form.
 */
static bool
take_label(struct cursor *cursor, bool beyond_ascii)
{
	const char *start = cursor->at;
	bool is_ascii = true;

	for (;;) {
		if (cursor->at < cursor->end && (is_let_dig(*cursor->at) ||
		    *cursor->at == '-'))
			cursor->at++;
		else if (beyond_ascii && take_utf8(cursor))
			is_ascii = false;
		else
			break;
	}
	return cursor->at > start && *start != '-' && cursor->at[-1] != '-' &&
	    (!is_ascii || cursor->at - start <= LABEL_OCTETS_MAX);
}

/* Domain = sub-domain *("." sub-domain) */
static bool
take_domain(struct cursor *cursor, bool beyond_ascii)
{
	const char *start = cursor->at;

	do {
		if (!take_label(cursor, beyond_ascii))
			return false;
	} while (take(cursor, '.'));
	return cursor->at - start <= GRAMMAR_DOMAIN_MAX;
}

bool
grammar_is_ipv4(const char *text)
{
	for (int i = 0; i < 4; i++) {
		int value = 0, digits = 0;

		if (i > 0 && *text++ != '.')
			return false;
		for (; is_between(*text, '0', '9'); text++, digits++) {
			value = 10 * value + (*text - '0');
			if (digits == 3)
				return false;
		}
		if (digits == 0 || value > 255)
			return false;
	}
	return *text == '\0';
}

static bool
is_ipv6(const char *text)
{
	struct ip ip;

	return strchr(text, ':') != NULL && ip_parse(text, &ip);
}

/* What stands between the brackets. */
static bool
is_literal_text(const char *text)
{
	if (text_equal_nocase_n(text, "IPv6:", 5))
		return is_ipv6(text + 5);
	return grammar_is_ipv4(text);
}

/* address-literal = "[" ... "]" */
static bool
take_literal(struct cursor *cursor)
{
	char text[GRAMMAR_DOMAIN_MAX + 1];
	const char *start, *end;

	if (!take(cursor, '['))
		return false;
	start = cursor->at;
	end = memchr(start, ']', (size_t)(cursor->end - start));
	if (end == NULL || end - start > GRAMMAR_DOMAIN_MAX - 2)
		return false;
	cursor->at = end + 1;
	return text_copy_n(text, sizeof(text), start, (size_t)(end - start)) &&
	    is_literal_text(text);
}

/* "@" Domain *("," "@" Domain) ":", if there is a route at all */
static bool
take_route(struct cursor *cursor)
{
	if (!is_at(cursor, '@'))
		return true;
	do {
		if (!take(cursor, '@') || !take_domain(cursor, true))
			return false;
	} while (take(cursor, ','));
	return take(cursor, ':');
}

/*
 * What follows the route. A local part alone may have no quoted '@', where
 * MTAs find a domain (core/path.c) that nobody could judge.
 */
static bool
take_mailbox(struct cursor *cursor)
{
	const char *start = cursor->at;
	bool is_taken = take_local_part(cursor);
	size_t length = (size_t)(cursor->at - start);

	if (!is_taken)
		return false;
	if (!take(cursor, '@'))
		return memchr(start, '@', length) == NULL;
	return is_at(cursor, '[') ? take_literal(cursor) :
	    take_domain(cursor, true);
}

bool
grammar_is_path(const char *argument)
{
	size_t length = strlen(argument);
	struct cursor cursor = { argument, argument + length };

	if (strcmp(argument, "<>") == 0)
		return true;
	return length <= GRAMMAR_PATH_MAX && take(&cursor, '<') &&
	    take_route(&cursor) && take_mailbox(&cursor) &&
	    take(&cursor, '>') && cursor.at == cursor.end;
}

bool
grammar_is_domain(const char *name)
{
	struct cursor cursor = { name, name + strlen(name) };

	return take_domain(&cursor, false) && cursor.at == cursor.end;
}

bool
grammar_is_address_literal(const char *name)
{
	struct cursor cursor = { name, name + strlen(name) };

	return take_literal(&cursor) && cursor.at == cursor.end;
}

bool
grammar_is_beyond_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if (is_between(*text, 0x80, 0xff))
			return true;
	return false;
}
