/*
 * snapshot.c - one file that is there as a whole or not at all
 */
#include "io/snapshot.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_SIZE (sizeof(SNAPSHOT_MAGIC) - 1)
#define HEAD_SIZE (MAGIC_SIZE + 4)
#define CRC_SIZE 4

uint32_t
snapshot_crc(uint32_t crc, const void *octets, size_t length)
{
	/* Polynomial 0xedb88320 (reflected), four bits at a time. */
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *at = octets;

	crc = ~crc;
	for (; length > 0; length--) {
		crc ^= *at++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* --- writing --- */

static void
explain(char *why, size_t size, const char *what, const char *path, int error)
{
	struct text text;

	text_init(&text, why, size);
	text_printf(&text, "%s %s: %s", what, path, strerror(error));
}

/* The path with an ending; false when it is too long. */
static bool
with_ending(char *buffer, const char *path, const char *ending)
{
	struct text text;

	text_init(&text, buffer, SNAPSHOT_PATH_SIZE);
	text_put(&text, path);
	text_put(&text, ending);
	return !text.cut;
}

bool
snapshot_create(struct snapshot_out *out, const char *path, char *why,
    size_t size)
{
	memset(out, 0, sizeof(*out));
	if (!with_ending(out->path, path, "") ||
	    !with_ending(out->temporary, path, ".tmp")) {
		explain(why, size, "cannot write", path, ENAMETOOLONG);
		return false;
	}
	/* A new file, so that its mode is ours and it is no link. */
	unlink(out->temporary);
	out->fd = open(out->temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out->fd == -1) {
		explain(why, size, "cannot create", out->temporary, errno);
		return false;
	}
	snapshot_put(out, SNAPSHOT_MAGIC, MAGIC_SIZE);
	snapshot_put_number(out, SNAPSHOT_VERSION, 4);
	return true;
}

void
snapshot_put(struct snapshot_out *out, const void *octets, size_t length)
{
	if (out->error != 0 || length == 0)
		return;
	if (length > out->size - out->length) {
		size_t size = 2 * (out->length + length) + 4096;
		uint8_t *kept = realloc(out->kept, size);

		if (kept == NULL) {
			out->error = ENOMEM;
			return;
		}
		out->kept = kept;
		out->size = size;
	}
	memcpy(out->kept + out->length, octets, length);
	out->length += length;
}

void
snapshot_put_number(struct snapshot_out *out, uint64_t number,
    unsigned int octets)
{
	uint8_t buffer[8];

	for (unsigned int i = 0; i < octets; i++)
		buffer[i] = (uint8_t)(number >> 8 * i);
	snapshot_put(out, buffer, octets);
}

static void
write_all(struct snapshot_out *out, const uint8_t *octets, size_t length)
{
	while (length > 0 && out->error == 0) {
		ssize_t written = write(out->fd, octets, length);

		if (written == -1 && errno != EINTR)
			out->error = errno;
		if (written > 0) {
			octets += written;
			length -= (size_t)written;
		}
	}
}

void
snapshot_flush(struct snapshot_out *out)
{
	out->crc = snapshot_crc(out->crc, out->kept, out->length);
	write_all(out, out->kept, out->length);
	out->length = 0;
}

/* The rename itself is on the disk only when the directory is. */
static int
sync_directory(const char *path)
{
	char directory[SNAPSHOT_PATH_SIZE];
	char *slash;
	int fd, error = 0;

	text_copy(directory, sizeof(directory), path);
	slash = strrchr(directory, '/');
	if (slash == NULL)
		text_copy(directory, sizeof(directory), ".");
	else
		slash[slash == directory] = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return errno;
	/* Some file systems cannot sync a directory, and say EINVAL. */
	if (fsync(fd) == -1 && errno != EINVAL)
		error = errno;
	close(fd);
	return error;
}

bool
snapshot_commit(struct snapshot_out *out, char *why, size_t size)
{
	snapshot_flush(out);
	snapshot_put_number(out, out->crc, CRC_SIZE);
	write_all(out, out->kept, out->length);
	free(out->kept);
	out->kept = NULL;
	if (out->error == 0 && fsync(out->fd) == -1)
		out->error = errno;
	if (close(out->fd) == -1 && out->error == 0)
		out->error = errno;
	if (out->error == 0 && rename(out->temporary, out->path) == -1)
		out->error = errno;
	if (out->error != 0)
		unlink(out->temporary);
	else
		out->error = sync_directory(out->path);
	if (out->error != 0)
		explain(why, size, "cannot write", out->path, out->error);
	return out->error == 0;
}

/* --- reading --- */

/* What is wrong with the file; NULL: nothing, and it stands at its head. */
static const char *
find_damage(struct snapshot_in *in, uint64_t length)
{
	uint8_t buffer[65536];
	uint32_t crc = 0;

	if (length < HEAD_SIZE + CRC_SIZE)
		return "it is cut short";
	if (!snapshot_get(in, buffer, MAGIC_SIZE) ||
	    memcmp(buffer, SNAPSHOT_MAGIC, MAGIC_SIZE) != 0)
		return "it is no snapshot of counters";
	in->version = (uint32_t)snapshot_get_number(in, 4);
	if (in->version == 0 || in->version > SNAPSHOT_VERSION)
		return "it is of another version";
	rewind(in->file);
	in->left = length - CRC_SIZE;
	while (in->left > 0) {
		size_t part = in->left < sizeof(buffer) ? (size_t)in->left :
		    sizeof(buffer);

		if (!snapshot_get(in, buffer, part))
			return "it cannot be read";
		crc = snapshot_crc(crc, buffer, part);
	}
	in->left = CRC_SIZE;
	if (snapshot_get_number(in, CRC_SIZE) != crc)
		return "its checksum is wrong";
	rewind(in->file);
	in->left = length - CRC_SIZE;
	snapshot_get(in, buffer, HEAD_SIZE);
	return in->failed ? "it cannot be read" : NULL;
}

enum snapshot_found
snapshot_open(struct snapshot_in *in, const char *path, char *why,
    size_t size)
{
	struct stat status;
	const char *damage;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	memset(in, 0, sizeof(*in));
	if (fd == -1 && errno == ENOENT)
		return SNAPSHOT_NONE;
	if (fd == -1 || fstat(fd, &status) == -1 ||
	    (errno = EINVAL, !S_ISREG(status.st_mode)) ||
	    (in->file = fdopen(fd, "rb")) == NULL) {
		explain(why, size, "cannot read", path, errno);
		if (fd != -1)
			close(fd);
		return SNAPSHOT_UNREADABLE;
	}
	in->left = (uint64_t)status.st_size;
	damage = find_damage(in, in->left);
	if (damage == NULL)
		return SNAPSHOT_FOUND;
	snapshot_close(in);
	text_copy(why, size, damage);
	return SNAPSHOT_DAMAGED;
}

bool
snapshot_get(struct snapshot_in *in, void *octets, size_t length)
{
	if (in->failed || length > in->left ||
	    fread(octets, 1, length, in->file) != length) {
		in->failed = true;
		return false;
	}
	in->left -= length;
	return true;
}

uint64_t
snapshot_get_number(struct snapshot_in *in, unsigned int octets)
{
	uint8_t buffer[8];
	uint64_t number = 0;

	if (!snapshot_get(in, buffer, octets))
		return 0;
	for (unsigned int i = 0; i < octets; i++)
		number |= (uint64_t)buffer[i] << 8 * i;
	return number;
}

void
snapshot_close(struct snapshot_in *in)
{
	if (in->file != NULL)
		fclose(in->file);
	in->file = NULL;
}

bool
snapshot_set_aside(const char *path)
{
	char aside[SNAPSHOT_PATH_SIZE];

	return with_ending(aside, path, ".damaged") &&
	    rename(path, aside) == 0;
}
