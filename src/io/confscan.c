/*
 * confscan.c - look a configuration text over before libconfuse reads it
 *
 * Words and marks (conflex.c) become sections and options. A mistake costs
 * the statement it stands in, not more, so that one run finds all of them.
 * No recursion: sections are known and few deep, what is unknown is passed
 * over by counting braces.
 */
#include "io/confscan.h"

#include "base/arena.h"
#include "base/text.h"
#include "io/conflex.h"
#include "io/confsay.h"
#include "io/maps.h"

#include <string.h>

struct scanner {
	struct arena *arena;
	struct problems *problems;
	const char *file;
	struct tokens tokens;
	/* Where we are. */
	size_t at;		/* in the tokens */
	size_t first;		/* problem of this text */
	struct scan_section *section;
	int implied;		/* ends of sections that were not there */
	bool is_too_many;	/* sections; reported once */
	/* What libconfuse shall read. */
	struct text clean;
	int clean_line;
};

/* --- words and marks */

static const struct token *
peek(const struct scanner *s, size_t ahead)
{
	size_t at = s->at + ahead;

	return &s->tokens.at[at < s->tokens.count ? at : s->tokens.count - 1];
}

static bool
is_value(const struct token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_STRING;
}

static bool
is_assignment(const struct token *token)
{
	return token->kind == TOKEN_EQUAL || token->kind == TOKEN_APPEND;
}

/* What the token says, without its quotes; the second may be missing. */
static char *
token_text(const struct scanner *s, const struct token *token)
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

static const char *
token_seen(const struct token *token, char buffer[SAY_SIZE])
{
	struct text out;

	if (token->kind == TOKEN_STRING && token->length >= 2 &&
	    !token->is_bad)
		return say_seen(token->at + 1, token->length - 2, buffer);
	if (is_value(token))
		return say_seen(token->at, token->length, buffer);
	text_init(&out, buffer, SAY_SIZE);
	if (token->kind == TOKEN_END)
		text_put(&out, "the end of the file");
	else
		text_put_n(&out, token->at, token->length);
	return buffer;
}

/* `in policy "submission"`, for messages. */
static const char *
section_seen(const struct scan_section *section, char buffer[SAY_SIZE])
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

/* The same without its "in". */
static const char *
section_title(const struct scan_section *section, char buffer[SAY_SIZE])
{
	return section_seen(section, buffer) + strlen("in ");
}

/* Behind a `{` to behind its `}`. */
static void
skip_braces(struct scanner *s)
{
	int begun = peek(s, 0)->line;
	size_t depth = 0;

	for (;; s->at++) {
		enum token_kind kind = peek(s, 0)->kind;

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

/* Keep libconfuse's lines those of the file. */
static void
clean_put(struct scanner *s, int line, const char *string)
{
	for (; s->clean_line < line; s->clean_line++)
		text_put_char(&s->clean, '\n');
	text_put(&s->clean, string);
}

/*
 * A value as libconfuse reads it back: strings as they are, words in quotes,
 * since its idea of where a word ends has changed between versions.
 */
static void
clean_put_value(struct scanner *s, const struct token *token)
{
	clean_put(s, token->line, "");
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

static void
report_unknown(struct scanner *s, const char *what, const struct token *token,
    const char *name)
{
	const char *names[NAMES_MAX];
	char seen[SAY_SIZE], in[SAY_SIZE], hint[SAY_SIZE];
	size_t count = names_within(s->section->kind, names);

	say_home(name, hint);
	if (hint[0] == '\0')
		say_nearest(name, names, count, hint);
	problems_add(s->problems, s->file, token->line, "no %s %s %s%s",
	    what, token_seen(token, seen), section_seen(s->section, in), hint);
}

/* --- options */

const struct scan_option *
scan_find(const struct scan_section *section, const char *name)
{
	for (const struct scan_option *option = section->options;
	    option != NULL; option = option->next)
		if (strcmp(option->row->name, name) == 0)
			return option;
	return NULL;
}

/*
 * Does a statement begin here? Then what is open before it was left open:
 * `word =`, `word {`, or `word "title" {`.
 */
static bool
is_statement(const struct scanner *s)
{
	const struct token *token = peek(s, 0), *next = peek(s, 1);

	if (token->kind != TOKEN_WORD)
		return false;
	return is_assignment(next) || next->kind == TOKEN_OPEN ||
	    (is_value(next) && next->line == token->line &&
	    peek(s, 2)->kind == TOKEN_OPEN);
}

/* The values in braces, from behind the `{` to behind the `}`. */
static bool
scan_braces(struct scanner *s, const char *name, int begun)
{
	bool is_sound = true, has_value = false;
	char seen[SAY_SIZE];

	for (;; s->at++) {
		const struct token *token = peek(s, 0);

		if (token->kind == TOKEN_CLOSE) {
			s->at++;
			return is_sound;
		}
		if (token->kind == TOKEN_END || is_statement(s)) {
			problems_add(s->problems, s->file, begun,
			    "the { of %s has no }", name);
			return false;
		}
		if (token->kind == TOKEN_COMMA && has_value) {
			has_value = false;
			continue;
		}
		if (is_value(token) && !has_value) {
			is_sound = is_sound && !token->is_bad;
			has_value = true;
			continue;
		}
		problems_add(s->problems, s->file, token->line,
		    "expected %s in the { } of %s, saw %s",
		    has_value ? "a comma or }" : "a value", name,
		    token_seen(token, seen));
		is_sound = false;
		if (token->kind == TOKEN_OPEN) {
			skip_braces(s);
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
		const struct token *token = peek(s, 0);
		char *word;

		if (token->line != line || token->kind == TOKEN_CLOSE ||
		    token->kind == TOKEN_END || is_statement(s))
			return is_sound;
		word = token_text(s, token);
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
			    token_seen(token, seen));
		is_sound = false;
	}
}

/* What follows `name =`; row is NULL when the option is not known. */
static bool
scan_value(struct scanner *s, const char *name, const struct option_row *row)
{
	const struct token *token = peek(s, 0);
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
	if (!is_value(token) || (token->kind == TOKEN_WORD &&
	    is_assignment(peek(s, 1)))) {
		problems_add(s->problems, s->file, s->tokens.at[s->at - 1].line,
		    "expected a value after %s =, saw %s", name,
		    token_seen(token, seen));
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
		if (!is_value(&s->tokens.at[i]))
			continue;
		if (option->count == option->room)
			make_room(s, option);
		option->lines[option->count++] = s->tokens.at[i].line;
	}
}

static void
clean_put_option(struct scanner *s, const struct scan_option *option,
    const struct token *assignment, size_t first)
{
	bool is_many = option_takes_many(option->row), is_first = true;

	clean_put(s, assignment->line, option->row->name);
	text_put(&s->clean, assignment->kind == TOKEN_APPEND ? " += " : " = ");
	if (is_many)
		text_put(&s->clean, "{ ");
	for (size_t i = first; i < s->at; i++) {
		if (!is_value(&s->tokens.at[i]))
			continue;
		if (!is_first)
			text_put(&s->clean, ", ");
		clean_put_value(s, &s->tokens.at[i]);
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

/* It is there, though nothing can be made of it: so it is not missing. */
static void
note_option(struct scanner *s, const struct token *token, const char *name)
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

static void
scan_option(struct scanner *s)
{
	const struct token *token = peek(s, 0), *assignment = peek(s, 1);
	char *name = token_text(s, token);
	const struct option_row *row =
	    section_option(s->section->kind, name);
	struct scan_option *option = NULL;
	bool is_new, is_sound;
	size_t first = s->at += 2;

	if (row == NULL) {
		char seen[SAY_SIZE];

		report_unknown(s, "option", token, name);
		scan_value(s, token_seen(token, seen), NULL);
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
	clean_put_option(s, option, assignment, first);
	keep_values(s, option, first);
}

/* --- sections */

static void
close_section(struct scanner *s, int line)
{
	clean_put(s, line, "} ");
	s->section = s->section->parent;
}

/* A section that can only stand further out: the ends before it are lost. */
static bool
close_forgotten(struct scanner *s, const struct token *token, const char *name)
{
	struct scan_section *outer = s->section->parent;
	char in[SAY_SIZE];

	while (outer != NULL && !section_has(outer->kind, name))
		outer = outer->parent;
	if (outer == NULL)
		return false;
	problems_add(s->problems, s->file, token->line,
	    "%s cannot stand %s of line %d: a } is missing before it",
	    name, section_seen(s->section, in), s->section->line);
	while (s->section != outer) {
		close_section(s, token->line);
		s->implied++;
	}
	return true;
}

/* The kind of section that `name "title"` is within the present one. */
static bool
section_kind(const struct scanner *s, const char *name, const char *title,
    enum section *kind)
{
	for (int i = SECTION_GLOBAL + 1; i < SECTION_COUNT; i++) {
		const struct section_row *row = section_of((enum section)i);

		if (row->parent == s->section->kind &&
		    strcmp(row->name, name) == 0 && (row->title == NULL ||
		    strcmp(row->title, title) == 0)) {
			*kind = (enum section)i;
			return true;
		}
	}
	return false;
}

static void
report_fixed_title(struct scanner *s, const char *name,
    const struct token *token)
{
	const char *titles[SECTION_COUNT] = { NULL };
	char seen[SAY_SIZE], hint[SAY_SIZE], expected[SAY_SIZE];

	for (int i = 0; i < SECTION_COUNT; i++)
		if (strcmp(section_of((enum section)i)->name, name) == 0)
			titles[i] = section_of((enum section)i)->title;
	say_names(titles, SECTION_COUNT, expected, sizeof(expected));
	say_nearest(token_text(s, token), titles, SECTION_COUNT, hint);
	problems_add(s->problems, s->file, token->line,
	    "expected one of %s after %s, saw %s%s", expected, name,
	    token_seen(token, seen), hint);
}

static bool
is_title_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static void
check_title(struct scanner *s, const struct scan_section *section,
    const struct token *title)
{
	const struct section_row *row = section_of(section->kind);
	size_t length = strlen(section->title), good = 0;
	char seen[SAY_SIZE];

	if (!row->has_title && title != NULL)
		problems_add(s->problems, s->file, title->line,
		    "%s has no name: expected {, saw %s", row->name,
		    token_seen(title, seen));
	if (!row->has_title || (title != NULL && title->is_bad))
		return;	/* or reported */
	if (length == 0) {
		problems_add(s->problems, s->file, section->line,
		    "%s needs a name: %s \"name\" { }", row->name, row->name);
		return;
	}
	while (is_title_char(section->title[good]))
		good++;
	if ((length > TITLE_OCTETS_MAX || good < length) &&
	    section->kind != SECTION_CHECK)
		problems_add(s->problems, s->file, title->line,
		    "a name has at most %d letters, digits, '_', '-' and "
		    "'.', saw %s", TITLE_OCTETS_MAX, token_seen(title, seen));
}

/* Hang it into the tree; false when there are too many of its kind. */
static bool
append_section(struct scanner *s, struct scan_section *section)
{
	struct scan_section **end = &s->section->sections;
	const char *name = section_of(section->kind)->name;

	for (; *end != NULL; end = &(*end)->next)
		section->index += strcmp(section_of((*end)->kind)->name,
		    name) == 0;
	if (section->index >= SECTIONS_MAX) {
		if (!s->is_too_many)
			problems_add(s->problems, s->file, section->line,
			    "there are more than %d sections %s: entries by "
			    "the thousand belong in a file of a list",
			    SECTIONS_MAX, name);
		s->is_too_many = true;
		return false;
	}
	*end = section;
	return true;
}

/* The title of a section twice, or a section that can stand only once. */
static void
check_repeated(struct scanner *s, const struct scan_section *section)
{
	const struct section_row *row = section_of(section->kind);
	char seen[SAY_SIZE];

	/* The same check with other lists or another reply has its uses;
	 * lists and policies are compared over all files elsewhere. */
	if (section->kind != SECTION_MATCH && section->kind != SECTION_LIMIT)
		return;
	for (const struct scan_section *other = section->parent->sections;
	    other != section; other = other->next) {
		if (other->kind != section->kind ||
		    strcmp(other->title, section->title) != 0)
			continue;
		if (row->has_title && section->title[0] == '\0')
			continue;
		problems_add(s->problems, s->file, section->line,
		    "%s stands in line %d of this policy already",
		    section_title(section, seen), other->line);
		return;
	}
}

static void
open_section(struct scanner *s, const struct token *token, const char *name,
    const struct token *title)
{
	struct scan_section *section = arena_get(s->arena, sizeof(*section));

	section->title = title != NULL ? token_text(s, title) : "";
	section->line = token->line;
	section->file = s->file;
	section->parent = s->section;
	if (!section_kind(s, name, section->title, &section->kind)) {
		if (title == NULL)
			problems_add(s->problems, s->file, token->line,
			    "%s needs a name: %s \"memory\" { }", name, name);
		else if (!title->is_bad)
			report_fixed_title(s, name, title);
		skip_braces(s);
		return;
	}
	check_title(s, section, title);
	if (!append_section(s, section)) {
		skip_braces(s);
		return;
	}
	check_repeated(s, section);
	clean_put(s, token->line, name);
	text_put(&s->clean, " { ");
	s->at++;
	s->section = section;
}

/* `name {` or `name "title" {`. */
static void
scan_section(struct scanner *s)
{
	const struct token *token = peek(s, 0), *title = NULL;
	char *name = token_text(s, token);

	s->at++;
	if (is_value(peek(s, 0)))
		title = &s->tokens.at[s->at++];
	if (section_has(s->section->kind, name) ||
	    (section_option(s->section->kind, name) == NULL &&
	    close_forgotten(s, token, name))) {
		open_section(s, token, name, title);
		return;
	}
	if (section_option(s->section->kind, name) != NULL)
		note_option(s, token, name);
	else
		report_unknown(s, "section", token, name);
	skip_braces(s);
}

/* --- statements */

static void
scan_close(struct scanner *s)
{
	const struct token *token = peek(s, 0);

	s->at++;
	if (s->section->parent != NULL)
		close_section(s, token->line);
	else if (s->implied > 0)
		s->implied--;
	else
		problems_add(s->problems, s->file, token->line,
		    "the } here closes nothing");
}

/* Neither an option nor a section. Over what stands on the same line. */
static void
scan_stray(struct scanner *s)
{
	const struct token *token = peek(s, 0);
	char *name = token_text(s, token);
	char seen[SAY_SIZE], in[SAY_SIZE];

	if (token->is_bad)
		;	/* reported */
	else if (token->kind == TOKEN_WORD &&
	    section_option(s->section->kind, name) != NULL)
		note_option(s, token, name);
	else if (token->kind == TOKEN_WORD &&
	    section_has(s->section->kind, name))
		problems_add(s->problems, s->file, token->line,
		    "expected { after %s", name);
	else if (token->kind == TOKEN_WORD)
		report_unknown(s, "option", token, name);
	else
		problems_add(s->problems, s->file, token->line,
		    "expected an option or a section %s, saw %s",
		    section_seen(s->section, in), token_seen(token, seen));
	s->at++;
	if (token->kind == TOKEN_OPEN) {
		s->at--;
		skip_braces(s);
	}
	while (peek(s, 0)->line == token->line && !is_statement(s) &&
	    peek(s, 0)->kind != TOKEN_END && peek(s, 0)->kind != TOKEN_OPEN &&
	    peek(s, 0)->kind != TOKEN_CLOSE)
		s->at++;
}

static void
scan_statements(struct scanner *s)
{
	while (peek(s, 0)->kind != TOKEN_END) {
		if (s->problems->count - s->first > PROBLEMS_MAX) {
			problems_add(s->problems, s->file, peek(s, 0)->line,
			    "too many problems: from here on nothing was "
			    "looked at");
			break;
		}
		if (peek(s, 0)->kind == TOKEN_CLOSE)
			scan_close(s);
		else if (!is_statement(s))
			scan_stray(s);
		else if (is_assignment(peek(s, 1)))
			scan_option(s);
		else
			scan_section(s);
	}
	for (; s->section->parent != NULL; close_section(s, s->clean_line)) {
		char seen[SAY_SIZE];

		if (peek(s, 0)->kind != TOKEN_END)
			continue;	/* it gave up before */
		problems_add(s->problems, s->file, s->section->line,
		    "%s begun here has no end: a } is missing",
		    section_title(s->section, seen));
	}
}

void
scan_text(struct scan *scan, struct arena *arena, const char *file,
    char *text, size_t length, struct problems *problems)
{
	/* Words gain quotes, sections and values marks: fewer than seven
	 * octets for each octet of a token. */
	size_t room = 8 * length + 64;
	struct scanner s = {
		.arena = arena, .problems = problems, .file = file,
		.first = problems->count, .clean_line = 1
	};

	scan->root = arena_get(arena, sizeof(*scan->root));
	scan->root->title = "";
	scan->root->file = file;
	scan->clean = arena_get(arena, room);
	text_init(&s.clean, scan->clean, room);
	s.section = scan->root;
	lex_text(&s.tokens, arena, file, text, length, problems);
	scan_statements(&s);
}
