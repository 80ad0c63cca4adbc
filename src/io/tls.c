/*
 * tls.c - TLS as a client, over a socket that does not block
 */
#include "io/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/secret.h"

struct tls_settings {
	char *ca_file, *ca_directory;
	char *certificate_file, *key_file;
	char *server_name;
};

struct tls {
	SSL_CTX *context;
	SSL *ssl;
	const char *name;	/* of the server, as it is verified */
	bool established, broken, asked;
	short sending_waits;	/* 0, or the event that it waits for */
	short receiving_waits;
	char why[160];
};

/* --- what is wrong --- */

/* The oldest error of OpenSSL, in a few words. */
static const char *
find_reason(void)
{
	unsigned long error = ERR_peek_error();
	const char *reason = error == 0 ? NULL : ERR_reason_error_string(error);

	return reason != NULL ? reason : "the reason is not known";
}

/* "OPTION FILE: reason", where the file is given. */
static bool
refuse(const char *option, const char *file, const char *reason, char *why,
    size_t size)
{
	struct text text;

	text_init(&text, why, size);
	text_put(&text, option);
	if (file[0] != '\0') {
		text_put_char(&text, ' ');
		text_put_escaped(&text, file, strlen(file), "");
	}
	text_put(&text, ": ");
	text_put(&text, reason);
	return false;
}

/* --- the context: what the files hold --- */

/* Nobody is there to type one. */
static int
no_passphrase(char *buffer, int size, int writing, void *more)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)more;
	return -1;
}

static bool
use_authorities(SSL_CTX *context, const struct tls_settings *settings,
    char *why, size_t size)
{
	const char *file = settings->ca_file, *place = settings->ca_directory;
	bool fine = true;

	if (file[0] == '\0' && place[0] == '\0')
		return SSL_CTX_set_default_verify_paths(context) == 1 ||
		    refuse("the system's certificate authorities", "",
		    find_reason(), why, size);
	if (file[0] != '\0') {
		fine = secret_can_open("tls_ca_file", file, why, size);
		if (fine && SSL_CTX_load_verify_locations(context, file,
		    NULL) != 1)
			fine = refuse("tls_ca_file", file, find_reason(), why,
			    size);
	}
	if (fine && place[0] != '\0') {
		if (access(place, R_OK | X_OK) != 0)
			fine = refuse("tls_ca_directory", place,
			    strerror(errno), why, size);
		else if (SSL_CTX_load_verify_locations(context, NULL,
		    place) != 1)
			fine = refuse("tls_ca_directory", place,
			    find_reason(), why, size);
	}
	return fine;
}

/* Read by a descriptor, so that what is read is what was looked at. */
static bool
use_key(SSL_CTX *context, const char *file, char *why, size_t size)
{
	int fd = secret_open("tls_key_file", file, why, size);
	EVP_PKEY *key = NULL;
	bool fine = false;
	BIO *from;

	if (fd < 0)
		return false;
	from = BIO_new_fd(fd, BIO_NOCLOSE);
	if (from != NULL)
		key = PEM_read_bio_PrivateKey(from, NULL, no_passphrase, NULL);
	if (key == NULL)
		refuse("tls_key_file", file, "no key that can be read "
		    "without a passphrase", why, size);
	else if (SSL_CTX_use_PrivateKey(context, key) != 1)
		refuse("tls_key_file", file, find_reason(), why, size);
	else
		fine = true;
	EVP_PKEY_free(key);
	BIO_free(from);
	close(fd);
	return fine;
}

static bool
use_certificate(SSL_CTX *context, const struct tls_settings *settings,
    char *why, size_t size)
{
	const char *file = settings->certificate_file;

	if (file[0] == '\0')
		return true;
	if (!secret_can_open("tls_certificate_file", file, why, size))
		return false;
	if (SSL_CTX_use_certificate_chain_file(context, file) != 1)
		return refuse("tls_certificate_file", file, find_reason(),
		    why, size);
	return use_key(context, settings->key_file, why, size) &&
	    (SSL_CTX_check_private_key(context) == 1 ||
	    refuse("tls_key_file", settings->key_file,
	    "it is not the key of tls_certificate_file", why, size));
}

static SSL_CTX *
make_context(const struct tls_settings *settings, char *why, size_t size)
{
	SSL_CTX *context;

	ERR_clear_error();
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL) {
		refuse("TLS", "", find_reason(), why, size);
		return NULL;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(context, 1);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	    use_authorities(context, settings, why, size) &&
	    use_certificate(context, settings, why, size))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

/* --- settings --- */

void
tls_settings_close(struct tls_settings **settings)
{
	if (*settings == NULL)
		return;
	free((*settings)->ca_file);
	free((*settings)->ca_directory);
	free((*settings)->certificate_file);
	free((*settings)->key_file);
	free((*settings)->server_name);
	free(*settings);
	*settings = NULL;
}

static struct tls_settings *
copy_options(const struct tls_options *options)
{
	struct tls_settings *settings = calloc(1, sizeof(*settings));

	if (settings == NULL)
		return NULL;
	settings->ca_file = strdup(options->ca_file);
	settings->ca_directory = strdup(options->ca_directory);
	settings->certificate_file = strdup(options->certificate_file);
	settings->key_file = strdup(options->key_file);
	settings->server_name = strdup(options->server_name);
	if (settings->ca_file == NULL || settings->ca_directory == NULL ||
	    settings->certificate_file == NULL ||
	    settings->key_file == NULL || settings->server_name == NULL)
		tls_settings_close(&settings);
	return settings;
}

struct tls_settings *
tls_settings_open(const struct tls_options *options, char *why, size_t size)
{
	struct tls_settings *settings = copy_options(options);
	SSL_CTX *context;

	if (settings == NULL) {
		text_copy(why, size, "no memory");
		return NULL;
	}
	context = make_context(settings, why, size);
	if (context == NULL)
		tls_settings_close(&settings);
	SSL_CTX_free(context);
	return settings;
}

bool
tls_settings_are(const struct tls_settings *settings,
    const struct tls_options *options)
{
	return strcmp(settings->ca_file, options->ca_file) == 0 &&
	    strcmp(settings->ca_directory, options->ca_directory) == 0 &&
	    strcmp(settings->certificate_file,
	    options->certificate_file) == 0 &&
	    strcmp(settings->key_file, options->key_file) == 0 &&
	    strcmp(settings->server_name, options->server_name) == 0;
}

/* --- a connection --- */

/* An address is looked for among the certificate's addresses, and no SNI. */
static bool
expect_name(SSL *ssl, const char *name)
{
	char copy[256];		/* for a macro that is not const */

	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1)
		return true;
	ERR_clear_error();
	return text_copy(copy, sizeof(copy), name) &&
	    SSL_set1_host(ssl, name) == 1 &&
	    SSL_set_tlsext_host_name(ssl, copy) == 1;
}

/* The server asks for our certificate; go on with what there is. */
static int
note_asked(SSL *ssl, void *argument)
{
	struct tls *tls = argument;

	(void)ssl;
	tls->asked = true;
	return 1;
}

struct tls *
tls_open(const struct tls_settings *settings, const char *host, int fd,
    char *why, size_t size)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL) {
		text_copy(why, size, "no memory");
		return NULL;
	}
	tls->name = settings->server_name[0] != '\0' ? settings->server_name :
	    host;
	tls->context = make_context(settings, why, size);
	if (tls->context == NULL) {
		free(tls);
		return NULL;
	}
	tls->ssl = SSL_new(tls->context);
	if (tls->ssl != NULL && SSL_set_fd(tls->ssl, fd) == 1 &&
	    expect_name(tls->ssl, tls->name)) {
		SSL_set_cert_cb(tls->ssl, note_asked, tls);
		SSL_set_connect_state(tls->ssl);
		return tls;
	}
	refuse("TLS", "", find_reason(), why, size);
	tls->broken = true;
	tls_close(&tls);
	return NULL;
}

void
tls_close(struct tls **tls)
{
	if (*tls == NULL)
		return;
	ERR_clear_error();
	if ((*tls)->established && !(*tls)->broken)
		SSL_shutdown((*tls)->ssl);
	SSL_free((*tls)->ssl);
	SSL_CTX_free((*tls)->context);
	free(*tls);
	*tls = NULL;
}

static enum tls_progress
fail(struct tls *tls, enum tls_progress progress, const char *reason)
{
	tls->broken = true;
	text_copy(tls->why, sizeof(tls->why), reason);
	if (!tls->established && progress == TLS_CLOSED) {
		struct text text;

		TEXT_INIT(&text, tls->why);
		text_put(&text, reason);
		text_put(&text, " in the TLS handshake");
	}
	return progress;
}

/* What a certificate is refused for is said with the name it should have. */
static enum tls_progress
fail_protocol(struct tls *tls)
{
	long verified = SSL_get_verify_result(tls->ssl);
	struct text text;

#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
	if (ERR_GET_REASON(ERR_peek_error()) ==
	    SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return fail(tls, TLS_CLOSED, "closed by server");
#endif
	if (tls->established || verified == X509_V_OK)
		return fail(tls, TLS_FAILED, find_reason());
	tls->broken = true;
	TEXT_INIT(&text, tls->why);
	text_put(&text, "certificate verify failed: ");
	text_put(&text, X509_verify_cert_error_string(verified));
	text_put(&text, " (server ");
	text_put(&text, tls->name);
	text_put(&text, ")");
	return TLS_FAILED;
}

/* What a call that did not succeed wants; *waits is set if it waits. */
static enum tls_progress
progress_of(struct tls *tls, int result, short *waits)
{
	int system_error = errno;

	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		*waits = POLLIN;
		return TLS_WAITS;
	case SSL_ERROR_WANT_WRITE:
		*waits = POLLOUT;
		return TLS_WAITS;
	case SSL_ERROR_ZERO_RETURN:
		return fail(tls, TLS_CLOSED, "closed by server");
	case SSL_ERROR_SYSCALL:
		return fail(tls, TLS_CLOSED, system_error != 0 ?
		    strerror(system_error) : "closed by server");
	default:
		return fail_protocol(tls);
	}
}

static void
begin(short *waits)
{
	*waits = 0;
	errno = 0;
	ERR_clear_error();
}

enum tls_progress
tls_shake_hands(struct tls *tls)
{
	int result;

	begin(&tls->receiving_waits);
	result = SSL_do_handshake(tls->ssl);
	if (result != 1)
		return progress_of(tls, result, &tls->receiving_waits);
	tls->established = true;
	return TLS_DONE;
}

enum tls_progress
tls_send(struct tls *tls, const char *octets, size_t length, size_t *done)
{
	int result;

	begin(&tls->sending_waits);
	result = SSL_write_ex(tls->ssl, octets, length, done);
	if (result == 1)
		return TLS_DONE;
	return progress_of(tls, result, &tls->sending_waits);
}

enum tls_progress
tls_receive(struct tls *tls, char *octets, size_t size, size_t *done,
    bool *more)
{
	int result;

	begin(&tls->receiving_waits);
	*more = false;
	result = SSL_read_ex(tls->ssl, octets, size, done);
	if (result != 1)
		return progress_of(tls, result, &tls->receiving_waits);
	*more = SSL_has_pending(tls->ssl) == 1;
	return TLS_DONE;
}

short
tls_events(const struct tls *tls, bool sending)
{
	if (!tls->established)
		return tls->receiving_waits;
	return (short)(POLLIN | tls->receiving_waits |
	    (sending && tls->sending_waits != POLLIN ? POLLOUT : 0));
}

bool
tls_receives_at_pollout(const struct tls *tls)
{
	return tls->receiving_waits == POLLOUT;
}

bool
tls_certificate_was_asked(const struct tls *tls)
{
	return tls->asked;
}

const char *
tls_why(const struct tls *tls)
{
	return tls->why;
}
