/*
 * ledger.h - what a conversation has been charged and may have to give back
 *
 * A message's ledger is settled at its end: kept when the message is
 * accepted, refunded when it is not. A connection's ledger is refunded when
 * it closes. Holds copies, so that it outlives the configuration it was
 * charged under. Not shared between threads.
 */
#ifndef FLOODGATE_IO_LEDGER_H
#define FLOODGATE_IO_LEDGER_H

#include "core/charge.h"
#include "io/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Past this, charges are no longer noted down: they stay counted even when
 * the message is given up, which errs to the safe side.
 */
#define LEDGER_MAX 20000
#define LEDGER_FIELD_SIZE 96

struct ledger_entry {
	char subject[SUBJECT_OCTETS_MAX + 1];
	char field[LEDGER_FIELD_SIZE];
	const struct rule *rule;	/* valid within the transaction */
	enum count count;
	int64_t max;
	int64_t window_ms;
	int64_t weight;
	int64_t at_ms;			/* the store's clock */
	bool observe;
	bool distinct;
	uint64_t element;
	bool local;			/* by the embedded store: see refund */
};

struct ledger {
	struct ledger_entry *at;
	size_t count;
	size_t room;
};

/*
 * Note down what the store, or the embedded one instead of it, has charged
 * at `at_ms`.
 */
void ledger_add(struct ledger *ledger, const struct charge charges[],
    size_t count, int64_t at_ms, bool local);

/* The entry of this counter, or NULL. */
const struct ledger_entry *ledger_find(const struct ledger *ledger,
    const char *subject, const char *field);

/* To give back `weight` of an entry; its subject and field are borrowed. */
struct refund ledger_refund_of(const struct ledger_entry *entry,
    int64_t weight);

/* Give everything back to the store, and forget it. */
void ledger_refund(struct ledger *ledger, struct store *store,
    int64_t now_ms, int64_t timeout_ms);

/* Forget everything: it stays charged. */
void ledger_keep(struct ledger *ledger);
void ledger_clear(struct ledger *ledger);	/* and free */

#endif
