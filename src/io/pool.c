/*
 * pool.c - keeps libmilter's pool of workers awake while callbacks wait
 */
#include "io/pool.h"

#include "base/text.h"
#include "io/listen.h"
#include "io/metrics.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

/* Two workers are there always: one that waits leaves the other. */
#define WORKERS_ALWAYS 2

/* libmilter knows one listener and one pool: so does this. */
static char address[256];
static atomic_bool running;
static atomic_int waiting;

void
pool_start(const char *listen)
{
	(void)text_copy(address, sizeof(address), listen);
	atomic_store(&running, true);
}

void
pool_stop(void)
{
	atomic_store(&running, false);
}

void
pool_wait_begin(void)
{
	int fd;

	if (atomic_fetch_add(&waiting, 1) + 1 < WORKERS_ALWAYS ||
	    !atomic_load(&running))
		return;
	fd = listen_connect(address);
	if (fd < 0)
		return;
	(void)close(fd);
	metric_add(METRIC_nudges);
}

void
pool_wait_end(void)
{
	atomic_fetch_sub(&waiting, 1);
}
