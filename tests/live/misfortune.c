/*
 * misfortune.c - preloaded into a daemon: a clock that is wrong, no memory
 *
 * MISFORTUNE names a file of four int64_t, shared with the test: how far the
 * clock is ahead (ms); which allocation from now on fails (0: none); whether
 * all after it fail, too; how many there have been since that was set.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct misfortune {
	_Atomic int64_t ahead_ms, fails_at, fails_on, count;
};

static struct misfortune *misfortune;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("MISFORTUNE");
	void *at;
	int fd;

	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
		return;
	at = mmap(NULL, sizeof(*misfortune), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		misfortune = at;
	close(fd);
}

/* --- the clock */

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int64_t ahead_ms = misfortune != NULL ? misfortune->ahead_ms : 0;
	long status = syscall(SYS_clock_gettime, clock, now);

	if (status != 0 || (clock != CLOCK_REALTIME &&
	    clock != CLOCK_REALTIME_COARSE))
		return (int)status;
	now->tv_sec += ahead_ms / 1000;
	now->tv_nsec += ahead_ms % 1000 * 1000000;
	if (now->tv_nsec < 0) {
		now->tv_nsec += 1000000000;
		now->tv_sec--;
	} else if (now->tv_nsec >= 1000000000) {
		now->tv_nsec -= 1000000000;
		now->tv_sec++;
	}
	return 0;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
		return -1;
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *now)
{
	struct timespec precise = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &precise);
	if (now != NULL)
		*now = precise.tv_sec;
	return precise.tv_sec;
}

/* --- memory */

static int
fails(void)
{
	int64_t number;

	if (misfortune == NULL || misfortune->fails_at == 0)
		return 0;
	number = atomic_fetch_add(&misfortune->count, 1) + 1;
	if (number != misfortune->fails_at &&
	    (number < misfortune->fails_at || !misfortune->fails_on))
		return 0;
	errno = ENOMEM;
	return 1;
}

/* What comes next: Redis brings an allocator of its own. */
#define NEXT(name) \
	(next_##name != NULL ? next_##name : \
	    (*(void **)&next_##name = dlsym(RTLD_NEXT, #name), next_##name))

static void *(*next_malloc)(size_t size);
static void *(*next_calloc)(size_t count, size_t size);
static void *(*next_realloc)(void *at, size_t size);

void *
malloc(size_t size)
{
	return fails() ? NULL : NEXT(malloc)(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : NEXT(calloc)(count, size);
}

void *
realloc(void *at, size_t size)
{
	return fails() ? NULL : NEXT(realloc)(at, size);
}
