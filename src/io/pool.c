/*
 * pool.c - hands libmilter's pool of workers one event at a time
 */
#include "io/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "io/clock.h"
#include "io/metrics.h"

#define LATE_MS 20	/* for a worker that was signalled to run */
#define NOBODY (-1)

/* libmilter knows one pool: so does this. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t taken;
static atomic_int offered = NOBODY;	/* and not yet taken */
static atomic_bool is_pool;	/* workers take what is offered */

static void
init(void)
{
	pthread_condattr_t steady;

	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&taken, &steady);
	pthread_condattr_destroy(&steady);
}

/* With the lock held. False: too late. */
static bool
wait_taken(void)
{
	int64_t until_ms = clock_steady_ms() + LATE_MS;
	struct timespec until;

	until.tv_sec = (time_t)(until_ms / 1000);
	until.tv_nsec = (long)(until_ms % 1000) * 1000000;
	while (atomic_load(&offered) != NOBODY)
		if (pthread_cond_timedwait(&taken, &mutex, &until) != 0)
			return atomic_load(&offered) == NOBODY;
	return true;
}

void
pool_offer(int fd)
{
	pthread_once(&once, init);
	pthread_mutex_lock(&mutex);
	if (atomic_load(&is_pool) && !wait_taken())
		metric_add(METRIC_workers_late);
	atomic_store(&offered, fd);
	pthread_mutex_unlock(&mutex);
}

void
pool_forget(int fd)
{
	if (atomic_load(&offered) != fd)
		return;
	pthread_mutex_lock(&mutex);
	if (atomic_load(&offered) == fd) {
		atomic_store(&offered, NOBODY);
		pthread_cond_signal(&taken);
	}
	pthread_mutex_unlock(&mutex);
}

void
pool_take(int fd)
{
	if (!atomic_load_explicit(&is_pool, memory_order_relaxed))
		atomic_store(&is_pool, true);
	pool_forget(fd);
}
