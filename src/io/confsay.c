/*
 * confsay.c - parts of the sentences that say what is wrong
 */
#include "io/confsay.h"

#include "base/text.h"

#include <string.h>

#define SEEN_OCTETS_MAX 60	/* of outside text in one sentence */

const char *
say_seen(const char *octets, size_t length, char buffer[SAY_SIZE])
{
	struct text out;

	text_init(&out, buffer, SAY_SIZE);
	text_put_char(&out, '"');
	for (size_t i = 0; i < length; i++) {
		if (out.length > SEEN_OCTETS_MAX) {
			text_put(&out, "...");
			break;
		}
		if (octets[i] == ' ')
			text_put_char(&out, ' ');
		else
			text_put_escaped(&out, octets + i, 1, "\"");
	}
	text_put_char(&out, '"');
	return buffer;
}

const char *
say_nearest(const char *word, const char *const candidates[], size_t count,
    char buffer[SAY_SIZE])
{
	const char *nearest = text_nearest(word, candidates, count);
	struct text out;

	text_init(&out, buffer, SAY_SIZE);
	if (nearest != NULL)
		text_printf(&out, ": did you mean %s?", nearest);
	return buffer;
}

const char *
say_names(const char *const names[], size_t count, char *buffer, size_t size)
{
	struct text out;

	text_init(&out, buffer, size);
	for (size_t i = 0; i < count; i++) {
		if (names[i] == NULL || names[i][0] == '\0')
			continue;
		if (out.length > 0)
			text_put(&out, ", ");
		text_put(&out, names[i]);
	}
	return buffer;
}
