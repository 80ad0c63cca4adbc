/*
 * secret.c - a password in a file of its own
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
refuse(const char *file, const char *reason, char *why, size_t size)
{
	struct text text;

	text_init(&text, why, size);
	text_put(&text, "password_file ");
	text_put_escaped(&text, file, strlen(file), "");
	text_put(&text, ": ");
	text_put(&text, reason);
	return false;
}

static const char *
find_fault(int fd)
{
	struct stat state;

	if (fstat(fd, &state) != 0)
		return strerror(errno);
	if (S_ISDIR(state.st_mode))
		return strerror(EISDIR);
	if ((state.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP)) != 0)
		return "it must have mode 0640 or stricter, so that nobody "
		    "else reads or changes it";
	return NULL;
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
	/* Not to wait for the other end of a pipe. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *fault;

	if (fd < 0)
		return refuse(file, strerror(errno), why, size);
	fault = find_fault(fd);
	if (fault == NULL)
		fault = read_line(fd, secret);
	close(fd);
	if (fault != NULL)
		return refuse(file, fault, why, size);
	return true;
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
