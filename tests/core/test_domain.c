/*
 * test_domain.c - what is a qualified name, what is a literal, what is equal
 */
#include "core/domain.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *name, *input;
	bool want;
} fqdns[] = {
	{"two labels are qualified",	"example.com",		true},
	{"three labels",		"mail.example.com",	true},
	{"upper case",			"MAIL.Example.COM",	true},
	{"dot at the end",		"mail.example.com.",	true},
	{"digits in a label",		"4.3.2.1.example.com",	true},
	{"label of digits in front",	"163.com",		true},
	{"inner hyphen",		"a-b.example",		true},
	{"double hyphen",		"xn--bcher-kva.example", true},
	{"underscore",			"my_host.example.com",	true},
	{"U-label",			"b\xc3\xbc" "cher.example", true},
	{"last label with a digit",	"host.x1",		true},
	{"label of 63",			LABEL_63 ".example",	true},
	{"single label is not qualified", "localhost",		false},
	{"single label with a dot",	"localhost.",		false},
	{"last label all digits",	"host.1",		false},
	{"IPv4 address",		"192.0.2.1",		false},
	{"IPv4 address and dot",	"192.0.2.1.",		false},
	{"literal",			"[192.0.2.1]",		false},
	{"empty label",			"mail..example.com",	false},
	{"two dots at the end",		"example.com..",	false},
	{"dot in front",		".example.com",		false},
	{"hyphen in front of a label",	"mail.-example.com",	false},
	{"hyphen at the end of a label", "mail-.example.com",	false},
	{"label of 64",			"a" LABEL_63 ".example", false},
	{"blank",			"mail example.com",	false},
	{"control octet",		"mail\x01.example.com",	false},
	{"slash",			"mail/a.example.com",	false},
	{"at sign",			"joe@example.com",	false},
	{"colon",			"2001:db8::1",		false},
	{"dot alone",			".",			false},
	{"empty",			"",			false},
};

START_TEST(fqdn)
{
	bool got = domain_is_fqdn(fqdns[_i].input);

	ck_assert_msg(got == fqdns[_i].want, "%s: got %d", fqdns[_i].name,
	    got);
}
END_TEST

START_TEST(fqdn_has_255_octets_at_most)
{
	char name[258];

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	name[255] = '\0';
	ck_assert(domain_is_fqdn(name));
	name[255] = '.';
	name[256] = '\0';
	ck_assert(domain_is_fqdn(name));
	name[256] = 'a';
	name[257] = '\0';
	ck_assert(!domain_is_fqdn(name));
}
END_TEST

static const struct {
	const char *name, *input;
	bool want;
} literals[] = {
	{"IPv4",		"[192.0.2.1]",		true},
	{"IPv6",		"[IPv6:2001:db8::1]",	true},
	{"another tag",		"[x400:abc]",		true},
	{"no brackets",		"192.0.2.1",		false},
	{"not closed",		"[192.0.2.1",		false},
	{"not opened",		"192.0.2.1]",		false},
	{"nothing between",	"[]",			false},
	{"bracket alone",	"[",			false},
	{"empty",		"",			false},
	{"dot behind",		"[192.0.2.1].",		false},
};

START_TEST(literal)
{
	bool got = domain_is_literal(literals[_i].input);

	ck_assert_msg(got == literals[_i].want, "%s: got %d",
	    literals[_i].name, got);
}
END_TEST

static const struct {
	const char *name, *a, *b;
	bool want;
} pairs[] = {
	{"same",			"example.com",	"example.com",	true},
	{"case",			"EXAMPLE.com",	"example.COM",	true},
	{"dot at the end",		"example.com.",	"example.com",	true},
	{"both with a dot",		"example.com.",	"example.com.",	true},
	{"two dots are not one",	"example.com..", "example.com",	false},
	{"below is not equal",		"a.example.com", "example.com",	false},
	{"beginning is not equal",	"example.co",	"example.com",	false},
	{"8-bit octets have no case",	"\xc3\x89.com",	"\xc3\xa9.com",	false},
	{"both empty",			"",		"",		true},
	{"one empty",			"",		"a.b",		false},
};

START_TEST(equal)
{
	ck_assert_msg(domain_equal(pairs[_i].a, pairs[_i].b) ==
	    pairs[_i].want, "%s", pairs[_i].name);
	ck_assert_msg(domain_equal(pairs[_i].b, pairs[_i].a) ==
	    pairs[_i].want, "%s, the other way", pairs[_i].name);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("domain");
	TCase *rules = tcase_create("rules");

	tcase_add_loop_test(rules, fqdn, 0, ROWS(fqdns));
	tcase_add_test(rules, fqdn_has_255_octets_at_most);
	tcase_add_loop_test(rules, literal, 0, ROWS(literals));
	tcase_add_loop_test(rules, equal, 0, ROWS(pairs));
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
