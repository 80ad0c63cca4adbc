/*
 * redis_marks.c - marks in Redis, for store_redis.c
 *
 * Builds the words that charge.lua takes and reads what it answers. A change
 * is made, and then noted in the sorted sets: who reads them first has not
 * missed it.
 */
#include "io/redis_marks.h"

#include <hiredis/hiredis.h>
#include <string.h>

#include "base/text.h"
#include "io/log.h"
#include "io/mark_text.h"
#include "io/redis_key.h"
#include "io/redis_route.h"

#define NAME_SIZE 128		/* of a mark */
#define NUMBER_SIZE 21
#define LIST "{marks}"
#define CHANGES "{marks}changed"

/* A question of one key; further words are the caller's. */
struct asking {
	struct redis_words words;
	char key[REDIS_KEY_SIZE];
};

static void
begin(struct asking *asking, const struct redis_asker *asker,
    const char *subject, const char *verb)
{
	redis_words_init(&asking->words);
	redis_words_add(&asking->words, "1");
	redis_words_add(&asking->words, redis_key(asker->prefix, subject,
	    asking->key));
	redis_words_add(&asking->words, verb);
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
 * An array of at least `least` elements, of which the first `numbers` are
 * numbers and the others strings; else NULL.
 */
static redisReply *
ask(const struct redis_asker *asker, struct redis_words *words, size_t least,
    size_t numbers)
{
	bool misset;
	const char *key = words->at[REDIS_WORDS_KEY];
	redisReply *reply = redis_route_ask(asker->route, key, words,
	    asker->timeout_ms, &misset);
	bool sound;

	if (reply == NULL)
		return NULL;
	sound = reply->elements >= least;
	for (size_t i = 0; sound && i < reply->elements; i++)
		sound = reply->element[i]->type == (i < numbers ?
		    REDIS_REPLY_INTEGER : REDIS_REPLY_STRING);
	if (sound)
		return reply;
	redis_route_distrust(asker->route, key);
	freeReplyObject(reply);
	return NULL;
}

/* Numbers alone; false without an answer. */
static bool
ask_numbers(const struct redis_asker *asker, struct redis_words *words,
    int64_t numbers[], size_t count)
{
	redisReply *reply = ask(asker, words, count, count);

	if (reply == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		numbers[i] = reply->element[i]->integer;
	freeReplyObject(reply);
	return true;
}

/* --- changes --- */

/* "": only something that is counted has changed. */
static enum store_change
note_change(const struct redis_asker *asker, const char *subject,
    const char *last)
{
	struct redis_words words;
	char list[REDIS_KEY_SIZE], changes[REDIS_KEY_SIZE];
	int64_t numbers[2];

	redis_common_key(asker->prefix, LIST, list);
	redis_common_key(asker->prefix, CHANGES, changes);
	redis_words_init(&words);
	redis_words_add(&words, "2");
	redis_words_add(&words, list);
	redis_words_add(&words, changes);
	redis_words_add(&words, "index");
	redis_words_add(&words, subject);
	redis_words_add(&words, last);
	words.lasting = true;
	if (!ask_numbers(asker, &words, numbers, 2))
		return STORE_UNREACHED;
	if (numbers[1] < 0)
		log_warning("subject=%s is changed, but on no list: the Redis "
		    "user may not use the sorted sets of marks", subject);
	return STORE_CHANGED;
}

/* {now, done, last} */
static enum store_change
change(const struct redis_asker *asker, struct redis_words *words,
    const char *subject)
{
	int64_t numbers[3];
	char last[NUMBER_SIZE];

	words->lasting = true;
	if (!ask_numbers(asker, words, numbers, 3))
		return STORE_UNREACHED;
	if (numbers[1] < 0)
		return STORE_FULL;
	if (numbers[1] == 0)
		return STORE_AS_BEFORE;
	if (numbers[2] >= 0)
		return note_change(asker, subject,
		    number_text(numbers[2], last));
	return note_change(asker, subject, "-1");
}

enum store_change
redis_marks_set(const struct redis_asker *asker, const char *subject,
    const struct store_mark *mark, enum store_set how)
{
	struct asking asking;
	char name_buffer[NAME_SIZE], mark_buffer[MARK_TEXT_SIZE];
	char most[NUMBER_SIZE];
	struct text name, text;

	TEXT_INIT(&name, name_buffer);
	mark_put_name(&name, mark->kind, mark->field);
	TEXT_INIT(&text, mark_buffer);
	mark_put(&text, mark);
	begin(&asking, asker, subject, "mark");
	redis_words_add(&asking.words, name_buffer);
	redis_words_add(&asking.words, mark_buffer);
	redis_words_add(&asking.words, number_text(MARKS_MAX, most));
	redis_words_add(&asking.words,
	    how == STORE_SET_UNLESS_MARKED ? "1" : "0");
	return change(asker, &asking.words, subject);
}

enum store_change
redis_marks_lift(const struct redis_asker *asker, const char *subject,
    enum mark_kind kind, const char *field)
{
	struct asking asking;
	char buffer[NAME_SIZE];
	struct text name;

	TEXT_INIT(&name, buffer);
	mark_put_name(&name, kind, field);
	begin(&asking, asker, subject, "lift");
	redis_words_add(&asking.words, buffer);
	return change(asker, &asking.words, subject);
}

enum store_change
redis_marks_forget(const struct redis_asker *asker, const char *subject,
    const char *field)
{
	struct asking asking;
	int64_t numbers[2];

	begin(&asking, asker, subject, "forget");
	if (field != NULL)
		redis_words_add(&asking.words, field);
	asking.words.lasting = true;
	if (!ask_numbers(asker, &asking.words, numbers, 2))
		return STORE_UNREACHED;
	if (numbers[1] == 0)
		return STORE_AS_BEFORE;
	return note_change(asker, subject, "");
}

/* --- reading --- */

int
redis_marks_of(const struct redis_asker *asker, const char *subject,
    struct store_mark marks[])
{
	struct asking asking;
	redisReply *reply;
	int count;

	begin(&asking, asker, subject, "marks");
	reply = ask(asker, &asking.words, 2, 1);
	if (reply == NULL)
		return -1;
	count = (int)marks_read(reply->element[1]->str,
	    reply->element[1]->len, reply->element[0]->integer, marks);
	freeReplyObject(reply);
	return count;
}

/* Subjects from element 2 on, as many as there is room for. */
static void
read_subjects(const redisReply *reply, struct marked_subject subjects[],
    size_t max, size_t *count)
{
	for (size_t i = 2; i < reply->elements && *count < max; i++)
		if (text_copy_n(subjects[*count].at, sizeof(subjects[0].at),
		    reply->element[i]->str, reply->element[i]->len))
			(*count)++;
}

int64_t
redis_marks_list(const struct redis_asker *asker, int64_t from,
    struct marked_subject subjects[], size_t max, size_t *count)
{
	struct redis_words words;
	char key[REDIS_KEY_SIZE], first[NUMBER_SIZE], most[NUMBER_SIZE];
	redisReply *reply;
	int64_t total;

	*count = 0;
	redis_common_key(asker->prefix, LIST, key);
	redis_words_init(&words);
	redis_words_add(&words, "1");
	redis_words_add(&words, key);
	redis_words_add(&words, "marked");
	redis_words_add(&words, number_text(from, first));
	redis_words_add(&words, number_text((int64_t)max, most));
	reply = ask(asker, &words, 2, 2);
	if (reply == NULL)
		return -1;
	total = reply->element[1]->integer;
	read_subjects(reply, subjects, max, count);
	freeReplyObject(reply);
	return total;
}

bool
redis_marks_changed(const struct redis_asker *asker, int64_t *since_ms,
    struct marked_subject subjects[], size_t max, size_t *count)
{
	struct redis_words words;
	char key[REDIS_KEY_SIZE], since[NUMBER_SIZE], most[NUMBER_SIZE];
	redisReply *reply;
	bool known;

	*count = 0;
	redis_common_key(asker->prefix, CHANGES, key);
	redis_words_init(&words);
	redis_words_add(&words, "1");
	redis_words_add(&words, key);
	redis_words_add(&words, "changed");
	redis_words_add(&words, number_text(*since_ms, since));
	redis_words_add(&words, number_text((int64_t)max, most));
	reply = ask(asker, &words, 2, 2);
	if (reply == NULL)
		return false;
	known = reply->element[1]->integer >= 0;
	if (known) {
		*since_ms = reply->element[0]->integer;
		read_subjects(reply, subjects, max, count);
		if (reply->element[1]->integer > (long long)max)
			*count = max + 1;
	}
	freeReplyObject(reply);
	return known;
}
