/*
 * page_catalogue.c - the words of the page for senders, in some language
 */
#include "floodgatectl/page_catalogue.h"

#include "base/text.h"
#include "core/codes.h"
#include "io/maps.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WORDS ((size_t)PAGE_TEXT_COUNT +	\
    (size_t)REPLY_COUNT * REPLY_PART_COUNT)
#define KEY_SIZE 64
#define WORD_OCTETS_MAX 1000

struct catalogue {
	char *own[WORDS];	/* of the file; NULL: English */
	bool was_read;
};

static const struct {
	const char *key;
	const char *text;
} rows[PAGE_TEXT_COUNT] = {
#define PAGE_TEXT(id, key, text) { key, text },
#include "floodgatectl/page_text.def"
};

static const char *const part_names[REPLY_PART_COUNT] = {
	"title", "meaning", "advice"
};

static size_t
reply_word(enum reply_id reply, enum reply_part part)
{
	return (size_t)PAGE_TEXT_COUNT + (size_t)reply * REPLY_PART_COUNT +
	    (size_t)part;
}

static const char *
key_of(size_t word, char buffer[KEY_SIZE])
{
	struct text text;
	size_t i = word - PAGE_TEXT_COUNT;

	if (word < PAGE_TEXT_COUNT)
		return rows[word].key;
	text_init(&text, buffer, KEY_SIZE);
	text_printf(&text, "reply.%s.%s",
	    reply_of((enum reply_id)(i / REPLY_PART_COUNT))->name,
	    part_names[i % REPLY_PART_COUNT]);
	return buffer;
}

static const char *
english_of(size_t word)
{
	size_t i = word - PAGE_TEXT_COUNT;
	const struct reply_help *help;

	if (word < PAGE_TEXT_COUNT)
		return rows[word].text;
	help = reply_help_of((enum reply_id)(i / REPLY_PART_COUNT));
	switch ((enum reply_part)(i % REPLY_PART_COUNT)) {
	case REPLY_PART_TITLE:
		return help->title;
	case REPLY_PART_MEANING:
		return help->meaning;
	case REPLY_PART_ADVICE:
	case REPLY_PART_COUNT:
		break;
	}
	return help->advice;
}

static const char *
word_of(const struct catalogue *catalogue, size_t word)
{
	return catalogue->own[word] != NULL ? catalogue->own[word] :
	    english_of(word);
}

struct catalogue *
catalogue_open(void)
{
	return calloc(1, sizeof(struct catalogue));
}

void
catalogue_close(struct catalogue **catalogue)
{
	if (*catalogue == NULL)
		return;
	for (size_t i = 0; i < WORDS; i++)
		free((*catalogue)->own[i]);
	free(*catalogue);
	*catalogue = NULL;
}

/* --- a file */

/* A line's text without blanks around it. */
static char *
trimmed(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
		text[--length] = '\0';
	return text;
}

static size_t
find_key(const char *key)
{
	char buffer[KEY_SIZE];

	for (size_t i = 0; i < WORDS; i++)
		if (strcmp(key_of(i, buffer), key) == 0)
			return i;
	return WORDS;
}

/* The key that was probably meant. */
static void
refuse_key(const char *file, int line, const char *key,
    struct problems *problems)
{
	static char keys[WORDS][KEY_SIZE];
	const char *names[WORDS], *meant;
	char seen[KEY_SIZE];
	struct text text;

	for (size_t i = 0; i < WORDS; i++)
		names[i] = key_of(i, keys[i]);
	meant = text_nearest(key, names, WORDS);
	TEXT_INIT(&text, seen);
	text_put_escaped(&text, key, strlen(key), "");
	problems_add(problems, file, line, "there is no text %s%s%s%s", seen,
	    meant != NULL ? ": did you mean " : "",
	    meant != NULL ? meant : "", meant != NULL ? "?" : "");
}

/* UTF-8 without control characters. */
static bool
is_plain(const char *text)
{
	json_t *string = json_string(text);
	bool is_utf8 = string != NULL;

	json_decref(string);
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return is_utf8;
}

static void
take_line(struct catalogue *catalogue, const char *file, int number,
    char *line, struct problems *problems)
{
	char *key = trimmed(line), *equals = strchr(key, '='), *text;
	size_t word;

	if (key[0] == '#' || key[0] == '\0')
		return;
	if (equals == NULL) {
		problems_add(problems, file, number, "expected key = text");
		return;
	}
	*equals = '\0';
	key = trimmed(key);
	text = trimmed(equals + 1);
	word = find_key(key);
	if (word == WORDS)
		refuse_key(file, number, key, problems);
	else if (catalogue->own[word] != NULL)
		problems_add(problems, file, number, "%s stands in a line "
		    "before this one", key);
	else if (text[0] == '\0' || strlen(text) > WORD_OCTETS_MAX)
		problems_add(problems, file, number, "%s: expected a text of "
		    "at most %d octets", key, WORD_OCTETS_MAX);
	else if (!is_plain(text))
		problems_add(problems, file, number, "%s: expected UTF-8 "
		    "without control characters", key);
	else
		catalogue->own[word] = strdup(text);
}

void
catalogue_read(struct catalogue *catalogue, const char *file,
    struct problems *problems)
{
	FILE *from = fopen(file, "re");
	char *line = NULL;
	size_t room = 0;
	int number = 0;

	if (from == NULL) {
		problems_add(problems, file, 0, "cannot read it: %s",
		    strerror(errno));
		return;
	}
	while (getline(&line, &room, from) >= 0)
		take_line(catalogue, file, ++number, line, problems);
	if (ferror(from))
		problems_add(problems, file, 0, "cannot read it: %s",
		    strerror(errno));
	free(line);
	(void)fclose(from);
	catalogue->was_read = true;
}

size_t
catalogue_missing(const struct catalogue *catalogue, const char **example)
{
	static char key[KEY_SIZE];
	size_t count = 0;

	*example = NULL;
	for (size_t i = 0; i < WORDS && catalogue->was_read; i++)
		if (catalogue->own[i] == NULL && count++ == 0)
			*example = key_of(i, key);
	return count;
}

void
catalogue_print(const struct catalogue *catalogue, FILE *to)
{
	char buffer[KEY_SIZE];

	for (size_t i = 0; i < WORDS; i++)
		(void)fprintf(to, "%s = %s\n", key_of(i, buffer),
		    word_of(catalogue, i));
}

const char *
page_text(const struct catalogue *catalogue, enum page_text id)
{
	return word_of(catalogue, id);
}

const char *
page_reply_text(const struct catalogue *catalogue, enum reply_id reply,
    enum reply_part part)
{
	return word_of(catalogue, reply_word(reply, part));
}

const char *
page_field_text(const struct catalogue *catalogue, enum field field)
{
	static const enum page_text words[FIELD_COUNT] = {
#define FIELD(name, help) PAGE_TEXT_field_##name,
#include "core/field.def"
	};

	return page_text(catalogue, words[field]);
}
