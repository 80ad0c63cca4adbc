/*
 * distinct.h - how many different ones were there in the last hour?
 *
 * Hashes of elements by the time when each was seen last, oldest first; those
 * of one time by hash.
 * Exact: an element leaves when it was last seen as long ago as the window.
 * At most max + 1 are kept, which is enough to know that there are too many.
 * charge.lua is the same inside Redis, with a sorted set.
 *
 * Pure, and the memory is the caller's. A question takes time in proportion
 * to what is kept.
 */
#ifndef FLOODGATE_CORE_DISTINCT_H
#define FLOODGATE_CORE_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct distinct_element {
	int64_t last_ms;	/* when it was seen last */
	uint64_t hash;
};

struct distinct {
	struct distinct_element *at;	/* oldest first; borrowed */
	size_t count;
};

/* Drop what was last seen `window_ms` before now_ms or earlier. */
void distinct_expire(struct distinct *distinct, int64_t window_ms,
    int64_t now_ms);

/* Drop the `count` that were seen longest ago; there are as many. */
void distinct_drop_oldest(struct distinct *distinct, size_t count);

bool distinct_has(const struct distinct *distinct, uint64_t hash);

/*
 * How long until `more` that are not there would pass under `max`: 0 now; a
 * whole window when more > max. Call distinct_expire() first.
 */
int64_t distinct_wait(const struct distinct *distinct, int64_t window_ms,
    int64_t now_ms, int64_t max, int64_t more);

/*
 * The element is seen at now_ms, or when the last one was if that is later;
 * true when it is new. There must be memory for one more. Past max + 1 the
 * oldest go.
 */
bool distinct_see(struct distinct *distinct, int64_t max, int64_t now_ms,
    uint64_t hash);

/* Forget an element last seen at at_ms; false when it was seen since. */
bool distinct_forget(struct distinct *distinct, int64_t at_ms, uint64_t hash);

#endif
