/*
 * store_model.c - any store, put through its paces beside an exact log
 */
#include "store_model.h"

#include "base/text.h"
#include "random_rounds.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECTS 6
#define KINDS 5			/* of counters that each of them has */
#define COUNTERS_MAX (SUBJECTS * KINDS * STORE_MODEL_WINDOWS_MAX)
#define ELEMENTS 40		/* that distinct counters meet */
#define RECEIPTS 256
#define SET_MAX 6

/*
 * What was counted. A refund that comes while the event may or may not be in
 * the window any more leaves two answers that are right.
 */
struct logged {
	int64_t at_ms;
	int64_t low;	/* surely counted */
	int64_t high;	/* counted at most */
};

struct counter {
	char subject[64];
	char field[32];
	enum charge_when when;
	bool distinct;
	int64_t seen_ms[ELEMENTS];	/* 0: not there */
	int64_t window_ms;
	int64_t usual_max;
	int64_t max;
	struct logged *events;	/* in order of time */
	size_t count, size;
};

/* What could be refunded. */
struct receipt {
	struct counter *counter;	/* NULL: none yet */
	size_t event;			/* or which element */
	int64_t at_ms;			/* of an element */
	int64_t left;
};

struct model {
	const struct store_model *setup;
	uint64_t random;
	unsigned int round;
	int64_t last_ms;		/* of the answers */
	int64_t longest_ms;		/* of the windows */
	size_t windows;
	struct counter counters[COUNTERS_MAX];
	size_t count;
	struct receipt receipts[RECEIPTS];
	size_t next_receipt;
	unsigned int allowed, refused, refunded, forced, peeked, shown;
	unsigned int counted_refused, by_refusals, fresh, known, unseen;
};

/* One set of charges, and which counter each is of. */
struct set {
	struct charges charges;
	struct counter *of[SET_MAX];
	int64_t so_far[SET_MAX];	/* of that counter, with this one */
	size_t element[SET_MAX];	/* of distinct ones: which */
};

static int64_t
pick(struct model *model, int64_t below)
{
	return random_pick(&model->random, below);
}

static bool
chance(struct model *model, int one_in)
{
	return pick(model, one_in) == 0;
}

/* --- the log --- */

/* How long an event may be held after it has left the window. */
static int64_t
slack(const struct counter *counter)
{
	return counter->window_ms / 60 + 1;
}

static bool
is_there(const struct counter *counter, size_t element, int64_t now_ms)
{
	return counter->seen_ms[element] > now_ms - counter->window_ms &&
	    counter->seen_ms[element] > 0;
}

static int64_t
different(const struct counter *counter, int64_t now_ms)
{
	int64_t sum = 0;

	for (size_t i = 0; i < ELEMENTS; i++)
		sum += is_there(counter, i, now_ms);
	return sum;
}

static int64_t
used_low(const struct counter *counter, int64_t now_ms)
{
	int64_t sum = 0;

	if (counter->distinct)
		return different(counter, now_ms);
	for (size_t i = counter->count; i-- > 0; ) {
		if (counter->events[i].at_ms <= now_ms - counter->window_ms)
			break;
		sum += counter->events[i].low;
	}
	return sum;
}

static int64_t
used_high(const struct counter *counter, int64_t now_ms)
{
	int64_t oldest_ms = now_ms - counter->window_ms - slack(counter);
	int64_t sum = 0;

	if (counter->distinct)
		return different(counter, now_ms);
	for (size_t i = counter->count; i-- > 0; ) {
		if (counter->events[i].at_ms <= oldest_ms)
			break;
		sum += counter->events[i].high;
	}
	return sum;
}

/* The earliest and the latest time that may be told to who is refused. */
static int64_t
wait_low(const struct counter *counter, int64_t now_ms, int64_t weight)
{
	int64_t excess = used_low(counter, now_ms) + weight - counter->max;

	if (weight > counter->max)
		return counter->window_ms;
	for (size_t i = 0; i < counter->count && excess > 0; i++) {
		const struct logged *event = &counter->events[i];

		if (event->at_ms <= now_ms - counter->window_ms)
			continue;
		excess -= event->low;
		if (excess <= 0)
			return event->at_ms + counter->window_ms - now_ms;
	}
	return 0;
}

static int64_t
wait_high(const struct counter *counter, int64_t now_ms, int64_t weight)
{
	int64_t held_ms = counter->window_ms + slack(counter);
	int64_t excess = used_high(counter, now_ms) + weight - counter->max;

	if (weight > counter->max)
		return counter->window_ms;
	for (size_t i = 0; i < counter->count && excess > 0; i++) {
		const struct logged *event = &counter->events[i];

		if (event->at_ms <= now_ms - held_ms)
			continue;
		excess -= event->high;
		if (excess <= 0)
			return event->at_ms + held_ms - now_ms;
	}
	return 0;
}

static void
note(struct model *model, struct counter *counter, int64_t at_ms,
    int64_t weight)
{
	if (counter->count == counter->size) {
		counter->size = counter->size ? 2 * counter->size : 64;
		counter->events = realloc(counter->events,
		    counter->size * sizeof(counter->events[0]));
		ck_assert_ptr_nonnull(counter->events);
	}
	counter->events[counter->count] = (struct logged){
		.at_ms = at_ms, .low = weight, .high = weight };
	model->receipts[model->next_receipt++ % RECEIPTS] = (struct receipt){
		.counter = counter, .event = counter->count, .left = weight };
	counter->count++;
}

/* Until so many of the oldest have left. */
static int64_t
wait_for_elements(const struct counter *counter, int64_t now_ms,
    int64_t excess)
{
	int64_t leaves_ms = 0;

	if (excess > different(counter, now_ms))
		return counter->window_ms;
	for (size_t i = 0; i < ELEMENTS; i++) {
		int64_t before = 0, last_ms = counter->seen_ms[i];

		if (!is_there(counter, i, now_ms))
			continue;
		for (size_t k = 0; k < ELEMENTS; k++)
			before += is_there(counter, k, now_ms) &&
			    (counter->seen_ms[k] < last_ms ||
			    (counter->seen_ms[k] == last_ms && k < i));
		if (before == excess - 1)
			leaves_ms = last_ms + counter->window_ms;
	}
	return leaves_ms - now_ms;
}

/* The element, and past max + 1 the oldest of all go. */
static bool
see(struct model *model, struct counter *counter, size_t element,
    int64_t now_ms)
{
	bool fresh = !is_there(counter, element, now_ms);

	counter->seen_ms[element] = now_ms;
	while (different(counter, now_ms) > counter->max + 1) {
		size_t oldest = ELEMENTS;

		for (size_t i = 0; i < ELEMENTS; i++)
			if (is_there(counter, i, now_ms) &&
			    (oldest == ELEMENTS || counter->seen_ms[i] <
			    counter->seen_ms[oldest]))
				oldest = i;
		counter->seen_ms[oldest] = 0;
	}
	if (fresh)
		model->receipts[model->next_receipt++ % RECEIPTS] =
		    (struct receipt){ .counter = counter, .event = element,
			.at_ms = now_ms, .left = 1 };
	return fresh;
}

static void
see_time(struct model *model, int64_t now_ms)
{
	must(model, now_ms >= model->last_ms, "%lld after %lld",
	    (long long)now_ms, (long long)model->last_ms);
	model->last_ms = now_ms;
}

/* --- one set of charges --- */

static struct counter *pick_counter(struct model *model);

static int64_t
pick_weight(struct model *model, const struct counter *counter)
{
	if (chance(model, 30))
		return 0;
	if (chance(model, 40))
		return counter->max + 1;
	if (chance(model, 8))
		return 1 + pick(model, counter->usual_max);
	return 1 + pick(model, 3);
}

static void
pick_set(struct model *model, struct set *set)
{
	size_t count = chance(model, 3) ? 1 + (size_t)pick(model, SET_MAX) : 1;

	set->charges.count = count;
	set->charges.mark_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct charge *charge = &set->charges.at[i];
		struct counter *counter = i > 0 && chance(model, 10) ?
		    set->of[pick(model, (int64_t)i)] :
		    pick_counter(model);

		memset(charge, 0, sizeof(*charge));
		ck_assert(text_copy(charge->subject, sizeof(charge->subject),
		    counter->subject));
		charge->field = counter->field;
		charge->max = counter->max;
		charge->window_ms = counter->window_ms;
		charge->weight = counter->distinct ? 1 :
		    pick_weight(model, counter);
		charge->observe = chance(model, 12);
		charge->when = counter->when;
		charge->distinct = counter->distinct;
		set->element[i] = (size_t)pick(model,
		    chance(model, 2) ? 6 : ELEMENTS);
		/* In the order of their numbers, as elements of one time. */
		charge->element = (set->element[i] + 1) *
		    UINT64_C(0x0123456789abcdef);
		set->of[i] = counter;
		set->so_far[i] = charge->weight;
		for (size_t k = 0; k < i; k++)
			if (set->of[k] == counter)
				set->so_far[i] += set->charges.at[k].weight;
	}
}

static void
ask(struct model *model, const struct set *set, enum store_mode mode,
    struct charge_answer *answer)
{
	const struct store_model *setup = model->setup;

	memset(answer, 0xa5, sizeof(*answer));
	store_charge(setup->store, &set->charges, mode,
	    setup->now(setup->context), setup->timeout_ms, answer);
	must(model, answer->status != CHARGE_UNAVAILABLE, "mode %d",
	    (int)mode);
	see_time(model, answer->now_ms);
}

/*
 * Is there, surely or perhaps, no room for charge i; and how long is it
 * until there is?
 */
struct room {
	bool lacks, may_lack;
	int64_t low_ms, high_ms;	/* of the wait; 0 where there is room */
};

/* Elements that the set has until this one and the counter has not. */
static int64_t
new_so_far(const struct set *set, size_t i, int64_t now_ms)
{
	bool asked[ELEMENTS] = { false };
	int64_t more = 0;

	if (is_there(set->of[i], set->element[i], now_ms))
		return 0;
	for (size_t k = 0; k <= i; k++) {
		size_t element = set->element[k];

		if (set->of[k] != set->of[i] || asked[element] ||
		    is_there(set->of[k], element, now_ms))
			continue;
		if (k < i && element == set->element[i])
			return 0;
		asked[element] = true;
		more++;
	}
	return more;
}

static struct room
room_for_element(const struct set *set, size_t i, int64_t now_ms)
{
	const struct counter *counter = set->of[i];
	int64_t more = new_so_far(set, i, now_ms);
	int64_t excess = different(counter, now_ms) + more - counter->max;
	struct room room = { .lacks = more > 0 && excess > 0 };

	room.may_lack = room.lacks;
	if (room.lacks)
		room.low_ms = room.high_ms = more > counter->max ?
		    counter->window_ms :
		    wait_for_elements(counter, now_ms, excess);
	return room;
}

static struct room
room_for(const struct set *set, size_t i, int64_t now_ms)
{
	const struct counter *counter = set->of[i];
	int64_t weight = set->so_far[i];
	struct room room;

	if (counter->distinct)
		return room_for_element(set, i, now_ms);
	room.lacks = used_low(counter, now_ms) + weight > counter->max;
	room.may_lack = used_high(counter, now_ms) + weight > counter->max;
	if (counter->when == WHEN_ALWAYS)
		weight += set->charges.at[i].weight;
	room.low_ms = room.lacks ? wait_low(counter, now_ms, weight) : 0;
	room.high_ms = room.may_lack ? wait_high(counter, now_ms, weight) : 0;
	return room;
}

static void
check_used(const struct model *model, const struct set *set,
    const struct charge_answer *answer)
{
	for (size_t i = 0; i < set->charges.count; i++) {
		const struct counter *counter = set->of[i];
		int64_t low = used_low(counter, answer->now_ms);
		int64_t high = used_high(counter, answer->now_ms);

		/* A store may count charges of one set one by one. */
		for (size_t k = i + 1; k < set->charges.count; k++)
			if (set->of[k] == counter)
				low -= set->charges.at[k].weight;
		must(model, answer->used[i] >= low && answer->used[i] <= high,
		    "%s %s: used %lld, the log says %lld to %lld",
		    counter->subject, counter->field,
		    (long long)answer->used[i], (long long)low,
		    (long long)high);
	}
}

static void
check_allowed(const struct model *model, const struct set *set,
    int64_t now_ms)
{
	for (size_t i = 0; i < set->charges.count; i++)
		must(model, set->charges.at[i].observe ||
		    !room_for(set, i, now_ms).lacks, "%s %s: of %lld",
		    set->of[i]->subject, set->of[i]->field,
		    (long long)set->of[i]->max);
}

static void
check_refused(struct model *model, const struct set *set,
    const struct charge_answer *answer)
{
	int64_t earliest = 1, latest = 0;
	bool by_refusals = false, perhaps = false;

	must(model, answer->refused < set->charges.count, "it is %zu of %zu",
	    answer->refused, set->charges.count);
	for (size_t i = 0; i < set->charges.count; i++) {
		const struct counter *counter = set->of[i];
		struct room room = room_for(set, i, answer->now_ms);

		if (set->charges.at[i].observe) {
			must(model, i != answer->refused, "it observes");
			continue;
		}
		must(model, i != answer->refused || room.may_lack,
		    "%s %s: room under %lld", counter->subject,
		    counter->field, (long long)counter->max);
		must(model, i >= answer->refused || !room.lacks,
		    "%zu is not the first full one, %zu is", answer->refused,
		    i);
		if (counter->when == WHEN_REFUSED) {
			by_refusals = by_refusals || room.lacks;
			perhaps = perhaps || room.may_lack;
		}
		earliest = room.low_ms > earliest ? room.low_ms : earliest;
		latest = room.high_ms > latest ? room.high_ms : latest;
	}
	must(model, answer->retry_ms >= earliest && answer->retry_ms <= latest,
	    "retry in %lld, the log says %lld to %lld",
	    (long long)answer->retry_ms, (long long)earliest,
	    (long long)latest);
	must(model, answer->by_refusals ? perhaps : !by_refusals,
	    "by refusals: %d", answer->by_refusals);
	model->by_refusals += answer->by_refusals;
}

/* Written out, not taken from the core. */
static bool
is_counted(const struct charge *charge, const struct charge_answer *answer)
{
	bool refused = answer->status == CHARGE_REFUSED;

	switch (charge->when) {
	case WHEN_ALLOWED:
		return !refused;
	case WHEN_ALWAYS:
		return true;
	case WHEN_REFUSED:
		return refused && !answer->by_refusals;
	case WHEN_NEVER:
		break;
	}
	return false;
}

/*
 * One that was there when the set came, and that another of the set pushed
 * out before its turn, may be called fresh or not.
 */
static void
check_fresh(const struct model *model, const struct set *set, size_t i,
    const struct charge_answer *answer, bool was_there, bool fresh)
{
	must(model, answer->fresh[i] == fresh || (fresh && was_there),
	    "%s %s %zu: fresh %d", set->charges.at[i].subject,
	    set->charges.at[i].field, set->element[i], fresh);
}

static void
count_set(struct model *model, const struct set *set,
    const struct charge_answer *answer, bool forced)
{
	bool was_there[SET_MAX];

	for (size_t i = 0; i < set->charges.count; i++)
		was_there[i] = is_there(set->of[i], set->element[i],
		    answer->now_ms);
	for (size_t i = 0; i < set->charges.count; i++) {
		const struct charge *charge = &set->charges.at[i];
		bool fresh;

		if (charge->weight == 0 ||
		    (!forced && !is_counted(charge, answer)))
			continue;
		model->counted_refused += answer->status == CHARGE_REFUSED;
		if (!charge->distinct) {
			note(model, set->of[i], answer->now_ms,
			    charge->weight);
			continue;
		}
		fresh = see(model, set->of[i], set->element[i],
		    answer->now_ms);
		check_fresh(model, set, i, answer, was_there[i], fresh);
		model->fresh += fresh;
		model->known += !fresh;
	}
}

static void
charge(struct model *model)
{
	struct set set;
	struct charge_answer answer;

	pick_set(model, &set);
	ask(model, &set, STORE_CHARGE, &answer);
	if (answer.status == CHARGE_ALLOWED) {
		check_allowed(model, &set, answer.now_ms);
		model->allowed++;
	} else {
		check_refused(model, &set, &answer);
		model->refused++;
	}
	count_set(model, &set, &answer, false);
	check_used(model, &set, &answer);
}

static void
force(struct model *model)
{
	struct set set;
	struct charge_answer answer;

	pick_set(model, &set);
	ask(model, &set, STORE_FORCE, &answer);
	must(model, answer.status == CHARGE_ALLOWED, "a forced one");
	count_set(model, &set, &answer, true);
	check_used(model, &set, &answer);
	model->forced++;
}

static void
peek_at(struct model *model, struct counter *counter)
{
	struct set set;
	struct charge_answer answer;

	pick_set(model, &set);
	if (counter != NULL) {
		set.charges.count = 1;
		set.of[0] = counter;
		ck_assert(text_copy(set.charges.at[0].subject,
		    sizeof(set.charges.at[0].subject), counter->subject));
		set.charges.at[0].field = counter->field;
		set.charges.at[0].max = counter->max;
		set.charges.at[0].window_ms = counter->window_ms;
		set.charges.at[0].when = counter->when;
		set.charges.at[0].distinct = counter->distinct;
	}
	/* What is used now, without the weights of the set. */
	for (size_t i = 0; i < set.charges.count; i++)
		set.charges.at[i].weight = 0;
	ask(model, &set, STORE_PEEK, &answer);
	check_used(model, &set, &answer);
	model->peeked++;
}

/* A peek that would count, if it were a charge. */
static void
peek_weighty(struct model *model)
{
	struct set set;
	struct charge_answer answer;

	pick_set(model, &set);
	ask(model, &set, STORE_PEEK, &answer);
	peek_at(model, set.of[0]);
}

static void
forget(struct model *model, struct receipt *receipt)
{
	const struct store_model *setup = model->setup;
	struct counter *counter = receipt->counter;
	const struct refund refund = {
		.subject = counter->subject,
		.field = counter->field,
		.window_ms = counter->window_ms,
		.weight = 1,
		.at_ms = receipt->at_ms,
		.distinct = true,
		.element = (receipt->event + 1) *
		    UINT64_C(0x0123456789abcdef),
	};

	store_refund(setup->store, &refund, 1, setup->now(setup->context),
	    setup->timeout_ms);
	receipt->left = 0;
	if (counter->seen_ms[receipt->event] == receipt->at_ms) {
		counter->seen_ms[receipt->event] = 0;
		model->unseen++;
	}
	peek_at(model, counter);
}

static void
refund(struct model *model)
{
	const struct store_model *setup = model->setup;
	struct receipt *receipt =
	    &model->receipts[pick(model, RECEIPTS)];
	struct counter *counter = receipt->counter;
	struct logged *event;
	struct refund refund;

	if (counter == NULL || receipt->left == 0)
		return;
	if (counter->distinct) {
		forget(model, receipt);
		return;
	}
	event = &counter->events[receipt->event];
	refund = (struct refund){
		.subject = counter->subject,
		.field = counter->field,
		.window_ms = counter->window_ms,
		.weight = chance(model, 3) ? 1 + pick(model, receipt->left) :
		    receipt->left,
		.at_ms = event->at_ms,
	};
	store_refund(setup->store, &refund, 1, setup->now(setup->context),
	    setup->timeout_ms);
	receipt->left -= refund.weight;
	event->low -= refund.weight;
	peek_at(model, counter);
	if (event->at_ms > model->last_ms - counter->window_ms) {
		event->high -= refund.weight;
		model->refunded++;
		peek_at(model, counter);
	}
}

static void
show(struct model *model)
{
	const struct store_model *setup = model->setup;
	struct counter *one =
	    &model->counters[pick(model, (int64_t)model->count)];
	struct store_counter shown[KINDS * STORE_MODEL_WINDOWS_MAX];
	int64_t before_ms = model->last_ms;
	size_t found = 0;
	int count;

	count = store_show(setup->store, one->subject,
	    setup->now(setup->context), setup->timeout_ms, shown,
	    KINDS * STORE_MODEL_WINDOWS_MAX);
	must(model, count >= 0 && count <= (int)(KINDS * model->windows),
	    "%d", count);
	peek_at(model, one);
	for (size_t i = 0; i < model->count; i++) {
		const struct counter *counter = &model->counters[i];
		int k = 0;

		if (strcmp(counter->subject, one->subject) != 0)
			continue;
		while (k < count && strcmp(shown[k].field, counter->field))
			k++;
		must(model, k < count ||
		    used_low(counter, model->last_ms) == 0, "%s of %s",
		    counter->field, counter->subject);
		if (k == count)
			continue;
		found++;
		must(model, shown[k].window_ms == counter->window_ms, "%s",
		    counter->field);
		must(model, shown[k].used >= used_low(counter, model->last_ms)
		    && shown[k].used <= used_high(counter, before_ms),
		    "%s: shown as %lld", counter->field,
		    (long long)shown[k].used);
		must(model, shown[k].used == 0 ? shown[k].frees_ms == 0 :
		    shown[k].frees_ms > 0 && shown[k].frees_ms <=
		    counter->window_ms + slack(counter), "%s: in %lld",
		    counter->field, (long long)shown[k].frees_ms);
	}
	must(model, found == (size_t)count, "%zu of %d", found, count);
	model->shown++;
}

static void
change_max(struct model *model)
{
	struct counter *counter =
	    &model->counters[pick(model, (int64_t)model->count)];

	counter->max = chance(model, 2) ? counter->usual_max :
	    pick(model, 2 * counter->usual_max + 1);
}

/* --- the run --- */

static void
make_counters(struct model *model)
{
	static const int64_t maxima[] = { 3, 10, 25, 60, 100, 1000 };
	const struct store_model *setup = model->setup;

	while (model->windows < STORE_MODEL_WINDOWS_MAX &&
	    setup->windows_ms[model->windows] > 0)
		model->windows++;
	ck_assert(model->windows > 0);
	for (size_t i = 0; i < SUBJECTS * KINDS * model->windows; i++) {
		struct counter *counter = &model->counters[model->count++];
		size_t subject = i / model->windows / KINDS;
		size_t kind = i / model->windows % KINDS;
		struct text text;

		counter->distinct = kind == KINDS - 1;
		counter->when = counter->distinct ? WHEN_ALLOWED :
		    (enum charge_when)kind;
		counter->window_ms = setup->windows_ms[i % model->windows];
		if (counter->window_ms > model->longest_ms)
			model->longest_ms = counter->window_ms;
		counter->usual_max = counter->distinct ?
		    (int64_t)(4 * subject) : maxima[subject];
		counter->max = counter->usual_max;
		TEXT_INIT(&text, counter->subject);
		text_printf(&text, "user:model-%u-%zu@example.org",
		    setup->seed, subject);
		TEXT_INIT(&text, counter->field);
		text_printf(&text, "model%zu/%lldms", kind,
		    (long long)counter->window_ms);
	}
}

/* Plain ones and those of different ones are asked more often. */
static struct counter *
pick_counter(struct model *model)
{
	struct counter *counter;

	do
		counter = &model->counters[pick(model,
		    (int64_t)model->count)];
	while (counter->when != WHEN_ALLOWED && !chance(model, 3));
	return counter;
}

static void
pause_a_while(struct model *model)
{
	const struct store_model *setup = model->setup;
	int64_t window_ms =
	    setup->windows_ms[pick(model, (int64_t)model->windows)];
	int64_t kind = pick(model, 64);
	int64_t ms;

	if (kind < 32)
		return;
	if (kind < 56)
		ms = pick(model, window_ms / 100 + 1);
	else if (kind < 63)
		ms = pick(model, window_ms / 5 + 1);
	else
		ms = pick(model, 2 * window_ms);
	if (setup->pause_max_ms > 0 && ms > setup->pause_max_ms)
		ms = setup->pause_max_ms;
	if (ms > 0)
		setup->advance(setup->context, ms);
}

static void
play_round(struct model *model)
{
	int64_t kind = pick(model, 100);

	if (kind < 68)
		charge(model);
	else if (kind < 72)
		force(model);
	else if (kind < 76)
		peek_at(model, NULL);
	else if (kind < 78)
		peek_weighty(model);
	else if (kind < 92)
		refund(model);
	else if (kind < 96)
		show(model);
	else
		change_max(model);
}

void
store_model_run(const struct store_model *setup)
{
	struct model *model = calloc(1, sizeof(*model));

	ck_assert_ptr_nonnull(model);
	model->setup = setup;
	model->random = random_begin(setup->seed);
	make_counters(model);
	for (; model->round < setup->rounds; model->round++) {
		pause_a_while(model);
		play_round(model);
	}
	/* A run that met only one answer has shown nothing. */
	must(model, setup->rounds < 1000 || (model->allowed > 100 &&
	    model->refused > 20 && model->refunded > 10 && model->forced > 10
	    && model->peeked > 10 && model->shown > 10 && model->known > 10 &&
	    model->fresh > 10 && model->unseen > 0 &&
	    model->counted_refused > 10 && model->by_refusals > 0),
	    "allowed %u, refused %u, refunded %u, forced %u, peeked %u, "
	    "shown %u, known %u, fresh %u, unseen %u, counted although "
	    "refused %u, refused by refusals %u",
	    model->allowed, model->refused, model->refunded, model->forced,
	    model->peeked, model->shown, model->known, model->fresh,
	    model->unseen, model->counted_refused, model->by_refusals);
	for (size_t i = 0; i < model->count; i++)
		free(model->counters[i].events);
	free(model);
}
