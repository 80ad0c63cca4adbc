/*
 * marks.h - a table of marked subjects, in this process
 *
 * Beside the counters of a memory store, and apart from them: marks are
 * never dropped to make room for counters. Thread-safe. While nothing is
 * marked, asking costs one atomic read.
 */
#ifndef FLOODGATE_IO_MARKS_H
#define FLOODGATE_IO_MARKS_H

#include "io/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct marks;
struct snapshot_in;
struct snapshot_out;

/* For at most so many subjects. NULL: no memory. */
struct marks *marks_open(size_t max);
void marks_close(struct marks **marks);
void marks_set_max(struct marks *marks, size_t max);

bool marks_are_none(const struct marks *marks);

/* As in store.h; what has ended at now_ms is not there. */
enum store_change marks_set(struct marks *marks, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms);
enum store_change marks_lift(struct marks *marks, const char *subject,
    enum mark_kind kind, const char *field, int64_t now_ms);
size_t marks_of(struct marks *marks, const char *subject, int64_t now_ms,
    struct store_mark found[]);
int64_t marks_list(struct marks *marks, int64_t from, int64_t now_ms,
    struct marked_subject subjects[], size_t max, size_t *count);

/* A mark that refuses the subject, the one that lasts longest. */
bool marks_refuse(struct marks *marks, const char *subject, int64_t now_ms,
    struct mark *found);
/* Another maximum of that counter. */
bool marks_override(struct marks *marks, const char *subject,
    const char *field, int64_t now_ms, int64_t *max);

void marks_clear(struct marks *marks);

/* Free what has ended. */
void marks_sweep(struct marks *marks, int64_t now_ms);

/*
 * In a snapshot, at its end; nothing where nothing is marked, so that such
 * a snapshot is as it always was. marks_load() is called when something is
 * left; false: it makes no sense, or there is no memory.
 */
void marks_save(struct marks *marks, struct snapshot_out *out);
bool marks_load(struct marks *marks, struct snapshot_in *in, int64_t now_ms);

#endif
