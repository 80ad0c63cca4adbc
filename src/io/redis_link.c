/*
 * redis_link.c - one connection to a Redis server, shared by all threads
 *
 * What the askers see: questions are put into the queue here and waited for.
 */
#include "io/redis_inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/secret.h"

#define TOLD_MAX 4096		/* in the queue; more are dropped */

/* --- asking --- */

void
redis_words_init(struct redis_words *words)
{
	words->count = 2;	/* verb and name of the script */
	words->lasting = false;
}

void
redis_words_add(struct redis_words *words, const char *word)
{
	assert(words->count < REDIS_WORDS_MAX);
	words->at[words->count] = word;
	words->lengths[words->count++] = strlen(word);
}

static struct question *
question_of_script(const struct redis_link *link, struct redis_words *words)
{
	struct question *question;

	words->at[0] = link->script.verb;
	words->lengths[0] = strlen(link->script.verb);
	words->at[1] = link->script.name;
	words->lengths[1] = strlen(link->script.name);
	question = question_open((int)words->count, words->at,
	    words->lengths);
	if (question != NULL)
		question->lasting = words->lasting;
	return question;
}

static void
wake(const struct redis_link *link)
{
	ssize_t written;

	do
		written = write(link->wake[1], "", 1);
	while (written < 0 && errno == EINTR);
	/* A full pipe wakes as well. */
}

/*
 * With the lock held. What must last is not even asked while the replicas
 * are away: it would be counted, and not be answered.
 */
static bool
may_enter(const struct redis_link *link, const struct question *question)
{
	return link->up && !(question->lasting && link->doubted) &&
	    !(question->told && link->told >= TOLD_MAX);
}

/* Into the queue, if there is a connection; else false. */
static bool
enqueue(struct redis_link *link, struct question *question)
{
	bool sleeping;

	pthread_mutex_lock(&link->mutex);
	if (!may_enter(link, question)) {
		pthread_mutex_unlock(&link->mutex);
		return false;
	}
	link->told += question->told;
	questions_push(&link->queue, question);
	sleeping = link->sleeping;
	link->sleeping = false;
	pthread_mutex_unlock(&link->mutex);
	if (sleeping)
		wake(link);
	return true;
}

static void
count_call(struct redis_link *link, bool failed)
{
	atomic_fetch_add(&link->calls, 1);
	if (failed)
		atomic_fetch_add(&link->failures, 1);
}

/* Wait, take the answer, and leave the rest to the I/O thread if it is late. */
static redisReply *
await(struct redis_link *link, struct question *question, int64_t deadline_ms,
    bool *misset, struct question **again)
{
	redisReply *answer = NULL;

	if (question_await(question, deadline_ms)) {
		answer = question->answer;
		question->answer = NULL;
		*misset = question->misset;
	}
	if (again != NULL && answer != NULL &&
	    answer->type == REDIS_REPLY_ERROR)
		*again = question_again(question);
	atomic_store(&question->left, true);
	question_let_go(question);
	count_call(link, answer == NULL);
	return answer;
}

/* Into the queue, and to be waited for; NULL: it is freed and failed. */
static struct question *
send_asked(struct redis_link *link, struct question *question, bool *misset)
{
	if (question == NULL) {
		count_call(link, true);
		return NULL;
	}
	atomic_store(&question->holders, 2);
	question->told = false;
	if (!enqueue(link, question)) {
		atomic_store(&question->holders, 1);
		question_let_go(question);
		count_call(link, true);
		return NULL;
	}
	*misset = false;
	return question;
}

struct question *
redis_link_send(struct redis_link *link, struct redis_words *words,
    bool *misset)
{
	*misset = link->misset;
	return send_asked(link,
	    link->up ? question_of_script(link, words) : NULL, misset);
}

struct question *
redis_link_send_again(struct redis_link *link, struct question *question,
    bool asking, bool *misset)
{
	*misset = link->misset;
	question->asking = asking;
	return send_asked(link, question, misset);
}

struct redisReply *
redis_link_wait(struct redis_link *link, struct question *question,
    int64_t deadline_ms, bool *misset, struct question **again)
{
	return await(link, question, deadline_ms, misset, again);
}

struct redisReply *
redis_link_ask(struct redis_link *link, struct redis_words *words,
    int64_t timeout_ms, bool *misset)
{
	int64_t deadline_ms = clock_steady_ms() + timeout_ms;
	struct question *question = NULL;

	*misset = link->misset;
	if (timeout_ms > 0)
		question = redis_link_send(link, words, misset);
	else
		count_call(link, true);
	if (question == NULL)
		return NULL;
	return await(link, question, deadline_ms, misset, NULL);
}

struct question *
redis_link_send_command(struct redis_link *link, int count,
    const char **words, const size_t *lengths, bool *misset)
{
	struct question *question = NULL;

	*misset = link->misset;
	if (link->up)
		question = question_open(count, words, lengths);
	if (question != NULL)
		question->plain = true;
	return send_asked(link, question, misset);
}

struct redisReply *
redis_link_command(struct redis_link *link, int count, const char **words,
    int expected, int64_t timeout_ms)
{
	int64_t deadline_ms = clock_steady_ms() + timeout_ms;
	struct question *question = NULL;
	bool misset;

	if (link->up)
		question = question_open(count, words, NULL);
	if (question != NULL) {
		question->about = true;
		question->expected = expected;
	}
	question = send_asked(link, question, &misset);
	if (question == NULL)
		return NULL;
	return await(link, question, deadline_ms, &misset, NULL);
}

void
redis_link_tell(struct redis_link *link, struct redis_words *words)
{
	struct question *question = NULL;

	if (link->up)
		question = question_of_script(link, words);
	if (question != NULL && !enqueue(link, question))
		question_let_go(question);
}

void
redis_link_tell_again(struct redis_link *link, struct question *question,
    bool asking)
{
	question->asking = asking;
	if (!enqueue(link, question))
		question_let_go(question);
}

void
redis_link_get_state(struct redis_link *link, struct store_state *state)
{
	pthread_mutex_lock(&link->mutex);
	state->up = link->up && !link->ailing;
	text_copy(state->where, sizeof(state->where), link->where);
	text_copy(state->reason, sizeof(state->reason), link->reason);
	state->calls = atomic_load(&link->calls);
	state->failures = atomic_load(&link->failures);
	state->since_ms = link->since_ms;
	state->misset = link->misset;
	pthread_mutex_unlock(&link->mutex);
}

/* --- open and close --- */

static void
link_free(struct redis_link *link)
{
	struct question *question;

	while ((question = questions_pop(&link->queue)) != NULL)
		question_let_go(question);
	for (int i = 0; i < 2; i++)
		if (link->wake[i] >= 0)
			close(link->wake[i]);
	if (link->password != NULL)
		secret_wipe(link->password, strlen(link->password));
	redis_script_clear(&link->script);
	free(link->user);
	free(link->password);
	free(link->out.at);
	pthread_cond_destroy(&link->tried_first);
	pthread_condattr_destroy(&link->steady);
	pthread_mutex_destroy(&link->mutex);
	free(link);
}

static bool
make_pipe(int ends[2])
{
	if (pipe(ends) != 0) {
		ends[0] = ends[1] = -1;
		return false;
	}
	for (int i = 0; i < 2; i++)
		if (fcntl(ends[i], F_SETFD, FD_CLOEXEC) != 0 ||
		    fcntl(ends[i], F_SETFL, O_NONBLOCK) != 0)
			return false;
	return true;
}

/* As it stands in the log. */
static void
put_where(const char *server, char buffer[WHERE_SIZE])
{
	struct text where;

	text_init(&where, buffer, WHERE_SIZE);
	text_put_escaped(&where, server, strlen(server), "");
}

static bool
target_init(struct redis_target *target, const char *server, const char **why)
{
	put_where(server, target->where);
	target->lookup = NULL;
	return redis_server_parse(server, &target->server, why);
}

static bool
targets_init(struct redis_link *link, const struct redis_link_options *options,
    const char **why)
{
	*why = "a link tries at most 16 servers";
	if (options->server_count > REDIS_SERVERS_MAX)
		return false;
	link->target_count = options->server_count;
	for (size_t i = 0; i < options->server_count; i++)
		if (!target_init(&link->targets[i], options->servers[i], why))
			return false;
	if (options->server_count > 0)
		text_copy(link->where, sizeof(link->where),
		    link->targets[0].where);
	else
		put_where(options->name, link->where);
	return true;
}

static void
link_init(struct redis_link *link, const struct redis_link_options *options)
{
	if (options->watcher != NULL)
		link->watcher = *options->watcher;
	link->kind = options->kind;
	link->drop = TROUBLE_COUNT;
	pthread_mutex_init(&link->mutex, NULL);
	pthread_condattr_init(&link->steady);
	pthread_condattr_setclock(&link->steady, CLOCK_MONOTONIC);
	pthread_cond_init(&link->tried_first, &link->steady);
	questions_init(&link->queue);
	questions_init(&link->sent);
	questions_init(&link->finished);
	questions_init(&link->held);
	questions_init(&link->awaiting);
	link->fd = link->wake[0] = link->wake[1] = -1;
	link->noted = TROUBLE_COUNT;
	link->database = options->database;
	link->timeout_ms = options->timeout_ms;
	link->connect_timeout_ms = options->connect_timeout_ms;
	link->wait_replicas = options->wait_replicas;
	link->since_ms = clock_now_ms();
	link->dice = (unsigned int)clock_now_ms();
	link->tls_settings = options->tls;
	redis_script_init(&link->script, options->script,
	    options->as_function);
	link->user = strdup(options->user);
	link->password = strdup(options->password);
}

static bool
start(struct redis_link *link)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&link->thread, NULL, link_run, link);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

bool
redis_link_await_first(struct redis_link *link, int64_t until_ms)
{
	struct timespec until;
	bool tried;

	until.tv_sec = (time_t)(until_ms / 1000);
	until.tv_nsec = (long)(until_ms % 1000) * 1000000;
	pthread_mutex_lock(&link->mutex);
	while (!link->tried && pthread_cond_timedwait(&link->tried_first,
	    &link->mutex, &until) == 0)
		continue;
	tried = link->tried;
	pthread_mutex_unlock(&link->mutex);
	return tried;
}

struct redis_link *
redis_link_open(const struct redis_link_options *options, char *why,
    size_t size)
{
	struct redis_link *link = redis_link_start(options, why, size);

	if (link != NULL)
		(void)redis_link_await_first(link,
		    clock_steady_ms() + options->connect_timeout_ms);
	return link;
}

struct redis_link *
redis_link_start(const struct redis_link_options *options, char *why,
    size_t size)
{
	struct redis_link *link = calloc(1, sizeof(*link));
	const char *reason = "no memory";

	if (link == NULL) {
		text_copy(why, size, reason);
		return NULL;
	}
	link_init(link, options);
	if (targets_init(link, options, &reason)) {
		reason = "no memory, descriptor or thread for Redis";
		if (link->user != NULL && link->password != NULL &&
		    link->script.text != NULL && make_pipe(link->wake) &&
		    start(link))
			return link;
	}
	text_copy(why, size, reason);
	link_free(link);
	return NULL;
}

void
redis_link_close(struct redis_link **link)
{
	if (*link == NULL)
		return;
	pthread_mutex_lock(&(*link)->mutex);
	(*link)->closing = true;
	pthread_mutex_unlock(&(*link)->mutex);
	wake(*link);
	pthread_join((*link)->thread, NULL);
	link_free(*link);
	*link = NULL;
}

static void
drop(struct redis_link *link, enum redis_trouble why)
{
	pthread_mutex_lock(&link->mutex);
	link->drop = why;
	pthread_mutex_unlock(&link->mutex);
	wake(link);
}

void
redis_link_set_timeouts(struct redis_link *link, int64_t timeout_ms,
    int64_t connect_timeout_ms)
{
	pthread_mutex_lock(&link->mutex);
	link->timeout_ms = timeout_ms;
	link->connect_timeout_ms = connect_timeout_ms;
	pthread_mutex_unlock(&link->mutex);
}

void
redis_link_set_wait_replicas(struct redis_link *link, int64_t wait_replicas)
{
	pthread_mutex_lock(&link->mutex);
	link->wait_replicas = wait_replicas;
	pthread_mutex_unlock(&link->mutex);
	wake(link);
}

void
redis_link_distrust(struct redis_link *link)
{
	drop(link, TROUBLE_GARBAGE);
}

void
redis_link_pass_on(struct redis_link *link)
{
	drop(link, TROUBLE_PASSED_ON);
}

bool
redis_link_set_server(struct redis_link *link, const char *server)
{
	struct redis_target target;
	const char *why;

	if (!target_init(&target, server, &why))
		return false;
	pthread_mutex_lock(&link->mutex);
	link->next = target;
	link->has_next = true;
	link->drop = TROUBLE_SWITCHED;
	pthread_mutex_unlock(&link->mutex);
	wake(link);
	return true;
}

bool
redis_link_is_up(const struct redis_link *link)
{
	return link->up;
}
