/*
 * test_maps.c - list and map files: what is taken, what is said to be wrong
 */
#include "io/maps.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "core/path.h"
#include "../suite.h"

static const struct folding folded = {.fold_case = true, .separator = "+"};
static const struct folding exact = {.fold_case = false, .separator = ""};

static struct arena *arena;
static struct problems problems;
static char file[64];

static void
set_up(void)
{
	int descriptor;

	snprintf(file, sizeof(file), "/tmp/floodgate-test-XXXXXX");
	descriptor = mkstemp(file);
	ck_assert_int_ge(descriptor, 0);
	close(descriptor);
	arena = arena_open();
	problems_init(&problems);
}

static void
tear_down(void)
{
	unlink(file);
	problems_clear(&problems);
	arena_close(&arena);
}

static void
write_file(const char *octets, size_t length)
{
	FILE *to = fopen(file, "w");

	ck_assert_ptr_nonnull(to);
	ck_assert_uint_eq(fwrite(octets, 1, length, to), length);
	ck_assert_int_eq(fclose(to), 0);
}

static bool
read_list(const struct folding *folding, struct list *list)
{
	struct list_builder *builder = list_builder_open(arena, folding);
	bool done = list_builder_add_file(builder, file, &problems);

	memset(list, 0, sizeof(*list));
	list_builder_finish(&builder, list);
	ck_assert_ptr_null(builder);
	return done;
}

/* Is this client, domain, mailbox (with '@') or login on the list? */
static bool
has(const struct list *list, const struct folding *folding, const char *what)
{
	struct path path;
	struct ip ip;

	if (ip_parse(what, &ip))
		return list_has_ip(list, &ip);
	if (what[0] != '<')
		return list_has_domain(list, what) ||
		    list_has_user(list, what, folding);
	path_parse(what, &path);
	return list_has_path(list, &path, folding);
}

static const struct {
	const char *name;
	enum entry_kind kind;
	const char *entry;
	const char *member;	/* NULL: not such an entry */
	const char *stranger;	/* or NULL */
} entries[] = {
	{"network",	ENTRY_ANY, "192.0.2.0/24", "192.0.2.7", "192.0.3.7"},
	{"address",	ENTRY_ANY, "192.0.2.1", "192.0.2.1", "192.0.2.2"},
	{"IPv6 network", ENTRY_ANY, "2001:db8::/32", "2001:db8::7", "2001:db9::7"},
	{"IPv6 address", ENTRY_ANY, "::1", "::1", "::2"},
	{"IPv4-mapped",	ENTRY_ANY, "::ffff:192.0.2.0/120", "192.0.2.7", "192.0.3.7"},
	{"all of IPv6",	ENTRY_ANY, "::/0", "2001:db8::7", "192.0.2.7"},
	{"domain",	ENTRY_ANY, "Example.COM", "example.com", "a.example.com"},
	{"final dot",	ENTRY_ANY, "example.com.", "example.com", NULL},
	{"below",	ENTRY_ANY, ".example.com", "a.example.com", "example.com"},
	{"top level",	ENTRY_ANY, ".com", "example.com", NULL},
	{"single label", ENTRY_ANY, "localhost", "localhost", NULL},
	{"underscore",	ENTRY_ANY, "my_host.example.com", "my_host.example.com", NULL},
	{"UTF-8",	ENTRY_ANY, "b\xc3\xbc" "cher.example", "b\xc3\xbc" "cher.EXAMPLE", NULL},
	{"A-label of UTF-8", ENTRY_ANY, ".b\xc3\xbc" "cher.example", "x.xn--bcher-kva.example", NULL},
	{"mailbox in UTF-8", ENTRY_ANY, "joe@B\xc3\x9c" "CHER.example", "<joe@xn--bcher-kva.example>", NULL},
	{"all of UTF-8", ENTRY_ANY, "@.b\xc3\xbc" "cher.example", "<joe@x.xn--bcher-kva.example>", NULL},
	{"login in UTF-8", ENTRY_USER, "joe@b\xc3\xbc" "cher.example", "joe@b\xc3\xbc" "cher.example", NULL},
	{"login",	ENTRY_ANY, "Bob-1", "bob-1", "bob"},
	{"digits",	ENTRY_ANY, "12345", "12345", NULL},
	{"reverse name", ENTRY_ANY, "1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa", NULL},
	{"mailbox",	ENTRY_ANY, "Joe@Example.COM", "<joe@example.com>", "<jim@example.com>"},
	{"mailbox with final dot", ENTRY_ANY, "joe@example.com.", "<joe@example.com>", NULL},
	{"tagged",	ENTRY_ANY, "joe+a@example.com", "<joe+a@example.com>", "<joe@example.com>"},
	{"quoted",	ENTRY_ANY, "\"joe x\"@example.com", "<\"joe x\"@example.com>", "<joe@example.com>"},
	{"quoted needlessly", ENTRY_ANY, "\"joe\"@example.com", "<joe@example.com>", NULL},
	{"slash in a mailbox", ENTRY_ANY, "a/b=c@example.com", "<a/b=c@example.com>", NULL},
	{"two at signs", ENTRY_ANY, "a@b@example.com", "<a@b@example.com>", NULL},
	{"at a literal", ENTRY_ANY, "joe@[192.0.2.1]", "<joe@[192.0.2.1]>", NULL},
	{"anywhere",	ENTRY_ANY, "Joe@", "<joe@example.org>", "<jim@example.org>"},
	{"quoted anywhere", ENTRY_ANY, "\"joe x\"@", "<\"joe x\"@x>", NULL},
	{"whole domain", ENTRY_ANY, "@Example.com", "<a@example.com>", "<a@b.example.com>"},
	{"all below",	ENTRY_ANY, "@.Example.com", "<a@b.example.com>", "<a@example.com>"},
	{"whole literal", ENTRY_ANY, "@[IPv6:2001:db8::1]", "<a@[IPv6:2001:DB8::1]>", NULL},

	{"regular, host",	ENTRY_ANY, "/^mx[0-9]+\\.example\\.com$/", "mx12.Example.com", "a.mx12.example.com"},
	{"regular, mailbox",	ENTRY_ANY, "/^Bounce-.*@/", "<bounce-1@example.com>", "<nobounce-1@example.com>"},
	{"regular, with its tag", ENTRY_ADDRESS, "/^joe\\+x@/", "<joe+x@example.com>", "<joe@example.com>"},
	{"regular, quoted",	ENTRY_ADDRESS, "/^a b@/", "<\"a b\"@example.com>", "<ab@example.com>"},
	{"regular, without domain", ENTRY_ADDRESS, "/^joe$/", "<joe>", "<joe@example.com>"},
	{"regular, client",	ENTRY_ANY, "/^192\\.0\\.2\\.[0-9]$/", "192.0.2.7", "192.0.2.77"},
	{"regular, IPv6 client", ENTRY_ANY, "/^2001:db8::/", "2001:DB8::7", "2001:db9::7"},
	{"regular, login",	ENTRY_USER, "/^robot-/", "Robot-7", "arobot-7"},
	{"regular, without case", ENTRY_DOMAIN, "/^EXAMPLE/i", "example.com", NULL},
	{"regular, slash within", ENTRY_USER, "/^a\\/b$/", "a/b", "a/bc"},

	{"regular without an end", ENTRY_ANY, "/^a", NULL, NULL},
	{"slash within",	ENTRY_ANY, "/a/b/", NULL, NULL},
	{"unknown letter",	ENTRY_ANY, "/a/x", NULL, NULL},
	{"no regular expression", ENTRY_ANY, "/(a/", NULL, NULL},
	{"regular network",	ENTRY_NETWORK, "/^192/", NULL, NULL},
	{"octet above 255",	ENTRY_ANY, "192.0.2.300", NULL, NULL},
	{"prefix above 32",	ENTRY_ANY, "10.0.0.0/33", NULL, NULL},
	{"host bits",		ENTRY_ANY, "10.0.0.1/8", NULL, NULL},
	{"IPv6 host bits",	ENTRY_ANY, "2001:db8::1/32", NULL, NULL},
	{"short of octets",	ENTRY_ANY, "10.0.0", NULL, NULL},
	{"name with a prefix",	ENTRY_ANY, "example.com/24", NULL, NULL},
	{"name with a port",	ENTRY_ANY, "example.com:25", NULL, NULL},
	{"two words",		ENTRY_ANY, "example.com example.org", NULL, NULL},
	{"asterisk",		ENTRY_ANY, "*.example.com", NULL, NULL},
	{"exclamation mark",	ENTRY_ANY, "!example.com", NULL, NULL},
	{"two dots",		ENTRY_ANY, "example..com", NULL, NULL},
	{"dot alone",		ENTRY_ANY, ".", NULL, NULL},
	{"at sign alone",	ENTRY_ANY, "@", NULL, NULL},
	{"at sign and dot",	ENTRY_ANY, "@.", NULL, NULL},
	{"blank in a mailbox",	ENTRY_ANY, "joe @example.com", NULL, NULL},
	{"two mailboxes",	ENTRY_ANY, "a@example.com b@example.com", NULL, NULL},
	{"brackets",		ENTRY_ANY, "<joe@example.com>", NULL, NULL},
	{"source route",	ENTRY_ANY, "@a:joe@example.com", NULL, NULL},
	{"user below",		ENTRY_ANY, "joe@.example.com", NULL, NULL},
	{"open quote",		ENTRY_ANY, "\"joe@example.com", NULL, NULL},
	{"empty local part",	ENTRY_ANY, "\"\"@example.com", NULL, NULL},
	{"odd domain",		ENTRY_ANY, "joe@exam!ple.com", NULL, NULL},
	{"empty",		ENTRY_ANY, "", NULL, NULL},
	{"line feed",		ENTRY_ANY, "example.com\n", NULL, NULL},

	{"network wanted",	ENTRY_NETWORK, "192.0.2.0/24", "192.0.2.7", NULL},
	{"no network",		ENTRY_NETWORK, "example.com", NULL, NULL},
	{"domain wanted",	ENTRY_DOMAIN, ".example.com", "a.example.com", NULL},
	{"no domain but a network", ENTRY_DOMAIN, "192.0.2.1", NULL, NULL},
	{"no domain but a mailbox", ENTRY_DOMAIN, "joe@example.com", NULL, NULL},
	{"mailbox wanted",	ENTRY_ADDRESS, "joe@", "<joe@x>", NULL},
	{"no mailbox but a domain", ENTRY_ADDRESS, "example.com", NULL, NULL},
	{"login wanted",	ENTRY_USER, "Bob", "bob", "jim"},
	{"login of any kind",	ENTRY_USER, "DOM\\bob $x", "dom\\bob $x", NULL},
	{"login like an address", ENTRY_USER, "bob@Example.com", "bob@example.com", NULL},
	{"logins of a domain",	ENTRY_USER, "@example.com", "bob@example.com", NULL},
	{"empty login",		ENTRY_USER, "", NULL, NULL},
	{"control octet",	ENTRY_USER, "bob\x01", NULL, NULL},
};

START_TEST(entry)
{
	struct list_builder *builder = list_builder_open(arena, &folded);
	struct list list = {.name = "test"};
	const char *why = NULL;
	bool got = list_builder_add(builder, entries[_i].kind,
	    entries[_i].entry, &why);

	ck_assert_msg(got == (entries[_i].member != NULL), "%s: got %d",
	    entries[_i].name, got);
	list_builder_finish(&builder, &list);
	ck_assert_uint_eq(list.entries, got);
	if (!got) {
		ck_assert_ptr_nonnull(why);
		return;
	}
	ck_assert_msg(has(&list, &folded, entries[_i].member), "%s",
	    entries[_i].name);
	ck_assert_msg(entries[_i].stranger == NULL ||
	    !has(&list, &folded, entries[_i].stranger), "%s: %s",
	    entries[_i].name, entries[_i].stranger);
}
END_TEST

START_TEST(case_counts_when_not_folded)
{
	static const char text[] = "Joe@Example.com\nBob\nExample.ORG\n";
	struct list list;

	write_file(text, strlen(text));
	ck_assert(read_list(&exact, &list));
	ck_assert_uint_eq(problems.count, 0);
	ck_assert(has(&list, &exact, "<Joe@example.com>"));
	ck_assert(!has(&list, &exact, "<joe@example.com>"));
	ck_assert(list_has_user(&list, "Bob", &exact));
	ck_assert(!list_has_user(&list, "BOB", &exact));
	ck_assert(list_has_domain(&list, "example.org"));
}
END_TEST

START_TEST(empty_list_has_nothing)
{
	struct list list;

	write_file("", 0);
	ck_assert(read_list(&folded, &list));
	ck_assert_uint_eq(list.entries, 0);
	ck_assert(!has(&list, &folded, "192.0.2.1"));
	ck_assert(!has(&list, &folded, "example.com"));
	ck_assert(!has(&list, &folded, "<joe@example.com>"));
}
END_TEST

START_TEST(comments_blanks_and_line_ends)
{
	static const char text[] =
	    "# comment\n"
	    "\n"
	    "  \t\r\n"
	    "192.0.2.0/24 # office\r\n"
	    "\texample.com\t#\n"
	    "a#b@example.org\n"
	    "   # another\n"
	    "last.example";
	struct list list;

	write_file(text, strlen(text));
	ck_assert(read_list(&folded, &list));
	ck_assert_uint_eq(problems.count, 0);
	ck_assert_uint_eq(list.entries, 4);
	ck_assert(has(&list, &folded, "192.0.2.9"));
	ck_assert(has(&list, &folded, "example.com"));
	ck_assert(has(&list, &folded, "<a#b@example.org>"));
	ck_assert(has(&list, &folded, "last.example"));
}
END_TEST

START_TEST(twice_is_once)
{
	static const char text[] = "example.com\nEXAMPLE.com.\nexample.com\n";
	struct list list;

	write_file(text, strlen(text));
	ck_assert(read_list(&folded, &list));
	ck_assert_uint_eq(problems.count, 0);
	ck_assert_uint_eq(list.entries, 1);
}
END_TEST

START_TEST(files_and_options_add_up)
{
	struct list_builder *builder = list_builder_open(arena, &folded);
	struct list list = {.name = "test"};
	const char *why;

	write_file("10.0.0.0/8\n", 11);
	ck_assert(list_builder_add(builder, ENTRY_NETWORK, "192.0.2.0/24",
	    &why));
	ck_assert(list_builder_add_file(builder, file, &problems));
	ck_assert(list_builder_add(builder, ENTRY_USER, "bob", &why));
	list_builder_finish(&builder, &list);
	ck_assert_uint_eq(list.entries, 3);
	ck_assert(has(&list, &folded, "10.1.2.3"));
	ck_assert(has(&list, &folded, "192.0.2.3"));
	ck_assert(has(&list, &folded, "bob"));
}
END_TEST

/* Text with a problem in `line`, which says `want`. */
struct bad {
	const char *name, *octets;
	size_t length;		/* 0: a string */
	int line;
	const char *want;
};

static void
check_problem(const struct bad *bad)
{
	const struct problem *problem = problems.at;

	ck_assert_msg(problems.count == 1, "%s: %zu problems", bad->name,
	    problems.count);
	ck_assert_str_eq(problem->file, file);
	ck_assert_msg(problem->line == bad->line, "%s: line %d", bad->name,
	    problem->line);
	ck_assert_msg(strcmp(problem->text, bad->want) == 0, "%s: got %s",
	    bad->name, problem->text);
}

static const struct bad bad_lists[] = {
	{"bad octet", "a.example\n192.0.2.300\nb.example\n", 0, 2,
	    "expected an IP address, or a network such as 192.0.2.0/24 or "
	    "2001:db8::/32, saw \"192.0.2.300\""},
	{"bad prefix", "10.0.0.0/33\n", 0, 1,
	    "expected a prefix length of 0 to 32, saw \"10.0.0.0/33\""},
	{"host bits", "\n10.0.0.1/8", 0, 2,
	    "expected 0 in all bits behind the prefix, saw \"10.0.0.1/8\", "
	    "did you mean 10.0.0.0/8?"},
	{"IPv6 host bits", "2001:db8::1/32", 0, 1,
	    "expected 0 in all bits behind the prefix, saw "
	    "\"2001:db8::1/32\", did you mean 2001:db8::/32?"},
	{"asterisk", "*.example.com\n", 0, 1,
	    "expected .example.com for every name below example.com, "
	    "saw \"*.example.com\""},
	{"two words", "a.example b.example\n", 0, 1,
	    "expected a name of letters, digits, \".\", \"-\" and \"_\", "
	    "saw \"a.example%20b.example\""},
	{"mailbox", "joe@.example\n", 0, 1,
	    "expected an address such as user@example.com, user@, "
	    "@example.com or @.example.com, saw \"joe@.example\""},
	{"NUL", "a.example\nb\0c\nd.example\n", 24, 2,
	    "expected text, saw the control octet 0x00 in column 2"},
	{"escape", "a\x1b[2J\n", 0, 1,
	    "expected text, saw the control octet 0x1b in column 2"},
	{"CR inside", "a\rb\n", 0, 1,
	    "expected text, saw the control octet 0x0d in column 2"},
	{"byte order mark", "\xef\xbb\xbf" "a.example\n", 0, 1,
	    "expected plain text, saw a byte order mark"},
	{"what is seen is escaped", "a\"b%\xc3\xa9$\n", 0, 1,
	    "expected a name of letters, digits, \".\", \"-\" and \"_\", "
	    "saw \"a%22b%25%C3%A9$\""},
	{"and cut", "$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 0, 1,
	    "expected a name of letters, digits, \".\", \"-\" and \"_\", "
	    "saw \"$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaa...\""},
};

START_TEST(bad_list)
{
	const struct bad *bad = &bad_lists[_i];
	struct list list;

	write_file(bad->octets, bad->length ? bad->length
	    : strlen(bad->octets));
	ck_assert(read_list(&folded, &list));
	check_problem(bad);
}
END_TEST

START_TEST(longest_line)
{
	static const size_t lengths[] = {2048, 2049, 2050, 5000, 40000};
	char text[40003];
	struct list list;

	for (int i = 0; i < ROWS(lengths); i++) {
		memset(text, ' ', sizeof(text));
		memcpy(text, "a.example", 9);
		memcpy(text + lengths[i], "\r\nx", 3);
		if (lengths[i] > 2049)
			text[2049] = '\r';
		write_file(text, lengths[i] + 3);
		problems_clear(&problems);
		ck_assert(read_list(&folded, &list));
		ck_assert(has(&list, &folded, "x"));
		ck_assert_uint_eq(problems.count, i == 0 ? 0 : 1);
		ck_assert_uint_eq(list.entries, i == 0 ? 2 : 1);
		if (i == 0)
			continue;
		ck_assert_int_eq(problems.at[0].line, 1);
		ck_assert_str_eq(problems.at[0].text,
		    "expected a line of at most 2048 octets");
	}
}
END_TEST

START_TEST(twenty_problems_are_enough)
{
	char text[50];
	struct list list;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '\n' : '$';
	write_file(text, sizeof(text));
	ck_assert(read_list(&folded, &list));
	ck_assert_uint_eq(problems.count, 21);
	ck_assert_int_eq(problems.at[19].line, 20);
	ck_assert_int_eq(problems.at[20].line, 0);
	ck_assert_str_eq(problems.at[20].text, "... and 5 more problems");
}
END_TEST

START_TEST(unreadable)
{
	struct list list;

	unlink(file);
	ck_assert(!read_list(&folded, &list));
	ck_assert_ptr_null(map_read(arena, &folded, file, &problems));
	ck_assert_uint_eq(problems.count, 2);
	ck_assert_int_eq(problems.at[0].line, 0);
	ck_assert_str_eq(problems.at[0].text,
	    "cannot read: No such file or directory");
	ck_assert_str_eq(problems.at[1].text, problems.at[0].text);
}
END_TEST

START_TEST(no_permission)
{
	struct list list;

	if (geteuid() == 0)
		return;		/* who may read everything */
	ck_assert_int_eq(chmod(file, 0), 0);
	ck_assert(!read_list(&folded, &list));
	ck_assert_str_eq(problems.at[0].text,
	    "cannot read: Permission denied");
}
END_TEST

START_TEST(only_regular_files)
{
	struct list list;

	unlink(file);
	ck_assert_int_eq(mkfifo(file, 0600), 0);
	ck_assert(!read_list(&folded, &list));
	ck_assert_str_eq(problems.at[0].text,
	    "cannot read: not a regular file");
	unlink(file);
	ck_assert_int_eq(mkdir(file, 0700), 0);
	ck_assert_ptr_null(map_read(arena, &folded, file, &problems));
	ck_assert_str_eq(problems.at[1].text,
	    "cannot read: not a regular file");
	rmdir(file);
}
END_TEST

static const char map_text[] =
    "# sender   owners\n"
    "joe@example.com\tjoe, jim   # and nobody else\r\n"
    "\"a b\"@example.com   ab\n"
    "sales@  anna,\tberta\n"
    "@Example.org     carl\n"
    "example.net  dora\n"
    "@.example.org\temil\n"
    "/^(info|help) #@example\\.com$/i frida, gert  # one, two\n"
    "/^help@EXAMPLE\\.com$/  hans\n"
    "/^joe@/ ida\n";

static const struct {
	const char *path, *want;
} owners[] = {
	{"<JOE@Example.com>", "joe, jim"},
	{"<joe+tag@example.com>", "joe, jim"},
	{"<\"a b\"@example.com>", "ab"},
	{"<sales@anywhere.example>", "anna,\tberta"},
	{"<x@example.org>", "carl"},
	{"<x@y.example.org>", "emil"},
	{"<x@example.net>", "dora"},
	{"<x@example.com>", NULL},
	{"<>", NULL},
	{"<\"Help #\"@example.com>", "frida, gert"},
	{"<help@example.com>", "hans"},
	{"<joe@other.example>", "ida"},
};

START_TEST(map_lookup)
{
	const struct map *map;
	struct path path;

	write_file(map_text, strlen(map_text));
	map = map_read(arena, &folded, file, &problems);
	ck_assert_uint_eq(problems.count, 0);
	ck_assert_ptr_nonnull(map);
	ck_assert_str_eq(map->name, file);
	ck_assert_uint_eq(map->entries, 9);
	path_parse(owners[_i].path, &path);
	ck_assert_pstr_eq(map_find_path(map, &path, &folded),
	    owners[_i].want);
}
END_TEST

static const struct bad bad_maps[] = {
	{"no value", "a@example.com b\nc@example.com\n", 0, 2,
	    "expected blanks and a value behind the first word, "
	    "saw \"c@example.com\""},
	{"value is a comment", "a@example.com # b\n", 0, 1,
	    "expected blanks and a value behind the first word, "
	    "saw \"a@example.com\""},
	{"value is a comma", "a@example.com ,\n", 0, 1,
	    "expected blanks and a value behind the first word, "
	    "saw \"a@example.com\""},
	{"same name twice", "a@example.com b\n#\nA@EXAMPLE.com c\n", 0, 3,
	    "expected every name once, it is in line 1 already, "
	    "saw \"A@EXAMPLE.com\""},
	{"network", "192.0.2.0/24 b\n", 0, 1,
	    "expected a domain or host name, not a network, "
	    "saw \"192.0.2.0/24\""},
	{"open quote", "\"a b@example.com c\n", 0, 1,
	    "expected an address such as user@example.com, user@, "
	    "@example.com or @.example.com, saw \"%22a%20b@example.com%20c\""},
	{"regular without a value", "/a/\n", 0, 1,
	    "expected blanks and a value behind the first word, "
	    "saw \"/a/\""},
	{"no regular expression", "\n/(a/ b\n", 0, 2,
	    "missing closing parenthesis, in column 3, saw \"/(a/\""},
	{"regular without an end", "/a b\n", 0, 1,
	    "expected a regular expression such as /^mx[0-9]+[.]/ or "
	    "/^mx[0-9]+[.]/i, with \\/ for a / within, saw \"/a\""},
	{"colon", "a@example.com: b\n", 0, 1,
	    "expected an address such as user@example.com, user@, "
	    "@example.com or @.example.com, saw \"a@example.com:\""},
};

START_TEST(bad_map)
{
	write_file(bad_maps[_i].octets, strlen(bad_maps[_i].octets));
	ck_assert_ptr_null(map_read(arena, &folded, file, &problems));
	check_problem(&bad_maps[_i]);
}
END_TEST

START_TEST(names_of_a_map_differ_by_case_when_not_folded)
{
	static const char text[] = "a@example.com x\nA@example.COM y\n";
	const struct map *map;
	struct path path;

	write_file(text, strlen(text));
	map = map_read(arena, &exact, file, &problems);
	ck_assert_ptr_nonnull(map);
	path_parse("<A@example.com>", &path);
	ck_assert_str_eq(map_find_path(map, &path, &exact), "y");
	path_parse("<a@example.com>", &path);
	ck_assert_str_eq(map_find_path(map, &path, &exact), "x");
}
END_TEST

START_TEST(large_files)
{
	enum { LINES = 100000 };
	FILE *to = fopen(file, "w");
	const struct map *map;
	struct list list;

	ck_assert_ptr_nonnull(to);
	for (int i = 0; i < LINES; i++)
		fprintf(to, "user%d@example%d.com owner%d\n", i, i % 100, i);
	fclose(to);
	map = map_read(arena, &folded, file, &problems);
	ck_assert_ptr_nonnull(map);
	ck_assert_uint_eq(map->entries, LINES);
	to = fopen(file, "w");
	ck_assert_ptr_nonnull(to);
	for (int i = 0; i < LINES; i += 2) {
		fprintf(to, "10.%d.%d.%d\n", i / 65536, i / 256 % 256, i % 256);
		fprintf(to, "host%d.example.com\n", i);
	}
	fclose(to);
	ck_assert(read_list(&folded, &list));
	ck_assert_uint_eq(problems.count, 0);
	ck_assert_uint_eq(list.entries, LINES);
	for (int i = 0; i < LINES; i++) {
		char text[64], want[32];
		struct path path;

		snprintf(text, sizeof(text), "<user%d@example%d.com>", i,
		    i % 100);
		snprintf(want, sizeof(want), "owner%d", i);
		path_parse(text, &path);
		if (strcmp(map_find_path(map, &path, &folded), want) != 0)
			ck_abort_msg("%s has another owner", text);
		snprintf(text, sizeof(text), "host%d.example.com", i);
		if (list_has_domain(&list, text) != (i % 2 == 0))
			ck_abort_msg("%s", text);
		snprintf(text, sizeof(text), "10.%d.%d.%d", i / 65536,
		    i / 256 % 256, i % 256);
		if (has(&list, &folded, text) != (i % 2 == 0))
			ck_abort_msg("%s", text);
	}
}
END_TEST

START_TEST(problems_are_printed_in_order)
{
	char text[256] = "";
	FILE *to = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(to);
	problems_add(&problems, "a.conf", 7, "expected %s, saw \"%d\"", "x",
	    5);
	problems_add(&problems, "b.conf", 0, "cannot read");
	problems_print(&problems, to);
	fclose(to);
	ck_assert_str_eq(text, "a.conf:7: expected x, saw \"5\"\n"
	    "b.conf: cannot read\n");
	problems_clear(&problems);
	ck_assert_uint_eq(problems.count, 0);
	for (int i = 0; i < 1000; i++)
		problems_add(&problems, "c.conf", i + 1, "%d", i);
	ck_assert_uint_eq(problems.count, 1000);
	ck_assert_str_eq(problems.at[999].text, "999");
	ck_assert_str_eq(problems.at[0].text, "0");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("maps");
	TCase *rules = tcase_create("rules");

	tcase_add_checked_fixture(rules, set_up, tear_down);
	tcase_add_loop_test(rules, entry, 0, ROWS(entries));
	tcase_add_test(rules, case_counts_when_not_folded);
	tcase_add_test(rules, empty_list_has_nothing);
	tcase_add_test(rules, comments_blanks_and_line_ends);
	tcase_add_test(rules, twice_is_once);
	tcase_add_test(rules, files_and_options_add_up);
	tcase_add_loop_test(rules, bad_list, 0, ROWS(bad_lists));
	tcase_add_test(rules, longest_line);
	tcase_add_test(rules, twenty_problems_are_enough);
	tcase_add_test(rules, unreadable);
	tcase_add_test(rules, no_permission);
	tcase_add_test(rules, only_regular_files);
	tcase_add_loop_test(rules, map_lookup, 0, ROWS(owners));
	tcase_add_loop_test(rules, bad_map, 0, ROWS(bad_maps));
	tcase_add_test(rules, names_of_a_map_differ_by_case_when_not_folded);
	tcase_add_test(rules, large_files);
	tcase_add_test(rules, problems_are_printed_in_order);
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
