/*
 * distinct.c - how many different ones were there in the last hour?
 */
#include "core/distinct.h"

#include <string.h>

static void
drop(struct distinct *distinct, size_t from, size_t count)
{
	distinct->count -= count;
	memmove(&distinct->at[from], &distinct->at[from + count],
	    (distinct->count - from) * sizeof(distinct->at[0]));
}

/* distinct->count: it is not there. */
static size_t
find(const struct distinct *distinct, uint64_t hash)
{
	size_t i = 0;

	while (i < distinct->count && distinct->at[i].hash != hash)
		i++;
	return i;
}

void
distinct_expire(struct distinct *distinct, int64_t window_ms, int64_t now_ms)
{
	size_t gone = 0;

	while (gone < distinct->count &&
	    distinct->at[gone].last_ms <= now_ms - window_ms)
		gone++;
	if (gone > 0)
		drop(distinct, 0, gone);
}

void
distinct_drop_oldest(struct distinct *distinct, size_t count)
{
	drop(distinct, 0, count);
}

bool
distinct_has(const struct distinct *distinct, uint64_t hash)
{
	return find(distinct, hash) < distinct->count;
}

int64_t
distinct_wait(const struct distinct *distinct, int64_t window_ms,
    int64_t now_ms, int64_t max, int64_t more)
{
	int64_t count = (int64_t)distinct->count;

	if (more > max)
		return window_ms;
	if (count <= max - more)
		return 0;
	return distinct->at[count - (max - more) - 1].last_ms + window_ms -
	    now_ms;
}

/* Behind all that come before it. */
static void
insert(struct distinct *distinct, struct distinct_element element)
{
	size_t to = distinct->count++;

	for (; to > 0 && distinct->at[to - 1].last_ms == element.last_ms &&
	    distinct->at[to - 1].hash > element.hash; to--)
		distinct->at[to] = distinct->at[to - 1];
	distinct->at[to] = element;
}

bool
distinct_see(struct distinct *distinct, int64_t max, int64_t now_ms,
    uint64_t hash)
{
	size_t i = find(distinct, hash);
	bool is_new = i == distinct->count;
	size_t last;

	if (!is_new)
		drop(distinct, i, 1);
	last = distinct->count - 1;
	if (distinct->count > 0 && distinct->at[last].last_ms > now_ms)
		now_ms = distinct->at[last].last_ms;
	insert(distinct, (struct distinct_element){
		.last_ms = now_ms, .hash = hash
	});
	if ((int64_t)distinct->count > max + 1)
		drop(distinct, 0, distinct->count - (size_t)max - 1);
	return is_new;
}

bool
distinct_forget(struct distinct *distinct, int64_t at_ms, uint64_t hash)
{
	size_t i = find(distinct, hash);

	if (i == distinct->count || distinct->at[i].last_ms != at_ms)
		return false;
	drop(distinct, i, 1);
	return true;
}
