/*
 * store_redis_parts.c - charges whose subjects are at several nodes
 *
 * On a Cluster one call cannot touch keys of two slots. So there is a call
 * for each slot, all sent before any is waited for, and when one refuses, or
 * gives no answer, what the others have charged is given back, by the time
 * at which their node has charged it. Until then they count: so never too
 * much is admitted, and for that moment perhaps too little.
 *
 * Who refuses is a mark, or the first in the order of the charges, as in one
 * call. A node that is away does not matter when another one refuses.
 */
#include "io/store_redis_inside.h"

#include <string.h>

#include "io/metrics.h"

/* The charges of one slot, and the questions for marks. */
struct part {
	unsigned int place;
	struct redis_asked asked;
	size_t count;
	unsigned char index[CHARGES_MAX];	/* in all charges */
	size_t mark_count;
	unsigned char mark[MARK_QUESTIONS_MAX];	/* in all questions */
	int64_t now_ms;		/* of its node; 0: it has not charged */
};

struct parts {
	size_t count;
	struct part at[CHARGES_MAX + MARK_QUESTIONS_MAX];
};

static struct part *
part_at(struct parts *parts, unsigned int place)
{
	size_t i = 0;

	while (i < parts->count && parts->at[i].place != place)
		i++;
	if (i == parts->count) {
		parts->at[i].place = place;
		parts->at[i].count = parts->at[i].mark_count = 0;
		parts->at[i].now_ms = 0;
		parts->count++;
	}
	return &parts->at[i];
}

static void
split(const struct store_redis *redis, const struct charges *charges,
    struct parts *parts)
{
	struct part *part;

	parts->count = 0;
	for (size_t i = 0; i < charges->count; i++) {
		part = part_at(parts, redis_place(redis,
		    charges->at[i].subject));
		part->index[part->count++] = (unsigned char)i;
	}
	for (size_t i = 0; i < charges->mark_count; i++) {
		part = part_at(parts, redis_place(redis,
		    charges->marks[i].subject));
		part->mark[part->mark_count++] = (unsigned char)i;
	}
}

static void
pick(const struct charges *charges, const struct part *part,
    struct charges *picked)
{
	picked->count = part->count;
	for (size_t i = 0; i < part->count; i++)
		picked->at[i] = charges->at[part->index[i]];
	picked->mark_count = part->mark_count;
	for (size_t i = 0; i < part->mark_count; i++)
		picked->marks[i] = charges->marks[part->mark[i]];
}

/* --- the answer, from those of the parts --- */

static void
add_refusal(const struct part *part, const struct charge_answer *one,
    struct charge_answer *answer)
{
	size_t refused = part->index[one->refused];

	if (answer->full_ms == 0 || refused < answer->refused) {
		answer->refused = refused;
		answer->full_ms = one->full_ms;
	}
	answer->by_refusals = answer->by_refusals || one->by_refusals;
	if (one->retry_ms > answer->retry_ms)
		answer->retry_ms = one->retry_ms;
	if (answer->status != CHARGE_MARKED)
		answer->status = CHARGE_REFUSED;
}

/* As in one call, a mark says more than a counter that is full. */
static void
add_mark(const struct part *part, const struct charge_answer *one,
    struct charge_answer *answer)
{
	size_t marked = part->mark[one->marked];

	if (answer->status == CHARGE_MARKED && answer->marked < marked)
		return;
	answer->status = CHARGE_MARKED;
	answer->marked = marked;
	answer->mark = one->mark;
}

/* What is noted, whatever became of the charges. */
static void
add_notes(const struct part *part, const struct charge_answer *one,
    struct charge_answer *answer)
{
	for (size_t i = 0; i < part->mark_count; i++)
		if ((one->marks_found >> i & 1) != 0)
			answer->marks_found |= UINT32_C(1) << part->mark[i];
	for (size_t i = 0; i < part->count; i++) {
		if ((one->overridden >> i & 1) == 0)
			continue;
		answer->overridden |= UINT64_C(1) << part->index[i];
		answer->max[part->index[i]] = one->max[i];
	}
}

static void
add_answer(struct part *part, const struct charge_answer *one,
    struct charge_answer *answer)
{
	switch (one->status) {
	case CHARGE_ALLOWED:
		part->now_ms = one->now_ms;
		break;
	case CHARGE_REFUSED:
		add_refusal(part, one, answer);
		break;
	case CHARGE_MARKED:
		add_mark(part, one, answer);
		break;
	case CHARGE_UNAVAILABLE:
		if (answer->status == CHARGE_ALLOWED)
			answer->status = CHARGE_UNAVAILABLE;
		answer->misset = answer->misset || one->misset;
		return;
	}
	add_notes(part, one, answer);
	if (answer->now_ms == 0 || one->now_ms < answer->now_ms)
		answer->now_ms = one->now_ms;
	for (size_t i = 0; i < part->count; i++) {
		answer->used[part->index[i]] = one->used[i];
		answer->fresh[part->index[i]] = one->fresh[i];
		answer->leased[part->index[i]] = one->leased[i];
	}
}

static void
wait_for_part(struct store_redis *redis, const struct charges *charges,
    struct part *part, int64_t deadline_ms, struct charge_answer *answer)
{
	struct charge_answer one;
	struct charges picked;
	redisReply *reply;

	memset(&one, 0, sizeof(one));
	pick(charges, part, &picked);
	reply = redis_route_wait(redis->route, &part->asked, deadline_ms,
	    &one.misset);
	redis_charge_read(redis, &picked, reply, &one);
	if (reply != NULL)
		freeReplyObject(reply);
	add_answer(part, &one, answer);
}

/* Each node has a clock of its own. */
static void
note_clocks(const struct parts *parts, struct charge_answer *answer)
{
	for (size_t i = 0; i < parts->count; i++) {
		const struct part *part = &parts->at[i];

		if (part->now_ms == 0)
			continue;
		for (size_t k = 0; k < part->count; k++)
			answer->skew_ms[part->index[k]] =
			    part->now_ms - answer->now_ms;
	}
}

/* --- giving back --- */

static bool
is_same_counter(const struct charge *a, const struct charge *b)
{
	return strcmp(a->field, b->field) == 0 &&
	    strcmp(a->subject, b->subject) == 0;
}

/* How much of charge i was counted for a moment. */
static int64_t
counted_in_vain(const struct charges *charges, size_t i,
    const struct charge_answer *answer)
{
	const struct charge *charge = &charges->at[i];

	if (charge->when != WHEN_ALLOWED)
		return 0;
	return charge->distinct ? answer->fresh[i] :
	    charge->weight + answer->leased[i];
}

/* What `used` tells is without what was counted for a moment. */
static void
undo_part(struct store_redis *redis, const struct charges *charges,
    const struct part *part, struct charge_answer *answer)
{
	struct refund refunds[CHARGES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < part->count; i++) {
		const struct charge *charge = &charges->at[part->index[i]];
		int64_t weight = counted_in_vain(charges, part->index[i],
		    answer);

		for (size_t k = 0; k < part->count; k++)
			if (is_same_counter(&charges->at[part->index[k]],
			    charge))
				answer->used[part->index[i]] -=
				    counted_in_vain(charges, part->index[k],
				    answer);
		if (weight == 0)
			continue;
		refunds[count++] = (struct refund){
			.subject = charge->subject, .field = charge->field,
			.window_ms = charge->window_ms,
			.weight = weight, .at_ms = part->now_ms,
			.distinct = charge->distinct,
			.element = charge->element
		};
	}
	if (count == 0)
		return;
	redis_refund_tell(redis, refunds, count);
	metric_add_many(METRIC_store_undone, (int64_t)count);
	answer->undone = true;
}

/* Those who let it pass do not know that another has refused. */
static void
tell_refusal(struct store_redis *redis, const struct charges *charges,
    const struct part *part)
{
	struct charges told;

	told.count = told.mark_count = 0;
	for (size_t i = 0; i < part->count; i++) {
		const struct charge *charge = &charges->at[part->index[i]];

		if (charge->when == WHEN_REFUSED && charge->weight > 0)
			told.at[told.count++] = *charge;
	}
	if (told.count > 0)
		redis_charge_tell(redis, &told);
}

static void
undo(struct store_redis *redis, const struct charges *charges,
    const struct parts *parts, struct charge_answer *answer)
{
	bool is_refusal = answer->status != CHARGE_UNAVAILABLE &&
	    !answer->by_refusals;

	for (size_t i = 0; i < parts->count; i++) {
		if (parts->at[i].now_ms == 0)
			continue;
		undo_part(redis, charges, &parts->at[i], answer);
		if (is_refusal)
			tell_refusal(redis, charges, &parts->at[i]);
	}
}

/* --- both kinds --- */

void
redis_charge_parts(struct store_redis *redis, const struct charges *charges,
    enum store_mode mode, int64_t deadline_ms, struct charge_answer *answer)
{
	int64_t now_ms = answer->now_ms;
	struct charges picked;
	struct parts parts;

	split(redis, charges, &parts);
	for (size_t i = 0; i < parts.count; i++) {
		pick(charges, &parts.at[i], &picked);
		redis_charge_send(redis, &picked, mode, &parts.at[i].asked);
	}
	answer->status = CHARGE_ALLOWED;
	answer->now_ms = 0;
	for (size_t i = 0; i < parts.count; i++)
		wait_for_part(redis, charges, &parts.at[i], deadline_ms,
		    answer);
	if (answer->now_ms == 0)
		answer->now_ms = now_ms;
	if (answer->status == CHARGE_ALLOWED)
		note_clocks(&parts, answer);
	else if (mode == STORE_CHARGE)
		undo(redis, charges, &parts, answer);
}

void
redis_charge_tell_parts(struct store_redis *redis,
    const struct charges *charges)
{
	struct charges picked;
	struct parts parts;

	split(redis, charges, &parts);
	for (size_t i = 0; i < parts.count; i++) {
		pick(charges, &parts.at[i], &picked);
		redis_charge_tell(redis, &picked);
	}
}

void
redis_refund_parts(struct store_redis *redis, const struct refund refunds[],
    size_t count)
{
	struct refund picked[CHARGES_MAX];
	unsigned int places[CHARGES_MAX];
	bool told[CHARGES_MAX] = {false};

	for (size_t i = 0; i < count; i++)
		places[i] = redis_place(redis, refunds[i].subject);
	for (size_t i = 0; i < count; i++) {
		size_t n = 0;

		for (size_t k = i; k < count; k++) {
			if (told[k] || places[k] != places[i])
				continue;
			picked[n++] = refunds[k];
			told[k] = true;
		}
		if (n > 0)
			redis_refund_tell(redis, picked, n);
	}
}
