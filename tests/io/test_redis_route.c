/*
 * test_redis_route.c - several servers, Sentinel, Cluster; real ones
 *
 * What takes seconds, an election, is in tests/live.
 */
#include "io/store_redis.h"

#include <check.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/metrics.h"
#include "io/redis_route.h"
#include "io/redis_slots.h"
#include "redis_lab.h"
#include "redis_store.h"
#include "../suite.h"

#define TIMEOUT_MS 100
/* What a busy machine may add to a deadline. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GRACE_MS 500
#else
#define GRACE_MS 150
#endif

/* --- a store --- */

static const char *servers[LAB_SERVERS_MAX];

static struct store_redis_options
options_of(size_t count)
{
	struct store_redis_options options = redis_options(PATIENT_MS);

	options.server = (struct strings){servers, count};
	for (size_t i = 0; i < count; i++)
		servers[i] = lab_servers[i].where;
	return options;
}

static struct store *
open_cluster(int64_t timeout_ms)
{
	struct store_redis_options options = options_of(3);

	options.cluster = true;
	options.timeout_ms = timeout_ms;
	return open_with(&options);
}

static void
must_come_up(struct store *store, int64_t within_ms)
{
	ck_assert_msg(comes_up(store, within_ms), "down after %lld ms: %s: %s",
	    (long long)within_ms, state_of(store).where,
	    state_of(store).reason);
}

static void
must_have_used(struct store *store, const char *subject, int64_t want)
{
	int64_t used = used_of(store, subject, "quota_user/1h");

	ck_assert_msg(used == want, "%s: %lld used, want %lld", subject,
	    (long long)used, (long long)want);
}

/* A subject of server `owner`; each number is another one. */
static const char *
subject_on(size_t owner, int number)
{
	static char subjects[8][32];
	static int next;
	char *subject = subjects[next++ % 8];

	for (int i = 0;; i++) {
		snprintf(subject, 32, "user:n%d-%d", number, i);
		if (lab_owner(redis_slot_of(subject, strlen(subject))) ==
		    owner)
			return subject;
	}
}

static unsigned int
slot_of(const char *subject)
{
	return redis_slot_of(subject, strlen(subject));
}

/* --- a Cluster: charges at several nodes --- */

static void
add_three(struct charges *charges, int number, int64_t max)
{
	for (size_t i = 0; i < 3; i++)
		add_hourly(charges, subject_on(i, number), max);
}

START_TEST(all_subjects_are_charged)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	ck_assert(state_of(store).up);
	add_three(&charges, 1, 5);
	for (int64_t used = 1; used <= 5; used++) {
		answer = ask(store, &charges, STORE_CHARGE);
		ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
		for (size_t i = 0; i < charges.count; i++)
			ck_assert_int_eq(answer.used[i], used);
	}
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 0);
	for (size_t i = 0; i < charges.count; i++)
		must_have_used(store, charges.at[i].subject, 5);
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(lab_ask(i, "EXISTS fg:{%s}",
		    charges.at[i].subject), "1");
	store_close(&store);
}
END_TEST

START_TEST(refusal_of_one_gives_the_others_back)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add_three(&charges, 2, 5);
	charges.at[_i].max = 0;
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, (size_t)_i);
	ck_assert_int_gt(answer.retry_ms, 0);
	ck_assert_int_eq(answer.full_ms, answer.retry_ms);
	ck_assert(answer.undone);
	for (size_t i = 0; i < charges.count; i++) {
		ck_assert_int_eq(answer.used[i], 0);
		must_have_used(store, charges.at[i].subject, 0);
	}
	store_close(&store);
}
END_TEST

START_TEST(what_was_taken_along_is_given_back_too)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add_three(&charges, 30, 100);
	for (size_t i = 0; i < 3; i++)
		charges.at[i].lease_units = 7 + (int64_t)i;
	charges.at[2].max = 0;
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(answer.used[i], 0);
		must_have_used(store, charges.at[i].subject, 0);
	}
	charges.at[2].max = 100;
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(answer.leased[i], 7 + (int64_t)i);
		must_have_used(store, charges.at[i].subject, 8 + (int64_t)i);
	}
	store_close(&store);
}
END_TEST

/* What one node refuses is a refusal, and an attempt, on the others, too. */
START_TEST(refusal_at_one_node_counts_at_the_others)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	struct charge_answer answer;
	struct store_counter counters[2];

	add_three(&charges, 20, 5);
	add_hourly(&charges, subject_on(1, 21), 5);
	charges.at[0].max = 0;
	charges.at[1].when = WHEN_ALWAYS;
	charges.at[2].distinct = true;
	charges.at[2].element = 7;
	charges.at[3].when = WHEN_REFUSED;
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 0);
	must_have_used(store, charges.at[0].subject, 0);
	must_have_used(store, charges.at[1].subject, 1);
	must_have_used(store, charges.at[3].subject, 1);
	if (store_show(store, charges.at[2].subject, 0, PATIENT_MS, counters,
	    2) > 0)
		ck_assert_int_eq(counters[0].used, 0);
	charges.at[0].max = 5;
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert(answer.fresh[2]);
	ck_assert_int_eq(answer.used[2], 1);
	must_have_used(store, charges.at[1].subject, 2);
	must_have_used(store, charges.at[3].subject, 1);
	store_close(&store);
}
END_TEST

START_TEST(first_in_order_is_the_one_that_refuses)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add_hourly(&charges, subject_on(2, 3), 5);
	add_hourly(&charges, subject_on(1, 3), 0);
	add_hourly(&charges, subject_on(0, 3), 0);
	add_hourly(&charges, subject_on(2, 3), 5);
	charges.at[3].field = "client_rate/1h";
	charges.at[3].max = 0;
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 1);
	must_have_used(store, charges.at[0].subject, 0);
	store_close(&store);
}
END_TEST

START_TEST(one_slot_is_one_call)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	int64_t calls;

	add_hourly(&charges, subject_on(1, 4), 5);
	add_hourly(&charges, charges.at[0].subject, 5);
	charges.at[1].field = "client_rate/1h";
	calls = state_of(store).calls;
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	ck_assert_int_eq(state_of(store).calls - calls, 1);
	store_close(&store);
}
END_TEST

START_TEST(force_and_observe_count_whatever_the_max)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};

	add_three(&charges, 5, 0);
	ck_assert_int_eq(ask(store, &charges, STORE_FORCE).status,
	    CHARGE_ALLOWED);
	for (size_t i = 0; i < 3; i++)
		charges.at[i].observe = true;
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	for (size_t i = 0; i < 3; i++)
		must_have_used(store, charges.at[i].subject, 2);
	store_close(&store);
}
END_TEST

START_TEST(peek_counts_nothing)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add_three(&charges, 6, 5);
	charges.at[2].max = 0;
	answer = ask(store, &charges, STORE_PEEK);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 2);
	ck_assert(!answer.undone);
	for (size_t i = 0; i < 3; i++)
		must_have_used(store, charges.at[i].subject, 0);
	store_close(&store);
}
END_TEST

START_TEST(refunds_find_their_nodes)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	struct charge_answer answer;
	struct refund refunds[3];
	struct store_counter counters[4];

	add_three(&charges, 7, 5);
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(store_show(store, charges.at[i].subject,
		    clock_now_ms(), PATIENT_MS, counters, 4), 1);
		ck_assert_int_eq(counters[0].used, 1);
		refunds[i] = (struct refund){
			.subject = charges.at[i].subject,
			.field = charges.at[i].field,
			.window_ms = HOUR_MS, .weight = 1,
			.at_ms = answer.now_ms + answer.skew_ms[i]
		};
	}
	store_refund(store, refunds, 3, clock_now_ms(), PATIENT_MS);
	for (size_t i = 0; i < 3; i++)
		must_have_used(store, charges.at[i].subject, 0);
	store_close(&store);
}
END_TEST

START_TEST(marks_are_found_on_their_nodes)
{
	static const struct store_mark suspended = {
		.kind = MARK_suspended, .reason = "test"
	};
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	struct store_mark marks[MARKS_MAX];
	struct charge_answer answer;
	const char *marked = subject_on(1, 16);

	ck_assert_int_eq(store_set_mark(store, marked, &suspended, STORE_SET,
	    clock_now_ms(), PATIENT_MS), STORE_CHANGED);
	ck_assert_int_eq(store_marks(store, marked, clock_now_ms(),
	    PATIENT_MS, marks), 1);
	add_hourly(&charges, subject_on(0, 16), 5);
	add_hourly(&charges, subject_on(2, 16), 5);
	charges.mark_count = 2;
	for (size_t i = 0; i < 2; i++)
		memset(&charges.marks[i], 0, sizeof(charges.marks[i]));
	text_copy(charges.marks[0].subject, sizeof(charges.marks[0].subject),
	    charges.at[0].subject);
	text_copy(charges.marks[1].subject, sizeof(charges.marks[1].subject),
	    marked);
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_MARKED);
	ck_assert_uint_eq(answer.marked, 1);
	ck_assert_int_eq(answer.mark.kind, MARK_suspended);
	ck_assert_uint_eq(answer.marks_found, 2);
	must_have_used(store, charges.at[0].subject, 0);
	must_have_used(store, charges.at[1].subject, 0);
	ck_assert_int_eq(store_lift_mark(store, marked, MARK_suspended, "",
	    clock_now_ms(), PATIENT_MS), STORE_CHANGED);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

/* Also when it is one node that does not let us. */
START_TEST(each_node_is_checked)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct store_complaint complaints[STORE_COMPLAINTS_MAX];

	ck_assert_uint_eq(store_check(store, PATIENT_MS, complaints), 0);
	for (size_t i = 0; i < 3; i++) {
		lab_ask(i, "ACL SETUSER default -hdel -zrem");
		ck_assert_uint_eq(store_check(store, PATIENT_MS, complaints),
		    2);
		ck_assert(strstr(complaints[0].text, "+hdel") != NULL);
		ck_assert(strstr(complaints[1].text, "+zrem") != NULL);
		ck_assert(complaints[1].misset);
		lab_ask(i, "ACL SETUSER default +hdel +zrem");
	}
	ck_assert_uint_eq(store_check(store, PATIENT_MS, complaints), 0);
	store_close(&store);
}
END_TEST

START_TEST(hosts_are_counted)
{
	struct store *store = open_cluster(PATIENT_MS);

	ck_assert_int_eq(store_count_hosts(store, "a", 30000,
	    PATIENT_MS), 1);
	ck_assert_int_eq(store_count_hosts(store, "b", 30000,
	    PATIENT_MS), 2);
	store_close(&store);
}
END_TEST

START_TEST(nodes_are_listed)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct store_node nodes[8];
	int64_t slots = 0;

	ck_assert_uint_eq(store_get_nodes(store, nodes, 8), 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(nodes[i].up);
		ck_assert_str_eq(nodes[i].role, "master");
		slots += nodes[i].slots;
	}
	ck_assert_int_eq(slots, REDIS_SLOTS);
	ck_assert_uint_eq(store_get_nodes(store, nodes, 1), 3);
	store_close(&store);
}
END_TEST

/* --- a Cluster: many at once, and never too many --- */

#define ASKERS 8
#define TRIES 60

struct asker {
	struct store *store;
	struct charges charges;
	atomic_int *allowed;
};

static void *
ask_often(void *argument)
{
	struct asker *asker = argument;

	for (int i = 0; i < TRIES; i++)
		if (ask(asker->store, &asker->charges, STORE_CHARGE).status ==
		    CHARGE_ALLOWED)
			atomic_fetch_add(asker->allowed, 1);
	return NULL;
}

static int
ask_from_all_sides(struct store *store, const struct charges *charges)
{
	struct asker askers[ASKERS];
	pthread_t threads[ASKERS];
	atomic_int allowed = 0;

	for (int i = 0; i < ASKERS; i++) {
		askers[i].store = store;
		askers[i].charges = *charges;
		/* In another order each: who is first is not the same. */
		for (size_t k = 0; k < charges->count; k++)
			askers[i].charges.at[k] = charges->at[
			    (k + (size_t)i) % charges->count];
		askers[i].allowed = &allowed;
		pthread_create(&threads[i], NULL, ask_often, &askers[i]);
	}
	for (int i = 0; i < ASKERS; i++)
		pthread_join(threads[i], NULL);
	return allowed;
}

START_TEST(never_more_than_the_max)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};
	int allowed;

	add_three(&charges, 8, 1000);
	charges.at[0].max = 100;
	charges.at[1].max = 102;
	allowed = ask_from_all_sides(store, &charges);
	ck_assert_int_le(allowed, 100);
	ck_assert_int_gt(allowed, 80);
	/* And what was taken back is back. */
	for (size_t i = 0; i < 3; i++)
		must_have_used(store, charges.at[i].subject, allowed);
	store_close(&store);
}
END_TEST

/* --- a Cluster: slots move --- */

static int64_t
redirected(void)
{
	return metric_get(METRIC_store_redirected);
}

/* The slot of a subject is on its way from one server to another. */
static void
begin_move(const char *subject, size_t from, size_t to)
{
	unsigned int slot = slot_of(subject);

	ck_assert_str_eq(lab_ask(to, "CLUSTER SETSLOT %u IMPORTING %s", slot,
	    lab_servers[from].id), "OK");
	ck_assert_str_eq(lab_ask(from, "CLUSTER SETSLOT %u MIGRATING %s",
	    slot, lab_servers[to].id), "OK");
}

static void
move_key(const char *subject, size_t from, size_t to)
{
	ck_assert_str_eq(lab_ask(from, "MIGRATE 127.0.0.1 %s fg:{%s} 0 1000",
	    lab_servers[to].port, subject), "OK");
}

static void
end_move(const char *subject, size_t to)
{
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(lab_ask((to + i) % 3,
		    "CLUSTER SETSLOT %u NODE %s", slot_of(subject),
		    lab_servers[to].id), "OK");
}

START_TEST(charges_follow_a_slot_that_moves)
{
	struct store *store = open_cluster(PATIENT_MS);
	const char *subject = subject_on(0, 10);
	int64_t before = redirected();

	ck_assert_int_eq(charge_one(store, subject, 9).used[0], 1);
	begin_move(subject, 0, 1);
	ck_assert_int_eq(charge_one(store, subject, 9).used[0], 2);
	ck_assert_int_eq(redirected(), before);
	move_key(subject, 0, 1);
	/* ASK, and NOSCRIPT behind it: ASKING goes before EVAL as well. */
	lab_ask(1, "SCRIPT FLUSH");
	ck_assert_int_eq(charge_one(store, subject, 9).used[0], 3);
	ck_assert_int_eq(charge_one(store, subject, 9).used[0], 4);
	ck_assert_int_eq(redirected(), before + 2);
	end_move(subject, 1);
	/* MOVED, unless the map was just looked at; then on straight. */
	ck_assert_int_eq(charge_one(store, subject, 9).used[0], 5);
	before = redirected();
	ck_assert_int_le(before, 3);
	ck_assert_int_eq(charge_one(store, subject, 9).used[0], 6);
	ck_assert_int_eq(redirected(), before);
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

START_TEST(new_subject_of_a_moving_slot_begins_where_it_will_be)
{
	struct store *store = open_cluster(PATIENT_MS);
	const char *subject = subject_on(0, 11);

	begin_move(subject, 0, 2);
	ck_assert_int_eq(charge_one(store, subject, 9).used[0], 1);
	end_move(subject, 2);
	ck_assert_int_eq(charge_one(store, subject, 9).used[0], 2);
	store_close(&store);
}
END_TEST

START_TEST(refund_follows_a_slot_that_has_moved)
{
	struct store *store = open_cluster(PATIENT_MS);
	const char *subject = subject_on(1, 12);
	struct charge_answer answer = charge_one(store, subject, 9);
	struct refund refund = {
		.subject = subject, .field = "quota_user/1h",
		.window_ms = HOUR_MS, .weight = 1, .at_ms = answer.now_ms
	};

	begin_move(subject, 1, 0);
	move_key(subject, 1, 0);
	end_move(subject, 0);
	store_refund(store, &refund, 1, clock_now_ms(), PATIENT_MS);
	for (int i = 0; i < 200 && used_of(store, subject,
	    "quota_user/1h") > 0; i++)
		sleep_ms(5);
	must_have_used(store, subject, 0);
	store_close(&store);
}
END_TEST

START_TEST(refusal_at_a_slot_that_has_moved_gives_back)
{
	struct store *store = open_cluster(PATIENT_MS);
	struct charges charges = {.count = 0};

	add_three(&charges, 13, 5);
	charges.at[0].max = 0;
	begin_move(charges.at[0].subject, 0, 1);
	end_move(charges.at[0].subject, 1);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_REFUSED);
	for (size_t i = 0; i < 3; i++)
		must_have_used(store, charges.at[i].subject, 0);
	store_close(&store);
}
END_TEST

/* Two keys of one slot, one here and one there: until both are there. */
START_TEST(keys_that_are_apart_are_tried_again)
{
	struct store_redis_options options = options_of(3);
	struct charges charges = {.count = 0};
	const char *first = subject_on(0, 14);
	char second[32];
	struct store *store;

	options.cluster = true;
	options.timeout_ms = 1000;
	store = open_with(&options);
	for (int i = 0;; i++) {
		snprintf(second, sizeof(second), "user:t%d", i);
		if (slot_of(second) == slot_of(first))
			break;
	}
	add_hourly(&charges, first, 9);
	add_hourly(&charges, second, 9);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	begin_move(first, 0, 1);
	move_key(first, 0, 1);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_UNAVAILABLE);
	move_key(second, 0, 1);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).used[1], 2);
	end_move(first, 1);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).used[1], 3);
	store_close(&store);
}
END_TEST

/* A list in Redis is one key, and a command of Redis' own. */
START_TEST(commands_follow_a_slot_that_moves)
{
	struct redis_route_options options = {
		.link = {.user = "", .password = "", .script = "return {}",
		    .timeout_ms = PATIENT_MS, .connect_timeout_ms = 300},
		.servers = options_of(3).server,
		.sentinel = "", .is_cluster = true
	};
	char why[200] = "", key[32] = "", name[48];
	const char *words[4] = {"SMISMEMBER", name, "a", "b"};
	struct redis_command commands[2];
	struct redis_route *route;
	redisReply *reply;

	text_copy(key, sizeof(key), subject_on(0, 15));
	snprintf(name, sizeof(name), "fg:{%s}", key);
	lab_ask(0, "SADD %s a", name);
	begin_move(key, 0, 1);
	move_key(key, 0, 1);
	route = redis_route_open(&options, why, sizeof(why));
	ck_assert_msg(route != NULL, "%s", why);
	/* ASK, then MOVED, then straight; two at once. */
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 2; k++)
			commands[k] = (struct redis_command){
				.count = 4, .words = words
			};
		redis_route_ask_all(route, commands, 2, PATIENT_MS);
		for (int k = 0; k < 2; k++) {
			reply = commands[k].reply;
			ck_assert_ptr_nonnull(reply);
			ck_assert_int_eq(reply->type, REDIS_REPLY_ARRAY);
			ck_assert_uint_eq(reply->elements, 2);
			ck_assert_int_eq(reply->element[0]->integer, 1);
			ck_assert_int_eq(reply->element[1]->integer, 0);
			freeReplyObject(reply);
		}
		if (i == 0)
			end_move(key, 1);
	}
	redis_route_close(&route);
}
END_TEST

/* --- a Cluster: a node is away --- */

static int64_t
time_of_charge(struct store *store, const char *subject,
    enum charge_status want)
{
	int64_t start_ms = clock_steady_ms();
	struct charge_answer answer = charge_one(store, subject, 1000000);

	ck_assert_msg(answer.status == want, "%s: %d after %lld ms", subject,
	    (int)answer.status, (long long)(clock_steady_ms() - start_ms));
	return clock_steady_ms() - start_ms;
}

static void
must_be_away(struct store *store, int64_t first_ms)
{
	struct charges charges = {.count = 0};
	int64_t took_ms;

	took_ms = time_of_charge(store, subject_on(1, 20),
	    CHARGE_UNAVAILABLE);
	ck_assert_int_le(took_ms, first_ms + GRACE_MS);
	/* Now that is known; of several tries one was not disturbed. */
	for (int i = 0; i < 10 && took_ms >= 5; i++) {
		sleep_ms(20);
		took_ms = time_of_charge(store, subject_on(1, 20),
		    CHARGE_UNAVAILABLE);
	}
	ck_assert_int_lt(took_ms, 5);
	ck_assert(!state_of(store).up);
	ck_assert_str_eq(state_of(store).where, lab_servers[1].where);
	/* The others go on, and a charge of both is none. */
	time_of_charge(store, subject_on(0, 21), CHARGE_ALLOWED);
	time_of_charge(store, subject_on(2, 21), CHARGE_ALLOWED);
	add_three(&charges, 22, 5);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_UNAVAILABLE);
	must_have_used(store, charges.at[0].subject, 0);
	must_have_used(store, charges.at[2].subject, 0);
	/* A refusal needs no more than who refuses. */
	charges.at[2].max = 0;
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_REFUSED);
	must_have_used(store, charges.at[0].subject, 0);
}

/* A node that was away takes no writes for two seconds more. */
static void
must_count_again(struct store *store, const char *subject)
{
	int64_t until_ms = clock_steady_ms() + 6000;

	while (charge_one(store, subject, 1000000).status != CHARGE_ALLOWED &&
	    clock_steady_ms() < until_ms)
		sleep_ms(10);
	must_come_up(store, 4000);
}

START_TEST(dead_node_is_the_only_one_that_is_missed)
{
	struct store *store = open_cluster(TIMEOUT_MS);

	time_of_charge(store, subject_on(1, 20), CHARGE_ALLOWED);
	lab_kill(1);
	must_be_away(store, TIMEOUT_MS);
	lab_start(1, LAB_NODE);
	must_count_again(store, subject_on(1, 20));
	store_close(&store);
}
END_TEST

START_TEST(hung_node_is_the_only_one_that_is_missed)
{
	struct store *store = open_cluster(TIMEOUT_MS);

	time_of_charge(store, subject_on(1, 20), CHARGE_ALLOWED);
	lab_freeze(1);
	must_be_away(store, TIMEOUT_MS);
	lab_thaw(1);
	must_count_again(store, subject_on(1, 20));
	store_close(&store);
}
END_TEST

START_TEST(node_may_be_missing_at_the_start)
{
	struct store *store;

	lab_kill(0);
	store = open_cluster(TIMEOUT_MS);
	time_of_charge(store, subject_on(2, 23), CHARGE_ALLOWED);
	ck_assert(!state_of(store).up);
	lab_start(0, LAB_NODE);
	must_count_again(store, subject_on(0, 23));
	store_close(&store);
}
END_TEST

START_TEST(cluster_may_come_later)
{
	struct store *store;

	for (size_t i = 0; i < 3; i++)
		lab_kill(i);
	store = open_cluster(TIMEOUT_MS);
	ck_assert(!state_of(store).up);
	ck_assert_int_le(time_of_charge(store, subject_on(2, 24),
	    CHARGE_UNAVAILABLE), GRACE_MS);
	for (size_t i = 0; i < 3; i++)
		lab_start(i, LAB_NODE);
	must_count_again(store, subject_on(2, 24));
	store_close(&store);
}
END_TEST

START_TEST(slot_without_a_node_is_unavailable)
{
	const char *subject = subject_on(1, 25);
	struct store *store;

	for (size_t i = 0; i < 3; i++)
		lab_ask(i, "CLUSTER DELSLOTS %u", slot_of(subject));
	store = open_cluster(TIMEOUT_MS);
	ck_assert(!state_of(store).up);
	ck_assert_ptr_nonnull(strstr(state_of(store).reason, "slots"));
	ck_assert_int_le(time_of_charge(store, subject, CHARGE_UNAVAILABLE),
	    GRACE_MS);
	for (size_t i = 0; i < 3; i++)
		lab_ask(i, "CLUSTER ADDSLOTS %u", slot_of(subject));
	must_come_up(store, 2000);
	store_close(&store);
}
END_TEST

/* --- a Cluster: errors that pass, and who may do what --- */

START_TEST(node_that_is_full_is_well_again_by_itself)
{
	struct store *store = open_cluster(PATIENT_MS);

	lab_ask(1, "CONFIG SET maxmemory 1");
	time_of_charge(store, subject_on(1, 26), CHARGE_UNAVAILABLE);
	ck_assert(!state_of(store).up);
	ck_assert_ptr_nonnull(strstr(state_of(store).reason, "maxmemory"));
	time_of_charge(store, subject_on(0, 26), CHARGE_ALLOWED);
	lab_ask(1, "CONFIG SET maxmemory 0");
	/* Nobody asks it. */
	must_come_up(store, 4000);
	time_of_charge(store, subject_on(1, 26), CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

static const char *
write_secret(const char *text)
{
	static char name[] = "/tmp/floodgate-secret-XXXXXX";
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(write(fd, text, strlen(text)), 0);
	close(fd);
	return name;
}

/* As the manual has it, and no more. */
START_TEST(few_permissions_will_do)
{
	struct store_redis_options options = options_of(3);
	struct charges charges = {.count = 0};
	struct store *store;
	const char *subject = subject_on(0, 27);

	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(lab_ask(i, "ACL SETUSER post on >secret "
		    "resetkeys ~fg:* resetchannels -@all +evalsha +eval "
		    "+time +hmget +hset +pttl +pexpire +hgetall +ping +role "
		    "+zadd +zrem +zremrangebyscore +zcard +cluster|slots "
		    "+cluster|info "
		    "+asking"), "OK");
	options.cluster = true;
	options.user = "post";
	options.password_file = write_secret("secret\n");
	store = open_with(&options);
	unlink(options.password_file);
	ck_assert(state_of(store).up);
	add_three(&charges, 27, 5);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	begin_move(subject, 0, 1);
	move_key(subject, 0, 1);
	ck_assert_int_eq(charge_one(store, subject, 9).used[0], 2);
	end_move(subject, 1);
	store_close(&store);
}
END_TEST

/* --- no Cluster where there should be one, and the other way round --- */

START_TEST(single_server_is_no_cluster)
{
	struct store_redis_options options;
	struct store *store;

	lab_start(0, LAB_SINGLE);
	options = options_of(1);
	options.cluster = true;
	store = open_with(&options);
	ck_assert(!state_of(store).up);
	ck_assert_int_eq(charge_one(store, "user:a", 1).status,
	    CHARGE_UNAVAILABLE);
	store_close(&store);
}
END_TEST

START_TEST(cluster_is_no_single_server)
{
	struct store_redis_options options;
	struct charge_answer answer;
	struct store *store;

	lab_start_cluster();
	options = options_of(1);
	store = open_with(&options);
	answer = charge_one(store, subject_on(1, 30), 1);
	ck_assert_int_eq(answer.status, CHARGE_UNAVAILABLE);
	ck_assert(answer.misset);
	ck_assert_ptr_nonnull(strstr(state_of(store).reason,
	    "cluster = true"));
	store_close(&store);
}
END_TEST

/* --- a list of servers --- */

START_TEST(first_master_of_a_list_is_used)
{
	struct store_redis_options options;
	struct store *store;

	for (size_t i = 0; i < 3; i++)
		lab_start(i, LAB_SINGLE);
	lab_make_replica(1, 2);
	lab_kill(0);
	options = options_of(3);
	store = open_with(&options);
	ck_assert_int_eq(charge_one(store, "user:a", 9).used[0], 1);
	ck_assert_str_eq(state_of(store).where, lab_servers[2].where);
	store_close(&store);
}
END_TEST

START_TEST(list_finds_the_master_after_a_change)
{
	struct store_redis_options options;
	struct store *store;

	for (size_t i = 0; i < 2; i++)
		lab_start(i, LAB_SINGLE);
	lab_make_replica(1, 0);
	options = options_of(2);
	store = open_with(&options);
	ck_assert_int_eq(charge_one(store, "user:a", 9).used[0], 1);
	ck_assert_str_eq(state_of(store).where, lab_servers[0].where);
	ck_assert_str_eq(lab_ask(0, "WAIT 1 1000"), "1");
	lab_ask(1, "REPLICAOF NO ONE");
	lab_make_replica(0, 1);
	/* READONLY: who asks first learns it. */
	for (int i = 0; i < 400 && charge_one(store, "user:a", 9).status !=
	    CHARGE_ALLOWED; i++)
		sleep_ms(5);
	ck_assert_str_eq(state_of(store).where, lab_servers[1].where);
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

START_TEST(hung_server_of_a_list_is_passed_by)
{
	struct store_redis_options options;
	struct store *store;

	for (size_t i = 0; i < 2; i++)
		lab_start(i, LAB_SINGLE);
	options = options_of(2);
	options.timeout_ms = TIMEOUT_MS;
	store = open_with(&options);
	ck_assert_str_eq(state_of(store).where, lab_servers[0].where);
	lab_freeze(0);
	ck_assert_int_le(time_of_charge(store, "user:a", CHARGE_UNAVAILABLE),
	    TIMEOUT_MS + GRACE_MS);
	for (int i = 0; i < 500 && strcmp(state_of(store).where,
	    lab_servers[1].where) != 0; i++)
		sleep_ms(2);
	must_come_up(store, 500);
	ck_assert_str_eq(state_of(store).where, lab_servers[1].where);
	ck_assert_int_eq(charge_one(store, "user:a", 9).used[0], 1);
	lab_thaw(0);
	store_close(&store);
}
END_TEST

/* --- Sentinel --- */

#define FIRST_SENTINEL 4

/* Server 0 is the master, 1 its replica, 4.. are sentinels. */
static void
start_sentinels(size_t count)
{
	for (size_t i = 0; i < 2; i++)
		lab_start(i, LAB_SINGLE);
	lab_make_replica(1, 0);
	for (size_t i = FIRST_SENTINEL; i < FIRST_SENTINEL + count; i++) {
		lab_start(i, LAB_SENTINEL);
		ck_assert_str_eq(lab_ask(i,
		    "SENTINEL MONITOR post 127.0.0.1 %s 1",
		    lab_servers[0].port), "OK");
		for (int tries = 0; strstr(lab_ask(i, "INFO sentinel"),
		    "slaves=1") == NULL; tries++) {
			ck_assert_int_lt(tries, 1500);
			sleep_ms(10);
		}
	}
}

static struct store *
open_sentinel(size_t count, const char *name)
{
	struct store_redis_options options = options_of(count);

	for (size_t i = 0; i < count; i++)
		servers[i] = lab_servers[FIRST_SENTINEL + i].where;
	options.sentinel = name;
	options.timeout_ms = 500;
	return open_with(&options);
}

START_TEST(sentinel_names_the_master)
{
	struct store_node nodes[4];
	struct store *store;

	start_sentinels(1);
	store = open_sentinel(1, "post");
	ck_assert(state_of(store).up);
	ck_assert_int_eq(charge_one(store, "user:a", 9).used[0], 1);
	ck_assert_str_eq(state_of(store).where, lab_servers[0].where);
	ck_assert_uint_eq(store_get_nodes(store, nodes, 4), 2);
	ck_assert_str_eq(nodes[0].role, "master");
	ck_assert_str_eq(nodes[1].role, "sentinel");
	ck_assert(nodes[0].up && nodes[1].up);
	/* A change that is no accident; the replica has all. */
	for (int i = 0; i < 500 && strcmp(lab_ask(1, "EXISTS fg:{user:a}"),
	    "1") != 0; i++)
		sleep_ms(10);
	ck_assert_str_eq(lab_ask(1, "EXISTS fg:{user:a}"), "1");
	for (int i = 0; i < 150 && strcmp(lab_ask(FIRST_SENTINEL,
	    "SENTINEL FAILOVER post"), "OK") != 0; i++)
		sleep_ms(100);	/* it does not know the replica well yet */
	for (int i = 0; i < 1500 && strcmp(state_of(store).where,
	    lab_servers[1].where) != 0; i++)
		sleep_ms(10);
	must_come_up(store, 2000);
	ck_assert_str_eq(state_of(store).where, lab_servers[1].where);
	ck_assert_int_eq(charge_one(store, "user:a", 9).used[0], 2);
	store_close(&store);
}
END_TEST

START_TEST(sentinel_that_is_away_or_knows_nothing_is_passed_by)
{
	struct store *store;

	start_sentinels(3);
	lab_kill(FIRST_SENTINEL);
	ck_assert_str_eq(lab_ask(FIRST_SENTINEL + 1, "SENTINEL REMOVE post"),
	    "OK");
	store = open_sentinel(3, "post");
	must_come_up(store, 2000);
	ck_assert_int_eq(charge_one(store, "user:a", 9).used[0], 1);
	/* It goes on without any sentinel. */
	lab_kill(FIRST_SENTINEL + 1);
	lab_kill(FIRST_SENTINEL + 2);
	sleep_ms(300);
	ck_assert_int_eq(charge_one(store, "user:a", 9).used[0], 2);
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

START_TEST(unknown_master_is_told)
{
	struct store *store;

	start_sentinels(1);
	store = open_sentinel(1, "none");
	ck_assert(!state_of(store).up);
	for (int i = 0; i < 200 && state_of(store).reason[0] == '\0'; i++)
		sleep_ms(10);
	ck_assert_ptr_nonnull(strstr(state_of(store).reason, "sentinel"));
	ck_assert_str_eq(state_of(store).where, "none");
	ck_assert_int_eq(charge_one(store, "user:a", 9).status,
	    CHARGE_UNAVAILABLE);
	store_close(&store);
}
END_TEST

START_TEST(sentinel_may_want_a_password_of_its_own)
{
	struct store_redis_options options = options_of(1);
	struct store *store;

	start_sentinels(1);
	lab_ask(FIRST_SENTINEL, "ACL SETUSER post on >secret -@all +auth "
	    "+ping +sentinel|get-master-addr-by-name");
	lab_ask(FIRST_SENTINEL, "ACL SETUSER default off");
	servers[0] = lab_servers[FIRST_SENTINEL].where;
	options.sentinel = "post";
	store = open_with(&options);
	ck_assert(!state_of(store).up);
	store_close(&store);
	options.sentinel_user = "post";
	options.sentinel_password_file = write_secret("secret\n");
	store = open_with(&options);
	unlink(options.sentinel_password_file);
	must_come_up(store, 2000);
	ck_assert_int_eq(charge_one(store, "user:a", 9).used[0], 1);
	store_close(&store);
}
END_TEST

START_TEST(sentinel_that_names_a_replica_is_not_believed)
{
	struct store *store;

	start_sentinels(2);
	/* The first has been told that the replica is the master. */
	lab_ask(FIRST_SENTINEL, "SENTINEL REMOVE post");
	lab_ask(FIRST_SENTINEL, "SENTINEL MONITOR post 127.0.0.1 %s 2",
	    lab_servers[1].port);
	store = open_sentinel(2, "post");
	must_come_up(store, 4000);
	ck_assert_str_eq(state_of(store).where, lab_servers[0].where);
	store_close(&store);
}
END_TEST

/* --- reload --- */

START_TEST(other_servers_are_another_store)
{
	struct config config = {.store = STORE_KIND_REDIS};
	struct store *store;

	lab_start_cluster();
	store = open_cluster(PATIENT_MS);
	config.redis = options_of(3);
	config.redis.cluster = true;
	ck_assert(store_reconfigure(store, &config));
	config.redis.cluster = false;
	ck_assert(!store_reconfigure(store, &config));
	config.redis.cluster = true;
	config.redis.sentinel = "post";
	ck_assert(!store_reconfigure(store, &config));
	config.redis = options_of(2);
	config.redis.cluster = true;
	ck_assert(!store_reconfigure(store, &config));
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

/* --- */

/* One cluster for all of these, which they leave as it was. */
static void
add_cluster(Suite *suite)
{
	TCase *tcase = tcase_create("cluster");

	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, lab_start_cluster,
	    lab_end_servers);
	tcase_add_test(tcase, all_subjects_are_charged);
	tcase_add_loop_test(tcase, refusal_of_one_gives_the_others_back, 0, 3);
	tcase_add_test(tcase, what_was_taken_along_is_given_back_too);
	tcase_add_test(tcase, refusal_at_one_node_counts_at_the_others);
	tcase_add_test(tcase, first_in_order_is_the_one_that_refuses);
	tcase_add_test(tcase, one_slot_is_one_call);
	tcase_add_test(tcase, force_and_observe_count_whatever_the_max);
	tcase_add_test(tcase, peek_counts_nothing);
	tcase_add_test(tcase, refunds_find_their_nodes);
	tcase_add_test(tcase, marks_are_found_on_their_nodes);
	tcase_add_test(tcase, each_node_is_checked);
	tcase_add_test(tcase, hosts_are_counted);
	tcase_add_test(tcase, nodes_are_listed);
	tcase_add_test(tcase, never_more_than_the_max);
	tcase_add_test(tcase, charges_follow_a_slot_that_moves);
	tcase_add_test(tcase,
	    new_subject_of_a_moving_slot_begins_where_it_will_be);
	tcase_add_test(tcase, refund_follows_a_slot_that_has_moved);
	tcase_add_test(tcase, refusal_at_a_slot_that_has_moved_gives_back);
	tcase_add_test(tcase, commands_follow_a_slot_that_moves);
	tcase_add_test(tcase, keys_that_are_apart_are_tried_again);
	suite_add_tcase(suite, tcase);
}

static void
add_outages(Suite *suite)
{
	TCase *tcase = tcase_create("outages");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, lab_start_cluster, lab_end_servers);
	tcase_add_test(tcase, dead_node_is_the_only_one_that_is_missed);
	tcase_add_test(tcase, hung_node_is_the_only_one_that_is_missed);
	tcase_add_test(tcase, node_may_be_missing_at_the_start);
	tcase_add_test(tcase, cluster_may_come_later);
	tcase_add_test(tcase, slot_without_a_node_is_unavailable);
	tcase_add_test(tcase, node_that_is_full_is_well_again_by_itself);
	tcase_add_test(tcase, few_permissions_will_do);
	suite_add_tcase(suite, tcase);
}

static void
add_others(Suite *suite)
{
	TCase *tcase = tcase_create("others");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, NULL, lab_end_servers);
	tcase_add_test(tcase, single_server_is_no_cluster);
	tcase_add_test(tcase, cluster_is_no_single_server);
	tcase_add_test(tcase, first_master_of_a_list_is_used);
	tcase_add_test(tcase, list_finds_the_master_after_a_change);
	tcase_add_test(tcase, hung_server_of_a_list_is_passed_by);
	tcase_add_test(tcase, sentinel_names_the_master);
	tcase_add_test(tcase,
	    sentinel_that_is_away_or_knows_nothing_is_passed_by);
	tcase_add_test(tcase, unknown_master_is_told);
	tcase_add_test(tcase, sentinel_may_want_a_password_of_its_own);
	tcase_add_test(tcase, sentinel_that_names_a_replica_is_not_believed);
	tcase_add_test(tcase, other_servers_are_another_store);
	suite_add_tcase(suite, tcase);
}

int
main(void)
{
	Suite *suite = suite_create("redis_route");
	int status;

	if (!lab_open()) {
		puts("redis-server is not installed");
		return SKIPPED;
	}
	add_cluster(suite);
	add_outages(suite);
	add_others(suite);
	status = run_suite(suite);
	lab_close();
	return status;
}
