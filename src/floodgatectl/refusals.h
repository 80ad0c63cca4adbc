/*
 * refusals.h - everything that a configuration can refuse with, and where
 */
#ifndef FLOODGATE_CTL_REFUSALS_H
#define FLOODGATE_CTL_REFUSALS_H

#include "core/config.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct refusal {
	const struct policy *policy;	/* NULL: no rule is to blame */
	const struct rule *rule;	/* or NULL */
	const struct reply *reply;
	bool is_failure;	/* what the rule needs cannot be had */
	unsigned int stages;	/* 1u << STAGE_x; 0 wherever we are asked */
};

/*
 * One for each rule that is not off, in the order of the file; one more for
 * each that defers when it lacks something; then those of the program itself.
 * NULL without memory; free() it.
 */
struct refusal *refusals_of(const struct config *config, size_t *count);

/*
 * When it is sent, in a sentence without its full stop: "more than 100
 * recipients in 1h, or 500 in 1d, per user".
 */
const char *refusal_when(const struct refusal *refusal, char *buffer,
    size_t size);

/* {"policy": ..., "rule": ..., "file": ..., "reply": ..., "when": ...} */
json_t *refusal_document(const struct refusal *refusal);

#endif
