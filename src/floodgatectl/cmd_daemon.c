/*
 * cmd_daemon.c - the commands that the running daemon answers
 */
#include "floodgatectl/client.h"
#include "floodgatectl/ctl.h"
#include "floodgatectl/output.h"

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
 * Ask the daemon, and have its answer printed. Errors are printed here;
 * `put` prints what is none, for people.
 */
static int
ask(struct ctl *ctl, int count, char *arguments[],
    void (*put)(const json_t *document))
{
	char why[512];
	json_t *document;
	int first, exit_code = EX_OK;

	first = ctl_take_options(ctl, count, arguments, &exit_code);
	if (first < 0)
		return exit_code;
	exit_code = count_arguments(arguments[0], count - first);
	if (exit_code != EX_OK)
		return exit_code;
	document = client_ask(ctl->socket, arguments[0], arguments + first,
	    (size_t)(count - first), &exit_code, why, sizeof(why));
	if (document == NULL) {
		(void)fprintf(stderr, "floodgatectl: %s\n", why);
		return exit_code;
	}
	exit_code = put_error(document, ctl->json);
	if (exit_code < 0) {
		exit_code = EX_OK;
		if (ctl->json)
			put_document(document);
		else
			put(document);
	}
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
	put_fallback(json_object_get(store, "fallback"));
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

static void
put_metrics(json_t *metrics)
{
	struct table table;
	const char *name;
	json_t *value;

	table_init(&table, 2, "  ");
	json_object_foreach(metrics, name, value) {
		char number[24];
		const char *const cells[] = { name, number };

		(void)snprintf(number, sizeof(number), "%lld",
		    (long long)json_integer_value(value));
		table_add(&table, cells);
	}
	table_print_and_clear(&table);
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
	put_metrics(json_object_get(document, "metrics"));
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
