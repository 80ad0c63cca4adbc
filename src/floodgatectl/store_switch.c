/*
 * store_switch.c - a memory store that can be made to fail
 */
#include "floodgatectl/store_switch.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

struct store_switch {
	struct store store;	/* first: what the engine is given */
	struct store *memory;
	enum store_position position;
};

static struct store_switch *
switch_of(struct store *store)
{
	return (struct store_switch *)(void *)store;
}

static bool
is_up(struct store *store)
{
	return switch_of(store)->position == STORE_UP;
}

static void
switch_close(struct store *store)
{
	store_close(&switch_of(store)->memory);
	free(store);
}

static bool
switch_reconfigure(struct store *store, const struct config *config)
{
	(void)store;
	(void)config;
	return true;
}

static void
switch_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	if (is_up(store)) {
		store_charge(switch_of(store)->memory, charges, mode, now_ms,
		    timeout_ms, answer);
		return;
	}
	answer->status = CHARGE_UNAVAILABLE;
	answer->misset = switch_of(store)->position == STORE_MISSET;
}

static void
switch_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	if (is_up(store))
		store_refund(switch_of(store)->memory, refunds, count, now_ms,
		    timeout_ms);
}

static int
switch_show(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_counter counters[], size_t max)
{
	return is_up(store) ? store_show(switch_of(store)->memory,
	    subject, now_ms, timeout_ms, counters, max) : -1;
}

static void
switch_get_state(struct store *store, struct store_state *state)
{
	store_get_state(switch_of(store)->memory, state);
	if (is_up(store))
		return;
	state->up = false;
	(void)text_copy(state->reason, sizeof(state->reason),
	    "switched off by the script");
}

static bool
switch_save(struct store *store, char *why, size_t size)
{
	return store_save(switch_of(store)->memory, why, size);
}

/* --- marks --- */

static enum store_change
switch_set_mark(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	return !is_up(store) ? STORE_UNREACHED :
	    store_set_mark(switch_of(store)->memory, subject, mark, how,
		now_ms, timeout_ms);
}

static enum store_change
switch_lift_mark(struct store *store, const char *subject,
    enum mark_kind kind, const char *field, int64_t now_ms,
    int64_t timeout_ms)
{
	return !is_up(store) ? STORE_UNREACHED :
	    store_lift_mark(switch_of(store)->memory, subject, kind, field,
		now_ms, timeout_ms);
}

static enum store_change
switch_forget(struct store *store, const char *subject, const char *field,
    int64_t now_ms, int64_t timeout_ms)
{
	return !is_up(store) ? STORE_UNREACHED :
	    store_forget(switch_of(store)->memory, subject, field, now_ms,
		timeout_ms);
}

static int
switch_marks(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_mark marks[])
{
	return !is_up(store) ? -1 : store_marks(
	    switch_of(store)->memory, subject, now_ms, timeout_ms, marks);
}

static int64_t
switch_marked(struct store *store, int64_t from, int64_t now_ms,
    int64_t timeout_ms, struct marked_subject subjects[], size_t max,
    size_t *count)
{
	return !is_up(store) ? -1 : store_marked(
	    switch_of(store)->memory, from, now_ms, timeout_ms, subjects,
	    max, count);
}

static const struct store_mark_ops switch_mark_ops = {
	.set = switch_set_mark,
	.lift = switch_lift_mark,
	.forget = switch_forget,
	.marks = switch_marks,
	.marked = switch_marked,
};

static const struct store_ops switch_ops = {
	.close = switch_close,
	.reconfigure = switch_reconfigure,
	.charge = switch_charge,
	.refund = switch_refund,
	.show = switch_show,
	.get_state = switch_get_state,
	.save = switch_save,
	.marks = &switch_mark_ops,
};

struct store *
store_switch_open(char *why, size_t size)
{
	/* As the defaults of option.def, but without a file. */
	static const struct store_memory_options options = {
		.file = "", .save_every_ms = 60000, .max_subjects = 1000000
	};
	struct store_switch *made = calloc(1, sizeof(*made));

	if (made == NULL) {
		(void)snprintf(why, size, "no memory");
		return NULL;
	}
	made->store.ops = &switch_ops;
	made->position = STORE_UP;
	made->memory = store_memory_open(&options, why, size);
	if (made->memory == NULL) {
		free(made);
		return NULL;
	}
	return &made->store;
}

void
store_switch_set(struct store *store, enum store_position position)
{
	switch_of(store)->position = position;
}
