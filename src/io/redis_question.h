/*
 * redis_question.h - one question to Redis on its way, and lists of them
 *
 * A question belongs to its asker and to the I/O thread of redis_link.c; the
 * last of the two frees it.
 */
#ifndef FLOODGATE_IO_REDIS_QUESTION_H
#define FLOODGATE_IO_REDIS_QUESTION_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

struct question {
	struct question *next;
	atomic_int holders;
	atomic_bool left;	/* its asker has waited long enough */
	atomic_bool done;	/* the next two are its asker's now */
	struct redisReply *answer;	/* NULL: unavailable */
	bool misset;		/* for how Redis or floodgate is set up */
	sem_t answered;		/* posted when it is done */
	bool told;		/* nobody asked for an answer */
	/*
	 * REDIS_REPLY_ARRAY, STATUS of a PING, STRING of FUNCTION LOAD,
	 * INTEGER of WAIT
	 */
	int expected;
	bool plain;		/* not the script: its asker gets its error */
	bool evaluated;		/* sent with the script itself */
	bool about;		/* the servers: nil is an answer, too */
	bool asking;		/* ASKING goes before it */
	bool lasting;		/* answer only what replicas have */
	bool awaits;		/* it was sent before a WAIT that says so */
	int hops;		/* servers that have sent it on */
	int64_t sent_ms;
	char *command;		/* as it is sent */
	size_t length;
};

/* Held once, told, and an array expected. NULL: no memory. */
struct question *question_open(int count, const char **words,
    const size_t *lengths);
/* The same, told and not yet sent. NULL: no memory. */
struct question *question_again(const struct question *question);
/* Its holder does so no more; the last one's call frees it. */
void question_let_go(struct question *question);

/*
 * Wait until it is done; by clock_steady_ms(). False: too late. And: it is
 * done, which wakes its asker.
 */
bool question_await(struct question *question, int64_t until_ms);
void question_settle(struct question *question);

/* First in, first out. */
struct questions {
	struct question *first;
	struct question **end;
};

void questions_init(struct questions *list);
void questions_push(struct questions *list, struct question *question);
struct question *questions_pop(struct questions *list);	/* or NULL */
void questions_move(struct questions *to, struct questions *from);

/* What is to be sent: octets at[first..length). All zeros is an empty one. */
struct buffer {
	char *at;
	size_t first, length, size;
};

/* False: no memory. */
bool buffer_put(struct buffer *buffer, const char *octets, size_t length);
bool buffer_put_words(struct buffer *buffer, int count, const char **words);

#endif
