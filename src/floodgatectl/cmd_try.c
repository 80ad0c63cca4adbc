/*
 * cmd_try.c - `floodgatectl try`: what would be decided, without a daemon
 *
 * The real engine judges, with the counters in memory and empty: whatever
 * store the configuration names is neither read nor changed.
 */
#include "floodgatectl/ctl.h"
#include "floodgatectl/output.h"
#include "floodgatectl/player.h"
#include "floodgatectl/record.h"
#include "floodgatectl/script.h"

#include "base/quantity.h"
#include "io/clock.h"
#include "io/conffile.h"
#include "io/inspect.h"
#include "io/log.h"
#include "io/utc.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define RECIPIENTS_MAX 1000
#define EX_REFUSED 1		/* with --check */

/* Everything that was given; NULL: not given. */
struct trial {
	const char *config_file;
	const char *script;
	const char *client, *name, *helo, *user, *from, *listener, *port;
	const char *hostname;
	const char *recipients[RECIPIENTS_MAX];
	size_t recipient_count;
	int64_t octets;
	bool smtputf8;		/* declared with MAIL */
	bool steps, check;
	bool has_session;	/* an option of a session was given */
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "client", required_argument, NULL, 'a' },
	{ "name", required_argument, NULL, 'n' },
	{ "helo", required_argument, NULL, 'e' },
	{ "user", required_argument, NULL, 'u' },
	{ "from", required_argument, NULL, 'f' },
	{ "rcpt", required_argument, NULL, 'r' },
	{ "size", required_argument, NULL, 'z' },
	{ "smtputf8", no_argument, NULL, 'U' },
	{ "listener", required_argument, NULL, 'l' },
	{ "port", required_argument, NULL, 'p' },
	{ "hostname", required_argument, NULL, 'm' },
	{ "steps", no_argument, NULL, 'S' },
	{ "check", no_argument, NULL, 'C' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

/* Where an option with an argument is kept; NULL for the others. */
static const char **
member_of(struct trial *trial, int option)
{
	switch (option) {
	case 'c': return &trial->config_file;
	case 'a': return &trial->client;
	case 'n': return &trial->name;
	case 'e': return &trial->helo;
	case 'u': return &trial->user;
	case 'f': return &trial->from;
	case 'l': return &trial->listener;
	case 'p': return &trial->port;
	case 'm': return &trial->hostname;
	case 'r': return &trial->recipients[trial->recipient_count];
	default: return NULL;
	}
}

static bool
take_option(struct trial *trial, struct ctl *ctl, int option)
{
	const char **member = member_of(trial, option), *why;

	if (option == 'r' && ++trial->recipient_count == RECIPIENTS_MAX) {
		(void)ctl_usage_error("try: too many recipients");
		return false;
	}
	if (member != NULL)
		*member = optarg;
	if (option == 'j')
		ctl->json = true;
	if (option == 'U')
		trial->smtputf8 = true;
	if (option == 'S')
		trial->steps = true;
	if (option == 'C')
		trial->check = true;
	if (strchr("anefurzUlpm", option) != NULL)
		trial->has_session = true;
	if (option == 'z' && !size_parse(optarg, &trial->octets, &why)) {
		(void)ctl_usage_error("try: --size %s: %s", optarg, why);
		return false;
	}
	return true;
}

static int
take_options(struct trial *trial, struct ctl *ctl, int count,
    char *arguments[])
{
	char *about_try[] = { arguments[0], arguments[0], NULL };
	int option;

	optind = 0;	/* start anew, the kind of order included */
	while ((option = getopt_long(count, arguments, "c:j", options,
	    NULL)) != -1) {
		if (option == 'h')
			return cmd_help(ctl, 2, about_try) == EX_OK ? -1 :
			    EX_USAGE;
		if (option == '?' || !take_option(trial, ctl, option))
			return EX_USAGE;
	}
	if (trial->config_file == NULL)
		return ctl_usage_error("try: -c FILE is missing");
	if (optind < count)
		trial->script = arguments[optind++];
	if (optind < count)
		return ctl_usage_error("try: \"%s\" is too much",
		    arguments[optind]);
	if (trial->script != NULL && trial->has_session)
		return ctl_usage_error("try: a script says itself who "
		    "connects: leave out the options of a session");
	return EX_OK;
}

/* NULL after its problems were printed, with the exit code. */
static struct player *
open_player(const struct trial *trial, const struct ctl *ctl,
    int64_t now_ms, int *exit_code)
{
	struct config *config = ctl_read_config(ctl, trial->config_file,
	    exit_code);
	struct player *player;
	char why[256];

	if (config == NULL)
		return NULL;
	player = player_open(config, now_ms, why, sizeof(why));
	if (player == NULL) {
		(void)fprintf(stderr, "floodgatectl: %s\n", why);
		*exit_code = EX_OSERR;
	}
	return player;
}

static json_t *
new_document(const struct trial *trial, json_t *records)
{
	return json_pack("{s:o, s:s, s:O}",
	    "configuration", inspect_text(trial->config_file),
	    "counters", "in memory, empty at the start",
	    "events", records);
}

static int
try_script(const struct trial *trial, const struct ctl *ctl, bool *refused)
{
	json_t *records = ctl->json ? json_array() : NULL, *document;
	struct player *player;
	int exit_code = EX_OK;
	int64_t start_ms = 0;
	FILE *from;

	from = strcmp(trial->script, "-") == 0 ? stdin :
	    fopen(trial->script, "r");
	if (from == NULL) {
		(void)fprintf(stderr, "floodgatectl: %s: %s\n", trial->script,
		    strerror(errno));
		return EX_NOINPUT;
	}
	(void)utc_parse(SCRIPT_START, &start_ms);
	player = open_player(trial, ctl, start_ms, &exit_code);
	if (player != NULL)
		exit_code = script_play(player, from, trial->script,
		    trial->steps, records, refused);
	if (player != NULL && ctl->json) {
		document = new_document(trial, records);
		put_document(document);
		json_decref(document);
	}
	json_decref(records);
	player_close(&player);
	if (from != stdin)
		(void)fclose(from);
	return exit_code;
}

/* --- one session, from its options */

struct playback {
	struct player *player;
	json_t *records;
	bool print;
};

/*
 * Note the record and print it with every rule; true when the session can go
 * on.
 */
static bool
played(struct playback *playback, const char *verb, const char *argument,
    json_t *record)
{
	const char *answer = member_text(record, "answer");
	bool goes_on = strcmp(answer, "continue") == 0;
	char command[2048];

	(void)snprintf(command, sizeof(command), "%s%s%s", verb,
	    argument[0] != '\0' ? " " : "", argument);
	(void)json_object_set_new(record, "command", inspect_text(command));
	if (playback->print) {
		record_put(record, "", true);
		(void)fputc('\n', stdout);
	}
	(void)json_array_append_new(playback->records, record);
	return goes_on;
}

static bool
try_connect(const struct trial *trial, struct playback *playback,
    const struct ip *client)
{
	struct event event = {
		.stage = STAGE_CONNECT,
		.client = *client,
		.client_name = trial->name,
		.hostname = trial->hostname,
		.listener = trial->listener,
		.port = trial->port
	};
	char who[512];

	(void)snprintf(who, sizeof(who), "%s%s%s", trial->client,
	    trial->name != NULL ? " " : "",
	    trial->name != NULL ? trial->name : "");
	return played(playback, "connect", who,
	    player_event(playback->player, &event));
}

static bool
try_command(struct playback *playback, enum stage stage, const char *argument,
    const char *const *parameters)
{
	static const char *const verbs[] = {
		[STAGE_HELO] = "helo", [STAGE_MAIL] = "mail",
		[STAGE_RCPT] = "rcpt"
	};
	struct event event = { .stage = stage, .parameters = parameters };

	event.helo = event.path = argument;
	return played(playback, verbs[stage], argument,
	    player_event(playback->player, &event));
}

/* What an address is on the wire: in brackets. */
static const char *
in_brackets(const char *address, char *buffer, size_t size)
{
	(void)snprintf(buffer, size, address[0] == '<' ? "%s" : "<%s>",
	    address);
	return buffer;
}

/* False when a command was refused. */
static bool
try_message(const struct trial *trial, struct playback *playback)
{
	char path[1200], declared[32];
	const char *const parameters[] = {
		declared, trial->smtputf8 ? "SMTPUTF8" : NULL, NULL
	};
	bool any = false, all = true;

	if (trial->user != NULL)
		player_log_in(playback->player, trial->user);
	(void)snprintf(declared, sizeof(declared), "SIZE=%lld",
	    (long long)trial->octets);
	if (!try_command(playback, STAGE_MAIL,
	    in_brackets(trial->from, path, sizeof(path)), parameters))
		return false;
	for (size_t i = 0; i < trial->recipient_count; i++) {
		if (try_command(playback, STAGE_RCPT, in_brackets(
		    trial->recipients[i], path, sizeof(path)), NULL))
			any = true;
		else
			all = false;
	}
	return any && played(playback, "data", "", player_data(
	    playback->player, trial->octets)) && all;
}

static void
fill_in_defaults(struct trial *trial)
{
	if (trial->client == NULL)
		trial->client = "192.0.2.1";
	if (trial->helo == NULL)
		trial->helo = "client.example.net";
	if (trial->from == NULL)
		trial->from = trial->user != NULL &&
		    strchr(trial->user, '@') != NULL ? trial->user :
		    "sender@example.net";
	if (trial->recipient_count == 0)
		trial->recipients[trial->recipient_count++] =
		    "recipient@example.com";
	if (trial->hostname == NULL)
		trial->hostname = "mx.example.com";
}

static int
try_session(struct trial *trial, const struct ctl *ctl, bool *refused)
{
	struct playback playback = { .print = !ctl->json };
	struct ip client = { .family = IP_NONE };
	int exit_code = EX_OK;
	json_t *document;

	fill_in_defaults(trial);
	if (strcmp(trial->client, "none") != 0 &&
	    !ip_parse(trial->client, &client))
		return ctl_usage_error("try: --client %s: expected an "
		    "address, or none", trial->client);
	playback.player = open_player(trial, ctl, clock_now_ms(), &exit_code);
	if (playback.player == NULL)
		return exit_code;
	playback.records = json_array();
	if (playback.print)
		(void)printf("judged by %s; counters are in memory, and "
		    "empty at the start\n\n", trial->config_file);
	*refused = !try_connect(trial, &playback, &client) ||
	    !try_command(&playback, STAGE_HELO, trial->helo, NULL) ||
	    !try_message(trial, &playback);
	if (ctl->json) {
		document = new_document(trial, playback.records);
		put_document(document);
		json_decref(document);
	}
	json_decref(playback.records);
	player_close(&playback.player);
	return EX_OK;
}

int
cmd_try(struct ctl *ctl, int count, char *arguments[])
{
	struct trial trial = { .octets = 1024 };
	bool refused = false;
	int exit_code;

	exit_code = take_options(&trial, ctl, count, arguments);
	if (exit_code != EX_OK)
		return exit_code < 0 ? EX_OK : exit_code;
	log_set_level(LEVEL_ERROR);	/* what is decided is printed here */
	exit_code = trial.script != NULL ? try_script(&trial, ctl, &refused) :
	    try_session(&trial, ctl, &refused);
	return exit_code == EX_OK && trial.check && refused ? EX_REFUSED :
	    exit_code;
}
