/*
 * marks.c - a table of marked subjects, in this process
 */
#include "io/marks.h"

#include "base/siphash.h"
#include "io/mark_text.h"
#include "io/snapshot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUCKETS_MIN 64
#define SECTION "mark"		/* begins what stands in a snapshot */
#define SECTION_SIZE (sizeof(SECTION) - 1)

struct marked {
	struct marked *next;	/* in the bucket */
	struct store_mark *marks;
	size_t count;		/* > 0 */
	char subject[];
};

struct marks {
	uint8_t key[SIPHASH_KEY_SIZE];
	pthread_rwlock_t lock;
	atomic_size_t count, max;	/* subjects; count is set locked */
	struct marked **buckets;
	size_t bucket_count;		/* a power of 2 */
};

struct marks *
marks_open(size_t max)
{
	struct marks *marks = calloc(1, sizeof(*marks));

	if (marks == NULL)
		return NULL;
	marks->bucket_count = BUCKETS_MIN;
	marks->buckets = calloc(BUCKETS_MIN, sizeof(marks->buckets[0]));
	if (marks->buckets == NULL ||
	    getentropy(marks->key, sizeof(marks->key)) != 0) {
		free(marks->buckets);
		free(marks);
		return NULL;
	}
	atomic_store(&marks->max, max);
	pthread_rwlock_init(&marks->lock, NULL);
	return marks;
}

static void
free_marked(struct marked *marked)
{
	free(marked->marks);
	free(marked);
}

void
marks_clear(struct marks *marks)
{
	struct marked *marked;

	pthread_rwlock_wrlock(&marks->lock);
	for (size_t i = 0; i < marks->bucket_count; i++)
		while ((marked = marks->buckets[i]) != NULL) {
			marks->buckets[i] = marked->next;
			free_marked(marked);
		}
	atomic_store(&marks->count, 0);
	pthread_rwlock_unlock(&marks->lock);
}

void
marks_close(struct marks **marks)
{
	struct marks *m = *marks;

	if (m == NULL)
		return;
	marks_clear(m);
	pthread_rwlock_destroy(&m->lock);
	free(m->buckets);
	free(m);
	*marks = NULL;
}

void
marks_set_max(struct marks *marks, size_t max)
{
	atomic_store(&marks->max, max);
}

bool
marks_are_none(const struct marks *marks)
{
	return atomic_load_explicit(&marks->count, memory_order_relaxed) == 0;
}

/* --- with the lock held --- */

static struct marked **
bucket(const struct marks *marks, const char *subject)
{
	return &marks->buckets[siphash(marks->key, subject, strlen(subject)) &
	    (marks->bucket_count - 1)];
}

/* The link to the subject, or to where it would be. */
static struct marked **
find(const struct marks *marks, const char *subject)
{
	struct marked **link = bucket(marks, subject);

	while (*link != NULL && strcmp((*link)->subject, subject) != 0)
		link = &(*link)->next;
	return link;
}

static bool
is_live(const struct store_mark *mark, int64_t now_ms)
{
	return mark->until_ms == 0 || mark->until_ms > now_ms;
}

static void
remove_mark(struct marked *marked, size_t index)
{
	marked->count--;
	memmove(&marked->marks[index], &marked->marks[index + 1],
	    (marked->count - index) * sizeof(marked->marks[0]));
}

/* Without what has ended; the subject goes with its last mark. */
static void
sweep_link(struct marks *marks, struct marked **link, int64_t now_ms)
{
	struct marked *marked = *link;

	for (size_t i = marked->count; i-- > 0; )
		if (!is_live(&marked->marks[i], now_ms))
			remove_mark(marked, i);
	if (marked->count > 0)
		return;
	*link = marked->next;
	free_marked(marked);
	atomic_fetch_sub(&marks->count, 1);
}

static void
sweep_all(struct marks *marks, int64_t now_ms)
{
	for (size_t i = 0; i < marks->bucket_count; i++) {
		struct marked **link = &marks->buckets[i];

		while (*link != NULL) {
			struct marked *before = *link;

			sweep_link(marks, link, now_ms);
			if (*link == before)
				link = &before->next;
		}
	}
}

/* Twice the buckets, if there is memory for them. */
static void
grow(struct marks *marks)
{
	struct marked **old = marks->buckets, *marked;
	size_t count = marks->bucket_count;
	struct marked **buckets = calloc(2 * count, sizeof(buckets[0]));

	if (buckets == NULL)
		return;
	marks->buckets = buckets;
	marks->bucket_count = 2 * count;
	for (size_t i = 0; i < count; i++)
		while ((marked = old[i]) != NULL) {
			struct marked **link = bucket(marks, marked->subject);

			old[i] = marked->next;
			marked->next = *link;
			*link = marked;
		}
	free(old);
}

/* NULL: no room, or no memory. */
static struct marked *
add_subject(struct marks *marks, const char *subject, int64_t now_ms)
{
	size_t size = strlen(subject) + 1;
	struct marked *marked, **link;

	if (atomic_load(&marks->count) >= atomic_load(&marks->max))
		sweep_all(marks, now_ms);
	if (atomic_load(&marks->count) >= atomic_load(&marks->max))
		return NULL;
	if (atomic_load(&marks->count) >= marks->bucket_count)
		grow(marks);
	marked = calloc(1, sizeof(*marked) + size);
	if (marked == NULL)
		return NULL;
	memcpy(marked->subject, subject, size);
	link = bucket(marks, subject);
	marked->next = *link;
	*link = marked;
	atomic_fetch_add(&marks->count, 1);
	return marked;
}

static struct store_mark *
find_mark(const struct marked *marked, enum mark_kind kind, const char *field)
{
	for (size_t i = 0; i < marked->count; i++)
		if (marked->marks[i].kind == kind &&
		    strcmp(marked->marks[i].field, field) == 0)
			return &marked->marks[i];
	return NULL;
}

static bool
is_refused(const struct marked *marked, int64_t now_ms, struct mark *found)
{
	bool refused = false;

	for (size_t i = 0; i < marked->count; i++) {
		const struct store_mark *mark = &marked->marks[i];

		if (!mark_refuses(mark->kind) || !is_live(mark, now_ms) ||
		    (refused && (found->until_ms == 0 ||
		    (mark->until_ms > 0 &&
		    mark->until_ms <= found->until_ms))))
			continue;
		found->kind = mark->kind;
		found->until_ms = mark->until_ms;
		refused = true;
	}
	return refused;
}

/* One more, or the same anew. */
static bool
put_mark(struct marked *marked, const struct store_mark *mark)
{
	struct store_mark *old = find_mark(marked, mark->kind, mark->field);
	struct store_mark *more;

	if (old != NULL) {
		*old = *mark;
		return true;
	}
	if (marked->count == MARKS_MAX)
		return false;
	more = realloc(marked->marks, (marked->count + 1) * sizeof(*more));
	if (more == NULL)
		return false;
	marked->marks = more;
	more[marked->count++] = *mark;
	return true;
}

/* --- what callers see --- */

static enum store_change
set_locked(struct marks *marks, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms)
{
	struct marked **link = find(marks, subject);
	struct marked *marked;
	struct mark found;
	bool done;

	if (*link != NULL)
		sweep_link(marks, link, now_ms);
	marked = *find(marks, subject);
	if (how == STORE_SET_UNLESS_MARKED && marked != NULL &&
	    is_refused(marked, now_ms, &found))
		return STORE_AS_BEFORE;
	if (marked == NULL)
		marked = add_subject(marks, subject, now_ms);
	if (marked == NULL)
		return STORE_FULL;
	done = put_mark(marked, mark);
	if (!done)
		sweep_link(marks, find(marks, subject), now_ms);
	return done ? STORE_CHANGED : STORE_FULL;
}

enum store_change
marks_set(struct marks *marks, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms)
{
	enum store_change change;

	pthread_rwlock_wrlock(&marks->lock);
	change = set_locked(marks, subject, mark, how, now_ms);
	pthread_rwlock_unlock(&marks->lock);
	return change;
}

enum store_change
marks_lift(struct marks *marks, const char *subject, enum mark_kind kind,
    const char *field, int64_t now_ms)
{
	struct marked **link;
	struct store_mark *mark = NULL;
	bool lifted;

	if (marks_are_none(marks))
		return STORE_AS_BEFORE;
	pthread_rwlock_wrlock(&marks->lock);
	link = find(marks, subject);
	if (*link != NULL)
		mark = find_mark(*link, kind, field);
	lifted = mark != NULL && is_live(mark, now_ms);
	if (mark != NULL) {
		remove_mark(*link, (size_t)(mark - (*link)->marks));
		sweep_link(marks, link, now_ms);
	}
	pthread_rwlock_unlock(&marks->lock);
	return lifted ? STORE_CHANGED : STORE_AS_BEFORE;
}

size_t
marks_of(struct marks *marks, const char *subject, int64_t now_ms,
    struct store_mark found[])
{
	const struct marked *marked;
	size_t count = 0;

	if (marks_are_none(marks))
		return 0;
	pthread_rwlock_rdlock(&marks->lock);
	marked = *find(marks, subject);
	for (size_t i = 0; marked != NULL && i < marked->count; i++)
		if (is_live(&marked->marks[i], now_ms))
			found[count++] = marked->marks[i];
	pthread_rwlock_unlock(&marks->lock);
	return count;
}

bool
marks_refuse(struct marks *marks, const char *subject, int64_t now_ms,
    struct mark *found)
{
	const struct marked *marked;
	bool refused;

	if (marks_are_none(marks))
		return false;
	pthread_rwlock_rdlock(&marks->lock);
	marked = *find(marks, subject);
	refused = marked != NULL && is_refused(marked, now_ms, found);
	pthread_rwlock_unlock(&marks->lock);
	return refused;
}

bool
marks_override(struct marks *marks, const char *subject, const char *field,
    int64_t now_ms, int64_t *max)
{
	const struct marked *marked;
	const struct store_mark *mark = NULL;
	bool overridden;

	if (marks_are_none(marks))
		return false;
	pthread_rwlock_rdlock(&marks->lock);
	marked = *find(marks, subject);
	if (marked != NULL)
		mark = find_mark(marked, MARK_override, field);
	overridden = mark != NULL && is_live(mark, now_ms);
	if (overridden)
		*max = mark->max;
	pthread_rwlock_unlock(&marks->lock);
	return overridden;
}

static int
compare_subjects(const void *a, const void *b)
{
	const struct marked *const *one = a, *const *other = b;

	return strcmp((*one)->subject, (*other)->subject);
}

/* Sorted, so that who asks page by page misses none that stays. */
static void
list_sorted(const struct marks *marks, const struct marked *all[],
    int64_t from, struct marked_subject subjects[], size_t max, size_t *count)
{
	size_t found = 0;

	for (size_t i = 0; i < marks->bucket_count; i++)
		for (const struct marked *marked = marks->buckets[i];
		    marked != NULL; marked = marked->next)
			all[found++] = marked;
	qsort(all, found, sizeof(all[0]), compare_subjects);
	for (size_t i = (size_t)from; i < found && *count < max; i++)
		(void)text_copy(subjects[(*count)++].at,
		    sizeof(subjects[0].at), all[i]->subject);
}

int64_t
marks_list(struct marks *marks, int64_t from, int64_t now_ms,
    struct marked_subject subjects[], size_t max, size_t *count)
{
	const struct marked **all;
	size_t total;

	*count = 0;
	marks_sweep(marks, now_ms);
	pthread_rwlock_rdlock(&marks->lock);
	total = atomic_load(&marks->count);
	all = calloc(total + 1, sizeof(const struct marked *));
	if (all != NULL)
		list_sorted(marks, all, from, subjects, max, count);
	pthread_rwlock_unlock(&marks->lock);
	free(all);
	return all != NULL ? (int64_t)total : -1;
}

void
marks_sweep(struct marks *marks, int64_t now_ms)
{
	if (marks_are_none(marks))
		return;
	pthread_rwlock_wrlock(&marks->lock);
	sweep_all(marks, now_ms);
	pthread_rwlock_unlock(&marks->lock);
}

/*
 * --- in a snapshot ---
 *
 *	"mark"; then for each mark: u16 length, subject, u16 length, text; and
 *	at the end u16 0
 */

static void
put_octets(struct snapshot_out *out, const char *octets, size_t length)
{
	snapshot_put_number(out, length, 2);
	snapshot_put(out, octets, length);
}

static void
save_marked(const struct marked *marked, struct snapshot_out *out)
{
	char buffer[MARK_TEXT_SIZE];
	struct text text;

	for (size_t i = 0; i < marked->count; i++) {
		TEXT_INIT(&text, buffer);
		mark_put(&text, &marked->marks[i]);
		put_octets(out, marked->subject, strlen(marked->subject));
		put_octets(out, buffer, text.length);
	}
}

void
marks_save(struct marks *marks, struct snapshot_out *out)
{
	if (marks_are_none(marks))
		return;
	pthread_rwlock_rdlock(&marks->lock);
	snapshot_put(out, SECTION, SECTION_SIZE);
	for (size_t i = 0; i < marks->bucket_count; i++)
		for (const struct marked *marked = marks->buckets[i];
		    marked != NULL; marked = marked->next)
			save_marked(marked, out);
	snapshot_put_number(out, 0, 2);
	pthread_rwlock_unlock(&marks->lock);
}

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

bool
marks_load(struct marks *marks, struct snapshot_in *in, int64_t now_ms)
{
	char section[SECTION_SIZE], subject[SUBJECT_OCTETS_MAX + 1];
	char line[MARK_TEXT_SIZE];
	struct store_mark found[MARKS_MAX];
	size_t length;

	if (!snapshot_get(in, section, sizeof(section)) ||
	    memcmp(section, SECTION, SECTION_SIZE) != 0)
		return false;
	while (get_string(in, subject, sizeof(subject), &length)) {
		if (length == 0)
			return true;
		if (!get_string(in, line, sizeof(line), &length))
			return false;
		if (marks_read(line, length, now_ms, found) == 1)
			(void)marks_set(marks, subject, &found[0], STORE_SET,
			    now_ms);
	}
	return false;
}
