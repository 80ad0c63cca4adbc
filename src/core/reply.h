/*
 * reply.h - SMTP replies: the catalogue, templates, and the finished text
 *
 * A reply stays a struct until the milter sends it. Its class digit and its
 * action come from the basic code alone, so that a pair that does not fit
 * cannot be written down. The catalogue is reply.def.
 */
#ifndef FLOODGATE_CORE_REPLY_H
#define FLOODGATE_CORE_REPLY_H

#include "core/stage.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 5321 4.5.3.1.5: a reply line with its code and CRLF. */
#define REPLY_LINE_OCTETS_MAX 512
#define REPLY_TEXT_OCTETS_MAX (REPLY_LINE_OCTETS_MAX - 2 - 14)
				/* 14: "550 5.999.999 " */
#define REPLY_REF_SIZE 7	/* six letters and the NUL */
#define REPLY_CODE_SIZE 4
#define REPLY_ENHANCED_SIZE 10

/* The rows of the catalogue. */
enum reply_id {
#define REPLY(name, stage, basic, subject, detail, text) REPLY_##name,
#include "core/reply.def"
	REPLY_COUNT
};

/* What %{...} in a text may name; field.def. */
enum field {
#define FIELD(name, help) FIELD_##name,
#include "core/field.def"
	FIELD_COUNT
};

const char *field_name(enum field field);
const char *field_help(enum field field);

/* One reply with its text still a template; const once made. */
struct reply {
	const char *name;	/* row of the catalogue it comes from */
	enum stage stage;	/* where that row is meant to be sent */
	uint16_t basic;		/* 400..599 */
	uint16_t subject;	/* of the enhanced code, 0..999 */
	uint16_t detail;	/* 0..999 */
	const char *text;	/* with %{field}; printable ASCII */
};

/* The catalogue's row; never NULL. */
const struct reply *reply_of(enum reply_id id);
/* REPLY_COUNT when there is no such row. */
enum reply_id reply_find(const char *name);

bool reply_is_permanent(const struct reply *reply);	/* 5yz */
bool reply_closes(const struct reply *reply);		/* 421 */

/*
 * Take apart a configured reply, "450 4.7.1 Error: too much mail from
 * %{client}". `text` is borrowed into *reply. False with *why (a static
 * sentence) when it cannot work: not 4yz or 5yz, no enhanced code or one of
 * another class, characters outside printable ASCII, an unknown field, no
 * text, a text that is too long before any field is filled in, 521 (which
 * MTAs treat as 421) or a code that reserves another meaning.
 */
bool reply_parse(const char *string, struct reply *reply, const char **why);

/* Fields of a template, as bits (1 << FIELD_x). */
uint32_t reply_fields(const struct reply *reply);

/* A reply ready to be sent. */
struct reply_sent {
	char code[REPLY_CODE_SIZE];		/* "550" */
	char enhanced[REPLY_ENHANCED_SIZE];	/* "5.7.1" */
	char text[REPLY_TEXT_OCTETS_MAX + 1];	/* with "(ref XXXXXX)" */
};

/*
 * Fill in the template. values[FIELD_COUNT] may hold NULLs, which read as
 * "". What came from outside is made printable ASCII: other octets become
 * '?'. The line is cut to REPLY_LINE_OCTETS_MAX, the reference never is.
 * `ref` "" leaves the reference out.
 */
void reply_render(const struct reply *reply, const char *const values[],
    const char *ref, struct reply_sent *sent);

/*
 * The text with every '%' doubled, for smfi_setreply (both MTAs undouble),
 * into buffer[size]; where that does not fit, a '%' becomes '?'.
 */
void reply_double_percent(const char *text, char *buffer, size_t size);

#endif
