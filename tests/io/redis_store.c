/*
 * redis_store.c - what tests of the Redis store ask it, in few words
 */
#include "redis_store.h"

#include <check.h>
#include <poll.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"

#define HOURLY "quota_user/1h"

void
sleep_ms(int64_t ms)
{
	poll(NULL, 0, (int)ms);
}

struct store_redis_options
redis_options(int64_t timeout_ms)
{
	return (struct store_redis_options){
		.user = "", .password_file = "", .sentinel = "",
		.sentinel_user = "", .sentinel_password_file = "",
		.tls_ca_file = "", .tls_ca_directory = "",
		.tls_certificate_file = "", .tls_key_file = "",
		.tls_server_name = "", .prefix = "fg:",
		.timeout_ms = timeout_ms, .connect_timeout_ms = 300
	};
}

struct store *
open_with(const struct store_redis_options *options)
{
	char why[200] = "";
	struct store *store = store_redis_open(options, why, sizeof(why));

	ck_assert_msg(store != NULL, "%s", why);
	return store;
}

struct store_state
state_of(struct store *store)
{
	struct store_state state;

	store_get_state(store, &state);
	return state;
}

bool
comes_up(struct store *store, int64_t within_ms)
{
	int64_t until_ms = clock_steady_ms() + within_ms;

	while (!state_of(store).up && clock_steady_ms() < until_ms)
		sleep_ms(2);
	return state_of(store).up;
}

void
add_charge(struct charges *charges, const char *subject, const char *field,
    int64_t max, int64_t window_ms, int64_t weight)
{
	struct charge *charge = &charges->at[charges->count++];

	memset(charge, 0, sizeof(*charge));
	ck_assert(text_copy(charge->subject, sizeof(charge->subject),
	    subject));
	charge->field = field;
	charge->max = max;
	charge->window_ms = window_ms;
	charge->weight = weight;
}

void
add_hourly(struct charges *charges, const char *subject, int64_t max)
{
	add_charge(charges, subject, HOURLY, max, HOUR_MS, 1);
}

struct charge_answer
ask(struct store *store, const struct charges *charges, enum store_mode mode)
{
	struct charge_answer answer;

	store_charge(store, charges, mode, clock_now_ms(), PATIENT_MS,
	    &answer);
	return answer;
}

struct charge_answer
charge_one(struct store *store, const char *subject, int64_t max)
{
	struct charges charges = {.count = 0};

	add_hourly(&charges, subject, max);
	return ask(store, &charges, STORE_CHARGE);
}

int64_t
used_of(struct store *store, const char *subject, const char *field)
{
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add_charge(&charges, subject, field, 1, HOUR_MS, 0);
	answer = ask(store, &charges, STORE_PEEK);
	ck_assert_int_ne(answer.status, CHARGE_UNAVAILABLE);
	return answer.used[0];
}
