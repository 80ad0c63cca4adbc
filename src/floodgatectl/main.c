/*
 * main.c - floodgatectl: shows, explains and changes what floodgate does
 */
#include "floodgatectl/ctl.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define COMMAND(name, ...) { #name, cmd_##name },
static const struct {
	const char *name;
	int (*run)(struct ctl *ctl, int count, char *arguments[]);
} commands[] = {
#include "io/command.def"
};

int
ctl_usage_error(const char *format, ...)
{
	va_list arguments;

	(void)fputs("floodgatectl: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	return EX_USAGE;
}

static int
end_with(int *exit_code, int code)
{
	*exit_code = code;
	return -1;
}

int
ctl_take_options(struct ctl *ctl, int count, char *arguments[],
    int *exit_code)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	char *no_arguments[] = { NULL };
	int option;

	optind = 0;	/* start anew, the kind of order included */
	while ((option = getopt_long(count, arguments, "+s:jhV", options,
	    NULL)) != -1) {
		switch (option) {
		case 's':
			ctl->socket = optarg;
			break;
		case 'j':
			ctl->json = true;
			break;
		case 'h':
			return end_with(exit_code, cmd_help(ctl, 1,
			    no_arguments));
		case 'V':
			(void)printf("floodgatectl %s\n", PACKAGE_VERSION);
			return end_with(exit_code, EX_OK);
		default:	/* getopt_long() has said what is wrong */
			return end_with(exit_code, EX_USAGE);
		}
	}
	return optind;
}

/* What was printed must have arrived: a full disk is an error, too. */
static int
flush(int exit_code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	perror("floodgatectl: cannot write");
	return exit_code == EX_OK ? EX_IOERR : exit_code;
}

int
main(int argc, char *argv[])
{
	struct ctl ctl = { .socket = CTL_DEFAULT_SOCKET };
	int first, exit_code = EX_OK;

	(void)signal(SIGPIPE, SIG_IGN);
	first = ctl_take_options(&ctl, argc, argv, &exit_code);
	if (first < 0)
		return flush(exit_code);
	if (first == argc)
		return ctl_usage_error("a command is missing: see "
		    "floodgatectl help");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[first]) == 0)
			return flush(commands[i].run(&ctl, argc - first,
			    argv + first));
	/* Says that it is unknown, and what may have been meant. */
	return cmd_help(&ctl, 2, argv + first - 1);
}
