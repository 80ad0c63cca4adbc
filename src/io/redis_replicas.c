/*
 * redis_replicas.c - answers wait until replicas have what was counted
 *
 * Replication does not wait, so a master that dies may have answered what no
 * replica has. WAIT (Redis 3.0) tells how many have received all that this
 * connection has written. One stands behind all questions that are sent
 * together, and their answers are handed over when it says enough.
 *
 * Redis reads nothing more of a connection that waits. What must last and is
 * asked meanwhile is therefore held, and goes out together behind the next
 * WAIT: one is on its way at a time, however many ask.
 *
 * When a WAIT says too few, or nothing in time, all that it stands for have
 * failed, what is held fails with them, and nothing that must last is sent any
 * more, for it would be counted in vain. Four times a second a WAIT that waits
 * for nobody looks whether the replicas are back; what only reads goes on
 * meanwhile. (Replicas tell by themselves once a second what they have.)
 *
 * Redis looks at the timeout of a WAIT only when something happens, or `hz`
 * (10) times a second: so there is one of our own, and who stands behind a
 * WAIT has time from its answer on.
 *
 * A master that another one has replaced, and that does not know yet, has no
 * replicas any more: it confirms nothing.
 */
#include "io/redis_inside.h"

#include <hiredis/hiredis.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/metrics.h"

#define LOOK_EVERY_MS 250
#define WAIT_LATE_MS 1100	/* with hz 1, so much after its timeout */
#define NUMBER_SIZE 21

/*
 * So long that who was held until one WAIT was answered still has time for
 * the next; 0 would be for ever. Then Redis has a while to say how many.
 */
void
link_replicas_read(struct redis_link *link)
{
	link->replicas = link->wait_replicas;
	link->wait_ms = link->timeout_ms > 2 ? link->timeout_ms / 2 : 1;
	link->give_up_ms = link->timeout_ms - link->timeout_ms / 4;
}

void
link_replicas_begin(struct redis_link *link)
{
	pthread_mutex_lock(&link->mutex);
	link_replicas_read(link);
	pthread_mutex_unlock(&link->mutex);
	link->uncovered = link->replicas > 0;
	link->waits = 0;
}

/* They were counted, and nobody hears of it. */
static int64_t
fail_awaiting(struct redis_link *link, bool misset)
{
	struct question *question;
	int64_t count = 0;

	while ((question = questions_pop(&link->awaiting)) != NULL) {
		freeReplyObject(question->answer);
		question->answer = NULL;
		question->misset = misset;
		questions_push(&link->finished, question);
		count++;
	}
	return count;
}

void
link_replicas_end(struct redis_link *link)
{
	(void)fail_awaiting(link, false);
	questions_move(&link->finished, &link->held);
}

bool
link_is_held(const struct redis_link *link, const struct question *question)
{
	return question->lasting && link->replicas > 0 && link->waits > 0;
}

/* --- WAIT --- */

static struct question *
open_wait(struct redis_link *link, int64_t wanted)
{
	char replicas_buffer[NUMBER_SIZE], wait_buffer[NUMBER_SIZE];
	const char *words[3] = {"WAIT", replicas_buffer, wait_buffer};
	struct text replicas, wait;
	struct question *question;

	TEXT_INIT(&replicas, replicas_buffer);
	text_put_number(&replicas, wanted);
	TEXT_INIT(&wait, wait_buffer);
	text_put_number(&wait, link->wait_ms);
	question = question_open(3, words, NULL);
	if (question != NULL)
		question->expected = REDIS_REPLY_INTEGER;
	return question;
}

bool
link_is_wait(const struct question *question)
{
	return question->expected == REDIS_REPLY_INTEGER && !question->about;
}

static bool
is_look_due(const struct redis_link *link)
{
	return link->doubted && link->waits == 0 &&
	    clock_steady_ms() >= link->look_ms;
}

struct question *
link_next_wait(struct redis_link *link, bool *fits)
{
	struct question *wait;

	*fits = true;
	if (!link->uncovered && !is_look_due(link))
		return NULL;
	wait = open_wait(link, link->uncovered ? link->replicas : 0);
	*fits = wait != NULL;
	link->uncovered = false;
	if (link->waits == 0)
		link->waiting_ms = clock_steady_ms();
	link->waits += *fits;
	return wait;
}

int64_t
link_question_due(const struct redis_link *link,
    const struct question *question, int64_t timeout_ms)
{
	if (link_is_wait(question))
		return question->sent_ms + link->wait_ms + WAIT_LATE_MS;
	return (question->sent_ms > link->waited_ms ? question->sent_ms :
	    link->waited_ms) + timeout_ms;
}

int64_t
link_wait_due(const struct redis_link *link, int64_t due_ms)
{
	int64_t ours_ms = due_ms;

	if (link->doubted && link->waits == 0)
		ours_ms = link->look_ms;
	else if (!link->doubted && link->waits > 0)
		ours_ms = link->waiting_ms + link->give_up_ms;
	return ours_ms < due_ms ? ours_ms : due_ms;
}

/* --- its answer --- */

static void
set_doubted(struct redis_link *link, bool doubted)
{
	pthread_mutex_lock(&link->mutex);
	link->doubted = doubted;
	pthread_mutex_unlock(&link->mutex);
}

static void
confirm(struct redis_link *link)
{
	bool well = link->ailing &&
	    (link->doubted || link->awaiting.first != NULL);

	questions_move(&link->finished, &link->awaiting);
	if (link->doubted)
		set_doubted(link, false);
	if (well)
		link_note_well(link);
}

/* Turn down what is held, or in the queue and must last. With the lock. */
static void
turn_down(struct redis_link *link, bool misset)
{
	struct questions waiting, others;
	struct question *question;

	questions_init(&waiting);
	questions_init(&others);
	questions_move(&waiting, &link->held);
	questions_move(&waiting, &link->queue);
	while ((question = questions_pop(&waiting)) != NULL) {
		question->misset = question->lasting && misset;
		questions_push(question->lasting ? &link->finished : &others,
		    question);
	}
	questions_move(&link->queue, &others);
}

static void
doubt(struct redis_link *link, enum redis_trouble trouble,
    const char *detail)
{
	bool misset = redis_trouble_is_setup(trouble);

	metric_add_many(METRIC_store_unconfirmed,
	    fail_awaiting(link, misset));
	link_note_trouble(link, trouble, detail);
	pthread_mutex_lock(&link->mutex);
	link->doubted = true;
	turn_down(link, misset);
	pthread_mutex_unlock(&link->mutex);
	link->look_ms = clock_steady_ms() + LOOK_EVERY_MS;
}

static void
judge_number(struct redis_link *link, int64_t number)
{
	char buffer[64];
	struct text text;

	if (number >= link->replicas) {
		confirm(link);
		return;
	}
	TEXT_INIT(&text, buffer);
	text_put_number(&text, number);
	text_put(&text, " of ");
	text_put_number(&text, link->replicas);
	doubt(link, TROUBLE_UNCONFIRMED, buffer);
}

void
link_give_up_wait(struct redis_link *link)
{
	if (!link->doubted && link->waits > 0 && clock_steady_ms() >=
	    link->waiting_ms + link->give_up_ms)
		doubt(link, TROUBLE_UNCONFIRMED, "none has said so in time");
}

bool
link_settle_wait(struct redis_link *link, struct question *wait,
    const redisReply *reply, struct fault *fault)
{
	enum redis_trouble trouble;

	link->waits--;
	link->waiting_ms = link->waited_ms = clock_steady_ms();
	questions_push(&link->finished, wait);
	if (reply->type == REDIS_REPLY_INTEGER) {
		judge_number(link, reply->integer);
		return true;
	}
	if (reply->type != REDIS_REPLY_ERROR)
		return fault_set(fault, TROUBLE_GARBAGE, "");
	trouble = redis_reply_trouble(reply);
	if (redis_trouble_cure(trouble) == CURE_RECONNECT)
		return fault_set(fault, trouble, reply->str);
	doubt(link, trouble, reply->str);
	return true;
}
