/*
 * test_policy.c - which policy speaks, in which order, and what it says
 */
#include "core/policy.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

#define COUNTERS (1u << FACT_counters)

/* One list with 192.0.2.0/24, built by hand; lists are const in a rule. */
static struct ip_range range;
static struct list inside;
static const struct list *inside_at[1];
static struct except_entry inside_except;

static struct config config;
static struct policy policies[2];
static struct rule rules[2][3];
static const struct window_rule window = { { 10, 3600000 }, "1h", "q/1h" };

static struct session session;
static struct facts facts;
static struct verdict verdict;
static struct trace trace;
static struct path recipient;
static bool misset;		/* what the store says with UNAVAILABLE */

static struct rule
check_rule(const char *name)
{
	const struct check_row *row = check_find(name);

	ck_assert_ptr_nonnull(row);
	return (struct rule){ .name = name, .check = row,
	    .with = { .reply = reply_of(row->reply) } };
}

static struct rule
limit_rule(const char *name, enum key key, enum count count)
{
	struct rule rule = { .name = name, .with = { .reply =
	    reply_of(limit_find(name)->reply) },
	    .limits = { .count = count, .allow = { &window, 1 },
	    .ipv4_prefix = 32, .ipv6_prefix = 64 } };

	rule.limits.per.at[0] = key;
	rule.limits.per.count = 1;
	return rule;
}

/*
 * "users": for the authenticated; the null sender, then a quota.
 * "others": recipient of the form user@domain, at most one recipient.
 */
static void
setup(void)
{
	struct ip_net net;
	const char *why;

	ck_assert(ip_net_parse("192.0.2.0/24", &net, &why));
	ip_range_of(&net, &range);
	inside.name = "inside";
	inside.networks = (struct ip_set){ &range, 1 };
	inside_at[0] = &inside;
	inside_except = (struct except_entry){ SUBJECT_CLIENT_OR_USER,
	    &inside };
	rules[0][0] = check_rule("sender_null_authenticated");
	rules[0][1] = limit_rule("quota_user", KEY_user, COUNT_recipients);
	rules[1][0] = check_rule("too_many_recipients");
	rules[1][0].checks.max = 1;
	rules[1][1] = check_rule("helo_not_fqdn");
	policies[0] = (struct policy){ .name = "users", .has_match = true,
	    .match = { .authenticated = TRISTATE_TRUE }, .rules = rules[0],
	    .rule_count = 2 };
	policies[1] = (struct policy){ .name = "others", .rules = rules[1],
	    .rule_count = 2 };
	memset(&config, 0, sizeof(config));
	config.global.hostname = "";
	config.folding = (struct folding){ true, "" };
	config.policies = policies;
	config.policy_count = 2;
}

static void
connect_and_mail(const char *address, const char *user, const char *sender)
{
	struct event connect = { .stage = STAGE_CONNECT };
	const struct event helo = { .stage = STAGE_HELO, .helo = "single" };
	const struct event mail = { .stage = STAGE_MAIL, .path = sender,
	    .user = user };

	ck_assert(ip_parse(address, &connect.client));
	session_apply(&session, &connect);
	session_apply(&session, &helo);
	session_apply(&session, &mail);
}

static unsigned int
judge(enum stage stage)
{
	const struct event event = { .stage = stage,
	    .recipient = stage == STAGE_RCPT ? &recipient : NULL };

	path_parse("<bob@example.net>", &recipient);
	return policy_judge(&config, &session, &event, &facts, &verdict,
	    &trace);
}

/* Judge a recipient whose charges the store answers so. */
static void
judge_with_store(enum charge_status status, int64_t used)
{
	facts.have = 0;
	ck_assert_uint_eq(judge(STAGE_RCPT), COUNTERS);
	facts.counters = (struct charge_answer){ .status = status,
	    .misset = misset, .retry_ms = 1000, .used = { used } };
	facts.have = COUNTERS;
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
}

START_TEST(first_match_speaks)
{
	const struct occasion occasion = {
		.config = &config, .session = &session
	};

	facts.have = 0;
	connect_and_mail("203.0.113.1", "alice", "<a@example.org>");
	ck_assert_ptr_eq(policy_select(&occasion),
	    &policies[0]);
	connect_and_mail("203.0.113.1", NULL, "<a@example.org>");
	ck_assert_ptr_eq(policy_select(&occasion),
	    &policies[1]);
	policies[1].with.except = (struct except){ &inside_except, 1 };
	connect_and_mail("192.0.2.1", NULL, "<a@example.org>");
	ck_assert_ptr_null(policy_select(&occasion));
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert(!verdict.refused);
}
END_TEST

START_TEST(checks_come_before_counters)
{
	facts.have = 0;
	connect_and_mail("203.0.113.1", "alice", "<>");
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert(verdict.refused);
	ck_assert_ptr_eq(verdict.rule, &rules[0][0]);
	ck_assert_ptr_eq(verdict.reply,
	    reply_of(REPLY_sender_null_authenticated));
	ck_assert_uint_eq(facts.charges.count, 0);
}
END_TEST

START_TEST(nothing_is_spoken_before_rcpt)
{
	connect_and_mail("203.0.113.1", "alice", "<>");
	for (int stage = STAGE_CONNECT; stage <= STAGE_MAIL; stage++) {
		facts.have = 0;
		ck_assert_uint_eq(judge((enum stage)stage), 0);
		ck_assert(!verdict.refused);
	}
	policies[0].with.speak = SPEAK_EARLY;
	ck_assert_uint_eq(judge(STAGE_MAIL), 0);
	ck_assert(verdict.refused);
}
END_TEST

START_TEST(a_full_counter_refuses)
{
	connect_and_mail("203.0.113.1", "alice", "<a@example.org>");
	judge_with_store(CHARGE_REFUSED, 10);
	ck_assert(verdict.refused);
	ck_assert_ptr_eq(verdict.rule, &rules[0][1]);
	ck_assert_ptr_eq(verdict.charge, &facts.charges.at[0]);
	ck_assert_int_eq(verdict.used, 10);
	ck_assert_int_eq(verdict.retry_ms, 1000);
	judge_with_store(CHARGE_ALLOWED, 10);
	ck_assert(!verdict.refused);
}
END_TEST

START_TEST(observed_rules_refuse_nothing)
{
	connect_and_mail("203.0.113.1", "alice", "<>");
	rules[0][0].with.mode = MODE_OBSERVE;
	rules[0][1].with.mode = MODE_OBSERVE;
	judge_with_store(CHARGE_ALLOWED, 11);
	ck_assert(!verdict.refused);
	ck_assert_uint_eq(verdict.observed_count, 2);
	ck_assert_ptr_eq(verdict.observed[1], &rules[0][1]);
	ck_assert(facts.charges.at[0].observe);
	judge_with_store(CHARGE_ALLOWED, 10);
	ck_assert_uint_eq(verdict.observed_count, 1);
}
END_TEST

START_TEST(off_and_exempt_rules_are_not_asked)
{
	facts.have = 0;
	connect_and_mail("192.0.2.1", "alice", "<>");
	rules[0][0].with.mode = MODE_OFF;
	rules[0][1].with.except = (struct except){ &inside_except, 1 };
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert(!verdict.refused);
	ck_assert_uint_eq(trace.count, 2);
	ck_assert_int_eq(trace.steps[0].outcome, OUTCOME_OFF);
	ck_assert_int_eq(trace.steps[1].outcome, OUTCOME_EXEMPT);
}
END_TEST

static const struct {
	const char *name;
	enum on_failure on_failure;
	enum mode mode;
	bool misset;
	enum reply_id want;	/* REPLY_COUNT: not refused */
} failures[] = {
	{ "accept", ON_FAILURE_ACCEPT, MODE_ENFORCE, false, REPLY_COUNT },
	{ "defer", ON_FAILURE_DEFER, MODE_ENFORCE, false,
	    REPLY_store_unavailable },
	{ "set up wrongly, accept", ON_FAILURE_ACCEPT, MODE_ENFORCE, true,
	    REPLY_COUNT },
	{ "set up wrongly, defer", ON_FAILURE_DEFER, MODE_ENFORCE, true,
	    REPLY_config_error },
	{ "an observed rule never defers", ON_FAILURE_DEFER, MODE_OBSERVE,
	    false, REPLY_COUNT },
};

START_TEST(store_down)
{
	connect_and_mail("203.0.113.1", "alice", "<a@example.org>");
	rules[0][1].with.on_failure = failures[_i].on_failure;
	rules[0][1].with.mode = failures[_i].mode;
	misset = failures[_i].misset;
	judge_with_store(CHARGE_UNAVAILABLE, 0);
	ck_assert_msg(verdict.refused == (failures[_i].want != REPLY_COUNT),
	    "%s", failures[_i].name);
	if (verdict.refused) {
		ck_assert_ptr_eq(verdict.reply, reply_of(failures[_i].want));
		ck_assert(!reply_is_permanent(verdict.reply));
	}
}
END_TEST

/*
 * Two limits of 10, on the user and on the client; the store is down, and
 * the embedded one answers. `asked`: how many charges it is asked for.
 */
static const struct {
	const char *name;
	enum on_failure user, client;
	enum charge_status local;
	size_t asked, refused;
	int64_t used;
	enum reply_id want;	/* REPLY_COUNT: not refused */
} locals[] = {
	{ "both pass", ON_FAILURE_LOCAL, ON_FAILURE_LOCAL, CHARGE_ALLOWED,
	    2, 0, 1, REPLY_COUNT },
	{ "only the local one is asked", ON_FAILURE_ACCEPT, ON_FAILURE_LOCAL,
	    CHARGE_ALLOWED, 1, 0, 1, REPLY_COUNT },
	{ "one that defers defers all, and nothing is counted",
	    ON_FAILURE_LOCAL, ON_FAILURE_DEFER, CHARGE_ALLOWED, 0, 0, 0,
	    REPLY_store_unavailable },
	{ "the limit is reached here alone", ON_FAILURE_LOCAL,
	    ON_FAILURE_ACCEPT, CHARGE_REFUSED, 1, 0, 10, REPLY_quota_user },
	{ "only the share is used up: not for good", ON_FAILURE_LOCAL,
	    ON_FAILURE_ACCEPT, CHARGE_REFUSED, 1, 0, 5,
	    REPLY_store_unavailable },
	{ "only the share is used up: 4yz as it is", ON_FAILURE_LOCAL,
	    ON_FAILURE_LOCAL, CHARGE_REFUSED, 2, 1, 5,
	    REPLY_rate_client_recipients },
	{ "even that one has no memory", ON_FAILURE_LOCAL, ON_FAILURE_ACCEPT,
	    CHARGE_UNAVAILABLE, 1, 0, 0, REPLY_COUNT },
};

START_TEST(store_down_and_decided_here)
{
	const char *name = locals[_i].name;

	connect_and_mail("203.0.113.1", "alice", "<a@example.org>");
	rules[0][1].with.on_failure = locals[_i].user;
	rules[0][2] = limit_rule("rate_client_recipients", KEY_client,
	    COUNT_recipients);
	rules[0][2].with.on_failure = locals[_i].client;
	policies[0].rule_count = 3;
	facts.have = 0;
	ck_assert_uint_eq(judge(STAGE_RCPT), COUNTERS);
	ck_assert_uint_eq(facts.charges.count, 2);
	facts.counters = (struct charge_answer){ .status = CHARGE_UNAVAILABLE };
	facts.have = COUNTERS;
	ck_assert_msg(judge(STAGE_RCPT) == (locals[_i].asked > 0 ?
	    1u << FACT_local_counters : 0), "%s", name);
	if (locals[_i].asked > 0) {
		ck_assert_uint_eq(facts.local_count, locals[_i].asked);
		facts.have |= 1u << FACT_local_counters;
		facts.counters.status = locals[_i].local;
		facts.counters.refused = locals[_i].refused;
		facts.counters.used[locals[_i].refused] = locals[_i].used;
		ck_assert_uint_eq(judge(STAGE_RCPT), 0);
		ck_assert_uint_eq(facts_counted(&facts), locals[_i].asked);
		for (size_t i = 0; i < locals[_i].asked; i++)
			ck_assert_int_eq(facts.charges.at[i].rule->
			    with.on_failure, ON_FAILURE_LOCAL);
	}
	ck_assert_uint_eq(trace.count, 3);
	ck_assert_msg(verdict.refused == (locals[_i].want != REPLY_COUNT),
	    "%s", name);
	if (verdict.refused)
		ck_assert_msg(verdict.reply == reply_of(locals[_i].want),
		    "%s", name);
}
END_TEST

START_TEST(connections_are_judged_at_connect)
{
	facts.have = 0;
	rules[1][2] = limit_rule("client_connection_rate", KEY_client,
	    COUNT_connections);
	policies[1].rule_count = 3;
	connect_and_mail("203.0.113.1", NULL, "<a@example.org>");
	ck_assert_uint_eq(judge(STAGE_CONNECT), COUNTERS);
	ck_assert_uint_eq(facts.charges.count, 1);
	ck_assert_str_eq(facts.charges.at[0].subject, "client:203.0.113.1");
	rules[1][1].with.mode = MODE_OFF;	/* the HELO name is refused */
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert_uint_eq(facts.charges.count, 0);
	ck_assert(!verdict.refused);
}
END_TEST

START_TEST(size_is_judged_again_at_the_end)
{
	facts.have = 0;
	rules[1][0] = check_rule("message_too_big");
	rules[1][0].checks.max_size_bytes = 1000;
	policies[1].rule_count = 1;
	connect_and_mail("203.0.113.1", NULL, "<a@example.org>");
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert(!verdict.refused);
	session_accept_recipient(&session, verdict.policy);
	session.received_bytes = 1000;
	ck_assert_uint_eq(judge(STAGE_EOM), 0);
	ck_assert(!verdict.refused);
	session.received_bytes = 1001;
	ck_assert_uint_eq(judge(STAGE_EOM), 0);
	ck_assert(verdict.refused);
	ck_assert_ptr_eq(verdict.policy, &policies[1]);
}
END_TEST

START_TEST(hops_are_judged_at_the_end_of_the_header)
{
	rules[1][1] = check_rule("message_hops");
	rules[1][1].checks.max = 1;
	connect_and_mail("203.0.113.1", NULL, "<a@example.org>");
	facts.have = 0;
	session.hops = 2;
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert(!verdict.refused);
	/* Nobody has accepted a recipient: nobody is asked. */
	ck_assert_uint_eq(judge(STAGE_EOH), 0);
	ck_assert(!verdict.refused);
	session_accept_recipient(&session, &policies[1]);
	ck_assert_uint_eq(judge(STAGE_EOH), 0);
	ck_assert(verdict.refused);
	ck_assert_ptr_eq(verdict.rule, &rules[1][1]);
	ck_assert_uint_eq(judge(STAGE_EOM), 0);
	ck_assert(!verdict.refused);
}
END_TEST

START_TEST(always_accepted_recipients_are_not_asked)
{
	static const char *names[] = { "bob@", NULL };
	struct list *list = &policies[0].with.always_accept.list;

	list->names = (struct name_table){ names, 2, 1 };
	if (name_table_slot(&(struct name_table){ (const char *[]){ NULL,
	    NULL }, 2, 0 }, "bob@") == 1) {
		names[1] = names[0];
		names[0] = NULL;
	}
	/* This user's sender is refused, and the quota would be charged. */
	connect_and_mail("203.0.113.1", "alice", "<>");
	facts.have = 0;
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert(!verdict.refused);
	ck_assert(verdict.always_accepted);
	ck_assert_ptr_eq(verdict.policy, &policies[0]);
	ck_assert_uint_eq(trace.count, 0);
	policies[0].with.always_accept.list.names.count = 0;
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert(verdict.refused);
	ck_assert(!verdict.always_accepted);
}
END_TEST

static const struct {
	const char *name;
	int64_t max, sessions;
	bool want;
} busy[] = {
	{ "no limit", 0, 1000000, false },
	{ "the last place", 2, 2, false },
	{ "one too many", 2, 3, true },
};

START_TEST(too_many_sessions)
{
	const struct event event = { .stage = STAGE_CONNECT,
	    .sessions = busy[_i].sessions };

	config.global.max_sessions = busy[_i].max;
	facts.have = 0;
	ck_assert_uint_eq(policy_judge(&config, &session, &event, &facts,
	    &verdict, &trace), 0);
	ck_assert_msg(verdict.refused == busy[_i].want, "%s", busy[_i].name);
	if (verdict.refused)
		ck_assert_str_eq(verdict.reply->name, "server_busy");
	ck_assert_uint_eq(policy_steps(&config) & STEP_CONNECT_REPLY,
	    busy[_i].max > 0 ? STEP_CONNECT_REPLY : 0);
}
END_TEST

START_TEST(only_needed_callbacks_are_asked_for)
{
	ck_assert_uint_eq(policy_steps(&config), STEP_HELO);
	rules[1][1].with.mode = MODE_OFF;
	ck_assert_uint_eq(policy_steps(&config), 0);
	policies[0].with.speak = SPEAK_EARLY;
	ck_assert_uint_eq(policy_steps(&config), STEP_MAIL_REPLY);
	rules[0][1] = limit_rule("client_connections", KEY_client,
	    COUNT_open_connections);
	ck_assert_uint_eq(policy_steps(&config),
	    STEP_MAIL_REPLY | STEP_CONNECT_REPLY);
	rules[0][1] = limit_rule("quota_user", KEY_user, COUNT_bytes);
	ck_assert_uint_eq(policy_steps(&config),
	    STEP_MAIL_REPLY | STEP_CONTENT);
}
END_TEST

/* --- what is counted when --- */

#define TOLD (1u << FACT_told)
#define AT(stage) (1u << STAGE_##stage)

/* The stages at which a limit is asked, and when it is counted. */
static const struct {
	enum count count;
	unsigned int asked, early;
	enum charge_when when;
} asked[] = {
	{ COUNT_recipients, AT(RCPT), 0, WHEN_ALLOWED },
	{ COUNT_connections, AT(CONNECT), 0, WHEN_ALLOWED },
	{ COUNT_attempts, AT(RCPT), 0, WHEN_ALWAYS },
	{ COUNT_rejected_recipients, AT(RCPT), AT(MAIL), WHEN_NEVER },
	{ COUNT_refusals, AT(CONNECT) | AT(RCPT), AT(HELO) | AT(MAIL),
	    WHEN_REFUSED },
	{ COUNT_logins, AT(RCPT), AT(MAIL), WHEN_ALLOWED },
	{ COUNT_distinct_recipients, AT(RCPT), 0, WHEN_ALLOWED },
};

START_TEST(a_count_is_asked_at_its_stages)
{
	connect_and_mail("203.0.113.1", "alice", "<a@example.org>");
	rules[0][1] = limit_rule("quota_user", KEY_client, asked[_i].count);
	for (int early = 0; early < 2; early++) {
		unsigned int stages = asked[_i].asked |
		    (early ? asked[_i].early : 0);

		policies[0].with.speak = early ? SPEAK_EARLY : SPEAK_RCPT;
		config.steps = policy_steps(&config);
		for (int at = STAGE_CONNECT; at <= STAGE_RCPT; at++) {
			unsigned int want = (stages & (1u << at)) != 0 ?
			    COUNTERS : 0;

			facts.have = 0;
			ck_assert_msg(judge((enum stage)at) == want,
			    "%s at %s, early %d", count_name(asked[_i].count),
			    stage_name((enum stage)at), early);
			ck_assert(want == 0 || facts.charges.at[0].when ==
			    asked[_i].when);
		}
	}
}
END_TEST

/* Per user: nothing before MAIL, where nobody is known. */
START_TEST(a_limit_is_asked_when_its_keys_are_known)
{
	struct rule rule = limit_rule("quota_user", KEY_user, COUNT_refusals);

	policies[0].with.speak = SPEAK_EARLY;
	ck_assert_uint_eq(rule_spoken_at(&policies[0], &rule),
	    AT(MAIL) | AT(RCPT));
	rule.limits.per.at[0] = KEY_recipient;
	ck_assert_uint_eq(rule_spoken_at(&policies[0], &rule), AT(RCPT));
}
END_TEST

START_TEST(attempts_are_told_when_a_check_refuses)
{
	connect_and_mail("203.0.113.1", "alice", "<>");
	rules[0][1] = limit_rule("quota_user", KEY_user, COUNT_attempts);
	facts.have = 0;
	ck_assert_uint_eq(judge(STAGE_RCPT), TOLD);
	ck_assert_uint_eq(facts.charges.count, 1);
	facts.have = TOLD;
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert_ptr_eq(verdict.rule, &rules[0][0]);
}
END_TEST

/* The check's own reply stands, unless it was one refusal too many. */
static const struct {
	const char *name;
	enum charge_status status;
	enum mode mode;
	int64_t used;
	size_t rule, observed;
} refusals[] = {
	{ "room", CHARGE_ALLOWED, MODE_ENFORCE, 10, 0, 0 },
	{ "full", CHARGE_REFUSED, MODE_ENFORCE, 10, 1, 0 },
	{ "watched", CHARGE_ALLOWED, MODE_OBSERVE, 10, 0, 0 },
	{ "watched and over", CHARGE_ALLOWED, MODE_OBSERVE, 11, 0, 1 },
};

START_TEST(one_refusal_too_many)
{
	connect_and_mail("203.0.113.1", "alice", "<>");
	rules[0][1] = limit_rule("client_error_rate", KEY_client,
	    COUNT_refusals);
	rules[0][1].with.mode = refusals[_i].mode;
	judge_with_store(refusals[_i].status, refusals[_i].used);
	ck_assert(verdict.refused);
	ck_assert_msg(verdict.rule == &rules[0][refusals[_i].rule], "%s: %s",
	    refusals[_i].name, verdict.rule->name);
	ck_assert_uint_eq(verdict.observed_count, refusals[_i].observed);
}
END_TEST

START_TEST(own_trouble_is_no_refusal)
{
	connect_and_mail("203.0.113.1", "alice", "<a@example.org>");
	rules[0][0] = check_rule("sender_domain_not_found");
	rules[0][0].with.on_failure = ON_FAILURE_DEFER;
	rules[0][1] = limit_rule("client_error_rate", KEY_client,
	    COUNT_refusals);
	facts.have = 0;
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
	ck_assert_ptr_eq(verdict.reply, reply_of(REPLY_lookup_failed));
}
END_TEST

START_TEST(what_the_mta_rejects_is_only_counted)
{
	const struct event event = { .stage = STAGE_RCPT, .rejected = true,
	    .recipient = &recipient };

	connect_and_mail("203.0.113.1", "alice", "<>");
	path_parse("<gone@example.net>", &recipient);
	rules[0][1] = limit_rule("rejected_recipients", KEY_user,
	    COUNT_rejected_recipients);
	rules[0][2] = limit_rule("client_error_rate", KEY_client,
	    COUNT_refusals);
	policies[0].rule_count = 3;
	facts.have = 0;
	ck_assert_uint_eq(policy_judge(&config, &session, &event, &facts,
	    &verdict, &trace), TOLD);
	ck_assert_uint_eq(facts.charges.count, 2);
	ck_assert_int_eq(facts.charges.at[0].when, WHEN_ALLOWED);
	ck_assert(!verdict.refused);
	ck_assert_uint_ne(policy_steps(&config) & STEP_REJECTED, 0);
}
END_TEST

START_TEST(nobody_logged_in_is_no_login)
{
	connect_and_mail("203.0.113.1", NULL, "<a@example.org>");
	rules[1][1] = limit_rule("auth_rate", KEY_client, COUNT_logins);
	facts.have = 0;
	ck_assert_uint_eq(judge(STAGE_RCPT), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("policy");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, first_match_speaks);
	tcase_add_test(tcase, checks_come_before_counters);
	tcase_add_test(tcase, nothing_is_spoken_before_rcpt);
	tcase_add_test(tcase, a_full_counter_refuses);
	tcase_add_test(tcase, observed_rules_refuse_nothing);
	tcase_add_test(tcase, off_and_exempt_rules_are_not_asked);
	tcase_add_loop_test(tcase, store_down, 0, ROWS(failures));
	tcase_add_loop_test(tcase, store_down_and_decided_here, 0,
	    (int)(sizeof(locals) / sizeof(locals[0])));
	tcase_add_test(tcase, connections_are_judged_at_connect);
	tcase_add_test(tcase, size_is_judged_again_at_the_end);
	tcase_add_test(tcase, hops_are_judged_at_the_end_of_the_header);
	tcase_add_test(tcase, always_accepted_recipients_are_not_asked);
	tcase_add_loop_test(tcase, too_many_sessions, 0, ROWS(busy));
	tcase_add_test(tcase, only_needed_callbacks_are_asked_for);
	tcase_add_loop_test(tcase, a_count_is_asked_at_its_stages, 0,
	    (int)(sizeof(asked) / sizeof(asked[0])));
	tcase_add_test(tcase, a_limit_is_asked_when_its_keys_are_known);
	tcase_add_test(tcase, attempts_are_told_when_a_check_refuses);
	tcase_add_loop_test(tcase, one_refusal_too_many, 0,
	    (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_test(tcase, own_trouble_is_no_refusal);
	tcase_add_test(tcase, what_the_mta_rejects_is_only_counted);
	tcase_add_test(tcase, nobody_logged_in_is_no_login);
	return run_suite(suite);
}
