/*
 * test_codes.c - every code that is published, and what is known of it
 *
 * seed_codes.txt holds the codes of five pages that mail providers publish.
 * Where those pages are at hand ($FLOODGATE_SEEDS, or ../shared/seeds beside
 * the source), they are read themselves. enhanced_registry.tsv is the
 * registry, to compare with.
 */
#include "core/codes.h"

#include <check.h>
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

#define OCTETS_MAX (256 * 1024)
static char octets[OCTETS_MAX];

static const char *
source_path(const char *name, char *buffer, size_t size)
{
	const char *srcdir = getenv("srcdir");

	snprintf(buffer, size, "%s/%s", srcdir != NULL ? srcdir : ".", name);
	return buffer;
}

/* The whole file, with a NUL behind it. */
static char *
read_text(const char *path)
{
	FILE *from = fopen(path, "r");
	size_t length;

	ck_assert_msg(from != NULL, "cannot read %s", path);
	length = fread(octets, 1, sizeof(octets) - 1, from);
	fclose(from);
	ck_assert_uint_lt(length, sizeof(octets) - 1);
	octets[length] = '\0';
	return octets;
}

/* --- codes in the text of a page */

static bool
is_code_edge(char c, const char *others)
{
	return c == '\0' || (!isalnum((unsigned char)c) &&
	    strchr(others, c) == NULL);
}

static unsigned int
digits_at(const char *at)
{
	unsigned int count = 0;

	while (isdigit((unsigned char)at[count]))
		count++;
	return count;
}

/* Three digits that stand alone; "ID: 234" is a number of the page. */
static bool
is_basic(const char *start, const char *at)
{
	if (digits_at(at) != 3 || at[0] < '1' || at[0] > '5' ||
	    !is_code_edge(at[3], ".:/=]-"))
		return false;
	if (at == start)
		return true;
	return is_code_edge(at[-1], ".:/=[-") &&
	    (at < start + 2 || strncmp(at - 2, ": ", 2) != 0);
}

static bool
is_enhanced(const char *start, const char *at, unsigned int *subject,
    unsigned int *detail)
{
	unsigned int length;

	if (strchr("245", at[0]) == NULL || at[0] == '\0' || at[1] != '.' ||
	    (at > start && !is_code_edge(at[-1], ".")))
		return false;
	length = digits_at(at + 2);
	if (length < 1 || length > 3 || at[2 + length] != '.')
		return false;
	*subject = (unsigned int)atoi(at + 2);
	at += 3 + length;
	length = digits_at(at);
	*detail = (unsigned int)atoi(at);
	return length >= 1 && length <= 3 && at[length] != '.';
}

/* Every code in the text is known; how many there are. */
static int
check_text(const char *text, const char *name)
{
	unsigned int subject, detail;
	int count = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (is_basic(text, at)) {
			ck_assert_msg(basic_code_find((unsigned int)atoi(at))
			    != NULL, "%s: %.3s is not known", name, at);
			count++;
		}
		if (is_enhanced(text, at, &subject, &detail)) {
			ck_assert_msg(enhanced_code_find(subject, detail) !=
			    NULL, "%s: %.8s is not known", name, at);
			count++;
		}
	}
	return count;
}

START_TEST(published_codes_are_known)
{
	char path[4096];

	ck_assert_int_eq(check_text(read_text(source_path(
	    "tests/core/seed_codes.txt", path, sizeof(path))),
	    "seed_codes.txt"), 94);
}
END_TEST

START_TEST(published_pages_are_known)
{
	const char *folder = getenv("FLOODGATE_SEEDS");
	char pattern[4096];
	glob_t found;
	int count = 0;

	if (folder != NULL)
		snprintf(pattern, sizeof(pattern), "%s/*.txt", folder);
	else
		source_path("../shared/seeds/*.txt", pattern,
		    sizeof(pattern));
	if (glob(pattern, 0, NULL, &found) != 0) {
		ck_assert_msg(folder == NULL, "nothing in %s", pattern);
		return;		/* they are not at hand */
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		count += check_text(read_text(found.gl_pathv[i]),
		    found.gl_pathv[i]);
	globfree(&found);
	ck_assert_int_gt(count, 0);
}
END_TEST

/* --- the tables by themselves */

static void
check_sentence(const char *name, const char *text)
{
	size_t length = strlen(text);

	ck_assert_msg(length > 0 && text[length - 1] == '.',
	    "%s: no sentence: %s", name, text);
	for (const char *at = text; *at != '\0'; at++)
		ck_assert_msg(*at >= ' ' && *at <= '~', "%s: %s", name,
		    text);
}

START_TEST(basic_codes_are_in_order_and_explained)
{
	unsigned int before = 0;
	char name[8];

	for (size_t i = 0; i < basic_code_count(); i++) {
		const struct basic_code *code = basic_code_at(i);

		snprintf(name, sizeof(name), "%d", code->code);
		ck_assert_msg(code->code > before, "%s is out of order", name);
		before = code->code;
		ck_assert_str_ne(code->title, "");
		check_sentence(name, code->standard);
		if (code->practice[0] != '\0')
			check_sentence(name, code->practice);
		ck_assert_msg((code->listed & code->others) == 0,
		    "%s: a command is listed twice", name);
		if (code->listed != 0)
			ck_assert_msg(strstr(code->defined, "RFC 5321") !=
			    NULL, "%s is listed but not defined", name);
		ck_assert_ptr_eq(basic_code_find(code->code), code);
	}
	ck_assert_ptr_null(basic_code_find(999));
}
END_TEST

START_TEST(enhanced_codes_are_those_of_the_registry)
{
	char path[4096], *rest, *line;
	size_t rows = 0, registered = 0;

	for (line = strtok_r(read_text(source_path(
	    "tests/core/enhanced_registry.tsv", path, sizeof(path))), "\n",
	    &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		char basics[128], title[128], classes[8];
		unsigned int subject, detail;
		const struct enhanced_code *code;

		if (line[0] == '#')
			continue;
		ck_assert_int_eq(sscanf(line,
		    "%u.%u\t%127[^\t]\t%127[^\t]\t%7[^\t]", &subject, &detail,
		    basics, title, classes), 5);
		code = enhanced_code_find(subject, detail);
		ck_assert_msg(code != NULL &&
		    enhanced_code_is_registered(code), "%s", line);
		ck_assert_str_eq(code->basics, strcmp(basics, "-") == 0 ? "" :
		    basics);
		ck_assert_str_eq(code->classes, strcmp(classes, "*") == 0 ?
		    "245" : classes);
		if (title[0] != '(')
			ck_assert_str_eq(code->title, title);
		rows++;
	}
	for (size_t i = 0; i < enhanced_code_count(); i++)
		registered += enhanced_code_is_registered(
		    enhanced_code_at(i));
	ck_assert_uint_eq(rows, 81);
	ck_assert_uint_eq(registered, rows);
}
END_TEST

START_TEST(enhanced_codes_are_explained)
{
	for (size_t i = 0; i < enhanced_code_count(); i++) {
		const struct enhanced_code *code = enhanced_code_at(i);
		char name[16], basics[128], *rest, *basic;

		snprintf(name, sizeof(name), "X.%d.%d", code->subject,
		    code->detail);
		check_sentence(name, code->meaning);
		if (code->practice[0] != '\0')
			check_sentence(name, code->practice);
		ck_assert_msg(code->fits != 0, "%s fits nothing", name);
		ck_assert_ptr_nonnull(enhanced_subject_title(code->subject));
		snprintf(basics, sizeof(basics), "%s", code->basics);
		for (basic = strtok_r(basics, ",", &rest); basic != NULL;
		    basic = strtok_r(NULL, ",", &rest))
			if (isdigit((unsigned char)basic[1]))
				ck_assert_msg(basic_code_find((unsigned int)
				    atoi(basic)) != NULL, "%s lists %s", name,
				    basic);
	}
}
END_TEST

/* RFC 5321 4.3.2, but for 421, 500 and 501, which may answer any command. */
static const struct {
	enum verb verb;
	const char *codes;
} sequences[] = {
	{ VERB_connect, "220 554" },
	{ VERB_helo, "250 502 504 550" },
	{ VERB_mail, "250 451 452 455 503 550 552 553 555" },
	{ VERB_rcpt, "250 251 450 451 452 455 503 550 551 552 553 555" },
	{ VERB_data, "354 503 554" },
	{ VERB_content, "250 450 451 452 550 552 554" },
	{ VERB_rset, "250" },
	{ VERB_vrfy, "250 251 252 502 504 550 551 553" },
	{ VERB_expn, "250 252 502 504 550" },
	{ VERB_help, "211 214 502 504" },
	{ VERB_noop, "250" },
	{ VERB_quit, "221" },
};

START_TEST(commands_have_the_codes_of_the_standard)
{
	char listed[256] = "", number[8];

	for (size_t i = 0; i < basic_code_count(); i++) {
		const struct basic_code *code = basic_code_at(i);

		if ((code->listed & VERB_BIT(sequences[_i].verb)) == 0 ||
		    code->code == 421 || code->code == 500 ||
		    code->code == 501)
			continue;
		snprintf(number, sizeof(number), "%s%d",
		    listed[0] == '\0' ? "" : " ", code->code);
		strncat(listed, number, sizeof(listed) - strlen(listed) - 1);
	}
	ck_assert_msg(strcmp(listed, sequences[_i].codes) == 0,
	    "%s: %s, want %s", verb_title(sequences[_i].verb), listed,
	    sequences[_i].codes);
}
END_TEST

static const struct {
	const char *name;
	unsigned int subject, detail, basic;
	bool listed, may_be;
} listed_cases[] = {
	{ "X.7.1 lists 451", 7, 1, 451, true, true },
	{ "X.7.1 lists no 450, but the class", 7, 1, 450, false, true },
	{ "X.4.6 is for class 4 only", 4, 6, 550, false, false },
	{ "X.4.6 may be temporary", 4, 6, 450, false, true },
	{ "X.4.5 is for class 4 only", 4, 5, 550, false, false },
	{ "X.2.2 lists 552 although temporary", 2, 2, 552, true, true },
	{ "X.0.0 lists any", 0, 0, 599, true, true },
	{ "X.7.17 lists a class", 7, 17, 555, true, true },
	{ "X.7.17 does not list class 4", 7, 17, 455, false, true },
	{ "X.5.1 lists 555", 5, 1, 555, true, true },
};

START_TEST(listed_basic_codes)
{
	const struct enhanced_code *code = enhanced_code_find(
	    listed_cases[_i].subject, listed_cases[_i].detail);
	unsigned int basic = listed_cases[_i].basic;

	ck_assert_msg(enhanced_code_lists(code, basic) ==
	    listed_cases[_i].listed, "%s", listed_cases[_i].name);
	ck_assert_msg(enhanced_code_may_be(code, basic / 100) ==
	    listed_cases[_i].may_be, "%s", listed_cases[_i].name);
}
END_TEST

START_TEST(every_reply_is_explained_to_senders)
{
	for (int i = 0; i < REPLY_COUNT; i++) {
		const struct reply *reply = reply_of((enum reply_id)i);
		const struct reply_help *help =
		    reply_help_of((enum reply_id)i);

		ck_assert_msg(help->title != NULL, "%s", reply->name);
		ck_assert_uint_le(strlen(help->title), 60);
		check_sentence(reply->name, help->meaning);
		check_sentence(reply->name, help->advice);
		ck_assert_msg(basic_code_find(reply->basic) != NULL &&
		    enhanced_code_find(reply->subject, reply->detail) != NULL,
		    "%s: its codes are not known", reply->name);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("codes");
	TCase *tcase = tcase_create("codes");

	tcase_add_test(tcase, published_codes_are_known);
	tcase_add_test(tcase, published_pages_are_known);
	tcase_add_test(tcase, basic_codes_are_in_order_and_explained);
	tcase_add_loop_test(tcase, commands_have_the_codes_of_the_standard, 0,
	    ROWS(sequences));
	tcase_add_test(tcase, enhanced_codes_are_those_of_the_registry);
	tcase_add_test(tcase, enhanced_codes_are_explained);
	tcase_add_loop_test(tcase, listed_basic_codes, 0, ROWS(listed_cases));
	tcase_add_test(tcase, every_reply_is_explained_to_senders);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
