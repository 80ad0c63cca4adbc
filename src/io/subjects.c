/*
 * subjects.c - a table of subjects and their counters, kept small
 */
#include "io/subjects.h"

#include "core/charge.h"
#include "io/snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 4
#define FIELD_SIZE_MAX 4096	/* far beyond any name in a policy */

/* --- counters --- */

const char *
counter_field(const struct counter *counter)
{
	return (const char *)&counter->slots[counter->capacity];
}

static size_t
counter_size(size_t capacity, size_t field_size)
{
	return sizeof(struct counter) +
	    capacity * sizeof(union counter_slot) + field_size;
}

struct counter *
subject_find_counter(const struct subject_entry *entry, const char *field)
{
	for (struct counter *counter = entry->counters; counter != NULL;
	    counter = counter->next)
		if (strcmp(counter_field(counter), field) == 0)
			return counter;
	return NULL;
}

/* Room for elements that this counter has, as the table knows it. */
static size_t
room_of(const struct counter *counter)
{
	return counter->is_distinct ? counter->capacity : 0;
}

void
subject_remove_counter(struct subjects *subjects, struct subject_entry *entry,
    struct counter *counter)
{
	struct counter **link = &entry->counters;

	while (*link != counter)
		link = &(*link)->next;
	*link = counter->next;
	subjects->elements -= room_of(counter);
	free(counter);
}

static struct counter *
new_counter(const char *field, size_t capacity, bool is_distinct)
{
	size_t field_size = strlen(field) + 1;
	struct counter *counter;

	if (field_size > FIELD_SIZE_MAX || capacity > UINT32_MAX)
		return NULL;
	counter = calloc(1, counter_size(capacity, field_size));
	if (counter == NULL)
		return NULL;
	counter->capacity = (uint32_t)capacity;
	counter->field_size = (uint16_t)field_size;
	counter->is_distinct = is_distinct;
	memcpy(&counter->slots[capacity], field, field_size);
	return counter;
}

static void
link_counter(struct subjects *subjects, struct subject_entry *entry,
    struct counter *counter)
{
	counter->next = entry->counters;
	entry->counters = counter;
	subjects->elements += room_of(counter);
}

/* The same counter with that capacity, in the same place of the list. */
static struct counter *
resize_counter(struct subjects *subjects, struct subject_entry *entry,
    struct counter *old, size_t capacity)
{
	struct counter *counter = new_counter(counter_field(old), capacity,
	    old->is_distinct);
	struct counter **link = &entry->counters;

	if (counter == NULL)
		return NULL;
	counter->next = old->next;
	counter->window_ms = old->window_ms;
	counter->max = old->max;
	counter->start_ms = old->start_ms;
	counter->count = old->count;
	memcpy(counter->slots, old->slots,
	    old->count * sizeof(old->slots[0]));
	while (*link != old)
		link = &(*link)->next;
	*link = counter;
	subjects->elements += room_of(counter) - room_of(old);
	free(old);
	return counter;
}

/* Find or add; one with less room than that gets more, to last a while. */
static struct counter *
add_counter(struct subjects *subjects, struct subject_entry *entry,
    const char *field, bool is_distinct, size_t more)
{
	struct counter *counter = subject_find_counter(entry, field);
	size_t capacity;

	if (counter != NULL && counter->is_distinct != is_distinct) {
		subject_remove_counter(subjects, entry, counter);
		counter = NULL;
	}
	if (counter == NULL) {
		counter = new_counter(field, more, is_distinct);
		if (counter != NULL)
			link_counter(subjects, entry, counter);
		return counter;
	}
	if (counter->count + more <= counter->capacity)
		return counter;
	capacity = 2 * (size_t)counter->capacity;
	if (capacity < counter->count + more)
		capacity = counter->count + more;
	if (!is_distinct && capacity > WINDOW_GROUPS_MAX)
		capacity = WINDOW_GROUPS_MAX;
	return capacity == counter->capacity ? counter :
	    resize_counter(subjects, entry, counter, capacity);
}

struct counter *
subject_add_window(struct subjects *subjects, struct subject_entry *entry,
    const char *field)
{
	return add_counter(subjects, entry, field, false, 1);
}

struct counter *
subject_add_distinct(struct subjects *subjects, struct subject_entry *entry,
    const char *field, size_t more)
{
	return add_counter(subjects, entry, field, true, more);
}

void
counter_unpack(const struct counter *counter, struct window *window)
{
	window->count = 0;
	window->total = window->start_ms = window->seen_ms = 0;
	if (counter == NULL || counter->is_distinct || counter->count == 0)
		return;
	window->start_ms = counter->start_ms;
	window->count = counter->count;
	window->seen_ms = counter->slots[counter->count - 1].group.last_ms;
	for (size_t i = 0; i < window->count; i++) {
		window->groups[i] = counter->slots[i].group;
		window->total += counter->slots[i].group.count;
	}
}

void
counter_pack(struct counter *counter, const struct window *window)
{
	assert(window->count <= counter->capacity);
	counter->start_ms = window->start_ms;
	counter->count = (uint32_t)window->count;
	for (size_t i = 0; i < window->count; i++)
		counter->slots[i].group = window->groups[i];
}

struct distinct
counter_distinct(struct counter *counter)
{
	if (counter == NULL || !counter->is_distinct)
		return (struct distinct){ .count = 0 };
	return (struct distinct){
		.at = &counter->slots[0].element, .count = counter->count
	};
}

void
counter_set_distinct(struct counter *counter, const struct distinct *distinct)
{
	assert(distinct->count <= counter->capacity);
	counter->count = (uint32_t)distinct->count;
}

/* Nothing in it is in the window any more, or all of it was refunded. */
static bool
counter_expired(const struct counter *counter, int64_t now_ms)
{
	const union counter_slot *newest;

	if (counter->count == 0)
		return true;
	newest = &counter->slots[counter->count - 1];
	if (counter->is_distinct)
		return newest->element.last_ms <= now_ms - counter->window_ms;
	return newest->group.last_ms <= now_ms - counter->window_ms ||
	    (counter->count == 1 && newest->group.count == 0);
}

/* --- the table --- */

static void
list_add(struct subjects *subjects, struct subject_entry *entry)
{
	entry->newer = NULL;
	entry->older = subjects->newest;
	if (entry->older != NULL)
		entry->older->newer = entry;
	else
		subjects->oldest = entry;
	subjects->newest = entry;
}

static void
list_remove(struct subjects *subjects, struct subject_entry *entry)
{
	if (entry->newer != NULL)
		entry->newer->older = entry->older;
	else
		subjects->newest = entry->older;
	if (entry->older != NULL)
		entry->older->newer = entry->newer;
	else
		subjects->oldest = entry->newer;
}

static struct subject_entry **
bucket(const struct subjects *subjects, uint32_t hash)
{
	return &subjects->buckets[hash & (subjects->bucket_count - 1)];
}

static void
free_entry(struct subjects *subjects, struct subject_entry *entry)
{
	while (entry->counters != NULL)
		subject_remove_counter(subjects, entry, entry->counters);
	free(entry);
}

void
subjects_clear(struct subjects *subjects)
{
	struct subject_entry *entry;

	while ((entry = subjects->newest) != NULL) {
		subjects->newest = entry->older;
		free_entry(subjects, entry);
	}
	free(subjects->buckets);
	memset(subjects, 0, sizeof(*subjects));
}

struct subject_entry *
subjects_find(const struct subjects *subjects, uint32_t hash,
    const char *subject)
{
	struct subject_entry *entry;

	if (subjects->bucket_count == 0)
		return NULL;
	for (entry = *bucket(subjects, hash); entry != NULL;
	    entry = entry->next)
		if (entry->hash == hash &&
		    strcmp(entry->subject, subject) == 0)
			return entry;
	return NULL;
}

void
subjects_use(struct subjects *subjects, struct subject_entry *entry,
    int64_t now_ms)
{
	entry->used_ms = now_ms;
	if (subjects->newest == entry)
		return;
	list_remove(subjects, entry);
	list_add(subjects, entry);
}

void
subjects_remove(struct subjects *subjects, struct subject_entry *entry)
{
	struct subject_entry **link = bucket(subjects, entry->hash);

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	list_remove(subjects, entry);
	subjects->count--;
	free_entry(subjects, entry);
}

static void
sweep_counters(struct subjects *subjects, struct subject_entry *entry,
    int64_t now_ms)
{
	struct counter *counter, *next;
	struct distinct distinct;

	for (counter = entry->counters; counter != NULL; counter = next) {
		next = counter->next;
		if (counter_expired(counter, now_ms)) {
			subject_remove_counter(subjects, entry, counter);
			continue;
		}
		if (counter->is_distinct) {
			distinct = counter_distinct(counter);
			distinct_expire(&distinct, counter->window_ms, now_ms);
			counter_set_distinct(counter, &distinct);
		}
		/* Busy once, quiet now: give the room back, if we can. */
		if (counter->capacity / 4 > counter->count)
			resize_counter(subjects, entry, counter,
			    counter->count);
	}
}

void
subjects_sweep(struct subjects *subjects, int64_t now_ms)
{
	struct subject_entry *entry, *newer;

	/* What was used last is at the end, and there we stop. */
	for (entry = subjects->oldest; entry != NULL &&
	    entry->used_ms < now_ms; entry = newer) {
		newer = entry->newer;
		sweep_counters(subjects, entry, now_ms);
		if (entry->counters == NULL)
			subjects_remove(subjects, entry);
	}
}

/* Twice the buckets, once what has expired is gone. False: no memory. */
static bool
grow(struct subjects *subjects, int64_t now_ms)
{
	size_t count = subjects->bucket_count;
	struct subject_entry **buckets;

	subjects_sweep(subjects, now_ms);
	if (count > 0 && subjects->count < count / 2)
		return true;
	count = count == 0 ? BUCKETS_MIN : 2 * count;
	buckets = calloc(count, sizeof(buckets[0]));
	if (buckets == NULL)
		return subjects->bucket_count > 0;
	free(subjects->buckets);
	subjects->buckets = buckets;
	subjects->bucket_count = count;
	for (struct subject_entry *entry = subjects->newest; entry != NULL;
	    entry = entry->older) {
		entry->next = *bucket(subjects, entry->hash);
		*bucket(subjects, entry->hash) = entry;
	}
	return true;
}

struct subject_entry *
subjects_add(struct subjects *subjects, uint32_t hash, const char *subject,
    int64_t now_ms)
{
	struct subject_entry *entry = subjects_find(subjects, hash, subject);
	size_t size = strlen(subject) + 1;

	if (entry != NULL) {
		subjects_use(subjects, entry, now_ms);
		return entry;
	}
	if (subjects->count >= subjects->bucket_count &&
	    !grow(subjects, now_ms))
		return NULL;
	entry = calloc(1, sizeof(*entry) + size);
	if (entry == NULL)
		return NULL;
	memcpy(entry->subject, subject, size);
	entry->hash = hash;
	entry->used_ms = now_ms;
	entry->next = *bucket(subjects, hash);
	*bucket(subjects, hash) = entry;
	list_add(subjects, entry);
	subjects->count++;
	return entry;
}

/*
 * --- in a snapshot ---
 *
 *	subject:  u16 length (> 0), octets, i64 used_ms, u16 counters
 *	counter:  u16 length, field, i64 window_ms, max, then
 *	  a window:   u8 1, i64 start_ms, u8 groups, each i64 last_ms, count
 *	  distinct:   u8 2, u32 elements, each i64 last_ms, u64 hash
 *	the end:  u16 0
 *
 * Version 1 had windows only, without the octet that says so.
 */

enum { KIND_WINDOW = 1, KIND_DISTINCT = 2 };

static void
put_string(struct snapshot_out *out, const char *string)
{
	size_t length = strlen(string);

	snapshot_put_number(out, length, 2);
	snapshot_put(out, string, length);
}

static void
put_window(struct snapshot_out *out, const struct counter *counter,
    int64_t less_ms)
{
	snapshot_put_number(out, KIND_WINDOW, 1);
	snapshot_put_number(out, (uint64_t)(counter->start_ms - less_ms), 8);
	snapshot_put_number(out, counter->count, 1);
	for (size_t i = 0; i < counter->count; i++) {
		const struct window_group *group = &counter->slots[i].group;

		snapshot_put_number(out,
		    (uint64_t)(group->last_ms - less_ms), 8);
		snapshot_put_number(out, (uint64_t)group->count, 8);
	}
}

static void
put_distinct(struct snapshot_out *out, const struct counter *counter,
    int64_t less_ms)
{
	snapshot_put_number(out, KIND_DISTINCT, 1);
	snapshot_put_number(out, counter->count, 4);
	for (size_t i = 0; i < counter->count; i++) {
		const struct distinct_element *element =
		    &counter->slots[i].element;

		snapshot_put_number(out,
		    (uint64_t)(element->last_ms - less_ms), 8);
		snapshot_put_number(out, element->hash, 8);
	}
}

static void
put_counter(struct snapshot_out *out, const struct counter *counter,
    int64_t less_ms)
{
	put_string(out, counter_field(counter));
	snapshot_put_number(out, (uint64_t)counter->window_ms, 8);
	snapshot_put_number(out, (uint64_t)counter->max, 8);
	if (counter->is_distinct)
		put_distinct(out, counter, less_ms);
	else
		put_window(out, counter, less_ms);
}

void
subjects_save(const struct subjects *subjects, struct snapshot_out *out,
    int64_t less_ms)
{
	const struct subject_entry *entry;
	const struct counter *counter;
	uint16_t count;

	for (entry = subjects->oldest; entry != NULL; entry = entry->newer) {
		count = 0;
		for (counter = entry->counters; counter != NULL;
		    counter = counter->next)
			if (counter->count > 0)
				count++;
		if (count == 0)
			continue;
		put_string(out, entry->subject);
		snapshot_put_number(out,
		    (uint64_t)(entry->used_ms - less_ms), 8);
		snapshot_put_number(out, count, 2);
		for (counter = entry->counters; counter != NULL;
		    counter = counter->next)
			if (counter->count > 0)
				put_counter(out, counter, less_ms);
	}
}

void
subjects_save_end(struct snapshot_out *out)
{
	snapshot_put_number(out, 0, 2);
}

/* A string that fits, without a NUL in it; *length says how long it is. */
static bool
get_string(struct snapshot_in *in, char *buffer, size_t size, size_t *length)
{
	*length = snapshot_get_number(in, 2);
	if (in->failed || *length >= size ||
	    !snapshot_get(in, buffer, *length))
		return false;
	buffer[*length] = '\0';
	return strlen(buffer) == *length;
}

/* A time far enough from the ends of its type to be reckoned with. */
static bool
get_time(struct snapshot_in *in, int64_t *ms)
{
	*ms = (int64_t)snapshot_get_number(in, 8);
	return !in->failed && *ms > INT64_MIN / 4 && *ms < INT64_MAX / 4;
}

/* Groups in order of time, none empty but the newest, with a sum that fits. */
static bool
get_window(struct snapshot_in *in, struct window *window)
{
	size_t count;

	memset(window, 0, sizeof(*window));
	window->seen_ms = INT64_MIN;
	if (!get_time(in, &window->start_ms))
		return false;
	count = snapshot_get_number(in, 1);
	if (count == 0 || count > WINDOW_GROUPS_MAX)
		return false;
	for (; window->count < count; window->count++) {
		struct window_group *group = &window->groups[window->count];

		if (!get_time(in, &group->last_ms) ||
		    group->last_ms < window->seen_ms ||
		    (group->count = (int64_t)snapshot_get_number(in, 8)) < 0 ||
		    (group->count == 0 && window->count + 1 < count) ||
		    group->count > INT64_MAX - window->total)
			return false;
		window->seen_ms = group->last_ms;
		window->total += group->count;
	}
	return !in->failed;
}

/* What is read of a counter before it is known whether it is kept. */
struct loading {
	struct subjects *subjects;
	struct subject_entry *entry;
	char field[FIELD_SIZE_MAX];
	int64_t window_ms, max, now_ms;
};

static struct counter *
add_loaded(const struct loading *loading, size_t capacity, bool is_distinct)
{
	struct counter *counter = new_counter(loading->field, capacity,
	    is_distinct);

	if (counter == NULL)
		return NULL;
	counter->window_ms = loading->window_ms;
	counter->max = loading->max;
	link_counter(loading->subjects, loading->entry, counter);
	return counter;
}

static enum subjects_loaded
load_window(struct snapshot_in *in, const struct loading *loading)
{
	struct window window;
	struct counter *counter;

	if (!get_window(in, &window))
		return SUBJECTS_BAD;
	if (window.seen_ms <= loading->now_ms - loading->window_ms ||
	    window.total == 0)
		return SUBJECTS_ONE;
	counter = add_loaded(loading, window.count, false);
	if (counter == NULL)
		return SUBJECTS_NO_MEMORY;
	counter_pack(counter, &window);
	return SUBJECTS_ONE;
}

/* Elements in order of time, no more of them than the file has octets. */
static enum subjects_loaded
load_distinct(struct snapshot_in *in, const struct loading *loading)
{
	uint64_t count = snapshot_get_number(in, 4);
	struct distinct_element *element;
	int64_t last_ms = INT64_MIN;
	struct counter *counter;

	if (in->failed || count == 0 || count > in->left / 16)
		return SUBJECTS_BAD;
	counter = add_loaded(loading, count, true);
	if (counter == NULL)
		return SUBJECTS_NO_MEMORY;
	for (uint64_t i = 0; i < count; i++) {
		element = &counter->slots[counter->count].element;
		if (!get_time(in, &element->last_ms) ||
		    element->last_ms < last_ms)
			return SUBJECTS_BAD;
		last_ms = element->last_ms;
		element->hash = snapshot_get_number(in, 8);
		if (last_ms > loading->now_ms - loading->window_ms)
			counter->count++;
	}
	if (counter->count == 0)
		subject_remove_counter(loading->subjects, loading->entry,
		    counter);
	return in->failed ? SUBJECTS_BAD : SUBJECTS_ONE;
}

/* One counter, kept only when it has not expired. */
static enum subjects_loaded
load_counter(struct snapshot_in *in, struct subjects *subjects,
    struct subject_entry *entry, int64_t now_ms)
{
	struct loading loading = {
		.subjects = subjects, .entry = entry, .now_ms = now_ms
	};
	uint64_t kind = KIND_WINDOW;
	size_t length;

	if (!get_string(in, loading.field, sizeof(loading.field), &length) ||
	    !get_time(in, &loading.window_ms) || loading.window_ms <= 0)
		return SUBJECTS_BAD;
	loading.max = (int64_t)snapshot_get_number(in, 8);
	if (in->version > 1)
		kind = snapshot_get_number(in, 1);
	if (in->failed || subject_find_counter(entry, loading.field) != NULL)
		return SUBJECTS_BAD;
	if (kind == KIND_WINDOW)
		return load_window(in, &loading);
	return kind == KIND_DISTINCT ? load_distinct(in, &loading) :
	    SUBJECTS_BAD;
}

enum subjects_loaded
subjects_load(struct snapshot_in *in, int64_t now_ms, subjects_pick *pick,
    void *context)
{
	char subject[SUBJECT_OCTETS_MAX + 1];
	enum subjects_loaded loaded = SUBJECTS_ONE;
	struct subjects *subjects;
	struct subject_entry *entry;
	size_t length, counters;
	int64_t used_ms;
	uint32_t hash;

	if (!get_string(in, subject, sizeof(subject), &length))
		return SUBJECTS_BAD;
	if (length == 0)
		return SUBJECTS_END;
	if (!get_time(in, &used_ms))
		return SUBJECTS_BAD;
	counters = snapshot_get_number(in, 2);
	subjects = pick(context, subject, &hash);
	if (subjects_find(subjects, hash, subject) != NULL)
		return SUBJECTS_BAD;
	/* Time 0: nothing that is there already goes because of its age. */
	entry = subjects_add(subjects, hash, subject, 0);
	if (entry == NULL)
		return SUBJECTS_NO_MEMORY;
	entry->used_ms = used_ms;
	for (size_t i = 0; i < counters && loaded == SUBJECTS_ONE; i++)
		loaded = load_counter(in, subjects, entry, now_ms);
	if (entry->counters == NULL)
		subjects_remove(subjects, entry);
	return loaded;
}
