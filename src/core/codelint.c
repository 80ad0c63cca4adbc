/*
 * codelint.c - can a reply work where it is spoken, and is it usual?
 */
#include "core/codelint.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

const char *const code_note_names[CODE_NOTE_COUNT] = {
#define CODE_NOTE(name, id, help) name,
#include "core/code_note.def"
};

static const char *const note_helps[CODE_NOTE_COUNT] = {
#define CODE_NOTE(name, id, help) help,
#include "core/code_note.def"
};

const char *
code_note_help(enum code_note note)
{
	return note_helps[note];
}

/* One more finding, its text to be written. */
static struct text
add(struct code_findings *findings, bool is_error, enum code_note note)
{
	struct code_finding *finding = &findings->at[findings->count++];
	struct text text;

	assert(findings->count <= CODE_FINDINGS_MAX);
	finding->is_error = is_error;
	finding->note = note;
	TEXT_INIT(&text, finding->text);
	return text;
}

/*
 * Sendmail drops the text of any other refusal of the connection, and with
 * both MTAs it sticks: every command to come gets it, until the client gives
 * up by itself.
 */
static bool
lint_connect(const struct code_use *use, struct code_findings *findings)
{
	struct text text;

	if ((use->stages & (1u << STAGE_CONNECT)) == 0 ||
	    reply_closes(use->reply))
		return false;
	text = add(findings, true, CODE_NOTE_COUNT);
	text_printf(&text, "connections are refused with 421: %d would lose "
	    "its text in Sendmail, and answer all further commands of the "
	    "connection in both MTAs", use->reply->basic);
	return true;
}

/* A code that no standard has is said once, not for each command. */
static void
lint_unknown_basic(const struct code_use *use,
    const struct basic_code *basic, struct code_findings *findings)
{
	struct text text = add(findings, false, CODE_NOTE_unlisted_code);

	text_printf(&text, "no standard defines %d", use->reply->basic);
	if (basic != NULL && basic->practice[0] != '\0') {
		text_put(&text, ": ");
		text_put(&text, basic->practice);
		text.at[--text.length] = '\0';	/* its full stop */
	}
}

static void
lint_basic(const struct code_use *use, struct code_findings *findings)
{
	const struct basic_code *basic = basic_code_find(use->reply->basic);
	uint32_t said = 0;

	if (basic == NULL || basic->defined[0] == '\0') {
		lint_unknown_basic(use, basic, findings);
		return;
	}
	for (int stage = STAGE_CONNECT; stage < STAGE_ANY; stage++) {
		enum verb verb = verb_of_stage((enum stage)stage);
		uint32_t bit = VERB_BIT(verb);
		struct text text;

		if ((use->stages & (1u << stage)) == 0 || (said & bit) != 0 ||
		    ((basic->listed | basic->others) & bit) != 0)
			continue;
		said |= bit;
		text = add(findings, false, CODE_NOTE_unlisted_code);
		text_printf(&text, "%d is not listed for %s (RFC 5321 4.3.2): "
		    "it is \"%s\"", basic->code, verb_title(verb),
		    basic->title);
	}
}

static void
put_enhanced(struct text *text, const struct reply *reply)
{
	text_printf(text, "%d.%d.%d", reply->basic / 100, reply->subject,
	    reply->detail);
}

static void
lint_enhanced(const struct code_use *use, struct code_findings *findings)
{
	const struct reply *reply = use->reply;
	const struct enhanced_code *code = enhanced_code_find(reply->subject,
	    reply->detail);
	unsigned int class = reply->basic / 100;
	bool is_class, is_about;
	struct text text;

	if (code == NULL || !enhanced_code_is_registered(code)) {
		text = add(findings, false, CODE_NOTE_unregistered_enhanced);
		put_enhanced(&text, reply);
		text_put(&text, " is not in the registry (IANA, SMTP Enhanced "
		    "Status Codes)");
		return;
	}
	is_class = enhanced_code_may_be(code, class);
	is_about = (code->fits & use->fits) != 0;
	if (is_class && is_about)
		return;
	text = add(findings, false, CODE_NOTE_misused_enhanced);
	put_enhanced(&text, reply);
	text_put(&text, is_about ? ": the registry has it" :
	    ": the registry means something else by it");
	if (!is_class)
		text_printf(&text, "%s for class %c only",
		    is_about ? "" : ", and", code->classes[0]);
	text_printf(&text, ", \"%s\" (X.%d.%d, %s)", code->title,
	    code->subject, code->detail, code->reference);
}

static void
lint_permanence(const struct code_use *use, struct code_findings *findings)
{
	struct text text;

	if (!use->is_limit || !reply_is_permanent(use->reply))
		return;
	text = add(findings, false, CODE_NOTE_permanent_limit);
	text_printf(&text, "%d is permanent, so mail is returned at once, "
	    "though a limit frees itself: 450 or 451 lets the client try "
	    "again (RFC 5321 4.2.1)", use->reply->basic);
}

void
code_lint(const struct code_use *use, struct code_findings *findings)
{
	findings->count = 0;
	if (lint_connect(use, findings))
		return;
	lint_basic(use, findings);
	lint_enhanced(use, findings);
	lint_permanence(use, findings);
}
