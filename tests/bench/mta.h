/*
 * mta.h - the MTA's side of the milter protocol, version 6
 *
 * One struct mta is one milter session, as Postfix and Sendmail hold one for
 * each SMTP session: packets of a 32-bit length (network order), a command
 * letter and its data (libmilter/mfdef.h). What the filter negotiated is
 * honoured: callbacks that it does not want are not sent, and no answer is
 * waited for where it said that it gives none.
 *
 * A struct mta is used by one thread.
 */
#ifndef FLOODGATE_BENCH_MTA_H
#define FLOODGATE_BENCH_MTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MTA_TEXT_SIZE 1024	/* libmilter lets 980 octets pass */
#define MTA_PACKET_MAX 65536
#define MTA_STAGES 7		/* SMFIM_CONNECT .. SMFIM_EOH */
#define MTA_MACROS_MAX 24
#define MTA_SYMBOLS_SIZE 512	/* names that a filter asks for at a stage */

enum mta_verdict {
	MTA_PASS,	/* continue; or nothing asked, or no answer is due */
	MTA_ACCEPT,	/* no more callbacks for this message */
	MTA_DISCARD,
	MTA_TEMPORARY,	/* 4yz */
	MTA_PERMANENT,	/* 5yz */
	MTA_CLOSE,	/* 421: the MTA hangs up */
	MTA_LOST	/* the filter hung up, was late, or spoke nonsense */
};

struct mta_answer {
	enum mta_verdict verdict;
	bool waited;		/* an answer was due */
	int64_t wait_us;	/* until it came */
	char text[MTA_TEXT_SIZE];	/* what the SMTP client would read */
};

/* Sent where the filter asked for it, or by default at the MTA's stages. */
struct mta_macro {
	const char *name;	/* as in the protocol: "j", "{auth_authen}" */
	const char *value;
};

struct mta {
	int fd;			/* -1: not connected */
	int timeout_ms;		/* for one answer */
	uint32_t steps;		/* SMFIP_ bits that the filter answered */
	uint32_t actions;	/* SMFIF_ bits */
	char symbols[MTA_STAGES][MTA_SYMBOLS_SIZE];	/* "" not asked */
	struct mta_macro macros[MTA_MACROS_MAX];	/* borrowed */
	size_t macro_count;
	unsigned char in[MTA_PACKET_MAX];
	size_t in_used;
	unsigned char out[MTA_PACKET_MAX];
	size_t out_used;
};

/* "unix:PATH", "inet:PORT@HOST" or "inet6:PORT@HOST", as libmilter spells. */
struct mta_address {
	bool is_unix;
	char host[108];		/* or the path */
	char port[8];
};
bool mta_address_parse(const char *text, struct mta_address *address);

/*
 * Connect and negotiate. False when the filter cannot be reached or does not
 * speak version 2 to 6; errno says why where it is known.
 */
bool mta_open(struct mta *mta, const struct mta_address *address,
    int timeout_ms);

/* Forget all macros; give one a value; the strings are borrowed. */
void mta_macro_clear(struct mta *mta);
void mta_macro_set(struct mta *mta, const char *name, const char *value);

/* `ip` is text, of IPv4 or IPv6; NULL is a client without an address. */
void mta_connect(struct mta *mta, const char *name, const char *ip,
    unsigned int port, struct mta_answer *answer);
void mta_helo(struct mta *mta, const char *name, struct mta_answer *answer);
/* `parameter` is one ESMTP parameter, or NULL. */
void mta_mail(struct mta *mta, const char *path, const char *parameter,
    struct mta_answer *answer);
void mta_rcpt(struct mta *mta, const char *path, struct mta_answer *answer);
/* DATA, one header, end of headers, body: each only if wanted; then EOM. */
void mta_message(struct mta *mta, size_t body_octets,
    struct mta_answer *answer);
void mta_abort(struct mta *mta);

/* Say that another SMTP session follows on the same milter session. */
bool mta_quit_nc(struct mta *mta);
/* Say goodbye and hang up. */
void mta_quit(struct mta *mta);
/* Hang up without a word, as a dying MTA process does. */
void mta_drop(struct mta *mta);

int64_t mta_now_us(void);

#endif
