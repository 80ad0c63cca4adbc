/*
 * test_text.c - bounded text: what fits, what is cut, what is escaped
 */
#include "base/text.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

START_TEST(never_past_the_end)
{
	char room[8] = "#######";
	struct text text;

	text_init(&text, room, 5);
	text_put(&text, "abc");
	ck_assert(!text.cut);
	text_put(&text, "def");
	ck_assert(text.cut);
	ck_assert_str_eq(room, "abcd");
	ck_assert_uint_eq(text.length, 4);
	ck_assert_int_eq(room[5], '#');
	text_put_char(&text, 'x');
	text_printf(&text, "%d", 1);
	text_put_number(&text, 1);
	text_put_escaped(&text, "y", 1, "");
	ck_assert_str_eq(room, "abcd");
}
END_TEST

START_TEST(exactly_full_is_not_cut)
{
	char room[4];
	struct text text;

	TEXT_INIT(&text, room);
	text_put(&text, "abc");
	text_put(&text, "");
	ck_assert(!text.cut);
	ck_assert_str_eq(room, "abc");
}
END_TEST

START_TEST(one_octet_holds_the_nul)
{
	char room[1] = {'#'};
	struct text text;

	TEXT_INIT(&text, room);
	ck_assert_int_eq(room[0], '\0');
	text_put_char(&text, 'a');
	ck_assert(text.cut);
	ck_assert_uint_eq(text.length, 0);
	ck_assert_int_eq(room[0], '\0');
}
END_TEST

START_TEST(printf_is_cut_like_the_rest)
{
	char room[6];
	struct text text;

	TEXT_INIT(&text, room);
	text_printf(&text, "%s", "ab");
	ck_assert_uint_eq(text.length, 2);
	text_printf(&text, "%d", 12345);
	ck_assert(text.cut);
	ck_assert_uint_eq(text.length, 5);
	ck_assert_str_eq(room, "ab123");
}
END_TEST

static const struct {
	int64_t number;
	const char *want;
} numbers[] = {
	{0, "0"},
	{7, "7"},
	{-1, "-1"},
	{1234567890, "1234567890"},
	{INT64_MAX, "9223372036854775807"},
	{INT64_MIN, "-9223372036854775808"},
};

START_TEST(number_is_written)
{
	char room[32];
	struct text text;

	TEXT_INIT(&text, room);
	text_put_number(&text, numbers[_i].number);
	ck_assert_str_eq(room, numbers[_i].want);
}
END_TEST

static const struct {
	const char *name, *octets;
	size_t length;
	const char *also, *want;
} escapes[] = {
	{"plain text stays",		"a.b@c",	5, "",	"a.b@c"},
	{"blank",			"a b",		3, "",	"a%20b"},
	{"per cent sign",		"50%",		3, "",	"50%25"},
	{"CR LF",			"a\r\nb",	4, "",	"a%0D%0Ab"},
	{"NUL",				"a\0b",		3, "",	"a%00b"},
	{"NUL is in no set",		"\0",		1, "{}", "%00"},
	{"DEL",				"\x7f",		1, "",	"%7F"},
	{"UTF-8",			"\xc3\xa9",	2, "",	"%C3%A9"},
	{"0xff",			"\xff",		1, "",	"%FF"},
	{"asked for as well",		"a{b}",		4, "{}", "a%7Bb%7D"},
	{"nothing",			"",		0, "",	""},
};

START_TEST(escaped)
{
	char room[64];
	struct text text;

	TEXT_INIT(&text, room);
	text_put_escaped(&text, escapes[_i].octets, escapes[_i].length,
	    escapes[_i].also);
	ck_assert_msg(strcmp(room, escapes[_i].want) == 0,
	    "%s: got %s, want %s", escapes[_i].name, room, escapes[_i].want);
}
END_TEST

START_TEST(no_half_of_an_escape)
{
	char room[5];
	struct text text;

	TEXT_INIT(&text, room);
	text_put_escaped(&text, "ab c", 4, "");
	ck_assert(text.cut);
	ck_assert_str_eq(room, "ab");
}
END_TEST

static int
hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* What can be undone is injective. */
static size_t
unescape(const char *string, char *octets)
{
	size_t length = 0;

	while (*string != '\0') {
		if (*string != '%') {
			octets[length++] = *string++;
			continue;
		}
		octets[length++] = (char)(hex_digit(string[1]) * 16 +
		    hex_digit(string[2]));
		string += 3;
	}
	return length;
}

START_TEST(escaping_is_injective)
{
	char octets[40], back[40], room[3 * 40 + 1];

	srandom(1);
	for (int round = 0; round < 20000; round++) {
		size_t length = (size_t)random() % sizeof(octets);
		struct text text;

		for (size_t i = 0; i < length; i++)
			octets[i] = (char)(random() % 4 ? random() : '%');
		TEXT_INIT(&text, room);
		text_put_escaped(&text, octets, length, "{}:A");
		ck_assert(!text.cut);
		for (size_t i = 0; i < text.length; i++)
			ck_assert(room[i] > ' ' && room[i] < 0x7f);
		ck_assert(strpbrk(room, "{}:") == NULL);
		ck_assert_uint_eq(unescape(room, back), length);
		ck_assert(memcmp(back, octets, length) == 0);
	}
}
END_TEST

START_TEST(copy_says_when_cut)
{
	char room[4];

	ck_assert(text_copy(room, sizeof(room), "abc"));
	ck_assert_str_eq(room, "abc");
	ck_assert(!text_copy(room, sizeof(room), "wxyz"));
	ck_assert_str_eq(room, "wxy");
	ck_assert(text_copy_n(room, sizeof(room), "abcdef", 2));
	ck_assert_str_eq(room, "ab");
	ck_assert(text_copy_n(room, sizeof(room), "", 0));
	ck_assert_str_eq(room, "");
}
END_TEST

static const struct {
	const char *name, *a, *b;
	bool want;
} pairs[] = {
	{"same",			"abc",		"abc",	true},
	{"case of ASCII letters",	"aBC",		"Abc",	true},
	{"one is longer",		"abc",		"abcd",	false},
	{"other is longer",		"abcd",		"abc",	false},
	{"both empty",			"",		"",	true},
	{"@ is no letter",		"@",		"`",	false},
	{"[ is no letter",		"[",		"{",	false},
	{"8-bit octets have no case",	"\xc3\x89",	"\xc3\xa9", false},
	{"8-bit octets are equal",	"\xc3\x89",	"\xc3\x89", true},
};

START_TEST(equal_nocase)
{
	bool got = text_equal_nocase(pairs[_i].a, pairs[_i].b);

	ck_assert_msg(got == pairs[_i].want, "%s: got %d", pairs[_i].name, got);
}
END_TEST

START_TEST(equal_nocase_n)
{
	ck_assert(text_equal_nocase_n("SIZE=99", "size=", 5));
	ck_assert(!text_equal_nocase_n("SIZ", "size=", 5));
	ck_assert(text_equal_nocase_n("abc", "ABC", 10));
	ck_assert(text_equal_nocase_n("abc", "xyz", 0));
}
END_TEST

START_TEST(lower_is_ascii_only)
{
	char string[] = "AZaz@[`{\xc3\x89";

	text_lower(string);
	ck_assert_str_eq(string, "azaz@[`{\xc3\x89");
}
END_TEST

START_TEST(hex_digit_has_a_value)
{
	ck_assert_int_eq(text_hex_value('0'), 0);
	ck_assert_int_eq(text_hex_value('a'), 10);
	ck_assert_int_eq(text_hex_value('F'), 15);
	ck_assert_int_eq(text_hex_value('g'), -1);
	ck_assert_int_eq(text_hex_value('\0'), -1);
}
END_TEST

START_TEST(starts_and_ends)
{
	ck_assert(text_starts_with("inet:1", "inet:"));
	ck_assert(text_starts_with("x", ""));
	ck_assert(!text_starts_with("ine", "inet:"));
	ck_assert(text_ends_with("a.example", ".example"));
	ck_assert(text_ends_with("x", ""));
	ck_assert(!text_ends_with("example", ".example"));
}
END_TEST

static const struct {
	const char *name, *string;
	int64_t max;
	bool want;
	int64_t number;
} decimals[] = {
	{"zero",		"0",	10,	true,	0},
	{"digits",		"42",	100,	true,	42},
	{"the maximum",		"100",	100,	true,	100},
	{"above the maximum",	"101",	100,	false,	0},
	{"empty",		"",	100,	false,	0},
	{"leading zero",	"010",	100,	false,	0},
	{"two zeros",		"00",	100,	false,	0},
	{"plus sign",		"+1",	100,	false,	0},
	{"minus sign",		"-1",	100,	false,	0},
	{"blank before",	" 1",	100,	false,	0},
	{"blank after",		"1 ",	100,	false,	0},
	{"hexadecimal",		"0x10",	100,	false,	0},
	{"fraction",		"1.5",	100,	false,	0},
	{"largest",	"9223372036854775807", INT64_MAX, true, INT64_MAX},
	{"one too large",	"9223372036854775808", INT64_MAX, false, 0},
	{"far too large",	"99999999999999999999", INT64_MAX, false, 0},
};

START_TEST(number_is_read)
{
	int64_t number = -5;
	bool got = text_parse_number(decimals[_i].string, decimals[_i].max,
	    &number);

	ck_assert_msg(got == decimals[_i].want, "%s: got %d",
	    decimals[_i].name, got);
	ck_assert_int_eq(number, got ? decimals[_i].number : -5);
}
END_TEST

static const struct {
	const char *a, *b;
	size_t want;
} distances[] = {
	{"", "", 0},
	{"", "abc", 3},
	{"abc", "", 3},
	{"allow", "allow", 0},
	{"Allow", "aLLOW", 0},
	{"alow", "allow", 1},		/* one missing */
	{"alllow", "allow", 1},		/* one too many */
	{"akkow", "allow", 2},		/* two replaced */
	{"alolw", "allow", 1},		/* neighbours swapped */
	{"ca", "abc", 3},		/* nothing between the swapped */
	{"kitten", "sitting", 3},
};

START_TEST(distance)
{
	ck_assert_uint_eq(text_distance(distances[_i].a, distances[_i].b),
	    distances[_i].want);
	ck_assert_uint_eq(text_distance(distances[_i].b, distances[_i].a),
	    distances[_i].want);
}
END_TEST

START_TEST(distance_of_long_words_is_not_measured)
{
	char word[66];

	memset(word, 'a', sizeof(word));
	word[65] = '\0';
	ck_assert_uint_eq(text_distance(word, "a"), SIZE_MAX);
	ck_assert_uint_eq(text_distance("a", word), SIZE_MAX);
	word[64] = '\0';
	ck_assert_uint_eq(text_distance(word, "a"), 63);
}
END_TEST

static const struct {
	const char *word, *want;
} guesses[] = {
	{"alow", "allow"},
	{"ALLOW", "allow"},
	{"cuont", "count"},
	{"counts", "count"},
	{"per", "per"},
	{"pre", "per"},
	{"zz", NULL},
	{"", NULL},
	{"something else", NULL},
};

START_TEST(nearest)
{
	static const char *const words[] = {
		"per", NULL, "allow", "count", "mode", "except"
	};
	const char *got = text_nearest(guesses[_i].word, words,
	    sizeof(words) / sizeof(words[0]));

	ck_assert_pstr_eq(got, guesses[_i].want);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("text");
	TCase *rules = tcase_create("rules");

	tcase_add_test(rules, never_past_the_end);
	tcase_add_test(rules, exactly_full_is_not_cut);
	tcase_add_test(rules, one_octet_holds_the_nul);
	tcase_add_test(rules, printf_is_cut_like_the_rest);
	tcase_add_loop_test(rules, number_is_written, 0, ROWS(numbers));
	tcase_add_loop_test(rules, escaped, 0, ROWS(escapes));
	tcase_add_test(rules, no_half_of_an_escape);
	tcase_add_test(rules, escaping_is_injective);
	tcase_add_test(rules, copy_says_when_cut);
	tcase_add_loop_test(rules, equal_nocase, 0, ROWS(pairs));
	tcase_add_test(rules, equal_nocase_n);
	tcase_add_test(rules, lower_is_ascii_only);
	tcase_add_test(rules, hex_digit_has_a_value);
	tcase_add_test(rules, starts_and_ends);
	tcase_add_loop_test(rules, number_is_read, 0, ROWS(decimals));
	tcase_add_loop_test(rules, distance, 0, ROWS(distances));
	tcase_add_test(rules, distance_of_long_words_is_not_measured);
	tcase_add_loop_test(rules, nearest, 0, ROWS(guesses));
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
