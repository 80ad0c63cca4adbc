/*
 * test_store_memory.c - the memory store: its answers, its threads, its file
 */
#include "store_marks.h"
#include "store_model.h"

#include "base/siphash.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/snapshot.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../suite.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define THREADS 8

/* --- stores and charges --- */

static char directory[64];
static char file[96];
static char damaged[112];

static struct store *
open_store(const char *path, int64_t max_subjects)
{
	struct store_memory_options options = {
		.file = path, .save_every_ms = DAY,
		.max_subjects = max_subjects,
	};
	char why[256] = "";
	struct store *store = store_memory_open(&options, why, sizeof(why));

	ck_assert_msg(store != NULL, "%s", why);
	return store;
}

static struct charge
charge_of(const char *subject, int64_t max, int64_t weight)
{
	struct charge charge = {
		.field = "quota/1h", .max = max, .window_ms = HOUR,
		.weight = weight,
	};

	ck_assert(text_copy(charge.subject, sizeof(charge.subject), subject));
	return charge;
}

static struct charge_answer
charge_one(struct store *store, enum store_mode mode, const char *subject,
    int64_t max, int64_t weight, int64_t now_ms)
{
	static _Thread_local struct charges charges;
	struct charge_answer answer;

	charges.count = 1;
	charges.at[0] = charge_of(subject, max, weight);
	store_charge(store, &charges, mode, now_ms, 1000, &answer);
	return answer;
}

static int64_t
used(struct store *store, const char *subject, int64_t now_ms)
{
	return charge_one(store, STORE_PEEK, subject, 1, 0, now_ms).used[0];
}

static int64_t
count_subjects(struct store *store)
{
	struct store_state state;

	store_get_state(store, &state);
	return state.subjects;
}

static void
make_directory(void)
{
	text_copy(directory, sizeof(directory), "./test-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/counters", directory);
	snprintf(damaged, sizeof(damaged), "%s.damaged", file);
}

static void
remove_directory(void)
{
	unlink(file);
	unlink(damaged);
	ck_assert_int_eq(rmdir(directory), 0);
}

/* --- marks --- */

START_TEST(marks_are_as_in_every_store)
{
	struct store *store = open_store(NULL, 1000);

	store_marks_run(store, "memory");
	ck_assert_int_eq(count_subjects(store), 0);
	store_close(&store);
}
END_TEST

static void
suspend(struct store *store, const char *subject, enum store_change want)
{
	const struct store_mark mark = {
		.kind = MARK_suspended, .reason = "a \"reason\"; with\nmore"
	};

	ck_assert_int_eq(store_set_mark(store, subject, &mark, STORE_SET,
	    clock_now_ms(), 0), want);
}

/* Saved with the counters; a snapshot without any is as it always was. */
START_TEST(marks_outlive_the_process)
{
	struct store_mark blocked = {
		.kind = MARK_blocked, .until_ms = clock_now_ms() + 50
	};
	struct store_mark found[MARKS_MAX];
	struct store *store;

	make_directory();
	store = open_store(file, 1000);
	charge_one(store, STORE_CHARGE, "user:b", 5, 3, clock_now_ms());
	suspend(store, "user:a", STORE_CHANGED);
	ck_assert_int_eq(store_set_mark(store, "user:b", &blocked, STORE_SET,
	    clock_now_ms(), 0), STORE_CHANGED);
	store_close(&store);
	while (clock_now_ms() <= blocked.until_ms)
		(void)poll(NULL, 0, 10);
	store = open_store(file, 1000);
	ck_assert_int_eq(store_marks(store, "user:b", clock_now_ms(), 0,
	    found), 0);
	ck_assert_int_eq(store_marks(store, "user:a", clock_now_ms(), 0,
	    found), 1);
	ck_assert_int_eq(found[0].kind, MARK_suspended);
	ck_assert_str_eq(found[0].reason, "a \"reason\"; with\nmore");
	ck_assert_int_eq(used(store, "user:b", clock_now_ms()), 3);
	store_close(&store);
	remove_directory();
}
END_TEST

/* What is behind the counters and no marks is damage: all is set aside. */
START_TEST(snapshot_with_something_else_is_set_aside)
{
	struct snapshot_out out;
	uint8_t key[SIPHASH_KEY_SIZE] = { 0 };
	struct store *store;
	char why[256];

	make_directory();
	ck_assert(snapshot_create(&out, file, why, sizeof(why)));
	snapshot_put(&out, key, sizeof(key));
	snapshot_put_number(&out, 0, 2);
	snapshot_put_number(&out, 0, 8);
	snapshot_put(&out, "mark", 4);
	snapshot_put_number(&out, 6, 2);
	snapshot_put(&out, "user:a", 6);
	snapshot_put_number(&out, 24, 2);
	snapshot_put(&out, "suspended 0 for-good ...", 24);
	if (_i > 0)
		snapshot_put_number(&out, 0, 2);
	if (_i > 1)
		snapshot_put(&out, "x", 1);
	ck_assert(snapshot_commit(&out, why, sizeof(why)));
	store = open_store(file, 1000);
	ck_assert_int_eq(access(damaged, F_OK), _i == 1 ? -1 : 0);
	ck_assert_int_eq(store_marks(store, "user:a", clock_now_ms(), 0,
	    (struct store_mark[MARKS_MAX]){ { .max = 0 } }), _i == 1);
	store_close(&store);
	remove_directory();
}
END_TEST

/* Counters make no room for themselves among marks, nor the other way. */
START_TEST(marks_are_no_counters)
{
	struct store *store = open_store(NULL, 1000);
	char subject[32];

	suspend(store, "user:marked", STORE_CHANGED);
	for (int i = 0; i < 3000; i++) {
		snprintf(subject, sizeof(subject), "user:%d", i);
		charge_one(store, STORE_CHARGE, subject, 5, 1,
		    clock_now_ms());
	}
	for (int i = 0; i < 1100; i++) {
		snprintf(subject, sizeof(subject), "user:m%d", i);
		suspend(store, subject, i < 999 ? STORE_CHANGED : STORE_FULL);
	}
	ck_assert_int_eq(count_subjects(store), 1000);
	ck_assert_int_eq(store_marks(store, "user:marked", clock_now_ms(), 0,
	    (struct store_mark[MARKS_MAX]){ { .max = 0 } }), 1);
	store_close(&store);
}
END_TEST

/* --- beside an exact log --- */

static const struct {
	const char *name;
	int64_t windows_ms[STORE_MODEL_WINDOWS_MAX];
	bool clock_steps_back;
} models[] = {
	{ "one short window",       { 1000 },                      false },
	{ "an hour and a day",      { HOUR, DAY },                 false },
	{ "seconds to a month",     { 1000, MINUTE, 30 * DAY },    false },
	{ "odd lengths",            { 1001, 61234, 7654321 },      false },
	{ "clock steps back",       { 1000, MINUTE, HOUR },        true },
};
#define MODELS ((int)(sizeof(models) / sizeof(models[0])))

struct model_clock {
	int64_t now_ms;
	bool steps_back;
	unsigned int advances;
};

static int64_t
model_now(void *context)
{
	const struct model_clock *clock = context;

	return clock->now_ms;
}

static void
model_advance(void *context, int64_t ms)
{
	struct model_clock *clock = context;

	clock->now_ms += ms;
	clock->advances++;
	if (clock->steps_back && clock->advances % 50 == 0)
		clock->now_ms -= (clock->advances % 3 == 0) ? HOUR : 700;
}

START_TEST(answers_are_those_of_an_exact_log)
{
	struct model_clock clock = {
		.now_ms = clock_now_ms(),
		.steps_back = models[_i % MODELS].clock_steps_back,
	};
	struct store_model setup = {
		.store = open_store(NULL, 1000000),
		.now = model_now, .advance = model_advance, .context = &clock,
		.timeout_ms = 1000, .seed = (uint32_t)_i + 1, .rounds = 6000,
	};

	memcpy(setup.windows_ms, models[_i % MODELS].windows_ms,
	    sizeof(setup.windows_ms));
	store_model_run(&setup);
	store_close(&setup.store);
	ck_assert_ptr_null(setup.store);
}
END_TEST

/* --- one rule each --- */

START_TEST(the_first_full_is_named_and_the_longest_wait_told)
{
	struct store *store = open_store(NULL, 1000);
	int64_t now_ms = clock_now_ms();
	struct charges charges = { .count = 4 };
	struct charge_answer answer;

	charge_one(store, STORE_CHARGE, "user:b", 5, 5, now_ms);
	charge_one(store, STORE_CHARGE, "user:d", 5, 5, now_ms + 9 * MINUTE);
	charges.at[0] = charge_of("user:a", 5, 1);
	charges.at[1] = charge_of("user:b", 5, 1);
	charges.at[2] = charge_of("user:c", 5, 1);
	charges.at[3] = charge_of("user:d", 5, 1);
	store_charge(store, &charges, STORE_CHARGE, now_ms + 10 * MINUTE, 1000,
	    &answer);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 1);
	ck_assert_int_eq(answer.retry_ms, 59 * MINUTE);
	ck_assert_int_eq(answer.used[0], 0);
	ck_assert_int_eq(answer.used[1], 5);
	ck_assert_int_eq(used(store, "user:c", now_ms + 10 * MINUTE), 0);
	store_close(&store);
}
END_TEST

START_TEST(two_charges_of_one_counter_both_count)
{
	struct store *store = open_store(NULL, 1000);
	int64_t now_ms = clock_now_ms();
	struct charges charges = { .count = 2 };
	struct charge_answer answer;

	charges.at[0] = charges.at[1] = charge_of("user:a", 5, 3);
	store_charge(store, &charges, STORE_CHARGE, now_ms, 1000, &answer);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 1);
	ck_assert_int_eq(answer.retry_ms, HOUR);
	charges.at[1].weight = 2;
	store_charge(store, &charges, STORE_CHARGE, now_ms, 1000, &answer);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert_int_eq(answer.used[0], 5);
	ck_assert_int_eq(answer.used[1], 5);
	store_close(&store);
}
END_TEST

START_TEST(who_observes_is_counted_only_with_the_rest)
{
	struct store *store = open_store(NULL, 1000);
	int64_t now_ms = clock_now_ms();
	struct charges charges = { .count = 2 };
	struct charge_answer answer;

	charges.at[0] = charge_of("user:a", 1, 7);
	charges.at[0].observe = true;
	charges.at[1] = charge_of("user:b", 1, 1);
	store_charge(store, &charges, STORE_CHARGE, now_ms, 1000, &answer);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert_int_eq(answer.used[0], 7);
	store_charge(store, &charges, STORE_CHARGE, now_ms, 1000, &answer);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 1);
	ck_assert_int_eq(used(store, "user:a", now_ms), 7);
	store_close(&store);
}
END_TEST

START_TEST(a_look_leaves_no_trace)
{
	struct store *store = open_store(NULL, 1000);
	struct store_counter counters[4];
	int64_t now_ms = clock_now_ms();

	charge_one(store, STORE_PEEK, "user:a", 5, 3, now_ms);
	charge_one(store, STORE_CHARGE, "user:b", 5, 0, now_ms);
	ck_assert_int_eq(count_subjects(store), 0);
	ck_assert_int_eq(store_show(store, "user:a", now_ms, 1000, counters,
	    4), 0);
	store_close(&store);
}
END_TEST

START_TEST(show_tells_what_was_charged_last)
{
	struct store *store = open_store(NULL, 1000);
	struct store_counter counters[4];
	int64_t now_ms = clock_now_ms();
	struct charge_answer answer;
	struct refund refund = {
		.subject = "user:a", .field = "quota/1h", .window_ms = HOUR,
		.weight = 3,
	};

	answer = charge_one(store, STORE_CHARGE, "user:a", 5, 3, now_ms);
	charge_one(store, STORE_CHARGE, "user:a", 2, 1, now_ms + MINUTE);
	ck_assert_int_eq(store_show(store, "user:a", now_ms + MINUTE, 1000,
	    counters, 4), 1);
	ck_assert_str_eq(counters[0].field, "quota/1h");
	ck_assert_int_eq(counters[0].used, 3);
	ck_assert_int_eq(counters[0].max, 2);
	ck_assert_int_eq(counters[0].window_ms, HOUR);
	ck_assert_int_eq(counters[0].frees_ms, 59 * MINUTE);
	refund.at_ms = answer.now_ms;
	store_refund(store, &refund, 1, now_ms + MINUTE, 1000);
	ck_assert_int_eq(store_show(store, "user:a", now_ms + MINUTE, 1000,
	    counters, 4), 1);
	ck_assert_int_eq(counters[0].used, 0);
	ck_assert_int_eq(counters[0].frees_ms, 0);
	store_close(&store);
}
END_TEST

START_TEST(no_counter_is_held_longer_because_the_clock_steps_back)
{
	struct store *store = open_store(NULL, 1000);
	int64_t now_ms = clock_now_ms();
	int64_t back_ms = now_ms - 30 * DAY;

	charge_one(store, STORE_CHARGE, "user:a", 5, 5, now_ms);
	ck_assert_int_eq(charge_one(store, STORE_CHARGE, "user:a", 5, 1,
	    back_ms).retry_ms, HOUR);
	ck_assert_int_eq(charge_one(store, STORE_CHARGE, "user:a", 5, 1,
	    back_ms + HOUR - 1).retry_ms, 1);
	ck_assert_int_eq(charge_one(store, STORE_CHARGE, "user:a", 5, 1,
	    back_ms + HOUR).status, CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

START_TEST(a_caller_that_is_late_does_not_move_the_clock)
{
	struct store *store = open_store(NULL, 1000);
	int64_t now_ms = clock_now_ms();

	charge_one(store, STORE_CHARGE, "user:a", 5, 1, now_ms);
	ck_assert_int_eq(charge_one(store, STORE_CHARGE, "user:a", 5, 1,
	    now_ms - 20000).now_ms, now_ms);
	ck_assert_int_eq(charge_one(store, STORE_CHARGE, "user:a", 5, 1,
	    now_ms + 5).now_ms, now_ms + 5);
	store_close(&store);
}
END_TEST

START_TEST(a_refund_knows_that_a_shorter_window_has_let_it_go)
{
	struct store *store = open_store(NULL, 1000);
	int64_t start_ms = clock_now_ms();
	struct charges charges = { .count = 1 };
	struct charge_answer answer;
	struct refund refund = {
		.subject = "user:a", .field = "quota/1h",
		.window_ms = 10 * MINUTE, .weight = 3, .at_ms = start_ms,
	};

	charges.at[0] = charge_of("user:a", 100, 3);
	charges.at[0].window_ms = 10 * MINUTE;
	store_charge(store, &charges, STORE_CHARGE, start_ms, 1000, &answer);
	charges.at[0].weight = 4;
	store_charge(store, &charges, STORE_CHARGE, start_ms + 11 * MINUTE,
	    1000, &answer);
	ck_assert_int_eq(answer.used[0], 4);
	charge_one(store, STORE_CHARGE, "user:a", 100, 5,
	    start_ms + 12 * MINUTE);
	store_refund(store, &refund, 1, start_ms + 13 * MINUTE, 1000);
	ck_assert_int_eq(used(store, "user:a", start_ms + 13 * MINUTE), 9);
	store_close(&store);
}
END_TEST

START_TEST(past_the_cap_the_idle_go)
{
	struct store *store = open_store(NULL, 1000);
	int64_t now_ms = clock_now_ms();
	char subject[32];

	for (int i = 0; i < 20000; i++) {
		snprintf(subject, sizeof(subject), "client:%d", i);
		charge_one(store, STORE_CHARGE, subject, 10, 1, ++now_ms);
		ck_assert_int_le(count_subjects(store), 1000);
		/* One that is used all the time. */
		charge_one(store, STORE_FORCE, "user:busy", 10, 1, now_ms);
	}
	ck_assert_int_eq(count_subjects(store), 1000);
	ck_assert_int_eq(used(store, "user:busy", now_ms), 20000);
	ck_assert_int_eq(used(store, "client:1", now_ms), 0);
	ck_assert_int_eq(used(store, "client:19999", now_ms), 1);
	store_close(&store);
}
END_TEST

START_TEST(what_has_expired_goes_when_more_comes)
{
	struct store *store = open_store(NULL, 10000000);
	int64_t now_ms = clock_now_ms();
	char subject[32];

	for (int round = 0; round < 5; round++, now_ms += HOUR - MINUTE)
		for (int i = 0; i < 30000; i++) {
			snprintf(subject, sizeof(subject), "client:%d.%d",
			    round, i);
			charge_one(store, STORE_CHARGE, subject, 10, 1,
			    now_ms);
		}
	ck_assert_int_lt(count_subjects(store), 120000);
	/* What has not expired is still there: the last two rounds. */
	for (int i = 0; i < 60000; i++) {
		snprintf(subject, sizeof(subject), "client:%d.%d",
		    3 + i / 30000, i % 30000);
		ck_assert_int_eq(used(store, subject, now_ms - HOUR + MINUTE),
		    1);
	}
	store_close(&store);
}
END_TEST

START_TEST(hostile_names_are_names_of_their_own)
{
	static const char *const names[] = {
		"", " ", "%", "%00", "%s%n", "a", "A", "a ", "a,b", "a:b", "{a}",
		"user:a quota/1h", "user:a\tquota", "user:\r\nDEL", "user:*",
		"user:\xc3\xa4", "user:\xff\xfe", "user:../../x",
		"user:$(reboot)", "user:a\x7f",
	};
	struct store *store = open_store(NULL, 100000);
	char longest[2][SUBJECT_OCTETS_MAX + 1];
	int64_t now_ms = clock_now_ms();
	int64_t count = (int64_t)(sizeof(names) / sizeof(names[0]));

	for (int64_t i = 0; i < count; i++)
		charge_one(store, STORE_CHARGE, names[i], 1000, i + 1, now_ms);
	for (int64_t i = 0; i < count; i++)
		ck_assert_int_eq(used(store, names[i], now_ms), i + 1);
	for (int i = 0; i < 2; i++) {
		memset(longest[i], 'x', SUBJECT_OCTETS_MAX);
		longest[i][SUBJECT_OCTETS_MAX - 1] = (char)('0' + i);
		longest[i][SUBJECT_OCTETS_MAX] = '\0';
		charge_one(store, STORE_CHARGE, longest[i], 1000, 7, now_ms);
	}
	ck_assert_int_eq(used(store, longest[0], now_ms), 7);
	ck_assert_int_eq(count_subjects(store), count + 2);
	store_close(&store);
}
END_TEST

START_TEST(a_reload_keeps_the_store_unless_the_file_is_another)
{
	struct store *store = open_store(NULL, 1000);
	static struct config config = { .store = STORE_KIND_MEMORY, .memory = {
		.file = "", .save_every_ms = 1000, .max_subjects = 2000 } };

	ck_assert(store_reconfigure(store, &config));
	config.memory.file = "/var/lib/floodgate/counters";
	ck_assert(!store_reconfigure(store, &config));
	config.memory.file = NULL;
	config.store = STORE_KIND_REDIS;
	ck_assert(!store_reconfigure(store, &config));
	store_close(&store);
}
END_TEST

/* --- threads --- */

struct hammer {
	struct store *store;
	const struct charges *charges;
	atomic_int *allowed;
	unsigned int number;
	int rounds;
};

static void
run_threads(struct hammer *hammers, void *work(void *))
{
	pthread_t threads[THREADS];

	for (unsigned int i = 0; i < THREADS; i++) {
		hammers[i].number = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work,
		    &hammers[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void *
charge_one_limit(void *argument)
{
	struct hammer *hammer = argument;
	struct charge_answer answer;

	for (int i = 0; i < hammer->rounds; i++) {
		store_charge(hammer->store, hammer->charges, STORE_CHARGE,
		    clock_now_ms(), 1000, &answer);
		if (answer.status == CHARGE_ALLOWED)
			atomic_fetch_add(hammer->allowed, 1);
	}
	return NULL;
}

static void *
mark_and_lift(void *argument)
{
	struct store *store = argument;
	const struct store_mark mark = { .kind = MARK_suspended };
	struct store_mark more = { .kind = MARK_override, .max = 1000000 };

	(void)text_copy(more.field, sizeof(more.field), "quota/1h");
	for (int i = 0; i < 2000; i++) {
		(void)store_set_mark(store, "user:marked", &mark, STORE_SET,
		    clock_now_ms(), 1);
		(void)store_set_mark(store, "user:counted", &more, STORE_SET,
		    clock_now_ms(), 1);
		(void)store_lift_mark(store, "user:marked", MARK_suspended,
		    "", clock_now_ms(), 1);
	}
	return NULL;
}

/* The override is there from the first on, and never seen half. */
START_TEST(marks_change_while_others_charge)
{
	struct store *store = open_store(NULL, 1000);
	struct charges charges = { .count = 1, .mark_count = 1 };
	struct charge_answer answer;
	pthread_t thread;
	int64_t charged = 0;

	charges.at[0] = charge_of("user:counted", 1000000, 1);
	(void)text_copy(charges.marks[0].subject,
	    sizeof(charges.marks[0].subject), "user:marked");
	ck_assert_int_eq(pthread_create(&thread, NULL, mark_and_lift, store),
	    0);
	for (int i = 0; i < 4000; i++) {
		store_charge(store, &charges, STORE_CHARGE, clock_now_ms(), 1,
		    &answer);
		ck_assert(answer.status == CHARGE_ALLOWED ||
		    answer.status == CHARGE_MARKED);
		ck_assert_int_eq(charge_max(&charges, &answer, 0), 1000000);
		charged += answer.status == CHARGE_ALLOWED;
	}
	pthread_join(thread, NULL);
	ck_assert_int_eq(used(store, "user:counted", clock_now_ms()),
	    charged);
	store_close(&store);
}
END_TEST

START_TEST(a_limit_of_a_thousand_admits_a_thousand)
{
	struct store *store = open_store(NULL, 1000);
	struct hammer hammers[THREADS];
	struct charges charges = { .count = 3 };
	atomic_int allowed = 0;

	charges.at[0] = charge_of("client:192.0.2.1", 1000000, 1);
	charges.at[1] = charge_of("user:a", 1000, 1);
	charges.at[2] = charge_of("everyone", 1000000, 1);
	for (int i = 0; i < THREADS; i++)
		hammers[i] = (struct hammer){ .store = store, .charges =
		    &charges, .allowed = &allowed, .rounds = 500 };
	run_threads(hammers, charge_one_limit);
	ck_assert_int_eq(atomic_load(&allowed), 1000);
	ck_assert_int_eq(used(store, "client:192.0.2.1", clock_now_ms()),
	    1000);
	store_close(&store);
}
END_TEST

/* Sets that overlap, in any order; saving and looking at the same time. */
static void *
charge_at_random(void *argument)
{
	struct hammer *hammer = argument;
	struct charges charges = { 0 };
	struct charge_answer answer;
	struct store_counter counters[4];
	unsigned int state = hammer->number + 1;
	char subject[32], why[256];

	for (int i = 0; i < hammer->rounds; i++) {
		state = state * 1103515245 + 12345;
		charges.count = 1 + (state >> 16) % 8;
		for (size_t k = 0; k < charges.count; k++) {
			snprintf(subject, sizeof(subject), "user:%u",
			    (state >> 10) % 50 * (unsigned int)(k + 1) % 60);
			charges.at[k] = charge_of(subject, 200, 1);
		}
		store_charge(hammer->store, &charges, STORE_CHARGE,
		    clock_now_ms(), 1000, &answer);
		if (answer.status == CHARGE_ALLOWED)
			atomic_fetch_add(hammer->allowed,
			    (int)charges.count);
		if (i % 8 == 0)
			store_show(hammer->store, subject, clock_now_ms(),
			    1000, counters, 4);
		if (i % 100 == 50 && hammer->number == 0)
			ck_assert(store_save(hammer->store, why,
			    sizeof(why)));
	}
	return NULL;
}

START_TEST(sets_that_overlap_are_charged_as_wholes)
{
	struct store *store;
	struct hammer hammers[THREADS];
	atomic_int allowed = 0;
	int64_t sum = 0;
	char subject[32];

	make_directory();
	store = open_store(file, 1000);
	for (int i = 0; i < THREADS; i++)
		hammers[i] = (struct hammer){ .store = store,
		    .allowed = &allowed, .rounds = 1000 };
	run_threads(hammers, charge_at_random);
	for (int i = 0; i < 60; i++) {
		snprintf(subject, sizeof(subject), "user:%d", i);
		ck_assert_int_le(used(store, subject, clock_now_ms()), 200);
		sum += used(store, subject, clock_now_ms());
	}
	ck_assert_int_eq(sum, atomic_load(&allowed));
	store_close(&store);
	remove_directory();
}
END_TEST

static void *
come_and_go(void *argument)
{
	struct hammer *hammer = argument;
	char subject[32];

	for (int i = 0; i < hammer->rounds; i++) {
		snprintf(subject, sizeof(subject), "client:%u.%d",
		    hammer->number, i);
		charge_one(hammer->store, STORE_CHARGE, subject, 10, 1,
		    clock_now_ms());
	}
	return NULL;
}

START_TEST(the_cap_holds_under_threads)
{
	struct store *store = open_store(NULL, 1000);
	struct hammer hammers[THREADS];

	for (int i = 0; i < THREADS; i++)
		hammers[i] = (struct hammer){ .store = store,
		    .rounds = 2000 };
	run_threads(hammers, come_and_go);
	ck_assert_int_eq(count_subjects(store), 1000);
	store_close(&store);
}
END_TEST

/* --- the file --- */

START_TEST(counters_come_back_after_a_restart)
{
	struct store *store;
	int64_t now_ms = clock_now_ms();
	struct stat status;
	char subject[32];

	make_directory();
	store = open_store(file, 100000);
	for (int i = 0; i < 3000; i++) {
		snprintf(subject, sizeof(subject), "client:%d", i % 1000);
		charge_one(store, STORE_CHARGE, subject, 10, i % 3 + 1,
		    now_ms + i * 400);
	}
	store_close(&store);
	ck_assert_int_eq(stat(file, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	store = open_store(file, 100000);
	ck_assert_int_eq(count_subjects(store), 1000);
	now_ms += 3000 * 400;
	for (int i = 0; i < 1000; i++) {
		snprintf(subject, sizeof(subject), "client:%d", i);
		ck_assert_int_eq(used(store, subject, now_ms), 6);
	}
	/* The groups too: the first third leaves before the rest. */
	ck_assert_int_eq(used(store, "client:0", now_ms + HOUR - 1100 * 1000),
	    5);
	store_close(&store);
	remove_directory();
}
END_TEST

START_TEST(what_has_expired_does_not_come_back)
{
	struct store *store;
	int64_t now_ms = clock_now_ms();

	make_directory();
	store = open_store(file, 1000);
	charge_one(store, STORE_CHARGE, "user:old", 10, 1, now_ms - 2 * HOUR);
	charge_one(store, STORE_CHARGE, "user:new", 10, 1, now_ms);
	store_close(&store);
	store = open_store(file, 1000);
	ck_assert_int_eq(count_subjects(store), 1);
	ck_assert_int_eq(used(store, "user:new", now_ms), 1);
	store_close(&store);
	remove_directory();
}
END_TEST

START_TEST(a_clock_that_stepped_back_over_a_restart_holds_nothing_longer)
{
	struct store *store;
	int64_t now_ms = clock_now_ms();

	make_directory();
	store = open_store(file, 1000);
	charge_one(store, STORE_CHARGE, "user:a", 5, 5, now_ms + 5 * DAY);
	store_close(&store);
	store = open_store(file, 1000);
	ck_assert_int_eq(charge_one(store, STORE_CHARGE, "user:a", 5, 1,
	    now_ms).retry_ms, HOUR);
	ck_assert_int_eq(charge_one(store, STORE_CHARGE, "user:a", 5, 1,
	    now_ms + HOUR).status, CHARGE_ALLOWED);
	/* And what is saved now is in the time of the wall clock. */
	store_close(&store);
	store = open_store(file, 1000);
	ck_assert_int_eq(charge_one(store, STORE_CHARGE, "user:a", 1, 1,
	    now_ms + HOUR + MINUTE).retry_ms, 59 * MINUTE);
	store_close(&store);
	remove_directory();
}
END_TEST

START_TEST(a_lower_cap_holds_from_the_start)
{
	struct store *store;
	int64_t now_ms = clock_now_ms();
	char subject[32];

	make_directory();
	store = open_store(file, 100000);
	for (int i = 0; i < 50000; i++) {
		snprintf(subject, sizeof(subject), "client:%d", i);
		charge_one(store, STORE_CHARGE, subject, 10, 1, now_ms + i);
	}
	store_close(&store);
	store = open_store(file, 20000);
	ck_assert_int_eq(count_subjects(store), 20000);
	ck_assert_int_eq(used(store, "client:0", now_ms + 50000), 0);
	ck_assert_int_eq(used(store, "client:49999", now_ms + 50000), 1);
	store_close(&store);
	remove_directory();
}
END_TEST

START_TEST(a_store_without_a_file_has_nothing_to_save)
{
	struct store *store = open_store("", 1000);
	char why[256] = "";

	charge_one(store, STORE_CHARGE, "user:a", 5, 5, clock_now_ms());
	ck_assert(store_save(store, why, sizeof(why)));
	store_close(&store);
}
END_TEST

static size_t
read_file(const char *path, uint8_t *buffer, size_t size)
{
	FILE *stream = fopen(path, "rb");
	size_t length;

	ck_assert_ptr_nonnull(stream);
	length = fread(buffer, 1, size, stream);
	fclose(stream);
	return length;
}

static void
write_file(const char *path, const uint8_t *octets, size_t length)
{
	FILE *stream = fopen(path, "wb");

	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fwrite(octets, 1, length, stream), length);
	fclose(stream);
}

static struct charge_answer
see(struct store *store, enum store_mode mode, const char *subject,
    int64_t max, uint64_t element, int64_t now_ms)
{
	static struct charges charges;
	struct charge_answer answer;

	charges.count = 1;
	charges.at[0] = charge_of(subject, max, 1);
	charges.at[0].distinct = true;
	charges.at[0].element = element;
	store_charge(store, &charges, mode, now_ms, 1000, &answer);
	return answer;
}

/* A small snapshot: three subjects. */
static size_t
make_snapshot(uint8_t *buffer, size_t size)
{
	struct store *store = open_store(file, 1000);
	int64_t now_ms = clock_now_ms();
	size_t length;

	charge_one(store, STORE_CHARGE, "user:a", 5, 2, now_ms);
	charge_one(store, STORE_CHARGE, "user:b", 5, 3, now_ms);
	see(store, STORE_CHARGE, "user:c", 5, 1, now_ms);
	see(store, STORE_CHARGE, "user:c", 5, 2, now_ms);
	store_close(&store);
	length = read_file(file, buffer, size);
	ck_assert_uint_lt(length, size);
	return length;
}

static void
must_start_empty(const uint8_t *octets, size_t length, const char *what,
    size_t where)
{
	struct store *store;

	unlink(damaged);
	write_file(file, octets, length);
	store = open_store(file, 1000);
	ck_assert_msg(count_subjects(store) == 0, "%s at %zu", what, where);
	ck_assert_msg(access(file, F_OK) != 0, "%s at %zu", what, where);
	ck_assert_msg(access(damaged, F_OK) == 0, "%s at %zu", what, where);
	ck_assert_int_eq(used(store, "user:a", clock_now_ms()), 0);
	store_close(&store);
}

/* The log's lines are not this test's affair. */
static int
silence(void)
{
	int kept = dup(STDERR_FILENO);
	int nowhere = open("/dev/null", O_WRONLY);

	fflush(stderr);
	dup2(nowhere, STDERR_FILENO);
	close(nowhere);
	return kept;
}

static void
speak_again(int kept)
{
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
}

START_TEST(a_damaged_file_is_set_aside)
{
	uint8_t whole[1024], bad[1024];
	size_t length;
	int kept;

	make_directory();
	length = make_snapshot(whole, sizeof(whole));
	kept = silence();
	for (size_t i = 0; i < length; i++) {
		memcpy(bad, whole, length);
		bad[i] ^= 0x10;
		must_start_empty(bad, length, "a flipped bit", i);
	}
	for (size_t i = 0; i < length; i++)
		must_start_empty(whole, i, "cut", i);
	memcpy(bad, whole, length);
	bad[length] = 0;
	must_start_empty(bad, length + 1, "one octet more", length);
	speak_again(kept);
	remove_directory();
}
END_TEST

static void
set_crc(uint8_t *octets, size_t length)
{
	uint32_t crc = snapshot_crc(0, octets, length - 4);

	for (size_t i = 0; i < 4; i++)
		octets[length - 4 + i] = (uint8_t)(crc >> 8 * i);
}

START_TEST(another_version_is_set_aside)
{
	uint8_t whole[1024];
	size_t length;
	int kept;

	make_directory();
	length = make_snapshot(whole, sizeof(whole));
	whole[8]++;
	set_crc(whole, length);
	kept = silence();
	must_start_empty(whole, length, "the version", 8);
	speak_again(kept);
	remove_directory();
}
END_TEST

/* --- a file of before: version 1 had windows only --- */

struct octets {
	uint8_t at[256];
	size_t length;
};

static void
put(struct octets *octets, const void *from, size_t length)
{
	memcpy(octets->at + octets->length, from, length);
	octets->length += length;
}

static void
put_number(struct octets *octets, uint64_t number, size_t length)
{
	for (size_t i = 0; i < length; i++)
		octets->at[octets->length++] = (uint8_t)(number >> 8 * i);
}

START_TEST(an_old_file_is_read)
{
	int64_t now_ms = clock_now_ms();
	struct octets old = { .length = 0 };
	struct store *store;

	make_directory();
	put(&old, "fgcounts", 8);
	put_number(&old, 1, 4);
	put(&old, "0123456789abcdef", 16);	/* the key of the table */
	put_number(&old, 6, 2);
	put(&old, "user:a", 6);
	put_number(&old, (uint64_t)now_ms, 8);
	put_number(&old, 1, 2);
	put_number(&old, 8, 2);
	put(&old, "quota/1h", 8);
	put_number(&old, (uint64_t)HOUR, 8);
	put_number(&old, 5, 8);
	put_number(&old, (uint64_t)now_ms, 8);
	put_number(&old, 1, 1);
	put_number(&old, (uint64_t)now_ms, 8);
	put_number(&old, 3, 8);
	put_number(&old, 0, 2);
	put_number(&old, (uint64_t)now_ms, 8);
	old.length += 4;
	set_crc(old.at, old.length);
	write_file(file, old.at, old.length);
	store = open_store(file, 1000);
	ck_assert_int_eq(used(store, "user:a", now_ms), 3);
	store_close(&store);
	remove_directory();
}
END_TEST

/* --- different ones --- */

START_TEST(different_ones_come_back_after_a_restart)
{
	struct store *store;
	struct store_counter counter;
	int64_t now_ms = clock_now_ms();

	make_directory();
	store = open_store(file, 1000);
	for (uint64_t i = 0; i < 30; i++)
		see(store, STORE_CHARGE, "user:a", 30, i,
		    now_ms - HOUR + (int64_t)i * MINUTE + 1000);
	store_close(&store);
	store = open_store(file, 1000);
	ck_assert_int_eq(store_show(store, "user:a", now_ms, 100, &counter,
	    1), 1);
	ck_assert_int_eq(counter.used, 30);
	ck_assert_int_eq(counter.max, 30);
	ck_assert_int_eq(counter.frees_ms, 1000);
	ck_assert(!see(store, STORE_CHARGE, "user:a", 30, 7, now_ms).fresh[0]);
	ck_assert_int_eq(see(store, STORE_CHARGE, "user:a", 30, 99,
	    now_ms).status, CHARGE_REFUSED);
	/* By the time of each: the first has left. */
	ck_assert_int_eq(see(store, STORE_CHARGE, "user:a", 30, 99,
	    now_ms + 1000).status, CHARGE_ALLOWED);
	store_close(&store);
	remove_directory();
}
END_TEST

START_TEST(many_different_ones_count_against_the_cap)
{
	struct store *store = open_store(NULL, 1000);
	char subject[32];

	for (int i = 0; i < 500; i++) {
		snprintf(subject, sizeof(subject), "client:%d", i);
		charge_one(store, STORE_CHARGE, subject, 10, 1, 1000);
	}
	ck_assert_int_eq(count_subjects(store), 500);
	for (uint64_t i = 0; i < 6000; i++)
		see(store, STORE_CHARGE, "user:a", 10000, i, 2000);
	/* 6000 in room for 8192, which is as much as 1024 subjects. */
	ck_assert_int_lt(see(store, STORE_PEEK, "user:a", 1, 1, 2000).used[0],
	    6000);
	ck_assert_int_lt(count_subjects(store), 500);
	store_close(&store);
}
END_TEST

START_TEST(a_limit_that_counts_something_else_starts_anew)
{
	struct store *store = open_store(NULL, 1000);

	charge_one(store, STORE_CHARGE, "user:a", 10, 7, 1000);
	ck_assert_int_eq(see(store, STORE_CHARGE, "user:a", 10, 1,
	    1000).used[0], 1);
	ck_assert_int_eq(charge_one(store, STORE_CHARGE, "user:a", 10, 4,
	    1000).used[0], 4);
	ck_assert_int_eq(see(store, STORE_PEEK, "user:a", 10, 1,
	    1000).used[0], 0);
	store_close(&store);
}
END_TEST

/* A checksum that is right does not make right what it covers. */
START_TEST(a_file_that_lies_breaks_nothing)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	uint8_t whole[1024], bad[1024];
	struct store *store;
	size_t length;
	int kept;

	make_directory();
	length = make_snapshot(whole, sizeof(whole));
	kept = silence();
	for (size_t i = 12; i < length - 4; i++)
		for (size_t k = 0; k < sizeof(values); k++) {
			memcpy(bad, whole, length);
			bad[i] = values[k];
			set_crc(bad, length);
			write_file(file, bad, length);
			store = open_store(file, 1000);
			used(store, "user:a", clock_now_ms());
			/* A change is synced to the disk: now and then. */
			if (i % 16 == k)
				charge_one(store, STORE_CHARGE, "user:b", 5,
				    1, clock_now_ms());
			store_close(&store);
		}
	speak_again(kept);
	remove_directory();
}
END_TEST

START_TEST(trouble_with_saving_is_told_once)
{
	char log[112], line[512], why[256];
	struct store_complaint complaints[STORE_COMPLAINTS_MAX];
	struct store *store;
	int kept, warnings = 0, notices = 0;
	FILE *stream;

	make_directory();
	snprintf(file, sizeof(file), "%s/sub/counters", directory);
	snprintf(log, sizeof(log), "%s/log", directory);
	kept = silence();
	ck_assert_ptr_nonnull(freopen(log, "w", stderr));
	store = open_store(file, 1000);
	charge_one(store, STORE_CHARGE, "user:a", 5, 5, clock_now_ms());
	ck_assert_uint_eq(store_check(store, 0, complaints), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert(!store_save(store, why, sizeof(why)));
		ck_assert_ptr_nonnull(strstr(why, "sub/counters"));
	}
	ck_assert_uint_eq(store_check(store, 0, complaints), 1);
	ck_assert_ptr_nonnull(strstr(complaints[0].text, "sub/counters"));
	ck_assert_str_eq(complaints[0].where, file);
	snprintf(line, sizeof(line), "%s/sub", directory);
	ck_assert_int_eq(mkdir(line, 0700), 0);
	ck_assert_uint_eq(store_check(store, 0, complaints), 0);
	ck_assert(store_save(store, why, sizeof(why)));
	ck_assert(store_save(store, why, sizeof(why)));
	store_close(&store);
	speak_again(kept);
	stream = fopen(log, "r");
	ck_assert_ptr_nonnull(stream);
	while (fgets(line, sizeof(line), stream) != NULL) {
		warnings += strstr(line, "are not saved") != NULL;
		notices += strstr(line, "saved again") != NULL;
	}
	fclose(stream);
	ck_assert_int_eq(warnings, 1);
	ck_assert_int_eq(notices, 1);
	unlink(log);
	unlink(file);
	snprintf(line, sizeof(line), "%s/sub", directory);
	rmdir(line);
	ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_file)
{
	struct rlimit limit = { .rlim_cur = 64, .rlim_max = RLIM_INFINITY };
	uint8_t before[1024], after[1024];
	char temporary[112], why[256] = "";
	struct store *store;
	size_t length;
	int kept;

	make_directory();
	snprintf(temporary, sizeof(temporary), "%s.tmp", file);
	length = make_snapshot(before, sizeof(before));
	store = open_store(file, 1000);
	charge_one(store, STORE_CHARGE, "user:c", 5, 5, clock_now_ms());
	kept = silence();
	/* To the writer this is as good as a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert(!store_save(store, why, sizeof(why)));
	ck_assert_uint_eq(read_file(file, after, sizeof(after)), length);
	ck_assert_mem_eq(before, after, length);
	ck_assert_int_ne(access(temporary, F_OK), 0);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert(store_save(store, why, sizeof(why)));
	store_close(&store);
	speak_again(kept);
	store = open_store(file, 1000);
	ck_assert_int_eq(count_subjects(store), 3);
	store_close(&store);
	remove_directory();
}
END_TEST

START_TEST(the_file_is_written_by_itself)
{
	static struct config config = { .store = STORE_KIND_MEMORY, .memory = {
		.file = file, .save_every_ms = 50, .max_subjects = 1000 } };
	struct store *store;

	make_directory();
	store = open_store(file, 1000);		/* once a day */
	charge_one(store, STORE_CHARGE, "user:a", 5, 5, clock_now_ms());
	ck_assert(store_reconfigure(store, &config));
	/* Up to the test's timeout. */
	while (access(file, F_OK) != 0)
		usleep(5000);
	unlink(file);
	/* Nothing changed since: nothing is written. */
	usleep(200000);
	ck_assert_int_ne(access(file, F_OK), 0);
	store_close(&store);
	remove_directory();
}
END_TEST

START_TEST(what_is_no_file_is_refused_at_the_start)
{
	struct store_memory_options options = {
		.save_every_ms = DAY, .max_subjects = 1000 };
	char why[256] = "";

	make_directory();
	options.file = directory;
	ck_assert_ptr_null(store_memory_open(&options, why, sizeof(why)));
	ck_assert_ptr_nonnull(strstr(why, directory));
	remove_directory();
}
END_TEST

START_TEST(the_checksum_is_the_usual_one)
{
	ck_assert_uint_eq(snapshot_crc(0, "123456789", 9), 0xcbf43926);
	ck_assert_uint_eq(snapshot_crc(snapshot_crc(0, "1234", 4), "56789", 5),
	    0xcbf43926);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_memory");
	TCase *model = tcase_create("against an exact log");
	TCase *rules = tcase_create("rules");
	TCase *threads = tcase_create("threads");
	TCase *files = tcase_create("the file");

	tcase_set_timeout(model, 60);
	tcase_add_loop_test(model, answers_are_those_of_an_exact_log, 0,
	    2 * MODELS);
	tcase_set_timeout(rules, 60);
	tcase_add_test(rules,
	    the_first_full_is_named_and_the_longest_wait_told);
	tcase_add_test(rules, marks_are_as_in_every_store);
	tcase_add_test(rules, marks_are_no_counters);
	tcase_add_test(rules, two_charges_of_one_counter_both_count);
	tcase_add_test(rules, who_observes_is_counted_only_with_the_rest);
	tcase_add_test(rules, a_look_leaves_no_trace);
	tcase_add_test(rules, show_tells_what_was_charged_last);
	tcase_add_test(rules,
	    no_counter_is_held_longer_because_the_clock_steps_back);
	tcase_add_test(rules,
	    a_caller_that_is_late_does_not_move_the_clock);
	tcase_add_test(rules,
	    a_refund_knows_that_a_shorter_window_has_let_it_go);
	tcase_add_test(rules, past_the_cap_the_idle_go);
	tcase_add_test(rules, what_has_expired_goes_when_more_comes);
	tcase_add_test(rules, hostile_names_are_names_of_their_own);
	tcase_add_test(rules,
	    a_reload_keeps_the_store_unless_the_file_is_another);
	tcase_set_timeout(threads, 120);
	tcase_add_test(threads, marks_change_while_others_charge);
	tcase_add_test(threads, a_limit_of_a_thousand_admits_a_thousand);
	tcase_add_test(threads, sets_that_overlap_are_charged_as_wholes);
	tcase_add_test(threads, the_cap_holds_under_threads);
	tcase_set_timeout(files, 120);
	tcase_add_test(files, counters_come_back_after_a_restart);
	tcase_add_test(files, marks_outlive_the_process);
	tcase_add_loop_test(files, snapshot_with_something_else_is_set_aside,
	    0, 3);
	tcase_add_test(files, what_has_expired_does_not_come_back);
	tcase_add_test(files,
	    a_clock_that_stepped_back_over_a_restart_holds_nothing_longer);
	tcase_add_test(files, a_lower_cap_holds_from_the_start);
	tcase_add_test(files, a_store_without_a_file_has_nothing_to_save);
	tcase_add_test(files, a_damaged_file_is_set_aside);
	tcase_add_test(files, another_version_is_set_aside);
	tcase_add_test(files, an_old_file_is_read);
	tcase_add_test(files, different_ones_come_back_after_a_restart);
	tcase_add_test(files, many_different_ones_count_against_the_cap);
	tcase_add_test(files, a_limit_that_counts_something_else_starts_anew);
	tcase_add_test(files, a_file_that_lies_breaks_nothing);
	tcase_add_test(files, trouble_with_saving_is_told_once);
	tcase_add_test(files, a_full_disk_leaves_the_old_file);
	tcase_add_test(files, the_file_is_written_by_itself);
	tcase_add_test(files, what_is_no_file_is_refused_at_the_start);
	tcase_add_test(files, the_checksum_is_the_usual_one);
	suite_add_tcase(suite, model);
	suite_add_tcase(suite, rules);
	suite_add_tcase(suite, threads);
	suite_add_tcase(suite, files);
	return run_suite(suite);
}
