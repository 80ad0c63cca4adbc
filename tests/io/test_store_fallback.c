/*
 * test_store_fallback.c - what is decided here while the store is away, and
 * what the store is told afterwards
 *
 * The store below is a memory store that can be switched off.
 */
#include "io/store.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/log.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "../suite.h"

#define HOUR_MS INT64_C(3600000)
#define NOW_MS INT64_C(1700000000000)

static struct {
	struct store store;
	struct store *memory;
	atomic_bool up;
	atomic_bool late;	/* up, but gives no answer */
	atomic_int hosts;	/* -1: not known */
	atomic_int beats, leaves;
} shared;

static struct store *store;

static void
shared_close(struct store *self)
{
	(void)self;
	store_close(&shared.memory);
}

static bool
shared_reconfigure(struct store *self, const struct config *config)
{
	(void)self;
	(void)config;
	return true;
}

static void
shared_charge(struct store *self, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	(void)self;
	if (shared.up && !shared.late) {
		store_charge(shared.memory, charges, mode, now_ms, timeout_ms,
		    answer);
		return;
	}
	memset(answer, 0, sizeof(*answer));
	answer->status = CHARGE_UNAVAILABLE;
}

static void
shared_refund(struct store *self, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	(void)self;
	if (shared.up)
		store_refund(shared.memory, refunds, count, now_ms,
		    timeout_ms);
}

static int
shared_show(struct store *self, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_counter counters[], size_t max)
{
	(void)self;
	return store_show(shared.memory, subject, now_ms, timeout_ms,
	    counters, max);
}

static void
shared_get_state(struct store *self, struct store_state *state)
{
	(void)self;
	store_get_state(shared.memory, state);
	state->up = shared.up;
}

static int64_t
shared_count_hosts(struct store *self, const char *id, int64_t live_ms,
    int64_t timeout_ms)
{
	(void)self;
	(void)timeout_ms;
	ck_assert_uint_eq(strlen(id), 16);
	if (!shared.up)
		return -1;
	if (live_ms > 0)
		shared.beats++;
	else
		shared.leaves++;
	return shared.hosts;
}

static enum store_change
shared_set_mark(struct store *self, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	(void)self;
	return !shared.up ? STORE_UNREACHED : store_set_mark(shared.memory,
	    subject, mark, how, now_ms, timeout_ms);
}

static enum store_change
shared_lift_mark(struct store *self, const char *subject,
    enum mark_kind kind, const char *field, int64_t now_ms,
    int64_t timeout_ms)
{
	(void)self;
	return !shared.up ? STORE_UNREACHED : store_lift_mark(shared.memory,
	    subject, kind, field, now_ms, timeout_ms);
}

static const struct store_ops shared_ops = {
	.close = shared_close,
	.reconfigure = shared_reconfigure,
	.charge = shared_charge,
	.refund = shared_refund,
	.show = shared_show,
	.get_state = shared_get_state,
	.count_hosts = shared_count_hosts,
	.marks = {
		.set = shared_set_mark,
		.lift = shared_lift_mark,
	},
};

static void
open_it(int64_t share_percent, bool threaded)
{
	static const struct store_memory_options options = {
		.file = "", .save_every_ms = HOUR_MS, .max_subjects = 100000
	};
	char why[128];

	log_set_level(LEVEL_ERROR);
	shared.store.ops = &shared_ops;
	shared.memory = store_memory_open(&options, why, sizeof(why));
	ck_assert_ptr_nonnull(shared.memory);
	shared.up = true;
	store = store_fallback_open(&shared.store, share_percent, threaded,
	    why, sizeof(why));
	ck_assert_ptr_nonnull(store);
}

static struct charge_answer
charge(const char *subject, int64_t max, int64_t weight, int64_t now_ms,
    bool local)
{
	struct charges charges = {.count = 1};
	struct charge_answer answer;

	(void)text_copy(charges.at[0].subject, sizeof(charges.at[0].subject),
	    subject);
	charges.at[0].field = "limit/1h";
	charges.at[0].max = max;
	charges.at[0].window_ms = HOUR_MS;
	charges.at[0].weight = weight;
	if (local)
		store_charge_local(store, &charges, STORE_CHARGE, now_ms,
		    &answer);
	else
		store_charge(store, &charges, STORE_CHARGE, now_ms, 100,
		    &answer);
	return answer;
}

/* What the store below holds. */
static int64_t
used(const char *subject, int64_t now_ms)
{
	struct store_counter counter = {.used = 0};

	return store_show(shared.memory, subject, now_ms, 100, &counter,
	    1) > 0 ? counter.used : 0;
}

static struct store_state
state_of(void)
{
	struct store_state state;

	memset(&state, 0, sizeof(state));
	store_get_state(store, &state);
	return state;
}

/* What of a limit is granted here. */
static const struct {
	const char *name;
	int64_t percent, max, granted;
} shares[] = {
	{"all of it",                 100, 10, 10},
	{"hosts are not known: all",   -1, 10, 10},
	{"half",                       50, 10,  5},
	{"rounded down",               33, 10,  3},
	{"at least one",                1, 10,  1},
	{"but nothing of nothing",     50,  0,  0},
	{"large numbers",              50, INT64_C(1) << 60,
	    INT64_C(1) << 59},
};

START_TEST(share_of_a_limit_is_granted)
{
	int64_t granted = shares[_i].granted;

	open_it(shares[_i].percent, false);
	if (granted > 0)
		ck_assert_msg(charge("a", shares[_i].max, granted, NOW_MS,
		    true).status == CHARGE_ALLOWED, "%s", shares[_i].name);
	ck_assert_msg(charge("a", shares[_i].max, 1, NOW_MS, true).status ==
	    CHARGE_REFUSED, "%s", shares[_i].name);
	store_close(&store);
}
END_TEST

START_TEST(store_is_told_what_was_counted_here)
{
	open_it(-1, false);
	charge("a", 10, 3, NOW_MS, false);
	shared.up = false;
	ck_assert_int_eq(charge("a", 10, 1, NOW_MS, false).status,
	    CHARGE_UNAVAILABLE);
	ck_assert_int_eq(charge("a", 10, 9, NOW_MS, true).used[0], 9);
	ck_assert_int_eq(charge("b", 10, 2, NOW_MS, true).used[0], 2);
	ck_assert(state_of().deciding);
	ck_assert_int_eq(state_of().untold, 2);
	shared.up = true;
	store_fallback_settle(store, NOW_MS + 1000);
	/* Whatever the max. */
	ck_assert_int_eq(used("a", NOW_MS + 1000), 12);
	ck_assert_int_eq(used("b", NOW_MS + 1000), 2);
	ck_assert(!state_of().deciding);
	ck_assert_int_eq(state_of().untold, 0);
	ck_assert_int_eq(charge("a", 10, 1, NOW_MS + 1000, false).status,
	    CHARGE_REFUSED);
	/* Once. */
	store_fallback_settle(store, NOW_MS + 1000);
	ck_assert_int_eq(used("a", NOW_MS + 1000), 12);
	store_close(&store);
}
END_TEST

START_TEST(store_is_not_told_what_has_expired)
{
	open_it(-1, false);
	charge("a", 10, 3, NOW_MS, true);
	store_fallback_settle(store, NOW_MS + HOUR_MS);
	ck_assert_int_eq(used("a", NOW_MS + HOUR_MS), 0);
	ck_assert_int_eq(state_of().untold, 0);
	store_close(&store);
}
END_TEST

START_TEST(many_subjects_are_told)
{
	char subject[32];
	struct text text;

	open_it(-1, false);
	for (int i = 0; i < 1000; i++) {
		TEXT_INIT(&text, subject);
		text_put_number(&text, i);
		charge(subject, 10, 1 + i % 3, NOW_MS, true);
	}
	store_fallback_settle(store, NOW_MS);
	for (int i = 0; i < 1000; i++) {
		TEXT_INIT(&text, subject);
		text_put_number(&text, i);
		ck_assert_int_eq(used(subject, NOW_MS), 1 + i % 3);
	}
	ck_assert_int_eq(state_of().untold, 0);
	store_close(&store);
}
END_TEST

/* What was not confirmed may have been counted: it is not told twice. */
START_TEST(unconfirmed_is_not_told_again)
{
	open_it(-1, false);
	charge("a", 10, 3, NOW_MS, true);
	shared.late = true;
	store_fallback_settle(store, NOW_MS);
	shared.late = false;
	store_fallback_settle(store, NOW_MS);
	ck_assert_int_eq(used("a", NOW_MS), 0);
	store_close(&store);
}
END_TEST

/* Charged 3 where; given back when: how much is left there in the end? */
static const struct {
	const char *name;
	bool local, told_before;
	int64_t later_ms, left;
} refunds[] = {
	{"charged there",                   false, false, 1000, 0},
	{"charged here, not told yet",      true, false, 1000, 0},
	{"charged here, and told",          true, true, 1000, 0},
	{"charged here, told, and expired", true, true, HOUR_MS, 5},
};

START_TEST(refund_goes_to_where_the_charge_is)
{
	struct refund refund = {"a", "limit/1h", HOUR_MS, 3, 0,
	    .local = refunds[_i].local};
	int64_t later_ms = NOW_MS + refunds[_i].later_ms;

	open_it(-1, false);
	refund.at_ms = charge("a", 10, 3, NOW_MS, refunds[_i].local).now_ms;
	if (refunds[_i].told_before)
		store_fallback_settle(store, NOW_MS);
	if (refunds[_i].left > 0)	/* of somebody else's */
		charge("a", 10, refunds[_i].left, NOW_MS + HOUR_MS / 2,
		    false);
	store_refund(store, &refund, 1, later_ms, 100);
	store_fallback_settle(store, later_ms);
	ck_assert_msg(used("a", later_ms) == refunds[_i].left, "%s: %d left",
	    refunds[_i].name, (int)used("a", later_ms));
	store_close(&store);
}
END_TEST

START_TEST(refunds_of_both_kinds_go_both_ways)
{
	struct refund mixed[4] = {
		{"a", "limit/1h", HOUR_MS, 1, NOW_MS, .local = false},
		{"b", "limit/1h", HOUR_MS, 1, NOW_MS, .local = true},
		{"c", "limit/1h", HOUR_MS, 1, NOW_MS, .local = true},
		{"d", "limit/1h", HOUR_MS, 1, NOW_MS, .local = false},
	};

	open_it(-1, false);
	for (int i = 0; i < 4; i++)
		charge(mixed[i].subject, 10, 2, NOW_MS, mixed[i].local);
	store_refund(store, mixed, 4, NOW_MS, 100);
	store_fallback_settle(store, NOW_MS);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(used(mixed[i].subject, NOW_MS), 1);
	store_close(&store);
}
END_TEST

/* --- marks --- */

static struct charge_answer
ask_about(const char *subject, bool local, int64_t now_ms)
{
	struct charges charges = {
		.count = 1, .at = {{
			.subject = "user:counted", .field = "a/1h",
			.max = 10, .window_ms = HOUR_MS, .weight = 1
		}},
		.mark_count = 1
	};
	struct charge_answer answer;

	ck_assert(text_copy(charges.marks[0].subject,
	    sizeof(charges.marks[0].subject), subject));
	if (local)
		store_charge_local(store, &charges, STORE_CHARGE, now_ms,
		    &answer);
	else
		store_charge(store, &charges, STORE_CHARGE, now_ms, 100,
		    &answer);
	return answer;
}

/* Another host's marks are known by the answers that this one has had. */
START_TEST(marks_of_a_moment_ago_are_kept)
{
	const struct store_mark suspended = {.kind = MARK_suspended};
	const struct store_mark more = {
		.kind = MARK_override, .field = "a/1h", .max = 1000
	};

	open_it(100, false);
	store_set_mark(shared.memory, "user:a", &suspended, STORE_SET, 1, 1);
	store_set_mark(shared.memory, "user:b", &suspended, STORE_SET, 1, 1);
	store_set_mark(shared.memory, "user:counted", &more, STORE_SET, 1, 1);
	ck_assert_int_eq(ask_about("user:a", false, 1).status,
	    CHARGE_MARKED);
	ck_assert_int_eq(ask_about("user:c", false, 1).status,
	    CHARGE_ALLOWED);
	/* What an operator does by way of this host is known at once. */
	ck_assert_int_eq(store_set_mark(store, "user:d", &suspended,
	    STORE_SET, 1, 1), STORE_CHANGED);
	shared.up = false;
	ck_assert_int_eq(ask_about("user:a", true, 2).status, CHARGE_MARKED);
	ck_assert_int_eq(ask_about("user:d", true, 2).status, CHARGE_MARKED);
	/* Nobody has asked about this one. */
	ck_assert_int_eq(ask_about("user:b", true, 2).status,
	    CHARGE_ALLOWED);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(ask_about("user:c", true, 2).status,
		    CHARGE_ALLOWED);
	ck_assert_int_eq(store_lift_mark(store, "user:a", MARK_suspended, "",
	    2, 1), STORE_UNREACHED);
	ck_assert_int_eq(ask_about("user:a", true, 2).status, CHARGE_MARKED);
	/* And forgotten by the next answer that says otherwise. */
	shared.up = true;
	store_lift_mark(shared.memory, "user:a", MARK_suspended, "", 3, 1);
	store_lift_mark(shared.memory, "user:counted", MARK_override, "a/1h",
	    3, 1);
	ck_assert_int_eq(ask_about("user:a", false, 3).status,
	    CHARGE_ALLOWED);
	ck_assert_int_eq(store_lift_mark(store, "user:d", MARK_suspended, "",
	    3, 1), STORE_CHANGED);
	shared.up = false;
	ck_assert_int_eq(ask_about("user:a", true, 4).status, CHARGE_REFUSED);
	ck_assert_int_eq(ask_about("user:d", true, 4).status, CHARGE_REFUSED);
	store_close(&store);
}
END_TEST

static bool
becomes(bool (*is_so)(void))
{
	for (int i = 0; i < 500; i++) {
		if (is_so())
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static bool
all_is_told(void)
{
	return !state_of().deciding;
}

static bool
hosts_are_known(void)
{
	return state_of().hosts == 4;
}

START_TEST(thread_counts_hosts_and_tells)
{
	int64_t now_ms = clock_now_ms();

	shared.hosts = 4;
	open_it(-1, true);
	ck_assert(becomes(hosts_are_known));
	ck_assert_int_eq(state_of().share_percent, 25);
	shared.up = false;
	ck_assert_int_eq(charge("a", 8, 2, now_ms, true).status,
	    CHARGE_ALLOWED);
	ck_assert_int_eq(charge("a", 8, 1, now_ms, true).status,
	    CHARGE_REFUSED);
	poll(NULL, 0, 50);
	ck_assert(state_of().deciding);
	shared.up = true;
	ck_assert(becomes(all_is_told));
	ck_assert_int_eq(used("a", now_ms), 2);
	store_close(&store);
	ck_assert_int_ge(shared.beats, 1);
	ck_assert_int_eq(shared.leaves, 1);
}
END_TEST

START_TEST(what_is_left_is_told_at_the_end)
{
	shared.hosts = -1;
	open_it(-1, true);
	shared.up = false;
	charge("a", 8, 2, clock_now_ms(), true);
	ck_assert_int_eq(state_of().hosts, 0);
	ck_assert_int_eq(state_of().share_percent, 100);
	shared.up = true;
	store_close(&store);
}
END_TEST

/* --- under fire: nothing is counted twice or lost --- */

#define THREADS 4
#define ROUNDS 2000

static atomic_int counted;

static void *
hammer(void *argument)
{
	unsigned int dice = (unsigned int)(size_t)argument;
	int64_t now_ms = clock_now_ms();

	for (int i = 0; i < ROUNDS; i++) {
		struct refund refund = {"a", "limit/1h", HOUR_MS, 1, 0, .local = true};
		struct charge_answer answer = charge("a", INT64_MAX, 1,
		    now_ms, true);

		ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
		counted++;
		dice = dice * 1103515245 + 12345;
		if ((dice >> 16) % 2 == 0)
			continue;
		refund.at_ms = answer.now_ms;
		store_refund(store, &refund, 1, now_ms, 100);
		counted--;
	}
	return NULL;
}

START_TEST(charges_and_refunds_meet_telling)
{
	pthread_t threads[THREADS];
	int64_t now_ms = clock_now_ms();

	shared.hosts = 1;
	open_it(-1, true);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer,
		    (void *)i), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert(becomes(all_is_told));
	ck_assert_int_eq(used("a", now_ms), counted);
	store_close(&store);
}
END_TEST

/* --- what is not a plain counter --- */

static struct charge_answer
see(uint64_t element, int64_t max, bool local)
{
	struct charges charges = {.count = 1, .at = {{
		.subject = "a", .field = "other/1h", .max = max,
		.window_ms = HOUR_MS, .weight = 1, .distinct = true,
		.element = element
	}}};
	struct charge_answer answer;

	if (local)
		store_charge_local(store, &charges, STORE_CHARGE, NOW_MS,
		    &answer);
	else
		store_charge(store, &charges, STORE_CHARGE, NOW_MS, 100,
		    &answer);
	return answer;
}

static void
unsee(uint64_t element)
{
	const struct refund refund = {
		.subject = "a", .field = "other/1h", .window_ms = HOUR_MS,
		.weight = 1, .at_ms = NOW_MS, .distinct = true,
		.element = element, .local = true
	};

	store_refund(store, &refund, 1, NOW_MS, 100);
}

/* Here nothing is known of before; there nothing is counted twice. */
START_TEST(different_ones_are_told_once)
{
	open_it(-1, false);
	for (uint64_t i = 0; i < 5; i++)
		see(i, 200, false);
	shared.up = false;
	for (uint64_t i = 3; i < 150; i++)
		ck_assert(see(i, 200, true).fresh[0]);
	ck_assert(!see(3, 200, true).fresh[0]);
	shared.up = true;
	store_fallback_settle(store, NOW_MS);
	ck_assert_int_eq(used("a", NOW_MS), 150);
	ck_assert_int_eq(state_of().untold, 0);
	store_close(&store);
}
END_TEST

START_TEST(a_share_of_different_ones_is_granted)
{
	open_it(50, false);
	shared.up = false;
	ck_assert_int_eq(see(1, 4, true).status, CHARGE_ALLOWED);
	ck_assert_int_eq(see(2, 4, true).status, CHARGE_ALLOWED);
	ck_assert_int_eq(see(3, 4, true).status, CHARGE_REFUSED);
	ck_assert_int_eq(see(1, 4, true).status, CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

/* What was told may have been seen by others since: it stays. */
START_TEST(what_was_told_is_not_unseen)
{
	open_it(-1, false);
	shared.up = false;
	see(1, 10, true);
	see(2, 10, true);
	unsee(1);
	shared.up = true;
	store_fallback_settle(store, NOW_MS);
	ck_assert_int_eq(used("a", NOW_MS), 1);
	unsee(2);
	ck_assert_int_eq(used("a", NOW_MS), 1);
	store_close(&store);
}
END_TEST

static void
tell(int64_t weight)
{
	struct charges charges = {.count = 1, .at = {{
		.subject = "b", .field = "tries/1h", .max = 2,
		.window_ms = HOUR_MS, .weight = weight, .when = WHEN_ALWAYS
	}}};
	struct charge_answer nothing;

	store_charge(store, &charges, STORE_TELL, NOW_MS, 100, &nothing);
}

START_TEST(what_nobody_waits_for_is_kept_while_the_store_is_away)
{
	open_it(50, false);
	tell(1);
	ck_assert_int_eq(used("b", NOW_MS), 1);
	ck_assert(!state_of().deciding);
	shared.up = false;
	tell(5);
	ck_assert(state_of().deciding);
	shared.up = true;
	store_fallback_settle(store, NOW_MS);
	ck_assert_int_eq(used("b", NOW_MS), 6);
	store_close(&store);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_fallback");
	TCase *tcase = tcase_create("fallback");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, share_of_a_limit_is_granted, 0,
	    (int)(sizeof(shares) / sizeof(shares[0])));
	tcase_add_test(tcase, store_is_told_what_was_counted_here);
	tcase_add_test(tcase, store_is_not_told_what_has_expired);
	tcase_add_test(tcase, many_subjects_are_told);
	tcase_add_test(tcase, unconfirmed_is_not_told_again);
	tcase_add_loop_test(tcase, refund_goes_to_where_the_charge_is, 0,
	    (int)(sizeof(refunds) / sizeof(refunds[0])));
	tcase_add_test(tcase, marks_of_a_moment_ago_are_kept);
	tcase_add_test(tcase, refunds_of_both_kinds_go_both_ways);
	tcase_add_test(tcase, different_ones_are_told_once);
	tcase_add_test(tcase, a_share_of_different_ones_is_granted);
	tcase_add_test(tcase, what_was_told_is_not_unseen);
	tcase_add_test(tcase,
	    what_nobody_waits_for_is_kept_while_the_store_is_away);
	tcase_add_test(tcase, thread_counts_hosts_and_tells);
	tcase_add_test(tcase, what_is_left_is_told_at_the_end);
	tcase_add_test(tcase, charges_and_refunds_meet_telling);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
