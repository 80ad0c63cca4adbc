/*
 * output.h - documents on stdout, for people or for programs
 */
#ifndef FLOODGATE_CTL_OUTPUT_H
#define FLOODGATE_CTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

/* A member of an object as text; "" when it is absent or no string. */
const char *member_text(const json_t *object, const char *name);
json_int_t member_number(const json_t *object, const char *name);

/* Text with everything that is not printable ASCII as \xHH. */
void put_printable(const char *text);

/* The document, indented. */
void put_document(const json_t *document);

/* "3h 12m", "45s", two units at most. */
void put_span(json_int_t seconds);

/*
 * Rows of columns, each as wide as its widest cell, blanks between them.
 * Cells are copied; one that is NULL reads "".
 */
#define TABLE_COLUMNS_MAX 8
struct table {
	json_t *rows;		/* arrays of strings */
	int columns;
	const char *indent;
};
void table_init(struct table *table, int columns, const char *indent);
void table_add(struct table *table, const char *const cells[]);
void table_print_and_clear(struct table *table);

/* The counters and marks of each subject, as `show` prints them. */
void put_subjects(const json_t *document, const char *indent);

/* Every marked subject, as `marks` prints them. */
void put_marked(const json_t *document);

/* "FILE:LINE: TEXT" for each problem, on stderr. */
void put_problems(const json_t *problems);

/*
 * "floodgatectl: error" on stderr with all it brings along; with `json` the
 * document on stdout instead. Returns the exit code for it, or -1 when the
 * document is no error.
 */
int put_error(const json_t *document, bool json);

#endif
