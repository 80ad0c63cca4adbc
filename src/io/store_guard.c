/*
 * store_guard.c - spares the store what it has just refused
 *
 * Above a store that is a trip away. All but refusals goes straight through;
 * who floods is turned down here, until the time that the store named.
 *
 * Others change marks, too: before something is answered from here, it asks
 * what was changed, if it has not done so for a second.
 */
#include "io/store.h"

#include "base/text.h"
#include "io/metrics.h"
#include "io/refusals.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_MS 1000	/* for what others have changed */
#define CHANGES_MAX 256		/* that are looked at one by one */

struct guard {
	struct store store;	/* first: what callers see */
	struct refusals *refusals;
	atomic_int_least64_t looked_ms;	/* when, by the caller's clock */
	pthread_mutex_t look_lock;	/* of who looks, and of the next */
	int64_t since_ms;		/* the store's time of the last look */
};

static struct guard *
guard_of(struct store *store)
{
	return (struct guard *)store;
}

static void
guard_close(struct store *store)
{
	struct guard *guard = guard_of(store);

	refusals_close(&guard->refusals);
	pthread_mutex_destroy(&guard->look_lock);
	free(guard);
}

/* With a new policy what was full may have room. */
static bool
guard_reconfigure(struct store *store, const struct config *config)
{
	refusals_drop_all(guard_of(store)->refusals);
	return store_reconfigure(store->below, config);
}

/* What is counted although it is refused is so without a trip, too. */
static void
tell_counted(struct guard *guard, const struct charges *charges,
    const struct charge_answer *refusal, int64_t now_ms, int64_t timeout_ms)
{
	struct charges counted = { .count = 0 };
	struct charge_answer nothing;

	for (size_t i = 0; i < charges->count; i++)
		if (charges->at[i].weight > 0 &&
		    charge_is_counted(&charges->at[i], refusal))
			counted.at[counted.count++] = charges->at[i];
	if (counted.count > 0)
		store_charge(guard->store.below, &counted, STORE_TELL,
		    now_ms, timeout_ms, &nothing);
}

/* One looks; the others need not wait for it. */
static bool
is_time_to_look(struct guard *guard, int64_t now_ms)
{
	int64_t ago_ms = now_ms - atomic_load(&guard->looked_ms);

	return (ago_ms < 0 || ago_ms >= LOOK_EVERY_MS) &&
	    pthread_mutex_trylock(&guard->look_lock) == 0;
}

/*
 * Drop what others have changed. True when something was. While the store
 * is away nothing is known, and what is remembered ends by itself.
 */
static bool
look_for_changes(struct guard *guard, int64_t now_ms, int64_t timeout_ms)
{
	struct marked_subject changed[CHANGES_MAX];
	size_t count = 0;

	if (!is_time_to_look(guard, now_ms))
		return false;
	atomic_store(&guard->looked_ms, now_ms);
	if (store_changed(guard->store.below, &guard->since_ms,
	    timeout_ms, changed, CHANGES_MAX, &count)) {
		if (count > CHANGES_MAX)
			refusals_drop_all(guard->refusals);
		for (size_t i = 0; i < count && count <= CHANGES_MAX; i++)
			refusals_drop(guard->refusals, changed[i].at);
	}
	pthread_mutex_unlock(&guard->look_lock);
	return count > 0;
}

static bool
is_known(struct guard *guard, const struct charges *charges, int64_t now_ms,
    int64_t timeout_ms, struct charge_answer *answer, uint64_t *seen)
{
	if (!refusals_know(guard->refusals, charges, now_ms, answer, seen))
		return false;
	return !look_for_changes(guard, now_ms, timeout_ms) ||
	    refusals_know(guard->refusals, charges, now_ms, answer, seen);
}

/* What was full only because of us is not. */
static void
drop_undone(struct guard *guard, const struct charges *charges,
    const struct charge_answer *answer)
{
	const char *refused = answer->status == CHARGE_REFUSED ?
	    charges->at[answer->refused].subject :
	    answer->status == CHARGE_MARKED ?
	    charges->marks[answer->marked].subject : "";

	for (size_t i = 0; i < charges->count; i++)
		if (strcmp(charges->at[i].subject, refused) != 0)
			refusals_drop(guard->refusals,
			    charges->at[i].subject);
}

static void
guard_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	struct guard *guard = guard_of(store);
	uint64_t seen;

	if (mode != STORE_CHARGE) {
		store_charge(store->below, charges, mode, now_ms, timeout_ms,
		    answer);
		return;
	}
	if (is_known(guard, charges, now_ms, timeout_ms, answer, &seen)) {
		metric_add(METRIC_store_spared);
		tell_counted(guard, charges, answer, now_ms, timeout_ms);
		return;
	}
	store_charge(store->below, charges, mode, now_ms, timeout_ms, answer);
	if (answer->status == CHARGE_REFUSED ||
	    answer->status == CHARGE_MARKED)
		refusals_note(guard->refusals, charges, answer, now_ms, seen);
	if (answer->undone)
		drop_undone(guard, charges, answer);
}

/* Told first, then forgotten: who asks in between is refused once more. */
static void
guard_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	struct guard *guard = guard_of(store);

	store_refund(store->below, refunds, count, now_ms, timeout_ms);
	for (size_t i = 0; i < count; i++)
		refusals_drop(guard->refusals, refunds[i].subject);
}

/* --- marks: changed below, then forgotten here --- */

static enum store_change
guard_set_mark(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	struct guard *guard = guard_of(store);
	enum store_change change;

	if (how == STORE_SET_UNLESS_MARKED &&
	    refusals_know_block(guard->refusals, subject, now_ms))
		return STORE_AS_BEFORE;
	change = store_set_mark(store->below, subject, mark, how, now_ms,
	    timeout_ms);
	if (change != STORE_AS_BEFORE)
		refusals_drop(guard->refusals, subject);
	if (how == STORE_SET_UNLESS_MARKED)
		refusals_note_block(guard->refusals, subject, mark->until_ms,
		    now_ms);
	return change;
}

static enum store_change
guard_lift_mark(struct store *store, const char *subject,
    enum mark_kind kind, const char *field, int64_t now_ms,
    int64_t timeout_ms)
{
	struct guard *guard = guard_of(store);
	enum store_change change = store_lift_mark(store->below, subject,
	    kind, field, now_ms, timeout_ms);

	refusals_drop(guard->refusals, subject);
	return change;
}

static enum store_change
guard_forget(struct store *store, const char *subject, const char *field,
    int64_t now_ms, int64_t timeout_ms)
{
	struct guard *guard = guard_of(store);
	enum store_change change = store_forget(store->below, subject, field,
	    now_ms, timeout_ms);

	refusals_drop(guard->refusals, subject);
	return change;
}

static const struct store_ops guard_ops = {
	.close = guard_close,
	.reconfigure = guard_reconfigure,
	.charge = guard_charge,
	.refund = guard_refund,
	.marks = {
		.set = guard_set_mark,
		.lift = guard_lift_mark,
		.forget = guard_forget,
	},
};

struct store *
store_guard_open(struct store *below, char *why, size_t size)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (guard != NULL)
		guard->refusals = refusals_open();
	if (guard == NULL || guard->refusals == NULL) {
		(void)text_copy(why, size, "no memory for the store");
		store_close(&below);
		free(guard);
		return NULL;
	}
	pthread_mutex_init(&guard->look_lock, NULL);
	guard->store.ops = &guard_ops;
	guard->store.below = below;
	return &guard->store;
}
