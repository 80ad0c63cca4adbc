/*
 * pattern.h - does a text match what an admin has written?
 *
 * A glob is matched here. A regular expression is compiled and matched by
 * io/pattern.c: PCRE2 allocates while it matches, which the core must not,
 * so all that the core knows of it is a function to call.
 */
#ifndef FLOODGATE_CORE_PATTERN_H
#define FLOODGATE_CORE_PATTERN_H

#include <stdbool.h>

struct pattern {
	const char *text;	/* as written: "*spam*", "/^yes/i" */
	/* Thread-safe, whatever the subject holds, and soon done. */
	bool (*matches)(const struct pattern *pattern, const char *subject);
	void *compiled;		/* of a regular expression, or NULL */
};

/*
 * A glob is the whole text, without case (ASCII): '*' is any number of
 * octets, '?' one, a backslash takes the special meaning of what follows.
 */
bool pattern_matches_glob(const struct pattern *pattern, const char *subject);

#endif
