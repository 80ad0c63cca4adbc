/*
 * list_lookup.c - what core wants to know of lists in Redis, fetched
 *
 * The cache is a table of small sets, in each of which what was asked longest
 * ago goes. Questions are known by 128 bits of a keyed hash: whoever sends
 * mail cannot make two of them meet.
 */
#include "io/list_lookup.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/siphash.h"
#include "base/text.h"
#include "io/metrics.h"

#define WAYS 8
#define SETS (LIST_CACHE_ENTRIES / WAYS)

struct imprint {
	uint64_t high, low;
};

struct kept {
	struct imprint imprint;
	int64_t asked_ms;	/* 0: nothing is kept here */
	enum list_status status;
	char *value;		/* of a map, or NULL */
};

struct list_cache {
	pthread_mutex_t mutex;	/* guards the table */
	uint8_t keys[2][SIPHASH_KEY_SIZE];
	struct kept table[SETS][WAYS];
};

struct list_cache *
list_cache_open(void)
{
	struct list_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	if (getrandom(cache->keys, sizeof(cache->keys), 0) !=
	    (ssize_t)sizeof(cache->keys)) {
		free(cache);
		return NULL;
	}
	pthread_mutex_init(&cache->mutex, NULL);
	return cache;
}

void
list_cache_close(struct list_cache **cache)
{
	if (*cache == NULL)
		return;
	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < WAYS; k++)
			free((*cache)->table[i][k].value);
	pthread_mutex_destroy(&(*cache)->mutex);
	free(*cache);
	*cache = NULL;
}

/* --- what was asked */

#define MARKED_OCTETS_MAX 2048

/* What is looked up, folded: the same spellings, the same text. */
static bool
put_subject(struct text *text, const struct list_question *question,
    const struct folding *folding)
{
	char whole[SPELLING_SIZE];
	bool is_any = true;

	switch (question->kind) {
	case LIST_KIND_IP:
		(void)ip_format(&question->ip, whole);
		break;
	case LIST_KIND_DOMAIN:
		is_any = spelling_of_domain(question->text, whole);
		break;
	case LIST_KIND_USER:
		is_any = spelling_of_user(question->text, folding, whole);
		break;
	case LIST_KIND_PATH:
	case LIST_KIND_MAILBOX:
		is_any = spelling_of_path(question->path, folding, whole);
		break;
	}
	if (is_any)
		text_put(text, whole);
	return is_any;
}

/* False when there is nothing to ask for. */
static bool
mark_of(const struct list_cache *cache, const struct list_question *question,
    const struct folding *folding, struct imprint *imprint)
{
	char marked[MARKED_OCTETS_MAX];
	struct text text;

	TEXT_INIT(&text, marked);
	text_put_char(&text, (char)('0' + (int)question->kind));
	text_put_char(&text, question->source->is_map ? 'h' : 's');
	text_put_char(&text, folding->fold_case ? 'f' : 'e');
	text_put(&text, folding->separator);
	text_put_char(&text, '\n');
	text_put(&text, question->source->key);
	text_put_char(&text, '\n');
	if (!put_subject(&text, question, folding) || text.cut)
		return false;
	imprint->high = siphash(cache->keys[0], marked, text.length);
	imprint->low = siphash(cache->keys[1], marked, text.length);
	return true;
}

/* --- the cache, under its mutex */

static struct kept *
find_kept(struct list_cache *cache, const struct imprint *imprint)
{
	struct kept *set = cache->table[imprint->low % SETS];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].asked_ms != 0 && set[i].imprint.high == imprint->high &&
		    set[i].imprint.low == imprint->low)
			return &set[i];
	return NULL;
}

static struct kept *
find_room(struct list_cache *cache, const struct imprint *imprint)
{
	struct kept *set = cache->table[imprint->low % SETS], *oldest = set;

	for (size_t i = 1; i < WAYS; i++)
		if (set[i].asked_ms < oldest->asked_ms)
			oldest = &set[i];
	return oldest;
}

static char *
copy_of(const char *value)
{
	return value != NULL ? strdup(value) : NULL;
}

/* The answer that is at most so old, whose value the caller frees. */
static bool
recall(struct list_cache *cache, const struct imprint *imprint, int64_t now_ms,
    int64_t age_max_ms, struct list_answer *answer, char **value)
{
	const struct kept *kept;
	bool is_good;

	pthread_mutex_lock(&cache->mutex);
	kept = find_kept(cache, imprint);
	is_good = kept != NULL && now_ms >= kept->asked_ms &&
	    now_ms - kept->asked_ms < age_max_ms;
	if (is_good) {
		answer->status = kept->status;
		*value = copy_of(kept->value);
	}
	pthread_mutex_unlock(&cache->mutex);
	return is_good;
}

static void
keep(struct list_cache *cache, const struct imprint *imprint, int64_t now_ms,
    const struct store_lookup *lookup)
{
	struct kept *kept;

	pthread_mutex_lock(&cache->mutex);
	kept = find_kept(cache, imprint);
	if (kept == NULL)
		kept = find_room(cache, imprint);
	free(kept->value);
	kept->imprint = *imprint;
	kept->asked_ms = now_ms;
	kept->status = lookup->status;
	kept->value = copy_of(lookup->value);
	pthread_mutex_unlock(&cache->mutex);
}

/* --- one event */

void
list_lookup_begin(struct list_lookup *lookup)
{
	list_facts_init(&lookup->facts);
}

void
list_lookup_end(struct list_lookup *lookup)
{
	for (size_t i = 0; i < lookup->facts.count; i++)
		if (lookup->facts.answers[i].status != LIST_WANTED)
			free(lookup->values[i]);
	lookup->facts.count = 0;
}

/* All forms under which it may stand in a list. */
#define SPELLINGS_MAX 264	/* of a name with 127 labels */
struct spellings {
	struct arena *arena;
	const char **at;
	size_t *lengths;
	size_t count;
};

static bool
take_spelling(void *context, const char *octets, size_t length)
{
	struct spellings *spellings = context;

	if (spellings->count == SPELLINGS_MAX)
		return true;
	spellings->at[spellings->count] = arena_copy_n(spellings->arena,
	    octets, length);
	spellings->lengths[spellings->count++] = length;
	return false;
}

/* What the store is asked, and where in the facts it stands. */
struct trip {
	struct arena *arena;	/* of words; NULL: nothing to ask yet */
	struct store_lookup lookups[LIST_FACTS_MAX];
	struct imprint imprints[LIST_FACTS_MAX];
	size_t places[LIST_FACTS_MAX];
	size_t count;
};

static void
add_lookup(struct trip *trip, const struct list_question *question,
    const struct folding *folding, const struct imprint *imprint, size_t place)
{
	struct store_lookup *lookup = &trip->lookups[trip->count];
	struct spellings spellings = { .count = 0 };

	if (trip->arena == NULL)
		trip->arena = arena_open();
	spellings.arena = trip->arena;
	spellings.at = arena_get_array(trip->arena, SPELLINGS_MAX,
	    sizeof(spellings.at[0]));
	spellings.lengths = arena_get_array(trip->arena, SPELLINGS_MAX,
	    sizeof(spellings.lengths[0]));
	(void)list_question_spell(question, folding, take_spelling,
	    &spellings);
	*lookup = (struct store_lookup){
		.source = question->source, .words = spellings.at,
		.lengths = spellings.lengths, .count = spellings.count,
		.status = LIST_FAILED
	};
	trip->imprints[trip->count] = *imprint;
	trip->places[trip->count++] = place;
}

static void
answer_with(struct list_lookup *lookup, size_t place,
    enum list_status status, char *value, bool is_old)
{
	lookup->values[place] = value;
	lookup->facts.answers[place] = (struct list_answer){
		.status = status, .is_old = is_old, .value = value
	};
}

/* What has been asked a moment ago is known; the rest goes on the trip. */
static void
prepare(struct list_lookup *lookup, struct list_cache *cache,
    const struct folding *folding, int64_t now_ms, struct trip *trip)
{
	for (size_t i = 0; i < lookup->facts.count; i++) {
		const struct list_question *question =
		    &lookup->facts.questions[i];
		struct list_answer answer;
		struct imprint imprint;
		char *value;

		if (lookup->facts.answers[i].status != LIST_WANTED)
			continue;
		if (!mark_of(cache, question, folding, &imprint))
			answer_with(lookup, i, LIST_NONE, NULL, false);
		else if (recall(cache, &imprint, now_ms, LIST_KEEP_MS, &answer,
		    &value))
			answer_with(lookup, i, answer.status, value, false);
		else
			add_lookup(trip, question, folding, &imprint, i);
	}
}

static void
settle(struct list_lookup *lookup, struct list_cache *cache, int64_t now_ms,
    const struct trip *trip)
{
	for (size_t i = 0; i < trip->count; i++) {
		const struct store_lookup *asked = &trip->lookups[i];
		struct list_answer answer;
		char *value;

		if (asked->status != LIST_FAILED) {
			keep(cache, &trip->imprints[i], now_ms, asked);
			answer_with(lookup, trip->places[i], asked->status,
			    asked->value, false);
			continue;
		}
		metric_add(METRIC_list_failures);
		if (recall(cache, &trip->imprints[i], now_ms, LIST_REMEMBER_MS,
		    &answer, &value))
			answer_with(lookup, trip->places[i], answer.status,
			    value, true);
		else
			answer_with(lookup, trip->places[i], LIST_FAILED,
			    NULL, false);
	}
}

void
list_lookup_fetch(struct list_lookup *lookup, struct list_cache *cache,
    struct store *store, const struct folding *folding, int64_t now_ms,
    int64_t timeout_ms)
{
	struct trip trip = { .count = 0 };

	prepare(lookup, cache, folding, now_ms, &trip);
	if (trip.count == 0)
		return;
	for (size_t i = 0; i < trip.count; i++)
		metric_add(METRIC_list_questions);
	store_look_up(store, trip.lookups, trip.count, timeout_ms);
	settle(lookup, cache, now_ms, &trip);
	arena_close(&trip.arena);
}
