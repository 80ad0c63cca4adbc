/*
 * test_reply.c - the catalogue of replies, configured replies, rendering
 */
#include "core/reply.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "../suite.h"

START_TEST(catalogue_row_works)
{
	const struct reply *reply = reply_of((enum reply_id)_i);
	const char *values[FIELD_COUNT] = { NULL };
	struct reply_sent sent;
	struct reply parsed;
	char line[600];
	const char *why = "";

	ck_assert(reply_find(reply->name) == (enum reply_id)_i);
	snprintf(line, sizeof(line), "%d %d.%d.%d %s", reply->basic,
	    reply->basic / 100, reply->subject, reply->detail, reply->text);
	ck_assert_msg(reply_parse(line, &parsed, &why), "%s: %s", reply->name,
	    why);
	ck_assert_int_eq(parsed.basic, reply->basic);
	ck_assert_uint_eq(parsed.subject, reply->subject);
	ck_assert_uint_eq(parsed.detail, reply->detail);
	ck_assert_str_eq(parsed.text, reply->text);
	reply_render(reply, values, "ABC123", &sent);
	ck_assert_int_eq(sent.code[0], sent.enhanced[0]);
	ck_assert_ptr_nonnull(strstr(sent.text, " (ref ABC123)"));
	ck_assert_int_eq(reply_is_permanent(reply), sent.code[0] == '5');
}
END_TEST

static const struct {
	const char *name, *input;
	bool want;
} parses[] = {
	{ "a whole reply", "450 4.7.1 Error: too much mail", true },
	{ "a permanent one", "550 5.4.6 quota", true },
	{ "a field", "450 4.7.1 from %{client}", true },
	{ "a lone per cent sign", "450 4.7.1 100 % full", true },
	{ "three digits of detail", "451 4.7.650 slow down", true },
	{ "421 closes", "421 4.7.0 %{hostname} bye", true },
	{ "no enhanced code", "450 too much mail", false },
	{ "another class", "450 5.7.1 too much mail", false },
	{ "success is no refusal", "250 2.1.0 ok", false },
	{ "challenge is no refusal", "354 3.0.0 go on", false },
	{ "600 is no code", "600 6.0.0 no", false },
	{ "two digits are no code", "45 4.7.1 no", false },
	{ "four digits of detail", "450 4.7.1000 no", false },
	{ "no text", "450 4.7.1 ", false },
	{ "blanks are no text", "450 4.7.1    ", false },
	{ "no blank behind the code", "4504.7.1 no", false },
	{ "521 hangs up", "521 5.3.2 no mail here", false },
	{ "an unknown field", "450 4.7.1 %{clinet}", false },
	{ "a field without end", "450 4.7.1 %{client", false },
	{ "CR LF", "450 4.7.1 a\r\nb", false },
	{ "tab", "450 4.7.1 a\tb", false },
	{ "8-bit", "450 4.7.1 caf\xc3\xa9", false },
	{ "empty", "", false },
};

START_TEST(configured_reply)
{
	struct reply reply;
	const char *why = NULL;
	bool got = reply_parse(parses[_i].input, &reply, &why);

	ck_assert_msg(got == parses[_i].want, "%s: got %d (%s)",
	    parses[_i].name, got, why != NULL ? why : "");
	ck_assert_msg(got || why != NULL, "%s: no reason", parses[_i].name);
}
END_TEST

START_TEST(a_long_text_is_refused)
{
	char line[700];
	struct reply reply;
	const char *why;

	memset(line, 'x', sizeof(line));
	memcpy(line, "450 4.7.1 ", 10);
	line[600] = '\0';
	ck_assert(!reply_parse(line, &reply, &why));
	line[10 + 400] = '\0';
	ck_assert(reply_parse(line, &reply, &why));
}
END_TEST

START_TEST(hostile_values_stay_on_one_line)
{
	static const char hostile[] = "a\r\nb\x1b[0m\xff%s%{user}";
	const char *values[FIELD_COUNT] = { [FIELD_recipient] = hostile };
	const struct reply reply = { "x", STAGE_RCPT, 550, 7, 1,
	    "<%{recipient}>: no" };
	struct reply_sent sent;

	reply_render(&reply, values, "", &sent);
	ck_assert_str_eq(sent.text, "<a??b?[0m?%s%{user}>: no");
	ck_assert_str_eq(sent.code, "550");
	ck_assert_str_eq(sent.enhanced, "5.7.1");
}
END_TEST

START_TEST(a_line_has_512_octets_and_its_reference)
{
	char huge[4096];
	const char *values[FIELD_COUNT] = { [FIELD_recipient] = huge };
	const struct reply reply = { "x", STAGE_RCPT, 550, 999, 999,
	    "<%{recipient}>: no" };
	struct reply_sent sent;

	memset(huge, 'x', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	reply_render(&reply, values, "ABC123", &sent);
	ck_assert_uint_le(strlen("550 5.999.999 ") + strlen(sent.text) + 2,
	    REPLY_LINE_OCTETS_MAX);
	ck_assert_str_eq(sent.text + strlen(sent.text) - 13, " (ref ABC123)");
}
END_TEST

static const struct {
	const char *input;
	size_t size;
	const char *want;
} percents[] = {
	{ "100 % of %s", 64, "100 %% of %%s" },
	{ "plain", 64, "plain" },
	{ "%%", 64, "%%%%" },
	{ "%%%%", 7, "%%%%??" },	/* room for two of them doubled */
	{ "%abc", 5, "?abc" },
};

START_TEST(per_cent_signs_are_doubled)
{
	char buffer[64];

	reply_double_percent(percents[_i].input, buffer, percents[_i].size);
	ck_assert_str_eq(buffer, percents[_i].want);
}
END_TEST

START_TEST(fields_of_a_template)
{
	const struct reply reply = { "x", STAGE_RCPT, 550, 7, 1,
	    "%{client} %{used}/%{max} %" };

	ck_assert_uint_eq(reply_fields(&reply), (1u << FIELD_client) |
	    (1u << FIELD_used) | (1u << FIELD_max));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reply");
	TCase *tcase = tcase_create("reply");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, catalogue_row_works, 0, REPLY_COUNT);
	tcase_add_loop_test(tcase, configured_reply, 0, ROWS(parses));
	tcase_add_test(tcase, a_long_text_is_refused);
	tcase_add_test(tcase, hostile_values_stay_on_one_line);
	tcase_add_test(tcase, a_line_has_512_octets_and_its_reference);
	tcase_add_loop_test(tcase, per_cent_signs_are_doubled, 0,
	    ROWS(percents));
	tcase_add_test(tcase, fields_of_a_template);
	return run_suite(suite);
}
