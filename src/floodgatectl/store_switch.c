/*
 * store_switch.c - a memory store that can be made to fail
 */
#include "floodgatectl/store_switch.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One member of a set, or field of a hash. */
struct held {
	struct held *next;
	char *value;		/* NULL: of a set */
	char *member;
	char key[];		/* and the member behind it */
};

struct store_switch {
	struct store store;	/* first: what the engine is given */
	struct store *memory;
	enum store_position position;
	struct held *held;
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
held_free(struct held *held)
{
	free(held->value);
	free(held);
}

static void
switch_close(struct store *store)
{
	while (switch_of(store)->held != NULL) {
		struct held *held = switch_of(store)->held;

		switch_of(store)->held = held->next;
		held_free(held);
	}
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

static const struct held *
find_held(const struct store_switch *made, const char *key,
    const char *member)
{
	for (const struct held *held = made->held; held != NULL;
	    held = held->next)
		if (strcmp(held->key, key) == 0 &&
		    (member == NULL || strcmp(held->member, member) == 0))
			return held;
	return NULL;
}

static void
look_up_one(const struct store_switch *made, struct store_lookup *lookup)
{
	const struct held *held = find_held(made, lookup->source->key, NULL);

	/* As Redis: WRONGTYPE. */
	if (held != NULL && (held->value != NULL) != lookup->source->is_map)
		return;
	lookup->status = LIST_NONE;
	for (size_t i = 0; i < lookup->count; i++) {
		held = find_held(made, lookup->source->key, lookup->words[i]);
		if (held == NULL)
			continue;
		lookup->status = LIST_FOUND;
		if (held->value != NULL)
			lookup->value = strdup(held->value);
		return;
	}
}

static void
switch_look_up(struct store *store, struct store_lookup lookups[],
    size_t count, int64_t timeout_ms)
{
	(void)timeout_ms;
	for (size_t i = 0; i < count && is_up(store); i++)
		look_up_one(switch_of(store), &lookups[i]);
}

static const struct store_ops switch_ops = {
	.close = switch_close,
	.reconfigure = switch_reconfigure,
	.charge = switch_charge,
	.refund = switch_refund,
	.show = switch_show,
	.get_state = switch_get_state,
	.save = switch_save,
	.marks = {
		.set = switch_set_mark,
		.lift = switch_lift_mark,
		.forget = switch_forget,
		.marks = switch_marks,
		.marked = switch_marked,
	},
	.look_up = switch_look_up,
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

bool
store_switch_add(struct store *store, const char *key, const char *member,
    const char *value)
{
	struct store_switch *made = switch_of(store);
	const struct held *there = find_held(made, key, NULL);
	size_t key_size = strlen(key) + 1, member_size = strlen(member) + 1;
	struct held *held;

	if (there != NULL && (there->value != NULL) != (value != NULL))
		return false;
	store_switch_remove(store, key, member);
	held = malloc(sizeof(*held) + key_size + member_size);
	if (held == NULL)
		return false;
	memcpy(held->key, key, key_size);
	held->member = held->key + key_size;
	memcpy(held->member, member, member_size);
	held->value = value != NULL ? strdup(value) : NULL;
	held->next = made->held;
	made->held = held;
	return value == NULL || held->value != NULL;
}

void
store_switch_remove(struct store *store, const char *key,
    const char *member)
{
	struct held **link = &switch_of(store)->held;

	while (*link != NULL && (strcmp((*link)->key, key) != 0 ||
	    strcmp((*link)->member, member) != 0))
		link = &(*link)->next;
	if (*link != NULL) {
		struct held *held = *link;

		*link = held->next;
		held_free(held);
	}
}
