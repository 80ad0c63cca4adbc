/*
 * redis_thread.c - the I/O thread: serves a link while it is connected
 *
 * Sends what is in the queue, gives each answer to the oldest question, and
 * drops the connection when that one has waited too long.
 */
#include "io/redis_inside.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/metrics.h"

#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS 500	/* so that a server is found within a second */
#define STEADY_MS 1000		/* a connection that lived so long was good */
#define IDLE_MS 2000		/* silence after which we send a PING */
#define LOAD_EVERY_MS 1000	/* tries to load a function that fail */
#define NEAR_US 500		/* a server that is worth waiting for */
#define FAR_US 1000000		/* so long as nothing is known */
#define FORGET_PART 64		/* what was fastest fades by this part */
#define EVALSHA_OCTETS (sizeof("$7\r\nEVALSHA\r\n$40\r\n\r\n") - 1 + 40)

/* Hand the finished ones over to who waits for them. */
static void
hand_over(struct redis_link *link)
{
	struct question *question;

	while ((question = questions_pop(&link->finished)) != NULL) {
		question_settle(question);
		question_let_go(question);
	}
}

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
	link_replicas_end(link);
	link->told = 0;
	pthread_mutex_unlock(&link->mutex);
	hand_over(link);
	link_let_go(link);
}

/* It is about to be put into the buffer. */
static void
note_sent(struct redis_link *link, struct question *question)
{
	question->sent_ms = clock_steady_ms();
	question->awaits = question->lasting && link->replicas > 0;
	link->uncovered = link->uncovered || question->awaits;
	questions_push(&link->sent, question);
}

static bool
send_now(struct redis_link *link, struct question *question)
{
	note_sent(link, question);
	return buffer_put(&link->out, question->command, question->length);
}

/* One word, and a status for an answer. */
static bool
send_word(struct redis_link *link, const char *word)
{
	const char *words[1] = {word};
	struct question *question = question_open(1, words, NULL);

	if (question == NULL)
		return false;
	question->expected = REDIS_REPLY_STATUS;
	return send_now(link, question);
}

/* ASKING is for one command only; without it, that makes no sense. */
static bool
put_asking(struct redis_link *link, struct question *question)
{
	if (!question->asking || send_word(link, "ASKING"))
		return true;
	questions_push(&link->finished, question);
	return false;
}

static bool
send_question(struct redis_link *link, struct question *question)
{
	return put_asking(link, question) && send_now(link, question);
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
	if (!put_asking(link, question))
		return false;
	text_put(&length, "$4\r\nEVAL\r\n$");
	text_put_number(&length, (int64_t)strlen(link->script.text));
	text_put(&length, "\r\n");
	question->evaluated = true;
	note_sent(link, question);
	return buffer_put(&link->out, question->command, head) &&
	    buffer_put(&link->out, length.at, length.length) &&
	    buffer_put(&link->out, link->script.text,
	    strlen(link->script.text)) &&
	    buffer_put(&link->out, "\r\n", 2) &&
	    buffer_put(&link->out, question->command + tail,
	    question->length - tail);
}

/* Another question of our own; what it is answered does not matter. */
static bool
send_function(struct redis_link *link)
{
	const char *words[3] = {"FUNCTION", "LOAD", link->script.text};
	struct question *question = question_open(3, words, NULL);

	if (question == NULL)
		return false;
	question->expected = REDIS_REPLY_STRING;
	link->loading = true;
	return send_question(link, question);
}

/*
 * The same question once more, behind the function. When we may not load
 * functions, somebody else may do so at any time.
 */
static bool
send_with_function(struct redis_link *link, struct question *question)
{
	if (!link->loading && (link->load_failed_ms == 0 ||
	    clock_steady_ms() - link->load_failed_ms >= LOAD_EVERY_MS) &&
	    !send_function(link)) {
		questions_push(&link->finished, question);
		return false;
	}
	question->evaluated = true;
	return send_question(link, question);
}

/* What the others want of the I/O thread. */
struct wishes {
	bool any;		/* questions were sent */
	bool closing;
	enum redis_trouble drop;	/* see the link */
	int64_t timeout_ms;
};

/* Where a question goes that has waited in the queue, or was held. */
static struct questions *
place_of(struct redis_link *link, const struct question *question,
    struct questions *taken, struct questions *left)
{
	if (atomic_load(&question->left))
		return left;
	return link_is_held(link, question) ? &link->held : taken;
}

/*
 * A server that is near has answered before the next question is worth a
 * system call of both sides: what comes meanwhile goes out together, and
 * nobody needs to wake this thread (measured: a tenth less CPU time for all
 * of a charge, 20 at once). For one that is far, that would be another trip.
 */
static bool
waits_for_answers(const struct redis_link *link)
{
	return link->sent.first != NULL && link->nearest_us <= NEAR_US &&
	    link->replicas == 0;	/* see redis_replicas.c */
}

static void
note_asked(struct redis_link *link)
{
	if (link->sent.first == NULL)
		link->asked_us = clock_steady_us();
}

static void
note_answered(struct redis_link *link)
{
	int64_t took_us = clock_steady_us() - link->asked_us;

	if (link->asked_us == 0)
		return;
	link->asked_us = 0;
	link->nearest_us += link->nearest_us / FORGET_PART + 1;
	if (took_us < link->nearest_us)
		link->nearest_us = took_us;
}

/*
 * Move the queue into the buffer; what nobody waits for any more is left
 * out. When there was nothing, the thread is as good as asleep.
 */
static bool
take_queue(struct redis_link *link, struct wishes *wishes)
{
	struct question *question;
	struct questions waiting, taken, left;
	bool fits = true, later = waits_for_answers(link);

	questions_init(&waiting);
	questions_init(&taken);
	questions_init(&left);
	pthread_mutex_lock(&link->mutex);
	link_replicas_read(link);
	if (link->waits == 0)
		questions_move(&waiting, &link->held);
	if (!later) {
		questions_move(&waiting, &link->queue);
		link->told = 0;
	}
	while ((question = questions_pop(&waiting)) != NULL)
		questions_push(place_of(link, question, &taken, &left),
		    question);
	wishes->any = taken.first != NULL;
	wishes->closing = link->closing;
	wishes->drop = link->drop;
	wishes->timeout_ms = link->timeout_ms;
	link->sleeping = !wishes->any && !later;
	pthread_mutex_unlock(&link->mutex);
	while ((question = questions_pop(&left)) != NULL)
		question_let_go(question);
	if (wishes->any)
		note_asked(link);
	while ((question = questions_pop(&taken)) != NULL)
		fits = send_question(link, question) && fits;
	return fits;
}

/* Can the question be asked once more, with the script? */
static bool
is_curable(struct redis_link *link, const struct question *question,
    enum redis_cure cure)
{
	return cure == (link->script.is_function ? CURE_LOAD : CURE_EVAL) &&
	    !question->evaluated && !question->about &&
	    question->expected == REDIS_REPLY_ARRAY &&
	    !atomic_load(&question->left);
}

/* Another host may have loaded it a moment before. */
static void
settle_load(struct redis_link *link, struct question *question,
    const redisReply *reply)
{
	bool failed = reply->type == REDIS_REPLY_ERROR &&
	    strstr(reply->str, "already exists") == NULL;

	link->loading = false;
	link->load_failed_ms = failed ? clock_steady_ms() : 0;
	questions_push(&link->finished, question);
}

/* False when the connection is to be dropped. */
static bool
settle_error(struct redis_link *link, struct question *question,
    const redisReply *error, struct fault *fault)
{
	enum redis_trouble trouble = redis_reply_trouble(error);
	enum redis_cure cure = redis_trouble_cure(trouble);
	char *script;

	if (is_curable(link, question, cure)) {
		metric_add_trouble(trouble);
		return (cure == CURE_EVAL ? send_script(link, question) :
		    send_with_function(link, question)) ||
		    fault_set(fault, TROUBLE_MEMORY, "");
	}
	question->misset = redis_trouble_is_setup(trouble);
	questions_push(&link->finished, question);
	fault_set(fault, trouble, error->str);
	script = strstr(fault->detail, " script: ");
	if (script != NULL)
		*script = '\0';		/* the digest says nothing */
	switch (cure) {
	case CURE_RECONNECT:
		return false;
	case CURE_LOAD:
		fault->detail[0] = '\0';	/* says nothing more */
		link_note_trouble(link, trouble, fault->detail);
		break;
	case CURE_WAIT:
	case CURE_REDIRECT:	/* nobody who would */
		link_note_trouble(link, trouble, fault->detail);
		break;
	case CURE_EVAL:
	case CURE_NONE:
		link_note_failure(link, trouble, fault->detail);
		break;
	}
	return true;
}

/* Another server is to be asked: leave that to who knows the others. */
static bool
redirect(struct redis_link *link, struct question *question,
    redisReply *error)
{
	if (link->watcher.redirected == NULL ||
	    redis_trouble_cure(redis_reply_trouble(error)) != CURE_REDIRECT)
		return false;
	if (question->told) {
		link->watcher.redirected(link->watcher.context, question,
		    error->str);
		freeReplyObject(error);
		return true;
	}
	question->answer = error;
	questions_push(&link->finished, question);
	return true;
}

/* Is it a reply that such a question may have? */
static bool
is_answer(const struct question *question, const redisReply *reply)
{
	return reply->type == question->expected ||
	    (question->about && reply->type == REDIS_REPLY_NIL);
}

/* An error of this command alone, about which the connection is fine. */
static bool
is_for_asker(const struct question *question, const redisReply *reply)
{
	return question->plain && reply->type == REDIS_REPLY_ERROR &&
	    redis_trouble_cure(redis_reply_trouble(reply)) != CURE_RECONNECT;
}

/* Was it done? Then it begins with a number, mostly the time: charge.lua. */
static bool
was_done(const struct question *question, const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && !question->plain &&
	    !question->about && reply->elements > 0 &&
	    reply->element[0]->type == REDIS_REPLY_INTEGER;
}

/* It has its answer, which a WAIT may still have to confirm. */
static void
finish(struct redis_link *link, struct question *question, redisReply *answer)
{
	question->answer = answer;
	if (question->awaits) {
		questions_push(&link->awaiting, question);
		return;
	}
	questions_push(&link->finished, question);
	if (link->ailing && !link->doubted && was_done(question, answer))
		link_note_well(link);
}

/* Give the oldest question its reply, which is taken over. */
static bool
settle(struct redis_link *link, redisReply *reply, struct fault *fault)
{
	struct question *question = questions_pop(&link->sent);
	bool fine = true;

	if (question != NULL && reply->type == REDIS_REPLY_ERROR &&
	    redirect(link, question, reply))
		return true;
	if (question != NULL && is_for_asker(question, reply)) {
		metric_add_trouble(redis_reply_trouble(reply));
		question->answer = reply;
		questions_push(&link->finished, question);
		return true;
	}
	if (question != NULL && link_is_wait(question)) {
		fine = link_settle_wait(link, question, reply, fault);
		freeReplyObject(reply);
		return fine;
	}
	if (question != NULL && question->expected == REDIS_REPLY_STRING &&
	    !question->about) {
		settle_load(link, question, reply);
		freeReplyObject(reply);
		return true;
	}
	if (question != NULL && reply->type == REDIS_REPLY_ERROR) {
		fine = settle_error(link, question, reply, fault);
		freeReplyObject(reply);
		return fine;
	}
	if (question != NULL && is_answer(question, reply)) {
		finish(link, question, reply);
		return true;
	}
	if (question != NULL)
		questions_push(&link->finished, question);
	freeReplyObject(reply);
	return fault_set(fault, TROUBLE_GARBAGE, "");
}

/* All that has arrived. */
static bool
receive(struct redis_link *link, struct fault *fault)
{
	redisReply *reply;
	bool more = true;

	link->active_ms = clock_steady_ms();
	note_answered(link);
	while (more) {
		if (!link_receive(link, &more, fault))
			return false;
		for (;;) {
			if (!link_next_reply(link, &reply))
				return fault_set(fault, TROUBLE_GARBAGE, "");
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
	struct pollfd polled[2] = {
	    {.fd = link->wake[0], .events = POLLIN},
	    {.fd = link->fd, .events = link_events(link)}};
	int64_t due_ms = oldest != NULL ?
	    link_question_due(link, oldest, timeout_ms) :
	    link->active_ms + IDLE_MS;
	int64_t left_ms = link_wait_due(link, due_ms) - clock_steady_ms();

	poll(polled, 2, left_ms > 0 ? (int)left_ms + 1 : 0);
	pthread_mutex_lock(&link->mutex);
	link->sleeping = false;
	pthread_mutex_unlock(&link->mutex);
	if (polled[0].revents != 0)
		link_drain_wake(link);
	if (link_is_readable(link, polled[1].revents) &&
	    !receive(link, fault))
		return false;
	link_give_up_wait(link);
	hand_over(link);
	oldest = link->sent.first;
	if (oldest != NULL && clock_steady_ms() >
	    link_question_due(link, oldest, timeout_ms))
		return fault_set(fault, TROUBLE_TIMEOUT, "");
	if (oldest == NULL && clock_steady_ms() >= link->active_ms + IDLE_MS) {
		link->active_ms = clock_steady_ms();
		return send_word(link, "PING") ||
		    fault_set(fault, TROUBLE_MEMORY, "");
	}
	return true;
}

/* A WAIT behind what was sent, if there is to be one. */
static bool
send_wait(struct redis_link *link)
{
	bool fits;
	struct question *wait = link_next_wait(link, &fits);

	return wait != NULL ? send_now(link, wait) : fits;
}

/* At the end nobody asks any more, so a WAIT confirms nothing to anybody. */
static bool
is_done(const struct redis_link *link)
{
	const struct question *oldest = link->sent.first;

	return oldest == NULL || (oldest->next == NULL &&
	    link_is_wait(oldest));
}

/* Until the connection is of no use, or the link is closed: true. */
static bool
serve(struct redis_link *link, struct fault *fault)
{
	struct wishes wishes;

	link_replicas_begin(link);
	if (!send_wait(link))
		return fault_set(fault, TROUBLE_MEMORY, "");
	do {
		do {
			if (!take_queue(link, &wishes) ||
			    !send_wait(link))
				return fault_set(fault, TROUBLE_MEMORY, "");
			if (!link_send_out(link, fault))
				return false;
		} while (wishes.any);
		if (wishes.drop != TROUBLE_COUNT)
			return fault_set(fault, wishes.drop, "");
		if (wishes.closing && is_done(link))
			return true;
	} while (rest(link, wishes.timeout_ms, fault));
	return false;
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

void *
link_run(void *argument)
{
	struct redis_link *link = argument;
	struct fault fault;
	bool closing = false;

	while (!closing) {
		if (link_connect(link, &fault)) {
			int64_t connected_ms = clock_steady_ms();

			link->active_ms = connected_ms;
			link->nearest_us = FAR_US;
			link->asked_us = 0;
			link_note_well(link);
			link_note_tried(link);
			closing = serve(link, &fault);
			if (clock_steady_ms() - connected_ms >= STEADY_MS)
				link->retry_ms = 0;
			disconnect(link);
		}
		if (!closing && fault.trouble != TROUBLE_COUNT)
			link_note_trouble(link, fault.trouble, fault.detail);
		link_note_tried(link);
		closing = closing || link_wait_for(link, -1, 0,
		    clock_steady_ms() + retry_after(link)) == WAITED_CLOSING;
	}
	link_forget_targets(link);
	return NULL;
}
