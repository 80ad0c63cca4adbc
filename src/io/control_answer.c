/*
 * control_answer.c - what the daemon answers to floodgatectl
 */
#include "io/control_answer.h"

#include "base/text.h"
#include "io/checkup.h"
#include "io/clock.h"
#include "io/inspect.h"
#include "io/metrics.h"
#include "io/operate.h"
#include "io/utc.h"

#include <string.h>
#include <unistd.h>

struct request {
	const struct control_handlers *handlers;
	void *context;
	struct control_daemon daemon;
	const char *arguments[8];
	size_t count;
	const char *who;
};

typedef json_t *answer_function(const struct request *request);

#define DAEMON(name) static answer_function answer_##name;
#define BOTH(name) DAEMON(name)
#define LOCAL(name)
#define COMMAND(name, side, ...) side(name)
#include "io/command.def"
#undef DAEMON
#undef LOCAL

static const struct command {
	const char *name;
	answer_function *answer;
	size_t least, most;
	const char *arguments;
	const char *help;
} commands[] = {
#define DAEMON(name) answer_##name
#define LOCAL(name) NULL
#define COMMAND(name, side, arguments, least, most, help) \
	{ #name, side(name), least, most, arguments, help },
#include "io/command.def"
#undef DAEMON
#undef LOCAL
#undef BOTH
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0 &&
		    commands[i].answer != NULL)
			return &commands[i];
	return NULL;
}

static json_t *
unknown_command(const char *name)
{
	const char *names[COMMANDS];
	const char *meant;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].answer != NULL ? commands[i].name : NULL;
	meant = text_nearest(name, names, COMMANDS);
	return inspect_error(INSPECT_USAGE,
	    "unknown command: \"%.100s\"%s%s%s", name,
	    meant != NULL ? " (did you mean " : "",
	    meant != NULL ? meant : "", meant != NULL ? "?)" : "");
}

static json_t *
answer_ping(const struct request *request)
{
	(void)request;
	return json_pack("{s:s, s:i}", "version", PACKAGE_VERSION,
	    "pid", (int)getpid());
}

static json_t *
describe_command(const struct command *command)
{
	return json_pack("{s:s, s:s, s:s}", "command", command->name,
	    "arguments", command->arguments, "help", command->help);
}

static json_t *
answer_help(const struct request *request)
{
	json_t *all = json_array();

	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].answer != NULL && (request->count == 0 ||
		    strcmp(commands[i].name, request->arguments[0]) == 0))
			(void)json_array_append_new(all,
			    describe_command(&commands[i]));
	if (json_array_size(all) > 0)
		return json_pack("{s:o}", "commands", all);
	json_decref(all);
	return unknown_command(request->arguments[0]);
}

static json_t *
describe_metrics(void)
{
	json_t *metrics = json_object();

	for (int i = 0; i < METRIC_COUNT; i++)
		(void)json_object_set_new(metrics,
		    metric_name((enum metric)i),
		    json_integer((json_int_t)metric_get((enum metric)i)));
	return metrics;
}

static json_t *
describe_troubles(void)
{
	json_t *troubles = json_object();

	for (int i = 0; i < TROUBLE_COUNT; i++)
		(void)json_object_set_new(troubles,
		    redis_trouble_reason((enum redis_trouble)i), json_integer(
		    (json_int_t)metric_get_trouble((enum redis_trouble)i)));
	return troubles;
}

static json_t *
describe_reload(const struct control_daemon *daemon)
{
	char at[UTC_TEXT_SIZE];

	if (daemon->reloaded_ms == 0)
		return json_null();
	return json_pack("{s:s, s:b}",
	    "at", utc_format(daemon->reloaded_ms, at),
	    "done", !daemon->reload_failed);
}

static json_t *
answer_status(const struct request *request)
{
	const struct control_daemon *daemon = &request->daemon;
	const struct config *config = engine_hold_config(daemon->engine);
	char started[UTC_TEXT_SIZE];
	json_t *document;

	document = json_pack("{s:s, s:i, s:s, s:I, s:o, s:o, s:o, s:o, s:o, "
	    "s:o, s:o}",
	    "version", PACKAGE_VERSION, "pid", (int)getpid(),
	    "started", utc_format(daemon->started_ms, started),
	    "uptime_s",
	    (json_int_t)((clock_now_ms() - daemon->started_ms) / 1000),
	    "configuration", inspect_text(daemon->config_file),
	    "listen", inspect_text(config->global.listen),
	    "rules", inspect_rules(config),
	    "last_reload", describe_reload(daemon),
	    "store", inspect_store(daemon->store),
	    "metrics", describe_metrics(),
	    "store_troubles", describe_troubles());
	engine_unhold_config(daemon->engine, config);
	return document;
}

static json_t *
answer_check(const struct request *request)
{
	const struct control_daemon *daemon = &request->daemon;
	const struct config *config = engine_hold_config(daemon->engine);
	const struct checkup checkup = {
		.config = config, .store = daemon->store,
		.dns = engine_dns(daemon->engine),
		.config_file = daemon->config_file,
		.reload_failed = daemon->reload_failed,
		.now_ms = clock_now_ms()
	};
	json_t *document = checkup_run(&checkup);

	engine_unhold_config(daemon->engine, config);
	return document;
}

static json_t *
answer_show(const struct request *request)
{
	const struct control_daemon *daemon = &request->daemon;
	const struct config *config = engine_hold_config(daemon->engine);
	json_t *document;

	document = inspect_subject(config, daemon->store,
	    request->arguments[0], clock_now_ms(),
	    config->global.event_timeout_ms);
	engine_unhold_config(daemon->engine, config);
	return document;
}

/* --- what an operator changes: each answer is of operate.c */

static json_t *
operate_with(const struct request *request,
    json_t *(*operate)(const struct operation *op))
{
	const struct control_daemon *daemon = &request->daemon;
	const struct config *config = engine_hold_config(daemon->engine);
	const struct operation op = {
		.config = config,
		.store = daemon->store,
		.arguments = request->arguments,
		.count = request->count,
		.who = request->who,
		.now_ms = clock_now_ms(),
		.timeout_ms = config->global.event_timeout_ms
	};
	json_t *document = operate(&op);

	engine_unhold_config(daemon->engine, config);
	return document;
}

#define ANSWER_OPERATE(name)						\
	static json_t *							\
	answer_##name(const struct request *request)			\
	{								\
		return operate_with(request, operate_##name);		\
	}
ANSWER_OPERATE(block)
ANSWER_OPERATE(unblock)
ANSWER_OPERATE(suspend)
ANSWER_OPERATE(resume)
ANSWER_OPERATE(override)
ANSWER_OPERATE(forget)
ANSWER_OPERATE(marks)

static json_t *
answer_reload(const struct request *request)
{
	const struct config *config;
	struct control_daemon daemon;
	struct problems problems;
	json_t *document;

	problems_init(&problems);
	if (request->handlers->reload(request->context, &problems)) {
		request->handlers->describe(request->context, &daemon);
		config = engine_hold_config(daemon.engine);
		document = json_pack("{s:o, s:o}",
		    "configuration", inspect_text(daemon.config_file),
		    "rules", inspect_rules(config));
		engine_unhold_config(daemon.engine, config);
	} else {
		document = inspect_error(INSPECT_CONFIG, "the configuration "
		    "has %zu problem%s: nothing is changed", problems.count,
		    problems.count == 1 ? "" : "s");
		(void)json_object_set_new(document, "problems",
		    inspect_problems(&problems));
	}
	problems_clear(&problems);
	return document;
}

/* --- from a request to its answer */

/* False with an error document: the arguments are not what they should be. */
static bool
take_arguments(struct request *request, const json_t *arguments,
    json_t **error)
{
	*error = NULL;
	request->count = json_array_size(arguments);
	if (arguments != NULL && !json_is_array(arguments))
		*error = inspect_error(INSPECT_USAGE,
		    "\"arguments\": expected an array of strings");
	else if (request->count >
	    sizeof(request->arguments) / sizeof(request->arguments[0]))
		*error = inspect_error(INSPECT_USAGE, "too many arguments");
	for (size_t i = 0; *error == NULL && i < request->count; i++) {
		request->arguments[i] =
		    json_string_value(json_array_get(arguments, i));
		if (request->arguments[i] == NULL)
			*error = inspect_error(INSPECT_USAGE, "\"arguments\": "
			    "expected an array of strings");
	}
	return *error == NULL;
}

static json_t *
answer_object(struct request *request, const json_t *object)
{
	const char *name;
	const struct command *command;
	json_t *error;

	name = json_string_value(json_object_get(object, "command"));
	if (name == NULL)
		return inspect_error(INSPECT_USAGE, "expected an object such "
		    "as {\"command\": \"status\"}");
	command = command_find(name);
	if (command == NULL)
		return unknown_command(name);
	if (!take_arguments(request, json_object_get(object, "arguments"),
	    &error))
		return error;
	if (request->count < command->least)
		return inspect_error(INSPECT_USAGE, "%s: an argument is "
		    "missing: %s %s", name, name, command->arguments);
	if (request->count > command->most)
		return inspect_error(INSPECT_USAGE, "%s: too many arguments: "
		    "%s %s", name, name, command->arguments);
	request->handlers->describe(request->context, &request->daemon);
	return command->answer(request);
}

json_t *
control_answer(const struct control_handlers *handlers, void *context,
    const char *who, const char *line, size_t length)
{
	struct request request = {
		.handlers = handlers, .context = context, .who = who
	};
	json_error_t error;
	json_t *object, *answer;

	/* jansson refuses what is not UTF-8, and any NUL. */
	object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL)
		return inspect_error(INSPECT_USAGE,
		    "expected a line of JSON: %.150s", error.text);
	answer = answer_object(&request, object);
	json_decref(object);
	return answer;
}
