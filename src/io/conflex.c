/*
 * conflex.c - a configuration text as words and marks
 */
#include "io/conflex.h"

#include "base/arena.h"
#include "io/maps.h"

#include <string.h>

struct lexer {
	struct arena *arena;
	struct problems *problems;
	const char *file;
	const char *text;
	size_t length, position;
	int line;
	struct tokens *tokens;
	size_t first;		/* problem of this text */
};

static bool
is_hopeless(const struct lexer *s)
{
	return s->problems->count - s->first > PROBLEMS_MAX;
}

/*
 * Octets that no word, string or comment has. NUL would end the text for
 * libconfuse in silence, others would reach replies and logs.
 */
static void
blank_controls(struct lexer *s, char *text, size_t length)
{
	int line = 1, reported = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			line++;
		if ((c >= ' ' && c != 0x7f) || c == '\t' || c == '\n')
			continue;
		text[i] = ' ';
		if (c == '\r' && i + 1 < length && text[i + 1] == '\n')
			continue;	/* written on Windows */
		if (reported != line && !is_hopeless(s))
			problems_add(s->problems, s->file, line,
			    "expected text, saw the control octet 0x%02x", c);
		reported = line;
	}
}

static char
char_at(const struct lexer *s, size_t ahead)
{
	return s->position + ahead < s->length ?
	    s->text[s->position + ahead] : '\0';
}

/* Over a comment that was not closed the rest of the text is lost. */
static void
skip_block_comment(struct lexer *s)
{
	int begun = s->line;

	for (s->position += 2; s->position < s->length; s->position++) {
		if (char_at(s, 0) == '*' && char_at(s, 1) == '/') {
			s->position += 2;
			return;
		}
		if (char_at(s, 0) == '\n')
			s->line++;
	}
	problems_add(s->problems, s->file, begun,
	    "the comment begun here has no end: */ is missing");
}

static void
skip_blanks(struct lexer *s)
{
	while (s->position < s->length) {
		char c = char_at(s, 0);

		if (c == '\n') {
			s->line++;
			s->position++;
		} else if (c == ' ' || c == '\t') {
			s->position++;
		} else if (c == '#' || (c == '/' && char_at(s, 1) == '/')) {
			while (s->position < s->length &&
			    char_at(s, 0) != '\n')
				s->position++;
		} else if (c == '/' && char_at(s, 1) == '*') {
			skip_block_comment(s);
		} else {
			return;
		}
	}
}

static void
refuse_expansion(struct lexer *s, struct token *token)
{
	if (!token->is_bad)
		problems_add(s->problems, s->file, token->line,
		    "${ would be replaced from the environment: write \\${ "
		    "in a string in double quotes, or use single quotes");
	token->is_bad = true;
}

/* A backslash takes the next character with it; only some need one. */
static void
check_escape(struct lexer *s, struct token *token, char quote)
{
	char c = char_at(s, 1);

	if (quote == '\'' || token->is_bad || c == '\n' || c == '\0' ||
	    strchr("\\\"'$", c) != NULL)
		return;
	problems_add(s->problems, s->file, token->line,
	    "expected \\\\, \\\" or \\$ in a string, saw \\%c: write \\\\ for "
	    "a backslash", c > ' ' && c <= '~' ? c : '?');
	token->is_bad = true;
}

/* Strings end on their line, so that a lost quote costs one line. */
static void
take_string(struct lexer *s, struct token *token)
{
	char quote = char_at(s, 0);

	token->kind = TOKEN_STRING;
	for (s->position++; s->position < s->length; s->position++) {
		char c = char_at(s, 0);

		if (c == '\n')
			break;
		if (c == quote) {
			s->position++;
			return;
		}
		if (c == '$' && char_at(s, 1) == '{' && quote == '"')
			refuse_expansion(s, token);
		if (c != '\\')
			continue;
		check_escape(s, token, quote);
		if (char_at(s, 1) != '\n' && char_at(s, 1) != '\0')
			s->position++;
	}
	problems_add(s->problems, s->file, token->line,
	    "the string begun here has no end on its line: %s is missing",
	    quote == '"' ? "\"" : "'");
	token->is_bad = true;
	/* A brace at the line's end is likely meant as one. */
	while (strchr(" \t{}", s->text[s->position - 1]) != NULL)
		s->position--;
}

static bool
is_word_char(char c)
{
	return c != '\0' && strchr(" \t\n#\"'={}()+,*;", c) == NULL;
}

static void
take_word(struct lexer *s, struct token *token)
{
	token->kind = TOKEN_WORD;
	while (is_word_char(char_at(s, 0))) {
		if (char_at(s, 0) == '$' && char_at(s, 1) == '{') {
			refuse_expansion(s, token);
			while (char_at(s, 0) != '}' && char_at(s, 0) != '\n' &&
			    char_at(s, 0) != '\0')
				s->position++;
			if (char_at(s, 0) != '}')
				return;
		}
		s->position++;
	}
}

static void
take_mark(struct lexer *s, struct token *token)
{
	static const struct {
		char c;
		enum token_kind kind;
	} marks[] = {
		{ '{', TOKEN_OPEN }, { '}', TOKEN_CLOSE },
		{ '=', TOKEN_EQUAL }, { ',', TOKEN_COMMA }
	};

	token->kind = TOKEN_OTHER;
	if (char_at(s, 0) == '+' && char_at(s, 1) == '=') {
		token->kind = TOKEN_APPEND;
		s->position++;
	}
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (char_at(s, 0) == marks[i].c &&
		    token->kind == TOKEN_OTHER)
			token->kind = marks[i].kind;
	s->position++;
}

static void
add_token(struct lexer *s, const struct token *token)
{
	struct tokens *tokens = s->tokens;

	if (tokens->count == tokens->room) {
		struct token *more;

		tokens->room = tokens->room == 0 ? 256 : 2 * tokens->room;
		more = arena_get_array(s->arena, tokens->room, sizeof(*more));
		if (tokens->count > 0)
			memcpy(more, tokens->at,
			    tokens->count * sizeof(*more));
		tokens->at = more;
	}
	tokens->at[tokens->count++] = *token;
}

static void
take_tokens(struct lexer *s)
{
	struct token token;

	for (;;) {
		char c;

		skip_blanks(s);
		c = char_at(s, 0);
		memset(&token, 0, sizeof(token));
		token.at = s->text + s->position;
		token.line = s->line;
		if (c == '\0' || is_hopeless(s))
			break;
		if (c == ';') {
			problems_add(s->problems, s->file, s->line,
			    "options end at the line's end: take the ; away");
			s->position++;
			continue;
		}
		if (c == '"' || c == '\'')
			take_string(s, &token);
		else if (is_word_char(c))
			take_word(s, &token);
		else
			take_mark(s, &token);
		token.length = (size_t)(s->text + s->position - token.at);
		add_token(s, &token);
	}
	token.kind = TOKEN_END;
	add_token(s, &token);
}

void
lex_text(struct tokens *tokens, struct arena *arena, const char *file,
    char *text, size_t length, struct problems *problems)
{
	struct lexer s = {
		.arena = arena, .problems = problems, .file = file,
		.text = text, .length = length, .line = 1, .tokens = tokens,
		.first = problems->count
	};

	memset(tokens, 0, sizeof(*tokens));
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		problems_add(problems, file, 1,
		    "expected text, saw a byte order mark: save the file "
		    "as UTF-8 without one");
		s.position = 3;
	}
	blank_controls(&s, text, length);
	take_tokens(&s);
}
