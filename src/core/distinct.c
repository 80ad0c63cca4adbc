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

bool
distinct_see(struct distinct *distinct, int64_t max, int64_t now_ms,
    uint64_t hash)
{
	size_t i = find(distinct, hash);
	bool is_new = i == distinct->count;
	size_t count;

	if (!is_new)
		drop(distinct, i, 1);
	count = distinct->count;
	if (count > 0 && distinct->at[count - 1].last_ms > now_ms)
		now_ms = distinct->at[count - 1].last_ms;
	if ((int64_t)count > max)
		drop(distinct, 0, count - (size_t)max);
	distinct->at[distinct->count++] = (struct distinct_element){
		.last_ms = now_ms, .hash = hash
	};
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
