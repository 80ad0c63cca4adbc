/*
 * mark_text.c - the marks of one subject as one line of text
 */
#include "io/mark_text.h"

#include "io/utc.h"

#include <string.h>

#define FOR_GOOD "for-good"

void
mark_put_name(struct text *text, enum mark_kind kind, const char *field)
{
	text_put(text, mark_names[kind]);
	if (kind == MARK_override) {
		text_put_char(text, '/');
		text_put(text, field);
	}
}

void
mark_put_reason(struct text *text, const char *reason)
{
	for (; *reason != '\0'; reason++) {
		if (*reason == ' ')
			text_put_char(text, ' ');
		else
			text_put_escaped(text, reason, 1, ";\"");
	}
}

void
mark_put(struct text *text, const struct store_mark *mark)
{
	char until[UTC_TEXT_SIZE];

	mark_put_name(text, mark->kind, mark->field);
	text_put_char(text, ' ');
	text_put_number(text, mark->until_ms);
	text_put_char(text, ' ');
	text_put(text, mark->until_ms > 0 ?
	    utc_format(mark->until_ms, until) : FOR_GOOD);
	if (mark->kind == MARK_override) {
		text_put_char(text, ' ');
		text_put_number(text, mark->max);
	}
	if (mark->reason[0] != '\0')
		text_put_char(text, ' ');
	mark_put_reason(text, mark->reason);
}

/* --- reading --- */

/* The word up to a blank or the end, which is stepped over. */
static bool
take_word(const char **at, char *word, size_t size)
{
	size_t length = strcspn(*at, " ");
	bool fits = length > 0 && text_copy_n(word, size, *at, length);

	*at += length;
	*at += strspn(*at, " ");
	return fits;
}

/* %XX becomes that octet, but no NUL. */
static void
read_reason(const char *at, char *reason, size_t size)
{
	struct text text;

	text_init(&text, reason, size);
	for (; *at != '\0'; at++) {
		int high = *at == '%' ? text_hex_value(at[1]) : -1;
		int low = high >= 0 ? text_hex_value(at[2]) : -1;

		if (low < 0 || high + low == 0) {
			text_put_char(&text, *at);
			continue;
		}
		text_put_char(&text, (char)(unsigned char)(high * 16 + low));
		at += 2;
	}
}

static bool
read_name(const char *name, struct store_mark *mark)
{
	const char *slash = strchr(name, '/');
	size_t length = slash != NULL ? (size_t)(slash - name) : strlen(name);

	for (int kind = 0; kind < MARK_COUNT; kind++) {
		if (strlen(mark_names[kind]) != length ||
		    strncmp(mark_names[kind], name, length) != 0)
			continue;
		mark->kind = (enum mark_kind)kind;
		if ((kind == MARK_override) != (slash != NULL))
			return false;
		return slash == NULL || (slash[1] != '\0' && text_copy(
		    mark->field, sizeof(mark->field), slash + 1));
	}
	return false;
}

static bool
read_mark(const char *at, struct store_mark *mark)
{
	char name[sizeof(mark->field) + 16], number[24], people[UTC_TEXT_SIZE];

	memset(mark, 0, sizeof(*mark));
	if (!take_word(&at, name, sizeof(name)) || !read_name(name, mark) ||
	    !take_word(&at, number, sizeof(number)) ||
	    !text_parse_number(number, INT64_MAX / 4, &mark->until_ms) ||
	    !take_word(&at, people, sizeof(people)))
		return false;
	if (mark->kind == MARK_override &&
	    (!take_word(&at, number, sizeof(number)) ||
	    !text_parse_number(number, INT64_MAX / 4, &mark->max)))
		return false;
	read_reason(at, mark->reason, sizeof(mark->reason));
	return true;
}

size_t
marks_read(const char *octets, size_t length, int64_t now_ms,
    struct store_mark marks[])
{
	const char *end = octets + length;
	size_t count = 0;

	while (octets < end && count < MARKS_MAX) {
		const char *semicolon = memchr(octets, ';',
		    (size_t)(end - octets));
		const char *stop = semicolon != NULL ? semicolon : end;
		char one[MARK_TEXT_SIZE];

		while (octets < stop && *octets == ' ')
			octets++;
		if (text_copy_n(one, sizeof(one), octets,
		    (size_t)(stop - octets)) && read_mark(one, &marks[count]))
			count += marks[count].until_ms == 0 ||
			    marks[count].until_ms > now_ms;
		octets = stop + 1;
	}
	return count;
}
