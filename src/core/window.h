/*
 * window.h - how much was counted in the last hour, exactly enough
 *
 * The grouped sliding window: a total and at most 60-odd groups of events,
 * oldest first. A group takes events for window/60 after its first one and
 * leaves when its last event is as old as the window, so that no half-open
 * span of the window ever holds more than the limit; an event is held at
 * most window/60 too long. charge.lua is the same inside Redis, and one
 * randomised test runs both against an exact log of events.
 *
 * Pure: the caller brings the time. A clock that steps back counts as
 * standing still at the latest time that the window was told. A window of
 * zeros is an empty one.
 */
#ifndef FLOODGATE_CORE_WINDOW_H
#define FLOODGATE_CORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_SLOTS 60
#define WINDOW_GROUPS_MAX 64	/* live groups never exceed SLOTS + 2 */

struct window_group {
	int64_t last_ms;	/* time of its last event */
	int64_t count;		/* > 0; 0 in the newest when all of it was
				 * refunded */
};

struct window {
	int64_t seen_ms;	/* the latest time that it was told */
	int64_t start_ms;	/* first event of the newest group */
	int64_t total;		/* sum of the groups */
	size_t count;		/* of groups */
	struct window_group groups[WINDOW_GROUPS_MAX];	/* oldest first */
};

/* Drop what has left a window of `window_ms` by `now_ms`. */
void window_expire(struct window *window, int64_t window_ms, int64_t now_ms);

/*
 * How long until `weight` more would pass under `max`: 0 now; a whole
 * window when weight > max. Call window_expire() first.
 */
int64_t window_wait(const struct window *window, int64_t window_ms,
    int64_t now_ms, int64_t max, int64_t weight);

/* Count `weight` (>= 0) at `now_ms`, whatever the max. */
void window_add(struct window *window, int64_t window_ms, int64_t now_ms,
    int64_t weight);

/*
 * Take back `weight` that was counted at `at_ms`: from the group of that
 * time. What has left the window already, or was counted before somebody had
 * the window emptied, is not taken from anything else, so that a refund
 * never makes room that was not there.
 */
void window_refund(struct window *window, int64_t window_ms, int64_t now_ms,
    int64_t at_ms, int64_t weight);

/*
 * A time of the first group that did not end before `at_ms`, for who only
 * knows that something was counted then or later. There may be none: then it
 * is at_ms.
 */
int64_t window_time_since(const struct window *window, int64_t at_ms);

/* The longest that an event may be held after it has left the window. */
int64_t window_slot(int64_t window_ms);

#endif
