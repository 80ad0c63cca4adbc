/*
 * script_parts.h - what the parts of the script player share
 */
#ifndef FLOODGATE_CTL_SCRIPT_PARTS_H
#define FLOODGATE_CTL_SCRIPT_PARTS_H

#include "floodgatectl/player.h"

#include <jansson.h>
#include <stdbool.h>

#define SCRIPT_BLANKS " \t"

struct script {
	struct player *player;
	const char *name;
	unsigned int line;
	bool steps;
	json_t *records;	/* NULL: print */
	bool refused;
	int exit_code;
};

/*
 * Say what is wrong with the line, and that the script ends with it. Returns
 * NULL, for those who return a record.
 */
json_t *script_fail(struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The next word of *at, ended by a NUL; *at moves behind it. NULL: none. */
char *script_take_word(char **at);

/* Play one command, which is changed; its record, or NULL after a failure. */
json_t *script_play_command(struct script *script, char *command,
    bool repeated);

/* "N COMMAND [; COMMAND]..."; false after a failure. */
bool script_play_repeat(struct script *script, char *arguments);

#endif
