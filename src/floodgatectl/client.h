/*
 * client.h - one question to the daemon, one answer
 */
#ifndef FLOODGATE_CTL_CLIENT_H
#define FLOODGATE_CTL_CLIENT_H

#include <jansson.h>
#include <stddef.h>

/*
 * Ask the daemon at `socket`. Returns its document, or NULL with a sentence
 * in why[size] and the exit code that fits in *exit_code.
 */
json_t *client_ask(const char *socket, const char *command,
    char *const arguments[], size_t count, int *exit_code, char *why,
    size_t size);

#endif
