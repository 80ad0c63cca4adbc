/*
 * redis_greeting.h - what is said first, and which answers are welcome
 *
 * AUTH if there is a user or a password, SELECT if it is not database 0,
 * ROLE where only a master will do, because a replica takes no writes, and
 * PING, because a server that still loads its data answers ROLE. Then our
 * script, told to do nothing: a server that holds scripts back (CLIENT PAUSE
 * WRITE) answers all before. An error will do, it may not know the script
 * yet.
 */
#ifndef FLOODGATE_IO_REDIS_GREETING_H
#define FLOODGATE_IO_REDIS_GREETING_H

#include "io/redis_question.h"
#include "io/redis_reply.h"
#include "io/redis_script.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GREETING_STEPS_MAX 5

enum greeting_step {
	GREETING_AUTH, GREETING_SELECT, GREETING_ROLE, GREETING_PING,
	GREETING_SCRIPT
};

struct greeting {
	enum greeting_step steps[GREETING_STEPS_MAX];
	size_t count;		/* of replies that will come */
};

/* Put the greeting into a buffer; false: no memory. */
bool greeting_put(struct greeting *greeting, const char *user,
    const char *password, int64_t database, bool asks_role,
    struct buffer *buffer);

/* And the script to it. */
bool greeting_put_script(struct greeting *greeting,
    const struct redis_script *script, struct buffer *buffer);

/* Is it what a server that we can use says? */
bool greeting_welcome(enum greeting_step step,
    const struct redisReply *reply, struct fault *fault);

#endif
