/*
 * lease_model.c - several daemons with leases, beside an exact log
 */
#include "lease_model.h"

#include "base/text.h"
#include "random_rounds.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS INT64_C(1800000000000)
#define COUNTERS 6
#define EVENTS_MAX 20000
#define RECEIPTS 128
#define SET_MAX 3
#define TIMEOUT_MS 2000

/* --- a store that lends --- */

struct lessor {
	struct store store;
	struct store *memory;	/* borrowed: it stays when this is closed */
};

/* To look and to lend is one step. */
static pthread_mutex_t lessors_lock = PTHREAD_MUTEX_INITIALIZER;

static struct lessor *
lessor_of(struct store *store)
{
	return (struct lessor *)store;
}

static void
lessor_close(struct store *store)
{
	free(store);
}

/* Half of what is free now, which is counted like the rest. */
static void
lend(struct store *store, const struct charges *charges, int64_t now_ms,
    struct charge_answer *answer)
{
	struct charges more = {.count = 0};
	struct charge_answer counted;

	for (size_t i = 0; i < charges->count; i++) {
		const struct charge *charge = &charges->at[i];
		int64_t half = (charge->max - answer->used[i]) / 2;

		if (charge->lease_units == 0 || charge->weight == 0)
			continue;
		answer->leased[i] = half < charge->lease_units ? half :
		    charge->lease_units;
		more.count = 1;
		more.at[0] = *charge;
		more.at[0].weight = answer->leased[i];
		store_charge(lessor_of(store)->memory, &more, STORE_FORCE,
		    now_ms, 0, &counted);
		answer->used[i] += answer->leased[i];
	}
}

static void
lessor_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	struct lessor *lessor = lessor_of(store);

	pthread_mutex_lock(&lessors_lock);
	store_charge(lessor->memory, charges, mode, now_ms, timeout_ms,
	    answer);
	memset(answer->leased, 0, sizeof(answer->leased));
	if (mode == STORE_CHARGE && answer->status == CHARGE_ALLOWED)
		lend(store, charges, now_ms, answer);
	pthread_mutex_unlock(&lessors_lock);
}

static void
lessor_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	store_refund(lessor_of(store)->memory, refunds, count, now_ms,
	    timeout_ms);
}

static void
lessor_get_state(struct store *store, struct store_state *state)
{
	store_get_state(lessor_of(store)->memory, state);
}

static const struct store_ops lessor_ops = {
	.close = lessor_close,
	.charge = lessor_charge,
	.refund = lessor_refund,
	.get_state = lessor_get_state,
};

struct store *
lessor_open(struct store *below)
{
	struct lessor *lessor = calloc(1, sizeof(*lessor));

	ck_assert_ptr_nonnull(lessor);
	lessor->store.ops = &lessor_ops;
	lessor->memory = below;
	return &lessor->store;
}

/* --- the wire to it, which may fail --- */

enum wire_state { WIRE_UP, WIRE_MUTE, WIRE_DEAD };

struct wire {
	struct store store;
	enum wire_state state;
};

static struct wire *
wire_of(struct store *store)
{
	return (struct wire *)store;
}

static void
wire_close(struct store *store)
{
	free(store);
}

/* A question may arrive whose answer does not. */
static void
wire_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	if (wire_of(store)->state != WIRE_DEAD)
		store_charge(store->below, charges, mode, now_ms, timeout_ms,
		    answer);
	if (wire_of(store)->state == WIRE_UP)
		return;
	memset(answer, 0, sizeof(*answer));
	answer->status = CHARGE_UNAVAILABLE;
}

/* Nobody waits for a refund but who looks for it. */
static void
wire_refund(struct store *store, const struct refund refunds[], size_t count,
    int64_t now_ms, int64_t timeout_ms)
{
	static const struct charges nothing = {.count = 1, .at = {{
		.subject = "domain:0", .field = "none", .window_ms = 1000
	}}};
	struct charge_answer answer;

	if (wire_of(store)->state == WIRE_DEAD)
		return;
	store_refund(store->below, refunds, count, now_ms, timeout_ms);
	store_charge(store->below, &nothing, STORE_PEEK, now_ms, timeout_ms,
	    &answer);
}

static const struct store_ops wire_ops = {
	.close = wire_close,
	.charge = wire_charge,
	.refund = wire_refund,
};

/* --- the model --- */

struct logged {
	int64_t at_ms, weight;	/* weight 0: it was given back */
};

struct counter {
	char subject[64], field[32];
	int64_t max, span_ms, lease_ms, lease_units;
	struct logged *events;
	size_t count;
};

/* What could be given back, by whom. */
struct receipt {
	struct counter *counter;	/* NULL: none */
	size_t event;
	int daemon;
	int64_t at_ms;	/* as the store says */
};

struct model {
	const struct lease_model *setup;
	uint64_t random;
	unsigned int round;
	struct counter counters[COUNTERS];
	struct store *wire[LEASE_MODEL_DAEMONS_MAX];
	struct store *daemon[LEASE_MODEL_DAEMONS_MAX];
	struct receipt receipts[RECEIPTS];
	size_t next_receipt;
	bool lost;	/* units that nobody can give back */
	unsigned int allowed, refused, refunded, failed, ended;
};

static int64_t model_now_ms;

static int64_t
model_clock(void)
{
	return model_now_ms - START_MS;
}

static int64_t
pick(struct model *model, int64_t below)
{
	return random_pick(&model->random, below);
}

static void
set_now(struct model *model, int64_t now_ms)
{
	model_now_ms = now_ms;
	model->setup->set_now(now_ms);
}

/* What was let in within `span_ms` and is not given back. */
static int64_t
let_in(const struct counter *counter, int64_t span_ms)
{
	int64_t sum = 0;

	for (size_t i = counter->count; i-- > 0; ) {
		if (counter->events[i].at_ms <= model_now_ms - span_ms)
			break;
		sum += counter->events[i].weight;
	}
	return sum;
}

/* For so long an event may be held at most. */
static int64_t
held_ms(const struct counter *counter)
{
	int64_t window_ms = counter->span_ms + counter->lease_ms;

	return window_ms + window_ms / 60 + 1;
}

static void
open_daemon(struct model *model, int i)
{
	struct wire *wire = calloc(1, sizeof(*wire));
	char why[128];

	ck_assert_ptr_nonnull(wire);
	wire->store.ops = &wire_ops;
	wire->store.below = model->setup->connect();
	model->wire[i] = &wire->store;
	model->daemon[i] = store_lease_open(&wire->store, model_clock, false,
	    why, sizeof(why));
	ck_assert_msg(model->daemon[i] != NULL, "%s", why);
}

/* It ends, and gives nothing back; another one takes its place. */
static void
end_daemon(struct model *model, int i)
{
	wire_of(model->wire[i])->state = WIRE_DEAD;
	store_close(&model->daemon[i]);
	for (size_t k = 0; k < RECEIPTS; k++)
		if (model->receipts[k].daemon == i)
			model->receipts[k].counter = NULL;
	open_daemon(model, i);
	model->lost = true;
	model->ended++;
}

static void
add_charge(struct model *model, struct counter *counter,
    struct charges *charges)
{
	struct charge *charge = &charges->at[charges->count++];

	memset(charge, 0, sizeof(*charge));
	ck_assert(text_copy(charge->subject, sizeof(charge->subject),
	    counter->subject));
	charge->field = counter->field;
	charge->max = counter->max;
	charge->window_ms = counter->span_ms + counter->lease_ms;
	charge->lease_ms = counter->lease_ms;
	charge->lease_units = counter->lease_units;
	charge->weight = pick(model, 10) > 0 ? 1 : pick(model, 12);
}

/* One admission too many is seen as soon as it is made. */
static void
note_let_in(struct model *model, struct counter *counter, int daemon,
    const struct charge *charge, int64_t at_ms)
{
	int64_t sum;

	if (charge->weight == 0)
		return;
	must(model, counter->count < EVENTS_MAX, "%u rounds", model->round);
	model->receipts[model->next_receipt++ % RECEIPTS] = (struct receipt){
		.counter = counter, .event = counter->count, .daemon = daemon,
		.at_ms = at_ms
	};
	counter->events[counter->count++] = (struct logged){
		.at_ms = model_now_ms, .weight = charge->weight
	};
	sum = let_in(counter, counter->span_ms);
	must(model, sum <= counter->max, "%s %s: %lld of %lld", counter->subject,
	    counter->field, (long long)sum, (long long)counter->max);
}

/* What all daemons could still spend. */
static int64_t
leased(const struct model *model)
{
	struct store_state state;
	int64_t sum = 0;

	for (int i = 0; i < model->setup->daemons; i++) {
		memset(&state, 0, sizeof(state));
		store_get_state(model->daemon[i], &state);
		sum += state.leased_units;
	}
	return sum;
}

/* Its own lease does not stand in the way of who is refused. */
static void
check_refused(const struct model *model, struct counter *const of[],
    const struct charges *charges, const struct charge_answer *answer)
{
	const struct counter *counter = of[answer->refused];
	int64_t weight = 0, held = let_in(counter, held_ms(counter));

	for (size_t i = 0; i <= answer->refused; i++)
		if (of[i] == counter)
			weight += charges->at[i].weight;
	must(model, model->lost ||
	    held + leased(model) + weight > counter->max,
	    "%s %s: %lld and %lld of %lld, %lld leased", counter->subject,
	    counter->field, (long long)weight, (long long)held,
	    (long long)counter->max, (long long)leased(model));
}

static void
charge(struct model *model, int daemon)
{
	struct charges charges = {.count = 0};
	struct counter *of[SET_MAX];
	struct charge_answer answer;
	int64_t first = pick(model, COUNTERS), count = 1 + pick(model, SET_MAX);

	for (int64_t i = 0; i < count; i++) {
		of[i] = &model->counters[(first + i) % COUNTERS];
		add_charge(model, of[i], &charges);
	}
	memset(&answer, 0xa5, sizeof(answer));
	store_charge(model->daemon[daemon], &charges, STORE_CHARGE,
	    model_now_ms, TIMEOUT_MS, &answer);
	switch (answer.status) {
	case CHARGE_ALLOWED:
		for (int64_t i = 0; i < count; i++)
			note_let_in(model, of[i], daemon, &charges.at[i],
			    answer.now_ms + answer.skew_ms[i]);
		model->allowed++;
		break;
	case CHARGE_REFUSED:
		check_refused(model, of, &charges, &answer);
		model->refused++;
		break;
	case CHARGE_UNAVAILABLE:
		model->lost = true;
		model->failed++;
		break;
	case CHARGE_MARKED:
		must(model, false, "nobody asked for marks");
	}
}

static void
charge_without_answer(struct model *model, int daemon)
{
	struct wire *wire = wire_of(model->wire[daemon]);

	wire->state = pick(model, 2) > 0 ? WIRE_MUTE : WIRE_DEAD;
	charge(model, daemon);
	wire->state = WIRE_UP;
}

static void
refund(struct model *model)
{
	struct receipt *receipt = &model->receipts[pick(model, RECEIPTS)];
	struct logged *event;
	struct refund refund;

	if (receipt->counter == NULL)
		return;
	event = &receipt->counter->events[receipt->event];
	refund = (struct refund){
		.subject = receipt->counter->subject,
		.field = receipt->counter->field,
		.window_ms = receipt->counter->span_ms +
		    receipt->counter->lease_ms,
		.weight = event->weight, .at_ms = receipt->at_ms
	};
	store_refund(model->daemon[receipt->daemon], &refund, 1, model_now_ms,
	    TIMEOUT_MS);
	event->weight = 0;
	receipt->counter = NULL;
	model->refunded++;
}

static void
pass_time(struct model *model)
{
	const struct counter *counter = &model->counters[0];
	int64_t kind = pick(model, 100), ms = 0;

	if (kind < 60)
		ms = pick(model, counter->span_ms / 200);
	else if (kind < 66)
		ms = pick(model, 2 * counter->span_ms / 60);
	else if (kind < 68)
		ms = pick(model, 2 * counter->span_ms);
	set_now(model, model_now_ms + ms);
}

static void
play_round(struct model *model)
{
	int daemon = (int)pick(model, model->setup->daemons);
	int64_t kind = pick(model, 1000);

	if (kind < 780)
		charge(model, daemon);
	else if (kind < 880)
		refund(model);
	else if (kind < 980 || !model->setup->misfortunes)
		store_lease_settle(model->daemon[daemon], model_now_ms);
	else if (kind < 990)
		charge_without_answer(model, daemon);
	else
		end_daemon(model, daemon);
}

/* Of several windows, leases and sizes; the last ones have no lease. */
static void
make_counters(struct model *model)
{
	static const int64_t maxima[COUNTERS] = {100, 300, 12, 40, 60, 1000};
	static const int64_t units[COUNTERS] = {10, 40, 12, 7, 0, 200};

	for (size_t i = 0; i < COUNTERS; i++) {
		struct counter *counter = &model->counters[i];

		snprintf(counter->subject, sizeof(counter->subject),
		    "domain:%u-%zu", model->setup->seed, i / 2);
		snprintf(counter->field, sizeof(counter->field), "quota/%zu",
		    i);
		counter->max = maxima[i];
		counter->lease_units = units[i];
		counter->span_ms = model->setup->window_ms *
		    (i == 3 ? 4 : 1);
		if (units[i] > 0)
			counter->lease_ms = model->setup->window_ms / 60;
		counter->events = calloc(EVENTS_MAX,
		    sizeof(*counter->events));
		ck_assert_ptr_nonnull(counter->events);
	}
}

/* All that was taken along and not spent is free again. */
static void
check_end(struct model *model)
{
	struct charges all = {.count = 0};
	struct charge_answer answer;

	set_now(model, model_now_ms + model->setup->window_ms / 60);
	for (int i = 0; i < model->setup->daemons; i++)
		store_lease_settle(model->daemon[i], model_now_ms);
	must(model, leased(model) == 0, "%lld are left",
	    (long long)leased(model));
	for (size_t i = 0; i < COUNTERS; i++) {
		add_charge(model, &model->counters[i], &all);
		all.at[i].weight = 0;
	}
	store_charge(model->daemon[0], &all, STORE_PEEK, model_now_ms,
	    TIMEOUT_MS, &answer);
	for (size_t i = 0; i < COUNTERS; i++) {
		const struct counter *counter = &model->counters[i];
		int64_t low = let_in(counter, counter->span_ms);
		int64_t high = let_in(counter, held_ms(counter));

		must(model, answer.used[i] >= low && (model->lost ||
		    answer.used[i] <= high), "%s: used %lld, the log says "
		    "%lld to %lld", counter->field,
		    (long long)answer.used[i], (long long)low,
		    (long long)high);
	}
}

void
lease_model_run(const struct lease_model *setup)
{
	struct model *model = calloc(1, sizeof(*model));

	ck_assert_ptr_nonnull(model);
	model->setup = setup;
	model->random = random_begin(setup->seed);
	set_now(model, START_MS);
	make_counters(model);
	for (int i = 0; i < setup->daemons; i++)
		open_daemon(model, i);
	for (; model->round < setup->rounds; model->round++) {
		pass_time(model);
		play_round(model);
	}
	check_end(model);
	must(model, model->allowed > setup->rounds / 4 &&
	    model->refused > setup->rounds / 50 &&
	    model->refunded > setup->rounds / 50 &&
	    (model->failed > 0 && model->ended > 0) == setup->misfortunes,
	    "allowed %u, refused %u, refunded %u, failed %u, ended %u",
	    model->allowed, model->refused, model->refunded, model->failed,
	    model->ended);
	for (int i = 0; i < setup->daemons; i++)
		store_close(&model->daemon[i]);
	for (size_t i = 0; i < COUNTERS; i++)
		free(model->counters[i].events);
	free(model);
}
