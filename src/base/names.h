/*
 * names.h - from an enum constant to its name and back
 *
 * For tables made by .def files: names[value] is the name, none is NULL.
 */
#ifndef FLOODGATE_BASE_NAMES_H
#define FLOODGATE_BASE_NAMES_H

#include <stddef.h>
#include <string.h>

/* The index of `name` in names[count], or -1. */
static inline int
names_find(const char *const names[], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

#endif
