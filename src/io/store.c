/*
 * store.c - hands each call on to the back end that is open
 */
#include "io/store.h"

#include <string.h>

static struct store *
open_redis(const struct store_redis_options *options, char *why, size_t size)
{
	struct store *store = store_redis_open(options, why, size);

	if (store != NULL)
		store = store_fallback_open(store, options->fallback_share,
		    true, why, size);
	return store != NULL ? store_guard_open(store, why, size) : NULL;
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

void
store_close(struct store **store)
{
	if (*store != NULL)
		(*store)->ops->close(*store);
	*store = NULL;
}

bool
store_reconfigure(struct store *store, const struct config *config)
{
	return store->ops->reconfigure(store, config);
}

void
store_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	store->ops->charge(store, charges, mode, now_ms, timeout_ms, answer);
}

void
store_charge_local(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, struct charge_answer *answer)
{
	if (store->ops->charge_local != NULL) {
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
	store->ops->refund(store, refunds, count, now_ms, timeout_ms);
}

int
store_show(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_counter counters[], size_t max)
{
	return store->ops->show(store, subject, now_ms, timeout_ms, counters,
	    max);
}

/* --- marks --- */

enum store_change
store_set_mark(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	if (store->ops->marks == NULL)
		return STORE_UNREACHED;
	return store->ops->marks->set(store, subject, mark, how, now_ms,
	    timeout_ms);
}

enum store_change
store_lift_mark(struct store *store, const char *subject, enum mark_kind kind,
    const char *field, int64_t now_ms, int64_t timeout_ms)
{
	if (store->ops->marks == NULL)
		return STORE_UNREACHED;
	return store->ops->marks->lift(store, subject, kind, field, now_ms,
	    timeout_ms);
}

enum store_change
store_forget(struct store *store, const char *subject, const char *field,
    int64_t now_ms, int64_t timeout_ms)
{
	if (store->ops->marks == NULL)
		return STORE_UNREACHED;
	return store->ops->marks->forget(store, subject, field, now_ms,
	    timeout_ms);
}

int
store_marks(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_mark marks[])
{
	if (store->ops->marks == NULL)
		return -1;
	return store->ops->marks->marks(store, subject, now_ms, timeout_ms,
	    marks);
}

int64_t
store_marked(struct store *store, int64_t from, int64_t now_ms,
    int64_t timeout_ms, struct marked_subject subjects[], size_t max,
    size_t *count)
{
	*count = 0;
	if (store->ops->marks == NULL)
		return -1;
	return store->ops->marks->marked(store, from, now_ms, timeout_ms,
	    subjects, max, count);
}

void
store_get_state(struct store *store, struct store_state *state)
{
	store->ops->get_state(store, state);
}

size_t
store_check(struct store *store, int64_t timeout_ms,
    struct store_complaint complaints[])
{
	return store->ops->check == NULL ? 0 :
	    store->ops->check(store, timeout_ms, complaints);
}

size_t
store_get_nodes(struct store *store, struct store_node nodes[], size_t max)
{
	return store->ops->get_nodes == NULL ? 0 :
	    store->ops->get_nodes(store, nodes, max);
}

bool
store_save(struct store *store, char *why, size_t size)
{
	return store->ops->save(store, why, size);
}

void
store_look_up(struct store *store, struct store_lookup lookups[],
    size_t count, int64_t timeout_ms)
{
	for (size_t i = 0; i < count; i++) {
		lookups[i].status = LIST_FAILED;
		lookups[i].value = NULL;
	}
	if (store->ops->look_up != NULL)
		store->ops->look_up(store, lookups, count, timeout_ms);
}
