/*
 * cmd_help.c - `floodgatectl help`, from the table of commands
 */
#include "floodgatectl/ctl.h"
#include "floodgatectl/output.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define COMMAND(name, side, arguments, least, most, help) \
	{ #name, arguments, help },
static const struct row {
	const char *name, *arguments, *help;
} rows[] = {
#include "io/command.def"
};
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ROWS COUNT_OF(rows)

struct option_help {
	const char *option, *help;
};

static const struct option_help try_options[] = {
	{ "-c FILE", "the configuration to judge by" },
	{ "--client ADDRESS",
	    "the client, or none for local mail (192.0.2.1)" },
	{ "--name NAME", "its verified host name (none)" },
	{ "--helo NAME", "what it says with EHLO (client.example.net)" },
	{ "--user USER", "who has logged in (nobody)" },
	{ "--from ADDRESS",
	    "the sender (the user, or sender@example.net)" },
	{ "--rcpt ADDRESS",
	    "a recipient; may be repeated (recipient@example.com)" },
	{ "--size OCTETS", "the message's size, declared and sent (1k)" },
	{ "--smtputf8", "declared with MAIL, for addresses beyond ASCII" },
	{ "--listener NAME", "{daemon_name} of the MTA" },
	{ "--port NUMBER", "{daemon_port} of the MTA" },
	{ "--hostname NAME", "what the MTA calls itself (mx.example.com)" },
	{ "--steps", "of a script: every rule of every command, too" },
	{ "--check", "exit 1 when anything is refused" },
};

static const struct option_help codes_options[] = {
	{ "CODE", "explain it: 550, 5.4.6, or \"550 5.4.6\"" },
	{ "-c FILE", "with the rules of this configuration that send it" },
	{ "--by ORDER", "list all by number, command or group" },
	{ "--page FORM",
	    "write the page for senders: html, markdown or json; needs -c" },
	{ "--contact TEXT", "of the page: an address, a URL, or words" },
	{ "--figures", "of the page: say what the limits allow, too" },
	{ "--lang NAME", "of the page: its language, such as de (en)" },
	{ "--catalogue FILE", "of the page: its words" },
	{ "--words", "print all words of the page, to be translated" },
};

static void
put_usage(const struct row *row)
{
	(void)printf("usage: floodgatectl [-s SOCKET] [--json] %s %s\n%s\n",
	    row->name, row->arguments, row->help);
}

static void
put_options(const struct option_help *options, size_t count)
{
	struct table table;

	table_init(&table, 2, "  ");
	for (size_t i = 0; i < count; i++) {
		const char *const cells[] = {
			options[i].option, options[i].help
		};

		table_add(&table, cells);
	}
	table_print_and_clear(&table);
}

static int
help_on(const char *name)
{
	const char *names[ROWS], *meant;

	for (size_t i = 0; i < ROWS; i++) {
		names[i] = rows[i].name;
		if (strcmp(rows[i].name, name) != 0)
			continue;
		put_usage(&rows[i]);
		if (strcmp(name, "try") == 0)
			put_options(try_options, COUNT_OF(try_options));
		if (strcmp(name, "codes") == 0)
			put_options(codes_options, COUNT_OF(codes_options));
		return EX_OK;
	}
	meant = text_nearest(name, names, ROWS);
	return ctl_usage_error("unknown command: %s%s%s%s", name,
	    meant != NULL ? " (did you mean " : "",
	    meant != NULL ? meant : "", meant != NULL ? "?)" : "");
}

int
cmd_help(struct ctl *ctl, int count, char *arguments[])
{
	struct table table;

	(void)ctl;
	if (count > 2)
		return ctl_usage_error("help: too many arguments");
	if (count == 2)
		return help_on(arguments[1]);
	(void)printf("usage: floodgatectl [-s SOCKET] [--json] COMMAND\n");
	table_init(&table, 2, "  ");
	for (size_t i = 0; i < ROWS; i++) {
		char usage[80];
		const char *const cells[] = { usage, rows[i].help };

		(void)snprintf(usage, sizeof(usage), "%s %s", rows[i].name,
		    strcmp(rows[i].name, "try") == 0 ? "..." :
		    rows[i].arguments);
		table_add(&table, cells);
	}
	table_print_and_clear(&table);
	(void)printf("SOCKET is %s unless given. See floodgatectl(8).\n",
	    CTL_DEFAULT_SOCKET);
	return EX_OK;
}
