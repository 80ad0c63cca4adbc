/*
 * script_repeat.c - one line that plays commands many times
 */
#include "floodgatectl/script_parts.h"

#include "floodgatectl/output.h"
#include "floodgatectl/record.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPEATS_MAX 1000000
#define COMMANDS_MAX 8		/* of one repeat */

/*
 * Repeated commands are told in runs: as long as policy, rule and code stay
 * the same, the first record stands for all.
 */
struct run {
	size_t command;
	unsigned int first, last;
	json_t *record;
	char *likeness;
};

struct runs {
	struct run *at;
	size_t count;
};

/* What two records have in common that are told as one. */
static char *
likeness_of(const json_t *record)
{
	static const char *const members[] = {
		"answer", "policy", "rule", "observed", "failed", "session"
	};
	json_t *like = json_object();
	char *likeness;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *member = json_object_get(record, members[i]);

		if (member != NULL)
			(void)json_object_set(like, members[i], member);
	}
	if (strcmp(member_text(record, "answer"), "mta") == 0)
		(void)json_object_set(like, "reply",
		    json_object_get(record, "reply"));
	likeness = json_dumps(like, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(like);
	return likeness;
}

/* Takes over the record. */
static void
runs_add(struct runs *runs, size_t command, unsigned int n, json_t *record)
{
	char *likeness = likeness_of(record);
	struct run *more;

	for (size_t i = runs->count; i-- > 0;) {
		struct run *run = &runs->at[i];

		if (run->command != command)
			continue;
		if (strcmp(run->likeness, likeness) != 0)
			break;
		run->last = n;
		free(likeness);
		json_decref(record);
		return;
	}
	more = realloc(runs->at, (runs->count + 1) * sizeof(*more));
	if (more == NULL)
		abort();
	runs->at = more;
	runs->at[runs->count++] = (struct run){ .command = command,
	    .first = n, .last = n, .record = record, .likeness = likeness };
}

/* Print the runs of each command, in the order of the commands. */
static void
runs_print(const struct runs *runs, const struct script *script,
    size_t commands)
{
	for (size_t k = 0; k < commands; k++) {
		for (size_t i = 0; i < runs->count; i++) {
			const struct run *run = &runs->at[i];
			char range[32];

			if (run->command != k || strcmp(member_text(
			    run->record, "answer"), "none") == 0)
				continue;
			if (run->first == run->last)
				(void)snprintf(range, sizeof(range), "  %u  ",
				    run->first);
			else
				(void)snprintf(range, sizeof(range),
				    "  %u-%u  ", run->first, run->last);
			record_put(run->record, range, script->steps);
		}
	}
}

static void
runs_clear(struct runs *runs)
{
	for (size_t i = 0; i < runs->count; i++) {
		json_decref(runs->at[i].record);
		free(runs->at[i].likeness);
	}
	free(runs->at);
}

/* Every %n of the command as the number n; for free(). */
static char *
number_command(const char *command, unsigned int n)
{
	size_t size = strlen(command) * 6 + 1;	/* "%n" becomes 7 digits */
	char *numbered = malloc(size);
	struct text text;

	if (numbered == NULL)
		abort();
	text_init(&text, numbered, size);
	for (; *command != '\0'; command++) {
		if (command[0] == '%' && command[1] == 'n') {
			text_put_number(&text, n);
			command++;
		} else
			text_put_char(&text, *command);
	}
	return numbered;
}

/* Split at " ; "; the number of commands, 0 for too many. */
static size_t
split_commands(char *text, char *commands[])
{
	size_t count = 0;

	for (;;) {
		char *next = strstr(text, " ; ");

		if (count == COMMANDS_MAX)
			return 0;
		commands[count++] = text;
		if (next == NULL)
			return count;
		*next = '\0';
		text = next + 3;
	}
}

static bool
repeat_once(struct script *script, char *const commands[], size_t count,
    unsigned int n, struct runs *runs)
{
	for (size_t k = 0; k < count; k++) {
		char *command = number_command(commands[k], n);
		json_t *record = script_play_command(script, command, true);

		free(command);
		if (record == NULL)
			return false;
		if (script->records != NULL)
			(void)json_array_append_new(script->records, record);
		else
			runs_add(runs, k, n, record);
	}
	return true;
}

bool
script_play_repeat(struct script *script, char *arguments)
{
	const char *word = script_take_word(&arguments);
	struct runs runs = { NULL, 0 };
	char *commands[COMMANDS_MAX];
	int64_t times;
	size_t count;
	bool good = true;

	if (word == NULL || !text_parse_number(word, REPEATS_MAX, &times)) {
		(void)script_fail(script, "repeat: expected a number up to %d",
		    REPEATS_MAX);
		return false;
	}
	if (script->records == NULL)
		(void)printf("repeat %s:\n", word);
	count = split_commands(arguments, commands);
	if (count == 0) {
		(void)script_fail(script, "repeat: at most %d commands",
		    COMMANDS_MAX);
		return false;
	}
	for (unsigned int n = 1; good && n <= (unsigned int)times; n++)
		good = repeat_once(script, commands, count, n, &runs);
	runs_print(&runs, script, count);
	runs_clear(&runs);
	return good;
}
