/*
 * charge.h - from a limit and a session to a counter's name
 *
 * A subject is what has counters of its own: "user:alice@example.org",
 * "client:2001:db8::/64", or several parts joined by commas. Its text is
 * the key in every store and what `floodgatectl show` takes. It is
 * printable, holds no blank, brace, comma or '%' that is not an escape, and
 * is injective: two subjects never have one text, whatever they contain.
 */
#ifndef FLOODGATE_CORE_CHARGE_H
#define FLOODGATE_CORE_CHARGE_H

#include "core/config.h"
#include "core/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBJECT_OCTETS_MAX 180
#define CHARGES_MAX 48	/* counters that one event can touch */

/*
 * Escape one "kind:value" part, or several. A text that would be longer
 * than SUBJECT_OCTETS_MAX becomes its first 100 octets, '~' and its SHA-256
 * in hex; '~' is escaped elsewhere. buffer[SUBJECT_OCTETS_MAX + 1].
 */
struct subject_part {
	const char *kind;
	const char *value;
	size_t value_length;
};
void subject_build(const struct subject_part parts[], size_t count,
    char *buffer);

struct charge {
	char subject[SUBJECT_OCTETS_MAX + 1];
	const struct rule *rule;	/* not for the store */
	const char *field;	/* the counter within the subject; borrowed
				 * from the configuration; printable */
	int64_t max;		/* >= 0 */
	int64_t window_ms;	/* >= 1000 */
	int64_t weight;		/* >= 0; 0 only looks */
	bool observe;		/* counts whatever the max says */
};

struct charges {
	struct charge at[CHARGES_MAX];
	size_t count;
};

/* What the store says to a set of charges. */
enum charge_status {
	CHARGE_ALLOWED,		/* all are charged */
	CHARGE_REFUSED,		/* none is charged */
	CHARGE_UNAVAILABLE	/* the store did not answer in time */
};

struct charge_answer {
	enum charge_status status;
	size_t refused;		/* REFUSED: the first that is full */
	int64_t retry_ms;	/* REFUSED: until all would pass, as far as is
				 * known now; > 0 */
	int64_t full_ms;	/* REFUSED: until that first one has room for
				 * what was asked of it; > 0 */
	bool misset;		/* UNAVAILABLE: and stays so until somebody
				 * changes how the store is set up */
	int64_t now_ms;		/* the store's clock, for refunds */
	int64_t used[CHARGES_MAX];	/* in the window, after the charge */
};

/*
 * Append a charge for each window of a limit, all on the subject that the
 * session and the recipient (NULL before RCPT) make. Nothing is appended
 * when a key has no value: nobody is authenticated, the sender is <>, the
 * client is local. CHARGES_MAX is never exceeded: the configuration was
 * checked for it.
 */
void charges_add(struct charges *charges, const struct rule *rule,
    const struct config *config, const struct session *session,
    const struct path *recipient, int64_t weight);

#endif
