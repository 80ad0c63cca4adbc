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
 *
 * Which server that is, and what becomes of an answer that names another one,
 * is the business of redis_route.h.
 *
 * With wait_replicas the answers to what must last are held back until WAIT
 * says that so many replicas have it: see redis_replicas.c.
 */
#ifndef FLOODGATE_IO_REDIS_LINK_H
#define FLOODGATE_IO_REDIS_LINK_H

#include "io/store.h"

#include <stddef.h>
#include <stdint.h>

struct question;
struct redis_link;
struct redisReply;
struct tls_settings;

#define REDIS_SERVERS_MAX 16	/* that one link tries in turn */

enum redis_kind {
	REDIS_MASTER,		/* counts: a replica will not do */
	REDIS_NODE,		/* of a Cluster, which says by itself what it
				 * does not have */
	REDIS_SENTINEL
};

/* Who hears of a link, on its thread and without its lock. */
struct redis_watcher {
	void *context;
	/* It came up, went down, or has tried for the first time. */
	void (*changed)(void *context);
	/*
	 * What was told is to be told to another server, says `error`. The
	 * question is the watcher's own from then on.
	 */
	void (*redirected)(void *context, struct question *question,
	    const char *error);
};

struct redis_link_options {
	/*
	 * HOST:PORT, [ADDRESS]:PORT, or a path. Tried in order, the first
	 * that will do is used. May be none: redis_link_set_server(); until
	 * then the link is called `name`.
	 */
	const char *const *servers;
	size_t server_count;
	const char *name;
	enum redis_kind kind;
	const struct redis_watcher *watcher;	/* NULL: nobody; copied */
	const char *user;	/* "": the default user */
	const char *password;	/* "" with no user: no AUTH */
	int64_t database;
	int64_t timeout_ms;	/* the oldest question may be that old */
	int64_t connect_timeout_ms;	/* with AUTH and all */
	int64_t wait_replicas;	/* for words that are lasting; 0: nobody */
	const char *script;	/* in Lua */
	bool as_function;	/* run it by FCALL, not by EVALSHA and EVAL */
	/* NULL: no TLS. Borrowed for as long as the link lives. */
	const struct tls_settings *tls;
};

/* The words of a question after those that name the script; borrowed. */
#define REDIS_WORDS_MAX 512
#define REDIS_WORDS_KEY 3	/* the first key, after how many they are */
struct redis_words {
	bool lasting;	/* what it writes must outlive the server that answers:
			 * answered when wait_replicas replicas have it, and
			 * not at all when they do not say so in time */
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

/* The same, but the first attempt goes on when this returns. */
struct redis_link *redis_link_start(const struct redis_link_options *options,
    char *why, size_t size);
/* Has it ended, at the latest at `until_ms` of clock_steady_ms()? */
bool redis_link_await_first(struct redis_link *link, int64_t until_ms);

/* What was told is sent first, if that takes no longer than timeout_ms. */
void redis_link_close(struct redis_link **link);

void redis_link_set_timeouts(struct redis_link *link, int64_t timeout_ms,
    int64_t connect_timeout_ms);
void redis_link_set_wait_replicas(struct redis_link *link,
    int64_t wait_replicas);

/*
 * Run the script with these words. The answer is an array, for
 * freeReplyObject(); NULL when there is none by timeout_ms. *misset says
 * whether that lasts until somebody changes how Redis or floodgate is set
 * up.
 */
struct redisReply *redis_link_ask(struct redis_link *link,
    struct redis_words *words, int64_t timeout_ms, bool *misset);

/*
 * The same in two steps, so that several links work at once. NULL when there
 * is no connection. Each question that was sent must be waited for, once.
 * The answer may be an error that names another server, see
 * redis_redirect_parse(); then *again is the question once more, to be sent
 * there. It was not counted.
 */
struct question *redis_link_send(struct redis_link *link,
    struct redis_words *words, bool *misset);
/* Takes the question over. `asking`: as if the slot were here already. */
struct question *redis_link_send_again(struct redis_link *link,
    struct question *question, bool asking, bool *misset);
struct redisReply *redis_link_wait(struct redis_link *link,
    struct question *question, int64_t deadline_ms, bool *misset,
    struct question **again);

/*
 * A command about the servers; NULL as redis_link_ask(). The answer is of
 * the type `expected`, or REDIS_REPLY_NIL.
 */
struct redisReply *redis_link_command(struct redis_link *link, int count,
    const char **words, int expected, int64_t timeout_ms);
/*
 * A command instead of the script, as redis_link_send(). The answer is an
 * array, or the error of this command.
 */
struct question *redis_link_send_command(struct redis_link *link, int count,
    const char **words, const size_t *lengths, bool *misset);

/* Run the script; nobody waits for the answer, and it may get lost. */
void redis_link_tell(struct redis_link *link, struct redis_words *words);

/* As redis_link_tell(), a question that was told before; takes it over. */
void redis_link_tell_again(struct redis_link *link, struct question *question,
    bool asking);

/* The answer was none that the script gives: connect anew. */
void redis_link_distrust(struct redis_link *link);

/* This sentinel knows no better: connect to the next server. */
void redis_link_pass_on(struct redis_link *link);

/* From now on this one server, and at once; false when it makes no sense. */
bool redis_link_set_server(struct redis_link *link, const char *server);

bool redis_link_is_up(const struct redis_link *link);

/* All but kind and subjects. */
void redis_link_get_state(struct redis_link *link, struct store_state *state);

#endif
