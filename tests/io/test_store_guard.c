/*
 * test_store_guard.c - what was just refused costs no trip, and nothing else
 */
#include "io/store.h"

#include "base/text.h"
#include "io/metrics.h"
#include "io/refusals.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

#define HOUR_MS INT64_C(3600000)
#define NOW_MS INT64_C(1000000000)

/* --- a store that answers what it is told to, and counts the trips --- */

static struct {
	struct store store;
	struct charge_answer answer;
	int trips, refunds;
	int told;		/* charges that nobody waits for */
	const char *drops;	/* a refund that comes during the trip */
	struct store *guard;
	int changes, looks;		/* made; for what was changed */
	enum store_change change;	/* what becomes of one */
	size_t changed;			/* subjects, "a" being the first */
} fake;

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
	const struct refund refund = {.subject = fake.drops, .field = "a/1h"};

	(void)store;
	(void)timeout_ms;
	if (mode == STORE_TELL) {
		fake.told += (int)charges->count;
		return;
	}
	fake.trips++;
	*answer = fake.answer;
	answer->now_ms = now_ms;
	if (fake.drops != NULL)
		store_refund(fake.guard, &refund, 1, now_ms, 100);
}

static void
fake_refund(struct store *store, const struct refund refunds[], size_t count,
    int64_t now_ms, int64_t timeout_ms)
{
	(void)store;
	(void)refunds;
	(void)count;
	(void)now_ms;
	(void)timeout_ms;
	fake.refunds++;
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
	return fake.change;
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
	fake.looks++;
	*since_ms = NOW_MS;
	(void)text_copy(subjects[0].at, sizeof(subjects[0].at), "a");
	*count = fake.changed > max ? max + 1 : fake.changed;
	return fake.changed > 0;
}

static const struct store_ops fake_ops = {
	.close = fake_close,
	.reconfigure = fake_reconfigure,
	.charge = fake_charge,
	.refund = fake_refund,
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
	fake.answer.status = CHARGE_REFUSED;
	fake.answer.retry_ms = HOUR_MS;
	fake.answer.full_ms = 10000;
	fake.answer.used[0] = 100;
	fake.guard = store_guard_open(&fake.store, why, sizeof(why));
	ck_assert_ptr_nonnull(fake.guard);
}

static void
teardown(void)
{
	store_close(&fake.guard);
}

static void
add(struct charges *charges, const char *subject, const char *field,
    int64_t max, int64_t weight)
{
	struct charge *charge = &charges->at[charges->count++];

	memset(charge, 0, sizeof(*charge));
	(void)text_copy(charge->subject, sizeof(charge->subject), subject);
	charge->field = field;
	charge->max = max;
	charge->window_ms = HOUR_MS;
	charge->weight = weight;
}

static struct charge_answer
ask(const struct charges *charges, enum store_mode mode, int64_t now_ms)
{
	struct charge_answer answer;

	store_charge(fake.guard, charges, mode, now_ms, 100, &answer);
	return answer;
}

/* One charge of weight 2 was refused; another comes: does it cost a trip? */
static const struct {
	const char *name;
	const char *subject, *field;
	int64_t max, window_ms, weight, later_ms;
	bool observe;
	enum store_mode mode;
	int trips;
} cases[] = {
	{"the same",                 "a", "a/1h", 100, HOUR_MS, 2, 0,
	    false, STORE_CHARGE, 0},
	{"more",                     "a", "a/1h", 100, HOUR_MS, 3, 0,
	    false, STORE_CHARGE, 0},
	{"less may pass",            "a", "a/1h", 100, HOUR_MS, 1, 0,
	    false, STORE_CHARGE, 1},
	{"nothing may be looked at", "a", "a/1h", 100, HOUR_MS, 0, 0,
	    false, STORE_CHARGE, 1},
	{"a lower limit",            "a", "a/1h", 50, HOUR_MS, 2, 0,
	    false, STORE_CHARGE, 0},
	{"a higher limit may pass",  "a", "a/1h", 101, HOUR_MS, 2, 0,
	    false, STORE_CHARGE, 1},
	{"another window may pass",  "a", "a/1h", 100, 1000, 2, 0,
	    false, STORE_CHARGE, 1},
	{"another subject",          "b", "a/1h", 100, HOUR_MS, 2, 0,
	    false, STORE_CHARGE, 1},
	{"another counter",          "a", "b/1h", 100, HOUR_MS, 2, 0,
	    false, STORE_CHARGE, 1},
	{"just before it frees",     "a", "a/1h", 100, HOUR_MS, 2, 9999,
	    false, STORE_CHARGE, 0},
	{"when it frees",            "a", "a/1h", 100, HOUR_MS, 2, 10000,
	    false, STORE_CHARGE, 1},
	{"a clock that stepped back", "a", "a/1h", 100, HOUR_MS, 2, -1,
	    false, STORE_CHARGE, 1},
	{"a rule that observes",     "a", "a/1h", 100, HOUR_MS, 2, 0,
	    true, STORE_CHARGE, 1},
	{"force",                    "a", "a/1h", 100, HOUR_MS, 2, 0,
	    false, STORE_FORCE, 1},
	{"peek",                     "a", "a/1h", 100, HOUR_MS, 2, 0,
	    false, STORE_PEEK, 1},
};

START_TEST(spares_what_is_known)
{
	struct charges first = {.count = 0}, then = {.count = 0};
	struct charge_answer answer;
	int64_t spared = metric_get(METRIC_store_spared);

	add(&first, "a", "a/1h", 100, 2);
	ask(&first, STORE_CHARGE, NOW_MS);
	add(&then, cases[_i].subject, cases[_i].field, cases[_i].max,
	    cases[_i].weight);
	then.at[0].window_ms = cases[_i].window_ms;
	then.at[0].observe = cases[_i].observe;
	answer = ask(&then, cases[_i].mode, NOW_MS + cases[_i].later_ms);
	ck_assert_msg(fake.trips == 1 + cases[_i].trips, "%s: %d trips",
	    cases[_i].name, fake.trips);
	ck_assert_int_eq(metric_get(METRIC_store_spared) - spared,
	    1 - cases[_i].trips);
	if (cases[_i].trips > 0)
		return;
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 0);
	ck_assert_int_eq(answer.used[0], 100);
	ck_assert_int_eq(answer.retry_ms, 10000 - cases[_i].later_ms);
}
END_TEST

START_TEST(nothing_is_remembered_for_longer_than_a_minute)
{
	struct charges charges = {.count = 0};

	fake.answer.full_ms = HOUR_MS;
	add(&charges, "a", "a/1h", 100, 1);
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(ask(&charges, STORE_CHARGE,
	    NOW_MS + REFUSAL_MAX_MS - 1).retry_ms,
	    HOUR_MS - REFUSAL_MAX_MS + 1);
	ck_assert_int_eq(fake.trips, 1);
	ask(&charges, STORE_CHARGE, NOW_MS + REFUSAL_MAX_MS);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

/* By then others have given back what they took along. */
START_TEST(lease_of_others_ends)
{
	struct charges charges = {.count = 0};

	fake.answer.full_ms = HOUR_MS;
	add(&charges, "a", "a/1h", 100, 1);
	charges.at[0].lease_ms = 10000;
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(ask(&charges, STORE_CHARGE, NOW_MS + 9999).retry_ms,
	    HOUR_MS - 9999);
	ck_assert_int_eq(fake.trips, 1);
	ask(&charges, STORE_CHARGE, NOW_MS + 10000);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

START_TEST(one_full_counter_refuses_the_set_and_is_named)
{
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add(&charges, "a", "a/1h", 100, 1);
	add(&charges, "b", "b/1h", 100, 1);
	fake.answer.refused = 1;
	fake.answer.used[1] = 77;
	ask(&charges, STORE_CHARGE, NOW_MS);
	answer = ask(&charges, STORE_CHARGE, NOW_MS + 1);
	ck_assert_int_eq(fake.trips, 1);
	ck_assert_uint_eq(answer.refused, 1);
	ck_assert_int_eq(answer.used[1], 77);
	/* The other one alone was never refused. */
	charges.count = 1;
	ask(&charges, STORE_CHARGE, NOW_MS + 1);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

START_TEST(counter_twice_in_a_set_was_asked_for_both)
{
	struct charges charges = {.count = 0};

	add(&charges, "a", "a/1h", 100, 1);
	add(&charges, "a", "a/1h", 100, 1);
	fake.answer.refused = 1;
	ask(&charges, STORE_CHARGE, NOW_MS);
	charges.count = 1;	/* one of them might pass */
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

START_TEST(what_is_allowed_or_unknown_is_not_remembered)
{
	struct charges charges = {.count = 0};

	add(&charges, "a", "a/1h", 100, 1);
	fake.answer.status = _i == 0 ? CHARGE_ALLOWED : CHARGE_UNAVAILABLE;
	ask(&charges, STORE_CHARGE, NOW_MS);
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

START_TEST(refund_forgets_its_subject_only)
{
	const struct refund refund = {.subject = "a", .field = "other/1h"};
	struct charges a = {.count = 0}, b = {.count = 0};

	add(&a, "a", "a/1h", 100, 1);
	add(&b, "b", "a/1h", 100, 1);
	ask(&a, STORE_CHARGE, NOW_MS);
	ask(&b, STORE_CHARGE, NOW_MS);
	store_refund(fake.guard, &refund, 1, NOW_MS, 100);
	ck_assert_int_eq(fake.refunds, 1);
	ask(&b, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.trips, 2);
	ask(&a, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.trips, 3);
}
END_TEST

START_TEST(refund_during_the_trip_counts)
{
	struct charges charges = {.count = 0};

	add(&charges, "a", "a/1h", 100, 1);
	fake.drops = "a";
	ask(&charges, STORE_CHARGE, NOW_MS);
	fake.drops = NULL;
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

START_TEST(reload_forgets_all)
{
	struct charges charges = {.count = 0};

	add(&charges, "a", "a/1h", 100, 1);
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert(store_reconfigure(fake.guard, NULL));
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

/* What counts although it is refused is told, without a trip. */
static const struct {
	const char *name;
	enum charge_when full, other;
	int told;
} counted[] = {
	{ "only who passes counts", WHEN_ALLOWED, WHEN_ALLOWED, 0 },
	{ "the full one itself", WHEN_ALWAYS, WHEN_ALLOWED, 1 },
	{ "one that is not full", WHEN_ALLOWED, WHEN_ALWAYS, 1 },
	{ "a refusal", WHEN_ALLOWED, WHEN_REFUSED, 1 },
	{ "no refusal for refusals", WHEN_REFUSED, WHEN_REFUSED, 0 },
	{ "what is only looked at", WHEN_NEVER, WHEN_NEVER, 0 },
	{ "who was looked at refuses", WHEN_NEVER, WHEN_REFUSED, 1 },
};

START_TEST(what_counts_is_told_without_a_trip)
{
	struct charges charges = {.count = 0};

	add(&charges, "a", "a/1h", 100, 1);
	add(&charges, "b", "b/1h", 100, 1);
	charges.at[0].when = counted[_i].full;
	charges.at[1].when = counted[_i].other;
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.told, 0);
	ck_assert_int_eq(ask(&charges, STORE_CHARGE, NOW_MS).status,
	    CHARGE_REFUSED);
	ck_assert_msg(fake.trips == 1 && fake.told == counted[_i].told,
	    "%s: %d trips, %d told", counted[_i].name, fake.trips, fake.told);
}
END_TEST

START_TEST(of_different_ones_only_that_one_is_known)
{
	struct charges charges = {.count = 0};

	add(&charges, "a", "a/1h", 100, 1);
	charges.at[0].distinct = true;
	charges.at[0].element = 17;
	ask(&charges, STORE_CHARGE, NOW_MS);
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.trips, 1);
	charges.at[0].element = 18;
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

/* More subjects than there is room for: some are forgotten, none is wrong. */
/* --- marks --- */

static void
ask_about(struct charges *charges, const char *subject, bool observe)
{
	struct mark_question *question =
	    &charges->marks[charges->mark_count++];

	(void)text_copy(question->subject, sizeof(question->subject),
	    subject);
	question->observe = observe;
}

/* A subject was found marked until then; another question comes. */
static const struct {
	const char *name, *subject;
	int64_t until_ms, later_ms;
	bool observe;
	int trips;
} marked_cases[] = {
	{"the same",             "a", 0, 0, false, 0},
	{"another subject",      "b", 0, 0, false, 1},
	{"just before it ends",  "a", NOW_MS + 100, 99, false, 0},
	{"when it has ended",    "a", NOW_MS + 100, 100, false, 1},
	{"a minute later",       "a", 0, REFUSAL_MAX_MS, false, 1},
	{"one who observes",     "a", 0, 0, true, 1},
};

START_TEST(marked_subject_is_known)
{
	struct charges first = {.count = 0}, then = {.count = 0};
	struct charge_answer answer;

	fake.answer.status = CHARGE_MARKED;
	fake.answer.mark.kind = MARK_suspended;
	fake.answer.mark.until_ms = marked_cases[_i].until_ms;
	add(&first, "other", "a/1h", 100, 1);
	ask_about(&first, "a", false);
	ask(&first, STORE_CHARGE, NOW_MS);
	ask_about(&then, "c", false);
	ask_about(&then, marked_cases[_i].subject, marked_cases[_i].observe);
	answer = ask(&then, STORE_CHARGE, NOW_MS + marked_cases[_i].later_ms);
	ck_assert_msg(fake.trips == 1 + marked_cases[_i].trips, "%s: %d trips",
	    marked_cases[_i].name, fake.trips);
	if (marked_cases[_i].trips > 0)
		return;
	ck_assert_int_eq(answer.status, CHARGE_MARKED);
	ck_assert_uint_eq(answer.marked, 1);
	ck_assert_uint_eq(answer.marks_found, 2);
	ck_assert_int_eq(answer.mark.kind, MARK_suspended);
	ck_assert_int_eq(answer.mark.until_ms, marked_cases[_i].until_ms);
}
END_TEST

START_TEST(change_forgets_its_subject)
{
	const struct store_mark mark = {.kind = MARK_override};
	struct charges charges = {.count = 0};

	add(&charges, "a", "a/1h", 100, 1);
	ask(&charges, STORE_CHARGE, NOW_MS);
	fake.change = STORE_UNREACHED;	/* it may have been changed */
	if (_i == 0)
		store_set_mark(fake.guard, "a", &mark, STORE_SET, NOW_MS, 1);
	else if (_i == 1)
		store_lift_mark(fake.guard, "a", MARK_blocked, "", NOW_MS, 1);
	else
		store_forget(fake.guard, "a", NULL, NOW_MS, 1);
	ck_assert_int_eq(fake.changes, 1);
	ask(&charges, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.trips, 2);
}
END_TEST

/* Who is turned down again and again is blocked by one trip. */
START_TEST(limit_has_a_client_blocked_once)
{
	const struct store_mark mark = {
		.kind = MARK_blocked, .until_ms = NOW_MS + 5000
	};

	fake.change = _i == 0 ? STORE_CHANGED : STORE_AS_BEFORE;
	for (int i = 0; i < 3; i++)
		(void)store_set_mark(fake.guard, "a", &mark,
		    STORE_SET_UNLESS_MARKED, NOW_MS + i, 1);
	ck_assert_int_eq(fake.changes, 1);
	(void)store_lift_mark(fake.guard, "a", MARK_blocked, "", NOW_MS, 1);
	(void)store_set_mark(fake.guard, "a", &mark, STORE_SET_UNLESS_MARKED,
	    NOW_MS, 1);
	ck_assert_int_eq(fake.changes, 3);
	(void)store_set_mark(fake.guard, "a", &mark, STORE_SET_UNLESS_MARKED,
	    NOW_MS + 5000, 1);
	ck_assert_int_eq(fake.changes, 4);
}
END_TEST

/* Asked once a second, and only when something would be answered here. */
START_TEST(changes_by_others_are_looked_for)
{
	struct charges a = {.count = 0}, b = {.count = 0};

	add(&a, "a", "a/1h", 100, 1);
	add(&b, "b", "a/1h", 100, 1);
	ask(&a, STORE_CHARGE, NOW_MS);
	ask(&b, STORE_CHARGE, NOW_MS);
	ck_assert_int_eq(fake.looks, 0);
	for (int i = 0; i < 10; i++)
		ask(&a, STORE_CHARGE, NOW_MS + i);
	ck_assert_int_eq(fake.looks, 1);
	ck_assert_int_eq(fake.trips, 2);
	fake.changed = _i == 0 ? 1 : 100000;
	ask(&a, STORE_CHARGE, NOW_MS + 1000);
	ck_assert_int_eq(fake.looks, 2);
	ck_assert_int_eq(fake.trips, 3);
	ask(&b, STORE_CHARGE, NOW_MS + 1001);
	ck_assert_int_eq(fake.trips, _i == 0 ? 3 : 4);
}
END_TEST

START_TEST(table_is_bounded)
{
	struct charges charges = {.count = 0};
	struct text subject;

	add(&charges, "", "a/1h", 100, 1);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 100000; i++) {
			TEXT_INIT(&subject, charges.at[0].subject);
			text_put_number(&subject, i);
			ck_assert_int_eq(ask(&charges, STORE_CHARGE,
			    NOW_MS).status, CHARGE_REFUSED);
		}
	ck_assert_int_gt(fake.trips, 100000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_guard");
	TCase *tcase = tcase_create("guard");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, spares_what_is_known, 0,
	    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tcase, nothing_is_remembered_for_longer_than_a_minute);
	tcase_add_test(tcase, lease_of_others_ends);
	tcase_add_test(tcase, one_full_counter_refuses_the_set_and_is_named);
	tcase_add_test(tcase, counter_twice_in_a_set_was_asked_for_both);
	tcase_add_loop_test(tcase, what_is_allowed_or_unknown_is_not_remembered,
	    0, 2);
	tcase_add_test(tcase, refund_forgets_its_subject_only);
	tcase_add_test(tcase, refund_during_the_trip_counts);
	tcase_add_test(tcase, reload_forgets_all);
	tcase_add_loop_test(tcase, what_counts_is_told_without_a_trip, 0,
	    (int)(sizeof(counted) / sizeof(counted[0])));
	tcase_add_test(tcase, of_different_ones_only_that_one_is_known);
	tcase_add_loop_test(tcase, marked_subject_is_known, 0,
	    (int)(sizeof(marked_cases) / sizeof(marked_cases[0])));
	tcase_add_loop_test(tcase, change_forgets_its_subject, 0, 3);
	tcase_add_loop_test(tcase, limit_has_a_client_blocked_once, 0, 2);
	tcase_add_loop_test(tcase, changes_by_others_are_looked_for, 0, 2);
	tcase_add_test(tcase, table_is_bounded);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
