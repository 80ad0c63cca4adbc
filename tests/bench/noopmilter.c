/*
 * noopmilter.c - a milter that lets everything pass: what libmilter costs
 *
 * noopmilter --all ADDRESS
 *	CONNECT, HELO, MAIL, RCPT and EOM, every one answered with CONTINUE
 * noopmilter --minimal ADDRESS
 *	negotiated as floodgate does when every refusal is spoken at RCPT and
 *	no rule asks for HELO: CONNECT and MAIL without an answer, the same
 *	macros
 *
 * Runs in the foreground until SIGTERM.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <libmilter/mfapi.h>

static bool minimal;

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long f2, unsigned long f3, unsigned long *out_actions,
    unsigned long *out_steps, unsigned long *out_f2, unsigned long *out_f3)
{
	static char connect_macros[] = "j {daemon_name} {daemon_port}";
	static char mail_macros[] = "{auth_authen}";
	static char rcpt_macros[] = "i";

	(void)actions;
	(void)f2;
	(void)f3;
	*out_actions = 0;
	*out_steps = steps & (SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH |
	    SMFIP_NOBODY | SMFIP_NOUNKNOWN);
	*out_f2 = 0;
	*out_f3 = 0;
	if (minimal) {
		*out_actions = SMFIF_SETSYMLIST;
		*out_steps |= steps & (SMFIP_NR_CONN | SMFIP_NOHELO |
		    SMFIP_NR_MAIL);
		smfi_setsymlist(ctx, SMFIM_CONNECT, connect_macros);
		smfi_setsymlist(ctx, SMFIM_ENVFROM, mail_macros);
		smfi_setsymlist(ctx, SMFIM_ENVRCPT, rcpt_macros);
	}
	return SMFIS_CONTINUE;
}

static sfsistat
early_answer(void)
{
	return minimal ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	(void)ctx;
	(void)name;
	(void)address;
	return early_answer();
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx;
	(void)name;
	return early_answer();
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return early_answer();
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return SMFIS_CONTINUE;
}

/* End of message, abort, close. */
static sfsistat
on_step(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

int
main(int argc, char **argv)
{
	static char name[] = "noopmilter";
	struct smfiDesc filter = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_eom = on_step,
		.xxfi_abort = on_step,
		.xxfi_close = on_step,
		.xxfi_negotiate = on_negotiate,
	};

	if (argc != 3 || (strcmp(argv[1], "--all") != 0 &&
	    strcmp(argv[1], "--minimal") != 0)) {
		fprintf(stderr, "usage: noopmilter --all|--minimal ADDRESS\n");
		return EX_USAGE;
	}
	minimal = strcmp(argv[1], "--minimal") == 0;
	if (smfi_setconn(argv[2]) != MI_SUCCESS ||
	    smfi_register(filter) != MI_SUCCESS ||
	    smfi_opensocket(true) != MI_SUCCESS) {
		fprintf(stderr, "noopmilter: cannot listen on %s\n", argv[2]);
		return EX_UNAVAILABLE;
	}
	return smfi_main() == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}
