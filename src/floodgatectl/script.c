/*
 * script.c - scenario files: SMTP sessions as lines
 */
#include "floodgatectl/script.h"

#include "floodgatectl/output.h"
#include "floodgatectl/record.h"
#include "floodgatectl/script_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

json_t *
script_fail(struct script *script, const char *format, ...)
{
	va_list arguments;

	(void)fflush(stdout);
	(void)fprintf(stderr, "%s:%u: ", script->name, script->line);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	script->exit_code = EX_DATAERR;
	return NULL;
}

static void
put_record(const struct script *script, const json_t *record)
{
	if (strcmp(member_text(record, "answer"), "none") == 0 &&
	    member_text(record, "reply")[0] == '\0')
		return;		/* session: what follows bears its name */
	record_put(record, "", script->steps);
	put_subjects(record, "  ");
}

/* Takes over the record. */
static void
finish_record(struct script *script, json_t *record)
{
	if (script->records != NULL) {
		(void)json_array_append_new(script->records, record);
		return;
	}
	put_record(script, record);
	json_decref(record);
}

/* False after a failure. */
static bool
play_line(struct script *script, char *line)
{
	size_t length;
	json_t *record;

	line += strspn(line, SCRIPT_BLANKS);
	length = strlen(line);
	while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL)
		line[--length] = '\0';
	if (*line == '\0' || *line == '#')
		return true;
	if (strncmp(line, "repeat", 6) == 0 &&
	    strchr(SCRIPT_BLANKS, line[6]) != NULL)
		return script_play_repeat(script, line + 6);
	record = script_play_command(script, line, false);
	if (record == NULL)
		return false;
	finish_record(script, record);
	return true;
}

int
script_play(struct player *player, FILE *from, const char *name, bool steps,
    json_t *records, bool *refused)
{
	struct script script = {
		.player = player, .name = name, .steps = steps,
		.records = records, .exit_code = EX_OK
	};
	char *line = NULL;
	size_t size = 0;
	bool good = true;

	while (good && getline(&line, &size, from) >= 0) {
		script.line++;
		good = play_line(&script, line);
	}
	if (good && ferror(from)) {
		(void)fprintf(stderr, "%s: %s\n", name, strerror(errno));
		script.exit_code = EX_NOINPUT;
	}
	free(line);
	*refused = script.refused;
	return script.exit_code;
}
