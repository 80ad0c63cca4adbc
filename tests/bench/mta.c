/*
 * mta.c - see mta.h
 */
#include "mta.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define NO_MACROS MTA_STAGES	/* a callback that has none */

/* What a stage's macros are by default: what both MTAs send. */
static const char *const default_symbols[MTA_STAGES] = {
	[SMFIM_CONNECT] = "j _ {daemon_name} {if_name} {if_addr} v",
	[SMFIM_HELO] = "{tls_version} {cipher} {cipher_bits}",
	[SMFIM_ENVFROM] = "i {auth_type} {auth_authen} {mail_mailer} {mail_addr}",
	[SMFIM_ENVRCPT] = "i {rcpt_mailer} {rcpt_addr}",
	[SMFIM_DATA] = "i",
	[SMFIM_EOM] = "i",
	[SMFIM_EOH] = "i",
};

int64_t
mta_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool
copy_text(char *to, size_t size, const char *from, size_t length)
{
	if (length >= size)
		return false;
	memcpy(to, from, length);
	to[length] = '\0';
	return true;
}

bool
mta_address_parse(const char *text, struct mta_address *address)
{
	const char *colon = strchr(text, ':'), *at;

	memset(address, 0, sizeof *address);
	if (text[0] == '/') {
		address->is_unix = true;
		return copy_text(address->host, sizeof address->host, text,
		    strlen(text));
	}
	if (colon == NULL)
		return false;
	if (strncmp(text, "unix:", 5) == 0 || strncmp(text, "local:", 6) == 0) {
		address->is_unix = true;
		return copy_text(address->host, sizeof address->host,
		    colon + 1, strlen(colon + 1));
	}
	if (strncmp(text, "inet:", 5) != 0 && strncmp(text, "inet6:", 6) != 0)
		return false;
	at = strchr(colon, '@');
	if (at == NULL)
		return false;
	return copy_text(address->port, sizeof address->port, colon + 1,
	    (size_t)(at - colon - 1)) &&
	    copy_text(address->host, sizeof address->host, at + 1,
	    strlen(at + 1));
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un to;
	int fd;

	memset(&to, 0, sizeof to);
	to.sun_family = AF_UNIX;
	if (!copy_text(to.sun_path, sizeof to.sun_path, path, strlen(path))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
connect_inet(const char *host, const char *port)
{
	struct addrinfo hints, *found, *each;
	int fd = -1, one = 1;

	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICSERV;
	if (getaddrinfo(host, port, &hints, &found) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (each = found; each != NULL && fd < 0; each = each->ai_next) {
		fd = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		if (connect(fd, each->ai_addr, each->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

/* --- packets out: gathered in mta->out, sent by flush() in one write */

static void
put(struct mta *mta, const void *octets, size_t count)
{
	if (count > sizeof mta->out - mta->out_used)
		count = sizeof mta->out - mta->out_used;
	memcpy(mta->out + mta->out_used, octets, count);
	mta->out_used += count;
}

static void
put_string(struct mta *mta, const char *text)
{
	put(mta, text, strlen(text) + 1);
}

static void
put_u32(struct mta *mta, uint32_t value)
{
	value = htonl(value);
	put(mta, &value, sizeof value);
}

static size_t
begin(struct mta *mta, char command)
{
	size_t start = mta->out_used;

	put_u32(mta, 0);
	put(mta, &command, 1);
	return start;
}

static void
end(struct mta *mta, size_t start)
{
	uint32_t length = htonl((uint32_t)(mta->out_used - start - 4));

	memcpy(mta->out + start, &length, sizeof length);
}

static bool
flush(struct mta *mta)
{
	size_t sent = 0;
	ssize_t n;

	while (sent < mta->out_used) {
		n = send(mta->fd, mta->out + sent, mta->out_used - sent,
		    MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		sent += (size_t)n;
	}
	mta->out_used = 0;
	return true;
}

/* --- packets in */

/*
 * Wait for one whole packet, which then stands at mta->in + 4, its length
 * *length. packet_done() takes it away.
 */
static bool
packet_wait(struct mta *mta, uint32_t *length)
{
	int64_t until = mta_now_us() + (int64_t)mta->timeout_ms * 1000;
	struct pollfd ready = { .fd = mta->fd, .events = POLLIN };
	int64_t left;
	ssize_t n;

	for (;;) {
		if (mta->in_used >= 4) {
			memcpy(length, mta->in, 4);
			*length = ntohl(*length);
			if (*length == 0 || *length > sizeof mta->in - 4)
				return false;
			if (mta->in_used - 4 >= *length)
				return true;
		}
		left = until - mta_now_us();
		if (left <= 0) {
			errno = ETIMEDOUT;
			return false;
		}
		if (poll(&ready, 1, (int)(left / 1000) + 1) <= 0)
			continue;
		n = recv(mta->fd, mta->in + mta->in_used,
		    sizeof mta->in - mta->in_used, 0);
		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0 && (n == 0 || errno != EINTR))
			return false;
		if (n > 0)
			mta->in_used += (size_t)n;
	}
}

static void
packet_done(struct mta *mta, uint32_t length)
{
	mta->in_used -= 4 + length;
	memmove(mta->in, mta->in + 4 + length, mta->in_used);
}

static void
lose(struct mta *mta, struct mta_answer *answer)
{
	answer->verdict = MTA_LOST;
	(void)copy_text(answer->text, sizeof answer->text,
	    errno == ETIMEDOUT ? "no answer in time" : "filter hung up",
	    errno == ETIMEDOUT ? 17 : 14);
	mta_drop(mta);
}

/* A reply of the filter's own words; both MTAs make "%%" one '%'. */
static void
take_reply(const char *text, size_t length, struct mta_answer *answer)
{
	size_t used = 0;

	for (size_t i = 0; i < length && text[i] != '\0'; i++) {
		if (used + 1 < sizeof answer->text)
			answer->text[used++] = text[i];
		if (text[i] == '%' && i + 1 < length && text[i + 1] == '%')
			i++;
	}
	answer->text[used] = '\0';
	if (strncmp(answer->text, "421", 3) == 0)
		answer->verdict = MTA_CLOSE;
	else if (answer->text[0] == '4')
		answer->verdict = MTA_TEMPORARY;
	else if (answer->text[0] == '5')
		answer->verdict = MTA_PERMANENT;
	else
		answer->verdict = MTA_LOST;
}

static void
say(struct mta_answer *answer, enum mta_verdict verdict, const char *text)
{
	answer->verdict = verdict;
	(void)copy_text(answer->text, sizeof answer->text, text, strlen(text));
}

/* False: not an answer yet (progress, a change to the message). */
static bool
take_answer(const unsigned char *packet, uint32_t length,
    struct mta_answer *answer)
{
	switch (packet[0]) {
	case SMFIR_CONTINUE:
	case SMFIR_SKIP:
		answer->verdict = MTA_PASS;
		return true;
	case SMFIR_ACCEPT:
		answer->verdict = MTA_ACCEPT;
		return true;
	case SMFIR_DISCARD:
		answer->verdict = MTA_DISCARD;
		return true;
	case SMFIR_TEMPFAIL:	/* without words: what Postfix says then */
		say(answer, MTA_TEMPORARY,
		    "451 4.7.1 Service unavailable - try again later");
		return true;
	case SMFIR_REJECT:
		say(answer, MTA_PERMANENT, "550 5.7.1 Command rejected");
		return true;
	case SMFIR_SHUTDOWN:
	case SMFIR_CONN_FAIL:
		say(answer, MTA_CLOSE, "421 4.7.0 Service unavailable");
		return true;
	case SMFIR_REPLYCODE:
		take_reply((const char *)packet + 1, length - 1, answer);
		return true;
	default:
		return false;
	}
}

/* Send what is gathered; wait for the answer unless none is due. */
static void
ask(struct mta *mta, uint32_t no_reply, struct mta_answer *answer)
{
	int64_t start = mta_now_us();
	uint32_t length;
	bool done;

	memset(answer, 0, offsetof(struct mta_answer, text) + 1);
	if (mta->fd < 0 || !flush(mta)) {
		lose(mta, answer);
		return;
	}
	if ((mta->steps & no_reply) != 0)
		return;
	do {
		if (!packet_wait(mta, &length)) {
			lose(mta, answer);
			break;
		}
		done = take_answer(mta->in + 4, length, answer);
		packet_done(mta, length);
	} while (!done);
	answer->waited = true;
	answer->wait_us = mta_now_us() - start;
}

/* --- negotiation */

/* Behind the three words: for each stage its number and "name name". */
static void
take_symbols(struct mta *mta, const unsigned char *at, size_t length)
{
	uint32_t stage;
	size_t text;

	while (length > 4) {
		memcpy(&stage, at, 4);
		stage = ntohl(stage);
		at += 4;
		length -= 4;
		text = strnlen((const char *)at, length);
		if (text == length || stage >= MTA_STAGES)
			return;
		(void)copy_text(mta->symbols[stage],
		    sizeof mta->symbols[stage], (const char *)at, text);
		at += text + 1;
		length -= text + 1;
	}
}

static bool
negotiate(struct mta *mta)
{
	uint32_t length, words[3];
	size_t start = begin(mta, SMFIC_OPTNEG);
	bool ok;

	put_u32(mta, SMFI_PROT_VERSION);
	put_u32(mta, SMFI_CURR_ACTS);
	put_u32(mta, SMFI_CURR_PROT);
	end(mta, start);
	if (!flush(mta) || !packet_wait(mta, &length))
		return false;
	ok = mta->in[4] == SMFIC_OPTNEG && length >= 1 + MILTER_OPTLEN;
	if (ok) {
		memcpy(words, mta->in + 5, sizeof words);
		mta->actions = ntohl(words[1]);
		mta->steps = ntohl(words[2]);
		ok = ntohl(words[0]) >= 2 &&
		    ntohl(words[0]) <= SMFI_PROT_VERSION;
		take_symbols(mta, mta->in + 5 + MILTER_OPTLEN,
		    length - 1 - MILTER_OPTLEN);
	}
	packet_done(mta, length);
	return ok;
}

bool
mta_open(struct mta *mta, const struct mta_address *address, int timeout_ms)
{
	mta->timeout_ms = timeout_ms;
	mta->in_used = mta->out_used = 0;
	mta->steps = mta->actions = 0;
	mta->macro_count = 0;
	for (size_t i = 0; i < MTA_STAGES; i++)
		mta->symbols[i][0] = '\0';
	mta->fd = address->is_unix ? connect_unix(address->host) :
	    connect_inet(address->host, address->port);
	if (mta->fd < 0)
		return false;
	if (!negotiate(mta)) {
		mta_drop(mta);
		return false;
	}
	return true;
}

/* --- macros */

void
mta_macro_clear(struct mta *mta)
{
	mta->macro_count = 0;
}

void
mta_macro_set(struct mta *mta, const char *name, const char *value)
{
	size_t i = 0;

	while (i < mta->macro_count &&
	    strcmp(mta->macros[i].name, name) != 0)
		i++;
	if (i == MTA_MACROS_MAX)
		return;
	mta->macros[i] = (struct mta_macro){ name, value };
	if (i == mta->macro_count)
		mta->macro_count++;
}

/* Is `name` one of the words of `symbols`? */
static bool
symbols_have(const char *symbols, const char *name)
{
	size_t length = strlen(name);
	const char *at = symbols;

	while ((at = strstr(at, name)) != NULL) {
		if ((at == symbols || at[-1] == ' ') &&
		    (at[length] == ' ' || at[length] == '\0'))
			return true;
		at += length;
	}
	return false;
}

/* The macro packet goes before its command, even when it is empty. */
static void
put_macros(struct mta *mta, unsigned int stage, char command)
{
	const char *symbols;
	size_t start;

	if (stage == NO_MACROS)
		return;
	symbols = mta->symbols[stage][0] != '\0' ? mta->symbols[stage] :
	    default_symbols[stage];
	start = begin(mta, SMFIC_MACRO);
	put(mta, &command, 1);
	for (size_t i = 0; i < mta->macro_count; i++) {
		if (!symbols_have(symbols, mta->macros[i].name))
			continue;
		put_string(mta, mta->macros[i].name);
		put_string(mta, mta->macros[i].value);
	}
	end(mta, start);
}

/* --- the callbacks */

static bool
skipped(const struct mta *mta, uint32_t unwanted, struct mta_answer *answer)
{
	memset(answer, 0, offsetof(struct mta_answer, text) + 1);
	return mta->fd >= 0 && (mta->steps & unwanted) != 0;
}

void
mta_connect(struct mta *mta, const char *name, const char *ip,
    unsigned int port, struct mta_answer *answer)
{
	uint16_t net_port = htons((uint16_t)port);
	char family = SMFIA_UNKNOWN;
	size_t start;

	if (skipped(mta, SMFIP_NOCONNECT, answer))
		return;
	if (ip != NULL)
		family = strchr(ip, ':') != NULL ? SMFIA_INET6 : SMFIA_INET;
	put_macros(mta, SMFIM_CONNECT, SMFIC_CONNECT);
	start = begin(mta, SMFIC_CONNECT);
	put_string(mta, name);
	put(mta, &family, 1);
	if (ip != NULL) {
		put(mta, &net_port, sizeof net_port);
		put_string(mta, ip);
	}
	end(mta, start);
	ask(mta, SMFIP_NR_CONN, answer);
}

/* A command that carries one or two strings. */
static void
command(struct mta *mta, char letter, unsigned int stage, const char *first,
    const char *second, uint32_t no_reply, struct mta_answer *answer)
{
	size_t start;

	put_macros(mta, stage, letter);
	start = begin(mta, letter);
	if (first != NULL)
		put_string(mta, first);
	if (second != NULL)
		put_string(mta, second);
	end(mta, start);
	ask(mta, no_reply, answer);
}

void
mta_helo(struct mta *mta, const char *name, struct mta_answer *answer)
{
	if (skipped(mta, SMFIP_NOHELO, answer))
		return;
	command(mta, SMFIC_HELO, SMFIM_HELO, name, NULL, SMFIP_NR_HELO,
	    answer);
}

void
mta_mail(struct mta *mta, const char *path, const char *parameter,
    struct mta_answer *answer)
{
	if (skipped(mta, SMFIP_NOMAIL, answer))
		return;
	command(mta, SMFIC_MAIL, SMFIM_ENVFROM, path, parameter,
	    SMFIP_NR_MAIL, answer);
}

void
mta_rcpt(struct mta *mta, const char *path, struct mta_answer *answer)
{
	if (skipped(mta, SMFIP_NORCPT, answer))
		return;
	command(mta, SMFIC_RCPT, SMFIM_ENVRCPT, path, NULL, SMFIP_NR_RCPT,
	    answer);
}

static void
send_body(struct mta *mta, size_t octets, struct mta_answer *answer)
{
	static const char line[] = "A line of a message, as long as most.\r\n";
	size_t start = begin(mta, SMFIC_BODY);

	for (size_t sent = 0; sent < octets && sent < MILTER_CHUNK_SIZE - 100;
	    sent += sizeof line - 1)
		put(mta, line, sizeof line - 1);
	end(mta, start);
	ask(mta, SMFIP_NR_BODY, answer);
}

void
mta_message(struct mta *mta, size_t body_octets, struct mta_answer *answer)
{
	static const struct {
		uint32_t unwanted, no_reply;
		char letter;
		unsigned int stage;
		const char *first, *second;
	} steps[] = {
		{ SMFIP_NODATA, SMFIP_NR_DATA, SMFIC_DATA, SMFIM_DATA,
		    NULL, NULL },
		{ SMFIP_NOHDRS, SMFIP_NR_HDR, SMFIC_HEADER, NO_MACROS,
		    "Subject", "a test" },
		{ SMFIP_NOEOH, SMFIP_NR_EOH, SMFIC_EOH, SMFIM_EOH,
		    NULL, NULL },
	};

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (skipped(mta, steps[i].unwanted, answer))
			continue;
		command(mta, steps[i].letter, steps[i].stage, steps[i].first,
		    steps[i].second, steps[i].no_reply, answer);
		if (answer->verdict != MTA_PASS)
			return;
	}
	if (!skipped(mta, SMFIP_NOBODY, answer)) {
		send_body(mta, body_octets, answer);
		if (answer->verdict != MTA_PASS)
			return;
	}
	command(mta, SMFIC_BODYEOB, SMFIM_EOM, NULL, NULL, 0, answer);
}

static bool
send_bare(struct mta *mta, char letter)
{
	if (mta->fd < 0)
		return false;
	end(mta, begin(mta, letter));
	return flush(mta);
}

void
mta_abort(struct mta *mta)
{
	if (!send_bare(mta, SMFIC_ABORT))
		mta_drop(mta);
}

bool
mta_quit_nc(struct mta *mta)
{
	return send_bare(mta, SMFIC_QUIT_NC);
}

void
mta_quit(struct mta *mta)
{
	(void)send_bare(mta, SMFIC_QUIT);
	mta_drop(mta);
}

void
mta_drop(struct mta *mta)
{
	if (mta->fd >= 0)
		close(mta->fd);
	mta->fd = -1;
}
