/*
 * tls.h - TLS as a client, over a socket that does not block
 *
 * The server's certificate is always verified, and so is its name; there is
 * no way to leave that out. TLS 1.2 or later. Nothing here waits: what
 * cannot go on says for what to poll(2).
 *
 * A write to a connection that is gone raises SIGPIPE, as OpenSSL has it: use
 * it in a thread where that signal is blocked.
 */
#ifndef FLOODGATE_IO_TLS_H
#define FLOODGATE_IO_TLS_H

#include <stdbool.h>
#include <stddef.h>

/* Files are PEM; "": not given. */
struct tls_options {
	const char *ca_file;
	const char *ca_directory;	/* neither: those of the system */
	const char *certificate_file;	/* ours, with its chain */
	const char *key_file;		/* with the certificate, or neither */
	const char *server_name;	/* "": the host that is connected to */
};

/*
 * A copy of the options, which does not change and may be used by several
 * threads. All files are read once: NULL with a sentence in why[size] when
 * one cannot be used, or when others than owner and group may read the key.
 */
struct tls_settings;
struct tls_settings *tls_settings_open(const struct tls_options *options,
    char *why, size_t size);
void tls_settings_close(struct tls_settings **settings);
/* Are they what would come of these options? */
bool tls_settings_are(const struct tls_settings *settings,
    const struct tls_options *options);

/*
 * TLS over a connected socket, which stays the caller's. The files are read
 * anew, so that renewed ones are used. NULL with a sentence in why[size].
 */
struct tls;
struct tls *tls_open(const struct tls_settings *settings, const char *host,
    int fd, char *why, size_t size);
/* Tells the server, if that goes without waiting. */
void tls_close(struct tls **tls);

enum tls_progress {
	TLS_DONE,
	TLS_WAITS,		/* for tls_events() */
	TLS_CLOSED,		/* the connection is gone; see tls_why() */
	TLS_FAILED		/* no agreement: see tls_why() */
};

enum tls_progress tls_shake_hands(struct tls *tls);
/* *done > 0 octets on TLS_DONE. The same octets again after TLS_WAITS. */
enum tls_progress tls_send(struct tls *tls, const char *octets, size_t length,
    size_t *done);
/* `more` may be there already, which poll(2) does not see. */
enum tls_progress tls_receive(struct tls *tls, char *octets, size_t size,
    size_t *done, bool *more);

/*
 * What to poll for: POLLIN, POLLOUT or both. `sending`: there is something
 * to be sent.
 */
short tls_events(const struct tls *tls, bool sending);
/* Is it receiving that waits for POLLOUT? */
bool tls_receives_at_pollout(const struct tls *tls);

/* Has the server asked for our certificate? */
bool tls_certificate_was_asked(const struct tls *tls);

/* After TLS_CLOSED or TLS_FAILED: what is wrong. */
const char *tls_why(const struct tls *tls);

#endif
