/*
 * test_store_redis.c - counters in Redis, and what happens when it fails
 *
 * Starts private servers in a temporary directory, on a UNIX socket and a
 * free port of loopback; skipped where redis-server is not installed.
 */
#include "io/store_redis.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/list_lookup.h"
#include "io/metrics.h"
#include "io/redis_script.h"
#include "redis_store.h"
#include "lease_model.h"
#include "store_marks.h"
#include "store_model.h"
#include "../suite.h"

#define TIMEOUT_MS 100
/* What a busy machine may add to a deadline. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GRACE_MS 200
#else
#define GRACE_MS 50
#endif

static char directory[64];	/* of all tests */

/* --- a server of our own --- */

static struct {
	char where[96];		/* HOST:PORT */
	char path[96];		/* of its socket */
	char port[8];
	pid_t pid;
} server;

static void
find_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address,
	    &length), 0);
	close(fd);
	snprintf(server.port, sizeof(server.port), "%u",
	    (unsigned int)ntohs(address.sin_port));
	snprintf(server.where, sizeof(server.where), "127.0.0.1:%s",
	    server.port);
	snprintf(server.path, sizeof(server.path), "%s/%s.sock", directory,
	    server.port);
}

/* A connection beside the store's, for looking and for meddling. */
static redisContext *
connect_aside(void)
{
	redisContext *context;

	for (int i = 0; i < 300; i++) {
		context = redisConnectUnix(server.path);
		if (context != NULL && context->err == 0)
			return context;
		if (context != NULL)
			redisFree(context);
		sleep_ms(10);
	}
	ck_abort_msg("redis-server does not start");
}

static void
server_start(void)
{
	server.pid = fork();
	ck_assert_int_ge(server.pid, 0);
	if (server.pid == 0) {
		execlp("redis-server", "redis-server", "--port", server.port,
		    "--bind", "127.0.0.1", "--unixsocket", server.path,
		    "--dir", directory, "--save", "", "--appendonly", "no",
		    "--daemonize", "no", "--logfile", "redis.log",
		    (char *)NULL);
		_exit(127);
	}
	redisFree(connect_aside());
}

static void
server_kill(void)
{
	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	unlink(server.path);
	server.pid = 0;
}

static void
setup(void)
{
	find_port();
	server_start();
}

static void
teardown(void)
{
	if (server.pid > 0)
		server_kill();
}

/* One command, whose reply must not be an error; its text, if it has one. */
static const char *
tell(int count, const char **words)
{
	static char answer[8192];
	redisContext *context = connect_aside();
	redisReply *reply = redisCommandArgv(context, count, words, NULL);

	ck_assert_ptr_nonnull(reply);
	ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "%s: %s", words[0],
	    reply->str);
	answer[0] = '\0';
	if (reply->type == REDIS_REPLY_INTEGER)
		snprintf(answer, sizeof(answer), "%lld", reply->integer);
	else if (reply->str != NULL)
		text_copy_n(answer, sizeof(answer), reply->str,
		    (size_t)reply->len);
	freeReplyObject(reply);
	redisFree(context);
	return answer;
}

#define TELL(...) tell((int)(sizeof((const char *[]){__VA_ARGS__}) / \
    sizeof(char *)), (const char *[]){__VA_ARGS__})

/* --- the user of contrib/redis-acl.conf --- */

#define RIGHTS_MAX 40

/* Who the stores of a test are, and how their script is run. */
static struct {
	const char *user;	/* "": the default user */
	enum script_kind script;
} as;

static char rights_line[1024];	/* that rights_of() cuts into words */

/* Its line begins with `start`; after the name and the password. */
static size_t
rights_of(const char *start, const char *words[RIGHTS_MAX])
{
	FILE *file = fopen(ACL_FILE, "r");
	size_t count = 0;
	char *word, *rest;

	ck_assert_ptr_nonnull(file);
	do
		ck_assert_ptr_nonnull(fgets(rights_line, sizeof(rights_line),
		    file));
	while (!text_starts_with(rights_line, start));
	fclose(file);
	for (word = strtok_r(rights_line + strlen(start), " \n", &rest);
	    word != NULL; word = strtok_r(NULL, " \n", &rest))
		if (word[0] != '>') {
			ck_assert_uint_lt(count, RIGHTS_MAX - 8);
			words[count++] = word;
		}
	return count;
}

/*
 * The user of that line with the password "pw", and `more` rights, which may
 * be NULL.
 */
static void
make_user(enum script_kind script, const char *more)
{
	const char *words[RIGHTS_MAX + 8] = {"ACL", "SETUSER", "floodgate",
	    "reset", ">pw"};
	size_t count = 5 + rights_of(script == SCRIPT_FUNCTION ?
	    "#user floodgate " : "user floodgate ", words + 5);

	if (more != NULL)
		words[count++] = more;
	tell((int)count, words);
	as.script = script;
}

static const char *
write_secret(const char *text, mode_t mode)
{
	static char file[96];
	FILE *out;

	snprintf(file, sizeof(file), "%s/secret", directory);
	out = fopen(file, "w");
	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
	ck_assert_int_eq(chmod(file, mode), 0);
	return file;
}

/* The tests' own clock is a key that the user may read. */
static void
setup_user_of_eval(void)
{
	setup();
	make_user(SCRIPT_EVAL, "~clock");
	as.user = "floodgate";
}

static void
setup_user_of_function(void)
{
	setup();
	make_user(SCRIPT_FUNCTION, "~clock");
	as.user = "floodgate";
}

/* Nothing that the user was to do was forbidden. */
static void
teardown_user(void)
{
	redisContext *context = connect_aside();
	redisReply *denied = redisCommand(context, "ACL LOG");

	ck_assert_ptr_nonnull(denied);
	ck_assert_msg(denied->elements == 0, "%s lacks a right: %s",
	    ACL_FILE, denied->elements == 0 ? "" :
	    denied->element[0]->element[7]->str);
	freeReplyObject(denied);
	redisFree(context);
	teardown();
}

/* --- a store --- */

static const char *one_server[1];

static struct store_redis_options
options_of(const char *where)
{
	struct store_redis_options options = redis_options(TIMEOUT_MS);

	options.server = (struct strings){one_server, 1};
	options.script = as.script;
	one_server[0] = where;
	if (as.user != NULL) {
		options.user = as.user;
		options.password_file = write_secret("pw", 0600);
	}
	return options;
}

/* One that gives up soon; the others of these tests wait. */
static struct store *
open_hasty(void)
{
	struct store_redis_options options = options_of(server.where);

	return open_with(&options);
}

static struct store *
open_store(void)
{
	struct store_redis_options options = options_of(server.where);
	struct store *store;

	options.timeout_ms = options.connect_timeout_ms = PATIENT_MS;
	store = open_with(&options);
	return store;
}

static void
must_be_readable(const char *key, const char *field, const char *head)
{
	const char *value = TELL("HGET", key, field);

	ck_assert_msg(text_starts_with(value, head), "%s %s: got %s, want %s",
	    key, field, value, head);
}

static void
every_key_expires(void)
{
	redisContext *context = connect_aside();
	redisReply *keys = redisCommand(context, "KEYS fg:*");

	ck_assert_ptr_nonnull(keys);
	ck_assert_uint_gt(keys->elements, 0);
	for (size_t i = 0; i < keys->elements; i++)
		ck_assert_int_gt(atoll(TELL("PTTL", keys->element[i]->str)),
		    0);
	freeReplyObject(keys);
	redisFree(context);
}

/* --- the script: a clock that the test sets --- */

static int64_t script_now_ms;

static void
set_clock(int64_t now_ms)
{
	char seconds[24], micros[24];

	script_now_ms = now_ms;
	snprintf(seconds, sizeof(seconds), "%lld", (long long)now_ms / 1000);
	snprintf(micros, sizeof(micros), "%lld",
	    (long long)now_ms % 1000 * 1000);
	TELL("HSET", "clock", "s", seconds, "us", micros);
}

static struct store *
open_as_of_now(void)
{
	static const char time[] = "redis.call('TIME')";
	static const char clock[] = "redis.call('HMGET', 'clock', 's', 'us')";
	static char script[sizeof(clock) + 65536];
	const char *at = strstr(store_redis_script, time);
	struct store_redis_options options = options_of(server.path);
	struct store *store;
	struct text text;
	char why[200];

	ck_assert_ptr_nonnull(at);
	TEXT_INIT(&text, script);
	text_put_n(&text, store_redis_script,
	    (size_t)(at - store_redis_script));
	text_put(&text, clock);
	text_put(&text, at + strlen(time));
	ck_assert(!text.cut);
	options.timeout_ms = 2000;
	store = store_redis_open_with(&options, script, why, sizeof(why));
	ck_assert_msg(store != NULL, "%s", why);
	return store;
}

static struct store *
open_with_clock(void)
{
	set_clock(INT64_C(1800000000000));
	return open_as_of_now();
}

static int64_t
model_now(void *context)
{
	(void)context;
	return script_now_ms;
}

static void
model_advance(void *context, int64_t ms)
{
	(void)context;
	set_clock(script_now_ms + ms);
}

START_TEST(marks_are_as_in_every_store)
{
	struct store *store = open_store();

	store_marks_run(store, "redis");
	store_close(&store);
}
END_TEST

static void
suspend(struct store *store, const char *subject, const char *reason)
{
	struct store_mark mark = { .kind = MARK_suspended };

	ck_assert(text_copy(mark.reason, sizeof(mark.reason), reason));
	ck_assert_int_eq(store_set_mark(store, subject, &mark, STORE_SET,
	    clock_now_ms(), PATIENT_MS), STORE_CHANGED);
}

/* A mark for good keeps its key; afterwards the counters' times hold. */
START_TEST(people_can_read_marks_and_their_key_lives_long_enough)
{
	struct store *store = open_store();
	const char *key = "fg:{user:a}";
	long long live;

	charge_one(store, "user:a", 5);
	suspend(store, "user:a", "stolen; \"password\"");
	ck_assert_str_eq(TELL("HGET", key, "@marks"),
	    "suspended 0 for-good stolen%3B %22password%22");
	live = atoll(TELL("PTTL", key));
	ck_assert_int_gt(live, 9 * 365 * 24 * HOUR_MS);
	charge_one(store, "user:a", 5);
	ck_assert_int_ge(atoll(TELL("PTTL", key)), live - 60000);
	ck_assert_int_eq(store_lift_mark(store, "user:a", MARK_suspended, "",
	    clock_now_ms(), PATIENT_MS), STORE_CHANGED);
	live = atoll(TELL("PTTL", key));
	ck_assert_int_gt(live, HOUR_MS);
	ck_assert_int_le(live, HOUR_MS + HOUR_MS / 20);
	ck_assert_str_eq(TELL("HLEN", key), "1");
	ck_assert_str_eq(TELL("ZCARD", "fg:{marks}"), "0");
	ck_assert_str_eq(TELL("ZCARD", "fg:{marks}changed"), "1");
	store_close(&store);
}
END_TEST

/* What one host changes another goes by within a second or so. */
START_TEST(change_by_another_host_is_seen)
{
	struct store *other = open_store();
	char why[100];
	struct store *store = store_guard_open(open_store(), why,
	    sizeof(why));
	int64_t now_ms = clock_now_ms();
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add_charge(&charges, "user:a", "quota_user/1h", 1, HOUR_MS, 1);
	(void)text_copy(charges.marks[charges.mark_count++].subject, 64,
	    "user:a");
	charges.marks[0].observe = false;
	store_charge(store, &charges, STORE_CHARGE, now_ms, PATIENT_MS,
	    &answer);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	for (int i = 0; i < 2; i++) {
		store_charge(store, &charges, STORE_CHARGE, now_ms,
		    PATIENT_MS, &answer);
		ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	}
	if (_i == 0)
		ck_assert_int_eq(store_forget(other, "user:a", NULL, now_ms,
		    PATIENT_MS), STORE_CHANGED);
	else
		suspend(other, "user:a", "");
	store_charge(store, &charges, STORE_CHARGE, now_ms + 900, PATIENT_MS,
	    &answer);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	store_charge(store, &charges, STORE_CHARGE, now_ms + 1001, PATIENT_MS,
	    &answer);
	ck_assert_int_eq(answer.status, _i == 0 ? CHARGE_ALLOWED :
	    CHARGE_MARKED);
	store_close(&store);
	store_close(&other);
}
END_TEST

START_TEST(agrees_with_the_log)
{
	struct store_model model = {
		.store = open_with_clock(), .now = model_now,
		.advance = model_advance, .timeout_ms = 2000,
		.windows_ms = {1000, 60000, HOUR_MS, 24 * HOUR_MS},
		.seed = (uint32_t)_i + 1, .rounds = 2500
	};

	store_model_run(&model);
	every_key_expires();
	store_close(&model.store);
}
END_TEST

/* Where many elements of one set are at their limit at the same time. */
START_TEST(agrees_with_the_log_of_short_windows)
{
	struct store_model model = {
		.store = open_with_clock(), .now = model_now,
		.advance = model_advance, .timeout_ms = 2000,
		.windows_ms = {1000, 1500}, .pause_max_ms = 20,
		.seed = 107, .rounds = 1500
	};

	store_model_run(&model);
	store_close(&model.store);
}
END_TEST

START_TEST(leases_agree_with_the_log)
{
	const struct lease_model model = {
		.connect = open_as_of_now, .set_now = set_clock,
		.window_ms = _i % 2 == 0 ? HOUR_MS : LEASE_WINDOW_MS_MIN,
		.daemons = 1 + _i % 3, .misfortunes = _i % 2 == 1,
		.seed = (uint32_t)_i + 1, .rounds = 2500
	};

	set_clock(INT64_C(1800000000000));
	lease_model_run(&model);
}
END_TEST

/* Beside `used`, a question brings along half of what it leaves. */
static const struct {
	const char *name;
	int64_t used, max, override;	/* 0: none */
	int64_t weight, units;
	bool observe;
	enum charge_status status;
	int64_t leased;
} taken_along[] = {
	{"as many as it wants", 10, 100, 0, 1, 20, false, CHARGE_ALLOWED, 20},
	{"half of what is left", 10, 40, 0, 1, 20, false, CHARGE_ALLOWED, 14},
	{"the last but one", 8, 10, 0, 1, 20, false, CHARGE_ALLOWED, 0},
	{"the last one", 9, 10, 0, 1, 20, false, CHARGE_ALLOWED, 0},
	{"none is left", 10, 10, 0, 1, 20, false, CHARGE_REFUSED, 0},
	{"of a new counter", 0, 10, 0, 3, 20, false, CHARGE_ALLOWED, 3},
	{"of a lower max", 10, 100, 15, 1, 20, false, CHARGE_ALLOWED, 2},
	{"of a higher max", 10, 12, 100, 1, 20, false, CHARGE_ALLOWED, 20},
	{"what is free is not enough", 10, 40, 0, 31, 20, false,
	    CHARGE_REFUSED, 0},
	{"nothing is asked for", 10, 100, 0, 0, 20, false, CHARGE_ALLOWED, 0},
};

START_TEST(question_takes_along_what_is_free)
{
	struct store *store = open_store();
	struct charges charges = {.count = 0};
	struct store_mark mark = {
		.kind = MARK_override, .field = "quota_domain/1h",
		.max = taken_along[_i].override
	};
	struct charge_answer answer;
	int64_t want = taken_along[_i].used;

	add_charge(&charges, "domain:a", "quota_domain/1h",
	    taken_along[_i].max, HOUR_MS, taken_along[_i].used);
	ask(store, &charges, STORE_FORCE);
	if (mark.max > 0)
		ck_assert_int_eq(store_set_mark(store, "domain:a", &mark,
		    STORE_SET, clock_now_ms(), PATIENT_MS), STORE_CHANGED);
	charges.at[0].weight = taken_along[_i].weight;
	charges.at[0].lease_units = taken_along[_i].units;
	add_charge(&charges, "user:a", "quota_user/1h", 5, HOUR_MS, 1);
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, taken_along[_i].status);
	ck_assert_msg(answer.leased[0] == taken_along[_i].leased,
	    "%s: %lld, not %lld", taken_along[_i].name,
	    (long long)answer.leased[0], (long long)taken_along[_i].leased);
	ck_assert_int_eq(answer.leased[1], 0);
	if (answer.status == CHARGE_ALLOWED)
		want += taken_along[_i].weight + taken_along[_i].leased;
	ck_assert_int_eq(answer.used[0], want);
	ck_assert_int_eq(used_of(store, "domain:a", "quota_domain/1h"), want);
	ck_assert_uint_eq(answer.overridden, taken_along[_i].override > 0);
	store_close(&store);
}
END_TEST

/* Both of one counter, and nothing but in a charge. */
START_TEST(nothing_is_taken_along_twice_or_unasked)
{
	struct store *store = open_store();
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add_charge(&charges, "domain:a", "quota_domain/1h", 40, HOUR_MS, 2);
	add_charge(&charges, "domain:a", "quota_domain/1h", 40, HOUR_MS, 2);
	charges.at[0].lease_units = charges.at[1].lease_units = 30;
	answer = ask(store, &charges, STORE_PEEK);
	ck_assert_int_eq(answer.used[0] + answer.leased[0], 0);
	answer = ask(store, &charges, STORE_FORCE);
	ck_assert_int_eq(answer.leased[0], 0);
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert_int_eq(answer.leased[0], 16);
	ck_assert_int_eq(answer.leased[1], 8);
	ck_assert_int_eq(used_of(store, "domain:a", "quota_domain/1h"), 32);
	store_close(&store);
}
END_TEST

static int64_t
real_now(void *context)
{
	(void)context;
	return clock_now_ms();
}

static void
real_advance(void *context, int64_t ms)
{
	(void)context;
	sleep_ms(ms);
}

START_TEST(agrees_with_the_log_by_its_own_clock)
{
	struct store_redis_options options = options_of(server.where);
	struct store_model model = {
		.now = real_now, .advance = real_advance, .timeout_ms = 2000,
		.windows_ms = {1000, 1500}, .seed = 11, .rounds = 1000,
		.pause_max_ms = 20
	};

	options.timeout_ms = 2000;
	model.store = open_with(&options);
	store_model_run(&model);
	store_close(&model.store);
}
END_TEST

static struct charge_answer
charge_clocked(struct store *store, int64_t max)
{
	struct charges charges = {.count = 0};

	add_charge(&charges, "user:clock", "quota_user/1h", max, HOUR_MS, 1);
	return ask(store, &charges, STORE_CHARGE);
}

START_TEST(clock_stepping_back_blocks_for_no_longer_than_a_window)
{
	static const int64_t steps[] = {1, 900, 1100, HOUR_MS, 24 * HOUR_MS,
	    365 * 24 * HOUR_MS};
	struct store *store = open_with_clock();
	struct charge_answer answer;
	int64_t now_ms = script_now_ms;

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(charge_clocked(store, 5).status,
		    CHARGE_ALLOWED);
	set_clock(now_ms - steps[_i]);
	answer = charge_clocked(store, 5);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_int_le(answer.retry_ms, HOUR_MS + 1000);
	set_clock(now_ms - steps[_i] + HOUR_MS - 1);
	ck_assert_int_eq(charge_clocked(store, 5).status, CHARGE_REFUSED);
	set_clock(now_ms - steps[_i] + HOUR_MS + 1000);
	ck_assert_int_eq(charge_clocked(store, 5).status, CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

START_TEST(longer_window_keeps_the_groups_bounded)
{
	struct store *store = open_with_clock();
	struct charges charges = {.count = 0};
	char text[32];

	/* 60 groups of a minute, then the same counter for an hour. */
	add_charge(&charges, "user:clock", "f", 1000, 60000, 1);
	for (int i = 0; i < 400; i++) {
		set_clock(script_now_ms + (i < 60 ? 1000 : 60000));
		if (i == 60)
			charges.at[0].window_ms = HOUR_MS;
		ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
		    CHARGE_ALLOWED);
	}
	snprintf(text, sizeof(text), "%s", TELL("HSTRLEN",
	    "fg:{user:clock}", "f"));
	ck_assert_int_le(atoi(text), 32 + 64 * 13);
	ck_assert_int_ge(used_of(store, "user:clock", "f"), 60);
	ck_assert_int_le(used_of(store, "user:clock", "f"), 62);
	store_close(&store);
}
END_TEST

/* --- charges --- */

START_TEST(all_or_none)
{
	struct store *store = open_store();
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add_charge(&charges, "user:a", "quota_user/1h", 10, HOUR_MS, 1);
	add_charge(&charges, "domain:b", "quota_domain/1h", 10, HOUR_MS, 1);
	add_charge(&charges, "client:c", "rate/1m", 2, 60000, 1);
	add_charge(&charges, "client:c", "rate/1h", 2, HOUR_MS, 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
		    CHARGE_ALLOWED);
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 2);
	ck_assert_int_gt(answer.retry_ms, HOUR_MS - 10000);
	ck_assert_int_le(answer.retry_ms, HOUR_MS);
	ck_assert_int_eq(answer.used[0], 2);
	ck_assert_int_eq(used_of(store, "user:a", "quota_user/1h"), 2);
	ck_assert_int_eq(used_of(store, "domain:b", "quota_domain/1h"), 2);
	charges.at[2].observe = charges.at[3].observe = true;
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert_int_eq(answer.used[2], 3);
	store_close(&store);
}
END_TEST

START_TEST(one_counter_twice_in_a_set_counts_twice)
{
	struct store *store = open_store();
	struct charges charges = {.count = 0};

	add_charge(&charges, "user:a", "f/1h", 3, HOUR_MS, 1);
	add_charge(&charges, "user:a", "f/1h", 3, HOUR_MS, 2);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).used[1], 3);
	charges.count = 1;
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_REFUSED);
	store_close(&store);
}
END_TEST

START_TEST(largest_set_and_largest_numbers)
{
	struct store *store = open_store();
	struct charges charges = {.count = 0};
	struct charge_answer answer;
	char subject[32];

	for (int i = 0; i < CHARGES_MAX; i++) {
		snprintf(subject, sizeof(subject), "user:%d", i);
		add_charge(&charges, subject, "bytes/366d", SIZE_MAX_BYTES,
		    DURATION_MAX_MS, SIZE_MAX_BYTES / 2 - 1);
	}
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	answer = ask(store, &charges, STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_int_eq(answer.used[CHARGES_MAX - 1], SIZE_MAX_BYTES - 2);
	must_be_readable("fg:{user:7}", "bytes/366d",
	    "1125899906842622/1125899906842624/366d ");
	/* Beyond what Lua can count exactly it stands still. */
	for (int i = 0; i < 20; i++)
		answer = ask(store, &charges, STORE_FORCE);
	ck_assert_int_eq(answer.used[0], (INT64_C(1) << 53) - 1);
	ck_assert_int_eq(used_of(store, "user:0", "bytes/366d"),
	    (INT64_C(1) << 53) - 1);
	store_close(&store);
}
END_TEST

START_TEST(refund_gives_back_what_was_charged_then)
{
	struct store *store = open_store();
	struct charge_answer answer = charge_one(store, "user:a", 2);
	struct refund refund = {"user:a", "quota_user/1h", HOUR_MS, 1,
	    answer.now_ms, .local = false};

	sleep_ms(2);
	charge_one(store, "user:a", 2);
	ck_assert_int_eq(charge_one(store, "user:a", 2).status,
	    CHARGE_REFUSED);
	store_refund(store, &refund, 1, clock_now_ms(), TIMEOUT_MS);
	ck_assert_int_eq(used_of(store, "user:a", "quota_user/1h"), 1);
	must_be_readable("fg:{user:a}", "quota_user/1h", "1/2/1h ");
	refund.at_ms -= HOUR_MS;	/* has left the window */
	store_refund(store, &refund, 1, clock_now_ms(), TIMEOUT_MS);
	refund.subject = "user:unknown";
	store_refund(store, &refund, 1, clock_now_ms(), TIMEOUT_MS);
	ck_assert_int_eq(used_of(store, "user:a", "quota_user/1h"), 1);
	ck_assert_str_eq(TELL("EXISTS", "fg:{user:unknown}"), "0");
	store_close(&store);
}
END_TEST

/* Nobody is let in for what was forgotten; but of what was told later. */
START_TEST(refund_of_what_was_forgotten_takes_nothing)
{
	struct store *store = open_store();
	struct charge_answer answer = charge_one(store, "user:a", 5);
	struct refund refund = {"user:a", "quota_user/1h", HOUR_MS, 1,
	    answer.now_ms, .local = false};

	ck_assert_int_eq(store_forget(store, "user:a", NULL, answer.now_ms,
	    PATIENT_MS), STORE_CHANGED);
	sleep_ms(2);
	charge_one(store, "user:a", 5);
	store_refund(store, &refund, 1, clock_now_ms(), TIMEOUT_MS);
	ck_assert_int_eq(used_of(store, "user:a", "quota_user/1h"), 1);
	refund.since = true;
	store_refund(store, &refund, 1, clock_now_ms(), TIMEOUT_MS);
	ck_assert_int_eq(used_of(store, "user:a", "quota_user/1h"), 0);
	store_close(&store);
}
END_TEST

START_TEST(refunds_are_sent_before_the_end)
{
	struct store *store = open_store();
	struct refund refunds[200];
	int64_t at_ms = 0;

	for (size_t i = 0; i < 200; i++) {
		at_ms = charge_one(store, "user:a", 1000).now_ms;
		refunds[i] = (struct refund){"user:a", "quota_user/1h",
		    HOUR_MS, 1, at_ms, .local = false};
	}
	store_refund(store, refunds, 200, at_ms, TIMEOUT_MS);
	store_close(&store);
	store = open_store();
	ck_assert_int_eq(used_of(store, "user:a", "quota_user/1h"), 0);
	store_close(&store);
}
END_TEST

START_TEST(peek_and_weight_0_write_nothing)
{
	struct store *store = open_store();
	struct charges charges = {.count = 0};

	add_charge(&charges, "user:a", "f/1h", 3, HOUR_MS, 1);
	ck_assert_int_eq(ask(store, &charges, STORE_PEEK).used[0], 0);
	charges.at[0].weight = 0;
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	ck_assert_str_eq(TELL("DBSIZE"), "0");
	charges.count = 0;
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

START_TEST(people_can_read_a_key_and_it_lives_long_enough)
{
	struct store *store = open_with_clock();
	struct charges charges = {.count = 0};

	add_charge(&charges, "user:alice@example.org", "quota_user/1d", 500,
	    24 * HOUR_MS, 37);
	ask(store, &charges, STORE_CHARGE);
	charges.count = 0;
	add_charge(&charges, "user:alice@example.org", "quota_user/1h", 100,
	    HOUR_MS, 37);
	ask(store, &charges, STORE_CHARGE);
	must_be_readable("fg:{user:alice@example.org}", "quota_user/1h",
	    "37/100/1h ");
	must_be_readable("fg:{user:alice@example.org}", "quota_user/1d",
	    "37/500/1d ");
	ck_assert_int_ge(atoll(TELL("PTTL", "fg:{user:alice@example.org}")),
	    24 * HOUR_MS - 5000);
	/* A key that lost its time to live gets one with the next group. */
	TELL("PERSIST", "fg:{user:alice@example.org}");
	set_clock(script_now_ms + HOUR_MS / 60);
	ask(store, &charges, STORE_CHARGE);
	ck_assert_int_ge(atoll(TELL("PTTL", "fg:{user:alice@example.org}")),
	    HOUR_MS);
	store_close(&store);
}
END_TEST

START_TEST(show_tells_what_is_used_now)
{
	struct store *store = open_with_clock();
	struct charges charges = {.count = 0};
	struct store_counter counters[2];

	add_charge(&charges, "user:a", "a/1m", 10, 60000, 3);
	add_charge(&charges, "user:a", "b/1h", 100, HOUR_MS, 3);
	ask(store, &charges, STORE_CHARGE);
	set_clock(script_now_ms + 60000);
	TELL("HSET", "fg:{user:a}", "foreign", "no counter");
	ck_assert_int_eq(store_show(store, "user:a", 0, 1000, counters, 2), 2);
	ck_assert_str_eq(counters[0].field, "a/1m");
	ck_assert_int_eq(counters[0].used, 0);
	ck_assert_int_eq(counters[0].max, 10);
	ck_assert_int_eq(counters[0].window_ms, 60000);
	ck_assert_int_eq(counters[0].frees_ms, 0);
	ck_assert_int_eq(counters[1].used, 3);
	ck_assert_int_eq(counters[1].frees_ms, HOUR_MS - 60000);
	set_clock(script_now_ms - 24 * HOUR_MS);
	ck_assert_int_eq(store_show(store, "user:a", 0, 1000, counters, 2), 2);
	ck_assert_int_eq(counters[1].frees_ms, HOUR_MS);
	ck_assert_int_eq(store_show(store, "user:b", 0, 1000, counters, 2), 0);
	store_close(&store);
}
END_TEST

static const char *const hostile[] = {
	"user:a b", "user:a\r\nFLUSHALL\r\n", "user:*", "user:\xff\xfe%00",
	"user:{x}", "user:", "user:'\"\\", "user:[a-z]?", "user:a:b:c"
};

START_TEST(hostile_subject_is_one_key)
{
	struct store *store = open_store();
	char key[64];

	TELL("SET", "other", "1");
	ck_assert_int_eq(charge_one(store, hostile[_i], 5).used[0], 1);
	ck_assert_int_eq(charge_one(store, hostile[_i], 5).used[0], 2);
	snprintf(key, sizeof(key), "fg:{%s}", hostile[_i]);
	ck_assert_str_eq(TELL("DBSIZE"), "2");
	ck_assert_str_eq(TELL("EXISTS", key), "1");
	store_close(&store);
}
END_TEST

/* Marks, counters and sets of a subject that is no key as it stands. */
START_TEST(long_names_make_short_keys)
{
	static const char longest[] =
	    "return math.max(unpack((function() local l = {} "
	    "for i, k in ipairs(redis.call('keys', '*')) do l[i] = #k end "
	    "return l end)()))";
	static const struct store_mark suspended = {
		.kind = MARK_suspended, .reason = "test"
	};
	struct store *store = open_store();
	struct charges charges = {.count = 0};
	struct store_counter counters[4];
	struct store_mark marks[MARKS_MAX];
	char subject[SUBJECT_OCTETS_MAX + 1];

	memset(subject, 'x', SUBJECT_OCTETS_MAX);
	subject[SUBJECT_OCTETS_MAX] = '\0';
	memcpy(subject, "user:", 5);
	add_charge(&charges, subject, "quota_user/1h", 5, HOUR_MS, 1);
	add_charge(&charges, subject, "a_limit_of_a_rather_long_name/1h", 5,
	    HOUR_MS, 1);
	charges.at[1].distinct = true;
	charges.at[1].element = 7;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
		    CHARGE_ALLOWED);
	ck_assert_str_eq(TELL("DBSIZE"), "2");
	ck_assert_str_eq(TELL("EVAL", longest, "0"), "100");
	ck_assert_int_eq(store_show(store, subject, 0, PATIENT_MS, counters,
	    4), 2);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(counters[i].used,
		    strcmp(counters[i].field, "quota_user/1h") == 0 ? 2 : 1);
	ck_assert_int_eq(store_set_mark(store, subject, &suspended, STORE_SET,
	    0, PATIENT_MS), STORE_CHANGED);
	ck_assert_int_eq(store_marks(store, subject, 0, PATIENT_MS, marks),
	    1);
	ck_assert_int_eq(store_forget(store, subject, NULL, 0, PATIENT_MS),
	    STORE_CHANGED);
	ck_assert_int_eq(store_lift_mark(store, subject, MARK_suspended, "", 0,
	    PATIENT_MS), STORE_CHANGED);
	ck_assert_str_eq(TELL("EVAL", "return #redis.call('keys', 'fg:{u*')",
	    "0"), "0");
	store_close(&store);
}
END_TEST

static const struct {
	const char *name, *value;
} foreign[] = {
	{"text", "hello"}, {"number", "17"}, {"empty", ""},
	{"head only", "5/10/1h "}, {"other version", "5/10/1h \2"},
	{"too short", "5/10/1h \2" "abc"},
	{"no whole group", "5/10/1h \2" "abcdefg"},
	{"huge number", "99999999999999999999999/10/1h \2" "abcdef"},
	{"sign", "-5/10/1h \2" "abcdef"},
};

START_TEST(unreadable_value_starts_anew)
{
	struct store *store = open_store();

	TELL("HSET", "fg:{user:a}", "quota_user/1h", foreign[_i].value);
	ck_assert_int_eq(charge_one(store, "user:a", 5).used[0], 1);
	ck_assert_int_eq(charge_one(store, "user:a", 5).used[0], 2);
	must_be_readable("fg:{user:a}", "quota_user/1h", "2/5/1h ");
	ck_assert_int_gt(atoll(TELL("PTTL", "fg:{user:a}")), 0);
	store_close(&store);
}
END_TEST

START_TEST(foreign_key_is_unavailable_and_the_others_are_not)
{
	struct store *store = open_store();

	TELL("SET", "fg:{user:a}", "1");
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_UNAVAILABLE);
	ck_assert_int_eq(charge_one(store, "user:b", 5).status,
	    CHARGE_ALLOWED);
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

/* --- many at once --- */

#define CROWD 16

struct member {
	pthread_t thread;
	struct store *store;
	int number;
	int rounds;
	int allowed, refused, unavailable, wrong;
	int64_t slowest_ms;
	int64_t slow_later_ms;	/* slowest beginning after `since_ms` */
	_Atomic int64_t *since_ms;	/* 0: not yet */
	atomic_bool *end;
};

static void
crowd_start(struct member crowd[CROWD], void *(*run)(void *))
{
	for (int i = 0; i < CROWD; i++) {
		crowd[i].number = i;
		ck_assert_int_eq(pthread_create(&crowd[i].thread, NULL, run,
		    &crowd[i]), 0);
	}
}

static void
crowd_end(struct member crowd[CROWD])
{
	for (int i = 0; i < CROWD; i++)
		pthread_join(crowd[i].thread, NULL);
}

static void *
compete(void *argument)
{
	struct member *member = argument;

	for (int i = 0; i < member->rounds; i++)
		switch (charge_one(member->store, "user:hot", 100).status) {
		case CHARGE_ALLOWED:
			member->allowed++;
			break;
		case CHARGE_REFUSED:
			member->refused++;
			break;
		case CHARGE_MARKED:
		case CHARGE_UNAVAILABLE:
			member->unavailable++;
			break;
		}
	return NULL;
}

/* Through two stores, as two hosts would. */
static void
compete_all(bool flush)
{
	struct store_redis_options options = options_of(server.path);
	struct member crowd[CROWD] = {{.number = 0}};
	struct store *stores[2];
	int allowed = 0, unavailable = 0;

	options.timeout_ms = 2000;
	stores[0] = open_with(&options);
	stores[1] = open_with(&options);
	for (int i = 0; i < CROWD; i++) {
		crowd[i].store = stores[i % 2];
		crowd[i].rounds = 200;
	}
	crowd_start(crowd, compete);
	for (int i = 0; flush && i < 20; i++) {
		TELL("SCRIPT", "FLUSH");
		TELL("FUNCTION", "FLUSH");
		/* A function is loaded first, and then called once more. */
		sleep_ms(as.script == SCRIPT_FUNCTION ? 20 : 0);
	}
	crowd_end(crowd);
	for (int i = 0; i < CROWD; i++) {
		allowed += crowd[i].allowed;
		unavailable += crowd[i].unavailable;
	}
	ck_assert_int_eq(unavailable, 0);
	ck_assert_int_eq(allowed, 100);
	every_key_expires();
	store_close(&stores[0]);
	store_close(&stores[1]);
}

START_TEST(crowd_is_let_in_up_to_the_limit)
{
	compete_all(false);
}
END_TEST

START_TEST(forgotten_script_is_sent_again)
{
	compete_all(true);
}
END_TEST

/*
 * Each member has a subject and a weight of its own: an answer that belongs
 * to another question shows as a number that is no multiple.
 */
static void *
insist(void *argument)
{
	struct member *member = argument;
	struct charges charges = {.count = 0};
	int64_t weight = member->number + 7, last = 0;
	char subject[32];

	snprintf(subject, sizeof(subject), "user:%d", member->number);
	add_charge(&charges, subject, "f/1h", RATE_MAX, HOUR_MS, weight);
	while (!*member->end) {
		int64_t start_ms = clock_steady_ms(), took_ms;
		int64_t since_ms = *member->since_ms;
		struct charge_answer answer = ask(member->store, &charges,
		    STORE_CHARGE);

		took_ms = clock_steady_ms() - start_ms;
		if (took_ms > member->slowest_ms)
			member->slowest_ms = took_ms;
		if (since_ms != 0 && start_ms > since_ms &&
		    took_ms > member->slow_later_ms)
			member->slow_later_ms = took_ms;
		if (answer.status == CHARGE_UNAVAILABLE) {
			member->unavailable++;
			sleep_ms(1);
			continue;
		}
		member->allowed++;
		if (answer.used[0] % weight != 0 || answer.used[0] <= last)
			member->wrong++;
		last = answer.used[0];
	}
	return NULL;
}

/* A hang of a second: nobody waits for long, and it is over at once. */
START_TEST(hanging_server_keeps_nobody_waiting)
{
	struct store *store = open_hasty();
	struct member crowd[CROWD] = {{.number = 0}};
	atomic_bool end = false;
	_Atomic int64_t since_ms = 0;
	bool up;

	for (int i = 0; i < CROWD; i++) {
		crowd[i].store = store;
		crowd[i].end = &end;
		crowd[i].since_ms = &since_ms;
	}
	crowd_start(crowd, insist);
	sleep_ms(200);
	kill(server.pid, SIGSTOP);
	sleep_ms(TIMEOUT_MS + GRACE_MS);
	since_ms = clock_steady_ms();
	sleep_ms(850);
	ck_assert(!state_of(store).up);
	ck_assert_str_ne(state_of(store).reason, "");
	since_ms = 0;
	kill(server.pid, SIGCONT);
	up = comes_up(store, 1000);
	sleep_ms(200);
	end = true;
	crowd_end(crowd);
	ck_assert(up);
	for (int i = 0; i < CROWD; i++) {
		ck_assert_int_gt(crowd[i].unavailable, 100);
		ck_assert_int_gt(crowd[i].allowed, 1);
		ck_assert_int_eq(crowd[i].wrong, 0);
		ck_assert_int_le(crowd[i].slowest_ms, TIMEOUT_MS + GRACE_MS);
		ck_assert_int_lt(crowd[i].slow_later_ms, 20);
	}
	store_close(&store);
}
END_TEST

/*
 * One that is alive and answers nothing in time is found to be so when it
 * is greeted again, not by those who ask.
 */
static const char *const pauses[] = {"WRITE", "ALL"};

START_TEST(paused_server_is_left_alone)
{
	struct store *store = open_store();
	int64_t end_ms;

	ck_assert(comes_up(store, PATIENT_MS));
	end_ms = clock_steady_ms() + 2500;
	TELL("CLIENT", "PAUSE", "3000", pauses[_i]);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_UNAVAILABLE);
	sleep_ms(GRACE_MS);
	while (clock_steady_ms() < end_ms) {
		ck_assert(!state_of(store).up);
		ck_assert_int_eq(charge_one(store, "user:a", 5).status,
		    CHARGE_UNAVAILABLE);
		sleep_ms(5);
	}
	ck_assert(comes_up(store, 3000));
	store_close(&store);
}
END_TEST

START_TEST(killed_server_is_found_again)
{
	struct store *store = open_hasty();
	int64_t start_ms;

	ck_assert_int_eq(charge_one(store, "user:a", 5).used[0], 1);
	server_kill();
	start_ms = clock_steady_ms();
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(charge_one(store, "user:a", 5).status,
		    CHARGE_UNAVAILABLE);
	ck_assert_int_lt(clock_steady_ms() - start_ms, GRACE_MS);
	ck_assert(!state_of(store).up);
	ck_assert_int_ge(state_of(store).failures, 100);
	server_start();
	ck_assert(comes_up(store, 1000));
	ck_assert_int_eq(charge_one(store, "user:a", 5).used[0], 1);
	ck_assert_str_eq(state_of(store).reason, "");
	store_close(&store);
}
END_TEST

START_TEST(absent_server_is_waited_for)
{
	struct store *store;
	int64_t start_ms = clock_steady_ms();

	server_kill();
	store = open_hasty();
	ck_assert(!state_of(store).up);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_UNAVAILABLE);
	ck_assert_int_eq(store_show(store, "user:a", 0, 100, NULL, 0), -1);
	ck_assert_int_lt(clock_steady_ms() - start_ms, 500);
	server_start();
	ck_assert(comes_up(store, 1000));
	start_ms = clock_steady_ms();
	store_close(&store);
	ck_assert_int_lt(clock_steady_ms() - start_ms, 200);
}
END_TEST

START_TEST(host_name_is_looked_up)
{
	struct store_redis_options options;
	struct store *store;
	char where[96];

	snprintf(where, sizeof(where), "localhost:%s", server.port);
	options = options_of(where);
	store = open_with(&options);
	ck_assert(comes_up(store, 2000));
	store_close(&store);
	options = options_of("no-such-host.invalid:6379");
	store = open_with(&options);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_UNAVAILABLE);
	store_close(&store);
}
END_TEST

/* --- permissions --- */

static const struct {
	const char *text;
	mode_t mode;
	const char *why;	/* NULL: fine */
} secrets[] = {
	{"s3cret\nnext line\n", 0600, NULL},
	{"s3cret", 0640, NULL},
	{"s3cret\r\n", 0400, NULL},
	{"s3cret\n", 0644, "mode 0640 or stricter"},
	{"s3cret\n", 0660, "mode 0640 or stricter"},
	{"\n", 0600, "is empty"},
	{"", 0600, "is empty"},
};

START_TEST(password_is_the_first_line_of_a_private_file)
{
	struct store_redis_options options = options_of(server.where);
	struct store *store;
	char why[256] = "";

	options.password_file = write_secret(secrets[_i].text,
	    secrets[_i].mode);
	TELL("CONFIG", "SET", "requirepass", "s3cret");
	store = store_redis_open(&options, why, sizeof(why));
	if (secrets[_i].why == NULL) {
		ck_assert_msg(store != NULL, "%s", why);
		ck_assert_int_eq(charge_one(store, "user:a", 5).status,
		    CHARGE_ALLOWED);
		store_close(&store);
		return;
	}
	ck_assert_ptr_null(store);
	ck_assert_msg(strstr(why, secrets[_i].why) != NULL, "%s", why);
}
END_TEST

START_TEST(options_that_cannot_work_are_refused)
{
	struct store_redis_options options = options_of("127.0.0.1");
	char why[256] = "";

	ck_assert_ptr_null(store_redis_open(&options, why, sizeof(why)));
	ck_assert_msg(strstr(why, "HOST:PORT") != NULL, "%s", why);
	options = options_of(server.where);
	options.password_file = "/nonexistent/secret";
	ck_assert_ptr_null(store_redis_open(&options, why, sizeof(why)));
	ck_assert_msg(strstr(why, "No such file") != NULL, "%s", why);
	options = options_of(server.where);
	options.server.count = 0;
	ck_assert_ptr_null(store_redis_open(&options, why, sizeof(why)));
	options = options_of(server.where);
	options.prefix = "a{b";
	ck_assert_ptr_null(store_redis_open(&options, why, sizeof(why)));
}
END_TEST

START_TEST(wrong_password_is_told)
{
	struct store_redis_options options = options_of(server.where);
	struct store *store;
	bool told;

	options.password_file = write_secret("wrong\n", 0600);
	TELL("CONFIG", "SET", "requirepass", "s3cret");
	store = open_with(&options);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_UNAVAILABLE);
	told = strstr(state_of(store).reason, "password") != NULL;
	ck_assert_msg(told, "%s", state_of(store).reason);
	store_close(&store);
}
END_TEST

static struct store *
open_as_floodgate(void)
{
	struct store_redis_options options = options_of(server.where);

	options.user = "floodgate";
	options.password_file = write_secret("pw", 0600);
	return open_with(&options);
}

/* Of one allowed, three that are only watched; then one is given back. */
static void
see_too_many(struct store *store, const char *subject)
{
	struct charges charges = {.count = 1, .at = {{
		.field = "distinct_senders/1h", .max = 1,
		.window_ms = HOUR_MS, .weight = 1, .observe = true,
		.distinct = true
	}}};
	struct refund refund = {
		.subject = subject, .field = "distinct_senders/1h",
		.window_ms = HOUR_MS, .weight = 1, .distinct = true
	};
	struct charge_answer answer;

	text_copy(charges.at[0].subject, sizeof(charges.at[0].subject),
	    subject);
	for (uint64_t i = 1; i <= 3; i++) {
		charges.at[0].element = refund.element = i;
		store_charge(store, &charges, STORE_CHARGE, 0, 1000, &answer);
		ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
		ck_assert_int_eq(answer.used[0], i < 2 ? 1 : 2);
	}
	refund.at_ms = answer.now_ms;
	store_refund(store, &refund, 1, 0, 100);
	store_charge(store, &charges, STORE_CHARGE, 0, 1000, &answer);
	ck_assert(answer.fresh[0]);
	charges.at[0].observe = false;
	charges.at[0].element = 4;
	store_charge(store, &charges, STORE_CHARGE, 0, 1000, &answer);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
}

/* A set is beside its subject, ends by itself, and says what it is. */
START_TEST(different_ones_are_bounded_and_end)
{
	struct store *store = open_store();

	see_too_many(store, "user:b");
	ck_assert_str_eq(TELL("ZCARD", "fg:{user:b}/distinct_senders/1h"),
	    "2");
	ck_assert_int_gt(atoi(TELL("PTTL",
	    "fg:{user:b}/distinct_senders/1h")), HOUR_MS - 60000);
	ck_assert_int_gt(atoi(TELL("PTTL", "fg:{user:b}")), HOUR_MS);
	ck_assert_int_eq(strncmp(TELL("HGET", "fg:{user:b}",
	    "distinct_senders/1h"), "2/1/1h ", 7), 0);
	store_close(&store);
}
END_TEST

/* What the clock of a failed host had seen in a year is seen now. */
START_TEST(different_ones_of_the_future_are_of_now)
{
	struct store *store = open_store();
	struct charges charges = {.count = 1, .at = {{
		.subject = "user:b", .field = "distinct_senders/1h",
		.max = 1, .window_ms = HOUR_MS, .weight = 1,
		.distinct = true, .element = 2
	}}};
	struct store_counter counter;
	struct charge_answer answer;

	see_too_many(store, "user:b");
	TELL("ZADD", "fg:{user:b}/distinct_senders/1h", "XX", "99999999999999",
	    "0000000000000003");
	store_charge(store, &charges, STORE_CHARGE, 0, 1000, &answer);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert_int_eq(store_show(store, "user:b", 0, 100, &counter, 1), 1);
	ck_assert_int_le(counter.frees_ms, HOUR_MS);
	ck_assert_int_lt(atoll(TELL("ZSCORE",
	    "fg:{user:b}/distinct_senders/1h", "0000000000000003")),
	    99999999999999);
	store_close(&store);
}
END_TEST

START_TEST(least_rights_are_enough)
{
	struct store *store;
	struct store_counter counters[4];
	struct charge_answer answer;
	struct refund refund = {"user:a", "quota_user/1h", HOUR_MS, 1, 0,
	    .local = false};

	make_user(SCRIPT_EVAL, NULL);
	store = open_as_floodgate();
	see_too_many(store, "user:b");
	ck_assert_int_eq(store_show(store, "user:b", 0, 100, counters, 4), 1);
	ck_assert_int_eq(counters[0].used, 2);
	answer = charge_one(store, "user:a", 5);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	charge_one(store, "user:a", 5);
	refund.at_ms = answer.now_ms;
	store_refund(store, &refund, 1, 0, 100);
	ck_assert_int_eq(store_show(store, "user:a", 0, 100, counters, 4), 1);
	ck_assert_int_eq(counters[0].used, 1);
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

/* Who may not count hosts does everything else. */
START_TEST(hosts_are_counted)
{
	struct store *store;

	make_user(SCRIPT_EVAL, NULL);
	store = open_as_floodgate();
	ck_assert_int_eq(store_count_hosts(store, "a", 20000, 1000), 1);
	ck_assert_int_eq(store_count_hosts(store, "b", 50, 1000), 2);
	ck_assert_int_eq(store_count_hosts(store, "a", 20000, 1000), 2);
	sleep_ms(60);
	ck_assert_int_eq(store_count_hosts(store, "a", 20000, 1000), 1);
	ck_assert_int_eq(store_count_hosts(store, "c", 20000, 1000), 2);
	ck_assert_int_eq(store_count_hosts(store, "a", 0, 1000), 1);
	ck_assert_int_gt(atoi(TELL("PTTL", "fg:hosts")), 10000);
	TELL("ACL", "SETUSER", "floodgate", "-zadd");
	ck_assert_int_eq(store_count_hosts(store, "a", 20000, 1000),
	    -1);
	ck_assert(state_of(store).up);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

/* Is there one complaint, or none for NULL, and does it name this? */
static void
must_complain(struct store *store, const char *text, bool misset)
{
	struct store_complaint complaints[STORE_COMPLAINTS_MAX];
	size_t count = store_check(store, PATIENT_MS, complaints);
	const char *got = count > 0 ? complaints[0].text : "nothing";

	if (text == NULL) {
		ck_assert_msg(count == 0, "%s", got);
		return;
	}
	ck_assert_msg(count == 1, "%zu instead of %s: %s", count, text, got);
	ck_assert_msg(strstr(got, text) != NULL, "%s instead of %s", got,
	    text);
	ck_assert_msg(complaints[0].misset == misset, "%s", got);
	ck_assert_msg(strstr(complaints[0].where, "127.0.0.1:") != NULL ||
	    complaints[0].where[0] == '/', "%s", complaints[0].where);
}

/* However soon it hangs up, on TCP and on a socket. */
START_TEST(full_house_is_told)
{
	redisContext *only = connect_aside();
	redisReply *reply = redisCommand(only, "CONFIG SET maxclients 1");
	struct store_redis_options options = options_of(_i == 0 ?
	    server.where : server.path);
	struct store *store;

	ck_assert_ptr_nonnull(reply);
	freeReplyObject(reply);
	for (int i = 0; i < 20; i++) {
		int64_t before = metric_get_trouble(TROUBLE_MAXCLIENTS);

		store = open_with(&options);
		ck_assert(!state_of(store).up);
		ck_assert_msg(metric_get_trouble(TROUBLE_MAXCLIENTS) > before,
		    "attempt %d: %s", i, state_of(store).reason);
		must_complain(store, "maxclients", false);
		store_close(&store);
	}
	redisFree(only);
}
END_TEST

static const struct {
	const char *less;
	enum script_kind script;
} rights[] = {
	{"-evalsha", SCRIPT_EVAL}, {"-eval", SCRIPT_EVAL},
	{"-time", SCRIPT_EVAL}, {"-hmget", SCRIPT_EVAL},
	{"-hset", SCRIPT_EVAL}, {"-pttl", SCRIPT_EVAL},
	{"-pexpire", SCRIPT_EVAL}, {"-ping", SCRIPT_EVAL},
	{"-role", SCRIPT_EVAL}, {"-fcall", SCRIPT_FUNCTION},
	{"-time", SCRIPT_FUNCTION}, {"-hset", SCRIPT_FUNCTION}
};

/* Without the right to load, until somebody else has done it. */
START_TEST(missing_function_is_told_and_loaded_by_hand)
{
	struct redis_script script;
	struct charge_answer answer;
	struct store *store;

	make_user(SCRIPT_FUNCTION, "-function|load");
	store = open_as_floodgate();
	answer = charge_one(store, "user:a", 5);
	ck_assert_int_eq(answer.status, CHARGE_UNAVAILABLE);
	ck_assert(answer.misset);
	ck_assert(!state_of(store).up);
	ck_assert_msg(strstr(state_of(store).reason, "floodgate "
	    "--print-function | redis-cli -x FUNCTION LOAD") != NULL, "%s",
	    state_of(store).reason);
	ck_assert(redis_script_init(&script, store_redis_script, true));
	ck_assert_str_eq(TELL("FUNCTION", "LOAD", script.text), script.name);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	ck_assert(state_of(store).up);
	redis_script_clear(&script);
	store_close(&store);
}
END_TEST

/* Each release has its own library, and neither is in the other's way. */
START_TEST(two_releases_work_side_by_side)
{
	struct store_redis_options options = options_of(server.where);
	struct store *stores[2];
	static char other[sizeof("return {7, 1}\n") + 65536];
	char why[200];

	snprintf(other, sizeof(other), "local release = 2\n%s",
	    store_redis_script);
	options.script = SCRIPT_FUNCTION;
	options.timeout_ms = PATIENT_MS;
	stores[0] = open_with(&options);
	stores[1] = store_redis_open_with(&options, other, why, sizeof(why));
	ck_assert_ptr_nonnull(stores[1]);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(charge_one(stores[i % 2], "user:a", 4).status,
		    CHARGE_ALLOWED);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(charge_one(stores[i], "user:a", 4).status,
		    CHARGE_REFUSED);
		store_close(&stores[i]);
	}
}
END_TEST

START_TEST(lacking_right_is_told)
{
	struct store *store;
	const char *reason;

	make_user(rights[_i].script, rights[_i].less);
	store = open_as_floodgate();
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_UNAVAILABLE);
	ck_assert(!state_of(store).up);
	reason = state_of(store).reason;
	ck_assert_msg(strstr(reason, "permission") != NULL, "%s", reason);
	make_user(rights[_i].script, NULL);
	for (int i = 0; i < 100 && charge_one(store, "user:a", 5).status !=
	    CHARGE_ALLOWED; i++)
		sleep_ms(10);
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

/* --- what `floodgatectl check` tries --- */

/* Every right of the line in contrib, one at a time; the rest is below. */
START_TEST(each_lacking_right_is_named)
{
	static const char *const starts[] = {
		[SCRIPT_EVAL] = "user floodgate ",
		[SCRIPT_FUNCTION] = "#user floodgate "
	};
	const char *words[RIGHTS_MAX];
	struct store *store;
	char names[RIGHTS_MAX][40], less[40];
	size_t count = rights_of(starts[_i], words), tried = 0;

	for (size_t i = 0; i < count; i++)	/* they are in one buffer */
		snprintf(names[i], sizeof(names[i]), "%s",
		    strlen(words[i]) < sizeof(names[i]) ? words[i] : "");
	make_user((enum script_kind)_i, NULL);
	store = open_as_floodgate();
	must_complain(store, NULL, false);
	for (size_t i = 0; i < count; i++) {
		if (names[i][0] != '+' || strchr(names[i], '|') != NULL ||
		    strcmp(names[i], "+select") == 0 ||
		    strcmp(names[i], "+ping") == 0 ||
		    strcmp(names[i], "+wait") == 0 ||
		    strcmp(names[i], "+role") == 0)
			continue;
		snprintf(less, sizeof(less), "-%s", names[i] + 1);
		make_user((enum script_kind)_i, less);
		must_complain(store, names[i], true);
		tried++;
	}
	ck_assert_uint_ge(tried, 19);
	make_user((enum script_kind)_i, "resetkeys");
	must_complain(store, "~fg:*", true);
	make_user((enum script_kind)_i, NULL);
	must_complain(store, NULL, false);
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

/* Only where replicas are waited for. */
START_TEST(right_to_wait_and_lacking_replicas_are_named)
{
	struct store_redis_options options;
	struct store *store;

	make_user(SCRIPT_EVAL, _i == 0 ? "-wait" : NULL);
	options = options_of(server.where);
	options.user = "floodgate";
	options.password_file = write_secret("pw", 0600);
	store = open_with(&options);
	must_complain(store, NULL, false);
	store_close(&store);
	options.wait_replicas = 1;
	store = open_with(&options);
	must_complain(store, _i == 0 ? "+wait" : "too few replicas",
	    _i == 0);
	store_close(&store);
}
END_TEST

static const char *const greeting_rights[] = {"+ping", "+role"};

START_TEST(right_that_a_greeting_lacks_is_named)
{
	char less[16];
	struct store *store;

	snprintf(less, sizeof(less), "-%s", greeting_rights[_i] + 1);
	make_user(SCRIPT_EVAL, less);
	store = open_as_floodgate();
	must_complain(store, greeting_rights[_i], true);
	store_close(&store);
}
END_TEST

/* Only where answers wait for replicas. */
START_TEST(right_to_wait_is_named)
{
	struct store_redis_options options = options_of(server.where);
	struct store *store;

	make_user(SCRIPT_EVAL, "-wait");
	options.user = "floodgate";
	options.password_file = write_secret("pw", 0600);
	options.wait_replicas = 1;
	store = open_with(&options);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_UNAVAILABLE);
	must_complain(store, "+wait", true);
	store_close(&store);
}
END_TEST

START_TEST(check_tells_what_the_server_is_short_of)
{
	struct store *store = open_store();

	must_complain(store, NULL, false);
	TELL("CONFIG", "SET", "maxmemory", "1");
	must_complain(store, "maxmemory", false);
	must_complain(store, "maxmemory", false);
	TELL("CONFIG", "SET", "maxmemory", "0");
	must_complain(store, NULL, false);
	ck_assert_str_eq(TELL("DBSIZE"), "0");
	kill(server.pid, SIGSTOP);
	must_complain(store, "in time", false);
	kill(server.pid, SIGCONT);
	store_close(&store);
}
END_TEST

START_TEST(check_tells_of_a_wrong_password)
{
	struct store_redis_options options;
	struct store *store;

	make_user(SCRIPT_EVAL, NULL);
	options = options_of(server.where);
	options.user = "floodgate";
	options.password_file = write_secret("another", 0600);
	store = open_with(&options);
	must_complain(store, "does not accept the user or password", true);
	store_close(&store);
}
END_TEST

START_TEST(full_server_is_unavailable_and_nothing_is_written)
{
	struct store *store = open_store();
	struct charges charges = {.count = 0};

	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	TELL("CONFIG", "SET", "maxmemory", "1");
	add_charge(&charges, "user:a", "f/1h", 5, HOUR_MS, 1);
	add_charge(&charges, "user:b", "f/1h", 5, HOUR_MS, 1);
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_UNAVAILABLE);
	ck_assert(!state_of(store).up);
	ck_assert(strstr(state_of(store).reason, "maxmemory") != NULL);
	TELL("CONFIG", "SET", "maxmemory", "0");
	ck_assert_str_eq(TELL("HEXISTS", "fg:{user:a}", "f/1h"), "0");
	ck_assert_str_eq(TELL("EXISTS", "fg:{user:b}"), "0");
	ck_assert_int_eq(ask(store, &charges, STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

static void
start_log(void)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/stderr", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	close(fd);
}

/* Lines of the log that hold `text`, after `turns` charges more. */
static int
count_lines(struct store *store, int turns, const char *text)
{
	char path[96], line[2048];
	int lines = 0;
	FILE *log;

	for (int i = 0; i < turns; i++) {
		charge_one(store, "user:a", 5);
		sleep_ms(1);
	}
	snprintf(path, sizeof(path), "%s/stderr", directory);
	log = fopen(path, "r");
	ck_assert_ptr_nonnull(log);
	while (fgets(line, sizeof(line), log) != NULL)
		lines += strstr(line, text) != NULL;
	fclose(log);
	return lines;
}

START_TEST(one_trouble_is_logged_once_in_a_while)
{
	struct store *store = open_store();

	start_log();
	TELL("CONFIG", "SET", "maxmemory", "1");
	ck_assert_int_eq(count_lines(store, 200, "maxmemory"), 1);
	TELL("CONFIG", "SET", "maxmemory", "0");
	ck_assert_int_eq(count_lines(store, 10, "state=up"), 1);
	TELL("CONFIG", "SET", "maxmemory", "1");
	ck_assert_int_eq(count_lines(store, 200, "store=redis"), 2);
	TELL("CONFIG", "SET", "maxmemory", "0");
	TELL("SET", "fg:{user:a}", "1");
	ck_assert_int_eq(count_lines(store, 200, "WRONGTYPE"), 1);
	server_kill();
	ck_assert_int_eq(count_lines(store, 1000, "state=down"), 1);
	store_close(&store);
}
END_TEST

static void *
run_endless_script(void *argument)
{
	redisContext *context = connect_aside();
	redisReply *reply;

	(void)argument;
	reply = redisCommand(context, "EVAL %s 0", "while true do end");
	if (reply != NULL)
		freeReplyObject(reply);
	redisFree(context);
	return NULL;
}

START_TEST(busy_server_is_left_alone_until_it_is_free)
{
	struct store *store = open_hasty();
	pthread_t thread;
	int64_t start_ms;

	TELL("CONFIG", "SET", "lua-time-limit", "50");
	pthread_create(&thread, NULL, run_endless_script, NULL);
	for (int i = 0; i < 100; i++) {
		sleep_ms(5);
		start_ms = clock_steady_ms();
		charge_one(store, "user:a", 1000);
		ck_assert_int_le(clock_steady_ms() - start_ms,
		    TIMEOUT_MS + GRACE_MS);
	}
	ck_assert(!state_of(store).up);
	ck_assert(strstr(state_of(store).reason, "busy") != NULL);
	TELL("SCRIPT", "KILL");
	pthread_join(thread, NULL);
	for (int i = 0; i < 100 && charge_one(store, "user:a", 1000).status !=
	    CHARGE_ALLOWED; i++)
		sleep_ms(10);
	ck_assert(state_of(store).up);
	store_close(&store);
}
END_TEST

START_TEST(no_time_left_is_no_charge)
{
	struct store *store = open_store();
	struct charges charges = {.count = 0};
	struct charge_answer answer;

	add_charge(&charges, "user:a", "quota_user/1h", 5, HOUR_MS, 1);
	store_charge(store, &charges, STORE_CHARGE, 0, 0, &answer);
	ck_assert_int_eq(answer.status, CHARGE_UNAVAILABLE);
	ck_assert_int_eq(used_of(store, "user:a", "quota_user/1h"), 0);
	store_close(&store);
}
END_TEST

START_TEST(replica_is_refused)
{
	struct store *store = open_store();

	TELL("REPLICAOF", "127.0.0.1", "1");
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_UNAVAILABLE);
	sleep_ms(100);
	ck_assert(!state_of(store).up);
	ck_assert(strstr(state_of(store).reason, "replica") != NULL);
	TELL("REPLICAOF", "NO", "ONE");
	ck_assert(comes_up(store, 1000));
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

START_TEST(silent_connection_is_kept_alive)
{
	struct store *store = open_store();

	TELL("CONFIG", "SET", "timeout", "4");
	sleep_ms(6500);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

START_TEST(reload_keeps_the_store_unless_it_is_another)
{
	struct store *store = open_store();
	struct config config;

	memset(&config, 0, sizeof(config));
	config.store = STORE_KIND_REDIS;
	config.redis = options_of(server.where);
	config.redis.timeout_ms = 50;
	ck_assert(store_reconfigure(store, &config));
	config.redis.prefix = "other:";
	ck_assert(!store_reconfigure(store, &config));
	config.redis.prefix = "fg:";
	config.redis.database = 1;
	ck_assert(!store_reconfigure(store, &config));
	config.redis.database = 0;
	config.redis.user = "somebody";
	ck_assert(!store_reconfigure(store, &config));
	config.redis.user = "";
	config.redis.password_file = write_secret("pw", 0600);
	ck_assert(!store_reconfigure(store, &config));
	config.redis = options_of("127.0.0.1:1");
	ck_assert(!store_reconfigure(store, &config));
	config.redis = options_of(server.where);
	ck_assert(store_reconfigure(store, &config));
	config.store = STORE_KIND_MEMORY;
	ck_assert(!store_reconfigure(store, &config));
	store_close(&store);
}
END_TEST

START_TEST(database_is_chosen)
{
	struct store_redis_options options = options_of(server.path);
	struct store *store;

	options.database = 3;
	options.prefix = "mine:";
	store = open_with(&options);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	ck_assert_str_eq(TELL("EXISTS", "mine:{user:a}"), "0");
	TELL("SWAPDB", "0", "3");
	ck_assert_str_eq(TELL("EXISTS", "mine:{user:a}"), "1");
	store_close(&store);
}
END_TEST

/* --- a server that is none --- */

static const char greeting[] =
    "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n+PONG\r\n-NOSCRIPT none\r\n";

struct impostor {
	int fd;
	pthread_t thread;
	const char *greeting;
	const char *answer;
	bool hang_up;
	atomic_int connections;
	atomic_bool end;
};

static void
impostor_talk(struct impostor *impostor, int fd)
{
	const char *say = impostor->greeting;
	bool greeted = false;
	char octets[65536];
	struct pollfd polled = {.fd = fd, .events = POLLIN};

	while (!impostor->end) {
		if (poll(&polled, 1, 10) <= 0)
			continue;
		if (read(fd, octets, sizeof(octets)) <= 0)
			return;
		if (greeted && impostor->hang_up)
			return;
		if (send(fd, say, strlen(say), MSG_NOSIGNAL) < 0)
			return;
		greeted = true;
		say = impostor->answer;
	}
}

static void *
impostor_run(void *argument)
{
	struct impostor *impostor = argument;
	struct pollfd polled = {.fd = impostor->fd, .events = POLLIN};
	int fd;

	while (!impostor->end) {
		if (poll(&polled, 1, 10) <= 0)
			continue;
		fd = accept(impostor->fd, NULL, NULL);
		impostor->connections++;
		impostor_talk(impostor, fd);
		close(fd);
	}
	return NULL;
}

static void
impostor_start(struct impostor *impostor)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int on = 1;

	find_port();
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)atoi(server.port));
	impostor->fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(impostor->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_int_eq(bind(impostor->fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	ck_assert_int_eq(listen(impostor->fd, 5), 0);
	ck_assert_int_eq(pthread_create(&impostor->thread, NULL, impostor_run,
	    impostor), 0);
}

static void
impostor_end(struct impostor *impostor)
{
	impostor->end = true;
	pthread_join(impostor->thread, NULL);
	close(impostor->fd);
}

static const struct {
	const char *name, *answer, *reason;
	bool hang_up;
	bool keeps;	/* the connection is kept */
	bool misset;	/* somebody has to change how Redis is set up */
	enum redis_trouble counted;	/* as the reason */
} nonsense[] = {
	{"half a reply",       "*2\r\n:0\r\n",            "in time", 0, 0, 0, TROUBLE_TIMEOUT},
	{"no reply",           "",                        "in time", 0, 0, 0, TROUBLE_TIMEOUT},
	{"huge bulk",          "$536870912\r\nabc",       "in time", 0, 0, 0, TROUBLE_TIMEOUT},
	{"huger bulk",         "$99999999999999999999\r\n", "", 0, 0, 0, TROUBLE_GARBAGE},
	{"huge array",         "*2147483647\r\n",         "no sense", 0, 0, 0, TROUBLE_GARBAGE},
	{"negative array",     "*-7\r\n",                 "no sense", 0, 0, 0, TROUBLE_GARBAGE},
	{"deep nesting",       "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
	    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "no sense", 0, 0, 0, TROUBLE_GARBAGE},
	{"other protocol",     "HTTP/1.1 400 Bad Request\r\n\r\n", "no sense",
	    0, 0, 0, TROUBLE_GARBAGE},
	{"status",             "+OK\r\n",                 "no sense", 0, 0, 0, TROUBLE_GARBAGE},
	{"null",               "$-1\r\n",                 "no sense", 0, 0, 0, TROUBLE_GARBAGE},
	{"two replies",        "*2\r\n:1\r\n:1\r\n+more\r\n",
	    "no sense", 0, 0, 0, TROUBLE_GARBAGE},
	{"too few elements",   "*1\r\n:0\r\n",            "no sense", 0, 0, 0, TROUBLE_GARBAGE},
	{"wrong elements",     "*2\r\n+a\r\n+b\r\n",    "no sense", 0, 0, 0, TROUBLE_GARBAGE},
	{"full, but no wait",  "*3\r\n:1\r\n:1\r\n:0\r\n", "no sense", 0, 0, 0, TROUBLE_GARBAGE},
	{"hangs up",           "",                        "closed", 1, 0, 0, TROUBLE_CONNECT},
	{"LOADING",            "-LOADING data\r\n",       "loading", 0, 0, 0, TROUBLE_LOADING},
	{"MASTERDOWN",         "-MASTERDOWN link\r\n",    "replica", 0, 0, 0, TROUBLE_MASTERDOWN},
	{"READONLY",           "-READONLY write\r\n",     "replica", 0, 0, 0, TROUBLE_READONLY},
	{"NOAUTH",             "-NOAUTH required\r\n",    "password", 0, 0, 1, TROUBLE_NOAUTH},
	{"MISCONF",            "-MISCONF rdb\r\n",        "save", 0, 1, 0, TROUBLE_MISCONF},
	{"BUSY",               "-BUSY script\r\n",        "busy", 0, 1, 0, TROUBLE_BUSY},
	{"CLUSTERDOWN",        "-CLUSTERDOWN hash\r\n",   "cluster", 0, 1, 0, TROUBLE_CLUSTERDOWN},
	{"MOVED",              "-MOVED 1 a:1\r\n",        "cluster", 0, 1, 1, TROUBLE_MOVED},
	{"OOM",                "-OOM command\r\n",        "maxmemory", 0, 1, 0, TROUBLE_OOM},
	{"NOPERM",             "-NOPERM user\r\n",        "permission", 0, 1, 1, TROUBLE_NOPERM},
	{"NOREPLICAS",         "-NOREPLICAS x\r\n",       "replicas", 0, 1, 0, TROUBLE_NOREPLICAS},
	{"inside a script",    "-ERR Error running script (call to f_1): "
	    "@user_script:8: @user_script: 8: MISCONF x\r\n", "save", 0, 1, 0, TROUBLE_MISCONF},
	{"in one, before 7",   "-ERR Error running script (call to f_1): "
	    "@user_script:8: @user_script: 8: The user executing the script "
	    "can't run this command\r\n", "permission", 0, 1, 1, TROUBLE_NOPERM},
	{"in one, of Redis 8", "-ERR ACL failure in script: x\r\n",
	    "permission", 0, 1, 1, TROUBLE_NOPERM},
	{"CROSSSLOT",          "-CROSSSLOT keys\r\n",    "cluster", 0, 1, 1, TROUBLE_CROSSSLOT},
	{"WRONGTYPE",          "-WRONGTYPE x\r\n",       "", 0, 1, 0, TROUBLE_WRONGTYPE},
	{"NOSCRIPT, always",   "-NOSCRIPT No matching\r\n", "", 0, 1, 0, TROUBLE_NOSCRIPT},
	{"other error",        "-ERR \x1b[31m \"x\"\r\n", "", 0, 1, 0, TROUBLE_OTHER},
};

START_TEST(nonsense_is_unavailable)
{
	struct impostor impostor = {.greeting = greeting,
	    .answer = nonsense[_i].answer, .hang_up = nonsense[_i].hang_up};
	struct store_redis_options options;
	struct charge_answer answer;
	struct store_state state;
	struct store *store;
	int64_t start_ms, before = metric_get_trouble(nonsense[_i].counted);

	impostor_start(&impostor);
	options = options_of(server.where);
	if (nonsense[_i].keeps)
		options.timeout_ms = PATIENT_MS;
	store = open_with(&options);
	ck_assert(comes_up(store, PATIENT_MS));
	start_ms = clock_steady_ms();
	answer = charge_one(store, "user:a", 5);
	ck_assert_int_eq(answer.status,
	    nonsense[_i].keeps || strcmp(nonsense[_i].name, "two replies") ?
	    CHARGE_UNAVAILABLE : CHARGE_ALLOWED);
	if (nonsense[_i].reason[0] != '\0' &&
	    strcmp(nonsense[_i].reason, "no sense") != 0)
		ck_assert_int_eq(answer.misset, nonsense[_i].misset);
	ck_assert(nonsense[_i].keeps ||
	    clock_steady_ms() - start_ms <= TIMEOUT_MS + GRACE_MS);
	for (int i = 0; i < 200 && !nonsense[_i].keeps &&
	    impostor.connections < 2; i++)
		sleep_ms(5);
	ck_assert_int_eq(impostor.connections > 1, !nonsense[_i].keeps);
	state = state_of(store);
	ck_assert_msg(!nonsense[_i].keeps ||
	    strstr(state.reason, nonsense[_i].reason) != NULL, "%s: %s",
	    nonsense[_i].name, state.reason);
	ck_assert_msg(metric_get_trouble(nonsense[_i].counted) > before,
	    "%s is not counted as %s", nonsense[_i].name,
	    redis_trouble_reason(nonsense[_i].counted));
	store_close(&store);
	impostor_end(&impostor);
}
END_TEST

static const struct {
	const char *name, *greeting, *reason;
	enum redis_trouble counted;
} greetings[] = {
	{"mail server",  "220 mail.example.org ESMTP\r\n",   "no sense", TROUBLE_GARBAGE},
	{"replica",      "*5\r\n$5\r\nslave\r\n+a\r\n:1\r\n+c\r\n:0\r\n"
	    "+PONG\r\n", "replica", TROUBLE_REPLICA},
	{"sentinel",     "*2\r\n$8\r\nsentinel\r\n*0\r\n+PONG\r\n", "replica", TROUBLE_REPLICA},
	{"loading",      "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n-LOADING x\r\n",
	    "loading", TROUBLE_LOADING},
	{"full",         "-ERR max number of clients reached\r\n",
	    "max number of clients", TROUBLE_MAXCLIENTS},
	{"locked",       "-NOAUTH Authentication required.\r\n", "password", TROUBLE_NOAUTH},
	{"protected",    "-DENIED Redis is running in protected mode\r\n",
	    "protected mode", TROUBLE_OTHER},
	{"silent",       "", "in time", TROUBLE_TIMEOUT},
	{"hostile text", "-ERR \"a\"\x1b[31m\\\r\n", "?a??[31m?", TROUBLE_OTHER},
};

START_TEST(greeting_of_no_use_is_told)
{
	struct impostor impostor = {.greeting = greetings[_i].greeting,
	    .answer = "", .hang_up = true};
	struct store_redis_options options;
	struct store_state state;
	struct store *store;

	impostor_start(&impostor);
	options = options_of(server.where);
	store = open_with(&options);
	for (int i = 0; i < 100 && state_of(store).reason[0] == '\0'; i++)
		sleep_ms(5);
	ck_assert(!state_of(store).up);
	state = state_of(store);
	ck_assert_msg(strstr(state.reason, greetings[_i].reason) != NULL,
	    "%s: %s", greetings[_i].name, state.reason);
	ck_assert_int_gt(metric_get_trouble(greetings[_i].counted), 0);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_UNAVAILABLE);
	store_close(&store);
	impostor_end(&impostor);
}
END_TEST

/* --- all of it --- */

static void
add_charges_as(Suite *suite, const char *name, void (*begin)(void),
    void (*end)(void), int seeds)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, marks_are_as_in_every_store);
	tcase_add_test(tcase,
	    people_can_read_marks_and_their_key_lives_long_enough);
	tcase_add_loop_test(tcase, change_by_another_host_is_seen, 0, 2);
	tcase_add_loop_test(tcase, agrees_with_the_log, 0, seeds);
	tcase_add_test(tcase, agrees_with_the_log_of_short_windows);
	tcase_add_test(tcase, agrees_with_the_log_by_its_own_clock);
	tcase_add_loop_test(tcase, leases_agree_with_the_log, 0,
	    seeds + 1);
	tcase_add_loop_test(tcase, question_takes_along_what_is_free, 0,
	    ROWS(taken_along));
	tcase_add_test(tcase, nothing_is_taken_along_twice_or_unasked);
	tcase_add_loop_test(tcase,
	    clock_stepping_back_blocks_for_no_longer_than_a_window, 0, 6);
	tcase_add_test(tcase, longer_window_keeps_the_groups_bounded);
	tcase_add_test(tcase, all_or_none);
	tcase_add_test(tcase, one_counter_twice_in_a_set_counts_twice);
	tcase_add_test(tcase, largest_set_and_largest_numbers);
	tcase_add_test(tcase, refund_gives_back_what_was_charged_then);
	tcase_add_test(tcase, refund_of_what_was_forgotten_takes_nothing);
	tcase_add_test(tcase, refunds_are_sent_before_the_end);
	tcase_add_test(tcase, peek_and_weight_0_write_nothing);
	tcase_add_test(tcase, people_can_read_a_key_and_it_lives_long_enough);
	tcase_add_test(tcase, show_tells_what_is_used_now);
	tcase_add_loop_test(tcase, hostile_subject_is_one_key, 0,
	    ROWS(hostile));
	tcase_add_test(tcase, long_names_make_short_keys);
	tcase_add_loop_test(tcase, unreadable_value_starts_anew, 0,
	    ROWS(foreign));
	tcase_add_test(tcase,
	    foreign_key_is_unavailable_and_the_others_are_not);
	tcase_add_loop_test(tcase, crowd_is_let_in_up_to_the_limit, 0, 5);
	tcase_add_test(tcase, forgotten_script_is_sent_again);
	suite_add_tcase(suite, tcase);
}

/* All of it once more as the user of contrib/redis-acl.conf. */
static void
add_charges(Suite *suite)
{
	add_charges_as(suite, "charges", setup, teardown, 4);
	add_charges_as(suite, "charges by eval, least rights",
	    setup_user_of_eval, teardown_user, 1);
	add_charges_as(suite, "charges by function, least rights",
	    setup_user_of_function, teardown_user, 2);
}

/* --- lists and maps --- */

static const struct list_source a_set = { "floodgate:set", "list s", false };
static const struct list_source a_hash = { "floodgate:hash", "map h", true };

/* What the source says of these words, the last of which is NULL. */
static struct store_lookup
look_up(struct store *store, const struct list_source *source,
    const char *const *words)
{
	size_t lengths[8];
	struct store_lookup lookup = {
		.source = source, .words = words, .lengths = lengths
	};

	for (; words[lookup.count] != NULL; lookup.count++)
		lengths[lookup.count] = strlen(words[lookup.count]);
	store_look_up(store, &lookup, 1, PATIENT_MS);
	return lookup;
}

#define LOOK_UP(store, source, ...) \
	look_up(store, source, (const char *const[]){__VA_ARGS__, NULL})

START_TEST(sets_and_hashes_are_asked)
{
	struct store *store = open_store();
	struct store_lookup lookup;

	ck_assert_int_eq(LOOK_UP(store, &a_set, "a").status, LIST_NONE);
	ck_assert_int_eq(LOOK_UP(store, &a_hash, "a").status, LIST_NONE);
	TELL("SADD", "floodgate:set", "b", "two words", "{*}%s\r\n");
	TELL("HSET", "floodgate:hash", "b", "bob, ben", "c", "");
	ck_assert_int_eq(LOOK_UP(store, &a_set, "a", "c").status, LIST_NONE);
	ck_assert_int_eq(LOOK_UP(store, &a_set, "a", "b").status,
	    LIST_FOUND);
	ck_assert_int_eq(LOOK_UP(store, &a_set, "two words").status,
	    LIST_FOUND);
	ck_assert_int_eq(LOOK_UP(store, &a_set, "{*}%s\r\n").status,
	    LIST_FOUND);
	lookup = LOOK_UP(store, &a_hash, "a", "b", "c");
	ck_assert_int_eq(lookup.status, LIST_FOUND);
	ck_assert_str_eq(lookup.value, "bob, ben");
	free(lookup.value);
	lookup = LOOK_UP(store, &a_hash, "c", "b");
	ck_assert_str_eq(lookup.value, "");
	free(lookup.value);
	/* Counters go on beside. */
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

/* No trouble of the store's, and said once until it is good again. */
START_TEST(key_of_another_type_is_told_once)
{
	struct store *store = open_store();

	start_log();
	TELL("SET", "floodgate:set", "x");
	TELL("SADD", "floodgate:hash", "x");
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(LOOK_UP(store, &a_set, "x").status,
		    LIST_FAILED);
		ck_assert_int_eq(LOOK_UP(store, &a_hash, "x").status,
		    LIST_FAILED);
	}
	ck_assert_int_eq(count_lines(store, 1, "cannot be asked"), 2);
	ck_assert_int_eq(count_lines(store, 1, "list s: cannot be asked: "
	    "redis=\"floodgate:set\" expected=set reason=\"WRONGTYPE"), 1);
	ck_assert_int_eq(count_lines(store, 1, "map h: cannot be asked: "
	    "redis=\"floodgate:hash\" expected=hash"), 1);
	ck_assert(state_of(store).up);
	TELL("DEL", "floodgate:set");
	ck_assert_int_eq(LOOK_UP(store, &a_set, "x").status, LIST_NONE);
	TELL("SET", "floodgate:set", "x");
	ck_assert_int_eq(LOOK_UP(store, &a_set, "x").status, LIST_FAILED);
	ck_assert_int_eq(count_lines(store, 1, "list s"), 2);
	store_close(&store);
}
END_TEST

START_TEST(lacking_right_to_lists_is_told_and_counters_go_on)
{
	struct store *store;

	start_log();
	TELL("SADD", "floodgate:set", "x");
	make_user(SCRIPT_EVAL, NULL);
	store = open_as_floodgate();
	ck_assert_int_eq(LOOK_UP(store, &a_set, "x").status, LIST_FAILED);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	ck_assert(state_of(store).up);
	ck_assert_int_eq(count_lines(store, 1, "reason=\"NOPERM"), 1);
	TELL("ACL", "SETUSER", "floodgate", "~floodgate:*", "+smismember");
	ck_assert_int_eq(LOOK_UP(store, &a_set, "x").status, LIST_FOUND);
	store_close(&store);
}
END_TEST

/* An event through the cache, at a time of the test's own. */
static struct list_answer
fetch_domain(struct list_cache *cache, struct store *store,
    const char *domain, int64_t now_ms)
{
	static const struct folding folding = { true, "" };
	struct list_question question = {
		.source = &a_set, .kind = LIST_KIND_DOMAIN, .text = domain
	};
	struct list_lookup lookup;
	struct list_answer answer;

	list_lookup_begin(&lookup);
	ck_assert_ptr_null(list_ask(&lookup.facts, &question));
	list_lookup_fetch(&lookup, cache, store, &folding, now_ms,
	    PATIENT_MS);
	answer = lookup.facts.answers[0];
	list_lookup_end(&lookup);
	return answer;
}

START_TEST(answers_are_kept_for_a_moment_and_remembered)
{
	struct list_cache *cache = list_cache_open();
	struct store *store = open_store();
	struct list_answer answer;

	TELL("SADD", "floodgate:set", ".example.com");
	answer = fetch_domain(cache, store, "A.b.example.com", 1000);
	ck_assert_int_eq(answer.status, LIST_FOUND);
	answer = fetch_domain(cache, store, "example.com", 1000);
	ck_assert_int_eq(answer.status, LIST_NONE);
	TELL("SREM", "floodgate:set", ".example.com");
	answer = fetch_domain(cache, store, "a.b.example.com", 1749);
	ck_assert_int_eq(answer.status, LIST_FOUND);
	ck_assert(!answer.is_old);
	answer = fetch_domain(cache, store, "a.b.example.com", 1750);
	ck_assert_int_eq(answer.status, LIST_NONE);
	TELL("SADD", "floodgate:set", ".example.com");
	answer = fetch_domain(cache, store, "a.b.example.com", 2500);
	ck_assert_int_eq(answer.status, LIST_FOUND);
	/* A clock that steps back keeps nothing. */
	TELL("SREM", "floodgate:set", ".example.com");
	answer = fetch_domain(cache, store, "a.b.example.com", 2499);
	ck_assert_int_eq(answer.status, LIST_NONE);
	server_kill();
	answer = fetch_domain(cache, store, "a.b.example.com", 3500);
	ck_assert_int_eq(answer.status, LIST_NONE);
	ck_assert(answer.is_old);
	answer = fetch_domain(cache, store, "b.example.com", 3500);
	ck_assert_int_eq(answer.status, LIST_FAILED);
	answer = fetch_domain(cache, store, "a.b.example.com",
	    2499 + LIST_REMEMBER_MS);
	ck_assert_int_eq(answer.status, LIST_FAILED);
	store_close(&store);
	list_cache_close(&cache);
}
END_TEST

/* As many as an event may have, each with as many forms as there can be. */
START_TEST(largest_question_is_answered)
{
	static const struct folding folding = { true, "" };
	static struct path paths[LIST_FACTS_MAX];
	static struct list_lookup lookup;
	struct list_cache *cache = list_cache_open();
	struct store *store = open_store();
	char argument[300] = "";

	TELL("SADD", "floodgate:set", "@.b");
	list_lookup_begin(&lookup);
	for (int i = 0; i < LIST_FACTS_MAX; i++) {
		const struct list_question question = {
			.source = &a_set, .kind = LIST_KIND_PATH,
			.path = &paths[i]
		};

		snprintf(argument, sizeof(argument), "<u%03d@", i);
		for (int k = 0; k < 127; k++)
			strcat(argument, k < 126 ? "a." : "b>");
		path_parse(argument, &paths[i]);
		ck_assert(paths[i].is_valid);
		ck_assert_ptr_null(list_ask(&lookup.facts, &question));
	}
	list_lookup_fetch(&lookup, cache, store, &folding, 1000, PATIENT_MS);
	for (int i = 0; i < LIST_FACTS_MAX; i++)
		ck_assert_int_eq(lookup.facts.answers[i].status, LIST_FOUND);
	ck_assert(state_of(store).up);
	list_lookup_end(&lookup);
	store_close(&store);
	list_cache_close(&cache);
}
END_TEST

static void
add_lists(Suite *suite)
{
	TCase *tcase = tcase_create("lists");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, sets_and_hashes_are_asked);
	tcase_add_test(tcase, key_of_another_type_is_told_once);
	tcase_add_test(tcase,
	    lacking_right_to_lists_is_told_and_counters_go_on);
	tcase_add_test(tcase, answers_are_kept_for_a_moment_and_remembered);
	tcase_add_test(tcase, largest_question_is_answered);
	suite_add_tcase(suite, tcase);
}

static void
add_failures(Suite *suite)
{
	TCase *tcase = tcase_create("failures");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, hanging_server_keeps_nobody_waiting);
	tcase_add_loop_test(tcase, paused_server_is_left_alone, 0, 2);
	tcase_add_test(tcase, killed_server_is_found_again);
	tcase_add_test(tcase, absent_server_is_waited_for);
	tcase_add_test(tcase, host_name_is_looked_up);
	tcase_add_loop_test(tcase,
	    password_is_the_first_line_of_a_private_file, 0,
	    ROWS(secrets));
	tcase_add_test(tcase, options_that_cannot_work_are_refused);
	tcase_add_test(tcase, wrong_password_is_told);
	tcase_add_loop_test(tcase, full_house_is_told, 0, 2);
	tcase_add_loop_test(tcase, each_lacking_right_is_named, 0, 2);
	tcase_add_loop_test(tcase,
	    right_to_wait_and_lacking_replicas_are_named, 0, 2);
	tcase_add_loop_test(tcase, right_that_a_greeting_lacks_is_named, 0,
	    ROWS(greeting_rights));
	tcase_add_test(tcase, right_to_wait_is_named);
	tcase_add_test(tcase, check_tells_what_the_server_is_short_of);
	tcase_add_test(tcase, check_tells_of_a_wrong_password);
	tcase_add_test(tcase, different_ones_are_bounded_and_end);
	tcase_add_test(tcase, different_ones_of_the_future_are_of_now);
	tcase_add_test(tcase, least_rights_are_enough);
	tcase_add_test(tcase, hosts_are_counted);
	tcase_add_loop_test(tcase, lacking_right_is_told, 0,
	    ROWS(rights));
	tcase_add_test(tcase, missing_function_is_told_and_loaded_by_hand);
	tcase_add_test(tcase, two_releases_work_side_by_side);
	tcase_add_test(tcase,
	    full_server_is_unavailable_and_nothing_is_written);
	tcase_add_test(tcase, one_trouble_is_logged_once_in_a_while);
	tcase_add_test(tcase, busy_server_is_left_alone_until_it_is_free);
	tcase_add_test(tcase, no_time_left_is_no_charge);
	tcase_add_test(tcase, replica_is_refused);
	tcase_add_test(tcase, silent_connection_is_kept_alive);
	tcase_add_test(tcase, reload_keeps_the_store_unless_it_is_another);
	tcase_add_test(tcase, database_is_chosen);
	suite_add_tcase(suite, tcase);
}

static void
add_impostors(Suite *suite)
{
	TCase *tcase = tcase_create("impostors");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, nonsense_is_unavailable, 0,
	    ROWS(nonsense));
	tcase_add_loop_test(tcase, greeting_of_no_use_is_told, 0,
	    ROWS(greetings));
	suite_add_tcase(suite, tcase);
}

static int
remove_entry(const char *path, const struct stat *state, int kind,
    struct FTW *place)
{
	(void)state;
	(void)kind;
	(void)place;
	return remove(path);
}

int
main(void)
{
	Suite *suite = suite_create("store_redis");
	int status;

	if (system("redis-server --version >/dev/null 2>&1") != 0) {
		puts("redis-server is not installed");
		return SKIPPED;
	}
	snprintf(directory, sizeof(directory), "/tmp/floodgate-test-XXXXXX");
	if (mkdtemp(directory) == NULL) {
		perror(directory);
		return EXIT_FAILURE;
	}
	add_charges(suite);
	add_failures(suite);
	add_lists(suite);
	add_impostors(suite);
	status = run_suite(suite);
	nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return status;
}
