/*
 * store.c - hands each call on to the store that answers it
 */
#include "io/store.h"

#include "io/clock.h"

#include <string.h>

static struct store *
open_redis(const struct store_redis_options *options, char *why, size_t size)
{
	struct store *store = store_redis_open(options, why, size);

	if (store != NULL)
		store = store_fallback_open(store, options->fallback_share,
		    true, why, size);
	if (store != NULL)
		store = store_guard_open(store, why, size);
	return store == NULL ? NULL : store_lease_open(store,
	    clock_sleepless_ms, true, why, size);
}

struct store *
store_open(const struct config *config, char *why, size_t size)
{
	switch (config->store) {
	case STORE_KIND_MEMORY:
		return store_memory_open(&config->memory, why, size);
	case STORE_KIND_REDIS:
		return open_redis(&config->redis, why, size);
	}
	return NULL;
}

/*
 * From a store to the topmost of those that it stands upon which implements
 * this function; NULL when none does.
 */
#define GO_DOWN(store, function) do {					\
	while ((store) != NULL && (store)->ops->function == NULL)	\
		(store) = (store)->below;				\
} while (0)

void
store_close(struct store **store)
{
	struct store *next = *store, *below;

	for (; next != NULL; next = below) {
		below = next->below;
		next->ops->close(next);
	}
	*store = NULL;
}

bool
store_reconfigure(struct store *store, const struct config *config)
{
	GO_DOWN(store, reconfigure);
	return store == NULL || store->ops->reconfigure(store, config);
}

void
store_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	GO_DOWN(store, charge);
	store->ops->charge(store, charges, mode, now_ms, timeout_ms, answer);
}

void
store_charge_local(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, struct charge_answer *answer)
{
	GO_DOWN(store, charge_local);
	if (store != NULL) {
		store->ops->charge_local(store, charges, mode, now_ms, answer);
		return;
	}
	memset(answer, 0, sizeof(*answer));
	answer->status = CHARGE_UNAVAILABLE;
}

void
store_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	GO_DOWN(store, refund);
	store->ops->refund(store, refunds, count, now_ms, timeout_ms);
}

int
store_show(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_counter counters[], size_t max)
{
	GO_DOWN(store, show);
	return store->ops->show(store, subject, now_ms, timeout_ms, counters,
	    max);
}

void
store_get_state(struct store *store, struct store_state *state)
{
	GO_DOWN(store, get_state);
	store->ops->get_state(store, state);
}

size_t
store_check(struct store *store, int64_t timeout_ms,
    struct store_complaint complaints[])
{
	GO_DOWN(store, check);
	return store == NULL ? 0 :
	    store->ops->check(store, timeout_ms, complaints);
}

size_t
store_get_nodes(struct store *store, struct store_node nodes[], size_t max)
{
	GO_DOWN(store, get_nodes);
	return store == NULL ? 0 : store->ops->get_nodes(store, nodes, max);
}

bool
store_save(struct store *store, char *why, size_t size)
{
	GO_DOWN(store, save);
	return store == NULL || store->ops->save(store, why, size);
}

int64_t
store_count_hosts(struct store *store, const char *id, int64_t live_ms,
    int64_t timeout_ms)
{
	GO_DOWN(store, count_hosts);
	return store == NULL ? 0 :
	    store->ops->count_hosts(store, id, live_ms, timeout_ms);
}

void
store_look_up(struct store *store, struct store_lookup lookups[],
    size_t count, int64_t timeout_ms)
{
	for (size_t i = 0; i < count; i++) {
		lookups[i].status = LIST_FAILED;
		lookups[i].value = NULL;
	}
	GO_DOWN(store, look_up);
	if (store != NULL)
		store->ops->look_up(store, lookups, count, timeout_ms);
}

/* --- marks --- */

enum store_change
store_set_mark(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	GO_DOWN(store, marks.set);
	return store == NULL ? STORE_UNREACHED :
	    store->ops->marks.set(store, subject, mark, how, now_ms,
		timeout_ms);
}

enum store_change
store_lift_mark(struct store *store, const char *subject, enum mark_kind kind,
    const char *field, int64_t now_ms, int64_t timeout_ms)
{
	GO_DOWN(store, marks.lift);
	return store == NULL ? STORE_UNREACHED :
	    store->ops->marks.lift(store, subject, kind, field, now_ms,
		timeout_ms);
}

enum store_change
store_forget(struct store *store, const char *subject, const char *field,
    int64_t now_ms, int64_t timeout_ms)
{
	GO_DOWN(store, marks.forget);
	return store == NULL ? STORE_UNREACHED :
	    store->ops->marks.forget(store, subject, field, now_ms,
		timeout_ms);
}

int
store_marks(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_mark marks[])
{
	GO_DOWN(store, marks.marks);
	return store == NULL ? -1 :
	    store->ops->marks.marks(store, subject, now_ms, timeout_ms,
		marks);
}

int64_t
store_marked(struct store *store, int64_t from, int64_t now_ms,
    int64_t timeout_ms, struct marked_subject subjects[], size_t max,
    size_t *count)
{
	*count = 0;
	GO_DOWN(store, marks.marked);
	return store == NULL ? -1 :
	    store->ops->marks.marked(store, from, now_ms, timeout_ms,
		subjects, max, count);
}

bool
store_changed(struct store *store, int64_t *since_ms, int64_t timeout_ms,
    struct marked_subject subjects[], size_t max, size_t *count)
{
	*count = 0;
	GO_DOWN(store, marks.changed);
	return store != NULL &&
	    store->ops->marks.changed(store, since_ms, timeout_ms, subjects,
		max, count);
}
