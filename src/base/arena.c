/*
 * arena.c - memory that is given piece by piece and freed at once
 *
 * A chain of blocks, each larger than the one before; a piece is cut from
 * the newest. A piece too large for that gets a block to itself.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define BLOCK_BYTES_MIN ((size_t)16 * 1024)
#define BLOCK_BYTES_MAX ((size_t)1024 * 1024)

struct block {
	struct block *next;
	size_t size;		/* of `octets` */
	size_t used;
	alignas(max_align_t) unsigned char octets[];
};

struct arena {
	struct block *blocks;	/* pieces are cut from the first */
	size_t block_size;	/* of the next block */
	size_t bytes;
};

/* Not exit(): other threads may be at work while a reload ends here. */
static _Noreturn void
out_of_memory(void)
{
	fputs("out of memory\n", stderr);
	_exit(EX_OSERR);
}

struct arena *
arena_open(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (arena == NULL)
		out_of_memory();
	arena->block_size = BLOCK_BYTES_MIN;
	arena->bytes = sizeof(*arena);
	return arena;
}

void
arena_close(struct arena **arena)
{
	struct block *block, *next;

	if (*arena == NULL)
		return;
	for (block = (*arena)->blocks; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(*arena);
	*arena = NULL;
}

static struct block *
block_open(struct arena *arena, size_t size)
{
	struct block *block;

	if (size > SIZE_MAX - sizeof(*block))
		out_of_memory();
	block = calloc(1, sizeof(*block) + size);
	if (block == NULL)
		out_of_memory();
	block->size = size;
	arena->bytes += sizeof(*block) + size;
	return block;
}

/* A block of its own goes behind the first, which still has room. */
static void *
arena_get_large(struct arena *arena, size_t size)
{
	struct block *block = block_open(arena, size);

	block->used = size;
	if (arena->blocks == NULL) {
		arena->blocks = block;
	} else {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	}
	return block->octets;
}

static void *
arena_cut(struct arena *arena, size_t size, size_t alignment)
{
	struct block *block = arena->blocks;
	size_t at = 0;

	if (block != NULL)
		at = (block->used + alignment - 1) / alignment * alignment;
	if (block == NULL || at > block->size || size > block->size - at) {
		if (size > arena->block_size / 4)
			return arena_get_large(arena, size);
		block = block_open(arena, arena->block_size);
		block->next = arena->blocks;
		arena->blocks = block;
		if (arena->block_size < BLOCK_BYTES_MAX)
			arena->block_size *= 2;
		at = 0;
	}
	block->used = at + size;
	return block->octets + at;
}

void *
arena_get(struct arena *arena, size_t size)
{
	return arena_cut(arena, size, alignof(max_align_t));
}

void *
arena_get_array(struct arena *arena, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		out_of_memory();
	return arena_get(arena, count * size);
}

char *
arena_copy(struct arena *arena, const char *string)
{
	return arena_copy_n(arena, string, strlen(string));
}

/* Strings need no alignment: a large list is a third smaller without. */
char *
arena_copy_n(struct arena *arena, const char *octets, size_t length)
{
	char *copy;

	if (length == SIZE_MAX)
		out_of_memory();
	copy = arena_cut(arena, length + 1, 1);
	if (length > 0)
		memcpy(copy, octets, length);
	return copy;
}

size_t
arena_bytes(const struct arena *arena)
{
	return arena->bytes;
}
