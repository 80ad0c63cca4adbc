/*
 * store_fallback.c - decides by itself while the shared store does not
 *
 * Every question goes to the store below first. What it does not answer may
 * be asked of a memory store here (store_charge_local()), which lets a share
 * of each limit pass: one of as many as there are hosts, so that all of them
 * together keep the limit. When the store below is back, it is told what was
 * counted, whatever the max, and that is forgotten here.
 *
 * What is counted without an answer (STORE_TELL) is counted here meanwhile.
 *
 * Each outage grants that share anew, and a distinct count knows no element
 * of before; when it is told, what Redis has is not counted twice. A batch
 * that the store is told and does not confirm is not told again: it may have
 * been counted.
 *
 * What the store below said of marks is remembered for the same case: who
 * was suspended stays so. That is of a moment ago, and never told again.
 *
 * One thread says every ten seconds that this host lives, counts the hosts,
 * and tells the store, not too fast.
 */
#include "io/store.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/metrics.h"
#include "io/store_memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SUBJECTS_LOCAL_MAX 200000	/* some 40 MB */
#define BEAT_MS 10000		/* between signs of life */
#define BEAT_AGAIN_MS 1000	/* when one was not taken */
#define LIVE_MS 30000		/* that one is good for */
#define COUNTS 4		/* the highest of so many counts is believed */
#define TELL_MS 10		/* between batches of CHARGES_MAX counters */
#define LOOK_MS 100		/* is the store back? */
#define TELL_TIMEOUT_MS 1000	/* at most; the store's own is shorter */
#define CLOSE_MS 200		/* for telling what is left */
#define ID_OCTETS 8
#define MARKED_LOCAL_MAX 10000	/* subjects whose marks are remembered */
#define OVERRIDE_LOCAL_MS 86400000	/* for so long, of an override */

struct fallback {
	struct store store;	/* first: what callers see */
	struct store *local;
	char id[2 * ID_OCTETS + 1];
	atomic_int_least64_t share_percent;	/* -1: by the hosts */
	atomic_int_least64_t hosts;		/* 0: not known yet */
	/* From the first decision of an outage until all is told. */
	atomic_bool deciding;
	atomic_int_least64_t decided, told, lost;	/* since then */

	pthread_mutex_t tell_lock;	/* a batch is either here or there */
	int64_t told_ms;	/* the store's time when it was told the first
				 * after an outage; 0: never */

	bool threaded;
	pthread_t thread;
	pthread_mutex_t wake_lock;
	pthread_cond_t wake;	/* on the monotonic clock */
	bool stop, woken;

	/* Of the thread. */
	int64_t beat_ms;	/* when the next sign of life is due */
	int64_t counts[COUNTS];
	size_t count_next;
	bool hosts_unknown;	/* and that was said */
	bool said;		/* that this store decides */
};

static struct fallback *
fallback_of(struct store *store)
{
	return (struct fallback *)store;
}

/* --- the share --- */

static void
use_share(struct fallback *fallback)
{
	int64_t percent = atomic_load(&fallback->share_percent);
	int64_t hosts = atomic_load(&fallback->hosts);

	if (percent > 0)
		store_memory_set_share(fallback->local, (uint32_t)percent,
		    100);
	else
		store_memory_set_share(fallback->local, 1,
		    hosts > 0 ? (uint32_t)hosts : 1);
}

static int64_t
share_percent(struct fallback *fallback)
{
	int64_t percent = atomic_load(&fallback->share_percent);
	int64_t hosts = atomic_load(&fallback->hosts);

	if (percent > 0)
		return percent;
	return hosts > 1 ? 100 / hosts : 100;
}

/*
 * After an outage the others come back one by one: the highest of the last
 * counts is believed.
 */
static void
note_hosts(struct fallback *fallback, int64_t count)
{
	int64_t hosts = 0;

	if (count <= 0) {
		if (!fallback->hosts_unknown && count < 0)
			log_warning("store=local hosts=unknown: the Redis "
			    "user may not use its sorted set of hosts");
		fallback->hosts_unknown = true;
		return;
	}
	fallback->hosts_unknown = false;
	fallback->counts[fallback->count_next++ % COUNTS] = count;
	for (size_t i = 0; i < COUNTS; i++)
		if (fallback->counts[i] > hosts)
			hosts = fallback->counts[i];
	atomic_store(&fallback->hosts, hosts);
	use_share(fallback);
}

static bool
is_up(struct fallback *fallback)
{
	struct store_state state;

	store_get_state(fallback->store.below, &state);
	return state.up;
}

/* A sign of life; when the next is due. */
static int64_t
beat(struct fallback *fallback, int64_t live_ms)
{
	int64_t count = store_count_hosts(fallback->store.below, fallback->id,
	    live_ms, TELL_TIMEOUT_MS);

	if (count < 0 && !is_up(fallback))
		return BEAT_AGAIN_MS;
	note_hosts(fallback, count);
	return BEAT_MS;
}

/*
 * Does it answer? It may be thought to be up for a moment longer by others
 * than by who has just waited in vain; a batch must not be lost to that.
 */
static bool
is_answering(struct fallback *fallback, int64_t now_ms)
{
	struct charges nothing = {.count = 1, .at = {{
		.subject = "fallback", .field = "probe", .window_ms = 1000
	}}};
	struct charge_answer answer;

	if (!is_up(fallback))
		return false;
	store_charge(fallback->store.below, &nothing, STORE_PEEK, now_ms,
	    TELL_TIMEOUT_MS, &answer);
	return answer.status == CHARGE_ALLOWED;
}

/* --- telling --- */

/* One batch; false when there is nothing to tell. */
static bool
tell_some(struct fallback *fallback, int64_t now_ms)
{
	struct charge_answer answer;
	struct taken taken;
	int64_t count;

	pthread_mutex_lock(&fallback->tell_lock);
	store_memory_take(fallback->local, now_ms, &taken);
	count = (int64_t)taken.charges.count;
	if (count > 0) {
		store_charge(fallback->store.below, &taken.charges,
		    STORE_FORCE, now_ms, TELL_TIMEOUT_MS, &answer);
		if (answer.status == CHARGE_ALLOWED) {
			if (atomic_fetch_add(&fallback->told, count) == 0)
				fallback->told_ms = answer.now_ms;
			metric_add_many(METRIC_store_told, count);
		} else {
			atomic_fetch_add(&fallback->lost, count);
			metric_add_many(METRIC_store_lost, count);
		}
	}
	pthread_mutex_unlock(&fallback->tell_lock);
	return count > 0;
}

static int64_t
untold(struct fallback *fallback)
{
	struct store_state state;

	store_get_state(fallback->local, &state);
	return state.subjects;
}

/* All is told. What is decided while we look is found by the next look. */
static void
end_deciding(struct fallback *fallback)
{
	atomic_store(&fallback->deciding, false);
	if (untold(fallback) > 0) {
		atomic_store(&fallback->deciding, true);
		return;
	}
	if (fallback->said)
		log_notice("store=local state=off decided=%lld told=%lld "
		    "lost=%lld",
		    (long long)atomic_load(&fallback->decided),
		    (long long)atomic_load(&fallback->told),
		    (long long)atomic_load(&fallback->lost));
	fallback->said = false;
	atomic_store(&fallback->decided, 0);
	atomic_store(&fallback->told, 0);
	atomic_store(&fallback->lost, 0);
}

void
store_fallback_settle(struct store *store, int64_t now_ms)
{
	struct fallback *fallback = fallback_of(store);

	while (tell_some(fallback, now_ms))
		continue;
	end_deciding(fallback);
}

/* --- the thread --- */

static void
say_deciding(struct fallback *fallback)
{
	struct store_state state;

	if (fallback->said)
		return;
	store_get_state(fallback->store.below, &state);
	log_warning("store=local state=on share=%lld%% reason=\"%s\"",
	    (long long)share_percent(fallback),
	    state.reason[0] != '\0' ? state.reason : "no answer");
	fallback->said = true;
}

/* What is due; how long until something is. */
static int64_t
work(struct fallback *fallback)
{
	int64_t now_ms = clock_steady_ms(), wait_ms;

	if (now_ms >= fallback->beat_ms)
		fallback->beat_ms = now_ms + beat(fallback, LIVE_MS);
	wait_ms = fallback->beat_ms - now_ms;
	if (!atomic_load(&fallback->deciding))
		return wait_ms;
	say_deciding(fallback);
	if (!is_answering(fallback, clock_now_ms()))
		return LOOK_MS;
	if (tell_some(fallback, clock_now_ms()))
		return TELL_MS;
	end_deciding(fallback);
	return atomic_load(&fallback->deciding) ? TELL_MS : wait_ms;
}

static void
sleep_for(struct fallback *fallback, int64_t wait_ms)
{
	int64_t until_ms = clock_steady_ms() + wait_ms;
	const struct timespec until = {
		.tv_sec = (time_t)(until_ms / 1000),
		.tv_nsec = (long)(until_ms % 1000) * 1000000,
	};

	while (!fallback->stop && !fallback->woken &&
	    pthread_cond_timedwait(&fallback->wake, &fallback->wake_lock,
	    &until) == 0)
		continue;
	fallback->woken = false;
}

static void *
run(void *argument)
{
	struct fallback *fallback = argument;
	int64_t wait_ms;

	pthread_mutex_lock(&fallback->wake_lock);
	while (!fallback->stop) {
		pthread_mutex_unlock(&fallback->wake_lock);
		wait_ms = work(fallback);
		pthread_mutex_lock(&fallback->wake_lock);
		sleep_for(fallback, wait_ms);
	}
	pthread_mutex_unlock(&fallback->wake_lock);
	return NULL;
}

static bool
start(struct fallback *fallback)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&fallback->thread, NULL, run, fallback);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

static void
wake(struct fallback *fallback, bool stop)
{
	pthread_mutex_lock(&fallback->wake_lock);
	fallback->woken = true;
	fallback->stop = stop;
	pthread_cond_signal(&fallback->wake);
	pthread_mutex_unlock(&fallback->wake_lock);
}

/* --- what callers see --- */

/* Count here; the thread tells the store below when it is back. */
static void
charge_here(struct fallback *fallback, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, struct charge_answer *answer)
{
	store_charge(fallback->local, charges, mode, now_ms, 0, answer);
	if (!atomic_exchange(&fallback->deciding, true) && fallback->threaded)
		wake(fallback, false);
}

/* The mark that refuses a subject, as the store has just said; or none. */
static void
learn_mark(struct marks *known, const char *subject, const struct mark *mark,
    int64_t now_ms)
{
	struct store_mark now = {.field = ""};
	struct mark before;

	if (mark == NULL && !marks_refuse(known, subject, now_ms, &before))
		return;
	for (int kind = 0; kind < MARK_COUNT; kind++)
		if (mark_refuses((enum mark_kind)kind))
			(void)marks_lift(known, subject, (enum mark_kind)kind,
			    "", now_ms);
	if (mark == NULL)
		return;
	now.kind = mark->kind;
	now.until_ms = mark->until_ms;
	(void)marks_set(known, subject, &now, STORE_SET, now_ms);
}

static void
learn_override(struct marks *known, const struct charge *charge,
    const int64_t *max, int64_t now_ms)
{
	struct store_mark now = {.kind = MARK_override};
	int64_t before;

	if (max == NULL) {
		if (marks_override(known, charge->subject, charge->field,
		    now_ms, &before))
			(void)marks_lift(known, charge->subject,
			    MARK_override, charge->field, now_ms);
		return;
	}
	(void)text_copy(now.field, sizeof(now.field), charge->field);
	now.max = *max;
	now.until_ms = now_ms + OVERRIDE_LOCAL_MS;
	(void)marks_set(known, charge->subject, &now, STORE_SET, now_ms);
}

/* Of one that is only observed the answer does not say what it is. */
static void
learn_marks(struct fallback *fallback, const struct charges *charges,
    const struct charge_answer *answer, int64_t now_ms)
{
	struct marks *known = store_memory_marks(fallback->local);

	if (answer->status == CHARGE_UNAVAILABLE ||
	    (answer->marks_found == 0 && answer->overridden == 0 &&
	    marks_are_none(known)))
		return;
	for (size_t i = 0; i < charges->mark_count; i++) {
		const char *subject = charges->marks[i].subject;

		if (answer->status == CHARGE_MARKED && i == answer->marked)
			learn_mark(known, subject, &answer->mark, now_ms);
		else if ((answer->marks_found >> i & 1) == 0)
			learn_mark(known, subject, NULL, now_ms);
	}
	for (size_t i = 0; i < charges->count &&
	    answer->status != CHARGE_MARKED; i++)
		learn_override(known, &charges->at[i],
		    (answer->overridden >> i & 1) != 0 ? &answer->max[i] :
		    NULL, now_ms);
}

static void
fallback_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	struct fallback *fallback = fallback_of(store);

	if (mode == STORE_TELL && !is_up(fallback)) {
		charge_here(fallback, charges, mode, now_ms, answer);
		return;
	}
	store_charge(store->below, charges, mode, now_ms, timeout_ms, answer);
	if (mode == STORE_CHARGE)
		learn_marks(fallback, charges, answer, now_ms);
}

static void
fallback_charge_local(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, struct charge_answer *answer)
{
	struct fallback *fallback = fallback_of(store);

	charge_here(fallback, charges, mode, now_ms, answer);
	metric_add(METRIC_store_local);
	atomic_fetch_add(&fallback->decided, 1);
}

/*
 * What was counted here is here, or the store below has been told: then it
 * was counted there at told_ms or later, and has not expired if it had not
 * expired here. Of a distinct count nobody knows then whether others have
 * seen the element since: it stays.
 */
static void
refund_local(struct fallback *fallback, const struct refund *refund,
    int64_t now_ms, int64_t timeout_ms)
{
	struct refund there = *refund;

	pthread_mutex_lock(&fallback->tell_lock);
	there.at_ms = fallback->told_ms;
	there.since = true;
	there.weight -= store_memory_take_back(fallback->local, refund,
	    now_ms);
	if (there.weight > 0 && !refund->distinct && fallback->told_ms > 0 &&
	    refund->at_ms > now_ms - refund->window_ms)
		store_refund(fallback->store.below, &there, 1, now_ms,
		    timeout_ms);
	pthread_mutex_unlock(&fallback->tell_lock);
}

static void
fallback_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	struct fallback *fallback = fallback_of(store);
	size_t from = 0;

	for (size_t i = 0; i < count; i++) {
		if (!refunds[i].local)
			continue;
		if (i > from)
			store_refund(store->below, &refunds[from], i - from,
			    now_ms, timeout_ms);
		refund_local(fallback, &refunds[i], now_ms, timeout_ms);
		from = i + 1;
	}
	if (count > from)
		store_refund(store->below, &refunds[from], count - from,
		    now_ms, timeout_ms);
}

static void
fallback_get_state(struct store *store, struct store_state *state)
{
	struct fallback *fallback = fallback_of(store);

	store_get_state(store->below, state);
	state->has_fallback = true;
	state->deciding = atomic_load(&fallback->deciding);
	state->hosts = atomic_load(&fallback->hosts);
	state->share_percent = share_percent(fallback);
	state->untold = untold(fallback);
}

static bool
fallback_reconfigure(struct store *store, const struct config *config)
{
	struct fallback *fallback = fallback_of(store);

	if (!store_reconfigure(store->below, config))
		return false;
	atomic_store(&fallback->share_percent, config->redis.fallback_share);
	use_share(fallback);
	return true;
}

/* --- marks --- */

/* What the store has taken is known here, too. */
static enum store_change
fallback_set_mark(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	struct fallback *fallback = fallback_of(store);
	enum store_change change = store_set_mark(store->below, subject,
	    mark, how, now_ms, timeout_ms);

	if (change == STORE_CHANGED)
		(void)marks_set(store_memory_marks(fallback->local), subject,
		    mark, STORE_SET, now_ms);
	return change;
}

static enum store_change
fallback_lift_mark(struct store *store, const char *subject,
    enum mark_kind kind, const char *field, int64_t now_ms,
    int64_t timeout_ms)
{
	struct fallback *fallback = fallback_of(store);
	enum store_change change = store_lift_mark(store->below, subject,
	    kind, field, now_ms, timeout_ms);

	if (change != STORE_UNREACHED)
		(void)marks_lift(store_memory_marks(fallback->local), subject,
		    kind, field, now_ms);
	return change;
}

static enum store_change
fallback_forget(struct store *store, const char *subject, const char *field,
    int64_t now_ms, int64_t timeout_ms)
{
	struct fallback *fallback = fallback_of(store);
	enum store_change change, here;

	pthread_mutex_lock(&fallback->tell_lock);
	here = store_forget(fallback->local, subject, field, now_ms, 0);
	change = store_forget(store->below, subject, field, now_ms,
	    timeout_ms);
	pthread_mutex_unlock(&fallback->tell_lock);
	return change == STORE_AS_BEFORE ? here : change;
}

/* --- opening and closing --- */

/* Tell what can be told in a short while, and leave. */
static void
end(struct fallback *fallback)
{
	int64_t until_ms = clock_steady_ms() + CLOSE_MS;

	wake(fallback, true);
	pthread_join(fallback->thread, NULL);
	while (is_answering(fallback, clock_now_ms()) &&
	    clock_steady_ms() < until_ms &&
	    tell_some(fallback, clock_now_ms()))
		continue;
	if (untold(fallback) > 0)
		log_warning("store=local lost=%lld: subjects that the store "
		    "was not told", (long long)untold(fallback));
	(void)beat(fallback, 0);
}

static void
fallback_close(struct store *store)
{
	struct fallback *fallback = fallback_of(store);

	if (fallback->threaded)
		end(fallback);
	store_close(&fallback->local);
	pthread_cond_destroy(&fallback->wake);
	pthread_mutex_destroy(&fallback->wake_lock);
	pthread_mutex_destroy(&fallback->tell_lock);
	free(fallback);
}

static bool
make_id(struct fallback *fallback)
{
	unsigned char octets[ID_OCTETS];
	struct text id;

	if (getentropy(octets, sizeof(octets)) != 0)
		return false;
	TEXT_INIT(&id, fallback->id);
	for (size_t i = 0; i < sizeof(octets); i++)
		text_printf(&id, "%02x", octets[i]);
	return true;
}

static struct fallback *
new_fallback(struct store *below, int64_t share)
{
	struct fallback *fallback = calloc(1, sizeof(*fallback));
	pthread_condattr_t monotonic;

	if (fallback == NULL)
		return NULL;
	fallback->store.below = below;
	atomic_store(&fallback->share_percent, share);
	pthread_mutex_init(&fallback->tell_lock, NULL);
	pthread_mutex_init(&fallback->wake_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&fallback->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return fallback;
}

static const struct store_ops fallback_ops = {
	.close = fallback_close,
	.reconfigure = fallback_reconfigure,
	.charge = fallback_charge,
	.refund = fallback_refund,
	.get_state = fallback_get_state,
	.charge_local = fallback_charge_local,
	.marks = {
		.set = fallback_set_mark,
		.lift = fallback_lift_mark,
		.forget = fallback_forget,
	},
};

struct store *
store_fallback_open(struct store *below, int64_t share, bool threaded,
    char *why, size_t size)
{
	static const struct store_memory_options options = {
		.file = "", .save_every_ms = 3600000,
		.max_subjects = SUBJECTS_LOCAL_MAX
	};
	struct fallback *fallback = new_fallback(below, share);
	struct store *opened;

	(void)text_copy(why, size, "no memory or thread for the store");
	if (fallback == NULL) {
		store_close(&below);
		return NULL;
	}
	fallback->store.ops = &fallback_ops;
	fallback->local = store_memory_open(&options, why, size);
	if (fallback->local != NULL) {
		use_share(fallback);
		marks_set_max(store_memory_marks(fallback->local),
		    MARKED_LOCAL_MAX);
	}
	if (fallback->local != NULL && make_id(fallback)) {
		fallback->threaded = threaded && start(fallback);
		if (fallback->threaded == threaded)
			return &fallback->store;
	}
	opened = &fallback->store;
	store_close(&opened);
	return NULL;
}
