/*
 * test_pattern.c - globs
 */
#include "core/pattern.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

static const struct {
	const char *glob, *text;
	bool want;
} rows[] = {
	{ "yes", "yes", true },
	{ "yes", "YES", true },
	{ "YES", "yes", true },
	{ "yes", "yes ", false },
	{ "yes", "ye", false },
	{ "yes*", "yes, indeed", true },
	{ "yes*", "yes", true },
	{ "*yes", "oh yes", true },
	{ "*yes", "yes yes", true },
	{ "*yes", "yes no", false },
	{ "*y*e*s*", "my eels", true },
	{ "*y*e*s*", "my seel", false },
	{ "?es", "yes", true },
	{ "?es", "es", false },
	{ "a?", "a", false },
	{ "*", "", true },
	{ "*", "anything", true },
	{ "", "", true },
	{ "", "a", false },
	{ "\\*", "*", true },
	{ "\\*", "a", false },
	{ "\\?\\\\", "?\\", true },
	{ "a\\", "a\\", true },
	{ "*a*b", "aab ab", true },
	{ "a**b", "ab", true },
	{ "\xc3*", "\xc3\xbc", true },
};

START_TEST(glob)
{
	const struct pattern pattern = { .text = rows[_i].glob };

	ck_assert_msg(pattern_matches_glob(&pattern, rows[_i].text) ==
	    rows[_i].want, "%s of %s", rows[_i].glob, rows[_i].text);
}
END_TEST

/* What makes a recursive matcher run for ever. */
START_TEST(hostile_text_is_soon_done)
{
	const struct pattern pattern = {
		.text = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"
	};
	static char text[4097];

	memset(text, 'a', sizeof(text) - 1);
	ck_assert(!pattern_matches_glob(&pattern, text));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pattern");
	TCase *tcase = tcase_create("glob");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, glob, 0, ROWS(rows));
	tcase_add_test(tcase, hostile_text_is_soon_done);
	return run_suite(suite);
}
