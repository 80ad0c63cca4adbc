/*
 * redis_question.c - one question to Redis on its way, and lists of them
 */
#include "io/redis_question.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"

static void
question_init(struct question *question, size_t length)
{
	question->length = length;
	question->expected = REDIS_REPLY_ARRAY;
	question->holders = 1;
	question->told = true;
	(void)sem_init(&question->answered, 0, 0);
}

struct question *
question_open(int count, const char **words, const size_t *lengths)
{
	struct question *question = calloc(1, sizeof(*question));
	long long length;

	if (question == NULL)
		return NULL;
	length = redisFormatCommandArgv(&question->command, count, words,
	    lengths);
	if (length < 0) {
		free(question);
		return NULL;
	}
	question_init(question, (size_t)length);
	return question;
}

struct question *
question_again(const struct question *question)
{
	struct question *again = calloc(1, sizeof(*again));

	if (again == NULL)
		return NULL;
	/* redisFreeCommand() is free(). */
	again->command = malloc(question->length);
	if (again->command == NULL) {
		free(again);
		return NULL;
	}
	memcpy(again->command, question->command, question->length);
	question_init(again, question->length);
	again->expected = question->expected;
	again->plain = question->plain;
	again->lasting = question->lasting;
	return again;
}

void
question_let_go(struct question *question)
{
	if (atomic_fetch_sub(&question->holders, 1) > 1)
		return;
	if (question->answer != NULL)
		freeReplyObject(question->answer);
	(void)sem_destroy(&question->answered);
	redisFreeCommand(question->command);
	free(question);
}

/* A libc without the first steps with the clock of the wall. */
static int
wait_until(sem_t *semaphore, int64_t until_ms)
{
	struct timespec until;

#ifndef HAVE_SEM_CLOCKWAIT
	until_ms += clock_now_ms() - clock_steady_ms();
#endif
	until.tv_sec = (time_t)(until_ms / 1000);
	until.tv_nsec = (long)(until_ms % 1000) * 1000000;
#ifdef HAVE_SEM_CLOCKWAIT
	return sem_clockwait(semaphore, CLOCK_MONOTONIC, &until);
#else
	return sem_timedwait(semaphore, &until);
#endif
}

bool
question_await(struct question *question, int64_t until_ms)
{
	while (!atomic_load(&question->done))
		if (wait_until(&question->answered, until_ms) != 0 &&
		    errno != EINTR)
			break;
	return atomic_load(&question->done);
}

void
question_settle(struct question *question)
{
	atomic_store(&question->done, true);
	if (!question->told)
		(void)sem_post(&question->answered);
}

void
questions_init(struct questions *list)
{
	list->first = NULL;
	list->end = &list->first;
}

void
questions_push(struct questions *list, struct question *question)
{
	question->next = NULL;
	*list->end = question;
	list->end = &question->next;
}

struct question *
questions_pop(struct questions *list)
{
	struct question *question = list->first;

	if (question == NULL)
		return NULL;
	list->first = question->next;
	if (list->first == NULL)
		list->end = &list->first;
	return question;
}

void
questions_move(struct questions *to, struct questions *from)
{
	if (from->first == NULL)
		return;
	*to->end = from->first;
	to->end = from->end;
	questions_init(from);
}

bool
buffer_put(struct buffer *buffer, const char *octets, size_t length)
{
	size_t size = buffer->size;
	char *grown;

	if (buffer->first == buffer->length)
		buffer->first = buffer->length = 0;
	while (size - buffer->length < length)
		size = size == 0 ? 16384 : size * 2;
	if (size != buffer->size) {
		grown = realloc(buffer->at, size);
		if (grown == NULL)
			return false;
		buffer->at = grown;
		buffer->size = size;
	}
	memcpy(buffer->at + buffer->length, octets, length);
	buffer->length += length;
	return true;
}

bool
buffer_put_words(struct buffer *buffer, int count, const char **words)
{
	char *command;
	long long length = redisFormatCommandArgv(&command, count, words, NULL);
	bool done;

	if (length < 0)
		return false;
	done = buffer_put(buffer, command, (size_t)length);
	redisFreeCommand(command);
	return done;
}
