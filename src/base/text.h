/*
 * text.h - bounded text: build, copy, escape, parse
 *
 * A struct text writes into the caller's buffer, always NUL-terminated, and
 * never past its end; what does not fit is dropped and `cut` says so. No
 * function here allocates, and none passes outside text to a format.
 */
#ifndef FLOODGATE_BASE_TEXT_H
#define FLOODGATE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *at;	/* the caller's buffer, borrowed */
	size_t length;	/* octets written, without the NUL */
	size_t size;	/* octets of the buffer, with room for the NUL; >= 1 */
	bool cut;	/* something did not fit */
};

/* Start an empty text in buffer[size]. */
void text_init(struct text *text, char *buffer, size_t size);
#define TEXT_INIT(text, array) text_init((text), (array), sizeof(array))

void text_put(struct text *text, const char *string);
void text_put_n(struct text *text, const char *octets, size_t length);
void text_put_char(struct text *text, char c);
void text_put_number(struct text *text, int64_t number);
void text_printf(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Append octets so that the result is printable ASCII on one line: octets
 * outside 0x21..0x7e, and those in `also` (may be ""), become %XX, as does
 * '%' itself. Injective: two inputs never give the same output.
 */
void text_put_escaped(struct text *text, const char *octets, size_t length,
    const char *also);

/* Copy with the guarantees of struct text; false when cut. */
bool text_copy(char *to, size_t size, const char *from);
bool text_copy_n(char *to, size_t size, const char *from, size_t length);

/* ASCII only, independent of the locale (RFC 5321 2.4: domains). */
char text_lower_char(char c);
/* Of one hexadecimal digit; -1: it is none. */
int text_hex_value(char c);
void text_lower(char *string);
bool text_equal_nocase(const char *a, const char *b);
bool text_equal_nocase_n(const char *a, const char *b, size_t length);
bool text_starts_with(const char *string, const char *prefix);
bool text_ends_with(const char *string, const char *suffix);

/*
 * A decimal number of digits only, no sign, no blanks, no leading zero but
 * "0" itself (so that nobody reads 010 as eight): false when malformed or
 * outside 0..max.
 */
bool text_parse_number(const char *string, int64_t max, int64_t *number);

/*
 * How many insertions, deletions, replacements and swaps of neighbours turn
 * `a` into `b` (case ignored); SIZE_MAX when either is longer than 64.
 */
size_t text_distance(const char *a, const char *b);

/*
 * The candidate that the writer of `word` probably meant: nearest within a
 * third of its length, or NULL. candidates[count] may hold NULLs.
 */
const char *text_nearest(const char *word, const char *const candidates[],
    size_t count);

#endif
