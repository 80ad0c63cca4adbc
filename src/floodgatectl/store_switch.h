/*
 * store_switch.h - a memory store that can be made to fail
 *
 * For `floodgatectl try`: counters in memory only, whatever the
 * configuration says, and a switch that shows what the rules' on_failure
 * does. Used by one thread.
 */
#ifndef FLOODGATE_CTL_STORE_SWITCH_H
#define FLOODGATE_CTL_STORE_SWITCH_H

#include "io/store.h"

/* NULL with a sentence in why[size]. Close with store_close(). */
struct store *store_switch_open(char *why, size_t size);

enum store_position {
	STORE_UP,
	STORE_DOWN,	/* every question fails, what is counted stays */
	STORE_MISSET	/* the same, until somebody changes its setup */
};

void store_switch_set(struct store *store, enum store_position position);

/*
 * What sets and hashes hold, for lists and maps "in Redis": `member` is in
 * the set `key`, or has `value` in the hash. With `value` NULL it is in the
 * set. False: no memory, or the key holds the other kind.
 */
bool store_switch_add(struct store *store, const char *key,
    const char *member, const char *value);
void store_switch_remove(struct store *store, const char *key,
    const char *member);

#endif
