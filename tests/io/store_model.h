/*
 * store_model.h - any store, put through its paces beside an exact log
 *
 * A randomised run: sets of charges, forced ones, peeks, refunds, changed
 * limits, with time between them. Every answer is held against a log of all
 * events. What is asked of a store:
 *
 *  - a set is charged as a whole or not at all;
 *  - no half-open span of a window ever holds more than the max (checked at
 *    each event that is let in, by the log: a span is fullest there);
 *  - a refusal is right: with what may be held for window/60 after it has
 *    left, there was no room; `refused` is the first that is full;
 *  - retry_ms is not earlier than the log says, and at most window/60 + 1
 *    later; it is the longest of all that are full;
 *  - used[] is the log's sum, or more by what may still be held;
 *  - a refund takes back what is in the window, and nothing else; it is seen
 *    by the calls made after it;
 *  - peek changes nothing, force and observe count whatever the max says;
 *  - two charges of one counter in one set both count;
 *  - what counts always, when refused or never does so (charge_when), also
 *    beside others;
 *  - how many different ones there are is exact, to the millisecond; one that
 *    is there passes whatever the max; at most max + 1 are kept;
 *  - the times in answers never step back.
 *
 * The time of an event is the answer's now_ms, so that a store with a clock
 * of its own is judged by it. Time need not be settable: `advance` may
 * sleep, windows may be of one second. Fails by ck_abort_msg(), naming the
 * seed and the round.
 */
#ifndef FLOODGATE_TESTS_IO_STORE_MODEL_H
#define FLOODGATE_TESTS_IO_STORE_MODEL_H

#include "io/store.h"

#include <stddef.h>
#include <stdint.h>

#define STORE_MODEL_WINDOWS_MAX 8

struct store_model {
	struct store *store;	/* borrowed; need not be empty: the names of
				 * subjects come from the seed */
	int64_t (*now)(void *context);	/* ms, for the store's now_ms */
	void (*advance)(void *context, int64_t ms);	/* let time pass */
	void *context;
	int64_t windows_ms[STORE_MODEL_WINDOWS_MAX];	/* >= 1000; 0 ends */
	int64_t pause_max_ms;	/* longest advance at once; 0: any, up to
				 * two of the longest window */
	int64_t timeout_ms;	/* of one call */
	uint32_t seed;
	unsigned int rounds;
};

void store_model_run(const struct store_model *setup);

#endif
