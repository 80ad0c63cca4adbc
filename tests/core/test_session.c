/*
 * test_session.c - what a session keeps, and what it forgets when
 */
#include "core/session.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

static struct session session;

static void
connect_from(const char *address, const char *name)
{
	struct event event = { .stage = STAGE_CONNECT, .client_name = name,
	    .hostname = "mx.example.org", .listener = "smtpd",
	    .port = "587" };

	ck_assert(ip_parse(address, &event.client));
	session_apply(&session, &event);
}

static void
mail_from(const char *path, const char *user, const char *const parameters[])
{
	const struct event event = { .stage = STAGE_MAIL, .path = path,
	    .user = user, .parameters = parameters };

	session_apply(&session, &event);
}

START_TEST(verified_names_only)
{
	connect_from("192.0.2.1", "Mail.Example.ORG");
	ck_assert_str_eq(session.client_name, "mail.example.org");
	connect_from("192.0.2.1", "[192.0.2.1]");
	ck_assert_str_eq(session.client_name, "");
	connect_from("192.0.2.1", "unknown");
	ck_assert_str_eq(session.client_name, "");
}
END_TEST

START_TEST(mail_begins_anew)
{
	connect_from("192.0.2.1", NULL);
	mail_from("<a@example.org>", "alice", NULL);
	session_accept_recipient(&session, NULL);
	session.received_bytes = 10;
	mail_from("<b@example.org>", NULL, NULL);
	ck_assert(!session_is_authenticated(&session));
	ck_assert_int_eq(session.recipients, 0);
	ck_assert_int_eq(session.received_bytes, 0);
	ck_assert_int_eq(session.declared_bytes, -1);
	ck_assert_str_eq(session.sender.local, "b");
}
END_TEST

START_TEST(helo_ends_the_transaction)
{
	const struct event helo = { .stage = STAGE_HELO, .helo = "two" };

	connect_from("192.0.2.1", NULL);
	mail_from("<a@example.org>", "alice", NULL);
	session_apply(&session, &helo);
	ck_assert(!session.in_transaction);
	ck_assert_str_eq(session.user, "");
	ck_assert_str_eq(session.helo, "two");
	ck_assert_str_eq(session.port, "587");
}
END_TEST

START_TEST(each_policy_is_kept_once)
{
	static const struct policy one, two;

	session_init(&session);
	session_accept_recipient(&session, &one);
	session_accept_recipient(&session, &two);
	session_accept_recipient(&session, &one);
	session_accept_recipient(&session, NULL);
	ck_assert_uint_eq(session.policy_count, 2);
	ck_assert_int_eq(session.recipients, 4);
}
END_TEST

static const struct {
	const char *name, *parameter;
	int64_t want;
} sizes[] = {
	{ "upper case", "SIZE=100", 100 },
	{ "lower case", "size=99", 99 },
	{ "zero", "SIZE=0", 0 },
	{ "no number", "SIZE=", -1 },
	{ "a negative one", "SIZE=-5", -1 },
	{ "hexadecimal", "SIZE=0x10", -1 },
	{ "more than 64 bits", "SIZE=99999999999999999999999", -1 },
	{ "another parameter", "BODY=8BITMIME", -1 },
	{ "a longer name", "XSIZE=5", -1 },
};

START_TEST(declared_size)
{
	const char *const parameters[] = { "RET=HDRS", sizes[_i].parameter,
	    NULL };

	ck_assert_msg(session_declared_size(parameters) == sizes[_i].want,
	    "%s: got %lld", sizes[_i].name,
	    (long long)session_declared_size(parameters));
}
END_TEST

static const struct {
	const char *name, *parameter;
	bool want;
} utf8[] = {
	{ "as it stands", "SMTPUTF8", true },
	{ "lower case", "smtputf8", true },
	{ "longer", "SMTPUTF8X", false },
	{ "with a value, which it has none", "SMTPUTF8=1", false },
	{ "another", "BODY=8BITMIME", false },
};

START_TEST(declares_utf8)
{
	const char *const parameters[] = { "SIZE=1", utf8[_i].parameter,
	    NULL };

	ck_assert_msg(session_declares_utf8(parameters) == utf8[_i].want,
	    "%s", utf8[_i].name);
	mail_from("<a@example.org>", NULL, parameters);
	ck_assert(session.smtputf8 == utf8[_i].want);
	mail_from("<a@example.org>", NULL, NULL);
	ck_assert(!session.smtputf8);
}
END_TEST

START_TEST(headers_are_read_as_they_pass)
{
	static const struct pattern yes = { .text = "yes*",
	    .matches = pattern_matches_glob };
	static const struct header_rule rules[] = {
		{ "X-Spam", &yes }, { "X-Bulk", &yes },
	};
	static const struct config looks = { .header_rules = rules,
	    .header_rule_count = 2 };

	mail_from("<a@example.org>", NULL, NULL);
	session_apply_header(&session, &looks, "Received", "from a");
	session_apply_header(&session, &looks, "RECEIVED", "");
	session_apply_header(&session, &looks, "Received-SPF", "pass");
	session_apply_header(&session, &looks, "x-bulk", "YES, indeed");
	session_apply_header(&session, &looks, "X-Bulk", "no");
	session_apply_header(&session, &looks, "X-Spam", "no");
	ck_assert_int_eq(session.hops, 2);
	ck_assert_uint_eq(session.headers_matched, 2);
	session_end_transaction(&session);
	ck_assert_int_eq(session.hops, 0);
	ck_assert_uint_eq(session.headers_matched, 0);
}
END_TEST

static const struct {
	const char *user, *want;
} domains[] = {
	{ "alice@example.org", "example.org" },
	{ "alice", "" },
	{ "a@b@example.org", "example.org" },
	{ "", "" },
};

START_TEST(user_domain)
{
	connect_from("192.0.2.1", NULL);
	mail_from("<x@y.example>", domains[_i].user, NULL);
	ck_assert_str_eq(session_user_domain(&session), domains[_i].want);
}
END_TEST

START_TEST(listeners_by_name_or_port)
{
	static const char *const port[] = { "587" }, *const name[] = { "SMTPD" },
	    *const none[] = { "25" };

	connect_from("192.0.2.1", NULL);
	ck_assert(session_came_to(&session, &(struct strings){ port, 1 }));
	ck_assert(session_came_to(&session, &(struct strings){ name, 1 }));
	ck_assert(!session_came_to(&session, &(struct strings){ none, 1 }));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("session");
	TCase *tcase = tcase_create("session");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, verified_names_only);
	tcase_add_test(tcase, mail_begins_anew);
	tcase_add_test(tcase, helo_ends_the_transaction);
	tcase_add_test(tcase, each_policy_is_kept_once);
	tcase_add_loop_test(tcase, declared_size, 0, ROWS(sizes));
	tcase_add_loop_test(tcase, declares_utf8, 0, ROWS(utf8));
	tcase_add_test(tcase, headers_are_read_as_they_pass);
	tcase_add_loop_test(tcase, user_domain, 0, ROWS(domains));
	tcase_add_test(tcase, listeners_by_name_or_port);
	return run_suite(suite);
}
