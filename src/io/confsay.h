/*
 * confsay.h - parts of the sentences that say what is wrong
 */
#ifndef FLOODGATE_IO_CONFSAY_H
#define FLOODGATE_IO_CONFSAY_H

#include <stddef.h>

#define SAY_SIZE 120

/*
 * What was seen, in quotes, escaped and cut to a readable length. Blanks
 * stay, since a sentence of the configuration has some.
 */
const char *say_seen(const char *octets, size_t length, char buffer[SAY_SIZE]);

/* ": did you mean \"x\"?", or "" when no candidate is near. */
const char *say_nearest(const char *word, const char *const candidates[],
    size_t count, char buffer[SAY_SIZE]);

/* "a, b, c": as many as fit; NULLs and "" are passed over. */
const char *say_names(const char *const names[], size_t count,
    char *buffer, size_t size);

#endif
