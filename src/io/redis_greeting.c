/*
 * redis_greeting.c - what is said first, and which answers are welcome
 */
#include "io/redis_greeting.h"

#include <hiredis/hiredis.h>
#include <string.h>

#include "base/text.h"

static bool
put_step(struct greeting *greeting, enum greeting_step step,
    struct buffer *buffer, int count, const char **words)
{
	greeting->steps[greeting->count++] = step;
	return buffer_put_words(buffer, count, words);
}

bool
greeting_put(struct greeting *greeting, const char *user,
    const char *password, int64_t database, bool asks_role,
    struct buffer *buffer)
{
	const char *full_auth[3] = {"AUTH", user, password};
	const char *auth[2] = {"AUTH", password};
	const char *role[1] = {"ROLE"}, *ping[1] = {"PING"};
	const char *choose[2] = {"SELECT", NULL};
	char number[24];
	struct text text;
	bool fits = true;

	TEXT_INIT(&text, number);
	text_put_number(&text, database);
	choose[1] = number;
	greeting->count = 0;
	if (user[0] != '\0')
		fits = put_step(greeting, GREETING_AUTH, buffer, 3, full_auth);
	else if (password[0] != '\0')
		fits = put_step(greeting, GREETING_AUTH, buffer, 2, auth);
	if (database != 0)
		fits = fits &&
		    put_step(greeting, GREETING_SELECT, buffer, 2, choose);
	if (asks_role)
		fits = fits &&
		    put_step(greeting, GREETING_ROLE, buffer, 1, role);
	return fits && put_step(greeting, GREETING_PING, buffer, 1, ping);
}

bool
greeting_put_script(struct greeting *greeting,
    const struct redis_script *script, struct buffer *buffer)
{
	const char *words[4] = {script->verb, script->name, "0", "peek"};

	return put_step(greeting, GREETING_SCRIPT, buffer, 4, words);
}

static bool
is_master(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
	    reply->element[0]->type == REDIS_REPLY_STRING &&
	    strcmp(reply->element[0]->str, "master") == 0;
}

/* Is it what a server that we can use says? */
bool
greeting_welcome(enum greeting_step step, const redisReply *reply,
    struct fault *fault)
{
	bool fine = true;

	if (step == GREETING_SCRIPT)
		return true;
	if (reply->type == REDIS_REPLY_ERROR)
		return fault_set(fault, redis_reply_trouble(reply), reply->str);
	switch (step) {
	case GREETING_ROLE:
		fine = reply->type == REDIS_REPLY_ARRAY;
		if (fine && !is_master(reply))
			return fault_set(fault, TROUBLE_REPLICA, "");
		break;
	case GREETING_AUTH:
	case GREETING_SELECT:
	case GREETING_PING:
		fine = reply->type == REDIS_REPLY_STATUS;
		break;
	case GREETING_SCRIPT:
		break;
	}
	return fine || fault_set(fault, TROUBLE_GARBAGE, "");
}
