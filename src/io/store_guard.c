/*
 * store_guard.c - spares the store what it has just refused
 *
 * Above a store that is a trip away. All but refusals goes straight through;
 * who floods is turned down here, until the time that the store named.
 */
#include "io/store.h"

#include "base/text.h"
#include "io/metrics.h"
#include "io/refusals.h"

#include <stdlib.h>

struct guard {
	struct store store;	/* first: what callers see */
	struct store *below;
	struct refusals *refusals;
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

	store_close(&guard->below);
	refusals_close(&guard->refusals);
	free(guard);
}

/* With a new policy what was full may have room. */
static bool
guard_reconfigure(struct store *store, const struct config *config)
{
	refusals_drop_all(guard_of(store)->refusals);
	return store_reconfigure(guard_of(store)->below, config);
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
		store_charge(guard->below, &counted, STORE_TELL, now_ms,
		    timeout_ms, &nothing);
}

static void
guard_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	struct guard *guard = guard_of(store);
	uint64_t seen;

	if (mode != STORE_CHARGE) {
		store_charge(guard->below, charges, mode, now_ms, timeout_ms,
		    answer);
		return;
	}
	if (refusals_know(guard->refusals, charges, now_ms, answer, &seen)) {
		metric_add(METRIC_store_spared);
		tell_counted(guard, charges, answer, now_ms, timeout_ms);
		return;
	}
	store_charge(guard->below, charges, mode, now_ms, timeout_ms, answer);
	if (answer->status == CHARGE_REFUSED)
		refusals_note(guard->refusals, charges, answer, now_ms, seen);
}

/* Told first, then forgotten: who asks in between is refused once more. */
static void
guard_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	struct guard *guard = guard_of(store);

	store_refund(guard->below, refunds, count, now_ms, timeout_ms);
	for (size_t i = 0; i < count; i++)
		refusals_drop(guard->refusals, refunds[i].subject);
}

static int
guard_show(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_counter counters[], size_t max)
{
	return store_show(guard_of(store)->below, subject, now_ms, timeout_ms,
	    counters, max);
}

static void
guard_get_state(struct store *store, struct store_state *state)
{
	store_get_state(guard_of(store)->below, state);
}

static bool
guard_save(struct store *store, char *why, size_t size)
{
	return store_save(guard_of(store)->below, why, size);
}

static void
guard_charge_local(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, struct charge_answer *answer)
{
	store_charge_local(guard_of(store)->below, charges, mode, now_ms,
	    answer);
}

static const struct store_ops guard_ops = {
	.close = guard_close,
	.reconfigure = guard_reconfigure,
	.charge = guard_charge,
	.refund = guard_refund,
	.show = guard_show,
	.get_state = guard_get_state,
	.save = guard_save,
	.charge_local = guard_charge_local,
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
	guard->store.ops = &guard_ops;
	guard->below = below;
	return &guard->store;
}
