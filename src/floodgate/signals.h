/*
 * signals.h - what signals mean to the daemon
 *
 * SIGTERM, SIGINT: stop. SIGUSR1, SIGHUP: reload.
 */
#ifndef FLOODGATE_SIGNALS_H
#define FLOODGATE_SIGNALS_H

/* Called on a thread of signals.c, never in a signal handler. */
struct signal_actions {
	void (*reload)(void *context);
	void (*stop)(void *context);	/* again and again until the end */
	void *context;
};

/* Block the signals in this and all later threads. Call first. */
void signals_block(void);

/* Start to act on them. False when no thread could be made. */
int signals_start(const struct signal_actions *actions);

#endif
