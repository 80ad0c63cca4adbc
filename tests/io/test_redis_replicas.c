/*
 * test_redis_replicas.c - answers that wait for replicas (wait_replicas), and
 * questions that wait for answers
 *
 * A server of our own that says what the test wants it to, and real ones;
 * those tests are skipped where redis-server is not installed.
 */
#include "io/store_redis.h"

#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/metrics.h"
#include "redis_lab.h"
#include "../suite.h"

#define PATIENT_MS 2000		/* where the time is not the subject */
#define TIMEOUT_MS 100
/* What a busy machine may add to a deadline. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GRACE_MS 500
#else
#define GRACE_MS 150
#endif
#define HOUR_MS INT64_C(3600000)

static void
sleep_ms(int64_t ms)
{
	poll(NULL, 0, (int)ms);
}

/* --- a server of our own, of one connection at a time --- */

/* What WAIT is answered, beside numbers. */
#define WAIT_FOREVER (-1)
#define WAIT_HANGS_UP (-2)
#define WAIT_ERROR (-3)

static struct {
	int fd;
	char where[32];
	pthread_t thread;
	atomic_bool end;
	atomic_int wait_says;
	const char *error;		/* of WAIT_ERROR */
	atomic_bool forgets_script;
	atomic_int connections, waits;
	int unanswered;			/* WAITs of this connection */
	atomic_int delay_ms;		/* before a script's answer */
	atomic_bool withholds;		/* them, and goes on to read */
	int withheld;			/* so far */
	pthread_mutex_t lock;
	char words[3][64];		/* of the last WAIT */
	/*
	 * What was asked of it: W a WAIT, c a charge, p a peek, r a refund,
	 * E an EVAL, s to show something.
	 */
	char asked[4096];
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
note_asked(char what)
{
	size_t length;

	pthread_mutex_lock(&fake.lock);
	length = strlen(fake.asked);
	if (length + 1 < sizeof(fake.asked))
		fake.asked[length] = what;
	pthread_mutex_unlock(&fake.lock);
}

static const char *
asked(void)
{
	static char copy[sizeof(fake.asked)];

	pthread_mutex_lock(&fake.lock);
	memcpy(copy, fake.asked, sizeof(copy));
	pthread_mutex_unlock(&fake.lock);
	return copy;
}

static int
asked_times(char what)
{
	int times = 0;

	for (const char *at = asked(); *at != '\0'; at++)
		times += *at == what;
	return times;
}

static void
say(int fd, const char *what)
{
	(void)send(fd, what, strlen(what), MSG_NOSIGNAL);
}

/* False: hang up. */
static bool
answer_wait(int fd, int says)
{
	char line[128];

	if (says == WAIT_HANGS_UP)
		return false;
	if (says == WAIT_FOREVER) {
		fake.unanswered++;
		return true;
	}
	if (says == WAIT_ERROR)
		snprintf(line, sizeof(line), "-%s\r\n", fake.error);
	else
		snprintf(line, sizeof(line), ":%d\r\n", says);
	say(fd, line);
	return true;
}

static void
note_wait(char *const words[], int count)
{
	fake.waits++;
	note_asked('W');
	pthread_mutex_lock(&fake.lock);
	for (int i = 0; i < 3; i++)
		snprintf(fake.words[i], sizeof(fake.words[i]), "%s",
		    i < count ? words[i] : "");
	pthread_mutex_unlock(&fake.lock);
}

/* EVALSHA or EVAL: what it is, keys and verb behind the script. */
static void
answer_script(int fd, char *const words[])
{
	int keys = atoi(words[2]);
	const char *verb = words[3 + keys];
	bool is_eval = strcmp(words[0], "EVAL") == 0;

	if (keys > 0)
		note_asked(is_eval ? 'E' : verb[0]);
	if (keys > 0 && fake.delay_ms > 0)
		sleep_ms(fake.delay_ms);
	if (keys > 0 && fake.withholds) {
		fake.withheld++;
		return;
	}
	say(fd, keys == 0 || (!is_eval && fake.forgets_script) ?
	    "-NOSCRIPT none\r\n" : strcmp(verb, "show") == 0 ?
	    "*1\r\n:1\r\n" : "*2\r\n:1\r\n:1\r\n");
}

static bool
answer_command(int fd, char *const words[], int count)
{
	int says = fake.wait_says;	/* before the test knows of it */

	if (strcmp(words[0], "ROLE") == 0)
		say(fd, "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
	else if (strcmp(words[0], "PING") == 0)
		say(fd, "+PONG\r\n");
	else if (strcmp(words[0], "WAIT") == 0) {
		note_wait(words, count);
		return answer_wait(fd, says);
	} else
		answer_script(fd, words);
	return true;
}

/* The next whole command of the text, cut into words; its octets, or 0. */
static size_t
take_command(char *text, size_t length, char *words[], int *count)
{
	char *at = text, *end = text + length;

	*count = 0;
	for (int left = -1; left != 0; left--) {
		char *line = memchr(at, '\n', (size_t)(end - at));
		long octets;

		if (line == NULL)
			return 0;
		octets = strtol(at + 1, NULL, 10);
		at = line + 1;
		if (left < 0) {
			left = (int)octets + 1;
			continue;
		}
		if (end - at < octets + 2)
			return 0;
		words[(*count)++] = at;
		at += octets + 2;
	}
	return (size_t)(at - text);
}

static void
end_words(char *words[], int count)
{
	for (int i = 0; i < count; i++)
		*strchr(words[i], '\r') = '\0';
}

/* What WAIT has not been answered so far is answered when it may be. */
static bool
answer_late(int fd)
{
	int says = fake.wait_says;

	for (; fake.withheld > 0 && !fake.withholds; fake.withheld--)
		say(fd, "*2\r\n:1\r\n:1\r\n");
	for (; fake.unanswered > 0 && says != WAIT_FOREVER; fake.unanswered--)
		if (!answer_wait(fd, says))
			return false;
	return true;
}

static void
fake_talk(int fd)
{
	static char text[1 << 20];
	char *words[64];
	size_t length = 0, used;
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	int count;

	fake.unanswered = fake.withheld = 0;
	while (!fake.end) {
		bool ready = poll(&polled, 1, 2) > 0;
		ssize_t got = ready ? read(fd, text + length,
		    sizeof(text) - 1 - length) : 0;

		if (!answer_late(fd) || (ready && got <= 0))
			return;
		length += (size_t)got;
		/* Who waits is not heard. */
		while (fake.unanswered == 0 && (used = take_command(text,
		    length, words, &count)) > 0) {
			end_words(words, count);
			if (!answer_command(fd, words, count))
				return;
			length -= used;
			memmove(text, text + used, length);
		}
	}
}

static void *
fake_run(void *argument)
{
	struct pollfd polled = {.fd = fake.fd, .events = POLLIN};

	(void)argument;
	while (!fake.end) {
		int fd;

		if (poll(&polled, 1, 10) <= 0)
			continue;
		fd = accept(fake.fd, NULL, NULL);
		fake.connections++;
		fake_talk(fd);
		close(fd);
	}
	return NULL;
}

static void
fake_start(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fake.fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fake.fd, (struct sockaddr *)&address, length),
	    0);
	ck_assert_int_eq(listen(fake.fd, 5), 0);
	ck_assert_int_eq(getsockname(fake.fd, (struct sockaddr *)&address,
	    &length), 0);
	snprintf(fake.where, sizeof(fake.where), "127.0.0.1:%u",
	    (unsigned int)ntohs(address.sin_port));
	fake.wait_says = 1;
	ck_assert_int_eq(pthread_create(&fake.thread, NULL, fake_run, NULL),
	    0);
}

static void
fake_end(void)
{
	fake.end = true;
	pthread_join(fake.thread, NULL);
	close(fake.fd);
}

/* --- a store --- */

static const char *servers[3];

static struct store_redis_options
options_of(const char *where, int64_t wait_replicas)
{
	struct store_redis_options options = {
		.server = {servers, 1}, .user = "", .password_file = "",
		.sentinel = "", .sentinel_user = "",
		.sentinel_password_file = "", .tls_ca_file = "",
		.tls_ca_directory = "", .tls_certificate_file = "",
		.tls_key_file = "", .tls_server_name = "", .prefix = "fg:",
		.timeout_ms = PATIENT_MS, .connect_timeout_ms = 1000,
		.wait_replicas = wait_replicas
	};

	servers[0] = where;
	return options;
}

static struct store *
open_with(const struct store_redis_options *options)
{
	char why[200] = "";
	struct store *store = store_redis_open(options, why, sizeof(why));

	ck_assert_msg(store != NULL, "%s", why);
	return store;
}

static struct store *
open_store(const char *where, int64_t wait_replicas, int64_t timeout_ms)
{
	struct store_redis_options options = options_of(where,
	    wait_replicas);

	options.timeout_ms = timeout_ms;
	return open_with(&options);
}

static struct store_state
state_of(struct store *store)
{
	struct store_state state;

	store_get_state(store, &state);
	return state;
}

static struct charge_answer
ask(struct store *store, const char *subject, enum store_mode mode)
{
	struct charges charges = {.count = 1, .at = {{
		.field = "quota_user/1h", .max = 1000000,
		.window_ms = HOUR_MS, .weight = 1
	}}};
	struct charge_answer answer;

	text_copy(charges.at[0].subject, sizeof(charges.at[0].subject),
	    subject);
	store_charge(store, &charges, mode, clock_now_ms(), PATIENT_MS,
	    &answer);
	return answer;
}

static enum charge_status
charge(struct store *store)
{
	return ask(store, "user:a", STORE_CHARGE).status;
}

/* It may be up for a moment before it knows better; and so may a replica. */
static void
must_count_again(struct store *store)
{
	int64_t until_ms = clock_steady_ms() + 4000;

	while (charge(store) != CHARGE_ALLOWED && clock_steady_ms() < until_ms)
		sleep_ms(10);
	ck_assert_int_eq(charge(store), CHARGE_ALLOWED);
	ck_assert_msg(state_of(store).up, "down: %s: %s",
	    state_of(store).where, state_of(store).reason);
}

static enum charge_status
peek(struct store *store)
{
	return ask(store, "user:a", STORE_PEEK).status;
}

static void
tell_refund(struct store *store)
{
	const struct refund refund = {
		.subject = "user:a", .field = "quota_user/1h",
		.window_ms = HOUR_MS, .weight = 1, .at_ms = 1
	};

	store_refund(store, &refund, 1, clock_now_ms(), PATIENT_MS);
}

/* --- what is said to the server --- */

START_TEST(nobody_waits_unless_told_to)
{
	struct store *store = open_store(fake.where, 0, PATIENT_MS);

	ck_assert_int_eq(charge(store), CHARGE_ALLOWED);
	ck_assert_str_eq(asked(), "c");
	store_close(&store);
}
END_TEST

START_TEST(a_wait_stands_behind_a_charge)
{
	struct store *store;

	fake.wait_says = 2;
	store = open_store(fake.where, 2, PATIENT_MS);
	ck_assert_int_eq(charge(store), CHARGE_ALLOWED);
	ck_assert_str_eq(fake.words[1], "2");
	ck_assert_str_eq(fake.words[2], "1000");
	store_close(&store);
	ck_assert_ptr_nonnull(strstr(asked(), "cW"));
}
END_TEST

/* One at the start, to know whether there are replicas at all. */
START_TEST(what_only_reads_does_not_wait)
{
	struct store *store = open_store(fake.where, 1, PATIENT_MS);
	struct store_counter counters[1];

	ck_assert_int_eq(peek(store), CHARGE_ALLOWED);
	ck_assert_int_eq(store_show(store, "user:a", 0, PATIENT_MS, counters,
	    1), 0);
	tell_refund(store);
	ck_assert_int_eq(peek(store), CHARGE_ALLOWED);
	store_close(&store);
	ck_assert_str_eq(asked(), "Wpsrp");
}
END_TEST

START_TEST(script_that_was_forgotten_is_waited_for_again)
{
	struct store *store = open_store(fake.where, 1, PATIENT_MS);

	fake.forgets_script = true;
	ck_assert_int_eq(charge(store), CHARGE_ALLOWED);
	store_close(&store);
	ck_assert_str_eq(asked(), "WcWEW");
}
END_TEST

/* --- many who ask --- */

#define CROWD 16

struct member {
	pthread_t thread;
	struct store *store;
	atomic_int status;	/* -1: no answer yet */
};

static void *
ask_once(void *argument)
{
	struct member *member = argument;

	member->status = (int)charge(member->store);
	return NULL;
}

static void
start_member(struct member *member, struct store *store)
{
	member->store = store;
	member->status = -1;
	ck_assert_int_eq(pthread_create(&member->thread, NULL, ask_once,
	    member), 0);
}

/* Wait until the server has been asked so many WAITs. */
static void
await_waits(int count)
{
	for (int i = 0; i < 2000 && fake.waits < count; i++)
		sleep_ms(1);
	ck_assert_int_ge(fake.waits, count);
}

START_TEST(answer_is_withheld_until_replicas_have_it)
{
	struct store *store = open_store(fake.where, 1, PATIENT_MS);
	struct member member;

	await_waits(1);
	fake.wait_says = WAIT_FOREVER;
	start_member(&member, store);
	await_waits(2);
	sleep_ms(50);
	ck_assert_int_eq(member.status, -1);
	fake.wait_says = 1;
	pthread_join(member.thread, NULL);
	ck_assert_int_eq(member.status, CHARGE_ALLOWED);
	store_close(&store);
}
END_TEST

/* Who comes while one WAIT is on its way shares the next one. */
START_TEST(many_share_a_wait)
{
	struct store *store = open_store(fake.where, 1, PATIENT_MS);
	struct member crowd[CROWD];

	await_waits(1);
	fake.wait_says = WAIT_FOREVER;
	start_member(&crowd[0], store);
	await_waits(2);
	for (int i = 1; i < CROWD; i++)
		start_member(&crowd[i], store);
	sleep_ms(200);
	ck_assert_str_eq(asked(), "WcW");
	fake.wait_says = 1;
	for (int i = 0; i < CROWD; i++) {
		pthread_join(crowd[i].thread, NULL);
		ck_assert_int_eq(crowd[i].status, CHARGE_ALLOWED);
	}
	ck_assert_int_le(fake.waits, 4);
	store_close(&store);
}
END_TEST

/*
 * Of a server that is near: what is asked while it works on something else
 * goes out together when it has answered. One that is far is told at once.
 */
START_TEST(questions_wait_for_a_near_server)
{
	struct store *store = open_store(fake.where, 0, PATIENT_MS);
	struct member crowd[CROWD];
	int before;

	fake.delay_ms = _i == 0 ? 0 : 3;
	for (int i = 0; i < (_i == 0 ? 200 : 20); i++)
		ck_assert_int_eq(charge(store), CHARGE_ALLOWED);
	before = asked_times('c');
	fake.withholds = true;
	for (int i = 0; i < CROWD; i++) {
		start_member(&crowd[i], store);
		sleep_ms(i == 0 ? 50 : 0);
	}
	sleep_ms(200);
	ck_assert_int_eq(asked_times('c') - before, _i == 0 ? 1 : CROWD);
	fake.withholds = false;
	for (int i = 0; i < CROWD; i++) {
		pthread_join(crowd[i].thread, NULL);
		ck_assert_int_eq(crowd[i].status, CHARGE_ALLOWED);
	}
	ck_assert_int_eq(asked_times('c') - before, CROWD);
	store_close(&store);
}
END_TEST

/* --- too few --- */

START_TEST(too_few_replicas_are_no_answer)
{
	int64_t before = metric_get(METRIC_store_unconfirmed);
	struct charge_answer answer;
	struct store *store;
	int64_t start_ms;

	fake.wait_says = 2;
	store = open_store(fake.where, 2, PATIENT_MS);
	ck_assert_int_eq(charge(store), CHARGE_ALLOWED);
	fake.wait_says = 1;
	answer = ask(store, "user:a", STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_UNAVAILABLE);
	ck_assert(!answer.misset);
	ck_assert_int_eq(metric_get(METRIC_store_unconfirmed) - before, 1);
	ck_assert(!state_of(store).up);
	ck_assert_ptr_nonnull(strstr(state_of(store).reason,
	    "too few replicas"));
	ck_assert_ptr_nonnull(strstr(state_of(store).reason, "1 of 2"));
	/* Nothing more is counted in vain, nobody waits, and who reads may. */
	start_ms = clock_steady_ms();
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(charge(store), CHARGE_UNAVAILABLE);
	ck_assert_int_lt(clock_steady_ms() - start_ms, GRACE_MS);
	ck_assert_int_eq(peek(store), CHARGE_ALLOWED);
	ck_assert_int_eq(asked_times('c'), 2);
	ck_assert(!state_of(store).up);
	fake.wait_says = 3;
	must_count_again(store);
	ck_assert_int_eq(fake.connections, 1);
	store_close(&store);
}
END_TEST

START_TEST(who_is_held_fails_with_the_others)
{
	struct store *store = open_store(fake.where, 1, PATIENT_MS);
	struct member first, second;

	await_waits(1);
	fake.wait_says = WAIT_FOREVER;
	start_member(&first, store);
	await_waits(2);
	start_member(&second, store);
	sleep_ms(50);
	fake.wait_says = 0;
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	ck_assert_int_eq(first.status, CHARGE_UNAVAILABLE);
	ck_assert_int_eq(second.status, CHARGE_UNAVAILABLE);
	ck_assert_int_eq(asked_times('c'), 1);
	store_close(&store);
}
END_TEST

START_TEST(replicas_may_be_away_at_the_start)
{
	struct store *store;

	fake.wait_says = 0;
	store = open_store(fake.where, 1, PATIENT_MS);
	ck_assert_int_eq(charge(store), CHARGE_UNAVAILABLE);
	ck_assert_int_eq(asked_times('c'), 0);
	ck_assert(!state_of(store).up);
	fake.wait_says = 1;
	must_count_again(store);
	store_close(&store);
}
END_TEST

/* --- no answer to WAIT --- */

static const struct {
	const char *name, *error, *reason;
	bool misset, keeps;
} errors[] = {
	{"right is lacking", "NOPERM this user has no permissions to run the "
	    "'wait' command", "permission", true, true},
	{"unknown", "ERR unknown command 'WAIT'", "does not know", true,
	    true},
	{"became a replica", "UNBLOCKED force unblock from blocking operation",
	    "replica", false, false},
	{"is a replica", "ERR WAIT cannot be used with replica instances.",
	    "replica", false, false},
};

START_TEST(error_is_no_confirmation)
{
	struct store *store = open_store(fake.where, 1, PATIENT_MS);
	struct charge_answer answer;

	await_waits(1);
	fake.error = errors[_i].error;
	fake.wait_says = WAIT_ERROR;
	answer = ask(store, "user:a", STORE_CHARGE);
	ck_assert_int_eq(answer.status, CHARGE_UNAVAILABLE);
	if (errors[_i].keeps)
		ck_assert_int_eq(answer.misset, errors[_i].misset);
	for (int i = 0; i < 2000 && strstr(state_of(store).reason,
	    errors[_i].reason) == NULL; i++)
		sleep_ms(1);
	ck_assert_msg(strstr(state_of(store).reason, errors[_i].reason) !=
	    NULL, "%s: %s", errors[_i].name, state_of(store).reason);
	sleep_ms(50);
	ck_assert_int_eq(fake.connections == 1, errors[_i].keeps);
	fake.wait_says = 1;
	must_count_again(store);
	store_close(&store);
}
END_TEST

START_TEST(lost_connection_is_no_confirmation)
{
	struct store *store = open_store(fake.where, 1, PATIENT_MS);

	await_waits(1);
	fake.wait_says = WAIT_HANGS_UP;
	ck_assert_int_eq(charge(store), CHARGE_UNAVAILABLE);
	fake.wait_says = 1;
	must_count_again(store);
	ck_assert_int_gt(fake.connections, 1);
	store_close(&store);
}
END_TEST

START_TEST(wait_without_an_answer_keeps_the_deadline)
{
	struct store *store = open_store(fake.where, 1, TIMEOUT_MS);
	int64_t start_ms;

	await_waits(1);
	fake.wait_says = WAIT_FOREVER;
	start_ms = clock_steady_ms();
	ck_assert_int_eq(charge(store), CHARGE_UNAVAILABLE);
	ck_assert_int_le(clock_steady_ms() - start_ms,
	    TIMEOUT_MS + GRACE_MS);
	store_close(&store);
}
END_TEST

START_TEST(other_number_is_taken_over_by_a_reload)
{
	struct config config = {.store = STORE_KIND_REDIS};
	struct store *store = open_store(fake.where, 1, PATIENT_MS);

	ck_assert_int_eq(charge(store), CHARGE_ALLOWED);
	config.redis = options_of(fake.where, 2);
	ck_assert(store_reconfigure(store, &config));
	ck_assert_int_eq(charge(store), CHARGE_UNAVAILABLE);
	ck_assert(!state_of(store).up);
	config.redis.wait_replicas = 0;
	ck_assert(store_reconfigure(store, &config));
	must_count_again(store);
	ck_assert_int_eq(fake.connections, 1);
	store_close(&store);
}
END_TEST

/* --- real servers --- */

/* Server 0 is the master, the others are replicas. */
static void
start_replicas(size_t count)
{
	for (size_t i = 0; i <= count; i++)
		lab_start(i, LAB_SINGLE);
	for (size_t i = 1; i <= count; i++)
		lab_make_replica(i, 0);
}

START_TEST(what_is_answered_is_with_the_replicas)
{
	struct store *store;
	char subject[32];

	start_replicas(2);
	store = open_store(lab_servers[0].where, 2, PATIENT_MS);
	must_count_again(store);
	for (int i = 0; i < 50; i++) {
		snprintf(subject, sizeof(subject), "user:%d", i);
		ck_assert_int_eq(ask(store, subject, STORE_CHARGE).status,
		    CHARGE_ALLOWED);
		for (size_t k = 1; k <= 2; k++)
			ck_assert_str_eq(lab_ask(k, "EXISTS fg:{%s}",
			    subject), "1");
	}
	store_close(&store);
}
END_TEST

START_TEST(hung_replica_confirms_nothing_until_it_is_back)
{
	struct store *store;
	int64_t start_ms;

	start_replicas(1);
	store = open_store(lab_servers[0].where, 1, TIMEOUT_MS);
	must_count_again(store);
	lab_freeze(1);
	start_ms = clock_steady_ms();
	ck_assert_int_eq(charge(store), CHARGE_UNAVAILABLE);
	ck_assert_int_le(clock_steady_ms() - start_ms,
	    TIMEOUT_MS + GRACE_MS);
	sleep_ms(600);
	ck_assert(!state_of(store).up);
	ck_assert_int_eq(charge(store), CHARGE_UNAVAILABLE);
	ck_assert_int_eq(peek(store), CHARGE_ALLOWED);
	lab_thaw(1);
	must_count_again(store);
	store_close(&store);
}
END_TEST

START_TEST(dead_replica_confirms_nothing)
{
	struct store *store;

	start_replicas(2);
	store = open_store(lab_servers[0].where, 2, PATIENT_MS);
	must_count_again(store);
	lab_kill(2);
	ck_assert_int_eq(charge(store), CHARGE_UNAVAILABLE);
	ck_assert_int_eq(peek(store), CHARGE_ALLOWED);
	lab_start(2, LAB_SINGLE);
	lab_make_replica(2, 0);
	must_count_again(store);
	store_close(&store);
}
END_TEST

/* It hangs, another one is made the master, it goes on and knows nothing. */
START_TEST(master_that_was_replaced_confirms_nothing)
{
	struct store *store;

	start_replicas(1);
	store = open_store(lab_servers[0].where, 1, PATIENT_MS);
	must_count_again(store);
	lab_freeze(0);
	ck_assert_str_eq(lab_ask(1, "REPLICAOF NO ONE"), "OK");
	lab_thaw(0);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(charge(store), CHARGE_UNAVAILABLE);
		sleep_ms(20);
	}
	ck_assert_ptr_nonnull(strstr(state_of(store).reason, "0 of 1"));
	store_close(&store);
}
END_TEST

static struct store *
open_sharing_cluster(int64_t wait_replicas)
{
	struct store_redis_options options = options_of(
	    lab_servers[0].where, wait_replicas);

	options.cluster = true;
	for (size_t i = 0; i < 3; i++)
		servers[i] = lab_servers[i].where;
	options.server.count = 3;
	return open_with(&options);
}

/* A Cluster: each node waits for its own. */
START_TEST(node_without_replicas_is_the_only_one_that_is_missed)
{
	struct store *store;
	const char *node;

	lab_start_cluster();
	lab_start(3, LAB_NODE);
	lab_ask(3, "CLUSTER MEET 127.0.0.1 %s", lab_servers[0].port);
	node = lab_servers[0].id;
	for (int i = 0; i < 500 && strcmp(lab_ask(3, "CLUSTER REPLICATE %s",
	    node), "OK") != 0; i++)
		sleep_ms(10);
	store = open_sharing_cluster(1);
	/* "a" is with node 2, "b" with 0: CRC16 of the tag. */
	for (int i = 0; i < 400 && ask(store, "b", STORE_CHARGE).status !=
	    CHARGE_ALLOWED; i++)
		sleep_ms(10);
	ck_assert_int_eq(ask(store, "b", STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	ck_assert_int_eq(ask(store, "a", STORE_CHARGE).status,
	    CHARGE_UNAVAILABLE);
	ck_assert_int_eq(ask(store, "a", STORE_PEEK).status, CHARGE_ALLOWED);
	ck_assert_int_eq(ask(store, "b", STORE_CHARGE).status,
	    CHARGE_ALLOWED);
	ck_assert(!state_of(store).up);
	ck_assert_str_ne(state_of(store).where, lab_servers[0].where);
	ck_assert_ptr_nonnull(strstr(state_of(store).reason, "0 of 1"));
	store_close(&store);
}
END_TEST

/* --- all of it --- */

static void
add_fake(Suite *suite)
{
	TCase *tcase = tcase_create("a server of our own");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, fake_start, fake_end);
	tcase_add_test(tcase, nobody_waits_unless_told_to);
	tcase_add_test(tcase, a_wait_stands_behind_a_charge);
	tcase_add_test(tcase, what_only_reads_does_not_wait);
	tcase_add_test(tcase, script_that_was_forgotten_is_waited_for_again);
	tcase_add_test(tcase, answer_is_withheld_until_replicas_have_it);
	tcase_add_test(tcase, many_share_a_wait);
	tcase_add_loop_test(tcase, questions_wait_for_a_near_server, 0, 2);
	tcase_add_test(tcase, too_few_replicas_are_no_answer);
	tcase_add_test(tcase, who_is_held_fails_with_the_others);
	tcase_add_test(tcase, replicas_may_be_away_at_the_start);
	tcase_add_loop_test(tcase, error_is_no_confirmation, 0, ROWS(errors));
	tcase_add_test(tcase, lost_connection_is_no_confirmation);
	tcase_add_test(tcase, wait_without_an_answer_keeps_the_deadline);
	tcase_add_test(tcase, other_number_is_taken_over_by_a_reload);
	suite_add_tcase(suite, tcase);
}

static void
add_real(Suite *suite)
{
	TCase *tcase = tcase_create("real servers");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, NULL, lab_end_servers);
	tcase_add_test(tcase, what_is_answered_is_with_the_replicas);
	tcase_add_test(tcase, hung_replica_confirms_nothing_until_it_is_back);
	tcase_add_test(tcase, dead_replica_confirms_nothing);
	tcase_add_test(tcase, master_that_was_replaced_confirms_nothing);
	tcase_add_test(tcase,
	    node_without_replicas_is_the_only_one_that_is_missed);
	suite_add_tcase(suite, tcase);
}

int
main(void)
{
	Suite *suite = suite_create("redis_replicas");
	bool real = lab_open();
	int status;

	add_fake(suite);
	if (real)
		add_real(suite);
	else
		puts("redis-server is not installed: only our own is asked");
	status = run_suite(suite);
	if (real)
		lab_close();
	return status;
}
