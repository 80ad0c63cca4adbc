/*
 * client.c - one question to the daemon, one answer
 */
#include "floodgatectl/client.h"

#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

/* A reload may read long lists. */
#define ANSWER_TIMEOUT_MS 60000
#define ANSWER_OCTETS_MAX ((size_t)64 << 20)

static int
exit_code_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	case EAGAIN:
		return EX_TEMPFAIL;
	default:
		return EX_UNAVAILABLE;
	}
}

static const char *
hint_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return " (control_group says whose members may)";
	case ENOENT:
	case ECONNREFUSED:
		return " (is floodgate running? -s names another socket)";
	default:
		return "";
	}
}

static int
open_connection(const char *path, int *exit_code, char *why, size_t size)
{
	struct sockaddr_un address;
	int fd, error;

	memset(&address, 0, sizeof(address));
	address.sun_family = AF_UNIX;
	if (!text_copy(address.sun_path, sizeof(address.sun_path), path)) {
		*exit_code = EX_USAGE;
		(void)snprintf(why, size, "%s: a socket's path has at most "
		    "%zu octets", path, sizeof(address.sun_path) - 1);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0)
		return fd;
	error = errno;
	if (fd >= 0)
		(void)close(fd);
	*exit_code = exit_code_of(error);
	(void)snprintf(why, size, "cannot connect to %s: %s%s", path,
	    strerror(error), hint_of(error));
	return -1;
}

static char *
make_request(const char *command, char *const arguments[], size_t count)
{
	json_t *request, *list = json_array();
	char *line;

	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(list,
		    json_string(arguments[i])) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	request = json_pack("{s:s, s:o}", "command", command, "arguments",
	    list);
	line = json_dumps(request, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(request);
	return line;
}

/* The line and its newline; SIGPIPE is ignored. */
static bool
send_line(int fd, const char *line)
{
	size_t length = strlen(line), sent = 0;
	ssize_t octets;

	while (sent <= length) {
		octets = sent < length ?
		    send(fd, line + sent, length - sent, MSG_NOSIGNAL) :
		    send(fd, "\n", 1, MSG_NOSIGNAL);
		if (octets < 0 && errno == EINTR)
			continue;
		if (octets < 0)
			return false;
		sent += (size_t)octets;
	}
	return true;
}

/* One read into a growing buffer; false at the end, or on failure. */
static bool
receive_more(int fd, char **buffer, size_t *length)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	ssize_t octets;
	char *more;

	if (*length > ANSWER_OCTETS_MAX ||
	    (more = realloc(*buffer, *length + 65536)) == NULL)
		return false;
	*buffer = more;
	do {
		if (poll(&wait, 1, ANSWER_TIMEOUT_MS) == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		octets = read(fd, *buffer + *length, 65536);
	} while (octets < 0 && errno == EINTR);
	if (octets <= 0)
		return false;
	*length += (size_t)octets;
	return true;
}

static json_t *
receive_document(int fd, int *exit_code, char *why, size_t size)
{
	char *buffer = NULL;
	size_t length = 0;
	json_t *document;
	json_error_t error;

	errno = 0;
	while (receive_more(fd, &buffer, &length))
		continue;
	if (length == 0) {
		*exit_code = errno == ETIMEDOUT ? EX_TEMPFAIL : EX_UNAVAILABLE;
		(void)snprintf(why, size, "the daemon gave no answer%s%s",
		    errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
		free(buffer);
		return NULL;
	}
	document = json_loadb(buffer, length, 0, &error);
	if (document == NULL) {
		*exit_code = EX_PROTOCOL;
		(void)snprintf(why, size, "the daemon's answer is no JSON: "
		    "%.150s", error.text);
	}
	free(buffer);
	return document;
}

json_t *
client_ask(const char *socket, const char *command, char *const arguments[],
    size_t count, int *exit_code, char *why, size_t size)
{
	json_t *document = NULL;
	char *line;
	int fd;

	line = make_request(command, arguments, count);
	if (line == NULL) {
		*exit_code = EX_DATAERR;
		(void)snprintf(why, size, "%s: arguments must be UTF-8",
		    command);
		return NULL;
	}
	fd = open_connection(socket, exit_code, why, size);
	if (fd >= 0) {
		/* A daemon that hung up early may have said why. */
		(void)send_line(fd, line);
		document = receive_document(fd, exit_code, why, size);
		(void)close(fd);
	}
	free(line);
	return document;
}
