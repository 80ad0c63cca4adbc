/*
 * test_control.c - the control socket: good clients, bad ones, and the file
 */
#include "io/control.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/maps.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../suite.h"

#define TIMEOUT_MS 300		/* of the server under test */
#define PATIENCE_MS 10000	/* ours, before the test fails */

static char folder[] = "/tmp/floodgate-control-XXXXXX";
static char socket_path[sizeof(folder) + 16];
static char config_path[sizeof(folder) + 16];

static struct store *store;
static struct engine *engine;
static struct control *control;
static size_t problem_count;	/* of the next reload */

static const char config_text[] =
    "policy \"all\" {\n"
    "  limit \"quota_user\" { allow = {\"10/1h\", \"20/1d\"} }\n"
    "  limit \"rate_client_messages\" { allow = {\"10/1h\"} mode = \"observe\" }\n"
    "  limit \"nets\" { per = {\"client_net\"} count = \"messages\" allow = {\"10/1h\"} }\n"
    "  limit \"quota_recipient\" { allow = {\"10/1h\"} }\n"
    "  limit \"from\" { per = {\"sender_domain\"} count = \"messages\" allow = {\"10/1h\"} }\n"
    "  limit \"pair\" { per = {\"user\", \"recipient\"} count = \"messages\" allow = {\"10/1h\"} }\n"
    "}\n";

static bool
on_reload(void *context, struct problems *problems)
{
	(void)context;
	for (size_t i = 0; i < problem_count; i++)
		problems_add(problems, "floodgate.conf", (int)i + 1,
		    "expected a duration such as 10m, seen \"%zu\"", i);
	return problem_count == 0;
}

static void
on_describe(void *context, struct control_daemon *daemon)
{
	(void)context;
	*daemon = (struct control_daemon){
		.engine = engine, .store = store,
		.config_file = "/etc/floodgate/floodgate.conf",
		.started_ms = 1000, .reloaded_ms = 2000
	};
}

static struct control *
open_control(const char *path, unsigned int mode, const char *group,
    char *why, size_t size)
{
	static const struct control_handlers handlers = {
		.reload = on_reload, .describe = on_describe
	};
	const struct control_options options = {
		.path = path, .mode = mode, .group = group,
		.timeout_ms = TIMEOUT_MS
	};
	struct control *opened;

	opened = control_open(&options, &handlers, NULL, why, size);
	if (opened != NULL && !control_start(opened, why, size))
		control_close(&opened);
	return opened;
}

/* One message, so that there is something to show. */
static void
send_message(void)
{
	struct conversation *c = conversation_open(engine);
	struct event event = {
		.stage = STAGE_CONNECT, .now_ms = clock_now_ms()
	};
	struct answer answer;

	ck_assert(ip_parse("192.0.2.1", &event.client));
	engine_event(c, &event, &answer);
	event.stage = STAGE_MAIL;
	event.path = "<alice@example.net>";
	event.user = "al ice@example.org";
	engine_event(c, &event, &answer);
	event.stage = STAGE_RCPT;
	event.path = "<Bob@Example.com>";
	engine_event(c, &event, &answer);
	event.stage = STAGE_EOM;
	engine_event(c, &event, &answer);
	ck_assert_int_eq(answer.kind, ANSWER_CONTINUE);
	conversation_close(&c, event.now_ms);
}

static void
setup(void)
{
	static const struct store_memory_options memory = {
		.file = "", .save_every_ms = 60000, .max_subjects = 1000
	};
	struct problems problems;
	struct config *config;
	char why[512] = "";
	FILE *file;

	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(socket_path, sizeof(socket_path), "%s/control", folder);
	(void)snprintf(config_path, sizeof(config_path), "%s/conf", folder);
	file = fopen(config_path, "w");
	ck_assert_ptr_nonnull(file);
	(void)fputs(config_text, file);
	(void)fclose(file);
	problems_init(&problems);
	config = conffile_read(config_path, &problems);
	problems_print(&problems, stderr);
	ck_assert_ptr_nonnull(config);
	store = store_memory_open(&memory, why, sizeof(why));
	ck_assert_msg(store != NULL, "%s", why);
	engine = engine_open(config, store, 1);
	problem_count = 0;
	control = open_control(socket_path, 0660, "", why, sizeof(why));
	ck_assert_msg(control != NULL, "%s", why);
}

static void
teardown(void)
{
	control_close(&control);
	engine_close(&engine, 1);
	store_close(&store);
	(void)unlink(config_path);
	ck_assert_msg(rmdir(folder) == 0, "%s is not empty: %s", folder,
	    strerror(errno));
}

static int
connect_client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert(text_copy(address.sun_path, sizeof(address.sun_path),
	    socket_path));
	ck_assert_msg(connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0, "connect: %s", strerror(errno));
	return fd;
}

static void
send_octets(int fd, const char *octets, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, octets, length, MSG_NOSIGNAL);

		if (sent < 0)
			return;		/* hung up on: the answer tells */
		octets += sent;
		length -= (size_t)sent;
	}
}

static void
send_line(int fd, const char *line)
{
	send_octets(fd, line, strlen(line));
	send_octets(fd, "\n", 1);
}

/* The answer as text, and the end of the connection; closes it. */
static void
receive(int fd, char *buffer, size_t size)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	size_t length = 0;
	ssize_t octets;

	for (;;) {
		ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "no answer");
		ck_assert_uint_lt(length, size - 1);
		octets = recv(fd, buffer + length, size - 1 - length, 0);
		if (octets <= 0)
			break;
		length += (size_t)octets;
	}
	buffer[length] = '\0';
	(void)close(fd);
}

/* What the server says to a request; a document for json_decref(). */
static json_t *
ask(const char *request)
{
	static char buffer[1 << 22];
	int fd = connect_client();
	json_error_t error;
	json_t *document;

	send_line(fd, request);
	receive(fd, buffer, sizeof(buffer));
	document = json_loads(buffer, 0, &error);
	ck_assert_msg(document != NULL, "%s: %s in %.200s", request,
	    error.text, buffer);
	return document;
}

static const char *
text_of(const json_t *document, const char *member)
{
	const char *text = json_string_value(json_object_get(document,
	    member));

	return text != NULL ? text : "";
}

#define REQUEST(text) text, sizeof(text) - 1
static const struct {
	const char *name;
	const char *request;
	size_t length;
	const char *error;	/* contained; NULL: none */
	const char *kind;
} requests[] = {
	{ "ping", REQUEST("{\"command\":\"ping\"}\n"), NULL, "" },
	{ "no newline, but the end", REQUEST("{\"command\":\"ping\"}"), NULL, "" },
	{ "CR LF", REQUEST("{\"command\":\"ping\"}\r\n"), NULL, "" },
	{ "what follows the line is not read", REQUEST("{\"command\":\"ping\"}\nxx"), NULL, "" },
	{ "help", REQUEST("{\"command\":\"help\",\"arguments\":[\"show\"]}\n"), NULL, "" },
	{ "help on nothing", REQUEST("{\"command\":\"help\",\"arguments\":[\"sho\"]}\n"), "did you mean show?", "usage" },
	{ "empty line", REQUEST("\n"), "line of JSON", "usage" },
	{ "words", REQUEST("status\n"), "line of JSON", "usage" },
	{ "an array", REQUEST("[\"status\"]\n"), "expected an object", "usage" },
	{ "a number as command", REQUEST("{\"command\":7}\n"), "expected an object", "usage" },
	{ "no command", REQUEST("{\"arguments\":[]}\n"), "expected an object", "usage" },
	{ "unknown command", REQUEST("{\"command\":\"stauts\"}\n"), "did you mean status?", "usage" },
	{ "far from any command", REQUEST("{\"command\":\"xyzzy\"}\n"), "unknown command: \"xyzzy\"", "usage" },
	{ "a command of floodgatectl alone", REQUEST("{\"command\":\"try\"}\n"), "unknown command", "usage" },
	{ "missing argument", REQUEST("{\"command\":\"show\"}\n"), "argument is missing: show SUBJECT", "usage" },
	{ "too many arguments", REQUEST("{\"command\":\"ping\",\"arguments\":[\"x\"]}\n"), "too many arguments", "usage" },
	{ "very many arguments", REQUEST("{\"command\":\"show\",\"arguments\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}\n"), "too many arguments", "usage" },
	{ "arguments no array", REQUEST("{\"command\":\"show\",\"arguments\":\"x\"}\n"), "array of strings", "usage" },
	{ "arguments no strings", REQUEST("{\"command\":\"show\",\"arguments\":[1]}\n"), "array of strings", "usage" },
	{ "not UTF-8", REQUEST("{\"command\":\"show\",\"arguments\":[\"\xff\"]}\n"), "line of JSON", "usage" },
	{ "NUL", REQUEST("{\"command\":\"pi\0ng\"}\n"), "line of JSON", "usage" },
	{ "escaped NUL", REQUEST("{\"command\":\"ping\\u0000\"}\n"), "line of JSON", "usage" },
	{ "twice the same", REQUEST("{\"command\":\"ping\",\"command\":\"ping\"}\n"), "line of JSON", "usage" },
	{ "two documents", REQUEST("{\"command\":\"ping\"} {}\n"), "line of JSON", "usage" },
	{ "unknown subject", REQUEST("{\"command\":\"show\",\"arguments\":[\"nobody@example.org\"]}\n"), "nothing is counted", "data" },
	{ "a block", REQUEST("{\"command\":\"block\",\"arguments\":[\"192.0.2.1\",\"1h\",\"r\\r\\ne\\u00fc\"]}\n"), NULL, "" },
	{ "a block without an end", REQUEST("{\"command\":\"block\",\"arguments\":[\"192.0.2.1\"]}\n"), "argument is missing: block SUBJECT DURATION", "usage" },
	{ "a block of nobody", REQUEST("{\"command\":\"block\",\"arguments\":[\"\",\"1h\"]}\n"), "the subject is empty", "usage" },
	{ "a reason with a NUL", REQUEST("{\"command\":\"suspend\",\"arguments\":[\"alice\",\"a\\u0000b\"]}\n"), "line of JSON", "usage" },
	{ "a suspension", REQUEST("{\"command\":\"suspend\",\"arguments\":[\"alice {}\\n\"]}\n"), NULL, "" },
	{ "nobody to resume", REQUEST("{\"command\":\"resume\",\"arguments\":[\"alice\"]}\n"), "user:alice is not suspended", "data" },
	{ "an override", REQUEST("{\"command\":\"override\",\"arguments\":[\"user:alice\",\"quota_user/1h\",\"20\",\"1d\",\"why\"]}\n"), NULL, "" },
	{ "an override of nothing", REQUEST("{\"command\":\"override\",\"arguments\":[\"user:alice\",\"quota_user/2h\",\"20\"]}\n"), "did you mean quota_user/1", "data" },
	{ "nothing to forget", REQUEST("{\"command\":\"forget\",\"arguments\":[\"user:alice\"]}\n"), "nothing counted", "data" },
	{ "marks", REQUEST("{\"command\":\"marks\"}\n"), NULL, "" },
	{ "marks from somewhere", REQUEST("{\"command\":\"marks\",\"arguments\":[\"-1\"]}\n"), "number of the subject", "usage" },
	{ "no subject at all", REQUEST("{\"command\":\"show\",\"arguments\":[\"\"]}\n"), "counts by", "data" },
};

START_TEST(request_gets_answer)
{
	char buffer[65536];
	int fd = connect_client();
	json_error_t error;
	json_t *document;

	send_octets(fd, requests[_i].request, requests[_i].length);
	(void)shutdown(fd, SHUT_WR);
	receive(fd, buffer, sizeof(buffer));
	document = json_loads(buffer, 0, &error);
	ck_assert_msg(document != NULL, "%s: no JSON: %s", requests[_i].name,
	    buffer);
	if (requests[_i].error == NULL)
		ck_assert_msg(json_object_get(document, "error") == NULL,
		    "%s: %s", requests[_i].name, buffer);
	else
		ck_assert_msg(strstr(text_of(document, "error"),
		    requests[_i].error) != NULL, "%s: %s", requests[_i].name,
		    buffer);
	ck_assert_msg(strcmp(text_of(document, "kind"),
	    requests[_i].kind) == 0, "%s: %s", requests[_i].name, buffer);
	json_decref(document);
}
END_TEST

/* Page by page, each subject once. */
START_TEST(many_marks_come_in_pages)
{
	char request[128];
	json_int_t next = 0, seen = 0;
	json_t *document;

	for (int i = 0; i < 450; i++) {
		const struct store_mark mark = { .kind = MARK_suspended };
		char subject[32];

		(void)snprintf(subject, sizeof(subject), "user:%d", i);
		ck_assert_int_eq(store_set_mark(store, subject, &mark,
		    STORE_SET, clock_now_ms(), 1), STORE_CHANGED);
	}
	do {
		(void)snprintf(request, sizeof(request), "{\"command\":"
		    "\"marks\",\"arguments\":[\"%lld\"]}", (long long)next);
		document = ask(request);
		ck_assert_int_eq(json_integer_value(json_object_get(document,
		    "total")), 450);
		seen += (json_int_t)json_array_size(json_object_get(document,
		    "subjects"));
		next = json_integer_value(json_object_get(document, "next"));
		json_decref(document);
	} while (next > 0);
	ck_assert_int_eq(seen, 450);
}
END_TEST

START_TEST(too_long_is_refused)
{
	static char line[CONTROL_REQUEST_OCTETS_MAX + 10000];
	char buffer[65536];
	int fd = connect_client();

	memset(line, 'x', sizeof(line));
	send_octets(fd, line, sizeof(line));
	receive(fd, buffer, sizeof(buffer));
	ck_assert_msg(strstr(buffer, "longer than 4096 octets") != NULL, "%s",
	    buffer);
}
END_TEST

START_TEST(longest_is_taken)
{
	char line[CONTROL_REQUEST_OCTETS_MAX + 1];
	json_t *document;
	int length;

	length = snprintf(line, sizeof(line), "{\"command\":\"ping\"%*s}",
	    CONTROL_REQUEST_OCTETS_MAX - 1 - 18, "");
	ck_assert_int_eq(length, CONTROL_REQUEST_OCTETS_MAX - 1);
	document = ask(line);
	ck_assert_msg(json_object_get(document, "error") == NULL, "%s",
	    text_of(document, "error"));
	json_decref(document);
}
END_TEST

START_TEST(stalling_client_is_told_and_hung_up_on)
{
	char buffer[4096];
	int fd = connect_client();

	send_octets(fd, "{\"command\":", 11);
	receive(fd, buffer, sizeof(buffer));
	ck_assert_msg(strstr(buffer, "no complete request") != NULL, "%s",
	    buffer);
	ck_assert_msg(strstr(buffer, "temporary") != NULL, "%s", buffer);
}
END_TEST

/* Any octets: an answer, and the server lives on. */
START_TEST(garbage_is_answered)
{
	static const char begin[] =
	    "{\"command\":\"show\",\"arguments\":[\"";
	uint64_t state = (uint64_t)_i * 2654435761u + 1;
	char octets[600], buffer[65536];
	int fd = connect_client();

	for (size_t i = 0; i < sizeof(octets); i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		octets[i] = (char)(unsigned char)(state >> 56);
	}
	if (_i % 2 == 0)	/* what begins well */
		memcpy(octets, begin, sizeof(begin) - 1);
	send_octets(fd, octets, sizeof(octets));
	(void)shutdown(fd, SHUT_WR);
	receive(fd, buffer, sizeof(buffer));
	ck_assert_msg(strstr(buffer, "\"error\"") != NULL, "%s", buffer);
	json_decref(ask("{\"command\":\"ping\"}"));
}
END_TEST

START_TEST(client_that_leaves_harms_nobody)
{
	for (int i = 0; i < 50; i++) {
		int fd = connect_client();

		if (i % 2 == 0)
			send_line(fd, "{\"command\":\"status\"}");
		(void)close(fd);
	}
	json_decref(ask("{\"command\":\"ping\"}"));
}
END_TEST

START_TEST(hundred_clients_at_once_are_all_answered)
{
	char buffer[65536];
	int fds[100];

	for (size_t i = 0; i < 100; i++)
		fds[i] = connect_client();
	for (size_t i = 100; i-- > 0;)
		send_line(fds[i], "{\"command\":\"status\"}");
	for (size_t i = 0; i < 100; i++) {
		receive(fds[i], buffer, sizeof(buffer));
		ck_assert_msg(strstr(buffer, "\"version\"") != NULL ||
		    strstr(buffer, "no complete request") != NULL,
		    "client %zu: %s", i, buffer);
	}
}
END_TEST

START_TEST(stalling_clients_delay_others_by_the_timeout_only)
{
	int fds[2 * CONTROL_CLIENTS_MAX];

	for (size_t i = 0; i < 2 * CONTROL_CLIENTS_MAX; i++)
		fds[i] = connect_client();
	json_decref(ask("{\"command\":\"ping\"}"));
	for (size_t i = 0; i < 2 * CONTROL_CLIENTS_MAX; i++)
		(void)close(fds[i]);
}
END_TEST

START_TEST(client_that_does_not_read_harms_nobody)
{
	int fds[CONTROL_CLIENTS_MAX];

	problem_count = 20000;	/* more than a socket holds */
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = connect_client();
		send_line(fds[i], "{\"command\":\"reload\"}");
	}
	json_decref(ask("{\"command\":\"ping\"}"));
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		(void)close(fds[i]);
}
END_TEST

START_TEST(status_tells_all)
{
	static const char *const members[] = {
		"version", "pid", "started", "uptime_s", "configuration",
		"listen", "rules", "last_reload", "store", "metrics",
		"store_troubles"
	};
	json_t *document = ask("{\"command\":\"status\"}");

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		ck_assert_msg(json_object_get(document, members[i]) != NULL,
		    "%s is missing", members[i]);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(
	    document, "rules"), "limits")), 6);
	json_decref(document);
}
END_TEST

START_TEST(check_says_that_all_is_well)
{
	json_t *document = ask("{\"command\":\"check\"}");

	ck_assert(json_is_true(json_object_get(document, "well")));
	ck_assert_uint_eq(json_array_size(json_object_get(document,
	    "troubles")), 0);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(
	    document, "asked"), 0)), "store memory");
	json_decref(document);
}
END_TEST

START_TEST(reload_tells_every_problem)
{
	json_t *document, *problems;

	problem_count = 2;
	document = ask("{\"command\":\"reload\"}");
	problems = json_object_get(document, "problems");
	ck_assert_str_eq(text_of(document, "kind"), "config");
	ck_assert_uint_eq(json_array_size(problems), 2);
	ck_assert_str_eq(text_of(json_array_get(problems, 1), "text"),
	    "expected a duration such as 10m, seen \"1\"");
	json_decref(document);
	problem_count = 0;
	document = ask("{\"command\":\"reload\"}");
	ck_assert_str_eq(text_of(document, "error"), "");
	json_decref(document);
}
END_TEST

static const struct {
	const char *name;
	const char *asked;
	const char *subjects;	/* found, in order, a blank behind each */
} shows[] = {
	{ "a plain client", "192.0.2.1", "client:192.0.2.1 client_net:192.0.2.0/24 " },
	{ "a client of the network", "192.0.2.77", "client_net:192.0.2.0/24 " },
	{ "a plain network", "192.0.2.0/24", "client_net:192.0.2.0/24 " },
	{ "a plain address", "bob@example.com", "recipient:bob@example.com " },
	{ "as it is not counted", "\\\"Bob\\\"@EXAMPLE.com", "recipient:bob@example.com " },
	{ "a plain domain", "Example.NET", "sender_domain:example.net " },
	{ "a hostile user", "al ice@example.org", "user:al%20ice@example.org " },
	{ "one kind", "user:al ice@example.org", "user:al%20ice@example.org " },
	{ "one kind, exactly", "user:al%20ice@example.org", "user:al%20ice@example.org " },
	{ "several keys", "user:al%20ice@example.org,recipient:bob@example.com", "user:al%20ice@example.org,recipient:bob@example.com " },
};

START_TEST(show_finds_subject)
{
	char request[512], found[512];
	json_t *document, *subject;
	struct text text;
	size_t index;

	send_message();
	(void)snprintf(request, sizeof(request),
	    "{\"command\":\"show\",\"arguments\":[\"%s\"]}", shows[_i].asked);
	document = ask(request);
	TEXT_INIT(&text, found);
	json_array_foreach(json_object_get(document, "subjects"), index,
	    subject) {
		text_put(&text, text_of(subject, "subject"));
		text_put_char(&text, ' ');
	}
	ck_assert_msg(strcmp(found, shows[_i].subjects) == 0, "%s: %s %s",
	    shows[_i].name, found, text_of(document, "error"));
	json_decref(document);
}
END_TEST

START_TEST(show_names_the_rules)
{
	json_t *document, *counters, *rule;

	send_message();
	document = ask("{\"command\":\"show\",\"arguments\":[\"client:192.0.2.1\"]}");
	counters = json_object_get(json_array_get(json_object_get(document,
	    "subjects"), 0), "counters");
	ck_assert_uint_eq(json_array_size(counters), 1);
	rule = json_array_get(json_object_get(json_array_get(counters, 0),
	    "rules"), 0);
	ck_assert_str_eq(text_of(rule, "limit"), "rate_client_messages");
	ck_assert_str_eq(text_of(rule, "mode"), "observe");
	ck_assert_str_eq(text_of(rule, "file"), config_path);
	ck_assert_int_eq(json_integer_value(json_object_get(rule, "line")), 3);
	json_decref(document);
}
END_TEST

/* --- the file */

START_TEST(socket_has_its_mode_and_goes_with_the_daemon)
{
	struct stat file;
	char why[512];

	control_close(&control);
	ck_assert_int_ne(lstat(socket_path, &file), 0);
	control = open_control(socket_path, 0622, "", why, sizeof(why));
	ck_assert_msg(control != NULL, "%s", why);
	ck_assert_int_eq(lstat(socket_path, &file), 0);
	ck_assert_uint_eq(file.st_mode & 07777, 0622);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char why[512];

	control_close(&control);
	ck_assert(text_copy(address.sun_path, sizeof(address.sun_path),
	    socket_path));
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address,
	    sizeof(address)), 0);
	(void)close(fd);
	control = open_control(socket_path, 0600, "", why, sizeof(why));
	ck_assert_msg(control != NULL, "%s", why);
	json_decref(ask("{\"command\":\"ping\"}"));
}
END_TEST

START_TEST(live_socket_is_left_alone)
{
	char why[512] = "";

	ck_assert_ptr_null(open_control(socket_path, 0600, "", why,
	    sizeof(why)));
	ck_assert_msg(strstr(why, "another floodgate is listening") != NULL,
	    "%s", why);
	json_decref(ask("{\"command\":\"ping\"}"));
}
END_TEST

START_TEST(other_files_are_left_alone)
{
	char why[512] = "";
	struct stat file;

	ck_assert_ptr_null(open_control(config_path, 0600, "", why,
	    sizeof(why)));
	ck_assert_msg(strstr(why, "something else of that name") != NULL,
	    "%s", why);
	ck_assert_int_eq(lstat(config_path, &file), 0);
}
END_TEST

START_TEST(what_cannot_be_is_said)
{
	char why[512] = "", path[300];

	(void)snprintf(path, sizeof(path), "%s/%0200d", folder, 0);
	ck_assert_ptr_null(open_control(path, 0600, "", why, sizeof(why)));
	ck_assert_msg(strstr(why, "at most") != NULL, "%s", why);
	(void)snprintf(path, sizeof(path), "%s/no/such/folder", folder);
	ck_assert_ptr_null(open_control(path, 0600, "", why, sizeof(why)));
	ck_assert_msg(strstr(why, "No such file") != NULL, "%s", why);
	(void)snprintf(path, sizeof(path), "%s/other", folder);
	ck_assert_ptr_null(open_control(path, 0600, "no such group", why,
	    sizeof(why)));
	ck_assert_msg(strstr(why, "no group \"no such group\"") != NULL, "%s",
	    why);
}
END_TEST

START_TEST(socket_of_another_is_not_removed)
{
	struct stat file;
	int fd;

	(void)unlink(socket_path);
	fd = open(socket_path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	control_close(&control);
	ck_assert_int_eq(lstat(socket_path, &file), 0);
	(void)unlink(socket_path);
}
END_TEST

static Suite *
control_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *clients = tcase_create("clients");
	TCase *answers = tcase_create("answers");
	TCase *file = tcase_create("file");

	tcase_add_checked_fixture(clients, setup, teardown);
	tcase_set_timeout(clients, 60);
	tcase_add_loop_test(clients, request_gets_answer, 0,
	    ROWS(requests));
	tcase_add_loop_test(clients, garbage_is_answered, 0, 30);
	tcase_add_test(clients, too_long_is_refused);
	tcase_add_test(clients, longest_is_taken);
	tcase_add_test(clients, stalling_client_is_told_and_hung_up_on);
	tcase_add_test(clients, client_that_leaves_harms_nobody);
	tcase_add_test(clients, hundred_clients_at_once_are_all_answered);
	tcase_add_test(clients,
	    stalling_clients_delay_others_by_the_timeout_only);
	tcase_add_test(clients, client_that_does_not_read_harms_nobody);
	suite_add_tcase(suite, clients);

	tcase_add_checked_fixture(answers, setup, teardown);
	tcase_add_test(answers, many_marks_come_in_pages);
	tcase_add_test(answers, status_tells_all);
	tcase_add_test(answers, check_says_that_all_is_well);
	tcase_add_test(answers, reload_tells_every_problem);
	tcase_add_loop_test(answers, show_finds_subject, 0, ROWS(shows));
	tcase_add_test(answers, show_names_the_rules);
	suite_add_tcase(suite, answers);

	tcase_add_checked_fixture(file, setup, teardown);
	tcase_add_test(file, socket_has_its_mode_and_goes_with_the_daemon);
	tcase_add_test(file, stale_socket_is_replaced);
	tcase_add_test(file, live_socket_is_left_alone);
	tcase_add_test(file, other_files_are_left_alone);
	tcase_add_test(file, what_cannot_be_is_said);
	tcase_add_test(file, socket_of_another_is_not_removed);
	suite_add_tcase(suite, file);
	return suite;
}

int
main(void)
{
	return run_suite(control_suite());
}
