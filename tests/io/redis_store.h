/*
 * redis_store.h - what tests of the Redis store ask it, in few words
 *
 * What does not work ends the test.
 */
#ifndef FLOODGATE_TESTS_IO_REDIS_STORE_H
#define FLOODGATE_TESTS_IO_REDIS_STORE_H

#include "io/store.h"

#include <stdbool.h>
#include <stdint.h>

#define PATIENT_MS 2000		/* where the time is not the subject */
#define HOUR_MS INT64_C(3600000)
#define SKIPPED 77		/* exit status: a program is not installed */

void sleep_ms(int64_t ms);

/* Without servers; the strings are all there, and "" but the prefix. */
struct store_redis_options redis_options(int64_t timeout_ms);

struct store *open_with(const struct store_redis_options *options);
struct store_state state_of(struct store *store);
bool comes_up(struct store *store, int64_t within_ms);

void add_charge(struct charges *charges, const char *subject,
    const char *field, int64_t max, int64_t window_ms, int64_t weight);
/* One of quota_user/1h. */
void add_hourly(struct charges *charges, const char *subject, int64_t max);

struct charge_answer ask(struct store *store, const struct charges *charges,
    enum store_mode mode);
/* Charge one of quota_user/1h. */
struct charge_answer charge_one(struct store *store, const char *subject,
    int64_t max);
/* Of a window of an hour. */
int64_t used_of(struct store *store, const char *subject, const char *field);

#endif
