/*
 * control.c - the daemon's UNIX socket for floodgatectl
 *
 * One thread with poll(): every client is non-blocking and has a deadline,
 * so that none can hold up another for long. What takes time is what a
 * client asks for, and that is bounded by the handlers and the store.
 */
#include "io/control.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/inspect.h"
#include "io/metrics.h"
#include "io/utc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 128
#define ACCEPT_PAUSE_MS 200	/* after accept() failed, out of descriptors */

struct client {
	int fd;			/* -1: a free place */
	int64_t deadline_ms;	/* on the steady clock */
	size_t received;
	size_t sent;
	size_t length;		/* of the answer */
	char *answer;		/* NULL while the request arrives */
	char request[CONTROL_REQUEST_OCTETS_MAX];
};

struct control {
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	dev_t device;		/* of the socket's file, to remove only that */
	ino_t inode;
	int listener;
	int wake[2];		/* a pipe: closing its end stops the thread */
	int64_t timeout_ms;
	int64_t accept_after_ms;
	struct control_handlers handlers;
	void *context;
	pthread_t thread;
	struct client clients[CONTROL_CLIENTS_MAX];
};

/* --- the commands */

struct request {
	struct control *control;
	struct control_daemon daemon;
	const char *arguments[8];
	size_t count;
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
	    "s:o}",
	    "version", PACKAGE_VERSION, "pid", (int)getpid(),
	    "started", utc_format(daemon->started_ms, started),
	    "uptime_s",
	    (json_int_t)((clock_now_ms() - daemon->started_ms) / 1000),
	    "configuration", inspect_text(daemon->config_file),
	    "listen", inspect_text(config->global.listen),
	    "rules", inspect_rules(config),
	    "last_reload", describe_reload(daemon),
	    "store", inspect_store(daemon->store),
	    "metrics", describe_metrics());
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

static json_t *
answer_reload(const struct request *request)
{
	const struct control *control = request->control;
	const struct config *config;
	struct control_daemon daemon;
	struct problems problems;
	json_t *document;

	problems_init(&problems);
	if (control->handlers.reload(control->context, &problems)) {
		control->handlers.describe(control->context, &daemon);
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
answer_object(struct control *control, const json_t *object)
{
	struct request request = { .control = control };
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
	if (!take_arguments(&request, json_object_get(object, "arguments"),
	    &error))
		return error;
	if (request.count < command->least)
		return inspect_error(INSPECT_USAGE, "%s: an argument is "
		    "missing: %s %s", name, name, command->arguments);
	if (request.count > command->most)
		return inspect_error(INSPECT_USAGE, "%s: too many arguments: "
		    "%s %s", name, name, command->arguments);
	control->handlers.describe(control->context, &request.daemon);
	return command->answer(&request);
}

static json_t *
answer_request(struct control *control, const char *line, size_t length)
{
	json_error_t error;
	json_t *request, *answer;

	/* jansson refuses what is not UTF-8, and any NUL. */
	request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (request == NULL)
		return inspect_error(INSPECT_USAGE,
		    "expected a line of JSON: %.150s", error.text);
	answer = answer_object(control, request);
	json_decref(request);
	return answer;
}

/* --- the clients */

static void
client_hang_up(struct client *client)
{
	(void)close(client->fd);
	free(client->answer);
	client->answer = NULL;
	client->fd = -1;
}

/* Send what the socket takes. */
static void
client_send(struct client *client)
{
	ssize_t octets;

	while (client->sent < client->length) {
		octets = send(client->fd, client->answer + client->sent,
		    client->length - client->sent, MSG_NOSIGNAL);
		if (octets < 0 && errno == EINTR)
			continue;
		if (octets < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (octets < 0)
			break;
		client->sent += (size_t)octets;
	}
	client_hang_up(client);
}

/* Takes over the document. */
static void
client_answer(struct control *control, struct client *client,
    json_t *document)
{
	client->answer = document == NULL ? NULL : json_dumps(document,
	    JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(document);
	if (client->answer == NULL) {
		client_hang_up(client);
		return;
	}
	client->length = strlen(client->answer);
	client->answer[client->length++] = '\n';	/* for the NUL */
	client->sent = 0;
	client->deadline_ms = clock_steady_ms() + control->timeout_ms;
	client_send(client);
}

/* A whole line, or what there is when the client sends no more. */
static void
client_take(struct control *control, struct client *client, bool ended)
{
	const char *newline = memchr(client->request, '\n', client->received);

	if (newline != NULL)
		client_answer(control, client, answer_request(control,
		    client->request, (size_t)(newline - client->request)));
	else if (client->received == sizeof(client->request))
		client_answer(control, client, inspect_error(INSPECT_USAGE,
		    "the request is longer than %d octets",
		    CONTROL_REQUEST_OCTETS_MAX));
	else if (ended && client->received > 0)
		client_answer(control, client, answer_request(control,
		    client->request, client->received));
	else if (ended)
		client_hang_up(client);
}

static void
client_receive(struct control *control, struct client *client)
{
	ssize_t octets;

	octets = recv(client->fd, client->request + client->received,
	    sizeof(client->request) - client->received, 0);
	if (octets < 0) {
		if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
			client_hang_up(client);
		return;
	}
	client->received += (size_t)octets;
	client_take(control, client, octets == 0);
}

static void
client_time_out(struct control *control, struct client *client)
{
	if (client->answer != NULL)
		client_hang_up(client);
	else
		client_answer(control, client, inspect_error(INSPECT_TEMPORARY,
		    "no complete request within %lld ms",
		    (long long)control->timeout_ms));
}

static struct client *
free_place(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	return NULL;
}

static bool
set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static void
accept_client(struct control *control)
{
	struct client *client = free_place(control);
	int fd;

	assert(client != NULL);
	fd = accept(control->listener, NULL, NULL);
	if (fd < 0) {
		if (errno != EINTR && errno != EAGAIN &&
		    errno != EWOULDBLOCK && errno != ECONNABORTED)
			control->accept_after_ms = clock_steady_ms() +
			    ACCEPT_PAUSE_MS;
		return;
	}
	if (!set_nonblocking(fd)) {
		(void)close(fd);
		return;
	}
	client->fd = fd;
	client->received = client->sent = client->length = 0;
	client->deadline_ms = clock_steady_ms() + control->timeout_ms;
}

/* --- the thread */

static int
ms_until(int64_t deadline_ms, int64_t now_ms, int timeout)
{
	int64_t left = deadline_ms > now_ms ? deadline_ms - now_ms : 0;

	return timeout < 0 || left < timeout ? (int)left : timeout;
}

/*
 * What to wait for: polls[0] is the wake pipe, polls[1] the listener, the
 * others the clients. Returns for how long, -1 for ever.
 */
static int
prepare_polls(struct control *control, struct pollfd polls[])
{
	int64_t now_ms = clock_steady_ms();
	int timeout = -1;

	polls[0] = (struct pollfd){ .fd = control->wake[0], .events = POLLIN };
	polls[1] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (now_ms < control->accept_after_ms)
		timeout = ms_until(control->accept_after_ms, now_ms, timeout);
	else if (free_place(control) != NULL)
		polls[1].fd = control->listener;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct client *client = &control->clients[i];

		polls[2 + i] = (struct pollfd){ .fd = client->fd,
		    .events = client->answer != NULL ? POLLOUT : POLLIN };
		if (client->fd >= 0)
			timeout = ms_until(client->deadline_ms, now_ms,
			    timeout);
	}
	return timeout;
}

/*
 * What has arrived is served before anybody is timed out: a request that
 * came while a slow one was answered is in time.
 */
static void
serve_clients(struct control *control, const struct pollfd polls[])
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0)
			continue;
		if (polls[i].revents != 0 && client->answer != NULL)
			client_send(client);
		else if (polls[i].revents != 0)
			client_receive(control, client);
		else if (clock_steady_ms() >= client->deadline_ms)
			client_time_out(control, client);
	}
}

static void *
control_run(void *argument)
{
	struct pollfd polls[2 + CONTROL_CLIENTS_MAX];
	struct control *control = argument;
	int timeout;

	for (;;) {
		timeout = prepare_polls(control, polls);
		if (poll(polls, 2 + CONTROL_CLIENTS_MAX, timeout) < 0)
			continue;	/* EINTR; the next round waits again */
		if (polls[0].revents != 0)
			return NULL;
		serve_clients(control, polls + 2);
		if (polls[1].revents != 0 && free_place(control) != NULL)
			accept_client(control);
	}
}

/* --- the socket */

static bool
make_address(const char *path, struct sockaddr_un *address, char *why,
    size_t size)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (text_copy(address->sun_path, sizeof(address->sun_path), path))
		return true;
	(void)snprintf(why, size, "%.150s: a socket's path has "
	    "at most %zu octets", path, sizeof(address->sun_path) - 1);
	return false;
}

/* Does somebody answer there? EAGAIN: somebody who is busy. */
static bool
somebody_listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool answered;

	if (fd < 0)
		return false;
	answered = set_nonblocking(fd) &&
	    (connect(fd, (const struct sockaddr *)address,
	    sizeof(*address)) == 0 || errno == EAGAIN);
	(void)close(fd);
	return answered;
}

/* Make room for the socket: nothing there, or one that nobody serves. */
static bool
clear_path(const struct sockaddr_un *address, char *why, size_t size)
{
	const char *path = address->sun_path;
	struct stat file;

	if (lstat(path, &file) != 0) {
		if (errno == ENOENT)
			return true;
		(void)snprintf(why, size, "%s: %s", path,
		    strerror(errno));
		return false;
	}
	if (!S_ISSOCK(file.st_mode)) {
		(void)snprintf(why, size, "%s: there is "
		    "something else of that name", path);
		return false;
	}
	if (somebody_listens(address)) {
		(void)snprintf(why, size, "%s: another "
		    "floodgate is listening on it", path);
		return false;
	}
	if (unlink(path) == 0 || errno == ENOENT)
		return true;
	(void)snprintf(why, size, "%s: cannot remove the old "
	    "one: %s", path, strerror(errno));
	return false;
}

static bool
find_group(const char *name, gid_t *group, char *why, size_t size)
{
	struct group entry, *found = NULL;
	char room[16384];	/* a group of many members */

	if (getgrnam_r(name, &entry, room, sizeof(room), &found) == 0 &&
	    found != NULL) {
		*group = entry.gr_gid;
		return true;
	}
	(void)snprintf(why, size, "control_group: there is no group \"%.100s\"",
	    name);
	return false;
}

/*
 * Bind, set group and mode, and only then listen: until then a connect()
 * fails, so that nobody gets in by the mode that the umask gave.
 */
static bool
bind_socket(struct control *control, const struct sockaddr_un *address,
    const struct control_options *options, char *why, size_t size)
{
	bool has_group = options->group != NULL && options->group[0] != '\0';
	struct stat file;
	gid_t group = 0;

	if (has_group && !find_group(options->group, &group, why, size))
		return false;
	if (bind(control->listener, (const struct sockaddr *)address,
	    sizeof(*address)) != 0) {
		(void)snprintf(why, size, "%s: %s",
		    control->path, strerror(errno));
		return false;
	}
	if (lstat(control->path, &file) == 0) {
		control->device = file.st_dev;
		control->inode = file.st_ino;
	}
	if (has_group && lchown(control->path, (uid_t)-1, group) != 0) {
		(void)snprintf(why, size, "%s: cannot give it "
		    "to group %.100s: %s", control->path, options->group,
		    strerror(errno));
		return false;
	}
	if (chmod(control->path, (mode_t)options->mode) != 0 ||
	    listen(control->listener, BACKLOG) != 0) {
		(void)snprintf(why, size, "%s: %s",
		    control->path, strerror(errno));
		return false;
	}
	return true;
}

/* Signals are for the daemon's own thread. */
static bool
start_thread(struct control *control)
{
	sigset_t all, before;
	bool started;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&control->thread, NULL, control_run,
	    control) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

static void
remove_socket(const struct control *control)
{
	struct stat file;

	if (control->inode != 0 && lstat(control->path, &file) == 0 &&
	    file.st_dev == control->device && file.st_ino == control->inode)
		(void)unlink(control->path);
}

static void
control_free(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0)
			client_hang_up(&control->clients[i]);
	if (control->listener >= 0)
		(void)close(control->listener);
	for (size_t i = 0; i < 2; i++)
		if (control->wake[i] >= 0)
			(void)close(control->wake[i]);
	remove_socket(control);
	free(control);
}

static bool
open_descriptors(struct control *control)
{
	return pipe(control->wake) == 0 && set_nonblocking(control->wake[0]) &&
	    set_nonblocking(control->wake[1]) &&
	    (control->listener = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0 &&
	    set_nonblocking(control->listener);
}

struct control *
control_open(const struct control_options *options,
    const struct control_handlers *handlers, void *context, char *why,
    size_t size)
{
	struct sockaddr_un address;
	struct control *control;

	if (!make_address(options->path, &address, why, size) ||
	    !clear_path(&address, why, size))
		return NULL;
	control = calloc(1, sizeof(*control));
	if (control == NULL) {
		(void)snprintf(why, size, "no memory");
		return NULL;
	}
	(void)text_copy(control->path, sizeof(control->path), options->path);
	control->handlers = *handlers;
	control->context = context;
	control->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms :
	    CONTROL_TIMEOUT_MS;
	control->listener = control->wake[0] = control->wake[1] = -1;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	if (!open_descriptors(control))
		(void)snprintf(why, size, "%s: %s",
		    control->path, strerror(errno));
	else if (bind_socket(control, &address, options, why, size)) {
		if (start_thread(control))
			return control;
		(void)snprintf(why, size, "%s: cannot start "
		    "its thread", control->path);
	}
	control_free(control);
	return NULL;
}

void
control_close(struct control **control)
{
	if (*control == NULL)
		return;
	(void)close((*control)->wake[1]);
	(*control)->wake[1] = -1;
	(void)pthread_join((*control)->thread, NULL);
	control_free(*control);
	*control = NULL;
}
