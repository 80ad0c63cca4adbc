/*
 * test_store_lease.c - units taken along in one trip, and never too many
 */
#include "io/store.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/metrics.h"
#include "lease_model.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../suite.h"

#define HOUR_MS INT64_C(3600000)
#define NOW_MS INT64_C(1000000000)
#define LEASE_MS INT64_C(10000)
#define STORE_MS (NOW_MS + 77)	/* what the store says it is then */

/* --- a store that answers what it is told to, and notes what it is asked */

#define REFUNDS_MAX 8

static struct {
	struct store store;
	struct store *leases;
	struct charge_answer answer;
	int trips, told, changes;
	struct charges asked;	/* in the last trip */
	struct refund refunds[REFUNDS_MAX];
	char subjects[REFUNDS_MAX][64];
	size_t refund_count;
	bool has_changed;	/* "a", by somebody else */
	void (*meanwhile)(void);	/* during the next trip */
} fake;

static int64_t clock_ms;

static int64_t
fake_clock(void)
{
	return clock_ms;
}

static void
fake_close(struct store *store)
{
	(void)store;
}

static bool
fake_reconfigure(struct store *store, const struct config *config)
{
	(void)store;
	(void)config;
	return true;
}

static void
fake_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	void (*meanwhile)(void) = fake.meanwhile;
	struct charge_answer mine = fake.answer;

	(void)store;
	(void)now_ms;
	(void)timeout_ms;
	fake.told += mode != STORE_CHARGE;
	fake.trips++;
	fake.meanwhile = NULL;
	if (meanwhile != NULL)
		meanwhile();
	fake.asked = *charges;
	*answer = mine;
	for (size_t i = 0; i < charges->count; i++)
		if (charges->at[i].lease_units == 0 ||
		    mine.status != CHARGE_ALLOWED)
			answer->leased[i] = 0;
}

static void
fake_refund(struct store *store, const struct refund refunds[], size_t count,
    int64_t now_ms, int64_t timeout_ms)
{
	(void)store;
	(void)now_ms;
	(void)timeout_ms;
	for (size_t i = 0; i < count; i++) {
		size_t k = fake.refund_count++;

		ck_assert_uint_lt(k, REFUNDS_MAX);
		fake.refunds[k] = refunds[i];
		(void)text_copy(fake.subjects[k], sizeof(fake.subjects[k]),
		    refunds[i].subject);
		fake.refunds[k].subject = fake.subjects[k];
	}
}

static enum store_change
fake_set(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	(void)store;
	(void)subject;
	(void)mark;
	(void)how;
	(void)now_ms;
	(void)timeout_ms;
	fake.changes++;
	return STORE_CHANGED;
}

static enum store_change
fake_lift(struct store *store, const char *subject, enum mark_kind kind,
    const char *field, int64_t now_ms, int64_t timeout_ms)
{
	(void)kind;
	(void)field;
	return fake_set(store, subject, NULL, STORE_SET, now_ms, timeout_ms);
}

static enum store_change
fake_forget(struct store *store, const char *subject, const char *field,
    int64_t now_ms, int64_t timeout_ms)
{
	(void)field;
	return fake_set(store, subject, NULL, STORE_SET, now_ms, timeout_ms);
}

static bool
fake_changed(struct store *store, int64_t *since_ms, int64_t timeout_ms,
    struct marked_subject subjects[], size_t max, size_t *count)
{
	(void)store;
	(void)timeout_ms;
	*since_ms = NOW_MS;
	ck_assert_uint_gt(max, 0);
	(void)text_copy(subjects[0].at, sizeof(subjects[0].at), "a");
	*count = fake.has_changed;
	return true;
}

static void
fake_get_state(struct store *store, struct store_state *state)
{
	(void)store;
	memset(state, 0, sizeof(*state));
}

static const struct store_ops fake_ops = {
	.close = fake_close,
	.reconfigure = fake_reconfigure,
	.charge = fake_charge,
	.refund = fake_refund,
	.get_state = fake_get_state,
	.marks = {
		.set = fake_set,
		.lift = fake_lift,
		.forget = fake_forget,
		.changed = fake_changed,
	},
};

static void
setup(void)
{
	char why[64];

	memset(&fake, 0, sizeof(fake));
	fake.store.ops = &fake_ops;
	fake.answer.status = CHARGE_ALLOWED;
	fake.answer.now_ms = STORE_MS;
	for (size_t i = 0; i < CHARGES_MAX; i++)
		fake.answer.leased[i] = 10;
	clock_ms = 5;
	fake.leases = store_lease_open(&fake.store, fake_clock, false, why,
	    sizeof(why));
	ck_assert_ptr_nonnull(fake.leases);
}

static void
teardown(void)
{
	store_close(&fake.leases);
}

static struct charge *
add(struct charges *charges, const char *subject, int64_t units,
    int64_t weight)
{
	struct charge *charge = &charges->at[charges->count++];

	memset(charge, 0, sizeof(*charge));
	(void)text_copy(charge->subject, sizeof(charge->subject), subject);
	charge->field = "a/1h";
	charge->max = 100;
	charge->window_ms = HOUR_MS + LEASE_MS;
	charge->weight = weight;
	charge->lease_units = units;
	charge->lease_ms = LEASE_MS;
	return charge;
}

static struct charge_answer
ask(const struct charges *charges)
{
	struct charge_answer answer;

	memset(&answer, 0xa5, sizeof(answer));
	store_charge(fake.leases, charges, STORE_CHARGE, NOW_MS, 100,
	    &answer);
	return answer;
}

/* One charge of a subject whose limit lends. */
static struct charge_answer
ask_one(const char *subject, int64_t weight)
{
	struct charges charges = {.count = 0};

	add(&charges, subject, 10, weight);
	return ask(&charges);
}

static void
refund_one(const char *subject, int64_t weight, int64_t at_ms)
{
	const struct refund refund = {
		.subject = subject, .field = "a/1h",
		.window_ms = HOUR_MS + LEASE_MS, .weight = weight,
		.at_ms = at_ms
	};

	store_refund(fake.leases, &refund, 1, NOW_MS, 100);
}

static int64_t
units_left(void)
{
	struct store_state state;

	store_get_state(fake.leases, &state);
	ck_assert(state.has_leases);
	return state.leased_units;
}

static void
must_have_refunded(size_t i, const char *subject, int64_t weight)
{
	ck_assert_uint_gt(fake.refund_count, i);
	ck_assert_str_eq(fake.refunds[i].subject, subject);
	ck_assert_int_eq(fake.refunds[i].weight, weight);
	ck_assert_int_eq(fake.refunds[i].at_ms, STORE_MS);
	ck_assert_int_eq(fake.refunds[i].window_ms, HOUR_MS + LEASE_MS);
}

START_TEST(one_trip_for_many)
{
	int64_t spared = metric_get(METRIC_store_leased);
	struct charge_answer answer;

	for (int i = 0; i < 11; i++) {
		answer = ask_one("a", 1);
		ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
		ck_assert_int_eq(answer.now_ms + answer.skew_ms[0], STORE_MS);
	}
	ck_assert_int_eq(fake.trips, 1);
	ck_assert_int_eq(fake.asked.at[0].lease_units, 10);
	ck_assert_int_eq(fake.asked.at[0].weight, 1);
	ck_assert_int_eq(metric_get(METRIC_store_leased) - spared, 10);
	ck_assert_int_eq(units_left(), 0);
	ask_one("a", 1);
	ck_assert_int_eq(fake.trips, 2);
	ck_assert_uint_eq(fake.refund_count, 0);
}
END_TEST

/* It lives from before the question was sent. */
static void
wait_for_answer(void)
{
	clock_ms += 90;
}

START_TEST(lease_ends_in_time)
{
	fake.meanwhile = wait_for_answer;
	ask_one("a", 1);
	clock_ms = 5 + LEASE_MS - 1;
	ask_one("a", 1);
	ck_assert_int_eq(fake.trips, 1);
	clock_ms++;
	store_lease_settle(fake.leases, NOW_MS);
	ck_assert_uint_eq(fake.refund_count, 1);
	must_have_refunded(0, "a", 9);
	ck_assert_int_eq(units_left(), 0);
	ask_one("a", 1);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

/* Also when nobody settled it before. */
START_TEST(what_has_ended_is_not_spent)
{
	ask_one("a", 1);
	clock_ms += LEASE_MS;
	ask_one("a", 1);
	ck_assert_int_eq(fake.trips, 2);
	ck_assert_uint_eq(fake.refund_count, 1);
	must_have_refunded(0, "a", 10);
	ck_assert_int_eq(units_left(), 10);
}
END_TEST

START_TEST(too_little_is_given_back_before_more_is_asked_for)
{
	ask_one("a", 1);
	ask_one("a", 8);
	ck_assert_int_eq(fake.trips, 1);
	ask_one("a", 3);
	ck_assert_int_eq(fake.trips, 2);
	ck_assert_int_eq(fake.asked.at[0].weight, 3);
	must_have_refunded(0, "a", 2);
	ck_assert_int_eq(units_left(), 10);
}
END_TEST

/* All or none: what is covered is put back when the rest does not pass. */
static const enum charge_status failing[] = {
	CHARGE_REFUSED, CHARGE_MARKED, CHARGE_UNAVAILABLE
};

START_TEST(covered_part_is_put_back)
{
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	ask_one("a", 1);
	add(&charges, "a", 10, 4);
	add(&charges, "b", 0, 1);
	add(&charges, "c", 10, 1);
	fake.answer.status = failing[_i];
	fake.answer.refused = 1;
	fake.answer.retry_ms = fake.answer.full_ms = 5000;
	fake.answer.used[0] = 41;
	fake.answer.overridden = 2;
	fake.answer.max[1] = 43;
	answer = ask(&charges);
	ck_assert_int_eq(answer.status, failing[_i]);
	ck_assert_uint_eq(fake.asked.count, 2);
	ck_assert_str_eq(fake.asked.at[0].subject, "b");
	ck_assert_str_eq(fake.asked.at[1].subject, "c");
	ck_assert_int_eq(answer.used[1], 41);
	ck_assert_uint_eq(answer.overridden, 4);
	ck_assert_int_eq(answer.max[2], 43);
	if (failing[_i] == CHARGE_REFUSED) {
		ck_assert_uint_eq(answer.refused, 2);
		ck_assert_int_eq(answer.retry_ms, 5000);
	}
	ck_assert_int_eq(units_left(), 10);
	ck_assert_uint_eq(fake.refund_count, 0);
}
END_TEST

/* The lease may have ended by then. */
static void
end_lease(void)
{
	clock_ms += LEASE_MS;
	store_lease_settle(fake.leases, NOW_MS);
}

START_TEST(covered_part_goes_to_the_store_without_its_lease)
{
	struct charges charges = {.count = 0};

	ask_one("a", 1);
	add(&charges, "a", 10, 4);
	add(&charges, "b", 0, 1);
	fake.answer.status = CHARGE_REFUSED;
	fake.meanwhile = end_lease;
	ask(&charges);
	ck_assert_uint_eq(fake.refund_count, 2);
	must_have_refunded(0, "a", 6);
	must_have_refunded(1, "a", 4);
}
END_TEST

START_TEST(each_charge_has_its_own_time)
{
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	ask_one("a", 1);
	add(&charges, "b", 0, 1);
	add(&charges, "a", 10, 1);
	fake.answer.now_ms = STORE_MS + 500;
	fake.answer.skew_ms[0] = 3;
	answer = ask(&charges);
	ck_assert_int_eq(answer.now_ms + answer.skew_ms[0], STORE_MS + 503);
	ck_assert_int_eq(answer.now_ms + answer.skew_ms[1], STORE_MS);
}
END_TEST

static void
ask_about(struct charges *charges, bool known)
{
	struct mark_question *question =
	    &charges->marks[charges->mark_count++];

	memset(question, 0, sizeof(*question));
	(void)text_copy(question->subject, sizeof(question->subject), "x");
	question->known = known;
}

START_TEST(marks_that_are_not_known_cost_a_trip)
{
	struct charges charges = {.count = 0};

	ask_one("a", 1);
	add(&charges, "a", 10, 1);
	ask_about(&charges, true);
	ask(&charges);
	ck_assert_int_eq(fake.trips, 1);
	ask_about(&charges, false);
	ask(&charges);
	ck_assert_int_eq(fake.trips, 2);
	ck_assert_uint_eq(fake.asked.count, 0);
	ck_assert_uint_eq(fake.asked.mark_count, 2);
	ck_assert_int_eq(units_left(), 8);
}
END_TEST

START_TEST(given_back_returns_to_the_lease)
{
	ask_one("a", 1);
	ask_one("a", 3);
	refund_one("a", 3, STORE_MS);
	ck_assert_int_eq(units_left(), 10);
	refund_one("a", 1, STORE_MS);
	ck_assert_int_eq(units_left(), 11);
	ck_assert_uint_eq(fake.refund_count, 0);
}
END_TEST

/* What was charged at another time, by others, or elsewhere is not of it. */
START_TEST(what_is_not_of_the_lease_goes_to_the_store)
{
	struct refund refund = {
		.subject = "a", .field = "a/1h",
		.window_ms = HOUR_MS + LEASE_MS, .weight = 1,
		.at_ms = STORE_MS
	};

	ask_one("a", 1);
	switch (_i) {
	case 0:
		refund.at_ms--;
		break;
	case 1:
		refund.local = true;
		break;
	case 2:
		refund.distinct = true;
		break;
	case 3:
		refund.field = "b/1h";
		break;
	case 4:
		clock_ms += LEASE_MS;
		break;
	}
	store_refund(fake.leases, &refund, 1, NOW_MS, 100);
	ck_assert_uint_eq(fake.refund_count, 1);
	ck_assert_int_eq(units_left(), 10);
}
END_TEST

static void
change_it(int how)
{
	const struct store_mark mark = {.kind = MARK_override, .max = 3};

	switch (how) {
	case 0:
		(void)store_set_mark(fake.leases, "a", &mark, STORE_SET,
		    NOW_MS, 100);
		break;
	case 1:
		(void)store_lift_mark(fake.leases, "a", MARK_blocked, "",
		    NOW_MS, 100);
		break;
	case 2:
		(void)store_forget(fake.leases, "a", NULL, NOW_MS, 100);
		break;
	case 3:
		fake.has_changed = true;
		clock_ms += 1000;
		store_lease_settle(fake.leases, NOW_MS);
		fake.has_changed = false;
		break;
	case 4:
		ck_assert(store_reconfigure(fake.leases, NULL));
		break;
	}
}

START_TEST(change_gives_back)
{
	ask_one("a", 1);
	ask_one("b", 1);
	change_it(_i);
	ck_assert_uint_eq(fake.refund_count, _i < 4 ? 1 : 2);
	if (_i < 4)
		must_have_refunded(0, "a", 10);
	ask_one("a", 1);
	ck_assert_int_eq(fake.trips, 3);
}
END_TEST

static int how_changed;

static void
change_meanwhile(void)
{
	change_it(how_changed);
}

/* What is on its way when somebody changes something is of before. */
START_TEST(change_during_the_trip_gives_back)
{
	fake.meanwhile = change_meanwhile;
	how_changed = _i;
	ask_one("a", 1);
	ck_assert_uint_eq(fake.refund_count, 1);
	must_have_refunded(0, "a", 10);
	ck_assert_int_eq(units_left(), 0);
	ask_one("a", 1);
	ck_assert_int_eq(units_left(), 10);
}
END_TEST

START_TEST(end_gives_back)
{
	ask_one("a", 1);
	ask_one("b", 4);
	store_close(&fake.leases);
	ck_assert_uint_eq(fake.refund_count, 2);
	ck_assert_int_eq(fake.refunds[0].weight + fake.refunds[1].weight, 20);
}
END_TEST

static void
another_asks(void)
{
	struct charges charges = {.count = 0};

	add(&charges, "a", 10, 1);
	ck_assert_int_eq(ask(&charges).status, CHARGE_ALLOWED);
	ck_assert_int_eq(fake.asked.at[0].lease_units, 0);
}

START_TEST(one_session_asks_for_a_lease)
{
	fake.meanwhile = another_asks;
	ask_one("a", 1);
	ck_assert_int_eq(fake.trips, 2);
	ck_assert_int_eq(fake.asked.at[0].lease_units, 10);
	ck_assert_int_eq(units_left(), 10);
}
END_TEST

/* The same counter twice in one set, and a limit that differs. */
START_TEST(odd_sets_are_counted_whole)
{
	struct charges charges = {.count = 0};

	add(&charges, "a", 10, 1);
	add(&charges, "a", 10, 2);
	ask(&charges);
	ck_assert_uint_eq(fake.asked.count, 2);
	ck_assert_int_eq(fake.asked.at[0].lease_units, 10);
	ck_assert_int_eq(fake.asked.at[1].lease_units, 0);
	ask(&charges);
	ck_assert_int_eq(fake.trips, 1);
	ck_assert_int_eq(units_left(), 7);
	charges.count = 1;
	charges.at[0].max = 50;
	ask(&charges);
	ck_assert_int_eq(fake.trips, 2);
	ck_assert_int_eq(fake.asked.at[0].lease_units, 0);
	ck_assert_int_eq(units_left(), 7);
}
END_TEST

START_TEST(nothing_needs_no_lease)
{
	ask_one("a", 0);
	ck_assert_int_eq(fake.trips, 1);
	ck_assert_int_eq(fake.asked.at[0].lease_units, 0);
	ask_one("a", 1);
	ask_one("a", 0);
	ck_assert_int_eq(fake.trips, 2);
	ck_assert_int_eq(units_left(), 10);
}
END_TEST

START_TEST(other_modes_ask_the_store)
{
	static const enum store_mode modes[] = {
		STORE_FORCE, STORE_TELL, STORE_PEEK
	};
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	ask_one("a", 1);
	add(&charges, "a", 10, 1);
	store_charge(fake.leases, &charges, modes[_i], NOW_MS, 100, &answer);
	ck_assert_int_eq(fake.told, 1);
	ck_assert_int_eq(units_left(), 10);
}
END_TEST

START_TEST(refused_or_unanswered_is_no_lease)
{
	fake.answer.status = failing[_i];
	ck_assert_int_eq(ask_one("a", 1).status, failing[_i]);
	ck_assert_int_eq(units_left(), 0);
	fake.answer.status = CHARGE_ALLOWED;
	ask_one("a", 1);
	ck_assert_int_eq(fake.asked.at[0].lease_units, 10);
	ck_assert_uint_eq(fake.refund_count, 0);
}
END_TEST

/* The store is away: what is here may be spent until its end. */
START_TEST(lease_outlives_its_store)
{
	ask_one("a", 1);
	fake.answer.status = CHARGE_UNAVAILABLE;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(ask_one("a", 1).status, CHARGE_ALLOWED);
	ck_assert_int_eq(ask_one("a", 1).status, CHARGE_UNAVAILABLE);
}
END_TEST

START_TEST(leases_are_bounded)
{
	struct store_state state;
	char subject[32];
	int without = 0;

	for (int i = 0; i < 5000; i++) {
		snprintf(subject, sizeof(subject), "domain:%d", i);
		ck_assert_int_eq(ask_one(subject, 1).status, CHARGE_ALLOWED);
		without += fake.asked.at[0].lease_units == 0;
	}
	store_get_state(fake.leases, &state);
	ck_assert_int_eq(state.leases, 4096);
	ck_assert_int_eq(without, 5000 - 4096);
	for (size_t i = 0; i < CHARGES_MAX; i++)
		fake.answer.leased[i] = 0;
	for (int i = 0; i < 4096; i++) {	/* nothing to give back */
		snprintf(subject, sizeof(subject), "domain:%d", i);
		for (int k = 0; k < 11; k++)
			ask_one(subject, 1);
	}
	store_get_state(fake.leases, &state);
	ck_assert_int_eq(state.leases, 0);
}
END_TEST

/* --- several daemons, beside an exact log --- */

static struct store *memory;

static struct store *
connect_to_memory(void)
{
	return lessor_open(memory);
}

static void
ignore_now(int64_t now_ms)
{
	(void)now_ms;	/* it comes with each question */
}

static struct store *
open_memory(void)
{
	static const struct store_memory_options options = {
		.file = "", .save_every_ms = HOUR_MS, .max_subjects = 100000
	};
	char why[128];
	struct store *store = store_memory_open(&options, why, sizeof(why));

	ck_assert_msg(store != NULL, "%s", why);
	return store;
}

START_TEST(agrees_with_the_log)
{
	const struct lease_model model = {
		.connect = connect_to_memory, .set_now = ignore_now,
		.window_ms = _i % 3 == 0 ? HOUR_MS : LEASE_WINDOW_MS_MIN,
		.daemons = 1 + _i % LEASE_MODEL_DAEMONS_MAX,
		.misfortunes = _i % 2 == 1,
		.seed = (uint32_t)_i + 1, .rounds = 8000
	};

	memory = open_memory();
	lease_model_run(&model);
	store_close(&memory);
}
END_TEST

/* --- many threads --- */

#define CROWD_MAX 4000
#define CROWD_THREADS 6
#define CROWD_CHARGES 1500

static struct store *crowd[2];
static atomic_int crowd_let_in;

static void
charge_in_crowd(struct store *store, int i)
{
	struct charges charges = {.count = 0};
	struct charge_answer answer;
	struct refund refund;

	add(&charges, "everyone:all", 50, 1 + i % 3)->max = CROWD_MAX;
	store_charge(store, &charges, STORE_CHARGE, clock_now_ms(), 1000, &answer);
	if (answer.status != CHARGE_ALLOWED)
		return;
	if (i % 7 != 0) {
		atomic_fetch_add(&crowd_let_in, 1 + i % 3);
		return;
	}
	refund = (struct refund){
		.subject = "everyone:all", .field = "a/1h",
		.window_ms = HOUR_MS + LEASE_MS, .weight = 1 + i % 3,
		.at_ms = answer.now_ms + answer.skew_ms[0]
	};
	store_refund(store, &refund, 1, clock_now_ms(), 1000);
}

static void *
join_crowd(void *argument)
{
	struct store *store = argument;

	for (int i = 0; i < CROWD_CHARGES; i++) {
		charge_in_crowd(store, i);
		if (i % 500 == 499)
			(void)store_reconfigure(store, NULL);
	}
	return NULL;
}

START_TEST(crowd_is_let_in_up_to_the_limit)
{
	/* The lessor knows only what is counted. */
	static const struct store_ops reloads = {
		.close = fake_close, .reconfigure = fake_reconfigure
	};
	struct store between[2] = {{&reloads, NULL}, {&reloads, NULL}};
	struct charges charges = {.count = 0};
	struct charge_answer answer;
	pthread_t threads[CROWD_THREADS];
	char why[128];

	memory = open_memory();
	between[0].below = lessor_open(memory);
	between[1].below = lessor_open(memory);
	for (int i = 0; i < 2; i++) {
		crowd[i] = store_lease_open(&between[i], clock_steady_ms,
		    true, why, sizeof(why));
		ck_assert_ptr_nonnull(crowd[i]);
	}
	for (int i = 0; i < CROWD_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, join_crowd,
		    crowd[i % 2]), 0);
	for (int i = 0; i < CROWD_THREADS; i++)
		pthread_join(threads[i], NULL);
	store_close(&crowd[0]);
	store_close(&crowd[1]);
	add(&charges, "everyone:all", 0, 0);
	store_charge(memory, &charges, STORE_PEEK, clock_now_ms(), 0, &answer);
	ck_assert_int_le(atomic_load(&crowd_let_in), CROWD_MAX);
	ck_assert_int_gt(atomic_load(&crowd_let_in), CROWD_MAX / 2);
	ck_assert_int_eq(answer.used[0], atomic_load(&crowd_let_in));
	store_close(&memory);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_lease");
	TCase *tcase = tcase_create("leases");
	TCase *model = tcase_create("model");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, one_trip_for_many);
	tcase_add_test(tcase, lease_ends_in_time);
	tcase_add_test(tcase, what_has_ended_is_not_spent);
	tcase_add_test(tcase,
	    too_little_is_given_back_before_more_is_asked_for);
	tcase_add_loop_test(tcase, covered_part_is_put_back, 0,
	    ROWS(failing));
	tcase_add_test(tcase,
	    covered_part_goes_to_the_store_without_its_lease);
	tcase_add_test(tcase, each_charge_has_its_own_time);
	tcase_add_test(tcase, marks_that_are_not_known_cost_a_trip);
	tcase_add_test(tcase, given_back_returns_to_the_lease);
	tcase_add_loop_test(tcase,
	    what_is_not_of_the_lease_goes_to_the_store, 0, 5);
	tcase_add_loop_test(tcase, change_gives_back, 0, 5);
	tcase_add_loop_test(tcase, change_during_the_trip_gives_back, 0, 5);
	tcase_add_test(tcase, end_gives_back);
	tcase_add_test(tcase, one_session_asks_for_a_lease);
	tcase_add_test(tcase, odd_sets_are_counted_whole);
	tcase_add_test(tcase, nothing_needs_no_lease);
	tcase_add_loop_test(tcase, other_modes_ask_the_store, 0, 3);
	tcase_add_loop_test(tcase, refused_or_unanswered_is_no_lease, 0,
	    ROWS(failing));
	tcase_add_test(tcase, lease_outlives_its_store);
	tcase_add_test(tcase, leases_are_bounded);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(model, 60);
	tcase_add_loop_test(model, agrees_with_the_log, 0, 24);
	tcase_add_test(model, crowd_is_let_in_up_to_the_limit);
	suite_add_tcase(suite, model);
	return run_suite(suite);
}
