/*
 * ctl.h - what the commands of floodgatectl share
 *
 * Every command is a function cmd_NAME(), one for each row of
 * io/command.def; it returns the exit code, one of <sysexits.h>. Data goes
 * to stdout, talk to stderr.
 */
#ifndef FLOODGATE_CTL_CTL_H
#define FLOODGATE_CTL_CTL_H

#include <stdbool.h>

struct config;

#define CTL_DEFAULT_SOCKET "/run/floodgate/control"	/* as in option.def */

struct ctl {
	const char *socket;
	bool json;		/* print the document as it is */
};

/*
 * arguments[0] is the command's own name; the list ends in NULL. `ctl` may
 * be changed by options that follow the command.
 */
#define COMMAND(name, ...) \
	int cmd_##name(struct ctl *ctl, int count, char *arguments[]);
#include "io/command.def"

/*
 * The options that stand before a command, or behind one that has none of
 * its own. Returns the index of the first argument that is none, or -1
 * with *exit_code set when the program is to end.
 */
int ctl_take_options(struct ctl *ctl, int count, char *arguments[],
    int *exit_code);

/* "floodgatectl: ..." on stderr; returns EX_USAGE. */
int ctl_usage_error(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/*
 * The configuration of a file; NULL after its problems were printed, with
 * *exit_code set.
 */
struct config *ctl_read_config(const struct ctl *ctl, const char *file,
    int *exit_code);

#endif
