/*
 * player.c - plays SMTP sessions to the real engine, with a clock of its own
 */
#include "floodgatectl/player.h"

#include "floodgatectl/output.h"
#include "floodgatectl/record.h"

#include "base/text.h"
#include "io/conffile.h"
#include "io/engine.h"
#include "io/idn.h"
#include "io/inspect.h"
#include "io/operate.h"

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
	struct store *shared;	/* that can be switched off */
	struct store *store;	/* above it, which decides then; owns it */
	struct dns *dns;
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
	player->shared = store_switch_open(why, size);
	if (player->shared != NULL)
		player->store = store_fallback_open(player->shared,
		    config->store == STORE_KIND_REDIS ?
		    config->redis.fallback_share : -1, false, why, size);
	player->dns = dns_open_given();
	if (player->store == NULL || player->dns == NULL) {
		store_close(&player->store);
		dns_close(&player->dns);
		config_close(&config);
		free(player);
		return NULL;
	}
	player->engine = engine_open(config, player->store, REFERENCE_SEED);
	engine_use_dns(player->engine, player->dns);
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
	dns_close(&p->dns);
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
player_set_store(struct player *player, enum store_position position)
{
	store_switch_set(player->shared, position);
	if (position == STORE_UP)
		store_fallback_settle(player->store, player->now_ms);
}

bool
player_add_to_list(struct player *player, const char *key,
    const char *member, const char *value)
{
	return store_switch_add(player->shared, key, member, value);
}

void
player_remove_from_list(struct player *player, const char *key,
    const char *member)
{
	store_switch_remove(player->shared, key, member);
}

void
player_give_dns(struct player *player, const struct dns_question *question,
    const struct dns_answer *answer)
{
	dns_give(player->dns, question, answer);
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

json_t *
player_operate(struct player *player, player_operation *operate,
    const char *const arguments[], size_t count)
{
	const struct config *config = engine_hold_config(player->engine);
	const struct operation op = {
		.config = config, .store = player->store,
		.arguments = arguments, .count = count, .who = "script",
		.now_ms = player->now_ms,
		.timeout_ms = config->global.event_timeout_ms
	};
	json_t *document = operate(&op);

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

/* The MTA answers by itself; the milter is not asked. */
static json_t *
mta_answers(const struct player *player, const char *reply)
{
	json_t *record = record_new(player->current->name, player->now_ms,
	    "mta");

	(void)json_object_set_new(record, "reply", inspect_text(reply));
	return record;
}

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
	static const char *const kinds[] = {
		[ANSWER_CONTINUE] = "continue", [ANSWER_TEMPFAIL] = "tempfail",
		[ANSWER_REJECT] = "reject", [ANSWER_CLOSE] = "close"
	};
	struct played *played = player->current;
	struct conversation *c = played->conversation;
	struct session session = *conversation_session(c);
	struct judged judged = { .event = event, .session = &session };
	struct answer answer = { .kind = ANSWER_CONTINUE };
	json_t *record;

	event->now_ms = player->now_ms;
	session_apply(&session, event);
	if (event->stage == STAGE_MAIL)
		idn_fold_path(&session.sender);
	player->trace.count = 0;
	conversation_trace(c, &player->trace);
	engine_event(c, event, &answer);
	record = record_new(played->name, player->now_ms, kinds[answer.kind]);
	judged.answer = &answer;
	judged.conversation = c;
	judged.trace = &player->trace;
	judged.config = conversation_config(c);
	judged.facts = conversation_facts(c);
	record_add_event(record, &judged);
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
		return mta_answers(player,
		    "503 5.5.1 Error: need MAIL command");
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
		return mta_answers(player,
		    "503 5.5.1 Error: need MAIL command");
	conversation_header(played->conversation, name, value);
	return record_new(played->name, player->now_ms, "none");
}

json_t *
player_data(struct player *player, int64_t octets)
{
	struct played *played = player->current;
	struct event event = { .stage = STAGE_EOM };

	if (played->conversation == NULL)
		return no_connection(player);
	if (!in_transaction(player))
		return mta_answers(player,
		    "503 5.5.1 Error: need RCPT command");
	if (conversation_session(played->conversation)->recipients == 0)
		return mta_answers(player,
		    "554 5.5.1 Error: no valid recipients");
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
