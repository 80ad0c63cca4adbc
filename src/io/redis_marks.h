/*
 * redis_marks.h - marks in Redis, for store_redis.c
 *
 * The marks of a subject are a field of its hash. Beside that there are two
 * sorted sets for all subjects, "PREFIX{marks}" of those that are marked and
 * "PREFIX{marks}changed" of those that were changed in the last two minutes,
 * kept by a question of their own: on a Cluster they are elsewhere.
 */
#ifndef FLOODGATE_IO_REDIS_MARKS_H
#define FLOODGATE_IO_REDIS_MARKS_H

#include "io/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis_route;

/* Whom to ask, by which names, and for how long at most. */
struct redis_asker {
	struct redis_route *route;
	const char *prefix;
	int64_t timeout_ms;
};

/* As the functions of store.h. */
enum store_change redis_marks_set(const struct redis_asker *asker,
    const char *subject, const struct store_mark *mark, enum store_set how);
enum store_change redis_marks_lift(const struct redis_asker *asker,
    const char *subject, enum mark_kind kind, const char *field);
enum store_change redis_marks_forget(const struct redis_asker *asker,
    const char *subject, const char *field);
int redis_marks_of(const struct redis_asker *asker, const char *subject,
    struct store_mark marks[]);
int64_t redis_marks_list(const struct redis_asker *asker, int64_t from,
    struct marked_subject subjects[], size_t max, size_t *count);
bool redis_marks_changed(const struct redis_asker *asker, int64_t *since_ms,
    struct marked_subject subjects[], size_t max, size_t *count);

#endif
