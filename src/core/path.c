/*
 * path.c - take apart reverse-path and forward-path (RFC 5321 4.1.2)
 *
 * As lenient as the MTAs that hand the paths over: blanks around the parts,
 * backslashes outside of quotes (RFC 821), quotes in the domain, an '@' in
 * an unquoted local part. Whatever reaches the same mailbox there must be
 * the same mailbox here; judging the syntax is left to checks.
 */
#include "core/path.h"

#include <string.h>

#include "base/text.h"
#include "core/domain.h"
#include "core/grammar.h"

/* A part of the argument; not NUL-terminated. */
struct span {
	const char *at;
	size_t length;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A blank behind a backslash is quoted, so it stays. */
static struct span
trim(struct span span)
{
	while (span.length > 0 && is_blank(span.at[0])) {
		span.at++;
		span.length--;
	}
	while (span.length > 0 && is_blank(span.at[span.length - 1]) &&
	    (span.length < 2 || span.at[span.length - 2] != '\\'))
		span.length--;
	return span;
}

static struct span
part(struct span span, size_t from, size_t to)
{
	const struct span cut = {span.at + from, to - from};

	return trim(cut);
}

/*
 * One step: past the quoted string, the domain literal, the quoted pair or
 * the octet at `i`. 0 when it has no end.
 */
static size_t
step(struct span span, size_t i)
{
	const char *end;

	switch (span.at[i]) {
	case '\\':
		return i + 1 < span.length ? i + 2 : 0;
	case '[':
		end = memchr(span.at + i, ']', span.length - i);
		return end ? (size_t)(end - span.at) + 1 : 0;
	case '"':
		for (i++; i < span.length && span.at[i] != '"'; i++)
			if (span.at[i] == '\\')
				i++;
		return i < span.length ? i + 1 : 0;
	default:
		return i + 1;
	}
}

/* Quotes, literals and pairs are closed, no bracket stands alone. */
static bool
is_balanced(struct span span)
{
	for (size_t i = 0; i < span.length;) {
		if (strchr("<>]", span.at[i]) != NULL)
			return false;
		i = step(span, i);
		if (i == 0)
			return false;
	}
	return true;
}

/* The first (or last) `c` outside of quotes; span.length if none. */
static size_t
find(struct span span, char c, bool last)
{
	size_t found = span.length;

	for (size_t i = 0; i < span.length; i = step(span, i)) {
		if (span.at[i] != c)
			continue;
		found = i;
		if (!last)
			break;
	}
	return found;
}

/* Take off "<" and ">"; false when only one of them is there. */
static bool
strip_brackets(struct span *span)
{
	if (span->length == 0 || span->at[0] != '<')
		return true;
	if (span->length < 2 || span->at[span->length - 1] != '>')
		return false;
	*span = part(*span, 1, span->length - 1);
	return true;
}

/* "@a,@b:" in front says which way to go, which nobody does any more. */
static bool
strip_route(struct span *span)
{
	size_t colon;

	if (span->length == 0 || span->at[0] != '@')
		return true;
	colon = find(*span, ':', false);
	if (colon == span->length)
		return false;
	*span = part(*span, colon + 1, span->length);
	return true;
}

/* Without quotes and backslashes. `to` has room: nothing gets longer. */
static void
unquote(struct span span, char *to)
{
	size_t length = 0;

	for (size_t i = 0; i < span.length; i++) {
		if (span.at[i] == '"')
			continue;
		if (span.at[i] == '\\' && i + 1 < span.length)
			i++;
		to[length++] = span.at[i];
	}
	to[length] = '\0';
}

static bool
set_domain(struct span span, char *domain)
{
	size_t length;

	unquote(span, domain);
	text_lower(domain);
	length = strlen(domain);
	if (length > 0 && domain[length - 1] == '.')
		domain[--length] = '\0';
	return length > 0 && strchr(domain, '@') == NULL;
}

/*
 * An '@' that stands inside the quotes only: Postfix looks there as well
 * (resolve_dequoted_address), so "joe@example.com" in quotes is joe's.
 */
static bool
split_unquoted(struct path *path)
{
	char *at = strrchr(path->local, '@');
	struct span domain;

	if (at == NULL || at[1] == '\0')
		return true;
	domain.at = at + 1;
	domain.length = strlen(at + 1);
	if (!set_domain(domain, path->domain))
		return false;
	*at = '\0';
	return true;
}

static bool
split(struct span span, struct path *path)
{
	size_t at = find(span, '@', true);
	struct span local = part(span, 0, at);

	if (local.length == 0 || local.at[0] == '@')
		return false;
	unquote(local, path->local);
	if (at == span.length)
		return split_unquoted(path);
	return set_domain(part(span, at + 1, span.length), path->domain);
}

void
path_parse(const char *argument, struct path *path)
{
	struct span span = {argument, strlen(argument)};
	bool is_whole;

	path->local[0] = path->domain[0] = '\0';
	path->is_null = false;
	path->is_by_grammar = grammar_is_path(argument);
	path->is_beyond_ascii = grammar_is_beyond_ascii(argument);
	span = trim(span);
	is_whole = strip_brackets(&span);
	/* "" is Postfix's <> for local submission. */
	if (is_whole && span.length == 0)
		path->is_null = true;
	else
		is_whole = is_whole && is_balanced(span) && strip_route(&span);
	path->is_too_long = !text_copy_n(path->text, sizeof(path->text),
	    span.at, span.length);
	path->is_valid = is_whole && !path->is_too_long &&
	    (path->is_null || split(span, path));
	if (!path->is_valid)
		path->local[0] = path->domain[0] = '\0';
}

bool
path_is_qualified(const struct path *path)
{
	return path->is_valid && (domain_is_literal(path->domain) ||
	    domain_is_fqdn(path->domain));
}

bool
path_is_postmaster(const struct path *path)
{
	return path->is_valid && text_equal_nocase(path->local, "postmaster");
}

/* How much of the local part counts: all, or what stands before the tag. */
static size_t
untagged_length(const char *local, const char *separator)
{
	const char *tag = NULL;

	if (separator != NULL && separator[0] != '\0')
		tag = strstr(local, separator);
	return tag == NULL || tag == local ? strlen(local)
	    : (size_t)(tag - local);
}

size_t
path_mailbox(const struct path *path, bool fold, const char *separator,
    char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	if (!path->is_valid) {
		text_put(&text, path->text);
		return text.length;
	}
	text_put_n(&text, path->local, untagged_length(path->local,
	    separator));
	if (fold)
		text_lower(buffer);
	if (path->domain[0] != '\0') {
		text_put_char(&text, '@');
		text_put(&text, path->domain);
	}
	return text.length;
}
