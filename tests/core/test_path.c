/*
 * test_path.c - every spelling of a path becomes one mailbox
 */
#include "core/path.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "../suite.h"

static const struct {
	const char *name, *argument;
	const char *text, *local, *domain;
} paths[] = {
	{"usual",			"<joe@x>",
	    "joe@x", "joe", "x"},
	{"no brackets",			"joe@x",
	    "joe@x", "joe", "x"},
	{"source route",		"<@a,@b:joe@x>",
	    "joe@x", "joe", "x"},
	{"source route of one",		"<@a:joe@x>",
	    "joe@x", "joe", "x"},
	{"source route, no brackets",	"@a,@b:joe@x",
	    "joe@x", "joe", "x"},
	{"source route by a literal",	"<@[IPv6:2001:db8::1]:joe@x>",
	    "joe@x", "joe", "x"},
	{"colon is no route",		"<a:joe@x>",
	    "a:joe@x", "a:joe", "x"},
	{"quotes are dropped",		"<\"joe\"@x>",
	    "\"joe\"@x", "joe", "x"},
	{"quoted pair and blank",	"<\"joe\\\"x y\"@x>",
	    "\"joe\\\"x y\"@x", "joe\"x y", "x"},
	{"quoted backslash",		"<\"joe\\\\\"@x>",
	    "\"joe\\\\\"@x", "joe\\", "x"},
	{"needless quoted pair",	"<\"j\\oe\"@x>",
	    "\"j\\oe\"@x", "joe", "x"},
	{"backslash outside of quotes",	"<j\\oe@x>",
	    "j\\oe@x", "joe", "x"},
	{"quotes in part",		"<jo\"e\"@x>",
	    "jo\"e\"@x", "joe", "x"},
	{"quoted word of a dotted one",	"<\"joe\".smith@x>",
	    "\"joe\".smith@x", "joe.smith", "x"},
	{"empty quotes",		"<\"\"@x>",
	    "\"\"@x", "", "x"},
	{"case of the domain",		"<JOE@Mail.X>",
	    "JOE@Mail.X", "JOE", "mail.x"},
	{"dot at the end",		"<JOE@X.>",
	    "JOE@X.", "JOE", "x"},
	{"quotes in the domain",	"<joe@\"x.example\">",
	    "joe@\"x.example\"", "joe", "x.example"},
	{"backslash in the domain",	"<joe@x\\.example>",
	    "joe@x\\.example", "joe", "x.example"},
	{"no domain",			"<postmaster>",
	    "postmaster", "postmaster", ""},
	{"two at signs",		"<a@b@c>",
	    "a@b@c", "a@b", "c"},
	{"two at signs, one quoted",	"<\"a@b\"@c>",
	    "\"a@b\"@c", "a@b", "c"},
	{"two at signs, no brackets",	"a@b@c",
	    "a@b@c", "a@b", "c"},
	{"at sign in quotes only",	"<\"joe@X.\">",
	    "\"joe@X.\"", "joe", "x"},
	{"ends in a quoted at sign",	"<\"joe@\">",
	    "\"joe@\"", "joe@", ""},
	{"IPv6 literal",		"<joe@[IPv6:2001:DB8::1]>",
	    "joe@[IPv6:2001:DB8::1]", "joe", "[ipv6:2001:db8::1]"},
	{"IPv4 literal",		"<joe@[192.0.2.1]>",
	    "joe@[192.0.2.1]", "joe", "[192.0.2.1]"},
	{"brackets in quotes",		"<\"a>b<[\"@x>",
	    "\"a>b<[\"@x", "a>b<[", "x"},
	{"blanks around",		"< joe @ x >",
	    "joe @ x", "joe", "x"},
	{"quoted blank at the end",	"<joe\\ @x>",
	    "joe\\ @x", "joe ", "x"},
	{"blank inside",		"<jo e@x>",
	    "jo e@x", "jo e", "x"},
	{"tag",				"<joe+tag@x>",
	    "joe+tag@x", "joe+tag", "x"},
	{"VERP",			"<list-1-joe=x@y>",
	    "list-1-joe=x@y", "list-1-joe=x", "y"},
	{"control octets",		"<j\x01\r\n\x7f@x>",
	    "j\x01\r\n\x7f@x", "j\x01\r\n\x7f", "x"},
	{"8-bit octets",		"<j\xff\x80@x\xfe>",
	    "j\xff\x80@x\xfe", "j\xff\x80", "x\xfe"},
	{"UTF-8",		"<J\xc3\x96RG@B\xc3\x9c" "CHER.example>",
	    "J\xc3\x96RG@B\xc3\x9c" "CHER.example", "J\xc3\x96RG",
	    "b\xc3\x9c" "cher.example"},
	{"per cent signs",		"<%s%n@%d>",
	    "%s%n@%d", "%s%n", "%d"},
};

START_TEST(taken_apart)
{
	struct path path;

	path_parse(paths[_i].argument, &path);
	ck_assert_msg(path.is_valid, "%s", paths[_i].name);
	ck_assert(!path.is_null && !path.is_too_long);
	ck_assert_msg(strcmp(path.text, paths[_i].text) == 0,
	    "%s: text is %s", paths[_i].name, path.text);
	ck_assert_msg(strcmp(path.local, paths[_i].local) == 0,
	    "%s: local part is %s", paths[_i].name, path.local);
	ck_assert_msg(strcmp(path.domain, paths[_i].domain) == 0,
	    "%s: domain is %s", paths[_i].name, path.domain);
}
END_TEST

static const struct {
	const char *name, *argument;
} nulls[] = {
	{"null path", "<>"},
	{"null path with a blank", "< >"},
	{"of local submission", ""},
};

START_TEST(null_path)
{
	struct path path;
	char mailbox[8] = "#";

	path_parse(nulls[_i].argument, &path);
	ck_assert_msg(path.is_null && path.is_valid, "%s", nulls[_i].name);
	ck_assert_str_eq(path.text, "");
	ck_assert_str_eq(path.local, "");
	ck_assert_str_eq(path.domain, "");
	ck_assert_uint_eq(path_mailbox(&path, true, "+", mailbox,
	    sizeof(mailbox)), 0);
	ck_assert_str_eq(mailbox, "");
}
END_TEST

static const struct {
	const char *name, *argument, *text;
} invalid[] = {
	{"not closed",			"<joe@x",	"<joe@x"},
	{"not opened",			"joe@x>",	"joe@x>"},
	{"bracket alone",		"<",		"<"},
	{"other bracket alone",		">",		">"},
	{"brackets twice",		"<<joe@x>>",	"<joe@x>"},
	{"something behind",		"<joe@x>y",	"<joe@x>y"},
	{"bracket inside",		"<joe>@x>",	"joe>@x"},
	{"quote not closed",		"<\"joe@x>",	"\"joe@x"},
	{"quoted quote does not close",	"<\"joe\\\"@x>", "\"joe\\\"@x"},
	{"bracket in the open quote",	"\"joe@x>",	"\"joe@x>"},
	{"backslash at the end",	"<joe@x\\>",	"joe@x\\"},
	{"literal not closed",		"<joe@[192.0.2.1>", "joe@[192.0.2.1"},
	{"literal not opened",		"<joe@192.0.2.1]>", "joe@192.0.2.1]"},
	{"no local part",		"<@x>",		"@x"},
	{"no domain behind the at sign", "<joe@>",	"joe@"},
	{"domain is a dot",		"<joe@.>",	"joe@."},
	{"domain is empty quotes",	"<joe@\"\">",	"joe@\"\""},
	{"at sign in a quoted domain",	"<joe@\"a@b\">", "joe@\"a@b\""},
	{"at sign alone",		"<@>",		"@"},
	{"route to nowhere",		"<@a:>",	""},
	{"route to a route",		"<@a:@b:joe@x>", "@b:joe@x"},
};

START_TEST(cannot_be_taken_apart)
{
	struct path path;
	char mailbox[64];

	path_parse(invalid[_i].argument, &path);
	ck_assert_msg(!path.is_valid, "%s", invalid[_i].name);
	ck_assert(!path.is_null && !path.is_too_long);
	ck_assert_msg(strcmp(path.text, invalid[_i].text) == 0,
	    "%s: text is %s", invalid[_i].name, path.text);
	ck_assert_str_eq(path.local, "");
	ck_assert_str_eq(path.domain, "");
	path_mailbox(&path, true, "+", mailbox, sizeof(mailbox));
	ck_assert_str_eq(mailbox, path.text);
}
END_TEST

/* A path of `length` octets between its brackets. */
static void
parse_long(size_t length, const char *tail, struct path *path)
{
	char argument[3000];
	size_t local = length - strlen(tail);

	memset(argument, 'a', sizeof(argument));
	argument[0] = '<';
	snprintf(argument + 1 + local, sizeof(argument) - 1 - local, "%s>",
	    tail);
	path_parse(argument, path);
}

START_TEST(longest)
{
	struct path path;

	parse_long(PATH_OCTETS_MAX, "@x", &path);
	ck_assert(path.is_valid && !path.is_too_long);
	ck_assert_uint_eq(strlen(path.text), PATH_OCTETS_MAX);
	ck_assert_uint_eq(strlen(path.local), PATH_OCTETS_MAX - 2);
	ck_assert_str_eq(path.domain, "x");
	parse_long(PATH_OCTETS_MAX, "", &path);
	ck_assert(path.is_valid);
	ck_assert_uint_eq(strlen(path.local), PATH_OCTETS_MAX);
}
END_TEST

START_TEST(too_long)
{
	struct path path;

	parse_long(PATH_OCTETS_MAX + 1, "@x", &path);
	ck_assert(path.is_too_long && !path.is_valid);
	ck_assert_uint_eq(strlen(path.text), PATH_OCTETS_MAX);
	ck_assert_str_eq(path.local, "");
	parse_long(2900, "@x", &path);
	ck_assert(path.is_too_long && !path.is_valid);
	parse_long(2900, "\"@x", &path);
	ck_assert(path.is_too_long && !path.is_valid);
}
END_TEST

static const struct {
	const char *name, *argument;
	bool fold;
	const char *separator, *want;
} mailboxes[] = {
	{"as it is",		"<Joe@X.Example>", false, "",  "Joe@x.example"},
	{"folded",		"<Joe@X.Example>", true,  "",  "joe@x.example"},
	{"no domain",		"<Joe>",	   true,  "+", "joe"},
	{"tag kept",		"<joe+tag@x>",	   true,  "",  "joe+tag@x"},
	{"tag dropped",		"<joe+tag@x>",	   true,  "+", "joe@x"},
	{"from the first one",	"<joe+a+b@x>",	   true,  "+", "joe@x"},
	{"empty tag",		"<joe+@x>",	   true,  "+", "joe@x"},
	{"it stands first",	"<+tag@x>",	   true,  "+", "+tag@x"},
	{"first, and again",	"<+a+b@x>",	   true,  "+", "+a+b@x"},
	{"quoted tag",		"<\"joe+tag\"@x>", true,  "+", "joe@x"},
	{"other separator",	"<joe-tag@x>",	   true,  "-", "joe@x"},
	{"longer separator",	"<joe--t-g@x>",	   true,  "--", "joe@x"},
	{"not in the domain",	"<joe@x+y>",	   true,  "+", "joe@x+y"},
	{"no separator given",	"<joe+tag@x>",	   true,  NULL, "joe+tag@x"},
	{"folding is ASCII",	"<J\xc3\x96@x>",   true,  "",  "j\xc3\x96@x"},
};

START_TEST(mailbox)
{
	struct path path;
	char got[64];
	size_t length;

	path_parse(mailboxes[_i].argument, &path);
	length = path_mailbox(&path, mailboxes[_i].fold,
	    mailboxes[_i].separator, got, sizeof(got));
	ck_assert_msg(strcmp(got, mailboxes[_i].want) == 0, "%s: got %s",
	    mailboxes[_i].name, got);
	ck_assert_uint_eq(length, strlen(got));
}
END_TEST

START_TEST(mailbox_is_cut_to_size)
{
	struct path path;
	char got[6];

	path_parse("<JOE@example.com>", &path);
	ck_assert_uint_eq(path_mailbox(&path, true, "", got, sizeof(got)), 5);
	ck_assert_str_eq(got, "joe@e");
	ck_assert_uint_eq(path_mailbox(&path, true, "", got, 1), 0);
	ck_assert_str_eq(got, "");
}
END_TEST

static const char *const spellings[] = {
	"<joe@x.example>", "joe@x.example", "<\"joe\"@x.example>",
	"<@a,@b:joe@x.example>", "<joe@X.EXAMPLE.>", "<j\\oe@x.example>",
	"<\"j\\oe\"@\"x\".example>", "<JOE@x.example>", "< joe@x.example >",
	"<\"joe@x.example\">", "<joe+tag@x.example>",
};

START_TEST(spelling)
{
	struct path path;
	char got[64];

	path_parse(spellings[_i], &path);
	path_mailbox(&path, true, "+", got, sizeof(got));
	ck_assert_msg(strcmp(got, "joe@x.example") == 0, "%s gives %s",
	    spellings[_i], got);
}
END_TEST

/* Nothing is read or written where it should not be: for the sanitizers. */
START_TEST(any_octets)
{
	static const char often[] = "<>@@\"\"\\\\[]:,. \t+ab";
	char argument[40], got[64];
	struct path path;

	srandom(6);
	for (int round = 0; round < 200000; round++) {
		size_t length = (size_t)random() % sizeof(argument);

		for (size_t i = 0; i < length; i++)
			argument[i] = often[(size_t)random() %
			    (sizeof(often) - 1)];
		argument[length] = '\0';
		path_parse(argument, &path);
		path_mailbox(&path, true, "+", got, sizeof(got));
		if (path.is_null && path.text[0] != '\0')
			ck_abort_msg("%s is null", argument);
		if (strchr(path.domain, '@') != NULL)
			ck_abort_msg("%s has two domains", argument);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("path");
	TCase *rules = tcase_create("rules");

	tcase_add_loop_test(rules, taken_apart, 0, ROWS(paths));
	tcase_add_loop_test(rules, null_path, 0, ROWS(nulls));
	tcase_add_loop_test(rules, cannot_be_taken_apart, 0, ROWS(invalid));
	tcase_add_test(rules, longest);
	tcase_add_test(rules, too_long);
	tcase_add_loop_test(rules, mailbox, 0, ROWS(mailboxes));
	tcase_add_test(rules, mailbox_is_cut_to_size);
	tcase_add_loop_test(rules, spelling, 0, ROWS(spellings));
	tcase_add_test(rules, any_octets);
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
