/*
 * test_confnotes.c - notes on replies: which are said, where, and silenced
 */
#include "io/conffile.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/codelint.h"
#include "core/check.h"
#include "../suite.h"

#define P(rules) "policy \"p\" {\n" rules "\n}\n"

static const struct {
	const char *name;
	const char *text;
	bool on_usual;
	size_t count;		/* notes */
	const char *says;	/* in the first, from the line's number on */
} cases[] = {
	{ "usual replies are not looked at",
	    P("limit \"quota_user\" { allow = {\"1/1h\"} }"), false, 0, NULL },
	{ "unless asked for",
	    P("limit \"quota_user\" { allow = {\"1/1h\"} }"), true, 2,
	    ":2: note: usual reply of limit quota_user: 5.4.6: " },
	{ "a reply of the file is noted at its line",
	    P("limit \"quota_user\" {\nallow = {\"1/1h\"}\n"
	    "reply = \"550 5.7.1 No\"\n}"), false, 1,
	    ":4: note: reply of limit quota_user: 550 is permanent" },
	{ "with the name of the note",
	    P("limit \"quota_user\" {\nallow = {\"1/1h\"}\n"
	    "reply = \"550 5.7.1 No\"\n}"), false, 1, " [permanent-limit]" },
	{ "a check is none that frees itself",
	    P("check \"helo_localhost\" {\nreply = \"550 5.7.1 No\"\n}"),
	    false, 0, NULL },
	{ "one kind is silenced",
	    P("limit \"quota_user\" {\nallow = {\"1/1h\"}\n"
	    "ignore_notes = \"permanent-limit\"\n"
	    "reply = \"550 5.4.6 No\"\n}"), false, 1, "[misused-enhanced]" },
	{ "several are silenced",
	    P("limit \"quota_user\" {\nallow = {\"1/1h\"}\nignore_notes = "
	    "{\"misused-enhanced\", \"permanent-limit\"}\n"
	    "reply = \"550 5.4.6 No\"\n}"), false, 0, NULL },
	{ "usual ones are silenced, too",
	    P("limit \"quota_user\" {\nallow = {\"1/1h\"}\nignore_notes = "
	    "{\"misused-enhanced\", \"permanent-limit\"}\n}"), true, 0, NULL },
	{ "a rule that is off says nothing",
	    P("limit \"quota_user\" {\nallow = {\"1/1h\"}\nmode = off\n"
	    "reply = \"550 5.4.6 No\"\n}"), false, 0, NULL },
	{ "450 is listed for RCPT",
	    P("check \"sender_null_authenticated\" {\n"
	    "reply = \"450 4.7.1 No\"\n}"), false, 0, NULL },
	{ "and not for MAIL, where early refusals are spoken",
	    "policy \"p\" {\nspeak = early\n"
	    "check \"sender_null_authenticated\" {\n"
	    "reply = \"450 4.7.1 No\"\n}\n}\n", false, 1,
	    ":4: note: reply of check sender_null_authenticated: 450 is not "
	    "listed for MAIL" },
	{ "a limit with a name of its own",
	    P("limit \"mine\" {\nper = {\"client\"}\ncount = messages\n"
	    "allow = {\"1/1h\"}\nreply = \"451 4.7.650 No\"\n}"), false, 1,
	    "limit mine: 4.7.650 is not in the registry" },
	{ "notes come in the order of the file",
	    P("limit \"quota_user\" {\nallow = {\"1/1h\"}\n"
	    "reply = \"550 5.7.1 No\"\n}\n"
	    "check \"helo_localhost\" {\nreply = \"522 5.7.1 No\"\n}"),
	    false, 2, ":4: note" },
};

static char directory[] = "/tmp/test_confnotes.XXXXXX";
static char path[sizeof(directory) + sizeof("/test.conf")];

static void
make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/test.conf", directory);
}

static void
remove_directory(void)
{
	(void)unlink(path);
	(void)rmdir(directory);
}

static struct config *
read_text(const char *text, struct problems *problems)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
	return conffile_read(path, problems);
}

START_TEST(replies_are_noted)
{
	struct problems problems, notes;
	struct config *config;

	problems_init(&problems);
	problems_init(&notes);
	problems.notes = &notes;
	problems.notes_on_usual = cases[_i].on_usual;
	config = read_text(cases[_i].text, &problems);
	ck_assert_msg(config != NULL, "%s: %s", cases[_i].name,
	    problems.count > 0 ? problems.at[0].text : "");
	ck_assert_msg(notes.count == cases[_i].count, "%s: %zu notes: %s",
	    cases[_i].name, notes.count, notes.count > 0 ?
	    notes.at[0].text : "");
	if (cases[_i].says != NULL) {
		char line[1200];

		snprintf(line, sizeof(line), ":%d: %s", notes.at[0].line,
		    notes.at[0].text);
		ck_assert_msg(strstr(line, cases[_i].says) != NULL, "%s: %s",
		    cases[_i].name, line);
	}
	problems_clear(&problems);
	problems_clear(&notes);
	config_close(&config);
}
END_TEST

/* Who does not ask, as the daemon, sees problems alone. */
START_TEST(notes_are_no_problems)
{
	struct problems problems;
	struct config *config;

	problems_init(&problems);
	config = read_text(P("limit \"quota_user\" {\nallow = {\"1/1h\"}\n"
	    "reply = \"550 5.4.6 No\"\n}"), &problems);
	ck_assert_ptr_nonnull(config);
	ck_assert_uint_eq(problems.count, 0);
	config_close(&config);
	problems_clear(&problems);
}
END_TEST

static const struct {
	const char *name, *text, *says;
	int line;
} errors[] = {
	{ "a connection is refused with 421",
	    P("limit \"client_connections\" {\nallow = \"2\"\n"
	    "reply = \"450 4.7.0 No\"\n}"),
	    "reply: connections are refused with 421: 450 would lose", 4 },
	{ "so is one too many in an hour",
	    P("limit \"mine\" {\nper = {\"client\"}\ncount = connections\n"
	    "allow = {\"2/1h\"}\nreply = \"554 5.7.1 No\"\n}"),
	    "reply: connections are refused with 421: 554 would lose", 6 },
	{ "a note that there is not",
	    P("check \"helo_localhost\" {\nignore_notes = \"permanent\"\n}"),
	    "ignore_notes: expected notes among: unlisted-code, "
	    "unregistered-enhanced, misused-enhanced, permanent-limit, saw "
	    "\"permanent\"", 3 },
	{ "one nearly",
	    P("check \"helo_localhost\" {\n"
	    "ignore_notes = \"permanent_limit\"\n}"),
	    "did you mean permanent-limit?", 3 },
	{ "a note twice",
	    P("check \"helo_localhost\" {\nignore_notes = "
	    "{\"unlisted-code\", \"unlisted-code\"}\n}"),
	    "ignore_notes: expected each note once", 3 },
};

START_TEST(what_cannot_work_is_refused)
{
	struct problems problems;
	struct config *config;

	problems_init(&problems);
	config = read_text(errors[_i].text, &problems);
	ck_assert_msg(config == NULL && problems.count == 1, "%s: %zu "
	    "problems", errors[_i].name, problems.count);
	ck_assert_msg(strstr(problems.at[0].text, errors[_i].says) != NULL,
	    "%s: %s", errors[_i].name, problems.at[0].text);
	ck_assert_int_eq(problems.at[0].line, errors[_i].line);
	problems_clear(&problems);
}
END_TEST

/* As `floodgate -T` prints them, they are read again. */
START_TEST(silenced_notes_are_printed)
{
	struct problems problems;
	struct config *config;
	char printed[16384];
	FILE *to = fmemopen(printed, sizeof(printed), "w");

	problems_init(&problems);
	config = read_text(P("check \"helo_localhost\" {\nignore_notes = "
	    "{\"permanent-limit\", \"unlisted-code\"}\n}"), &problems);
	ck_assert_ptr_nonnull(config);
	conffile_print(config, to);
	fclose(to);
	config_close(&config);
	ck_assert_ptr_nonnull(strstr(printed, "ignore_notes = "
	    "{\"unlisted-code\", \"permanent-limit\"}\n"));
	config = read_text(printed, &problems);
	ck_assert_ptr_nonnull(config);
	ck_assert_uint_eq(config->policies[0].rules[0].with.ignore_notes,
	    1u << CODE_NOTE_unlisted_code | 1u << CODE_NOTE_permanent_limit);
	config_close(&config);
	problems_clear(&problems);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("confnotes");
	TCase *tcase = tcase_create("confnotes");

	tcase_add_unchecked_fixture(tcase, make_directory, remove_directory);
	tcase_add_loop_test(tcase, replies_are_noted, 0, ROWS(cases));
	tcase_add_test(tcase, notes_are_no_problems);
	tcase_add_loop_test(tcase, what_cannot_work_is_refused, 0,
	    ROWS(errors));
	tcase_add_test(tcase, silenced_notes_are_printed);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
