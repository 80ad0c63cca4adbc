/*
 * test_check.c - checks that need no list; those that do have scenarios
 */
#include "core/check.h"

#include <check.h>
#include <string.h>

#include "core/lookup.h"
#include "../suite.h"

static const struct {
	const char *check;
	const char *name;
	const char *client, *helo, *user, *sender, *recipient;
	bool want;
} rows[] = {
	{ "helo_not_fqdn", "single label is not qualified",
	    "192.0.2.1", "mail", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_not_fqdn", "two labels are",
	    "192.0.2.1", "mail.example", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_not_fqdn", "an address literal is no name",
	    "192.0.2.1", "[192.0.2.1]", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_not_fqdn", "no HELO passes",
	    "192.0.2.1", "", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_not_fqdn", "a bare address is left to another check",
	    "192.0.2.1", "2001:db8::1", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_localhost", "localhost from outside",
	    "192.0.2.1", "LocalHost", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_localhost", "localhost.localdomain. from outside",
	    "192.0.2.1", "localhost.localdomain.", NULL, "<a@b.c>", "<d@e.f>",
	    true },
	{ "helo_localhost", "localhost from loopback",
	    "127.0.0.1", "localhost", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_localhost", "localhost from IPv6 loopback",
	    "::1", "localhost", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_localhost", "another name",
	    "192.0.2.1", "localhost.example.org", NULL, "<a@b.c>", "<d@e.f>",
	    false },
	{ "helo_is_me", "the configured name",
	    "192.0.2.1", "MX.example.org", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_is_me", "the MTA's own name",
	    "192.0.2.1", "mta.example.org", NULL, "<a@b.c>", "<d@e.f>",
	    true },
	{ "helo_is_me", "from this server itself",
	    "127.0.0.1", "mx.example.org", NULL, "<a@b.c>", "<d@e.f>",
	    false },
	{ "helo_is_me", "another name",
	    "192.0.2.1", "mx2.example.org", NULL, "<a@b.c>", "<d@e.f>",
	    false },
	{ "helo_bad_literal", "an IPv4 literal",
	    "192.0.2.1", "[192.0.2.1]", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_literal", "an IPv6 literal",
	    "192.0.2.1", "[IPv6:2001:db8::1]", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_literal", "tags have no case",
	    "192.0.2.1", "[ipv6:::1]", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_literal", "up to three digits each (4.1.3)",
	    "192.0.2.1", "[192.000.002.001]", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_literal", "four digits",
	    "192.0.2.1", "[192.0.2.0001]", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "three numbers",
	    "192.0.2.1", "[192.0.2]", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "a dot too many",
	    "192.0.2.1", "[192.0.2.1.]", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "IPv6 without its tag",
	    "192.0.2.1", "[2001:db8::1]", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "a tag without address",
	    "192.0.2.1", "[IPv6:]", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "an unknown tag",
	    "192.0.2.1", "[tag:192.0.2.1]", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "nothing in brackets",
	    "192.0.2.1", "[]", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "an open bracket",
	    "192.0.2.1", "[192.0.2.1", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "a lone bracket",
	    "192.0.2.1", "192.0.2.1]", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "a bare address that is valid",
	    "192.0.2.1", "192.0.2.1", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_literal", "bare IPv6",
	    "192.0.2.1", "2001:db8::1", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_literal", "a bare address that is not",
	    "192.0.2.1", "192.0.2.999", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_literal", "not of hexadecimal digits: no address",
	    "192.0.2.1", "2001:db8::g", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_literal", "a name",
	    "192.0.2.1", "mail.example", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_literal", "no HELO",
	    "192.0.2.1", "", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_literal", "a number is no address",
	    "192.0.2.1", "12345", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_syntax", "a name",
	    "192.0.2.1", "mail.example", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_syntax", "a single label is a name",
	    "192.0.2.1", "mail", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_syntax", "a label may begin with a digit (RFC 1123 2.1)",
	    "192.0.2.1", "3com.example", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_syntax", "an inner hyphen",
	    "192.0.2.1", "a-b.example", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_syntax", "a hyphen in front",
	    "192.0.2.1", "-a.example", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_syntax", "an underscore",
	    "192.0.2.1", "a_b.example", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_syntax", "a dot at the end",
	    "192.0.2.1", "a.example.", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_syntax", "a blank",
	    "192.0.2.1", "a b", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_syntax", "no HELO",
	    "192.0.2.1", "", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_syntax", "a literal",
	    "192.0.2.1", "[192.0.2.1]", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "helo_bad_syntax", "a bad literal",
	    "192.0.2.1", "[192.0.2.256]", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_syntax", "a bare address",
	    "192.0.2.1", "192.0.2.1", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_syntax", "bare IPv6",
	    "192.0.2.1", "2001:db8::1", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "helo_bad_syntax", "beyond ASCII",
	    "192.0.2.1", "b\xc3\xbc" "cher.example", NULL, "<a@b.c>", "<d@e.f>",
	    true },
	{ "sender_bad_syntax", "the null reverse-path",
	    "192.0.2.1", "x", NULL, "<>", "<d@e.f>", false },
	{ "sender_bad_syntax", "a mailbox",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "sender_bad_syntax", "a single label is by the grammar",
	    "192.0.2.1", "x", NULL, "<a@b>", "<d@e.f>", false },
	{ "sender_bad_syntax", "no domain is another matter",
	    "192.0.2.1", "x", NULL, "<a>", "<d@e.f>", false },
	{ "sender_bad_syntax", "an open bracket",
	    "192.0.2.1", "x", NULL, "<a@b.c", "<d@e.f>", true },
	{ "sender_bad_syntax", "no brackets",
	    "192.0.2.1", "x", NULL, "a@b.c", "<d@e.f>", true },
	{ "sender_bad_syntax", "an empty domain",
	    "192.0.2.1", "x", NULL, "<a@>", "<d@e.f>", true },
	{ "sender_bad_syntax", "an empty local part",
	    "192.0.2.1", "x", NULL, "<@b.c>", "<d@e.f>", true },
	{ "sender_bad_syntax", "an empty quoted string",
	    "192.0.2.1", "x", NULL, "<\"\"@b.c>", "<d@e.f>", false },
	{ "sender_bad_syntax", "a blank outside of quotes",
	    "192.0.2.1", "x", NULL, "<a b@b.c>", "<d@e.f>", true },
	{ "sender_bad_syntax", "a blank behind",
	    "192.0.2.1", "x", NULL, "<a@b.c> ", "<d@e.f>", true },
	{ "sender_bad_syntax", "more behind",
	    "192.0.2.1", "x", NULL, "<a@b.c>x", "<d@e.f>", true },
	{ "sender_not_fqdn", "the null reverse-path",
	    "192.0.2.1", "x", NULL, "<>", "<d@e.f>", false },
	{ "sender_not_fqdn", "two labels",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "sender_not_fqdn", "a single label",
	    "192.0.2.1", "x", NULL, "<a@b>", "<d@e.f>", true },
	{ "sender_not_fqdn", "no domain",
	    "192.0.2.1", "x", NULL, "<a>", "<d@e.f>", true },
	{ "sender_not_fqdn", "a postmaster without domain",
	    "192.0.2.1", "x", NULL, "<postmaster>", "<d@e.f>", true },
	{ "sender_not_fqdn", "a literal",
	    "192.0.2.1", "x", NULL, "<a@[192.0.2.1]>", "<d@e.f>", false },
	{ "sender_not_fqdn", "a dot at the end",
	    "192.0.2.1", "x", NULL, "<a@b.c.>", "<d@e.f>", false },
	{ "sender_not_fqdn", "a bare address",
	    "192.0.2.1", "x", NULL, "<a@1.2.3.4>", "<d@e.f>", true },
	{ "sender_not_fqdn", "no path at all",
	    "192.0.2.1", "x", NULL, "<a@", "<d@e.f>", true },
	{ "sender_utf8_undeclared", "an ASCII sender",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "sender_utf8_undeclared", "a local part beyond ASCII",
	    "192.0.2.1", "x", NULL, "<\xc3\xbc@b.c>", "<d@e.f>", true },
	{ "sender_utf8_undeclared", "a domain beyond ASCII",
	    "192.0.2.1", "x", NULL, "<a@\xc3\xbc.c>", "<d@e.f>", true },
	{ "sender_utf8_undeclared", "a recipient beyond ASCII",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<\xc3\xbc@e.f>", true },
	{ "recipient_bad_syntax", "a mailbox",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "recipient_bad_syntax", "the null path is nobody",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<>", true },
	{ "recipient_bad_syntax", "postmaster alone",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<postmaster>", false },
	{ "recipient_bad_syntax", "a source route",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<@a.b:d@e.f>", false },
	{ "recipient_bad_syntax", "an underscore",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e_.f>", true },
	{ "recipient_not_fqdn", "two labels",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "recipient_not_fqdn", "a single label",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e>", true },
	{ "recipient_not_fqdn", "no domain",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d>", true },
	{ "recipient_not_fqdn", "postmaster alone (4.1.1.3)",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<PostMaster>", false },
	{ "recipient_not_fqdn", "but not in a domain of one label",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<postmaster@e>", true },
	{ "recipient_not_fqdn", "nobody",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<>", true },
	{ "sender_null_authenticated", "a user sends bounces",
	    "192.0.2.1", "x", "alice", "<>", "<d@e.f>", true },
	{ "sender_null_authenticated", "an MTA sends bounces",
	    "192.0.2.1", "x", NULL, "<>", "<d@e.f>", false },
	{ "sender_null_authenticated", "a user sends mail",
	    "192.0.2.1", "x", "alice", "<a@b.c>", "<d@e.f>", false },
	{ "auth_required", "everywhere, without options",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "auth_required", "authenticated",
	    "192.0.2.1", "x", "alice", "<a@b.c>", "<d@e.f>", false },
	{ "recipient_denied", "no domain",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<bob>", true },
	{ "recipient_denied", "no path at all",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<>", true },
	{ "recipient_denied", "postmaster is always valid (4.1.1.3)",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<Postmaster>", false },
	{ "recipient_denied", "user at domain",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e.f>", false },
	{ "recipient_relay_denied", "no list has it",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<d@e.f>", true },
	{ "recipient_relay_denied", "authenticated",
	    "192.0.2.1", "x", "alice", "<a@b.c>", "<d@e.f>", false },
	{ "recipient_relay_denied", "what cannot be taken apart",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<\"d@e.f>", true },
	{ "recipient_relay_denied", "local to the MTA",
	    "192.0.2.1", "x", NULL, "<a@b.c>", "<bob>", false },
};

START_TEST(check_says)
{
	const struct check_row *row = check_find(rows[_i].check);
	const struct rule rule = { .name = rows[_i].check, .check = row };
	static const struct config config = { .global = {
	    .hostname = "mx.example.org" }, .folding = { true, "" } };
	struct event connect = { .stage = STAGE_CONNECT,
	    .hostname = "mta.example.org" };
	const struct event helo = { .stage = STAGE_HELO,
	    .helo = rows[_i].helo };
	const struct event mail = { .stage = STAGE_MAIL,
	    .path = rows[_i].sender, .user = rows[_i].user };
	struct session session;
	struct path recipient;
	const struct occasion occasion = {
		.config = &config, .session = &session,
		.recipient = &recipient,
	};
	const struct check_input input = {
		.rule = &rule, .config = &config, .session = &session,
		.recipient = &recipient, .stage = STAGE_RCPT,
		.occasion = &occasion,
	};

	ck_assert_ptr_nonnull(row);
	ck_assert(ip_parse(rows[_i].client, &connect.client));
	session_apply(&session, &connect);
	session_apply(&session, &helo);
	session_apply(&session, &mail);
	path_parse(rows[_i].recipient, &recipient);
	ck_assert_msg(row->refuses(&input) == rows[_i].want, "%s: %s: got %d",
	    rows[_i].check, rows[_i].name, !rows[_i].want);
}
END_TEST

static const struct {
	const char *name;
	enum stage stage;
	int64_t declared, received;
	bool want;
} sizes[] = {
	{ "declared just fits", STAGE_RCPT, 1000, 0, false },
	{ "declared too big", STAGE_RCPT, 1001, 0, true },
	{ "nothing declared", STAGE_RCPT, -1, 0, false },
	{ "received just fits", STAGE_EOM, -1, 1000, false },
	{ "received too big", STAGE_EOM, -1, 1001, true },
	{ "declared small, received too big", STAGE_EOM, 10, 1001, true },
};

START_TEST(message_size)
{
	const struct rule rule = { .checks = { .max_size_bytes = 1000 } };
	const struct session session = {
		.declared_bytes = sizes[_i].declared,
		.received_bytes = sizes[_i].received,
	};
	const struct check_input input = {
		.rule = &rule, .session = &session, .stage = sizes[_i].stage,
	};

	ck_assert_msg(check_message_too_big(&input) == sizes[_i].want, "%s",
	    sizes[_i].name);
}
END_TEST

START_TEST(recipients_so_far)
{
	const struct rule rule = { .checks = { .max = 2 } };
	struct session session = { .recipients = 1 };
	const struct check_input input = {
		.rule = &rule, .session = &session, .stage = STAGE_RCPT,
	};

	ck_assert(!check_too_many_recipients(&input));
	session.recipients = 2;
	ck_assert(check_too_many_recipients(&input));
}
END_TEST

START_TEST(hops_so_far)
{
	const struct rule rule = { .checks = { .max = 2 } };
	struct session session = { .hops = 2 };
	const struct check_input input = {
		.rule = &rule, .session = &session, .stage = STAGE_EOH,
	};

	ck_assert(!check_message_hops(&input));
	session.hops = 3;
	ck_assert(check_message_hops(&input));
}
END_TEST

START_TEST(header_that_matched)
{
	const struct rule rule = { .header_bit = UINT64_C(1) << 63 };
	struct session session = { .headers_matched = 1 };
	const struct check_input input = {
		.rule = &rule, .session = &session, .stage = STAGE_EOM,
	};

	ck_assert(!check_message_bulk(&input));
	session.headers_matched |= rule.header_bit;
	ck_assert(check_message_bulk(&input));
}
END_TEST

/* Rows are what the tables promise. */
START_TEST(check_row_is_whole)
{
	const struct check_row *row = check_of((enum check_id)_i);

	ck_assert_ptr_eq(check_find(row->name), row);
	ck_assert_ptr_nonnull(row->refuses);
	ck_assert_str_eq(reply_of(row->reply)->name, row->name);
	ck_assert_msg((row->must & ~row->takes) == 0,
	    "%s must have an option it does not take", row->name);
	ck_assert_uint_gt(strlen(row->help), 0);
}
END_TEST

START_TEST(check_rows_are_sorted)
{
	for (size_t i = 1; i < CHECK_COUNT; i++) {
		const struct check_row *a = check_of((enum check_id)(i - 1));
		const struct check_row *b = check_of((enum check_id)i);

		ck_assert_msg(a->stage < b->stage || (a->stage == b->stage &&
		    a->cost <= b->cost), "%s stands after %s", b->name,
		    a->name);
	}
}
END_TEST

START_TEST(limit_row_is_whole)
{
	const struct limit_row *row = limit_of((enum limit_id)_i);
	const struct keys per = { { row->per }, 1 };

	ck_assert_ptr_eq(limit_find(row->name), row);
	ck_assert_ptr_null(check_find(row->name));
	ck_assert_str_eq(reply_of(row->reply)->name, row->name);
	ck_assert_msg(limit_default_reply(&per, row->count) == row->reply,
	    "%s: another name that counts the same sends %s", row->name,
	    reply_of(limit_default_reply(&per, row->count))->name);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("check");
	TCase *checks = tcase_create("checks"), *tables = tcase_create("tables");

	suite_add_tcase(suite, checks);
	tcase_add_loop_test(checks, check_says, 0, ROWS(rows));
	tcase_add_loop_test(checks, message_size, 0, ROWS(sizes));
	tcase_add_test(checks, recipients_so_far);
	tcase_add_test(checks, hops_so_far);
	tcase_add_test(checks, header_that_matched);
	suite_add_tcase(suite, tables);
	tcase_add_loop_test(tables, check_row_is_whole, 0, CHECK_COUNT);
	tcase_add_test(tables, check_rows_are_sorted);
	tcase_add_loop_test(tables, limit_row_is_whole, 0, LIMIT_COUNT);
	return run_suite(suite);
}
