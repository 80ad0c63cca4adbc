/*
 * mark_text.h - the marks of one subject as one line of text
 *
 * As they stand in Redis, where charge.lua and people read them, and in a
 * snapshot; parted by "; ":
 *
 *	blocked 1795428000000 2026-11-23T10:00:00Z REASON
 *	suspended 0 for-good REASON
 *	override/quota_user/1h 0 for-good 1000 REASON
 *
 * What it is, until when in ms since 1970 (0: until it is lifted), the same
 * for people, of an override the maximum. Reasons are printable; what would
 * not be, '%' and ';' are escaped as %XX.
 */
#ifndef FLOODGATE_IO_MARK_TEXT_H
#define FLOODGATE_IO_MARK_TEXT_H

#include "base/text.h"
#include "io/store.h"

#include <stddef.h>

/* Of one mark, with all of its reason escaped; and of all of a subject. */
#define MARK_TEXT_SIZE (3 * MARK_REASON_OCTETS_MAX + 200)
#define MARKS_TEXT_SIZE (MARKS_MAX * MARK_TEXT_SIZE)

/* "blocked", or "override/quota_user/1h": one mark of a subject has it. */
void mark_put_name(struct text *text, enum mark_kind kind, const char *field);
void mark_put(struct text *text, const struct store_mark *mark);

/* A reason as it is in the text, and in the log. */
void mark_put_reason(struct text *text, const char *reason);

/*
 * The marks of a text into marks[MARKS_MAX], without those that have ended
 * at now_ms; how many. What is no mark is passed over.
 */
size_t marks_read(const char *octets, size_t length, int64_t now_ms,
    struct store_mark marks[]);

#endif
