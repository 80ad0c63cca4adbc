/*
 * times.c - many measured times, and how long they were at most
 */
#include "times.h"

#include <stdlib.h>
#include <string.h>

static void
make_room(struct times *times, size_t more)
{
	size_t room = times->room;

	while (room - times->count < more)
		room = room == 0 ? 4096 : room * 2;
	if (room == times->room)
		return;
	times->at = realloc(times->at, room * sizeof times->at[0]);
	if (times->at == NULL)
		abort();
	times->room = room;
}

void
times_add(struct times *times, int64_t time)
{
	make_room(times, 1);
	times->at[times->count++] = time > UINT32_MAX ? UINT32_MAX :
	    (uint32_t)time;
}

void
times_take(struct times *to, struct times *from)
{
	if (from->count > 0) {
		make_room(to, from->count);
		memcpy(to->at + to->count, from->at,
		    from->count * sizeof to->at[0]);
		to->count += from->count;
	}
	times_clear(from);
}

static int
compare_u32(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

void
times_sort(struct times *times)
{
	if (times->count > 0)
		qsort(times->at, times->count, sizeof times->at[0],
		    compare_u32);
}

uint32_t
times_at(const struct times *times, double part)
{
	if (times->count == 0)
		return 0;
	return times->at[(size_t)(part * (double)(times->count - 1))];
}

void
times_clear(struct times *times)
{
	free(times->at);
	memset(times, 0, sizeof *times);
}
