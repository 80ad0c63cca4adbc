/*
 * clock.c - the only places where time is read
 */
#include "io/clock.h"

#include <time.h>

static int64_t
read_us(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_now_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_steady_ms(void)
{
	return clock_steady_us() / 1000;
}

int64_t
clock_steady_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

/* On Linux the monotonic clock stops; elsewhere it does not. */
int64_t
clock_sleepless_ms(void)
{
#ifdef CLOCK_BOOTTIME
	return read_us(CLOCK_BOOTTIME) / 1000;
#else
	return read_us(CLOCK_MONOTONIC) / 1000;
#endif
}
