/*
 * codelint.h - can a reply work where it is spoken, and is it usual?
 *
 * reply_parse() has refused what can never be sent. Here the rule is known,
 * too: what its refusal is about, and which commands it answers.
 */
#ifndef FLOODGATE_CORE_CODELINT_H
#define FLOODGATE_CORE_CODELINT_H

#include "core/codes.h"

#include <stdbool.h>
#include <stddef.h>

enum code_note {
#define CODE_NOTE(name, id, help) CODE_NOTE_##id,
#include "core/code_note.def"
	CODE_NOTE_COUNT
};

/* "unlisted-code", as in the configuration. */
extern const char *const code_note_names[CODE_NOTE_COUNT];
const char *code_note_help(enum code_note note);

/* A reply, where it is spoken, and why. */
struct code_use {
	const struct reply *reply;
	unsigned int stages;	/* 1u << STAGE_x: of rule_spoken_at() */
	unsigned int fits;	/* of enum fits: what it refuses for */
	bool is_limit;		/* it passes again when time goes by */
};

struct code_finding {
	bool is_error;		/* cannot work; else unusual, see `note` */
	enum code_note note;
	char text[320];		/* one sentence, with its source */
};

/* An error, or one note of each kind, an unlisted code for each command. */
#define CODE_FINDINGS_MAX (CODE_NOTE_COUNT + 4)
struct code_findings {
	struct code_finding at[CODE_FINDINGS_MAX];
	size_t count;
};

void code_lint(const struct code_use *use, struct code_findings *findings);

#endif
