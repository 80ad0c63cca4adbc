/*
 * secret.c - a password or a key in a file of its own
 */
#include "io/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* In a sentence; names and the system's texts are made printable. */
static bool
refuse(const char *option, const char *file, const char *reason, char *why,
    size_t size)
{
	struct text text;

	text_init(&text, why, size);
	text_put(&text, option);
	text_put_char(&text, ' ');
	text_put_escaped(&text, file, strlen(file), "");
	text_put(&text, ": ");
	text_put(&text, reason);
	return false;
}

static const char *
find_fault(int fd, mode_t forbidden)
{
	struct stat state;

	if (fstat(fd, &state) != 0)
		return strerror(errno);
	if (S_ISDIR(state.st_mode))
		return strerror(EISDIR);
	if ((state.st_mode & forbidden) != 0)
		return "it must have mode 0640 or stricter, so that nobody "
		    "else reads or changes it";
	return NULL;
}

/* A descriptor, or -1 with the sentence. */
static int
open_checked(const char *option, const char *file, mode_t forbidden,
    char *why, size_t size)
{
	/* Not to wait for the other end of a pipe. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *fault;

	if (fd < 0) {
		refuse(option, file, strerror(errno), why, size);
		return -1;
	}
	fault = find_fault(fd, forbidden);
	if (fault == NULL)
		return fd;
	refuse(option, file, fault, why, size);
	close(fd);
	return -1;
}

int
secret_open(const char *option, const char *file, char *why, size_t size)
{
	return open_checked(option, file, S_IRWXO | S_IWGRP | S_IXGRP, why,
	    size);
}

bool
secret_can_open(const char *option, const char *file, char *why, size_t size)
{
	int fd = open_checked(option, file, 0, why, size);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The first line in secret, or what is wrong. */
static const char *
read_line(int fd, char secret[SECRET_SIZE])
{
	size_t length = 0;
	ssize_t got;

	while (length < SECRET_SIZE) {
		got = read(fd, secret + length, SECRET_SIZE - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return strerror(errno);
		if (got == 0)
			break;
		length += (size_t)got;
	}
	if (length == SECRET_SIZE && memchr(secret, '\n', length) == NULL)
		return "its first line is longer than 512 octets";
	secret[length < SECRET_SIZE ? length : SECRET_SIZE - 1] = '\0';
	secret[strcspn(secret, "\r\n")] = '\0';
	return secret[0] == '\0' ? "its first line is empty" : NULL;
}

bool
secret_read(const char *file, char secret[SECRET_SIZE], char *why,
    size_t size)
{
	int fd = secret_open("password_file", file, why, size);
	const char *fault;

	if (fd < 0)
		return false;
	fault = read_line(fd, secret);
	close(fd);
	return fault == NULL ||
	    refuse("password_file", file, fault, why, size);
}

void
secret_wipe(char *secret, size_t size)
{
#ifdef HAVE_EXPLICIT_BZERO
	explicit_bzero(secret, size);
#else
	volatile char *octet = secret;

	while (size-- > 0)
		*octet++ = '\0';
#endif
}
