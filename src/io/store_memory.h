/*
 * store_memory.h - inside the memory store
 *
 * Shared by store_memory.c, which answers, memory_table.c, which holds, and
 * memory_file.c, which sweeps, saves and loads. A thread holds several
 * stripes only in ascending order, and of the locks below takes: save_lock,
 * stripes, the clock's; and wake_lock alone.
 */
#ifndef FLOODGATE_IO_STORE_MEMORY_H
#define FLOODGATE_IO_STORE_MEMORY_H

#include "base/siphash.h"
#include "io/marks.h"
#include "io/store.h"
#include "io/subjects.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRIPES 4096

struct stripe {
	pthread_mutex_t lock;
	struct subjects subjects;
};

/*
 * The wall clock, made to stand still where it steps back. After a step of
 * more than CLOCK_STEP_MS it goes on from there at once: no counter is held
 * for an hour longer because an hour comes twice.
 */
struct store_clock {
	pthread_mutex_t lock;
	int64_t wall_ms;	/* the latest that we were told */
	int64_t ahead_ms;	/* of the wall clock, by all steps back */
};

struct memory {
	struct store store;	/* first: what callers see */
	uint8_t key[SIPHASH_KEY_SIZE];
	char *file;		/* NULL: counters end with the process */
	int64_t since_ms;
	struct store_clock clock;
	atomic_int_least64_t subjects, max_subjects;
	atomic_int_least64_t elements;	/* room for, of distinct counts */
	atomic_int_least64_t calls;
	atomic_int_least64_t changes;	/* charges and refunds so far */
	atomic_uint_least64_t share;	/* of each max: part << 32 | whole */
	struct marks *marks;	/* apart from the counters, never dropped */
	size_t take_from;	/* store_memory_take() goes on with it */

	pthread_mutex_t save_lock;
	int64_t saved_changes;	/* as of the last good snapshot */
	bool save_fails;

	pthread_t thread;
	pthread_mutex_t wake_lock;
	pthread_cond_t wake;	/* on the monotonic clock */
	bool stop;
	int64_t save_every_ms;

	struct stripe stripes[STRIPES];
};

/*
 * --- for store_fallback.c; the store is a memory store ---
 */

/* Let only part/whole of each max pass, at least 1; 0 < part <= whole. */
void store_memory_set_share(struct store *store, uint32_t part,
    uint32_t whole);

/* Its marks, of max_subjects subjects unless that is set. */
struct marks *store_memory_marks(struct store *store);

/* Refund what is here; how much that was. */
int64_t store_memory_take_back(struct store *store,
    const struct refund *refund, int64_t now_ms);

/* Counters that are no longer here; weight is what was used. */
struct taken {
	struct charges charges;
	char fields[CHARGES_MAX][96];
};

/* Take out as many as fit. For one thread at a time. */
void store_memory_take(struct store *store, int64_t now_ms,
    struct taken *taken);

/* --- for its own files --- */

uint64_t memory_hash(const struct memory *memory, const char *subject);
size_t memory_stripe(uint64_t hash);
/* What a stripe's table goes by: the bits that did not choose the stripe. */
uint32_t memory_bucket(uint64_t hash);

/*
 * What a stripe holds; and, with its lock held, that it has changed since.
 */
struct tally {
	size_t subjects, elements;
};
struct tally memory_tally(const struct stripe *stripe);
void memory_note_change(struct memory *memory, const struct stripe *stripe,
    struct tally before);

/* More than max_subjects, where 8 elements are as much as a subject? */
bool memory_is_over_cap(struct memory *memory);

/* Drop the subject that is idle longest in a few stripes from `from` on. */
void memory_drop_idle(struct memory *memory, size_t from);
void memory_forget_all(struct memory *memory);

/* The time of the store at that time of the wall; never runs back. */
int64_t memory_tell_time(struct memory *memory, int64_t wall_ms);
/* As of the last call, and how far ahead of the wall that is. */
int64_t memory_last_time(struct memory *memory, int64_t *ahead_ms);

/*
 * Read the snapshot: a damaged one is set aside. False with a sentence in
 * why[size]: the store cannot be opened.
 */
bool memory_load(struct memory *memory, char *why, size_t size);

/*
 * Write the snapshot, if anything has changed or `always`. One line in the
 * log when that begins to fail, one when it works again.
 */
bool memory_save_file(struct memory *memory, bool always, char *why,
    size_t size);

/*
 * Was the snapshot written when it was last to be? If not it is tried again.
 * False with a sentence in why[size].
 */
bool memory_file_is_well(struct memory *memory, char *why, size_t size);

/* The thread that sweeps and saves. */
bool memory_start(struct memory *memory, char *why, size_t size);
void memory_stop(struct memory *memory);

#endif
