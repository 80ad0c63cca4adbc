/*
 * ledger.c - what a conversation has been charged and may have to give back
 */
#include "io/ledger.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static bool
make_room(struct ledger *ledger, size_t more)
{
	size_t want = ledger->count + more, room = ledger->room;
	struct ledger_entry *at;

	if (want <= room)
		return true;
	if (want > LEDGER_MAX)
		return false;
	room = room == 0 ? 16 : 2 * room;
	if (room < want)
		room = want;
	at = realloc(ledger->at, room * sizeof(*at));
	if (at == NULL)
		return false;
	ledger->at = at;
	ledger->room = room;
	return true;
}

void
ledger_add(struct ledger *ledger, const struct charge charges[], size_t count,
    int64_t at_ms, bool local)
{
	if (!make_room(ledger, count))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct charge *charge = &charges[i];
		struct ledger_entry *entry = &ledger->at[ledger->count++];

		memcpy(entry->subject, charge->subject,
		    sizeof(entry->subject));
		(void)text_copy(entry->field, sizeof(entry->field),
		    charge->field);
		entry->rule = charge->rule;
		entry->count = charge->rule->limits.count;
		entry->max = charge->max;
		entry->window_ms = charge->window_ms;
		entry->weight = charge->weight;
		entry->at_ms = at_ms;
		entry->observe = charge->observe;
		entry->distinct = charge->distinct;
		entry->element = charge->element;
		entry->local = local;
	}
}

const struct ledger_entry *
ledger_find(const struct ledger *ledger, const char *subject,
    const char *field)
{
	for (size_t i = 0; i < ledger->count; i++)
		if (strcmp(ledger->at[i].field, field) == 0 &&
		    strcmp(ledger->at[i].subject, subject) == 0)
			return &ledger->at[i];
	return NULL;
}

struct refund
ledger_refund_of(const struct ledger_entry *entry, int64_t weight)
{
	return (struct refund){
		.subject = entry->subject,
		.field = entry->field,
		.window_ms = entry->window_ms,
		.weight = weight,
		.at_ms = entry->at_ms,
		.distinct = entry->distinct,
		.element = entry->element,
		.local = entry->local,
	};
}

#define REFUND_BATCH 64

void
ledger_refund(struct ledger *ledger, struct store *store, int64_t now_ms,
    int64_t timeout_ms)
{
	struct refund refunds[REFUND_BATCH];
	size_t n = 0;

	for (size_t i = 0; i < ledger->count; i++) {
		const struct ledger_entry *entry = &ledger->at[i];

		if (entry->weight > 0)
			refunds[n++] = ledger_refund_of(entry, entry->weight);
		if (n == REFUND_BATCH || (n > 0 && i + 1 == ledger->count)) {
			store_refund(store, refunds, n, now_ms, timeout_ms);
			n = 0;
		}
	}
	ledger_keep(ledger);
}

void
ledger_keep(struct ledger *ledger)
{
	ledger->count = 0;
}

void
ledger_clear(struct ledger *ledger)
{
	free(ledger->at);
	memset(ledger, 0, sizeof(*ledger));
}
