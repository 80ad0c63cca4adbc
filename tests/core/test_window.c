/*
 * test_window.c - the grouped window beside an exact log of events
 */
#include "core/window.h"

#include <check.h>
#include <stdbool.h>
#include <string.h>

#include "../suite.h"

#define HOUR INT64_C(3600000)
#define MINUTE INT64_C(60000)
#define START INT64_C(1700000000000)

/* --- a randomised run against an exact log --- */

static const struct run {
	const char *name;
	int64_t window_ms;
	int64_t max;
	int64_t weight_max;
	int gap;		/* mean time between events: window / gap */
	bool clock_steps_back, refunds, max_changes;
} runs[] = {
	/* name                         window       max weight gap back refund changes */
	{ "1s, few",                    1000,          5,    1,   3, false, false, false },
	{ "1s, dense",                  1000,        100,    3, 400, true,  true,  true },
	{ "odd window, weights",        1234567,      50,   60, 100, true,  true,  false },
	{ "1h, even",                   HOUR,        100,    1, 110, false, false, false },
	{ "1h, twice what may pass",    HOUR,        100,    1, 200, false, false, false },
	{ "1h, heavy abuse",            HOUR,        100,    1, 3000, false, false, false },
	{ "1h, weights",                HOUR,       1000,   50, 300, false, false, false },
	{ "1h, refunds",                HOUR,        100,    2, 300, false, true,  false },
	{ "1h, clock steps back",       HOUR,        100,    2, 300, true,  false, false },
	{ "1h, max changes",            HOUR,        100,    2, 300, false, false, true },
	{ "1h, all",                    HOUR,        100,    2, 300, true,  true,  true },
	{ "1d, bytes",                  24 * HOUR, INT64_C(1) << 30, INT64_C(1) << 24, 200, true, true, true },
	{ "30d, all",                   720 * HOUR, 5000,   20, 800, true,  true,  true },
	{ "max of one",                 MINUTE,        1,    1,  10, true,  true,  false },
	{ "max of none",                MINUTE,        0,    1,  10, true,  true,  false },
};
#define RUNS (sizeof(runs) / sizeof(runs[0]))
#define EVENTS 2500

struct event {
	int64_t at_ms;
	int64_t weight;
};

struct log {
	struct event events[EVENTS];
	size_t count;
};

static uint64_t random_state;

static int64_t
pick(int64_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (int64_t)((random_state * UINT64_C(0x2545f4914f6cdd1d) >> 17)
	    % (uint64_t)below);
}

/* What was counted after `after_ms`. */
static int64_t
log_sum(const struct log *log, int64_t after_ms)
{
	int64_t sum = 0;

	for (size_t i = log->count; i-- > 0; ) {
		if (log->events[i].at_ms <= after_ms)
			break;
		sum += log->events[i].weight;
	}
	return sum;
}

static void
check_shape(const struct run *run, const struct window *window)
{
	int64_t sum = 0;

	ck_assert_uint_le(window->count, WINDOW_SLOTS + 2);
	for (size_t i = 0; i < window->count; i++) {
		sum += window->groups[i].count;
		ck_assert_msg(window->groups[i].count > 0 ||
		    i + 1 == window->count, "%s: group %zu is empty",
		    run->name, i);
		ck_assert(i == 0 || window->groups[i].last_ms >
		    window->groups[i - 1].last_ms);
	}
	ck_assert_int_eq(window->total, sum);
}

/* Not a millisecond too early, and then really. */
static void
check_wait(const struct run *run, const struct window *window,
    const struct log *log, int64_t now_ms, int64_t max, int64_t weight)
{
	int64_t wait_ms = window_wait(window, run->window_ms, now_ms, max,
	    weight);
	int64_t free_ms = now_ms + wait_ms;
	struct window later = *window;

	ck_assert_int_gt(wait_ms, 0);
	if (weight > max) {
		ck_assert_int_eq(wait_ms, run->window_ms);
		return;
	}
	ck_assert_int_gt(log_sum(log, free_ms - 1 - run->window_ms -
	    window_slot(run->window_ms)) + weight, max);
	ck_assert_int_le(log_sum(log, free_ms - run->window_ms) + weight, max);
	window_expire(&later, run->window_ms, free_ms - 1);
	ck_assert_int_eq(window_wait(&later, run->window_ms, free_ms - 1, max,
	    weight), 1);
	window_expire(&later, run->window_ms, free_ms);
	ck_assert_int_eq(window_wait(&later, run->window_ms, free_ms, max,
	    weight), 0);
}

static void
try_one(const struct run *run, struct window *window, struct log *log,
    int64_t now_ms, int64_t max)
{
	int64_t weight = 1 + pick(run->weight_max);
	int64_t seen_ms, exact, held;

	window_expire(window, run->window_ms, now_ms);
	seen_ms = window->seen_ms;
	exact = log_sum(log, seen_ms - run->window_ms);
	held = log_sum(log, seen_ms - run->window_ms -
	    window_slot(run->window_ms) + 1);
	ck_assert_msg(window->total >= exact && window->total <= held,
	    "%s: total %lld, the log says %lld to %lld", run->name,
	    (long long)window->total, (long long)exact, (long long)held);
	if (window_wait(window, run->window_ms, now_ms, max, weight) == 0) {
		ck_assert_int_le(exact + weight, max);
		window_add(window, run->window_ms, now_ms, weight);
		log->events[log->count++] = (struct event){ seen_ms, weight };
	} else {
		ck_assert_int_gt(held + weight, max);
		check_wait(run, window, log, seen_ms, max, weight);
	}
	check_shape(run, window);
}

static void
refund_one(const struct run *run, struct window *window, struct log *log,
    int64_t now_ms)
{
	/* Mostly what is young, sometimes what has long left. */
	size_t back = (size_t)pick(pick(4) ? 20 : 2000);
	struct event *event;
	int64_t weight;

	if (back >= log->count)
		return;
	event = &log->events[log->count - 1 - back];
	if (event->weight == 0)
		return;
	weight = pick(2) ? event->weight : 1 + pick(event->weight);
	window_refund(window, run->window_ms, now_ms, event->at_ms, weight);
	if (event->at_ms > window->seen_ms - run->window_ms)
		event->weight -= weight;
	check_shape(run, window);
}

static void
check_every_span(const struct run *run, const struct log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		int64_t sum = 0;

		for (size_t k = i; k < log->count && log->events[k].at_ms <
		    log->events[i].at_ms + run->window_ms; k++)
			sum += log->events[k].weight;
		ck_assert_msg(sum <= run->max, "%s: %lld from event %zu on",
		    run->name, (long long)sum, i);
	}
}

START_TEST(no_span_holds_more_than_the_max)
{
	static struct log log;
	const struct run *run = &runs[(size_t)_i % RUNS];
	int64_t now_ms = START, max = run->max;
	struct window window = { 0 };

	log.count = 0;
	random_state = UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)_i;
	for (int i = 0; i < EVENTS; i++) {
		if (pick(3) == 0)
			now_ms += pick(6 * run->window_ms / run->gap + 1);
		if (pick(500) == 0)
			now_ms += pick(3 * run->window_ms);
		if (run->clock_steps_back && pick(100) == 0)
			now_ms -= pick(run->window_ms);
		if (run->max_changes && pick(50) == 0)
			max = pick(2) ? run->max : pick(2 * run->max + 1);
		if (run->refunds && pick(5) == 0)
			refund_one(run, &window, &log, now_ms);
		try_one(run, &window, &log, now_ms, max);
	}
	if (!run->max_changes)
		check_every_span(run, &log);
	ck_assert_msg(log.count < EVENTS, "%s: nothing was refused", run->name);
}
END_TEST

/* --- one rule each --- */

START_TEST(an_event_leaves_when_it_is_as_old_as_the_window)
{
	struct window window = { 0 };

	window_add(&window, HOUR, START, 3);
	window_expire(&window, HOUR, START + HOUR - 1);
	ck_assert_int_eq(window.total, 3);
	ck_assert_int_eq(window_wait(&window, HOUR, START + HOUR - 1, 3, 1), 1);
	window_expire(&window, HOUR, START + HOUR);
	ck_assert_int_eq(window.total, 0);
	ck_assert_int_eq(window_wait(&window, HOUR, START + HOUR, 3, 1), 0);
}
END_TEST

static const struct {
	const char *name;
	int64_t total, max, weight, wait_ms;
} waits[] = {
	{ "an empty window has room",            0,  5, 5, 0 },
	{ "a full one has none",                 5,  5, 1, HOUR - MINUTE },
	{ "weight 0 passes when it is full",     5,  5, 0, 0 },
	{ "weight 0 waits when it is over",      6,  5, 0, HOUR - MINUTE },
	{ "more than the max never passes",      0,  5, 6, HOUR },
	{ "a max of 0 lets nothing pass",        0,  0, 1, HOUR },
	{ "nothing overflows",                   INT64_MAX, INT64_MAX, INT64_MAX, HOUR - MINUTE },
};

START_TEST(wait_is_until_enough_has_left)
{
	struct window window = { 0 };

	window_add(&window, HOUR, START, waits[_i].total);
	window_expire(&window, HOUR, START + MINUTE);
	ck_assert_msg(window_wait(&window, HOUR, START + MINUTE, waits[_i].max,
	    waits[_i].weight) == waits[_i].wait_ms, "%s", waits[_i].name);
}
END_TEST

START_TEST(the_total_stops_at_the_largest_number)
{
	struct window window = { 0 };

	window_add(&window, HOUR, START, INT64_MAX - 1);
	window_add(&window, HOUR, START + MINUTE, INT64_MAX);
	ck_assert_int_eq(window.total, INT64_MAX);
	window_add(&window, HOUR, START + 2 * MINUTE, 7);
	ck_assert_int_eq(window.total, INT64_MAX);
	window_expire(&window, HOUR, START + HOUR);
	ck_assert_int_eq(window.total, 1);
}
END_TEST

START_TEST(a_refund_of_what_has_left_takes_nothing)
{
	struct window window = { 0 };

	window_add(&window, HOUR, START, 3);
	window_add(&window, HOUR, START + HOUR, 4);
	window_refund(&window, HOUR, START + HOUR, START, 3);
	ck_assert_int_eq(window.total, 4);
}
END_TEST

START_TEST(a_refund_takes_from_its_own_group_only)
{
	struct window window = { 0 };

	window_add(&window, HOUR, START, 3);
	window_add(&window, HOUR, START + 5 * MINUTE, 4);
	window_add(&window, HOUR, START + 9 * MINUTE, 5);
	window_refund(&window, HOUR, START + 9 * MINUTE, START + 5 * MINUTE,
	    100);
	ck_assert_int_eq(window.total, 8);
	ck_assert_uint_eq(window.count, 2);
	ck_assert_int_eq(window.groups[0].count, 3);
	ck_assert_int_eq(window.groups[1].count, 5);
}
END_TEST

START_TEST(a_refund_from_the_future_takes_nothing)
{
	struct window window = { 0 };

	window_add(&window, HOUR, START, 3);
	window_refund(&window, HOUR, START, START + 1, 3);
	ck_assert_int_eq(window.total, 3);
}
END_TEST

/* It was emptied in between: what is there now came later. */
START_TEST(a_refund_from_before_the_first_group_takes_nothing)
{
	struct window window = { 0 };

	window_add(&window, HOUR, START, 3);
	window_refund(&window, HOUR, START, START - 1, 3);
	ck_assert_int_eq(window.total, 3);
	window_add(&window, HOUR, START + MINUTE, 4);
	window_refund(&window, HOUR, START + MINUTE, START + 1, 4);
	ck_assert_int_eq(window.total, 7);
}
END_TEST

START_TEST(a_refund_of_then_or_later_finds_its_group)
{
	struct window window = { 0 };

	ck_assert_int_eq(window_time_since(&window, START), START);
	window_add(&window, HOUR, START, 3);
	window_add(&window, HOUR, START + 9, 3);
	window_add(&window, HOUR, START + MINUTE, 4);
	ck_assert_int_eq(window_time_since(&window, START - 1), START + 9);
	ck_assert_int_eq(window_time_since(&window, START + 9), START + 9);
	ck_assert_int_eq(window_time_since(&window, START + 10),
	    START + MINUTE);
	ck_assert_int_eq(window_time_since(&window, START + MINUTE + 1),
	    START + MINUTE + 1);
}
END_TEST

START_TEST(a_closed_group_stays_closed_when_the_next_is_refunded)
{
	struct window window = { 0 };

	window_add(&window, HOUR, START, 3);
	window_add(&window, HOUR, START + MINUTE, 4);
	window_refund(&window, HOUR, START + MINUTE, START + MINUTE, 4);
	window_add(&window, HOUR, START + MINUTE + 1, 5);
	window_expire(&window, HOUR, START + HOUR);
	ck_assert_int_eq(window.total, 5);
}
END_TEST

START_TEST(a_clock_that_steps_back_stands_still)
{
	struct window window = { 0 };

	window_add(&window, MINUTE, START, 3);
	window_expire(&window, MINUTE, START + MINUTE);
	window_add(&window, MINUTE, START + 1, 2);
	ck_assert_int_eq(window.groups[0].last_ms, START + MINUTE);
	ck_assert_int_eq(window_wait(&window, MINUTE, START + 2, 2, 1),
	    MINUTE);
}
END_TEST

START_TEST(a_longer_window_holds_what_a_shorter_one_counted)
{
	struct window window = { 0 };
	int64_t now_ms = START;

	for (int i = 0; i < WINDOW_SLOTS; i++, now_ms += MINUTE)
		window_add(&window, HOUR, now_ms, 1);
	for (int i = 0; i < WINDOW_SLOTS; i++, now_ms += 2 * HOUR)
		window_add(&window, 5 * 24 * HOUR, now_ms, 1);
	ck_assert_int_eq(window.total, 2 * WINDOW_SLOTS);
	ck_assert_uint_le(window.count, WINDOW_GROUPS_MAX);
}
END_TEST

START_TEST(a_slot_is_a_sixtieth_rounded_up)
{
	ck_assert_int_eq(window_slot(HOUR), MINUTE);
	ck_assert_int_eq(window_slot(1000), 17);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("window");
	TCase *log = tcase_create("against an exact log");
	TCase *rules = tcase_create("rules");

	tcase_set_timeout(log, 60);
	tcase_add_loop_test(log, no_span_holds_more_than_the_max, 0,
	    (int)(2 * RUNS));
	tcase_add_test(rules, an_event_leaves_when_it_is_as_old_as_the_window);
	tcase_add_loop_test(rules, wait_is_until_enough_has_left, 0,
	    (int)(sizeof(waits) / sizeof(waits[0])));
	tcase_add_test(rules, the_total_stops_at_the_largest_number);
	tcase_add_test(rules, a_refund_of_what_has_left_takes_nothing);
	tcase_add_test(rules, a_refund_takes_from_its_own_group_only);
	tcase_add_test(rules, a_refund_from_the_future_takes_nothing);
	tcase_add_test(rules,
	    a_refund_from_before_the_first_group_takes_nothing);
	tcase_add_test(rules, a_refund_of_then_or_later_finds_its_group);
	tcase_add_test(rules,
	    a_closed_group_stays_closed_when_the_next_is_refunded);
	tcase_add_test(rules, a_clock_that_steps_back_stands_still);
	tcase_add_test(rules,
	    a_longer_window_holds_what_a_shorter_one_counted);
	tcase_add_test(rules, a_slot_is_a_sixtieth_rounded_up);
	suite_add_tcase(suite, log);
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
