/*
 * control.h - the daemon's UNIX socket for floodgatectl
 *
 * One thread serves it. A client sends one line, a JSON object such as
 * {"command": "show", "arguments": ["alice@example.org"]}, gets one JSON
 * document on one line, and the connection is closed. Whatever is wrong with
 * a request is said in a document {"error": "...", "kind": "..."}. A client
 * that is slow costs the daemon nothing but one of CONTROL_CLIENTS_MAX
 * places, for as long as the timeout lasts. Commands are those of
 * command.def.
 */
#ifndef FLOODGATE_IO_CONTROL_H
#define FLOODGATE_IO_CONTROL_H

#include "io/conffile.h"
#include "io/engine.h"
#include "io/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_REQUEST_OCTETS_MAX 4096	/* with the newline */
#define CONTROL_CLIENTS_MAX 16		/* at a time; more wait their turn */
#define CONTROL_TIMEOUT_MS 5000

struct control;

struct control_options {
	const char *path;	/* of the socket; copied */
	unsigned int mode;	/* of its file, such as 0660 */
	const char *group;	/* of its file; NULL or "": as it comes */
	int64_t timeout_ms;	/* for a request to arrive, and for an answer
				 * to be taken; 0: CONTROL_TIMEOUT_MS */
};

/* What the daemon tells of itself; strings are borrowed for the call. */
struct control_daemon {
	struct engine *engine;
	struct store *store;
	const char *config_file;
	int64_t started_ms;	/* since 1970 */
	int64_t reloaded_ms;	/* when a configuration was last put in place
				 * or turned down since the start; 0: never */
	bool reload_failed;	/* it was turned down */
};

/* Called on the control thread, one at a time. */
struct control_handlers {
	/*
	 * Read the configuration again. False with every problem when it is
	 * not put in place.
	 */
	bool (*reload)(void *context, struct problems *problems);
	void (*describe)(void *context, struct control_daemon *daemon);
};

/*
 * Make the socket; nobody can connect before control_start(). A socket file
 * that nobody answers on is replaced; one that somebody answers on, and a file
 * that is no socket, are errors. NULL with a sentence in why[size]. The
 * handlers are copied, the context is borrowed until control_close().
 */
struct control *control_open(const struct control_options *options,
    const struct control_handlers *handlers, void *context, char *why,
    size_t size);

/* Listen, and serve on a thread; false with a sentence in why[size]. */
bool control_start(struct control *control, char *why, size_t size);

/* Hang up on every client, end the thread, remove the socket. NULL is fine. */
void control_close(struct control **control);

#endif
