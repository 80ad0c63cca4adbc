/*
 * main.c - floodgate's command line
 */
#include "floodgate/daemon.h"
#include "io/conffile.h"
#include "io/log.h"
#include "io/redis_script.h"
#include "io/store_redis.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define DEFAULT_FILE SYSCONFDIR "/floodgate/floodgate.conf"

struct command_line {
	const char *file;
	bool test;
	bool notes;
	bool print;
	bool syslog;
};

enum { OPTION_PRINT_FUNCTION = 256 };	/* has no letter */

static const char usage_text[] =
    "usage: floodgate [-c FILE] [-l stderr|syslog]  run in the foreground\n"
    "       floodgate -t [-v] [-c FILE]  test the configuration; with -v\n"
    "                               notes on the usual replies, too\n"
    "       floodgate -T [-c FILE]  print the effective configuration\n"
    "       floodgate --print-function  print the function for Redis\n"
    "       floodgate -h | -V\n"
    "FILE is " DEFAULT_FILE " if not given.\n"
    "Signals: SIGTERM stops, SIGUSR1 and SIGHUP reload. See floodgate(8).\n";

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 't' },
	{ "print-config", no_argument, NULL, 'T' },
	{ "print-function", no_argument, NULL, OPTION_PRINT_FUNCTION },
	{ "notes", no_argument, NULL, 'v' },
	{ "log", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

static int
usage(void)
{
	fputs(usage_text, stderr);
	return EX_USAGE;
}

/* What `redis-cli -x FUNCTION LOAD` takes. */
static int
print_function(void)
{
	struct redis_script script;
	bool done = redis_script_init(&script, store_redis_script, true) &&
	    fputs(script.text, stdout) != EOF && fflush(stdout) == 0;

	redis_script_clear(&script);
	return done ? EX_OK : EX_IOERR;
}

/* -1: go on; else the status to exit with. */
static int
parse(int argc, char *argv[], struct command_line *line)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:tTvl:hV", long_options,
	    NULL)) != -1) {
		switch (c) {
		case 'c':
			line->file = optarg;
			break;
		case 't':
			line->test = true;
			break;
		case 'T':
			line->print = true;
			break;
		case 'v':
			line->notes = true;
			break;
		case OPTION_PRINT_FUNCTION:
			return print_function();
		case 'l':
			line->syslog = strcmp(optarg, "syslog") == 0;
			if (!line->syslog && strcmp(optarg, "stderr") != 0)
				return usage();
			break;
		case 'h':
			fputs(usage_text, stdout);
			return EX_OK;
		case 'V':
			puts("floodgate " PACKAGE_VERSION);
			return EX_OK;
		default:
			return usage();
		}
	}
	return optind == argc ? -1 : usage();
}

/* NULL when there are problems; they, and notes if asked for, are printed. */
static struct config *
read_config(const struct command_line *line)
{
	struct problems problems, notes;
	struct config *config;

	problems_init(&problems);
	problems_init(&notes);
	if (line->test)
		problems.notes = &notes;
	problems.notes_on_usual = line->notes;
	config = conffile_read(line->file, &problems);
	problems_print(&problems, stderr);
	problems_print(&notes, stderr);
	problems_clear(&problems);
	problems_clear(&notes);
	return config;
}

int
main(int argc, char *argv[])
{
	struct command_line line = { .file = DEFAULT_FILE };
	struct config *config;
	int status = parse(argc, argv, &line);

	if (status >= 0)
		return status;
	config = read_config(&line);
	if (config == NULL)
		return EX_CONFIG;
	if (line.print)
		conffile_print(config, stdout);
	if (line.print || line.test) {
		config_close(&config);
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	}
	if (line.syslog)
		log_open_syslog();
	return daemon_run(config, line.file);
}
