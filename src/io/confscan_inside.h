/*
 * confscan_inside.h - the scanner from inside; only for its own files
 */
#ifndef FLOODGATE_IO_CONFSCAN_INSIDE_H
#define FLOODGATE_IO_CONFSCAN_INSIDE_H

#include "base/text.h"
#include "io/conflex.h"
#include "io/confsay.h"
#include "io/confscan.h"

#include <stdbool.h>
#include <stddef.h>

/* A text on its way. */
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

/* --- confscan_word.c --- */

/* The token so many ahead; behind the last one, that. */
const struct token *scan_peek(const struct scanner *s, size_t ahead);
bool scan_is_value(const struct token *token);
bool scan_is_assignment(const struct token *token);
/* What the token says, without its quotes; the second may be missing. */
char *scan_token_text(const struct scanner *s, const struct token *token);

/* For messages; all return a text within the buffer. */
const char *scan_token_seen(const struct token *token, char buffer[SAY_SIZE]);
/* `in policy "submission"` */
const char *scan_section_seen(const struct scan_section *section,
    char buffer[SAY_SIZE]);
/* The same without its "in". */
const char *scan_section_title(const struct scan_section *section,
    char buffer[SAY_SIZE]);
/* `what` is "option" or "section". */
void scan_report_unknown(struct scanner *s, const char *what,
    const struct token *token, const char *name);

/* Behind a `{` to behind its `}`. */
void scan_skip_braces(struct scanner *s);

/* Into the clean text, whose lines stay those of the file. */
void scan_put(struct scanner *s, int line, const char *string);
void scan_put_value(struct scanner *s, const struct token *token);

/* --- confscan_option.c --- */

/*
 * Does a statement begin here? Then what is open before it was left open:
 * `word =`, `word {`, or `word "title" {`.
 */
bool scan_is_statement(const struct scanner *s);
/* One that begins here, to behind its end. */
void scan_option(struct scanner *s);
/* It is there, though nothing can be made of it: so it is not missing. */
void scan_note_option(struct scanner *s, const struct token *token,
    const char *name);

/* --- confscan_section.c --- */

/* The beginning of one, here. */
void scan_section(struct scanner *s);
void scan_close_section(struct scanner *s, int line);

#endif
