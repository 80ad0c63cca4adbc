/*
 * test_mark_text.c - marks as text: what is written is read, and nothing else
 */
#include "io/mark_text.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

#define NOW_MS INT64_C(1767225600000)	/* 2026-01-01T00:00:00Z */

/* How many marks a text holds at that time, and what the first one is. */
static const struct {
	const char *text;
	size_t want;
	enum mark_kind kind;
	int64_t until_ms, max;
	const char *field, *reason;
} texts[] = {
	{ "", 0, MARK_blocked, 0, 0, "", "" },
	{ "blocked 1767229200000 2026-01-01T01:00:00Z too many", 1,
	    MARK_blocked, 1767229200000, 0, "", "too many" },
	{ "suspended 0 for-good", 1, MARK_suspended, 0, 0, "", "" },
	{ "suspended 0 for-good a%3B%0D%0A%25%C3%BC", 1, MARK_suspended, 0, 0,
	    "", "a;\r\n%\xc3\xbc" },
	{ "override/quota_user/1h 0 for-good 1000 wedding", 1, MARK_override,
	    0, 1000, "quota_user/1h", "wedding" },
	{ "override/a/1h 0 for-good 0; suspended 0 for-good", 2,
	    MARK_override, 0, 0, "a/1h", "" },
	{ "blocked 1767225600000 2026-01-01T00:00:00Z over", 0, MARK_blocked,
	    0, 0, "", "" },
	{ "blocked 1 x over; blocked 1767225600001 x not yet", 1,
	    MARK_blocked, 1767225600001, 0, "", "not yet" },
	{ "blocked", 0, MARK_blocked, 0, 0, "", "" },
	{ "blocked 0", 0, MARK_blocked, 0, 0, "", "" },
	{ "blocked -1 x", 0, MARK_blocked, 0, 0, "", "" },
	{ "blocked 99999999999999999999 x", 0, MARK_blocked, 0, 0, "", "" },
	{ "blocked/x 0 for-good", 0, MARK_blocked, 0, 0, "", "" },
	{ "override 0 for-good 5", 0, MARK_override, 0, 0, "", "" },
	{ "override/ 0 for-good 5", 0, MARK_override, 0, 0, "", "" },
	{ "override/a/1h 0 for-good many", 0, MARK_override, 0, 0, "", "" },
	{ "banned 0 for-good", 0, MARK_blocked, 0, 0, "", "" },
	{ ";;; ;suspended 0 for-good;;", 1, MARK_suspended, 0, 0, "", "" },
	{ "suspended 0 for-good %00%0", 1, MARK_suspended, 0, 0, "",
	    "%00%0" },
};

START_TEST(text_is_read)
{
	struct store_mark marks[MARKS_MAX];
	size_t count = marks_read(texts[_i].text, strlen(texts[_i].text),
	    NOW_MS, marks);

	ck_assert_msg(count == texts[_i].want, "\"%s\": got %zu, want %zu",
	    texts[_i].text, count, texts[_i].want);
	if (count == 0)
		return;
	ck_assert_int_eq(marks[0].kind, texts[_i].kind);
	ck_assert_int_eq(marks[0].until_ms, texts[_i].until_ms);
	ck_assert_int_eq(marks[0].max, texts[_i].max);
	ck_assert_str_eq(marks[0].field, texts[_i].field);
	ck_assert_str_eq(marks[0].reason, texts[_i].reason);
}
END_TEST

/* Any octet of a reason is on one line, and comes back. */
START_TEST(every_octet_of_a_reason_comes_back)
{
	struct store_mark mark = { .kind = MARK_suspended }, found[MARKS_MAX];
	char buffer[MARK_TEXT_SIZE];
	struct text text;

	mark.reason[0] = 'x';
	mark.reason[1] = (char)(unsigned char)_i;
	mark.reason[2] = 'y';
	TEXT_INIT(&text, buffer);
	mark_put(&text, &mark);
	ck_assert(!text.cut);
	for (size_t i = 0; i < text.length; i++)
		ck_assert(buffer[i] >= ' ' && buffer[i] <= '~');
	ck_assert_uint_eq(marks_read(buffer, text.length, NOW_MS, found), 1);
	ck_assert_str_eq(found[0].reason, mark.reason);
}
END_TEST

/* As many as fit, however many there are. */
START_TEST(more_marks_than_fit_are_passed_over)
{
	char buffer[100 * 40];
	struct store_mark marks[MARKS_MAX];
	struct text text;

	TEXT_INIT(&text, buffer);
	for (int i = 0; i < 100; i++)
		text_printf(&text, "override/a%d/1h 0 for-good 1; ", i);
	ck_assert_uint_eq(marks_read(buffer, text.length, NOW_MS, marks),
	    MARKS_MAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mark_text");
	TCase *tcase = tcase_create("text");

	tcase_add_loop_test(tcase, text_is_read, 0,
	    (int)(sizeof(texts) / sizeof(texts[0])));
	tcase_add_loop_test(tcase, every_octet_of_a_reason_comes_back, 1, 256);
	tcase_add_test(tcase, more_marks_than_fit_are_passed_over);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
