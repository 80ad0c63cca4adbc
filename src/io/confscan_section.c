/*
 * confscan_section.c - `name { ... }`, `name "title" { ... }`
 */
#include "io/confscan_inside.h"

#include "base/arena.h"
#include "io/maps.h"

#include <string.h>

void
scan_close_section(struct scanner *s, int line)
{
	scan_put(s, line, "} ");
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
	    name, scan_section_seen(s->section, in), s->section->line);
	while (s->section != outer) {
		scan_close_section(s, token->line);
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
	say_nearest(scan_token_text(s, token), titles, SECTION_COUNT, hint);
	problems_add(s->problems, s->file, token->line,
	    "expected one of %s after %s, saw %s%s", expected, name,
	    scan_token_seen(token, seen), hint);
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
		    scan_token_seen(title, seen));
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
		    "'.', saw %s", TITLE_OCTETS_MAX,
		    scan_token_seen(title, seen));
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
		    scan_section_title(section, seen), other->line);
		return;
	}
}

static void
open_section(struct scanner *s, const struct token *token, const char *name,
    const struct token *title)
{
	struct scan_section *section = arena_get(s->arena, sizeof(*section));

	section->title = title != NULL ? scan_token_text(s, title) : "";
	section->line = token->line;
	section->file = s->file;
	section->parent = s->section;
	if (!section_kind(s, name, section->title, &section->kind)) {
		if (title == NULL)
			problems_add(s->problems, s->file, token->line,
			    "%s needs a name: %s \"memory\" { }", name, name);
		else if (!title->is_bad)
			report_fixed_title(s, name, title);
		scan_skip_braces(s);
		return;
	}
	check_title(s, section, title);
	if (!append_section(s, section)) {
		scan_skip_braces(s);
		return;
	}
	check_repeated(s, section);
	scan_put(s, token->line, name);
	text_put(&s->clean, " { ");
	s->at++;
	s->section = section;
}

/* `name {` or `name "title" {`. */
void
scan_section(struct scanner *s)
{
	const struct token *token = scan_peek(s, 0), *title = NULL;
	char *name = scan_token_text(s, token);

	s->at++;
	if (scan_is_value(scan_peek(s, 0)))
		title = &s->tokens.at[s->at++];
	if (section_has(s->section->kind, name) ||
	    (section_option(s->section->kind, name) == NULL &&
	    close_forgotten(s, token, name))) {
		open_section(s, token, name, title);
		return;
	}
	if (section_option(s->section->kind, name) != NULL)
		scan_note_option(s, token, name);
	else
		scan_report_unknown(s, "section", token, name);
	scan_skip_braces(s);
}
