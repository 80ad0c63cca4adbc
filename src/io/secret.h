/*
 * secret.h - a password or a key in a file of its own
 */
#ifndef FLOODGATE_IO_SECRET_H
#define FLOODGATE_IO_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET_SIZE 513		/* with its NUL */

/*
 * The first line of `file`, without its line end. False with a sentence in
 * why[size] when it cannot be read, is empty or too long, or when others
 * than the owner and the group could read it, or others than the owner
 * change it.
 */
bool secret_read(const char *file, char secret[SECRET_SIZE], char *why,
    size_t size);

/*
 * A file whose content nobody but the owner and the group may read, nor
 * anybody but the owner change: its descriptor, or -1 with a sentence that
 * begins with the option's name.
 */
int secret_open(const char *option, const char *file, char *why, size_t size);
/* A file that anybody may read: false with that sentence. */
bool secret_can_open(const char *option, const char *file, char *why,
    size_t size);

/* Overwrite; the compiler does not leave that out. */
void secret_wipe(char *secret, size_t size);

#endif
