/*
 * text.c - bounded text: build, copy, escape, parse
 */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
text_init(struct text *text, char *buffer, size_t size)
{
	text->at = buffer;
	text->length = 0;
	text->size = size;
	text->cut = false;
	buffer[0] = '\0';
}

static size_t
text_room(const struct text *text)
{
	return text->size - 1 - text->length;
}

/* After the first cut nothing is added: what stands is a true beginning. */
void
text_put_n(struct text *text, const char *octets, size_t length)
{
	if (text->cut || length == 0)
		return;
	if (length > text_room(text)) {
		length = text_room(text);
		text->cut = true;
	}
	memcpy(text->at + text->length, octets, length);
	text->length += length;
	text->at[text->length] = '\0';
}

void
text_put(struct text *text, const char *string)
{
	text_put_n(text, string, strlen(string));
}

void
text_put_char(struct text *text, char c)
{
	text_put_n(text, &c, 1);
}

void
text_put_number(struct text *text, int64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (number < 0)
		digits[--at] = '-';
	text_put_n(text, digits + at, sizeof(digits) - at);
}

void
text_printf(struct text *text, const char *format, ...)
{
	va_list arguments;
	int wanted;

	if (text->cut)
		return;
	va_start(arguments, format);
	wanted = vsnprintf(text->at + text->length, text_room(text) + 1,
	    format, arguments);
	va_end(arguments);
	if (wanted < 0) {
		text->at[text->length] = '\0';
		text->cut = true;
	} else if ((size_t)wanted > text_room(text)) {
		text->length = text->size - 1;
		text->cut = true;
	} else {
		text->length += (size_t)wanted;
	}
}

void
text_put_escaped(struct text *text, const char *octets, size_t length,
    const char *also)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)octets[i];
		const char code[3] = {'%', hex[c >> 4], hex[c & 15]};

		if (c >= 0x21 && c <= 0x7e && c != '%' &&
		    strchr(also, c) == NULL) {
			text_put_char(text, octets[i]);
		} else if (text_room(text) >= sizeof(code)) {
			text_put_n(text, code, sizeof(code));
		} else {
			text->cut = true;	/* no half of a code */
			return;
		}
	}
}

bool
text_copy(char *to, size_t size, const char *from)
{
	return text_copy_n(to, size, from, strlen(from));
}

bool
text_copy_n(char *to, size_t size, const char *from, size_t length)
{
	struct text text;

	text_init(&text, to, size);
	text_put_n(&text, from, length);
	return !text.cut;
}

char
text_lower_char(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int
text_hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, text_lower_char(c));

	return c != '\0' && at != NULL ? (int)(at - digits) : -1;
}

void
text_lower(char *string)
{
	for (; *string != '\0'; string++)
		*string = text_lower_char(*string);
}

bool
text_equal_nocase(const char *a, const char *b)
{
	while (*a != '\0' && text_lower_char(*a) == text_lower_char(*b)) {
		a++;
		b++;
	}
	return *a == '\0' && *b == '\0';
}

bool
text_equal_nocase_n(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text_lower_char(a[i]) != text_lower_char(b[i]))
			return false;
		if (a[i] == '\0')
			return true;
	}
	return true;
}

bool
text_starts_with(const char *string, const char *prefix)
{
	return strncmp(string, prefix, strlen(prefix)) == 0;
}

bool
text_ends_with(const char *string, const char *suffix)
{
	size_t length = strlen(string), wanted = strlen(suffix);

	return length >= wanted &&
	    memcmp(string + length - wanted, suffix, wanted) == 0;
}

bool
text_parse_number(const char *string, int64_t max, int64_t *number)
{
	int64_t sum = 0;

	if (string[0] == '\0' || (string[0] == '0' && string[1] != '\0'))
		return false;
	for (; *string != '\0'; string++) {
		int digit = *string - '0';

		if (digit < 0 || digit > 9 || sum > (INT64_MAX - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	if (sum > max)
		return false;
	*number = sum;
	return true;
}

#define DISTANCE_OCTETS_MAX 64

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Optimal string alignment, row by row: the last two rows of the table and
 * the one in the making are enough.
 */
size_t
text_distance(const char *a, const char *b)
{
	size_t rows[3][DISTANCE_OCTETS_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > DISTANCE_OCTETS_MAX || b_length > DISTANCE_OCTETS_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_length; j++)
		now[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *spare = before;
		char c = text_lower_char(a[i - 1]);

		before = last;
		last = now;
		now = spare;
		now[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			char d = text_lower_char(b[j - 1]);

			now[j] = last[j - 1] + (c != d);
			now[j] = smaller(now[j], last[j] + 1);
			now[j] = smaller(now[j], now[j - 1] + 1);
			if (i > 1 && j > 1 && c != d &&
			    c == text_lower_char(b[j - 2]) &&
			    d == text_lower_char(a[i - 2]))
				now[j] = smaller(now[j], before[j - 2] + 1);
		}
	}
	return now[b_length];
}

const char *
text_nearest(const char *word, const char *const candidates[], size_t count)
{
	size_t limit = strlen(word) / 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance;

		if (candidates[i] == NULL)
			continue;
		distance = text_distance(word, candidates[i]);
		if (distance > limit || (nearest != NULL && distance == limit))
			continue;
		nearest = candidates[i];
		limit = distance;
	}
	return nearest;
}
