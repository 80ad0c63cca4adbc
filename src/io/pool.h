/*
 * pool.h - hands libmilter's pool of workers one event at a time
 *
 * Debian's libmilter hands an event to an idle worker when it counts one,
 * and starts a new worker only when it counts none. A worker that was
 * signalled is counted as idle until it runs, so a burst of events is handed
 * to the same two workers: the rest waits, even while both block, and so on
 * in steps of two (measured: 50 callbacks of 100 ms at once end after 2.4 s;
 * libmilter/worker.c, mi_pool_controller()).
 *
 * So whoever hands over an event (libmilter's listener a new connection, its
 * controller a connection with a command) first waits until the last one has
 * been taken by a worker: then libmilter counts right. Where no worker ever
 * takes one, as in a libmilter with a thread for each connection, nobody
 * waits.
 */
#ifndef FLOODGATE_IO_POOL_H
#define FLOODGATE_IO_POOL_H

/*
 * The connection is about to be handed over: returns when the one before it
 * has been taken, has ended, or was not taken within 20 ms (counted: every
 * processor is busy, and libmilter goes on as it always has).
 */
void pool_offer(int fd);
/* A worker has begun to serve the connection. */
void pool_take(int fd);
/* The connection has ended. */
void pool_forget(int fd);

#endif
