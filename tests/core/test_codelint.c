/*
 * test_codelint.c - which replies work where they are spoken, and which are
 * unusual
 */
#include "core/codelint.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

#define AT(stage) (1u << STAGE_##stage)
#define NOTE(name) (1u << CODE_NOTE_##name)
#define ERROR (1u << 31)

static const struct {
	const char *name;
	const char *reply;
	unsigned int stages;
	unsigned int fits;
	bool is_limit;
	unsigned int want;
	const char *says;	/* in the first finding, or NULL */
} cases[] = {
	{ "the registry and RFC 5321 agree", "550 5.1.1 No such user",
	    AT(RCPT), FITS_RECIPIENT, false, 0, NULL },
	{ "450 4.7.1 is unlisted for X.7.1 but universal",
	    "450 4.7.1 Slow down", AT(RCPT), FITS_LIMIT, true, 0, NULL },
	{ "451 4.7.1 fits every command", "451 4.7.1 Slow down",
	    AT(MAIL) | AT(RCPT) | AT(EOM), FITS_LIMIT, true, 0, NULL },
	{ "450 is not listed for MAIL", "450 4.7.1 Slow down",
	    AT(MAIL) | AT(RCPT), FITS_LIMIT, true, NOTE(unlisted_code),
	    "450 is not listed for MAIL (RFC 5321 4.3.2)" },
	{ "554 is not listed for RCPT", "554 5.7.1 Relay access denied",
	    AT(RCPT), FITS_RECIPIENT, false, NOTE(unlisted_code),
	    "554 is not listed for RCPT" },
	{ "554 is listed for the end of data", "554 5.7.1 Spam", AT(EOM),
	    FITS_CONTENT, false, 0, NULL },
	{ "headers are judged with the content", "554 5.4.6 Too many hops",
	    AT(EOH), FITS_LOOP, false, NOTE(misused_enhanced),
	    "for class 4 only, \"Routing loop detected\" (X.4.6, RFC 3463)" },
	{ "530 comes with RFC 4954", "530 5.7.0 Log in first",
	    AT(MAIL) | AT(RCPT), FITS_LOGIN, false, 0, NULL },
	{ "556 comes with RFC 7504", "556 5.1.10 Null MX", AT(RCPT),
	    FITS_RECIPIENT, false, 0, NULL },
	{ "525 is of AUTH", "525 5.7.13 Disabled", AT(RCPT), FITS_LOGIN,
	    false, NOTE(unlisted_code), "525 is not listed for RCPT" },
	{ "522 is no code", "522 5.7.1 Mailbox full", AT(RCPT), FITS_MAILBOX,
	    false, NOTE(unlisted_code), "no standard defines 522: Some" },
	{ "599 is nobody's code", "599 5.7.1 No", AT(RCPT), FITS_CLIENT,
	    false, NOTE(unlisted_code), "no standard defines 599" },
	{ "a quota is no routing loop", "550 5.4.6 Quota", AT(RCPT),
	    FITS_LIMIT, true, NOTE(misused_enhanced) | NOTE(permanent_limit),
	    "something else by it, and for class 4 only, \"Routing loop" },
	{ "a quota is no routing loop for now, either", "450 4.4.6 Quota",
	    AT(RCPT), FITS_LIMIT, true, NOTE(misused_enhanced),
	    "4.4.6: the registry means something else by it, \"Routing" },
	{ "congestion is temporary", "550 5.4.5 Quota", AT(RCPT), FITS_LIMIT,
	    true, NOTE(misused_enhanced) | NOTE(permanent_limit),
	    "for class 4 only, \"Mail system congestion\"" },
	{ "451 4.4.5 fits a limit", "451 4.4.5 Quota", AT(RCPT), FITS_LIMIT,
	    true, 0, NULL },
	{ "an invalid command is no rate", "451 4.5.1 Rate", AT(RCPT),
	    FITS_LIMIT, true, NOTE(misused_enhanced), "\"Invalid command\"" },
	{ "too many recipients is no rate", "452 4.5.3 Rate", AT(RCPT),
	    FITS_LIMIT, true, NOTE(misused_enhanced), NULL },
	{ "too many recipients", "452 4.5.3 Too many recipients", AT(RCPT),
	    FITS_COUNT, false, 0, NULL },
	{ "not in the registry", "451 4.7.650 Limited", AT(RCPT), FITS_LIMIT,
	    true, NOTE(unregistered_enhanced),
	    "4.7.650 is not in the registry" },
	{ "not known at all", "451 4.9.999 Limited", AT(RCPT), FITS_LIMIT,
	    true, NOTE(unregistered_enhanced), "4.9.999 is not" },
	{ "a permanent limit", "550 5.7.1 Quota", AT(RCPT), FITS_LIMIT, true,
	    NOTE(permanent_limit), "450 or 451 lets the client try again" },
	{ "connections are refused with 421", "421 4.7.0 Too many",
	    AT(CONNECT), FITS_LIMIT, true, 0, NULL },
	{ "Sendmail drops 450 at CONNECT", "450 4.7.0 Too many", AT(CONNECT),
	    FITS_LIMIT, true, ERROR, "connections are refused with 421: 450" },
	{ "554 at CONNECT sticks", "554 5.7.1 Too many", AT(CONNECT),
	    FITS_LIMIT, true, ERROR, "421" },
	{ "421 may answer anything", "421 4.3.2 Busy", AT(MAIL) | AT(RCPT) |
	    AT(EOM), FITS_TROUBLE, false, 0, NULL },
	{ "a full mailbox with the listed code", "552 5.2.2 Full", AT(RCPT),
	    FITS_MAILBOX, false, 0, NULL },
	{ "a full mailbox is no sending quota", "550 5.2.2 Submission quota",
	    AT(RCPT), FITS_LIMIT, true,
	    NOTE(misused_enhanced) | NOTE(permanent_limit), NULL },
};

START_TEST(unusual_replies_are_noted)
{
	struct code_findings findings;
	struct reply reply;
	const char *why = "";
	struct code_use use = {
		.reply = &reply,
		.stages = cases[_i].stages,
		.fits = cases[_i].fits,
		.is_limit = cases[_i].is_limit
	};
	unsigned int got = 0;

	ck_assert_msg(reply_parse(cases[_i].reply, &reply, &why), "%s: %s",
	    cases[_i].name, why);
	code_lint(&use, &findings);
	for (size_t i = 0; i < findings.count; i++) {
		got |= findings.at[i].is_error ? ERROR :
		    1u << findings.at[i].note;
		ck_assert_uint_lt(strlen(findings.at[i].text),
		    sizeof(findings.at[i].text) - 1);
	}
	ck_assert_msg(got == cases[_i].want, "%s: got %x, want %x",
	    cases[_i].name, got, cases[_i].want);
	if (cases[_i].says != NULL)
		ck_assert_msg(strstr(findings.at[0].text, cases[_i].says) !=
		    NULL, "%s: %s", cases[_i].name, findings.at[0].text);
}
END_TEST

/* None of them is so wrong that it could not be sent. */
START_TEST(usual_replies_work)
{
	const struct reply *reply = reply_of((enum reply_id)_i);
	struct code_use use = {
		.reply = reply,
		.stages = reply->stage == STAGE_ANY ? AT(MAIL) | AT(RCPT) |
		    AT(EOM) : reply->stage == STAGE_CONNECT &&
		    !reply_closes(reply) ? AT(RCPT) : 1u << reply->stage,
		.fits = reply_help_of((enum reply_id)_i)->fits
	};
	struct code_findings findings;

	code_lint(&use, &findings);
	for (size_t i = 0; i < findings.count; i++) {
		ck_assert_msg(!findings.at[i].is_error, "%s: %s",
		    reply->name, findings.at[i].text);
		ck_assert_msg(findings.at[i].note !=
		    CODE_NOTE_unregistered_enhanced, "%s", reply->name);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("codelint");
	TCase *tcase = tcase_create("codelint");

	tcase_add_loop_test(tcase, unusual_replies_are_noted, 0, ROWS(cases));
	tcase_add_loop_test(tcase, usual_replies_work, 0, REPLY_COUNT);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
