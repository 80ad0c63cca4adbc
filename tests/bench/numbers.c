/*
 * numbers.c - options of a command line that take a number
 */
#include "numbers.h"

#include <errno.h>
#include <stdlib.h>

void
numbers_add(const struct number numbers[], size_t count,
    struct option table[])
{
	for (size_t i = 0; i < count; i++)
		table[i] = (struct option){ numbers[i].name,
		    required_argument, NULL, (int)i + 1 };
}

bool
number_take(const struct number *number, const char *text)
{
	char *rest;
	double value;

	errno = 0;
	value = strtod(text, &rest) * (double)number->unit;
	if (rest == text || *rest != '\0' || errno != 0 ||
	    !(value >= (double)number->low && value <= (double)number->high))
		return false;
	*number->value = (long)(value + 0.5);
	return number->unit != 1 || (double)*number->value == value;
}

void
numbers_print(const struct number numbers[], size_t count, FILE *to)
{
	for (size_t i = 0; i < count; i++)
		fprintf(to, "  --%-12s N  %s (%g)\n", numbers[i].name,
		    numbers[i].help,
		    (double)*numbers[i].value / (double)numbers[i].unit);
}
