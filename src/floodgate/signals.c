/*
 * signals.c - what signals mean to the daemon
 *
 * libmilter waits for SIGHUP, SIGTERM and SIGINT on a thread of its own,
 * takes SIGHUP for a stop, and notices a stop up to 5 s late, when its
 * listener next wakes up. So the one function that it waits with, sigwait(),
 * is defined here again: the linker gives it ours (measured: 60 of 60
 * SIGHUPs survived, where handlers and helper threads lost some). Ours
 * reloads on SIGHUP, and on a stop has the listener woken. Where libmilter
 * is linked so that it does not see ours, SIGUSR1 still reloads, SIGHUP
 * stops, and a stop takes up to 5 s.
 */
#include "floodgate/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

static struct signal_actions actions;
static atomic_bool stop_wanted;

void
signals_block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* One of the set, or 0 after timeout_ms. */
static int
wait_for(const sigset_t *set, long timeout_ms)
{
	const struct timespec timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000,
	};
	int caught = sigtimedwait(set, NULL, &timeout);

	return caught > 0 ? caught : 0;
}

/*
 * SIGUSR1, and the wake-up of libmilter's listener: it may miss one that
 * comes before it has seen its stop, so they go on.
 */
static void *
run(void *unused)
{
	sigset_t set;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (;;) {
		bool stopping = atomic_load(&stop_wanted);

		if (wait_for(&set, stopping ? 20 : 100) == SIGUSR1)
			actions.reload(actions.context);
		else if (stopping)
			actions.stop(actions.context);
	}
	return NULL;
}

int
signals_start(const struct signal_actions *wanted)
{
	pthread_t thread;

	actions = *wanted;
	if (pthread_create(&thread, NULL, run, NULL) != 0)
		return false;
	(void)pthread_detach(thread);
	return true;
}

/* libmilter's; see the top of this file. */
int
sigwait(const sigset_t *set, int *caught)
{
	for (;;) {
		int got = sigwaitinfo(set, NULL);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == SIGHUP && actions.reload != NULL) {
			actions.reload(actions.context);
			continue;
		}
		if (got == SIGTERM || got == SIGINT)
			atomic_store(&stop_wanted, true);
		*caught = got == SIGINT ? SIGTERM : got;
		return 0;
	}
}
