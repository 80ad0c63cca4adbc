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

/* Marks: see mark.def. */
enum mark_kind {
#define MARK(name, refuses, help) MARK_##name,
#include "core/mark.def"
	MARK_COUNT
};
extern const char *const mark_names[MARK_COUNT];
bool mark_refuses(enum mark_kind kind);

struct mark {
	enum mark_kind kind;
	int64_t until_ms;	/* since 1970; 0: until it is lifted */
};

/* Is a subject of the session marked? Asked along with the charges. */
struct mark_question {
	char subject[SUBJECT_OCTETS_MAX + 1];
	const struct rule *rule;	/* not for the store */
	enum key key;			/* what the subject is made of */
	bool observe;	/* a mark is found, but the charges go on */
	bool known;	/* this message was found without it: not worth a
			 * trip of its own */
};
#define MARK_QUESTIONS_MAX 16

/* Once a set of charges is judged, which of them are counted? */
enum charge_when {
	WHEN_ALLOWED,	/* when all pass: it is one step with the others */
	WHEN_ALWAYS,	/* in either case */
	WHEN_REFUSED,	/* when some refuse, or a mark, but none of this kind */
	WHEN_NEVER	/* only asked: is there room for the weight? */
};

struct charge {
	char subject[SUBJECT_OCTETS_MAX + 1];
	const struct rule *rule;	/* not for the store */
	const char *field;	/* the counter within the subject; borrowed
				 * from the configuration; printable */
	int64_t max;		/* >= 0 */
	int64_t window_ms;	/* >= 1000 */
	int64_t weight;		/* >= 0; 0 only looks */
	bool observe;		/* refuses nothing, whatever the max says */
	enum charge_when when;
	/*
	 * How many different ones there are is counted, not how often: the
	 * hash of this one. One that was seen within the window is no other.
	 */
	bool distinct;
	uint64_t element;
	/*
	 * Beside the weight, so many may be taken along to be spent within
	 * lease_ms, which window_ms includes: what is spent last is held for
	 * a whole window, too. 0: none; lease_ms alone: others may do so.
	 */
	int64_t lease_units;
	int64_t lease_ms;
};

struct charges {
	struct charge at[CHARGES_MAX];
	size_t count;
	struct mark_question marks[MARK_QUESTIONS_MAX];
	size_t mark_count;
};

/* What the store says to a set of charges. */
enum charge_status {
	CHARGE_ALLOWED,		/* all are charged, but see charge_when */
	CHARGE_REFUSED,		/* none is charged, but see charge_when */
	CHARGE_MARKED,		/* a subject asked about is: likewise */
	CHARGE_UNAVAILABLE	/* the store did not answer in time */
};

struct charge_answer {
	enum charge_status status;
	size_t refused;		/* REFUSED: the first that is full */
	int64_t retry_ms;	/* REFUSED: until all would pass, as far as is
				 * known now; > 0 */
	int64_t full_ms;	/* REFUSED: until that first one has room for
				 * what was asked of it; > 0 */
	bool by_refusals;	/* REFUSED: by one that is WHEN_REFUSED */
	bool misset;		/* UNAVAILABLE: and stays so until somebody
				 * changes how the store is set up */
	bool undone;		/* some were charged for a moment, and given
				 * back: who was refused then may come */
	int64_t now_ms;		/* the store's clock, for refunds */
	int64_t skew_ms[CHARGES_MAX];	/* by how much that of the server
					 * that has this charge is ahead */
	int64_t used[CHARGES_MAX];	/* in the window, after the charge */
	uint64_t overridden;	/* bits of charges whose max is another now */
	int64_t max[CHARGES_MAX];	/* of these */
	size_t marked;		/* MARKED: the first that does not observe */
	struct mark mark;	/* MARKED: what is noted on it */
	uint32_t marks_found;	/* bits of mark questions; observed, too */
	bool fresh[CHARGES_MAX];	/* distinct and counted: it was not
					 * there before */
	int64_t leased[CHARGES_MAX];	/* ALLOWED: taken along, and counted
					 * like the weight */
};

/* The max that the answer speaks of. */
int64_t charge_max(const struct charges *charges,
    const struct charge_answer *answer, size_t index);

/*
 * Is it counted, given status and by_refusals? Said here for all stores;
 * charge.lua is the same inside Redis.
 */
bool charge_is_counted(const struct charge *charge,
    const struct charge_answer *answer);

/*
 * What must fit: of a charge that is counted when it is refused, the next
 * one waits for itself and for this one.
 */
int64_t charge_awaited(const struct charge *charge, int64_t weight);

/*
 * The hash of what a distinct count has to tell apart: the same on all
 * hosts that share a store and its prefix, which is part of it. False when
 * there is no such thing: the sender is <>, the client is local.
 */
bool charge_element(const struct rule *rule, const struct config *config,
    const struct session *session, const struct path *recipient,
    uint64_t *element);

/*
 * How long what was taken along for a limit may be spent: a sixtieth of its
 * shortest window, at most LEASE_MS_MAX; 0 where there is no lease_units.
 */
#define LEASE_MS_MAX 10000
#define LEASE_WINDOW_MS_MIN 60000	/* a window that may be leased from */
int64_t limit_lease_ms(const struct limit_options *limit);

/*
 * What may be taken along with a charge whose other members are set: nothing
 * where the store is no trip away.
 */
void charge_set_lease(struct charge *charge,
    const struct limit_options *limit, const struct config *config);

/* The span of time that the limit speaks of. */
int64_t charge_span_ms(const struct charge *charge);

/*
 * Append a charge for each window of a limit, all on the subject that the
 * session and the recipient (NULL before RCPT) make. Nothing is appended
 * when a key has no value: nobody is authenticated, the sender is <>, the
 * client is local; or when what a distinct count counts has none, unless
 * the weight is 0, which asks for the subject alone. CHARGES_MAX is never
 * exceeded: the configuration was checked for it.
 */
void charges_add(struct charges *charges, const struct rule *rule,
    const struct config *config, const struct session *session,
    const struct path *recipient, int64_t weight, enum charge_when when);

/* Which marks a check looks at: a row of marked.def. */
enum marks_when { MARKS_ALWAYS, MARKS_USUALLY, MARKS_IF_TOLD };
struct marked_row {
	const char *check;
	enum key keys[2];
	enum marks_when when;
};
/* NULL: the check of this name looks at none. */
const struct marked_row *marked_find(const char *check);
/* The check that looks at marks of such subjects, or NULL. */
const struct marked_row *marked_by(enum key key);

/*
 * Append a question for each key of the check's row that the session has a
 * value for. MARK_QUESTIONS_MAX is never exceeded, as with charges.
 */
void marks_add(struct charges *charges, const struct rule *rule,
    const struct config *config, const struct session *session,
    const struct path *recipient);

/*
 * The subject of one key, of clients as wide as the program counts them.
 * False when it has no value.
 */
bool subject_of_key(char buffer[SUBJECT_OCTETS_MAX + 1], enum key key,
    const struct config *config, const struct session *session,
    const struct path *recipient);

/* The leading bits of a client, or of its network, unless a limit differs. */
int64_t key_ipv4_prefix(enum key key, const struct config *config);
int64_t key_ipv6_prefix(enum key key, const struct config *config);

#endif
