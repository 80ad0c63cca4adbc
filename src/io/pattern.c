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

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

struct compiled {
	pcre2_code *code;
	pcre2_match_context *limits;
};

static bool
matches_regular(const struct pattern *pattern, const char *subject)
{
	const struct compiled *compiled = pattern->compiled;
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int matched;

	if (data == NULL)
		return false;
	matched = pcre2_match(compiled->code, (PCRE2_SPTR)subject,
	    strlen(subject), 0, 0, data, compiled->limits);
	pcre2_match_data_free(data);
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
pattern_make(struct arena *arena, const char *text, struct pattern *pattern,
    char *why, size_t size)
{
	const char *end = strrchr(text, '/');
	struct compiled *compiled;
	struct text sentence;

	text_init(&sentence, why, size);
	pattern->text = arena_copy(arena, text);
	pattern->matches = pattern_matches_glob;
	if (text[0] != '/')
		return true;
	if (end == text || (strcmp(end, "/") != 0 && strcmp(end, "/i") != 0)) {
		text_put(&sentence, "expected a regular expression such as "
		    "\"/^yes/\" or \"/^yes/i\"");
		return false;
	}
	compiled = arena_get(arena, sizeof(*compiled));
	pattern->matches = matches_regular;
	pattern->compiled = compiled;
	return compile(arena, text + 1, (size_t)(end - text) - 1,
	    end[1] == 'i' ? PCRE2_CASELESS : 0, compiled, &sentence);
}
