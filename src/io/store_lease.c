/*
 * store_lease.c - takes units of a limit along, and spends them here
 *
 * Above a store that is a trip away. A charge that allows it (lease_units)
 * brings along more units than it needs, as far as they are free: a lease.
 * The store counts them at once, as of its time then. They are spent here,
 * without a trip, for lease_ms from before the question was sent; and what
 * is counted is held for lease_ms longer than the limit's span of time (see
 * struct charge). So whatever is spent, however late, is held until that
 * span has passed since then, and no span ever holds more than the limit,
 * also when this process ends at any moment.
 *
 * A set of charges is all or none: what a lease covers is taken from it
 * first, the rest is asked of the store below, and when that does not let
 * them pass it is put back. Only when a set is covered whole, and its
 * subjects are known to be unmarked, nobody is asked.
 *
 * What is given back returns to the lease that it is of, while that lives. A
 * lease that ends, or does not cover a charge any more, is given back to the
 * store: one refund. So is every lease of a subject that somebody changes
 * (marks, another max, forget), here or elsewhere, and all with another
 * configuration.
 *
 * One session at a time asks for a lease; others charge meanwhile without.
 * There are LEASES_MAX of them: past that, charges bring nothing along.
 * Units that are taken along by a question without an answer stay counted
 * and unspent until the window has passed.
 */
#include "io/store.h"

#include "base/siphash.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/ledger.h"
#include "io/metrics.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LEASES_MAX 4096
#define BUCKETS 1024
#define TICK_MS 250		/* until one that has ended is given back */
#define LOOK_EVERY_MS 1000	/* for what others have changed */
#define TIMEOUT_MS 1000		/* at most; the store's own is shorter */
#define CHANGES_MAX 64		/* that are looked at one by one */
#define BATCH 32		/* refunds that are told at once */

struct lease {
	struct lease *next;	/* of its bucket, or of the unused */
	char subject[SUBJECT_OCTETS_MAX + 1];
	char field[LEDGER_FIELD_SIZE];
	int64_t max, window_ms;	/* of the limit that it was taken for */
	bool asked_for;		/* by one session, which will fill it */
	bool unwanted;		/* and give that back at once */
	int64_t left;		/* units; 0 while it is asked for */
	int64_t at_ms;		/* when they are counted: the store's time */
	int64_t end_ms;		/* of our clock */
	int64_t used;		/* as the store said, with all of them */
};

struct leases {
	struct store store;	/* first: what callers see */
	int64_t (*clock)(void);
	uint8_t key[SIPHASH_KEY_SIZE];

	pthread_mutex_t lock;	/* of all below; not held during a call */
	struct lease *buckets[BUCKETS];	/* by subject */
	struct lease *unused;
	size_t count;
	struct lease all[LEASES_MAX];

	bool threaded;
	pthread_t thread;
	pthread_cond_t wake;	/* on the monotonic clock */
	bool stop;

	/* Of who settles: the thread. */
	int64_t looked_ms;	/* on our clock; 0: never */
	int64_t since_ms;	/* the store's time of that look */
};

static struct leases *
leases_of(struct store *store)
{
	return (struct leases *)store;
}

/* --- the table, with the lock held --- */

static struct lease **
bucket_of(struct leases *leases, const char *subject)
{
	return &leases->buckets[siphash(leases->key, subject,
	    strlen(subject)) % BUCKETS];
}

static struct lease *
find(struct leases *leases, const char *subject, const char *field)
{
	struct lease *lease = *bucket_of(leases, subject);

	while (lease != NULL && (strcmp(lease->field, field) != 0 ||
	    strcmp(lease->subject, subject) != 0))
		lease = lease->next;
	return lease;
}

/* One that nobody has asked for yet; NULL when there is no room. */
static struct lease *
add(struct leases *leases, const struct charge *charge)
{
	struct lease **bucket = bucket_of(leases, charge->subject);
	struct lease *lease = leases->unused;

	if (lease == NULL || strlen(charge->field) >= sizeof(lease->field))
		return NULL;
	leases->unused = lease->next;
	memset(lease, 0, sizeof(*lease));
	(void)text_copy(lease->subject, sizeof(lease->subject),
	    charge->subject);
	(void)text_copy(lease->field, sizeof(lease->field), charge->field);
	lease->max = charge->max;
	lease->window_ms = charge->window_ms;
	lease->next = *bucket;
	*bucket = lease;
	if (leases->count++ == 0 && leases->threaded)
		pthread_cond_signal(&leases->wake);
	return lease;
}

static void
put_away(struct leases *leases, struct lease *lease)
{
	lease->next = leases->unused;
	leases->unused = lease;
}

static void
unlink_lease(struct leases *leases, struct lease *lease)
{
	struct lease **link = bucket_of(leases, lease->subject);

	while (*link != lease)
		link = &(*link)->next;
	*link = lease->next;
	leases->count--;
}

static bool
is_alive(const struct lease *lease, int64_t clock_ms)
{
	return !lease->asked_for && clock_ms < lease->end_ms;
}

static struct refund
refund_of(const struct lease *lease, int64_t weight)
{
	return (struct refund){
		.subject = lease->subject, .field = lease->field,
		.window_ms = lease->window_ms, .weight = weight,
		.at_ms = lease->at_ms
	};
}

/* --- giving leases back --- */

/* Which: all of them, but */
struct choice {
	const char *subject;	/* only of this one, unless NULL */
	bool is_ended;		/* only what has ended */
	int64_t clock_ms;	/* by now */
};

static bool
is_chosen(const struct lease *lease, const struct choice *choice)
{
	if (choice->is_ended)
		return !lease->asked_for && !is_alive(lease,
		    choice->clock_ms);
	return choice->subject == NULL ||
	    strcmp(lease->subject, choice->subject) == 0;
}

/*
 * With the lock held: move what is chosen before `others`. One that is asked
 * for goes when it comes.
 */
static struct lease *
take_out(struct leases *leases, struct lease **link,
    const struct choice *choice, struct lease *others)
{
	while (*link != NULL) {
		struct lease *lease = *link;

		if (!is_chosen(lease, choice)) {
			link = &lease->next;
		} else if (lease->asked_for) {
			lease->unwanted = true;
			link = &lease->next;
		} else {
			*link = lease->next;
			leases->count--;
			lease->next = others;
			others = lease;
		}
	}
	return others;
}

/* A few of `ended`, which are `told` then; how many refunds they make. */
static size_t
pick_batch(struct lease **ended, struct lease **told,
    struct refund refunds[BATCH])
{
	size_t count = 0;

	while (*ended != NULL && count < BATCH) {
		struct lease *lease = *ended;

		*ended = lease->next;
		lease->next = *told;
		*told = lease;
		if (lease->left == 0)
			continue;
		metric_add_many(METRIC_lease_units_returned, lease->left);
		refunds[count++] = refund_of(lease, lease->left);
	}
	return count;
}

static void
tell_ended(struct leases *leases, struct lease *ended, int64_t now_ms)
{
	struct refund refunds[BATCH];

	while (ended != NULL) {
		struct lease *told = NULL, *next;
		size_t count = pick_batch(&ended, &told, refunds);

		if (count > 0)
			store_refund(leases->store.below, refunds, count,
			    now_ms, TIMEOUT_MS);
		pthread_mutex_lock(&leases->lock);
		for (; told != NULL; told = next) {
			next = told->next;
			put_away(leases, told);
		}
		pthread_mutex_unlock(&leases->lock);
	}
}

static void
give_back(struct leases *leases, const struct choice *choice, int64_t now_ms)
{
	struct lease *ended = NULL;

	pthread_mutex_lock(&leases->lock);
	if (choice->subject != NULL)
		ended = take_out(leases, bucket_of(leases, choice->subject),
		    choice, NULL);
	for (size_t i = 0; choice->subject == NULL && i < BUCKETS; i++)
		ended = take_out(leases, &leases->buckets[i], choice, ended);
	pthread_mutex_unlock(&leases->lock);
	tell_ended(leases, ended, now_ms);
}

static void
give_back_all(struct leases *leases, int64_t now_ms)
{
	const struct choice all = {.subject = NULL};

	give_back(leases, &all, now_ms);
}

static void
give_back_subject(struct leases *leases, const char *subject, int64_t now_ms)
{
	const struct choice of_subject = {.subject = subject};

	give_back(leases, &of_subject, now_ms);
}

/* --- charging --- */

/* What becomes of a set of charges. */
struct plan {
	int64_t sent_ms;	/* our clock, before anything is asked */
	struct charges rest;	/* to be asked of the store below */
	size_t from[CHARGES_MAX];	/* where each was in the set */
	struct lease *lease[CHARGES_MAX];	/* that it asks for; or NULL */
	bool covered[CHARGES_MAX];	/* of the set: taken from a lease */
	int64_t at_ms[CHARGES_MAX];	/* of these: of that lease */
	int64_t used[CHARGES_MAX];
	/* What the store below is to be given back; borrows from the set. */
	struct refund refunds[2 * CHARGES_MAX];
	size_t refund_count;
};

static void
plan_refund(struct plan *plan, const struct charge *charge, int64_t at_ms,
    int64_t weight)
{
	plan->refunds[plan->refund_count++] = (struct refund){
		.subject = charge->subject, .field = charge->field,
		.window_ms = charge->window_ms, .weight = weight,
		.at_ms = at_ms
	};
}

static void
tell_refunds(struct leases *leases, struct plan *plan, int64_t now_ms)
{
	if (plan->refund_count > 0)
		store_refund(leases->store.below, plan->refunds,
		    plan->refund_count, now_ms, TIMEOUT_MS);
	plan->refund_count = 0;
}

/* Somebody else's, or of another configuration: not to be touched. */
static bool
is_for(const struct lease *lease, const struct charge *charge)
{
	return !lease->asked_for && lease->max == charge->max &&
	    lease->window_ms == charge->window_ms;
}

/*
 * With the lock held: take the weight of charge i from its lease. When that
 * does not cover it, it is given back, and another one asked for.
 */
static bool
spend(struct leases *leases, const struct charge *charge, size_t i,
    struct plan *plan, struct lease **asked_for)
{
	struct lease *lease = find(leases, charge->subject, charge->field);

	*asked_for = NULL;
	if (lease == NULL && charge->weight > 0)
		lease = add(leases, charge);
	if (lease == NULL || !is_for(lease, charge))
		return false;
	if (is_alive(lease, plan->sent_ms) && charge->weight <= lease->left) {
		lease->left -= charge->weight;
		plan->covered[i] = true;
		plan->at_ms[i] = lease->at_ms;
		plan->used[i] = lease->used;
		return true;
	}
	if (charge->weight == 0)
		return false;
	if (lease->left > 0) {
		metric_add_many(METRIC_lease_units_returned, lease->left);
		plan_refund(plan, charge, lease->at_ms, lease->left);
	}
	lease->left = 0;
	lease->asked_for = true;
	*asked_for = lease;
	return false;
}

static void
make_plan(struct leases *leases, const struct charges *charges,
    struct plan *plan)
{
	struct charges *rest = &plan->rest;

	plan->sent_ms = leases->clock();
	plan->refund_count = 0;
	rest->count = 0;
	rest->mark_count = charges->mark_count;
	memcpy(rest->marks, charges->marks,
	    charges->mark_count * sizeof(charges->marks[0]));
	pthread_mutex_lock(&leases->lock);
	for (size_t i = 0; i < charges->count; i++) {
		const struct charge *charge = &charges->at[i];
		struct lease *lease = NULL;

		plan->covered[i] = false;
		if (charge->lease_units > 0 &&
		    spend(leases, charge, i, plan, &lease))
			continue;
		plan->from[rest->count] = i;
		plan->lease[rest->count] = lease;
		rest->at[rest->count] = *charge;
		if (lease == NULL)
			rest->at[rest->count].lease_units = 0;
		rest->count++;
	}
	pthread_mutex_unlock(&leases->lock);
}

/* With the lock held: to the lease that it is of, while that lives. */
static bool
put_back(struct leases *leases, const struct refund *refund)
{
	struct lease *lease = find(leases, refund->subject, refund->field);

	if (lease == NULL || !is_alive(lease, leases->clock()) ||
	    lease->at_ms != refund->at_ms ||
	    lease->window_ms != refund->window_ms)
		return false;
	lease->left += refund->weight;
	return true;
}

/* With the lock held: they were taken in vain. */
static void
put_back_covered(struct leases *leases, const struct charges *charges,
    struct plan *plan)
{
	for (size_t i = 0; i < charges->count; i++) {
		if (!plan->covered[i] || charges->at[i].weight == 0)
			continue;
		plan_refund(plan, &charges->at[i], plan->at_ms[i],
		    charges->at[i].weight);
		if (put_back(leases,
		    &plan->refunds[plan->refund_count - 1]))
			plan->refund_count--;
	}
}

/*
 * With the lock held: what charge k of the rest has brought along. A lease
 * that is nothing, or no longer wanted, is moved before `ended`.
 */
static struct lease *
fill(struct leases *leases, const struct plan *plan, size_t k,
    const struct charge_answer *answer, struct lease *ended)
{
	struct lease *lease = plan->lease[k];
	bool allowed = answer->status == CHARGE_ALLOWED;

	if (lease == NULL)
		return ended;
	lease->asked_for = false;
	lease->left = allowed ? answer->leased[k] : 0;
	lease->at_ms = answer->now_ms + answer->skew_ms[k];
	lease->end_ms = plan->sent_ms + plan->rest.at[k].lease_ms;
	lease->used = answer->used[k];
	if (lease->left > 0) {
		metric_add(METRIC_leases_taken);
		metric_add_many(METRIC_lease_units_taken, lease->left);
	}
	if (lease->left > 0 && !lease->unwanted)
		return ended;
	unlink_lease(leases, lease);
	lease->next = ended;
	return lease;
}

/* What the store below has said to the rest, as said to the set. */
static void
put_answer(const struct plan *plan, const struct charges *charges,
    const struct charge_answer *one, struct charge_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->status = one->status;
	if (one->status == CHARGE_REFUSED)
		answer->refused = plan->from[one->refused];
	answer->retry_ms = one->retry_ms;
	answer->full_ms = one->full_ms;
	answer->by_refusals = one->by_refusals;
	answer->misset = one->misset;
	answer->undone = one->undone;
	answer->now_ms = one->now_ms;
	answer->marked = one->marked;
	answer->mark = one->mark;
	answer->marks_found = one->marks_found;
	for (size_t k = 0; k < plan->rest.count; k++) {
		size_t i = plan->from[k];

		answer->skew_ms[i] = one->skew_ms[k];
		answer->used[i] = one->used[k];
		answer->fresh[i] = one->fresh[k];
		answer->max[i] = one->max[k];
		answer->overridden |= (one->overridden >> k & 1) << i;
	}
	for (size_t i = 0; i < charges->count; i++) {
		if (!plan->covered[i])
			continue;
		answer->used[i] = plan->used[i];
		answer->skew_ms[i] = plan->at_ms[i] - answer->now_ms;
	}
}

/* Must the store be asked? */
static bool
is_covered(const struct plan *plan)
{
	for (size_t i = 0; i < plan->rest.mark_count; i++)
		if (!plan->rest.marks[i].known)
			return false;
	return plan->rest.count == 0;
}

static void
ask_for_rest(struct leases *leases, struct plan *plan,
    const struct charges *charges, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *one)
{
	struct lease *ended = NULL;

	memset(one, 0, sizeof(*one));
	store_charge(leases->store.below, &plan->rest, STORE_CHARGE, now_ms,
	    timeout_ms, one);
	pthread_mutex_lock(&leases->lock);
	for (size_t k = 0; k < plan->rest.count; k++)
		ended = fill(leases, plan, k, one, ended);
	if (one->status != CHARGE_ALLOWED)
		put_back_covered(leases, charges, plan);
	pthread_mutex_unlock(&leases->lock);
	tell_refunds(leases, plan, now_ms);
	tell_ended(leases, ended, now_ms);
}

static bool
any_may_lease(const struct charges *charges)
{
	for (size_t i = 0; i < charges->count; i++)
		if (charges->at[i].lease_units > 0)
			return true;
	return false;
}

static void
leases_charge(struct store *store, const struct charges *charges,
    enum store_mode mode, int64_t now_ms, int64_t timeout_ms,
    struct charge_answer *answer)
{
	struct leases *leases = leases_of(store);
	struct charge_answer one;
	struct plan plan;

	if (mode != STORE_CHARGE || !any_may_lease(charges)) {
		store_charge(store->below, charges, mode, now_ms, timeout_ms,
		    answer);
		return;
	}
	make_plan(leases, charges, &plan);
	/* On its way before the question, so that it is free by then. */
	tell_refunds(leases, &plan, now_ms);
	if (is_covered(&plan)) {
		one = (struct charge_answer){
			.status = CHARGE_ALLOWED, .now_ms = now_ms
		};
		metric_add(METRIC_store_leased);
	} else {
		ask_for_rest(leases, &plan, charges, now_ms, timeout_ms,
		    &one);
	}
	put_answer(&plan, charges, &one, answer);
}

static bool
returns_to_lease(struct leases *leases, const struct refund *refund)
{
	bool returns;

	if (refund->local || refund->distinct)
		return false;
	pthread_mutex_lock(&leases->lock);
	returns = put_back(leases, refund);
	pthread_mutex_unlock(&leases->lock);
	return returns;
}

static void
leases_refund(struct store *store, const struct refund refunds[],
    size_t count, int64_t now_ms, int64_t timeout_ms)
{
	size_t from = 0;

	for (size_t i = 0; i < count; i++) {
		if (!returns_to_lease(leases_of(store), &refunds[i]))
			continue;
		if (i > from)
			store_refund(store->below, &refunds[from], i - from,
			    now_ms, timeout_ms);
		from = i + 1;
	}
	if (count > from)
		store_refund(store->below, &refunds[from], count - from,
		    now_ms, timeout_ms);
}

/* --- changes: given back before, and what came meanwhile after --- */

static enum store_change
leases_set_mark(struct store *store, const char *subject,
    const struct store_mark *mark, enum store_set how, int64_t now_ms,
    int64_t timeout_ms)
{
	enum store_change change;

	give_back_subject(leases_of(store), subject, now_ms);
	change = store_set_mark(store->below, subject, mark, how, now_ms,
	    timeout_ms);
	give_back_subject(leases_of(store), subject, now_ms);
	return change;
}

static enum store_change
leases_lift_mark(struct store *store, const char *subject,
    enum mark_kind kind, const char *field, int64_t now_ms,
    int64_t timeout_ms)
{
	enum store_change change;

	give_back_subject(leases_of(store), subject, now_ms);
	change = store_lift_mark(store->below, subject, kind, field, now_ms,
	    timeout_ms);
	give_back_subject(leases_of(store), subject, now_ms);
	return change;
}

static enum store_change
leases_forget(struct store *store, const char *subject, const char *field,
    int64_t now_ms, int64_t timeout_ms)
{
	enum store_change change;

	give_back_subject(leases_of(store), subject, now_ms);
	change = store_forget(store->below, subject, field, now_ms,
	    timeout_ms);
	give_back_subject(leases_of(store), subject, now_ms);
	return change;
}

static void
look_for_changes(struct leases *leases, int64_t now_ms)
{
	struct marked_subject changed[CHANGES_MAX];
	size_t count;

	if (!store_changed(leases->store.below, &leases->since_ms, TIMEOUT_MS,
	    changed, CHANGES_MAX, &count))
		return;
	if (count > CHANGES_MAX)
		give_back_all(leases, now_ms);
	for (size_t i = 0; i < count && count <= CHANGES_MAX; i++)
		give_back_subject(leases, changed[i].at, now_ms);
}

/* --- the thread --- */

void
store_lease_settle(struct store *store, int64_t now_ms)
{
	struct leases *leases = leases_of(store);
	const struct choice ended = {
		.is_ended = true, .clock_ms = leases->clock()
	};

	give_back(leases, &ended, now_ms);
	if (ended.clock_ms - leases->looked_ms < LOOK_EVERY_MS)
		return;
	leases->looked_ms = ended.clock_ms;
	look_for_changes(leases, now_ms);
}

static void
sleep_a_tick(struct leases *leases)
{
	int64_t until_ms = clock_steady_ms() + TICK_MS;
	const struct timespec until = {
		.tv_sec = (time_t)(until_ms / 1000),
		.tv_nsec = (long)(until_ms % 1000) * 1000000,
	};

	while (!leases->stop && pthread_cond_timedwait(&leases->wake,
	    &leases->lock, &until) == 0)
		continue;
}

/* Without leases there is nothing to do. */
static void *
run(void *argument)
{
	struct leases *leases = argument;

	pthread_mutex_lock(&leases->lock);
	while (!leases->stop) {
		if (leases->count == 0) {
			pthread_cond_wait(&leases->wake, &leases->lock);
			continue;
		}
		pthread_mutex_unlock(&leases->lock);
		store_lease_settle(&leases->store, clock_now_ms());
		pthread_mutex_lock(&leases->lock);
		sleep_a_tick(leases);
	}
	pthread_mutex_unlock(&leases->lock);
	return NULL;
}

static bool
start(struct leases *leases)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&leases->thread, NULL, run, leases);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

static void
stop(struct leases *leases)
{
	pthread_mutex_lock(&leases->lock);
	leases->stop = true;
	pthread_cond_signal(&leases->wake);
	pthread_mutex_unlock(&leases->lock);
	pthread_join(leases->thread, NULL);
}

/* --- opening and closing --- */

static void
leases_close(struct store *store)
{
	struct leases *leases = leases_of(store);

	if (leases->threaded)
		stop(leases);
	give_back_all(leases, clock_now_ms());
	pthread_cond_destroy(&leases->wake);
	pthread_mutex_destroy(&leases->lock);
	free(leases);
}

/* What was taken along was so under the limits of before. */
static bool
leases_reconfigure(struct store *store, const struct config *config)
{
	give_back_all(leases_of(store), clock_now_ms());
	return store_reconfigure(store->below, config);
}

static void
leases_get_state(struct store *store, struct store_state *state)
{
	struct leases *leases = leases_of(store);

	store_get_state(store->below, state);
	state->has_leases = true;
	state->leases = state->leased_units = 0;
	pthread_mutex_lock(&leases->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct lease *lease = leases->buckets[i];
		    lease != NULL; lease = lease->next) {
			state->leases += !lease->asked_for;
			state->leased_units += lease->left;
		}
	pthread_mutex_unlock(&leases->lock);
}

static const struct store_ops lease_ops = {
	.close = leases_close,
	.reconfigure = leases_reconfigure,
	.charge = leases_charge,
	.refund = leases_refund,
	.get_state = leases_get_state,
	.marks = {
		.set = leases_set_mark,
		.lift = leases_lift_mark,
		.forget = leases_forget,
	},
};

static struct leases *
new_leases(struct store *below, int64_t (*clock)(void))
{
	struct leases *leases = calloc(1, sizeof(*leases));
	pthread_condattr_t monotonic;

	if (leases == NULL ||
	    getentropy(leases->key, sizeof(leases->key)) != 0) {
		free(leases);
		return NULL;
	}
	leases->store.ops = &lease_ops;
	leases->store.below = below;
	leases->clock = clock;
	for (size_t i = 0; i < LEASES_MAX; i++)
		put_away(leases, &leases->all[i]);
	pthread_mutex_init(&leases->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&leases->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return leases;
}

struct store *
store_lease_open(struct store *below, int64_t (*clock)(void), bool threaded,
    char *why, size_t size)
{
	struct leases *leases = new_leases(below, clock);
	struct store *opened = below;

	if (leases != NULL) {
		opened = &leases->store;
		leases->threaded = threaded;
		if (!threaded || start(leases))
			return opened;
		leases->threaded = false;
	}
	(void)text_copy(why, size, "no memory or thread for the store");
	store_close(&opened);
	return NULL;
}
