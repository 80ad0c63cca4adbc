/*
 * clock.h - the only places where time is read
 */
#ifndef FLOODGATE_IO_CLOCK_H
#define FLOODGATE_IO_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void);	/* wall clock: ms since 1970, UTC */
int64_t clock_steady_ms(void);	/* never steps; for deadlines */
int64_t clock_steady_us(void);	/* the same in microseconds */
/* Never steps, and goes on while the machine sleeps, where it can tell. */
int64_t clock_sleepless_ms(void);

#endif
