/*
 * pattern.h - make a pattern of what an admin has written
 */
#ifndef FLOODGATE_IO_PATTERN_H
#define FLOODGATE_IO_PATTERN_H

#include "core/pattern.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

/*
 * "/.../" is a regular expression (PCRE2, octets and not characters, '.' is
 * any of them; "/.../i" without case), everything else a glob. What is made
 * stands in the arena and ends with it. False with a sentence in why[size].
 *
 * Matching gives up, as if nothing had matched, when a hostile text would
 * take too long: PATTERN_MATCH_LIMIT calls of PCRE2's internal match(), and
 * so many KiB of memory. That is counted, and logged once for each pattern.
 */
#define PATTERN_MATCH_LIMIT 100000
#define PATTERN_HEAP_LIMIT 1024
bool pattern_make(struct arena *arena, const char *text,
    struct pattern *pattern, char *why, size_t size);

/* Only a regular expression will do; with `fold` always without case. */
bool pattern_make_regular(struct arena *arena, const char *expression,
    bool fold, struct pattern *pattern, char *why, size_t size);

#endif
