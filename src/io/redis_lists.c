/*
 * redis_lists.c - sets and hashes of Redis as lists and maps
 *
 * One command for each list: SMISMEMBER says which of many spellings a set
 * has, HMGET what a hash says of each.
 */
#include "io/redis_lists.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "core/list.h"
#include "io/log.h"
#include "io/redis_reply.h"

void
redis_lists_init(struct redis_lists *lists)
{
	memset(lists, 0, sizeof(*lists));
	pthread_mutex_init(&lists->mutex, NULL);
}

void
redis_lists_clear(struct redis_lists *lists)
{
	pthread_mutex_destroy(&lists->mutex);
}

/* --- keys that are no good: said once, until they are good again */

/* Its place, or bad_count. */
static size_t
find_bad(const struct redis_lists *lists, uint32_t hash)
{
	size_t i = 0;

	while (i < lists->bad_count && lists->bad[i] != hash)
		i++;
	return i;
}

/* True when it was good before. */
static bool
note_bad(struct redis_lists *lists, const char *key)
{
	uint32_t hash = name_hash(key);
	bool is_new;

	pthread_mutex_lock(&lists->mutex);
	is_new = find_bad(lists, hash) == lists->bad_count;
	if (is_new && lists->bad_count < REDIS_LISTS_BAD_MAX)
		lists->bad[lists->bad_count++] = hash;
	else if (is_new)
		lists->bad[hash % REDIS_LISTS_BAD_MAX] = hash;
	pthread_mutex_unlock(&lists->mutex);
	return is_new;
}

static void
note_good(struct redis_lists *lists, const char *key)
{
	size_t i;

	pthread_mutex_lock(&lists->mutex);
	i = find_bad(lists, name_hash(key));
	if (i < lists->bad_count)
		lists->bad[i] = lists->bad[--lists->bad_count];
	pthread_mutex_unlock(&lists->mutex);
}

static void
log_bad(const struct list_source *source, const char *error)
{
	char key[256], said[200];
	struct text text;

	TEXT_INIT(&text, key);
	text_put_escaped(&text, source->key, strlen(source->key), "\"");
	TEXT_INIT(&text, said);
	redis_put_said(&text, error);
	log_warning("%s: cannot be asked: redis=\"%s\" expected=%s "
	    "reason=\"%s\"", source->title, key,
	    source->is_map ? "hash" : "set", said);
}

/* The same for people who ask how the list is. */
static void
complain(const struct list_source *source, const redisReply *error,
    struct store_complaint *complaint)
{
	enum redis_trouble trouble = redis_reply_trouble(error);
	struct text text;

	complaint->misset = redis_trouble_is_setup(trouble);
	TEXT_INIT(&text, complaint->where);
	text_put_escaped(&text, source->key, strlen(source->key), "");
	TEXT_INIT(&text, complaint->text);
	if (trouble == TROUBLE_WRONGTYPE)	/* the key is none of ours */
		text_put(&text, source->is_map ? "expected a hash" :
		    "expected a set");
	else
		text_put(&text, redis_trouble_text(trouble));
	text_put(&text, ": ");
	if (!redis_put_right(&text, error->str, source->key))
		redis_put_said(&text, error->str);
}

/* --- answers */

/* An integer for each word: 1 when the set has it. */
static bool
read_set(const redisReply *reply, struct store_lookup *lookup)
{
	enum list_status status = LIST_NONE;

	for (size_t i = 0; i < reply->elements; i++) {
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
		if (reply->element[i]->integer == 1)
			status = LIST_FOUND;
	}
	lookup->status = status;
	return true;
}

/* A value for each word, or nil. */
static bool
read_hash(const redisReply *reply, struct store_lookup *lookup)
{
	const redisReply *first = NULL;

	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *value = reply->element[i];

		if (value->type != REDIS_REPLY_STRING &&
		    value->type != REDIS_REPLY_NIL)
			return false;
		if (first == NULL && value->type == REDIS_REPLY_STRING)
			first = value;
	}
	lookup->status = LIST_NONE;
	if (first == NULL)
		return true;
	lookup->value = strdup(first->str);
	lookup->status = lookup->value != NULL ? LIST_FOUND : LIST_FAILED;
	return true;
}

/* False when that is no answer to the command. */
static bool
read_reply(struct redis_lists *lists, const redisReply *reply,
    struct store_lookup *lookup)
{
	bool is_good;

	if (reply->type == REDIS_REPLY_ERROR) {
		if (note_bad(lists, lookup->source->key))
			log_bad(lookup->source, reply->str);
		if (lookup->complaint != NULL)
			complain(lookup->source, reply, lookup->complaint);
		return true;
	}
	is_good = reply->type == REDIS_REPLY_ARRAY &&
	    reply->elements == lookup->count &&
	    (lookup->source->is_map ? read_hash(reply, lookup) :
	    read_set(reply, lookup));
	if (is_good)
		note_good(lists, lookup->source->key);
	return is_good;
}

/* --- questions */

static struct redis_command
make_command(struct arena *arena, const struct store_lookup *lookup)
{
	const char **words = arena_get_array(arena, lookup->count + 2,
	    sizeof(*words));
	size_t *lengths = arena_get_array(arena, lookup->count + 2,
	    sizeof(*lengths));

	words[0] = lookup->source->is_map ? "HMGET" : "SMISMEMBER";
	words[1] = lookup->source->key;
	lengths[0] = strlen(words[0]);
	lengths[1] = strlen(words[1]);
	for (size_t i = 0; i < lookup->count; i++) {
		words[i + 2] = lookup->words[i];
		lengths[i + 2] = lookup->lengths[i];
	}
	return (struct redis_command){
		.count = (int)lookup->count + 2, .words = words,
		.lengths = lengths
	};
}

void
redis_lists_look_up(struct redis_lists *lists, struct redis_route *route,
    struct store_lookup lookups[], size_t count, int64_t timeout_ms)
{
	struct redis_command commands[REDIS_COMMANDS_MAX];
	struct arena *arena = arena_open();

	assert(count <= REDIS_COMMANDS_MAX);
	for (size_t i = 0; i < count; i++)
		commands[i] = make_command(arena, &lookups[i]);
	redis_route_ask_all(route, commands, count, timeout_ms);
	for (size_t i = 0; i < count; i++) {
		if (commands[i].reply == NULL)
			continue;
		if (!read_reply(lists, commands[i].reply, &lookups[i]))
			redis_route_distrust(route, commands[i].words[1]);
		freeReplyObject(commands[i].reply);
	}
	arena_close(&arena);
}
_Static_assert(REDIS_COMMANDS_MAX >= LIST_FACTS_MAX, "those of an event");
