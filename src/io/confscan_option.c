/*
 * confscan_option.c - `name = value`, `name += { values }`
 */
#include "io/confscan_inside.h"

#include "base/arena.h"
#include "io/maps.h"

#include <string.h>

bool
scan_is_statement(const struct scanner *s)
{
	const struct token *token = scan_peek(s, 0), *next = scan_peek(s, 1);

	if (token->kind != TOKEN_WORD)
		return false;
	return scan_is_assignment(next) || next->kind == TOKEN_OPEN ||
	    (scan_is_value(next) && next->line == token->line &&
	    scan_peek(s, 2)->kind == TOKEN_OPEN);
}

/* The values in braces, from behind the `{` to behind the `}`. */
static bool
scan_braces(struct scanner *s, const char *name, int begun)
{
	bool is_sound = true, has_value = false;
	char seen[SAY_SIZE];

	for (;; s->at++) {
		const struct token *token = scan_peek(s, 0);

		if (token->kind == TOKEN_CLOSE) {
			s->at++;
			return is_sound;
		}
		if (token->kind == TOKEN_END || scan_is_statement(s)) {
			problems_add(s->problems, s->file, begun,
			    "the { of %s has no }", name);
			return false;
		}
		if (token->kind == TOKEN_COMMA && has_value) {
			has_value = false;
			continue;
		}
		if (scan_is_value(token) && !has_value) {
			is_sound = is_sound && !token->is_bad;
			has_value = true;
			continue;
		}
		problems_add(s->problems, s->file, token->line,
		    "expected %s in the { } of %s, saw %s",
		    has_value ? "a comma or }" : "a value", name,
		    scan_token_seen(token, seen));
		is_sound = false;
		if (token->kind == TOKEN_OPEN) {
			scan_skip_braces(s);
			s->at--;
		}
	}
}

/*
 * Behind a value on its line: what belongs to no statement. Of an option
 * without a name nothing is said.
 */
static bool
scan_rest(struct scanner *s, const char *name, int line)
{
	bool is_sound = true;
	char seen[SAY_SIZE];

	for (;; s->at++) {
		const struct token *token = scan_peek(s, 0);
		char *word;

		if (token->line != line || token->kind == TOKEN_CLOSE ||
		    token->kind == TOKEN_END || scan_is_statement(s))
			return is_sound;
		word = scan_token_text(s, token);
		if (token->kind == TOKEN_WORD &&
		    (section_option(s->section->kind, word) != NULL ||
		    section_has(s->section->kind, word)))
			return is_sound;
		if (!is_sound || name == NULL)
			continue;
		if (token->kind == TOKEN_COMMA)
			problems_add(s->problems, s->file, token->line,
			    "expected one value of %s, saw a comma: several "
			    "stand in { }", name);
		else
			problems_add(s->problems, s->file, token->line,
			    "expected the line's end after the value of %s, "
			    "saw %s: a value with blanks needs quotes", name,
			    scan_token_seen(token, seen));
		is_sound = false;
	}
}

/* What follows `name =`; row is NULL when the option is not known. */
static bool
scan_value(struct scanner *s, const char *name, const struct option_row *row)
{
	const struct token *token = scan_peek(s, 0);
	char seen[SAY_SIZE];
	bool is_sound;

	if (token->kind == TOKEN_OPEN) {
		s->at++;
		is_sound = scan_braces(s, name, token->line);
		if (row == NULL || option_takes_many(row))
			return is_sound;
		if (is_sound)
			problems_add(s->problems, s->file, token->line,
			    "%s takes one value: take the { } away", name);
		return false;
	}
	if (!scan_is_value(token) || (token->kind == TOKEN_WORD &&
	    scan_is_assignment(scan_peek(s, 1)))) {
		problems_add(s->problems, s->file, s->tokens.at[s->at - 1].line,
		    "expected a value after %s =, saw %s", name,
		    scan_token_seen(token, seen));
		return false;
	}
	s->at++;
	is_sound = !token->is_bad;
	return scan_rest(s, row != NULL ? name : NULL, token->line) &&
	    is_sound;
}

static void
make_room(struct scanner *s, struct scan_option *option)
{
	int *more;

	option->room = option->room == 0 ? 4 : 2 * option->room;
	more = arena_get_array(s->arena, option->room, sizeof(*more));
	for (size_t i = 0; i < option->count; i++)
		more[i] = option->lines[i];
	option->lines = more;
}

/* Keep where the values among tokens[first..s->at) stand. */
static void
keep_values(struct scanner *s, struct scan_option *option, size_t first)
{
	for (size_t i = first; i < s->at; i++) {
		if (!scan_is_value(&s->tokens.at[i]))
			continue;
		if (option->count == option->room)
			make_room(s, option);
		option->lines[option->count++] = s->tokens.at[i].line;
	}
}

static void
put_option(struct scanner *s, const struct scan_option *option,
    const struct token *assignment, size_t first)
{
	bool is_many = option_takes_many(option->row), is_first = true;

	scan_put(s, assignment->line, option->row->name);
	text_put(&s->clean, assignment->kind == TOKEN_APPEND ? " += " : " = ");
	if (is_many)
		text_put(&s->clean, "{ ");
	for (size_t i = first; i < s->at; i++) {
		if (!scan_is_value(&s->tokens.at[i]))
			continue;
		if (!is_first)
			text_put(&s->clean, ", ");
		scan_put_value(s, &s->tokens.at[i]);
		is_first = false;
	}
	text_put(&s->clean, is_many ? " } " : " ");
}

static struct scan_option *
append_option(struct scanner *s, const struct option_row *row, int line)
{
	struct scan_option **end = &s->section->options;

	while (*end != NULL)
		end = &(*end)->next;
	*end = arena_get(s->arena, sizeof(**end));
	(*end)->row = row;
	(*end)->line = line;
	return *end;
}

void
scan_note_option(struct scanner *s, const struct token *token, const char *name)
{
	const struct option_row *row = section_option(s->section->kind, name);

	problems_add(s->problems, s->file, token->line, "expected = after %s",
	    name);
	if (scan_find(s->section, name) == NULL)
		append_option(s, row, token->line);
}

/* May `name =` or `name +=` stand here, where `option` stood before? */
static bool
may_assign(struct scanner *s, const struct token *assignment,
    const struct option_row *row, const struct scan_option *option)
{
	if (assignment->kind == TOKEN_EQUAL && option != NULL) {
		problems_add(s->problems, s->file, assignment->line,
		    "%s stands in line %d already: only one of them can "
		    "count", row->name, option->line);
		return false;
	}
	if (assignment->kind == TOKEN_APPEND && !option_takes_many(row)) {
		problems_add(s->problems, s->file, assignment->line,
		    "%s takes one value: expected =, saw +=", row->name);
		return false;
	}
	if (assignment->kind == TOKEN_APPEND && option == NULL) {
		problems_add(s->problems, s->file, assignment->line,
		    "+= adds to values that stand above, and %s has none: "
		    "expected =", row->name);
		return false;
	}
	return true;
}

void
scan_option(struct scanner *s)
{
	const struct token *token = scan_peek(s, 0);
	const struct token *assignment = scan_peek(s, 1);
	char *name = scan_token_text(s, token);
	const struct option_row *row =
	    section_option(s->section->kind, name);
	struct scan_option *option = NULL;
	bool is_new, is_sound;
	size_t first = s->at += 2;

	if (row == NULL) {
		char seen[SAY_SIZE];

		scan_report_unknown(s, "option", token, name);
		scan_value(s, scan_token_seen(token, seen), NULL);
		return;
	}
	for (option = s->section->options; option != NULL;
	    option = option->next)
		if (option->row == row)
			break;
	is_sound = may_assign(s, assignment, row, option);
	is_new = option == NULL;
	if (is_new)
		option = append_option(s, row, token->line);
	if (!scan_value(s, row->name, row) || !is_sound) {
		option->is_sound = option->is_sound && !is_new;
		return;
	}
	if (is_new)
		option->is_sound = true;
	if (!option->is_sound)
		return;
	put_option(s, option, assignment, first);
	keep_values(s, option, first);
}
