/*
 * inspect.h - what is counted, and by which rules, as JSON documents
 *
 * Shared by the control socket and by `floodgatectl try`, so that `show`
 * says the same in both. Every function returns a new document, or NULL
 * without memory.
 */
#ifndef FLOODGATE_IO_INSPECT_H
#define FLOODGATE_IO_INSPECT_H

#include "core/config.h"
#include "io/conffile.h"
#include "io/store.h"

#include <jansson.h>
#include <stdint.h>

/*
 * A document that says what went wrong: {"error": "...", "kind": "..."}.
 * The kind decides the exit code of floodgatectl.
 */
enum inspect_error {
	INSPECT_USAGE,		/* the request is not understood */
	INSPECT_DATA,		/* nothing is known of what was asked for */
	INSPECT_UNAVAILABLE,	/* the store does not answer */
	INSPECT_TEMPORARY,	/* try again */
	INSPECT_CONFIG,		/* the configuration has problems */
	INSPECT_INTERNAL,
	INSPECT_ERROR_COUNT
};
extern const char *const inspect_error_names[INSPECT_ERROR_COUNT];

json_t *inspect_error(enum inspect_error kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A JSON string of any octets: what is not UTF-8 becomes '?'. */
json_t *inspect_text(const char *string);

/* [{"file": ..., "line": ..., "text": ...}, ...] */
json_t *inspect_problems(const struct problems *problems);

/* {"policies": n, "checks": n, "limits": n, "observe": n, "off": n} */
json_t *inspect_rules(const struct config *config);

/* What the store says about itself. */
json_t *inspect_store(struct store *store);

/*
 * Every counter of a subject, with the rules that use it. `text` is the
 * name of one subject ("user:alice@example.org"), or a plain address,
 * network, domain, user or host, which stands for every subject that the
 * limits of this configuration make of it. An error document when nothing
 * is counted for it, or when the store cannot be reached in `timeout_ms`.
 */
json_t *inspect_subject(const struct config *config, struct store *store,
    const char *text, int64_t now_ms, int64_t timeout_ms);

#endif
