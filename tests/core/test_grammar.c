/*
 * test_grammar.c - the grammar against a slow reading of the same rules
 *
 * Paths are made from the rules of RFC 5321 4.1.2 and 4.1.3, then damaged;
 * a second recogniser, which tries every way to part a string and knows
 * nothing of the first, must say the same of each.
 */
#include "core/grammar.h"

#include "core/path.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define L63 A60 "aaa"

/* --- rows: the rule, an example, what is said */

static const struct {
	const char *name, *path;
	bool want;
} paths[] = {
	{ "null reverse-path", "<>", true },
	{ "mailbox", "<joe@example.com>", true },
	{ "local part alone", "<Postmaster>", true },
	{ "local part alone, in quotes", "<\"post master\">", true },
	{ "an at sign in it", "<\"joe@example.com\">", false },
	{ "all of atext", "<!#$%&'*+-/=?^_`{|}~@example.com>", true },
	{ "dots between atoms", "<a.b.c@example.com>", true },
	{ "two dots", "<a..b@example.com>", false },
	{ "dot in front", "<.a@example.com>", false },
	{ "dot behind", "<a.@example.com>", false },
	{ "quoted string", "<\"a b@c\"@example.com>", true },
	{ "quoted pairs", "<\"\\\"\\\\\\ \"@example.com>", true },
	{ "empty quoted string", "<\"\"@example.com>", true },
	{ "open quoted string", "<\"a@example.com>", false },
	{ "tab in a quoted string", "<\"a\tb\"@example.com>", false },
	{ "quoted string and more", "<\"a\"b@example.com>", false },
	{ "atom and quoted string", "<a.\"b\"@example.com>", false },
	{ "backslash outside of quotes", "<a\\b@example.com>", false },
	{ "comment", "<a(b)@example.com>", false },
	{ "blank", "<a b@example.com>", false },
	{ "two at signs", "<a@b@example.com>", false },
	{ "no local part", "<@example.com>", false },
	{ "no domain", "<a@>", false },
	{ "no brackets", "a@example.com", false },
	{ "one bracket", "<a@example.com", false },
	{ "brackets in brackets", "<<a@example.com>>", false },
	{ "nothing", "", false },
	{ "blank in brackets", "< >", false },
	{ "source route", "<@a.example,@b.example:joe@example.com>", true },
	{ "route of a single label", "<@a:joe@example.com>", true },
	{ "route without an at sign", "<a.example:joe@example.com>", false },
	{ "route with a literal", "<@[192.0.2.1]:joe@example.com>", false },
	{ "route with blanks", "<@a.example, @b.example:joe@example.com>",
	    false },
	{ "route to nobody", "<@a.example:>", false },
	{ "route without a colon", "<@a.example,@b.example>", false },
	{ "single label", "<a@example>", true },
	{ "digits only", "<a@1.2.3.4>", true },
	{ "hyphen within", "<a@a--b.example>", true },
	{ "hyphen in front", "<a@-a.example>", false },
	{ "hyphen behind", "<a@a-.example>", false },
	{ "underscore", "<a@a_b.example>", false },
	{ "two dots in the domain", "<a@a..example>", false },
	{ "dot at its end", "<a@example.com.>", false },
	{ "quoted domain", "<a@\"example\".com>", false },
	{ "IPv4 literal", "<a@[192.0.2.1]>", true },
	{ "IPv4 literal of three digits each", "<a@[192.000.002.001]>", true },
	{ "IPv4 literal above 255", "<a@[192.0.2.256]>", false },
	{ "IPv4 literal of three numbers", "<a@[192.0.2]>", false },
	{ "IPv6 literal", "<a@[IPv6:2001:db8:0:0:0:0:0:1]>", true },
	{ "IPv6 literal, compressed", "<a@[IPv6:2001:db8::1]>", true },
	{ "IPv6 literal with IPv4", "<a@[IPv6:::ffff:192.0.2.1]>", true },
	{ "IPv6 literal of nine groups", "<a@[IPv6:1:2:3:4:5:6:7:8:9]>",
	    false },
	{ "IPv6 literal, compressed twice", "<a@[IPv6:1::2::3]>", false },
	{ "IPv6 literal with a zone", "<a@[IPv6:fe80::1%eth0]>", false },
	{ "IPv6 literal without tag", "<a@[2001:db8::1]>", false },
	{ "IPv4 in the tag of IPv6", "<a@[IPv6:192.0.2.1]>", false },
	{ "literal of a tag that is not registered", "<a@[x-tag:some]>",
	    false },
	{ "literal of no tag", "<a@[something]>", false },
	{ "literal of nothing", "<a@[]>", false },
	{ "literal with a blank", "<a@[x-tag:some thing]>", false },
	{ "open literal", "<a@[192.0.2.1>", false },
	{ "more behind a literal", "<a@[192.0.2.1].com>", false },
	{ "local part of 64 octets", "<" A60 "aaaa@example.com>", true },
	{ "local part of 65 octets", "<" A60 "aaaaa@example.com>", false },
	{ "quotes count", "<\"" A60 "aaa\"@example.com>", false },
	{ "label of 63 octets", "<a@" L63 ".com>", true },
	{ "label of 64 octets", "<a@" L63 "a.com>", false },
	{ "path of 256 octets", "<a@" L63 "." L63 "." L63 "." A60 ">", true },
	{ "path of 257 octets", "<a@" L63 "." L63 "." L63 "." A60 "a>",
	    false },
	{ "UTF-8 in the local part", "<j\xc3\xb6rg@example.com>", true },
	{ "UTF-8 in quotes", "<\"j\xc3\xb6 rg\"@example.com>", true },
	{ "UTF-8 in the domain", "<a@b\xc3\xbc" "cher.example>", true },
	{ "U-labels count in their other form", "<a@" A60 "aa\xc3\xbc.x>",
	    true },
	{ "four octets", "<\xf0\x9f\x98\x80@example.com>", true },
	{ "an octet alone", "<j\xf6rg@example.com>", false },
	{ "cut off", "<j\xc3@example.com>", false },
	{ "too long a form", "<\xc0\xaf@example.com>", false },
	{ "too long a form of three", "<\xe0\x9f\xbf@example.com>", false },
	{ "surrogate", "<\xed\xa0\x80@example.com>", false },
	{ "beyond Unicode", "<\xf4\x90\x80\x80@example.com>", false },
	{ "UTF-8 behind a backslash", "<\"\\\xc3\xb6\"@example.com>", false },
};

START_TEST(path_row)
{
	bool got = grammar_is_path(paths[_i].path);

	ck_assert_msg(got == paths[_i].want, "%s: %s: got %d", paths[_i].name,
	    paths[_i].path, got);
}
END_TEST

/* --- the slow recogniser; s[n] is not NUL-terminated */

static bool
slow_let_dig(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

/* Octets of the character at s, decoded by arithmetic; 0: none. */
static size_t
slow_utf8(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = n == 0 || s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 :
	    s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
	uint32_t point;

	if (length == 0 || length > n)
		return 0;
	point = s[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (s[i] / 64 != 2)
			return 0;
		point = point * 64 + s[i] % 64;
	}
	return point >= least[length] && point <= 0x10ffff &&
	    point / 0x800 != 0xd800 / 0x800 ? length : 0;
}

static bool
slow_atom(const unsigned char *s, size_t n)
{
	static const char others[] = "!#$%&'*+-/=?^_`{|}~";
	size_t step;

	if (n == 0)
		return false;
	if (slow_let_dig(s[0]) || memchr(others, s[0], sizeof(others) - 1))
		step = 1;
	else
		step = slow_utf8(s, n);
	return step > 0 && (step == n || slow_atom(s + step, n - step));
}

static bool
slow_dot_string(const unsigned char *s, size_t n)
{
	if (slow_atom(s, n))
		return true;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' && slow_atom(s, i) &&
		    slow_dot_string(s + i + 1, n - i - 1))
			return true;
	return false;
}

static bool
slow_content(const unsigned char *s, size_t n)
{
	size_t step;

	if (n == 0)
		return true;
	if (s[0] == '\\')
		return n >= 2 && s[1] >= 32 && s[1] <= 126 &&
		    slow_content(s + 2, n - 2);
	if (s[0] >= 32 && s[0] <= 126 && s[0] != '"')
		return slow_content(s + 1, n - 1);
	step = slow_utf8(s, n);
	return step > 0 && slow_content(s + step, n - step);
}

static bool
slow_local(const unsigned char *s, size_t n)
{
	if (n > 64)
		return false;
	return slow_dot_string(s, n) || (n >= 2 && s[0] == '"' &&
	    s[n - 1] == '"' && slow_content(s + 1, n - 2));
}

static bool
slow_label(const unsigned char *s, size_t n)
{
	bool ascii = true;

	if (n == 0 || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0, step; i < n; i += step) {
		step = slow_utf8(s + i, n - i);
		if (step > 0)
			ascii = false;
		else if (slow_let_dig(s[i]) || s[i] == '-')
			step = 1;
		else
			return false;
	}
	return !ascii || n <= 63;
}

static bool
slow_labels(const unsigned char *s, size_t n)
{
	const unsigned char *dot = memchr(s, '.', n);
	size_t first = dot != NULL ? (size_t)(dot - s) : n;

	return slow_label(s, first) && (dot == NULL ||
	    slow_labels(dot + 1, n - first - 1));
}

static bool
slow_domain(const unsigned char *s, size_t n)
{
	return n <= 255 && slow_labels(s, n);
}

/* Numbers parted by dots; zeros: may a number begin with one? */
static bool
slow_ipv4(const char *text, bool zeros)
{
	int numbers = 0;

	for (;;) {
		size_t digits = strspn(text, "0123456789");

		if (digits < 1 || digits > 3 ||
		    strtol(text, NULL, 10) > 255 ||
		    (!zeros && digits > 1 && text[0] == '0'))
			return false;
		numbers++;
		text += digits;
		if (*text == '\0')
			return numbers == 4;
		if (*text++ != '.')
			return false;
	}
}

/* How many groups "a:b:c" has, 0 to 8; -1: it is not made of groups. */
static int
slow_groups(const char *text, bool may_end_in_ipv4)
{
	int groups = 0;

	while (*text != '\0') {
		size_t digits = strspn(text, "0123456789abcdefABCDEF");

		if (may_end_in_ipv4 && slow_ipv4(text, false))
			return groups + 2;
		if (digits < 1 || digits > 4)
			return -1;
		groups++;
		text += digits;
		if (*text == '\0')
			return groups;
		if (*text++ != ':' || *text == '\0')
			return -1;
	}
	return groups;
}

static bool
slow_ipv6(const char *text)
{
	const char *gap = strstr(text, "::");
	char before[300];
	int first, second;

	if (gap == NULL)
		return slow_groups(text, true) == 8;
	(void)snprintf(before, sizeof(before), "%.*s", (int)(gap - text),
	    text);
	first = slow_groups(before, false);
	second = slow_groups(gap + 2, true);
	return first >= 0 && second >= 0 && first + second <= 7;
}

static bool
slow_literal(const unsigned char *s, size_t n)
{
	char text[300];
	char *colon;

	if (n < 2 || n > 255 || s[0] != '[' || s[n - 1] != ']')
		return false;
	(void)snprintf(text, sizeof(text), "%.*s", (int)n - 2,
	    (const char *)s + 1);
	colon = strchr(text, ':');
	if (colon == NULL)
		return slow_ipv4(text, true);
	*colon++ = '\0';
	if (strlen(text) == 4 && strspn(text, "IPVipv6") == 4 &&
	    (text[0] == 'I' || text[0] == 'i') &&
	    (text[1] == 'P' || text[1] == 'p') &&
	    (text[2] == 'V' || text[2] == 'v') && text[3] == '6')
		return slow_ipv6(colon);
	return false;
}

static bool
slow_mailbox(const unsigned char *s, size_t n)
{
	if (slow_local(s, n))
		return memchr(s, '@', n) == NULL;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '@' && slow_local(s, i) &&
		    (slow_domain(s + i + 1, n - i - 1) ||
		    slow_literal(s + i + 1, n - i - 1)))
			return true;
	return false;
}

static bool
slow_route(const unsigned char *s, size_t n)
{
	if (n < 2 || s[0] != '@')
		return false;
	if (slow_domain(s + 1, n - 1))
		return true;
	for (size_t i = 1; i < n; i++)
		if (s[i] == ',' && slow_domain(s + 1, i - 1) &&
		    slow_route(s + i + 1, n - i - 1))
			return true;
	return false;
}

static bool
slow_path(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = strlen(text);

	if (n < 2 || n > 256 || s[0] != '<' || s[n - 1] != '>')
		return false;
	if (n == 2 || slow_mailbox(s + 1, n - 2))
		return true;
	for (size_t i = 1; i < n; i++)
		if (s[i] == ':' && slow_route(s + 1, i - 1) &&
		    slow_mailbox(s + i + 1, n - i - 2))
			return true;
	return false;
}

START_TEST(slow_row)
{
	ck_assert_msg(slow_path(paths[_i].path) == paths[_i].want, "%s: %s",
	    paths[_i].name, paths[_i].path);
}
END_TEST

/* --- the generator */

static uint64_t state;

static unsigned int
below(unsigned int limit)
{
	state = state * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (unsigned int)(state >> 33) % limit;
}

struct made {
	char text[700];
	size_t length;
};

static void
put(struct made *made, const char *string)
{
	size_t length = strlen(string);

	ck_assert_uint_lt(made->length + length, sizeof(made->text));
	memcpy(made->text + made->length, string, length + 1);
	made->length += length;
}

static void
put_char(struct made *made, char c)
{
	const char string[] = { c, '\0' };

	put(made, string);
}

static void
put_one_of(struct made *made, const char *octets)
{
	put_char(made, octets[below((unsigned int)strlen(octets))]);
}

static void
put_utf8(struct made *made)
{
	static const char *const characters[] = { "\xc2\x80", "\xdf\xbf",
	    "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
	    "\xf0\x90\x80\x80", "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbf",
	    "\xc3\xbc" };

	put(made, characters[below(ROWS(characters))]);
}

static void
make_atom(struct made *made)
{
	do {
		if (below(20) == 0)
			put_utf8(made);
		else
			put_one_of(made, "abcXYZ019!#$%&'*+-/=?^_`{|}~");
	} while (below(4) != 0 && made->length < 40);
}

static void
make_local(struct made *made)
{
	if (below(3) != 0) {
		make_atom(made);
		while (below(3) == 0 && made->length < 50) {
			put_char(made, '.');
			make_atom(made);
		}
		return;
	}
	put_char(made, '"');
	while (below(5) != 0 && made->length < 55) {
		if (below(4) == 0)
			put_char(made, '\\');
		else if (below(10) == 0) {
			put_utf8(made);
			continue;
		}
		if (made->text[made->length - 1] == '\\')
			put_one_of(made, "a\"\\ @<>");
		else
			put_one_of(made, "az 09@.,:<>()[]!#~");
	}
	if (made->text[made->length - 1] == '\\')
		put_char(made, 'x');
	put_char(made, '"');
}

static void
make_label(struct made *made)
{
	put_one_of(made, "abcXYZ0189");
	while (below(3) != 0) {
		if (below(20) == 0)
			put_utf8(made);
		else
			put_one_of(made, "abcXYZ0189---");
	}
	if (made->text[made->length - 1] == '-')
		put_one_of(made, "az09");
}

static void
make_domain(struct made *made)
{
	make_label(made);
	while (below(2) != 0 && made->length < 150) {
		put_char(made, '.');
		make_label(made);
	}
}

static void
make_ipv4(struct made *made)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", below(256),
	    below(256), below(256), below(256));
	put(made, text);
}

static void
make_ipv6(struct made *made)
{
	unsigned int gap = below(2) ? below(7) : 9, left = 8;
	char text[8];

	put(made, "IPv6:");
	for (unsigned int i = 0; left > 0; i++, left--) {
		if (i == gap) {
			left -= below(left);
			put(made, i == 0 ? "::" : ":");
		} else if (left == 2 && below(3) == 0) {
			make_ipv4(made);
			return;
		} else {
			(void)snprintf(text, sizeof(text), "%x",
			    below(1u << (4 * (1 + below(4)))));
			put(made, text);
			if (left > 1)
				put_char(made, ':');
		}
	}
}

static void
make_literal(struct made *made)
{
	put_char(made, '[');
	if (below(2) != 0)
		make_ipv4(made);
	else
		make_ipv6(made);
	put_char(made, ']');
}

static void
make_path(struct made *made)
{
	struct made local = { .length = 0 };

	made->length = 0;
	put_char(made, '<');
	if (below(8) == 0) {
		do {
			put(made, made->length > 1 ? ",@" : "@");
			make_domain(made);
		} while (below(2) != 0 && made->length < 60);
		put_char(made, ':');
	}
	make_local(&local);
	put(made, local.text);
	put_char(made, '@');
	if (below(3) != 0)
		make_domain(made);
	else
		make_literal(made);
	put_char(made, '>');
}

/* One octet replaced, put in, taken out, or doubled into a run. */
static void
damage(struct made *made)
{
	static const char octets[] = "a0.-_@:,<>[]\"\\ \t\x01\x7f\xc3\xbc\xff;()";
	size_t at = below((unsigned int)made->length), run;
	char octet = octets[below(sizeof(octets) - 1)];

	switch (below(4)) {
	case 0:
		made->text[at] = octet;
		return;
	case 1:
		memmove(made->text + at, made->text + at + 1,
		    made->length - at);
		made->length--;
		return;
	case 2:
		run = 1;
		break;
	default:
		run = 1 + below(3) * below(50);
		break;
	}
	memmove(made->text + at + run, made->text + at,
	    made->length - at + 1);
	memset(made->text + at, octet, run);
	made->length += run;
}

static void
compare(const char *text)
{
	struct path path;
	bool got = grammar_is_path(text);

	ck_assert_msg(got == slow_path(text), "%s: got %d", text, got);
	path_parse(text, &path);
	ck_assert_msg(!got || path.is_valid, "%s: cannot be taken apart",
	    text);
}

START_TEST(made_paths)
{
	size_t whole = 0;

	state = (uint64_t)_i;
	for (int i = 0; i < 5000; i++) {
		struct made made;

		make_path(&made);
		compare(made.text);
		whole += grammar_is_path(made.text);
		for (int k = 0; k < 3 && made.length > 1; k++) {
			damage(&made);
			compare(made.text);
		}
	}
	/* What was made is by the grammar, but for too long ones. */
	ck_assert_uint_gt(whole, 4500);
}
END_TEST

START_TEST(names_and_literals)
{
	ck_assert(grammar_is_domain("mail.example.com"));
	ck_assert(!grammar_is_domain(""));
	ck_assert(!grammar_is_domain("mail."));
	ck_assert(!grammar_is_domain("b\xc3\xbc" "cher.example"));
	ck_assert(grammar_is_domain(L63 "." L63 "." L63 "." L63));
	ck_assert(!grammar_is_domain(L63 "." L63 "." L63 "." L63 ".a"));
	ck_assert(grammar_is_address_literal("[IPv6:2001:db8::1]"));
	ck_assert(!grammar_is_address_literal("[x-tag:1]"));
	ck_assert(!grammar_is_address_literal("[192.0.2.1] "));
	ck_assert(grammar_is_ipv4("192.0.2.1"));
	ck_assert(!grammar_is_ipv4("192.0.2"));
	ck_assert(grammar_is_beyond_ascii("a\x80"));
	ck_assert(!grammar_is_beyond_ascii("a\x7f"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("grammar");
	TCase *tcase = tcase_create("grammar");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, path_row, 0, ROWS(paths));
	tcase_add_loop_test(tcase, slow_row, 0, ROWS(paths));
	tcase_add_loop_test(tcase, made_paths, 0, 10);
	tcase_add_test(tcase, names_and_literals);
	return run_suite(suite);
}
