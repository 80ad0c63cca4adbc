/*
 * scheduling.c - whose turn it is on a busy processor
 */
#include "io/scheduling.h"

#include <sched.h>

void
scheduling_wait_politely(void)
{
#ifdef SCHED_BATCH
	const struct sched_param none = { .sched_priority = 0 };

	if (sched_getscheduler(0) == SCHED_OTHER)
		(void)sched_setscheduler(0, SCHED_BATCH, &none);
#endif
}
