/*
 * confscan.c - look a configuration text over before libconfuse reads it
 *
 * Words and marks (conflex.c) become sections and options. A mistake costs
 * the statement it stands in, not more, so that one run finds all of them.
 * No recursion: sections are known and few deep, what is unknown is passed
 * over by counting braces.
 *
 * Here is the course of it; what an option is stands in confscan_option.c,
 * what a section is in confscan_section.c.
 */
#include "io/confscan_inside.h"

#include "base/arena.h"
#include "io/maps.h"

#include <string.h>

const struct scan_option *
scan_find(const struct scan_section *section, const char *name)
{
	for (const struct scan_option *option = section->options;
	    option != NULL; option = option->next)
		if (strcmp(option->row->name, name) == 0)
			return option;
	return NULL;
}

static void
scan_close(struct scanner *s)
{
	const struct token *token = scan_peek(s, 0);

	s->at++;
	if (s->section->parent != NULL)
		scan_close_section(s, token->line);
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
	const struct token *token = scan_peek(s, 0);
	char *name = scan_token_text(s, token);
	char seen[SAY_SIZE], in[SAY_SIZE];

	if (token->is_bad)
		;	/* reported */
	else if (token->kind == TOKEN_WORD &&
	    section_option(s->section->kind, name) != NULL)
		scan_note_option(s, token, name);
	else if (token->kind == TOKEN_WORD &&
	    section_has(s->section->kind, name))
		problems_add(s->problems, s->file, token->line,
		    "expected { after %s", name);
	else if (token->kind == TOKEN_WORD)
		scan_report_unknown(s, "option", token, name);
	else
		problems_add(s->problems, s->file, token->line,
		    "expected an option or a section %s, saw %s",
		    scan_section_seen(s->section, in),
		    scan_token_seen(token, seen));
	s->at++;
	if (token->kind == TOKEN_OPEN) {
		s->at--;
		scan_skip_braces(s);
	}
	while (scan_peek(s, 0)->line == token->line && !scan_is_statement(s) &&
	    scan_peek(s, 0)->kind != TOKEN_END &&
	    scan_peek(s, 0)->kind != TOKEN_OPEN &&
	    scan_peek(s, 0)->kind != TOKEN_CLOSE)
		s->at++;
}

static void
scan_statements(struct scanner *s)
{
	while (scan_peek(s, 0)->kind != TOKEN_END) {
		if (s->problems->count - s->first > PROBLEMS_MAX) {
			problems_add(s->problems, s->file,
			    scan_peek(s, 0)->line, "too many problems: from "
			    "here on nothing was looked at");
			break;
		}
		if (scan_peek(s, 0)->kind == TOKEN_CLOSE)
			scan_close(s);
		else if (!scan_is_statement(s))
			scan_stray(s);
		else if (scan_is_assignment(scan_peek(s, 1)))
			scan_option(s);
		else
			scan_section(s);
	}
	for (; s->section->parent != NULL;
	    scan_close_section(s, s->clean_line)) {
		char seen[SAY_SIZE];

		if (scan_peek(s, 0)->kind != TOKEN_END)
			continue;	/* it gave up before */
		problems_add(s->problems, s->file, s->section->line,
		    "%s begun here has no end: a } is missing",
		    scan_section_title(s->section, seen));
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
