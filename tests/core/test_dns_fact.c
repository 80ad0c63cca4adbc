/*
 * test_dns_fact.c - questions of checks, zones, and what begins early
 */
#include "core/policy.h"

#include "base/text.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

static struct dns_facts dns;

static void
setup(void)
{
	dns_facts_init(&dns);
}

static const struct {
	const char *name, *asked;
	bool is_wanted, has_failed;
} names[] = {
	{ "a name", "a.example", true, false },
	{ "a dot at its end", "a.example.", true, false },
	{ "one label", "localhost", true, false },
	{ "underscores", "_dmarc.a.example", true, false },
	{ "empty", "", false, false },
	{ "the root", ".", false, false },
	{ "an empty label", "a..example", false, false },
	{ "a dot in front", ".example", false, false },
	{ "a blank", "a b.example", false, false },
	{ "a backslash", "a\\.example", false, false },
	{ "an at sign", "a@b.example", false, false },
	{ "a control", "a\n.example", false, false },
	{ "a label of 64", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaa.example", false, false },
	{ "a U-label, which is not for us to ask", "\xc3\xbc.example", false,
	    true },
};

START_TEST(only_names_are_asked_for)
{
	const struct dns_answer *answer = dns_ask(&dns, DNS_A,
	    names[_i].asked);

	ck_assert_msg((dns.count == 1) == names[_i].is_wanted, "%s",
	    names[_i].name);
	ck_assert_msg(dns.has_failed == names[_i].has_failed, "%s",
	    names[_i].name);
	ck_assert_msg((answer != NULL) == (!names[_i].is_wanted &&
	    !names[_i].has_failed), "%s", names[_i].name);
	if (answer != NULL)
		ck_assert_int_eq(answer->status, DNS_NONE);
}
END_TEST

START_TEST(each_question_stands_once)
{
	static const struct dns_answer none = { .status = DNS_NONE };
	static const struct dns_answer failed = { .status = DNS_FAILED };

	(void)dns_ask(&dns, DNS_A, "a.example");
	(void)dns_ask(&dns, DNS_A, "A.Example.");
	(void)dns_ask(&dns, DNS_MX, "a.example");
	ck_assert_uint_eq(dns.count, 2);
	ck_assert_str_eq(dns.questions[0].name, "a.example");
	ck_assert(!dns_is_certain(&dns));
	dns.answers[0] = &none;
	dns.answers[1] = &failed;
	dns_facts_begin(&dns);
	ck_assert_ptr_eq(dns_ask(&dns, DNS_A, "a.example"), &none);
	ck_assert(dns_is_certain(&dns));
	ck_assert_ptr_null(dns_ask(&dns, DNS_MX, "a.example"));
	ck_assert(dns.has_failed && !dns.is_missing);
	ck_assert_str_eq(dns.subject, "a.example");
}
END_TEST

START_TEST(what_is_decided_wants_nothing)
{
	dns_facts_begin(&dns);
	(void)dns_ask(&dns, DNS_A, "kept.example");
	dns_facts_end(&dns, false);
	dns_facts_begin(&dns);
	(void)dns_ask(&dns, DNS_A, "one.example");
	(void)dns_ask(&dns, DNS_A, "two.example");
	dns_facts_end(&dns, true);
	ck_assert_uint_eq(dns.count, 1);
	(void)dns_ask(&dns, DNS_A, "three.example");
	ck_assert_str_eq(dns.questions[0].name, "kept.example");
	ck_assert_str_eq(dns.questions[1].name, "three.example");
}
END_TEST

START_TEST(questions_are_bounded)
{
	char name[] = "aaaa.example";

	for (int i = 0; i < 26 * 26; i++) {
		name[0] = (char)('a' + i / 26);
		name[1] = (char)('a' + i % 26);
		(void)dns_ask(&dns, DNS_A, name);
	}
	ck_assert_uint_eq(dns.count, DNS_FACTS_MAX);
	ck_assert(dns.has_failed);
}
END_TEST

static const struct {
	const char *address, *want;
} reversed[] = {
	{ "192.0.2.1", "1.2.0.192.zen.example" },
	{ "2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "8.b.d.0.1.0.0.2.zen.example" },
};

START_TEST(addresses_are_reversed)
{
	char name[DNS_NAME_SIZE];
	struct ip ip;

	ck_assert(ip_parse(reversed[_i].address, &ip));
	ck_assert(dns_reverse_name(&ip, "zen.example", name));
	ck_assert_str_eq(name, reversed[_i].want);
	ip.family = IP_NONE;
	ck_assert(!dns_reverse_name(&ip, "zen.example", name));
}
END_TEST

static const struct {
	const char *zone, *address;
	int want;		/* enum zone_says; -1: no zone */
} zones[] = {
	{ "zen.example", "127.0.0.2", ZONE_LISTS },
	{ "zen.example", "127.9.9.9", ZONE_LISTS },
	{ "zen.example", "127.255.255.254", ZONE_REFUSES_TO_SAY },
	{ "zen.example", "198.51.100.1", ZONE_DOES_NOT_LIST },
	{ "zen.example", "::1", ZONE_DOES_NOT_LIST },
	{ "a.example=127.0.0.2", "127.0.0.2", ZONE_LISTS },
	{ "a.example=127.0.0.2", "127.0.0.3", ZONE_DOES_NOT_LIST },
	{ "a.example=127.0.0.[2..11]", "127.0.0.1", ZONE_DOES_NOT_LIST },
	{ "a.example=127.0.0.[2..11]", "127.0.0.2", ZONE_LISTS },
	{ "a.example=127.0.0.[2..11]", "127.0.0.11", ZONE_LISTS },
	{ "a.example=127.0.0.[2..11]", "127.0.0.12", ZONE_DOES_NOT_LIST },
	{ "a.example=127.[0;2].0.[2;4..6]", "127.2.0.5", ZONE_LISTS },
	{ "a.example=127.[0;2].0.[2;4..6]", "127.1.0.5", ZONE_DOES_NOT_LIST },
	{ "a.example=127.[0;2].0.[2;4..6]", "127.0.0.3", ZONE_DOES_NOT_LIST },
	{ "a.example=127.0.0.[0..255]", "127.0.0.255", ZONE_LISTS },
	{ "example", "127.0.0.1", -1 },
	{ "", "127.0.0.1", -1 },
	{ "=127.0.0.2", "127.0.0.1", -1 },
	{ "a.example=", "127.0.0.1", -1 },
	{ "a.example=127.0.0", "127.0.0.1", -1 },
	{ "a.example=127.0.0.2.3", "127.0.0.1", -1 },
	{ "a.example=127.0.0.256", "127.0.0.1", -1 },
	{ "a.example=127.0.0.[2..", "127.0.0.1", -1 },
	{ "a.example=127.0.0.[]", "127.0.0.1", -1 },
	{ "a.example=127.0.0.[5..2]", "127.0.0.1", -1 },
	{ "a.example=127.0.0.2 ", "127.0.0.1", -1 },
};

START_TEST(zones_and_filters)
{
	const char *why = "";
	struct zone zone;
	struct ip ip;

	ck_assert(ip_parse(zones[_i].address, &ip));
	if (zones[_i].want < 0) {
		ck_assert_msg(!zone_parse(zones[_i].zone, &zone, &why), "%s",
		    zones[_i].zone);
		ck_assert_str_ne(why, "");
		return;
	}
	ck_assert_msg(zone_parse(zones[_i].zone, &zone, &why), "%s: %s",
	    zones[_i].zone, why);
	ck_assert_msg((int)zone_says(&zone, &ip) == zones[_i].want,
	    "%s, %s: got %d", zones[_i].zone, zones[_i].address,
	    (int)zone_says(&zone, &ip));
}
END_TEST

/* --- what begins early ------------------------------------------------- */

static const struct {
	const char *name;
	enum stage stage;
	enum tristate match;	/* of the first policy */
	const char *user;
	const char *want;	/* names that are asked for, each once */
} early[] = {
	{ "the client, at CONNECT", STAGE_CONNECT, TRISTATE_ANY, "",
	    "1.2.0.192.in-addr.arpa " },
	{ "and the HELO name", STAGE_HELO, TRISTATE_ANY, "",
	    "1.2.0.192.in-addr.arpa h.example " },
	{ "and the sender's domain", STAGE_MAIL, TRISTATE_ANY, "",
	    "1.2.0.192.in-addr.arpa h.example s.example " },
	{ "nothing for users who may not come", STAGE_HELO, TRISTATE_TRUE,
	    "", "" },
	{ "all when one has come", STAGE_MAIL, TRISTATE_TRUE, "u",
	    "1.2.0.192.in-addr.arpa h.example s.example " },
	{ "nothing for a user where none is meant", STAGE_MAIL,
	    TRISTATE_FALSE, "u", "" },
};

START_TEST(questions_begin_early)
{
	const struct rule rules[] = {
		{ .check = check_of(CHECK_client_no_ptr) },
		{ .check = check_of(CHECK_helo_unresolvable) },
		{ .check = check_of(CHECK_sender_null_mx) },
		{ .check = check_of(CHECK_sender_domain_not_found),
		    .with = { .mode = MODE_OFF } },
		{ .check = check_of(CHECK_recipient_null_mx) },
	};
	const struct policy policy = { .rules = rules,
	    .rule_count = ROWS(rules), .has_match = true,
	    .match = { .authenticated = early[_i].match } };
	const struct config config = { .policies = &policy,
	    .policy_count = 1 };
	struct event connect = { .stage = STAGE_CONNECT };
	const struct event helo = { .stage = STAGE_HELO,
	    .helo = "h.example" };
	const struct event mail = { .stage = STAGE_MAIL,
	    .path = "<a@s.example>", .user = early[_i].user };
	struct session session;
	char got[400];
	struct text text;

	TEXT_INIT(&text, got);
	ck_assert(ip_parse("192.0.2.1", &connect.client));
	session_apply(&session, &connect);
	if (early[_i].stage >= STAGE_HELO)
		session_apply(&session, &helo);
	if (early[_i].stage >= STAGE_MAIL)
		session_apply(&session, &mail);
	policy_prefetch(&config, &session, early[_i].stage, &dns);
	for (size_t i = 0; i < dns.count; i++) {
		if (strstr(got, dns.questions[i].name) != NULL)
			continue;
		text_put(&text, dns.questions[i].name);
		text_put_char(&text, ' ');
	}
	ck_assert_msg(strcmp(got, early[_i].want) == 0,
	    "%s: got \"%s\", want \"%s\"", early[_i].name, got,
	    early[_i].want);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dns_fact");
	TCase *tcase = tcase_create("dns_fact");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, only_names_are_asked_for, 0, ROWS(names));
	tcase_add_test(tcase, each_question_stands_once);
	tcase_add_test(tcase, what_is_decided_wants_nothing);
	tcase_add_test(tcase, questions_are_bounded);
	tcase_add_loop_test(tcase, addresses_are_reversed, 0,
	    ROWS(reversed));
	tcase_add_loop_test(tcase, zones_and_filters, 0, ROWS(zones));
	tcase_add_loop_test(tcase, questions_begin_early, 0, ROWS(early));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
