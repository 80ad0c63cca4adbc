/*
 * refusals.c - what the store refused a moment ago
 */
#include "io/refusals.h"

#include "base/siphash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETS 4096	/* of subjects that share a hash */
#define WAYS 4		/* counters that are remembered in each */
#define LOCKS 64

struct refusal {
	uint64_t subject, field;	/* hashes */
	int64_t max, window_ms;		/* the limit that was full */
	int64_t full;			/* what its max was then, by an
					 * override or not */
	int64_t weight, used;		/* what was asked, and stood there */
	int64_t noted_ms;
	int64_t known_ms;		/* for how long it is remembered */
	int64_t free_ms;		/* when it has room again; 0: none */
	struct mark mark;		/* of a marked subject */
};

/* What stands in for a counter: no counter's name begins so. */
#define FIELD_MARK "@mark"
#define FIELD_BLOCK "@block"

struct refusals {
	uint8_t key[SIPHASH_KEY_SIZE];
	atomic_uint_fast64_t drops;	/* so far */
	pthread_mutex_t locks[LOCKS];
	struct refusal sets[SETS][WAYS];
};

struct refusals *
refusals_open(void)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));

	if (refusals == NULL)
		return NULL;
	if (getentropy(refusals->key, sizeof(refusals->key)) != 0) {
		free(refusals);
		return NULL;
	}
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&refusals->locks[i], NULL);
	return refusals;
}

void
refusals_close(struct refusals **refusals)
{
	if (*refusals == NULL)
		return;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&(*refusals)->locks[i]);
	free(*refusals);
	*refusals = NULL;
}

static uint64_t
hash_of(const struct refusals *refusals, const char *string)
{
	return siphash(refusals->key, string, strlen(string));
}

/* The counter, and of a distinct one the element that was too many. */
static uint64_t
field_of(const struct refusals *refusals, const struct charge *charge)
{
	uint64_t field = hash_of(refusals, charge->field);

	return charge->distinct ? field ^ charge->element : field;
}

/* The set of that subject, locked. */
static struct refusal *
hold_set(struct refusals *refusals, uint64_t subject)
{
	pthread_mutex_lock(&refusals->locks[subject % LOCKS]);
	return refusals->sets[subject % SETS];
}

static void
let_go(struct refusals *refusals, uint64_t subject)
{
	pthread_mutex_unlock(&refusals->locks[subject % LOCKS]);
}

/* Of this moment? A clock that stepped back forgets. */
static bool
is_current(const struct refusal *refusal, int64_t now_ms)
{
	return refusal->free_ms > now_ms && now_ms >= refusal->noted_ms &&
	    now_ms - refusal->noted_ms < refusal->known_ms;
}

/* Would the store refuse this, too? */
static bool
covers(const struct refusal *refusal, const struct charge *charge)
{
	return charge->weight >= refusal->weight &&
	    charge->max <= refusal->max &&
	    charge->window_ms == refusal->window_ms;
}

static bool
find(struct refusals *refusals, const struct charge *charge, int64_t now_ms,
    struct refusal *found)
{
	uint64_t subject = hash_of(refusals, charge->subject);
	uint64_t field = field_of(refusals, charge);
	struct refusal *set = hold_set(refusals, subject);
	bool known = false;

	for (size_t i = 0; i < WAYS && !known; i++) {
		known = set[i].subject == subject && set[i].field == field &&
		    is_current(&set[i], now_ms) && covers(&set[i], charge);
		if (known)
			*found = set[i];
	}
	let_go(refusals, subject);
	return known;
}

static bool
find_field(struct refusals *refusals, const char *name, const char *field_name,
    int64_t now_ms, struct refusal *found)
{
	uint64_t subject = hash_of(refusals, name);
	uint64_t field = hash_of(refusals, field_name);
	struct refusal *set = hold_set(refusals, subject);
	bool known = false;

	for (size_t i = 0; i < WAYS && !known; i++) {
		known = set[i].subject == subject && set[i].field == field &&
		    is_current(&set[i], now_ms);
		if (known)
			*found = set[i];
	}
	let_go(refusals, subject);
	return known;
}

/* A rule that observes wants to know how it is: only the store does. */
static bool
observes(const struct charges *charges)
{
	for (size_t i = 0; i < charges->count; i++)
		if (charges->at[i].observe)
			return true;
	for (size_t i = 0; i < charges->mark_count; i++)
		if (charges->marks[i].observe)
			return true;
	return false;
}

static bool
know_mark(struct refusals *refusals, const struct charges *charges,
    int64_t now_ms, struct charge_answer *answer)
{
	struct refusal refusal;

	for (size_t i = 0; i < charges->mark_count; i++) {
		if (!find_field(refusals, charges->marks[i].subject,
		    FIELD_MARK, now_ms, &refusal))
			continue;
		memset(answer, 0, sizeof(*answer));
		answer->status = CHARGE_MARKED;
		answer->marked = i;
		answer->marks_found = UINT32_C(1) << i;
		answer->mark = refusal.mark;
		answer->now_ms = now_ms;
		return true;
	}
	return false;
}

static bool
know_full(struct refusals *refusals, const struct charges *charges,
    int64_t now_ms, struct charge_answer *answer)
{
	struct refusal refusal;

	for (size_t i = 0; i < charges->count; i++) {
		if (!find(refusals, &charges->at[i], now_ms, &refusal))
			continue;
		memset(answer, 0, sizeof(*answer));
		answer->status = CHARGE_REFUSED;
		answer->refused = i;
		answer->retry_ms = answer->full_ms = refusal.free_ms - now_ms;
		answer->by_refusals = charges->at[i].when == WHEN_REFUSED;
		answer->now_ms = now_ms;
		answer->used[i] = refusal.used;
		if (refusal.full != charges->at[i].max) {
			answer->overridden = UINT64_C(1) << i;
			answer->max[i] = refusal.full;
		}
		return true;
	}
	return false;
}

bool
refusals_know(struct refusals *refusals, const struct charges *charges,
    int64_t now_ms, struct charge_answer *answer, uint64_t *seen)
{
	*seen = atomic_load(&refusals->drops);
	return !observes(charges) &&
	    (know_mark(refusals, charges, now_ms, answer) ||
	    know_full(refusals, charges, now_ms, answer));
}

/* What the set asked of the refused one's counter until it was refused. */
static int64_t
weight_asked(const struct charges *charges, size_t refused)
{
	const struct charge *full = &charges->at[refused];
	int64_t weight = 0;

	for (size_t i = 0; i <= refused; i++) {
		const struct charge *charge = &charges->at[i];

		if (strcmp(charge->field, full->field) != 0 ||
		    strcmp(charge->subject, full->subject) != 0)
			continue;
		weight = charge->weight > INT64_MAX - weight ? INT64_MAX :
		    weight + charge->weight;
	}
	return weight;
}

/* The same counter's place, or a free one, or what ends first. */
static struct refusal *
choose(struct refusal *set, uint64_t subject, uint64_t field)
{
	struct refusal *chosen = set;

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].subject == subject && set[i].field == field)
			return &set[i];
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].free_ms < chosen->free_ms)
			chosen = &set[i];
	return chosen;
}

/* When it may be let in again, by a mark. */
static int64_t
mark_free_ms(int64_t until_ms)
{
	return until_ms > 0 ? until_ms : INT64_MAX;
}

/* Nothing when something of that subject was dropped since `seen`. */
static void
note_one(struct refusals *refusals, const char *subject, uint64_t field,
    struct refusal *refusal, uint64_t seen)
{
	struct refusal *set;

	refusal->subject = hash_of(refusals, subject);
	refusal->field = field;
	set = hold_set(refusals, refusal->subject);
	/* Under the lock: who drops this subject comes before or after. */
	if (atomic_load(&refusals->drops) == seen)
		*choose(set, refusal->subject, refusal->field) = *refusal;
	let_go(refusals, refusal->subject);
}

void
refusals_note(struct refusals *refusals, const struct charges *charges,
    const struct charge_answer *answer, int64_t now_ms, uint64_t seen)
{
	const struct charge *charge = &charges->at[answer->refused];
	struct refusal refusal = {
		.noted_ms = now_ms, .known_ms = REFUSAL_MAX_MS
	};

	if (answer->status == CHARGE_MARKED) {
		refusal.mark = answer->mark;
		refusal.free_ms = mark_free_ms(answer->mark.until_ms);
		note_one(refusals, charges->marks[answer->marked].subject,
		    hash_of(refusals, FIELD_MARK), &refusal, seen);
		return;
	}
	/* By then others have given back what they took along for it. */
	if (charge->lease_ms > 0)
		refusal.known_ms = charge->lease_ms;
	refusal.max = charge->max;
	refusal.full = charge_max(charges, answer, answer->refused);
	refusal.window_ms = charge->window_ms;
	refusal.weight = weight_asked(charges, answer->refused);
	refusal.used = answer->used[answer->refused];
	refusal.free_ms = now_ms + answer->full_ms;
	note_one(refusals, charge->subject, field_of(refusals, charge),
	    &refusal, seen);
}

bool
refusals_know_block(struct refusals *refusals, const char *subject,
    int64_t now_ms)
{
	struct refusal refusal;

	return find_field(refusals, subject, FIELD_BLOCK, now_ms, &refusal);
}

void
refusals_note_block(struct refusals *refusals, const char *subject,
    int64_t until_ms, int64_t now_ms)
{
	struct refusal refusal = {
		.noted_ms = now_ms, .known_ms = REFUSAL_MAX_MS,
		.free_ms = mark_free_ms(until_ms)
	};

	note_one(refusals, subject, hash_of(refusals, FIELD_BLOCK), &refusal,
	    atomic_load(&refusals->drops));
}

void
refusals_drop(struct refusals *refusals, const char *subject)
{
	uint64_t hash = hash_of(refusals, subject);
	struct refusal *set = hold_set(refusals, hash);

	atomic_fetch_add(&refusals->drops, 1);
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].subject == hash)
			memset(&set[i], 0, sizeof(set[i]));
	let_go(refusals, hash);
}

void
refusals_drop_all(struct refusals *refusals)
{
	atomic_fetch_add(&refusals->drops, 1);
	for (size_t lock = 0; lock < LOCKS; lock++) {
		pthread_mutex_lock(&refusals->locks[lock]);
		for (size_t i = lock; i < SETS; i += LOCKS)
			memset(refusals->sets[i], 0,
			    sizeof(refusals->sets[i]));
		pthread_mutex_unlock(&refusals->locks[lock]);
	}
}
