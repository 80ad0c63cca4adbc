/*
 * milter.c - libmilter's callbacks: translate in, translate out
 */
#include "io/milter.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/listen.h"
#include "io/log.h"
#include "io/mta_socket.h"

#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* libmilter has no argument for the callbacks: this is theirs. */
static struct engine *serving;
static atomic_bool stopping;
static atomic_int inside;	/* callbacks that use the engine now */

/* One SMTP session as libmilter knows it. */
struct attached {
	struct conversation *conversation;
	unsigned long protocol;	/* SMFIP_* that were negotiated */
	bool is_local;		/* Postfix's pickup: must not be refused */
};

/* --- entering and leaving ---------------------------------------------- */

static bool
enter(void)
{
	atomic_fetch_add(&inside, 1);
	if (!atomic_load(&stopping))
		return true;
	atomic_fetch_sub(&inside, 1);
	return false;
}

static void
leave(void)
{
	atomic_fetch_sub(&inside, 1);
}

/* What a callback returns that has nothing to say. */
static sfsistat
nothing(const struct attached *attached, unsigned long no_reply)
{
	return attached != NULL && (attached->protocol & no_reply) != 0 ?
	    SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/* The session, made if negotiation did not; NULL: out of memory. */
static struct attached *
attached_of(SMFICTX *ctx)
{
	struct attached *attached = smfi_getpriv(ctx);

	if (attached != NULL)
		return attached;
	attached = calloc(1, sizeof(*attached));
	if (attached == NULL)
		return NULL;
	attached->conversation = conversation_open(serving);
	if (attached->conversation == NULL ||
	    smfi_setpriv(ctx, attached) != MI_SUCCESS) {
		conversation_close(&attached->conversation, clock_now_ms());
		free(attached);
		return NULL;
	}
	return attached;
}

/* --- out --------------------------------------------------------------- */

#define REPLY_WIRE_SIZE 981	/* libmilter refuses texts over 980 octets */

/*
 * The class of the code decides what is returned: with any other pair both
 * MTAs drop the text. The reply is set right before it is used, because one
 * that is not used would be kept for the next refusal.
 */
static sfsistat
milter_answer(SMFICTX *ctx, const struct answer *answer)
{
	char text[REPLY_WIRE_SIZE], code[REPLY_CODE_SIZE];
	char enhanced[REPLY_ENHANCED_SIZE];

	if (answer->kind == ANSWER_CONTINUE)
		return SMFIS_CONTINUE;
	reply_double_percent(answer->reply.text, text, sizeof(text));
	(void)text_copy(code, sizeof(code), answer->reply.code);
	(void)text_copy(enhanced, sizeof(enhanced), answer->reply.enhanced);
	if (smfi_setreply(ctx, code, enhanced, text) != MI_SUCCESS)
		log_error("libmilter turned down the reply %s %s", code,
		    enhanced);
	return answer->kind == ANSWER_REJECT ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

/* One event through the engine; no_reply: the flag that forbids an answer. */
static sfsistat
serve(SMFICTX *ctx, struct event *event, unsigned long no_reply)
{
	struct attached *attached;
	struct answer answer;
	sfsistat status;

	if (!enter())
		return SMFIS_TEMPFAIL;
	attached = attached_of(ctx);
	if (attached == NULL) {
		leave();
		return SMFIS_TEMPFAIL;
	}
	status = nothing(attached, no_reply);
	if (!attached->is_local) {
		event->now_ms = clock_now_ms();
		engine_event(attached->conversation, event, &answer);
		if (status != SMFIS_NOREPLY)
			status = milter_answer(ctx, &answer);
	}
	leave();
	return status;
}

/* --- in ---------------------------------------------------------------- */

/*
 * Ask for nothing that no rule needs, and for no wait where nothing is ever
 * spoken: waiting for answers costs MTA and filter more than all we do
 * inside.
 */
static unsigned long
protocol_for(unsigned int steps)
{
	unsigned long protocol = SMFIP_NODATA | SMFIP_NOUNKNOWN;

	if ((steps & STEP_CONNECT_REPLY) == 0)
		protocol |= SMFIP_NR_CONN;
	if ((steps & STEP_HELO) == 0)
		protocol |= SMFIP_NOHELO;
	else if ((steps & STEP_HELO_REPLY) == 0)
		protocol |= SMFIP_NR_HELO;
	if ((steps & STEP_MAIL_REPLY) == 0)
		protocol |= SMFIP_NR_MAIL;
	if ((steps & STEP_REJECTED) != 0)
		protocol |= SMFIP_RCPT_REJ;
	if ((steps & STEP_EOH_REPLY) == 0)
		protocol |= SMFIP_NOEOH;
	protocol |= (steps & (STEP_CONTENT | STEP_HEADERS)) != 0 ?
	    SMFIP_NR_HDR : SMFIP_NOHDRS;
	protocol |= (steps & STEP_CONTENT) != 0 ? SMFIP_NR_BODY :
	    SMFIP_NOBODY;
	return protocol;
}

/* Only the macros that are read: each costs octets with every command. */
static void
ask_for_macros(SMFICTX *ctx, unsigned int steps)
{
	const struct {
		int stage;
		const char *macros;
	} wanted[] = {
		{ SMFIM_CONNECT, (steps & STEP_CLIENT_NAME) != 0 ?
		    "j {daemon_name} {daemon_port} {client_ptr} "
		    "{client_resolve}" : "j {daemon_name} {daemon_port}" },
		{ SMFIM_ENVFROM, "{auth_authen}" },
		{ SMFIM_ENVRCPT, (steps & STEP_REJECTED) != 0 ?
		    "i {rcpt_mailer}" : "i" },
		{ SMFIM_EOM, "i" },
	};
	char macros[96];

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		(void)text_copy(macros, sizeof(macros), wanted[i].macros);
		(void)smfi_setsymlist(ctx, wanted[i].stage, macros);
	}
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1,
    unsigned long f2, unsigned long f3, unsigned long *pf0,
    unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
	struct attached *attached;

	(void)f2;
	(void)f3;
	*pf0 = 0;
	*pf1 = 0;
	*pf2 = 0;
	*pf3 = 0;
	if (!enter())
		return SMFIS_REJECT;
	attached = attached_of(ctx);
	if (attached != NULL) {
		unsigned int steps = conversation_config(
		    attached->conversation)->steps;

		attached->protocol = f1 & protocol_for(steps);
		*pf1 = attached->protocol;
		if ((f0 & SMFIF_SETSYMLIST) != 0) {
			*pf0 = SMFIF_SETSYMLIST;
			ask_for_macros(ctx, steps);
		}
	}
	leave();
	return attached != NULL ? SMFIS_CONTINUE : SMFIS_REJECT;
}

static const char *
macro(SMFICTX *ctx, const char *name)
{
	char symbol[32];

	(void)text_copy(symbol, sizeof(symbol), name);
	return smfi_getsymval(ctx, symbol);
}

/*
 * Postfix hands local submissions (non_smtpd_milters) over as 127.0.0.1 port
 * 0. A refused recipient there keeps the whole message in the maildrop and
 * is retried and counted for ever: such sessions pass.
 */
static bool
is_postfix_pickup(const struct sockaddr *address)
{
	const struct sockaddr_in *in = (const void *)address;

	return address != NULL && address->sa_family == AF_INET &&
	    in->sin_port == 0;
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	struct event event = {
		.stage = STAGE_CONNECT,
		.client = ip_from_sockaddr((const struct sockaddr *)address),
		.client_name = name,
		.client_ptr = macro(ctx, "{client_ptr}"),
		.client_resolve = macro(ctx, "{client_resolve}"),
		.hostname = macro(ctx, "j"),
		.listener = macro(ctx, "{daemon_name}"),
		.port = macro(ctx, "{daemon_port}"),
	};
	struct attached *attached;

	if (is_postfix_pickup((const struct sockaddr *)address) && enter()) {
		attached = attached_of(ctx);
		if (attached != NULL)
			attached->is_local = true;
		leave();
	}
	return serve(ctx, &event, SMFIP_NR_CONN);
}

static sfsistat
on_helo(SMFICTX *ctx, char *helo)
{
	struct event event = { .stage = STAGE_HELO, .helo = helo };

	return serve(ctx, &event, SMFIP_NR_HELO);
}

/* Those of MAIL and RCPT, after the path; NULL when there is not even that. */
static const char *const *
parameters(char **argv)
{
	return argv[0] != NULL ? (const char *const *)(argv + 1) : NULL;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	struct event event = {
		.stage = STAGE_MAIL,
		.path = argv[0],
		.parameters = parameters(argv),
		.user = macro(ctx, "{auth_authen}"),
	};

	return serve(ctx, &event, SMFIP_NR_MAIL);
}

/*
 * Both MTAs tell of a recipient that they refuse by a mailer of that name
 * (measured), to who asked for such recipients and to nobody else.
 */
static bool
is_rejected(SMFICTX *ctx)
{
	const struct attached *attached = smfi_getpriv(ctx);
	const char *mailer = macro(ctx, "{rcpt_mailer}");

	return attached != NULL && mailer != NULL &&
	    (attached->protocol & SMFIP_RCPT_REJ) != 0 &&
	    strcmp(mailer, "error") == 0;
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	struct event event = {
		.stage = STAGE_RCPT,
		.path = argv[0],
		.parameters = parameters(argv),
		.rejected = is_rejected(ctx),
	};

	return serve(ctx, &event, SMFIP_NR_RCPT);
}

/* The header is read while it passes by. */
static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct attached *attached = smfi_getpriv(ctx);
	size_t octets = strlen(name) + strlen(value) + 4;
				/* 4: colon, blank, CR LF */

	if (!enter())
		return nothing(attached, SMFIP_NR_HDR);
	if (attached != NULL && !attached->is_local) {
		conversation_received(attached->conversation,
		    (int64_t)octets);
		conversation_header(attached->conversation, name, value);
	}
	leave();
	return nothing(attached, SMFIP_NR_HDR);
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	struct event event = { .stage = STAGE_EOH };

	return serve(ctx, &event, SMFIP_NR_EOH);
}

/* The body only weighs something. */
static sfsistat
on_body(SMFICTX *ctx, unsigned char *octets, size_t length)
{
	struct attached *attached = smfi_getpriv(ctx);

	(void)octets;
	if (!enter())
		return nothing(attached, SMFIP_NR_BODY);
	if (attached != NULL && !attached->is_local)
		conversation_received(attached->conversation,
		    (int64_t)length);
	leave();
	return nothing(attached, SMFIP_NR_BODY);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct event event = { .stage = STAGE_EOM };

	return serve(ctx, &event, 0);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct attached *attached = smfi_getpriv(ctx);

	if (attached == NULL || !enter())
		return SMFIS_CONTINUE;
	conversation_abort(attached->conversation, clock_now_ms());
	leave();
	return SMFIS_CONTINUE;
}

/* May come without a connect: priv is NULL then. */
static sfsistat
on_close(SMFICTX *ctx)
{
	struct attached *attached = smfi_getpriv(ctx);

	if (attached == NULL || !enter())
		return SMFIS_CONTINUE;
	conversation_close(&attached->conversation, clock_now_ms());
	free(attached);
	(void)smfi_setpriv(ctx, NULL);
	leave();
	return SMFIS_CONTINUE;
}

/* --- life -------------------------------------------------------------- */

bool
milter_listen(const struct config *config, char *why, size_t size)
{
	static char name[] = "floodgate";
	struct smfiDesc descriptor = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_eoh = on_eoh,
		.xxfi_body = on_body,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};
	struct text text;
	char listen[256];
	mode_t mask;
	int opened;

	text_init(&text, why, size);
	(void)text_copy(listen, sizeof(listen), config->global.listen);
	if (smfi_register(descriptor) != MI_SUCCESS ||
	    smfi_setconn(listen) != MI_SUCCESS) {
		text_printf(&text, "libmilter does not take listen = %s",
		    config->global.listen);
		return false;
	}
	if (listen_is_taken(listen)) {
		text_printf(&text, "somebody listens on %s already", listen);
		return false;
	}
	/* Nobody may connect before mode and group are right. */
	mask = umask(0777 & ~(config->global.listen_mode & 0700));
	opened = smfi_opensocket(true);
	(void)umask(mask);
	if (opened != MI_SUCCESS) {
		text_printf(&text, "cannot listen on %s",
		    config->global.listen);
		return false;
	}
	return listen_set_access(config->global.listen,
	    config->global.listen_mode, config->global.listen_group, why,
	    size);
}

bool
milter_run(struct engine *engine)
{
	serving = engine;
	mta_socket_listens();
	return smfi_main() == MI_SUCCESS;
}

bool
milter_stop(int64_t timeout_ms)
{
	static const struct timespec pause = { .tv_nsec = 2000000 };
	int64_t until = clock_steady_ms() + timeout_ms;

	atomic_store(&stopping, true);
	while (atomic_load(&inside) > 0) {
		if (clock_steady_ms() >= until)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

void
milter_wake(const char *listen)
{
	int fd = listen_connect(listen);

	if (fd >= 0)
		(void)close(fd);
}
