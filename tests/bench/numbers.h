/*
 * numbers.h - options of a command line that take a number
 */
#ifndef FLOODGATE_BENCH_NUMBERS_H
#define FLOODGATE_BENCH_NUMBERS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct number {
	const char *name;	/* without the dashes */
	long *value;		/* holds the default before */
	long low, high;		/* of *value */
	long unit;	/* of what is typed: 1; 1000 when seconds are, which
			 * may have decimals, and *value is ms */
	const char *help;
};

/* Rows for getopt_long(), which returns 1 for the first, 2 for the next ... */
void numbers_add(const struct number numbers[], size_t count,
    struct option table[]);
/* False: no number that this option takes. */
bool number_take(const struct number *number, const char *text);
/* A line each, with what they are if not given. */
void numbers_print(const struct number numbers[], size_t count, FILE *to);

#endif
