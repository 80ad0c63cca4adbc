/*
 * test_lookup.c - lists and maps that are kept elsewhere, and what rules make
 * of answers that are missing, old, or cannot be had
 */
#include "core/policy.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "../suite.h"

#define LISTS (1u << FACT_lists)

static const struct list_source sources[] = {
	{ "k0", "list l0", false }, { "k1", "list l1", false },
	{ "k2", "map m2", true }
};
static const struct list lists[] = {
	{ .name = "l0", .source = &sources[0] },
	{ .name = "l1", .source = &sources[1] },
};
static const struct map map = { .name = "m2", .source = &sources[2] };
static const struct list *const both[] = { &lists[0], &lists[1] };

/* One policy whose match may name lists, and one behind it for all. */
static struct rule rules[2];
static struct policy policies[2] = {
	{ .name = "first", .rules = &rules[0], .rule_count = 1 },
	{ .name = "second", .rules = &rules[1], .rule_count = 1 },
};
static struct config config = {
	.folding = { true, "" }, .policies = policies, .policy_count = 2,
};
static struct session session;
static struct path recipient;
static struct list_facts list_facts;
static struct facts facts;
static struct verdict verdict;
static struct trace trace;

static void
set_up(void)
{
	struct event connect = { .stage = STAGE_CONNECT,
	    .client_name = "mx.example.org" };
	const struct event mail = { .stage = STAGE_MAIL,
	    .path = "<a@example.org>" };

	memset(rules, 0, sizeof(rules));
	for (int i = 0; i < 2; i++) {
		policies[i].has_match = false;
		memset(&policies[i].match, 0, sizeof(policies[i].match));
		memset(&policies[i].with, 0, sizeof(policies[i].with));
		rules[i].name = "recipient_denied";
		rules[i].check = check_of(CHECK_recipient_denied);
		rules[i].with.reply = reply_of(REPLY_sender_denied);
	}
	ck_assert(ip_parse("192.0.2.1", &connect.client));
	session_init(&session);
	session_apply(&session, &connect);
	session_apply(&session, &mail);
	list_facts_init(&list_facts);
	memset(&facts, 0, sizeof(facts));
	facts.lists = &list_facts;
}

static unsigned int
judge(void)
{
	const struct event event = { .stage = STAGE_RCPT,
	    .recipient = &recipient };

	path_parse("<bob@example.com>", &recipient);
	return policy_judge(&config, &session, &event, &facts, &verdict,
	    &trace);
}

/* All that is wanted of this source. */
static size_t
answer(const struct list_source *source, enum list_status status,
    bool is_old)
{
	size_t count = 0;

	for (size_t i = 0; i < list_facts.count; i++) {
		if (list_facts.questions[i].source != source ||
		    list_facts.answers[i].status != LIST_WANTED)
			continue;
		list_facts.answers[i].status = status;
		list_facts.answers[i].is_old = is_old;
		count++;
	}
	return count;
}

static size_t
wanted(void)
{
	size_t count = 0;

	for (size_t i = 0; i < list_facts.count; i++)
		count += list_facts.answers[i].status == LIST_WANTED;
	return count;
}

START_TEST(both_lists_are_asked_at_once)
{
	rules[0].checks.lists = (struct lists){ both, 2 };
	ck_assert_uint_eq(judge(), LISTS);
	ck_assert_uint_eq(wanted(), 2);
	ck_assert_uint_eq(answer(&sources[0], LIST_NONE, false), 1);
	ck_assert_uint_eq(answer(&sources[1], LIST_FOUND, false), 1);
	ck_assert_uint_eq(judge(), 0);
	ck_assert(verdict.refused && !verdict.in_doubt);
	ck_assert_ptr_eq(verdict.reply, rules[0].with.reply);
}
END_TEST

/* What one list has is certain, whatever becomes of the other. */
START_TEST(one_that_has_it_is_enough)
{
	rules[0].checks.lists = (struct lists){ both, 2 };
	ck_assert_uint_eq(judge(), LISTS);
	answer(&sources[0], LIST_FAILED, false);
	answer(&sources[1], LIST_FOUND, false);
	ck_assert_uint_eq(judge(), 0);
	ck_assert(verdict.refused && !verdict.in_doubt);
	ck_assert(reply_is_permanent(verdict.reply));
}
END_TEST

/* What is found in memory needs no answer. */
START_TEST(here_comes_first)
{
	static const char *names[2];
	struct list here = { .name = "here", .names = { names, 2, 1 } };
	const struct list *at[] = { &lists[0], &here };
	const struct name_table empty = { (const char *[]){ NULL, NULL }, 2,
	    0 };

	names[0] = names[1] = NULL;
	names[name_table_slot(&empty, "bob@")] = "bob@";
	rules[0].checks.lists = (struct lists){ at, 2 };
	ck_assert_uint_eq(judge(), 0);
	ck_assert(verdict.refused);
	ck_assert_uint_eq(list_facts.count, 0);
}
END_TEST

/* A cheaper rule that refuses asks nothing, and neither does one that is off. */
START_TEST(only_what_is_due_is_asked)
{
	rules[0].checks.lists = (struct lists){ both, 2 };
	rules[0].with.mode = MODE_OFF;
	ck_assert_uint_eq(judge(), 0);
	ck_assert(!verdict.refused);
	ck_assert_uint_eq(list_facts.count, 0);
}
END_TEST

static const struct {
	const char *name;
	enum on_failure on_failure;
	enum list_status status;
	bool is_old;
	const char *want;	/* reply's name, or "" */
} failures[] = {
	{ "local, nothing known", ON_FAILURE_LOCAL, LIST_FAILED, false, "" },
	{ "local, was listed", ON_FAILURE_LOCAL, LIST_FOUND, true,
	    "lookup_failed" },
	{ "local, was not", ON_FAILURE_LOCAL, LIST_NONE, true, "" },
	{ "accept, nothing known", ON_FAILURE_ACCEPT, LIST_FAILED, false,
	    "" },
	{ "accept, was listed", ON_FAILURE_ACCEPT, LIST_FOUND, true, "" },
	{ "defer, nothing known", ON_FAILURE_DEFER, LIST_FAILED, false,
	    "lookup_failed" },
	{ "defer, was not", ON_FAILURE_DEFER, LIST_NONE, true,
	    "lookup_failed" },
};

START_TEST(on_failure_decides)
{
	rules[0].checks.lists = (struct lists){ both, 1 };
	rules[0].with.on_failure = failures[_i].on_failure;
	ck_assert_uint_eq(judge(), LISTS);
	answer(&sources[0], failures[_i].status, failures[_i].is_old);
	ck_assert_uint_eq(judge(), 0);
	ck_assert_msg(verdict.refused == (failures[_i].want[0] != '\0'), "%s",
	    failures[_i].name);
	if (!verdict.refused)
		return;
	ck_assert_str_eq(verdict.reply->name, failures[_i].want);
	ck_assert_str_eq(verdict.found.subject, "bob@example.com");
}
END_TEST

/* The second policy, which matches anyhow, waits for what the first says. */
START_TEST(match_is_asked_first)
{
	policies[0].has_match = true;
	policies[0].match.clients = (struct lists){ both, 1 };
	policies[0].match.senders = (struct lists){ both + 1, 1 };
	rules[1].checks.lists = (struct lists){ both, 1 };
	ck_assert_uint_eq(judge(), LISTS);
	/* Address, name and sender, in one trip. */
	ck_assert_uint_eq(wanted(), 3);
	answer(&sources[0], LIST_FOUND, false);
	answer(&sources[1], LIST_NONE, false);
	ck_assert_uint_eq(judge(), LISTS);
	ck_assert_uint_eq(answer(&sources[0], LIST_FOUND, false), 1);
	ck_assert_uint_eq(judge(), 0);
	ck_assert(verdict.refused && !verdict.in_doubt);
	ck_assert_ptr_eq(verdict.policy, &policies[1]);
	ck_assert(reply_is_permanent(verdict.reply));
}
END_TEST

/* What is certain not to match needs no answer to the rest. */
START_TEST(certain_no_needs_no_answer)
{
	static const struct list none = { .name = "none" };
	static const struct list *const empty[] = { &none };

	policies[0].has_match = true;
	policies[0].match.clients = (struct lists){ both, 1 };
	policies[0].match.recipients = (struct lists){ empty, 1 };
	ck_assert_uint_eq(judge(), 0);
	ck_assert_ptr_eq(verdict.policy, &policies[1]);
	ck_assert(!verdict.in_doubt);
}
END_TEST

/* Neither does it need one that cannot be had. */
START_TEST(certain_no_is_not_in_doubt)
{
	policies[0].has_match = true;
	policies[0].match.clients = (struct lists){ both, 1 };
	policies[0].match.senders = (struct lists){ both + 1, 1 };
	rules[1].checks.lists = (struct lists){ both + 1, 1 };
	ck_assert_uint_eq(judge(), LISTS);
	answer(&sources[0], LIST_FAILED, false);
	answer(&sources[1], LIST_NONE, false);
	ck_assert_uint_eq(judge(), LISTS);
	answer(&sources[1], LIST_FOUND, false);
	ck_assert_uint_eq(judge(), 0);
	ck_assert(verdict.refused && !verdict.in_doubt);
	ck_assert_ptr_eq(verdict.policy, &policies[1]);
}
END_TEST

START_TEST(doubtful_no_is_in_doubt)
{
	policies[0].has_match = true;
	policies[0].match.clients = (struct lists){ both, 1 };
	rules[1].checks.lists = (struct lists){ both + 1, 1 };
	ck_assert_uint_eq(judge(), LISTS);
	answer(&sources[0], LIST_FAILED, false);
	ck_assert_uint_eq(judge(), LISTS);
	answer(&sources[1], LIST_FOUND, false);
	ck_assert_uint_eq(judge(), 0);
	ck_assert(verdict.refused && verdict.in_doubt);
	ck_assert_str_eq(verdict.reply->name, "lookup_failed");
	ck_assert_str_eq(verdict.found.subject, "192.0.2.1");
}
END_TEST

START_TEST(nothing_is_refused_for_good_in_doubt)
{
	static const struct except_entry entry = {
		SUBJECT_SENDER, &lists[1]
	};

	rules[0].checks.lists = (struct lists){ both, 1 };
	rules[0].with.except = (struct except){ &entry, 1 };
	ck_assert_uint_eq(judge(), LISTS);
	/* Exception and check, in one trip. */
	ck_assert_uint_eq(wanted(), 2);
	answer(&sources[0], LIST_FOUND, false);
	answer(&sources[1], LIST_FAILED, false);
	ck_assert_uint_eq(judge(), 0);
	ck_assert(verdict.refused && verdict.in_doubt);
	ck_assert_str_eq(verdict.reply->name, "lookup_failed");
	ck_assert_str_eq(verdict.found.subject, "a@example.org");
}
END_TEST

START_TEST(limits_wait_for_their_exceptions)
{
	static const struct except_entry entry = {
		SUBJECT_RECIPIENT, &lists[1]
	};
	static const struct window_rule window = {
		.rate = { 1, 1000 }, .label = "1s", .field = "x/1s"
	};

	rules[0] = (struct rule){ .name = "x", .limits = {
		.per = { .at = { KEY_client }, .count = 1 },
		.count = COUNT_messages, .allow = { &window, 1 },
		.ipv4_prefix = 32, .ipv6_prefix = 64 } };
	rules[0].with.reply = reply_of(REPLY_sender_denied);
	rules[0].with.except = (struct except){ &entry, 1 };
	ck_assert_uint_eq(judge(), LISTS);
	answer(&sources[1], LIST_FAILED, false);
	ck_assert_uint_eq(judge(), 1u << FACT_counters);
	facts.have = 1u << FACT_counters;
	facts.counters = (struct charge_answer){ .status = CHARGE_REFUSED };
	ck_assert_uint_eq(judge(), 0);
	ck_assert(verdict.refused);
	ck_assert_str_eq(verdict.reply->name, "lookup_failed");
}
END_TEST

START_TEST(map_elsewhere)
{
	struct occasion occasion = { .config = &config,
	    .session = &session, .lists = &list_facts };

	path_parse("<bob@example.com>", &recipient);
	ck_assert_ptr_null(lookup_map(&map, &recipient, &occasion));
	ck_assert(list_facts.doubt.is_missing);
	answer(&sources[2], LIST_FOUND, false);
	list_facts.answers[0].value = "alice";
	list_doubt_clear(&list_facts.doubt);
	ck_assert_str_eq(lookup_map(&map, &recipient, &occasion), "alice");
	ck_assert(!list_facts.doubt.is_missing);
	/* Whether a mailbox exists is another question. */
	ck_assert(!mailbox_exists(&(struct lists){ both, 0 }, &map,
	    &recipient, &occasion));
	ck_assert(list_facts.doubt.is_missing);
	ck_assert_uint_eq(list_facts.count, 2);
	ck_assert_int_eq(list_facts.questions[1].kind, LIST_KIND_MAILBOX);
}
END_TEST

START_TEST(too_many_questions_have_failed)
{
	struct list_question question = { .source = &sources[0],
	    .kind = LIST_KIND_DOMAIN };
	char names[LIST_FACTS_MAX + 1][8];

	for (int i = 0; i <= LIST_FACTS_MAX; i++) {
		struct text text;

		TEXT_INIT(&text, names[i]);
		text_put_number(&text, i);
		question.text = names[i];
		ck_assert_ptr_null(list_ask(&list_facts, &question));
		ck_assert(list_facts.doubt.has_failed ==
		    (i == LIST_FACTS_MAX));
	}
}
END_TEST

/* --- spellings */

static bool
gather(void *context, const char *octets, size_t length)
{
	struct text *text = context;

	ck_assert_uint_eq(strlen(octets), length);
	text_put(text, octets);
	text_put_char(text, ' ');
	return false;
}

static const struct {
	enum list_kind kind;
	const char *of, *want;
} spelled[] = {
	{ LIST_KIND_PATH, "<Joe+T@A.B.C>", "joe+t@a.b.c joe@a.b.c joe+t@ joe@ "
	    "@a.b.c a.b.c @.b.c .b.c @.c .c " },
	{ LIST_KIND_MAILBOX, "<joe@a.b>", "joe@a.b joe@ @a.b @.b " },
	{ LIST_KIND_PATH, "<Joe>", "joe@ " },
	{ LIST_KIND_PATH, "<\"A b\"@c>", "a b@c a b@ @c c " },
	{ LIST_KIND_PATH, "<>", "" },
	{ LIST_KIND_PATH, "<a@b", "" },
	{ LIST_KIND_DOMAIN, "A.B.c.", "a.b.c .b.c .c " },
	{ LIST_KIND_DOMAIN, "", "" },
	{ LIST_KIND_USER, "Bob", "bob " },
	{ LIST_KIND_USER, "Bob@C.d", "bob@c.d bob@ @c.d c.d @.d .d " },
	{ LIST_KIND_IP, "192.0.2.129", "192.0.2.129 192.0.2.128/31 "
	    "192.0.2.128/30 192.0.2.128/29 192.0.2.128/28 192.0.2.128/27 "
	    "192.0.2.128/26 192.0.2.128/25 192.0.2.0/24 192.0.2.0/23 "
	    "192.0.0.0/22 192.0.0.0/21 192.0.0.0/20 192.0.0.0/19 "
	    "192.0.0.0/18 192.0.0.0/17 192.0.0.0/16 192.0.0.0/15 "
	    "192.0.0.0/14 192.0.0.0/13 192.0.0.0/12 192.0.0.0/11 "
	    "192.0.0.0/10 192.0.0.0/9 192.0.0.0/8 192.0.0.0/7 192.0.0.0/6 "
	    "192.0.0.0/5 192.0.0.0/4 192.0.0.0/3 192.0.0.0/2 128.0.0.0/1 "
	    "0.0.0.0/0 " },
};

START_TEST(spellings)
{
	static const struct folding folding = { true, "+" };
	struct list_question question = { .kind = spelled[_i].kind,
	    .text = spelled[_i].of, .path = &recipient };
	char got[2048];
	struct text text;

	path_parse(spelled[_i].of, &recipient);
	(void)ip_parse(spelled[_i].of, &question.ip);
	TEXT_INIT(&text, got);
	ck_assert(!list_question_spell(&question, &folding, gather, &text));
	ck_assert_str_eq(got, spelled[_i].want);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lookup");
	TCase *elsewhere = tcase_create("elsewhere");

	tcase_add_checked_fixture(elsewhere, set_up, NULL);
	tcase_add_test(elsewhere, both_lists_are_asked_at_once);
	tcase_add_test(elsewhere, one_that_has_it_is_enough);
	tcase_add_test(elsewhere, here_comes_first);
	tcase_add_test(elsewhere, only_what_is_due_is_asked);
	tcase_add_loop_test(elsewhere, on_failure_decides, 0,
	    ROWS(failures));
	tcase_add_test(elsewhere, match_is_asked_first);
	tcase_add_test(elsewhere, certain_no_needs_no_answer);
	tcase_add_test(elsewhere, certain_no_is_not_in_doubt);
	tcase_add_test(elsewhere, doubtful_no_is_in_doubt);
	tcase_add_test(elsewhere, nothing_is_refused_for_good_in_doubt);
	tcase_add_test(elsewhere, limits_wait_for_their_exceptions);
	tcase_add_test(elsewhere, map_elsewhere);
	tcase_add_test(elsewhere, too_many_questions_have_failed);
	tcase_add_loop_test(elsewhere, spellings, 0, ROWS(spelled));
	suite_add_tcase(suite, elsewhere);
	return run_suite(suite);
}
