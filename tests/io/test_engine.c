/*
 * test_engine.c - each message and recipient counts exactly once
 *
 * The store is a list of counters that a test can read and break; the order
 * of events is every one that the MTAs are known to produce.
 */
#include "io/engine.h"

#include "base/arena.h"
#include "base/text.h"
#include "core/check.h"
#include "io/log.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

/* --- a store that counts and says what it was asked -------------------- */

#define COUNTERS_MAX 32

static struct {
	struct store store;
	struct {
		char name[300];
		int64_t used;
	} counters[COUNTERS_MAX];
	size_t count;
	int calls;
	bool down;
	const char *marked;	/* a subject, or NULL */
	size_t marks, known;	/* asked about in the last call */
} fake;

static int64_t *
counter(const char *subject, const char *field)
{
	char name[300];
	struct text text;

	TEXT_INIT(&text, name);
	text_printf(&text, "%s %s", subject, field);
	for (size_t i = 0; i < fake.count; i++)
		if (strcmp(fake.counters[i].name, name) == 0)
			return &fake.counters[i].used;
	ck_assert_uint_lt(fake.count, COUNTERS_MAX);
	(void)text_copy(fake.counters[fake.count].name,
	    sizeof(fake.counters[0].name), name);
	return &fake.counters[fake.count++].used;
}

static void
fake_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	(void)store;
	(void)timeout_ms;
	fake.calls++;
	answer->now_ms = now_ms;
	answer->status = fake.down ? CHARGE_UNAVAILABLE : CHARGE_ALLOWED;
	fake.marks = charges->mark_count;
	fake.known = 0;
	for (size_t i = 0; i < charges->mark_count; i++)
		fake.known += charges->marks[i].known;
	for (size_t i = 0; i < charges->mark_count && !fake.down; i++)
		if (fake.marked != NULL && strcmp(fake.marked,
		    charges->marks[i].subject) == 0) {
			answer->status = CHARGE_MARKED;
			answer->marked = i;
			answer->mark = (struct mark){ MARK_suspended, 0 };
			answer->marks_found = UINT32_C(1) << i;
			return;
		}
	for (size_t i = 0; i < charges->count && !fake.down; i++) {
		const struct charge *charge = &charges->at[i];
		int64_t used = *counter(charge->subject, charge->field);

		answer->used[i] = used;
		if (mode == STORE_CHARGE && !charge->observe &&
		    used + charge->weight > charge->max &&
		    answer->status == CHARGE_ALLOWED) {
			answer->status = CHARGE_REFUSED;
			answer->refused = i;
			answer->retry_ms = 1;
		}
	}
	for (size_t i = 0; i < charges->count &&
	    answer->status == CHARGE_ALLOWED; i++)
		answer->used[i] = *counter(charges->at[i].subject,
		    charges->at[i].field) += charges->at[i].weight;
}

static void
fake_refund(struct store *store, const struct refund refunds[], size_t count,
    int64_t now_ms, int64_t timeout_ms)
{
	(void)store;
	(void)now_ms;
	(void)timeout_ms;
	for (size_t i = 0; i < count; i++) {
		int64_t *used = counter(refunds[i].subject, refunds[i].field);

		*used -= refunds[i].weight;
		ck_assert_msg(*used >= 0, "%s was given back twice",
		    refunds[i].subject);
	}
}

static const struct store_ops fake_ops = {
	.charge = fake_charge,
	.refund = fake_refund,
};

/* --- a policy with every kind of count --------------------------------- */

static const struct window_rule ten[] = { { { 10, 3600000 }, "1h", "n/1h" } };
static const struct window_rule kilo[] = { { { 1000, 3600000 }, "1h",
    "b/1h" } };
static const struct window_rule open[] = { { { 2, 0 }, "", "open" } };

static struct rule
limit(const char *name, enum key key, enum count count,
    const struct window_rule *window)
{
	struct rule rule = { .name = name, .with = { .reply = reply_of(
	    REPLY_rate_client_messages) }, .limits = { .count = count,
	    .allow = { window, 1 }, .ipv4_prefix = 32, .ipv6_prefix = 64,
	    .lease_ms = 600000 } };

	rule.limits.per.at[0] = key;
	rule.limits.per.count = 1;
	return rule;
}

static struct config *
make_config(void)
{
	struct arena *arena = arena_open();
	struct config *config = arena_get(arena, sizeof(*config));
	struct policy *policy = arena_get(arena, sizeof(*policy));
	struct rule *rules = arena_get_array(arena, 5, sizeof(*rules));

	rules[0] = limit("messages", KEY_user, COUNT_messages, ten);
	rules[1] = limit("recipients", KEY_sender, COUNT_recipients, ten);
	rules[2] = limit("bytes", KEY_sender_domain, COUNT_bytes, kilo);
	rules[3] = limit("open", KEY_client, COUNT_open_connections, open);
	rules[3].with.reply = reply_of(REPLY_client_connections);
	rules[4] = limit("domains", KEY_recipient_domain, COUNT_messages,
	    ten);
	policy->name = "all";
	policy->rules = rules;
	policy->rule_count = 5;
	config->arena = arena;
	config->global.hostname = "";
	config->global.event_timeout_ms = 100;
	config->folding = (struct folding){ true, "" };
	config->policies = policy;
	config->policy_count = 1;
	config->steps = policy_steps(config);
	return config;
}

static struct engine *engine;
static struct conversation *c;
static int64_t now_ms;

static void
setup(void)
{
	log_set_level(LEVEL_ERROR);
	memset(&fake, 0, sizeof(fake));
	fake.store.ops = &fake_ops;
	now_ms = 1000000;
	engine = engine_open(make_config(), &fake.store, 7);
	c = conversation_open(engine);
}

static void
teardown(void)
{
	conversation_close(&c, now_ms);
	engine_close(&engine, now_ms);
}

static enum answer_kind
tell(struct event event)
{
	struct answer answer;

	event.now_ms = now_ms;
	engine_event(c, &event, &answer);
	return answer.kind;
}

static enum answer_kind
connect(void)
{
	struct event event = { .stage = STAGE_CONNECT };

	ck_assert(ip_parse("192.0.2.1", &event.client));
	return tell(event);
}

static enum answer_kind
mail_of(const char *size)
{
	const char *const parameters[] = { size, NULL };

	return tell((struct event){ .stage = STAGE_MAIL,
	    .path = "<a@example.org>", .user = "alice",
	    .parameters = parameters });
}

static enum answer_kind
mail(void)
{
	return mail_of("BODY=8BITMIME");
}

static enum answer_kind
rcpt(const char *path)
{
	return tell((struct event){ .stage = STAGE_RCPT, .path = path });
}

static enum answer_kind
eom(void)
{
	return tell((struct event){ .stage = STAGE_EOM });
}

static void
expect(int64_t messages, int64_t recipients, int64_t bytes)
{
	ck_assert_int_eq(*counter("user:alice", "n/1h"), messages);
	ck_assert_int_eq(*counter("sender:a@example.org", "n/1h"),
	    recipients);
	ck_assert_int_eq(*counter("sender_domain:example.org", "b/1h"),
	    bytes);
}

START_TEST(a_message_counts_once)
{
	connect();
	mail_of("SIZE=100");
	ck_assert_int_eq(rcpt("<x@one.example>"), ANSWER_CONTINUE);
	ck_assert_int_eq(rcpt("<y@one.example>"), ANSWER_CONTINUE);
	ck_assert_int_eq(rcpt("<z@two.example>"), ANSWER_CONTINUE);
	expect(1, 3, 100);
	ck_assert_int_eq(*counter("recipient_domain:one.example", "n/1h"), 1);
	ck_assert_int_eq(*counter("recipient_domain:two.example", "n/1h"), 1);
	conversation_received(c, 100);
	ck_assert_int_eq(eom(), ANSWER_CONTINUE);
	expect(1, 3, 100);
	mail();
	rcpt("<x@one.example>");
	eom();
	expect(2, 4, 100);
}
END_TEST

/* Every way in which a message can come to nothing. */
enum ending { BY_ABORT, BY_MAIL, BY_HELO, BY_CLOSE, BY_STOP, ENDINGS };

START_TEST(what_comes_to_nothing_is_given_back)
{
	connect();
	mail_of("SIZE=100");
	rcpt("<x@one.example>");
	rcpt("<y@one.example>");
	expect(1, 2, 100);
	switch ((enum ending)_i) {
	case BY_ABORT:
		conversation_abort(c, now_ms);
		break;
	case BY_MAIL:
		mail();
		break;
	case BY_HELO:
		tell((struct event){ .stage = STAGE_HELO, .helo = "x" });
		break;
	case BY_CLOSE:
		conversation_close(&c, now_ms);
		break;
	case BY_STOP:
		engine_close(&engine, now_ms);
		c = NULL;
		break;
	case ENDINGS:
		break;
	}
	expect(0, 0, 0);
	ck_assert_int_eq(*counter("recipient_domain:one.example", "n/1h"), 0);
	ck_assert_int_eq(*counter("client:192.0.2.1", "open"),
	    _i == BY_CLOSE || _i == BY_STOP ? 0 : 1);
	if (c == NULL && engine != NULL)
		c = conversation_open(engine);
}
END_TEST

START_TEST(an_abort_after_the_end_gives_nothing_back)
{
	connect();
	mail();
	rcpt("<x@one.example>");
	eom();
	conversation_abort(c, now_ms);
	conversation_close(&c, now_ms);
	expect(1, 1, 0);
	c = conversation_open(engine);
}
END_TEST

START_TEST(a_refused_recipient_counts_nothing)
{
	connect();
	mail();
	*counter("recipient_domain:one.example", "n/1h") = 10;
	ck_assert_int_eq(rcpt("<x@one.example>"), ANSWER_TEMPFAIL);
	expect(0, 0, 0);
	ck_assert_int_eq(rcpt("<x@two.example>"), ANSWER_CONTINUE);
	expect(1, 1, 0);
}
END_TEST

static const struct {
	const char *name, *size;
	int64_t received, want;
	enum answer_kind kind;
} contents[] = {
	{ "undeclared", "X", 300, 300, ANSWER_CONTINUE },
	{ "declared too little", "SIZE=100", 300, 300, ANSWER_CONTINUE },
	{ "declared too much", "SIZE=500", 300, 300, ANSWER_CONTINUE },
	{ "no room for what came", "SIZE=100", 1001, 0, ANSWER_TEMPFAIL },
};

START_TEST(octets_are_put_right_at_the_end)
{
	connect();
	mail_of(contents[_i].size);
	rcpt("<x@one.example>");
	conversation_received(c, contents[_i].received);
	ck_assert_int_eq(eom(), contents[_i].kind);
	ck_assert_msg(*counter("sender_domain:example.org", "b/1h") ==
	    contents[_i].want, "%s: got %lld", contents[_i].name,
	    (long long)*counter("sender_domain:example.org", "b/1h"));
	/* A message refused at its end has counted nowhere. */
	if (contents[_i].kind != ANSWER_CONTINUE)
		expect(0, 0, 0);
}
END_TEST

/*
 * The orders in which the callbacks of both MTAs come, a letter each:
 *
 *	C connect   H helo   M mail   r, x rcpt that passes, that is refused
 *	b 100 octets of header or body   E end of data that passes
 *	F end of data that is refused: too much came   A abort
 *	Q close, and the next connection
 */
static const struct {
	const char *name, *events;
	int64_t messages, recipients;	/* counted in the end */
} orders[] = {
	{ "a message", "CHMrbE", 1, 1 },
	{ "a message, and QUIT", "CHMrbEQ", 1, 1 },
	{ "without HELO", "CMrE", 1, 1 },
	{ "HELO again after STARTTLS", "CHHMrE", 1, 1 },
	{ "several recipients", "CHMrrrE", 1, 3 },
	{ "several messages", "CHMrEMrrEMrE", 3, 4 },
	{ "RSET", "CHMrA", 0, 0 },
	{ "RSET before a recipient", "CHMAMrE", 1, 1 },
	{ "RSET after the end", "CHMrEA", 1, 1 },
	{ "RSET, and another message", "CHMrrAMrE", 1, 1 },
	{ "MAIL again without an end", "CHMrrMrE", 1, 1 },
	{ "EHLO within a message: abort and helo", "CHMrAH", 0, 0 },
	{ "EHLO within a message: helo alone", "CHMrH", 0, 0 },
	{ "EHLO between messages", "CHMrEHMrE", 2, 2 },
	{ "QUIT within a message: abort and close", "CHMrAQ", 0, 0 },
	{ "the client is gone: close alone", "CHMrQ", 0, 0 },
	{ "breaks off within the body", "CHMrbbAQ", 0, 0 },
	{ "breaks off within the second body", "CHMrbEMrbAQ", 1, 1 },
	{ "a recipient is refused", "CHMrxrE", 1, 2 },
	{ "all are refused, RSET", "CHMxxA", 0, 0 },
	{ "all are refused, MAIL", "CHMxxMrE", 1, 1 },
	{ "all are refused, the client is gone", "CHMxQ", 0, 0 },
	{ "we refuse the end: no abort follows", "CHMrrF", 0, 0 },
	{ "we refuse the end, and QUIT", "CHMrFQ", 0, 0 },
	{ "we refuse the end, and another message", "CHMrFMrE", 1, 1 },
	{ "we refuse the end of the second", "CHMrEMrrF", 1, 1 },
	{ "the MTA or another filter refuses MAIL or DATA", "CHMrAMrE", 1, 1 },
	{ "another filter refuses after our end", "CHMrEMrE", 2, 2 },
	{ "XCLIENT: a new connection", "CHQHMrE", 1, 1 },
	{ "a connection without anything", "CQ", 0, 0 },
	{ "close without connect", "Q", 0, 0 },
};

/* Of the letters above; true when the MTA was told to go on. */
static bool
play(char letter)
{
	switch (letter) {
	case 'C':
		return connect() == ANSWER_CONTINUE;
	case 'H':
		return tell((struct event){ .stage = STAGE_HELO,
		    .helo = "x" }) == ANSWER_CONTINUE;
	case 'M':
		return mail() == ANSWER_CONTINUE;
	case 'r':
		return rcpt("<x@one.example>") == ANSWER_CONTINUE;
	case 'x':
		return rcpt("<x@full.example>") == ANSWER_CONTINUE;
	case 'b':
		conversation_received(c, 100);
		return true;
	case 'F':
		conversation_received(c, 2000);
		return eom() == ANSWER_CONTINUE;
	case 'E':
		return eom() == ANSWER_CONTINUE;
	case 'A':
		conversation_abort(c, now_ms);
		return true;
	default:
		conversation_close(&c, now_ms);
		c = conversation_open(engine);
		return connect() == ANSWER_CONTINUE;
	}
}

static void
fill_domain(void)
{
	*counter("recipient_domain:full.example", "n/1h") = 10;
}

START_TEST(each_counts_once_in_every_order)
{
	fill_domain();
	for (const char *at = orders[_i].events; *at != '\0'; at++)
		ck_assert_msg(play(*at) == (*at != 'x' && *at != 'F'),
		    "%s: %s", orders[_i].name, at);
	ck_assert_msg(*counter("user:alice", "n/1h") == orders[_i].messages &&
	    *counter("sender:a@example.org", "n/1h") == orders[_i].recipients,
	    "%s: %lld messages, %lld recipients", orders[_i].name,
	    (long long)*counter("user:alice", "n/1h"),
	    (long long)*counter("sender:a@example.org", "n/1h"));
}
END_TEST

/* What comes next, of what an MTA may send in this state. */
static char
choose(uint64_t *random, bool has_sender, int64_t open_recipients)
{
	static const char *const choices[] = { "HMMMAQ", "HMrrrxAQ",
	    "HMrrxbbEEEFAQ" };
	const char *from = choices[!has_sender ? 0 : open_recipients == 0 ?
	    1 : 2];

	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return from[*random % strlen(from)];
}

START_TEST(each_counts_once_in_orders_at_random)
{
	uint64_t random = 88172645463325252u + (uint64_t)_i;
	int64_t messages = 0, recipients = 0, open_recipients = 0;
	bool has_sender = false, passed;

	fill_domain();
	connect();
	for (int i = 0; i < 200; i++) {
		char letter = choose(&random, has_sender, open_recipients);

		passed = play(letter);
		if (letter == 'E' && passed) {
			messages++;
			recipients += open_recipients;
		}
		if (letter == 'r')
			open_recipients += passed;
		else if (letter != 'x' && letter != 'b')
			open_recipients = 0;
		if (letter != 'r' && letter != 'x' && letter != 'b')
			has_sender = letter == 'M';
		ck_assert_int_eq(*counter("user:alice", "n/1h"),
		    messages + (open_recipients > 0));
		ck_assert_int_eq(*counter("sender:a@example.org", "n/1h"),
		    recipients + open_recipients);
	}
	conversation_abort(c, now_ms);
	ck_assert_int_eq(*counter("client:192.0.2.1", "open"), 1);
	ck_assert_int_eq(*counter("recipient_domain:one.example", "n/1h"),
	    messages);
}
END_TEST

START_TEST(one_trip_for_a_recipient_none_for_the_end)
{
	int before;

	connect();
	before = fake.calls;
	mail();
	rcpt("<x@one.example>");
	ck_assert_int_eq(fake.calls, before + 1);
	eom();
	ck_assert_int_eq(fake.calls, before + 1);
}
END_TEST

/* The policy above, with the checks that look at marks. */
static void
reload_with_marks(enum count count)
{
	static const enum check_id checks[] = {
		CHECK_user_suspended, CHECK_client_blocked
	};
	struct config *config = make_config();
	struct policy *policy = arena_get(config->arena, sizeof(*policy));
	struct rule *rules = arena_get_array(config->arena, 3,
	    sizeof(*rules));

	for (size_t i = 0; i < 2; i++) {
		rules[i].name = check_of(checks[i])->name;
		rules[i].check = check_of(checks[i]);
		rules[i].with.reply = reply_of(check_of(checks[i])->reply);
		rules[i].looks_at_marks = true;
	}
	rules[2] = limit("user", KEY_user, count, ten);
	policy->name = "all";
	policy->rules = rules;
	policy->rule_count = 3;
	config->policies = policy;
	config->global.ipv4_prefix = 32;
	config->global.ipv6_prefix = 64;
	config->steps = policy_steps(config);
	engine_reload(engine, config);
	conversation_close(&c, now_ms);
	c = conversation_open(engine);
}

START_TEST(marks_come_with_the_charges)
{
	reload_with_marks(COUNT_messages);
	connect();
	ck_assert_int_eq(fake.calls, 0);
	for (int message = 1; message <= 2; message++) {
		mail();
		ck_assert_int_eq(rcpt("<x@one.example>"), ANSWER_CONTINUE);
		ck_assert_int_eq(fake.calls, message);
		/* Nothing is charged, and nothing is new about the marks. */
		ck_assert_int_eq(rcpt("<y@one.example>"), ANSWER_CONTINUE);
		ck_assert_int_eq(fake.calls, message);
		eom();
	}
	ck_assert_int_eq(*counter("user:alice", "n/1h"), 2);
}
END_TEST

/* What may be let pass without a trip need not ask for them again. */
START_TEST(marks_are_known_for_a_message)
{
	reload_with_marks(COUNT_recipients);
	connect();
	for (int message = 1; message <= 2; message++) {
		mail();
		for (int recipient = 0; recipient < 3; recipient++) {
			ck_assert_int_eq(rcpt("<x@one.example>"),
			    ANSWER_CONTINUE);
			ck_assert_uint_gt(fake.marks, 0);
			ck_assert_uint_eq(fake.known,
			    recipient == 0 ? 0 : fake.marks);
		}
		eom();
	}
}
END_TEST

START_TEST(who_is_marked_is_refused_and_not_charged)
{
	static const char *const subjects[] = {
		"client:192.0.2.1", "client_net:192.0.2.0/24", "user:alice"
	};

	reload_with_marks(COUNT_messages);
	connect();
	mail();
	fake.marked = subjects[_i];
	ck_assert_int_eq(rcpt("<x@one.example>"), ANSWER_REJECT);
	ck_assert_int_eq(rcpt("<y@one.example>"), ANSWER_REJECT);
	ck_assert_int_eq(fake.calls, 2);
	fake.marked = "user:bob";
	ck_assert_int_eq(rcpt("<x@one.example>"), ANSWER_CONTINUE);
	ck_assert_int_eq(*counter("user:alice", "n/1h"), 1);
}
END_TEST

START_TEST(open_connections)
{
	struct conversation *first = c, *second = conversation_open(engine),
	    *third = conversation_open(engine);

	ck_assert_int_eq(connect(), ANSWER_CONTINUE);
	c = second;
	ck_assert_int_eq(connect(), ANSWER_CONTINUE);
	c = third;
	ck_assert_int_eq(connect(), ANSWER_CLOSE);
	conversation_close(&first, now_ms);
	ck_assert_int_eq(connect(), ANSWER_CONTINUE);
	conversation_close(&second, now_ms);
	ck_assert_int_eq(*counter("client:192.0.2.1", "open"), 1);
}
END_TEST

START_TEST(a_lease_is_renewed_at_half_time)
{
	int before;

	connect();
	before = fake.calls;
	now_ms += 299999;
	mail();
	ck_assert_int_eq(fake.calls, before);
	now_ms += 1;
	mail();
	ck_assert_int_eq(fake.calls, before + 1);
	ck_assert_int_eq(*counter("client:192.0.2.1", "open"), 1);
	mail();
	ck_assert_int_eq(fake.calls, before + 1);
}
END_TEST

START_TEST(a_store_that_is_down_accepts)
{
	fake.down = true;
	ck_assert_int_eq(connect(), ANSWER_CONTINUE);
	mail();
	ck_assert_int_eq(rcpt("<x@one.example>"), ANSWER_CONTINUE);
	ck_assert_int_eq(eom(), ANSWER_CONTINUE);
	fake.down = false;
	mail();
	rcpt("<x@one.example>");
	expect(1, 1, 0);
}
END_TEST

START_TEST(a_reload_waits_for_the_message)
{
	struct config *next = make_config();
	const struct config *before = conversation_config(c);

	connect();
	mail();
	engine_reload(engine, next);
	ck_assert_ptr_eq(conversation_config(c), before);
	rcpt("<x@one.example>");
	eom();
	mail();
	ck_assert_ptr_eq(conversation_config(c), next);
	expect(1, 1, 0);
}
END_TEST

START_TEST(a_connection_without_the_callbacks_keeps_its_policy)
{
	struct config *next = make_config();
	const struct config *before = conversation_config(c);

	next->steps |= STEP_HELO;	/* which the MTA was not asked for */
	connect();
	engine_reload(engine, next);
	mail();
	ck_assert_ptr_eq(conversation_config(c), before);
	conversation_close(&c, now_ms);
	c = conversation_open(engine);
	ck_assert_ptr_eq(conversation_config(c), next);
}
END_TEST

/* Refused at the end of the header: nobody has received it. */
START_TEST(a_loop_is_given_back)
{
	struct config *next = make_config();
	struct policy policy = next->policies[0];
	struct rule *rules = arena_get_array(next->arena, 6, sizeof(*rules));
	struct policy *kept = arena_get(next->arena, sizeof(*kept));

	memcpy(rules + 1, policy.rules, 5 * sizeof(*rules));
	rules[0].name = "message_hops";
	rules[0].check = check_find("message_hops");
	rules[0].checks.max = 2;
	rules[0].with.reply = reply_of(REPLY_message_hops);
	policy.rules = rules;
	policy.rule_count = 6;
	*kept = policy;
	next->policies = kept;
	next->steps = policy_steps(next);
	ck_assert_uint_ne(next->steps & STEP_EOH_REPLY, 0);
	ck_assert_uint_ne(next->steps & STEP_HEADERS, 0);
	conversation_close(&c, now_ms);
	engine_reload(engine, next);
	c = conversation_open(engine);
	connect();
	for (int hops = 2; hops <= 3; hops++) {
		mail_of("SIZE=100");
		rcpt("<x@one.example>");
		for (int i = 0; i < hops; i++)
			conversation_header(c, "Received", "from a");
		ck_assert_int_eq(tell((struct event){ .stage = STAGE_EOH }),
		    hops == 2 ? ANSWER_CONTINUE : ANSWER_REJECT);
		if (hops == 2) {
			conversation_received(c, 100);
			ck_assert_int_eq(eom(), ANSWER_CONTINUE);
		}
		expect(1, 1, 100);
	}
	/* Nor is anything given back twice. */
	conversation_abort(c, now_ms);
	mail_of("SIZE=100");
	expect(1, 1, 100);
}
END_TEST

/* Folded as it comes from libmilter; what is too long is cut. */
START_TEST(header_values_are_unfolded)
{
	static char longer[HEADER_VALUE_MAX + 10];
	static const struct pattern exact = { .text = "yes, indeed",
	    .matches = pattern_matches_glob };
	static const struct pattern any = { .text = "aaa*b",
	    .matches = pattern_matches_glob };
	static const struct header_rule rules[] = {
		{ "X-Spam", &exact }, { "X-Long", &any },
	};
	struct config *next = make_config();

	next->header_rules = rules;
	next->header_rule_count = 2;
	next->steps = STEP_HEADERS;
	engine_reload(engine, next);
	conversation_close(&c, now_ms);
	c = conversation_open(engine);
	connect();
	mail();
	memset(longer, 'a', sizeof(longer) - 2);
	longer[sizeof(longer) - 2] = 'b';
	conversation_header(c, "X-Long", longer);
	ck_assert_uint_eq(conversation_session(c)->headers_matched, 0);
	conversation_header(c, "x-spam", " \tyes,\r\n indeed \t\n");
	ck_assert_uint_eq(conversation_session(c)->headers_matched, 1);
	conversation_header(c, "X-Long", "aaab");
	ck_assert_uint_eq(conversation_session(c)->headers_matched, 3);
}
END_TEST

START_TEST(no_more_sessions_than_allowed)
{
	struct config *next = make_config();
	struct conversation *first, *second;

	conversation_close(&c, now_ms);
	next->global.max_sessions = 2;
	next->policy_count = 0;
	engine_reload(engine, next);
	c = conversation_open(engine);
	ck_assert_int_eq(connect(), ANSWER_CONTINUE);
	first = c;
	c = conversation_open(engine);
	ck_assert_int_eq(connect(), ANSWER_CONTINUE);
	second = c;
	/* Whoever is sent away takes no place, though not closed yet. */
	for (int i = 0; i < 3; i++) {
		c = conversation_open(engine);
		ck_assert_int_eq(connect(), ANSWER_CLOSE);
		if (i < 2)
			conversation_close(&c, now_ms);
	}
	conversation_close(&second, now_ms);
	second = conversation_open(engine);
	{
		struct conversation *sent_away = c;

		c = second;
		ck_assert_int_eq(connect(), ANSWER_CONTINUE);
		c = sent_away;
	}
	conversation_close(&second, now_ms);
	conversation_close(&first, now_ms);
}
END_TEST

START_TEST(domains_are_compared_in_ascii)
{
	connect();
	ck_assert_int_eq(tell((struct event){ .stage = STAGE_MAIL,
	    .path = "<a@b\xc3\xbc" "cher.example>", .user = "alice" }),
	    ANSWER_CONTINUE);
	ck_assert_str_eq(conversation_session(c)->sender.domain,
	    "xn--bcher-kva.example");
	rcpt("<x@\xc3\xbc.example>");
	rcpt("<y@xn--tda.example>");
	ck_assert_int_eq(*counter("recipient_domain:xn--tda.example",
	    "n/1h"), 1);
	ck_assert_int_eq(*counter("sender:a@xn--bcher-kva.example", "n/1h"),
	    2);
}
END_TEST

START_TEST(references_differ_and_can_be_read_out)
{
	char seen[200][REPLY_REF_SIZE];
	struct event event = { .stage = STAGE_RCPT,
	    .path = "<x@one.example>" };
	struct answer answer;

	connect();
	*counter("recipient_domain:one.example", "n/1h") = 10;
	for (size_t i = 0; i < 200; i++) {
		mail();
		event.now_ms = now_ms;
		engine_event(c, &event, &answer);
		ck_assert_uint_eq(strspn(answer.ref,
		    "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 6);
		ck_assert_ptr_nonnull(strstr(answer.reply.text, answer.ref));
		memcpy(seen[i], answer.ref, sizeof(seen[i]));
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(seen[i], seen[k]);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("engine");
	TCase *tcase = tcase_create("engine");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_message_counts_once);
	tcase_add_loop_test(tcase, what_comes_to_nothing_is_given_back, 0,
	    ENDINGS);
	tcase_add_test(tcase, an_abort_after_the_end_gives_nothing_back);
	tcase_add_test(tcase, a_refused_recipient_counts_nothing);
	tcase_add_loop_test(tcase, octets_are_put_right_at_the_end, 0, 4);
	tcase_add_loop_test(tcase, each_counts_once_in_every_order, 0,
	    (int)(sizeof(orders) / sizeof(orders[0])));
	tcase_add_loop_test(tcase, each_counts_once_in_orders_at_random, 0,
	    100);
	tcase_add_test(tcase, one_trip_for_a_recipient_none_for_the_end);
	tcase_add_test(tcase, marks_come_with_the_charges);
	tcase_add_test(tcase, marks_are_known_for_a_message);
	tcase_add_loop_test(tcase, who_is_marked_is_refused_and_not_charged, 0,
	    3);
	tcase_add_test(tcase, open_connections);
	tcase_add_test(tcase, a_lease_is_renewed_at_half_time);
	tcase_add_test(tcase, a_store_that_is_down_accepts);
	tcase_add_test(tcase, a_reload_waits_for_the_message);
	tcase_add_test(tcase,
	    a_connection_without_the_callbacks_keeps_its_policy);
	tcase_add_test(tcase, a_loop_is_given_back);
	tcase_add_test(tcase, header_values_are_unfolded);
	tcase_add_test(tcase, no_more_sessions_than_allowed);
	tcase_add_test(tcase, domains_are_compared_in_ascii);
	tcase_add_test(tcase, references_differ_and_can_be_read_out);
	return run_suite(suite);
}
