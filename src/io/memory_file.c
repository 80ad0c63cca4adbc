/*
 * memory_file.c - the memory store sweeps, saves and loads
 *
 * Stripe by stripe: decisions wait for one stripe at most, and never for the
 * disk.
 */
#include "io/store_memory.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/snapshot.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_EVERY_MS 60000

/* After a lower cap was put in place: the idle of all the table go. */
static void
trim(struct memory *memory)
{
	for (size_t i = 0; memory_is_over_cap(memory); i++)
		memory_drop_idle(memory, i % STRIPES);
}

/* --- saving --- */

/* Drop what has expired; and write what is left, where `out` is given. */
static void
visit_all(struct memory *memory, int64_t now_ms, int64_t ahead_ms,
    struct snapshot_out *out)
{
	for (size_t i = 0; i < STRIPES; i++) {
		struct stripe *stripe = &memory->stripes[i];
		struct tally before;

		pthread_mutex_lock(&stripe->lock);
		before = memory_tally(stripe);
		subjects_sweep(&stripe->subjects, now_ms);
		if (out != NULL)
			subjects_save(&stripe->subjects, out, ahead_ms);
		memory_note_change(memory, stripe, before);
		pthread_mutex_unlock(&stripe->lock);
		if (out != NULL)
			snapshot_flush(out);
	}
}

/* The key comes first, so that each subject finds its stripe again. */
static bool
write_snapshot(struct memory *memory, char *why, size_t size)
{
	struct snapshot_out out;
	int64_t now_ms, ahead_ms, later_ahead_ms;

	if (!snapshot_create(&out, memory->file, why, size))
		return false;
	snapshot_put(&out, memory->key, sizeof(memory->key));
	now_ms = memory_last_time(memory, &ahead_ms);
	visit_all(memory, now_ms, ahead_ms, &out);
	subjects_save_end(&out);
	now_ms = memory_last_time(memory, &later_ahead_ms);
	snapshot_put_number(&out, (uint64_t)(now_ms - ahead_ms), 8);
	marks_save(memory->marks, &out);
	return snapshot_commit(&out, why, size);
}

bool
memory_save_file(struct memory *memory, bool always, char *why, size_t size)
{
	int64_t changes;
	bool saved = true;

	if (memory->file == NULL)
		return true;
	pthread_mutex_lock(&memory->save_lock);
	changes = atomic_load(&memory->changes);
	if (always || changes != memory->saved_changes) {
		saved = write_snapshot(memory, why, size);
		if (saved)
			memory->saved_changes = changes;
		if (!saved && !memory->save_fails)
			log_warning("counters are not saved: %s", why);
		if (saved && memory->save_fails)
			log_notice("counters are saved again in %s",
			    memory->file);
		memory->save_fails = !saved;
	}
	pthread_mutex_unlock(&memory->save_lock);
	return saved;
}

bool
memory_file_is_well(struct memory *memory, char *why, size_t size)
{
	bool fails;

	pthread_mutex_lock(&memory->save_lock);
	fails = memory->save_fails;
	pthread_mutex_unlock(&memory->save_lock);
	return !fails || memory_save_file(memory, true, why, size);
}

/* --- loading --- */

static struct subjects *
pick_stripe(void *context, const char *subject, uint32_t *hash)
{
	struct memory *memory = context;
	uint64_t whole = memory_hash(memory, subject);

	*hash = memory_bucket(whole);
	return &memory->stripes[memory_stripe(whole)].subjects;
}

static void
count_subjects(struct memory *memory)
{
	for (size_t i = 0; i < STRIPES; i++)
		memory_note_change(memory, &memory->stripes[i],
		    (struct tally){ 0, 0 });
}

static enum subjects_loaded
read_snapshot(struct memory *memory, struct snapshot_in *in)
{
	enum subjects_loaded loaded = SUBJECTS_ONE;
	int64_t now_ms = clock_now_ms();

	if (!snapshot_get(in, memory->key, sizeof(memory->key)))
		return SUBJECTS_BAD;
	while (loaded == SUBJECTS_ONE)
		loaded = subjects_load(in, now_ms, pick_stripe, memory);
	if (loaded != SUBJECTS_END)
		return loaded;
	memory->clock.wall_ms = (int64_t)snapshot_get_number(in, 8);
	if (in->failed || memory->clock.wall_ms < 0 ||
	    memory->clock.wall_ms > INT64_MAX / 4)
		return SUBJECTS_BAD;
	if (in->left > 0 && !marks_load(memory->marks, in, now_ms))
		return SUBJECTS_BAD;
	if (in->left > 0)
		return SUBJECTS_BAD;
	count_subjects(memory);
	return SUBJECTS_END;
}

static bool
new_key(struct memory *memory, char *why, size_t size)
{
	if (getentropy(memory->key, sizeof(memory->key)) == 0)
		return true;
	text_copy(why, size, "the system gives no random octets");
	return false;
}

bool
memory_load(struct memory *memory, char *why, size_t size)
{
	enum snapshot_found found;
	enum subjects_loaded loaded = SUBJECTS_BAD;
	struct snapshot_in in;

	if (memory->file == NULL)
		return new_key(memory, why, size);
	found = snapshot_open(&in, memory->file, why, size);
	if (found == SNAPSHOT_UNREADABLE)
		return false;
	if (found == SNAPSHOT_NONE)
		return new_key(memory, why, size);
	if (found == SNAPSHOT_FOUND) {
		text_copy(why, size, "what it says cannot be");
		loaded = read_snapshot(memory, &in);
		snapshot_close(&in);
	}
	if (loaded == SUBJECTS_END) {
		trim(memory);
		return true;
	}
	if (loaded == SUBJECTS_NO_MEMORY) {
		text_copy(why, size, "no memory for the counters");
		return false;
	}
	memory_forget_all(memory);
	marks_clear(memory->marks);
	memory->clock.wall_ms = 0;
	log_warning("counters start from nothing: %s: %s; it is %s",
	    memory->file, why, snapshot_set_aside(memory->file) ?
	    "kept as FILE.damaged" : "in the way, and could not be renamed");
	return new_key(memory, why, size);
}

/* --- the thread --- */

static void
sweep(struct memory *memory)
{
	int64_t ahead_ms;
	int64_t now_ms = memory_last_time(memory, &ahead_ms);

	visit_all(memory, now_ms, ahead_ms, NULL);
	marks_sweep(memory->marks, now_ms - ahead_ms);
	trim(memory);
}

/* Sleep until then, or until woken. With wake_lock held. */
static void
sleep_until(struct memory *memory, int64_t steady_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(steady_ms / 1000),
		.tv_nsec = (long)(steady_ms % 1000) * 1000000,
	};

	pthread_cond_timedwait(&memory->wake, &memory->wake_lock, &until);
}

static void *
keep_house(void *argument)
{
	struct memory *memory = argument;
	int64_t saved_ms = clock_steady_ms(), swept_ms = saved_ms;
	char why[256];

	pthread_mutex_lock(&memory->wake_lock);
	while (!memory->stop) {
		int64_t save_ms = saved_ms + memory->save_every_ms;
		int64_t sweep_ms = swept_ms + SWEEP_EVERY_MS;
		int64_t now_ms = clock_steady_ms();

		if (now_ms < save_ms && now_ms < sweep_ms) {
			sleep_until(memory,
			    save_ms < sweep_ms ? save_ms : sweep_ms);
			continue;
		}
		pthread_mutex_unlock(&memory->wake_lock);
		if (now_ms >= sweep_ms) {
			sweep(memory);
			swept_ms = clock_steady_ms();
		}
		if (now_ms >= save_ms) {
			memory_save_file(memory, false, why, sizeof(why));
			saved_ms = clock_steady_ms();
		}
		pthread_mutex_lock(&memory->wake_lock);
	}
	pthread_mutex_unlock(&memory->wake_lock);
	return NULL;
}

bool
memory_start(struct memory *memory, char *why, size_t size)
{
	sigset_t all, before;
	int error;

	/* Signals are for the threads that wait for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&memory->thread, NULL, keep_house, memory);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		text_copy(why, size, "no thread for the counters");
	return error == 0;
}

void
memory_stop(struct memory *memory)
{
	pthread_mutex_lock(&memory->wake_lock);
	memory->stop = true;
	pthread_cond_signal(&memory->wake);
	pthread_mutex_unlock(&memory->wake_lock);
	pthread_join(memory->thread, NULL);
}
