/*
 * test_charge.c - subjects: readable, injective, of one spelling
 */
#include "core/charge.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

static const struct {
	const char *name, *value, *want;
} subjects[] = {
	{ "a mailbox", "alice@example.org", "user:alice@example.org" },
	{ "an IPv6 network", "2001:db8::/64", "user:2001:db8::/64" },
	{ "a blank", "a b", "user:a%20b" },
	{ "a comma", "a,b", "user:a%2Cb" },
	{ "braces", "{x}", "user:%7Bx%7D" },
	{ "a per cent sign", "100%", "user:100%25" },
	{ "a tilde", "a~b", "user:a%7Eb" },
	{ "CR LF", "a\r\nb", "user:a%0D%0Ab" },
	{ "8-bit", "\xc3\xa9", "user:%C3%A9" },
	{ "empty", "", "user:" },
};

START_TEST(subject_text)
{
	const struct subject_part part = { "user", subjects[_i].value,
	    strlen(subjects[_i].value) };
	char got[SUBJECT_OCTETS_MAX + 1];

	subject_build(&part, 1, got);
	ck_assert_msg(strcmp(got, subjects[_i].want) == 0,
	    "%s: got %s, want %s", subjects[_i].name, got,
	    subjects[_i].want);
}
END_TEST

START_TEST(parts_do_not_run_together)
{
	const struct subject_part one[] = { { "user", "a,sender:b", 10 },
	    { "sender", "c", 1 } };
	const struct subject_part two[] = { { "user", "a", 1 },
	    { "sender", "b,sender:c", 10 } };
	char a[SUBJECT_OCTETS_MAX + 1], b[SUBJECT_OCTETS_MAX + 1];

	subject_build(one, 2, a);
	subject_build(two, 2, b);
	ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(nul_and_long_values)
{
	char long_a[10240], long_b[10240];
	const struct subject_part parts[] = {
		{ "user", "a\0b", 3 }, { "user", "a", 1 },
		{ "user", long_a, sizeof(long_a) },
		{ "user", long_b, sizeof(long_b) },
		{ "user", long_a, sizeof(long_a) - 1 },
		{ "sender", long_a, sizeof(long_a) },
	};
	char got[6][SUBJECT_OCTETS_MAX + 1];

	memset(long_a, 'x', sizeof(long_a));
	memcpy(long_b, long_a, sizeof(long_b));
	long_b[sizeof(long_b) - 1] = 'y';
	for (size_t i = 0; i < 6; i++) {
		subject_build(&parts[i], 1, got[i]);
		ck_assert_uint_le(strlen(got[i]), SUBJECT_OCTETS_MAX);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(got[i], got[k]);
	}
	ck_assert_str_eq(got[0], "user:a%00b");
	ck_assert_ptr_nonnull(strchr(got[2], '~'));
}
END_TEST

/* Neighbours of one length around the point where hashing begins. */
START_TEST(injective_around_the_limit)
{
	char value[2 * SUBJECT_OCTETS_MAX], before[SUBJECT_OCTETS_MAX + 1] = "";

	memset(value, 'a', sizeof(value));
	for (size_t n = SUBJECT_OCTETS_MAX - 20; n < sizeof(value); n++) {
		const struct subject_part part = { "user", value, n };
		char got[SUBJECT_OCTETS_MAX + 1];

		subject_build(&part, 1, got);
		ck_assert_str_ne(got, before);
		memcpy(before, got, sizeof(before));
	}
}
END_TEST

/*
 * Hostile subjects at random, all against all: 1e9 pairs, many of the same
 * few octets, so that near misses are likely. (check's assertions cost too
 * much for each of them.)
 */
#define DRAWN 50000

struct drawn {
	char subject[SUBJECT_OCTETS_MAX + 1];
	unsigned char input[400];	/* the parts, each with its length */
	size_t input_length;
};

static uint64_t
draw(uint64_t *random, uint64_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random % below;
}

static void
draw_subject(uint64_t *random, struct drawn *drawn)
{
	static const char *const kinds[] = { "user", "sender", "user_domain" };
	static const char octets[] = " \r\n:{}*,%~\0a2C\\\"\xc3\xa9\xff";
	struct subject_part parts[3];
	char values[3][120];
	size_t count = 1 + draw(random, 3), used = 0;

	for (size_t i = 0; i < count; i++) {
		size_t kind = draw(random, 3);
		size_t length = draw(random, draw(random, 16) == 0 ?
		    sizeof(values[i]) : 5);

		for (size_t k = 0; k < length; k++)
			values[i][k] = octets[draw(random,
			    sizeof(octets) - 1)];
		parts[i] = (struct subject_part){ kinds[kind], values[i],
		    length };
		drawn->input[used++] = (unsigned char)kind;
		drawn->input[used++] = (unsigned char)length;
		memcpy(drawn->input + used, values[i], length);
		used += length;
	}
	drawn->input_length = used;
	subject_build(parts, count, drawn->subject);
}

static int
compare_drawn(const void *a, const void *b)
{
	const struct drawn *left = a, *right = b;

	return strcmp(left->subject, right->subject);
}

/* Printable, no brace, and not too long. */
static bool
is_key(const char *subject)
{
	const char *at = subject;

	while (*at > ' ' && *at < 127 && *at != '{' && *at != '}')
		at++;
	return *at == '\0' && at - subject <= SUBJECT_OCTETS_MAX;
}

static bool
is_same_input(const struct drawn *a, const struct drawn *b)
{
	return a->input_length == b->input_length &&
	    memcmp(a->input, b->input, a->input_length) == 0;
}

START_TEST(no_two_hostile_subjects_have_one_text)
{
	struct drawn *drawn = calloc(DRAWN, sizeof(*drawn));
	uint64_t random = 88172645463325252u;

	ck_assert_ptr_nonnull(drawn);
	for (size_t i = 0; i < DRAWN; i++) {
		draw_subject(&random, &drawn[i]);
		if (!is_key(drawn[i].subject))
			ck_abort_msg("no key: %s", drawn[i].subject);
	}
	qsort(drawn, DRAWN, sizeof(*drawn), compare_drawn);
	for (size_t i = 1; i < DRAWN; i++)
		if (compare_drawn(&drawn[i - 1], &drawn[i]) == 0 &&
		    !is_same_input(&drawn[i - 1], &drawn[i]))
			ck_abort_msg("two of one text: %s", drawn[i].subject);
	free(drawn);
}
END_TEST

/* --- charges_add ------------------------------------------------------- */

static struct config config;
static struct session session;
static struct path recipient;
static const struct window_rule windows[] = {
	{ { 100, 3600000 }, "1h", "l/1h" }, { { 500, 86400000 }, "1d", "l/1d" },
};

static void
setup(void)
{
	struct event connect = { .stage = STAGE_CONNECT, .listener = "MTA",
	    .port = "25" };
	const struct event helo = { .stage = STAGE_HELO, .helo = "Mail.Example" };
	const struct event mail = { .stage = STAGE_MAIL,
	    .path = "<\"Bob\"+x@Example.ORG>", .user = "Alice@Example.org" };

	config.folding = (struct folding){ true, "+" };
	config.global.ipv4_prefix = 32;
	config.global.ipv6_prefix = 64;
	ck_assert(ip_parse("2001:db8:1:2:3::4", &connect.client));
	session_init(&session);
	session_apply(&session, &connect);
	session_apply(&session, &helo);
	session_apply(&session, &mail);
	path_parse("<Carol+list@Sub.Example.net>", &recipient);
}

static const struct {
	enum key key;
	const char *want;
} keys[] = {
	{ KEY_client, "client:2001:db8:1:2::/64" },
	{ KEY_client_net, "client_net:2001:db8:1:2::/64" },
	{ KEY_listener, "listener:MTA/25" },
	{ KEY_everyone, "everyone:all" },
	{ KEY_helo, "helo:mail.example" },
	{ KEY_user, "user:alice@example.org" },
	{ KEY_user_domain, "user_domain:example.org" },
	{ KEY_sender_domain, "sender_domain:example.org" },
	{ KEY_recipient, "recipient:carol@sub.example.net" },
	{ KEY_recipient_domain, "recipient_domain:sub.example.net" },
};

static struct rule
rule_by(enum key key)
{
	struct rule rule = { .name = "l", .limits = { .ipv4_prefix = 32,
	    .ipv6_prefix = 64, .allow = { windows, 2 } } };

	rule.limits.per.at[0] = key;
	rule.limits.per.count = 1;
	return rule;
}

START_TEST(subject_of_each_key)
{
	const struct rule rule = rule_by(keys[_i].key);
	struct charges charges = { .count = 0 };

	charges_add(&charges, &rule, &config, &session, &recipient, 1,
	    WHEN_ALLOWED);
	ck_assert_uint_eq(charges.count, 2);
	ck_assert_str_eq(charges.at[0].subject, keys[_i].want);
	ck_assert_str_eq(charges.at[1].subject, keys[_i].want);
	ck_assert_str_eq(charges.at[1].field, "l/1d");
	ck_assert_int_eq(charges.at[1].max, 500);
}
END_TEST

START_TEST(combined_keys)
{
	struct rule rule = rule_by(KEY_user);
	struct charges charges = { .count = 0 };

	rule.limits.per.at[1] = KEY_recipient_domain;
	rule.limits.per.count = 2;
	charges_add(&charges, &rule, &config, &session, &recipient, 1,
	    WHEN_ALLOWED);
	ck_assert_str_eq(charges.at[0].subject,
	    "user:alice@example.org,recipient_domain:sub.example.net");
}
END_TEST

/* What each check asks about, of whatever width its limits are. */
static const struct {
	const char *check, *wants[2];
} marked[] = {
	{ "client_blocked", { "client:2001:db8:1:2::/64",
	    "client_net:2001:db8:1::/48" } },
	{ "user_suspended", { "user:alice@example.org",
	    "user_domain:example.org" } },
	{ "sender_denied", { NULL, "sender_domain:example.org" } },
	{ "recipient_denied", { "recipient:carol@sub.example.net",
	    "recipient_domain:sub.example.net" } },
};

START_TEST(subjects_of_marks)
{
	const struct rule rule = {
		.name = marked[_i].check, .with = { .mode = MODE_OBSERVE }
	};
	struct charges charges = { .count = 0 };

	marks_add(&charges, &rule, &config, &session, &recipient);
	ck_assert_uint_eq(charges.count, 0);
	ck_assert_uint_eq(charges.mark_count, 2);
	for (size_t i = 0; i < 2; i++) {
		if (marked[_i].wants[i] != NULL)
			ck_assert_str_eq(charges.marks[i].subject,
			    marked[_i].wants[i]);
		ck_assert(charges.marks[i].observe);
		ck_assert_ptr_eq(charges.marks[i].rule, &rule);
		ck_assert_ptr_eq(marked_by(charges.marks[i].key),
		    marked_find(marked[_i].check));
	}
}
END_TEST

START_TEST(subject_without_value_is_not_asked_about)
{
	const struct rule rule = { .name = marked[_i].check };
	const struct event mail = { .stage = STAGE_MAIL, .path = "<>" };
	struct charges charges = { .count = 0 };

	session_init(&session);
	session_apply(&session, &mail);
	marks_add(&charges, &rule, &config, &session, NULL);
	ck_assert_uint_eq(charges.mark_count, 0);
}
END_TEST

/* With two windows: what a charge may take along, and how it is held. */
static const struct {
	const char *name;
	enum store_kind store;
	int64_t units, shortest_ms;
	enum mode mode;
	enum charge_when when;
	int64_t want_units, want_ms;
} leases[] = {
	{ "none", STORE_KIND_REDIS, -1, 3600000, MODE_ENFORCE, WHEN_ALLOWED,
	    0, 0 },
	{ "an hour", STORE_KIND_REDIS, 50, 3600000, MODE_ENFORCE,
	    WHEN_ALLOWED, 50, 10000 },
	{ "five minutes", STORE_KIND_REDIS, 50, 300000, MODE_ENFORCE,
	    WHEN_ALLOWED, 50, 5000 },
	{ "no trip to spare", STORE_KIND_MEMORY, 50, 3600000, MODE_ENFORCE,
	    WHEN_ALLOWED, 0, 0 },
	{ "only observed", STORE_KIND_REDIS, 50, 3600000, MODE_OBSERVE,
	    WHEN_ALLOWED, 0, 10000 },
	{ "only asked for room", STORE_KIND_REDIS, 50, 3600000, MODE_ENFORCE,
	    WHEN_NEVER, 0, 10000 },
};

START_TEST(lease_is_held_for_as_long_as_it_is_spent)
{
	const struct window_rule allow[] = {
		{ { 5000, 86400000 }, "1d", "l/1d" },
		{ { 100, leases[_i].shortest_ms }, "", "l/short" },
	};
	struct rule rule = rule_by(KEY_everyone);
	struct config its = config;
	struct charges charges = { .count = 0 };

	rule.limits.allow.at = allow;
	rule.limits.lease_units = leases[_i].units;
	rule.with.mode = leases[_i].mode;
	its.store = leases[_i].store;
	charges_add(&charges, &rule, &its, &session, &recipient, 1,
	    leases[_i].when);
	ck_assert_uint_eq(charges.count, 2);
	for (size_t i = 0; i < charges.count; i++) {
		const struct charge *charge = &charges.at[i];

		ck_assert_int_eq(charge->lease_units, leases[_i].want_units);
		ck_assert_int_eq(charge->lease_ms, leases[_i].want_ms);
		ck_assert_int_eq(charge->window_ms,
		    allow[i].rate.window_ms + leases[_i].want_ms);
		ck_assert_int_eq(charge_span_ms(charge),
		    allow[i].rate.window_ms);
	}
}
END_TEST

/* Nobody logged in, <>, no recipient yet, local submission. */
START_TEST(a_key_without_value_asks_nothing)
{
	static const enum key without[] = { KEY_user, KEY_user_domain,
	    KEY_sender, KEY_sender_domain, KEY_recipient,
	    KEY_recipient_domain, KEY_client, KEY_client_net, KEY_helo };
	const struct rule rule = rule_by(without[_i]);
	const struct event mail = { .stage = STAGE_MAIL, .path = "<>" };
	struct charges charges = { .count = 0 };

	session_init(&session);
	session_apply(&session, &mail);
	charges_add(&charges, &rule, &config, &session, NULL, 1,
	    WHEN_ALLOWED);
	ck_assert_uint_eq(charges.count, 0);
}
END_TEST

START_TEST(one_mailbox_has_one_counter)
{
	static const char *const spellings[] = { "<bob@example.org>",
	    "bob@example.org", "<BOB@Example.Org>", "<\"bob\"@example.org>",
	    "<@relay.example:bob@example.org>", "<bob+tag@example.org>",
	    "<bob@example.org.>" };
	const struct rule rule = rule_by(KEY_recipient);

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct charges charges = { .count = 0 };

		path_parse(spellings[i], &recipient);
		charges_add(&charges, &rule, &config, &session, &recipient, 1,
		    WHEN_ALLOWED);
		ck_assert_str_eq(charges.at[0].subject,
		    "recipient:bob@example.org");
	}
}
END_TEST

/* The same for two spellings of one, other for another, other elsewhere. */
START_TEST(elements_tell_apart_what_differs)
{
	struct rule rule = rule_by(KEY_user);
	struct config other = config;
	uint64_t one, same, another, elsewhere;

	rule.limits.count = COUNT_distinct_recipients;
	path_parse("<bob@example.org>", &recipient);
	ck_assert(charge_element(&rule, &config, &session, &recipient, &one));
	path_parse("<BOB+tag@Example.Org>", &recipient);
	ck_assert(charge_element(&rule, &config, &session, &recipient,
	    &same));
	ck_assert_uint_eq(one, same);
	other.redis.prefix = "other:";
	ck_assert(charge_element(&rule, &other, &session, &recipient,
	    &elsewhere));
	ck_assert_uint_ne(one, elsewhere);
	path_parse("<bobby@example.org>", &recipient);
	ck_assert(charge_element(&rule, &config, &session, &recipient,
	    &another));
	ck_assert_uint_ne(one, another);
}
END_TEST

START_TEST(without_an_element_a_distinct_limit_is_not_asked)
{
	const struct event mail = { .stage = STAGE_MAIL, .path = "<>",
	    .user = "alice" };
	struct rule rule = rule_by(KEY_user);
	struct charges charges = { .count = 0 };

	session_apply(&session, &mail);
	rule.limits.count = COUNT_distinct_senders;
	charges_add(&charges, &rule, &config, &session, &recipient, 1,
	    WHEN_ALLOWED);
	ck_assert_uint_eq(charges.count, 0);
	/* But its subject has a name. */
	charges_add(&charges, &rule, &config, &session, &recipient, 0,
	    WHEN_ALLOWED);
	ck_assert_uint_eq(charges.count, 2);
	ck_assert(charges.at[0].distinct);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("charge");
	TCase *subject = tcase_create("subject"), *add = tcase_create("add");

	suite_add_tcase(suite, subject);
	tcase_add_loop_test(subject, subject_text, 0, ROWS(subjects));
	tcase_add_test(subject, parts_do_not_run_together);
	tcase_add_test(subject, nul_and_long_values);
	tcase_add_test(subject, injective_around_the_limit);
	tcase_add_test(subject, no_two_hostile_subjects_have_one_text);
	suite_add_tcase(suite, add);
	tcase_add_checked_fixture(add, setup, NULL);
	tcase_add_loop_test(add, subject_of_each_key, 0, ROWS(keys));
	tcase_add_loop_test(add, subjects_of_marks, 0, ROWS(marked));
	tcase_add_loop_test(add, subject_without_value_is_not_asked_about, 0,
	    ROWS(marked));
	tcase_add_test(add, combined_keys);
	tcase_add_loop_test(add, lease_is_held_for_as_long_as_it_is_spent, 0,
	    ROWS(leases));
	tcase_add_loop_test(add, a_key_without_value_asks_nothing, 0, 9);
	tcase_add_test(add, one_mailbox_has_one_counter);
	tcase_add_test(add, elements_tell_apart_what_differs);
	tcase_add_test(add, without_an_element_a_distinct_limit_is_not_asked);
	return run_suite(suite);
}
