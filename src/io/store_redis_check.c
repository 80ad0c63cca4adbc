/*
 * store_redis_check.c - does Redis let us do all that we may ever do?
 *
 * The script tries each of its commands, on every node of a Cluster, and
 * what the Redis user must not do is named as ACL SETUSER takes it.
 */
#include "io/store_redis_inside.h"

#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/redis_key.h"
#include "io/redis_reply.h"

#define CHECK_SUBJECT "check:"	/* no kind of core/key.def */
/* On a Cluster so many, by chance on nodes, are enough to find all of them. */
#define PLACES_MAX 64

/* What is said of one is said once. */
struct findings {
	struct store_complaint *at;	/* STORE_COMPLAINTS_MAX */
	size_t count;
};

static void
add_finding(struct findings *findings, const char *where, const char *what,
    bool misset)
{
	struct store_complaint *complaint = &findings->at[findings->count];

	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->at[i].text, what) == 0)
			return;
	if (findings->count == STORE_COMPLAINTS_MAX)
		return;
	text_copy(complaint->where, sizeof(complaint->where), where);
	text_copy(complaint->text, sizeof(complaint->text), what);
	complaint->misset = misset;
	findings->count++;
}

/* "+hdel", for a command that the user must not do. */
static void
put_right(struct text *text, const char *command)
{
	text_put_char(text, '+');
	for (; *command != '\0'; command++)
		text_put_char(text, text_lower_char(*command));
}

static void
add_error(struct findings *findings, const char *where, const char *command,
    const redisReply *error)
{
	enum redis_trouble trouble = redis_reply_trouble(error);
	char buffer[sizeof(findings->at[0].text)];
	struct text text;

	TEXT_INIT(&text, buffer);
	text_put(&text, redis_trouble_text(trouble));
	text_put(&text, ": ");
	if (trouble == TROUBLE_NOPERM)
		put_right(&text, command);
	else
		redis_put_said(&text, error->str);
	add_finding(findings, where, buffer, redis_trouble_is_setup(trouble));
}

/* --- the script, at one place --- */

struct check_question {
	char subject[sizeof(CHECK_SUBJECT) + 8];
	char hash[REDIS_KEY_SIZE], set[REDIS_KEY_SIZE];
	struct redis_words words;
	struct redis_asked asked;
};

static void
send_check(struct store_redis *redis, struct check_question *question,
    size_t place)
{
	struct text subject;

	TEXT_INIT(&subject, question->subject);
	text_put(&subject, CHECK_SUBJECT);
	text_put_number(&subject, (int64_t)place);
	redis_words_init(&question->words);
	question->words.lasting = true;		/* WAIT, if that is wanted */
	redis_words_add(&question->words, "2");
	redis_words_add(&question->words, redis_key(redis->prefix,
	    question->subject, question->hash));
	redis_words_add(&question->words, redis_set_key(redis->prefix,
	    question->subject, "set", question->set));
	redis_words_add(&question->words, "check");
	redis_route_send(redis->route, question->hash, &question->words,
	    &question->asked);
}

/* A number, or pairs of a command and what is said of it. */
static void
read_check(const redisReply *reply, const char *where,
    struct findings *findings)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		if (reply->element[i]->type == REDIS_REPLY_STRING &&
		    reply->element[i + 1]->type == REDIS_REPLY_STRING)
			add_error(findings, where, reply->element[i]->str,
			    reply->element[i + 1]);
}

/* False when one was not answered. */
static bool
check_places(struct store_redis *redis, int64_t deadline_ms,
    const char *where, struct findings *findings)
{
	size_t places = redis->cluster ? PLACES_MAX : 1;
	struct check_question question;
	bool misset, answered = true;

	for (size_t i = 0; i < places; i++) {
		redisReply *reply;

		send_check(redis, &question, i);
		reply = redis_route_wait(redis->route, &question.asked,
		    deadline_ms, &misset);
		if (reply == NULL) {
			answered = false;
			continue;
		}
		read_check(reply, where, findings);
		freeReplyObject(reply);
	}
	return answered;
}

/* --- what the script itself needs --- */

/*
 * EVAL, which is sent when the server has forgotten the script: its own
 * right, and seldom asked for.
 */
static void
check_eval(struct store_redis *redis, int64_t timeout_ms, const char *where,
    struct findings *findings)
{
	const char *words[3] = {"EVAL", "return {}", "0"};
	const size_t lengths[3] = {4, 9, 1};
	struct redis_command command = {
		.count = 3, .words = words, .lengths = lengths
	};

	if (redis->script != SCRIPT_EVAL)
		return;
	redis_route_ask_all(redis->route, &command, 1, timeout_ms);
	if (command.reply == NULL)
		return;
	if (command.reply->type == REDIS_REPLY_ERROR)
		add_error(findings, where, words[0], command.reply);
	freeReplyObject(command.reply);
}

/* "lacks a permission: NOPERM ..." by the name of the permission. */
static void
name_right(const struct store_redis *redis, struct store_state *state)
{
	char right[128], keys[REDIS_KEY_SIZE];
	struct text text;

	TEXT_INIT(&text, right);
	if (!redis_put_right(&text, state->reason,
	    redis_common_key(redis->prefix, "*", keys)))
		return;
	TEXT_INIT(&text, state->reason);
	text_put(&text, redis_trouble_text(TROUBLE_NOPERM));
	text_put(&text, ": ");
	text_put(&text, right);
}

/* What the state says, unless a finding says it better. */
static void
add_state(struct store *store, struct findings *findings, bool answered)
{
	struct store_state state;

	store_get_state(store, &state);
	if (state.up && !answered)
		add_finding(findings, state.where,
		    redis_trouble_text(TROUBLE_TIMEOUT), false);
	if (state.up || findings->count > 0)
		return;
	name_right((struct store_redis *)store, &state);
	add_finding(findings, state.where, state.reason, state.misset);
}

/* Each server that does not answer, where there are several. */
static void
add_nodes(struct store *store, struct findings *findings)
{
	struct store_node nodes[STORE_COMPLAINTS_MAX];
	size_t count = store_get_nodes(store, nodes, STORE_COMPLAINTS_MAX);

	for (size_t i = 0; i < count && i < STORE_COMPLAINTS_MAX; i++)
		if (!nodes[i].up)
			add_finding(findings, nodes[i].where, nodes[i].reason,
			    false);
}

size_t
redis_check(struct store *store, int64_t timeout_ms,
    struct store_complaint complaints[])
{
	struct store_redis *redis = (struct store_redis *)store;
	int64_t deadline_ms = clock_steady_ms() + timeout_ms;
	struct findings findings = {.at = complaints};
	struct store_state state;
	bool answered;

	store_get_state(store, &state);
	answered = check_places(redis, deadline_ms, state.where, &findings);
	check_eval(redis, deadline_ms - clock_steady_ms(), state.where,
	    &findings);
	add_state(store, &findings, answered);
	add_nodes(store, &findings);
	return findings.count;
}
