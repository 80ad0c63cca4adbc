/*
 * test_distinct.c - how many different ones there were
 */
#include "core/distinct.h"

#include <check.h>

#include "../suite.h"

#define HOUR INT64_C(3600000)
#define NOW INT64_C(1700000000000)
#define ROOM 8

static struct distinct_element at[ROOM];
static struct distinct distinct;

/* a at 0, b at 10, c at 20 minutes. */
static void
setup(void)
{
	distinct = (struct distinct){ .at = at };
	for (int64_t i = 0; i < 3; i++)
		ck_assert(distinct_see(&distinct, 5, NOW + i * HOUR / 6,
		    (uint64_t)('a' + i)));
}

static const struct {
	const char *name;
	int64_t now_ms;		/* beyond NOW */
	size_t left;
} expiries[] = {
	{ "all are in the window", HOUR - 1, 3 },
	{ "as old as the window is gone", HOUR, 2 },
	{ "two", HOUR + HOUR / 6, 1 },
	{ "all", 2 * HOUR, 0 },
};

START_TEST(expires_by_its_age)
{
	distinct_expire(&distinct, HOUR, NOW + expiries[_i].now_ms);
	ck_assert_msg(distinct.count == expiries[_i].left, "%s: %zu left",
	    expiries[_i].name, distinct.count);
}
END_TEST

static const struct {
	const char *name;
	int64_t max, more, want_ms;	/* asked at half an hour */
} waits[] = {
	{ "there is room", 4, 1, 0 },
	{ "nothing new is asked for", 3, 0, 0 },
	{ "the oldest must leave", 3, 1, HOUR / 2 },
	{ "two must", 3, 2, HOUR / 2 + HOUR / 6 },
	{ "all must, under a lower max", 1, 1, HOUR / 2 + HOUR / 3 },
	{ "never", 0, 1, HOUR },
	{ "more than fit", 2, 3, HOUR },
};

START_TEST(waits_for_the_oldest)
{
	int64_t got = distinct_wait(&distinct, HOUR, NOW + HOUR / 2,
	    waits[_i].max, waits[_i].more);

	ck_assert_msg(got == waits[_i].want_ms, "%s: %lld, not %lld",
	    waits[_i].name, (long long)got, (long long)waits[_i].want_ms);
}
END_TEST

START_TEST(seen_again_is_not_new)
{
	ck_assert(!distinct_see(&distinct, 5, NOW + HOUR / 2, 'a'));
	ck_assert_uint_eq(distinct.count, 3);
	ck_assert_uint_eq(at[0].hash, 'b');
	ck_assert_uint_eq(at[2].hash, 'a');
	ck_assert_int_eq(at[2].last_ms, NOW + HOUR / 2);
	ck_assert(distinct_has(&distinct, 'a'));
	ck_assert(!distinct_has(&distinct, 'x'));
}
END_TEST

START_TEST(no_more_than_one_beyond_the_max_are_kept)
{
	for (uint64_t i = 0; i < 20; i++) {
		ck_assert(distinct_see(&distinct, 5, NOW + HOUR / 2, i));
		ck_assert_uint_le(distinct.count, 6);
	}
	ck_assert_uint_eq(at[0].hash, 14);
	ck_assert(distinct_see(&distinct, 0, NOW + HOUR / 2, 'x'));
	ck_assert_uint_eq(distinct.count, 1);
	ck_assert_uint_eq(at[0].hash, 'x');
}
END_TEST

START_TEST(a_clock_that_steps_back_stands_still)
{
	ck_assert(distinct_see(&distinct, 5, NOW - HOUR, 'd'));
	ck_assert_int_eq(at[3].last_ms, NOW + HOUR / 3);
}
END_TEST

START_TEST(only_what_was_not_seen_since_is_forgotten)
{
	ck_assert(!distinct_forget(&distinct, NOW, 'x'));
	ck_assert(!distinct_forget(&distinct, NOW - 1, 'a'));
	ck_assert(distinct_forget(&distinct, NOW + HOUR / 6, 'b'));
	ck_assert_uint_eq(distinct.count, 2);
	ck_assert(!distinct_has(&distinct, 'b'));
	distinct_see(&distinct, 5, NOW + HOUR / 2, 'a');
	ck_assert(!distinct_forget(&distinct, NOW, 'a'));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("distinct");
	TCase *rules = tcase_create("rules");

	suite_add_tcase(suite, rules);
	tcase_add_checked_fixture(rules, setup, NULL);
	tcase_add_loop_test(rules, expires_by_its_age, 0,
	    (int)(sizeof(expiries) / sizeof(expiries[0])));
	tcase_add_loop_test(rules, waits_for_the_oldest, 0,
	    (int)(sizeof(waits) / sizeof(waits[0])));
	tcase_add_test(rules, seen_again_is_not_new);
	tcase_add_test(rules, no_more_than_one_beyond_the_max_are_kept);
	tcase_add_test(rules, a_clock_that_steps_back_stands_still);
	tcase_add_test(rules, only_what_was_not_seen_since_is_forgotten);
	return run_suite(suite);
}
