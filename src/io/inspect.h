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
#include <stdbool.h>
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

/* The error that the store cannot be reached, and why. */
json_t *inspect_store_away(struct store *store);

/* {"kind": "blocked", "until": ..., "reason": ...} and so on. */
json_t *inspect_mark(const struct store_mark *mark);

/*
 * --- names of subjects ---
 */

#define INSPECT_SUBJECTS_MAX 64		/* that one plain text can stand for */
struct inspect_subjects {
	char at[INSPECT_SUBJECTS_MAX][SUBJECT_OCTETS_MAX + 1];
	size_t count;
};

/* Every subject that the limits and checks make of a text. */
void inspect_find(struct inspect_subjects *subjects,
    const struct config *config, const char *text);

/*
 * The subject of a value and one key, as checks and limits make it unless
 * they differ in prefixes. False when the value is none of that key.
 */
bool inspect_key_subject(char buffer[SUBJECT_OCTETS_MAX + 1], enum key key,
    const struct config *config, const char *value);

/* The key that "kind:value" begins with; KEY_COUNT: none. */
enum key inspect_key_of(const char *text);
bool inspect_is_net(const char *text);
/* Is it printable, without blanks, and not too long for a subject? */
bool inspect_is_subject(const char *text);

/* Which rules of the running configuration use this counter? */
json_t *inspect_rules_using(const struct config *config, const char *subject,
    const char *field);
/* Do the kinds of a subject's parts stand in this limit's `per`? */
bool inspect_subject_is_of(const char *subject, const struct keys *per);

#endif
