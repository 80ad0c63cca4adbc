/*
 * test_dns.c - answers from DNS: in the background, kept, and by a deadline
 *
 * Asks a name server on loopback that does what the names say; see
 * name_server.h.
 */
#include "io/dns.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/dns_message.h"
#include "tests/io/name_server.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../suite.h"

#define TIMEOUT_MS 300		/* of one question */
#define LONG_MS 3000		/* enough for anything that ends by itself */

static struct name_server *server;
static struct dns *dns;

static void
start(int64_t delay_ms, uint32_t ttl_s, int64_t min_ttl_ms, int64_t timeout_ms)
{
	static char address[32];
	static const char *const addresses[] = { address };
	struct dns_options options = {
		.servers = { addresses, 1 }, .timeout_ms = timeout_ms,
		.cache_size = 100, .min_ttl_ms = min_ttl_ms,
		.max_ttl_ms = 3600000
	};
	char why[200] = "";

	server = name_server_open(0, delay_ms, ttl_s, NULL);
	ck_assert_ptr_nonnull(server);
	(void)snprintf(address, sizeof(address), "127.0.0.1:%d",
	    name_server_port(server));
	dns = dns_open(&options, why, sizeof(why));
	ck_assert_msg(dns != NULL, "%s", why);
}

static void
setup(void)
{
	start(0, 300, 10000, TIMEOUT_MS);
}

static void
teardown(void)
{
	dns_close(&dns);
	name_server_close(&server);
}

static struct dns_held *
fetch(enum dns_type type, const char *name, int64_t timeout_ms)
{
	const struct dns_question question = { type, name };
	struct dns_held *held;

	dns_fetch(dns, &question, 1, timeout_ms, &held);
	ck_assert_ptr_nonnull(held);
	return held;
}

/* "found: 192.0.2.1", "found: 10 mx.a.example", "none", "failed" */
static const char *
say(const struct dns_answer *answer, enum dns_type type)
{
	static const char *const words[] = { "found:", "none", "failed" };
	static char buffer[8000];
	char ip[IP_TEXT_SIZE];
	struct text text;

	TEXT_INIT(&text, buffer);
	text_put(&text, words[answer->status]);
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *record = &answer->records[i];

		text_put_char(&text, ' ');
		if (type == DNS_A || type == DNS_AAAA)
			text_put(&text, ip_format(&record->ip, ip));
		if (type == DNS_MX)
			text_printf(&text, "%d ", record->preference);
		text_put(&text, record->text);
	}
	return buffer;
}

static const struct {
	const char *name, *asked;
	enum dns_type type;
	const char *want;
} answers[] = {
	{ "A", "a.example", DNS_A, "found: 192.0.2.1" },
	{ "no AAAA", "a.example", DNS_AAAA, "none" },
	{ "MX", "a.example", DNS_MX, "found: 10 mx.a.example" },
	{ "NS", "a.example", DNS_NS, "found: ns.a.example" },
	{ "PTR", "1.2.0.192.in-addr.arpa", DNS_PTR,
	    "found: host.1.2.0.192.in-addr.arpa" },
	{ "TXT", "a.example", DNS_TXT, "found: text" },
	{ "null MX", "nullmx.example", DNS_MX, "found: 0 ." },
	{ "no such name", "nxdomain.example", DNS_A, "none" },
	{ "no such record", "nodata.example", DNS_MX, "none" },
	{ "SERVFAIL", "servfail.example", DNS_A, "failed" },
	{ "REFUSED", "refused.example", DNS_A, "failed" },
	{ "no answer", "timeout.example", DNS_A, "failed" },
	{ "the first question is lost", "flaky.example", DNS_A,
	    "found: 192.0.2.1" },
	{ "referred to others", "lame.example", DNS_A, "failed" },
	{ "a chain of CNAMEs", "chain.example", DNS_A, "found: 192.0.2.1" },
	{ "CNAMEs in a circle", "loop.example", DNS_A, "failed" },
	{ "a CNAME to nothing", "dangling.example", DNS_A, "none" },
	{ "octets at random", "garbage.example", DNS_A, "failed" },
	{ "a record behind the end", "short.example", DNS_A, "failed" },
	{ "a name that points to itself", "pointer.example", DNS_MX,
	    "failed" },
	{ "the answer to another question", "other.example", DNS_A,
	    "failed" },
	{ "dots and controls inside labels", "hostile.example", DNS_PTR,
	    "found: evil?good??.a??" },
	{ "the same as an MX", "hostile.example", DNS_MX,
	    "found: 0 evil?good??.a??" },
	{ "TXT with a NUL", "hostile.example", DNS_TXT,
	    "found: a?b\r\n550 \xff" },
	{ "a name that c-ares itself turns down", "a.onion", DNS_A, "none" },
};

START_TEST(answer_is_as_the_server_says)
{
	struct dns_held *held = fetch(answers[_i].type, answers[_i].asked,
	    LONG_MS);
	const char *got = say(dns_answer_of(held), answers[_i].type);

	ck_assert_msg(strcmp(got, answers[_i].want) == 0,
	    "%s: got \"%s\", want \"%s\"", answers[_i].name, got,
	    answers[_i].want);
	dns_release(held);
}
END_TEST

static const struct {
	const char *name, *asked;
	enum dns_type type;
	size_t octets;		/* of the first text; 0: whatever */
} bounded[] = {
	{ "forty addresses", "many.example", DNS_A, 0 },
	{ "forty MX hosts", "many.example", DNS_MX, 0 },
	{ "60,000 octets of TXT, by TCP", "many.example", DNS_TXT,
	    DNS_TEXT_MAX },
	{ "cut over UDP, whole by TCP", "big.example", DNS_MX, 0 },
};

START_TEST(answer_is_bounded)
{
	struct dns_held *held = fetch(bounded[_i].type, bounded[_i].asked,
	    LONG_MS);
	const struct dns_answer *answer = dns_answer_of(held);

	ck_assert_msg(answer->status == DNS_FOUND &&
	    answer->count == DNS_RECORDS_MAX, "%s: status %d, %zu records",
	    bounded[_i].name, (int)answer->status, answer->count);
	if (bounded[_i].octets > 0)
		ck_assert_uint_eq(strlen(answer->records[0].text),
		    bounded[_i].octets);
	dns_release(held);
}
END_TEST

START_TEST(answers_are_kept)
{
	int before;

	dns_release(fetch(DNS_A, "kept.example", LONG_MS));
	dns_release(fetch(DNS_A, "nxdomain.kept.example", LONG_MS));
	dns_release(fetch(DNS_A, "servfail.kept.example", LONG_MS));
	before = name_server_questions(server);
	for (int i = 0; i < 10; i++) {
		dns_release(fetch(DNS_A, "kept.example", LONG_MS));
		dns_release(fetch(DNS_A, "nxdomain.kept.example", LONG_MS));
		dns_release(fetch(DNS_A, "servfail.kept.example", LONG_MS));
	}
	ck_assert_int_eq(name_server_questions(server), before);
}
END_TEST

START_TEST(kept_answers_are_bounded)
{
	char name[32];
	struct dns_held *first = fetch(DNS_A, "n0.example", LONG_MS);
	int before;

	for (int i = 1; i <= 150; i++) {	/* the cache holds 100 */
		(void)snprintf(name, sizeof(name), "n%d.example", i);
		dns_release(fetch(DNS_A, name, LONG_MS));
	}
	/* Who holds an answer keeps it, whatever becomes of the cache. */
	ck_assert_uint_eq(dns_answer_of(first)->count, 1);
	dns_release(first);
	before = name_server_questions(server);
	dns_release(fetch(DNS_A, "n150.example", LONG_MS));
	ck_assert_int_eq(name_server_questions(server), before);
	dns_release(fetch(DNS_A, "n0.example", LONG_MS));
	ck_assert_int_eq(name_server_questions(server), before + 1);
}
END_TEST

START_TEST(prefetch_never_waits)
{
	const struct dns_question questions[] = {
		{ DNS_A, "later.example" }, { DNS_MX, "later.example" }
	};
	struct dns_held *held[2];
	int64_t began_ms = clock_steady_ms();

	ck_assert_uint_eq(dns_prefetch(dns, questions, 2, held), 0);
	ck_assert_ptr_null(held[0]);
	ck_assert_ptr_null(held[1]);
	ck_assert_int_lt(clock_steady_ms() - began_ms, 100);
	/* Who asks the same waits for the same answers. */
	dns_fetch(dns, questions, 2, LONG_MS, held);
	ck_assert_int_eq(dns_answer_of(held[0])->status, DNS_FOUND);
	ck_assert_int_eq(dns_answer_of(held[1])->status, DNS_FOUND);
	ck_assert_int_eq(name_server_questions(server), 2);
	dns_release(held[0]);
	dns_release(held[1]);
	ck_assert_uint_eq(dns_prefetch(dns, questions, 2, held), 2);
	dns_release(held[0]);
	dns_release(held[1]);
}
END_TEST

/* 200 ms: all of a hundred questions at once, not one after the other. */
START_TEST(all_are_asked_at_once)
{
	struct dns_question questions[100];
	struct dns_held *held[100];
	char names[100][32];
	int64_t began_ms, took_ms;

	start(200, 300, 10000, LONG_MS);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "n%d.example",
		    i % 50);	/* each twice */
		questions[i] = (struct dns_question){ DNS_A, names[i] };
	}
	began_ms = clock_steady_ms();
	dns_fetch(dns, questions, 100, LONG_MS, held);
	took_ms = clock_steady_ms() - began_ms;
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(dns_answer_of(held[i])->status, DNS_FOUND);
		dns_release(held[i]);
	}
	ck_assert_int_ge(took_ms, 190);
	ck_assert_int_lt(took_ms, 1000);
	ck_assert_int_eq(name_server_questions(server), 50);
	teardown();
}
END_TEST

START_TEST(deadline_holds_and_late_answers_are_kept)
{
	static const struct timespec rest = { .tv_nsec = 400000000 };
	struct dns_held *held;
	int64_t began_ms;

	start(300, 300, 10000, LONG_MS);
	began_ms = clock_steady_ms();
	held = fetch(DNS_A, "slow.example", 50);
	ck_assert_int_lt(clock_steady_ms() - began_ms, 250);
	ck_assert_int_eq(dns_answer_of(held)->status, DNS_FAILED);
	dns_release(held);
	(void)nanosleep(&rest, NULL);
	held = fetch(DNS_A, "slow.example", 0);
	ck_assert_int_eq(dns_answer_of(held)->status, DNS_FOUND);
	dns_release(held);
	ck_assert_int_eq(name_server_questions(server), 1);
	teardown();
}
END_TEST

/* A server that is silent is given up when one question may take no longer. */
START_TEST(silence_ends)
{
	int64_t began_ms;
	struct dns_held *held;

	start(0, 300, 10000, TIMEOUT_MS);
	began_ms = clock_steady_ms();
	held = fetch(DNS_A, "timeout.example", LONG_MS);
	ck_assert_int_eq(dns_answer_of(held)->status, DNS_FAILED);
	dns_release(held);
	ck_assert_int_lt(clock_steady_ms() - began_ms, 3 * TIMEOUT_MS);
	teardown();
}
END_TEST

/* Nor does it take longer because the server has been slow before. */
START_TEST(silence_of_a_slow_server_ends)
{
	int64_t began_ms;

	start(150, 300, 10000, 2 * TIMEOUT_MS);
	for (int i = 0; i < 5; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%d.example", i);
		dns_release(fetch(DNS_A, name, LONG_MS));
	}
	began_ms = clock_steady_ms();
	dns_release(fetch(DNS_A, "timeout.example", LONG_MS));
	ck_assert_int_lt(clock_steady_ms() - began_ms, 4 * TIMEOUT_MS);
	teardown();
}
END_TEST

START_TEST(ttl_is_kept_within_bounds)
{
	static const struct timespec rest = { .tv_nsec = 100000000 };
	int before;

	start(0, 0, 50, TIMEOUT_MS);	/* TTL 0, kept 50 ms */
	dns_release(fetch(DNS_A, "brief.example", LONG_MS));
	before = name_server_questions(server);
	(void)nanosleep(&rest, NULL);
	dns_release(fetch(DNS_A, "brief.example", LONG_MS));
	ck_assert_int_eq(name_server_questions(server), before + 1);
	teardown();
}
END_TEST

START_TEST(closing_ends_flights)
{
	const struct dns_question question = { DNS_A, "timeout.example" };
	struct dns_held *held;

	start(0, 300, 10000, LONG_MS);
	ck_assert_uint_eq(dns_prefetch(dns, &question, 1, &held), 0);
	teardown();
}
END_TEST

#define CROWD 16

static void *
ask_a_lot(void *argument)
{
	const int *number = argument;
	char name[40];

	for (int i = 0; i < 60; i++) {
		static const char *const first[] = {
			"a", "nxdomain", "many", "servfail", "listed"
		};
		struct dns_held *held;

		(void)snprintf(name, sizeof(name), "%s.n%d.example",
		    first[i % 5], (i + *number) % 40);
		held = fetch(i % 2 == 0 ? DNS_A : DNS_MX, name,
		    i % 7 == 0 ? 1 : LONG_MS);
		ck_assert_int_ge(dns_answer_of(held)->status, DNS_FOUND);
		dns_release(held);
	}
	return NULL;
}

START_TEST(a_crowd_asks)
{
	pthread_t threads[CROWD];
	int numbers[CROWD];

	start(2, 300, 10000, LONG_MS);
	for (int i = 0; i < CROWD; i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_a_lot,
		    &numbers[i]), 0);
	}
	for (int i = 0; i < CROWD; i++)
		(void)pthread_join(threads[i], NULL);
	teardown();
}
END_TEST

START_TEST(given_answers_only)
{
	struct dns_record record = { .text = "mx.example", .preference = 5 };
	struct dns_answer answer = { DNS_FOUND, 1, &record };
	const struct dns_question question = { DNS_MX, "a.example" };
	struct dns_held *held;

	dns = dns_open_given();
	held = fetch(DNS_MX, "a.example", LONG_MS);
	ck_assert_int_eq(dns_answer_of(held)->status, DNS_FAILED);
	dns_release(held);
	dns_give(dns, &question, &answer);
	record.text = "changed";	/* it was copied */
	held = fetch(DNS_MX, "a.example", LONG_MS);
	ck_assert_str_eq(say(dns_answer_of(held), DNS_MX),
	    "found: 5 mx.example");
	dns_release(held);
	answer = (struct dns_answer){ .status = DNS_NONE };
	dns_give(dns, &question, &answer);
	held = fetch(DNS_MX, "a.example", LONG_MS);
	ck_assert_int_eq(dns_answer_of(held)->status, DNS_NONE);
	dns_release(held);
	dns_close(&dns);
}
END_TEST

/* c-ares 1.34 would cut the longer ones, so these do not pass through it. */
static const struct {
	const char *name;
	enum dns_type type;
	uint8_t wire_type, octets;
	const char *want;
} sizes[] = {
	{ "A", DNS_A, 1, 4, "found: 46.46.46.46" },
	{ "A, cut", DNS_A, 1, 3, "failed" },
	{ "A, too long", DNS_A, 1, 5, "failed" },
	{ "A without any", DNS_A, 1, 0, "failed" },
	{ "AAAA", DNS_AAAA, 28, 16,
	    "found: 2e2e:2e2e:2e2e:2e2e:2e2e:2e2e:2e2e:2e2e" },
	{ "AAAA with four octets", DNS_AAAA, 28, 4, "failed" },
	{ "AAAA, too long", DNS_AAAA, 28, 17, "failed" },
};

START_TEST(address_has_its_size)
{
	uint8_t message[64] =
	    "\x12\x34\x81\x80\0\1\0\1\0\0\0\0" "\1a\7example\0\0?\0\1"
	    "\xc0\x0c\0?\0\1\0\0\1\0\0?.................";
	const struct dns_question question = { sizes[_i].type, "a.example" };
	struct dns_held *held;
	const char *got;

	message[24] = message[30] = sizes[_i].wire_type;
	message[38] = sizes[_i].octets;
	held = dns_message_read(message, 39U + sizes[_i].octets, &question);
	ck_assert_ptr_nonnull(held);
	got = say(dns_answer_of(held), sizes[_i].type);
	ck_assert_msg(strcmp(got, sizes[_i].want) == 0,
	    "%s: got \"%s\", want \"%s\"", sizes[_i].name, got,
	    sizes[_i].want);
	dns_release(held);
}
END_TEST

/* Every message, cut or changed at any place, gives some answer. */
START_TEST(any_octets_are_read_safely)
{
	static const uint8_t good[] =
	    "\x12\x34\x81\x80\0\1\0\3\0\1\0\0" "\1a\7example\0\0\x0f\0\1"
	    "\xc0\x0c\0\5\0\1\0\0\1\0\0\4\1b\xc0\x0e"
	    "\1b\xc0\x0e\0\x0f\0\1\0\0\1\0\0\7\0\x0a\2mx\xc0\x0e"
	    "\1b\xc0\x0e\0\x0f\0\1\0\0\1\0\0\3\0\x14\0"
	    "\xc0\x0e\0\2\0\1\0\0\1\0\0\2\xc0\x0e";
	const struct dns_question question = { DNS_MX, "a.example" };
	uint8_t changed[sizeof(good)];
	struct dns_held *held;

	held = dns_message_read(good, sizeof(good) - 1, &question);
	ck_assert_str_eq(say(dns_answer_of(held), DNS_MX),
	    "found: 10 mx.example 20 .");
	dns_release(held);
	for (size_t size = 0; size < sizeof(good); size++) {
		uint8_t *exact = malloc(size + 1);	/* for sanitizers */

		memcpy(exact, good, size);
		dns_release(dns_message_read(exact, size, &question));
		free(exact);
	}
	for (size_t at = 0; at < sizeof(good); at++)
		for (int value = 0; value < 256; value += 3) {
			memcpy(changed, good, sizeof(good));
			changed[at] = (uint8_t)value;
			held = dns_message_read(changed, sizeof(good) - 1,
			    &question);
			ck_assert_ptr_nonnull(held);
			dns_release(held);
		}
}
END_TEST

static const struct {
	const char *text;
	bool good;
	int port;
} servers[] = {
	{ "192.0.2.1", true, 53 }, { "192.0.2.1:5353", true, 5353 },
	{ "2001:db8::1", true, 53 }, { "[2001:db8::1]:5353", true, 5353 },
	{ "[::1]", true, 53 }, { "localhost", false, 0 }, { "", false, 0 },
	{ "192.0.2.1:0", false, 0 }, { "192.0.2.1:65536", false, 0 },
	{ "192.0.2.1:", false, 0 }, { "[::1", false, 0 },
	{ "[::1]5", false, 0 },
};

START_TEST(server_addresses)
{
	struct dns_server parsed = { .port = 0 };

	ck_assert_msg(dns_server_parse(servers[_i].text, &parsed) ==
	    servers[_i].good, "%s", servers[_i].text);
	if (servers[_i].good)
		ck_assert_int_eq(parsed.port, servers[_i].port);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dns");
	TCase *asking = tcase_create("asking");
	TCase *alone = tcase_create("alone");

	tcase_add_checked_fixture(asking, setup, teardown);
	tcase_set_timeout(asking, 20);
	tcase_add_loop_test(asking, answer_is_as_the_server_says, 0,
	    ROWS(answers));
	tcase_add_loop_test(asking, answer_is_bounded, 0, ROWS(bounded));
	tcase_add_test(asking, answers_are_kept);
	tcase_add_test(asking, kept_answers_are_bounded);
	tcase_add_test(asking, prefetch_never_waits);
	suite_add_tcase(suite, asking);
	tcase_set_timeout(alone, 60);
	tcase_add_test(alone, all_are_asked_at_once);
	tcase_add_test(alone, deadline_holds_and_late_answers_are_kept);
	tcase_add_test(alone, silence_ends);
	tcase_add_test(alone, silence_of_a_slow_server_ends);
	tcase_add_test(alone, ttl_is_kept_within_bounds);
	tcase_add_test(alone, closing_ends_flights);
	tcase_add_test(alone, a_crowd_asks);
	tcase_add_test(alone, given_answers_only);
	tcase_add_loop_test(alone, address_has_its_size, 0, ROWS(sizes));
	tcase_add_test(alone, any_octets_are_read_safely);
	tcase_add_loop_test(alone, server_addresses, 0, ROWS(servers));
	suite_add_tcase(suite, alone);
	return run_suite(suite);
}
