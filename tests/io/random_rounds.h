/*
 * random_rounds.h - what the randomised tests have in common
 *
 * A model has `setup`, with the seed of the run, and `round`, the one that it
 * is in: who disagrees with it says both.
 */
#ifndef FLOODGATE_TESTS_IO_RANDOM_ROUNDS_H
#define FLOODGATE_TESTS_IO_RANDOM_ROUNDS_H

#include <check.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define must(model, condition, ...) do {				\
	if (!(condition))						\
		random_disagree((model)->setup->seed, (model)->round,	\
		    #condition, __VA_ARGS__);				\
} while (0)

static inline void random_disagree(uint32_t seed, unsigned int round,
    const char *condition, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));

static inline void
random_disagree(uint32_t seed, unsigned int round, const char *condition,
    const char *format, ...)
{
	char buffer[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer, sizeof(buffer), format, arguments);
	va_end(arguments);
	ck_abort_msg("seed %u round %u: not so: %s: %s", seed, round,
	    condition, buffer);
}

static inline uint64_t
random_begin(uint32_t seed)
{
	return UINT64_C(0x9e3779b97f4a7c15) ^ seed;
}

/* xorshift64*: any seed gives the same run everywhere. */
static inline int64_t
random_pick(uint64_t *state, int64_t below)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (int64_t)((x * UINT64_C(0x2545f4914f6cdd1d) >> 33) %
	    (uint64_t)below);
}

#endif
