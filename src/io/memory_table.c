/*
 * memory_table.c - the memory store's stripes and its clock
 */
#include "io/store_memory.h"

#include <string.h>

/*
 * Less than this is a caller that read the clock before another and comes
 * after it, having waited for the DNS; event_timeout is at most 20 s.
 */
#define CLOCK_STEP_MS 60000
/* Stripes that are looked at for the subject that was idle longest. */
#define IDLE_SAMPLES 16
/* Of 16 octets each, against the cap. */
#define ELEMENTS_PER_SUBJECT 8

int64_t
memory_tell_time(struct memory *memory, int64_t wall_ms)
{
	struct store_clock *clock = &memory->clock;
	int64_t now_ms;

	pthread_mutex_lock(&clock->lock);
	if (wall_ms < clock->wall_ms - CLOCK_STEP_MS) {
		clock->ahead_ms += clock->wall_ms - wall_ms;
		clock->wall_ms = wall_ms;
	} else if (wall_ms > clock->wall_ms)
		clock->wall_ms = wall_ms;
	now_ms = clock->wall_ms + clock->ahead_ms;
	pthread_mutex_unlock(&clock->lock);
	return now_ms;
}

int64_t
memory_last_time(struct memory *memory, int64_t *ahead_ms)
{
	struct store_clock *clock = &memory->clock;
	int64_t now_ms;

	pthread_mutex_lock(&clock->lock);
	*ahead_ms = clock->ahead_ms;
	now_ms = clock->wall_ms + clock->ahead_ms;
	pthread_mutex_unlock(&clock->lock);
	return now_ms;
}

uint64_t
memory_hash(const struct memory *memory, const char *subject)
{
	return siphash(memory->key, subject, strlen(subject));
}

size_t
memory_stripe(uint64_t hash)
{
	return hash % STRIPES;
}

uint32_t
memory_bucket(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

struct tally
memory_tally(const struct stripe *stripe)
{
	return (struct tally){
		stripe->subjects.count, stripe->subjects.elements
	};
}

void
memory_note_change(struct memory *memory, const struct stripe *stripe,
    struct tally before)
{
	struct tally now = memory_tally(stripe);

	atomic_fetch_add(&memory->subjects,
	    (int64_t)now.subjects - (int64_t)before.subjects);
	if (now.elements != before.elements)
		atomic_fetch_add(&memory->elements,
		    (int64_t)now.elements - (int64_t)before.elements);
}

bool
memory_is_over_cap(struct memory *memory)
{
	return atomic_load(&memory->subjects) +
	    atomic_load(&memory->elements) / ELEMENTS_PER_SUBJECT >
	    atomic_load(&memory->max_subjects);
}

void
memory_drop_idle(struct memory *memory, size_t from)
{
	size_t best = from;
	int64_t best_ms = INT64_MAX;
	struct stripe *stripe;
	struct tally before;

	for (size_t i = 0, found = 0; i < STRIPES && found < IDLE_SAMPLES;
	    i++) {
		stripe = &memory->stripes[(from + i) % STRIPES];
		pthread_mutex_lock(&stripe->lock);
		if (stripe->subjects.oldest != NULL) {
			found++;
			/* <=: in doubt not the one that has just come. */
			if (stripe->subjects.oldest->used_ms <= best_ms) {
				best = (from + i) % STRIPES;
				best_ms = stripe->subjects.oldest->used_ms;
			}
		}
		pthread_mutex_unlock(&stripe->lock);
	}
	stripe = &memory->stripes[best];
	pthread_mutex_lock(&stripe->lock);
	before = memory_tally(stripe);
	if (stripe->subjects.oldest != NULL)
		subjects_remove(&stripe->subjects, stripe->subjects.oldest);
	memory_note_change(memory, stripe, before);
	pthread_mutex_unlock(&stripe->lock);
}

void
memory_forget_all(struct memory *memory)
{
	for (size_t i = 0; i < STRIPES; i++)
		subjects_clear(&memory->stripes[i].subjects);
	atomic_store(&memory->subjects, 0);
	atomic_store(&memory->elements, 0);
}
