/*
 * arena.h - memory that is given piece by piece and freed at once
 *
 * A configuration is one arena: nothing in it is freed alone, everything in
 * it ends together. Memory is zeroed. Running out of memory ends the
 * program with a message on stderr (only start-up and reload allocate here).
 * Not shared between threads while it grows; read-only afterwards.
 */
#ifndef FLOODGATE_BASE_ARENA_H
#define FLOODGATE_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_open(void);
void arena_close(struct arena **arena);		/* NULL is fine */
void *arena_get(struct arena *arena, size_t size);
void *arena_get_array(struct arena *arena, size_t count, size_t size);
char *arena_copy(struct arena *arena, const char *string);
char *arena_copy_n(struct arena *arena, const char *octets, size_t length);
size_t arena_bytes(const struct arena *arena);	/* taken from the system */

#endif
