/*
 * test_list.c - which entry of a list or map a name or mailbox meets
 */
#include "core/list.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "core/path.h"
#include "../suite.h"

#define SLOTS 64

/* A table of "name" or "name=value" words; storage is the test's own. */
struct fixture {
	char words[1024];
	const char *names[SLOTS];
	struct name_table table;
};

static void
fill(struct fixture *fixture, const char *words)
{
	struct name_table *table = &fixture->table;
	char *word, *rest = fixture->words;

	memset(fixture, 0, sizeof(*fixture));
	table->names = fixture->names;
	table->slots = SLOTS;
	snprintf(fixture->words, sizeof(fixture->words), "%s", words);
	while ((word = strtok_r(rest, " ", &rest)) != NULL) {
		char *value = strchr(word, '=');
		size_t slot;

		if (value != NULL)
			*value = '\0';	/* and stands behind the name */
		slot = name_table_slot(table, word);
		ck_assert_ptr_null(table->names[slot]);
		table->names[slot] = word;
		ck_assert_uint_le(++table->count, SLOTS / 2);
	}
}

static const struct folding folded = {.fold_case = true, .separator = "+"};
static const struct folding exact = {.fold_case = false, .separator = ""};

START_TEST(table_finds_what_was_put_in)
{
	struct fixture fixture;
	const struct name_table empty = {.slots = 0};

	fill(&fixture, "a=1 b=2 ab=3 abc=4 bc=5 c=6 ba=7");
	ck_assert_str_eq(name_table_get(&fixture.table, "ab"), "3");
	ck_assert_str_eq(name_table_get(&fixture.table, "ba"), "7");
	ck_assert(name_table_has(&fixture.table, "abc"));
	ck_assert(!name_table_has(&fixture.table, "abcd"));
	ck_assert(!name_table_has(&fixture.table, ""));
	ck_assert_ptr_null(name_table_get(&fixture.table, "x"));
	ck_assert(!name_table_has(&empty, "a"));
	ck_assert_ptr_null(name_table_get(&empty, "a"));
	ck_assert_uint_eq(name_hash("abc"), name_hash("abc"));
	ck_assert_uint_ne(name_hash("abc"), name_hash("abd"));
}
END_TEST

START_TEST(full_half_of_a_table_still_ends)
{
	char words[SLOTS / 2][16];
	const char *names[SLOTS] = {NULL};
	struct name_table table = {.names = names, .slots = SLOTS};

	for (int i = 0; i < SLOTS / 2; i++) {
		snprintf(words[i], sizeof(words[i]), "w%d", i);
		names[name_table_slot(&table, words[i])] = words[i];
		table.count++;
	}
	for (int i = 0; i < SLOTS / 2; i++)
		ck_assert(name_table_has(&table, words[i]));
	for (int i = 0; i < 1000; i++) {
		char other[16];

		snprintf(other, sizeof(other), "x%d", i);
		ck_assert(!name_table_has(&table, other));
	}
}
END_TEST

static const struct {
	const char *name, *entries, *domain;
	bool want;
} domains[] = {
	{"itself",		"example.com",	"example.com",	true},
	{"case",		"example.com",	"EXAMPLE.Com",	true},
	{"dot at the end",	"example.com",	"example.com.",	true},
	{"not what is below",	"example.com",	"a.example.com", false},
	{"below",		".example.com",	"a.example.com", true},
	{"far below",		".example.com",	"c.b.a.Example.com", true},
	{"not the parent itself", ".example.com", "example.com", false},
	{"not a longer label",	".example.com",	"badexample.com", false},
	{"both",	"example.com .example.com", "example.com", true},
	{"top level",		".com",		"example.com",	true},
	{"single label",	"localhost",	"localhost",	true},
	{"not a mailbox entry",	"@example.com",	"example.com",	false},
	{"literal",		"[192.0.2.1]",	"[192.0.2.1]",	true},
	{"empty name",		"example.com",	"",		false},
	{"dot alone",		"example.com",	".",		false},
	{"empty list",		"",		"example.com",	false},
	{"UTF-8",	".b\xc3\xbc" "cher.example", "a.B\xc3\xbc" "CHER.example", true},
};

START_TEST(list_of_domains)
{
	struct fixture fixture;
	struct list list = {.name = "test"};
	bool got;

	fill(&fixture, domains[_i].entries);
	list.names = fixture.table;
	got = list_has_domain(&list, domains[_i].domain);
	ck_assert_msg(got == domains[_i].want, "%s: got %d",
	    domains[_i].name, got);
}
END_TEST

static const struct {
	const char *name, *entries, *path;
	bool want;
} mailboxes[] = {
	{"mailbox",		"joe@example.com", "<Joe@Example.com>",	true},
	{"quoted",		"joe@example.com", "<\"joe\"@example.com>", true},
	{"tagged",		"joe@example.com", "<joe+a@example.com>", true},
	{"only with that tag",	"joe+a@example.com", "<joe+a@example.com>", true},
	{"another tag",		"joe+a@example.com", "<joe+b@example.com>", false},
	{"another local part",	"joe@example.com", "<jim@example.com>",	false},
	{"another domain",	"joe@example.com", "<joe@example.org>",	false},
	{"local part anywhere",	"joe@",		"<joe@example.org>",	true},
	{"it, tagged",		"joe@",		"<joe+a@example.org>",	true},
	{"it, without domain",	"joe@",		"<JOE>",		true},
	{"not a part of it",	"joe@",		"<bigjoe@example.org>",	false},
	{"whole domain",	"@example.com",	"<a@example.com>",	true},
	{"not below it",	"@example.com",	"<a@b.example.com>",	false},
	{"domain as a word",	"example.com",	"<a@example.com>",	true},
	{"not below the word",	"example.com",	"<a@b.example.com>",	false},
	{"mailboxes below",	"@.example.com", "<a@c.b.example.com>",	true},
	{"not at the parent",	"@.example.com", "<a@example.com>",	false},
	{"names below",		".example.com",	"<a@b.example.com>",	true},
	{"not at the parent itself", ".example.com", "<a@example.com>",	false},
	{"null path",		"joe@ example.com", "<>",		false},
	{"no domain is no word", "joe",		"<joe>",		false},
	{"local part is no domain", "example.com", "<example.com>",	false},
	{"local part is no domain entry", "@example.com",
	    "<\"@example.com\"@example.org>",	false},
	{"invalid",		"joe@example.com", "<joe@example.com",	false},
	{"literal",		"joe@[192.0.2.1]", "<joe@[192.0.2.1]>",	true},
	{"last at sign",	"@example.com",	"<a@example.org@example.com>", true},
	{"not the first at sign", "@example.org", "<a@example.org@example.com>", false},
	{"empty list",		"",		"<joe@example.com>",	false},
};

START_TEST(list_of_mailboxes)
{
	struct fixture fixture;
	struct list list = {.name = "test"};
	struct path path;
	bool got;

	fill(&fixture, mailboxes[_i].entries);
	list.names = fixture.table;
	path_parse(mailboxes[_i].path, &path);
	got = list_has_path(&list, &path, &folded);
	ck_assert_msg(got == mailboxes[_i].want, "%s: got %d",
	    mailboxes[_i].name, got);
}
END_TEST

START_TEST(without_folding_case_and_tag_count)
{
	struct fixture fixture;
	struct list list = {.name = "test"};
	struct path path;

	fill(&fixture, "Joe@example.com Bob");
	list.names = fixture.table;
	path_parse("<Joe@EXAMPLE.com>", &path);
	ck_assert(list_has_path(&list, &path, &exact));
	path_parse("<joe@example.com>", &path);
	ck_assert(!list_has_path(&list, &path, &exact));
	path_parse("<Joe+tag@example.com>", &path);
	ck_assert(!list_has_path(&list, &path, &exact));
	ck_assert(list_has_user(&list, "Bob", &exact));
	ck_assert(!list_has_user(&list, "bob", &exact));
	ck_assert(list_has_user(&list, "Joe@Example.com", &exact));
	ck_assert(!list_has_user(&list, "joe@Example.com", &exact));
}
END_TEST

static const struct {
	const char *name, *entries, *user;
	bool want;
} users[] = {
	{"word",		"bob",			"bob",		true},
	{"case",		"bob",			"Bob",		true},
	{"a word has no tag",	"bob",			"bob+a",	false},
	{"a word is no mailbox", "bob@ @example.com",	"bob",		false},
	{"mailbox",		"bob@example.com",	"Bob@Example.COM", true},
	{"tagged",		"bob@example.com",	"bob+a@example.com", true},
	{"of the domain",	"@example.com",		"bob@example.com", true},
	{"domain as a word",	"example.com",		"bob@example.com", true},
	{"below",		".example.com",		"bob@a.example.com", true},
	{"dot at the end",	"bob@example.com",	"bob@example.com.", true},
	{"mailbox is no word",	"bob",			"bob@example.com", false},
	{"quotes are no quotes", "bob@example.com",	"\"bob\"@example.com", false},
	{"no domain",		"bob@",			"bob@",		true},
	{"at sign alone",	"bob@ example.com",	"@",		false},
	{"empty",		"bob",			"",		false},
	{"empty list",		"",			"bob",		false},
};

START_TEST(list_of_users)
{
	struct fixture fixture;
	struct list list = {.name = "test"};
	bool got;

	fill(&fixture, users[_i].entries);
	list.names = fixture.table;
	got = list_has_user(&list, users[_i].user, &folded);
	ck_assert_msg(got == users[_i].want, "%s: got %d", users[_i].name,
	    got);
}
END_TEST

START_TEST(list_of_networks)
{
	struct ip_range range;
	struct list list = {.networks = {.ranges = &range, .count = 1}};
	struct ip_net net;
	struct ip ip;
	const char *why;

	ck_assert(ip_net_parse("192.0.2.0/24", &net, &why));
	ip_range_of(&net, &range);
	ck_assert(ip_parse("::ffff:192.0.2.7", &ip));
	ck_assert(list_has_ip(&list, &ip));
	ck_assert(ip_parse("192.0.3.7", &ip));
	ck_assert(!list_has_ip(&list, &ip));
}
END_TEST

/* Each row drops the entry that the row before has found. */
static const struct {
	const char *entries, *want;
} orders[] = {
	{"joe+t@a.b.c=1 joe@a.b.c=2 joe+t@=3 joe@=4 @a.b.c=5 a.b.c=6 @.b.c=7 .b.c=8 @.c=9 .c=10", "1"},
	{"joe@a.b.c=2 joe+t@=3 joe@=4 @a.b.c=5 a.b.c=6 @.b.c=7 .b.c=8 @.c=9 .c=10", "2"},
	{"joe+t@=3 joe@=4 @a.b.c=5 a.b.c=6 @.b.c=7 .b.c=8 @.c=9 .c=10", "3"},
	{"joe@=4 @a.b.c=5 a.b.c=6 @.b.c=7 .b.c=8 @.c=9 .c=10", "4"},
	{"@a.b.c=5 a.b.c=6 @.b.c=7 .b.c=8 @.c=9 .c=10", "5"},
	{"a.b.c=6 @.b.c=7 .b.c=8 @.c=9 .c=10", "6"},
	{"@.b.c=7 .b.c=8 @.c=9 .c=10", "7"},
	{".b.c=8 @.c=9 .c=10", "8"},
	{"@.c=9 .c=10", "9"},
	{".c=10", "10"},
	{"c=11 b.c=12 @b.c=13 @c=14 joe=15 jim@a.b.c=16", NULL},
};

START_TEST(most_specific_entry_of_a_map)
{
	struct fixture fixture;
	struct map map = {.name = "test"};
	struct path path;

	fill(&fixture, orders[_i].entries);
	map.names = fixture.table;
	path_parse("<Joe+T@A.B.C>", &path);
	ck_assert_pstr_eq(map_find_path(&map, &path, &folded),
	    orders[_i].want);
}
END_TEST

START_TEST(path_of_dots_is_soon_done)
{
	struct fixture fixture;
	struct list list = {.name = "test"};
	char argument[PATH_OCTETS_MAX + 3];
	struct path path;

	fill(&fixture, ".example.com @.example.org");
	list.names = fixture.table;
	memset(argument, '.', sizeof(argument));
	memcpy(argument, "<a@", 3);
	memcpy(argument + sizeof(argument) - 14, ".example.org>", 14);
	path_parse(argument, &path);
	ck_assert(path.is_valid);
	ck_assert(list_has_path(&list, &path, &folded));
	ck_assert(!list_has_domain(&list, path.domain));
}
END_TEST

static const struct {
	const char *name, *value, *word;
	bool fold, want;
} values[] = {
	{"only word",		"bob",			"bob",	true,	true},
	{"first of two",	"bob,jim",		"bob",	true,	true},
	{"last, comma and blank", "bob, jim",		"jim",	true,	true},
	{"parted by blanks",	"bob \t jim",		"jim",	true,	true},
	{"commas without end",	",,bob,,",		"bob",	true,	true},
	{"case, folded",	"Bob",			"bOB",	true,	true},
	{"case, not folded",	"Bob",			"bob",	false,	false},
	{"same case",		"Bob",			"Bob",	false,	true},
	{"beginning of a word",	"bobby",		"bob",	true,	false},
	{"end of a word",	"bigbob",		"bob",	true,	false},
	{"mailbox",		"bob@example.com jim",	"bob@example.com", true, true},
	{"empty word",		"bob, jim",		"",	true,	false},
	{"empty value",		"",			"bob",	true,	false},
	{"both empty",		"",			"",	true,	false},
};

START_TEST(words_of_a_value)
{
	bool got = map_value_has(values[_i].value, values[_i].word,
	    values[_i].fold);

	ck_assert_msg(got == values[_i].want, "%s: got %d", values[_i].name,
	    got);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("list");
	TCase *rules = tcase_create("rules");

	tcase_add_test(rules, table_finds_what_was_put_in);
	tcase_add_test(rules, full_half_of_a_table_still_ends);
	tcase_add_loop_test(rules, list_of_domains, 0, ROWS(domains));
	tcase_add_loop_test(rules, list_of_mailboxes, 0, ROWS(mailboxes));
	tcase_add_test(rules, without_folding_case_and_tag_count);
	tcase_add_loop_test(rules, list_of_users, 0, ROWS(users));
	tcase_add_test(rules, list_of_networks);
	tcase_add_loop_test(rules, most_specific_entry_of_a_map, 0,
	    ROWS(orders));
	tcase_add_test(rules, path_of_dots_is_soon_done);
	tcase_add_loop_test(rules, words_of_a_value, 0, ROWS(values));
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
