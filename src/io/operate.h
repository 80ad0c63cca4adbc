/*
 * operate.h - what an operator changes in the store
 *
 * Shared by the control socket and by `floodgatectl try`. Every function
 * returns a new document: {"subject": ..., "done": "a sentence"}, with a
 * member "note" when there is something to know; or that of
 * inspect_error(). What was done goes to the log, in one line.
 */
#ifndef FLOODGATE_IO_OPERATE_H
#define FLOODGATE_IO_OPERATE_H

#include "core/config.h"
#include "io/store.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct operation {
	const struct config *config;
	struct store *store;
	const char *const *arguments;	/* as many as the command takes */
	size_t count;
	const char *who;		/* for the log; printable, no blanks */
	int64_t now_ms, timeout_ms;
};

json_t *operate_block(const struct operation *op);
json_t *operate_unblock(const struct operation *op);
json_t *operate_suspend(const struct operation *op);
json_t *operate_resume(const struct operation *op);
json_t *operate_override(const struct operation *op);
json_t *operate_forget(const struct operation *op);

/*
 * {"total": n, "subjects": [{"subject": ..., "marks": [...]}, ...]}; with
 * "next" for the argument that goes on where this ends.
 */
json_t *operate_marks(const struct operation *op);

#endif
