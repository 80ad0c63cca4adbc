/*
 * store_memory.c - counters in this process, with a snapshot in a file
 *
 * Subjects are spread over 4,096 stripes by a keyed hash; a stripe is a
 * table and its lock. A set of charges locks its stripes in ascending order,
 * reads the clock, asks every counter, and then charges all or none. So a
 * set is one step, and in each stripe time never runs back.
 *
 * At most max_subjects are kept (a call that adds one may pass it by that
 * one for a moment); eight elements of distinct counts are as much as one.
 * Past it the subject goes that was used least recently in its stripe or,
 * where stripes are thinly filled, in the nearest ones.
 *
 * One thread drops what has expired, and writes the snapshot stripe by
 * stripe: decisions wait for one stripe at most, and never for the disk.
 */
#include "io/store_memory.h"

#include "base/text.h"
#include "core/window.h"
#include "io/clock.h"

#include <stdlib.h>
#include <string.h>

static struct memory *
memory_of(struct store *store)
{
	return (struct memory *)store;
}

/* --- stripes --- */

/* The stripes of a set of charges, ascending, each once. */
struct held {
	uint16_t at[CHARGES_MAX];
	size_t count;
	struct tally before[CHARGES_MAX];
};

static void
hold(struct memory *memory, struct held *held, const uint64_t hashes[],
    size_t count)
{
	held->count = 0;
	for (size_t i = 0; i < count; i++) {
		uint16_t stripe = (uint16_t)memory_stripe(hashes[i]);
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
		held->before[i] = memory_tally(stripe);
	}
}

static void
let_go(struct memory *memory, const struct held *held)
{
	for (size_t i = held->count; i-- > 0; ) {
		struct stripe *stripe = &memory->stripes[held->at[i]];

		memory_note_change(memory, stripe, held->before[i]);
		pthread_mutex_unlock(&stripe->lock);
	}
}

/* At most `count` go, so that no call pays for all of a lowered cap. */
static void
keep_cap(struct memory *memory, size_t from, size_t count)
{
	while (count-- > 0 && memory_is_over_cap(memory))
		memory_drop_idle(memory, from);
}

/* --- charging --- */

/* A set of charges at work, its stripes held. */
struct work {
	struct memory *memory;
	const struct charges *charges;
	uint64_t hashes[CHARGES_MAX];
	enum store_mode mode;
	struct counter *counters[CHARGES_MAX];	/* those to be charged, as
						 * reserved */
	int64_t max[CHARGES_MAX];		/* with overrides */
	int64_t now_ms;
};

static struct subjects *
subjects_of(const struct work *work, size_t i)
{
	return &work->memory->stripes[memory_stripe(work->hashes[i])].subjects;
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

/* The counter, or NULL: none yet. What is asked of it is noted. */
static struct counter *
look(struct work *work, size_t i)
{
	const struct charge *charge = &work->charges->at[i];
	struct subjects *subjects = subjects_of(work, i);
	struct subject_entry *entry = subjects_find(subjects,
	    memory_bucket(work->hashes[i]), charge->subject);
	struct counter *counter = entry == NULL ? NULL :
	    subject_find_counter(entry, charge->field);

	if (work->mode == STORE_PEEK)
		return counter;
	if (entry != NULL)
		subjects_use(subjects, entry, work->now_ms);
	if (counter != NULL) {
		counter->max = charge->max;
		counter->window_ms = charge->window_ms;
	}
	return counter;
}

/* The window of a charge's counter now. */
static void
look_at_window(struct work *work, size_t i, struct window *window)
{
	counter_unpack(look(work, i), window);
	window_expire(window, work->charges->at[i].window_ms, work->now_ms);
}

/* Its elements now; only a peek leaves those that have expired. */
static struct distinct
look_at_elements(struct work *work, size_t i)
{
	struct counter *counter = look(work, i);
	struct distinct distinct = counter_distinct(counter);
	int64_t oldest_ms = work->now_ms - work->charges->at[i].window_ms;

	if (work->mode == STORE_PEEK) {
		for (; distinct.count > 0 &&
		    distinct.at[0].last_ms <= oldest_ms; distinct.count--)
			distinct.at++;
		return distinct;
	}
	distinct_expire(&distinct, work->charges->at[i].window_ms,
	    work->now_ms);
	if (distinct.at != NULL)
		counter_set_distinct(counter, &distinct);
	return distinct;
}

/*
 * How many the set would add that are not there: those until this one; 0
 * when this one is there, or comes before in the set.
 */
static int64_t
new_so_far(const struct work *work, const struct distinct *distinct,
    size_t index)
{
	const struct charge *at = work->charges->at;
	int64_t more = 0;
	bool is_new = false;

	for (size_t i = 0; i <= index; i++) {
		is_new = false;
		if (at[i].weight <= 0 || !same_counter(work, i, index) ||
		    distinct_has(distinct, at[i].element))
			continue;
		is_new = true;
		for (size_t k = 0; k < i; k++)
			if (at[k].weight > 0 && same_counter(work, k, index) &&
			    at[k].element == at[i].element)
				is_new = false;
		more += is_new;
	}
	return is_new ? more : 0;
}

static void
set_share(struct memory *memory, uint32_t part, uint32_t whole)
{
	atomic_store(&memory->share, (uint64_t)part << 32 | whole);
}

void
store_memory_set_share(struct store *store, uint32_t part, uint32_t whole)
{
	set_share(memory_of(store), part, whole);
}

/* Of a max, what this store may let pass. */
static int64_t
share_of(struct memory *memory, int64_t max)
{
	uint64_t share = atomic_load(&memory->share);
	int64_t part = (int64_t)(share >> 32);
	int64_t whole = (int64_t)(share & UINT32_MAX);
	int64_t shared = max / whole * part + max % whole * part / whole;

	return max > 0 && shared == 0 ? 1 : shared;
}

/* How long until this charge would pass; *used is as it stands now. */
static int64_t
ask_window(struct work *work, size_t i, int64_t *used)
{
	const struct charge *charge = &work->charges->at[i];
	int64_t max = share_of(work->memory, work->max[i]);
	int64_t weight = weight_so_far(work, i);
	struct window window;

	look_at_window(work, i, &window);
	*used = window.total;
	if (window_wait(&window, charge->window_ms, work->now_ms, max,
	    weight) == 0)
		return 0;
	return window_wait(&window, charge->window_ms, work->now_ms, max,
	    charge_awaited(charge, weight));
}

static int64_t
ask_distinct(struct work *work, size_t i, int64_t *used)
{
	const struct charge *charge = &work->charges->at[i];
	struct distinct distinct = look_at_elements(work, i);
	int64_t more = new_so_far(work, &distinct, i);

	*used = (int64_t)distinct.count;
	return more == 0 ? 0 : distinct_wait(&distinct, charge->window_ms,
	    work->now_ms, share_of(work->memory, work->max[i]), more);
}

static bool
is_forced(const struct work *work)
{
	return work->mode == STORE_FORCE || work->mode == STORE_TELL;
}

/* Ask every counter; the answer is what it would be. */
static void
ask_all(struct work *work, struct charge_answer *answer)
{
	answer->status = CHARGE_ALLOWED;
	for (size_t i = 0; i < work->charges->count; i++) {
		const struct charge *charge = &work->charges->at[i];
		int64_t wait_ms = charge->distinct ?
		    ask_distinct(work, i, &answer->used[i]) :
		    ask_window(work, i, &answer->used[i]);

		if (wait_ms == 0 || charge->observe || is_forced(work))
			continue;
		if (charge->when == WHEN_REFUSED)
			answer->by_refusals = true;
		if (answer->status == CHARGE_ALLOWED) {
			answer->status = CHARGE_REFUSED;
			answer->refused = i;
			answer->full_ms = wait_ms;
		}
		if (wait_ms > answer->retry_ms)
			answer->retry_ms = wait_ms;
	}
}

static bool
is_to_be_charged(const struct work *work, size_t i,
    const struct charge_answer *answer)
{
	return work->charges->at[i].weight > 0 && (is_forced(work) ||
	    charge_is_counted(&work->charges->at[i], answer));
}

/* Those of the set that ask for the same counter. */
static size_t
count_same(const struct work *work, size_t index)
{
	size_t count = 0;

	for (size_t i = 0; i < work->charges->count; i++)
		count += same_counter(work, i, index);
	return count;
}

/* All memory that the set needs, before the first is charged. */
static bool
reserve_all(struct work *work, const struct charge_answer *answer)
{
	for (size_t i = 0; i < work->charges->count; i++) {
		const struct charge *charge = &work->charges->at[i];
		struct subject_entry *entry;
		struct counter *counter;

		work->counters[i] = NULL;
		if (!is_to_be_charged(work, i, answer))
			continue;
		entry = subjects_add(subjects_of(work, i),
		    memory_bucket(work->hashes[i]), charge->subject,
		    work->now_ms);
		if (entry == NULL)
			return false;
		counter = charge->distinct ?
		    subject_add_distinct(subjects_of(work, i), entry,
			charge->field, count_same(work, i)) :
		    subject_add_window(subjects_of(work, i), entry,
			charge->field);
		if (counter == NULL)
			return false;
		counter->max = charge->max;
		counter->window_ms = charge->window_ms;
		work->counters[i] = counter;
	}
	return true;
}

/* What stands in the counter afterwards. */
static int64_t
count_weight(struct work *work, size_t i)
{
	const struct charge *charge = &work->charges->at[i];
	struct window window;

	counter_unpack(work->counters[i], &window);
	window_add(&window, charge->window_ms, work->now_ms, charge->weight);
	counter_pack(work->counters[i], &window);
	return window.total;
}

static int64_t
count_element(struct work *work, size_t i, bool *fresh)
{
	const struct charge *charge = &work->charges->at[i];
	struct distinct distinct = counter_distinct(work->counters[i]);

	*fresh = distinct_see(&distinct, work->max[i], work->now_ms,
	    charge->element);
	counter_set_distinct(work->counters[i], &distinct);
	return (int64_t)distinct.count;
}

static void
count_all(struct work *work, struct charge_answer *answer)
{
	for (size_t i = 0; i < work->charges->count; i++) {
		int64_t used;

		if (work->counters[i] == NULL)
			continue;
		used = work->charges->at[i].distinct ?
		    count_element(work, i, &answer->fresh[i]) :
		    count_weight(work, i);
		/* Whoever else asked for this counter is told the sum. */
		for (size_t k = 0; k < work->charges->count; k++)
			if (same_counter(work, k, i))
				answer->used[k] = used;
	}
	atomic_fetch_add(&work->memory->changes, 1);
}

/*
 * What is noted on the subjects. Marks go by the wall clock: they end when
 * it says so.
 */
static void
ask_marks(struct work *work, int64_t wall_ms, struct charge_answer *answer)
{
	const struct charges *charges = work->charges;
	struct marks *marks = work->memory->marks;
	struct mark found;

	for (size_t i = 0; i < charges->count; i++) {
		const struct charge *charge = &charges->at[i];

		work->max[i] = charge->max;
		if (!marks_override(marks, charge->subject, charge->field,
		    wall_ms, &work->max[i]))
			continue;
		answer->max[i] = work->max[i];
		answer->overridden |= UINT64_C(1) << i;
	}
	for (size_t i = 0; i < charges->mark_count; i++) {
		const struct mark_question *question = &charges->marks[i];

		if (!marks_refuse(marks, question->subject, wall_ms, &found))
			continue;
		answer->marks_found |= UINT32_C(1) << i;
		if (question->observe || answer->status == CHARGE_MARKED)
			continue;
		answer->status = CHARGE_MARKED;
		answer->marked = i;
		answer->mark = found;
	}
}

static void
memory_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	struct memory *memory = memory_of(store);
	struct work work = {
		.memory = memory, .charges = charges, .mode = mode
	};
	struct held held;

	(void)timeout_ms;	/* nothing here waits */
	memset(answer, 0, sizeof(*answer));
	atomic_fetch_add(&memory->calls, 1);
	for (size_t i = 0; i < charges->count; i++)
		work.hashes[i] = memory_hash(memory, charges->at[i].subject);
	ask_marks(&work, now_ms, answer);
	if (charges->count == 0) {
		answer->now_ms = memory_tell_time(memory, now_ms);
		return;
	}
	hold(memory, &held, work.hashes, charges->count);
	work.now_ms = answer->now_ms = memory_tell_time(memory, now_ms);
	if (answer->status != CHARGE_MARKED)
		ask_all(&work, answer);
	if (mode != STORE_PEEK) {
		if (reserve_all(&work, answer))
			count_all(&work, answer);
		else if (answer->status == CHARGE_ALLOWED)
			answer->status = CHARGE_UNAVAILABLE;
	}
	let_go(memory, &held);
	if (held.count > 0)
		keep_cap(memory, held.at[0], 2 * charges->count);
}

/* How much of it was here to be taken back. */
static int64_t
refund_weight(struct counter *counter, const struct refund *refund,
    int64_t now_ms)
{
	struct window window;
	int64_t before, at_ms = refund->at_ms;

	counter_unpack(counter, &window);
	window_expire(&window, counter->window_ms, now_ms);
	before = window.total;
	if (refund->since)
		at_ms = window_time_since(&window, at_ms);
	window_refund(&window, counter->window_ms, now_ms, at_ms,
	    refund->weight);
	counter_pack(counter, &window);
	return before - window.total;
}

static int64_t
refund_element(struct counter *counter, const struct refund *refund)
{
	struct distinct distinct = counter_distinct(counter);

	if (!distinct_forget(&distinct, refund->at_ms, refund->element))
		return 0;
	counter_set_distinct(counter, &distinct);
	return 1;
}

static int64_t
refund_one(struct memory *memory, const struct refund *refund,
    int64_t wall_ms)
{
	uint64_t hash = memory_hash(memory, refund->subject);
	struct stripe *stripe = &memory->stripes[memory_stripe(hash)];
	struct subject_entry *entry;
	struct counter *counter = NULL;
	int64_t now_ms, taken = 0;

	pthread_mutex_lock(&stripe->lock);
	now_ms = memory_tell_time(memory, wall_ms);
	entry = subjects_find(&stripe->subjects, memory_bucket(hash),
	    refund->subject);
	if (entry != NULL)
		counter = subject_find_counter(entry, refund->field);
	/* It may have left under a window that was shorter then. */
	if (counter != NULL && counter->is_distinct == refund->distinct &&
	    refund->at_ms > now_ms - refund->window_ms) {
		taken = refund->distinct ? refund_element(counter, refund) :
		    refund_weight(counter, refund, now_ms);
		atomic_fetch_add(&memory->changes, 1);
	}
	pthread_mutex_unlock(&stripe->lock);
	return taken;
}

int64_t
store_memory_take_back(struct store *store, const struct refund *refund,
    int64_t now_ms)
{
	return refund_one(memory_of(store), refund, now_ms);
}

static void
memory_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	(void)timeout_ms;
	for (size_t i = 0; i < count; i++)
		(void)refund_one(memory_of(store), &refunds[i], now_ms);
}

/* --- taking out --- */

/* A charge as large as the counter, to be filled in. */
static struct charge *
take_charge(const struct subject_entry *entry, const struct counter *counter,
    struct taken *taken)
{
	size_t at = taken->charges.count++;
	struct charge *charge = &taken->charges.at[at];

	(void)text_copy(taken->fields[at], sizeof(taken->fields[at]),
	    counter_field(counter));
	*charge = (struct charge){
		.field = taken->fields[at],
		.max = counter->max,
		.window_ms = counter->window_ms,
		.weight = 1,
	};
	(void)text_copy(charge->subject, sizeof(charge->subject),
	    entry->subject);
	return charge;
}

/* The oldest elements first; true when all are taken. */
static bool
take_elements(const struct subject_entry *entry, struct counter *counter,
    int64_t now_ms, struct taken *taken)
{
	struct distinct distinct = counter_distinct(counter);
	size_t count = 0;

	distinct_expire(&distinct, counter->window_ms, now_ms);
	for (; count < distinct.count && taken->charges.count < CHARGES_MAX;
	    count++) {
		struct charge *charge = take_charge(entry, counter, taken);

		charge->distinct = true;
		charge->element = distinct.at[count].hash;
	}
	if (count > 0)
		distinct_drop_oldest(&distinct, count);
	counter_set_distinct(counter, &distinct);
	return distinct.count == 0;
}

static void
take_window(const struct subject_entry *entry, const struct counter *counter,
    int64_t now_ms, struct taken *taken)
{
	struct window window;

	counter_unpack(counter, &window);
	window_expire(&window, counter->window_ms, now_ms);
	if (window.total > 0)
		take_charge(entry, counter, taken)->weight = window.total;
}

static void
take_counters(struct subjects *subjects, struct subject_entry *entry,
    int64_t now_ms, struct taken *taken)
{
	while (entry->counters != NULL && taken->charges.count < CHARGES_MAX) {
		struct counter *counter = entry->counters;

		if (!counter->is_distinct)
			take_window(entry, counter, now_ms, taken);
		else if (!take_elements(entry, counter, now_ms, taken))
			return;
		subject_remove_counter(subjects, entry, counter);
	}
}

void
store_memory_take(struct store *store, int64_t now_ms, struct taken *taken)
{
	struct memory *memory = memory_of(store);

	taken->charges.count = taken->charges.mark_count = 0;
	now_ms = memory_tell_time(memory, now_ms);
	for (size_t i = 0; i < STRIPES &&
	    taken->charges.count < CHARGES_MAX; i++) {
		struct stripe *stripe = &memory->stripes[memory->take_from];
		struct subjects *subjects = &stripe->subjects;
		struct tally before;

		pthread_mutex_lock(&stripe->lock);
		before = memory_tally(stripe);
		while (subjects->oldest != NULL &&
		    taken->charges.count < CHARGES_MAX) {
			take_counters(subjects, subjects->oldest, now_ms,
			    taken);
			if (subjects->oldest->counters == NULL)
				subjects_remove(subjects, subjects->oldest);
		}
		memory_note_change(memory, stripe, before);
		if (subjects->oldest == NULL)
			memory->take_from = (memory->take_from + 1) % STRIPES;
		pthread_mutex_unlock(&stripe->lock);
	}
}

/* False when nothing of it is left. */
static bool
show_window(const struct counter *counter, int64_t now_ms,
    struct store_counter *shown)
{
	struct window window;

	counter_unpack(counter, &window);
	window_expire(&window, counter->window_ms, now_ms);
	if (window.count == 0)
		return false;
	shown->used = window.total;
	shown->frees_ms = window.total == 0 ? 0 :
	    window.groups[0].last_ms + counter->window_ms - now_ms;
	return true;
}

static bool
show_elements(struct counter *counter, int64_t now_ms,
    struct store_counter *shown)
{
	struct distinct distinct = counter_distinct(counter);

	distinct_expire(&distinct, counter->window_ms, now_ms);
	counter_set_distinct(counter, &distinct);
	if (distinct.count == 0)
		return false;
	shown->used = (int64_t)distinct.count;
	shown->frees_ms = distinct.at[0].last_ms + counter->window_ms -
	    now_ms;
	return true;
}

static size_t
show_counters(const struct subject_entry *entry, int64_t now_ms,
    struct store_counter counters[], size_t max)
{
	size_t count = 0;

	for (struct counter *counter = entry->counters;
	    counter != NULL && count < max; counter = counter->next) {
		struct store_counter *shown = &counters[count];

		if (counter->is_distinct ?
		    !show_elements(counter, now_ms, shown) :
		    !show_window(counter, now_ms, shown))
			continue;
		text_copy(shown->field, sizeof(shown->field),
		    counter_field(counter));
		shown->max = counter->max;
		shown->window_ms = counter->window_ms;
		count++;
	}
	return count;
}

static int
memory_show(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_counter counters[], size_t max)
{
	struct memory *memory = memory_of(store);
	uint64_t hash = memory_hash(memory, subject);
	struct stripe *stripe = &memory->stripes[memory_stripe(hash)];
	struct subject_entry *entry;
	size_t count = 0;

	(void)timeout_ms;
	pthread_mutex_lock(&stripe->lock);
	now_ms = memory_tell_time(memory, now_ms);
	entry = subjects_find(&stripe->subjects, memory_bucket(hash),
	    subject);
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

static size_t
memory_check(struct store *store, int64_t timeout_ms,
    struct store_complaint complaints[])
{
	struct memory *memory = memory_of(store);
	struct store_complaint *complaint = &complaints[0];
	struct text text;
	char why[256];

	(void)timeout_ms;
	if (memory_file_is_well(memory, why, sizeof(why)))
		return 0;
	complaint->misset = true;
	text_copy(complaint->where, sizeof(complaint->where), memory->file);
	TEXT_INIT(&text, complaint->text);
	text_put(&text, "counters are not saved: ");
	text_put(&text, why);
	return 1;
}

static bool
memory_save(struct store *store, char *why, size_t size)
{
	return memory_save_file(memory_of(store), true, why, size);
}

/* --- opening and closing --- */

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
	set_share(memory, 1, 1);
	memory->marks = marks_open((size_t)options->max_subjects);
	if (memory->marks == NULL) {
		free(memory->file);
		free(memory);
		return NULL;
	}
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
	memory_forget_all(memory);
	marks_close(&memory->marks);
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

	memory_stop(memory);
	memory_save_file(memory, false, why, sizeof(why));
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
	marks_set_max(memory->marks, (size_t)options->max_subjects);
	pthread_mutex_lock(&memory->wake_lock);
	memory->save_every_ms = options->save_every_ms;
	pthread_cond_signal(&memory->wake);
	pthread_mutex_unlock(&memory->wake_lock);
	return true;
}

/* --- marks --- */

struct marks *
store_memory_marks(struct store *store)
{
	return memory_of(store)->marks;
}

/* What is changed is to be saved. */
static enum store_change
note_change(struct memory *memory, enum store_change change)
{
	if (change == STORE_CHANGED)
		atomic_fetch_add(&memory->changes, 1);
	return change;
}

static enum store_change
memory_set_mark(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	struct memory *memory = memory_of(store);

	(void)timeout_ms;
	return note_change(memory, marks_set(memory->marks, subject, mark,
	    how, now_ms));
}

static enum store_change
memory_lift_mark(struct store *store, const char *subject,
    enum mark_kind kind, const char *field, int64_t now_ms,
    int64_t timeout_ms)
{
	struct memory *memory = memory_of(store);

	(void)timeout_ms;
	return note_change(memory, marks_lift(memory->marks, subject, kind,
	    field, now_ms));
}

/* All counters, or the one of that name. */
static bool
forget_counters(struct subjects *subjects, struct subject_entry *entry,
    const char *field)
{
	struct counter *counter;
	bool forgot = false;

	while ((counter = field == NULL ? entry->counters :
	    subject_find_counter(entry, field)) != NULL) {
		forgot |= counter->count > 0;
		subject_remove_counter(subjects, entry, counter);
	}
	return forgot;
}

static enum store_change
memory_forget(struct store *store, const char *subject, const char *field,
    int64_t now_ms, int64_t timeout_ms)
{
	struct memory *memory = memory_of(store);
	uint64_t hash = memory_hash(memory, subject);
	struct stripe *stripe = &memory->stripes[memory_stripe(hash)];
	struct subject_entry *entry;
	struct tally before;
	bool forgot = false;

	(void)now_ms;
	(void)timeout_ms;
	pthread_mutex_lock(&stripe->lock);
	before = memory_tally(stripe);
	entry = subjects_find(&stripe->subjects, memory_bucket(hash),
	    subject);
	if (entry != NULL) {
		forgot = forget_counters(&stripe->subjects, entry, field);
		if (entry->counters == NULL)
			subjects_remove(&stripe->subjects, entry);
	}
	memory_note_change(memory, stripe, before);
	pthread_mutex_unlock(&stripe->lock);
	return note_change(memory, forgot ? STORE_CHANGED : STORE_AS_BEFORE);
}

static int
memory_marks(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_mark marks[])
{
	(void)timeout_ms;
	return (int)marks_of(memory_of(store)->marks, subject, now_ms, marks);
}

static int64_t
memory_marked(struct store *store, int64_t from, int64_t now_ms,
    int64_t timeout_ms, struct marked_subject subjects[], size_t max,
    size_t *count)
{
	(void)timeout_ms;
	return marks_list(memory_of(store)->marks, from, now_ms, subjects,
	    max, count);
}

static const struct store_ops memory_ops = {
	.close = memory_close,
	.reconfigure = memory_reconfigure,
	.charge = memory_charge,
	.refund = memory_refund,
	.show = memory_show,
	.get_state = memory_get_state,
	.check = memory_check,
	.save = memory_save,
	.marks = {
		.set = memory_set_mark,
		.lift = memory_lift_mark,
		.forget = memory_forget,
		.marks = memory_marks,
		.marked = memory_marked,
	},
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
	if (!memory_load(memory, why, size) ||
	    !memory_start(memory, why, size)) {
		free_memory(memory);
		return NULL;
	}
	return &memory->store;
}
