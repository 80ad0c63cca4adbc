/*
 * store_redis.c - counters in Redis, shared by all hosts
 *
 * Builds the words that charge.lua takes and reads what it answers; all
 * counting happens there, all talking in redis_route.c and below.
 */
#include "io/store_redis.h"
#include "io/store_redis_inside.h"

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "base/text.h"
#include "core/window.h"
#include "io/clock.h"
#include "io/ledger.h"
#include "io/mark_text.h"
#include "io/redis_key.h"
#include "io/redis_lists.h"
#include "io/redis_marks.h"
#include "io/tls.h"

#define NUMBER_SIZE 21

/* A value: see charge.lua. */
#define VALUE_VERSION '\2'
#define VALUE_VERSION_SET '\3'	/* the value itself is in a sorted set */
#define VALUE_TIME_OCTETS 6
#define VALUE_COUNT_OCTETS 7
#define VALUE_GROUP_OCTETS (VALUE_TIME_OCTETS + VALUE_COUNT_OCTETS)
#define VALUE_NEWEST_AT (VALUE_COUNT_OCTETS + VALUE_TIME_OCTETS)
#define VALUE_HEAD_OCTETS \
	(VALUE_NEWEST_AT + VALUE_GROUP_OCTETS + VALUE_TIME_OCTETS)

const char store_redis_script[] =
#include "io/charge_lua.h"
;

static struct store_redis *
redis_of(struct store *store)
{
	return (struct store_redis *)store;
}

/* --- questions --- */

/* The different subjects of a question, as keys. */
#define SUBJECTS_MAX (CHARGES_MAX + MARK_QUESTIONS_MAX)
struct subjects {
	const char *prefix;
	size_t count;
	const char *subject[SUBJECTS_MAX];
	char key[SUBJECTS_MAX][REDIS_KEY_SIZE];
};

/* Which it is, from 1 as Lua counts. */
static size_t
subjects_index(struct subjects *subjects, const char *subject)
{
	size_t i = 0;

	while (i < subjects->count &&
	    strcmp(subjects->subject[i], subject) != 0)
		i++;
	if (i < subjects->count)
		return i + 1;
	subjects->subject[subjects->count] = subject;
	redis_key(subjects->prefix, subject,
	    subjects->key[subjects->count++]);
	return subjects->count;
}

/* An element as a member of a sorted set. */
static const char *
member_text(uint64_t element, char buffer[NUMBER_SIZE])
{
	struct text text;

	text_init(&text, buffer, NUMBER_SIZE);
	text_printf(&text, "%016llx", (unsigned long long)element);
	return buffer;
}

unsigned int
redis_place(const struct store_redis *redis, const char *subject)
{
	char key[REDIS_KEY_SIZE];

	return redis_route_place(redis->route,
	    redis_key(redis->prefix, subject, key));
}

static const char *
number_text(int64_t number, char buffer[NUMBER_SIZE])
{
	struct text text;

	text_init(&text, buffer, NUMBER_SIZE);
	text_put_number(&text, number);
	return buffer;
}

/*
 * What is asked of counters, in the order in which the script takes it: by
 * subject and field. `from` says which it is of those that were given.
 */
struct asked {
	size_t subject;		/* from 1 */
	const char *field;
	size_t from;
};

struct order {
	struct subjects subjects;
	size_t count;
	struct asked at[CHARGES_MAX];
	char counts[CHARGES_MAX + 1][NUMBER_SIZE];
};

static int
compare_asked(const struct asked *a, const struct asked *b)
{
	if (a->subject != b->subject)
		return a->subject < b->subject ? -1 : 1;
	return strcmp(a->field, b->field);
}

static void
order_init(struct order *order, const char *prefix)
{
	order->subjects.prefix = prefix;
	order->subjects.count = 0;
	order->count = 0;
}

/* Keeps those of one counter in the order in which they are given. */
static void
order_add(struct order *order, const char *subject, const char *field)
{
	struct asked asked = {
		.subject = subjects_index(&order->subjects, subject),
		.field = field,
		.from = order->count
	};
	size_t to = order->count++;

	for (; to > 0 && compare_asked(&asked, &order->at[to - 1]) < 0; to--)
		order->at[to] = order->at[to - 1];
	order->at[to] = asked;
}

/* How many keys, the keys, and what to do with them. */
static void
add_keys(struct redis_words *words, const struct subjects *subjects,
    char count[NUMBER_SIZE], const char *verb)
{
	redis_words_init(words);
	redis_words_add(words, number_text((int64_t)subjects->count, count));
	for (size_t i = 0; i < subjects->count; i++)
		redis_words_add(words, subjects->key[i]);
	redis_words_add(words, verb);
}

/*
 * For each subject how many counters are asked of it, their fields, and what
 * add(more, from) adds for each.
 */
static void
add_asked(struct redis_words *words, struct order *order,
    void (*add)(struct redis_words *words, size_t from, void *more),
    void *more)
{
	for (size_t i = 0, end; i < order->count; i = end) {
		size_t subject = order->at[i].subject;

		end = i;
		while (end < order->count && order->at[end].subject == subject)
			end++;
		redis_words_add(words, number_text((int64_t)(end - i),
		    order->counts[subject]));
		for (size_t k = i; k < end; k++)
			redis_words_add(words, order->at[k].field);
		for (size_t k = i; k < end; k++)
			add(words, order->at[k].from, more);
	}
}

/*
 * Subjects that must not be marked come after those of counters: the keys of
 * which no counter is asked, and then what is asked of each.
 */
struct mark_words {
	size_t subject[MARK_QUESTIONS_MAX];	/* from 1 */
	char text[MARK_QUESTIONS_MAX][NUMBER_SIZE];
	size_t keys;	/* of which something else is asked */
};

static void
name_marked(struct mark_words *marks, struct order *order,
    const struct charges *charges)
{
	marks->keys = order->subjects.count;
	for (size_t i = 0; i < charges->mark_count; i++)
		marks->subject[i] = subjects_index(&order->subjects,
		    charges->marks[i].subject);
}

static void
add_marked(struct redis_words *words, struct mark_words *marks,
    const struct order *order, const struct charges *charges)
{
	for (size_t i = marks->keys; i < order->subjects.count; i++)
		redis_words_add(words, "0");
	for (size_t i = 0; i < charges->mark_count; i++) {
		redis_words_add(words, number_text(
		    (int64_t)marks->subject[i], marks->text[i]));
		redis_words_add(words, charges->marks[i].observe ? "1" : "0");
	}
}

static int64_t
lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* --- charge --- */

/* "/max/window " and the version, as it follows "used" in a value. */
#define LABEL_SIZE (NUMBER_SIZE + QUANTITY_TEXT_SIZE + sizeof("// v"))
/* When it is counted; and of a distinct count more: see charge.lua. */
#define KIND_SIZE (3 * NUMBER_SIZE + sizeof("0..."))

struct charge_question {
	const struct charges *charges;
	enum store_mode mode;
	bool is_plain;		/* windows, counted when all pass */
	struct order order;
	size_t sets;
	char subject_count[NUMBER_SIZE];
	struct charge_words {
		char max[NUMBER_SIZE];
		char window_ms[NUMBER_SIZE];
		char label[LABEL_SIZE];
		char weight[NUMBER_SIZE];
		char kind[KIND_SIZE];
		size_t set;	/* its key, from 1; 0: none */
	} text[CHARGES_MAX];
	char set_keys[CHARGES_MAX][REDIS_KEY_SIZE];
	struct mark_words marks;
	struct redis_words words;
};

static bool
is_forced(enum store_mode mode)
{
	return mode == STORE_FORCE || mode == STORE_TELL;
}

static char
when_letter(const struct charge *charge, enum store_mode mode)
{
	static const char letters[] = {
		[WHEN_ALLOWED] = '0', [WHEN_ALWAYS] = 'a',
		[WHEN_REFUSED] = 'r', [WHEN_NEVER] = 'n'
	};

	return letters[is_forced(mode) ? WHEN_ALLOWED : charge->when];
}

static bool
takes_along(const struct charge *charge, enum store_mode mode)
{
	return charge->lease_units > 0 && mode == STORE_CHARGE &&
	    charge->when == WHEN_ALLOWED && !charge->distinct;
}

static void
make_kind(struct charge_words *text, const struct charge *charge,
    enum store_mode mode)
{
	char member[NUMBER_SIZE];
	struct text kind;

	TEXT_INIT(&kind, text->kind);
	text_put_char(&kind, when_letter(charge, mode));
	if (text->set > 0)
		text_printf(&kind, ".%zu.%s.%s", text->set, text->max,
		    member_text(charge->element, member));
	else if (takes_along(charge, mode))
		text_printf(&kind, ".%lld", (long long)charge->lease_units);
}

static void
add_charge(struct redis_words *words, size_t from, void *more)
{
	struct charge_question *question = more;
	const struct charge *charge = &question->charges->at[from];
	struct charge_words *text = &question->text[from];
	char window[QUANTITY_TEXT_SIZE];
	struct text label;

	number_text(charge->max, text->max);
	TEXT_INIT(&label, text->label);
	text_put_char(&label, '/');
	text_put(&label, text->max);
	text_put_char(&label, '/');
	text_put(&label, duration_format(charge->window_ms, window));
	text_put_char(&label, ' ');
	text_put_char(&label, charge->distinct ? VALUE_VERSION_SET :
	    VALUE_VERSION);
	redis_words_add(words, charge->observe || is_forced(question->mode) ?
	    "-" : text->max);
	redis_words_add(words, number_text(charge->window_ms,
	    text->window_ms));
	redis_words_add(words, text->label);
	redis_words_add(words, number_text(charge->weight, text->weight));
	if (question->is_plain)
		return;
	make_kind(text, charge, question->mode);
	redis_words_add(words, text->kind);
}

/* Nothing but windows, which are counted when all pass? */
static bool
is_plain(const struct charges *charges, enum store_mode mode)
{
	for (size_t i = 0; i < charges->count; i++)
		if (charges->at[i].distinct ||
		    when_letter(&charges->at[i], mode) != '0' ||
		    takes_along(&charges->at[i], mode))
			return false;
	return true;
}

/* The keys of the sets come after those of the subjects. */
static void
make_sets(struct charge_question *question)
{
	const struct charges *charges = question->charges;
	const struct subjects *subjects = &question->order.subjects;

	question->sets = 0;
	for (size_t i = 0; i < charges->count; i++) {
		const struct charge *charge = &charges->at[i];

		question->text[i].set = 0;
		if (!charge->distinct)
			continue;
		redis_set_key(subjects->prefix, charge->subject, charge->field,
		    question->set_keys[question->sets++]);
		question->text[i].set = subjects->count + question->sets;
	}
}

static void
add_charge_keys(struct charge_question *question)
{
	struct redis_words *words = &question->words;
	const struct subjects *subjects = &question->order.subjects;
	char *count = question->order.counts[0];
	bool peeks = question->mode == STORE_PEEK;

	if (question->is_plain) {
		add_keys(words, subjects, count, peeks ? "peek" : "charge");
		return;
	}
	redis_words_init(words);
	redis_words_add(words, number_text((int64_t)(subjects->count +
	    question->sets), count));
	for (size_t i = 0; i < subjects->count; i++)
		redis_words_add(words, subjects->key[i]);
	for (size_t i = 0; i < question->sets; i++)
		redis_words_add(words, question->set_keys[i]);
	redis_words_add(words, peeks ? "peek+" : "charge+");
	redis_words_add(words, number_text((int64_t)subjects->count,
	    question->subject_count));
}

/* Where each of them stands in the question and in its answer. */
static void
make_order(struct charge_question *question, const char *prefix,
    const struct charges *charges)
{
	question->charges = charges;
	order_init(&question->order, prefix);
	for (size_t i = 0; i < charges->count; i++)
		order_add(&question->order, charges->at[i].subject,
		    charges->at[i].field);
	name_marked(&question->marks, &question->order, charges);
}

static void
make_charge(struct charge_question *question, const char *prefix,
    const struct charges *charges, enum store_mode mode)
{
	make_order(question, prefix, charges);
	question->mode = mode;
	question->is_plain = is_plain(charges, mode);
	if (!question->is_plain)
		make_sets(question);
	add_charge_keys(question);
	add_asked(&question->words, &question->order, add_charge, question);
	add_marked(&question->words, &question->marks, &question->order,
	    charges);
	question->words.lasting = charges->count > 0 &&
	    (mode == STORE_CHARGE || mode == STORE_FORCE);
}

/* Of those that are full, the first as they were given. */
static void
note_waits(const struct charge_question *question, redisReply *const waits[],
    struct charge_answer *answer)
{
	const struct order *order = &question->order;

	answer->refused = order->count;
	for (size_t i = 0; i < order->count; i++) {
		int64_t wait_ms = waits[i]->integer;

		if (wait_ms <= 0)
			continue;
		answer->status = CHARGE_REFUSED;
		if (question->charges->at[order->at[i].from].when ==
		    WHEN_REFUSED)
			answer->by_refusals = true;
		if (answer->retry_ms < wait_ms)
			answer->retry_ms = wait_ms;
		if (order->at[i].from < answer->refused) {
			answer->refused = order->at[i].from;
			answer->full_ms = wait_ms;
		}
	}
}

/*
 * What is used; less than nothing of a distinct counter in which this one
 * was before.
 */
static void
note_used(const struct charge_question *question, size_t i, int64_t used,
    struct charge_answer *answer)
{
	size_t from = question->order.at[i].from;

	answer->used[from] = used < 0 ? -used : used;
	answer->fresh[from] = used >= 0 &&
	    question->charges->at[from].distinct;
}

/* The mark of a text that refuses and lasts longest. */
static bool
read_refusing(const redisReply *text, int64_t now_ms, struct mark *mark)
{
	struct store_mark marks[MARKS_MAX];
	size_t count = marks_read(text->str, text->len, now_ms, marks);
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		if (!mark_refuses(marks[i].kind) || (found &&
		    (mark->until_ms == 0 || (marks[i].until_ms > 0 &&
		    marks[i].until_ms <= mark->until_ms))))
			continue;
		mark->kind = marks[i].kind;
		mark->until_ms = marks[i].until_ms;
		found = true;
	}
	return found;
}

/* A question and its subject's marks: false when it is not that. */
static bool
note_mark(const redisReply *text, size_t index, const struct charges *charges,
    struct charge_answer *answer)
{
	struct mark mark;

	if (index >= charges->mark_count ||
	    text->type != REDIS_REPLY_STRING ||
	    !read_refusing(text, answer->now_ms, &mark))
		return false;
	answer->marks_found |= UINT32_C(1) << index;
	if (charges->marks[index].observe ||
	    answer->status == CHARGE_MARKED)
		return true;
	answer->status = CHARGE_MARKED;
	answer->marked = index;
	answer->mark = mark;
	return true;
}

/* A charge and its max now; or, after all charges, what came along with it. */
static bool
note_of_charge(const redisReply *number, size_t index,
    const struct order *order, struct charge_answer *answer)
{
	size_t from;

	if (index >= 2 * order->count ||
	    number->type != REDIS_REPLY_INTEGER || number->integer < 0)
		return false;
	from = order->at[index % order->count].from;
	if (index >= order->count) {
		answer->leased[from] = number->integer;
		return true;
	}
	answer->overridden |= UINT64_C(1) << from;
	answer->max[from] = number->integer;
	return true;
}

/* Pairs, as charge.lua makes them. */
static bool
note_marks(const redisReply *pairs, const struct order *order,
    const struct charges *charges, struct charge_answer *answer)
{
	bool sound = pairs->elements % 2 == 0;

	for (size_t i = 0; sound && i < pairs->elements; i += 2) {
		const redisReply *number = pairs->element[i];
		const redisReply *value = pairs->element[i + 1];

		if (number->type != REDIS_REPLY_INTEGER)
			return false;
		sound = number->integer < 0 ?
		    note_mark(value, (size_t)(-number->integer - 1), charges,
			answer) :
		    note_of_charge(value, (size_t)(number->integer - 1),
			order, answer);
	}
	return sound;
}

/*
 * {now, used..., wait..., {pairs}}, no waits if none is full, and nothing
 * where nothing is noted: false if it is not.
 */
static bool
read_charge(const redisReply *reply, const struct charge_question *question,
    struct charge_answer *answer)
{
	size_t count = question->order.count;
	const redisReply *last = reply->elements > 0 ?
	    reply->element[reply->elements - 1] : NULL;
	bool noted = last != NULL && last->type == REDIS_REPLY_ARRAY;
	size_t numbers = reply->elements - noted;
	bool full = count > 0 && numbers == 2 * count + 1;

	if (numbers != count + 1 && !full)
		return false;
	for (size_t i = 0; i < numbers; i++)
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	answer->status = CHARGE_ALLOWED;
	answer->now_ms = reply->element[0]->integer;
	for (size_t i = 0; i < count; i++)
		note_used(question, i, reply->element[i + 1]->integer,
		    answer);
	if (full)
		note_waits(question, reply->element + 1 + count, answer);
	if (full && answer->status != CHARGE_REFUSED)
		return false;
	return !noted || note_marks(last, &question->order,
	    question->charges, answer);
}

static const char *
key_of(const struct order *order)
{
	return order->subjects.key[0];
}

static void
read_or_distrust(struct store_redis *redis, const redisReply *reply,
    const struct charge_question *question, struct charge_answer *answer)
{
	if (read_charge(reply, question, answer))
		return;
	answer->status = CHARGE_UNAVAILABLE;
	redis_route_distrust(redis->route, key_of(&question->order));
}

void
redis_charge_send(struct store_redis *redis, const struct charges *charges,
    enum store_mode mode, struct redis_asked *asked)
{
	struct charge_question question;

	make_charge(&question, redis->prefix, charges, mode);
	redis_route_send(redis->route, key_of(&question.order),
	    &question.words, asked);
}

void
redis_charge_read(struct store_redis *redis, const struct charges *charges,
    const redisReply *reply, struct charge_answer *answer)
{
	struct charge_question question;

	answer->status = CHARGE_UNAVAILABLE;
	if (reply == NULL)
		return;
	make_order(&question, redis->prefix, charges);
	read_or_distrust(redis, reply, &question, answer);
}

static bool
is_at_one_place(const struct store_redis *redis, const struct charges *charges)
{
	unsigned int first;

	if (!redis->cluster)
		return true;
	first = redis_place(redis, charges->count > 0 ?
	    charges->at[0].subject : charges->marks[0].subject);
	for (size_t i = 0; i < charges->count; i++)
		if (redis_place(redis, charges->at[i].subject) != first)
			return false;
	for (size_t i = 0; i < charges->mark_count; i++)
		if (redis_place(redis, charges->marks[i].subject) != first)
			return false;
	return true;
}

void
redis_charge_tell(struct store_redis *redis, const struct charges *charges)
{
	struct charge_question question;

	if (!is_at_one_place(redis, charges)) {
		redis_charge_tell_parts(redis, charges);
		return;
	}
	make_charge(&question, redis->prefix, charges, STORE_TELL);
	redis_route_tell(redis->route, key_of(&question.order),
	    &question.words);
}

static void
redis_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	struct store_redis *redis = redis_of(store);
	struct charge_question question;
	redisReply *reply;

	memset(answer, 0, sizeof(*answer));
	answer->now_ms = now_ms;
	if (charges->count + charges->mark_count == 0)
		return;
	if (mode == STORE_TELL) {
		redis_charge_tell(redis, charges);
		return;
	}
	if (timeout_ms > 0 && !is_at_one_place(redis, charges)) {
		redis_charge_parts(redis, charges, mode, clock_steady_ms() +
		    lesser(timeout_ms, redis->timeout_ms), answer);
		return;
	}
	answer->status = CHARGE_UNAVAILABLE;
	make_charge(&question, redis->prefix, charges, mode);
	reply = redis_route_ask(redis->route, key_of(&question.order),
	    &question.words, lesser(timeout_ms, redis->timeout_ms),
	    &answer->misset);
	if (reply == NULL)
		return;
	read_or_distrust(redis, reply, &question, answer);
	freeReplyObject(reply);
}

/* --- refund --- */

/* When it was charged; with a sign: then or later. */
#define WHEN_SIZE (1 + NUMBER_SIZE)

struct refund_question {
	const struct refund *refunds;
	struct order order;
	struct refund_words {
		char weight[NUMBER_SIZE];
		char window_ms[NUMBER_SIZE];
		char when[WHEN_SIZE];
	} text[CHARGES_MAX];
	struct redis_words words;
};

static void
add_refund(struct redis_words *words, size_t from, void *more)
{
	struct refund_question *question = more;
	const struct refund *refund = &question->refunds[from];
	struct refund_words *text = &question->text[from];
	struct text when;

	TEXT_INIT(&when, text->when);
	if (refund->since)
		text_put_char(&when, '+');
	text_put_number(&when, refund->at_ms);
	redis_words_add(words, number_text(refund->weight, text->weight));
	redis_words_add(words, number_text(refund->window_ms,
	    text->window_ms));
	redis_words_add(words, text->when);
}

static void
tell_refunds(struct store_redis *redis, const struct refund refunds[],
    size_t count)
{
	struct refund_question question;

	if (count == 0)
		return;
	question.refunds = refunds;
	order_init(&question.order, redis->prefix);
	for (size_t i = 0; i < count; i++)
		order_add(&question.order, refunds[i].subject,
		    refunds[i].field);
	add_keys(&question.words, &question.order.subjects,
	    question.order.counts[0], "refund");
	add_asked(&question.words, &question.order, add_refund, &question);
	redis_route_tell(redis->route, key_of(&question.order),
	    &question.words);
}

/* Elements of distinct counters: which, and when it was seen. */
struct forget_question {
	char count[NUMBER_SIZE];
	char keys[CHARGES_MAX][REDIS_KEY_SIZE];
	char member[CHARGES_MAX][NUMBER_SIZE];
	char at_ms[CHARGES_MAX][NUMBER_SIZE];
	struct redis_words words;
};

static void
tell_forgotten(struct store_redis *redis, const struct refund refunds[],
    size_t count)
{
	struct forget_question question;
	struct redis_words *words = &question.words;

	if (count == 0)
		return;
	redis_words_init(words);
	redis_words_add(words, number_text((int64_t)count, question.count));
	for (size_t i = 0; i < count; i++)
		redis_words_add(words, redis_set_key(redis->prefix,
		    refunds[i].subject, refunds[i].field, question.keys[i]));
	redis_words_add(words, "unsee");
	for (size_t i = 0; i < count; i++) {
		redis_words_add(words, member_text(refunds[i].element,
		    question.member[i]));
		redis_words_add(words, number_text(refunds[i].at_ms,
		    question.at_ms[i]));
	}
	redis_route_tell(redis->route, question.keys[0], words);
}

/* The windows' and the elements' apart; at most CHARGES_MAX. */
void
redis_refund_tell(struct store_redis *redis, const struct refund refunds[],
    size_t count)
{
	struct refund weights[CHARGES_MAX], elements[CHARGES_MAX];
	size_t weight_count = 0, element_count = 0;

	for (size_t i = 0; i < count; i++) {
		if (refunds[i].distinct)
			elements[element_count++] = refunds[i];
		else
			weights[weight_count++] = refunds[i];
	}
	tell_refunds(redis, weights, weight_count);
	tell_forgotten(redis, elements, element_count);
}

static void
redis_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	struct store_redis *redis = redis_of(store);

	(void)now_ms;
	(void)timeout_ms;
	for (size_t done = 0; done < count; done += CHARGES_MAX) {
		size_t some = count - done < CHARGES_MAX ? count - done :
		    CHARGES_MAX;

		if (redis->cluster)
			redis_refund_parts(redis, refunds + done, some);
		else
			redis_refund_tell(redis, refunds + done, some);
	}
}

/* --- show --- */

static int64_t
get_number(const unsigned char *octets, size_t length)
{
	uint64_t number = 0;

	while (length-- > 0)
		number = number << 8 | *octets++;
	return (int64_t)number;
}

/* The text up to `end`, which is stepped over; false when it is too long. */
static bool
take_text(const char **at, char end, char *to, size_t size)
{
	const char *found = strchr(*at, end);
	bool fits = found != NULL &&
	    text_copy_n(to, size, *at, (size_t)(found - *at));

	if (fits)
		*at = found + 1;
	return fits;
}

/* "used/max/window " and the version: the octets after it, or NULL. */
static const char *
read_head(const char *value, struct store_counter *counter)
{
	char used[NUMBER_SIZE], max[NUMBER_SIZE], window[QUANTITY_TEXT_SIZE];
	const char *why;

	if (!take_text(&value, '/', used, sizeof(used)) ||
	    !take_text(&value, '/', max, sizeof(max)) ||
	    !take_text(&value, ' ', window, sizeof(window)) ||
	    !text_parse_number(max, INT64_MAX, &counter->max) ||
	    !duration_parse(window, &counter->window_ms, &why) ||
	    *value != VALUE_VERSION)
		return NULL;
	return value + 1;
}

static void
show_group(struct store_counter *counter, const unsigned char *group,
    int64_t now_ms)
{
	int64_t left_ms = get_number(group, VALUE_TIME_OCTETS) +
	    counter->window_ms - now_ms;
	int64_t count = get_number(group + VALUE_TIME_OCTETS,
	    VALUE_COUNT_OCTETS);

	if (left_ms <= 0 || count == 0)
		return;
	/* The clock stepped back: the next charge moves the groups along. */
	if (left_ms > counter->window_ms)
		left_ms = counter->window_ms;
	if (counter->used == 0)
		counter->frees_ms = left_ms;
	counter->used += count;
}

/* A field and its value; "used" in the text is of the last charge only. */
static bool
read_counter(const redisReply *field, const redisReply *value,
    int64_t now_ms, struct store_counter *counter)
{
	const char *start;
	const unsigned char *head, *group, *end;

	memset(counter, 0, sizeof(*counter));
	if (field->str[0] == '@')	/* marks */
		return false;
	text_copy(counter->field, sizeof(counter->field), field->str);
	start = read_head(value->str, counter);
	if (start == NULL)
		return false;
	head = (const unsigned char *)start;
	group = head + VALUE_HEAD_OCTETS;
	end = (const unsigned char *)value->str + value->len;
	if (group > end || (end - group) % VALUE_GROUP_OCTETS != 0 ||
	    (end - group) / VALUE_GROUP_OCTETS >= WINDOW_GROUPS_MAX)
		return false;
	for (; group < end; group += VALUE_GROUP_OCTETS)
		show_group(counter, group, now_ms);
	show_group(counter, head + VALUE_NEWEST_AT, now_ms);
	return true;
}

/* {now, field, value, ...}; -1 when it is not that. */
static int
read_counters(const redisReply *reply, struct store_counter counters[],
    size_t max)
{
	struct store_counter counter;
	int count = 0;

	if (reply->elements % 2 != 1 ||
	    reply->element[0]->type != REDIS_REPLY_INTEGER)
		return -1;
	for (size_t i = 1; i < reply->elements; i += 2) {
		if (reply->element[i]->type != REDIS_REPLY_STRING ||
		    reply->element[i + 1]->type != REDIS_REPLY_STRING)
			return -1;
		if (!read_counter(reply->element[i], reply->element[i + 1],
		    reply->element[0]->integer, &counter))
			continue;
		if ((size_t)count < max)
			counters[count] = counter;
		count++;
	}
	return count;
}

static int
redis_show(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_counter counters[], size_t max)
{
	struct store_redis *redis = redis_of(store);
	struct redis_words words;
	struct subjects subjects = {.prefix = redis->prefix};
	char number[NUMBER_SIZE];
	redisReply *reply;
	bool misset;
	int count;

	(void)now_ms;
	subjects_index(&subjects, subject);
	add_keys(&words, &subjects, number, "show");
	reply = redis_route_ask(redis->route, subjects.key[0], &words,
	    lesser(timeout_ms, redis->timeout_ms), &misset);
	if (reply == NULL)
		return -1;
	count = read_counters(reply, counters, max);
	if (count < 0)
		redis_route_distrust(redis->route, subjects.key[0]);
	freeReplyObject(reply);
	return count;
}

/* --- hosts --- */

/* {now, count} */
static int64_t
redis_count_hosts(struct store *store, const char *id, int64_t live_ms,
    int64_t timeout_ms)
{
	struct store_redis *redis = redis_of(store);
	char key[REDIS_KEY_SIZE], number[NUMBER_SIZE];
	struct redis_words words;
	redisReply *reply;
	int64_t count = -1;
	bool misset;

	redis_common_key(redis->prefix, "hosts", key);
	redis_words_init(&words);
	redis_words_add(&words, "1");
	redis_words_add(&words, key);
	redis_words_add(&words, "hosts");
	redis_words_add(&words, id);
	redis_words_add(&words, number_text(live_ms, number));
	reply = redis_route_ask(redis->route, key, &words,
	    lesser(timeout_ms, redis->timeout_ms), &misset);
	if (reply == NULL)
		return -1;
	if (reply->elements == 2 &&
	    reply->element[1]->type == REDIS_REPLY_INTEGER)
		count = reply->element[1]->integer;
	else
		redis_route_distrust(redis->route, key);
	freeReplyObject(reply);
	return count;
}

/* --- marks: see redis_marks.c --- */

static struct redis_asker
asker_of(struct store *store, int64_t timeout_ms)
{
	struct store_redis *redis = redis_of(store);

	return (struct redis_asker){
		.route = redis->route, .prefix = redis->prefix,
		.timeout_ms = lesser(timeout_ms, redis->timeout_ms)
	};
}

static enum store_change
redis_set_mark(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	const struct redis_asker asker = asker_of(store, timeout_ms);

	(void)now_ms;
	return redis_marks_set(&asker, subject, mark, how);
}

static enum store_change
redis_lift_mark(struct store *store, const char *subject,
    enum mark_kind kind, const char *field, int64_t now_ms,
    int64_t timeout_ms)
{
	const struct redis_asker asker = asker_of(store, timeout_ms);

	(void)now_ms;
	return redis_marks_lift(&asker, subject, kind, field);
}

static enum store_change
redis_forget(struct store *store, const char *subject, const char *field,
    int64_t now_ms, int64_t timeout_ms)
{
	const struct redis_asker asker = asker_of(store, timeout_ms);

	(void)now_ms;
	return redis_marks_forget(&asker, subject, field);
}

static int
redis_marks(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_mark marks[])
{
	const struct redis_asker asker = asker_of(store, timeout_ms);

	(void)now_ms;
	return redis_marks_of(&asker, subject, marks);
}

static int64_t
redis_marked(struct store *store, int64_t from, int64_t now_ms,
    int64_t timeout_ms, struct marked_subject subjects[], size_t max,
    size_t *count)
{
	const struct redis_asker asker = asker_of(store, timeout_ms);

	(void)now_ms;
	return redis_marks_list(&asker, from, subjects, max, count);
}

static bool
redis_changed(struct store *store, int64_t *since_ms, int64_t timeout_ms,
    struct marked_subject subjects[], size_t max, size_t *count)
{
	const struct redis_asker asker = asker_of(store, timeout_ms);

	return redis_marks_changed(&asker, since_ms, subjects, max, count);
}

/* --- lists and maps --- */

static void
redis_look_up(struct store *store, struct store_lookup lookups[],
    size_t count, int64_t timeout_ms)
{
	struct store_redis *redis = redis_of(store);

	redis_lists_look_up(&redis->lists, redis->route, lookups, count,
	    lesser(timeout_ms, redis->timeout_ms));
}

/* --- the rest --- */

static void
redis_get_state(struct store *store, struct store_state *state)
{
	memset(state, 0, sizeof(*state));
	state->kind = "redis";
	state->subjects = -1;
	redis_route_get_state(redis_of(store)->route, state);
}

static size_t
redis_get_nodes(struct store *store, struct store_node nodes[], size_t max)
{
	return redis_route_get_nodes(redis_of(store)->route, nodes, max);
}

static void
redis_close(struct store *store)
{
	struct store_redis *redis = redis_of(store);

	redis_route_close(&redis->route);
	tls_settings_close(&redis->tls);
	secret_wipe(redis->password, sizeof(redis->password));
	secret_wipe(redis->sentinel_password,
	    sizeof(redis->sentinel_password));
	for (size_t i = 0; i < redis->server_count; i++)
		free(redis->servers[i]);
	free(redis->servers);
	free(redis->user);
	free(redis->prefix);
	free(redis->sentinel);
	free(redis->sentinel_user);
	redis_lists_clear(&redis->lists);
	free(redis);
}

struct tls_options
store_redis_tls_options(const struct store_redis_options *options)
{
	struct tls_options tls = {
		.ca_file = options->tls_ca_file,
		.ca_directory = options->tls_ca_directory,
		.certificate_file = options->tls_certificate_file,
		.key_file = options->tls_key_file,
		.server_name = options->tls_server_name
	};

	return tls;
}

static bool
has_same_tls(const struct store_redis *redis,
    const struct store_redis_options *options)
{
	struct tls_options tls = store_redis_tls_options(options);

	if (!options->tls || redis->tls == NULL)
		return options->tls == (redis->tls != NULL);
	return tls_settings_are(redis->tls, &tls);
}

/* An empty password when none is configured. */
static bool
read_password(const char *file, char password[SECRET_SIZE], char *why,
    size_t size)
{
	password[0] = '\0';
	return file[0] == '\0' || secret_read(file, password, why, size);
}

/* Does the file still hold this password? */
static bool
has_password(const char *file, const char *password)
{
	char now[SECRET_SIZE], why[256];
	bool same = read_password(file, now, why, sizeof(why)) &&
	    strcmp(now, password) == 0;

	secret_wipe(now, sizeof(now));
	return same;
}

static bool
has_servers(const struct store_redis *redis, const struct strings *servers)
{
	if (servers->count != redis->server_count)
		return false;
	for (size_t i = 0; i < servers->count; i++)
		if (strcmp(servers->at[i], redis->servers[i]) != 0)
			return false;
	return true;
}

static bool
redis_reconfigure(struct store *store, const struct config *config)
{
	struct store_redis *redis = redis_of(store);
	const struct store_redis_options *options = &config->redis;

	if (config->store != STORE_KIND_REDIS ||
	    !has_servers(redis, &options->server) ||
	    strcmp(options->sentinel, redis->sentinel) != 0 ||
	    strcmp(options->sentinel_user, redis->sentinel_user) != 0 ||
	    options->cluster != redis->cluster ||
	    strcmp(options->user, redis->user) != 0 ||
	    strcmp(options->prefix, redis->prefix) != 0 ||
	    options->database != redis->database ||
	    options->script != redis->script ||
	    !has_same_tls(redis, options) ||
	    !has_password(options->password_file, redis->password) ||
	    !has_password(options->sentinel_password_file,
	    redis->sentinel_password))
		return false;
	redis->timeout_ms = options->timeout_ms;
	redis_route_set_timeouts(redis->route, options->timeout_ms,
	    options->connect_timeout_ms);
	redis_route_set_wait_replicas(redis->route, options->wait_replicas);
	return true;
}

static const struct store_ops redis_ops = {
	.close = redis_close,
	.reconfigure = redis_reconfigure,
	.charge = redis_charge,
	.refund = redis_refund,
	.show = redis_show,
	.get_state = redis_get_state,
	.check = redis_check,
	.get_nodes = redis_get_nodes,
	.count_hosts = redis_count_hosts,
	.marks = {
		.set = redis_set_mark,
		.lift = redis_lift_mark,
		.forget = redis_forget,
		.marks = redis_marks,
		.marked = redis_marked,
		.changed = redis_changed
	},
	.look_up = redis_look_up
};

static const char *
find_fault(const struct store_redis_options *options)
{
	if (options->server.count == 0 ||
	    options->server.count > REDIS_SERVERS_MAX)
		return "store \"redis\" needs from 1 to 16 servers";
	if (strlen(options->prefix) > REDIS_PREFIX_OCTETS_MAX)
		return "the prefix of store \"redis\" is longer than 40 octets";
	if (strpbrk(options->prefix, "{}") != NULL)
		return "the prefix of store \"redis\" must not hold a brace";
	if (options->tls && options->server.at[0][0] == '/' &&
	    options->tls_server_name[0] == '\0')
		return "tls of store \"redis\" needs tls_server_name, as the "
		    "server is a path";
	return NULL;
}

static bool
copy_servers(struct store_redis *redis, const struct strings *servers)
{
	redis->servers = calloc(servers->count, sizeof(*redis->servers));
	if (redis->servers == NULL)
		return false;
	for (size_t i = 0; i < servers->count; i++) {
		redis->servers[i] = strdup(servers->at[i]);
		if (redis->servers[i] == NULL)
			return false;
		redis->server_count++;
	}
	return true;
}

static bool
copy_options(struct store_redis *redis,
    const struct store_redis_options *options)
{
	redis->database = options->database;
	redis->cluster = options->cluster;
	redis->script = options->script;
	redis->timeout_ms = options->timeout_ms;
	redis->user = strdup(options->user);
	redis->prefix = strdup(options->prefix);
	redis->sentinel = strdup(options->sentinel);
	redis->sentinel_user = strdup(options->sentinel_user);
	return redis->user != NULL && redis->prefix != NULL &&
	    redis->sentinel != NULL && redis->sentinel_user != NULL &&
	    copy_servers(redis, &options->server);
}

static bool
redis_start(struct store_redis *redis,
    const struct store_redis_options *options, const char *script, char *why,
    size_t size)
{
	struct redis_route_options route = {
		.link = {
			.user = options->user,
			.password = redis->password,
			.database = options->database,
			.timeout_ms = options->timeout_ms,
			.connect_timeout_ms = options->connect_timeout_ms,
			.wait_replicas = options->wait_replicas,
			.script = script,
			.as_function = options->script ==
			    SCRIPT_FUNCTION
		},
		.servers = options->server,
		.sentinel = options->sentinel,
		.sentinel_user = options->sentinel_user,
		.sentinel_password = redis->sentinel_password,
		.is_cluster = options->cluster
	};
	struct tls_options tls = store_redis_tls_options(options);

	if (!read_password(options->password_file, redis->password, why,
	    size) || !read_password(options->sentinel_password_file,
	    redis->sentinel_password, why, size))
		return false;
	if (options->tls) {
		redis->tls = tls_settings_open(&tls, why, size);
		if (redis->tls == NULL)
			return false;
	}
	route.link.tls = redis->tls;
	if (!copy_options(redis, options)) {
		text_copy(why, size, "no memory");
		return false;
	}
	redis->route = redis_route_open(&route, why, size);
	return redis->route != NULL;
}

struct store *
store_redis_open_with(const struct store_redis_options *options,
    const char *script, char *why, size_t size)
{
	const char *fault = find_fault(options);
	struct store_redis *redis;

	if (fault != NULL) {
		text_copy(why, size, fault);
		return NULL;
	}
	redis = calloc(1, sizeof(*redis));
	if (redis == NULL) {
		text_copy(why, size, "no memory");
		return NULL;
	}
	redis->store.ops = &redis_ops;
	redis_lists_init(&redis->lists);
	if (redis_start(redis, options, script, why, size))
		return &redis->store;
	redis_close(&redis->store);
	return NULL;
}

struct store *
store_redis_open(const struct store_redis_options *options, char *why,
    size_t size)
{
	return store_redis_open_with(options, store_redis_script, why, size);
}
