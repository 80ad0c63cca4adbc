/*
 * lease_model.h - several daemons with leases, beside an exact log
 *
 * A randomised run: daemons charge the same counters, of one window or two,
 * with a lease or without, give back, end in the middle, lose answers, and
 * settle late; time passes. Held against a log of what was let in:
 *
 *  - no half-open span of the limit's time ever holds more than its max,
 *    whatever happens (checked at each event that is let in);
 *  - who is refused would not have fitted, with what may be held for the
 *    time of a lease and window/60 longer, and with what the others' leases
 *    had left;
 *  - in the end, when all leases have ended, the store below counts what was
 *    let in and not given back: all the rest can be used again. Not so where
 *    a daemon ended or an answer was lost: then it may count more.
 *
 * Fails by ck_abort_msg(), naming the seed and the round.
 */
#ifndef FLOODGATE_TESTS_IO_LEASE_MODEL_H
#define FLOODGATE_TESTS_IO_LEASE_MODEL_H

#include "io/store.h"

#include <stdbool.h>
#include <stdint.h>

#define LEASE_MODEL_DAEMONS_MAX 4

struct lease_model {
	/* A connection of one more daemon to the shared store. */
	struct store *(*connect)(void);
	/* The store's time is set; it never steps back. */
	void (*set_now)(int64_t now_ms);
	int64_t window_ms;	/* the shortest; >= LEASE_WINDOW_MS_MIN */
	int daemons;
	bool misfortunes;	/* some end, some answers are lost */
	uint32_t seed;
	unsigned int rounds;
};

void lease_model_run(const struct lease_model *setup);

/*
 * A store that lends what is free in `below`, a memory store, as charge.lua
 * does; below is borrowed. One thread at a time is in it.
 */
struct store *lessor_open(struct store *below);

#endif
