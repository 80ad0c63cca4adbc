/*
 * scheduling.h - whose turn it is on a busy processor
 */
#ifndef FLOODGATE_IO_SCHEDULING_H
#define FLOODGATE_IO_SCHEDULING_H

/*
 * From now on the calling thread, and all that it starts, do not interrupt
 * who wakes them (SCHED_BATCH). The one that hands out Redis' answers gets
 * through them all before a worker runs, Redis gets more questions at once,
 * and an MTA goes on before its next command is read (measured with make
 * bench on two busy processors: a sixth less CPU time). Where a processor is
 * free, nothing changes. A policy that somebody has chosen for us is kept.
 */
void scheduling_wait_politely(void);

#endif
