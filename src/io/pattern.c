/*
 * pattern.c - regular expressions by PCRE2
 *
 * Without its just-in-time compiler: that wants memory which can be written
 * and run, which a daemon that reads strangers' mail should not be able to
 * have. Compiled code is only read while it matches, so all threads share
 * it; each match brings its own memory.
 */
#include "io/pattern.h"

#include "base/arena.h"
#include "base/text.h"
#include "io/log.h"
#include "io/metrics.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdatomic.h>
#include <string.h>

struct compiled {
	pcre2_code *code;
	pcre2_match_context *limits;
	atomic_flag given_up;	/* said once already */
};

/* A text for which a match takes too long is no match, and said once. */
static void
note_given_up(const struct pattern *pattern, struct compiled *compiled)
{
	char shown[256];
	struct text text;

	metric_add(METRIC_matches_given_up);
	if (atomic_flag_test_and_set(&compiled->given_up))
		return;
	TEXT_INIT(&text, shown);
	text_put_escaped(&text, pattern->text, strlen(pattern->text), "\"");
	log_warning("a match takes too long and is given up: pattern=\"%s\"",
	    shown);
}

/* What means that a limit was reached. */
static bool
is_limit(int error)
{
	return error == PCRE2_ERROR_MATCHLIMIT ||
	    error == PCRE2_ERROR_DEPTHLIMIT ||
	    error == PCRE2_ERROR_HEAPLIMIT || error == PCRE2_ERROR_NOMEMORY;
}

static bool
matches_regular(const struct pattern *pattern, const char *subject)
{
	struct compiled *compiled = pattern->compiled;
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int matched;

	if (data == NULL)
		return false;
	matched = pcre2_match(compiled->code, (PCRE2_SPTR)subject,
	    strlen(subject), 0, 0, data, compiled->limits);
	pcre2_match_data_free(data);
	if (is_limit(matched))
		note_given_up(pattern, compiled);
	return matched >= 0;	/* 0: more groups than there is room for */
}

/* PCRE2's memory comes from the arena, and ends with it. */
static void *
take_from_arena(size_t size, void *arena)
{
	return arena_get(arena, size);
}

static void
leave_to_arena(void *memory, void *arena)
{
	(void)memory;
	(void)arena;
}

static bool
compile(struct arena *arena, const char *expression, size_t length,
    uint32_t options, struct compiled *compiled, struct text *why)
{
	pcre2_general_context *memory = pcre2_general_context_create(
	    take_from_arena, leave_to_arena, arena);
	pcre2_compile_context *context =
	    pcre2_compile_context_create(memory);
	PCRE2_UCHAR message[160];
	PCRE2_SIZE at;
	int error;

	compiled->code = pcre2_compile((PCRE2_SPTR)expression, length, options |
	    PCRE2_DOTALL | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
	    PCRE2_NEVER_BACKSLASH_C, &error, &at, context);
	if (compiled->code == NULL) {
		(void)pcre2_get_error_message(error, message,
		    sizeof(message));
		text_printf(why, "%s, in column %zu", (const char *)message,
		    at + 1);
		return false;
	}
	compiled->limits = pcre2_match_context_create(memory);
	(void)pcre2_set_match_limit(compiled->limits, PATTERN_MATCH_LIMIT);
	(void)pcre2_set_depth_limit(compiled->limits, PATTERN_MATCH_LIMIT);
	(void)pcre2_set_heap_limit(compiled->limits, PATTERN_HEAP_LIMIT);
	return true;
}

bool
pattern_make_regular(struct arena *arena, const char *expression, bool fold,
    struct pattern *pattern, char *why, size_t size)
{
	const char *end = strrchr(expression, '/');
	struct compiled *compiled;
	struct text sentence;
	bool caseless;

	text_init(&sentence, why, size);
	if (expression[0] != '/' || end == expression ||
	    (strcmp(end, "/") != 0 && strcmp(end, "/i") != 0)) {
		text_put(&sentence, "expected a regular expression such as "
		    "\"/^yes/\" or \"/^yes/i\"");
		return false;
	}
	caseless = fold || end[1] == 'i';
	compiled = arena_get(arena, sizeof(*compiled));
	atomic_flag_clear(&compiled->given_up);
	pattern->text = arena_copy(arena, expression);
	pattern->matches = matches_regular;
	pattern->compiled = compiled;
	return compile(arena, expression + 1, (size_t)(end - expression) - 1,
	    caseless ? PCRE2_CASELESS : 0, compiled, &sentence);
}

bool
pattern_make(struct arena *arena, const char *text, struct pattern *pattern,
    char *why, size_t size)
{
	if (text[0] == '/')
		return pattern_make_regular(arena, text, false, pattern, why,
		    size);
	pattern->text = arena_copy(arena, text);
	pattern->matches = pattern_matches_glob;
	pattern->compiled = NULL;
	return true;
}
