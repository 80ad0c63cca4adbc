/*
 * milter.h - libmilter's callbacks: translate in, translate out
 *
 * Nothing here decides. Callbacks of one session run on changing threads
 * (facts measured: Debian's libmilter is a worker pool), so that all state
 * hangs on the session.
 */
#ifndef FLOODGATE_IO_MILTER_H
#define FLOODGATE_IO_MILTER_H

#include "core/config.h"
#include "io/engine.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Register with libmilter and listen where the configuration says, with its
 * mode and group if that is a path. False with a sentence in why[size].
 */
bool milter_listen(const struct config *config, char *why, size_t size);

/*
 * Serve until libmilter is told to stop (SIGTERM). The engine is borrowed
 * and must stay until milter_is_idle().
 */
bool milter_run(struct engine *engine);

/*
 * After milter_run(): from now on every callback answers "try again later"
 * without touching the engine. True once none is inside it any more;
 * false when that took longer than timeout_ms.
 */
bool milter_stop(int64_t timeout_ms);

/*
 * Connect to our own socket, `listen` of the configuration, so that
 * libmilter's listener sees its stop at once.
 */
void milter_wake(const char *listen);

#endif
