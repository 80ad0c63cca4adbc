/*
 * daemon.h - the life of the daemon, from sockets to the last snapshot
 */
#ifndef FLOODGATE_DAEMON_H
#define FLOODGATE_DAEMON_H

#include "core/config.h"

/*
 * Serve until told to stop. Takes over the configuration, which was read
 * from `file`. Returns the exit status (sysexits.h); what went wrong was
 * logged.
 */
int daemon_run(struct config *config, const char *file);

#endif
