/*
 * control_answer.h - what the daemon answers to floodgatectl
 */
#ifndef FLOODGATE_IO_CONTROL_ANSWER_H
#define FLOODGATE_IO_CONTROL_ANSWER_H

#include "io/control.h"

#include <jansson.h>
#include <stddef.h>

/*
 * The answer to a request of line[length], which may hold anything; a new
 * document, or NULL without memory. Calls the handlers. `who` asks, such as
 * "uid:0", for the log.
 */
json_t *control_answer(const struct control_handlers *handlers, void *context,
    const char *who, const char *line, size_t length);

#endif
