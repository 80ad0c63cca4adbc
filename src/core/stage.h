/*
 * stage.h - the steps of an SMTP session at which a milter is asked
 */
#ifndef FLOODGATE_CORE_STAGE_H
#define FLOODGATE_CORE_STAGE_H

/* In the order in which a session passes them. */
enum stage {
	STAGE_CONNECT,
	STAGE_HELO,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_EOH,
	STAGE_EOM,
	STAGE_ANY	/* of a reply: it may be sent wherever it is needed */
};

/* "connect", "helo", "mail", "rcpt", "eoh", "eom", "any". */
const char *stage_name(enum stage stage);

#endif
