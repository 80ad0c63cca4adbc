/*
 * store.h - where counters live
 *
 * Two back ends, one meaning: a set of charges is one atomic step, all or
 * none. Every function may be called from any thread. A call that does I/O
 * ends by its deadline, whatever the store does.
 */
#ifndef FLOODGATE_IO_STORE_H
#define FLOODGATE_IO_STORE_H

#include "core/charge.h"
#include "core/config.h"
#include "core/list_fact.h"
#include "io/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum store_mode {
	STORE_CHARGE,	/* all or none */
	STORE_FORCE,	/* count all of it, whatever the max */
	STORE_TELL,	/* so, too, but nobody waits: the answer says nothing,
			 * and what cannot be told is lost */
	STORE_PEEK	/* count nothing, say what is used */
};

/* One thing to take back: as it was charged, with the answer's now_ms. */
struct refund {
	const char *subject;
	const char *field;
	int64_t window_ms;
	int64_t weight;
	int64_t at_ms;
	bool distinct;	/* then the weight is 1: forget this element, unless */
	uint64_t element;	/* it was seen again after at_ms */
	bool local;	/* it was store_charge_local() that charged it */
	bool since;	/* it was charged at at_ms or later */
};

/* One counter of a subject, as `floodgatectl show` tells it. */
struct store_counter {
	char field[96];
	int64_t used;
	int64_t max;		/* as of the last charge */
	int64_t window_ms;
	int64_t frees_ms;	/* until the oldest leaves; 0: nothing used */
};

/* What is noted on a subject: see core/mark.def. */
#define MARK_REASON_OCTETS_MAX 200
struct store_mark {
	enum mark_kind kind;
	char field[96];		/* MARK_override: the counter; else "" */
	int64_t max;		/* and its maximum now */
	int64_t until_ms;	/* of the wall; 0: until it is lifted */
	char reason[MARK_REASON_OCTETS_MAX + 1];	/* any octets */
};
#define MARKS_MAX 32		/* on one subject */

/* What became of a change. */
enum store_change {
	STORE_CHANGED,
	STORE_AS_BEFORE,	/* there was nothing to take away, or what is
				 * there already is enough */
	STORE_FULL,		/* of marks: this subject, or the store */
	STORE_UNREACHED		/* nobody knows: to be repeated */
};

enum store_set {
	STORE_SET,		/* over one of the same kind and counter */
	STORE_SET_UNLESS_MARKED	/* only on a subject that no mark refuses */
};

/* A server that the store consists of. */
struct store_node {
	char where[128];
	const char *role;	/* "master", "sentinel", "node": of no slots */
	bool up;
	char reason[160];	/* why not, printable; "" when up */
	int64_t slots;		/* of a Cluster, that it has; else 0 */
};

/* How the store is, for `floodgatectl status`. */
struct store_state {
	const char *kind;	/* "memory", "redis" */
	bool up;
	char where[128];	/* file, or host and port */
	char reason[160];	/* why it is down, printable; "" when up */
	int64_t subjects;	/* memory: how many are kept; -1 unknown */
	int64_t calls, failures;
	int64_t since_ms;	/* since when up or down, as clock_now_ms() */
	bool misset;		/* down until somebody changes how it is set
				 * up */

	/* What decides when this one does not; see store_fallback.c. */
	bool has_fallback;
	bool deciding;		/* it does, or has more to tell */
	int64_t hosts;		/* that share the store; 0: not known */
	int64_t share_percent;	/* of each limit, that it grants */
	int64_t untold;		/* subjects that the store has not been told */

	/* What was taken along to be spent here; see store_lease.c. */
	bool has_leases;
	int64_t leases;		/* that live now */
	int64_t leased_units;	/* that they have left */
};

/* What keeps a store from its work, for `floodgatectl check`. */
struct store_complaint {
	char where[128];	/* as in struct store_state */
	char text[320];		/* printable */
	bool misset;		/* until somebody changes how it is set up */
};
#define STORE_COMPLAINTS_MAX 32

/*
 * Open the store that the configuration names. The memory store reads its
 * snapshot; a damaged one is set aside with a warning in the log, and the
 * store starts empty. Redis need not be reachable: the store starts down and
 * comes up by itself. NULL with a sentence in why[size] only when what is
 * configured cannot work (an unreadable password file, no memory).
 * The configuration is read during the call only.
 */
struct store *store_open(const struct config *config, char *why, size_t size);

/* Save what is to be saved, end threads, free. */
void store_close(struct store **store);

/*
 * Would the other configuration need another store? If not, the running one
 * takes over what may change while it runs (save_every, timeouts) and true
 * is returned: counters survive a reload.
 */
bool store_reconfigure(struct store *store, const struct config *config);

/*
 * Charge, as core/charge.h says what is counted when. `now_ms` is the wall
 * clock, used by the memory store and ignored by Redis, which has its own.
 * `timeout_ms` bounds the call.
 */
void store_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer);

/*
 * When store_charge() was UNAVAILABLE: let the embedded store decide, with
 * a share of each max. What it counts is told to the store later. Also
 * UNAVAILABLE where there is none.
 */
void store_charge_local(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, struct charge_answer *answer);

/*
 * Take back. Fire and forget: what cannot be told to the store is lost, and
 * the counters err to the safe side until the window has passed.
 */
void store_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms);

/*
 * The counters of a subject into counters[max]; how many there are, 0 when
 * it is unknown, -1 when the store cannot be reached.
 */
int store_show(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_counter counters[], size_t max);

/*
 * --- marks, and what else an operator does ---
 *
 * Every daemon that shares the store goes by the change within a second or
 * two. now_ms is the wall clock. A store below a guard is not to be changed
 * but through it.
 */

enum store_change store_set_mark(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms);

/* `field` is of an override, else "". */
enum store_change store_lift_mark(struct store *store, const char *subject,
    enum mark_kind kind, const char *field, int64_t now_ms,
    int64_t timeout_ms);

/* Nothing is counted any more of the subject, or of one field (or NULL). */
enum store_change store_forget(struct store *store, const char *subject,
    const char *field, int64_t now_ms, int64_t timeout_ms);

/* Into marks[MARKS_MAX]; how many, -1 when the store cannot be reached. */
int store_marks(struct store *store, const char *subject, int64_t now_ms,
    int64_t timeout_ms, struct store_mark marks[]);

/*
 * Marked subjects in some order, from the one numbered `from` on, into
 * subjects[max]; *count says how many. Returns how many there are in all, or
 * -1. One may be among them whose marks have just ended.
 */
struct marked_subject {
	char at[SUBJECT_OCTETS_MAX + 1];
};
int64_t store_marked(struct store *store, int64_t from, int64_t now_ms,
    int64_t timeout_ms, struct marked_subject subjects[], size_t max,
    size_t *count);

void store_get_state(struct store *store, struct store_state *state);

/*
 * Try all that it may ever be asked for, in timeout_ms. What does not work
 * into complaints[STORE_COMPLAINTS_MAX]; how many there are.
 */
size_t store_check(struct store *store, int64_t timeout_ms,
    struct store_complaint complaints[]);

/* Its servers; how many there are, also when that is more than max. */
size_t store_get_nodes(struct store *store, struct store_node nodes[],
    size_t max);

/*
 * Which of these words does a set hold, or what does a hash say of the first
 * one that it has?
 */
struct store_lookup {
	const struct list_source *source;
	const char *const *words;	/* most specific first; 1 or more */
	const size_t *lengths;
	size_t count;
	enum list_status status;	/* the answer: FOUND, NONE or FAILED */
	char *value;	/* of a hash, when FOUND; for free(), or NULL */
	struct store_complaint *complaint;	/* when FAILED with a reason:
						 * filled; NULL: not wanted */
};

/* All at once. What cannot be asked has FAILED. */
void store_look_up(struct store *store, struct store_lookup lookups[],
    size_t count, int64_t timeout_ms);

/*
 * Memory only: write the snapshot now. True when there is nothing to write;
 * false with a sentence in why[size].
 */
bool store_save(struct store *store, char *why, size_t size);

/*
 * A sign of life: host `id` lives for live_ms from now (0: it leaves). How
 * many do; 0 where hosts are of no concern; -1: not known.
 */
int64_t store_count_hosts(struct store *store, const char *id,
    int64_t live_ms, int64_t timeout_ms);

/*
 * Subjects that anybody has changed since *since_ms of the store's time (0:
 * lately), which becomes that of this answer. Where *count > max there are
 * more. False: no answer, or nobody else changes this store.
 */
bool store_changed(struct store *store, int64_t *since_ms,
    int64_t timeout_ms, struct marked_subject subjects[], size_t max,
    size_t *count);

/* Of marks; as the functions above. */
struct store_mark_ops {
	enum store_change (*set)(struct store *store, const char *subject,
	    const struct store_mark *mark, enum store_set how, int64_t now_ms,
	    int64_t timeout_ms);
	enum store_change (*lift)(struct store *store, const char *subject,
	    enum mark_kind kind, const char *field, int64_t now_ms,
	    int64_t timeout_ms);
	enum store_change (*forget)(struct store *store, const char *subject,
	    const char *field, int64_t now_ms, int64_t timeout_ms);
	int (*marks)(struct store *store, const char *subject,
	    int64_t now_ms, int64_t timeout_ms, struct store_mark marks[]);
	int64_t (*marked)(struct store *store, int64_t from, int64_t now_ms,
	    int64_t timeout_ms, struct marked_subject subjects[], size_t max,
	    size_t *count);
	bool (*changed)(struct store *store, int64_t *since_ms,
	    int64_t timeout_ms, struct marked_subject subjects[], size_t max,
	    size_t *count);
};

/*
 * What a store implements, as the functions above. A store may stand upon
 * another one: what it leaves NULL is asked of that one. What nobody
 * implements is answered by store.c: no such thing.
 *
 * close() frees its own; the store below is closed after it. What else a
 * store does implement asks the store below by itself.
 */
struct store_ops {
	void (*close)(struct store *store);	/* never NULL */
	bool (*reconfigure)(struct store *store, const struct config *config);
	void (*charge)(struct store *store, const struct charges *charges,
	    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
	    struct charge_answer *answer);
	void (*refund)(struct store *store, const struct refund refunds[],
	    size_t count, int64_t now_ms, int64_t timeout_ms);
	int (*show)(struct store *store, const char *subject, int64_t now_ms,
	    int64_t timeout_ms, struct store_counter counters[], size_t max);
	void (*get_state)(struct store *store, struct store_state *state);
	bool (*save)(struct store *store, char *why, size_t size);
	size_t (*check)(struct store *store, int64_t timeout_ms,
	    struct store_complaint complaints[]);
	size_t (*get_nodes)(struct store *store, struct store_node nodes[],
	    size_t max);
	void (*charge_local)(struct store *store,
	    const struct charges *charges, enum store_mode mode,
	    int64_t now_ms, struct charge_answer *answer);
	int64_t (*count_hosts)(struct store *store, const char *id,
	    int64_t live_ms, int64_t timeout_ms);
	void (*look_up)(struct store *store, struct store_lookup lookups[],
	    size_t count, int64_t timeout_ms);
	struct store_mark_ops marks;
};

/* The first member of every store's own struct. */
struct store {
	const struct store_ops *ops;
	struct store *below;	/* that it stands upon, and owns; or NULL */
};

/* The back ends' ways to open. */
struct store *store_memory_open(const struct store_memory_options *options,
    char *why, size_t size);
struct store *store_redis_open(const struct store_redis_options *options,
    char *why, size_t size);

/* What the options say of TLS; borrowed from them. */
struct tls_options store_redis_tls_options(
    const struct store_redis_options *options);

/*
 * A store that decides by itself while `below` does not, and tells it
 * afterwards. share_percent: see option.def; -1: by the number of hosts.
 * Without a thread of its own, store_fallback_settle() tells.
 */
struct store *store_fallback_open(struct store *below, int64_t share_percent,
    bool threaded, char *why, size_t size);
void store_fallback_settle(struct store *store, int64_t now_ms);

/*
 * A store that takes units along where charges allow it (lease_units), and
 * spends them without asking `below`, which it takes over as the guard does.
 * clock: of leases, in ms; it never steps. Without a thread of its own,
 * store_lease_settle() gives back what has ended and looks at what others
 * have changed; now_ms is the wall clock.
 */
struct store *store_lease_open(struct store *below, int64_t (*clock)(void),
    bool threaded, char *why, size_t size);
void store_lease_settle(struct store *store, int64_t now_ms);

/*
 * A store that remembers what `below` refused a moment ago and refuses it
 * again without a trip. Takes `below` over and closes it, also when there is
 * no memory (NULL).
 */
struct store *store_guard_open(struct store *below, char *why, size_t size);

#endif
