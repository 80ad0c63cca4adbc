/*
 * redis_link.h - one connection to a Redis server, shared by all threads
 *
 * A thread of its own holds the connection, keeps it alive, and pipelines
 * what the others ask: each puts its question into a queue and waits for the
 * answer until its deadline. When the server cannot be reached, or the
 * oldest question is not answered in time, the connection is dropped,
 * everybody who waits is told so at once, and until the server answers again
 * every question is turned down in microseconds.
 *
 * A question is never asked twice: after a timeout nobody knows whether the
 * server has counted. An answer that comes late finds its own question, kept
 * for it, or no connection any more.
 *
 * The link starts a thread, so open it after the last fork. That thread takes
 * no signals.
 */
#ifndef FLOODGATE_IO_REDIS_LINK_H
#define FLOODGATE_IO_REDIS_LINK_H

#include "io/store.h"

#include <stddef.h>
#include <stdint.h>

struct redis_link;
struct redisReply;
struct tls_settings;

struct redis_link_options {
	const char *server;	/* HOST:PORT, [ADDRESS]:PORT, or a path */
	const char *user;	/* "": the default user */
	const char *password;	/* "" with no user: no AUTH */
	int64_t database;
	int64_t timeout_ms;	/* the oldest question may be that old */
	int64_t connect_timeout_ms;	/* with AUTH and all */
	const char *script;	/* in Lua */
	bool as_function;	/* run it by FCALL, not by EVALSHA and EVAL */
	/* NULL: no TLS. Borrowed for as long as the link lives. */
	const struct tls_settings *tls;
};

/* The words of a question after those that name the script; borrowed. */
#define REDIS_WORDS_MAX 512
struct redis_words {
	size_t count;
	const char *at[REDIS_WORDS_MAX];
	size_t lengths[REDIS_WORDS_MAX];
};
void redis_words_init(struct redis_words *words);
void redis_words_add(struct redis_words *words, const char *word);

/*
 * The first attempt to connect is waited for, at most connect_timeout_ms, so
 * that the first question of a new link is answered if there is a server.
 * NULL with a sentence in why[size] when the server's name makes no sense,
 * or when there is no memory, descriptor or thread.
 */
struct redis_link *redis_link_open(const struct redis_link_options *options,
    char *why, size_t size);

/* What was told is sent first, if that takes no longer than timeout_ms. */
void redis_link_close(struct redis_link **link);

void redis_link_set_timeouts(struct redis_link *link, int64_t timeout_ms,
    int64_t connect_timeout_ms);

/*
 * Run the script with these words. The answer is an array, for
 * freeReplyObject(); NULL when there is none by timeout_ms. *misset says
 * whether that lasts until somebody changes how Redis or floodgate is set
 * up.
 */
struct redisReply *redis_link_ask(struct redis_link *link,
    struct redis_words *words, int64_t timeout_ms, bool *misset);

/* A command of Redis' own, one that only reads; words[1] is its key. */
struct redis_command {
	int count;
	const char **words;
	const size_t *lengths;
	struct redisReply *reply;	/* the answer: an array, or the error
					 * of this command, for
					 * freeReplyObject(); NULL: none */
};

#define REDIS_COMMANDS_MAX 128	/* at once */
/* Ask all of them, one behind the other, and wait for all. */
void redis_link_ask_all(struct redis_link *link,
    struct redis_command commands[], size_t count, int64_t timeout_ms);

/* Run the script; nobody waits for the answer, and it may get lost. */
void redis_link_tell(struct redis_link *link, struct redis_words *words);

/* The answer was none that the script gives: connect anew. */
void redis_link_distrust(struct redis_link *link);

/* All but kind and subjects. */
void redis_link_get_state(struct redis_link *link, struct store_state *state);

#endif
