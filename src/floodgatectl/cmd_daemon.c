/*
 * cmd_daemon.c - the commands that the running daemon answers
 */
#include "floodgatectl/client.h"
#include "floodgatectl/ctl.h"
#include "floodgatectl/output.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define DAEMON(name, least, most) { #name, least, most },
#define LOCAL(name, least, most)
#define BOTH(name, least, most)
#define COMMAND(name, side, arguments, least, most, help) \
	side(name, least, most)
static const struct {
	const char *name;
	int least, most;
} commands[] = {
#include "io/command.def"
};

/* Are there as many arguments as the command takes? */
static int
count_arguments(const char *name, int count)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (count < commands[i].least)
			return ctl_usage_error("%s: an argument is missing: "
			    "see floodgatectl help %s", name, name);
		if (count > commands[i].most)
			return ctl_usage_error("%s: too many arguments: see "
			    "floodgatectl help %s", name, name);
	}
	return EX_OK;
}

/*
 * The daemon's answer, or NULL with an exit code: what went wrong is printed
 * here.
 */
static json_t *
ask_daemon(const struct ctl *ctl, const char *command, char *arguments[],
    size_t count, int *exit_code)
{
	char why[512];
	json_t *document;

	document = client_ask(ctl->socket, command, arguments, count,
	    exit_code, why, sizeof(why));
	if (document == NULL) {
		(void)fprintf(stderr, "floodgatectl: %s\n", why);
		return NULL;
	}
	*exit_code = put_error(document, ctl->json);
	if (*exit_code < 0) {
		*exit_code = EX_OK;
		return document;
	}
	json_decref(document);
	return NULL;
}

/* For people or for programs. */
static void
put_answer(const struct ctl *ctl, const json_t *document,
    void (*put)(const json_t *document))
{
	if (ctl->json)
		put_document(document);
	else
		put(document);
}

/* What the daemon answers to these arguments; NULL: *exit_code says why. */
static json_t *
ask_given(struct ctl *ctl, int count, char *arguments[], int *exit_code)
{
	int first = ctl_take_options(ctl, count, arguments, exit_code);

	if (first < 0)
		return NULL;
	*exit_code = count_arguments(arguments[0], count - first);
	if (*exit_code != EX_OK)
		return NULL;
	return ask_daemon(ctl, arguments[0], arguments + first,
	    (size_t)(count - first), exit_code);
}

/* Ask the daemon, and have its answer printed. */
static int
ask(struct ctl *ctl, int count, char *arguments[],
    void (*put)(const json_t *document))
{
	int exit_code = EX_OK;
	json_t *document = ask_given(ctl, count, arguments, &exit_code);

	if (document != NULL)
		put_answer(ctl, document, put);
	json_decref(document);
	return exit_code;
}

static void
put_rules(const json_t *rules)
{
	(void)printf("%lld policies, %lld checks, %lld limits",
	    (long long)member_number(rules, "policies"),
	    (long long)member_number(rules, "checks"),
	    (long long)member_number(rules, "limits"));
	if (member_number(rules, "observe") > 0)
		(void)printf(", %lld of them only observing",
		    (long long)member_number(rules, "observe"));
	if (member_number(rules, "off") > 0)
		(void)printf(", %lld off",
		    (long long)member_number(rules, "off"));
	(void)fputc('\n', stdout);
}

/* What decides while the store does not. */
static void
put_fallback(const json_t *fallback)
{
	bool deciding = json_is_true(json_object_get(fallback, "deciding"));

	if (fallback == NULL)
		return;
	(void)printf("               ");
	if (member_number(fallback, "hosts") > 0)
		(void)printf("shared by %lld host%s, ",
		    (long long)member_number(fallback, "hosts"),
		    member_number(fallback, "hosts") == 1 ? "" : "s");
	(void)printf("%s %lld%% of each limit here",
	    deciding ? "granting" : "when down,",
	    (long long)member_number(fallback, "share_percent"));
	if (deciding)
		(void)printf(", %lld subjects to tell it",
		    (long long)member_number(fallback, "untold"));
	(void)fputc('\n', stdout);
}

/* What may be spent without asking the store. */
static void
put_leases(const json_t *leases)
{
	long long count = member_number(leases, "count");

	if (leases != NULL && count > 0)
		(void)printf("               %lld lease%s with %lld unit%s "
		    "left\n", count, count == 1 ? "" : "s",
		    (long long)member_number(leases, "units"),
		    member_number(leases, "units") == 1 ? "" : "s");
}

static void
put_nodes(const json_t *nodes)
{
	const json_t *node;
	size_t i;

	json_array_foreach(nodes, i, node) {
		bool up = json_is_true(json_object_get(node, "up"));

		(void)printf("               %s ", member_text(node, "role"));
		put_printable(member_text(node, "where"));
		if (json_object_get(node, "slots") != NULL)
			(void)printf(", %lld slots",
			    (long long)member_number(node, "slots"));
		(void)fputs(up ? ", up" : ", DOWN: ", stdout);
		if (!up)
			put_printable(member_text(node, "reason"));
		(void)fputc('\n', stdout);
	}
}

static void
put_store(const json_t *store)
{
	bool up = json_is_true(json_object_get(store, "up"));

	(void)printf("store          ");
	put_printable(member_text(store, "kind"));
	if (member_text(store, "where")[0] != '\0') {
		(void)fputs(", ", stdout);
		put_printable(member_text(store, "where"));
	}
	if (json_object_get(store, "subjects") != NULL)
		(void)printf(", %lld subjects",
		    (long long)member_number(store, "subjects"));
	(void)printf("\n               %s since ", up ? "up" : "DOWN");
	put_printable(member_text(store, "since"));
	if (!up) {
		(void)fputs(": ", stdout);
		put_printable(member_text(store, "reason"));
	}
	(void)printf("\n               %lld calls, %lld failed\n",
	    (long long)member_number(store, "calls"),
	    (long long)member_number(store, "failures"));
	put_nodes(json_object_get(store, "nodes"));
	put_fallback(json_object_get(store, "fallback"));
	put_leases(json_object_get(store, "leases"));
}

static void
put_reload(const json_t *reload)
{
	if (reload == NULL || json_is_null(reload))
		return;
	(void)printf("last reload    %s, %s\n", member_text(reload, "at"),
	    json_is_true(json_object_get(reload, "done")) ? "done" :
	    "TURNED DOWN: the configuration has problems");
}

/* Numbers by their names; those that are 0 only if `all`. */
static void
put_numbers(json_t *numbers, bool all)
{
	struct table table;
	const char *name;
	json_t *value;

	table_init(&table, 2, "  ");
	json_object_foreach(numbers, name, value) {
		char number[24];
		const char *const cells[] = { name, number };

		if (!all && json_integer_value(value) == 0)
			continue;
		(void)snprintf(number, sizeof(number), "%lld",
		    (long long)json_integer_value(value));
		table_add(&table, cells);
	}
	table_print_and_clear(&table);
}

static bool
has_any(json_t *numbers)
{
	const char *name;
	json_t *value;

	json_object_foreach(numbers, name, value)
		if (json_integer_value(value) != 0)
			return true;
	return false;
}

static void
put_status(const json_t *document)
{
	(void)printf("floodgate %s, pid %lld, up ",
	    member_text(document, "version"),
	    (long long)member_number(document, "pid"));
	put_span(member_number(document, "uptime_s"));
	(void)printf(", since %s\n", member_text(document, "started"));
	(void)fputs("configuration  ", stdout);
	put_printable(member_text(document, "configuration"));
	(void)fputs("\n               ", stdout);
	put_rules(json_object_get(document, "rules"));
	put_reload(json_object_get(document, "last_reload"));
	(void)fputs("listening      ", stdout);
	put_printable(member_text(document, "listen"));
	(void)fputc('\n', stdout);
	put_store(json_object_get(document, "store"));
	(void)fputs("since the start\n", stdout);
	put_numbers(json_object_get(document, "metrics"), true);
	if (!has_any(json_object_get(document, "store_troubles")))
		return;
	(void)fputs("why Redis gave no answer\n", stdout);
	put_numbers(json_object_get(document, "store_troubles"), false);
}

/* --- is all well? --- */

static void
put_troubles(const json_t *troubles)
{
	const json_t *trouble;
	size_t i;

	json_array_foreach(troubles, i, trouble) {
		put_printable(member_text(trouble, "part"));
		if (member_text(trouble, "where")[0] != '\0') {
			(void)fputs(", ", stdout);
			put_printable(member_text(trouble, "where"));
		}
		(void)fputs(": ", stdout);
		put_printable(member_text(trouble, "text"));
		(void)fputc('\n', stdout);
	}
}

static void
put_checked(const json_t *document)
{
	const json_t *name;
	size_t i;

	put_troubles(json_object_get(document, "troubles"));
	if (!json_is_true(json_object_get(document, "well")))
		return;
	json_array_foreach(json_object_get(document, "asked"), i, name) {
		(void)fputs(i == 0 ? "well: " : ", ", stdout);
		put_printable(json_string_value(name));
	}
	(void)fputc('\n', stdout);
}

/* Does it take somebody, or only time? */
static int
exit_code_of(const json_t *troubles)
{
	const json_t *trouble;
	size_t i;

	json_array_foreach(troubles, i, trouble)
		if (json_is_true(json_object_get(trouble, "lasts")))
			return EX_CONFIG;
	return json_array_size(troubles) == 0 ? EX_OK : EX_TEMPFAIL;
}

int
cmd_check(struct ctl *ctl, int count, char *arguments[])
{
	int exit_code = EX_OK;
	json_t *document = ask_given(ctl, count, arguments, &exit_code);

	if (document == NULL)
		return exit_code;
	put_answer(ctl, document, put_checked);
	exit_code = exit_code_of(json_object_get(document, "troubles"));
	json_decref(document);
	return exit_code;
}

static void
put_reloaded(const json_t *document)
{
	put_printable(member_text(document, "configuration"));
	(void)fputs(" is in place: ", stdout);
	put_rules(json_object_get(document, "rules"));
}

static void
put_shown(const json_t *document)
{
	put_subjects(document, "");
}

static void
put_pong(const json_t *document)
{
	(void)printf("floodgate %s, pid %lld\n",
	    member_text(document, "version"),
	    (long long)member_number(document, "pid"));
}

int
cmd_status(struct ctl *ctl, int count, char *arguments[])
{
	return ask(ctl, count, arguments, put_status);
}

int
cmd_show(struct ctl *ctl, int count, char *arguments[])
{
	return ask(ctl, count, arguments, put_shown);
}

int
cmd_reload(struct ctl *ctl, int count, char *arguments[])
{
	return ask(ctl, count, arguments, put_reloaded);
}

int
cmd_ping(struct ctl *ctl, int count, char *arguments[])
{
	return ask(ctl, count, arguments, put_pong);
}

/* --- what an operator changes --- */

static void
put_done(const json_t *document)
{
	put_printable(member_text(document, "done"));
	(void)fputc('\n', stdout);
	if (member_text(document, "note")[0] == '\0')
		return;
	(void)fflush(stdout);
	(void)fprintf(stderr, "floodgatectl: note: %s\n",
	    member_text(document, "note"));
}

#define REASON_SIZE 1024	/* the daemon says how long one may be */

/*
 * A reason needs no quotes: the words from argument `index` on, counted
 * behind the options, are one.
 */
static int
ask_with_reason(struct ctl *ctl, int count, char *arguments[], int index)
{
	char reason[REASON_SIZE], *given[8];
	int first, exit_code = EX_OK;
	struct text text;
	struct ctl options = *ctl;

	first = ctl_take_options(&options, count, arguments, &exit_code);
	if (first < 0)
		return exit_code;
	if (count - first <= index + 1)
		return ask(ctl, count, arguments, put_done);
	*ctl = options;
	TEXT_INIT(&text, reason);
	for (int i = first + index; i < count; i++) {
		if (i > first + index)
			text_put_char(&text, ' ');
		text_put(&text, arguments[i]);
	}
	given[0] = arguments[0];
	for (int i = 0; i < index; i++)
		given[1 + i] = arguments[first + i];
	given[1 + index] = reason;
	given[2 + index] = NULL;
	if (text.cut)
		return ctl_usage_error("%s: the reason is too long",
		    arguments[0]);
	return ask(ctl, 2 + index, given, put_done);
}

int
cmd_block(struct ctl *ctl, int count, char *arguments[])
{
	return ask_with_reason(ctl, count, arguments, 2);
}

int
cmd_unblock(struct ctl *ctl, int count, char *arguments[])
{
	return ask(ctl, count, arguments, put_done);
}

int
cmd_suspend(struct ctl *ctl, int count, char *arguments[])
{
	return ask_with_reason(ctl, count, arguments, 1);
}

int
cmd_resume(struct ctl *ctl, int count, char *arguments[])
{
	return ask(ctl, count, arguments, put_done);
}

int
cmd_override(struct ctl *ctl, int count, char *arguments[])
{
	return ask_with_reason(ctl, count, arguments, 4);
}

int
cmd_forget(struct ctl *ctl, int count, char *arguments[])
{
	return ask(ctl, count, arguments, put_done);
}

/* The daemon answers page by page: all of them, as one document. */
static bool
add_pages(const struct ctl *ctl, json_t *document, int *exit_code)
{
	while (json_object_get(document, "next") != NULL) {
		char number[24], *from[] = { number, NULL };
		json_t *page;

		(void)snprintf(number, sizeof(number), "%lld",
		    (long long)member_number(document, "next"));
		page = ask_daemon(ctl, "marks", from, 1, exit_code);
		if (page == NULL)
			return false;
		(void)json_array_extend(json_object_get(document, "subjects"),
		    json_object_get(page, "subjects"));
		(void)json_object_del(document, "next");
		if (json_object_get(page, "next") != NULL)
			(void)json_object_set(document, "next",
			    json_object_get(page, "next"));
		json_decref(page);
	}
	return true;
}

int
cmd_marks(struct ctl *ctl, int count, char *arguments[])
{
	int exit_code = EX_OK;
	json_t *document = ask_given(ctl, count, arguments, &exit_code);

	if (document != NULL && add_pages(ctl, document, &exit_code))
		put_answer(ctl, document, put_marked);
	json_decref(document);
	return exit_code;
}
