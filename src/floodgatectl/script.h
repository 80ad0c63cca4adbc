/*
 * script.h - scenario files: SMTP sessions as lines, with a clock of their own
 *
 * One command a line; blank lines and lines that begin with '#' are
 * skipped; \xHH in an argument is that octet. The clock starts at
 * SCRIPT_START and moves only by `at`.
 *
 *	at 2026-01-01T00:00:00Z | at +10m	set the clock, or move it
 *	connect ADDRESS|none [NAME] [listener=..] [port=..] [hostname=..]
 *		[ptr=..] [resolve=OK|FAIL|FORGED|TEMP]	what the MTA found out
 *	dns NAME TYPE ANSWER...	what DNS says from now on: addresses, names,
 *		"[PREFERENCE] HOST" of MX, the rest of the line of TXT; or
 *		nxdomain, nodata, servfail, timeout. All else fails.
 *	helo NAME
 *	auth [USER]		logged in from the next MAIL on; nobody
 *	mail PATH [PARAMETER...]
 *	rcpt PATH
 *	header NAME: VALUE	a field of the message's header, before `data`
 *	data [OCTETS]		DATA, so much header and body, and the dot
 *	rset
 *	quit			or the client is gone
 *	session [NAME]		go on in another session; the first has no name
 *	store up|down		down: every question to the store fails
 *	redis SADD|SREM KEY MEMBER...	what lists in Redis hold; nothing at
 *	redis HSET KEY FIELD VALUE	the start; as redis-cli has it
 *	redis HDEL KEY FIELD...
 *	reload FILE		put another configuration in place
 *	show SUBJECT		the counters, as `floodgatectl show`
 *	block, unblock, suspend, resume, override, forget, marks
 *				what an operator does, as in floodgatectl
 *	repeat N COMMAND [; COMMAND]...	with %n as 1 to N
 */
#ifndef FLOODGATE_CTL_SCRIPT_H
#define FLOODGATE_CTL_SCRIPT_H

#include "floodgatectl/player.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define SCRIPT_START "2026-01-01T00:00:00Z"

/*
 * Play every line of `from`, called `name` in messages. Records are printed
 * as they come, with every rule if `steps`, or appended to `records` when
 * that is not NULL. Returns the exit code; what is wrong with a line is said
 * on stderr as "NAME:LINE: ...", and ends the script. *refused becomes true
 * when anything was refused.
 */
int script_play(struct player *player, FILE *from, const char *name,
    bool steps, json_t *records, bool *refused);

#endif
