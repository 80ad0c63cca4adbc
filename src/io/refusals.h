/*
 * refusals.h - what the store refused a moment ago
 *
 * A counter that is full stays full until the time that the store named,
 * unless something is given back. So who asks again for as much is refused
 * without a trip. What another process gives back is not seen here; so
 * nothing is remembered for longer than REFUSAL_MAX_MS; and of a limit from
 * which others may have taken units along, until they have given them back. A
 * subject that is
 * marked stays so, in the same way. What is counted while refusing only makes
 * it fuller: the store is told (store_guard.c), but how much is used and how
 * long to wait is said as it was.
 *
 * Of a distinct count the element is remembered, too: another one may be
 * there already, and pass.
 *
 * A table of fixed size, keyed by a secret; what finds no room replaces what
 * ends first. Thread-safe.
 */
#ifndef FLOODGATE_IO_REFUSALS_H
#define FLOODGATE_IO_REFUSALS_H

#include "core/charge.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFUSAL_MAX_MS 60000

struct refusals;

struct refusals *refusals_open(void);	/* NULL: no memory */
void refusals_close(struct refusals **refusals);

/*
 * The first charge of the set that is known to be refused at now_ms: then
 * the answer is as the store would give it. False: ask the store, and give
 * `seen` to refusals_note() afterwards.
 */
bool refusals_know(struct refusals *refusals, const struct charges *charges,
    int64_t now_ms, struct charge_answer *answer, uint64_t *seen);

/*
 * Note what the store refused, full or marked; nothing when something of
 * that subject was dropped since refusals_know() filled `seen`.
 */
void refusals_note(struct refusals *refusals, const struct charges *charges,
    const struct charge_answer *answer, int64_t now_ms, uint64_t seen);

/*
 * That a limit has had this subject blocked, or found it blocked. It is not
 * an answer to charges: the store says until when.
 */
bool refusals_know_block(struct refusals *refusals, const char *subject,
    int64_t now_ms);
void refusals_note_block(struct refusals *refusals, const char *subject,
    int64_t until_ms, int64_t now_ms);

/* Something was given back to this subject, or may be: forget it. */
void refusals_drop(struct refusals *refusals, const char *subject);
void refusals_drop_all(struct refusals *refusals);

#endif
