/*
 * store_memory.c - counters in this process, with a snapshot in a file
 *
 * Subjects are spread over 4,096 stripes by a keyed hash; a stripe is a
 * table and its lock. A set of charges locks its stripes in ascending order,
 * reads the clock, asks every counter, and then charges all or none. So a
 * set is one step, and in each stripe time never runs back.
 *
 * At most max_subjects are kept (a call that adds one may pass it by that
 * one for a moment). Past it the subject goes that was used least recently
 * in its stripe or, where stripes are thinly filled, in the nearest ones.
 *
 * One thread drops what has expired, and writes the snapshot stripe by
 * stripe: decisions wait for one stripe at most, and never for the disk.
 */
#include "io/store.h"

#include "base/siphash.h"
#include "base/text.h"
#include "core/window.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/snapshot.h"
#include "io/subjects.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STRIPES 4096		/* a power of 2 */
#define SWEEP_EVERY_MS 60000
/*
 * Less than this is a caller that read the clock before another and comes
 * after it, having waited for the DNS; event_timeout is at most 20 s.
 */
#define CLOCK_STEP_MS 60000
/* Stripes that are looked at for the subject that was idle longest. */
#define IDLE_SAMPLES 16

struct stripe {
	pthread_mutex_t lock;
	struct subjects subjects;
};

/*
 * The wall clock, made to stand still where it steps back. After a step of
 * more than CLOCK_STEP_MS it goes on from there at once: no counter is held
 * for an hour longer because an hour comes twice.
 */
struct store_clock {
	pthread_mutex_t lock;
	int64_t wall_ms;	/* the latest that we were told */
	int64_t ahead_ms;	/* of the wall clock, by all steps back */
};

struct memory {
	struct store store;	/* first: what callers see */
	uint8_t key[SIPHASH_KEY_SIZE];
	char *file;		/* NULL: counters end with the process */
	int64_t since_ms;
	struct store_clock clock;
	atomic_int_least64_t subjects, max_subjects;
	atomic_int_least64_t calls;
	atomic_int_least64_t changes;	/* charges and refunds so far */

	pthread_mutex_t save_lock;
	int64_t saved_changes;	/* as of the last good snapshot */
	bool save_fails;

	pthread_t thread;
	pthread_mutex_t wake_lock;
	pthread_cond_t wake;	/* on the monotonic clock */
	bool stop;
	int64_t save_every_ms;

	struct stripe stripes[STRIPES];
};

static struct memory *
memory_of(struct store *store)
{
	return (struct memory *)store;
}

/* --- time --- */

static int64_t
clock_tell(struct store_clock *clock, int64_t wall_ms)
{
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

/* As of the last call. */
static int64_t
clock_last(struct store_clock *clock, int64_t *ahead_ms)
{
	int64_t now_ms;

	pthread_mutex_lock(&clock->lock);
	*ahead_ms = clock->ahead_ms;
	now_ms = clock->wall_ms + clock->ahead_ms;
	pthread_mutex_unlock(&clock->lock);
	return now_ms;
}

/* --- stripes --- */

static uint64_t
hash_of(const struct memory *memory, const char *subject)
{
	return siphash(memory->key, subject, strlen(subject));
}

static size_t
stripe_of(uint64_t hash)
{
	return hash % STRIPES;
}

/* What a stripe's table goes by: the bits that did not choose the stripe. */
static uint32_t
bucket_hash(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

/* The stripes of a set of charges, ascending, each once. */
struct held {
	uint16_t at[CHARGES_MAX];
	size_t count;
	size_t subjects;	/* in them before */
};

static void
hold(struct memory *memory, struct held *held, const uint64_t hashes[],
    size_t count)
{
	held->count = held->subjects = 0;
	for (size_t i = 0; i < count; i++) {
		uint16_t stripe = (uint16_t)stripe_of(hashes[i]);
		size_t k = held->count;

		while (k > 0 && held->at[k - 1] > stripe)
			k--;
		if (k > 0 && held->at[k - 1] == stripe)
			continue;
		memmove(&held->at[k + 1], &held->at[k],
		    (held->count - k) * sizeof(held->at[0]));
		held->at[k] = stripe;
		held->count++;
	}
	for (size_t i = 0; i < held->count; i++) {
		struct stripe *stripe = &memory->stripes[held->at[i]];

		pthread_mutex_lock(&stripe->lock);
		held->subjects += stripe->subjects.count;
	}
}

static void
let_go(struct memory *memory, const struct held *held)
{
	size_t subjects = 0;

	for (size_t i = 0; i < held->count; i++)
		subjects += memory->stripes[held->at[i]].subjects.count;
	atomic_fetch_add(&memory->subjects,
	    (int64_t)subjects - (int64_t)held->subjects);
	for (size_t i = held->count; i-- > 0; )
		pthread_mutex_unlock(&memory->stripes[held->at[i]].lock);
}

/* Drop the subject that is idle longest in a few stripes from `from` on. */
static void
drop_idle(struct memory *memory, size_t from)
{
	size_t best = from;
	int64_t best_ms = INT64_MAX;
	struct stripe *stripe;

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
	if (stripe->subjects.oldest != NULL) {
		subjects_remove(&stripe->subjects, stripe->subjects.oldest);
		atomic_fetch_sub(&memory->subjects, 1);
	}
	pthread_mutex_unlock(&stripe->lock);
}

/* At most `count` go, so that no call pays for all of a lowered cap. */
static void
keep_cap(struct memory *memory, size_t from, size_t count)
{
	while (count-- > 0 && atomic_load(&memory->subjects) >
	    atomic_load(&memory->max_subjects))
		drop_idle(memory, from);
}

/* --- charging --- */

/* A set of charges at work, its stripes held. */
struct work {
	struct memory *memory;
	const struct charges *charges;
	uint64_t hashes[CHARGES_MAX];
	struct counter *counters[CHARGES_MAX];	/* as reserved */
	int64_t now_ms;
};

static struct subjects *
subjects_of(const struct work *work, size_t i)
{
	return &work->memory->stripes[stripe_of(work->hashes[i])].subjects;
}

static bool
same_counter(const struct work *work, size_t a, size_t b)
{
	const struct charge *at = work->charges->at;

	return work->hashes[a] == work->hashes[b] &&
	    strcmp(at[a].field, at[b].field) == 0 &&
	    strcmp(at[a].subject, at[b].subject) == 0;
}

/* What the set will have charged to this one's counter, it included. */
static int64_t
weight_so_far(const struct work *work, size_t index)
{
	int64_t weight = work->charges->at[index].weight;

	for (size_t i = 0; i < index; i++)
		if (same_counter(work, i, index)) {
			int64_t more = work->charges->at[i].weight;

			weight = more > INT64_MAX - weight ? INT64_MAX :
			    weight + more;
		}
	return weight;
}

/* The counter's window now; what is asked of it is noted. */
static void
look(struct work *work, size_t i, bool peek, struct window *window)
{
	const struct charge *charge = &work->charges->at[i];
	struct subjects *subjects = subjects_of(work, i);
	struct subject_entry *entry = subjects_find(subjects,
	    bucket_hash(work->hashes[i]), charge->subject);
	struct counter *counter = entry == NULL ? NULL :
	    subject_find_counter(entry, charge->field);

	counter_unpack(counter, window);
	window_expire(window, charge->window_ms, work->now_ms);
	if (entry != NULL && !peek)
		subjects_use(subjects, entry, work->now_ms);
	if (counter != NULL && !peek) {
		counter->max = charge->max;
		counter->window_ms = charge->window_ms;
	}
}

/* Ask every counter; the answer is what it would be. */
static void
ask_all(struct work *work, enum store_mode mode, struct charge_answer *answer)
{
	struct window window;

	answer->status = CHARGE_ALLOWED;
	for (size_t i = 0; i < work->charges->count; i++) {
		const struct charge *charge = &work->charges->at[i];
		int64_t wait_ms;

		look(work, i, mode == STORE_PEEK, &window);
		answer->used[i] = window.total;
		if (charge->observe || mode == STORE_FORCE)
			continue;
		wait_ms = window_wait(&window, charge->window_ms,
		    work->now_ms, charge->max, weight_so_far(work, i));
		if (wait_ms > 0 && answer->status == CHARGE_ALLOWED) {
			answer->status = CHARGE_REFUSED;
			answer->refused = i;
		}
		if (wait_ms > answer->retry_ms)
			answer->retry_ms = wait_ms;
	}
}

/* All memory that the set needs, before the first is charged. */
static bool
reserve_all(struct work *work)
{
	for (size_t i = 0; i < work->charges->count; i++) {
		const struct charge *charge = &work->charges->at[i];
		struct subject_entry *entry;
		struct counter *counter;

		work->counters[i] = NULL;
		if (charge->weight <= 0)
			continue;
		entry = subjects_add(subjects_of(work, i),
		    bucket_hash(work->hashes[i]), charge->subject,
		    work->now_ms);
		if (entry == NULL)
			return false;
		counter = subject_add_counter(entry, charge->field);
		if (counter == NULL)
			return false;
		counter->max = charge->max;
		counter->window_ms = charge->window_ms;
		work->counters[i] = counter;
	}
	return true;
}

static void
count_all(struct work *work, struct charge_answer *answer)
{
	struct window window;

	for (size_t i = 0; i < work->charges->count; i++) {
		const struct charge *charge = &work->charges->at[i];

		if (work->counters[i] == NULL)
			continue;
		counter_unpack(work->counters[i], &window);
		window_add(&window, charge->window_ms, work->now_ms,
		    charge->weight);
		counter_pack(work->counters[i], &window);
		/* Whoever else asked for this counter is told the sum. */
		for (size_t k = 0; k < work->charges->count; k++)
			if (same_counter(work, k, i))
				answer->used[k] = window.total;
	}
	atomic_fetch_add(&work->memory->changes, 1);
}

static void
memory_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	struct memory *memory = memory_of(store);
	struct work work = { .memory = memory, .charges = charges };
	struct held held;

	(void)timeout_ms;	/* nothing here waits */
	memset(answer, 0, sizeof(*answer));
	atomic_fetch_add(&memory->calls, 1);
	for (size_t i = 0; i < charges->count; i++)
		work.hashes[i] = hash_of(memory, charges->at[i].subject);
	hold(memory, &held, work.hashes, charges->count);
	work.now_ms = answer->now_ms = clock_tell(&memory->clock, now_ms);
	ask_all(&work, mode, answer);
	if (mode != STORE_PEEK && answer->status == CHARGE_ALLOWED) {
		if (reserve_all(&work))
			count_all(&work, answer);
		else
			answer->status = CHARGE_UNAVAILABLE;
	}
	let_go(memory, &held);
	if (held.count > 0)
		keep_cap(memory, held.at[0], 2 * charges->count);
}

static void
refund_one(struct memory *memory, const struct refund *refund,
    int64_t wall_ms)
{
	uint64_t hash = hash_of(memory, refund->subject);
	struct stripe *stripe = &memory->stripes[stripe_of(hash)];
	struct subject_entry *entry;
	struct counter *counter = NULL;
	struct window window;
	int64_t now_ms;

	pthread_mutex_lock(&stripe->lock);
	now_ms = clock_tell(&memory->clock, wall_ms);
	entry = subjects_find(&stripe->subjects, bucket_hash(hash),
	    refund->subject);
	if (entry != NULL)
		counter = subject_find_counter(entry, refund->field);
	/* It may have left under a window that was shorter then. */
	if (counter != NULL && refund->at_ms > now_ms - refund->window_ms) {
		counter_unpack(counter, &window);
		window_refund(&window, counter->window_ms, now_ms,
		    refund->at_ms, refund->weight);
		counter_pack(counter, &window);
		atomic_fetch_add(&memory->changes, 1);
	}
	pthread_mutex_unlock(&stripe->lock);
}

static void
memory_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	(void)timeout_ms;
	for (size_t i = 0; i < count; i++)
		refund_one(memory_of(store), &refunds[i], now_ms);
}

static size_t
show_counters(const struct subject_entry *entry, int64_t now_ms,
    struct store_counter counters[], size_t max)
{
	struct window window;
	size_t count = 0;

	for (const struct counter *counter = entry->counters;
	    counter != NULL && count < max; counter = counter->next) {
		struct store_counter *shown = &counters[count];

		counter_unpack(counter, &window);
		window_expire(&window, counter->window_ms, now_ms);
		if (window.count == 0)
			continue;
		text_copy(shown->field, sizeof(shown->field),
		    counter_field(counter));
		shown->used = window.total;
		shown->max = counter->max;
		shown->window_ms = counter->window_ms;
		shown->frees_ms = window.total == 0 ? 0 :
		    window.groups[0].last_ms + counter->window_ms - now_ms;
		count++;
	}
	return count;
}

static int
memory_show(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_counter counters[], size_t max)
{
	struct memory *memory = memory_of(store);
	uint64_t hash = hash_of(memory, subject);
	struct stripe *stripe = &memory->stripes[stripe_of(hash)];
	struct subject_entry *entry;
	size_t count = 0;

	(void)timeout_ms;
	pthread_mutex_lock(&stripe->lock);
	now_ms = clock_tell(&memory->clock, now_ms);
	entry = subjects_find(&stripe->subjects, bucket_hash(hash), subject);
	if (entry != NULL)
		count = show_counters(entry, now_ms, counters, max);
	pthread_mutex_unlock(&stripe->lock);
	return (int)count;
}

static void
memory_get_state(struct store *store, struct store_state *state)
{
	struct memory *memory = memory_of(store);

	memset(state, 0, sizeof(*state));
	state->kind = "memory";
	state->up = true;
	if (memory->file != NULL)
		text_copy(state->where, sizeof(state->where), memory->file);
	state->subjects = atomic_load(&memory->subjects);
	state->calls = atomic_load(&memory->calls);
	state->since_ms = memory->since_ms;
}

/* --- sweeping and saving --- */

/* Drop what has expired; and write what is left, where `out` is given. */
static void
visit_all(struct memory *memory, int64_t now_ms, int64_t ahead_ms,
    struct snapshot_out *out)
{
	for (size_t i = 0; i < STRIPES; i++) {
		struct stripe *stripe = &memory->stripes[i];
		size_t before;

		pthread_mutex_lock(&stripe->lock);
		before = stripe->subjects.count;
		subjects_sweep(&stripe->subjects, now_ms);
		if (out != NULL)
			subjects_save(&stripe->subjects, out, ahead_ms);
		atomic_fetch_sub(&memory->subjects,
		    (int64_t)(before - stripe->subjects.count));
		pthread_mutex_unlock(&stripe->lock);
		if (out != NULL)
			snapshot_flush(out);
	}
}

/* The key comes first, so that each subject finds its stripe again. */
static bool
write_snapshot(struct memory *memory, char *why, size_t size)
{
	struct snapshot_out out;
	int64_t now_ms, ahead_ms, later_ahead_ms;

	if (!snapshot_create(&out, memory->file, why, size))
		return false;
	snapshot_put(&out, memory->key, sizeof(memory->key));
	now_ms = clock_last(&memory->clock, &ahead_ms);
	visit_all(memory, now_ms, ahead_ms, &out);
	subjects_save_end(&out);
	now_ms = clock_last(&memory->clock, &later_ahead_ms);
	snapshot_put_number(&out, (uint64_t)(now_ms - ahead_ms), 8);
	return snapshot_commit(&out, why, size);
}

/* One line in the log when it begins to fail, one when it works again. */
static bool
save(struct memory *memory, bool always, char *why, size_t size)
{
	int64_t changes;
	bool saved = true;

	if (memory->file == NULL)
		return true;
	pthread_mutex_lock(&memory->save_lock);
	changes = atomic_load(&memory->changes);
	if (always || changes != memory->saved_changes) {
		saved = write_snapshot(memory, why, size);
		if (saved)
			memory->saved_changes = changes;
		if (!saved && !memory->save_fails)
			log_warning("counters are not saved: %s", why);
		if (saved && memory->save_fails)
			log_notice("counters are saved again in %s",
			    memory->file);
		memory->save_fails = !saved;
	}
	pthread_mutex_unlock(&memory->save_lock);
	return saved;
}

static bool
memory_save(struct store *store, char *why, size_t size)
{
	return save(memory_of(store), true, why, size);
}

static void
sweep(struct memory *memory)
{
	int64_t ahead_ms;
	int64_t now_ms = clock_last(&memory->clock, &ahead_ms);

	visit_all(memory, now_ms, ahead_ms, NULL);
	/* After a reload that lowered the cap: from all over the table. */
	for (size_t i = 0; atomic_load(&memory->subjects) >
	    atomic_load(&memory->max_subjects); i++)
		drop_idle(memory, i % STRIPES);
}

/* Sleep until then, or until woken; true: stop. With wake_lock held. */
static bool
sleep_until(struct memory *memory, int64_t steady_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(steady_ms / 1000),
		.tv_nsec = (long)(steady_ms % 1000) * 1000000,
	};

	if (!memory->stop)
		pthread_cond_timedwait(&memory->wake, &memory->wake_lock,
		    &until);
	return memory->stop;
}

static void *
keep_house(void *argument)
{
	struct memory *memory = argument;
	int64_t saved_ms = clock_steady_ms(), swept_ms = saved_ms;
	char why[256];

	pthread_mutex_lock(&memory->wake_lock);
	for (;;) {
		int64_t save_ms = saved_ms + memory->save_every_ms;
		int64_t sweep_ms = swept_ms + SWEEP_EVERY_MS;
		int64_t now_ms = clock_steady_ms();

		if (now_ms < save_ms && now_ms < sweep_ms) {
			if (sleep_until(memory,
			    save_ms < sweep_ms ? save_ms : sweep_ms))
				break;
			continue;
		}
		pthread_mutex_unlock(&memory->wake_lock);
		if (now_ms >= sweep_ms) {
			sweep(memory);
			swept_ms = now_ms;
		}
		if (now_ms >= save_ms) {
			save(memory, false, why, sizeof(why));
			saved_ms = now_ms;
		}
		pthread_mutex_lock(&memory->wake_lock);
	}
	pthread_mutex_unlock(&memory->wake_lock);
	return NULL;
}

/* --- opening and closing --- */

static struct subjects *
pick_stripe(void *context, const char *subject, uint32_t *hash)
{
	struct memory *memory = context;
	uint64_t whole = hash_of(memory, subject);

	*hash = bucket_hash(whole);
	return &memory->stripes[stripe_of(whole)].subjects;
}

static void
forget_all(struct memory *memory)
{
	for (size_t i = 0; i < STRIPES; i++)
		subjects_clear(&memory->stripes[i].subjects);
	atomic_store(&memory->subjects, 0);
}

static int64_t
count_subjects(struct memory *memory)
{
	size_t count = 0;

	for (size_t i = 0; i < STRIPES; i++)
		count += memory->stripes[i].subjects.count;
	return (int64_t)count;
}

static enum subjects_loaded
read_snapshot(struct memory *memory, struct snapshot_in *in)
{
	enum subjects_loaded loaded = SUBJECTS_ONE;
	int64_t now_ms = clock_now_ms();

	if (!snapshot_get(in, memory->key, sizeof(memory->key)))
		return SUBJECTS_BAD;
	while (loaded == SUBJECTS_ONE)
		loaded = subjects_load(in, now_ms, pick_stripe, memory);
	if (loaded != SUBJECTS_END)
		return loaded;
	memory->clock.wall_ms = (int64_t)snapshot_get_number(in, 8);
	if (in->failed || in->left > 0)
		return SUBJECTS_BAD;
	atomic_store(&memory->subjects, count_subjects(memory));
	return SUBJECTS_END;
}

static bool
new_key(struct memory *memory, char *why, size_t size)
{
	if (getentropy(memory->key, sizeof(memory->key)) == 0)
		return true;
	text_copy(why, size, "the system gives no random octets");
	return false;
}

/* Start where the last one ended; or empty, and say why. */
static bool
load(struct memory *memory, char *why, size_t size)
{
	enum snapshot_found found;
	enum subjects_loaded loaded = SUBJECTS_BAD;
	struct snapshot_in in;

	if (memory->file == NULL)
		return new_key(memory, why, size);
	found = snapshot_open(&in, memory->file, why, size);
	if (found == SNAPSHOT_UNREADABLE)
		return false;
	if (found == SNAPSHOT_NONE)
		return new_key(memory, why, size);
	if (found == SNAPSHOT_FOUND) {
		text_copy(why, size, "what it says cannot be");
		loaded = read_snapshot(memory, &in);
		snapshot_close(&in);
	}
	if (loaded == SUBJECTS_END)
		return true;
	if (loaded == SUBJECTS_NO_MEMORY) {
		text_copy(why, size, "no memory for the counters");
		return false;
	}
	forget_all(memory);
	memory->clock.wall_ms = 0;
	log_warning("counters start from nothing: %s: %s; it is %s",
	    memory->file, why, snapshot_set_aside(memory->file) ?
	    "kept as FILE.damaged" : "in the way, and could not be renamed");
	return new_key(memory, why, size);
}

static bool
start_thread(struct memory *memory, char *why, size_t size)
{
	sigset_t all, before;
	int error;

	/* Signals are for the threads that wait for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&memory->thread, NULL, keep_house, memory);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		text_copy(why, size, "no thread for the counters");
	return error == 0;
}

static struct memory *
new_memory(const struct store_memory_options *options)
{
	struct memory *memory = calloc(1, sizeof(*memory));
	pthread_condattr_t monotonic;

	if (memory == NULL)
		return NULL;
	if (options->file != NULL && options->file[0] != '\0' &&
	    (memory->file = strdup(options->file)) == NULL) {
		free(memory);
		return NULL;
	}
	memory->since_ms = clock_now_ms();
	memory->save_every_ms = options->save_every_ms;
	atomic_store(&memory->max_subjects, options->max_subjects);
	pthread_mutex_init(&memory->clock.lock, NULL);
	pthread_mutex_init(&memory->save_lock, NULL);
	pthread_mutex_init(&memory->wake_lock, NULL);
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&memory->stripes[i].lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&memory->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return memory;
}

static void
free_memory(struct memory *memory)
{
	forget_all(memory);
	pthread_cond_destroy(&memory->wake);
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&memory->stripes[i].lock);
	pthread_mutex_destroy(&memory->wake_lock);
	pthread_mutex_destroy(&memory->save_lock);
	pthread_mutex_destroy(&memory->clock.lock);
	free(memory->file);
	free(memory);
}

static void
memory_close(struct store *store)
{
	struct memory *memory = memory_of(store);
	char why[256];

	pthread_mutex_lock(&memory->wake_lock);
	memory->stop = true;
	pthread_cond_signal(&memory->wake);
	pthread_mutex_unlock(&memory->wake_lock);
	pthread_join(memory->thread, NULL);
	save(memory, false, why, sizeof(why));
	free_memory(memory);
}

static bool
memory_reconfigure(struct store *store, const struct config *config)
{
	struct memory *memory = memory_of(store);
	const struct store_memory_options *options = &config->memory;
	const char *file = options->file != NULL ? options->file : "";

	if (config->store != STORE_KIND_MEMORY ||
	    strcmp(file, memory->file != NULL ? memory->file : "") != 0)
		return false;
	atomic_store(&memory->max_subjects, options->max_subjects);
	pthread_mutex_lock(&memory->wake_lock);
	memory->save_every_ms = options->save_every_ms;
	pthread_cond_signal(&memory->wake);
	pthread_mutex_unlock(&memory->wake_lock);
	return true;
}

static const struct store_ops memory_ops = {
	.close = memory_close,
	.reconfigure = memory_reconfigure,
	.charge = memory_charge,
	.refund = memory_refund,
	.show = memory_show,
	.get_state = memory_get_state,
	.save = memory_save,
};

struct store *
store_memory_open(const struct store_memory_options *options, char *why,
    size_t size)
{
	struct memory *memory = new_memory(options);

	if (memory == NULL) {
		text_copy(why, size, "no memory for the counters");
		return NULL;
	}
	memory->store.ops = &memory_ops;
	if (!load(memory, why, size) || !start_thread(memory, why, size)) {
		free_memory(memory);
		return NULL;
	}
	return &memory->store;
}
