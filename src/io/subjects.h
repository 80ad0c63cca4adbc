/*
 * subjects.h - a table of subjects and their counters, kept small
 *
 * A hash table with a list in order of use. A subject with one counter and
 * one group of events takes less than 200 octets; each element of a distinct
 * count takes 16 more, and room for as much again. Not thread-safe: the
 * memory store keeps many of these, each under a lock of its own.
 *
 * What has expired goes when the table would grow, and when the store sweeps;
 * never what was used at the time that is given, so that a caller may hold
 * the subjects of one set of charges while it adds more.
 */
#ifndef FLOODGATE_IO_SUBJECTS_H
#define FLOODGATE_IO_SUBJECTS_H

#include "core/distinct.h"
#include "core/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot_in;
struct snapshot_out;

/* One counter: a window, packed, or the elements of a distinct count. */
union counter_slot {
	struct window_group group;
	struct distinct_element element;
};

struct counter {
	struct counter *next;
	int64_t window_ms;
	int64_t max;			/* as of the last charge */
	int64_t start_ms;		/* of a window */
	uint32_t count, capacity;	/* of slots */
	uint16_t field_size;		/* with its NUL */
	bool is_distinct;
	union counter_slot slots[];	/* [capacity], then the field */
};

struct subject_entry {
	struct subject_entry *next;	/* in the bucket */
	struct subject_entry *newer, *older;	/* by use */
	struct counter *counters;
	int64_t used_ms;
	uint32_t hash;
	char subject[];
};

struct subjects {			/* zeroed: empty */
	struct subject_entry **buckets;
	size_t bucket_count;		/* 0 or a power of 2 */
	size_t count;
	size_t elements;		/* room for, in distinct counters */
	struct subject_entry *newest, *oldest;
};

void subjects_clear(struct subjects *subjects);

/* NULL when unknown. */
struct subject_entry *subjects_find(const struct subjects *subjects,
    uint32_t hash, const char *subject);

/* Find or add; NULL: no memory. It is used now. */
struct subject_entry *subjects_add(struct subjects *subjects, uint32_t hash,
    const char *subject, int64_t now_ms);
void subjects_use(struct subjects *subjects, struct subject_entry *entry,
    int64_t now_ms);
void subjects_remove(struct subjects *subjects, struct subject_entry *entry);

/* Drop counters that have expired, and subjects without any. */
void subjects_sweep(struct subjects *subjects, int64_t now_ms);

void subject_remove_counter(struct subjects *subjects,
    struct subject_entry *entry, struct counter *counter);
struct counter *subject_find_counter(const struct subject_entry *entry,
    const char *field);

/*
 * Find or add, with room for one more group, so that the next counter_pack()
 * cannot fail; or for as many more elements. One of the other kind, whose
 * limit has changed, starts anew. NULL: no memory. The pointer is good until
 * the counter is changed and then added again, or swept.
 */
struct counter *subject_add_window(struct subjects *subjects,
    struct subject_entry *entry, const char *field);
struct counter *subject_add_distinct(struct subjects *subjects,
    struct subject_entry *entry, const char *field, size_t more);
const char *counter_field(const struct counter *counter);

/* To a window and back; NULL, or the other kind, gives an empty window. */
void counter_unpack(const struct counter *counter, struct window *window);
void counter_pack(struct counter *counter, const struct window *window);

/*
 * The elements where they are; when they have changed, say so. NULL, or the
 * other kind: none.
 */
struct distinct counter_distinct(struct counter *counter);
void counter_set_distinct(struct counter *counter,
    const struct distinct *distinct);

/*
 * Into a snapshot, all times made `less_ms` earlier; and out of it what has
 * not expired, from a snapshot of this version or an older one.
 * subjects_load() adds one subject to the table that `pick` gives for it.
 */
enum subjects_loaded { SUBJECTS_ONE, SUBJECTS_END, SUBJECTS_BAD,
	SUBJECTS_NO_MEMORY };
typedef struct subjects *subjects_pick(void *context, const char *subject,
    uint32_t *hash);

void subjects_save(const struct subjects *subjects, struct snapshot_out *out,
    int64_t less_ms);
void subjects_save_end(struct snapshot_out *out);
enum subjects_loaded subjects_load(struct snapshot_in *in, int64_t now_ms,
    subjects_pick *pick, void *context);

#endif
