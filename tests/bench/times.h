/*
 * times.h - many measured times, and how long they were at most
 *
 * The unit is the caller's. All zeros is an empty one.
 */
#ifndef FLOODGATE_BENCH_TIMES_H
#define FLOODGATE_BENCH_TIMES_H

#include <stddef.h>
#include <stdint.h>

struct times {
	uint32_t *at;
	size_t count, room;
};

/* What is longer than UINT32_MAX counts as that. Ends the program when there
 * is no memory. */
void times_add(struct times *times, int64_t time);
/* Move all of `from` over; it is empty afterwards. */
void times_take(struct times *to, struct times *from);
void times_sort(struct times *times);
/* Of sorted ones: `part` of them, 0 to 1, took no longer. 0 when empty. */
uint32_t times_at(const struct times *times, double part);
void times_clear(struct times *times);

#endif
