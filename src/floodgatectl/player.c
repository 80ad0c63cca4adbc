/*
 * player.c - plays SMTP sessions to the real engine, with a clock of its own
 */
#include "floodgatectl/player.h"

#include "floodgatectl/output.h"
#include "floodgatectl/store_switch.h"

#include "base/text.h"
#include "core/policy.h"
#include "io/engine.h"
#include "io/idn.h"
#include "io/inspect.h"
#include "io/utc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFERENCE_SEED 1	/* any constant: references never change */

struct played {
	char name[PLAYER_NAME_SIZE];
	struct conversation *conversation;	/* NULL: not connected */
	bool has_connected;
	char user[USER_OCTETS_MAX + 1];
	char refusal[REPLY_LINE_OCTETS_MAX];	/* of the connection: it is
			* what every later MAIL gets (Postfix), or "" */
};

struct player {
	struct store *store;
	struct engine *engine;
	int64_t now_ms;
	struct trace trace;
	struct played sessions[PLAYER_SESSIONS_MAX];
	size_t session_count;
	struct played *current;
};

struct player *
player_open(struct config *config, int64_t now_ms, char *why, size_t size)
{
	struct player *player = calloc(1, sizeof(*player));

	if (player == NULL) {
		(void)snprintf(why, size, "no memory");
		config_close(&config);
		return NULL;
	}
	player->store = store_switch_open(why, size);
	if (player->store == NULL) {
		config_close(&config);
		free(player);
		return NULL;
	}
	player->engine = engine_open(config, player->store, REFERENCE_SEED);
	player->now_ms = now_ms;
	player->session_count = 1;
	player->current = &player->sessions[0];
	return player;
}

void
player_close(struct player **player)
{
	struct player *p = *player;

	if (p == NULL)
		return;
	for (size_t i = 0; i < p->session_count; i++)
		conversation_close(&p->sessions[i].conversation, p->now_ms);
	engine_close(&p->engine, p->now_ms);
	store_close(&p->store);
	free(p);
	*player = NULL;
}

int64_t
player_now(const struct player *player)
{
	return player->now_ms;
}

void
player_set_clock(struct player *player, int64_t now_ms)
{
	player->now_ms = now_ms;
}

void
player_set_store(struct player *player, bool up)
{
	store_switch_set(player->store, up);
}

void
player_reload(struct player *player, struct config *config)
{
	engine_reload(player->engine, config);
}

json_t *
player_show(struct player *player, const char *subject)
{
	const struct config *config = engine_hold_config(player->engine);
	json_t *document;

	document = inspect_subject(config, player->store, subject,
	    player->now_ms, config->global.event_timeout_ms);
	engine_unhold_config(player->engine, config);
	return document;
}

bool
player_use_session(struct player *player, const char *name)
{
	for (size_t i = 0; i < player->session_count; i++) {
		player->current = &player->sessions[i];
		if (strcmp(player->current->name, name) == 0)
			return true;
	}
	if (player->session_count == PLAYER_SESSIONS_MAX)
		return false;
	player->current = &player->sessions[player->session_count++];
	return text_copy(player->current->name,
	    sizeof(player->current->name), name);
}

const char *
player_session(const struct player *player)
{
	return player->current->name;
}

bool
player_has_connected(const struct player *player)
{
	return player->current->has_connected;
}

void
player_log_in(struct player *player, const char *user)
{
	(void)text_copy(player->current->user, sizeof(player->current->user),
	    user);
}

/* --- records */

static json_t *
new_record(const struct player *player, const char *answer)
{
	char now[UTC_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s}",
	    "session", player->current->name,
	    "time", utc_format(player->now_ms, now),
	    "answer", answer);
}

/* The MTA answers by itself; the milter is not asked. */
static json_t *
mta_answers(const struct player *player, const char *reply)
{
	json_t *record = new_record(player, "mta");

	(void)json_object_set_new(record, "reply", inspect_text(reply));
	return record;
}

static json_t *
describe_rule(const struct rule *rule)
{
	return json_pack("{s:s, s:o, s:o, s:i}",
	    "kind", rule->check != NULL ? "check" : "limit",
	    "name", inspect_text(rule->name),
	    "file", inspect_text(rule->origin.file),
	    "line", rule->origin.line);
}

static json_t *
describe_policy(const struct policy *policy)
{
	return json_pack("{s:o, s:o, s:i}",
	    "name", inspect_text(policy->name),
	    "file", inspect_text(policy->origin.file),
	    "line", policy->origin.line);
}

/* The windows of a limit, as the store answered. */
static json_t *
describe_counters(const struct facts *facts, const struct rule *rule,
    size_t first)
{
	const struct charges *charges = &facts->charges;
	json_t *all = json_array();

	for (size_t i = first; i < charges->count &&
	    charges->at[i].rule == rule; i++) {
		json_t *counter = json_pack("{s:s, s:s, s:I}",
		    "subject", charges->at[i].subject,
		    "field", charges->at[i].field,
		    "max", (json_int_t)charges->at[i].max);

		if (facts->counters.status != CHARGE_UNAVAILABLE)
			(void)json_object_set_new(counter, "used",
			    json_integer((json_int_t)
			    facts->counters.used[i]));
		(void)json_array_append_new(all, counter);
	}
	return all;
}

static json_t *
describe_steps(const struct trace *trace, const struct facts *facts)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < trace->count; i++) {
		const struct step_taken *taken = &trace->steps[i];
		json_t *step = describe_rule(taken->rule);

		(void)json_object_set_new(step, "outcome",
		    json_string(outcome_names[taken->outcome]));
		if (taken->charge >= 0)
			(void)json_object_set_new(step, "counters",
			    describe_counters(facts, taken->rule,
			    (size_t)taken->charge));
		(void)json_array_append_new(steps, step);
	}
	return steps;
}

/* Rules of the trace that ended so. */
static json_t *
rules_with_outcome(const struct trace *trace, enum outcome outcome)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < trace->count; i++)
		if (trace->steps[i].outcome == outcome)
			(void)json_array_append_new(rules,
			    describe_rule(trace->steps[i].rule));
	return rules;
}

static void
set_unless_empty(json_t *record, const char *name, json_t *array)
{
	if (json_array_size(array) > 0)
		(void)json_object_set_new(record, name, array);
	else
		json_decref(array);
}

/* What of its match, or its except, keeps this policy from speaking? */
static const char *
why_passed_over(const struct config *config, const struct policy *policy,
    const struct session *session, const struct path *recipient)
{
	struct policy lone = *policy;
	struct config one = *config;

	one.policies = &lone;
	one.policy_count = 1;
	memset(&lone.with.except, 0, sizeof(lone.with.except));
#define OPTION_MATCH(type, name, ...)					\
	memset(&lone.match, 0, sizeof(lone.match));			\
	lone.match.name = policy->match.name;				\
	if (policy->has_match &&					\
	    policy_select(&one, session, recipient) == NULL)		\
		return "match " #name;
#include "core/option.def"
	return "except";
}

static json_t *
describe_passed_over(const struct config *config, const struct policy *spoke,
    const struct session *session, const struct path *recipient)
{
	json_t *all = json_array();

	for (size_t i = 0; i < config->policy_count &&
	    &config->policies[i] != spoke; i++) {
		const struct policy *policy = &config->policies[i];
		json_t *passed = describe_policy(policy);

		(void)json_object_set_new(passed, "because", json_string(
		    why_passed_over(config, policy, session, recipient)));
		(void)json_array_append_new(all, passed);
	}
	return all;
}

static const char *
accepting_reply(enum stage stage)
{
	return stage == STAGE_CONNECT ? "220 ok" : "250 ok";
}

static void
record_reply(json_t *record, enum stage stage, const struct answer *answer)
{
	char line[REPLY_LINE_OCTETS_MAX];
	struct text text;

	if (answer->kind == ANSWER_CONTINUE) {
		(void)json_object_set_new(record, "reply",
		    json_string(accepting_reply(stage)));
		return;
	}
	TEXT_INIT(&text, line);
	text_put(&text, answer->reply.code);
	text_put_char(&text, ' ');
	text_put(&text, answer->reply.enhanced);
	text_put_char(&text, ' ');
	text_put(&text, answer->reply.text);
	(void)json_object_set_new(record, "reply", inspect_text(line));
	(void)json_object_set_new(record, "ref", json_string(answer->ref));
}

/* The stages at which a policy is selected. */
static bool
is_judged(enum stage stage)
{
	return stage == STAGE_CONNECT || stage == STAGE_MAIL ||
	    stage == STAGE_RCPT;
}

/* `session` as the event was judged, before it was settled. */
static json_t *
record_answer_of(const struct player *player, const struct event *event,
    const struct session *session, const struct answer *answer)
{
	static const char *const kinds[] = {
		[ANSWER_CONTINUE] = "continue", [ANSWER_TEMPFAIL] = "tempfail",
		[ANSWER_REJECT] = "reject", [ANSWER_CLOSE] = "close"
	};
	const struct conversation *c = player->current->conversation;
	const struct verdict *verdict = &answer->verdict;
	json_t *record = new_record(player, kinds[answer->kind]);
	struct path recipient;

	(void)json_object_set_new(record, "stage",
	    json_string(stage_name(event->stage)));
	record_reply(record, event->stage, answer);
	if (verdict->policy != NULL)
		(void)json_object_set_new(record, "policy",
		    describe_policy(verdict->policy));
	if (verdict->always_accepted)
		(void)json_object_set_new(record, "always_accepted",
		    json_true());
	if (verdict->rule != NULL)
		(void)json_object_set_new(record, "rule",
		    describe_rule(verdict->rule));
	set_unless_empty(record, "observed", rules_with_outcome(
	    &player->trace, OUTCOME_OBSERVED));
	set_unless_empty(record, "failed", rules_with_outcome(
	    &player->trace, OUTCOME_ACCEPTED_ON_FAILURE));
	set_unless_empty(record, "steps", describe_steps(&player->trace,
	    conversation_facts(c)));
	if (!is_judged(event->stage))
		return record;
	if (event->stage == STAGE_RCPT) {
		path_parse(event->path != NULL ? event->path : "", &recipient);
		idn_fold_path(&recipient);
	}
	set_unless_empty(record, "passed_over", describe_passed_over(
	    conversation_config(c), verdict->policy, session,
	    event->stage == STAGE_RCPT ? &recipient : NULL));
	return record;
}

/* --- what is played */

static void
hang_up(struct player *player)
{
	conversation_close(&player->current->conversation, player->now_ms);
	player->current->refusal[0] = '\0';
	player->current->user[0] = '\0';
}

static json_t *
judge(struct player *player, struct event *event)
{
	struct played *played = player->current;
	struct session session;
	struct answer answer;
	json_t *record;

	event->now_ms = player->now_ms;
	session = *conversation_session(played->conversation);
	session_apply(&session, event);
	if (event->stage == STAGE_MAIL)
		idn_fold_path(&session.sender);
	player->trace.count = 0;
	conversation_trace(played->conversation, &player->trace);
	memset(&answer, 0, sizeof(answer));
	engine_event(played->conversation, event, &answer);
	record = record_answer_of(player, event, &session, &answer);
	if (answer.kind == ANSWER_CLOSE)
		hang_up(player);
	else if (answer.kind != ANSWER_CONTINUE &&
	    event->stage == STAGE_CONNECT)
		(void)text_copy(played->refusal, sizeof(played->refusal),
		    member_text(record, "reply"));
	return record;
}

/* A connection that was hung up answers nothing any more. */
static json_t *
no_connection(const struct player *player)
{
	return mta_answers(player, "no connection");
}

static bool
in_transaction(const struct player *player)
{
	return conversation_session(
	    player->current->conversation)->in_transaction;
}

json_t *
player_event(struct player *player, struct event *event)
{
	struct played *played = player->current;

	if (event->stage == STAGE_CONNECT) {
		hang_up(player);
		played->conversation = conversation_open(player->engine);
		played->has_connected = true;
	}
	if (played->conversation == NULL)
		return no_connection(player);
	if (played->refusal[0] != '\0')
		return mta_answers(player, event->stage == STAGE_HELO ?
		    "250 ok" : played->refusal);
	if (event->stage == STAGE_RCPT && !in_transaction(player))
		return mta_answers(player, "503 5.5.1 Error: need MAIL command");
	if (event->stage == STAGE_MAIL)
		event->user = played->user[0] != '\0' ? played->user : NULL;
	return judge(player, event);
}

json_t *
player_header(struct player *player, const char *name, const char *value)
{
	struct played *played = player->current;

	if (played->conversation == NULL)
		return no_connection(player);
	if (!in_transaction(player))
		return mta_answers(player, "503 5.5.1 Error: need MAIL");
	conversation_header(played->conversation, name, value);
	return new_record(player, "none");
}

json_t *
player_data(struct player *player, int64_t octets)
{
	struct played *played = player->current;
	struct event event = { .stage = STAGE_EOM };

	if (played->conversation == NULL)
		return no_connection(player);
	if (!in_transaction(player))
		return mta_answers(player, "503 5.5.1 Error: need RCPT command");
	if (conversation_session(played->conversation)->recipients == 0)
		return mta_answers(player, "554 5.5.1 Error: no valid recipients");
	conversation_received(played->conversation, octets);
	if ((conversation_config(played->conversation)->steps &
	    STEP_EOH_REPLY) != 0) {
		struct event eoh = { .stage = STAGE_EOH };
		json_t *record = judge(player, &eoh);

		if (strcmp(member_text(record, "answer"), "continue") != 0)
			return record;
		json_decref(record);
	}
	return judge(player, &event);
}

json_t *
player_reset(struct player *player)
{
	if (player->current->conversation == NULL)
		return no_connection(player);
	conversation_abort(player->current->conversation, player->now_ms);
	return mta_answers(player, "250 ok");
}

json_t *
player_quit(struct player *player)
{
	if (player->current->conversation == NULL)
		return no_connection(player);
	hang_up(player);
	return mta_answers(player, "221 ok");
}

/* --- for people */

static void
put_rules(const char *label, const json_t *rules)
{
	size_t index;
	json_t *rule;

	json_array_foreach(rules, index, rule) {
		(void)fputs(index == 0 ? label : ", ", stdout);
		put_printable(member_text(rule, "kind"));
		(void)fputc(' ', stdout);
		put_printable(member_text(rule, "name"));
		(void)fputs(", ", stdout);
		put_printable(member_text(rule, "file"));
		(void)printf(":%lld", (long long)member_number(rule, "line"));
	}
}

/* "   [policy submission, limit quota_user, FILE:LINE; observed: ...]" */
static void
put_reason(const json_t *record)
{
	const json_t *policy = json_object_get(record, "policy");
	json_t *rule = json_object_get(record, "rule");
	json_t *refusing;

	if (policy == NULL)
		return;
	(void)fputs("   [policy ", stdout);
	put_printable(member_text(policy, "name"));
	if (rule != NULL) {
		refusing = json_pack("[O]", rule);
		put_rules(", ", refusing);
		json_decref(refusing);
	}
	if (json_is_true(json_object_get(record, "always_accepted")))
		(void)fputs("; always accepts this recipient", stdout);
	put_rules("; observed: ", json_object_get(record, "observed"));
	put_rules("; store down, accepted by: ",
	    json_object_get(record, "failed"));
	(void)fputc(']', stdout);
}

static void
put_selection(const json_t *record, const char *indent)
{
	const json_t *policy = json_object_get(record, "policy");
	const json_t *passed_over = json_object_get(record, "passed_over");
	size_t index;
	json_t *passed;

	if (strcmp(member_text(record, "stage"), "eom") == 0 ||
	    strcmp(member_text(record, "stage"), "eoh") == 0 ||
	    (policy == NULL && passed_over == NULL))
		return;
	json_array_foreach(passed_over, index, passed) {
		(void)printf("%s    policy \"", indent);
		put_printable(member_text(passed, "name"));
		(void)printf("\" is not asked: %s\n",
		    member_text(passed, "because"));
	}
	(void)printf("%s    ", indent);
	if (policy == NULL) {
		(void)printf("no policy is asked\n");
		return;
	}
	(void)fputs("policy \"", stdout);
	put_printable(member_text(policy, "name"));
	(void)fputs("\" is the first that matches  ", stdout);
	put_printable(member_text(policy, "file"));
	(void)printf(":%lld\n", (long long)member_number(policy, "line"));
}

static void
describe_use(const json_t *counter, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	if (json_object_get(counter, "used") == NULL)
		return;
	text_put_number(&text, member_number(counter, "used"));
	text_put(&text, " of ");
	text_put_number(&text, member_number(counter, "max"));
}

static void
add_step(struct table *table, const json_t *step)
{
	const json_t *counters = json_object_get(step, "counters");
	char name[160], origin[512], use[64];
	const char *cells[] = {
		name, member_text(step, "outcome"), "", "", "", origin
	};
	size_t index;
	json_t *counter;

	(void)snprintf(name, sizeof(name), "%s %.120s",
	    member_text(step, "kind"), member_text(step, "name"));
	(void)snprintf(origin, sizeof(origin), "%.480s:%lld",
	    member_text(step, "file"), (long long)member_number(step, "line"));
	if (json_array_size(counters) == 0)
		table_add(table, cells);
	json_array_foreach(counters, index, counter) {
		cells[2] = member_text(counter, "subject");
		cells[3] = member_text(counter, "field");
		cells[4] = use;
		describe_use(counter, use, sizeof(use));
		table_add(table, cells);
		cells[0] = cells[1] = cells[5] = "";
	}
}

static void
put_steps(const json_t *record, const char *indent)
{
	char deeper[64];
	struct table table;
	size_t index;
	json_t *step;

	put_selection(record, indent);
	(void)snprintf(deeper, sizeof(deeper), "%s    ", indent);
	table_init(&table, 6, deeper);
	json_array_foreach(json_object_get(record, "steps"), index, step)
		add_step(&table, step);
	table_print_and_clear(&table);
}

/* Blanks in place of the indent's text. */
static void
put_steps_below(const json_t *record, const char *indent)
{
	char blanks[48];

	(void)snprintf(blanks, sizeof(blanks), "%*s", (int)strlen(indent), "");
	put_steps(record, blanks);
}

void
player_put_record(const json_t *record, const char *indent, bool steps)
{
	const char *session = member_text(record, "session");

	(void)fputs(indent, stdout);
	if (session[0] != '\0') {
		put_printable(session);
		(void)fputs("> ", stdout);
	}
	put_printable(member_text(record, "command"));
	(void)fputc(':', stdout);
	if (member_text(record, "reply")[0] != '\0') {
		(void)fputc(' ', stdout);
		put_printable(member_text(record, "reply"));
	}
	put_reason(record);
	(void)fputc('\n', stdout);
	if (steps)
		put_steps_below(record, indent);
}
