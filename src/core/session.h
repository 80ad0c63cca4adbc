/*
 * session.h - what is known of one SMTP session, and how events change it
 *
 * An event is what the MTA says at one callback; session_apply() keeps what
 * later events need and forgets what has ended. Nothing here decides.
 */
#ifndef FLOODGATE_CORE_SESSION_H
#define FLOODGATE_CORE_SESSION_H

#include "base/ip.h"
#include "core/config.h"
#include "core/domain.h"
#include "core/path.h"
#include "core/stage.h"

#include <stdbool.h>
#include <stdint.h>

#define HELO_OCTETS_MAX 1024
#define USER_OCTETS_MAX 512
#define LISTENER_OCTETS_MAX 128

/*
 * Policies whose recipients one message can have; they are asked again at
 * the end of data. The recipients of further ones are not judged there.
 */
#define MESSAGE_POLICIES_MAX 16

/* What the MTA found out about the client's name: {client_resolve}. */
enum resolve {
	RESOLVE_NOT_TOLD,
	RESOLVE_OK,	/* its name has its address */
	RESOLVE_FAIL,	/* it has no name */
	RESOLVE_FORGED,	/* its name has not its address */
	RESOLVE_TEMP	/* the lookup failed */
};

struct session {
	/* From CONNECT on. */
	struct ip client;		/* IP_NONE: local submission */
	char client_name[DOMAIN_OCTETS_MAX + 1];	/* verified, or "" */
	char client_ptr[DOMAIN_OCTETS_MAX + 1];	/* {client_ptr}, or "" */
	enum resolve client_resolve;
	char hostname[DOMAIN_OCTETS_MAX + 1];	/* the MTA's own name */
	char listener[LISTENER_OCTETS_MAX + 1];	/* {daemon_name} or "" */
	char port[8];			/* {daemon_port} or "" */
	/* From HELO on; again after each HELO. */
	char helo[HELO_OCTETS_MAX + 1];	/* "" before */
	/* From MAIL to the end of the transaction. */
	bool in_transaction;
	char user[USER_OCTETS_MAX + 1];	/* "" when not authenticated */
	struct path sender;
	int64_t declared_bytes;		/* SIZE=, or -1 */
	bool smtputf8;			/* MAIL declared it (RFC 6531) */
	int64_t received_bytes;		/* header and body so far */
	int64_t hops;			/* Received fields so far */
	uint64_t headers_matched;	/* bits of config->header_rules */
	int32_t recipients;		/* that we accepted in it */
	const struct policy *policies[MESSAGE_POLICIES_MAX];
	size_t policy_count;		/* that accepted them, each once */
};

/*
 * What happened. All strings are borrowed for the call and may be NULL where
 * the MTA said nothing. Only the members of the stage are read.
 */
struct event {
	enum stage stage;
	int64_t now_ms;			/* since 1970, UTC */
	/* CONNECT */
	struct ip client;
	const char *client_name;	/* "[192.0.2.1]" when unverified */
	const char *client_ptr;		/* {client_ptr} */
	const char *client_resolve;	/* {client_resolve} */
	const char *hostname;		/* {j} */
	const char *listener;		/* {daemon_name} */
	const char *port;		/* {daemon_port} */
	int64_t sessions;		/* open now, with this one; filled in
					 * by the engine */
	/* HELO */
	const char *helo;
	/* MAIL and RCPT: the path as received, and the ESMTP parameters */
	const char *path;
	const char *const *parameters;	/* NULL-terminated, or NULL */
	const char *user;		/* MAIL: {auth_authen} */
	/* RCPT */
	bool rejected;			/* the MTA refuses it by itself; what
					 * we say to it is not heard */
	const struct path *recipient;	/* made by the engine from `path` */
};

void session_init(struct session *session);

/* Take over what the event brings, before it is judged. */
void session_apply(struct session *session, const struct event *event);

/*
 * A header field of the message arrived: `value` is borrowed, and unfolded.
 * It counts as a hop, and what the configuration's rules look for in it is
 * remembered.
 */
void session_apply_header(struct session *session,
    const struct config *config, const char *name, const char *value);

/* The recipient of this RCPT was accepted, by this policy or by none. */
void session_accept_recipient(struct session *session,
    const struct policy *policy);

/* The message is over, however it ended; the connection goes on. */
void session_end_transaction(struct session *session);

bool session_is_authenticated(const struct session *session);

/* The part of the user after the last '@', or "". */
const char *session_user_domain(const struct session *session);

/* Is one of these the {daemon_name} or {daemon_port} it came to? */
bool session_came_to(const struct session *session,
    const struct strings *listeners);

/* SMTPUTF8 among ESMTP parameters (RFC 6531 3.4)? */
bool session_declares_utf8(const char *const parameters[]);

/* SIZE= among ESMTP parameters (RFC 1870), or -1: absent or no number. */
int64_t session_declared_size(const char *const parameters[]);

#endif
