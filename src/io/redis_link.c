/*
 * redis_link.c - one connection to a Redis server, shared by all threads
 *
 * One mutex guards the queue and the state; members of struct redis_link
 * that only the I/O thread uses are not guarded. A question belongs to its
 * asker and to the I/O thread, and the last of the two frees it.
 */
#include "io/redis_link.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <sha1.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/redis_reply.h"
#include "io/redis_socket.h"
#include "io/secret.h"

#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS 500	/* so that a server is found within a second */
#define STEADY_MS 1000		/* a connection that lived so long was good */
#define IDLE_MS 2000		/* silence after which we send a PING */
#define LOG_EVERY_MS 10000	/* at most one line for one trouble */
#define LOOKUP_MS 5000		/* then say that the name is not known */
#define TOLD_MAX 4096		/* in the queue; more are dropped */
#define EVALSHA_OCTETS (sizeof("$7\r\nEVALSHA\r\n$40\r\n\r\n") - 1 + 40)

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0		/* then SO_NOSIGPIPE is set */
#endif

struct question {
	struct question *next;
	int holders;		/* guarded, as are the next three */
	bool left;		/* its asker has waited long enough */
	bool done;
	redisReply *answer;	/* done; NULL: unavailable */
	pthread_cond_t answered;
	bool told;		/* nobody asked for an answer */
	int expected;		/* REDIS_REPLY_ARRAY, or STATUS of a PING */
	bool evaluated;		/* sent with the script itself */
	int64_t sent_ms;
	char *command;		/* for redisFreeCommand() */
	size_t length;
};

struct questions {
	struct question *first;
	struct question **end;
};

struct buffer {
	char *at;
	size_t first, length, size;	/* octets at[first..length) */
};

/* What is wrong with a connection. */
struct fault {
	enum redis_trouble trouble;
	char detail[120];
};

struct redis_link {
	struct redis_server server;
	char where[128];
	char *user, *password;
	int64_t database;
	char digest[SHA1_DIGEST_STRING_LENGTH];
	const char *script;
	int wake[2];		/* a pipe that wakes the I/O thread */
	pthread_t thread;
	pthread_condattr_t steady;	/* conditions by clock_steady_ms() */
	atomic_bool up;		/* written under the mutex */

	pthread_mutex_t mutex;	/* guards from here ... */
	pthread_cond_t tried_first;
	struct questions queue;
	size_t told;		/* of them, with nobody waiting */
	bool sleeping;		/* in poll(), or nearly: wake it */
	bool closing, distrusted, tried;
	int64_t timeout_ms, connect_timeout_ms;
	int64_t calls, failures, since_ms;
	bool ailing;		/* down, or the server answers with errors */
	char reason[160];	/* ... to here */

	/* Of the I/O thread. */
	int fd;			/* -1: none */
	redisReader *reader;
	size_t unparsed;	/* octets since the last whole reply */
	struct buffer out;
	struct questions sent;	/* in the order of their answers to come */
	struct questions finished;	/* to be handed over */
	int64_t active_ms;	/* when something arrived, or a PING left */
	int64_t retry_ms;	/* how long to wait before the next attempt */
	struct redis_lookup *lookup;
	unsigned int dice;
	int64_t logged_ms[TROUBLE_COUNT];
	enum redis_trouble noted;	/* the last trouble */
	bool silent;		/* which was not logged */
};

/* --- lists and buffers --- */

static void
questions_init(struct questions *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void
questions_push(struct questions *list, struct question *question)
{
	question->next = NULL;
	*list->end = question;
	list->end = &question->next;
}

static struct question *
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

static void
questions_move(struct questions *to, struct questions *from)
{
	if (from->first == NULL)
		return;
	*to->end = from->first;
	to->end = from->end;
	questions_init(from);
}

static bool
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

static bool
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

/* --- questions --- */

void
redis_words_init(struct redis_words *words)
{
	words->count = 2;	/* EVALSHA and the digest */
}

void
redis_words_add(struct redis_words *words, const char *word)
{
	assert(words->count < REDIS_WORDS_MAX);
	words->at[words->count] = word;
	words->lengths[words->count++] = strlen(word);
}

static struct question *
question_open(const struct redis_link *link, int count, const char **words,
    const size_t *lengths)
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
	question->length = (size_t)length;
	question->expected = REDIS_REPLY_ARRAY;
	question->holders = 1;
	question->told = true;
	pthread_cond_init(&question->answered, &link->steady);
	return question;
}

static struct question *
question_of_script(const struct redis_link *link, struct redis_words *words)
{
	words->at[0] = "EVALSHA";
	words->lengths[0] = strlen("EVALSHA");
	words->at[1] = link->digest;
	words->lengths[1] = strlen(link->digest);
	return question_open(link, (int)words->count, words->at,
	    words->lengths);
}

static void
question_free(struct question *question)
{
	if (question->answer != NULL)
		freeReplyObject(question->answer);
	pthread_cond_destroy(&question->answered);
	redisFreeCommand(question->command);
	free(question);
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

/* Into the queue, if there is a connection; else false. */
static bool
enqueue(struct redis_link *link, struct question *question)
{
	bool sleeping;

	pthread_mutex_lock(&link->mutex);
	if (!link->up || (question->told && link->told >= TOLD_MAX)) {
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

/* Wait, take the answer, and leave the rest to the I/O thread if it is late. */
static redisReply *
await(struct redis_link *link, struct question *question, int64_t deadline_ms)
{
	struct timespec deadline;
	redisReply *answer = NULL;
	bool last;

	deadline.tv_sec = (time_t)(deadline_ms / 1000);
	deadline.tv_nsec = (long)(deadline_ms % 1000) * 1000000;
	pthread_mutex_lock(&link->mutex);
	while (!question->done &&
	    pthread_cond_timedwait(&question->answered, &link->mutex,
	    &deadline) == 0)
		continue;
	if (question->done) {
		answer = question->answer;
		question->answer = NULL;
	}
	question->left = true;
	last = --question->holders == 0;
	link->calls++;
	link->failures += answer == NULL;
	pthread_mutex_unlock(&link->mutex);
	if (last)
		question_free(question);
	return answer;
}

static void
count_failure(struct redis_link *link)
{
	pthread_mutex_lock(&link->mutex);
	link->calls++;
	link->failures++;
	pthread_mutex_unlock(&link->mutex);
}

struct redisReply *
redis_link_ask(struct redis_link *link, struct redis_words *words,
    int64_t timeout_ms)
{
	int64_t deadline_ms = clock_steady_ms() + timeout_ms;
	struct question *question = NULL;

	if (link->up)
		question = question_of_script(link, words);
	if (question == NULL) {
		count_failure(link);
		return NULL;
	}
	question->holders = 2;
	question->told = false;
	if (!enqueue(link, question)) {
		question_free(question);
		count_failure(link);
		return NULL;
	}
	return await(link, question, deadline_ms);
}

void
redis_link_tell(struct redis_link *link, struct redis_words *words)
{
	struct question *question = NULL;

	if (link->up)
		question = question_of_script(link, words);
	if (question != NULL && !enqueue(link, question))
		question_free(question);
}

/* Hand the finished ones over to who waits for them. */
static void
hand_over(struct redis_link *link)
{
	struct question *question;
	struct questions ours;

	if (link->finished.first == NULL)
		return;
	questions_init(&ours);
	pthread_mutex_lock(&link->mutex);
	while ((question = questions_pop(&link->finished)) != NULL) {
		question->done = true;
		if (--question->holders > 0)
			pthread_cond_signal(&question->answered);
		else
			questions_push(&ours, question);
	}
	pthread_mutex_unlock(&link->mutex);
	while ((question = questions_pop(&ours)) != NULL)
		question_free(question);
}

/* --- state and log --- */

/* What a server says, fit for a quoted value of the log. */
static void
put_printable(struct text *text, const char *octets)
{
	for (; *octets != '\0'; octets++)
		text_put_char(text, *octets < 0x20 || *octets > 0x7e ||
		    *octets == '"' || *octets == '\\' ? '?' : *octets);
}

/* False when one line about it was written a short while ago. */
static bool
may_log(struct redis_link *link, enum redis_trouble trouble)
{
	int64_t now_ms = clock_steady_ms();
	int64_t *logged_ms = &link->logged_ms[trouble];

	if (*logged_ms != 0 && now_ms - *logged_ms < LOG_EVERY_MS)
		return false;
	*logged_ms = now_ms;
	return true;
}

static void
put_reason(struct text *text, enum redis_trouble trouble, const char *detail)
{
	text_put(text, redis_trouble_text(trouble));
	if (detail[0] != '\0')
		text_put(text, ": ");
	put_printable(text, detail);
}

/* From now on the store is of no use; `detail` may be "". */
static void
note_trouble(struct redis_link *link, enum redis_trouble trouble,
    const char *detail)
{
	char reason[sizeof(link->reason)];
	struct text text;
	bool was_well;

	TEXT_INIT(&text, reason);
	put_reason(&text, trouble, detail);
	pthread_mutex_lock(&link->mutex);
	was_well = !link->ailing;
	link->ailing = true;
	text_copy(link->reason, sizeof(link->reason), reason);
	if (was_well)
		link->since_ms = clock_now_ms();
	pthread_mutex_unlock(&link->mutex);
	if (!was_well && trouble == link->noted)
		return;
	link->noted = trouble;
	link->silent = !may_log(link, trouble);
	if (!link->silent)
		log_warning("store=redis state=%s where=%s reason=\"%s\"",
		    link->up ? "failing" : "down", link->where, reason);
}

/* One question cannot be answered; the store is well. */
static void
note_failure(struct redis_link *link, enum redis_trouble trouble,
    const char *detail)
{
	char reason[sizeof(link->reason)];
	struct text text;

	TEXT_INIT(&text, reason);
	put_reason(&text, trouble, detail);
	if (may_log(link, trouble))
		log_warning("store=redis state=up where=%s failed=\"%s\"",
		    link->where, reason);
}

static void
note_well(struct redis_link *link)
{
	pthread_mutex_lock(&link->mutex);
	link->up = true;
	link->ailing = false;
	link->reason[0] = '\0';
	link->since_ms = clock_now_ms();
	pthread_mutex_unlock(&link->mutex);
	if (!link->silent)
		log_notice("store=redis state=up where=%s", link->where);
	link->silent = false;
}

void
redis_link_get_state(struct redis_link *link, struct store_state *state)
{
	pthread_mutex_lock(&link->mutex);
	state->up = link->up && !link->ailing;
	text_copy(state->where, sizeof(state->where), link->where);
	text_copy(state->reason, sizeof(state->reason), link->reason);
	state->calls = link->calls;
	state->failures = link->failures;
	state->since_ms = link->since_ms;
	pthread_mutex_unlock(&link->mutex);
}

/* --- the I/O thread: connecting --- */

enum waited { WAITED_READY, WAITED_LATE, WAITED_CLOSING };

static bool
is_closing(struct redis_link *link)
{
	char octets[64];
	bool closing;

	while (read(link->wake[0], octets, sizeof(octets)) > 0)
		continue;
	pthread_mutex_lock(&link->mutex);
	closing = link->closing;
	pthread_mutex_unlock(&link->mutex);
	return closing;
}

/* Wait for a descriptor (-1: only for the time), or for the end. */
static enum waited
wait_for(struct redis_link *link, int fd, short events, int64_t deadline_ms)
{
	struct pollfd polled[2] = {
	    {.fd = link->wake[0], .events = POLLIN},
	    {.fd = fd, .events = events}};

	if (is_closing(link))
		return WAITED_CLOSING;
	for (;;) {
		int64_t left_ms = deadline_ms - clock_steady_ms();
		int ready = poll(polled, 2, left_ms > 0 ? (int)left_ms : 0);

		if (ready > 0 && polled[0].revents != 0 && is_closing(link))
			return WAITED_CLOSING;
		if (ready > 0 && polled[1].revents != 0)
			return WAITED_READY;
		if (ready == 0 && left_ms <= 0)
			return WAITED_LATE;
	}
}

static void
let_go(struct redis_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	if (link->reader != NULL)
		redisReaderFree(link->reader);
	link->reader = NULL;
	link->unparsed = 0;
	link->out.first = link->out.length = 0;
}

/* Send what is to be sent, as far as that goes without waiting. */
static bool
send_out(struct redis_link *link)
{
	struct buffer *out = &link->out;

	while (out->first < out->length) {
		ssize_t sent = send(link->fd, out->at + out->first,
		    out->length - out->first, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		out->first += (size_t)sent;
	}
	return true;
}

static bool
fail(struct fault *fault, enum redis_trouble trouble, const char *detail)
{
	fault->trouble = trouble;
	text_copy(fault->detail, sizeof(fault->detail), detail);
	return false;
}

/*
 * Feed the parser with what has arrived; `more` may be there. False when
 * the connection is of no use any more.
 */
static bool
receive_some(struct redis_link *link, bool *more, struct fault *fault)
{
	char octets[16384];
	ssize_t got = recv(link->fd, octets, sizeof(octets), 0);

	*more = got == (ssize_t)sizeof(octets);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
	    errno == EINTR))
		return true;
	if (got < 0)
		return fail(fault, TROUBLE_CONNECT, strerror(errno));
	if (got == 0)
		return fail(fault, TROUBLE_CONNECT, "closed by the server");
	link->unparsed += (size_t)got;
	if (redisReaderFeed(link->reader, octets, (size_t)got) != REDIS_OK)
		return fail(fault, TROUBLE_MEMORY, "");
	return true;
}

/* The next whole reply, or NULL; false when it is none of Redis'. */
static bool
next_reply(struct redis_link *link, redisReply **reply)
{
	void *found = NULL;

	*reply = NULL;
	if (redisReaderGetReply(link->reader, &found) != REDIS_OK)
		return false;
	*reply = found;
	if (found != NULL)
		link->unparsed = 0;
	return link->unparsed <= REDIS_REPLY_OCTETS_MAX;
}

enum greeting { GREETING_AUTH, GREETING_SELECT, GREETING_ROLE, GREETING_PING };

/* Put the greeting into the buffer; how many replies there will be. */
static size_t
greet(struct redis_link *link, enum greeting steps[4])
{
	const char *auth[3] = {"AUTH", link->user, link->password};
	const char *role[1] = {"ROLE"}, *ping[1] = {"PING"};
	const char *choose[2] = {"SELECT", NULL};
	char number[24];
	struct text text;
	size_t count = 0;
	bool fits = true;

	if (link->user[0] != '\0') {
		steps[count++] = GREETING_AUTH;
		fits = buffer_put_words(&link->out, 3, auth);
	} else if (link->password[0] != '\0') {
		steps[count++] = GREETING_AUTH;
		auth[1] = link->password;
		fits = buffer_put_words(&link->out, 2, auth);
	}
	if (link->database != 0) {
		TEXT_INIT(&text, number);
		text_put_number(&text, link->database);
		choose[1] = number;
		steps[count++] = GREETING_SELECT;
		fits = fits && buffer_put_words(&link->out, 2, choose);
	}
	steps[count++] = GREETING_ROLE;
	steps[count++] = GREETING_PING;
	if (!fits || !buffer_put_words(&link->out, 1, role) ||
	    !buffer_put_words(&link->out, 1, ping))
		return 0;
	return count;
}

static bool
is_master(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
	    reply->element[0]->type == REDIS_REPLY_STRING &&
	    strcmp(reply->element[0]->str, "master") == 0;
}

/* Is it what a server that we can use says? */
static bool
welcome(enum greeting step, const redisReply *reply, struct fault *fault)
{
	bool fine = true;

	if (reply->type == REDIS_REPLY_ERROR)
		return fail(fault, redis_reply_trouble(reply), reply->str);
	switch (step) {
	case GREETING_ROLE:
		fine = reply->type == REDIS_REPLY_ARRAY;
		if (fine && !is_master(reply))
			return fail(fault, TROUBLE_REPLICA, "");
		break;
	case GREETING_AUTH:
	case GREETING_SELECT:
	case GREETING_PING:
		fine = reply->type == REDIS_REPLY_STATUS;
		break;
	}
	return fine || fail(fault, TROUBLE_GARBAGE, "");
}

/* Read replies to the greeting from number *at. */
static bool
read_welcome(struct redis_link *link, const enum greeting steps[4],
    size_t count, size_t *at, struct fault *fault)
{
	redisReply *reply;
	bool more, fine = true;

	if (!receive_some(link, &more, fault))
		return false;
	while (*at < count && fine) {
		if (!next_reply(link, &reply))
			return fail(fault, TROUBLE_GARBAGE, "");
		if (reply == NULL)
			return true;
		fine = welcome(steps[(*at)++], reply, fault);
		freeReplyObject(reply);
	}
	return fine;
}

/* AUTH, SELECT, ROLE, PING: true when the server is one to work with. */
static bool
shake_hands(struct redis_link *link, int64_t deadline_ms, struct fault *fault)
{
	enum greeting steps[4];
	size_t count = greet(link, steps), at = 0;

	link->reader = redis_reader_open();
	if (count == 0 || link->reader == NULL)
		return fail(fault, TROUBLE_MEMORY, "");
	while (at < count) {
		if (!send_out(link))
			return fail(fault, TROUBLE_CONNECT, strerror(errno));
		switch (wait_for(link, link->fd, POLLIN, deadline_ms)) {
		case WAITED_LATE:
			return fail(fault, TROUBLE_TIMEOUT, "");
		case WAITED_CLOSING:
			return false;
		case WAITED_READY:
			break;
		}
		if (!read_welcome(link, steps, count, &at, fault))
			return false;
	}
	return true;
}

static bool
connect_to(struct redis_link *link, const struct redis_address *address,
    int64_t timeout_ms, struct fault *fault)
{
	int64_t deadline_ms = clock_steady_ms() + timeout_ms;

	link->fd = redis_socket_open(address);
	if (link->fd < 0)
		return fail(fault, TROUBLE_CONNECT, strerror(errno));
	switch (wait_for(link, link->fd, POLLOUT, deadline_ms)) {
	case WAITED_LATE:
		return fail(fault, TROUBLE_CONNECT, strerror(ETIMEDOUT));
	case WAITED_CLOSING:
		return false;
	case WAITED_READY:
		break;
	}
	if (!redis_socket_connected(link->fd))
		return fail(fault, TROUBLE_CONNECT, strerror(errno));
	return shake_hands(link, deadline_ms, fault);
}

/* Addresses of the server; waits at most LOOKUP_MS for a name. */
static bool
find_addresses(struct redis_link *link, struct redis_addresses *addresses,
    struct fault *fault)
{
	const char *why = "no thread to look it up";
	bool found = false;

	if (redis_server_address(&link->server, addresses))
		return true;
	if (link->lookup == NULL)
		link->lookup = redis_lookup_open(&link->server);
	if (link->lookup != NULL) {
		switch (wait_for(link, redis_lookup_descriptor(link->lookup),
		    POLLIN, clock_steady_ms() + LOOKUP_MS)) {
		case WAITED_LATE:	/* the next try waits on */
			return fail(fault, TROUBLE_LOOKUP, "no answer yet");
		case WAITED_CLOSING:
			return false;
		case WAITED_READY:
			break;
		}
		found = redis_lookup_result(link->lookup, addresses, &why);
	}
	redis_lookup_close(&link->lookup);
	return found || fail(fault, TROUBLE_LOOKUP, why);
}

/* Try each address once. Without a fault when the link is being closed. */
static bool
connect_once(struct redis_link *link, struct fault *fault)
{
	struct redis_addresses addresses;
	int64_t timeout_ms;
	bool connected = false;

	fault->trouble = TROUBLE_COUNT;
	if (!find_addresses(link, &addresses, fault))
		return false;
	pthread_mutex_lock(&link->mutex);
	timeout_ms = link->connect_timeout_ms;
	link->distrusted = false;
	pthread_mutex_unlock(&link->mutex);
	for (size_t i = 0; i < addresses.count && !connected; i++) {
		connected = connect_to(link, &addresses.at[i], timeout_ms,
		    fault);
		if (!connected)
			let_go(link);
	}
	return connected;
}

/* --- the I/O thread: connected --- */

/*
 * Down: nobody enters the queue from here on, and everybody who is in it or
 * waits for an answer hears so.
 */
static void
disconnect(struct redis_link *link)
{
	pthread_mutex_lock(&link->mutex);
	link->up = false;
	questions_move(&link->finished, &link->sent);
	questions_move(&link->finished, &link->queue);
	link->told = 0;
	pthread_mutex_unlock(&link->mutex);
	hand_over(link);
	let_go(link);
}

static bool
send_question(struct redis_link *link, struct question *question)
{
	question->sent_ms = clock_steady_ms();
	questions_push(&link->sent, question);
	return buffer_put(&link->out, question->command, question->length);
}

/*
 * The same question with the script itself: "*N EVALSHA digest ..." becomes
 * "*N EVAL script ...". (Not SCRIPT LOAD: some proxies do not pass it.)
 */
static bool
send_script(struct redis_link *link, struct question *question)
{
	const char *counted = memchr(question->command, '\n', question->length);
	size_t head = (size_t)(counted - question->command) + 1;
	size_t tail = head + EVALSHA_OCTETS;
	char text[64];
	struct text length;

	TEXT_INIT(&length, text);
	text_put(&length, "$4\r\nEVAL\r\n$");
	text_put_number(&length, (int64_t)strlen(link->script));
	text_put(&length, "\r\n");
	question->evaluated = true;
	question->sent_ms = clock_steady_ms();
	questions_push(&link->sent, question);
	return buffer_put(&link->out, question->command, head) &&
	    buffer_put(&link->out, length.at, length.length) &&
	    buffer_put(&link->out, link->script, strlen(link->script)) &&
	    buffer_put(&link->out, "\r\n", 2) &&
	    buffer_put(&link->out, question->command + tail,
	    question->length - tail);
}

static bool
send_ping(struct redis_link *link)
{
	const char *words[1] = {"PING"};
	struct question *question = question_open(link, 1, words, NULL);

	if (question == NULL)
		return false;
	question->expected = REDIS_REPLY_STATUS;
	return send_question(link, question);
}

/* What the others want of the I/O thread. */
struct wishes {
	bool any;		/* questions were sent */
	bool closing, distrusted;
	int64_t timeout_ms;
};

/*
 * Move the queue into the buffer; what nobody waits for any more is left
 * out. When there was nothing, the thread is as good as asleep.
 */
static bool
take_queue(struct redis_link *link, struct wishes *wishes)
{
	struct question *question;
	struct questions taken, left;
	bool fits = true;

	questions_init(&taken);
	questions_init(&left);
	pthread_mutex_lock(&link->mutex);
	while ((question = questions_pop(&link->queue)) != NULL)
		questions_push(question->left ? &left : &taken, question);
	link->told = 0;
	wishes->any = taken.first != NULL;
	wishes->closing = link->closing;
	wishes->distrusted = link->distrusted;
	wishes->timeout_ms = link->timeout_ms;
	link->sleeping = !wishes->any;
	pthread_mutex_unlock(&link->mutex);
	while ((question = questions_pop(&left)) != NULL)
		question_free(question);
	while ((question = questions_pop(&taken)) != NULL)
		fits = send_question(link, question) && fits;
	return fits;
}

static bool
is_wanted(struct redis_link *link, const struct question *question)
{
	bool wanted;

	pthread_mutex_lock(&link->mutex);
	wanted = !question->left;
	pthread_mutex_unlock(&link->mutex);
	return wanted;
}

/* False when the connection is to be dropped. */
static bool
settle_error(struct redis_link *link, struct question *question,
    const redisReply *error, struct fault *fault)
{
	enum redis_trouble trouble = redis_reply_trouble(error);
	enum redis_cure cure = redis_trouble_cure(trouble);
	char *script;

	if (cure == CURE_EVAL && !question->evaluated &&
	    question->expected == REDIS_REPLY_ARRAY &&
	    is_wanted(link, question))
		return send_script(link, question) ||
		    fail(fault, TROUBLE_MEMORY, "");
	questions_push(&link->finished, question);
	fail(fault, trouble, error->str);
	script = strstr(fault->detail, " script: ");
	if (script != NULL)
		*script = '\0';		/* the digest says nothing */
	switch (cure) {
	case CURE_RECONNECT:
		return false;
	case CURE_WAIT:
		note_trouble(link, trouble, fault->detail);
		break;
	case CURE_EVAL:
	case CURE_NONE:
		note_failure(link, trouble, fault->detail);
		break;
	}
	return true;
}

/* Give the oldest question its reply, which is taken over. */
static bool
settle(struct redis_link *link, redisReply *reply, struct fault *fault)
{
	struct question *question = questions_pop(&link->sent);
	bool fine = true;

	if (question != NULL && reply->type == REDIS_REPLY_ERROR) {
		fine = settle_error(link, question, reply, fault);
		freeReplyObject(reply);
		return fine;
	}
	if (question != NULL)
		questions_push(&link->finished, question);
	if (question == NULL || reply->type != question->expected) {
		freeReplyObject(reply);
		return fail(fault, TROUBLE_GARBAGE, "");
	}
	question->answer = reply;
	if (link->ailing && reply->type == REDIS_REPLY_ARRAY)
		note_well(link);
	return true;
}

/* All that has arrived. */
static bool
receive(struct redis_link *link, struct fault *fault)
{
	redisReply *reply;
	bool more = true;

	link->active_ms = clock_steady_ms();
	while (more) {
		if (!receive_some(link, &more, fault))
			return false;
		for (;;) {
			if (!next_reply(link, &reply))
				return fail(fault, TROUBLE_GARBAGE, "");
			if (reply == NULL)
				break;
			if (!settle(link, reply, fault))
				return false;
		}
		hand_over(link);
	}
	return true;
}

/* Until something arrives, somebody asks, or something is due. */
static bool
rest(struct redis_link *link, int64_t timeout_ms, struct fault *fault)
{
	const struct question *oldest = link->sent.first;
	bool full = link->out.first < link->out.length;
	struct pollfd polled[2] = {
	    {.fd = link->wake[0], .events = POLLIN},
	    {.fd = link->fd, .events = (short)(full ? POLLIN | POLLOUT :
	    POLLIN)}};
	int64_t due_ms = oldest != NULL ? oldest->sent_ms + timeout_ms :
	    link->active_ms + IDLE_MS;
	int64_t left_ms = due_ms - clock_steady_ms();

	poll(polled, 2, left_ms > 0 ? (int)left_ms + 1 : 0);
	pthread_mutex_lock(&link->mutex);
	link->sleeping = false;
	pthread_mutex_unlock(&link->mutex);
	if (polled[0].revents != 0)
		is_closing(link);
	if (polled[1].revents & (POLLIN | POLLHUP | POLLERR) &&
	    !receive(link, fault))
		return false;
	oldest = link->sent.first;
	if (oldest != NULL && clock_steady_ms() - oldest->sent_ms > timeout_ms)
		return fail(fault, TROUBLE_TIMEOUT, "");
	if (oldest == NULL && clock_steady_ms() >= link->active_ms + IDLE_MS) {
		link->active_ms = clock_steady_ms();
		return send_ping(link) || fail(fault, TROUBLE_MEMORY, "");
	}
	return true;
}

/* Until the connection is of no use, or the link is closed: true. */
static bool
serve(struct redis_link *link, struct fault *fault)
{
	struct wishes wishes;

	do {
		do {
			if (!take_queue(link, &wishes))
				return fail(fault, TROUBLE_MEMORY, "");
			if (!send_out(link))
				return fail(fault, TROUBLE_CONNECT,
				    strerror(errno));
		} while (wishes.any);
		if (wishes.distrusted)
			return fail(fault, TROUBLE_GARBAGE, "");
		if (wishes.closing && link->sent.first == NULL)
			return true;
	} while (rest(link, wishes.timeout_ms, fault));
	return false;
}

/* The first attempt has ended, one way or the other. */
static void
note_tried(struct redis_link *link)
{
	pthread_mutex_lock(&link->mutex);
	link->tried = true;
	pthread_cond_broadcast(&link->tried_first);
	pthread_mutex_unlock(&link->mutex);
}

/*
 * How long until the next attempt: at once after a connection that was
 * good, else longer each time, and not in step with other hosts.
 */
static int64_t
retry_after(struct redis_link *link)
{
	int64_t wait_ms = link->retry_ms;

	link->retry_ms = wait_ms == 0 ? RETRY_FIRST_MS :
	    wait_ms * 2 < RETRY_MAX_MS ? wait_ms * 2 : RETRY_MAX_MS;
	link->dice = link->dice * 1103515245 + 12345;
	return wait_ms - wait_ms * (link->dice >> 16 & 0xff) / 1024;
}

static void *
run(void *argument)
{
	struct redis_link *link = argument;
	struct fault fault;
	bool closing = false;

	while (!closing) {
		if (connect_once(link, &fault)) {
			int64_t connected_ms = clock_steady_ms();

			link->active_ms = connected_ms;
			note_well(link);
			note_tried(link);
			closing = serve(link, &fault);
			if (clock_steady_ms() - connected_ms >= STEADY_MS)
				link->retry_ms = 0;
			disconnect(link);
		}
		if (!closing && fault.trouble != TROUBLE_COUNT)
			note_trouble(link, fault.trouble, fault.detail);
		note_tried(link);
		closing = closing || wait_for(link, -1, 0,
		    clock_steady_ms() + retry_after(link)) == WAITED_CLOSING;
	}
	redis_lookup_close(&link->lookup);
	return NULL;
}

/* --- open and close --- */

static void
link_free(struct redis_link *link)
{
	struct question *question;

	while ((question = questions_pop(&link->queue)) != NULL)
		question_free(question);
	for (int i = 0; i < 2; i++)
		if (link->wake[i] >= 0)
			close(link->wake[i]);
	if (link->password != NULL)
		secret_wipe(link->password, strlen(link->password));
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

static void
link_init(struct redis_link *link, const struct redis_link_options *options)
{
	struct text where;

	TEXT_INIT(&where, link->where);
	text_put_escaped(&where, options->server, strlen(options->server), "");
	pthread_mutex_init(&link->mutex, NULL);
	pthread_condattr_init(&link->steady);
	pthread_condattr_setclock(&link->steady, CLOCK_MONOTONIC);
	pthread_cond_init(&link->tried_first, &link->steady);
	questions_init(&link->queue);
	questions_init(&link->sent);
	questions_init(&link->finished);
	link->fd = link->wake[0] = link->wake[1] = -1;
	link->noted = TROUBLE_COUNT;
	link->database = options->database;
	link->timeout_ms = options->timeout_ms;
	link->connect_timeout_ms = options->connect_timeout_ms;
	link->since_ms = clock_now_ms();
	link->dice = (unsigned int)clock_now_ms();
	link->script = options->script;
	SHA1Data((const uint8_t *)options->script, strlen(options->script),
	    link->digest);
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
	error = pthread_create(&link->thread, NULL, run, link);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

static void
wait_first(struct redis_link *link)
{
	int64_t until_ms = clock_steady_ms() + link->connect_timeout_ms;
	struct timespec until;

	until.tv_sec = (time_t)(until_ms / 1000);
	until.tv_nsec = (long)(until_ms % 1000) * 1000000;
	pthread_mutex_lock(&link->mutex);
	while (!link->tried && pthread_cond_timedwait(&link->tried_first,
	    &link->mutex, &until) == 0)
		continue;
	pthread_mutex_unlock(&link->mutex);
}

struct redis_link *
redis_link_open(const struct redis_link_options *options, char *why,
    size_t size)
{
	struct redis_link *link = calloc(1, sizeof(*link));
	const char *reason = "no memory";

	if (link == NULL) {
		text_copy(why, size, reason);
		return NULL;
	}
	link_init(link, options);
	if (redis_server_parse(options->server, &link->server, &reason)) {
		reason = "no memory, descriptor or thread for Redis";
		if (link->user != NULL && link->password != NULL &&
		    make_pipe(link->wake) && start(link)) {
			wait_first(link);
			return link;
		}
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
redis_link_distrust(struct redis_link *link)
{
	pthread_mutex_lock(&link->mutex);
	link->distrusted = true;
	pthread_mutex_unlock(&link->mutex);
	wake(link);
}
