/*
 * test_regular.c - patterns as an admin writes them, regular expressions too
 */
#include "io/pattern.h"

#include "base/arena.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

static const struct {
	const char *name, *pattern, *text;
	bool want;
} rows[] = {
	{ "glob", "yes*", "YES, very", true },
	{ "glob is the whole text", "yes", "yes, very", false },
	{ "anywhere", "/yes/", "oh yes", true },
	{ "with case", "/yes/", "YES", false },
	{ "without case", "/yes/i", "YES", true },
	{ "anchored", "/^yes$/", "yes no", false },
	{ "slash within", "/a/b/", "xa/bx", true },
	{ "groups", "/(a)(b)(c)\\3/", "abcc", true },
	{ "dot is any octet", "/a.b/", "a\nb", true },
	{ "octets and no characters", "/^..$/", "\xc3\xbc", true },
	{ "no UTF-8 at all", "/b$/", "\xff\xfe b", true },
	{ "look ahead", "/^(?!no)/", "no", false },
};

START_TEST(matches)
{
	struct arena *arena = arena_open();
	struct pattern pattern = { .text = NULL };
	char why[200];

	ck_assert_msg(pattern_make(arena, rows[_i].pattern, &pattern, why,
	    sizeof(why)), "%s: %s", rows[_i].name, why);
	ck_assert_str_eq(pattern.text, rows[_i].pattern);
	ck_assert_msg(pattern.matches(&pattern, rows[_i].text) ==
	    rows[_i].want, "%s", rows[_i].name);
	arena_close(&arena);
}
END_TEST

static const struct {
	const char *pattern, *why;
} wrong[] = {
	{ "/yes", "expected a regular expression" },
	{ "/", "expected a regular expression" },
	{ "/yes/x", "expected a regular expression" },
	{ "/(yes/", "parenthesis, in column " },
	{ "/yes**+?/", "in column " },
	{ "/(*UTF)x/", "in column " },
	{ "/a\\C/", "in column " },
};

START_TEST(says_what_is_wrong)
{
	struct arena *arena = arena_open();
	struct pattern pattern;
	char why[200] = "";

	ck_assert_msg(!pattern_make(arena, wrong[_i].pattern, &pattern, why,
	    sizeof(why)), "%s", wrong[_i].pattern);
	ck_assert_msg(strstr(why, wrong[_i].why) != NULL, "%s: %s",
	    wrong[_i].pattern, why);
	arena_close(&arena);
}
END_TEST

/* Without a limit the first takes longer than the universe is old. */
static const char *const costly[] = { "/^(a+)+$/", "/^(a|aa)+$/", "/(.*)*x/",
	"/^((a)|b)*c/" };

START_TEST(hostile_text_is_given_up)
{
	struct arena *arena = arena_open();
	struct pattern pattern;
	char why[200];
	static char text[4097];

	memset(text, 'a', sizeof(text) - 2);
	text[sizeof(text) - 2] = '!';
	ck_assert(pattern_make(arena, costly[_i], &pattern, why,
	    sizeof(why)));
	ck_assert(!pattern.matches(&pattern, text));
	arena_close(&arena);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("regular");
	TCase *tcase = tcase_create("regular");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, matches, 0, ROWS(rows));
	tcase_add_loop_test(tcase, says_what_is_wrong, 0, ROWS(wrong));
	tcase_add_loop_test(tcase, hostile_text_is_given_up, 0, ROWS(costly));
	return run_suite(suite);
}
