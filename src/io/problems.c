/*
 * problems.c - what is wrong with a file, kept to be said all at once
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "io/conffile.h"
#include "io/maps.h"

#define PROBLEM_OCTETS_MAX 1024
#define PROBLEMS_FIRST 16

void
problems_init(struct problems *problems)
{
	memset(problems, 0, sizeof(*problems));
}

void
problems_clear(struct problems *problems)
{
	arena_close(&problems->arena);
	problems_init(problems);
}

/* The array left behind when it grows ends with the arena. */
static struct problem *
next_problem(struct problems *problems)
{
	struct problem *larger;

	if (problems->arena == NULL)
		problems->arena = arena_open();
	if (problems->count == problems->room) {
		problems->room = problems->room ? 2 * problems->room
		    : PROBLEMS_FIRST;
		larger = arena_get_array(problems->arena, problems->room,
		    sizeof(*larger));
		if (problems->count > 0)
			memcpy(larger, problems->at,
			    problems->count * sizeof(*larger));
		problems->at = larger;
	}
	return &problems->at[problems->count++];
}

void
problems_add(struct problems *problems, const char *file, int line,
    const char *format, ...)
{
	struct problem *problem = next_problem(problems);
	char text[PROBLEM_OCTETS_MAX];
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(text, sizeof(text), format, arguments) < 0)
		text[0] = '\0';
	va_end(arguments);
	problem->file = arena_copy(problems->arena, file);
	problem->line = line;
	problem->text = arena_copy(problems->arena, text);
}

void
problems_print(const struct problems *problems, FILE *to)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->at[i];

		if (problem->line > 0)
			fprintf(to, "%s:%d: %s\n", problem->file,
			    problem->line, problem->text);
		else
			fprintf(to, "%s: %s\n", problem->file, problem->text);
	}
}
