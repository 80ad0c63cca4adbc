/*
 * confscan_word.c - words and marks: what they say, and what stands for them
 * in the clean text and in messages
 */
#include "io/confscan_inside.h"

#include "base/arena.h"
#include "io/maps.h"

#include <string.h>

const struct token *
scan_peek(const struct scanner *s, size_t ahead)
{
	size_t at = s->at + ahead;

	return &s->tokens.at[at < s->tokens.count ? at : s->tokens.count - 1];
}

bool
scan_is_value(const struct token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_STRING;
}

bool
scan_is_assignment(const struct token *token)
{
	return token->kind == TOKEN_EQUAL || token->kind == TOKEN_APPEND;
}

char *
scan_token_text(const struct scanner *s, const struct token *token)
{
	const char *at = token->at;
	size_t length = token->length;

	if (token->kind == TOKEN_STRING) {
		if (length > 1 && at[length - 1] == at[0])
			length--;
		at++;
		length--;
	}
	return arena_copy_n(s->arena, at, length);
}

const char *
scan_token_seen(const struct token *token, char buffer[SAY_SIZE])
{
	struct text out;

	if (token->kind == TOKEN_STRING && token->length >= 2 &&
	    !token->is_bad)
		return say_seen(token->at + 1, token->length - 2, buffer);
	if (scan_is_value(token))
		return say_seen(token->at, token->length, buffer);
	text_init(&out, buffer, SAY_SIZE);
	if (token->kind == TOKEN_END)
		text_put(&out, "the end of the file");
	else
		text_put_n(&out, token->at, token->length);
	return buffer;
}

const char *
scan_section_seen(const struct scan_section *section, char buffer[SAY_SIZE])
{
	const struct section_row *row = section_of(section->kind);
	char title[SAY_SIZE];
	struct text out;

	text_init(&out, buffer, SAY_SIZE);
	if (section->kind == SECTION_GLOBAL)
		text_put(&out, "at the top level");
	else
		text_printf(&out, "in %s", row->name);
	if (section->title[0] != '\0') {
		text_put_char(&out, ' ');
		text_put(&out, say_seen(section->title,
		    strlen(section->title), title));
	}
	return buffer;
}

const char *
scan_section_title(const struct scan_section *section, char buffer[SAY_SIZE])
{
	return scan_section_seen(section, buffer) + strlen("in ");
}

void
scan_skip_braces(struct scanner *s)
{
	int begun = scan_peek(s, 0)->line;
	size_t depth = 0;

	for (;; s->at++) {
		enum token_kind kind = scan_peek(s, 0)->kind;

		if (kind == TOKEN_END) {
			problems_add(s->problems, s->file, begun,
			    "the { here has no }");
			return;
		}
		if (kind == TOKEN_OPEN)
			depth++;
		if (kind == TOKEN_CLOSE && --depth == 0)
			break;
	}
	s->at++;
}

void
scan_put(struct scanner *s, int line, const char *string)
{
	for (; s->clean_line < line; s->clean_line++)
		text_put_char(&s->clean, '\n');
	text_put(&s->clean, string);
}

/*
 * A value as libconfuse reads it back: strings as they are, words in quotes,
 * since its idea of where a word ends has changed between versions.
 */
void
scan_put_value(struct scanner *s, const struct token *token)
{
	scan_put(s, token->line, "");
	if (token->kind == TOKEN_STRING) {
		text_put_n(&s->clean, token->at, token->length);
		return;
	}
	text_put_char(&s->clean, '"');
	for (size_t i = 0; i < token->length; i++) {
		if (token->at[i] == '\\')
			text_put_char(&s->clean, '\\');
		text_put_char(&s->clean, token->at[i]);
	}
	text_put_char(&s->clean, '"');
}

#define NAMES_MAX 64

static size_t
add_names(const struct option_table *table, const char *names[], size_t count)
{
	for (size_t i = 0; table != NULL && i < table->count; i++)
		if (count < NAMES_MAX)
			names[count++] = table->rows[i].name;
	return count;
}

/* All that may stand in a section. */
static size_t
names_within(enum section kind, const char *names[])
{
	const struct section_row *row = section_of(kind);
	size_t count = add_names(row->tables[0], names, 0);

	count = add_names(row->tables[1], names, count);
	for (int i = SECTION_GLOBAL + 1; i < SECTION_COUNT; i++)
		if (section_of((enum section)i)->parent == kind &&
		    count < NAMES_MAX)
			names[count++] = section_of((enum section)i)->name;
	return count;
}

/* Where the name would be right: "; it belongs in policy", or "". */
static const char *
say_home(const char *name, char buffer[SAY_SIZE])
{
	struct text out;

	text_init(&out, buffer, SAY_SIZE);
	for (int i = 0; i < SECTION_COUNT; i++) {
		enum section kind = (enum section)i;
		const struct section_row *row = section_of(kind);

		if (section_option(kind, name) == NULL &&
		    !section_has(kind, name))
			continue;
		text_put(&out, out.length == 0 ? "; it belongs in " : " or ");
		text_put(&out, kind == SECTION_GLOBAL ? "the top level" :
		    row->name);
		if (row->title != NULL)
			text_printf(&out, " \"%s\"", row->title);
	}
	return buffer;
}

void
scan_report_unknown(struct scanner *s, const char *what,
    const struct token *token, const char *name)
{
	const char *names[NAMES_MAX];
	char seen[SAY_SIZE], in[SAY_SIZE], hint[SAY_SIZE];
	size_t count = names_within(s->section->kind, names);

	say_home(name, hint);
	if (hint[0] == '\0')
		say_nearest(name, names, count, hint);
	problems_add(s->problems, s->file, token->line, "no %s %s %s%s",
	    what, scan_token_seen(token, seen),
	    scan_section_seen(s->section, in), hint);
}
