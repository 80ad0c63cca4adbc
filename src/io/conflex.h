/*
 * conflex.h - a configuration text as words and marks
 *
 * The words are libconfuse's: comments begin with #, // or stand between
 * slash-star and star-slash; strings stand in double or single quotes; other
 * words need none. Stricter than it: a string ends on its line, and what
 * libconfuse would replace, cut or pass over in silence is a problem.
 */
#ifndef FLOODGATE_IO_CONFLEX_H
#define FLOODGATE_IO_CONFLEX_H

#include "io/conffile.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

#define PROBLEMS_MAX 1000	/* in one file: then it is something else */

enum token_kind {
	TOKEN_WORD, TOKEN_STRING, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_EQUAL,
	TOKEN_APPEND, TOKEN_COMMA, TOKEN_OTHER, TOKEN_END
};

struct token {
	const char *at;		/* in the text; strings with their quotes */
	size_t length;
	int line;
	enum token_kind kind;
	bool is_bad;		/* reported already */
};

struct tokens {
	struct token *at;	/* the last one is TOKEN_END */
	size_t count;
	size_t room;
};

/*
 * Take text[length] apart; tokens are in the arena and point into the text.
 * Octets that cannot be in a configuration become blanks in it.
 */
void lex_text(struct tokens *tokens, struct arena *arena, const char *file,
    char *text, size_t length, struct problems *problems);

#endif
