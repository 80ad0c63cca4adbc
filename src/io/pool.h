/*
 * pool.h - keeps libmilter's pool of workers awake while callbacks wait
 *
 * Debian's libmilter hands an event to an idle worker when it counts one,
 * and starts a new worker only when it counts none. A worker that was
 * signalled is counted as idle until it runs, so a burst of events is handed
 * to the same two workers: the rest waits, even while both block, and so on
 * in steps of two (measured: 50 callbacks of 100 ms at once end after 2.4 s;
 * libmilter/worker.c, mi_pool_controller()).
 *
 * What is counted right is a new connection while nobody is idle: it gets a
 * new worker, and that worker, when it is done with its connection, takes up
 * an event that was left. So whoever is about to wait makes a connection to
 * our own socket and closes it at once. The worker it gets takes the next
 * event, which, if it waits too, makes the next connection: a chain that
 * ends when no event is left. With a libmilter that has a thread for each
 * connection this does nothing, at little cost.
 */
#ifndef FLOODGATE_IO_POOL_H
#define FLOODGATE_IO_POOL_H

/* `listen` as in the configuration; before anything waits. */
void pool_start(const char *listen);
/* No more connections from here on. */
void pool_stop(void);

/* Around every wait of a callback. */
void pool_wait_begin(void);
void pool_wait_end(void);

#endif
