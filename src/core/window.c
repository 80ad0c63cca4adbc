/*
 * window.c - the grouped sliding window
 *
 * Groups are in order of time and never overlap: a group ends before the
 * next begins. A group that a refund has emptied goes, unless it is the
 * newest: that one keeps the place where the next group may begin, so that
 * the one before it does not take events again after it was closed.
 */
#include "core/window.h"

#include <assert.h>
#include <string.h>

int64_t
window_slot(int64_t window_ms)
{
	/* Rounded up, so that no more than SLOTS groups begin in a window. */
	return window_ms / WINDOW_SLOTS + (window_ms % WINDOW_SLOTS != 0);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void
drop_group(struct window *window, size_t index)
{
	window->total -= window->groups[index].count;
	window->count--;
	memmove(&window->groups[index], &window->groups[index + 1],
	    (window->count - index) * sizeof(window->groups[0]));
}

void
window_expire(struct window *window, int64_t window_ms, int64_t now_ms)
{
	size_t gone = 0;

	now_ms = window->seen_ms = later(now_ms, window->seen_ms);
	while (gone < window->count &&
	    window->groups[gone].last_ms <= now_ms - window_ms)
		window->total -= window->groups[gone++].count;
	if (gone == 0)
		return;
	window->count -= gone;
	memmove(window->groups, window->groups + gone,
	    window->count * sizeof(window->groups[0]));
}

int64_t
window_wait(const struct window *window, int64_t window_ms, int64_t now_ms,
    int64_t max, int64_t weight)
{
	int64_t excess;		/* what must leave first */
	size_t i = 0;

	if (weight > max)
		return window_ms;
	if (window->total <= max - weight)
		return 0;
	excess = window->total - (max - weight);
	while (i + 1 < window->count && excess > window->groups[i].count)
		excess -= window->groups[i++].count;
	return window->groups[i].last_ms + window_ms -
	    later(now_ms, window->seen_ms);
}

/*
 * Make room for one more group. A window is full only when it was filled
 * under a shorter window_ms. To hold the older of two for longer is safe.
 */
static void
merge_oldest(struct window *window)
{
	window->groups[1].count += window->groups[0].count;
	window->groups[0].count = 0;
	drop_group(window, 0);
}

/* The group that an event of now_ms belongs to. */
static struct window_group *
group_at(struct window *window, int64_t window_ms, int64_t now_ms)
{
	bool any = window->count > 0;

	if (any && window->groups[window->count - 1].count == 0)
		window->count--;
	else if (any && now_ms - window->start_ms < window_slot(window_ms))
		return &window->groups[window->count - 1];
	else if (window->count == WINDOW_GROUPS_MAX)
		merge_oldest(window);
	window->start_ms = now_ms;
	window->groups[window->count].count = 0;
	return &window->groups[window->count++];
}

void
window_add(struct window *window, int64_t window_ms, int64_t now_ms,
    int64_t weight)
{
	struct window_group *group;

	assert(weight >= 0);
	window_expire(window, window_ms, now_ms);
	if (weight > INT64_MAX - window->total)
		weight = INT64_MAX - window->total;
	if (weight == 0)
		return;
	group = group_at(window, window_ms, window->seen_ms);
	group->last_ms = window->seen_ms;
	group->count += weight;
	window->total += weight;
}

int64_t
window_time_since(const struct window *window, int64_t at_ms)
{
	for (size_t i = 0; i < window->count; i++)
		if (window->groups[i].last_ms >= at_ms)
			return window->groups[i].last_ms;
	return at_ms;
}

void
window_refund(struct window *window, int64_t window_ms, int64_t now_ms,
    int64_t at_ms, int64_t weight)
{
	size_t i = 0;

	window_expire(window, window_ms, now_ms);
	if (at_ms <= window->seen_ms - window_ms)
		return;
	while (i < window->count && window->groups[i].last_ms < at_ms)
		i++;
	if (i == window->count ||
	    (i + 1 == window->count && at_ms < window->start_ms))
		return;
	if (weight > window->groups[i].count)
		weight = window->groups[i].count;
	window->groups[i].count -= weight;
	window->total -= weight;
	if (window->groups[i].count == 0 && i + 1 < window->count)
		drop_group(window, i);
}
